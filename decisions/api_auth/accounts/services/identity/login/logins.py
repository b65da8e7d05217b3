"""Logins: an access token for some minutes, and a refresh token that is used once for the next ones."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import structlog
from pydantic import Field

from services.common import models as common
from services.common.auth.callers import SERVICE_CALLER
from services.common.config import Settings
from services.common.errors import Unauthorized
from services.common.runtime import Runtime
from services.common.transaction import Records, Transaction
from services.common.utils import now
from services.identity import models
from services.identity.login import signing, stored
from services.identity.login.schemas import Token

log = structlog.get_logger()


class Tokens(common.Model):
    """What a caller sends from now on (RFC 6749, section 5.1)."""

    access_token: str = Field(repr=False)
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int = Field(description="After how many seconds the access token ends.")
    refresh_token: str = Field(
        repr=False, description="For the next ones, once: a second use ends the login."
    )


Started = Tokens
"""What somebody gets who logs in."""


class Refresh(common.Model):
    """The refresh token of the latest answer."""

    refresh_token: Token


async def start(
    transaction: Transaction, account: models.UserAccount, settings: Settings
) -> Started:
    """Begin a login of who has proved whose account it is."""
    await stored.delete_expired(transaction, models.LoginSession)
    secret = stored.new_secret()
    draft = models.LoginSessionDraft(
        account=account.id,
        token_hash=stored.hash_of(secret),
        expires_at=now() + timedelta(days=settings.login_days),
    )
    session = await transaction.create(models.LoginSession, draft)
    return _tokens(account, stored.joined(session.id, secret), settings)


class Logins:
    """The logins that there are."""

    def __init__(self, runtime: Runtime) -> None:
        self.settings = runtime.settings
        self.records = Records(runtime, SERVICE_CALLER)

    async def refresh(self, token: str) -> Tokens:
        """Replace a refresh token, which is used once; whoever uses it again ends the login, as it may be stolen.

        Raises:
            Unauthorized: It is not valid, or not any more.
        """
        id, secret = stored.parts(token)
        async with self.records.begin() as transaction:
            session = await stored.locked(transaction, models.LoginSession, id)
            if session is None:
                raise stored.invalid_token()
            if stored.is_valid(session, secret):
                account = await transaction.get(models.UserAccount, session.account)
                secret = stored.new_secret()
                await transaction.update(session, token_hash=stored.hash_of(secret))
                return _tokens(account, stored.joined(session.id, secret), self.settings)
            await transaction.delete(session)
        if now() < session.expires_at:
            log.warning("refresh_token_reused", account=str(session.account))
        raise stored.invalid_token()

    async def log_out(self, token: str) -> None:
        """End a login; one that has ended already stays so."""
        try:
            id, _ = stored.parts(token)
        except Unauthorized:
            return
        async with self.records.begin() as transaction:
            if session := await stored.locked(transaction, models.LoginSession, id):
                await transaction.delete(session)


def _tokens(account: models.UserAccount, refresh_token: str, settings: Settings) -> Tokens:
    return Tokens(
        access_token=signing.access_token(account, settings),
        expires_in=int(settings.access_token_minutes * 60),
        refresh_token=refresh_token,
    )
