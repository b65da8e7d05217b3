"""Jobs: work that outlasts the request that asked for it, or that is due at times. Their code is owned."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import structlog

from services.common import tracing
from services.common.models import Model, Record
from services.common.records import Change, Collection
from services.common.rules import Rules
from services.common.runtime import Runtime
from services.common.storage import Connection

RecordT = TypeVar("RecordT", bound=Record)

log = structlog.get_logger()

A_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
"""Where the moments of all schedules are counted from."""
PAGE = 200
UNWRITTEN = object()


@dataclass(frozen=True)
class Every:
    """Moments that are one period apart, in UTC: whatever the clocks of a country do, none is left out."""

    period: timedelta
    after: timedelta = timedelta()
    """From the beginning of a Monday to the first moment."""

    def last(self, at: datetime) -> datetime:
        """The latest moment that is not after `at`."""
        first = A_MONDAY + self.after
        return first + (at - first) // self.period * self.period

    def next(self, at: datetime) -> datetime:
        """The earliest moment after `at`."""
        return self.last(at) + self.period


@dataclass(frozen=True)
class Job:
    """A job: its code, and either the record that it is given or the times at which it is due."""

    name: str
    rules: Rules
    content: type[Record] | None = None
    schedule: Every | None = None


def job_rules(package: str, module: str) -> Rules:
    """The code of a job."""
    return Rules(f"{package}.{module}", "working")


class Work:
    """What a job may do to the records of its service: read them, and change them when it ends."""

    def __init__(self, key: UUID, collections: Sequence[Collection[Any, Any]]) -> None:
        self.key = str(key)
        """The same whenever the job is tried: whoever gets it along can tell that something comes again."""
        self._collections = collections
        self._asked: list[tuple[str, Any]] = []
        self._changes: list[Change] = []

    async def get(self, model: type[RecordT], id: UUID) -> RecordT:
        """Read a record; raises `Missing` if there is none."""
        record: RecordT = await self._of(model).get(id)
        return record

    async def each(self, model: type[RecordT]) -> AsyncIterator[RecordT]:
        """Read all records of an entity, oldest first."""
        collection, after = self._of(model), None
        while True:
            page = await collection.page(after, PAGE)
            for record in page.items:
                yield record
            if (after := page.next) is None:
                return

    def create(self, draft: Model) -> None:
        """Store a new record when the job ends."""
        self._asked.append(("create", draft))

    def replace(self, changed: Record) -> None:
        """Store a changed copy of a record (`record.model_copy(update={...})`) when the job ends."""
        self._asked.append(("update", changed))

    def remove(self, record: Record) -> None:
        """Remove a record when the job ends."""
        self._asked.append(("delete", record))

    async def prepare(self) -> None:
        """Check what was asked for, by the rules and references of the records: this may call other services."""
        for operation, it in self._asked:
            collection = self._of(type(it))
            match operation:
                case "create":
                    record = await collection.prepare(it)
                case "update":
                    record = await collection.prepare_change(it.id, it, it.version)
                case _:
                    record = await collection.prepare_removal(it.id, it.version)
            self._changes.append(Change(collection, operation, record))

    async def store(self, connection: Connection) -> None:
        """Store all of it and what it brings about, in the transaction of the connection."""
        for change in self._changes:
            await change.store(connection)

    def take_up(self) -> None:
        """Go on with what the changes brought about, now that they are committed."""
        for change in self._changes:
            change.take_up()

    def _of(self, model: type[Any]) -> Collection[Any, Any]:
        """Where records of a model are kept, or those that its drafts become."""
        for collection in self._collections:
            if issubclass(collection.model, model):
                return collection
        raise TypeError(f"{model.__name__} is nothing that this service keeps.")


class Jobs:
    """The jobs of a service, and the records that they may change."""

    def __init__(
        self, jobs: Sequence[Job], collections: Sequence[type[Collection[Any, Any]]] = ()
    ) -> None:
        self.by_name = {job.name: job for job in jobs}
        self.collections = collections

    @property
    def timed(self) -> Iterator[tuple[Job, Every]]:
        """Those that are due at times."""
        return ((job, job.schedule) for job in self.by_name.values() if job.schedule)

    async def perform(
        self,
        name: str,
        key: UUID,
        given: Mapping[str, Any],
        runtime: Runtime,
        trace: str | None = None,
    ) -> Work:
        """Run a job, and give what it asks for, checked; nothing of that is stored yet.

        Args:
            given: `{"record": …}` as JSON has it, or `{"due": …}` with a point in time.
            trace: The trace of what asked for it, as a `traceparent`.
        """
        job = self.by_name[name]
        work = Work(key, [collection(runtime) for collection in self.collections])
        if job.content and "record" in given:
            given = {"record": job.content.model_validate(given["record"])}
        with (
            structlog.contextvars.bound_contextvars(
                service=runtime.service, job=name, key=str(key)
            ),
            tracing.handling(runtime.service, name, trace),
        ):
            offered = {**runtime.offered, **given, "work": work}
            if await job.rules.apply("working", UNWRITTEN, **offered) is UNWRITTEN:
                log.warning("job has no code", file=f"services/{runtime.service}/{name}.py")
            await work.prepare()
        return work
