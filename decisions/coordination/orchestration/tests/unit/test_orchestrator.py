"""The state of a workflow after each reply: whichever replies come, late, twice or never, it ends."""

from __future__ import annotations

from itertools import product

import pytest

from services.common.errors import ServiceError, ServiceUnavailable, VersionConflict
from services.common.utils import new_id, now
from services.common.workflows import participant
from services.common.workflows.orchestrator import Saga, Step, advanced

STEPS = 3
REPLIES = ("done", "refused", "undone", "timeout")


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
            "reason": None,
            "due_at": at,
        }
    )


@pytest.mark.parametrize(
    ("state", "step", "reply", "expected"),
    [
        ("running", 0, "done", ("running", 1)),
        ("running", 2, "done", ("done", 2)),
        ("running", 0, "refused", ("undone", 0)),
        ("running", 2, "refused", ("undoing", 1)),
        ("running", 0, "timeout", ("undoing", 0)),
        ("running", 2, "timeout", ("undoing", 2)),
        ("undoing", 1, "undone", ("undoing", 0)),
        ("undoing", 0, "undone", ("undone", 0)),
    ],
)
def test_a_reply_moves_the_workflow_forward_or_back(
    state: str, step: int, reply: str, expected: tuple[str, int]
) -> None:
    after = advanced(saga(state, step), STEPS, step, reply)
    assert after
    assert (after.state, after.step, after.version) == (*expected, 2)


@pytest.mark.parametrize(
    ("state", "reply"),
    [
        ("running", "undone"),
        ("undoing", "done"),
        ("undoing", "refused"),
        ("undoing", "timeout"),
        *product(("done", "undone"), REPLIES),
    ],
)
def test_a_reply_out_of_place_changes_nothing(state: str, reply: str) -> None:
    assert advanced(saga(state, 1), STEPS, 1, reply) is None


@pytest.mark.parametrize(("state", "reply"), [*product(("running", "undoing"), REPLIES)])
def test_a_reply_of_another_step_changes_nothing(state: str, reply: str) -> None:
    assert advanced(saga(state, 1), STEPS, 2, reply) is None
    assert advanced(saga(state, 1), STEPS, 0, reply) is None


def test_the_workflow_ends_after_any_sequence_of_replies() -> None:
    ends: set[str] = set()
    for replies in product(product(range(STEPS), REPLIES), repeat=3):
        current = saga()
        for step, reply in replies:
            current = advanced(current, STEPS, step, reply) or current
        for _ in range(2 * STEPS):  # from here on, each command is answered in time
            reply = "done" if current.state == "running" else "undone"
            current = advanced(current, STEPS, current.step, reply) or current
        ends.add(current.state)
    assert ends == {"done", "undone"}


def test_the_reason_is_kept_until_all_is_undone() -> None:
    current = advanced(saga("running", 2), STEPS, 2, "refused", "no money")
    for step in (1, 0):
        assert current
        assert current.reason == "no money"
        current = advanced(current, STEPS, step, "undone")
    assert current
    assert (current.state, current.reason) == ("undone", "no money")


def test_what_was_not_answered_in_time_is_told_as_the_reason() -> None:
    after = advanced(saga(), STEPS, 0, "timeout")
    assert after
    assert after.reason == "There was no answer in time."


def test_a_workflow_that_goes_on_has_no_reason_to_be_undone() -> None:
    for step in range(STEPS):
        after = advanced(saga(step=step), STEPS, step, "done", "not meant")
        assert after
        assert after.reason is None


def test_a_step_is_drafted_from_fields_of_the_record_and_constants() -> None:
    step = Step("pay", "bank", fields={"order": "id", "sum": "total"}, constants={"by": "card"})
    assert step.draft({"id": "one", "total": "7.00", "note": "none"}) == {
        "order": "one",
        "sum": "7.00",
        "by": "card",
    }


def test_what_is_no_fault_of_the_request_refuses_no_step() -> None:
    with pytest.raises(ServiceError, match="It is broken"):
        participant._refusal(ServiceError("It is broken."))
    with pytest.raises(ServiceUnavailable, match="It was changed"):
        participant._refusal(VersionConflict("It was changed."))
