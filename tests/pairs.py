"""Every two options that go together, in as few projects as that takes: a covering array over the catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations
from typing import Any

import yaml

from covering import Condition, Entry, Row, Space
from groundplan.answers import Answers
from groundplan.catalogue import Catalogue, Decision, Option
from groundplan.drivers import holding
from groundplan.generation import build
from groundplan.problems import Refused
from groundplan.reading import read

PRODUCT = "product"
"""What a row has in addition to an option for each decision with a choice."""
IDLE = "auto"
"""What is answered where there is nothing to decide."""

PRODUCTS: dict[str, dict[str, Any]] = {
    it["project_name"]: it
    for it in yaml.safe_load(
        """
        - project_name: Repair shop
          concept: Bicycles are handed in, mended and paid for.
          external_apis:
            - {name: sms, purpose: tells owners that a bicycle is ready, used_by: [desk]}
          services:
            - workshop: mends what is handed in
            - name: desk
              responsibility: takes bicycles in and hands them out
              depends_on: [workshop]
              publishes: [order.taken on create Order, order.closed on update Order]
            - name: billing
              responsibility: asks for money
              depends_on: [desk]
              subscribes:
                - keep Bicycle
                - "on order.taken: create Invoice(order: id, due: total)"
          data_entities:
            - "workshop.Bench(label: str, size: small|large = small); without update, delete"
            - "desk.Bicycle(owner: email, frame: str, seen: datetime?)"
            - "desk.Order(bicycle: Bicycle refuse, bench: Bench?, total: money, day: date, notes: list[str])"
            - "private billing.Invoice(order: Order, due: money, bicycle: Bicycle?)"
        - project_name: Two desks
          concept: Rooms are booked, and each booking is checked against the rooms.
          services:
            - rooms: knows the rooms
            - name: bookings
              responsibility: keeps who is where
              depends_on: [{service: rooms, when_unavailable: accept}]
          data_entities:
            - "rooms.Room(label: str, seats: int = 1)"
            - "bookings.Booking(room: Room, guest: str, first: datetime, nights: int)"
        - project_name: News desk
          concept: What is written is sent to readers.
          services:
            - {name: desk, responsibility: keeps what is written, publishes: [text.ready on create Text]}
            - name: post
              responsibility: sends it
              subscribes: [keep Text, "on text.ready: create Letter(text: id)"]
          data_entities:
            - "desk.Text(title: str, pages: int = 1)"
            - "post.Letter(text: Text); only list, read"
        - project_name: Library
          concept: Books are lent, and readers who keep one too long are reminded.
          services:
            - shelves: knows the books
            - name: loans
              responsibility: knows who has which book
              publishes: [loan.ended on delete Loan]
              subscribes: [keep Book]
          data_entities:
            - "shelves.Book(title: str, tags: list[str]); list(title, tags; sort title, created_at; search title)"
            - "loans.Loan(book: Book, reader: email, until: date)"
            - "loans.Reminder(reader: email)"
          jobs:
            - "loans: confirm on create, update Loan"
            - "loans: remind daily at 06:00"
            - "shelves: take_stock weekly on sunday at 22:30"
        - project_name: Watch
          concept: A clock asks again and again whether somebody is there.
          services:
            - watch: asks
          data_entities:
            - "watch.Visit(at: datetime)"
          jobs:
            - "watch: look every 15 minutes"
        - project_name: Ticket office
          concept: A seat is held and paid for, or neither.
          services:
            - {name: office, responsibility: sells seats, publishes: [sale.made on create Sale]}
            - name: hall
              responsibility: knows who sits where
              subscribes: [keep Sale]
            - name: bank
              responsibility: takes the money
              subscribes: ["on sale.made: create Slip(sale: id)"]
          data_entities:
            - "office.Sale(seat: int, price: money, state: open|sold|off = open)"
            - "hall.Hold(sale: Sale, seat: int)"
            - "private bank.Payment(sale: uuid, amount: money, by: cash|card)"
            - "bank.Slip(sale: uuid)"
          workflows:
            - "selling on create Sale: Hold(sale: id, seat: seat), then Payment(sale: id, amount: price, by: 'card');
              done: state = sold; undone: state = off"
        - project_name: Fares
          concept: Trips are quoted by somebody's map, and booked.
          external_apis:
            - {name: maps, purpose: knows how far it is, used_by: [quoting]}
          services:
            - quoting: tells what a trip costs
            - {name: trips, responsibility: keeps booked trips, depends_on: [quoting]}
          data_entities:
            - "trips.Trip(km: int, price: money system = 0.00); list(km)"
        - project_name: Club
          concept: Members pay fees, and may ask to be forgotten.
          data_sensitivity: [pii, financial]
          personas: ["Auditor: looks"]
          services:
            - name: members
              responsibility: knows the members
              publishes: [member.left(number) on delete Member because their fees end]
            - name: fees
              responsibility: takes what members pay
              depends_on: [members]
              subscribes: ["on member.left: create Farewell(number: number)"]
          data_entities:
            - "members.Member(number: str(4..12) unique pii, name: str pii, mail: email? pii, born: date pii, at: date)"
            - "fees.Fee(member: Member, due: money(EUR 1..500), iban: str financial, code: str secret)"
            - "fees.Farewell(number: str pii)"
          audit: ["Member: read Auditor", Fee]
          retention: [Fee: anonymise 10 years after created_at, Farewell: delete 30 days after created_at]
          person: [Member: delete, Fee by member: anonymise, Farewell by number = number: delete]
        - project_name: Practices
          concept: Doctors of several practices plan visits, and all know the same drugs.
          tenants: "Practice; shared: Drug"
          services:
            - name: visits
              responsibility: plans visits
              depends_on: [drugs]
              publishes: [visit.planned on create Visit]
            - {name: letters, responsibility: writes, subscribes: ["on visit.planned: create Letter(visit: id)"]}
            - drugs: knows drugs
          data_entities:
            - "visits.Visit(patient: str unique, drug: Drug, day: date); list(patient, day)"
            - "letters.Letter(visit: uuid)"
            - "drugs.Drug(label: str)"
          jobs:
            - "visits: plan daily at 05:00"
        - project_name: Note book
          concept: One person keeps notes.
          services:
            - notes: keeps them
          data_entities:
            - "notes.Note(title: str, text: text?, done: bool = false)"
        """
    )
}
"""Products of every shape that an option may not go with: calls, events, copies, jobs, a workflow, and none of them."""


def covering(catalogue: Catalogue) -> tuple[Row, ...]:
    """Rows that hold every pair of options, each with a product, that can be in one project."""
    open_ = [it for it in catalogue.decisions if not it.settled]
    values = {PRODUCT: [*PRODUCTS]} | {it.id: _values(it) for it in open_}
    return Space(values, (condition for it in open_ for condition in _conditions(it, catalogue))).covering()


def to_try(catalogue: Catalogue) -> tuple[Row, ...]:
    """Each option alone, and every pair."""
    return (*alone(catalogue), *covering(catalogue))


def alone(catalogue: Catalogue) -> Iterator[Row]:
    """Each option once, with a product that can have it, and everything else as it is proposed."""
    for decision in catalogue.decisions:
        if not decision.settled:
            for option in decision.offered:
                yield next(row for row in _rows({decision.id: option.name}) if possible(row, catalogue))


def uncovered(rows: Sequence[Row], catalogue: Catalogue) -> list[dict[str, str]]:
    """The pairs that are in no row, although a product can have them."""
    options = [(it.id, option.name) for it in catalogue.decisions if not it.settled for option in it.offered]
    pairs = [dict(pair) for pair in combinations(options, 2) if pair[0][0] != pair[1][0]]
    missing = [pair for pair in pairs if not any(pair.items() <= row.items() for row in rows)]
    return [pair for pair in missing if any(possible(row, catalogue) for row in _rows(pair))]


def _rows(options: Row) -> Iterator[Row]:
    return ({PRODUCT: product, **options} for product in PRODUCTS)


def answers(row: Row) -> dict[str, Any]:
    return PRODUCTS[row[PRODUCT]] | {name: option for name, option in row.items() if name != PRODUCT}


def possible(row: Row, catalogue: Catalogue) -> bool:
    """Whether a project can be made of a row."""
    return not refused(answers(row), catalogue)


def refused(answers: Mapping[str, Any], catalogue: Catalogue) -> bool:
    """Whether no project can be made of answers."""
    try:
        build(answers, catalogue)
    except Refused:
        return True
    return False


def _values(decision: Decision) -> list[str]:
    return [*(option.name for option in decision.offered), *([IDLE] if decision.applies_when else ())]


def _conditions(decision: Decision, catalogue: Catalogue) -> Iterator[Condition]:
    """What holds in every row because of the traits of the options."""
    if decision.applies_when:
        given = [it for trait in decision.applies_when for it in _with(trait, catalogue)]
        given += [
            Entry(PRODUCT, product) for product in PRODUCTS if not _drivers(product).isdisjoint(decision.applies_when)
        ]
        yield (Entry(decision.id, IDLE), *given)
        yield from ((_but(Entry(decision.id, IDLE)), _but(it)) for it in given)
    for option in decision.offered:
        unless = _but(Entry(decision.id, option.name))
        for trait in option.needs:
            if not any(it.settled and trait in it.offered[0].provides for it in catalogue.decisions):
                yield (unless, *_with(trait, catalogue))
        for other in (it for trait in option.conflicts for it in _with(trait, catalogue)):
            yield (unless, _but(other))
        for product in PRODUCTS:
            if _refuses(option, product):
                yield (unless, _but(Entry(PRODUCT, product)))


def _but(entry: Entry) -> Entry:
    """That an entry is not there."""
    return entry._replace(there=False)


def _with(trait: str, catalogue: Catalogue) -> list[Entry]:
    """The options that provide a trait."""
    return [
        Entry(it.id, option.name) for it in catalogue.decisions for option in it.offered_with(trait) if not it.settled
    ]


def _refuses(option: Option, product: str) -> bool:
    return not _drivers(product).isdisjoint(option.conflicts)


@cache
def _drivers(product: str) -> frozenset[str]:
    """The drivers that hold for a product."""
    raw = PRODUCTS[product]
    return frozenset(it.name for it in holding(Answers(raw), read(raw)))
