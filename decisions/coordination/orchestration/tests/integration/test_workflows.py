"""Every workflow is done in all of its steps, or undone in all: refused, late, repeated, out of order or interrupted."""

from __future__ import annotations

from typing import Any

import pytest

from services.common import boxes, compensation, workflows
from services.common.errors import Away, Refusal
from services.common.utils import new_id
from tests.fixtures.delivery import deliver_again
from tests.fixtures.system import NO_SUCH_ID, System
from tests.fixtures.workflows import WORKFLOWS, Step, Workflow, ask, counted, participants, started

each = pytest.mark.parametrize("workflow", WORKFLOWS, ids=str)
each_step = pytest.mark.parametrize(
    ("workflow", "step"),
    [
        pytest.param(workflow, step, id=f"{workflow}-{step.name}")
        for workflow in WORKFLOWS
        for step in workflow.steps
    ],
)


@each
async def test_it_is_done_in_all_of_its_steps(system: System, workflow: Workflow) -> None:
    course = await started(system, workflow)
    told = await course.standing()
    assert (told["state"], told["step"]) == ("running", workflow.steps[0].name)
    assert not await course.created()
    await system.deliver()
    await course.ends("done", *workflow.steps)


@each
async def test_where_it_stands_is_described_and_asked_for(
    system: System, workflow: Workflow
) -> None:
    described = system.apps[workflow.service].openapi()["paths"]
    operation = described[f"{workflow.subject.path}/{{id}}/{workflow.path}"]["get"]
    assert sorted(map(int, operation["responses"])) == [200, 401, 404, 422, 503]
    assert (await ask(system, workflow, NO_SUCH_ID)).status_code == 404


@each_step
async def test_a_step_that_is_refused_has_those_before_undone_last_first(
    system: System, workflow: Workflow, step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    undone: list[Step] = []

    def watched(this: Step) -> Any:
        async def apply(hook: str, unchanged: Any, **offered: Any) -> Any:
            if hook == "undoing":
                undone.append(this)
            elif this == step:
                raise Refusal("not today")
            return unchanged

        return apply

    for this, participant in participants(workflow):
        monkeypatch.setattr(participant.rules, "apply", watched(this))
    course = await started(system, workflow)
    await system.deliver()
    await course.ends("undone")
    assert (await course.standing())["because"] == "not today"
    assert undone == workflow.steps[: workflow.steps.index(step)][::-1]


@each
async def test_what_cannot_be_stored_is_refused(
    system: System, workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflows.Step, "draft", lambda *_: {"unheard_of": 1})
    course = await started(system, workflow)
    await system.deliver()
    await course.ends("undone")
    assert "unheard_of" in (await course.standing())["because"]


@each_step
async def test_a_step_without_an_answer_is_undone_also_if_it_was_done_late(
    system: System, workflow: Workflow, step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = await started(system, workflow)
    with system.unplugged(step.service), pytest.raises(Away):
        await system.deliver()
    while (await course.standing())["step"] != step.name:  # others in the same service come first
        await _deliver_one(system, workflow)
    await course.expire()
    assert (await course.standing())["state"] == "undoing"
    await system.deliver()
    await course.ends("undone")


async def _deliver_one(system: System, workflow: Workflow) -> None:
    """Deliver from each outbox once."""
    for name in system.apps:
        for relay in system.runtime(name).errands:
            await relay.deliver()


@each
async def test_commands_that_come_twice_change_nothing(system: System, workflow: Workflow) -> None:
    course = await started(system, workflow)
    (command,) = await course.commands()
    await system.deliver()
    once = await counted(system, workflow)
    first = workflow.steps[0].service
    await deliver_again(system, first, command)
    await deliver_again(system, first, {**command, "id": str(new_id())})
    await system.deliver()
    await course.ends("done", *workflow.steps)
    assert await counted(system, workflow) == once


@each
async def test_what_was_undone_first_is_never_done(system: System, workflow: Workflow) -> None:
    course = await started(system, workflow)
    (command,) = await course.commands()
    undo = command["type"].removesuffix("do") + "undo"
    first = workflow.steps[0].service
    await deliver_again(system, first, {**command, "id": str(new_id()), "type": undo, "data": {}})
    await system.deliver()
    assert (await course.standing())["state"] == "running"
    assert not await course.created()
    await course.expire()
    await system.deliver()
    await course.ends("undone")


@each
async def test_what_is_interrupted_goes_on(
    system: System, workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each transaction fails once after all of it was written."""
    failed: set[str] = set()

    async def publish(connection: Any, envelope: Any, subscribers: Any) -> None:
        await boxes.publish(connection, envelope, subscribers)
        if envelope.type not in failed:
            failed.add(envelope.type)
            raise ConnectionError("gone")

    course = await started(system, workflow)
    for module in (compensation, workflows):
        monkeypatch.setattr(module, "publish", publish)
    for _ in range(4 * len(workflow.steps)):
        try:
            await system.deliver()
        except Exception:
            with system.unplugged(workflow.service):  # afterwards it is tried again at once
                continue
    assert len(failed) == 2 * len(workflow.steps) - 1
    await course.ends("done", *workflow.steps)


@each
async def test_a_subject_that_is_removed_meanwhile_takes_all_of_it_back(
    system: System, workflow: Workflow
) -> None:
    course = await started(system, workflow)
    address = f"{workflow.subject.path}/{course.id}"
    async with system.client(workflow.service) as client:
        removed = await client.delete(address, headers={"If-Match": '"1"'})
    assert removed.status_code == 204
    await system.deliver()
    assert (await course.standing())["state"] == "undone"
    assert not await course.created()


@each
async def test_a_rule_may_keep_what_is_taken_back(
    system: System, workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first, participant), *_ = participants(workflow)

    async def keep(hook: str, unchanged: Any, **offered: Any) -> Any:
        if hook == "doing":
            return unchanged
        fields = participant.draft.model_fields
        return participant.draft.model_validate(offered["current"].model_dump(include=set(fields)))

    monkeypatch.setattr(participant.rules, "apply", keep)
    course = await started(system, workflow)
    await course.expire()
    await system.deliver()
    await course.ends("undone", first)
