"""Each service has its own process."""

from __future__ import annotations

from scripts.processes import load_processes
from tests.fixtures.facts import SERVICES


def test_each_service_has_a_process_and_a_port_of_its_own() -> None:
    processes = load_processes()
    own = [process.services for process in processes if process.services]
    assert own == [{name: ""} for name in SERVICES]
    assert len({process.port for process in processes}) == len(processes)
