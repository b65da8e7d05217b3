"""Steps of workflows that others lead: done once, and undone when the workflow asks for it.

A step creates a record and answers in the transaction that stores it; `workflow_step` remembers what became of it. One that
is undone before it was done is never done afterwards, so that a command that comes late changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID, uuid5

import sqlalchemy as sa
import structlog
from pydantic import ValidationError

from services.common import tracing
from services.common.boxes import publish
from services.common.consumers import Act
from services.common.envelopes import Envelope
from services.common.errors import Away, Missing, Outdated, ServiceError
from services.common.models import Id, Model, Record, next_version
from services.common.records import Change, Collection
from services.common.rules import Rules
from services.common.runtime import Runtime
from services.common.storage import Connection, Store
from services.common.utils import new_id, now

log = structlog.get_logger()

DO, UNDO = "do", "undo"
"""What a step is told."""
DONE, REFUSED, UNDONE = "done", "refused", "undone"
"""What it answers."""
LONGEST_REASON = 500


class StepState(Record):
    """What became of a step of one workflow; its id is made of both."""

    state: Literal["done", "refused", "undone"]
    record: Id | None
    """What it created, unless its rules wanted nothing."""


def message(
    runtime: Runtime,
    type: str,
    workflow: UUID,
    sequence: int = 1,
    data: dict[str, Any] | None = None,
) -> Envelope:
    """A command or an answer; it takes the ways of events."""
    return Envelope(
        id=new_id(),
        source=f"/{runtime.service}",
        type=type,
        subject=workflow,
        time=now(),
        sequence=sequence,
        data=data or {},
        traceparent=tracing.current(),
    )


async def lock(connection: Connection, table: sa.Table, id: UUID) -> None:
    """Let nobody else change a row before the transaction ends; where one writer is all there is, nobody can."""
    await connection.execute(sa.select(table.c.id).where(table.c.id == id).with_for_update())


@dataclass(frozen=True)
class Participant:
    """A step that this service does for the one that leads the workflow."""

    name: str
    """With the workflow's: `checkout.reservation`."""
    leader: str
    creates: type[Collection[Any, Any]]
    draft: type[Model]
    table: sa.Table
    rules: Rules

    @property
    def types(self) -> Sequence[str]:
        return f"{self.name}.{DO}", f"{self.name}.{UNDO}"

    def running(self, runtime: Runtime) -> AbstractAsyncContextManager[None]:
        """It does nothing by itself."""
        return nullcontext()

    async def prepare(self, envelope: Envelope, runtime: Runtime) -> Act | None:
        id = uuid5(envelope.subject, self.name)
        async with runtime.database.read() as connection:
            known = await self._known(connection, id)
        if envelope.type.endswith(f".{UNDO}"):
            return await self._undo(envelope, runtime, id, known)
        return await self._do(envelope, runtime, id) if known is None else None

    async def _do(self, envelope: Envelope, runtime: Runtime, id: UUID) -> Act:
        collection, because = self.creates(runtime), ""
        record: Record | None = None
        try:
            proposed = self.draft.model_validate(envelope.data["draft"])
            draft = await self.rules.apply("doing", proposed, draft=proposed, **runtime.offered)
            record = None if draft is None else await collection.prepare(draft)
        except ValidationError as error:
            because = "; ".join(
                f"{'.'.join(map(str, it['loc']))}: {it['msg']}" for it in error.errors()
            )
        except ServiceError as error:
            if error.status >= 500:  # it is asked again
                raise
            because = str(error) or type(error).__name__

        async def act(connection: Connection) -> Sequence[Change]:
            changes = [] if record is None else [Change(collection, "create", record)]
            for change in changes:
                await change.store(connection)
            state = REFUSED if because else DONE
            # Had it been undone meanwhile, its row would be there: this fails, and all of it is asked again.
            await self._store.add(connection, _state(id, state, record.id if record else None))
            await self._answer(connection, runtime, envelope, state, because)
            return changes

        return act

    async def _undo(
        self, envelope: Envelope, runtime: Runtime, id: UUID, known: StepState | None
    ) -> Act:
        collection = self.creates(runtime)
        current = await self._current(runtime, collection, known)
        kept: Model | None = None
        if current is not None:
            kept = await self.rules.apply("undoing", None, current=current, **runtime.offered)

        async def act(connection: Connection) -> Sequence[Change]:
            await lock(connection, self.table, id)
            if await self._known(connection, id) != known:
                raise Away(f"The step {self.name} has just been done.")
            changes = [] if current is None else [_taken_back(collection, current, kept)]
            try:
                for change in changes:
                    await change.store(connection)
            except (Missing, Outdated) as error:  # somebody was faster; it is looked at again
                raise Away(str(error)) from error
            if known is None:
                await self._store.add(connection, _state(id, UNDONE, None))
            elif known.state == DONE:
                undone = next_version(known, state=UNDONE)
                await self._store.replace(connection, undone, known.version)
            await self._answer(connection, runtime, envelope, UNDONE)
            return changes

        return act

    @property
    def _store(self) -> Store[StepState]:
        return Store(StepState, self.table)

    async def _known(self, connection: Connection, id: UUID) -> StepState | None:
        try:
            return await self._store.get(connection, id)
        except Missing:
            return None

    async def _current(
        self, runtime: Runtime, collection: Collection[Any, Any], known: StepState | None
    ) -> Record | None:
        """The record to take back, if the step created one and it is still there."""
        if known is None or known.state != DONE or known.record is None:
            return None
        try:
            record: Record = await collection.get(known.record)
        except Missing:
            return None
        return record

    async def _answer(
        self,
        connection: Connection,
        runtime: Runtime,
        envelope: Envelope,
        answer: str,
        because: str = "",
    ) -> None:
        log.info("workflow step", step=self.name, id=str(envelope.subject), answer=answer)
        data = {"because": because[:LONGEST_REASON]} if because else {}
        type = f"{self.name}.{answer}"
        told = message(runtime, type, envelope.subject, envelope.sequence, data)
        await publish(connection, told, [self.leader])


def _taken_back(collection: Collection[Any, Any], current: Record, kept: Model | None) -> Change:
    """Remove a record, or keep it with other content."""
    following = next_version(current)
    if kept is None:
        return Change(collection, "delete", following)
    content = following.model_dump() | kept.model_dump()
    return Change(collection, "update", collection.model.model_validate(content))


def _state(id: UUID, state: str, record: UUID | None) -> StepState:
    at = now()
    return StepState.model_validate(
        {
            "id": id,
            "version": 1,
            "created_at": at,
            "updated_at": at,
            "state": state,
            "record": record,
        }
    )


def step_rules(package: str, module: str) -> Rules:
    """The rules of a step."""
    return Rules(f"{package}.{module}", "doing", "undoing")
