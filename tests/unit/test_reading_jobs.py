"""Jobs are read in short and in full, and each fault in them is reported in one line."""

from __future__ import annotations

import pytest

from groundplan import reading
from groundplan.domain import Job, Schedule

SHOP = {
    "project_name": "Shop",
    "services": ["catalog", {"name": "orders", "subscribes": ["on book.added: create Note(of: id)"]}],
    "data_entities": ["catalog.Book(title: str)", "orders.Order(total: money)", "orders.Note(of: uuid)"],
}
SHOP["services"][0] = {"name": "catalog", "publishes": ["book.added on create Book"]}  # type: ignore[index]
LIKE = 'Fix: write it like "orders: send_receipt on create Order" or "orders: close_day daily at 02:00".'


def jobs(*lines: object) -> list[Job]:
    product = reading.read(SHOP | {"jobs": list(lines)})
    return [job for service in product.services for job in service.jobs]


@pytest.mark.parametrize(
    "lines",
    [
        "orders: thank on delete, create Order",
        {"orders": "thank on delete, create Order"},
        {"service": "orders", "job": "thank", "when": "on create, delete Order"},
    ],
)
def test_a_job_may_begin_with_a_change(lines: object) -> None:
    (job,) = jobs(lines)
    assert job == Job("thank", "orders", "Order", ("create", "delete"))
    assert job.begins == "on create, delete Order"


@pytest.mark.parametrize(
    ("when", "schedule"),
    [
        ("every 15 minutes", Schedule(15, 0, "every 15 minutes")),
        ("every 1 hour", Schedule(60, 0, "every 1 hour")),
        ("every 2 hours", Schedule(120, 0, "every 2 hours")),
        ("daily at 2:05", Schedule(1440, 125, "daily at 02:05")),
        ("weekly on Monday at 00:00", Schedule(10080, 0, "weekly on monday at 00:00")),
        ("weekly on sunday at 22:30", Schedule(10080, 6 * 1440 + 1350, "weekly on sunday at 22:30")),
    ],
)
def test_a_job_may_be_due_at_times(when: str, schedule: Schedule) -> None:
    short, full = jobs(f"orders: close {when}", {"service": "orders", "job": "count", "when": when})
    assert short.schedule == full.schedule == schedule
    assert short.begins == schedule.words


def test_two_services_may_have_jobs_of_one_name_and_a_service_several() -> None:
    found = jobs("orders: count daily at 02:00", "catalog: count daily at 02:00", "orders: tell every 2 hours")
    assert [(it.service, it.name) for it in found] == [("catalog", "count"), ("orders", "count"), ("orders", "tell")]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "stock: count daily at 02:00",
            "'stock' is not a service. Fix: add 'stock' to services, or name one of catalog, orders.",
        ),
        (
            "orders: thank on create Ordr",
            "'Ordr' is not a declared entity. Fix: did you mean 'Order'? Otherwise declare",
        ),
        (
            "orders: thank on create Book",
            "begins with a change of Book, which 'catalog' keeps. Fix: give the job to 'catalog', or",
        ),
        ("orders: thank on made Order", f"has 'made' where create, update or delete belongs. {LIKE}"),
        ("orders: close daily at 24:00", f"has '24:00', which is not a time of day. {LIKE}"),
        ("orders: close daily at noon", f"needs a time such as 02:00 at 'noon'. {LIKE}"),
        ("orders: close daily at 02:00 and 03:00", f"has something left over at 'and 03:00'. {LIKE}"),
        ("orders: close weekly on moonday at 02:00", "has 'moonday' where monday, tuesday,"),
        ("orders: close every 0 minutes", "is due every 0 minutes, which is not from a minute to a week"),
        ("orders: close every 99999999999 hours", "which is not from a minute to a week"),
        ("orders: close monthly", "needs 'on' and an operation, or a time such as 'every 15 minutes', "),
        ("orders: close", "needs 'on' and an operation"),
        ("orders: Close daily at 02:00", "'Close' is not an identifier of lower-case letters"),
        ("orders: order daily at 02:00", "'order' needs order.py, and so does Order. Fix: choose another name"),
        ("orders: on_book_added daily at 02:00", "needs on_book_added.py, and so does the reaction to 'book.added'."),
        ("orders: tables daily at 02:00", "'tables' is a module of every service with jobs. Fix: choose another name"),
        ("orders: worker daily at 02:00", "'worker' is a module of every service with jobs. Fix: choose another name"),
        ({"job": "close", "when": "daily at 02:00"}, "has no service. Fix: give it one: {service: ...}."),
        ({"service": "orders", "job": "close", "at": "02:00"}, "has the unknown key 'at'"),
        (3, "is a number"),
    ],
)
def test_a_fault_is_reported_in_a_line(line: object, problem: str) -> None:
    (found, *more) = map(str, reading.problems(SHOP | {"jobs": [line]}))
    assert found.startswith("jobs[0]")
    assert problem in found
    assert more == [] or "unknown key" in found


def test_names_are_given_once() -> None:
    twice = ["orders: close daily at 02:00", "orders: close on create Order"]
    assert list(map(str, reading.problems(SHOP | {"jobs": twice}))) == [
        "jobs[1]: 'close' is the name of two jobs of orders. Fix: rename or remove one of them."
    ]
