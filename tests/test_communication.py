"""Events come and go with what somebody decides, and no event that waits is lost by that."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from copies import Generate, Reanswer
from pairs import PRODUCTS
from projects import model, run

MESSAGING = "services/common/messaging"
"""The package that is there for events."""
WAITING = "INSERT INTO outbox (subscriber, event, due_at) VALUES ('rooms', '{}', '2026-03-01 00:00:00')"


def fetch(path: Path, statement: str) -> list[tuple[object, ...]]:
    """Run a statement on the database of a service of the project."""
    with closing(sqlite3.connect(path / "var" / "rooms.db")) as database, database:
        return database.execute(statement).fetchall()


def owned(path: Path) -> dict[str, str]:
    return {it: (path / it).read_text("utf-8") for it in model(path).owned_files if (path / it).is_file()}


def test_events_go_and_come_back_with_their_tables(generate: Generate, reanswer: Reanswer) -> None:
    path = generate(PRODUCTS["Two desks"] | {"communication": "http_and_events", "storage_kind": "sqlite"})
    shutil.copy(path / ".env.example", path / ".env")
    ours = owned(path)
    run(path, "migrate")
    fetch(path, WAITING)

    reanswer(path, communication="http_only")
    assert owned(path) == ours
    assert not list((path / MESSAGING).glob("*.py"))
    with pytest.raises(AssertionError, match=r"migrate: rooms: 1 rows wait in its outbox. Fix: deliver them"):
        run(path, "migrate")
    assert fetch(path, "SELECT subscriber FROM outbox") == [("rooms",)]

    fetch(path, "DELETE FROM outbox")
    for _ in range(2):
        run(path, "migrate")
    assert fetch(path, "SELECT version_num FROM alembic_version") == [("0001",)]

    reanswer(path, communication="http_and_events")
    assert owned(path) == ours
    run(path, "migrate")
    fetch(path, WAITING)
    assert fetch(path, "SELECT position FROM outbox") == [(2,)], "no position is given twice"
    run(path, "pytest", "--quiet", "tests/integration")


def test_documents_of_events_are_left_where_they_are(generate: Generate, reanswer: Reanswer) -> None:
    path = generate(PRODUCTS["Two desks"] | {"communication": "http_and_events", "storage_kind": "files"})
    shutil.copy(path / ".env.example", path / ".env")
    run(path, "migrate")
    event = path / "var" / "rooms" / "outbox" / "00000000000000000001.desks.json"
    event.write_text('{"event": {}, "due_at": "2026-03-01T00:00:00Z", "rejected": null}')

    reanswer(path, communication="http_only")
    assert not list((path / MESSAGING).glob("*.py"))
    with pytest.raises(AssertionError, match=r"migrate: rooms: 1 documents wait in its outbox. Fix: deliver them"):
        run(path, "migrate")
    assert event.is_file()

    event.unlink()
    run(path, "migrate")
    assert event.parent.is_dir()


@pytest.mark.parametrize("storage", ["sqlite", "files"])
def test_a_small_project_has_nothing_of_events(generate: Generate, storage: str) -> None:
    """What one person keeps in one service needs none of it; the words are those of its code and settings."""
    path = generate(PRODUCTS["Note book"] | {"storage_kind": storage})
    words = ("outbox", "inbox", "subscriber", "read_copies", "envelope", "relay", "OUTBOX_POLL_S", "consumer")
    files = [it for it in path.rglob("*") if it.is_file() and it.suffix in (".py", ".toml", ".example")]
    code = [it for it in files if not {".venv", ".git", "planning", "Planning"}.intersection(it.parts)]
    found = {f"{it.relative_to(path)}: {word}" for it in code for word in words if word in it.read_text("utf-8")}
    known = ("scripts/migrations/past.py", "tests/fixtures/facts.py")
    assert {it for it in found if not it.startswith(known)} == set()
    assert model(path).decision("delivery").how == "idle"
