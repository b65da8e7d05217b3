"""Which tokens authenticate a caller: signatures, times, claims, and keys that change."""

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

from services.common.auth import (
    authentication,
    development_key,
    oidc_provider,
    published_keys,
)
from services.common.auth import tokens as caller_tokens
from services.common.auth.callers import Caller
from services.common.auth.oidc_provider import Provider
from services.common.config import Settings
from services.common.errors import ServiceUnavailable, Unauthorized
from scripts import tokens
from tests.fixtures.credentials import ISSUER, accepted
from tests.fixtures.issuer import ADDRESS, AUDIENCE, Issuer
from tests.fixtures.system import settings_for

LEEWAY_S = caller_tokens.LEEWAY_S


async def authenticate(token: str, **settings: str) -> str:
    """The name of the caller with this token."""
    known = settings_for({}).model_copy(update=settings)
    return (await authentication.authenticate(token, known)).name


async def is_invalid(token: str, **settings: str) -> bool:
    """Whether the token is refused as invalid."""
    with pytest.raises(Unauthorized) as caught:
        await authenticate(token, **settings)
    return caught.value.challenge == 'Bearer error="invalid_token"'


def use_provider(monkeypatch: pytest.MonkeyPatch, provider: Provider) -> None:
    """Let services ask this provider."""
    monkeypatch.setattr(authentication, "provider_of", lambda *_: provider)


def handmade(header: dict[str, Any], claims: dict[str, Any], secret: bytes = b"") -> str:
    """A token made without a library, with an HMAC if there is a secret."""
    parts = (
        base64.urlsafe_b64encode(json.dumps(it).encode()).rstrip(b"=") for it in (header, claims)
    )
    signed = b".".join(parts)
    digest = hmac.digest(secret, signed, hashlib.sha256) if secret else b""
    return (signed + b"." + base64.urlsafe_b64encode(digest).rstrip(b"=")).decode()


def valid_claims() -> dict[str, Any]:
    return {"iss": ADDRESS, "aud": AUDIENCE, "sub": "ada", "exp": int(time.time()) + 300}


async def test_the_subject_of_a_valid_token_is_the_caller() -> None:
    assert await authenticate(ISSUER.token()) == "ada"
    assert await authenticate(ISSUER.token(aud=["others", AUDIENCE], nbf=time.time() - 1)) == "ada"


@pytest.mark.parametrize(
    ("claim", "claims", "roles"),
    [
        ("roles", {"roles": ["editor", "owner"]}, {"editor", "owner"}),
        ("scope", {"scope": "read write"}, {"read", "write"}),
        ("realm.roles", {"realm": {"roles": ["editor"]}}, {"editor"}),
        ("https://site.example/roles", {"https://site.example/roles": ["editor"]}, {"editor"}),
        ("roles", {"roles": ["editor", 1, None]}, {"editor"}),
        ("roles", {"roles": {"editor": True}}, set()),
        ("realm.roles", {"realm": "roles"}, set()),
        ("roles", {}, set()),
    ],
)
async def test_a_claim_tells_the_roles(claim: str, claims: dict[str, Any], roles: set[str]) -> None:
    settings = settings_for({}).model_copy(update={"oidc_roles_claim": claim})
    caller = await authentication.authenticate(ISSUER.token(**claims), settings)
    assert caller.roles == roles
    assert caller.claims.items() >= {"sub": "ada", **claims}.items()


async def test_tests_call_with_all_that_their_caller_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIDC_ROLES_CLAIM", "groups")
    claims = {"sub": "ada", "roles": ["owner"], "team": "press"}
    asking = Caller("zoe", is_service=False, roles=frozenset({"editor"}), claims=claims)
    token = accepted(asking)["Authorization"].removeprefix("Bearer ")
    caller = await authentication.authenticate(token, settings_for({}))
    assert (caller.name, caller.roles) == (asking.name, asking.roles)
    assert caller.claims["team"] == "press"


async def test_a_request_without_a_token_is_challenged() -> None:
    with pytest.raises(Unauthorized) as caught:
        await authentication.authenticate(None, settings_for({}))
    assert caught.value.headers == {"WWW-Authenticate": "Bearer"}


@pytest.mark.parametrize(
    ("claim", "seconds"),
    [("exp", -LEEWAY_S + 3), ("exp", 2), ("nbf", LEEWAY_S - 3), ("iat", LEEWAY_S - 3)],
)
async def test_clocks_may_differ_a_little(claim: str, seconds: float) -> None:
    claims: dict[str, Any] = {claim: int(time.time() + seconds)}
    assert await authenticate(ISSUER.token(**claims)) == "ada"


@pytest.mark.parametrize(
    ("claim", "seconds"),
    [("exp", -LEEWAY_S - 1), ("exp", -86400), ("nbf", LEEWAY_S + 5), ("iat", 3600)],
)
async def test_a_token_that_expired_or_is_not_valid_yet_is_refused(
    claim: str, seconds: float
) -> None:
    claims: dict[str, Any] = {claim: int(time.time() + seconds)}
    assert await is_invalid(ISSUER.token(**claims))


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "others"},
        {"aud": ["others"]},
        {"aud": []},
        {"iss": "https://other.test"},
        {"iss": f"{ADDRESS}/"},
        {"sub": ""},
        {"sub": "a" * 256},
        {"sub": "ada\nforged"},
        {"sub": "\ud800"},
        {"sub": None},
        {"aud": None},
        {"iss": None},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": float("inf")},
    ],
)
async def test_a_token_with_a_wrong_or_missing_claim_is_refused(claims: dict[str, Any]) -> None:
    assert await is_invalid(ISSUER.token(**claims))


async def test_a_token_signed_by_another_key_with_the_same_id_is_refused() -> None:
    assert await is_invalid(Issuer(ISSUER.kid).token())


async def test_a_token_that_was_altered_is_refused() -> None:
    head, _, signature = ISSUER.token().split(".")
    claims = base64.urlsafe_b64encode(json.dumps(valid_claims() | {"sub": "eve"}).encode())
    assert await is_invalid(f"{head}.{claims.rstrip(b'=').decode()}.{signature}")


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", "RS1", "PS256", "ES256"])
async def test_a_token_cannot_choose_its_algorithm(algorithm: str) -> None:
    header = {"alg": algorithm, "typ": "JWT", "kid": ISSUER.kid}
    assert await is_invalid(handmade(header, valid_claims()))


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
async def test_the_public_key_is_not_accepted_as_a_shared_secret(encoding: Encoding) -> None:
    public = ISSUER.private.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    published = json.dumps(ISSUER.published["keys"][0]).encode()
    for secret in (public, public.strip(), published):
        header = {"alg": "HS256", "typ": "JWT", "kid": ISSUER.kid}
        assert await is_invalid(handmade(header, valid_claims(), secret))


async def test_a_token_cannot_bring_its_own_key() -> None:
    attacker = Issuer("theirs")
    for brought in ({"jwk": attacker.published["keys"][0]}, {"jku": "https://evil.test/keys"}):
        forged = jwt.encode(
            valid_claims(),
            attacker.private,
            algorithm="RS256",
            headers={"kid": ISSUER.kid, **brought},
        )
        assert await is_invalid(forged)


NESTED = base64.urlsafe_b64encode(b'{"alg":' + b"[" * 20_000).decode()


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "...", "a.b.c", "é.é.é", "null.null.", f"{NESTED}.e30.e30", "e30.e30.e30"],
)
async def test_garbage_is_refused(token: str) -> None:
    assert await is_invalid(token)


async def test_new_keys_are_fetched_but_not_for_every_unknown_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    issuer = Issuer()
    use_provider(monkeypatch, provider := issuer.provider())
    assert await authenticate(issuer.token()) == "ada"
    assert issuer.fetched == ["/keys"]

    before = issuer.token()
    issuer.rotate("second")
    for _ in range(20):
        assert await is_invalid(issuer.token())
    assert issuer.fetched == ["/keys"]

    provider.asked_at -= published_keys.PAUSE_S
    assert await authenticate(issuer.token()) == "ada"
    assert issuer.fetched == ["/keys"] * 2
    assert await is_invalid(before)


async def test_a_withdrawn_key_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = Issuer()
    use_provider(monkeypatch, provider := issuer.provider())
    before = issuer.token()
    assert await authenticate(before) == "ada"
    issuer.rotate("second")
    provider.answered_at -= published_keys.KEPT_S
    provider.asked_at -= published_keys.KEPT_S
    assert await is_invalid(before)


async def test_while_the_provider_is_down_unknown_keys_get_503(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    issuer = Issuer()
    use_provider(monkeypatch, provider := issuer.provider())
    issuer.is_down = True
    for _ in range(3):
        with pytest.raises(ServiceUnavailable) as caught:
            await authenticate(issuer.token())
        assert caught.value.headers["Retry-After"]
    assert issuer.fetched == ["/keys"]

    issuer.is_down = False
    provider.asked_at -= published_keys.PAUSE_S
    assert await authenticate(issuer.token()) == "ada"


async def test_while_the_provider_is_down_known_keys_stay_valid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    issuer = Issuer()
    use_provider(monkeypatch, provider := issuer.provider())
    assert await authenticate(issuer.token()) == "ada"
    issuer.is_down = True
    provider.answered_at -= published_keys.KEPT_S
    provider.asked_at -= published_keys.KEPT_S
    assert await authenticate(issuer.token()) == "ada"
    assert len(issuer.fetched) == 2


async def test_the_url_of_the_keys_is_discovered(monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = Issuer()
    use_provider(monkeypatch, issuer.provider(jwks_url=""))
    assert await authenticate(issuer.token()) == "ada"
    assert issuer.fetched == ["/.well-known/openid-configuration", "/keys"]


@pytest.mark.parametrize(
    "published", ["", [], {"keys": 1}, {"keys": [1, {}, {"kty": "oct", "k": "YQ", "kid": "a"}]}]
)
async def test_published_keys_that_verify_no_signature_are_ignored(
    published: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer = Issuer("a")
    monkeypatch.setattr(Issuer, "published", published)
    use_provider(monkeypatch, issuer.provider())
    assert await is_invalid(issuer.token())


async def test_the_development_key_is_accepted_in_development_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    token = tokens.create_token(tmp_path, AUDIENCE, "developer", minutes=5, roles={})
    assert (tmp_path / development_key.PRIVATE_KEY).stat().st_mode & 0o077 == 0
    development = oidc_provider.DEVELOPMENT
    use_provider(monkeypatch, Provider(development, ""))
    assert await authenticate(token, oidc_issuer=development) == "developer"
    assert await is_invalid(token)
    use_provider(monkeypatch, Issuer().provider())
    assert await is_invalid(token)


def test_the_roles_of_a_development_token_are_where_services_look_for_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(tokens, "ROOT", tmp_path)
    monkeypatch.setenv("OIDC_ISSUER", oidc_provider.DEVELOPMENT)
    monkeypatch.setenv("OIDC_ROLES_CLAIM", "realm.roles")
    monkeypatch.setattr("sys.argv", ["token", "--role", "editor"])
    tokens.main()
    claims = jwt.decode(capsys.readouterr().out.strip(), options={"verify_signature": False})
    assert authentication._listed(claims, "realm.roles") == {"editor"}


@pytest.mark.parametrize(
    ("settings", "loopback_only", "message"),
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
def test_unsafe_settings_are_named(
    settings: dict[str, str], loopback_only: bool, message: str
) -> None:
    changed: Settings = settings_for({}).model_copy(update=settings)
    unsafe = authentication.unsafe_settings(changed, loopback_only=loopback_only)
    assert message in unsafe
    assert bool(message) is bool(unsafe)
