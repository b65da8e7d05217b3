"""The cost of changing a decision, as prompts and records state it, is what a change really costs."""

from __future__ import annotations

from pathlib import Path

from groundplan import catalogue
from projects import REPOSITORY
from reversal import measured

MOST_FILES = {
    "api_auth": 78,
    "communication": 34,
    "delivery": 16,
    "encryption": 24,
    "job_management": 16,
    "service_auth": 52,
    "storage_kind": 46,
    "topology": 18,
}
"""That a flip may touch outside Planning, where more than usual belongs to an option."""
USUAL = 15


def test_every_decision_that_can_be_changed_has_its_measured_cost(template: Path, tmp_path: Path) -> None:
    """`uv run tests/reversal.py` measures it anew."""
    decisions = catalogue.load(REPOSITORY / "decisions")
    costs = measured(decisions, template, tmp_path)
    recorded = {it.id: vars(it.reversal) for it in decisions.decisions if it.reversal}
    assert recorded == costs
    assert {id: it for id, it in costs.items() if it["files"] > MOST_FILES.get(id, USUAL)} == {}
