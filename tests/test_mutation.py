"""Of the faults that `uv run tests/mutation.py` plants in what services share, a few, others with every change."""

from __future__ import annotations

import pytest

from copies import Generate
from mutation import PROJECTS, Mutant, killed, survivors, tried

SAMPLE = 16
"""Of each project; the whole takes most of an hour."""
ENOUGH = 0.75
"""Of so few, a share below this comes about by chance once in a thousand times where 90 % of all are noticed."""


@pytest.fixture(scope="module")
def mutants(generate: Generate) -> list[Mutant]:
    return [it for answers in PROJECTS.values() for it in tried(generate(answers), SAMPLE)]


def test_the_suites_of_projects_notice_most_faults_in_what_services_share(mutants: list[Mutant]) -> None:
    assert len(mutants) == SAMPLE * len(PROJECTS)
    unexplained = [it for it in mutants if not it.noticed and not it.reason]
    assert not unexplained or killed(mutants) >= ENOUGH, survivors(unexplained)
