"""`plan why` tells the truth: every file that another answer changes is one that it lists for that answer."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from copies import Generate, git
from projects import REPOSITORY, answers
from samples import sampled
from test_decide import plan
from test_updates import ADDED, DUE, LED, LONGER, OPTIONS, OTHERWISE, SHOP, Answers, contents

CHANGES: dict[str, Answers] = {
    **{name: {name: answer} for name, answer in OTHERWISE.items()},
    **{f"{id}={option}": {id: option} for id, option in OPTIONS},
    "project_name": {"project_name": "Edge shop", "project_slug": "corner_shop"},
    "concept": {"concept": "Another shop."},
    "services and data_entities": ADDED,
    "data_entities": LONGER,
    "mvp_features": {"mvp_features": [{"name": "Return a thing", "services": ["stock"]}]},
    "external_apis": {"external_apis": [{"name": "sms", "used_by": ["post"], "timeout_s": 2}]},
    "workflows": LED,
    "jobs": DUE,
    "deploy_target": {"deploy_target": "kubernetes"},
    "port_base": {"port_base": 9000},
}
"""Other answers, one question at a time where that is possible."""


def made(project: Path) -> Any:
    return json.loads((project / "Planning" / "model.json").read_text("utf-8"))


def reached(model: Any, names: set[str]) -> set[str]:
    """The files that the model says these answers made."""
    reported = {
        it["file"]: {*it["because_of"], *(name for line in it["lines"] for name in line.split()[1:])} for it in model
    }
    return {file for file, by in reported.items() if by & names}


@pytest.mark.parametrize("answer", sampled([*CHANGES], 30))
def test_what_an_answer_changes_is_what_it_reaches(generate: Generate, answer: str) -> None:
    assert unreported(generate(SHOP), generate(SHOP | CHANGES[answer]), {*CHANGES[answer]}) == set()


def test_what_encryption_changes_for_sensitive_fields_is_what_it_reaches(generate: Generate) -> None:
    told = SHOP | {"data_entities": [*SHOP["data_entities"], "post.Reader(phone: str health, age: int?)"]}
    assert unreported(generate(told), generate(told | {"encryption": "fields"}), {"encryption"}) == set()


def unreported(before: Path, after: Path, changes: set[str]) -> set[str]:
    """The files that differ between projects, although neither says that these answers made them."""
    one, other = made(before), made(after)
    outcome = [{it["id"]: it["option"] for it in model["decisions"]} for model in (one, other)]
    moved = {id for id in outcome[0] if outcome[0][id] != outcome[1][id]}  # decisions that follow the answer
    names = changes | moved
    reported = reached(one["generated"], names) | reached(other["generated"], names)
    first, second = contents(before), contents(after)
    changed = {path for path in {*first, *second} if first.get(path) != second.get(path)}
    return changed - reported - {"Planning/model.json", ".copier-answers.yml"}


def test_the_model_knows_every_file_as_it_was_made(generate: Generate) -> None:
    project = generate(SHOP)
    marks = {it["file"]: it["mark"] for it in made(project)["generated"]}
    assert len(marks) > 40
    for name, mark in marks.items():
        assert hashlib.sha256((project / name).read_bytes()).hexdigest().startswith(mark), name


def plan_why(project: Path, what: str) -> str:
    done = plan(project, "why", what)
    assert done.returncode == 0, done.stderr
    return done.stdout


class TestTelling:
    def test_a_line_and_its_answer(self, generate: Generate) -> None:
        bookshop = generate(answers(REPOSITORY / "examples" / "bookshop.yml"))
        lines = (bookshop / "Planning" / "PRD.md").read_text("utf-8").splitlines()
        for start, answer in (
            ("A bookshop with one counter", "concept"),
            ("| Recommendations and reviews", "out_of_scope"),
            ("- **FR-003-AC2**", "mvp_features"),
            ("| NFR-02 | Taking", "performance_targets"),
            ("| RISK-2", "risks"),
            ("## Glossary", "no answer: it is the same in every project"),
        ):
            number = next(n for n, line in enumerate(lines, 1) if line.startswith(start))
            assert plan_why(bookshop, f"Planning/PRD.md:{number}").splitlines()[1] == f"  {answer}"

    def test_an_answer_and_its_files(self, generate: Generate) -> None:
        output = plan_why(generate(SHOP), "storage_kind")
        assert output.startswith("storage_kind = sqlite (ADR-0007, chosen")
        assert re.search(r"^  services/common/db/engine\.py: line 1$", output, re.MULTILINE)
        # Of a service's own files, those alone that tell a kind of storage what to keep.
        own = re.findall(r"^  services/stock/(\S+):", output, re.MULTILINE)
        assert own == ["__init__.py", "migrations/0001_create_things.py", "queries.py", "tables.py"]

    def test_an_owned_file_and_what_it_stands_on(self, generate: Generate) -> None:
        output = plan_why(generate(SHOP), "services/sales/sale.py")
        assert output.startswith("services/sales/sale.py: yours: written once, no update touches it\n")
        assert "It is there because of data_entities, services." in output

    def test_lines_of_an_edited_file_are_not_reported(self, generate: Generate) -> None:
        project = generate(SHOP)
        readme = project / "README.md"
        readme.write_text(f"Ours.\n\n{readme.read_text('utf-8')}")
        output = plan_why(project, "README.md:1")
        assert "edited since it was made" in output
        assert "  project_name\n" in output

    def test_what_is_the_same_everywhere(self, generate: Generate) -> None:
        assert "no answer made it" in plan_why(generate(SHOP), "services/common/hooks.py")

    @pytest.mark.parametrize(
        ("what", "pattern"),
        [
            ("storage_knd", "storage_knd is neither a file of the project nor a question. Fix: try storage_kind."),
            ("../README.md", "../README.md is neither a file of the project nor a question. Fix: try README.md."),
            ("README.md:999", r"README\.md has no line 999\. Fix: name a line from 1 to \d+\."),
            ("", "is neither a file of the project"),
        ],
    )
    def test_what_is_unknown_is_one_line(self, generate: Generate, what: str, pattern: str) -> None:
        done = plan(generate(SHOP), "why", what)
        assert (done.returncode, done.stdout) == (2, "")
        assert re.search(pattern, done.stderr)
        assert len(done.stderr.splitlines()) == 1


def test_a_change_names_the_rules_that_stood_on_what_changed(generate: Generate) -> None:
    project = generate(SHOP)
    rules = project / "services" / "stock" / "thing.py"
    rules.write_text(rules.read_text("utf-8") + "\n\nSMALLEST_PRICE = 1\n")
    git(project, "commit", "--quiet", "--all", "--message", "ours")
    longer = json.dumps(LONGER["data_entities"])
    output = plan(project, "decide", f"data_entities={longer}", "--dry-run").stdout
    told = output.partition("Yours to read again:\n")[2].splitlines()
    assert {"  services/sales/sale.py", "  services/stock/thing.py"} <= set(told)  # a sale sees the thing sold
    assert not [it for it in told if it.startswith("  services/post/")]
    criteria = json.dumps([{**SHOP["mvp_features"][0], "acceptance": ["WHEN one pays THE SYSTEM SHALL store it."]}])
    output = plan(project, "decide", f"mvp_features={criteria}", "--dry-run").stdout
    assert "Yours to read again:\n  tests/acceptance/test_fr_001.py\n" in output
