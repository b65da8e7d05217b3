"""Settings of your own. This file is yours: updates leave it alone.

Each is a field of this class, and a line at the end of `.env.example` with its name in upper case:

    page_title: str = "Welcome"

Routes read it with `SettingsDep` of `services.common.api.dependencies`.
"""

from __future__ import annotations

from pydantic_settings import BaseSettings


class OwnSettings(BaseSettings):
    """Settings that you add; `Settings` inherits them."""
