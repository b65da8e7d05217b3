"""Workflows that a service orchestrates: each step is done by another service, and all are done or all are undone.

The state of a workflow is a row of the table `workflow`, with the id of its record. It changes in one transaction with the
command that follows, so that a workflow resumes after a crash.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
import structlog
from pydantic import Field

from services.common.background import in_background
from services.common.db.database import Connection
from services.common.db.repository import Repository
from services.common.entity_service import EntityService
from services.common.errors import NotFound
from services.common.messaging import outbox
from services.common.messaging.consumer import Action, Handler
from services.common.messaging.envelope import Envelope
from services.common.models import Instant, Model, Record, next_version
from services.common.runtime import Runtime
from services.common.transaction import Operation, Records, Transaction
from services.common.utils import now
from services.common.workflows.participant import DO, DONE, REFUSED, UNDO, UNDONE, lock, message

log = structlog.get_logger()

TIMEOUT = "timeout"
"""In place of a reply that did not come in time."""
TIMEOUT_REASON = "There was no answer in time."
POLL_S = 5.0
"""How often, at least, timeouts are checked."""
BATCH_SIZE = 100

State = Literal["running", "done", "undoing", "undone"]


class Saga(Record):
    """The state of one workflow; its id is that of its record."""

    workflow: str
    state: State
    step: int
    """The number of the step whose reply is pending; at the end, of the last one that replied."""
    reason: str | None
    """Why it is undone."""
    due_at: Instant
    """When the pending reply times out."""


class WorkflowStatus(Model):
    """The state of a workflow, as its callers see it."""

    workflow: str
    state: State
    step: str | None = Field(description="The step whose reply is pending; null at the end.")
    since: Instant
    reason: str | None = Field(description="Why it is undone.")


@dataclass(frozen=True)
class Step:
    """What another service creates, and undoes if a later step fails."""

    name: str
    service: str
    fields: Mapping[str, str] = field(default_factory=dict)
    """Fields of its draft, and the field of the record that each is copied from."""
    constants: Mapping[str, Any] = field(default_factory=dict)
    """Fields that always have the same value."""

    def draft(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """What the service creates."""
        copied = {name: record[source] for name, source in self.fields.items()}
        return copied | dict(self.constants)


def advanced(saga: Saga, steps: int, step: int, reply: str, reason: str = "") -> Saga | None:
    """The state of a workflow with so many steps after the reply of one; None if nothing changes."""
    if step != saga.step:
        return None
    match saga.state, reply:
        case "running", "done":
            last = step == steps - 1
            return _moved(saga, "done" if last else "running", step if last else step + 1)
        case "running", "timeout":  # the step may still be done, so it is undone, too
            return _moved(saga, "undoing", step, TIMEOUT_REASON)
        case "running", "refused":
            return _back(saga, step, reason)
        case "undoing", "undone":
            return _back(saga, step, saga.reason or "")
    return None


def _back(saga: Saga, step: int, reason: str) -> Saga:
    """Undo the previous step; without one, all is undone."""
    return _moved(saga, "undoing" if step else "undone", step - 1 if step else 0, reason)


def _moved(saga: Saga, state: State, step: int, reason: str | None = None) -> Saga:
    return next_version(saga, state=state, step=step, reason=reason)


async def overdue(connection: Connection, table: sa.Table, workflow: str) -> Sequence[UUID]:
    """The workflows whose pending reply timed out, oldest first."""
    waiting = (
        sa.select(table.c.id)
        .where(table.c.workflow == workflow, table.c.state == "running", table.c.due_at <= now())
        .order_by(table.c.due_at)
        .limit(BATCH_SIZE)
    )
    return (await connection.scalars(waiting)).all()


@dataclass(frozen=True)
class Workflow:
    """The steps in their order, and how the record ends. Implements `transaction.Effect`."""

    name: str
    table: sa.Table
    steps: Sequence[Step]
    done: Mapping[str, Any]
    undone: Mapping[str, Any]
    step_timeout_s: int
    """How long a reply may take; then the step counts as refused."""

    @property
    def sagas(self) -> Repository[Saga]:
        """The states of all its workflows."""
        return Repository(Saga, self.table)

    @property
    def on(self) -> tuple[Operation, ...]:
        """The operations that start it."""
        return ("create",)

    async def store(self, connection: Connection, runtime: Runtime, record: Record) -> None:
        """Start with a new record."""
        saga = Saga(
            id=record.id,
            version=1,
            created_at=record.created_at,
            updated_at=record.created_at,
            workflow=self.name,
            state="running",
            step=0,
            reason=None,
            due_at=self._deadline(),
        )
        await self.sagas.insert(connection, saga)
        await self.command(connection, runtime, saga, record)

    def after_commit(self, runtime: Runtime, record: Record) -> None:
        """Send the first command without waiting for the next poll."""
        runtime.notify_workers()

    async def status(self, runtime: Runtime, record: UUID) -> WorkflowStatus:
        """The state of the workflow of a record; raises `NotFound` if it never started."""
        async with runtime.database.read() as connection:
            saga = await self.sagas.get(connection, record)
        ended = saga.state in ("done", "undone")
        return WorkflowStatus(
            workflow=self.name,
            state=saga.state,
            step=None if ended else self.steps[saga.step].name,
            since=saga.updated_at,
            reason=saga.reason,
        )

    async def command(
        self, connection: Connection, runtime: Runtime, saga: Saga, record: Record | None
    ) -> None:
        """Send the command of the current step, in the transaction of the connection."""
        step = self.steps[saga.step]
        data = {}
        if saga.state == "running" and record is not None:
            data["draft"] = step.draft(record.model_dump(mode="json"))
        command = DO if saga.state == "running" else UNDO
        type = f"{self.name}.{step.name}.{command}"
        sent = message(runtime, type, saga.id, saga.version, data)
        await outbox.add(connection, sent, [step.service])

    def renewed(self, saga: Saga) -> Saga:
        """The same state with a new deadline."""
        return saga.model_copy(update={"due_at": self._deadline()})

    def _deadline(self) -> datetime:
        return now() + timedelta(seconds=self.step_timeout_s)


class Orchestrator(Handler):
    """Moves a workflow forward or back with each reply."""

    def __init__(self, workflow: Workflow, service: type[EntityService[Any, Any, Any]]) -> None:
        self.workflow = workflow
        self.service = service
        self.replies = {
            f"{workflow.name}.{step.name}.{reply}": (number, reply)
            for number, step in enumerate(workflow.steps)
            for reply in (DONE, REFUSED, UNDONE)
        }

    @property
    def types(self) -> Sequence[str]:
        return tuple(self.replies)

    async def prepare(self, envelope: Envelope, runtime: Runtime) -> Action | None:
        step, reply = self.replies[envelope.type]
        reason = str(envelope.data.get("reason", ""))

        async def action(transaction: Transaction) -> None:
            await self._advance(transaction, envelope.subject, step, reply, reason)

        return action

    def lifespan(self, runtime: Runtime) -> AbstractAsyncContextManager[None]:
        """Watch for timeouts, for the duration of a `with` block."""
        return in_background(self._watch(runtime))

    async def undo_overdue(self, runtime: Runtime) -> None:
        """Undo the workflows whose pending reply timed out."""
        table = self.workflow.table
        async with runtime.database.read() as connection:
            timed_out = await overdue(connection, table, self.workflow.name)
        for id in timed_out:
            async with Records(runtime).begin() as transaction:
                await lock(transaction.connection, table, id)
                saga = await self.workflow.sagas.get(transaction.connection, id)
                if saga.due_at <= now():  # no reply came meanwhile
                    await self._advance(transaction, id, saga.step, TIMEOUT)
        if timed_out:
            runtime.notify_workers()

    async def _watch(self, runtime: Runtime) -> None:
        while True:
            await asyncio.sleep(min(POLL_S, self.workflow.step_timeout_s))
            try:
                await self.undo_overdue(runtime)
            except Exception as error:
                # Any failure: without this loop, a workflow could wait forever.
                log.warning("workflow_polling_failed", error=repr(error))

    async def _advance(
        self,
        transaction: Transaction,
        id: UUID,
        step: int,
        reply: str,
        reason: str = "",
    ) -> None:
        """Store all that follows from a reply, in one transaction."""
        runtime, connection = transaction.runtime, transaction.connection
        workflow, service = self.workflow, self.service(runtime)
        await lock(connection, workflow.table, id)
        before = await workflow.sagas.get(connection, id)
        after = advanced(before, len(workflow.steps), step, reply, reason)
        if after is None:
            return
        await lock(connection, service.table, id)
        record: Record | None = None
        try:
            record = await service.repository.get(connection, id)
        except NotFound:  # somebody deleted it; what was done for it can still be undone
            if after.state in ("running", "done"):
                after = _moved(before, "undoing", before.step, "It was deleted.")
        after = workflow.renewed(after)
        log.info("workflow_advanced", workflow=workflow.name, id=str(id), state=after.state)
        await workflow.sagas.update(connection, after, before.version)
        if after.state in ("running", "undoing"):
            await workflow.command(connection, runtime, after, record)
        elif record is not None:
            outcome = workflow.done if after.state == "done" else workflow.undone
            await transaction.update(record, **outcome)
