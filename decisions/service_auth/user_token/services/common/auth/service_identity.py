"""Services prove which they are by tokens of the identity provider, which also tell for whom they work (RFC 8693).

Each service is a client of the provider. While it works for a user, it exchanges the user's token for one that is for the
service that it calls, and for no other; for work of its own it gets a token for itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import SecretStr

from services.common.auth import authentication, service_clients, tokens
from services.common.auth.callers import SERVICE_CALLER, Caller, HeaderCredential
from services.common.auth.oidc_provider import provider_of
from services.common.auth.token_endpoint import Client, endpoint_of
from services.common.config import Settings
from services.common.errors import Unauthorized

CREDENTIAL = HeaderCredential("X-Service-Token")
"""What proves which service calls, and for whom; `Authorization` is for callers from outside."""
CHALLENGE = 'ServiceToken realm="services"'
"""What callers are asked for who are none (RFC 9110, section 11.6.1)."""


async def headers_for(
    sender: str, receiver: str, settings: Settings, caller: Caller = SERVICE_CALLER
) -> dict[str, str]:
    """The headers by which a service proves itself to another, and for which caller it works.

    Raises:
        Unauthorized: The token of the caller has ended meanwhile.
        ServiceUnavailable: The provider does not answer, or refuses.
    """
    endpoint = endpoint_of(provider_of(settings.oidc_issuer, settings.oidc_jwks_url))
    client = Client(
        service_clients.client_of(sender, settings),
        settings.service_client_secret,
        service_clients.subject_of(sender, settings),
        settings.timeout_s(receiver) / 2,  # the other half is for the call itself
    )
    audience = service_clients.client_of(receiver, settings)
    if caller.token:
        token = await endpoint.exchanged(client, caller.token, audience)
    else:
        token = await endpoint.own(client, audience)
    return {CREDENTIAL.name: token.get_secret_value()}


async def identify(headers: Mapping[str, str], receiver: str, settings: Settings) -> Caller | None:
    """Tell which service sent a request to another, or for whom it did; None if nothing says that one did.

    Raises:
        Unauthorized: The token is not valid, for another service, or none that a service got.
        ServiceUnavailable: The provider does not answer, so that its keys are unknown.
    """
    token = CREDENTIAL.read(headers)
    if token is None:
        return None
    provider = provider_of(settings.oidc_issuer, settings.oidc_jwks_url)
    audience = service_clients.client_of(receiver, settings)
    try:
        claims = await tokens.verified(
            token, provider, issuer=settings.oidc_issuer, audience=audience
        )
    except Unauthorized as error:
        raise Unauthorized(f"{CREDENTIAL.name}: {error}", CHALLENGE) from error
    sender = service_clients.service_behind(claims, settings)
    if sender is None:
        raise _refused("no service of this project got it")
    if not _is_for_one(claims, audience, settings):
        raise _refused("it is for other services, too")
    if not _acts_as(sender, claims, settings):
        raise _refused("another than the service that got it acts")
    if claims["sub"] == service_clients.subject_of(sender, settings):
        return Caller(sender, is_service=True, unrestricted=True)
    if claims["sub"] in service_clients.subjects(settings):
        raise _refused("a service speaks for no other")
    caller = authentication.caller_in(claims, settings)
    return replace(caller, sender=sender, token=SecretStr(token))


def _refused(reason: str) -> Unauthorized:
    return Unauthorized(f"{CREDENTIAL.name}: The token is not valid: {reason}.", CHALLENGE)


def _is_for_one(claims: Mapping[str, Any], audience: str, settings: Settings) -> bool:
    """Whether no other service would take the token, so that who receives it cannot send it on."""
    listed = {claims["aud"]} if isinstance(claims["aud"], str) else {*claims["aud"]}
    known = {*service_clients.clients(settings.service_clients).values()}
    return listed & known == {audience}


def _acts_as(sender: str, claims: Mapping[str, Any], settings: Settings) -> bool:
    """Whether the token names nobody else as who acts (RFC 8693, section 4.1); many providers name nobody."""
    if "act" not in claims:
        return True
    actor = claims["act"] if isinstance(claims["act"], Mapping) else {}
    client = service_clients.client_of(sender, settings)
    own = (client, service_clients.subject_of(sender, settings))
    return any(actor.get(it) in own for it in ("sub", *service_clients.CLIENT_CLAIMS))


def unsafe_settings(settings: Settings, *, loopback_only: bool) -> str:
    """What makes the settings unsafe for a process that other machines reach, or only this one; empty if nothing."""
    return service_clients.unsafe_settings(settings, loopback_only=loopback_only)
