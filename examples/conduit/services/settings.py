"""Settings of Conduit: the tokens of its users."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveFloat, SecretStr
from pydantic_settings import BaseSettings


class OwnSettings(BaseSettings):
    """What tokens are signed with, and how long they are valid."""

    token_key: Annotated[SecretStr, Field(min_length=32)]
    token_lifetime_h: PositiveFloat = 168.0
