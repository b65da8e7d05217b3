"""What callers send to the accounts, and what they get; no model has roles to send, or shows a hash."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from services.common import models as common
from services.identity.login.passwords import MAX_LENGTH

Address = Annotated[common.Email, AfterValidator(str.lower)]
"""An e-mail address; however somebody types it, it is the same account."""


def _encodable(value: SecretStr) -> SecretStr:
    """Refuse half a character: JSON may spell one that no encoding has."""
    try:
        value.get_secret_value().encode()
    except UnicodeEncodeError:
        raise ValueError("it contains half a surrogate pair") from None
    return value


Password = Annotated[
    SecretStr, Field(min_length=1, max_length=MAX_LENGTH), AfterValidator(_encodable)
]
Token = Annotated[SecretStr, Field(min_length=1, max_length=255), AfterValidator(_encodable)]


class SignUp(common.Model):
    """Who wants an account."""

    email: Address


class ResetRequest(common.Model):
    """Who has forgotten a password."""

    email: Address


class NewPassword(common.Model):
    """The token of a mail, and the password from now on."""

    token: Token
    password: Password


class Login(common.Model):
    """What proves who somebody is."""

    email: Address
    password: Password


class PasswordChange(common.Model):
    """The password until now, and the one from now on."""

    current_password: Password
    password: Password


class OwnAccount(common.Model):
    """The account of a caller."""

    id: common.Id
    email: str
    roles: list[str]
