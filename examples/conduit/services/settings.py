"""Settings of Conduit: the tokens of its users."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveFloat, SecretStr
from pydantic_settings import BaseSettings


class OwnSettings(BaseSettings):
    """The settings that every process has besides its own."""

    token_key: Annotated[SecretStr, Field(min_length=32)]
    token_lifetime_h: PositiveFloat = 168.0
