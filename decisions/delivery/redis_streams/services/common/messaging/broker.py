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

log = structlog.get_logger()

READ_SIZE = 50
BLOCK_MS = 1_000
ABANDONED_AFTER_MS = 60_000
"""After which an entry that nobody has acknowledged is delivered again: its process has ended."""
TRIM_ABOVE = 1_000
"""The length of the stream above which entries that every group has handled are removed."""

Entry = tuple[bytes, dict[bytes, bytes]]


@dataclass(frozen=True)
class Delivery:
    """An entry of the stream."""

    redis: Redis
    stream: str
    group: str
    id: bytes
    body: bytes

    async def acknowledge(self) -> None:
        await self.redis.xack(self.stream, self.group, self.id)

    async def dead_letter(self, reason: str) -> None:
        async with self.redis.pipeline(transaction=True) as pipeline:
            pipeline.xadd(
                f"{self.stream}.dead.{self.group}", {"event": self.body, "reason": reason}
            )
            pipeline.xack(self.stream, self.group, self.id)
            await pipeline.execute()


class RedisStreams:
    """An open connection."""

    max_event_bytes = 512 * 1024 * 1024

    def __init__(self, redis: Redis, project: str) -> None:
        self.redis = redis
        self.stream = f"{project}.events"

    async def subscribe(self, subscriber: str, types: Collection[str]) -> None:
        """Create the group of a subscriber; it receives all types, and the listener skips the others."""
        try:
            await self.redis.xgroup_create(self.stream, subscriber, id="$", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    async def publish(self, events: Sequence[dict[str, Any]]) -> None:
        """Append all or none."""
        async with self.redis.pipeline(transaction=True) as pipeline:
            for event in events:
                pipeline.xadd(self.stream, {"event": json.dumps(event)})
            await pipeline.execute()

    async def deliveries(self, subscriber: str) -> AsyncGenerator[Delivery, None]:
        """First what a stopped process left pending, in order; then new entries, and what others leave."""
        start: bytes | str = "0"
        while entries := await self._read(subscriber, start):
            for entry in entries:
                yield self._delivery(subscriber, entry)
            start = entries[-1][0]
        while True:
            for entry in await self._abandoned(subscriber):
                yield self._delivery(subscriber, entry)
            for entry in await self._read(subscriber, ">"):
                yield self._delivery(subscriber, entry)
            await self._trim()

    async def _read(self, group: str, start: bytes | str) -> Sequence[Entry]:
        found: Any = await self.redis.xreadgroup(
            group, group, {self.stream: start}, count=READ_SIZE, block=BLOCK_MS
        )
        return found[0][1] if found else ()

    async def _abandoned(self, group: str) -> Sequence[Entry]:
        found = await self.redis.xautoclaim(
            self.stream, group, group, ABANDONED_AFTER_MS, count=READ_SIZE
        )
        return list(found[1])

    async def _trim(self) -> None:
        """Remove only what every group has handled."""
        if await self.redis.xlen(self.stream) <= TRIM_ABOVE:
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
    """The id of an entry as numbers, which can be compared."""
    milliseconds, _, counter = id.partition(b"-")
    return int(milliseconds), int(counter)


@asynccontextmanager
async def connect(settings: Settings, project: str) -> AsyncIterator[RedisStreams]:
    """Open a connection, and warn of a server that may lose what it has confirmed."""
    # Every server supports version 2 of the protocol.
    redis = Redis.from_url(settings.url("redis"), protocol=2)
    async with redis:
        await redis.ping()
        with suppress(ResponseError):  # the user may not be allowed to read the configuration
            kept = await redis.config_get("append*")
            if (kept.get("appendonly"), kept.get("appendfsync")) != ("yes", "always"):
                log.warning("redis_not_durable")
        yield RedisStreams(redis, project)
