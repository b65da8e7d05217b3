"""The token endpoint of the identity provider, where services get tokens for each other (RFC 6749, RFC 8693)."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote_plus
from weakref import WeakValueDictionary

import httpx2
import jwt
import structlog
from pydantic import SecretStr

from services.common.auth import development_provider
from services.common.auth.oidc_provider import DEVELOPMENT, Provider
from services.common.auth.tokens import INVALID_BEARER, LEEWAY_S
from services.common.clients import retry_after
from services.common.clients.circuit_breaker import CircuitBreaker
from services.common.clients.client import call
from services.common.clients.errors import TransientError
from services.common.errors import ServiceUnavailable, Unauthorized

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
OF_ACCESS = "urn:ietf:params:oauth:token-type:access_token"
"""The kind of tokens that are exchanged, and of those that come back."""
MOST_KEPT = 2000
"""The tokens that a process keeps; those that were used least recently go first."""
MARGIN_S = 30.0
"""How long before its end a token is kept no longer: calls take a while, and clocks differ."""
MISCONFIGURED = "The identity provider does not let this service call others."

log = structlog.get_logger()


@dataclass(frozen=True)
class Client:
    """A service, as the provider knows it."""

    id: str
    key: SecretStr
    subject: str
    """Whom tokens name that it gets for itself."""
    timeout_s: float


class TokenEndpoint:
    """Gets tokens, and keeps them until shortly before their end; services of a process share it."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.breaker = CircuitBreaker("identity provider")
        self._kept: OrderedDict[str, tuple[SecretStr, float]] = OrderedDict()
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._url = ""

    async def exchanged(self, client: Client, subject: SecretStr, audience: str) -> SecretStr:
        """A token for an audience, about whom the subject's token is.

        Raises:
            Unauthorized: The subject's token has ended.
            ServiceUnavailable: The provider does not answer, or refuses.
        """
        form = {
            "grant_type": EXCHANGE,
            "subject_token": subject.get_secret_value(),
            "subject_token_type": OF_ACCESS,
            "requested_token_type": OF_ACCESS,
            "audience": audience,
        }
        return await self._token(client, form)

    async def own(self, client: Client, audience: str) -> SecretStr:
        """A token for an audience, about the client itself.

        Raises:
            ServiceUnavailable: The provider does not answer, refuses, or names the client otherwise.
        """
        own = await self._token(client, {"grant_type": "client_credentials", "audience": audience})
        claims = _unverified(own)
        if claims.get("sub") != client.subject:
            log.error("service_subject_unknown", client=client.id, subject=claims.get("sub"))
            raise ServiceUnavailable(MISCONFIGURED)
        if claims.get("aud") in (audience, [audience]):
            return own
        # Many providers narrow a token in exchanges alone.
        return await self.exchanged(client, own, audience)

    async def _token(self, client: Client, form: Mapping[str, str]) -> SecretStr:
        key = _digest(client.id, *form.values())
        lock = self._asking.setdefault(key, asyncio.Lock())
        async with lock:  # so that each token is asked for once, whoever waits for it
            kept, until = self._kept.get(key, (SecretStr(""), 0.0))
            if time.monotonic() < until:
                self._kept.move_to_end(key)
                return kept
            self._kept.pop(key, None)
            token, lifetime_s = await self._issued(client, form)
            if lifetime_s > MARGIN_S:
                self._kept[key] = token, time.monotonic() + lifetime_s - MARGIN_S
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
            return token

    async def _issued(self, client: Client, form: Mapping[str, str]) -> tuple[SecretStr, float]:
        """A token, and for how many seconds it counts; 0 if the provider does not say."""
        if _has_ended(form.get("subject_token", "")):
            message = "The token has ended while the request was under way: get a new one."
            raise Unauthorized(message, INVALID_BEARER)
        answer = await call(
            self.breaker, lambda: self._answer(client, form), timeout_s=client.timeout_s
        )
        told = _object(answer)
        token, lifetime = told.get("access_token"), told.get("expires_in")
        if answer.is_success and isinstance(token, str) and token:
            return SecretStr(token), float(lifetime) if isinstance(lifetime, (int, float)) else 0.0
        log.error(
            "token_refused",
            client=client.id,
            audience=form["audience"],
            status=answer.status_code,
            error=told.get("error"),
            description=told.get("error_description"),
        )
        raise ServiceUnavailable(MISCONFIGURED)

    async def _answer(self, client: Client, form: Mapping[str, str]) -> httpx2.Response:
        if self.provider.issuer == DEVELOPMENT:
            return development_provider.answer(client.id, form)
        # As RFC 6749 has it, section 2.3.1: both are encoded as in forms.
        auth = httpx2.BasicAuth(quote_plus(client.id), quote_plus(client.key.get_secret_value()))
        try:
            async with httpx2.AsyncClient(transport=self.provider.transport) as http:
                self._url = self._url or await self.provider.discovered(http, "token_endpoint")
                answer = await http.post(self._url, data=dict(form), auth=auth)
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            log.warning("token_endpoint_unavailable", error=repr(error))
            raise TransientError(repr(error)) from error
        if answer.status_code >= 500 or answer.status_code == 429:
            log.warning("token_endpoint_unavailable", status=answer.status_code)
            status, pause_s = answer.status_code, retry_after.seconds_of(answer)
            raise TransientError(f"the identity provider answered {status}", pause_s)
        return answer


def _digest(*parts: str) -> str:
    """What a token is kept under, from which nobody can tell another."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _object(answer: httpx2.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _unverified(token: SecretStr) -> dict[str, Any]:
    """The claims of a token that the provider sent itself; none if it is not for services to read."""
    try:
        return dict(jwt.decode(token.get_secret_value(), options={"verify_signature": False}))
    except jwt.PyJWTError:
        return {}


def _has_ended(token: str) -> bool:
    """Whether a token that was accepted when the request began has ended since."""
    ends = _unverified(SecretStr(token)).get("exp")
    return isinstance(ends, (int, float)) and ends + LEEWAY_S <= time.time()


@cache
def endpoint_of(provider: Provider) -> TokenEndpoint:
    """The token endpoint of a provider, one for all who ask."""
    return TokenEndpoint(provider)
