"""The services find each other at the ports of their processes."""

from __future__ import annotations

from services.common.config import Settings
from services.common.transport import open_client
from scripts.processes import load_processes


async def test_the_others_call_a_service_where_its_process_listens() -> None:
    for process in (it for it in load_processes() if it.services):
        url = Settings.model_fields[f"{process.name}_url"].default
        assert url == process.url(process.name)
        async with open_client(process.name, url, {"X-API-Key": "a-key"}) as client:
            assert str(client.base_url) == f"http://127.0.0.1:{process.port}"
            assert client.headers["X-API-Key"] == "a-key"
