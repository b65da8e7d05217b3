"""What a generated service adds to a request, against a bare FastAPI app for the same one, in process.

Run with `uv run python tests/benchmarks/overhead.py`; prints a Markdown table.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

from measure import BOOKSHOP, UV, copy, plain_template

PROBE = Path(__file__).parent / "probe.py"

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        project = Path(name) / "bookshop"
        copy(plain_template(Path(name) / "groundplan"), project, BOOKSHOP)
        settings = {"SERVICE_KEY": "key", "API_KEYS": "{}", "PYTHONPATH": str(project)}
        environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
        # Its log goes to nowhere, as its lines cost the same wherever they go; the results come on the other stream.
        result = subprocess.run(
            [UV, "run", "--quiet", "python", PROBE],
            cwd=project,
            env=environment | settings,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        if result.returncode:
            raise SystemExit(result.stderr)
    print("| request | bare FastAPI, µs | without access log | with access log |\n|---|---|---|---|")
    for request, (bare, without, logged) in json.loads(result.stderr.splitlines()[-1]).items():
        print(f"| {request} | {bare:.0f} | {without / bare:.2f} | {logged / bare:.2f} |")
