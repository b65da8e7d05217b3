"""Every service is a separate process: calls between them go over HTTP."""

from __future__ import annotations

import httpx2


def open_client(service: str, url: str, headers: dict[str, str]) -> httpx2.AsyncClient:
    """Make a client for the service at `url`."""
    # A proxy of the environment is for the outside; the key of the services must not go there.
    return httpx2.AsyncClient(base_url=url, headers=headers, trust_env=False)
