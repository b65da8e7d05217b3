"""How long changing a decision takes on ten services: against a fresh copy, and an update of as many empty files.

Run with `uv run python tests/benchmarks/flip.py`; prints a Markdown table.
"""

from __future__ import annotations

import os
import tempfile
from functools import partial
from pathlib import Path

from measure import UV, chain, copy, empty_template, medians, plain_template, run

ROUNDS = 5
SERVICES = 10
UPDATE = ("copier", "update", "--trust", "--defaults", "--quiet", "--vcs-ref", ":current:", "--context-lines", "20")
PLAN = (UV, "run", "--quiet", "--no-project", "python", "-m", "scripts.planning.cli", "decide")


def committed(folder: Path) -> Path:
    """The folder as a git repository with one commit."""
    for command in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", "as it is")):
        run("git", *command, cwd=folder)
    return folder


def undone(project: Path, *command: str) -> None:
    """Run a command in a project and put back what it changed."""
    run(*command, cwd=project)
    run("git", "reset", "--quiet", "--hard", cwd=project)
    run("git", "clean", "--quiet", "-d", "--force", cwd=project)


if __name__ == "__main__":
    os.environ |= {
        f"GIT_{who}_{what}": "bench@example.invalid" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        template = committed(plain_template(folder / "groundplan"))
        answers = chain(SERVICES, folder / "chain.yml")
        project = folder / "project"
        copy(template, project, answers)
        committed(project)
        empty = empty_template(folder / "empty", project)
        (empty / "template" / ".copier-answers.yml").unlink()
        recorded = "{{ _copier_answers|to_nice_yaml -}}\n"
        (empty / "template" / "{{ _copier_conf.answers_file }}.jinja").write_text(recorded)
        committed(empty)
        hollow = folder / "hollow"
        copy(empty, hollow)
        committed(hollow)
        works = {
            "fresh copy": partial(copy, template, folder / "fresh", answers),
            "copier update, empty files": partial(undone, hollow, *UPDATE),
            "copier update, one flip": partial(undone, project, *UPDATE, "--data", "storage_kind=postgres"),
            "plan decide, one flip": partial(undone, project, *PLAN, "storage_kind=postgres"),
        }
        times = medians(list(works.values()), ROUNDS)
        print(f"| {SERVICES} services | seconds | ratio to a fresh copy |\n|---|---|---|")
        for what, seconds in zip(works, times, strict=True):
            print(f"| {what} | {seconds:.2f} | {seconds / times[0]:.1f} |")
