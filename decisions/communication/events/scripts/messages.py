"""Events that were not delivered or not handled: `messages list`, `messages replay [ID …]`, `messages discard ID …`.

Running services take up what is replayed by themselves. What a service has handled before changes nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from services.common.config import Settings, load_settings
from services.common.db.database import Connection, Database
from services.common.errors import ServiceUnavailable
from services.common.messaging import outbox, unhandled
from services.common.utils import now
from scripts.processes import services_with_database


@dataclass(frozen=True)
class Message:
    """An event that a service keeps, because it was not handled or its subscriber rejected it."""

    id: str
    event: str
    subject: str
    position: int
    rejected_by: str
    """The subscriber; empty where the service itself could not handle it."""
    state: str
    reason: str

    def __str__(self) -> str:
        return f"{self.id}  {self.event} about {self.subject}, {self.state}: {self.reason}"


async def kept(connection: Connection) -> list[Message]:
    """What a service keeps, oldest first."""
    return [*await _unhandled(connection), *await _rejected(connection)]


async def _unhandled(connection: Connection) -> list[Message]:
    return [
        Message(
            str(it.envelope.id),
            it.envelope.type,
            str(it.envelope.subject),
            it.position,
            "",
            f"rejected after {it.tries} tries"
            if it.rejected
            else f"tried again at {it.due_at:%Y-%m-%d %H:%M:%S} UTC",
            it.reason,
        )
        for it in await unhandled.all_events(connection)
    ]


async def _rejected(connection: Connection) -> list[Message]:
    return [
        Message(
            it.event["id"],
            it.event["type"],
            it.event["subject"],
            it.position,
            it.subscriber,
            f"rejected by {it.subscriber}",
            reason,
        )
        for it, reason in await outbox.rejected(connection)
    ]


async def replay(connection: Connection, messages: Collection[Message]) -> None:
    """Have messages delivered or handled again."""
    for it in messages:
        if it.rejected_by:
            await outbox.send_again(connection, it.position)
        else:
            values = {"rejected": False, "tries": 0, "due_at": now()}
            await unhandled.update(connection, it.position, **values)


async def discard(connection: Connection, messages: Collection[Message]) -> None:
    """Give messages up: those behind them about the same records wait no longer."""
    for it in messages:
        if it.rejected_by:
            await outbox.remove_delivered(connection, [it.position])
        else:
            await unhandled.remove(connection, it.position)


async def run(command: str, ids: Sequence[str], settings: Settings) -> list[tuple[str, Message]]:
    """Run a command on the services; the messages that it is about, each with its service."""
    found: list[tuple[str, Message]] = []
    for service in services_with_database():
        database = Database(settings.database_url(service))
        try:
            await database.ping()
            async with database.read() if command == "list" else database.write() as connection:
                messages = [it for it in await kept(connection) if not ids or it.id in ids]
                if command == "replay":
                    await replay(connection, messages)
                if command == "discard":
                    await discard(connection, messages)
        finally:
            await database.close()
        found += [(service, it) for it in messages]
    return found


def main() -> None:
    """List, replay or discard messages."""
    parser = argparse.ArgumentParser("messages", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="tell what was not handled or was rejected, and why")
    for name, number, help in (
        ("replay", "*", "try again now: the events named, or all"),
        ("discard", "+", "give up the events named"),
    ):
        commands.add_parser(name, help=help).add_argument("id", nargs=number)
    asked = parser.parse_args()
    ids = getattr(asked, "id", [])
    try:
        found = asyncio.run(run(asked.command, ids, load_settings()))
    except (ServiceUnavailable, OSError) as error:
        sys.exit(f"messages: {error} Fix: see whether the databases run, and `migrate` them.")
    for service, message in found:
        print(f"{service}: {message}")
    if unknown := set(ids) - {message.id for _, message in found}:
        sys.exit(f"messages: no service keeps {', '.join(sorted(unknown))}.")
