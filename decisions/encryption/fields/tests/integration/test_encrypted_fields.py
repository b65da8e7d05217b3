"""What is sensitive lies encrypted in databases, and is read only where and as it was stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

import pytest
from pydantic import SecretStr

from services.common.db.field_keys import KEYS, CannotDecrypt, Ciphertext, new
from services.common.utils import new_id
from scripts import field_keys
from tests.fixtures import at_rest
from tests.fixtures.adaptations import refused
from tests.fixtures.facts import DATABASES, ENTITIES, Entity
from tests.fixtures.system import FIELD_KEYS, System, service_of, settings_for

ENCRYPTED = [
    it
    for it in ENTITIES.values()
    if at_rest.encrypted_fields(service_of(it).table) and not refused("create", it.name)
]

each_encrypted = pytest.mark.parametrize("entity", ENCRYPTED, ids=str)
pytestmark = pytest.mark.usefixtures("without_rules")


@pytest.fixture
def same_keys() -> Iterator[None]:
    """Other tests have the keys that this one had."""
    yield
    KEYS.use(FIELD_KEYS)


def texts_in(value: object) -> Iterator[str]:
    """The texts of a value that nothing else has by accident."""
    if isinstance(value, str) and len(value) > 6:
        yield value
    elif isinstance(value, Mapping):
        yield from (text for it in value.values() for text in texts_in(it))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield from (text for it in value for text in texts_in(it))


async def stored(system: System, entity: Entity, id: str) -> dict[str, str | None]:
    database = system.runtime(entity.service).database
    return await at_rest.stored(database, service_of(entity).table, UUID(id))


@each_encrypted
async def test_it_is_stored_encrypted_and_read_as_it_was(system: System, entity: Entity) -> None:
    draft = await system.draft(entity)
    id = await system.store(entity, draft)
    record = await system.records(entity).get(UUID(id))
    for field, text in (await stored(system, entity, id)).items():
        assert (text is None) is (getattr(record, field) is None)
        assert text is None or Ciphertext(text).key_id == KEYS.first
        assert not any(it in (text or "") for it in texts_in(draft.get(field)))
        assert draft.get(field) is None or getattr(record, field) is not None


@pytest.mark.parametrize("entity", [it for it in ENCRYPTED if it.offers("create")], ids=str)
async def test_a_stored_response_has_it_encrypted_too(system: System, entity: Entity) -> None:
    draft, headers = await system.draft(entity), {"Idempotency-Key": str(new_id())}
    async with system.client(entity) as client:
        made = await client.post(entity.path, json=draft, headers=headers)
        again = await client.post(entity.path, json=draft, headers=headers)
    assert (made.status_code, again.text) == (201, made.text)
    database = system.runtime(entity.service).database
    lying_there = await at_rest.everything(database, at_rest.RESPONSES)
    assert made.headers["Location"] in lying_there
    same_in_each = {*texts_in(entity.draft)}
    assert not any(it in lying_there for it in {*texts_in(draft)} - same_in_each)


@each_encrypted
@pytest.mark.parametrize("how", ["moved", "changed", "plain"])
async def test_what_was_stored_otherwise_is_not_read(
    system: System, entity: Entity, how: str
) -> None:
    id, other = [await system.store(entity, await system.draft(entity)) for _ in range(2)]
    database, table = system.runtime(entity.service).database, service_of(entity).table
    before = await stored(system, entity, id)
    for field, text in before.items():
        if text is None:
            continue
        elsewhere = (await stored(system, entity, other))[field]
        put = {"moved": elsewhere or "", "changed": f"{text[:-8]}AAAAAAA=", "plain": "Ada"}[how]
        await at_rest.overwrite(database, table, UUID(id), field, put)
        with pytest.raises(CannotDecrypt, match=field) as refused:
            await system.records(entity).get(UUID(id))
        assert put not in str(refused.value) or how == "plain"
        if entity.offers("read"):
            async with system.client(entity) as client:
                assert (await client.get(f"{entity.path}/{id}")).status_code == 500
        await at_rest.overwrite(database, table, UUID(id), field, text)
    await system.records(entity).get(UUID(id))


@each_encrypted
@pytest.mark.usefixtures("same_keys")
async def test_no_key_is_taken_for_another(system: System, entity: Entity) -> None:
    id = await system.store(entity, await system.draft(entity))
    KEYS.use(new("second"))
    with pytest.raises(CannotDecrypt, match="is not in FIELD_KEYS"):
        await system.records(entity).get(UUID(id))


@each_encrypted
@pytest.mark.usefixtures("same_keys")
async def test_all_is_encrypted_anew_with_the_first_key(system: System, entity: Entity) -> None:
    id, second = await system.store(entity, await system.draft(entity)), new("second")
    record = await system.records(entity).get(UUID(id))
    urls = {it: system.runtime(it).database.url for it in DATABASES}
    for first, last in ((second, FIELD_KEYS), (FIELD_KEYS, second)):
        keys = {"field_keys": SecretStr(f"{first},{last}")}
        settings = settings_for(urls).model_copy(update=keys)
        assert (await field_keys.rotate(settings))[entity.service] > 0
        assert not any((await field_keys.rotate(settings)).values())
        texts = [it for it in (await stored(system, entity, id)).values() if it]
        assert {Ciphertext(it).key_id for it in texts} == {Ciphertext(first).key_id}
        KEYS.use(first)
        assert await system.records(entity).get(UUID(id)) == record
