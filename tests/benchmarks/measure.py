"""What the benchmarks share: copies of this repository, made-up products of any size, medians."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[2]
BOOKSHOP = REPOSITORY / "examples" / "bookshop.yml"
UV = os.environ.get("UV", "uv")
"""`uv run` tells what it runs where it is, so that it need not be on the path."""


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def medians(works: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """The median time of each, taken in turns, so that what else the machine does falls on all alike."""
    times = [[seconds(work) for work in works] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*times, strict=True)]


def run(*command: str | Path, cwd: Path | None = None) -> None:
    """Run a command quietly; its output is shown when it fails."""
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    result = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{command}\n{result.stdout}{result.stderr}")


def plain_template(folder: Path) -> Path:
    """This repository's template as a plain folder, so that git's part is in no measurement."""
    names = ("copier.yml", "questions", "decisions", "extensions", "template")
    folder.mkdir()
    for name in names:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder)
    return folder


def empty_template(folder: Path, like: Path) -> Path:
    """A template that asks nothing and has an empty file for each of another project's."""
    for file in sorted(like.rglob("*")):
        if file.is_file():
            target = folder / "template" / file.relative_to(like)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
    (folder / "copier.yml").write_text("_subdirectory: template\n")
    return folder


def copy(template: Path, target: Path, answers: Path | None = None) -> None:
    """`copier copy` in a separate process, as a user starts it."""
    given: tuple[str | Path, ...] = ("--data-file", answers) if answers else ()
    shutil.rmtree(target, ignore_errors=True)
    run(sys.executable, "-m", "copier", "copy", "--trust", "--defaults", "--quiet", *given, template, target)


def chain(size: int, path: Path) -> Path:
    """Write the answers of a product with so many services, each with an entity and hearing of the one before."""
    services = [
        {
            "name": f"stage_{number}",
            "responsibility": f"keeps what has reached stage {number}",
            "publishes": [f"item_{number}.stored on create Item{number}"],
            "subscribes": [f"on item_{number - 1}.stored: create Item{number}(label: label)"] if number > 1 else [],
        }
        for number in range(1, size + 1)
    ]
    return write_stages(services, [f"stage_{number}.Item{number}(label: str)" for number in range(1, size + 1)], path)


def references(size: int, path: Path) -> Path:
    """Write the answers of a product with so many services, whose entities refer to one another."""
    services = [
        {
            "name": f"stage_{number}",
            "responsibility": f"keeps what has reached stage {number}",
            "depends_on": [f"stage_{number - 1}"] if number > 1 else [],
        }
        for number in range(1, size + 1)
    ]
    entities = [f"stage_{number}.Item{number}(label: str, before: Item{number - 1})" for number in range(2, size + 1)]
    return write_stages(services, ["stage_1.Item1(label: str)", *entities], path)


def write_stages(services: Sequence[Mapping[str, object]], entities: Sequence[str], path: Path) -> Path:
    """Write the answers of a product of services whose names tell their order."""
    answers = {
        "project_name": "Chain",
        "concept": "An item passes from stage to stage.",
        "mvp_features": [{"name": "Pass an item on", "outcome": "it arrives", "services": ["stage_1"]}],
        "data_entities": list(entities),
        "services": list(services),
    }
    path.write_text(yaml.safe_dump(answers, sort_keys=False))
    return path
