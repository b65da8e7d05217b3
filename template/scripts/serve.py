"""Run one process of the project: `uv run serve NAME [--host ADDRESS]`."""

from __future__ import annotations

import argparse

import uvicorn

from scripts.processes import load_processes


def main() -> None:
    """Serve until told to stop."""
    processes = {process.name: process for process in load_processes()}
    parser = argparse.ArgumentParser(prog="serve", description=__doc__)
    parser.add_argument("name", choices=sorted(processes))
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    asked = parser.parse_args()
    process = processes[asked.name]
    # The services configure logging themselves, uvicorn's included.
    uvicorn.run(process.app, host=asked.host, port=process.port, log_config=None, access_log=False)


if __name__ == "__main__":
    main()
