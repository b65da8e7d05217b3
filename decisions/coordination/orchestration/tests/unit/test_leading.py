"""Where a workflow stands after what it hears: whatever comes, late, twice or never, it ends."""

from __future__ import annotations

from itertools import product

import pytest

from services.common.utils import new_id, now
from services.common.workflows import Saga, advanced

STEPS = 3
ANSWERS = ("done", "refused", "undone", "late")


def saga(state: str = "running", step: int = 0) -> Saga:
    at = now()
    return Saga.model_validate(
        {
            "id": new_id(),
            "version": 1,
            "created_at": at,
            "updated_at": at,
            "workflow": "any",
            "state": state,
            "step": step,
            "because": None,
            "due_at": at,
        }
    )


@pytest.mark.parametrize(
    ("state", "step", "answer", "then"),
    [
        ("running", 0, "done", ("running", 1)),
        ("running", 2, "done", ("done", 2)),
        ("running", 0, "refused", ("undone", 0)),
        ("running", 2, "refused", ("undoing", 1)),
        ("running", 0, "late", ("undoing", 0)),
        ("running", 2, "late", ("undoing", 2)),
        ("undoing", 1, "undone", ("undoing", 0)),
        ("undoing", 0, "undone", ("undone", 0)),
    ],
)
def test_an_answer_moves_it(state: str, step: int, answer: str, then: tuple[str, int]) -> None:
    after = advanced(saga(state, step), STEPS, step, answer)
    assert after
    assert (after.state, after.step, after.version) == (*then, 2)


@pytest.mark.parametrize(
    ("state", "answer"),
    [
        ("running", "undone"),
        ("undoing", "done"),
        ("undoing", "refused"),
        ("undoing", "late"),
        *product(("done", "undone"), ANSWERS),
    ],
)
def test_what_says_nothing_new_moves_nothing(state: str, answer: str) -> None:
    assert advanced(saga(state, 1), STEPS, 1, answer) is None


@pytest.mark.parametrize(("state", "answer"), [*product(("running", "undoing"), ANSWERS)])
def test_the_answer_of_another_step_moves_nothing(state: str, answer: str) -> None:
    assert advanced(saga(state, 1), STEPS, 2, answer) is None
    assert advanced(saga(state, 1), STEPS, 0, answer) is None


def test_every_course_of_answers_ends() -> None:
    ends: set[str] = set()
    for answers in product(product(range(STEPS), ANSWERS), repeat=3):
        stands = saga()
        for step, answer in answers:
            stands = advanced(stands, STEPS, step, answer) or stands
        for _ in range(2 * STEPS):  # from here on, each command is answered in time
            heard = "done" if stands.state == "running" else "undone"
            stands = advanced(stands, STEPS, stands.step, heard) or stands
        ends.add(stands.state)
    assert ends == {"done", "undone"}


def test_the_reason_stays_until_all_is_undone() -> None:
    stands = advanced(saga("running", 2), STEPS, 2, "refused", "no money")
    for step in (1, 0):
        assert stands
        assert stands.because == "no money"
        stands = advanced(stands, STEPS, step, "undone")
    assert stands
    assert (stands.state, stands.because) == ("undone", "no money")
