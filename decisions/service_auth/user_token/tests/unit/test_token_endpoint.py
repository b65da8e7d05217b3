"""Services get tokens of the provider, each for one receiver: what is asked for, what is kept, and what happens if it refuses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest
import structlog
from pydantic import SecretStr
from structlog.testing import capture_logs

from services.common.auth import (
    development_key,
    service_clients,
    service_identity,
    token_endpoint,
)
from services.common.auth.callers import ANONYMOUS, SERVICE_CALLER, Caller
from services.common.auth.oidc_provider import DEVELOPMENT, Provider
from services.common.auth.service_identity import CREDENTIAL
from services.common.auth.token_endpoint import EXCHANGE, MARGIN_S, TokenEndpoint
from services.common.auth.tokens import LEEWAY_S
from services.common.errors import ServiceUnavailable, Unauthorized
from tests.fixtures.issuer import ADDRESS
from tests.fixtures.system import settings_for
from tests.fixtures.token_endpoint import CLIENTS, IssuerOfServices

SENDER, RECEIVER = CLIENTS[0], CLIENTS[-1]


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> IssuerOfServices:
    """A provider that services ask for the first time."""
    made = IssuerOfServices()
    endpoint = TokenEndpoint(made.provider())
    monkeypatch.setattr(service_identity, "endpoint_of", lambda _: endpoint)
    return made


def user(issuer: IssuerOfServices, name: str = "ada", **claims: Any) -> Caller:
    return Caller(name, is_service=False, token=SecretStr(issuer.token(sub=name, **claims)))


async def got(caller: Caller = SERVICE_CALLER, receiver: str = RECEIVER, **changed: Any) -> str:
    settings = settings_for({}).model_copy(update=changed)
    headers = await service_identity.headers_for(SENDER, receiver, settings, caller)
    return headers[CREDENTIAL.name]


def read(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


async def test_the_token_of_a_user_is_exchanged(issuer: IssuerOfServices) -> None:
    caller = user(issuer, roles=["editor"])
    claims = read(await got(caller))
    assert {it: claims[it] for it in ("sub", "aud", "azp", "roles")} == {
        "sub": "ada",
        "aud": RECEIVER,
        "azp": SENDER,
        "roles": ["editor"],
    }
    access = "urn:ietf:params:oauth:token-type:access_token"
    assert issuer.asked == [
        {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": caller.token.get_secret_value(),
            "subject_token_type": access,
            "requested_token_type": access,
            "audience": RECEIVER,
            "client": SENDER,
        }
    ]


@pytest.mark.parametrize("caller", [SERVICE_CALLER, ANONYMOUS, Caller("stock", is_service=True)])
async def test_for_whom_has_no_token_a_service_calls_itself(
    issuer: IssuerOfServices, caller: Caller
) -> None:
    claims = read(await got(caller))
    assert (claims["sub"], claims["aud"], claims["azp"]) == (SENDER, RECEIVER, SENDER)
    (asked,) = issuer.asked
    assert asked["grant_type"] == "client_credentials"


async def test_a_token_for_several_services_is_narrowed(issuer: IssuerOfServices) -> None:
    issuer.narrows = len(CLIENTS) < 2
    claims = read(await got())
    assert (claims["sub"], claims["aud"]) == (SENDER, RECEIVER)
    asked = [it["grant_type"] for it in issuer.asked]
    assert asked == ["client_credentials", EXCHANGE][: 1 if issuer.narrows else 2]


async def test_a_token_is_kept_for_its_user_and_its_receiver(issuer: IssuerOfServices) -> None:
    ada, eve = user(issuer), user(issuer, "eve")
    first = await got(ada)
    assert await got(ada) == first
    assert read(await got(eve))["sub"] == "eve"
    assert len(issuer.asked) == 2
    assert read(await got(ada, SENDER))["aud"] == SENDER
    assert len(issuer.asked) == (3 if SENDER != RECEIVER else 2)


async def test_one_token_is_asked_for_once_at_a_time(issuer: IssuerOfServices) -> None:
    ada = user(issuer)
    assert len({*await asyncio.gather(*(got(ada) for _ in range(20)))}) == 1
    assert len(issuer.asked) == 1


@pytest.mark.parametrize(
    ("lifetime_s", "passed_s", "is_kept"),
    [
        (MARGIN_S + 20, 19, True),
        (MARGIN_S + 20, 21, False),
        (MARGIN_S, 0, False),
        (None, 0, False),
    ],
)
async def test_a_token_is_kept_until_shortly_before_its_end(
    issuer: IssuerOfServices,
    lifetime_s: float | None,
    passed_s: float,
    is_kept: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    issuer.lifetime_s = lifetime_s
    await got()
    later = time.monotonic() + passed_s
    monkeypatch.setattr(time, "monotonic", lambda: later)
    await got()
    assert len(issuer.asked) == (1 if is_kept else 2)


async def test_not_all_tokens_are_kept(
    issuer: IssuerOfServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_endpoint, "MOST_KEPT", 2)
    ada, eve, zoe = (user(issuer, it) for it in ("ada", "eve", "zoe"))
    for caller in (ada, eve, ada, zoe, ada):
        await got(caller)
    assert [read(it["subject_token"])["sub"] for it in issuer.asked] == ["ada", "eve", "zoe"]
    await got(eve)
    assert len(issuer.asked) == 4


async def test_a_token_that_ends_meanwhile_is_told(issuer: IssuerOfServices) -> None:
    ended = user(issuer, exp=time.time() - LEEWAY_S - 1)
    with pytest.raises(Unauthorized, match="has ended while the request was under way") as caught:
        await got(ended)
    assert caught.value.headers == {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    assert issuer.asked == []
    assert await got(user(issuer, exp=time.time() + 3))


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with structlog.contextvars.bound_contextvars(), capture_logs() as captured:
        yield captured


async def test_a_provider_that_refuses_is_named_in_logs(
    issuer: IssuerOfServices, logs: list[Any]
) -> None:
    caller = user(issuer, aud=["tests"])  # of which the sender is no audience
    with pytest.raises(ServiceUnavailable, match="does not let this service call others"):
        await got(caller)
    (refused,) = [it for it in logs if it["event"] == "token_refused"]
    told = {it: refused[it] for it in ("client", "audience", "status", "error", "description")}
    assert told == {
        "client": SENDER,
        "audience": RECEIVER,
        "status": 400,
        "error": "invalid_request",
        "description": "for a reason",
    }
    assert caller.token.get_secret_value() not in str(logs)
    await got(user(issuer))  # which opens no circuit


async def test_a_secret_that_is_wrong_is_refused(issuer: IssuerOfServices, logs: list[Any]) -> None:
    issuer.key = "a key: with + and %"
    with pytest.raises(ServiceUnavailable):
        await got(user(issuer))
    assert [it["error"] for it in logs if it["event"] == "token_refused"] == ["invalid_client"]
    assert await got(user(issuer), service_client_secret=SecretStr(issuer.key))


@pytest.mark.parametrize("status", [0, 429, 503])
async def test_a_provider_that_is_away_makes_calls_unavailable(
    issuer: IssuerOfServices, status: int, logs: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await got()
    if status:
        monkeypatch.setattr(issuer, "issue", lambda _: httpx2.Response(status))
    issuer.is_down = not status
    caller = user(issuer)
    with pytest.raises(ServiceUnavailable):
        await got(caller)
    assert "token_endpoint_unavailable" in [it["event"] for it in logs]
    assert caller.token.get_secret_value() not in str(logs)
    assert await got() == kept


@pytest.mark.parametrize(
    "sent", [b"", b"[]", b"{}", b'{"access_token": ""}', b'{"access_token": 1}']
)
async def test_a_response_without_a_token_is_a_refusal(
    issuer: IssuerOfServices, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer, "issue", lambda _: httpx2.Response(200, content=sent))
    with pytest.raises(ServiceUnavailable):
        await got(user(issuer))


async def test_a_service_knows_how_the_provider_names_it(
    issuer: IssuerOfServices, logs: list[Any]
) -> None:
    issuer.told = {"sub": "7c1e"}
    with pytest.raises(ServiceUnavailable):
        await got()
    (unknown,) = [it for it in logs if it["event"] == "service_subject_unknown"]
    assert (unknown["client"], unknown["subject"]) == (SENDER, "7c1e")
    assert read(await got(service_subjects={SENDER: "7c1e"}))["sub"] == "7c1e"


async def test_an_address_that_others_could_replace_is_not_asked(
    issuer: IssuerOfServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"issuer": ADDRESS, "token_endpoint": "http://issuer.test/token"}
    monkeypatch.setattr(issuer, "answer", lambda _: httpx2.Response(200, json=known))
    endpoint = TokenEndpoint(Provider(ADDRESS, "", httpx2.MockTransport(issuer.answer)))
    monkeypatch.setattr(service_identity, "endpoint_of", lambda _: endpoint)
    with pytest.raises(ServiceUnavailable):
        await got()
    assert issuer.asked == []


async def test_in_development_the_machine_stands_in_for_the_provider(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(service_clients, "SERVICES", ("orders", "stock", "billing"))
    settings = settings_for({}).model_copy(update={"oidc_issuer": DEVELOPMENT, "oidc_jwks_url": ""})
    own = await service_identity.headers_for("orders", "stock", settings)
    sender = await service_identity.identify(own, "stock", settings)
    assert sender == Caller("orders", is_service=True, unrestricted=True)
    claims = {"iss": DEVELOPMENT, "sub": "ada", "aud": ["stall", "orders"], "exp": time.time() + 60}
    asking = Caller("ada", False, token=SecretStr(development_key.sign(tmp_path, claims)))
    exchanged = await service_identity.headers_for("orders", "stock", settings, asking)
    found = await service_identity.identify(exchanged, "stock", settings)
    assert found
    assert (found.name, found.sender) == ("ada", "orders")
    # `billing` was not sent it, and exchanges it for nothing.
    with pytest.raises(ServiceUnavailable):
        await service_identity.headers_for("billing", "stock", settings, asking)
