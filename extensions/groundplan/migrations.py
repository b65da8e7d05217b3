"""The tables of a service, and the migrations that lead to them.

A revision is a tuple of one-line operations, kept in the project's history, so that what a migration that was handed
out did to a database is never done otherwise:

    create books: title str, isbn str?, stock int     a new table, in addition to the columns that every table has
    add books.pages int?                              a new column; `= 0` gives the rows that exist a value
    loosen books.pages int?                           the column may be empty from now on
    tighten books.pages int                           it may no longer; `= 0` gives the rows without one a value
    retire books.pages / retire books                 out of use: renamed and kept, because a migration loses nothing
    restore books.pages int from 0002                 in use again, with the values that it had when revision 0002
    restore books from 0002                           retired it; rows that are newer have none
    convert books.pages float from int                of another type: each value comes along, or nothing is changed;
                                                      `among ["new", "used"]` lists choices, `= 0` as for `add`,
                                                      and it may be `from encrypted int`
    was convert books.pages float? from int           of that type until a later revision: the values of before are
                                                      kept aside for it, as some may be none of this type
    rename books.pages int to leaves                  the column, with its values, is called so from now on
    index books: created, title                       records are looked up by these values together
    encrypt books.isbn str?                           its values are encrypted from now on, as text
    decrypt books.isbn str?                           they no longer are
    unique books: isbn                                the same, and no two rows may have the same values
    drop index books: title / drop unique books: isbn no longer
    seal record_history                               rows are added to it and read, and nothing else
    merge books                                       its rows belong to no tenant any more, as `retire books.tenant`
    was merge books                                   the same, as its rows belong to tenants again later, or to nothing
    redact record_history                             values in its rows may be replaced by a mark, too; said again
                                                      when it has other columns, as nothing else may change in these
    assign record_history.tenant: entity Book         its rows about these records belong to whom older records do
    was assign record_history.tenant: entity Book     they do if somebody says to whom
    was unique books: isbn                            unique until a later revision: rows with the same values do not
                                                      stand in its way
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType

from .domain import SCALARS, TENANT_FIELD, Entity, Field, Product, Service
from .text import short_hash

Revision = tuple[str, ...]

TENANT = TENANT_FIELD.name
"""The column with the tenant of a row, and its type: no field of the answers has that."""

FOR_TENANT = "for_tenant"
"""The column with the tenant for whose record a workflow runs."""

STORED = (*SCALARS, "choice", "json", TENANT)
"""The types of columns."""

NAME = "[a-z][a-z0-9_]*"
KIND = rf"(?:encrypted )?(?:{'|'.join(STORED)})"
COLUMN = rf"{NAME} {KIND}\??"
OPERATION = re.compile(
    rf"(?P<create>create) (?P<created>{NAME}): (?P<columns>{COLUMN}(?:, {COLUMN})*)"
    rf"|(?P<seal>seal|redact) (?P<sealed>{NAME})"
    rf"|(?P<merge>(?:was )?merge) (?P<merged>{NAME})"
    rf"|(?P<assign>(?:was )?assign) (?P<assigned>{NAME})\.(?P<owner>{NAME}): (?P<by>{NAME}) (?P<value>\w+)"
    rf"|restore (?P<restored>{NAME})(?:\.(?P<again>{NAME} {KIND}))? from (?P<since>\d{{4,}})"
    rf"|(?P<retire>retire) (?P<retired>{NAME})(?:\.(?P<name>{NAME}))?"
    rf"|(?P<convert>(?:was )?convert) (?P<converted>{NAME})\.(?P<into>{COLUMN}) from (?P<before>{KIND})"
    rf"(?: among (?P<choices>\[[^]]*\]))?(?: = (?P<filled>.+))?"
    rf"|rename (?P<renamed>{NAME})\.(?P<old>{NAME} {KIND}) to (?P<new>{NAME})"
    rf"|(?P<verb>add|loosen|tighten|encrypt|decrypt) (?P<table>{NAME})\.(?P<column>{COLUMN})(?: = (?P<default>.+))?"
    rf"|(?P<change>(?:drop )?(?:index|unique)|was unique) (?P<changed>{NAME}): (?P<fields>{NAME}(?:, {NAME})*)"
)

LONGEST_NAME = 63
"""The bytes of an identifier that PostgreSQL reads."""


@dataclass(frozen=True)
class Column:
    """A column: how it is stored, whether it may be empty, and what existing rows get."""

    name: str
    type: str
    optional: bool = False
    default: object = None
    """Of JSON's types; an empty list, where nobody gave a list one."""
    encrypted: bool = False
    """Whether its values are encrypted, and so stored as text."""
    choices: tuple[str, ...] = field(default=(), compare=False)
    """Those that a field has now; the column takes others, too."""

    @property
    def needs_value(self) -> bool:
        """Whether a row cannot be without a value in it, and no default gives existing rows one."""
        return not self.optional and self.default is None

    @property
    def kind(self) -> str:
        """Its type, and whether its values are encrypted."""
        return f"encrypted {self.type}" if self.encrypted else self.type

    def __str__(self) -> str:
        return f"{self.name} {self.kind}{'?' if self.optional else ''}"


@dataclass(frozen=True)
class Index:
    """An index over columns of a table."""

    fields: tuple[str, ...]
    unique: bool = False

    @property
    def word(self) -> str:
        return "unique" if self.unique else "index"

    def name(self, table: str) -> str:
        """Its name in the database: `uq_books_isbn`."""
        whole = "_".join(("uq" if self.unique else "ix", table, *self.fields))
        if len(whole) <= LONGEST_NAME:
            return whole
        mark = short_hash(whole)
        return f"{whole[: LONGEST_NAME - 1 - len(mark)]}_{mark}"


@dataclass(frozen=True)
class Table:
    """A table: its columns by name, and its indexes."""

    columns: dict[str, Column]
    indexes: set[Index] = field(default_factory=set)
    redacted: bool = False
    """Whether values in its rows may be replaced by a mark, although it is sealed."""

    @classmethod
    def of(cls, columns: Iterable[Column], indexes: Iterable[Index] = ()) -> Table:
        return cls({it.name: it for it in columns}, set(indexes))


Tables = Mapping[str, Table]


@dataclass(frozen=True)
class Operation:
    """One step of a migration, read back from its line."""

    verb: str
    table: str
    column: Column | None = None
    columns: tuple[Column, ...] = ()
    index: Index | None = None
    by: tuple[str, str] | None = None
    """The column, and the value in it, that say about what records a row is."""
    before: Column | None = None
    """The column before it is converted."""
    revision: str = ""
    """The one that retired what is restored."""
    new_name: str = ""
    """What the column is called once it is renamed."""

    @property
    def encrypts(self) -> bool:
        """Whether values of its columns are encrypted, or were until then."""
        columns = (*self.columns, self.column, self.before)
        return self.verb in ("encrypt", "decrypt") or any(it.encrypted for it in columns if it)


@dataclass(frozen=True)
class Renamed:
    """A column that gets another name, as somebody says it."""

    table: str
    old: str
    new: str


@dataclass(frozen=True)
class Followers:
    """The rows of a table about records of an entity, which belong to the tenant of their record."""

    table: str
    column: str
    """The one with their tenant."""
    by: tuple[str, str]
    records: str
    """The table of the entity."""

    def __str__(self) -> str:
        return f"assign {self.table}.{self.column}: {' '.join(self.by)}"


def stored_as(field: Field) -> str:
    """The type of a field's column: its own, that of an id, or JSON for what has parts."""
    if field == TENANT_FIELD:
        return TENANT
    if field.type.many or field.type.kind == "value":
        return "json"
    return field.type.field_type.name if field.type.field_type else field.type.kind


def columns(entity: Entity) -> tuple[Column, ...]:
    """The columns of an entity's table, besides those that every table has."""
    return tuple(
        Column(it.name, stored_as(it), it.type.optional, _default(it), it.name in entity.encrypted, _choices(it))
        for it in entity.fields
    )


def indexes(entity: Entity) -> tuple[Index, ...]:
    """The indexes of an entity's table, besides that of its key."""
    return (
        *(Index(names, unique=True) for names in entity.uniques),
        *(Index(names) for names in entity.indexes),
    )


def _choices(field: Field) -> tuple[str, ...]:
    return () if field.type.many else field.type.choices


def _default(field: Field) -> object:
    return [] if field.type.many and field.required else field.default


JOB_QUEUE = "job_queue"
"""The table of queued jobs; no entity can have it, because it is not a plural."""

JOB_QUEUE_COLUMNS = (
    Column("job", "str"),
    Column("due_at", "datetime"),
    Column("content", "json"),
    Column("scheduled", "bool"),
    Column("tries", "int"),
    Column("trace", "str", optional=True),
    Column("rejected", "text", optional=True),
)
"""The columns of the table of queued jobs, in addition to those that every table has."""


STORED_RESPONSE = "stored_response"
"""The table of the stored responses to requests that may be repeated."""

STORED_RESPONSE_COLUMNS = (
    Column("fingerprint", "str"),
    Column("status", "int"),
    Column("headers", "json"),
    Column("body", "text"),
    Column("expires_at", "datetime"),
)
"""The columns of that table, in addition to those that every table has."""


RECORD_HISTORY = "record_history"
"""The table of the changes that are on record."""

RECORD_HISTORY_COLUMNS = (
    Column("entity", "str"),
    Column("record_id", "uuid"),
    Column("operation", "choice"),
    Column("caller", "text"),
    Column("is_service", "bool"),
    Column("before", "json"),
    Column("after", "json"),
)
"""The columns of that table, in addition to those that every table has."""

SEALED = (RECORD_HISTORY,)
"""The tables to which rows are added, and whose rows are never changed or deleted."""

OTHER_INDEXES = {STORED_RESPONSE: (Index(("expires_at",)),), RECORD_HISTORY: (Index(("record_id",)),)}
"""The indexes of tables that are not those of entities."""


WORKFLOW_COLUMNS = (
    Column("workflow", "str"),
    Column("state", "choice"),
    Column("step", "int"),
    Column("reason", "text", optional=True),
    Column("due_at", "datetime"),
)
"""The columns of the table with the state of each workflow that a service orchestrates."""

WORKFLOW_STEP_COLUMNS = (Column("state", "choice"), Column("record", "uuid", optional=True))
"""The columns of the table with the state of each step that a service performs in workflows of others."""


_ASKED_BY = {"workflow": "workflows", "workflow_step": "workflows", JOB_QUEUE: "jobs", RECORD_HISTORY: "audit"}


def asked_by(table: str) -> str:
    """The question that a table depends on."""
    return _ASKED_BY.get(table, "data_entities")


def other_tables(
    product: Product, service: Service, *, queues: bool = False, encrypts: bool = False
) -> dict[str, tuple[Column, ...]]:
    """The tables of a service that are not those of its entities; their names are singular.

    With `queues`, jobs that wait are rows; with `encrypts`, the stored responses, which have fields of records, are
    encrypted as those are.
    """
    responses = tuple(replace(it, encrypted=encrypts and it.name == "body") for it in STORED_RESPONSE_COLUMNS)
    tables = {
        JOB_QUEUE: JOB_QUEUE_COLUMNS if queues and service.jobs else (),
        STORED_RESPONSE: responses if service.entities else (),
    }
    return common_tables(product, service) | {name: columns for name, columns in tables.items() if columns}


def common_tables(product: Product, service: Service) -> dict[str, tuple[Column, ...]]:
    """The tables of a service that hold how far workflows are, and which changes are on record."""
    # Rows that are older have no tenant.
    of, led_for = (Column(it, TENANT, optional=True) for it in (TENANT, FOR_TENANT))
    changes: tuple[Column, ...] = RECORD_HISTORY_COLUMNS
    if any(it.audited and it.of_tenant for it in service.entities):
        changes = (*changes, of)
    led = (*WORKFLOW_COLUMNS, led_for) if product.tenants else WORKFLOW_COLUMNS
    tables = {
        RECORD_HISTORY: changes if service.audited else (),
        "workflow": led if product.workflows_led_by(service.name) else (),
        "workflow_step": WORKFLOW_STEP_COLUMNS if product.workflow_steps_in(service.name) else (),
    }
    return {name: columns for name, columns in tables.items() if columns}


def followers(product: Product, service: Service) -> tuple[Followers, ...]:
    """The rows of a service that are about records of tenants: entries of histories, and workflows."""
    entries = (
        Followers(RECORD_HISTORY, TENANT, ("entity", it.name), it.table)
        for it in service.entities
        if it.audited and it.of_tenant
    )
    led = ((it, product.entities[it.entity]) for it in product.workflows_led_by(service.name))
    sagas = (
        Followers("workflow", FOR_TENANT, ("workflow", it.name), subject.table)
        for it, subject in led
        if subject.of_tenant
    )
    return (*entries, *sagas)


def revise(
    previous: tuple[Revision, ...],
    service: Service,
    others: Mapping[str, tuple[Column, ...]] = MappingProxyType({}),
    following: Iterable[Followers] = (),
    renamed: Iterable[Renamed] = (),
) -> tuple[Revision, ...]:
    """The revisions of a service, with one more if its tables are not what the previous ones lead to.

    `others` are its tables that are not those of its entities, `following` what `followers` finds.
    """
    following = tuple(following)
    wanted = {entity.table: Table.of(columns(entity), indexes(entity)) for entity in service.entities}
    wanted |= {table: Table.of(kept, OTHER_INDEXES.get(table, ())) for table, kept in others.items()}
    if RECORD_HISTORY in wanted and service.redacts:
        wanted[RECORD_HISTORY] = replace(wanted[RECORD_HISTORY], redacted=True)
    step = _renaming(_schema(previous).tables, wanted, renamed)
    step += _difference(_schema((*previous, step)), wanted, {it.table for it in service.entities})
    step += tuple(str(it) for it in following if _unassigned((*previous, step), it))
    kept = {str(it) for it in following}
    revisions = (*previous, step) if step else previous
    return _easing(_merging(_relaxed(revisions, wanted, kept)))


def _renaming(known: Tables, wanted: Tables, renamed: Iterable[Renamed]) -> Revision:
    """The steps that rename columns, without those that were renamed before; their indexes are made anew afterwards."""
    steps: list[str] = []
    done: set[tuple[str, str]] = set()
    for it in renamed:
        old, new = (tables[it.table].columns if it.table in tables else {} for tables in (known, wanted))
        is_first = done.isdisjoint(both := {(it.table, it.old), (it.table, it.new)})
        if is_first and it.old in old and it.old not in new and it.new in new and it.new not in old:
            done |= both
            its = {index for index in known[it.table].indexes if it.old in index.fields}
            called = Column(it.old, old[it.old].type, encrypted=old[it.old].encrypted)
            steps += [*_index_steps("drop ", it.table, its), f"rename {it.table}.{called} to {it.new}"]
    return tuple(steps)


def _unassigned(revisions: Iterable[Revision], rows: Followers) -> bool:
    """Whether there may be rows that are older than the tenants of the records that they are about."""
    exist = older = False
    for line in (line for revision in revisions for line in revision):
        operation = parse(line)
        if operation.table == rows.table and operation.index is None and not operation.verb.endswith("assign"):
            begins, ends = operation.verb == "create", operation.verb == "retire" and operation.column is None
            exist, older = (exist or begins) and not ends, older and not (begins or ends)
        elif operation.table == rows.records and operation.column is not None and operation.column.name == TENANT:
            older = exist and operation.verb == "add"
        elif line == str(rows):
            older = False
    return older


def _merging(revisions: tuple[Revision, ...]) -> tuple[Revision, ...]:
    """The revisions, of which each asks whether rows are those of several tenants where these would meet.

    They would not where rows get back the tenants that they had, or where their table goes out of use.
    """
    apart: dict[str, bool] = {}
    known: list[Revision] = []
    for revision in reversed(revisions):
        lines: list[str] = []
        for it in reversed(revision):
            operation, line = parse(it), it
            table = operation.table
            if operation.verb.endswith("merge"):
                apart.setdefault(table, False)
                line = f"was merge {table}" if apart[table] else f"merge {table}"
            elif operation.verb == "assign" or it in (f"retire {table}", f"add {table}.{TENANT} {TENANT}"):
                apart[table] = True
            lines.append(line)
        known.append(tuple(reversed(lines)))
    return tuple(reversed(known))


def _easing(revisions: tuple[Revision, ...]) -> tuple[Revision, ...]:
    """The revisions, of which none requires what an earlier one no longer does."""
    optional: dict[tuple[str, str], bool] = {}
    known: list[Revision] = []
    for revision in revisions:
        lines: list[str] = []
        for it in revision:
            operation, line = parse(it), it
            if operation.column and operation.new_name:
                place = (operation.table, operation.column.name)
                optional[operation.table, operation.new_name] = optional.pop(place)
                lines.append(line)
                continue
            for column in operation.columns or filter(None, [operation.column]):
                place = (operation.table, column.name)
                if operation.verb in ("encrypt", "decrypt") and optional.get(place):
                    line = f"{operation.verb} {operation.table}.{replace(column, optional=True)}"
                else:
                    optional[place] = column.optional
            lines.append(line)
        known.append(tuple(lines))
    return tuple(known)


def _relaxed(revisions: tuple[Revision, ...], wanted: Tables, kept: Collection[str]) -> tuple[Revision, ...]:
    """The revisions, without what they require of rows and no longer holds; the last one requires what does."""
    called: dict[tuple[str, str], str] = {}
    relaxed: list[Revision] = []
    for revision in reversed(revisions):
        lines: list[str] = []
        for line in reversed(revision):
            operation = parse(line)
            lines.append(_relaxed_line(line, _called_now(operation, called), wanted, kept))
            if operation.column and operation.new_name:
                place = operation.table, operation.column.name
                called[place] = called.pop((operation.table, operation.new_name), operation.new_name)
            elif operation.column and operation.verb == "add":
                called.pop((operation.table, operation.column.name), None)
        relaxed.append(tuple(reversed(lines)))
    return tuple(reversed(relaxed))


def _called_now(operation: Operation, called: Mapping[tuple[str, str], str]) -> Operation:
    """An operation with the names that its columns have by now."""
    table, column, index = operation.table, operation.column, operation.index
    if column is not None:
        column = replace(column, name=called.get((table, column.name), column.name))
    if index is not None:
        index = replace(index, fields=tuple(called.get((table, it), it) for it in index.fields))
    return replace(operation, column=column, index=index)


def _relaxed_line(line: str, now: Operation, wanted: Tables, kept: Collection[str]) -> str:
    """An earlier operation, without a requirement that existing rows might fail and that no longer holds.

    A column that had to have a value may be optional by now, or have a default. A database in which the operation was
    done had no such rows, so changing it makes no difference there; where it is still to be done, it can succeed now.
    """
    operation = parse(line)
    if operation.verb == "unique":
        stays = operation.table in wanted and now.index in wanted[operation.table].indexes
        return line if stays else f"was {line}"
    if operation.verb == "assign":
        return line if line in kept else f"was {line}"
    old = operation.column
    new = wanted[operation.table].columns.get(now.column.name) if now.column and operation.table in wanted else None
    if operation.verb == "convert" and old and operation.before:
        return _relaxed_conversion(operation.table, operation.before.kind, old, new)
    if operation.verb not in ("add", "tighten") or old is None or not old.needs_value:
        return line
    if new is None or new.type != old.type or new.optional:
        verb = "add" if operation.verb == "add" else "loosen"
        return f"{verb} {operation.table}.{replace(old, optional=True, default=None)}"
    return line if new.needs_value else f"{line}{_given(new)}"


def _relaxed_conversion(table: str, before: str, old: Column, new: Column | None) -> str:
    """An earlier conversion: of values that may be kept aside, if the column is of another type by now."""
    if new is None or new.type != old.type:
        return f"was convert {table}.{replace(old, optional=True, choices=())} from {before}"
    choices = tuple(dict.fromkeys((*old.choices, *new.choices)))
    if not old.needs_value:
        return _conversion(table, before, replace(old, choices=choices))
    return _conversion(table, before, replace(old, optional=new.optional, default=new.default, choices=choices))


def _conversion(table: str, before: str, new: Column) -> str:
    among = f" among {json.dumps(new.choices, ensure_ascii=False)}" if new.choices else ""
    return f"convert {table}.{new} from {before}{among}{_given(new)}"


def _given(column: Column) -> str:
    """The default for rows without a value."""
    return "" if column.default is None else f" = {json.dumps(column.default, ensure_ascii=False)}"


def _difference(known: _Schema, wanted: Tables, of_entities: Collection[str]) -> Revision:
    """What leads from tables to others; those of entities come back with their rows, where these need nothing else."""
    steps: list[str] = []
    for table, new in wanted.items():
        old = known.tables.get(table)
        if old is None and table in of_entities and table in known.retired_tables:
            id, retired_table = known.retired_tables[table]
            if _can_be_restored(retired_table, new):
                steps.append(f"restore {table} from {id}")
                old = Table.of(retired_table.columns.values())
        if old is None:
            steps.append(f"create {table}: {', '.join(map(str, new.columns.values()))}")
            steps += _index_steps("", table, new.indexes)
            steps += [f"seal {table}"] if table in SEALED else []
            steps += [f"redact {table}"] if new.redacted else []
            continue
        retired = {
            name for name, it in old.columns.items() if name not in new.columns or new.columns[name].type != it.type
        }
        stay = {it for it in old.indexes & new.indexes if retired.isdisjoint(it.fields)}
        steps += _index_steps("drop ", table, old.indexes - stay)
        steps += [_left(table, it) for name, it in old.columns.items() if name not in new.columns]
        for name, column in new.columns.items():
            before = known.retired_columns.get((table, name))
            if name not in old.columns and before and _is_restorable(before[1], column):
                steps.append(f"restore {table}.{name} {column.type} from {before[0]}")
                steps += _column_steps(table, replace(column, optional=True), column)
            else:
                steps += _column_steps(table, old.columns.get(name), column)
        steps += _index_steps("", table, new.indexes - stay)
        others = new.columns.keys() - (old.columns.keys() - retired)
        steps += [f"redact {table}"] if (others and old.redacted) or (new.redacted and not old.redacted) else []
    for table, old in known.tables.items():
        if table not in wanted:
            steps += [*_index_steps("drop ", table, old.indexes), f"retire {table}"]
    return tuple(steps)


def _is_restorable(old: Column, new: Column) -> bool:
    """Whether the values of a column that went out of use are those of one that comes.

    Those that were encrypted may be so with keys that are no more.
    """
    return old.kind == new.kind and not old.encrypted and old.type != TENANT


def _can_be_restored(old: Table, new: Table) -> bool:
    """Whether the rows of a table that went out of use are such as another of its name has, without a value more."""
    return (
        not any(it.encrypted for it in old.columns.values())
        and {it for it in new.indexes if it.unique} <= old.indexes
        and all(
            old.columns[name].kind == it.kind if name in old.columns else not it.needs_value
            for name, it in new.columns.items()
        )
    )


def _index_steps(prefix: str, table: str, indexes: Iterable[Index]) -> list[str]:
    """Make or drop indexes, those that refuse rows first."""
    ordered = sorted(indexes, key=lambda it: (not it.unique, it.fields))
    return [f"{prefix}{it.word} {table}: {', '.join(it.fields)}" for it in ordered]


def _left(table: str, column: Column) -> str:
    """How a column goes out of use."""
    return f"merge {table}" if column.name == TENANT and column.type == TENANT else f"retire {table}.{column.name}"


def _column_steps(table: str, old: Column | None, new: Column) -> list[str]:
    if old is not None and old.type == new.type:
        steps = []
        if old.encrypted != new.encrypted:
            plain = Column(old.name, old.type, old.optional)
            steps.append(f"{'encrypt' if new.encrypted else 'decrypt'} {table}.{plain}")
        if old.optional != new.optional:
            steps.append(f"loosen {table}.{new}" if new.optional else f"tighten {table}.{new}{_given(new)}")
        return steps
    if old is None:
        return [f"add {table}.{new}{_given(new)}"]
    if TENANT in (old.type, new.type):
        return [_left(table, old), f"add {table}.{new}{_given(new)}"]
    return [_conversion(table, old.kind, new)]


@dataclass
class _Schema:
    """The tables to which revisions lead, and what they took out of use, with the revision that did it."""

    tables: dict[str, Table] = field(default_factory=dict)
    retired_tables: dict[str, tuple[str, Table]] = field(default_factory=dict)
    """With the indexes that they had."""
    retired_columns: dict[tuple[str, str], tuple[str, Column]] = field(default_factory=dict)

    def apply(self, number: int, operations: Iterable[Operation]) -> None:
        """Do what a revision does."""
        id, dropped = f"{number:04}", dict[str, set[Index]]()
        for it in operations:
            if it.index is not None:
                indexes = self.tables[it.table].indexes
                if it.verb.startswith("drop "):
                    indexes.discard(it.index)
                    dropped.setdefault(it.table, set()).add(it.index)
                else:
                    indexes.add(it.index)
            elif it.column is None:
                self._change_table(id, it, dropped.get(it.table, set()))
            elif it.by is None:
                self._change_column(id, it, it.column)

    def _change_table(self, id: str, it: Operation, dropped: set[Index]) -> None:
        match it.verb:
            case "create":
                self.tables[it.table] = Table.of(it.columns)
                self.retired_tables.pop(it.table, None)
                for place in [place for place in self.retired_columns if place[0] == it.table]:
                    del self.retired_columns[place]
            case "redact":
                self.tables[it.table] = replace(self.tables[it.table], redacted=True)
            case "retire":
                gone = self.tables.pop(it.table)
                self.retired_tables[it.table] = id, replace(gone, indexes=gone.indexes | dropped)
            case "restore":
                _, found = self.retired_tables.pop(it.table)
                self.tables[it.table] = Table.of(found.columns.values())

    def _change_column(self, id: str, it: Operation, column: Column) -> None:
        columns, place = self.tables[it.table].columns, (it.table, column.name)
        match it.verb:
            case "rename":
                columns[it.new_name] = replace(columns.pop(column.name), name=it.new_name)
            case "retire" | "merge" | "was merge":
                self.retired_columns[place] = id, columns.pop(column.name)
            case "restore":
                _, found = self.retired_columns.pop(place)
                columns[column.name] = replace(found, optional=True)
            case "encrypt":
                columns[column.name] = replace(column, encrypted=True)
            case _:
                columns[column.name] = column


def _schema(revisions: tuple[Revision, ...]) -> _Schema:
    """What the revisions lead to: the live columns and the indexes of each live table, and what is out of use."""
    schema = _Schema()
    for number, revision in enumerate(revisions, start=1):
        schema.apply(number, map(parse, revision))
    return schema


def columns_of(revisions: tuple[Revision, ...]) -> dict[str, tuple[str, ...]]:
    """The names of the columns of each table to which the revisions lead."""
    return {name: tuple(table.columns) for name, table in _schema(revisions).tables.items()}


def former_names(revisions: tuple[Revision, ...]) -> dict[str, dict[str, str]]:
    """The names that columns of each table had and no column has now, each with the one that the column has."""
    tables = _schema(revisions).tables
    found: dict[str, dict[str, str]] = {name: {} for name in tables}
    for it in (parse(line) for revision in revisions for line in revision):
        names = found.get(it.table, {})
        if it.verb == "create":
            names.clear()
        elif it.column and it.new_name:
            names |= {old: it.new_name for old, new in names.items() if new == it.column.name}
            names[it.column.name] = it.new_name
    return {
        table: {
            old: new for old, new in names.items() if old not in tables[table].columns and new in tables[table].columns
        }
        for table, names in found.items()
    }


def encrypted_tables(revisions: tuple[Revision, ...]) -> set[str]:
    """The tables of entities that have, or had, encrypted fields, which only keys bring through these revisions."""
    operations = [parse(line) for revision in revisions for line in revision]
    return {it.table for it in operations if it.encrypts}


def converts(revisions: tuple[Revision, ...]) -> bool:
    """Whether the revisions convert values of one type into those of another."""
    return any(parse(line).verb == "convert" for revision in revisions for line in revision)


@cache
def parse(line: str) -> Operation:
    """Read an operation; the lines of a history are needed several times, and each is parsed once.

    Raises:
        ValueError: The line is none; somebody edited the history by hand.
    """
    found = OPERATION.fullmatch(line)
    if not found:
        raise ValueError(f"{line!r} is not a schema operation")
    if found["create"]:
        return Operation("create", found["created"], columns=tuple(map(_column, found["columns"].split(", "))))
    if found["change"]:
        index = Index(tuple(found["fields"].split(", ")), found["change"].endswith("unique"))
        return Operation(found["change"], found["changed"], index=index)
    if found["seal"]:
        return Operation(found["seal"], found["sealed"])
    if found["merge"]:
        return Operation(found["merge"], found["merged"], Column(TENANT, TENANT))
    if found["convert"]:
        default = None if found["filled"] is None else json.loads(found["filled"])
        column = replace(_column(found["into"], default), choices=tuple(json.loads(found["choices"] or "[]")))
        return Operation(
            found["convert"], found["converted"], column, before=_column(f"{column.name} {found['before']}")
        )
    if found["assign"]:
        owner = Column(found["owner"], TENANT, optional=True)
        return Operation(found["assign"], found["assigned"], owner, by=(found["by"], found["value"]))
    if found["new"]:
        return Operation("rename", found["renamed"], _column(found["old"]), new_name=found["new"])
    if found["restored"]:
        again = replace(_column(found["again"]), optional=True) if found["again"] else None
        return Operation("restore", found["restored"], again, revision=found["since"])
    if found["retire"]:
        return Operation("retire", found["retired"], Column(found["name"], "") if found["name"] else None)
    default = None if found["default"] is None else json.loads(found["default"])
    return Operation(found["verb"], found["table"], _column(found["column"], default))


def _column(text: str, default: object = None) -> Column:
    name, *how, type = text.split(" ")
    return Column(name, type.rstrip("?"), type.endswith("?"), default, bool(how))
