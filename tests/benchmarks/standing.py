"""How long a generated service takes until it is ready, and the memory that it then has, against a bare FastAPI app.

Both are served by uvicorn as `scripts/processes.py` does and use the same libraries for the same database.
Run with `uv run python tests/benchmarks/standing.py`; prints a Markdown table.
"""

from __future__ import annotations

import os
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from statistics import median

from measure import UV
from watched import Watched, projects

FOLDER = Path(__file__).parent
APPS = {"bare": "bare:app", "generated": "services.catalog.main:app"}
PORT, ROUNDS, READY_TIMEOUT_S = 18_082, 7, 30


def standing(project: Watched, app: str) -> tuple[float, float]:
    """Seconds from the start of a process to its first answer, and the MiB that it then holds."""
    environment = project.environment
    environment["PYTHONPATH"] += f"{os.pathsep}{FOLDER}"
    options = ["--port", str(PORT), "--no-access-log", "--log-level", "critical"]
    started = time.perf_counter()
    server = subprocess.Popen(
        [project.folder / ".venv" / "bin" / "python", "-m", "uvicorn", app, *options],
        cwd=project.folder,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    try:
        until_ready(started + READY_TIMEOUT_S)
        return time.perf_counter() - started, resident(server.pid)
    finally:
        server.terminate()
        server.wait()


def until_ready(latest: float) -> None:
    while time.perf_counter() < latest:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health/ready"):
                return
        except urllib.error.URLError:
            time.sleep(0.01)
    raise SystemExit("the service did not become ready")


def resident(pid: int) -> float:
    """The memory of a process that is in RAM, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


if __name__ == "__main__":
    print("| monitoring | bare, s | generated, as a multiple | bare, MiB | generated, as a multiple |")
    print("|---|---|---|---|---|")
    with projects() as found:
        for project in found:
            migrate = [UV, "run", "--quiet", "migrate"]
            subprocess.run(migrate, cwd=project.folder, env=project.environment, check=True, capture_output=True)
            rounds = [{name: standing(project, app) for name, app in APPS.items()} for _ in range(ROUNDS)]
            cells = [project.name]
            for which, form in ((0, ".2f"), (1, ".0f")):
                bare = median(it["bare"][which] for it in rounds)
                share = median(it["generated"][which] / it["bare"][which] for it in rounds)
                cells += [f"{bare:{form}}", f"{share:.2f}"]
            print(f"| {' | '.join(cells)} |", flush=True)
