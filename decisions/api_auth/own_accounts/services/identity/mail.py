"""Mails about accounts. This file is yours: updates leave it alone.

Nothing is sent yet, so that nobody can sign up or reset a password by mail; the command `accounts add` makes accounts
meanwhile. Send with whatever the team uses. A page that the mail links to takes the token, asks for a password, and
sends both to `PUT /password` of this service.

The token is all that somebody needs for the account: it belongs into the mail and nowhere else, not into a log and
not into an error. What is raised here is logged by its class alone, and no caller hears of it: the request was answered
before, in the same way whether or not there is an account.
"""

from __future__ import annotations

import structlog

from services.common.config import Settings

log = structlog.get_logger()


async def send_sign_up(email: str, token: str, settings: Settings) -> None:
    """Send the token with which the owner of an address chooses a password, and has an account."""
    log.warning("mail_not_sent", mail="sign_up")


async def send_already_signed_up(email: str, settings: Settings) -> None:
    """Tell the owner of an account that somebody wanted to sign up with its address."""
    log.warning("mail_not_sent", mail="already_signed_up")


async def send_reset(email: str, token: str, settings: Settings) -> None:
    """Send the token with which the owner of an account chooses another password."""
    log.warning("mail_not_sent", mail="reset")
