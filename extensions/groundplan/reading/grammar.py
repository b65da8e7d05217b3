"""The one-line forms of entities, events and subscriptions, as syntax; what the names mean is settled elsewhere.

[value|private] [service.]Entity(field: type [1..80] [/pattern/] [mark ...] [= default], ...)[; clause ...]
    unique(field, ...)
    index(field, ...)
    only operation, ...
    without operation, ...
    list([field, ...][; sort field, ...][; search field, ...])
event.name[(field[: type], ...)] on operation[, operation] Entity [because reason]
on event.name: create Entity(field: source, ...)
keep Entity [because reason]
job on operation[, operation] Entity
job every 15 minutes | every 2 hours | daily at 02:00 | weekly on monday at 02:00
name on create Entity: Entity(field: source, ...)[, then ...]; done: field = value; undone: field = value
    [; timeout: seconds][; because reason]
Entity: action who [| who ...][, action who ...][; owner: field]
Entity[: read who [| who ...]]
Entity[ by field[ = field]]: delete|anonymise|keep
Entity: delete|anonymise 730 days|104 weeks|24 months|2 years after field
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ..domain import (
    ACCESS,
    API_OPERATIONS,
    ERASURE_ACTIONS,
    ON_DELETE,
    OPERATIONS,
    RETENTION_ACTIONS,
    SENSITIVE_KINDS,
    UPDATE,
    UPDATES,
    Listing,
    Schedule,
)
from ..text import one_of, quoted

T = TypeVar("T")

_WORD = r"[^\W\d]\w*"
_CHOICE = r"\w[\w-]*"
_DOTTED = rf"{_WORD}(?:\.{_WORD})*"
_STRING = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_HOUR, _DAY, _WEEK = 60, 24 * 60, 7 * 24 * 60
_TIMES = "'every 15 minutes', 'every 2 hours', 'daily at 02:00' or 'weekly on monday at 02:00'"
_NUMBER = r"[+-]?\d+(?:\.\d+)?"
_RANGE = rf"(?:{_NUMBER})?\s*\.\.\s*(?:{_NUMBER})?"
_PATTERN = r"/(?:[^/\\]|\\.)*/"
_BARE = r"[^\s,()'\"][^,()'\"]*"
_WHO = r"[^\s|,;'\"][^|,;'\"]*"
_REST = r"[^'\"][\s\S]*"
_BEFORE_CLAUSE = r"[^\s;:,'\"][^;:,'\"]*"
_ENDED = r"[^\s,;()'\"][^,;()'\"]*"

FLAG_MARKS = ("unique", "index", "secret", "system", "immutable", *ON_DELETE)
"""The words that may follow the type of a field, and are its keys where it is written in full."""
MARKS = (*FLAG_MARKS, *SENSITIVE_KINDS)
"""All words that may follow it: which kinds of sensitive data it holds, too."""
TOGETHER = ("unique", "index")
"""The words for what several fields may be together."""


class Malformed(ValueError):
    """A line does not follow the grammar; the message quotes the part that does not."""


@dataclass(frozen=True)
class Text:
    """A literal as it was written."""

    text: str
    quoted: bool = False


@dataclass(frozen=True)
class LimitsLine:
    """`(EUR 0..1000) /^a+$/`, as far as it was written."""

    range: tuple[str, str] | None = None
    pattern: str | None = None
    currency: str = ""


@dataclass(frozen=True)
class TypeLine:
    """`list[a|b]?`, its words not yet classified."""

    words: tuple[str, ...]
    many: bool = False
    optional: bool = False
    limits: LimitsLine | None = None

    def __str__(self) -> str:
        name = "|".join(self.words)
        return (f"list[{name}]" if self.many else name) + ("?" if self.optional else "")


@dataclass(frozen=True)
class FieldLine:
    name: str
    type: TypeLine | None
    """`None` only in an event, which takes the type from its entity."""
    default: Text | None = None
    marks: tuple[str, ...] = ()
    """Out of `MARKS`, each once."""


@dataclass(frozen=True)
class Together:
    """What several fields are together: `unique(shelf, position)`."""

    word: str
    """Out of `TOGETHER`."""
    fields: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.word}({', '.join(self.fields)})"


@dataclass(frozen=True)
class EntityLine:
    name: str
    owner: str
    """The service, when the line says it."""
    fields: tuple[FieldLine, ...]
    is_value: bool = False
    is_private: bool = False
    operations: tuple[str, ...] | None = None
    """What callers can do with its records; `None` when the line does not say it."""
    listing: Listing | None = None
    """How callers list its records; `None` when the line does not say it."""
    together: tuple[Together, ...] = ()


@dataclass(frozen=True)
class EventLine:
    name: str
    operations: tuple[str, ...]
    entity: str
    fields: tuple[FieldLine, ...] | None = None
    """`None` when the event carries the whole entity."""
    because: str = ""
    """Why it carries sensitive data; empty when the line does not say it."""


@dataclass(frozen=True)
class KeepLine:
    entity: str
    because: str = ""
    """Why the copy has sensitive data; empty when the line does not say it."""


@dataclass(frozen=True)
class ReactionLine:
    event: str
    creates: str
    mapping: tuple[tuple[str, Text], ...] = ()


@dataclass(frozen=True)
class JobLine:
    name: str
    operations: tuple[str, ...] = ()
    entity: str = ""
    schedule: Schedule | None = None


@dataclass(frozen=True)
class StepLine:
    creates: str
    service: str
    """The service, when the line says it."""
    mapping: tuple[tuple[str, Text], ...]


@dataclass(frozen=True)
class OutcomeLine:
    field: str
    value: Text


@dataclass(frozen=True)
class WorkflowLine:
    name: str
    entity: str
    steps: tuple[StepLine, ...]
    done: OutcomeLine
    undone: OutcomeLine
    timeout: str = ""
    because: str = ""
    """Why its commands carry sensitive data; empty when the line does not say it."""


@dataclass(frozen=True)
class AccessLine:
    entity: str
    grants: tuple[tuple[str, tuple[Text, ...]], ...]
    """Who may do what, out of `ACCESS` and `EVERY_ACTION`."""
    owner: str = ""


@dataclass(frozen=True)
class AuditLine:
    entity: str
    readers: tuple[Text, ...] = ()
    """Who may read the history of its records."""


UNITS = {"day": 1, "week": 7, "month": 30, "year": 365}
"""The days of each unit of time in which answers say how long records are kept."""


@dataclass(frozen=True)
class Period:
    """`3 years`."""

    count: int
    unit: str

    @property
    def days(self) -> int:
        return self.count * UNITS[self.unit.removesuffix("s")]

    def __str__(self) -> str:
        return f"{self.count} {self.unit}"


@dataclass(frozen=True)
class RetentionLine:
    entity: str
    action: str
    """Out of `RETENTION_ACTIONS`."""
    period: Period
    after: str
    """The field that it counts from."""


@dataclass(frozen=True)
class PersonLine:
    entity: str
    action: str
    """Out of `ERASURE_ACTIONS`."""
    field: str = ""
    """The field by which its records belong to the person; empty when each is one."""
    value: str = ""
    """The field with the same value; empty when the field refers to a record."""


@dataclass(frozen=True)
class TenantsLine:
    called: str
    """What one organisation is called."""
    shared: tuple[str, ...] = ()
    """The entities whose records belong to none of them."""


EVERY_ACTION = "all"
"""The word for all that callers can do with the records of an entity."""


def entity_line(text: str) -> EntityLine:
    """Read `catalog.Book(title: str, price: money); without delete` or `value Line(book: Book, quantity: int)`."""
    scan = _Scanner(text)
    kind = scan.take(r"(?:value|private)\b(?=\s+\w)")
    owner, _, name = scan.need(_DOTTED, "the entity's name").rpartition(".")
    fields = _bracketed(scan, lambda: _field(scan, typed=True))
    line = EntityLine(name, owner, fields, is_value=kind == "value", is_private=kind == "private")
    while scan.take(";"):
        line = CLAUSES[_word_of(CLAUSES, scan)](scan, line)
    scan.end()
    return line


def _only(scan: _Scanner, line: EntityLine) -> EntityLine:
    return _offering(line, _operations(scan))


def _without(scan: _Scanner, line: EntityLine) -> EntityLine:
    missing = {*_operations(scan)}
    return _offering(line, (it for it in API_OPERATIONS if it not in missing))


def _operations(scan: _Scanner) -> Iterator[str]:
    for word in _separated(lambda: _word_of((*API_OPERATIONS, UPDATE), scan), scan):
        yield from UPDATES if word == UPDATE else (word,)


def _offering(line: EntityLine, operations: Iterable[str]) -> EntityLine:
    if line.operations is not None:
        raise Malformed(f"says twice what callers can do with {line.name}")
    named = set(operations)
    return replace(line, operations=tuple(it for it in API_OPERATIONS if it in named))


def _list(scan: _Scanner, line: EntityLine) -> EntityLine:
    if line.listing is not None:
        raise Malformed(f"says twice how callers list {line.name}")
    scan.need(r"\(", "an opening bracket '('")
    line = replace(line, listing=_listing(scan))
    scan.need(r"\)", "a comma, '; sort', '; search' or the closing bracket ')'")
    return line


def _listing(scan: _Scanner) -> Listing:
    parts: dict[str, tuple[str, ...]] = {}
    while not parts or scan.take(";"):
        part = scan.take(r"(?:sort|search)\b(?=\s+\w)") or "filter"
        if part in parts or (part == "filter" and parts):
            raise scan.fault("'sort' or 'search', each once,")
        parts[part] = _separated(lambda: scan.need(_WORD, "a field's name"), scan)
    return Listing(parts.get("filter", ()), parts.get("sort", ()), parts.get("search", ()))


def _marking(word: str) -> Callable[[_Scanner, EntityLine], EntityLine]:
    """Reads the fields that are something together."""

    def read(scan: _Scanner, line: EntityLine) -> EntityLine:
        fields = _bracketed(scan, lambda: scan.need(_WORD, "a field's name"))
        return replace(line, together=(*line.together, Together(word, fields)))

    return read


CLAUSES: Mapping[str, Callable[[_Scanner, EntityLine], EntityLine]] = {
    "only": _only,
    "without": _without,
    "list": _list,
    **{word: _marking(word) for word in TOGETHER},
}
"""What may follow the fields of an entity, by its first word: reads the rest, and adds what it says to the line."""


def offered_line(text: str, line: EntityLine) -> EntityLine:
    """Read `create, read, list`, `only create, read` or `without delete`."""
    scan = _Scanner(text)
    line = CLAUSES[scan.take(r"(?:only|without)\b") or "only"](scan, line)
    scan.end()
    return line


def listing_line(text: str) -> Listing:
    """Read `author, tag; sort created_at, title; search title, body`."""
    scan = _Scanner(text)
    listing = _listing(scan)
    scan.end()
    return listing


def together_line(word: str, text: str) -> Together:
    """Read the fields that are something together: `shelf, position`."""
    scan = _Scanner(text)
    fields = _separated(lambda: scan.need(_WORD, "a field's name"), scan)
    scan.end()
    return Together(word, fields)


def event_line(text: str) -> EventLine:
    """Read `order.placed on create Order` or `order.cancelled(customer: email) on delete Order`."""
    scan = _Scanner(text)
    name = scan.need(_DOTTED, "the event's name")
    fields = _bracketed(scan, lambda: _field(scan, typed=False)) if scan.next_is(r"\(") else None
    scan.need(r"on\b", "the word 'on'")
    operations = [_operation(scan)]
    while scan.take(","):
        operations.append(_operation(scan))
    entity = scan.need(_WORD, "the entity's name")
    because = _because(scan)
    scan.end()
    return EventLine(name, tuple(dict.fromkeys(operations)), entity, fields, because)


def subscription_line(text: str) -> KeepLine | ReactionLine:
    """Read `keep Book` or `on order.placed: create Notification(recipient: customer)`."""
    scan = _Scanner(text)
    if scan.take(r"keep\b:?"):
        kept = KeepLine(scan.need(_WORD, "the entity's name"), _because(scan))
        scan.end()
        return kept
    scan.need(r"on\b", "the word 'on' or 'keep'")
    event = scan.need(_DOTTED, "the event's name")
    scan.need(":", "a colon")
    scan.need(r"create\b", "the word 'create'")
    creates = scan.need(_WORD, "the entity's name")
    mapping = _bracketed(scan, lambda: _assignment(scan)) if scan.next_is(r"\(") else ()
    scan.end()
    return ReactionLine(event, creates, mapping)


def job_line(text: str) -> JobLine:
    """Read `send_receipt on create Order`, `recount every 15 minutes` or `close_day daily at 02:00`."""
    scan = _Scanner(text)
    name = scan.need(_WORD, "the job's name")
    if scan.take(r"on\b"):
        operations = [_operation(scan)]
        while scan.take(","):
            operations.append(_operation(scan))
        line = JobLine(name, tuple(dict.fromkeys(operations)), scan.need(_WORD, "the entity's name"))
    else:
        line = JobLine(name, schedule=_schedule(scan))
    scan.end()
    return line


def _schedule(scan: _Scanner) -> Schedule:
    """The times at which a job is due, all in UTC."""
    if scan.take(r"every\b"):
        number = scan.need(r"\d+", "how many minutes or hours")
        unit = scan.need(r"(?:minute|hour)s?\b", "minutes or hours")
        minutes = int(number[:9]) * (_HOUR if unit[0] == "h" else 1)
        if not 1 <= minutes <= _WEEK:
            raise Malformed(f"is due every {number} {unit}, which is not from a minute to a week")
        return Schedule(minutes, 0, f"every {int(number)} {unit}")
    if scan.take(r"daily\b"):
        at = _time(scan)
        return Schedule(_DAY, at, f"daily at {at // 60:02}:{at % 60:02}")
    if scan.take(r"weekly\b"):
        scan.need(r"on\b", "the word 'on' and a day")
        day = scan.need(_WORD, "a day of the week").lower()
        if day not in _DAYS:
            raise Malformed(f"has {quoted(day)} where {one_of(_DAYS)} belongs")
        at = _time(scan)
        return Schedule(_WEEK, _DAYS.index(day) * _DAY + at, f"weekly on {day} at {at // 60:02}:{at % 60:02}")
    raise scan.fault(f"'on' and an operation, or a time such as {_TIMES},")


def _time(scan: _Scanner) -> int:
    """A time of day, in minutes."""
    scan.need(r"at\b", "the word 'at' and a time")
    hour, _, minute = scan.need(r"\d{1,2}:\d\d(?!\d)", "a time such as 02:00").partition(":")
    if int(hour) > 23 or int(minute) > 59:
        raise Malformed(f"has {quoted(f'{hour}:{minute}')}, which is not a time of day")
    return int(hour) * 60 + int(minute)


def workflow_line(text: str) -> WorkflowLine:
    """Read `sale on create Order: Parcel(order: id), then Bill(); done: state = sold; undone: state = off`."""
    scan = _Scanner(text)
    name = scan.need(_WORD, "the workflow's name")
    scan.need(r"on\b", "the word 'on'")
    scan.need(r"create\b", "the word 'create'")
    entity = scan.need(_WORD, "the entity's name")
    scan.need(":", "a colon")
    steps = _separated(lambda: _step(scan), scan)
    outcomes = []
    for word in ("done", "undone"):
        scan.need(";", f"a semicolon and '{word}: <field> = <value>'")
        scan.need(rf"{word}\b", f"the word '{word}'")
        scan.need(":", "a colon")
        outcomes.append(_outcome(scan))
    timeout = because = ""
    if scan.take(r";(?=\s*timeout\b)"):
        scan.need(r"timeout\b", "the word 'timeout'")
        scan.need(":", "a colon")
        timeout = scan.need(r"\d+", "a number of seconds")
        scan.take(r"s\b")
    if scan.take(";"):
        because = _because(scan) or scan.need("because", "the word 'timeout' or 'because'")
    scan.end()
    return WorkflowLine(name, entity, steps, outcomes[0], outcomes[1], timeout, because)


def access_line(text: str) -> AccessLine:
    """Read `Order: create Reader, read owner | Shopkeeper, update Shopkeeper; owner: customer`."""
    scan = _Scanner(text)
    entity = scan.need(_WORD, "the entity's name")
    scan.need(":", f"a colon and who may do what with {entity}")
    grants = _separated(lambda: _grant(scan), scan)
    owner = ""
    if scan.take(";"):
        scan.need(r"owner\b", "the word 'owner' and the field that names the caller")
        scan.take(":")
        owner = scan.need(_WORD, "the field that names the caller")
    scan.end()
    return AccessLine(entity, grants, owner)


def _grant(scan: _Scanner) -> tuple[str, tuple[Text, ...]]:
    action = _word_of((*ACCESS, EVERY_ACTION), scan)
    return action, _who(scan, f"who may {action}")


def _who(scan: _Scanner, missing: str) -> tuple[Text, ...]:
    who = [_literal(scan, missing, _WHO)]
    while scan.take(r"\|"):
        who.append(_literal(scan, "somebody else", _WHO))
    return tuple(who)


def audit_line(text: str) -> AuditLine:
    """Read `Order: read Auditor | Shopkeeper`, or `Order` alone."""
    scan = _Scanner(text.rstrip().removesuffix(":"))
    entity = scan.need(_WORD, "the entity's name")
    readers: tuple[Text, ...] = ()
    if scan.take(":"):
        scan.need(r"read\b", "the word 'read' and who may read its history")
        readers = _who(scan, "who may read its history")
    scan.end()
    return AuditLine(entity, readers)


def retention_line(text: str) -> RetentionLine:
    """Read `Order: delete 730 days after placed_at`."""
    scan = _Scanner(text)
    entity = scan.need(_WORD, "the entity's name")
    scan.need(":", f"a colon and what becomes of each {entity}")
    action = _word_of(RETENTION_ACTIONS, scan)
    period = _period(scan)
    scan.need(r"after\b", "the word 'after' and the field that it counts from")
    after = scan.need(_WORD, "the field that it counts from")
    scan.end()
    return RetentionLine(entity, action, period, after)


def person_line(text: str) -> PersonLine:
    """Read `Customer: anonymise`, `Order by customer: keep` or `Letter by to = email: delete`."""
    scan = _Scanner(text)
    entity = scan.need(_WORD, "the entity's name")
    field = value = ""
    if scan.take(r"by\b"):
        field = scan.need(_WORD, "the field by which its records belong to the person")
        value = scan.need(_WORD, "the field with the same value") if scan.take("=") else ""
    scan.need(":", f"a colon and what becomes of each {entity}")
    action = _word_of(ERASURE_ACTIONS, scan)
    scan.end()
    return PersonLine(entity, action, field, value)


def period_line(text: str) -> Period:
    """Read `730 days` or `3 years`."""
    scan = _Scanner(text)
    period = _period(scan)
    scan.end()
    return period


def _period(scan: _Scanner) -> Period:
    count = scan.need(r"[0-9]+(?![\w.,])", "a whole number of days, weeks, months or years")
    unit = scan.need(r"(?:day|week|month|year)s?\b", "'days', 'weeks', 'months' or 'years'")
    return Period(int(count[:9]), unit)


def tenants_line(text: str) -> TenantsLine:
    """Read `Clinic; shared: Drug, Country`, or `Clinic` alone."""
    scan = _Scanner(text)
    called = _literal(scan, "what one organisation is called", _BEFORE_CLAUSE).text
    shared: tuple[str, ...] = ()
    if scan.take(";"):
        scan.need(r"shared\b", "the word 'shared' and the entities that all of them share")
        scan.take(":")
        shared = _separated(lambda: scan.need(_WORD, "the name of an entity"), scan)
    scan.end()
    return TenantsLine(called, shared)


def step_line(text: str) -> StepLine:
    """Read `Reservation(order: id, copies: quantity)`."""
    scan = _Scanner(text)
    step = _step(scan)
    scan.end()
    return step


def outcome_line(text: str) -> OutcomeLine:
    """Read `status = confirmed`."""
    scan = _Scanner(text)
    outcome = _outcome(scan)
    scan.end()
    return outcome


def field_lines(text: str) -> tuple[FieldLine, ...]:
    """Read `title: str, price: money`."""
    scan = _Scanner(text)
    fields = _separated(lambda: _field(scan, typed=True), scan)
    scan.end()
    return fields


def source_line(text: str) -> Text:
    """Read where a reaction takes a value from: `customer`, `'Your order'`, `3`."""
    scan = _Scanner(text)
    source = _literal(scan, "a field of the event or a value")
    scan.end()
    return source


class _Scanner:
    """Walks over a line, one pattern at a time, past blanks."""

    def __init__(self, text: str) -> None:
        self._text = text.strip()
        self._at = 0

    def take(self, pattern: str) -> str | None:
        """What matches here, consumed; `None` when nothing does."""
        match = re.compile(rf"\s*({pattern})").match(self._text, self._at)
        if match is None:
            return None
        self._at = match.end()
        return match[1]

    def next_is(self, pattern: str) -> bool:
        return re.compile(rf"\s*({pattern})").match(self._text, self._at) is not None

    def need(self, pattern: str, what: str) -> str:
        """What matches here, or a complaint."""
        found = self.take(pattern)
        if found is None:
            raise self.fault(what)
        return found

    def fault(self, what: str) -> Malformed:
        """The complaint that something is not here."""
        return Malformed(f"needs {what} {self._here()}")

    def end(self) -> None:
        if self._at < len(self._text):
            raise Malformed(f"has something left over {self._here()}")

    def _here(self) -> str:
        rest = self._text[self._at :].strip()
        return f"at {quoted(rest)}" if rest else f"at the end of {quoted(self._text)}"


def _bracketed(scan: _Scanner, item: Callable[[], T]) -> tuple[T, ...]:
    scan.need(r"\(", "an opening bracket '('")
    items = () if scan.next_is(r"\)") else _separated(item, scan)
    scan.need(r"\)", "a comma or the closing bracket ')'")
    return items


def _separated(item: Callable[[], T], scan: _Scanner) -> tuple[T, ...]:
    items = [item()]
    while scan.take(","):
        items.append(item())
    return tuple(items)


def _field(scan: _Scanner, *, typed: bool) -> FieldLine:
    name = scan.need(_WORD, "a field's name")
    if not typed and not scan.next_is(":"):
        return FieldLine(name, None)
    scan.need(":", f"a colon and the type of {quoted(name)}")
    type_ = _type(scan)
    if not typed:
        return FieldLine(name, type_)
    marks = _marks(scan, name)
    return FieldLine(name, type_, _default(scan, name), marks)


def _marks(scan: _Scanner, field: str) -> tuple[str, ...]:
    """The words behind a type, in any order."""
    marks: list[str] = []
    while word := scan.take(_WORD):
        if word not in MARKS:
            raise Malformed(f"has {quoted(word)} behind the type of {quoted(field)}, where {one_of(MARKS)} belongs")
        if word in marks:
            raise Malformed(f"says {word} twice of {quoted(field)}")
        marks.append(word)
    return tuple(marks)


def _type(scan: _Scanner) -> TypeLine:
    many = scan.take(r"list\s*\[") is not None
    words = [scan.need(_CHOICE, "a type")]
    while scan.take(r"\|"):
        words.append(scan.need(_CHOICE, "another choice"))
    limits = _limits(scan, LimitsLine())
    if many:
        scan.need(r"\]", "the closing bracket ']' of the list")
    optional = scan.take(r"\?") is not None
    if not many:
        limits = _limits(scan, limits)
    return TypeLine(tuple(words), many, optional, None if limits == LimitsLine() else limits)


def _limits(scan: _Scanner, limits: LimitsLine) -> LimitsLine:
    """What is behind a type, in brackets or without them."""
    while True:
        if scan.take(r"\("):
            limits = _ends(scan, limits)
            scan.need(r"\)", "a closing bracket ')'")
        elif scan.next_is(rf"[A-Z]{{3}}\b|{_RANGE}"):
            limits = _ends(scan, limits)
        elif pattern := scan.take(_PATTERN):
            limits = _once(limits, pattern=pattern[1:-1].replace("\\/", "/"))
        else:
            return limits


def _ends(scan: _Scanner, limits: LimitsLine) -> LimitsLine:
    """A currency, a range or both."""
    if currency := scan.take(r"[A-Z]{3}\b"):
        limits = _once(limits, currency=currency)
        if not scan.next_is(_RANGE):
            return limits
    least, _, most = scan.need(_RANGE, "a range such as 1..80 or ..80").partition("..")
    return _once(limits, range=(least.strip(), most.strip()))


def _once(limits: LimitsLine, **given: Any) -> LimitsLine:
    (name,) = given
    if getattr(limits, name):
        raise Malformed(f"says twice what {name} a field has")
    return replace(limits, **given)


def _default(scan: _Scanner, field: str) -> Text | None:
    if not scan.take("="):
        return None
    default = _literal(scan, "a default")
    *before, last = default.text.split() or [""]
    if before and last in MARKS and not default.quoted:
        raise Malformed(f"has {quoted(last)} behind the default of {quoted(field)}, and marks stand before the '='")
    return default


def _literal(scan: _Scanner, what: str, bare: str = _BARE) -> Text:
    if (written := scan.take(_STRING)) is not None:
        return Text(re.sub(r"\\([\\'\"])", r"\1", written[1:-1]), quoted=True)
    return Text(scan.need(bare, what).strip())


def _because(scan: _Scanner) -> str:
    """The reason at the end of a line, in quotes or without them; empty where there is none."""
    return _literal(scan, "the reason", _REST).text if scan.take(r"because\b:?") else ""


def _operation(scan: _Scanner) -> str:
    return _word_of(OPERATIONS, scan)


def _word_of(words: Iterable[str], scan: _Scanner) -> str:
    """One of some words."""
    expected = one_of(tuple(words))
    word = scan.need(_WORD, expected)
    if word not in words:
        raise Malformed(f"has {quoted(word)} where {expected} belongs")
    return word


def _assignment(scan: _Scanner) -> tuple[str, Text]:
    name = scan.need(_WORD, "a field's name")
    scan.need(":", f"a colon and where {quoted(name)} comes from")
    return name, _literal(scan, f"where {quoted(name)} comes from")


def _step(scan: _Scanner) -> StepLine:
    scan.take(r"then\b")
    service, _, creates = scan.need(_DOTTED, "the entity that a step creates").rpartition(".")
    mapping = _bracketed(scan, lambda: _assignment(scan)) if scan.next_is(r"\(") else ()
    return StepLine(creates, service, mapping)


def _outcome(scan: _Scanner) -> OutcomeLine:
    field = scan.need(_WORD, "a field's name")
    scan.need("=", f"'=' and what {quoted(field)} becomes")
    return OutcomeLine(field, _literal(scan, f"what {quoted(field)} becomes", _ENDED))
