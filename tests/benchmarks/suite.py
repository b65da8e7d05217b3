"""What the suite of a generated project costs with 3 and with 41 services, in seconds of CPU.

Run with `uv run python tests/benchmarks/suite.py`; prints a Markdown table. In a chain of references each entity refers
to one of the service before; in a chain of reactions each record causes one in every service after it, so that the work
that the product itself does grows with the square.
"""

from __future__ import annotations

import resource
import tempfile
from collections.abc import Callable
from pathlib import Path

from measure import UV, chain, copy, plain_template, references, run

SIZES = (3, 41)
SHAPES: dict[str, Callable[[int, Path], Path]] = {"references": references, "reactions": chain}


def cpu_seconds() -> float:
    """What the processes that have ended took so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def suite(project: Path) -> float:
    """The CPU time of a project's suite, its environment made before."""
    run(UV, "run", "--quiet", "pytest", "--quiet", "tests/unit", cwd=project)
    start = cpu_seconds()
    run(UV, "run", "--quiet", "pytest", "--quiet", cwd=project)
    return cpu_seconds() - start


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        template = plain_template(folder / "groundplan")
        print(f"| chain of | {' | '.join(f'{size} services' for size in SIZES)} | ratio |\n|---|---|---|---|")
        for shape, answers in SHAPES.items():
            times = []
            for size in SIZES:
                project = folder / f"{shape}_{size}"
                copy(template, project, answers(size, folder / f"{shape}_{size}.yml"))
                times.append(suite(project))
            print(f"| {shape} | {times[0]:.1f} | {times[1]:.1f} | {times[1] / times[0]:.1f} |", flush=True)
