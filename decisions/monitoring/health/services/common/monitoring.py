"""Nothing is watched but health and logs, which every service has."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext

from fastapi import FastAPI

from services.common.config import Settings


def install(app: FastAPI, service: str) -> None:
    """Add nothing to the application."""


def running(service: str, settings: Settings) -> AbstractAsyncContextManager[None]:
    """Nothing runs beside the service."""
    return nullcontext()
