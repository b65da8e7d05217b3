"""What a project remembers beyond its answers, recorded in the answers file under `history` and never asked.

`advance` is idempotent, so that the several renders of one update agree; `assign_ports_and_ids` puts what is remembered
into the product.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

from . import migrations
from .decisions import Resolved, has
from .domain import Criterion, Feature, Product, Service
from .problems import Problem, Refused
from .provenance import tracked
from .reading.renames import Before, FieldRename, IdRename
from .text import line

WIDTHS = {"FR": 3, "NFR": 2, "SM": 1, "RISK": 1}
"""The kinds of ids that names are given, and how many digits each has at least."""

FEATURE = re.compile(r"FR-\d{3,}")
"""The id of a feature, which is also the kind of its criteria: what they say is their name."""

UNCHOSEN = ("auto", "tbd", "settled")
"""How decisions were made that nobody chose; they keep their option until somebody does."""

PARTS = ("trail", "offsets", "ids", "schema")
"""The parts of a written history."""

LATER_PARTS = ("records",)
"""Further parts of a written history, which projects of earlier versions lack."""

LAST_PORT = 65535

Ports = dict[int | None, str]
"""Who has a port."""
Numbers = tuple[tuple[str, int], ...]
Revisions = tuple[tuple[str, ...], ...]


@tracked(lambda it, part: (it.decision,) if part in ("option", "how", "on", "why") else ())
@dataclass(frozen=True)
class Record:
    """One decision as it was taken: a line of the trail."""

    number: int
    decision: str
    option: str
    how: str
    on: str = ""
    """The day, if it was given."""
    why: str = ""

    @property
    def id(self) -> str:
        return f"ADR-{self.number:04d}"

    def __str__(self) -> str:
        return f"{self.number:04d}|{self.decision}={self.option}|{self.how}|{self.on}|{self.why}"


@dataclass(frozen=True)
class History:
    """The memory of a project. Ids, ports and numbers are never reused, not even after their owner is gone."""

    trail: tuple[Record, ...] = ()
    """Every decision ever taken, oldest first."""
    offsets: Numbers = ()
    """The port of each service or extra process, relative to `port_base`."""
    ids: tuple[tuple[str, Numbers], ...] = ()
    """Numbers given to names, by kind; to what criteria say, by the id of their feature."""
    schema: tuple[tuple[str, Revisions], ...] = ()
    """The revisions of each service's tables."""
    records: tuple[str, ...] = ()
    """The decisions that ever had their own record, and keep it while they apply."""

    def current(self, decision: str) -> Record | None:
        """The latest record of a decision."""
        return next((record for record in reversed(self.trail) if record.decision == decision), None)

    def superseded_by(self, record: Record) -> Record | None:
        """The record that took a record's place."""
        later = (it for it in self.trail if it.decision == record.decision and it.number > record.number)
        return next(later, None)

    def unchosen_options(self) -> dict[str, str]:
        """The recorded options of decisions that nobody chose."""
        current = {record.decision: record for record in self.trail}
        return {id: record.option for id, record in current.items() if record.how in UNCHOSEN}

    def id(self, kind: str, name: str) -> str:
        """The id of something by its name: `FR-001`, or of a criterion of `FR-001` by what it says."""
        return _id(kind, dict(dict(self.ids)[kind])[name])

    def revisions(self, service: str) -> Revisions:
        """The revisions of a service's tables, oldest first."""
        return dict(self.schema).get(service, ())

    @property
    def before(self) -> Before:
        """What a change may give another name."""
        columns: dict[str, tuple[str, ...]] = {}
        for service, revisions in self.schema:
            try:
                columns |= migrations.columns_of(revisions)
            except (KeyError, ValueError):
                raise _damaged(f"schema.{service}") from None
        return Before(columns, {kind: tuple(dict(given)) for kind, given in self.ids})

    def as_answer(self) -> dict[str, object]:
        """What the answers file holds."""
        return {
            "trail": [str(record) for record in self.trail],
            "offsets": dict(self.offsets),
            "ids": {kind: dict(given) for kind, given in self.ids},
            "schema": {service: [list(ops) for ops in revisions] for service, revisions in self.schema},
            "records": list(self.records),
        }


@dataclass(frozen=True)
class HistoryInput:
    """The answers that a project may have to remember."""

    product: Product
    resolved: tuple[Resolved, ...] = ()
    names: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """What is to be given ids, by kind."""
    port_base: int = 8001
    on: str = ""
    why: str = ""
    """The day and the reason of what is decided now."""
    renames: tuple[FieldRename | IdRename, ...] = ()
    """What gets another name."""


def advance(history: History, current: HistoryInput) -> History:
    """The history with what is new in the answers."""
    return History(
        trail=_trail(history, current),
        offsets=_offsets(history.offsets, current),
        ids=_ids(history, current),
        schema=_schema(history, current),
        records=_recorded_decisions(history, current),
    )


def extra_process_names(resolved: Iterable[Resolved], product: Product) -> tuple[str, ...]:
    """The names of the extra processes that the chosen options need."""
    return tuple(it.name for decision in resolved for it in decision.option.footprint.extra_processes_for(product))


def assign_ports_and_ids(
    product: Product, history: History, port_base: int, extra_processes: Sequence[str] = ()
) -> Product:
    """The product with its ids and ports; raise `Refused` when a port cannot be had."""
    services = tuple(_placed(service, history, port_base) for service in product.services)
    others: Ports = {port_base + dict(history.offsets)[name]: name for name in extra_processes}
    if problems := tuple(_port_problems(product.services, services, others)):
        raise Refused(problems)
    features = tuple(_identified(feature, history) for feature in product.features)
    return replace(product, services=services, features=features)


def _trail(history: History, current: HistoryInput) -> tuple[Record, ...]:
    """Add a record for each new outcome; amend the one whose outcome stays and is now made in another way."""
    trail = {record.number: record for record in history.trail}
    for it in current.resolved:
        last = history.current(it.decision.id)
        if last is None or last.option != it.option.name:
            number = max(trail, default=0) + 1
            why = current.why if last or it.how == "chosen" else ""  # nobody gave a reason for a first proposal
            trail[number] = Record(number, it.decision.id, it.option.name, it.how, current.on, why)
        elif last.how != it.how:
            on, why = current.on or last.on, current.why or last.why
            trail[last.number] = replace(last, how=it.how, on=on, why=why)
    return tuple(trail.values())


def _recorded_decisions(history: History, current: HistoryInput) -> tuple[str, ...]:
    """Add each decision that is worth a record now."""
    noteworthy = (it.decision.id for it in current.resolved if it.noteworthy)
    return tuple(dict.fromkeys((*history.records, *noteworthy)))


def _offsets(given: Numbers, current: HistoryInput) -> Numbers:
    """Give all that has no port of its own the first offset that is nobody's and never was."""
    offsets = dict(given)
    fixed = {service.port for service in current.product.services}
    homeless = (service.name for service in current.product.services if service.port is None)
    for name in (*homeless, *extra_process_names(current.resolved, current.product)):
        if name not in offsets:
            taken = set(offsets.values())
            offsets[name] = next(it for it in count() if it not in taken and current.port_base + it not in fixed)
    return tuple(offsets.items())


def _ids(history: History, current: HistoryInput) -> tuple[tuple[str, Numbers], ...]:
    """Number each new name within its kind, and each new criterion within its feature."""
    known, names = dict(_renamed(history.ids, current.renames)), dict(current.names)
    given = {kind: _numbered(known.get(kind, ()), names.get(kind, ())) for kind in WIDTHS}
    features = dict(given["FR"])
    criteria = {_id("FR", features[it.name]): it.criteria for it in current.product.features if it.criteria}
    numbered = {id: _numbered(known.get(id, ()), (it.text for it in each)) for id, each in criteria.items()}
    return tuple((known | given | numbered).items())


def _renamed(
    ids: tuple[tuple[str, Numbers], ...], renames: Iterable[FieldRename | IdRename]
) -> Iterator[tuple[str, Numbers]]:
    """The numbers that were given, each under the name that its owner has from now on."""
    for kind, given in ids:
        names = {it.old: it.new for it in renames if isinstance(it, IdRename) and it.kind == kind}
        yield kind, tuple((names.get(name, name), number) for name, number in given)


def _id(kind: str, number: int) -> str:
    """`FR-001`; a criterion is counted within its feature: `FR-001-AC1`."""
    return f"{kind}-{number:0{WIDTHS[kind]}d}" if kind in WIDTHS else f"{kind}-AC{number}"


def _numbered(given: Numbers, names: Iterable[str]) -> Numbers:
    """Give each new name the next number."""
    numbers = dict(given)
    for name in names:
        numbers.setdefault(name, max(numbers.values(), default=0) + 1)
    return tuple(numbers.items())


def _schema(history: History, current: HistoryInput) -> tuple[tuple[str, Revisions], ...]:
    """Add a revision to each service whose tables differ from what its revisions make."""
    known = dict(history.schema)
    queues, encrypts = has(current.resolved, "job_queue"), has(current.resolved, "encrypted_fields")
    for service in current.product.services:
        try:
            others = migrations.other_tables(current.product, service, queues=queues, encrypts=encrypts)
            following = migrations.followers(current.product, service)
            fields = (it for it in current.renames if isinstance(it, FieldRename) and it.entity in service.entities)
            renamed = [migrations.Renamed(it.entity.table, it.old, it.new) for it in fields]
            known[service.name] = migrations.revise(known.get(service.name, ()), service, others, following, renamed)
        except (KeyError, ValueError):
            raise _damaged(f"schema.{service.name}") from None
    return tuple(known.items())


def _placed(service: Service, history: History, port_base: int) -> Service:
    revisions = history.revisions(service.name)
    former = migrations.former_names(revisions)
    entities = (replace(it, former_names=tuple(former.get(it.table, {}).items())) for it in service.entities)
    service = replace(
        service, entities=tuple(entities), kept_before=bool(revisions), converts=migrations.converts(revisions)
    )
    if service.port is not None:
        return service
    return replace(service, port=port_base + dict(history.offsets)[service.name], port_assigned=True)


def _port_problems(declared: tuple[Service, ...], placed: tuple[Service, ...], others: Ports) -> Iterator[Problem]:
    """Find fixed ports that something else was given, and given ports that do not exist."""
    found = {after.port: after.name for before, after in zip(declared, placed, strict=True) if before.port is None}
    given = found | others
    for port, name in given.items():
        if port and port > LAST_PORT:
            yield Problem("port_base", f"leaves no port for {name}", f"choose {LAST_PORT - len(placed)} or less")
    for index, service in enumerate(declared):
        if owner := given.get(service.port):
            yield Problem(f"services[{index}].port", f"{service.port} is the port of {owner}", "choose another port")


def _identified(feature: Feature, history: History) -> Feature:
    id = history.id("FR", feature.name)
    criteria = tuple(Criterion(history.id(id, it.text), it.text) for it in feature.criteria)
    return replace(feature, id=id, criteria=criteria)


def read(raw: object) -> History:
    """The memory as the answers file holds it; raise `Refused` where somebody damaged it."""
    try:
        return _history(raw)
    except _Damage as damage:
        raise _damaged(str(damage)) from None


FIX = "put back what the last commit of .copier-answers.yml has"

GONE = Problem("history", "is gone", FIX)
"""An existing project has lost its history: ports, ids and migrations would start anew."""


def _damaged(place: str) -> Refused:
    return Refused([Problem("history", f"is damaged: {place}", FIX)])


class _Damage(ValueError):
    """The place in the history that cannot be what was written."""


def _history(raw: object) -> History:
    parts = _part(raw or {}, "history", (*PARTS, *LATER_PARTS))
    ids = _part(parts.get("ids", {}), "ids")
    if unknown := [kind for kind in ids if kind not in WIDTHS and not FEATURE.fullmatch(kind)]:
        raise _Damage(f"ids has {line(unknown[0])}")
    history = History(
        trail=_records(parts.get("trail", [])),
        offsets=_numbers(parts.get("offsets", {}), "offsets", 0),
        ids=tuple((kind, _numbers(given, f"ids.{kind}", 1)) for kind, given in ids.items()),
        schema=tuple(
            (service, tuple(tuple(_texts(ops, f"schema.{service}")) for ops in _list(revisions, f"schema.{service}")))
            for service, revisions in _part(parts.get("schema", {}), "schema").items()
        ),
        records=tuple(_texts(parts.get("records", []), "records")),
    )
    if missing := [part for part in PARTS if raw and part not in parts]:
        raise _Damage(f"history has no {missing[0]}")
    return history


_LINE = re.compile(r"(\d{4,9})\|(\w+)=(\w+)\|(\w+)\|([^|\n]*)\|([^\n]*)")


def _records(raw: object) -> tuple[Record, ...]:
    records: list[Record] = []
    for index, text in enumerate(_texts(raw, "trail")):
        found = _LINE.fullmatch(text)
        if found is None or (records and int(found[1]) <= records[-1].number):
            raise _Damage(f"line {index + 1} of the trail")
        records.append(Record(int(found[1]), *found.groups()[1:]))
    return tuple(records)


def _numbers(raw: object, where: str, least: int) -> Numbers:
    numbers = _part(raw, where)
    for name, number in numbers.items():
        if not isinstance(number, int) or isinstance(number, bool) or not least <= number <= LAST_PORT:
            raise _Damage(f"{where} of {line(name)}")
    if len(set(numbers.values())) < len(numbers):
        raise _Damage(f"{where} gives a number twice")
    return tuple((name, number) for name, number in numbers.items() if isinstance(number, int))


def _part(raw: object, where: str, known: Iterable[str] = ()) -> Mapping[str, object]:
    """A mapping of texts to anything; of known texts, where some are given."""
    if not isinstance(raw, Mapping) or not all(isinstance(key, str) for key in raw):
        raise _Damage(f"{where} is not a mapping of names")
    if known and (unknown := set(raw) - set(known)):
        raise _Damage(f"{where} has {line(min(unknown))}")
    return raw


def _list(raw: object, where: str) -> Sequence[object]:
    if not isinstance(raw, (list, tuple)):
        raise _Damage(f"{where} is not a list")
    return raw


def _texts(raw: object, where: str) -> Iterator[str]:
    for item in _list(raw, where):
        if not isinstance(item, str):
            raise _Damage(f"{where} has something that is not text")
        yield item
