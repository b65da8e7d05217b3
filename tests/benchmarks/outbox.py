"""Events through outbox, broker and inbox, against events given to the broker alone, both in one run.

Run with `uv run python tests/benchmarks/outbox.py`; prints a Markdown table. Each broker is started for it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "extensions"))

from brokers import KINDS, serving
from measure import BOOKSHOP, UV, copy, plain_template
from projects import answers, environment

PROBE = Path(__file__).parent / "outbox_probe.py"
COUNT = 1_000


def measured(project: Path, settings: dict[str, str]) -> dict[str, float]:
    """Events a second, by the way that they took."""
    env = environment(SERVICE_KEY="key", API_KEYS="{}", PYTHONPATH=str(project), **settings)
    result = subprocess.run(
        [UV, "run", "--quiet", "python", PROBE, str(COUNT), "orders"],
        cwd=project,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    if result.returncode:
        raise SystemExit(result.stderr)
    return dict(json.loads(result.stderr.splitlines()[-1]))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        template = plain_template(folder / "groundplan")
        print(f"| {COUNT} events | broker alone, a second | outbox to inbox, a second | ratio |\n|---|---|---|---|")
        for option in KINDS:
            project = folder / option
            chosen = folder / f"{option}.yml"
            chosen.write_text(yaml.safe_dump(answers(BOOKSHOP) | {"delivery": option}), encoding="utf-8")
            copy(template, project, chosen)
            with serving(option, folder / f"{option}-server") as server:
                rates = measured(project, server.settings)
            ratio = rates["outbox"] / rates["direct"]
            print(f"| {option} | {rates['direct']:.0f} | {rates['outbox']:.0f} | {ratio:.2f} |")
