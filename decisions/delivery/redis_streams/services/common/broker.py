"""Redis: a stream for all events, and a consumer group for each subscriber."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from services.common.config import Settings
from services.common.messaging import POSTPONED

log = structlog.get_logger()

READ = 50
WAIT_MS = 1_000
HANDLED_KEPT = 1_000
"""How many entries a stream may have before those that everybody has handled are dropped."""

Entry = tuple[bytes, dict[bytes, bytes]]


@dataclass(frozen=True)
class Delivery:
    """An entry of the stream."""

    redis: Redis
    stream: str
    group: str
    id: bytes
    body: bytes

    async def done(self) -> None:
        await self.redis.xack(self.stream, self.group, self.id)

    async def later(self) -> None:
        """Leave it pending: it is claimed again after it was idle for a while."""

    async def set_aside(self, reason: str) -> None:
        async with self.redis.pipeline(transaction=True) as together:
            together.xadd(
                f"{self.stream}.dead.{self.group}", {"event": self.body, "reason": reason}
            )
            together.xack(self.stream, self.group, self.id)
            await together.execute()


class RedisStreams:
    """An open connection."""

    largest = 512 * 1024 * 1024

    def __init__(self, redis: Redis, project: str) -> None:
        self.redis = redis
        self.stream = f"{project}.events"

    async def prepare(self, subscriber: str, types: Collection[str]) -> None:
        """Make the group of a subscriber; it sees all types, and the listener passes over the others."""
        try:
            await self.redis.xgroup_create(self.stream, subscriber, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    async def publish(self, events: Sequence[dict[str, Any]]) -> None:
        """Append all or none."""
        async with self.redis.pipeline(transaction=True) as together:
            for event in events:
                together.xadd(self.stream, {"event": json.dumps(event)})
            await together.execute()

    async def deliveries(self, subscriber: str) -> AsyncGenerator[Delivery, None]:
        """First what an end of the process left unfinished, in order; then what is new, and what was postponed."""
        start: bytes | str = "0"
        while entries := await self._read(subscriber, start):
            for entry in entries:
                yield self._delivery(subscriber, entry)
            start = entries[-1][0]
        while True:
            for entry in await self._postponed(subscriber):
                yield self._delivery(subscriber, entry)
            for entry in await self._read(subscriber, ">"):
                yield self._delivery(subscriber, entry)
            await self._trim()

    async def _read(self, group: str, start: bytes | str) -> Sequence[Entry]:
        found: Any = await self.redis.xreadgroup(
            group, group, {self.stream: start}, count=READ, block=WAIT_MS
        )
        return found[0][1] if found else ()

    async def _postponed(self, group: str) -> Sequence[Entry]:
        idle = int(POSTPONED.total_seconds() * 1000)
        found = await self.redis.xautoclaim(self.stream, group, group, idle, count=READ)
        return list(found[1])

    async def _trim(self) -> None:
        """Drop what every group has handled, and nothing else."""
        if await self.redis.xlen(self.stream) <= HANDLED_KEPT:
            return
        needed = []
        for group in await self.redis.xinfo_groups(self.stream):
            pending = await self.redis.xpending(self.stream, group["name"])
            needed.append(pending["min"] or group["last-delivered-id"])
        first = min(needed, key=_position)
        await self.redis.xtrim(self.stream, minid=first, approximate=False)

    def _delivery(self, group: str, entry: Entry) -> Delivery:
        id, fields = entry
        return Delivery(self.redis, self.stream, group, id, fields.get(b"event", b""))


def _position(id: bytes) -> tuple[int, int]:
    """An entry's id as numbers, which have an order."""
    milliseconds, _, counter = id.partition(b"-")
    return int(milliseconds), int(counter)


@asynccontextmanager
async def connect(settings: Settings, project: str) -> AsyncIterator[RedisStreams]:
    """Open a connection, and warn of a server that may forget what it has confirmed."""
    # Of the two protocols, every server knows this one, and answers by it in one shape.
    redis = Redis.from_url(settings.url("redis"), protocol=2)
    async with redis:
        await redis.ping()
        with suppress(ResponseError):  # not everybody may read the configuration
            kept = await redis.config_get("append*")
            if (kept.get("appendonly"), kept.get("appendfsync")) != ("yes", "always"):
                log.warning("redis may lose events in a crash")
        yield RedisStreams(redis, project)
