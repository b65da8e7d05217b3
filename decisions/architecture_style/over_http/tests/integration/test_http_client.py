"""Services call each other at the ports of their processes."""

from __future__ import annotations

import httpx2

from services.common.clients.http_client import open_client
from services.common.config import Settings
from scripts.processes import load_processes


async def test_a_call_to_another_service_goes_to_its_process() -> None:
    for process in (it for it in load_processes() if it.services):
        url = Settings.model_fields[f"{process.name}_url"].default
        assert url == process.url(process.name)
        auth = httpx2.BasicAuth("a-service", "a-key")
        async with open_client(process.name, url, auth) as client:
            assert (str(client.base_url), client.auth) == (process.base, auth)
            assert client.trust_env is False  # no proxy of the environment sees the key
