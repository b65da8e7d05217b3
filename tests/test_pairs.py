"""Options multiply without tangling: every two of them that go together are in a project that lints and works.

`SAMPLE=all uv run pytest tests/test_pairs.py` tries every row.
"""

from __future__ import annotations

import pytest

from copies import Generate
from covering import Row
from groundplan import catalogue
from pairs import answers, covering, possible, to_try, uncovered
from projects import (
    NEWEST,
    OLDEST,
    REPOSITORY,
    check_whole,
    environment,
    interpreter,
    model,
    need_postgres,
    uses_postgres,
)
from samples import sampled

CATALOGUE = catalogue.load(REPOSITORY / "decisions")


def test_the_rows_hold_every_pair_that_can_be() -> None:
    rows = covering(CATALOGUE)
    assert [row for row in rows if not possible(row, CATALOGUE)] == []
    assert uncovered(rows, CATALOGUE) == []
    print(f"\n{len(rows)} projects hold every pair")


def name(row: Row) -> str:
    """What is particular about a row, short enough for a line."""
    usual = {it.id: it.offered[0].name for it in CATALOGUE.decisions}
    chosen = [f"{id}={option}" for id, option in row.items() if option != usual.get(id)]
    return ",".join(chosen)


@pytest.mark.parametrize("row", sampled(to_try(CATALOGUE), 8), ids=name)
def test_a_project_with_these_options_is_clean_and_works(row: Row, generate: Generate) -> None:
    project = generate(answers(row))
    if uses_postgres(model(project)):
        need_postgres()
    env = environment(interpreter(OLDEST if len(str(row)) % 2 else NEWEST))
    check_whole(project, env=env)
