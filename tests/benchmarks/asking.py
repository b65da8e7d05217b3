"""What the questions cost with `--defaults`: one of this template against a plain one, and whether that is linear.

Run with `uv run python tests/benchmarks/asking.py`; prints a Markdown table.
"""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path

import yaml

from measure import REPOSITORY, copy, medians, plain_template

ROUNDS = 5
EXTRA = (0, 100, 200, 400)
QUESTIONS = sum(len(yaml.safe_load(path.read_text())) for path in (REPOSITORY / "questions").glob("*.yml"))


def without_files(template: Path) -> Path:
    """A template that asks and writes nothing but one empty file."""
    shutil.rmtree(template / "template")
    (template / "template").mkdir()
    (template / "template" / "empty").touch()
    return template


def with_more(template: Path, count: int) -> Path:
    """The template with so many further questions of the kind that most are."""
    stanza = {"type": "yaml", "multiline": True, "default": None, "ask": "{{ depth != 'express' }}", "help": "What?"}
    names = [f"more_{number}" for number in range(count)]
    more: dict[str, object] = {name: stanza | {"validator": "{{ fault('" + name + "') }}"} for name in names}
    (template / "questions" / "more.yml").write_text(yaml.safe_dump(more or {"more": False}))
    with (template / "copier.yml").open("a") as file:
        file.write("---\n!include questions/more.yml\n")
    return template


def plain(folder: Path, count: int) -> Path:
    """A template with so many questions that have a type and a default."""
    (folder / "template").mkdir(parents=True)
    (folder / "template" / "empty").touch()
    questions = {f"plain_{n}": {"type": "str", "default": "x"} for n in range(count)}
    (folder / "copier.yml").write_text(yaml.safe_dump({"_subdirectory": "template"} | questions))
    return folder


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        answers = folder / "answers.yml"
        answers.write_text(yaml.safe_dump({"project_name": "Shop", "concept": "Sells."}))
        none = plain(folder / "none", 0)
        works = [partial(copy, none, folder / "target")]
        for extra in EXTRA:
            ours = with_more(without_files(plain_template(folder / f"ours_{extra}")), extra)
            others = plain(folder / f"plain_{extra}", QUESTIONS + extra)
            works += [partial(copy, ours, folder / "target", answers), partial(copy, others, folder / "target")]
        nothing, *times = medians(works, ROUNDS)
        print("| questions | ms each | plain ones, ms each | ratio |\n|---|---|---|---|")
        for extra, mine, theirs in zip(EXTRA, times[::2], times[1::2], strict=True):
            count = QUESTIONS + extra
            each, simple = ((it - nothing) / count * 1000 for it in (mine, theirs))
            print(f"| {count} | {each:.2f} | {simple:.2f} | {each / simple:.1f} |")
