"""Run one process of the project: `uv run serve NAME [--host ADDRESS]`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from threading import Thread

import uvicorn

from services.common.config import load_settings
from scripts.processes import load_processes


def end_with_input() -> None:
    """Stop this process when standard input ends, as it does with the process that started it."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Serve until told to stop."""
    processes = {process.name: process for process in load_processes()}
    parser = argparse.ArgumentParser(prog="serve", description=__doc__)
    parser.add_argument("name", choices=sorted(processes))
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--end-with-input", action="store_true", help="as `dev` starts it")
    asked = parser.parse_args()
    process = processes[asked.name]
    if asked.end_with_input:
        Thread(target=end_with_input, daemon=True).start()
    load_settings()  # what is missing is said here, in a line
    # The services configure logging themselves, uvicorn's included.
    uvicorn.run(process.app, host=asked.host, port=process.port, log_config=None, access_log=False)


if __name__ == "__main__":
    main()
