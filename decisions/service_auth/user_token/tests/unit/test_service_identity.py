"""Tokens of the provider tell which service calls which, and for whom; those that are forged, old or for others are refused."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import jwt
import pytest
from pydantic import SecretStr

from services.common.auth import authentication, identification, service_clients, service_identity
from services.common.auth.callers import Caller
from services.common.auth.service_identity import CHALLENGE, CREDENTIAL
from services.common.auth.tokens import LEEWAY_S
from services.common.config import Settings
from services.common.errors import ServiceUnavailable, Unauthorized
from tests.fixtures.credentials import ISSUER
from tests.fixtures.issuer import ADDRESS, AUDIENCE, Issuer
from tests.fixtures.system import settings_for

NAMES = {"orders": "shop-orders", "stock": "shop-stock", "billing": "shop-billing"}
"""Services of a project, and the clients that they are."""


@pytest.fixture(autouse=True)
def services(monkeypatch: pytest.MonkeyPatch) -> None:
    """The project has these services, whichever it has."""
    monkeypatch.setattr(service_clients, "SERVICES", (*NAMES,))


def settings(**changed: Any) -> Settings:
    known = {"service_clients": NAMES, "service_client_secret": SecretStr("k" * 16)}
    return settings_for({}).model_copy(update=known | changed)


def token(**claims: Any) -> str:
    """A token by which `orders` calls `stock` for ada, but for what is given; what is None is left out."""
    usual = {"sub": "ada", "azp": "shop-orders", "aud": "shop-stock"}
    return ISSUER.token(**usual | claims)


async def caller(token: str, receiver: str = "stock", **changed: Any) -> Caller:
    sent = {CREDENTIAL.name: token}
    found = await service_identity.identify(sent, receiver, settings(**changed))
    assert found
    return found


async def refusal(token: str, receiver: str = "stock", **changed: Any) -> str:
    """Why a service refuses a token."""
    with pytest.raises(Unauthorized, match=r"^X-Service-Token: The token is not valid: ") as caught:
        await caller(token, receiver, **changed)
    assert caught.value.headers == {"WWW-Authenticate": CHALLENGE}
    return str(caught.value).removeprefix("X-Service-Token: The token is not valid: ")


async def test_a_token_of_a_user_tells_who_sends_it_and_for_whom() -> None:
    sent = token(roles=["editor"], team="press")
    found = await caller(sent)
    assert (found.name, found.sender, {*found.roles}) == ("ada", "orders", {"editor"})
    assert (found.is_service, found.unrestricted) == (False, False)
    assert found.claims["team"] == "press"
    assert found.token.get_secret_value() == sent
    assert sent not in repr(found)
    identification.require_service(found)


async def test_a_token_that_a_service_got_for_itself_tells_that_service() -> None:
    found = await caller(token(sub="shop-orders"))
    assert found == Caller("orders", is_service=True, unrestricted=True)
    assert not found.token


async def test_a_provider_may_name_the_account_of_a_service_otherwise() -> None:
    accounts = {"orders": "7c1e-orders", "billing": "7c1e-billing"}
    assert (await caller(token(sub="7c1e-orders"), service_subjects=accounts)).is_service
    user = await caller(token(sub="shop-orders"), service_subjects=accounts)
    assert (user.is_service, user.unrestricted) == (False, False)
    told = await refusal(token(sub="7c1e-billing"), service_subjects=accounts)
    assert told == "a service speaks for no other."


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"aud": "shop-billing"}, "Audience doesn't match."),
        ({"aud": AUDIENCE}, "Audience doesn't match."),
        ({"aud": "stock"}, "Audience doesn't match."),
        ({"aud": ["shop-stock", "shop-billing"]}, "it is for other services, too."),
        ({"iss": "https://other.test"}, "Invalid issuer."),
        ({"azp": "page"}, "no service of this project got it."),
        ({"azp": "orders"}, "no service of this project got it."),
        ({"azp": None}, "no service of this project got it."),
        ({"azp": ["shop-orders"]}, "no service of this project got it."),
        ({"client_id": "page"}, "no service of this project got it."),
        ({"client_id": "shop-billing"}, "no service of this project got it."),
        ({"sub": "shop-billing"}, "a service speaks for no other."),
        ({"act": {"sub": "shop-billing"}}, "another than the service that got it acts."),
        ({"act": {}}, "another than the service that got it acts."),
        ({"act": "shop-orders"}, "another than the service that got it acts."),
        ({"exp": None}, 'Token is missing the "exp" claim.'),
        ({"sub": None}, 'Token is missing the "sub" claim.'),
    ],
)
async def test_what_a_token_says_is_checked(claims: Mapping[str, Any], reason: str) -> None:
    assert await refusal(token(**claims)) == reason


@pytest.mark.parametrize(
    "claims",
    [
        {"azp": None, "client_id": "shop-orders"},
        {"client_id": "shop-orders"},
        {"aud": ["account", "shop-stock"]},
        {"act": {"sub": "shop-orders", "act": {"sub": "shop-billing"}}},
        {"act": {"client_id": "shop-orders"}},
    ],
)
async def test_a_provider_may_say_it_in_other_words(claims: Mapping[str, Any]) -> None:
    assert (await caller(token(**claims))).sender == "orders"


@pytest.mark.parametrize(
    ("seconds", "is_valid"), [(3, True), (-LEEWAY_S + 3, True), (-LEEWAY_S - 1, False)]
)
async def test_a_token_counts_until_its_end(seconds: int, is_valid: bool) -> None:
    sent = token(exp=int(time.time()) + seconds)
    if is_valid:
        assert (await caller(sent)).name == "ada"
    else:
        assert await refusal(sent) == "Signature has expired."


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
async def test_a_token_does_not_choose_how_it_is_checked(algorithm: str) -> None:
    claims = jwt.decode(token(), options={"verify_signature": False})
    key = "" if algorithm == "none" else "k" * 32
    forged = jwt.encode(claims, key, algorithm, {"kid": ISSUER.kid})
    assert await refusal(forged) == "The specified alg value is not allowed."


async def test_a_key_that_nobody_knows_signs_for_nobody() -> None:
    claims = {"sub": "ada", "azp": "shop-orders", "aud": "shop-stock"}
    assert await refusal(Issuer().token(**claims)) == "Signature verification failed."
    assert await refusal(Issuer().token(kid="other", **claims)) == (
        "it is not signed with a key of the provider."
    )


async def test_a_token_is_for_one_service_alone() -> None:
    """One that `stock` was sent is refused by `billing`, in either header."""
    sent = token()
    assert await refusal(sent, "billing") == "Audience doesn't match."
    with pytest.raises(Unauthorized, match="Audience doesn't match"):
        await authentication.authenticate(sent, settings())


@pytest.mark.parametrize(
    "claims",
    [
        {"azp": "shop-orders"},
        {"client_id": "shop-orders"},
        {"azp": "page", "client_id": "shop-orders"},
        {"azp": ["shop-orders"]},
        {"sub": "shop-orders"},
    ],
)
async def test_a_token_of_a_service_is_none_for_callers_from_outside(
    claims: dict[str, Any],
) -> None:
    usual: dict[str, Any] = {"azp": "page", "aud": ["shop-stock", AUDIENCE]}
    sent = token(**usual | claims)
    with pytest.raises(Unauthorized, match="is one of the services") as caught:
        await authentication.authenticate(sent, settings())
    assert caught.value.headers == {"WWW-Authenticate": 'Bearer error="invalid_token"'}


async def test_a_token_of_a_caller_from_outside_says_nothing_about_services() -> None:
    sent = token(azp="page", aud=[AUDIENCE, *NAMES.values()])
    headers = {"Authorization": f"Bearer {sent}"}
    assert await service_identity.identify(headers, "stock", settings()) is None
    found = await authentication.authenticate(sent, settings())
    assert (found.name, found.sender, found.is_service) == ("ada", "", False)
    assert found.token.get_secret_value() == sent
    with pytest.raises(Unauthorized, match="Only the other services"):
        identification.require_service(found)


async def test_keys_that_are_not_to_be_had_are_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    away = Issuer()
    away.is_down = True
    monkeypatch.setattr(service_identity, "provider_of", lambda *_: away.provider())
    with pytest.raises(ServiceUnavailable):
        await caller(token())


@pytest.mark.parametrize(
    ("changed", "loopback_only", "unsafe"),
    [
        ({}, False, ""),
        ({}, True, ""),
        ({"service_clients": {}}, True, ""),
        (
            {"service_client_secret": SecretStr(service_clients.EXAMPLE_KEY)},
            False,
            "SERVICE_CLIENT_SECRET is that of .env.example, which is public.",
        ),
        ({"service_client_secret": SecretStr(service_clients.EXAMPLE_KEY)}, True, ""),
        (
            {"service_client_secret": SecretStr("k" * 15)},
            False,
            "SERVICE_CLIENT_SECRET needs at least 16 characters.",
        ),
        (
            {"service_clients": {"orders": "a", "stock": "b"}},
            False,
            "SERVICE_CLIENTS names no client of billing.",
        ),
        (
            {"service_clients": NAMES | {"stock": "shop-orders"}},
            True,
            "SERVICE_CLIENTS: shop-orders stands for two services, which nobody could tell apart.",
        ),
        (
            {"service_subjects": {"stock": "shop-orders"}},
            True,
            "SERVICE_SUBJECTS: shop-orders stands for two services, which nobody could tell apart.",
        ),
        (
            {"service_subjects": {"shop": "a"}},
            True,
            "SERVICE_SUBJECTS: shop is no service; there are orders, stock, billing.",
        ),
        ({"service_clients": NAMES | {"stock": ""}}, True, "SERVICE_CLIENTS is empty for stock."),
    ],
)
def test_unsafe_settings_are_logged(
    changed: Mapping[str, Any], loopback_only: bool, unsafe: str
) -> None:
    found = settings(**changed)
    assert service_identity.unsafe_settings(found, loopback_only=loopback_only) == unsafe
    assert settings().oidc_issuer == ADDRESS
