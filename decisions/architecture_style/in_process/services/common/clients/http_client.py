"""All services share a process: calls between them stay in it, with the contract and checks of a network call."""

from __future__ import annotations

import importlib

import httpx2


def open_client(service: str, url: str, auth: httpx2.Auth | None = None) -> httpx2.AsyncClient:
    """Make a client for the app of the service, found by name, so that no service imports another."""
    app = importlib.import_module(f"services.{service}.main").app
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://in-process", auth=auth)
