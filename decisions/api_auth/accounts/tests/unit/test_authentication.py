"""Which tokens authenticate a caller: those that the accounts signed for these services, until they end."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import SecretStr

from services.common.auth import authentication
from services.common.auth.authentication import AUDIENCE, EXAMPLE_KEY, ISSUER
from services.common.auth.callers import Caller
from services.common.auth.tokens import INVALID_BEARER, LEEWAY_S
from services.common.errors import Unauthorized
from services.common.utils import now
from services.identity.login import signing
from tests.fixtures.credentials import SIGNING_KEYS, token
from tests.fixtures.system import settings_for


async def authenticate(text: str | None) -> Caller:
    return await authentication.authenticate(text, settings_for({}))


async def is_invalid(text: str) -> bool:
    with pytest.raises(Unauthorized) as caught:
        await authenticate(text)
    return caught.value.challenge == INVALID_BEARER


def handmade(header: dict[str, Any], secret: bytes = b"") -> str:
    """A token made without a library, with an HMAC if there is a secret."""
    ends = int((now() + timedelta(minutes=5)).timestamp())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": ends}
    encoded = (base64.urlsafe_b64encode(json.dumps(it).encode()) for it in (header, claims))
    signed = b".".join(it.rstrip(b"=") for it in encoded)
    digest = hmac.digest(secret, signed, hashlib.sha256) if secret else b""
    return (signed + b"." + base64.urlsafe_b64encode(digest).rstrip(b"=")).decode()


async def test_a_token_tells_its_account_and_the_roles() -> None:
    caller = await authenticate(token(roles=["editor", 1, None]))
    assert (caller.name, caller.is_service) == ("ada", False)
    assert caller.roles == {"editor"}
    assert not (await authenticate(token(roles="editor"))).roles


async def test_a_request_without_a_token_is_challenged() -> None:
    with pytest.raises(Unauthorized) as caught:
        await authenticate(None)
    assert caught.value.headers == {"WWW-Authenticate": "Bearer"}


@pytest.mark.parametrize(("seconds", "counts"), [(-LEEWAY_S + 3, True), (-LEEWAY_S - 1, False)])
async def test_a_token_ends(seconds: float, counts: bool) -> None:
    text = token(exp=now() + timedelta(seconds=seconds))
    if counts:
        assert (await authenticate(text)).name == "ada"
    else:
        assert await is_invalid(text)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "others"},
        {"aud": None},
        {"iss": "others"},
        {"iss": None},
        {"exp": None},
        {"sub": None},
        {"sub": ""},
    ],
    ids=str,
)
async def test_a_token_for_others_or_without_what_it_needs_is_refused(
    claims: dict[str, Any],
) -> None:
    assert await is_invalid(token(**claims))


async def test_a_token_chooses_neither_its_key_nor_its_algorithm() -> None:
    (name,) = SIGNING_KEYS
    known = signing.signing_keys(settings_for({}))[name].public_key()
    public = known.public_bytes(Encoding.Raw, PublicFormat.Raw)
    pem = known.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for secret in (public, pem):
        assert await is_invalid(handmade({"alg": "HS256", "kid": name}, secret))
    for header in ({"alg": "none", "kid": name}, {"alg": "none"}, {"alg": "EdDSA"}):
        assert await is_invalid(handmade(header))
    forger = Ed25519PrivateKey.generate()
    assert await is_invalid(token(forger))
    own = {"jwk": jwt.algorithms.OKPAlgorithm.to_jwk(forger.public_key(), as_dict=True)}
    assert await is_invalid(jwt.encode({"sub": "ada"}, forger, "EdDSA", {"kid": name} | own))
    assert await is_invalid(jwt.encode({"sub": "ada"}, forger, "EdDSA", {"kid": "nobody"}))


@pytest.mark.parametrize("text", ["", "a", "a.b", "a.b.c", "e30.e30.", "é.é.é"])
async def test_garbage_is_refused(text: str) -> None:
    assert await is_invalid(text)


def test_the_first_key_signs_and_the_public_halves_of_all_are_published() -> None:
    keys = {"new": SecretStr(signing.new_key()), "old": SecretStr(signing.new_key())}
    settings = settings_for({}).model_copy(update={"identity_signing_keys": keys})
    listed = signing.published(settings)["keys"]
    assert [it["kid"] for it in listed] == ["new", "old"]
    assert all(it.keys() == {"kty", "crv", "x", "kid", "use", "alg"} for it in listed)
    assert next(iter(signing.signing_keys(settings))) == "new"


@pytest.mark.parametrize("keys", [None, {}, {"a": "short"}, {"a": "no base64!" * 5}])
def test_a_key_that_is_none_is_named(keys: dict[str, str] | None) -> None:
    secret = {name: SecretStr(text) for name, text in keys.items()} if keys else None
    settings = settings_for({}).model_copy(update={"identity_signing_keys": secret})
    with pytest.raises(SystemExit, match="IDENTITY_SIGNING_KEYS"):
        signing.signing_keys(settings)


@pytest.mark.parametrize(
    ("key", "loopback_only", "refused"),
    [
        (EXAMPLE_KEY, True, False),
        (EXAMPLE_KEY, False, True),
        (f"{EXAMPLE_KEY}=", False, True),
        ("another", False, False),
    ],
)
def test_the_example_key_is_refused_unless_the_process_is_local(
    key: str, loopback_only: bool, refused: bool
) -> None:
    keys = {"development": SecretStr(key)}
    settings = settings_for({}).model_copy(update={"identity_signing_keys": keys})
    unsafe = authentication.unsafe_settings(settings, loopback_only=loopback_only)
    assert ("development is that of .env.example" in unsafe) is refused
    without = settings.model_copy(update={"identity_signing_keys": None})
    assert authentication.unsafe_settings(without, loopback_only=False) == ""


async def test_tokens_that_everybody_can_sign_count_for_processes_with_the_key_of_the_example() -> (
    None
):
    settings = settings_for({})
    own = {"own": SecretStr(signing.new_key())}
    published = json.dumps(signing.published(settings))
    elsewhere = settings.model_copy(
        update={"identity_keys_url": "https://elsewhere.test", "identity_signing_keys": None}
    )
    (known,) = signing.signing_keys(settings).values()
    assert known.public_key().public_bytes_raw() == authentication.EXAMPLE_PUBLIC_KEY
    for keys in (None, own):
        reached = elsewhere.model_copy(update={"identity_signing_keys": keys})
        provider = authentication.provider_of(reached.identity_keys_url, in_development=False)
        provider.asked_at = float("-inf")
        provider.transport = httpx2.MockTransport(lambda _: httpx2.Response(200, text=published))
        with pytest.raises(Unauthorized, match="not signed with a key of the provider"):
            await authentication.authenticate(token(), reached)
