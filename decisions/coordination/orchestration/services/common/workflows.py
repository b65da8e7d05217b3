"""Workflows that this service leads: each step is told to another service, and all are done or all are undone.

Where a workflow stands is a row of `workflow`, with the id of the record that it is about. It is written in the transaction
of what moves it and of the command that follows, so that a workflow goes on after a crash where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
import structlog
from pydantic import Field

from services.common.boxes import publish
from services.common.compensation import DO, DONE, REFUSED, UNDO, UNDONE, lock, message
from services.common.consumers import Act
from services.common.envelopes import Envelope
from services.common.errors import Missing
from services.common.models import Instant, Model, Record, next_version
from services.common.records import Change, Collection
from services.common.runtime import Runtime
from services.common.storage import Connection, Store
from services.common.utils import in_background, now

log = structlog.get_logger()

LATE = "late"
"""In place of an answer that did not come in time."""
LATE_BECAUSE = "There was no answer in time."
LOOK_S = 5.0
"""How often, at least, it is looked whether an answer is late."""
BATCH = 100

State = Literal["running", "done", "undoing", "undone"]


class Saga(Record):
    """A workflow that was started; its id is that of its subject."""

    workflow: str
    state: State
    step: int
    """The number of the step whose answer is waited for; at the end, of the last that answered."""
    because: str | None
    """Why it is undone."""
    due_at: Instant
    """Until when a step may be without an answer."""


class Standing(Model):
    """Where a workflow stands."""

    workflow: str
    state: State
    step: str | None = Field(description="The step whose answer is waited for; null at the end.")
    since: Instant
    because: str | None = Field(description="Why it is undone.")


@dataclass(frozen=True)
class Step:
    """What another service is told to create, and to take back if a later step fails."""

    name: str
    service: str
    takes: Mapping[str, str] = field(default_factory=dict)
    """Fields of its draft, and the field of the subject that each is filled from."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """Fields that are always the same."""

    def draft(self, subject: Mapping[str, Any]) -> dict[str, Any]:
        """What the service is to create."""
        return {name: subject[source] for name, source in self.takes.items()} | dict(self.given)


def advanced(saga: Saga, steps: int, step: int, answer: str, because: str = "") -> Saga | None:
    """Where a workflow of so many steps stands after an answer of one; `None` if that says nothing new."""
    if step != saga.step:
        return None
    match saga.state, answer:
        case "running", "done":
            last = step == steps - 1
            return _moved(saga, "done" if last else "running", step if last else step + 1)
        case "running", "late":  # it may still be done, so that it is undone, too
            return _moved(saga, "undoing", step, LATE_BECAUSE)
        case "running", "refused":
            return _back(saga, step, because)
        case "undoing", "undone":
            return _back(saga, step, saga.because or "")
    return None


def _back(saga: Saga, step: int, because: str) -> Saga:
    """Undo the step before; where there is none, all is undone."""
    return _moved(saga, "undoing" if step else "undone", step - 1 if step else 0, because)


def _moved(saga: Saga, state: State, step: int, because: str | None = None) -> Saga:
    return next_version(saga, state=state, step=step, because=because)


async def overdue(connection: Connection, table: sa.Table, workflow: str) -> Sequence[UUID]:
    """The workflows whose step should have answered, the longest due first."""
    waiting = (
        sa.select(table.c.id)
        .where(table.c.workflow == workflow, table.c.state == "running", table.c.due_at <= now())
        .order_by(table.c.due_at)
        .limit(BATCH)
    )
    return (await connection.scalars(waiting)).all()


@dataclass(frozen=True)
class Workflow:
    """Its steps in their order, and what its subject becomes."""

    name: str
    table: sa.Table
    steps: Sequence[Step]
    done: Mapping[str, Any]
    undone: Mapping[str, Any]
    patience_s: int
    """How long a step may be without an answer; then it counts as refused."""

    @property
    def sagas(self) -> Store[Saga]:
        """Where each stands."""
        return Store(Saga, self.table)

    @property
    def on(self) -> tuple[str, ...]:
        """The operations that start it."""
        return ("create",)

    async def store(self, connection: Connection, runtime: Runtime, record: Record) -> None:
        """Start with a new record, in the transaction that stores it."""
        saga = Saga(
            id=record.id,
            version=1,
            created_at=record.created_at,
            updated_at=record.created_at,
            workflow=self.name,
            state="running",
            step=0,
            because=None,
            due_at=self._due(),
        )
        await self.sagas.add(connection, saga)
        await self.command(connection, runtime, saga, record)

    def take_up(self, runtime: Runtime, record: Record) -> None:
        """Send the first command without waiting for the next poll."""
        runtime.wake()

    async def standing(self, runtime: Runtime, subject: UUID) -> Standing:
        """Where the workflow of a record stands; raises `Missing` if it was never started."""
        async with runtime.database.read() as connection:
            saga = await self.sagas.get(connection, subject)
        ended = saga.state in ("done", "undone")
        return Standing(
            workflow=self.name,
            state=saga.state,
            step=None if ended else self.steps[saga.step].name,
            since=saga.updated_at,
            because=saga.because,
        )

    async def command(
        self, connection: Connection, runtime: Runtime, saga: Saga, subject: Record | None
    ) -> None:
        """Tell the service of the current step what to do, in the transaction of the connection."""
        step = self.steps[saga.step]
        data = {}
        if saga.state == "running" and subject is not None:
            data["draft"] = step.draft(subject.model_dump(mode="json"))
        word = DO if saga.state == "running" else UNDO
        type = f"{self.name}.{step.name}.{word}"
        told = message(runtime, type, saga.id, saga.version, data)
        await publish(connection, told, [step.service])

    def renewed(self, saga: Saga) -> Saga:
        """The same with all the patience for its next answer."""
        return saga.model_copy(update={"due_at": self._due()})

    def _due(self) -> Any:
        return now() + timedelta(seconds=self.patience_s)


class Leader:
    """Move a workflow on, or back, with each answer."""

    def __init__(self, workflow: Workflow, subjects: type[Collection[Any, Any]]) -> None:
        self.workflow = workflow
        self.subjects = subjects
        self.answers = {
            f"{workflow.name}.{step.name}.{answer}": (number, answer)
            for number, step in enumerate(workflow.steps)
            for answer in (DONE, REFUSED, UNDONE)
        }

    @property
    def types(self) -> Sequence[str]:
        return tuple(self.answers)

    async def prepare(self, envelope: Envelope, runtime: Runtime) -> Act | None:
        step, answer = self.answers[envelope.type]
        because = str(envelope.data.get("because", ""))

        async def act(connection: Connection) -> Sequence[Change]:
            return await self._advance(connection, runtime, envelope.subject, step, answer, because)

        return act

    def running(self, runtime: Runtime) -> AbstractAsyncContextManager[None]:
        """See to it that no workflow waits for ever."""
        return in_background(self._watch(runtime))

    async def look(self, runtime: Runtime) -> None:
        """Turn back what has waited too long."""
        table = self.workflow.table
        async with runtime.database.read() as connection:
            late = await overdue(connection, table, self.workflow.name)
        for id in late:
            changes: Sequence[Change] = ()
            async with runtime.database.write() as connection:
                await lock(connection, table, id)
                saga = await self.workflow.sagas.get(connection, id)
                if saga.due_at <= now():  # nobody answered meanwhile
                    changes = await self._advance(connection, runtime, id, saga.step, LATE)
            for change in changes:
                change.take_up()
        if late:
            runtime.wake()

    async def _watch(self, runtime: Runtime) -> None:
        while True:
            await asyncio.sleep(min(LOOK_S, self.workflow.patience_s))
            try:
                await self.look(runtime)
            except Exception as error:
                # Whatever it was: without this look, a workflow could wait for ever.
                log.warning("look at workflows failed", error=repr(error))

    async def _advance(
        self,
        connection: Connection,
        runtime: Runtime,
        id: UUID,
        step: int,
        answer: str,
        because: str = "",
    ) -> Sequence[Change]:
        """Write all that follows from an answer, in one transaction."""
        workflow, subjects = self.workflow, self.subjects(runtime)
        await lock(connection, workflow.table, id)
        before = await workflow.sagas.get(connection, id)
        after = advanced(before, len(workflow.steps), step, answer, because)
        if after is None:
            return ()
        await lock(connection, subjects.table, id)
        subject: Record | None = None
        try:
            subject = await subjects.store.get(connection, id)
        except Missing:  # its people removed it; what was done for it can still be undone
            if after.state in ("running", "done"):
                after = _moved(before, "undoing", before.step, "It was removed.")
        after = workflow.renewed(after)
        log.info("workflow moved", workflow=workflow.name, id=str(id), state=after.state)
        await workflow.sagas.replace(connection, after, before.version)
        if after.state in ("running", "undoing"):
            await workflow.command(connection, runtime, after, subject)
        elif subject is not None:
            outcome = workflow.done if after.state == "done" else workflow.undone
            content = next_version(subject).model_dump() | dict(outcome)
            record = subjects.model.model_validate(content)
            change = Change(subjects, "update", record)
            await change.store(connection)
            return (change,)
        return ()
