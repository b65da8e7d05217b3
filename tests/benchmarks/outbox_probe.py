"""Run in a generated project: events through outbox, broker and inbox, against events given to the broker alone.

Prints, as JSON on standard error, the events a second of each.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

from scripts.migrate import migrate
from services.common.config import load_settings
from services.common.db.database import Database
from services.common.messaging import outbox
from services.common.messaging.broker import connect
from services.common.messaging.consumer import Consumer
from services.common.messaging.envelope import Envelope
from services.common.messaging.read_copies import ReadCopy
from services.common.messaging.transport import BrokerRelay, Listener
from services.common.runtime import Runtime
from services.common.utils import new_id, now

SAVED = "thing.saved"
COUNT = int(sys.argv[1])
PROJECT = f"benchmark-{time.time_ns()}"


def events() -> list[Envelope]:
    return [
        Envelope(
            id=new_id(), source="/bench", type=SAVED, subject=new_id(), time=now(), sequence=1, data={"name": "a lamp"}
        )
        for _ in range(COUNT)
    ]


async def direct() -> float:
    """One connection publishes, in batches as the relay does, and another takes and acknowledges."""
    settings = load_settings()
    async with connect(settings, PROJECT) as publisher, connect(settings, PROJECT) as subscriber:
        await publisher.subscribe("direct", [SAVED])
        rows = [it.model_dump(mode="json") for it in events()]
        begin = time.perf_counter()

        async def publish() -> None:
            for start in range(0, COUNT, 100):
                await publisher.publish(rows[start : start + 100])

        publishing = asyncio.create_task(publish())
        taken = 0
        async with aclosing(subscriber.deliveries("direct")) as deliveries:
            async for delivery in deliveries:
                await delivery.acknowledge()
                taken += 1
                if taken == COUNT:
                    break
        await publishing
        return COUNT / (time.perf_counter() - begin)


async def through_the_outbox(folder: Path) -> float:
    """Each event is stored in its own transaction, published, and handled in one with its read copy."""
    settings = load_settings()
    databases = {}
    for name in ("publisher", "subscriber"):
        url = f"sqlite+aiosqlite:///{folder}/{name}.db"
        await migrate(sys.argv[2], url)
        databases[name] = Database(url)
    runtime = Runtime("through", settings, databases["subscriber"])
    handled = asyncio.Event()

    class Counting(Consumer):
        count = 0

        async def handle(self, envelope: Envelope, runtime: Runtime) -> None:
            await super().handle(envelope, runtime)
            self.count += 1
            if self.count == COUNT:
                handled.set()

    def open_one():  # type: ignore[no-untyped-def]
        return connect(settings, PROJECT)

    consumer = Counting(ReadCopy("Thing", SAVED, "thing.removed"))
    listening = asyncio.create_task(Listener(open_one, consumer, replace(runtime)).run())
    relay = BrokerRelay(replace(runtime, service="publisher", database=databases["publisher"]), open_one, 1.0)
    async with relay.lifespan():
        begin = time.perf_counter()
        for event in events():
            async with databases["publisher"].write() as connection:
                await outbox.add(connection, event, ["through"])
            relay.notify()
        await handled.wait()
        rate = COUNT / (time.perf_counter() - begin)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    for database in databases.values():
        await database.close()
    return rate


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        rates = {"direct": await direct(), "outbox": await through_the_outbox(Path(folder))}
    print(json.dumps(rates), file=sys.stderr)


asyncio.run(main())
