"""Services are those that the project has, and their network is one that nobody else is in."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from pydantic import ValidationError

from services.common.auth import service_identity
from services.common.auth.callers import Caller
from services.common.auth.service_identity import CHALLENGE, CREDENTIAL, SENDERS
from services.common.config import Settings
from services.common.errors import Unauthorized
from tests.fixtures.facts import SERVICES
from tests.fixtures.system import settings_for


def settings(*networks: str) -> Settings:
    """The settings of a process with these networks."""
    known = [ip_network(it) for it in networks]
    return settings_for({}).model_copy(update={"service_networks": known})


async def test_a_service_is_the_one_that_it_says() -> None:
    assert set(SERVICES) < SENDERS
    for name in SENDERS:
        headers = service_identity.headers_for(name, SERVICES[0], settings("10.0.0.0/8"))
        caller = await service_identity.identify(headers, SERVICES[0], settings("10.0.0.0/8"))
        assert caller == Caller(name, is_service=True, unrestricted=True)


@pytest.mark.parametrize("name", ["", "somebody", f"{SERVICES[0]} ", SERVICES[0].upper()])
async def test_what_is_no_service_of_the_project_is_refused(name: str) -> None:
    with pytest.raises(Unauthorized, match=r"^X-Service names no service\.$") as caught:
        await service_identity.identify({CREDENTIAL.name: name}, SERVICES[0], settings())
    assert caught.value.headers == {"WWW-Authenticate": CHALLENGE}


@pytest.mark.parametrize("loopback_only", [True, False])
@pytest.mark.parametrize(
    ("networks", "unsafe"),
    [
        (["127.0.0.0/8", "::1/128"], ""),
        (["10.1.0.0/16", "172.16.0.0/12", "192.168.7.0/24", "fd00:1::/32"], ""),
        (["10.1.2.3/32"], ""),
        ([], "SERVICE_NETWORKS is empty, so that no service would know another."),
        (["10.0.0.0/8", "0.0.0.0/0"], "0.0.0.0/0"),
        (["::/0"], "::/0"),
        (["10.0.0.0/7"], "10.0.0.0/7"),
        (["172.0.0.0/8"], "172.0.0.0/8"),
        (["100.64.0.0/10"], "100.64.0.0/10"),
        (["203.0.113.7/32"], "203.0.113.7/32"),
        (["2001:db8::/32"], "2001:db8::/32"),
        (["::ffff:0:0/96"], "::ffff:0"),  # written in two ways by versions of Python
    ],
)
def test_a_network_has_private_addresses_alone(
    networks: list[str], unsafe: str, loopback_only: bool
) -> None:
    told = service_identity.unsafe_settings(settings(*networks), loopback_only=loopback_only)
    assert told.startswith("SERVICE_NETWORKS") is bool(unsafe) is bool(told)
    assert unsafe in told


@pytest.mark.parametrize("network", ["10.0.0.1/8", "10.0.0.0/33", "inside"])
def test_what_is_no_network_is_refused(network: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = settings_for({}).model_dump() | {"service_networks": [network]}
    with pytest.raises(ValidationError, match="service_networks"):
        Settings(**given)
