"""Every service is a process of its own, and the others know where."""

from __future__ import annotations

from services.common.config import Settings
from services.common.transport import open_client
from scripts.processes import load_processes
from tests.fixtures.facts import SERVICES


def test_each_service_has_a_process_and_a_port_of_its_own() -> None:
    processes = load_processes()
    own = [process.services for process in processes if process.services]
    assert own == [{name: ""} for name in SERVICES]
    assert len({process.port for process in processes}) == len(processes)


async def test_the_others_call_it_there() -> None:
    for process in (it for it in load_processes() if it.services):
        url = Settings.model_fields[f"{process.name}_url"].default
        assert url == process.url(process.name)
        async with open_client(process.name, url, {"X-API-Key": "a-key"}) as client:
            assert str(client.base_url) == f"http://127.0.0.1:{process.port}"
            assert client.headers["X-API-Key"] == "a-key"
