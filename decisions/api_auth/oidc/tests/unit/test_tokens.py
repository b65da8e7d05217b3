"""Which tokens prove who calls, and which do not: signatures, times, claims, and keys that change."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi.security import HTTPAuthorizationCredentials

from services.common import callers, provider
from services.common.config import Settings
from services.common.errors import Away, Unauthorized
from services.common.provider import Provider
from scripts import tokens
from tests.fixtures.callers import ISSUER
from tests.fixtures.issuer import ADDRESS, AUDIENCE, Issuer
from tests.fixtures.system import settings_for

LEEWAY = callers.LEEWAY_S


async def name_in(token: str, **settings: str) -> str:
    """The name that a service finds in a token."""
    sent = HTTPAuthorizationCredentials(scheme="Bearer", credentials=token)
    return await callers.recognize(sent, settings_for({}).model_copy(update=settings))


async def refused(token: str, **settings: str) -> bool:
    """Whether a service refuses a token as invalid."""
    with pytest.raises(Unauthorized) as caught:
        await name_in(token, **settings)
    return caught.value.challenge == 'Bearer error="invalid_token"'


def asked(monkeypatch: pytest.MonkeyPatch, known: Provider) -> None:
    """Let services ask this provider."""
    monkeypatch.setattr(callers, "provider_of", lambda *_: known)


def spliced(header: dict[str, Any], claims: dict[str, Any], secret: bytes = b"") -> str:
    """A token put together by hand, with an HMAC where there is a secret."""
    parts = (
        base64.urlsafe_b64encode(json.dumps(it).encode()).rstrip(b"=") for it in (header, claims)
    )
    signed = b".".join(parts)
    digest = hmac.digest(secret, signed, hashlib.sha256) if secret else b""
    return (signed + b"." + base64.urlsafe_b64encode(digest).rstrip(b"=")).decode()


def good_claims() -> dict[str, Any]:
    return {"iss": ADDRESS, "aud": AUDIENCE, "sub": "ada", "exp": int(time.time()) + 300}


async def test_a_good_token_says_who_calls() -> None:
    assert await name_in(ISSUER.token()) == "ada"
    assert await name_in(ISSUER.token(aud=["others", AUDIENCE], nbf=time.time() - 1)) == "ada"


async def test_without_a_token_one_is_asked_for() -> None:
    with pytest.raises(Unauthorized) as caught:
        await callers.recognize(None, settings_for({}))
    assert caught.value.headers == {"WWW-Authenticate": "Bearer"}


@pytest.mark.parametrize(
    ("claim", "seconds"),
    [("exp", -LEEWAY + 3), ("exp", 2), ("nbf", LEEWAY - 3), ("iat", LEEWAY - 3)],
)
async def test_clocks_may_be_a_little_apart(claim: str, seconds: float) -> None:
    said: dict[str, Any] = {claim: int(time.time() + seconds)}
    assert await name_in(ISSUER.token(**said)) == "ada"


@pytest.mark.parametrize(
    ("claim", "seconds"),
    [("exp", -LEEWAY - 1), ("exp", -86400), ("nbf", LEEWAY + 5), ("iat", 3600)],
)
async def test_a_token_that_is_over_or_not_yet_good_is_refused(claim: str, seconds: float) -> None:
    said: dict[str, Any] = {claim: int(time.time() + seconds)}
    assert await refused(ISSUER.token(**said))


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "others"},
        {"aud": ["others"]},
        {"aud": []},
        {"iss": "https://other.test"},
        {"iss": f"{ADDRESS}/"},
        {"sub": ""},
        {"sub": None},
        {"aud": None},
        {"iss": None},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": float("inf")},
    ],
)
async def test_a_token_for_or_from_others_or_that_says_too_little_is_refused(
    claims: dict[str, Any],
) -> None:
    assert await refused(ISSUER.token(**claims))


async def test_a_token_of_another_key_under_the_same_name_is_refused() -> None:
    assert await refused(Issuer(ISSUER.kid).token())


async def test_a_changed_token_is_refused() -> None:
    head, _, signature = ISSUER.token().split(".")
    claims = base64.urlsafe_b64encode(json.dumps(good_claims() | {"sub": "eve"}).encode())
    assert await refused(f"{head}.{claims.rstrip(b'=').decode()}.{signature}")


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", "RS1", "PS256", "ES256"])
async def test_a_token_cannot_choose_how_it_is_checked(algorithm: str) -> None:
    header = {"alg": algorithm, "typ": "JWT", "kid": ISSUER.kid}
    assert await refused(spliced(header, good_claims()))


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
async def test_the_public_key_is_no_shared_secret(encoding: Encoding) -> None:
    public = ISSUER.private.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    published = json.dumps(ISSUER.published["keys"][0]).encode()
    for secret in (public, public.strip(), published):
        header = {"alg": "HS256", "typ": "JWT", "kid": ISSUER.kid}
        assert await refused(spliced(header, good_claims(), secret))


async def test_a_token_cannot_bring_its_own_key() -> None:
    other = Issuer("theirs")
    for brought in ({"jwk": other.published["keys"][0]}, {"jku": "https://evil.test/keys"}):
        forged = jwt.encode(
            good_claims(),
            other.private,
            algorithm="RS256",
            headers={"kid": ISSUER.kid, **brought},
        )
        assert await refused(forged)


NESTED = base64.urlsafe_b64encode(b'{"alg":' + b"[" * 20_000).decode()


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "...", "a.b.c", "é.é.é", "null.null.", f"{NESTED}.e30.e30", "e30.e30.e30"],
)
async def test_garbage_is_refused(token: str) -> None:
    assert await refused(token)


async def test_keys_that_change_are_fetched_once_in_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    issuer = Issuer()
    asked(monkeypatch, known := issuer.provider())
    assert await name_in(issuer.token()) == "ada"
    assert issuer.fetched == ["/keys"]

    before = issuer.token()
    issuer.rotate("second")
    for _ in range(20):
        assert await refused(issuer.token())
    assert issuer.fetched == ["/keys"]

    known.asked_at -= provider.PAUSE_S
    assert await name_in(issuer.token()) == "ada"
    assert issuer.fetched == ["/keys"] * 2
    assert await refused(before)


async def test_a_key_that_was_withdrawn_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = Issuer()
    asked(monkeypatch, known := issuer.provider())
    before = issuer.token()
    assert await name_in(before) == "ada"
    issuer.rotate("second")
    known.answered_at -= provider.KEPT_S
    known.asked_at -= provider.KEPT_S
    assert await refused(before)


async def test_a_provider_that_is_away_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = Issuer()
    asked(monkeypatch, known := issuer.provider())
    issuer.away = True
    for _ in range(3):
        with pytest.raises(Away) as caught:
            await name_in(issuer.token())
        assert caught.value.headers["Retry-After"]
    assert issuer.fetched == ["/keys"]

    issuer.away = False
    known.asked_at -= provider.PAUSE_S
    assert await name_in(issuer.token()) == "ada"


async def test_known_keys_count_while_the_provider_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = Issuer()
    asked(monkeypatch, known := issuer.provider())
    assert await name_in(issuer.token()) == "ada"
    issuer.away = True
    known.answered_at -= provider.KEPT_S
    known.asked_at -= provider.KEPT_S
    assert await name_in(issuer.token()) == "ada"
    assert len(issuer.fetched) == 2


async def test_the_provider_tells_where_its_keys_are(monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = Issuer()
    asked(monkeypatch, issuer.provider(jwks_url=""))
    assert await name_in(issuer.token()) == "ada"
    assert issuer.fetched == ["/.well-known/openid-configuration", "/keys"]


@pytest.mark.parametrize(
    "published", ["", [], {"keys": 1}, {"keys": [1, {}, {"kty": "oct", "k": "YQ", "kid": "a"}]}]
)
async def test_what_is_no_key_for_signatures_is_left_out(
    published: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer = Issuer("a")
    monkeypatch.setattr(Issuer, "published", published)
    asked(monkeypatch, issuer.provider())
    assert await refused(issuer.token())


async def test_the_key_of_development_counts_for_development_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    made = tokens.token(tmp_path, AUDIENCE, "developer", minutes=5)
    assert (tmp_path / tokens.PRIVATE_KEY).stat().st_mode & 0o077 == 0
    asked(monkeypatch, Provider(provider.DEVELOPMENT, ""))
    assert await name_in(made, oidc_issuer=provider.DEVELOPMENT) == "developer"
    assert await refused(made)
    asked(monkeypatch, Issuer().provider())
    assert await refused(made)


@pytest.mark.parametrize(
    ("settings", "alone", "complaint"),
    [
        ({"oidc_issuer": "development"}, True, ""),
        ({"oidc_issuer": "development"}, False, "development"),
        ({"oidc_issuer": ADDRESS}, False, ""),
        ({"oidc_issuer": "http://127.0.0.1:9000", "oidc_jwks_url": ""}, True, ""),
        ({"oidc_issuer": "http://issuer.test"}, True, "OIDC_ISSUER"),
        ({"oidc_issuer": "http://[issuer"}, True, "OIDC_ISSUER"),
        ({"oidc_jwks_url": "http://issuer.test/keys"}, True, "OIDC_JWKS_URL"),
        ({"oidc_audience": ""}, True, "OIDC_AUDIENCE"),
    ],
)
def test_settings_that_would_let_others_in_are_refused(
    settings: dict[str, str], alone: bool, complaint: str
) -> None:
    given: Settings = settings_for({}).model_copy(update=settings)
    assert complaint in callers.fault(given, alone=alone)
    assert bool(complaint) is bool(callers.fault(given, alone=alone))
