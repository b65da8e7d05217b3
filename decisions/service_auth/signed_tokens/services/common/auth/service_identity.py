"""Services authenticate to each other with tokens that they sign: JSON Web Tokens with Ed25519 (RFC 7519, RFC 9864).

Each process signs with a private key of its own. SERVICE_KEYS lists the public keys by service: several of one, while it
changes its key. The services of a process know that of their process without being told.
"""

from __future__ import annotations

import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Mapping
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from joserfc import jwt
from joserfc.errors import InvalidClaimError, JoseError
from joserfc.jwk import Key, KeySet, OKPKey

from services.common.auth.callers import Caller, HeaderCredential
from services.common.config import Settings
from services.common.errors import Unauthorized

CREDENTIAL = HeaderCredential("X-Service-Token")
"""What proves which service calls; `Authorization` is for callers from outside."""
CHALLENGE = 'ServiceToken realm="services"'
"""The challenge to callers that are no services (RFC 9110, section 11.6.1)."""
ALGORITHM = "Ed25519"
"""How tokens are signed; a token may not ask for another way."""
LIFETIME_S = 60
"""For how long a token counts."""
EXAMPLE_KEY = "a-key-for-development-which-everybody-knows"
"""The private key in `.env.example`, for development: one for all processes."""

_KEY = re.compile(r"[A-Za-z0-9_-]{43}")
"""A key as settings have it: 32 bytes in base64url, as in JSON Web Keys (RFC 8037)."""


def headers_for(sender: str, receiver: str, settings: Settings) -> dict[str, str]:
    """The headers that authenticate a service to another, made for each request."""
    key = _private_key(settings.service_private_key.get_secret_value())
    now = int(time.time())
    claims = {"iss": sender, "aud": receiver, "iat": now, "nbf": now, "exp": now + LIFETIME_S}
    header = {"alg": ALGORITHM, "kid": key.thumbprint()}
    return {CREDENTIAL.name: jwt.encode(header, claims, key, [ALGORITHM])}


async def identify(headers: Mapping[str, str], receiver: str, settings: Settings) -> Caller | None:
    """Identify the service that sent a request to another; None if none did.

    Raises:
        Unauthorized: The token is not valid, or for another service.
    """
    token = CREDENTIAL.read(headers)
    if token is None:
        return None
    try:
        sender = _verified(token, receiver, settings)
    except (JoseError, TypeError, ValueError) as error:
        reason = str(error).strip(": ")
        message = f"The token of the service is not valid: {reason}."
        raise Unauthorized(message, CHALLENGE) from error
    return Caller(sender, is_service=True, unrestricted=True)


def _verified(token: str, receiver: str, settings: Settings) -> str:
    """The service that signed a token for the receiver."""
    found = jwt.decode(token, _keys_of(settings.service_keys, settings), [ALGORITHM])
    claims = jwt.JWTClaimsRegistry(
        leeway=settings.service_token_leeway_s,
        iss={"essential": True},
        aud={"essential": True, "value": receiver},
        iat={"essential": True},
        nbf={"essential": True},
        exp={"essential": True},
    )
    claims.validate(found.claims)
    sender: str = found.claims["iss"]
    if found.header.get("kid") not in {it.kid for it in _keys_of([sender], settings)}:
        raise InvalidClaimError("iss", f"{sender} does not sign with this key")
    return sender


def _keys_of(services: Iterable[str], settings: Settings) -> KeySet:
    """The keys with which services may sign; tokens name theirs by its thumbprint (RFC 7638)."""
    listed = [key for it in services for key in settings.service_keys.get(it, ())]
    own: Key = _private_key(settings.service_private_key.get_secret_value())
    return KeySet([own, *map(_public_key, listed)])


@cache
def _private_key(text: str) -> OKPKey:
    return OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(urlsafe_b64decode(f"{text}=")))


@cache
def _public_key(text: str) -> OKPKey:
    return OKPKey.import_key(Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(f"{text}=")))


def public_half(private_key: str) -> str:
    """What SERVICE_KEYS lists of a key."""
    return str(_private_key(private_key).as_dict(private=False)["x"])


def unsafe_settings(settings: Settings, *, loopback_only: bool) -> str:
    """What makes the settings unsafe for a process that other machines reach, or only this one; empty if nothing."""
    own = settings.service_private_key.get_secret_value()
    listed = {f"SERVICE_KEYS.{name}": keys for name, keys in settings.service_keys.items()}
    example = {EXAMPLE_KEY, public_half(EXAMPLE_KEY)}
    for where, keys in {"SERVICE_PRIVATE_KEY": [own], **listed}.items():
        if not all(map(_KEY.fullmatch, keys)):
            return f"{where} is no key; the command service-keys makes one."
        if not loopback_only and not example.isdisjoint(keys):
            return f"{where} is that of .env.example, which is public."
        if where in listed and own in keys:
            return f"{where} is the private key of this process, which no other may know."
    return ""
