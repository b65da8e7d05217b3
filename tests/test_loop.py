"""From a product owner's paragraph to a project without a gap before coding, by nothing but what `plan next` asks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from copies import Generate, git
from projects import EXAMPLES, REPOSITORY, answers, run
from test_decide import plan

BRIEF = yaml.safe_load((Path(__file__).parent / "loop.yml").read_text("utf-8"))
REPLIES: dict[str, Any] = BRIEF["replies"]

COMPLETE, OPEN = 0, 1


def as_json(project: Path, *arguments: str) -> Any:
    """What a command says to programs, which is as `plan schema` tells; it may not fail."""
    done = plan(project, *arguments, "--json")
    assert done.returncode in (COMPLETE, OPEN), done.stderr
    content = json.loads(done.stdout)
    jsonschema.validate(content, schema_of(project))
    return content


def schema_of(project: Path) -> Any:
    return json.loads(plan(project, "schema").stdout)


def ask_and_decide(project: Path, rounds: list[list[str]]) -> None:
    """The loop, with no knowledge of any question; `rounds` gets the keys that each command decided."""
    while True:
        questions = {it["question"]: it for it in as_json(project, "next")["questions"]}
        wanted = [name for it in questions.values() if it["must"] for name in (*it["together"], it["question"])]
        keys = list(dict.fromkeys(wanted))
        if not keys:
            return
        decided = [f"{key}={yaml.safe_dump(REPLIES[key], default_flow_style=True, width=10_000)}" for key in keys]
        why = ["--why", "the product owner says so"] if any(questions[key]["why"] for key in keys) else []
        assert as_json(project, "decide", *decided, *why)["brought"]
        git(project, "commit", "--quiet", "--message", f"Answered: {', '.join(keys)}")
        rounds.append(keys)


def test_the_guide_to_the_loop_names_every_part_of_a_question(generate: Generate) -> None:
    project = generate(answers(EXAMPLES[0]))
    shapes = {it["properties"]["command"]["const"]: it["properties"] for it in schema_of(project)["oneOf"]}
    parts = set(shapes["next"]["questions"]["items"]["properties"])
    table = re.findall(r"^\| (`.*`) \| .* \|$", (REPOSITORY / "AGENTS.md").read_text("utf-8"), re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(table))) == parts


MANY = {
    "project_name": "Harbour",
    "concept": "A harbour keeps its books.",
    "mvp_features": [f"Duty {number}: it is done" for number in range(40)],
    "services": [f"part_{number}: keeps its own" for number in range(30)],
}


@pytest.mark.parametrize("given", [*map(answers, EXAMPLES), MANY], ids=[*(it.stem for it in EXAMPLES), "many services"])
def test_what_agents_read_in_a_project_is_short(generate: Generate, given: dict[str, object]) -> None:
    text = (generate(given) / "AGENTS.md").read_text("utf-8")
    assert len(text.splitlines()) < 120
    assert "## Yours and managed" in text


@pytest.fixture(scope="module")
def answered(generate: Generate) -> tuple[Path, list[list[str]]]:
    project = generate({**BRIEF["answers"], "concept": BRIEF["paragraph"]})
    rounds: list[list[str]] = []
    ask_and_decide(project, rounds)
    return project, rounds


def test_no_gap_is_left_before_coding(answered: tuple[Path, list[list[str]]]) -> None:
    project, _ = answered
    assert [it["id"] for it in as_json(project, "gaps")["findings"] if it["level"] == "must"] == []
    gates = {it["gate"]: it["passed"] for it in as_json(project, "gate")["gates"]}
    assert all(gates[str(number)] for number in range(1, 10)), gates


def test_nobody_is_asked_twice_or_for_what_can_wait(answered: tuple[Path, list[list[str]]]) -> None:
    _, rounds = answered
    asked = [key for keys in rounds for key in keys]
    assert len(asked) == len(set(asked))
    assert set(REPLIES) - set(asked)
    assert len(asked) > 5


def test_the_plan_fits_its_timeline(answered: tuple[Path, list[list[str]]]) -> None:
    project, _ = answered
    assert {"team", "timeline"} & {key for keys in answered[1] for key in keys}  # it did not, before
    ninth = as_json(project, "check")["checkpoints"][8]
    assert ninth["state"] == "ok"
    assert ninth["evidence"].partition(";")[2].split(";")[2].strip() == "it fits", ninth


def test_the_project_is_green(answered: tuple[Path, list[list[str]]]) -> None:
    project, _ = answered
    last = run(project, "pytest", "--quiet").splitlines()[-1]
    assert " passed" in last, last
