"""Records that are not kept for good: projects that have some are whole, and what ends is ended, whatever stops it."""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from copies import Generate, Reanswer
from live import SERVICE_KEY
from projects import SERVER, UV, check_whole_and_in_step, drop, environment, need_postgres, run
from samples import sampled

SHOP: dict[str, Any] = {
    "project_name": "Keeping",
    "concept": "A shop sends parcels, and forgets its customers one day.",
    "services": [
        {
            "name": "shop",
            "responsibility": "sells",
            "publishes": ["order.gone(number) on delete Order"],
        },
        {
            "name": "post",
            "responsibility": "sends",
            "subscribes": ["on order.gone: create Farewell(order: id, number: number)"],
        },
    ],
    "data_entities": [
        "value Home(street: str pii, city: str, code: str(3..5) /^[A-Z]+$/ pii)",
        "shop.Customer(name: str pii, email: email pii unique, card: str? secret, home: Home, tags: list[str] health, "
        "born: date pii, level: gold|plain financial, balance: money(1..500) financial, closed_at: datetime?)",
        "shop.Order(customer: Customer refuse, placed_at: date, number: int); list(number)",
        "shop.Line(order: Order cascade, word: str)",
        "shop.Dispute(order: Order refuse)",
        "post.Farewell(order: uuid, number: int)",
        "private post.Mark(word: str)",
    ],
    "retention": [
        "Customer: anonymise 3 years after closed_at",
        "Order: delete 730 days after placed_at",
        "Mark: delete 2 weeks after created_at",
        "Farewell: delete 1 month after updated_at",
    ],
    "storage_kind": "sqlite",
    "architecture_style": "services",
}
ALONE = {
    "project_name": "Alone",
    "concept": "Keeps visits for a while.",
    "data_entities": ["core.Visit(at: datetime, note: str?)"],
    "services": ["core: keeps visits"],
    "retention": ["Visit: delete 1 day after at"],
    "storage_kind": "sqlite",
}


@pytest.mark.parametrize(
    "answers",
    sampled(
        [
            pytest.param(SHOP | {"personas": ["Clerk: works"], "audit": ["Customer: read Clerk", "Mark"]}, id="sqlite"),
            pytest.param(SHOP | {"storage_kind": "files", "encryption": "fields"}, id="files"),
            pytest.param(
                SHOP | {"storage_kind": "postgres", "encryption": "fields", "architecture_style": "modular_monolith"},
                id="postgres",
            ),
            pytest.param(ALONE, id="alone"),
            pytest.param(ALONE | {"storage_kind": "files"}, id="alone in files"),
        ],
        2,
    ),
)
def test_a_project_keeps_to_its_times(generate: Generate, answers: dict[str, Any]) -> None:
    if answers["storage_kind"] == "postgres":
        need_postgres()
    project = generate(answers)
    check_whole_and_in_step(project)


def test_what_is_kept_for_good_costs_nothing(generate: Generate) -> None:
    project = generate(ALONE | {"retention": []})
    text = "".join(it.read_text("utf-8") for it in (project / "services").rglob("*.py"))
    assert "retention" not in text.lower().replace("idempotency_retention_h", "")
    assert not [*project.rglob("*retention*")]
    assert not (project / "services" / "common" / "background.py").exists()


COMMON = """
import asyncio, json, os, sys
from datetime import date, datetime, timedelta, UTC
import sqlalchemy as sa
from services.common import retention
from services.common.auth.callers import SERVICE_CALLER
from services.common.config import load_settings
from services.common.messaging import outbox
from services.common.transaction import Records, Transaction
from services.common.utils import now
from services.shop import models, tables
from services.shop.main import service
from services.shop.services import OrderService

OLD, YOUNG = date(2020, 1, 1), date.today()
HOME = models.Home(street="Main Street", city="Bonn", code="ABC")


async def fill(runtime):
    async with Records(runtime, SERVICE_CALLER).begin() as transaction:
        draft = models.CustomerDraft(
            name="Ada Lovelace", email="ada@example.com", home=HOME, born=date(1990, 1, 1),
            level="gold", balance="5.00", tags=[], closed_at=None)
        customer = await transaction.create(models.Customer, draft)
        for number in range(260):
            placed = OLD if number < 250 else YOUNG
            order = models.OrderDraft(customer=customer.id, placed_at=placed, number=number)
            order = await transaction.create(models.Order, order)
            await transaction.create(models.Line, models.LineDraft(order=order.id, word="w"))
            if number % 50 == 49:
                await transaction.create(models.Dispute, models.DisputeDraft(order=order.id))


async def expire(runtime):
    outcome = await retention.apply(OrderService, runtime, now())
    return [outcome.done, outcome.held]


async def killed(runtime):
    deleted, delete = [], Transaction.delete

    async def count(self, record):
        if isinstance(record, models.Order):
            deleted.append(record)
        if len(deleted) == 150:
            os._exit(9)
        await delete(self, record)

    Transaction.delete = count
    return await expire(runtime)


async def look(runtime):
    async with runtime.database.read() as connection:
        counts = [
            await connection.scalar(sa.select(sa.func.count()).select_from(it))
            for it in (tables.orders, tables.lines, tables.disputes)
        ]
        told = [it.event["subject"] for it in await outbox.oldest(connection, 1000)]
    return [*counts, len(told), len(set(told))]


async def main():
    async with service.open(load_settings()) as runtime:
        print(json.dumps(await globals()[sys.argv[1]](runtime)))


asyncio.run(main())
"""


@dataclass(frozen=True)
class Shop:
    path: Path
    env: dict[str, str]

    def do(self, what: str) -> Any:
        """Run one of the functions of a program in the project."""
        return json.loads(run(self.path, "python", "-c", COMMON, what, env=self.env).splitlines()[-1])

    def start(self, what: str, program: str = COMMON, *words: str) -> subprocess.Popen[str]:
        command = [UV, "run", "--quiet", "python", "-c", program, what, *words]
        return subprocess.Popen(command, cwd=self.path, env=self.env, stdout=subprocess.PIPE, text=True)


@pytest.fixture(params=sampled(["sqlite", "postgres"], 1))
def shop(request: pytest.FixtureRequest, generate: Generate, tmp_path: Path) -> Iterator[Shop]:
    yield from migrated(request.param, SHOP, generate, tmp_path)


def migrated(
    storage: str,
    answers: dict[str, Any],
    generate: Generate,
    tmp_path: Path,
    services: tuple[str, ...] = ("shop", "post"),
) -> Iterator[Shop]:
    """A project with databases of its own."""
    if storage == "postgres":
        need_postgres()
    slug = f"keeping_{secrets.token_hex(4)}"
    path = generate(answers | {"storage_kind": storage, "project_slug": slug})
    urls = {}
    if storage == "postgres":
        urls = {f"{it.upper()}_DATABASE_URL": f"{SERVER}/{slug}_{it}" for it in services}
        urls["DATABASE_ADMIN_URL"] = f"{SERVER}/postgres"
    env = environment(SERVICE_KEY=SERVICE_KEY, API_KEYS="{}", API_KEY_ROLES="{}", **urls)
    try:
        run(path, "migrate", env=env)
        yield Shop(path, env)
    finally:
        if storage == "postgres":
            drop(tmp_path, slug)


def test_who_is_killed_in_the_middle_leaves_the_rest_to_the_next(shop: Shop) -> None:
    """Of 250 old orders, disputes hold five. A batch goes as a whole, each order with its event, or not at all."""
    shop.do("fill")
    assert shop.do("look") == [260, 260, 5, 0, 0]
    assert shop.start("killed").wait(60) == 9
    orders, lines, disputes, told, of = shop.do("look")
    assert (orders, disputes) == (lines, 5)
    assert 0 < told == of == 260 - orders < 245
    together = [shop.start("expire") for _ in range(3)]
    outcomes = [json.loads(it.communicate(timeout=60)[0].splitlines()[-1]) for it in together]
    assert [it.returncode for it in together] == [0, 0, 0]
    assert sum(done for done, _ in outcomes) == orders - 15
    assert shop.do("look") == [15, 15, 5, 245, 245]
    assert shop.do("expire") == [0, 5]


PERSONS = SHOP | {
    "retention": [],
    "personas": ["Clerk: works"],
    "audit": ["Customer: read Clerk"],
    "services": [
        {"name": "shop", "responsibility": "sells"},
        {"name": "post", "responsibility": "sends", "depends_on": ["shop"]},
    ],
    "data_entities": [
        "value Home(street: str pii, city: str)",
        "shop.Customer(name: str pii, email: email pii unique, card: str? secret, home: Home)",
        "shop.Order(customer: Customer refuse, number: int)",
        "shop.Invoice(order: Order, amount: money financial)",
        "post.Parcel(order: Order, to: str pii, number: int)",
        "post.Letter(recipient: email pii, number: int)",
    ],
    "person": [
        "Customer: anonymise",
        "Order by customer: keep",
        "Invoice by order: keep",
        "Parcel by order: anonymise",
        "Letter by recipient = email: delete",
    ],
}
VISITS = ALONE | {
    "data_entities": ["core.Guest(name: str)", "core.Stay(who: Guest, note: str?)"],
    "retention": [],
    "person": ["Guest: delete", "Stay by who: delete"],
}

MEMBERS = PERSONS | {
    "audit": [],
    "services": [
        {"name": "shop", "responsibility": "sells"},
        {"name": "post", "responsibility": "sends", "subscribes": ["keep Order"]},
    ],
    "jobs": ["post: print_label on create Parcel"],
    "job_management": "queue",
    "api_auth": "session",
}


@pytest.mark.parametrize(
    "answers",
    sampled(
        [
            pytest.param(PERSONS | {"audit": ["Order: read Clerk"]}, id="sqlite"),
            pytest.param(PERSONS | {"storage_kind": "files", "encryption": "fields", "audit": []}, id="files"),
            pytest.param(PERSONS | {"storage_kind": "postgres"}, id="postgres"),
            pytest.param(VISITS, id="alone"),
            pytest.param(MEMBERS, id="members"),
        ],
        2,
    ),
)
def test_a_project_exports_and_erases_what_belongs_to_a_person(generate: Generate, answers: dict[str, Any]) -> None:
    if answers["storage_kind"] == "postgres":
        need_postgres()
    project = generate(answers)
    check_whole_and_in_step(project)
    assert "uv run person erase ID" in (project / "docs" / "operations.md").read_text("utf-8")


PERSON = """
import asyncio, json, os, sys
from services.common.auth.callers import SERVICE_CALLER
from services.common.transaction import Records, Transaction
from services.post import models as post
from services.shop import models as shop
from scripts import person


async def fill():
    ids = []
    async with person.opened() as runtimes:
        for name in ("ada", "eve"):
            email, home = f"{name}@example.com", shop.Home(street=f"{name} street", city="Bonn")
            async with Records(runtimes["shop"], SERVICE_CALLER).begin() as transaction:
                draft = shop.CustomerDraft(name=name, email=email, card=f"card of {name}", home=home)
                customer = await transaction.create(shop.Customer, draft)
                order = await transaction.create(shop.Order, shop.OrderDraft(customer=customer.id, number=7))
                await transaction.create(shop.Invoice, shop.InvoiceDraft(order=order.id, amount="5.00"))
            async with Records(runtimes["post"], SERVICE_CALLER).begin() as transaction:
                for number in range(3):
                    draft = post.ParcelDraft(order=order.id, to=f"{name}, {number}", number=number)
                    await transaction.create(post.Parcel, draft)
                    draft = post.LetterDraft(recipient=email, number=number)
                    await transaction.create(post.Letter, draft)
            ids.append(str(customer.id))
    print(json.dumps(ids))


def kill():
    update = Transaction.update

    async def stop(self, record, **values):
        if isinstance(record, shop.Customer):
            os._exit(9)
        return await update(self, record, **values)

    Transaction.update = stop
    sys.argv = ["person", "erase", "--yes", sys.argv[2]]
    person.main()


if sys.argv[1] == "fill":
    asyncio.run(fill())
else:
    kill()
"""


@pytest.fixture(params=sampled(["sqlite", "postgres"], 1))
def persons(request: pytest.FixtureRequest, generate: Generate, tmp_path: Path) -> Iterator[Shop]:
    yield from migrated(request.param, PERSONS, generate, tmp_path)


def test_of_two_persons_one_is_exported_and_erased(persons: Shop) -> None:
    """Killed when all but the person's own record is done, the erasure is completed by the next one."""

    def person(*words: str, code: int = 0) -> str:
        command = [UV, "run", "--quiet", "person", *words]
        done = subprocess.run(command, cwd=persons.path, env=persons.env, capture_output=True, text=True, input="n\n")
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    ada, eve = json.loads(run(persons.path, "python", "-c", PERSON, "fill", env=persons.env).splitlines()[-1])
    before = person("export", eve)
    exported = json.loads(person("export", ada))
    counts = {entity: len(its) for entities in exported["records"].values() for entity, its in entities.items()}
    assert counts == {"Customer": 1, "Order": 1, "Invoice": 1, "Parcel": 3, "Letter": 3}
    assert "ada@example.com" in json.dumps(exported)
    assert "card" not in json.dumps(exported)
    assert "nothing was erased" in person("erase", ada, code=1)
    assert json.loads(person("export", ada)) == exported
    assert persons.start("killed", PERSON, ada).wait(60) == 9
    assert person("erase", ada, "--yes").splitlines() == [
        "shop: 1 Customer to anonymise, 1 Order kept, 1 Invoice kept",
        "post: 0 Parcel to anonymise, 0 Letter to delete",
        "shop: 1 Customer anonymised, 1 Order kept, 1 Invoice kept",
        "post: 0 Parcel anonymised, 0 Letter deleted",
    ]
    assert "ada" not in person("export", ada)
    assert len(person("erase", ada).splitlines()) == 2
    assert person("export", eve) == before
    person("export", "0198f5a0-0000-7000-8000-000000000001", code=1)


GUESTS = """
import asyncio, json, sys
from datetime import timedelta
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from services.common.auth.callers import SERVICE_CALLER
from services.common.config import load_settings
from services.common.transaction import Records
from services.common.utils import now
from services.shop import models, tables
from services.shop.main import service
from services.shop.services import GuestService


async def main():
    async with service.open(load_settings()) as runtime:
        if sys.argv[1] == "fill":
            async with Records(runtime, SERVICE_CALLER).begin() as transaction:
                await transaction.create(models.Guest, models.GuestDraft(name="Ada"))
        else:
            from services.common import retention
            await retention.apply(GuestService, runtime, now() + timedelta(days=2))
        try:
            async with runtime.database.write() as connection:
                await connection.execute(sa.update(tables.record_history).values(caller="nobody"))
            print("forged")
        except DBAPIError as error:
            assert "record_history only grows" in str(error)
        async with runtime.database.read() as connection:
            entries = await connection.execute(sa.select(tables.record_history).order_by("version"))
            print(json.dumps([[it.operation, it.caller, it.before, it.after] for it in entries]))


asyncio.run(main())
"""


@pytest.mark.parametrize("storage", sampled(["sqlite", "postgres"], 1))
def test_a_history_that_was_sealed_before_is_loosened(
    generate: Generate, reanswer: Reanswer, tmp_path: Path, storage: str
) -> None:
    answers = SHOP | {"services": ["shop: has guests"], "data_entities": ["Guest(name: str pii)"], "retention": []}
    for shop in migrated(storage, answers | {"audit": ["Guest"]}, generate, tmp_path, ("shop",)):
        run(shop.path, "python", "-c", GUESTS, "fill", env=shop.env)
        called = {"data_entities": ["Guest(title: str pii)"], "renames": ["Guest.name -> title"]}
        reanswer(shop.path, retention=["Guest: anonymise 1 day after created_at"], **called)
        run(shop.path, "migrate", env=shop.env)
        told = run(shop.path, "python", "-c", GUESTS, "expire", env=shop.env)
        assert "forged" not in told
        hidden = {"name": "[redacted]"}
        created, anonymised = json.loads(told.splitlines()[-1])
        assert created == ["create", "shop", {}, hidden]
        assert anonymised[:2] == ["update", "shop"]
        assert [it["title"] for it in anonymised[2:]] == ["[redacted]", "[redacted]"]
