"""Nothing but ciphertext reaches an encrypted column."""

from __future__ import annotations

from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import StatementError

from services.common.db.encrypted_columns import encrypted_fields
from services.common.db.field_keys import KEYS
from scripts import key_rotation
from tests.fixtures import at_rest
from tests.fixtures.adaptations import refused
from tests.fixtures.facts import ENTITIES, Entity
from tests.fixtures.system import System, service_of

ENCRYPTED = [
    it
    for it in ENTITIES.values()
    if encrypted_fields(service_of(it).table) and not refused("create", it.name)
]

pytestmark = [
    pytest.mark.parametrize("entity", ENCRYPTED, ids=str),
    pytest.mark.usefixtures("without_rules"),
]


async def test_no_record_is_found_by_an_encrypted_field(system: System, entity: Entity) -> None:
    records, table = system.records(entity), service_of(entity).table
    for field in encrypted_fields(table):
        async with system.runtime(entity.service).database.read() as connection:
            with pytest.raises(StatementError, match="no record is found by its value"):
                await records.repository.many(connection, table.c[field] == "Ada")


async def test_nothing_else_is_stored_there(system: System, entity: Entity) -> None:
    table = service_of(entity).table
    for field in encrypted_fields(table):
        async with system.runtime(entity.service).database.read() as connection:
            with pytest.raises(StatementError, match="none is stored but through its repository"):
                await connection.execute(sa.update(table).values({field: "Ada"}))


async def test_rotation_leaves_what_was_changed_since_it_was_read(
    system: System, entity: Entity, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = UUID(await system.store(entity, await system.draft(entity)))
    table = service_of(entity).table
    database = system.runtime(entity.service).database
    query = sa.select(table).where(table.c.id == id)
    async with database.read() as connection:
        row = (await connection.execute(query)).one()
    record = await system.records(entity).get(id)
    fields = [it for it in encrypted_fields(table) if row._mapping[it] is not None]
    same = KEYS.encrypt(table.name, id, record.model_dump(mode="json", include={*fields}))
    for field, text in same.items():
        await at_rest.overwrite(database, table, id, field, text)
    stale = KEYS.encrypt(table.name, id, dict.fromkeys(fields, ""))
    monkeypatch.setattr(KEYS, "renewed", lambda *_: stale)
    async with database.write() as connection:
        assert not await key_rotation._renew_row(connection, table, row)
    monkeypatch.undo()
    assert await system.records(entity).get(id) == record
