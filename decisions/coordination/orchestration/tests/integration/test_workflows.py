"""Every workflow ends with all of its steps done or all undone: refused, late, repeated, out of order or interrupted."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from services.common.auth.callers import SERVICE_CALLER
from services.common.errors import Forbidden, RuleViolation, ServiceUnavailable
from services.common.hooks import EntityHooks
from services.common.messaging import outbox
from services.common.messaging.consumer import Action
from services.common.messaging.envelope import Envelope
from services.common.models import content_of, to_store
from services.common.runtime import Runtime
from services.common.transaction import Records, Transaction
from services.common.utils import new_id, now
from services.common.workflows import orchestrator
from tests.fixtures.adaptations import refused
from tests.fixtures.delivery import deliver_again
from tests.fixtures.system import NO_SUCH_ID, System, draft_of
from tests.fixtures.workflows import (
    WORKFLOWS,
    Step,
    Workflow,
    count_records,
    get_status,
    message_types,
    orchestrator_of,
    participants,
    start,
)

each_workflow = pytest.mark.parametrize("workflow", WORKFLOWS, ids=str)
each_step = pytest.mark.parametrize(
    ("workflow", "step"),
    [
        pytest.param(workflow, step, id=f"{workflow}-{step.name}")
        for workflow in WORKFLOWS
        for step in workflow.steps
    ],
)


@each_workflow
async def test_all_steps_are_done(system: System, workflow: Workflow) -> None:
    run = await start(system, workflow)
    status = await run.assert_running()
    assert (status["workflow"], status["reason"]) == (workflow.name, None)
    assert status["step"] == workflow.steps[0].name
    assert not await run.created()
    await system.deliver()
    await run.assert_ended("done", *workflow.steps)
    ended = await run.status()
    assert ended["reason"] is None
    assert datetime.fromisoformat(status["since"]) < datetime.fromisoformat(ended["since"]) <= now()


@each_workflow
async def test_a_command_tells_the_first_service_what_to_do(
    system: System, workflow: Workflow
) -> None:
    run = await start(system, workflow)
    (command,) = await run.commands()
    first = workflow.steps[0]
    assert command["type"] == f"{workflow.name}.{first.name}.do"
    assert (command["source"], command["subject"]) == (f"/{workflow.service}", run.id)
    assert (command["sequence"], command["data"].keys()) == (1, {"draft"})
    await system.deliver()


@each_workflow
async def test_a_reply_is_waited_for_as_long_as_was_decided(
    system: System, workflow: Workflow
) -> None:
    before = now()
    run = await start(system, workflow)
    known = orchestrator_of(workflow).workflow
    async with system.runtime(workflow.service).database.read() as connection:
        saga = await known.sagas.get(connection, UUID(run.id))
    timeout = timedelta(seconds=known.step_timeout_s)
    assert before + timeout <= saga.due_at <= now() + timeout
    await orchestrator_of(workflow).undo_overdue(system.runtime(workflow.service))
    assert (await run.status())["state"] == "running"
    await system.deliver()


@each_workflow
async def test_each_step_and_each_state_is_logged(system: System, workflow: Workflow) -> None:
    run = await start(system, workflow)
    with capture_logs() as lines:
        await system.deliver()
    await run.assert_ended("done", *workflow.steps)
    mine = [it for it in lines if it.get("id") == run.id]
    steps = [(it["step"], it["reply"]) for it in mine if it["event"] == "workflow_step"]
    assert steps == [(f"{workflow.name}.{step.name}", "done") for step in workflow.steps]
    moved = [it for it in mine if it["event"] == "workflow_advanced"]
    assert {it["workflow"] for it in moved} == {workflow.name}
    assert [it["state"] for it in moved] == ["running"] * (len(workflow.steps) - 1) + ["done"]
    assert {it["log_level"] for it in mine} == {"info"}


@each_workflow
async def test_only_what_waits_too_long_for_a_reply_is_overdue(
    system: System, workflow: Workflow
) -> None:
    run = await start(system, workflow)
    known, minute = orchestrator_of(workflow).workflow, timedelta(minutes=1)
    async with system.runtime(workflow.service).database.write() as connection:
        saga = await known.sagas.get(connection, UUID(run.id))
        late = {"id": new_id(), "due_at": now() - 1000 * minute}
        later = {"id": new_id(), "due_at": now() - 2000 * minute}
        others = [
            {"id": new_id(), "due_at": now() + minute},
            {**late, "id": new_id(), "state": "undoing"},
            {**late, "id": new_id(), "state": "done"},
            {**late, "id": new_id(), "workflow": "another"},
        ]
        for values in (late, later, *others):
            await known.sagas.insert(connection, saga.model_copy(update=values))
        overdue = await orchestrator.overdue(connection, known.table, known.name)
        await connection.rollback()
    assert overdue[:2] == [later["id"], late["id"]]
    assert not {it["id"] for it in others}.intersection(overdue)
    await system.deliver()


@each_workflow
async def test_watching_for_timeouts_goes_on_after_a_failure(
    system: System, workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures, looked = [OSError("gone")], asyncio.Event()
    runtime = system.runtime(workflow.service)

    async def fail_once(_: Any, looking: Any) -> None:
        assert looking is runtime
        if failures:
            raise failures.pop()
        looked.set()

    watching = orchestrator_of(workflow)
    monkeypatch.setattr(orchestrator, "POLL_S", 0.001)
    monkeypatch.setattr(type(watching), "undo_overdue", fail_once)
    with capture_logs() as lines:
        async with asyncio.timeout(5), watching.lifespan(runtime):
            await looked.wait()
    assert lines == [
        {
            "event": "workflow_polling_failed",
            "log_level": "warning",
            "service": workflow.service,
            "workflow": workflow.name,
            "error": "OSError('gone')",
        }
    ]


@pytest.mark.parametrize("workflow", [it for it in WORKFLOWS if it.records.operations], ids=str)
async def test_the_status_is_described_and_can_be_requested(
    system: System, workflow: Workflow
) -> None:
    described = system.apps[workflow.service].openapi()["paths"]
    operation = described[f"{workflow.records.path}/{{id}}/{workflow.path}"]["get"]
    assert sorted(map(int, operation["responses"])) == [200, 401, 403, 404, 409, 422, 503]
    assert (await get_status(system, workflow, NO_SUCH_ID)).status_code == 404
    run = await start(system, workflow)
    answer = await get_status(system, workflow, run.id)
    assert (answer.status_code, answer.json()) == (200, await run.status())
    await system.deliver()


@each_step
async def test_after_a_refused_step_the_previous_ones_are_undone_in_reverse(
    system: System, workflow: Workflow, step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    undone: list[Step] = []

    def watch(watched: Step, rules_class: type[Any]) -> None:
        async def do(_: Any, draft: Any) -> Any:
            if watched == step:
                raise RuleViolation("not today")
            return draft

        async def undo(_: Any, current: Any) -> None:
            undone.append(watched)

        monkeypatch.setattr(rules_class, "do", do)
        monkeypatch.setattr(rules_class, "undo", undo)

    for each, participant in participants(workflow):
        watch(each, participant.rules_class)
    run = await start(system, workflow)
    await system.deliver()
    await run.assert_ended("undone", because="not today")
    previous = workflow.steps[: workflow.steps.index(step)]
    assert undone == previous[::-1]
    assert await run.step_states() == {step.name: "refused"} | {
        it.name: "undone" for it in previous
    }


@each_workflow
async def test_a_refusal_without_a_reason_tells_its_kind(
    system: System, workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def do(*_: Any) -> Any:
        raise Forbidden()

    (_, participant), *_ = participants(workflow)
    monkeypatch.setattr(participant.rules_class, "do", do)
    run = await start(system, workflow)
    await system.deliver()
    await run.assert_ended("undone", because="Forbidden")


@each_workflow
async def test_a_draft_that_is_not_valid_is_refused(
    system: System, workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orchestrator.Step, "draft", lambda *_: {"undeclared": 1})
    run = await start(system, workflow)
    await system.deliver()
    await run.assert_ended("undone", because="undeclared")


@each_step
async def test_a_step_that_times_out_is_undone_even_if_it_is_done_late(
    system: System, workflow: Workflow, step: Step
) -> None:
    run = await start(system, workflow)
    with system.unplugged(step.service), suppress(ServiceUnavailable):
        await system.deliver()
    while (await run.assert_running())["step"] != step.name:  # earlier ones in the same service
        await _drain_each_outbox_once(system)
    await run.time_out()
    assert (await run.status())["state"] == "undoing"
    await system.deliver()
    await run.assert_ended("undone")


async def _drain_each_outbox_once(system: System) -> None:
    for name in system.apps:
        for worker in system.runtime(name).workers:
            await worker.drain()


@each_workflow
async def test_a_repeated_command_changes_nothing(system: System, workflow: Workflow) -> None:
    run = await start(system, workflow)
    (command,) = await run.commands()
    await system.deliver()
    before = await count_records(system, workflow)
    first = workflow.steps[0].service
    await deliver_again(system, first, command)
    await deliver_again(system, first, {**command, "id": str(new_id())})
    await system.deliver()
    await run.assert_ended("done", *workflow.steps)
    assert await count_records(system, workflow) == before


@each_workflow
async def test_a_step_that_is_undone_before_it_is_done_is_never_done(
    system: System, workflow: Workflow
) -> None:
    run = await start(system, workflow)
    first = workflow.steps[0]
    await deliver_again(system, first.service, run.undo(first))
    await system.deliver()
    assert (await run.status())["state"] == "running"
    assert not await run.created()
    await run.time_out()
    await system.deliver()
    await run.assert_ended("undone")


@each_workflow
async def test_an_interrupted_workflow_resumes(
    system: System, workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each transaction fails once after everything was written."""
    types, failed = message_types(workflow), set[str]()
    add = outbox.add

    async def add_and_fail_once(connection: Any, envelope: Any, subscribers: Any) -> None:
        await add(connection, envelope, subscribers)
        if envelope.type in types - failed:
            failed.add(envelope.type)
            raise ConnectionError("gone")

    run = await start(system, workflow)
    monkeypatch.setattr(outbox, "add", add_and_fail_once)
    for _ in range(4 * len(workflow.steps)):
        try:
            await system.deliver()
        except Exception:
            with system.unplugged(workflow.service):  # afterwards it is called at once
                continue
    await run.assert_ended("done", *workflow.steps)
    assert len(failed) == 2 * len(workflow.steps) - 1


@pytest.mark.parametrize(
    "workflow", [it for it in WORKFLOWS if not refused("delete", it.entity)], ids=str
)
async def test_all_is_undone_if_the_record_is_deleted_meanwhile(
    system: System, workflow: Workflow
) -> None:
    run = await start(system, workflow)
    await system.remove(workflow.records, await run.record())
    await system.deliver()
    assert (await run.status())["state"] == "undone"
    assert not await run.created()


@each_workflow
@pytest.mark.parametrize("keeps", [False, True], ids=["deleted", "kept"])
async def test_a_rule_may_keep_the_record_of_a_step_that_is_undone(
    system: System, workflow: Workflow, keeps: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first, participant), *_ = participants(workflow)
    runtime, creates = system.runtime(first.service), participant.creates
    content = draft_of(first.records, await system.draft(first.records))
    undone, checked = list[Any](), list[tuple[Any, ...]]()

    async def do(_: Any, draft: Any) -> Any:
        return draft

    async def undo(hooks: Any, current: Any) -> Any:
        assert hooks.runtime.database is runtime.database
        undone.append(current)
        return content if keeps else None

    class Rules(EntityHooks[Any, Any, Any]):
        async def after_update(self, before: Any, after: Any, transaction: Transaction) -> None:
            checked.append((before, after))

        async def after_delete(self, record: Any, transaction: Transaction) -> None:
            checked.append((record,))

    monkeypatch.setattr(participant.rules_class, "do", do)
    monkeypatch.setattr(participant.rules_class, "undo", undo)
    monkeypatch.setattr(creates, "rules_class", Rules)
    run = await start(system, workflow)
    await run.time_out()
    for _ in range(2):  # to undo it again changes nothing
        await system.deliver()
        await run.assert_ended("undone", *([first] if keeps else []))
        assert await run.step_states() == {first.name: "undone"}
        (current,) = undone
        if keeps:
            stored = await creates(runtime, SERVICE_CALLER).get(current.id)
            assert checked == [(current, stored)]
            assert stored.version == current.version + 1
            assert stored == to_store(creates.model, stored.model_dump() | content_of(content))
        else:
            assert checked == [(current,)]
        await deliver_again(system, first.service, run.undo(first))


@each_workflow
async def test_a_step_that_is_done_meanwhile_is_not_taken_for_one_that_was_not(
    system: System, workflow: Workflow
) -> None:
    (first, participant), *_ = participants(workflow)
    run, runtime = await start(system, workflow), system.runtime(first.service)
    undo = await participant.prepare(Envelope.model_validate(run.undo(first)), runtime)
    await system.deliver()
    with pytest.raises(ServiceUnavailable, match=f"{first.name} has just been done"):
        await perform(undo, runtime)
    await run.assert_ended("done", *workflow.steps)


@each_workflow
async def test_a_record_that_changes_while_its_step_is_undone_is_looked_at_again(
    system: System, workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first, participant), *_ = participants(workflow)
    seen: list[Any] = []

    async def look(_: Any, current: Any) -> None:
        seen.append(current)

    monkeypatch.setattr(participant.rules_class, "undo", look)
    monkeypatch.setattr(participant.creates, "rules_class", EntityHooks)
    run, runtime = await start(system, workflow), system.runtime(first.service)
    await system.deliver()
    await run.assert_ended("done", *workflow.steps)
    undo = await participant.prepare(Envelope.model_validate(run.undo(first)), runtime)
    async with Records(runtime, SERVICE_CALLER).begin() as transaction:
        changed = await transaction.update(seen[0])
    with pytest.raises(ServiceUnavailable, match="The current version is 2, not 1"):
        await perform(undo, runtime)
    await deliver_again(system, first.service, run.undo(first))
    assert seen[1:] == [changed]
    assert first.name not in await run.created()
    await system.deliver()


async def perform(action: Action | None, runtime: Runtime) -> None:
    """Do what was prepared, in a transaction as the service does it."""
    assert action
    async with Records(runtime, SERVICE_CALLER).begin() as transaction:
        await action(transaction)
