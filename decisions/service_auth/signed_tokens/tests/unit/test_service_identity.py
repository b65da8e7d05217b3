"""Tokens tell which service calls which; those that are forged, old or for others are refused."""

from __future__ import annotations

import hmac
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import OKPKey
from pydantic import SecretStr

from services.common.auth import service_identity
from services.common.auth.callers import Caller
from services.common.auth.service_identity import CHALLENGE, CREDENTIAL, LIFETIME_S, public_half
from services.common.config import Settings
from services.common.errors import Unauthorized
from scripts.service_keys import create_key
from tests.fixtures.system import settings_for

ORDERS, NEWER, STOCK, BILLING, STRANGE = (create_key() for _ in range(5))
"""Private keys: of `orders` today and tomorrow, of two more services, and one that nobody knows."""
LEEWAY_S = 7
SENT_AT = 1_800_000_000


def settings(own: str, **known: list[str]) -> Settings:
    """The settings of a process with its own private key, and with public ones of services."""
    changed = {
        "service_private_key": SecretStr(own),
        "service_keys": {name: [*map(public_half, keys)] for name, keys in known.items()},
        "service_token_leeway_s": LEEWAY_S,
    }
    return settings_for({}).model_copy(update=changed)


AT_ORDERS = settings(ORDERS)
AT_STOCK = settings(STOCK, orders=[ORDERS], billing=[BILLING])


def token(key: str = ORDERS, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
    """A token of `orders` for `stock` but for what is given; what is None is left out."""
    now = int(time.time())
    usual = {"iss": "orders", "aud": "stock", "iat": now, "nbf": now, "exp": now + LIFETIME_S}
    described = {"alg": "Ed25519", "kid": name_of(key)} | {**(header or {})}
    text = ".".join(map(as_json, (described, usual | claims)))
    signature = Ed25519PrivateKey.from_private_bytes(raw(key)).sign(text.encode())
    return f"{text}.{as_text(signature)}"


def name_of(key: str) -> str:
    """What tokens call a key."""
    return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": public_half(key)}).thumbprint()


def as_json(value: Mapping[str, Any]) -> str:
    kept = {name: it for name, it in value.items() if it is not None}
    return as_text(json.dumps(kept).encode())


def as_text(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def raw(key: str) -> bytes:
    return urlsafe_b64decode(f"{key}=")


async def sender(token: str, at: Settings = AT_STOCK) -> str:
    """The service that a token tells `stock` of."""
    caller = await service_identity.identify({CREDENTIAL.name: token}, "stock", at)
    assert caller == Caller(caller.name if caller else "", is_service=True, unrestricted=True)
    return caller.name


async def refusal(token: str, at: Settings = AT_STOCK) -> str:
    """Why `stock` refuses a token."""
    with pytest.raises(Unauthorized, match="The token of the service is not valid: ") as caught:
        await sender(token, at)
    assert caught.value.headers == {"WWW-Authenticate": CHALLENGE}
    return str(caught.value).partition(": ")[2]


async def test_a_token_tells_which_service_calls() -> None:
    headers = service_identity.headers_for("orders", "stock", AT_ORDERS)
    assert await sender(headers[CREDENTIAL.name]) == await sender(token()) == "orders"


async def test_a_token_of_a_caller_from_outside_says_nothing_about_services() -> None:
    headers = {"Authorization": f"Bearer {token()}"}
    assert await service_identity.identify(headers, "stock", AT_STOCK) is None


async def test_a_token_is_for_one_service_alone() -> None:
    headers = service_identity.headers_for("orders", "billing", AT_ORDERS)
    assert await refusal(headers[CREDENTIAL.name]) == "invalid_claim: Invalid claim: 'aud'."


@pytest.mark.parametrize("issuer", ["billing", "stock", "somebody"])
async def test_a_service_does_not_sign_for_another(issuer: str) -> None:
    told = await refusal(token(iss=issuer))
    assert told == f"invalid_claim: {issuer} does not sign with this key."


async def test_a_key_that_nobody_knows_signs_for_nobody() -> None:
    assert (await refusal(token(STRANGE))).startswith("invalid_key_id: ")
    assert await refusal(token(STRANGE, {"kid": name_of(ORDERS)})) == "bad_signature."
    assert await refusal(token(STRANGE, {"kid": None}), AT_ORDERS) == "bad_signature."


@pytest.mark.parametrize("algorithm", ["none", "HS256", "EdDSA", "Ed448", "RS256"])
async def test_a_token_does_not_choose_how_it_is_checked(algorithm: str) -> None:
    header, claims, signature = token(header={"alg": algorithm}).split(".")
    shared = hmac.digest(public_half(ORDERS).encode(), f"{header}.{claims}".encode(), "sha256")
    bytes_shared = hmac.digest(raw(public_half(ORDERS)), f"{header}.{claims}".encode(), "sha256")
    for signed in (signature, "", as_text(shared), as_text(bytes_shared)):
        assert (await refusal(f"{header}.{claims}.{signed}")).startswith("unsupported_algorithm: ")


@pytest.mark.parametrize(
    ("seconds", "is_valid"),
    [
        (-LEEWAY_S - 1, False),
        (-LEEWAY_S, True),
        (LIFETIME_S + LEEWAY_S - 1, True),
        (LIFETIME_S + LEEWAY_S, False),
        (86_400, False),
    ],
)
async def test_a_token_counts_for_a_minute(
    seconds: int, is_valid: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: SENT_AT)
    headers = service_identity.headers_for("orders", "stock", AT_ORDERS)
    monkeypatch.setattr(time, "time", lambda: SENT_AT + seconds)
    if is_valid:
        assert await sender(headers[CREDENTIAL.name]) == "orders"
    else:
        told = await refusal(headers[CREDENTIAL.name])
        assert ("not yet" in told or "in the future" in told) if seconds < 0 else "expired" in told


@pytest.mark.parametrize("claim", ["iss", "aud", "iat", "nbf", "exp"])
async def test_a_token_says_all_that_is_asked_of_it(claim: str) -> None:
    missing: dict[str, Any] = {claim: None}
    wrong: dict[str, Any] = {claim: {}}
    assert await refusal(token(**missing)) == f"missing_claim: Missing claim: '{claim}'."
    assert (await refusal(token(**wrong))).startswith("invalid_claim: ")


@pytest.mark.parametrize(
    "garbage",
    ["", "a-key", "..", "a.b.c", "a.b.c.d.e", f"{token()}x", token()[:-2], "W10.e30.", "ä.ö.ü"],
)
async def test_what_is_no_token_is_refused(garbage: str) -> None:
    assert await refusal(garbage)


async def test_a_key_is_replaced_while_services_run() -> None:
    both = settings(STOCK, orders=[NEWER, ORDERS])
    assert await sender(token(), both) == await sender(token(NEWER), both) == "orders"
    after = settings(STOCK, orders=[NEWER])
    assert await sender(token(NEWER), after) == "orders"
    assert (await refusal(token(), after)).startswith("invalid_key_id: ")


async def test_services_of_one_process_know_its_key() -> None:
    assert await sender(token(), AT_ORDERS) == "orders"
    assert await sender(token(), settings(ORDERS, orders=[NEWER])) == "orders"


@pytest.mark.parametrize("loopback_only", [True, False])
def test_keys_that_services_have_made_are_safe(loopback_only: bool) -> None:
    assert not service_identity.unsafe_settings(AT_STOCK, loopback_only=loopback_only)


EXAMPLE = settings_for({}).service_private_key.get_secret_value()


@pytest.mark.parametrize(
    ("found", "unsafe"),
    [
        (settings(EXAMPLE), "SERVICE_PRIVATE_KEY is that of .env.example, which is public."),
        (
            settings(STOCK, orders=[ORDERS, EXAMPLE]),
            "SERVICE_KEYS.orders is that of .env.example, which is public.",
        ),
    ],
)
def test_the_key_of_the_example_is_for_this_machine_alone(found: Settings, unsafe: str) -> None:
    assert service_identity.unsafe_settings(found, loopback_only=False) == unsafe
    assert not service_identity.unsafe_settings(found, loopback_only=True)


@pytest.mark.parametrize(
    ("changed", "unsafe"),
    [
        (
            {"service_private_key": SecretStr("a key")},
            "SERVICE_PRIVATE_KEY is no key; the command service-keys makes one.",
        ),
        (
            {"service_keys": {"orders": [public_half(ORDERS), ""]}},
            "SERVICE_KEYS.orders is no key; the command service-keys makes one.",
        ),
        (
            {"service_keys": {"orders": [STOCK]}},
            "SERVICE_KEYS.orders is the private key of this process, which no other may know.",
        ),
    ],
)
def test_what_is_wrong_with_a_key_is_told(changed: dict[str, Any], unsafe: str) -> None:
    found = AT_STOCK.model_copy(update=changed)
    assert service_identity.unsafe_settings(found, loopback_only=True) == unsafe


def test_what_services_prove_themselves_by_in_development_stays_on_the_machine() -> None:
    unsafe = service_identity.unsafe_settings(settings_for({}), loopback_only=False)
    assert "that of .env.example, which is public" in unsafe
    assert not service_identity.unsafe_settings(settings_for({}), loopback_only=True)
