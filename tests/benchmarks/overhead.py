"""What a generated service adds to a request, against a bare FastAPI app for the same one, in process.

Run with `uv run python tests/benchmarks/overhead.py`; prints a Markdown table.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from measure import UV
from watched import projects

PROBE = Path(__file__).parent / "probe.py"

if __name__ == "__main__":
    print("| monitoring | request | bare FastAPI, µs | without access log | with access log |\n|---|---|---|---|---|")
    with projects() as found:
        for project in found:
            # Its log goes to nowhere, as its lines cost the same wherever they go; results come on the other stream.
            result = subprocess.run(
                [UV, "run", "--quiet", "python", PROBE],
                cwd=project.folder,
                env=project.environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            if result.returncode:
                raise SystemExit(result.stderr)
            for request, (bare, without, logged) in json.loads(result.stderr.splitlines()[-1]).items():
                ratios = f"{without / bare:.2f} | {logged / bare:.2f}"
                print(f"| {project.name} | {request} | {bare:.0f} | {ratios} |", flush=True)
