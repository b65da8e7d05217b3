"""How the product is said in Python: what the templates of a service read, ready to be printed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from . import schema
from .domain import (
    Entity,
    Event,
    Field,
    Job,
    Outcome,
    Product,
    Reaction,
    Schedule,
    Service,
    Source,
    Step,
    Type,
    Workflow,
    pascal,
)
from .layout import absent, assigned, wrapped
from .provenance import cached_property, told
from .text import py

ANNOTATIONS = {
    "str": "common.ShortText",
    "text": "common.Text",
    "int": "common.Integer",
    "float": "common.Number",
    "bool": "common.Flag",
    "money": "common.Money",
    "date": "common.Date",
    "datetime": "common.Instant",
    "email": "common.Email",
    "url": "common.Url",
    "uuid": "common.Id",
    "reference": "common.Id",
}
"""The Pydantic annotation of each kind of field; the names are those of the generated `services/common/models.py`."""

COLUMNS = {
    "str": "sa.String(255)",
    "text": "sa.Text",
    "int": "sa.Integer",
    "float": "sa.Float",
    "bool": "sa.Boolean",
    "money": "storage.MoneyColumn",
    "date": "sa.Date",
    "datetime": "storage.InstantColumn",
    "email": "sa.String(254)",
    "url": "sa.String(2000)",
    "uuid": "sa.Uuid",
    "choice": "sa.String(80)",
    "json": "sa.JSON(none_as_null=True)",
}
"""The SQLAlchemy type of each way in which a field is kept (`schema.stored_as`)."""

EXAMPLES: dict[str, object] = {
    "str": "a few words",
    "text": "Two lines\nof text.",
    "int": 3,
    "float": 2.5,
    "bool": True,
    "money": "12.50",
    "date": "2026-03-01",
    "datetime": "2026-03-01T09:30:00Z",
    "email": "someone@example.com",
    "url": "https://example.com/page",
    "uuid": "0198f5a0-0000-7000-8000-000000000001",
}
"""A valid value of each kind of plain field."""


@dataclass(frozen=True)
class Route:
    """One of the requests that every entity answers, as the generated `api.py` has it."""

    method: str
    one: bool
    """Whether it is about one record, or about the collection."""
    success: int
    problems: tuple[int, ...]
    repeatable: bool
    """Whether sending it twice does no more than sending it once."""


ROUTES = (
    Route("POST", False, 201, (400, 401, 409, 422, 503), False),
    Route("GET", False, 200, (401, 422, 503), True),
    Route("GET", True, 200, (401, 404, 422, 503), True),
    Route("PUT", True, 200, (400, 401, 404, 409, 412, 422, 428, 503), True),
    Route("DELETE", True, 204, (401, 404, 409, 412, 422, 428, 503), True),
)


VOWEL = re.compile(
    r"(?i:[aio](?!ne\b|nce\b)|e(?!u)|u(?!ni(?![nm])|s[aeu]|til|rol)|hour|honest|honou?r|heir)"
    r"|[FHLMNRSX][B-DF-HJ-NP-TV-Z]+\b"
)
"""How words begin that are spoken with a vowel first, shortenings such as `HR` among them."""


def article(words: str) -> str:
    """The words with `a` or `an` before them."""
    return f"{'an' if VOWEL.match(unicodedata.normalize('NFKD', words)) else 'a'} {words}"


def listed(head: str, items: Iterable[str], indent: int) -> str:
    """`head` and a tuple."""
    items = tuple(items)
    return wrapped(f"{head}({', '.join(items)}{',' if len(items) == 1 else ''})", indent, 1)


@dataclass(frozen=True)
class FieldCode:
    """A field of a model."""

    field: Field

    @property
    def name(self) -> str:
        return self.field.name

    @property
    def annotation(self) -> str:
        return annotation(self.field.type)

    @property
    def declaration(self) -> str:
        """The field as a line of a class body."""
        head = f"{self.name}: {self.annotation}"
        if self.field.type.optional:
            return absent(head)
        default = self.field.default
        return wrapped(head, 4) if default is None else assigned(head, _literal(self.field.type, default))


def annotation(type: Type) -> str:
    """The type as an annotation."""
    if type.kind == "choice":
        inner = f"Literal[{', '.join(map(py, type.choices))}]"
    else:
        inner = type.target if type.kind == "value" else ANNOTATIONS[type.kind]
    return (f"common.Many[{inner}]" if type.many else inner) + (" | None" if type.optional else "")


def _literal(type: Type, value: object) -> str:
    """A value as Python; text is read as the generated models read it."""
    readers = {"money": "amount", "date": "day", "datetime": "instant", "uuid": "uuid"}
    if type.kind in readers:
        return f"common.{readers[type.kind]}({py(str(value))})"
    return py(_plain(type, value))


def _plain(type: Type, value: object) -> object:
    """A value that is the same in Python and in JSON, as one of its type."""
    return float(str(value)) if type.kind == "float" else value


@told(lambda _, __: ("data_entities", "services"))
@dataclass(frozen=True)
class ClassCode:
    """A Pydantic class: its name, what it is, its fields."""

    name: str
    doc: str
    fields: tuple[FieldCode, ...] = ()
    bases: str = "common.Model"

    @property
    def header(self) -> str:
        return wrapped(f"class {self.name}({self.bases}):")


@dataclass(frozen=True)
class EventCode:
    """An event, as its publisher or one of its consumers sees it."""

    event: Event
    subscribers: tuple[str, ...]
    fields: tuple[FieldCode, ...]

    @property
    def name(self) -> str:
        return self.event.name

    @property
    def class_name(self) -> str:
        return self.event.pascal

    @property
    def constant(self) -> str:
        return self.event.snake.upper()

    @property
    def operations(self) -> str:
        """What causes it, as a Python tuple."""
        return listed("", map(py, self.event.operations), 7)

    @property
    def subscribers_argument(self) -> str:
        return listed("subscribers=", map(py, self.subscribers), 4)


@dataclass(frozen=True)
class PathCode:
    """Where a draft refers to another entity."""

    name: str
    """For people: `lines.book`."""
    element: str
    """The id, as Python: `part0.book`."""
    loops: tuple[str, ...] = ()
    """What the element is taken from: `for part0 in draft.lines`."""

    @property
    def item(self) -> str:
        """The entry of a dictionary with all its ids as a list."""
        return wrapped(f'"{self.name}": [{" ".join((self.element, *self.loops))}]', 20, 1)


@dataclass(frozen=True)
class LookupCode:
    """What an entity refers to in one other entity, and how that is looked up."""

    target: Entity
    method: str
    """How: `here`, `in_copies` or `at` its owner."""
    paths: tuple[PathCode, ...]
    when_away: str = ""

    @property
    def attribute(self) -> str:
        return self.target.table

    @property
    def call(self) -> str:
        """What looks it up."""
        return {"here": "self.find.here", "in_copies": "copies.in_copies", "at": "asking.at_owner"}[self.method]

    @property
    def arguments(self) -> tuple[str, ...]:
        """What that takes before the references."""
        view = f"models.{self.target.name}"
        if self.method == "here":
            return f"tables.{self.target.table}", view
        if self.method == "in_copies":
            return "self.runtime", py(self.target.name), view
        return "self.runtime", py(self.target.service), py(self.target.collection), view


@dataclass(frozen=True)
class EntityCode:
    """An entity of the service."""

    entity: Entity
    fields: tuple[FieldCode, ...]
    lookups: tuple[LookupCode, ...]

    @property
    def name(self) -> str:
        return self.entity.name

    @property
    def snake(self) -> str:
        return self.entity.snake

    @property
    def words(self) -> str:
        return self.entity.words

    @property
    def a_word(self) -> str:
        return article(self.entity.words)

    @property
    def collection(self) -> str:
        return self.entity.collection

    @property
    def many_words(self) -> str:
        return self.entity.table.replace("_", " ")

    @property
    def table(self) -> str:
        return self.entity.table

    @property
    def constant(self) -> str:
        return self.entity.snake.upper()

    @property
    def alias(self) -> str:
        """The name of its collection's annotated dependency: `Orders`."""
        return pascal(self.entity.table)

    @property
    def related_words(self) -> str:
        """`books (Book)`: the attributes of what its rules are handed."""
        return ", ".join(f"{lookup.attribute} ({lookup.target.name})" for lookup in self.lookups)

    def route(self, verb: str, path: str, *arguments: str) -> str:
        """The decorator of a route."""
        said = ", ".join((py(f"/{self.collection}{path}"), *arguments))
        return wrapped(f"@router.{verb}({said})")

    def handler(self, name: str, returns: str | None, *parameters: str) -> str:
        """The first lines of the function behind a route."""
        return wrapped(f"async def {name}({', '.join(parameters)}) -> {returns}:")

    @property
    def alias_assignment(self) -> str:
        return wrapped(f"{self.alias} = Annotated[records.{self.alias}, Depends(records.{self.alias}.open)]")

    @property
    def collection_header(self) -> str:
        """The first line of the class that keeps its records."""
        return wrapped(f"class {self.alias}(Collection[models.{self.name}Draft, models.{self.name}]):")

    @property
    def related_header(self) -> str:
        """The first line of the method that collects what a draft refers to."""
        return wrapped(f"async def related(self, draft: models.{self.name}Draft) -> {self.name}Related:", 4)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of its table, beside those that every table has."""
        return tuple(_column(column, 4) for column in schema.columns(self.entity))


@dataclass(frozen=True)
class ReactionCode:
    """A reaction, and the Python expression of each field of the draft that it proposes."""

    reaction: Reaction
    event: EventCode
    entity: EntityCode
    arguments: tuple[str, ...]

    @property
    def lines(self) -> str:
        """What stands between the brackets of the draft's call: an argument a line, or nothing."""
        lines = "".join(f"        {wrapped(argument, 8, 1)},\n" for argument in self.arguments)
        return f"\n{lines}    " if lines else ""

    @property
    def module(self) -> str:
        return self.reaction.snake


@dataclass(frozen=True)
class JobCode:
    """A job of the service."""

    job: Job
    entity: EntityCode | None
    """Whose record it is given."""

    @property
    def name(self) -> str:
        return self.job.name

    @property
    def begins(self) -> str:
        return self.job.begins

    @property
    def schedule(self) -> Schedule | None:
        return self.job.schedule

    @property
    def every(self) -> str:
        """Its times, as Python."""
        times = self.job.schedule
        if times is None:
            return ""
        after = f", after={_span(times.after)}" if times.after else ""
        return f"Every({_span(times.minutes)}{after})"


def _span(minutes: int) -> str:
    """A span of time as Python, in the units that make it up."""
    days, rest = divmod(minutes, 24 * 60)
    parts = {"days": days, "hours": rest // 60, "minutes": rest % 60}
    return f"timedelta({', '.join(f'{unit}={count}' for unit, count in parts.items() if count)})"


@dataclass(frozen=True)
class TableCode:
    """A table, and its columns beside those that every table has."""

    name: str
    columns: tuple[str, ...]


@told(lambda _, __: ("workflows",))
@dataclass(frozen=True)
class CommandCode:
    """A step of a workflow, as the service sees it that leads."""

    step: Step
    entity: Entity

    @property
    def name(self) -> str:
        return self.step.name

    @property
    def service(self) -> str:
        return self.step.service

    @property
    def filled(self) -> tuple[str, ...]:
        """Where the fields of its draft come from, as arguments."""
        taken = {name: source.field for name, source in self.step.mapping if source.field}
        types = {field.name: field.type for field in self.entity.fields}
        given = {name: _plain(types[name], source.literal) for name, source in self.step.mapping if not source.field}
        return tuple(
            wrapped(f"{name}={_mapping(values)}", 12, 1)
            for name, values in (("takes", taken), ("given", given))
            if values
        )


@told(lambda _, __: ("workflows",))
@dataclass(frozen=True)
class WorkflowCode:
    """A workflow that the service leads."""

    workflow: Workflow
    entity: EntityCode
    steps: tuple[CommandCode, ...]

    @property
    def name(self) -> str:
        return self.workflow.name

    @property
    def constant(self) -> str:
        return _constant(self.workflow)

    @property
    def outcomes(self) -> tuple[str, ...]:
        """What its subject becomes, as arguments."""
        found = (("done", self.workflow.done), ("undone", self.workflow.undone))
        return tuple(wrapped(f"{name}={_mapping({it.field: self._said(it)})}", 4, 1) for name, it in found)

    def _said(self, outcome: Outcome) -> object:
        type = next(field.type for field in self.entity.entity.fields if field.name == outcome.field)
        return _plain(type, outcome.value)

    @property
    def route(self) -> str:
        return self.entity.route("get", f"/{{id}}/{self.workflow.path}", "responses=http.GET")

    @property
    def handler(self) -> str:
        collection = f"collection: {self.entity.alias}"
        return self.entity.handler(f"get_{self.workflow.full_name}", "Standing", "id: UUID", collection)

    @property
    def standing(self) -> str:
        """The call that tells how it goes."""
        return wrapped(f"return await workflows.{self.constant}.standing(collection.runtime, id)", 4)

    @property
    def handler_code(self) -> str:
        """What moves it on, as Python."""
        return f"Leader(workflows.{self.constant}, records.{self.entity.alias})"


@told(lambda _, __: ("workflows",))
@dataclass(frozen=True)
class ParticipantCode:
    """A step that the service does in a workflow of another."""

    step: Step
    entity: EntityCode
    leader: str

    @property
    def module(self) -> str:
        return self.step.module

    @property
    def words(self) -> str:
        return self.step.workflow.replace("_", " ")

    @property
    def handler_code(self) -> str:
        """What does it, as Python."""
        arguments = (
            py(f"{self.step.workflow}.{self.step.name}"),
            f"leader={py(self.leader)}",
            f"creates=records.{self.entity.alias}",
            f"draft=models.{self.entity.name}Draft",
            "table=tables.workflow_step",
            f"rules=step_rules(__package__, {py(self.module)})",
        )
        return f"Participant({', '.join(arguments)})"


def _constant(workflow: Workflow) -> str:
    """The name of a workflow in the code of the service that leads it."""
    return workflow.name.upper()


def _mapping(values: Mapping[str, object]) -> str:
    """A dictionary as Python."""
    return f"{{{', '.join(f'{py(name)}: {py(value)}' for name, value in values.items())}}}"


@dataclass(frozen=True)
class StepCode:
    """A step of a migration: a function of the generated `steps` module, and its arguments."""

    head: str
    arguments: tuple[str, ...]


RECORD_COLUMNS = (
    'sa.Column("id", sa.Uuid, primary_key=True)',
    'sa.Column("version", sa.Integer, nullable=False)',
    'sa.Column("created_at", storage.InstantColumn, nullable=False)',
    'sa.Column("updated_at", storage.InstantColumn, nullable=False)',
)
"""The columns that a table has when it is created; written out, for a migration never changes."""


@told(lambda it, part: (schema.asked_by(step.table) for step in it.operations) if part != "operations" else ())
@dataclass(frozen=True)
class RevisionCode:
    """A migration."""

    number: int
    operations: tuple[schema.Operation, ...]

    @property
    def id(self) -> str:
        return f"{self.number:04}"

    @property
    def previous(self) -> str | None:
        return f"{self.number - 1:04}" if self.number > 1 else None

    @property
    def file(self) -> str:
        first = self.operations[0]
        column = f"_{first.column.name}" if first.column else ""
        return f"{self.id}_{first.verb}_{first.table}{column}.py"

    @property
    def title(self) -> str:
        """What it does, in words."""
        done = (
            f"{operation.verb} {operation.table}" + (f".{operation.column.name}" if operation.column else "")
            for operation in self.operations
        )
        return ", ".join(done).capitalize() + "."

    @property
    def steps(self) -> tuple[StepCode, ...]:
        return tuple(map(self._step, self.operations))

    @property
    def document_steps(self) -> tuple[StepCode, ...]:
        """The same where a record is a document: what it may lack needs no step."""
        return tuple(step for operation in self.operations for step in _document_step(operation, self.id))

    @property
    def has_columns(self) -> bool:
        return any(operation.verb in ("create", "add", "tighten") for operation in self.operations)

    @property
    def uses_storage(self) -> bool:
        return any("storage." in argument for step in self.steps for argument in step.arguments)

    @property
    def uses_common(self) -> bool:
        return any("common." in argument for step in self.steps for argument in step.arguments)

    def _step(self, operation: schema.Operation) -> StepCode:
        table, column = py(operation.table), operation.column
        if operation.verb == "create":
            columns = (*RECORD_COLUMNS, *map(_column, operation.columns))
            return StepCode("steps.create", (table, *columns))
        if column is None:
            return StepCode("steps.retire_table", (table, py(self.id)))
        if operation.verb == "retire":
            return StepCode("steps.retire", (table, py(column.name), py(self.id)))
        if operation.verb == "loosen":
            return StepCode("steps.loosen", (table, py(column.name)))
        fill = () if column.default is None else (_fill(column),)
        return StepCode(f"steps.{operation.verb}", (table, _column(column), *fill))


def _document_step(operation: schema.Operation, revision: str) -> Iterator[StepCode]:
    table, column = py(operation.table), operation.column
    if operation.verb == "create":
        yield StepCode("steps.Create", (table,))
    elif column is None:
        yield StepCode("steps.RetireTable", (table, py(revision)))
    elif operation.verb == "retire":
        yield StepCode("steps.Retire", (table, py(column.name), py(revision)))
    elif not column.optional:
        fill = () if column.default is None else (wrapped(f"fill={py(column.default)}", 8, 1),)
        yield StepCode("steps.Fill", (table, py(column.name), *fill))


def _column(column: schema.Column, indent: int = 8) -> str:
    name, type = py(column.name), COLUMNS[column.type]
    return wrapped(f"sa.Column({name}, {type}, nullable={column.optional})", indent, 1)


def _fill(column: schema.Column) -> str:
    """The value that records without one get, as an argument."""
    return wrapped(f"fill={_literal(Type(column.type), column.default)}", 8, 1)


@dataclass(frozen=True)
class ServiceCode:
    """A service, as its templates read it."""

    service: Service
    product: Product
    revisions: tuple[RevisionCode, ...]

    @property
    def name(self) -> str:
        return self.service.name

    @property
    def responsibility(self) -> str:
        return self.service.responsibility

    @property
    def headline(self) -> str:
        """The first line of its `main.py`."""
        said = f": {self.responsibility}" if self.responsibility else ""
        return f"The {self.name} service{said}".rstrip(".") + "."

    @property
    def internal(self) -> bool:
        return self.service.exposure == "internal"

    @cached_property
    def entities(self) -> tuple[EntityCode, ...]:
        return tuple(
            EntityCode(entity, _fields(entity.fields), self._lookups(entity)) for entity in self.service.entities
        )

    def effects(self, entity: str) -> str:
        """What changes of an entity bring about, as an attribute of its collection; empty if nothing."""
        found = tuple(self._effects(entity))
        return listed("effects = ", found, 4) if found else ""

    def _effects(self, entity: str) -> Iterator[str]:
        yield from (event.constant for event in self.published if event.event.entity == entity)
        for job in self.service.jobs:
            if job.entity == entity:
                yield f"Triggered({py(job.name)}, on={listed('', map(py, job.operations), 0)})"
        for workflow in self.product.led(self.service.name):
            if workflow.entity == entity:
                yield f"workflows.{_constant(workflow)}"

    @cached_property
    def published(self) -> tuple[EventCode, ...]:
        return tuple(
            EventCode(
                event,
                tuple(subscriber.name for subscriber in self.product.subscribers(event.name)),
                _fields(event.fields),
            )
            # A read copy is brought up to date before anything reacts, so that what is created can refer to it.
            for event in sorted(self.service.events, key=lambda it: not it.implied)
        )

    @cached_property
    def heard(self) -> tuple[EventCode, ...]:
        """The events of other services that this one reacts to."""
        return tuple(
            EventCode(event, (), _fields(event.fields))
            for name in self.service.subscriptions
            if (event := self.product.events[name]).service != self.name
        )

    @cached_property
    def views(self) -> tuple[ClassCode, ...]:
        """The entities of other services that this one reads."""
        targets = {
            lookup.target.name: lookup.target
            for entity in self.entities
            for lookup in entity.lookups
            if lookup.target.service != self.name
        }
        return tuple(
            ClassCode(
                name,
                f"What {self.name} reads of {article(target.words)} of {target.service}.",
                _fields((Field("id", Type("uuid")), *target.fields)),
                "common.View",
            )
            for name, target in targets.items()
        )

    @cached_property
    def values(self) -> tuple[ClassCode, ...]:
        """The value objects that its models use, each after those that it is made of."""
        own = set(self._values_of(entity.fields for entity in self.service.entities))
        ordered = self._values_of(
            [
                *(entity.fields for entity in self.service.entities),
                *(event.event.fields for event in (*self.published, *self.heard)),
                *(tuple(code.field for code in view.fields) for view in self.views),
            ]
        )
        return tuple(
            ClassCode(
                name,
                f"A value object: part of what {self.name} {'keeps' if name in own else 'reads'}.",
                _fields(self.product.value_objects[name].fields),
                "common.Model" if name in own else "common.View",
            )
            for name in ordered
        )

    def _values_of(self, groups: Iterable[tuple[Field, ...]]) -> dict[str, None]:
        found: dict[str, None] = {}
        for fields in groups:
            for field in fields:
                if field.type.kind == "value" and field.type.target not in found:
                    value = self.product.value_objects[field.type.target]
                    found |= self._values_of([value.fields])
                    found[value.name] = None
        return found

    @cached_property
    def _of(self) -> dict[str, EntityCode]:
        """Its entities by name."""
        return {code.name: code for code in self.entities}

    @cached_property
    def reactions(self) -> tuple[ReactionCode, ...]:
        heard = {code.name: code for code in (*self.heard, *self.published)}
        return tuple(
            ReactionCode(
                reaction,
                heard[reaction.event],
                self._of[reaction.creates],
                tuple(
                    f"{name}={_expression(self._of[reaction.creates].entity, name, source)}"
                    for name, source in reaction.mapping
                ),
            )
            for reaction in self.service.reactions
        )

    @cached_property
    def jobs(self) -> tuple[JobCode, ...]:
        return tuple(JobCode(job, self._of.get(job.entity)) for job in self.service.jobs)

    @property
    def collections_argument(self) -> str:
        """What its jobs may change, as an argument."""
        return listed("collections=", (f"records.{entity.alias}" for entity in self.entities), 4)

    @property
    def has_triggered(self) -> bool:
        """Whether changes of its records ask for jobs."""
        return any(job.entity for job in self.service.jobs)

    @property
    def has_timed(self) -> bool:
        """Whether jobs of it are due at times."""
        return any(job.schedule for job in self.service.jobs)

    @cached_property
    def led(self) -> tuple[WorkflowCode, ...]:
        """The workflows that it leads."""
        return tuple(
            WorkflowCode(
                it,
                self._of[it.entity],
                tuple(CommandCode(step, self.product.entities[step.creates]) for step in it.steps),
            )
            for it in self.product.led(self.name)
        )

    @cached_property
    def participates(self) -> tuple[ParticipantCode, ...]:
        """The steps that it does in workflows of others."""
        leaders = {it.name: it.service for it in self.product.workflows}
        return tuple(
            ParticipantCode(step, self._of[step.creates], leaders[step.workflow])
            for step in self.product.steps(self.name)
        )

    @property
    def handlers(self) -> str:
        """What it does about commands and answers, as an argument; empty if nothing."""
        found = [*(it.handler_code for it in self.led), *(it.handler_code for it in self.participates)]
        return listed("handlers=", found, 4) if found else ""

    def led_by(self, entity: str) -> tuple[WorkflowCode, ...]:
        """The workflows that a new record of an entity starts."""
        return tuple(it for it in self.led if it.workflow.entity == entity)

    @property
    def tables(self) -> tuple[TableCode, ...]:
        """Its tables: one for each entity, and those of workflows."""
        others = schema.beside(self.product, self.service)
        return (
            *(TableCode(it.table, it.columns) for it in self.entities),
            *(TableCode(name, tuple(_column(column, 4) for column in columns)) for name, columns in others.items()),
        )

    @property
    def copies(self) -> tuple[Entity, ...]:
        """The entities of other services of which it keeps a read copy."""
        return tuple(self.product.entities[copy.entity] for copy in self.service.copies)

    @property
    def calls(self) -> tuple[str, ...]:
        return tuple(dependency.service for dependency in self.product.calls(self.service))

    @property
    def subscribers(self) -> tuple[str, ...]:
        """The services that its events go to."""
        return self.product.told(self.name)

    @property
    def apis(self) -> tuple[str, ...]:
        return tuple(api.name for api in self.product.external_apis if self.name in api.used_by)

    @property
    def owned(self) -> tuple[str, ...]:
        """The files that belong to the people of the project: written once."""
        names = [entity.snake for entity in self.entities]
        names += [reaction.module for reaction in self.reactions]
        names += [job.name for job in self.jobs]
        names += [step.module for step in self.participates]
        return tuple(f"services/{self.name}/{name}.py" for name in names)

    @property
    def imports_literal(self) -> bool:
        """Whether its models have a field with choices."""
        codes = [code for entity in self.entities for code in entity.fields]
        codes += [code for event in (*self.published, *self.heard) for code in event.fields]
        codes += [code for item in (*self.values, *self.views) for code in item.fields]
        return any(code.field.type.kind == "choice" for code in codes)

    @property
    def has_lookups(self) -> bool:
        return any(entity.lookups for entity in self.entities)

    @property
    def consumes(self) -> bool:
        return bool(self.service.copies or self.service.reactions or self.led or self.participates)

    @property
    def tells(self) -> bool:
        """Whether its models have an event."""
        return bool(self.published or self.heard)

    def neighbours(self, posts: bool) -> tuple[str, ...]:
        """The arguments of its part that calls others, as far as there are any; events may be posted to subscribers."""
        services = dict.fromkeys((*self.calls, *(self.subscribers if posts else ())))
        found = (("services", services), ("apis", self.apis))
        return tuple(listed(f"{name}=", map(py, names), 12) for name, names in found if names)

    @property
    def part(self) -> tuple[str, ...]:
        """The arguments of its part that publishes and hears events, as far as there are any."""
        told = [listed("subscribers=", map(py, self.subscribers), 12)] if self.subscribers else []
        return (*told, "consumer=events.consumer") if self.consumes else tuple(told)

    @property
    def collection_imports(self) -> tuple[str, ...]:
        """What its `records.py` imports of `services/common`."""
        used = {lookup.method for entity in self.entities for lookup in entity.lookups}
        modules = ", ".join(module for method, module in (("at", "asking"), ("in_copies", "copies")) if method in used)
        imports = [f"from services.common import {modules}"] if modules else []
        imports += ["from services.common.lookup import Found"] if self.has_lookups else []
        imports += ["from services.common.messaging import Published"] if self.published else []
        imports += ["from services.common.records import Collection", "from services.common.rules import record_rules"]
        return (*imports, "from services.common.runner import Triggered") if self.has_triggered else tuple(imports)

    @property
    def consumer_imports(self) -> tuple[str, ...]:
        """The imports of its `events.py`."""
        names = ["Consumer"]
        names += ["Reaction"] if self.reactions else []
        names += ["ReadCopy"] if self.copies else []
        parts = {
            "from services.common import models as common": any(
                "common." in it for reaction in self.reactions for it in reaction.arguments
            ),
            "from services.common.compensation import Participant, step_rules": self.participates,
            f"from services.common.consumers import {', '.join(names)}": True,
            "from services.common.rules import reaction_rules": self.reactions,
            "from services.common.workflows import Leader": self.led,
            wrapped(f"from services.{self.name} import {', '.join(self._own_imports)}"): self._own_imports,
        }
        return tuple(line for line, needed in parts.items() if needed)

    @property
    def _own_imports(self) -> tuple[str, ...]:
        """The modules of its own that its `events.py` needs."""
        needed = {
            "models": self.reactions or self.participates,
            "records": self.reactions or self.participates or self.led,
            "tables": self.participates,
            "workflows": self.led,
        }
        return tuple(name for name, because in needed.items() if because)

    @cached_property
    def classes(self) -> tuple[ClassCode, ...]:
        """All classes of its `models.py`, each after those that it needs."""
        found = [*self.values]
        for entity in self.entities:
            found.append(ClassCode(f"{entity.name}Draft", f"What a caller says of {entity.a_word}.", entity.fields))
            found.append(
                ClassCode(
                    entity.name,
                    f"{entity.a_word} as it is kept.".capitalize(),
                    bases=f"common.Record, {entity.name}Draft",
                )
            )
        found += self.views
        for event in (*self.published, *self.heard):
            doc = f"`{event.name}`, which {event.event.service} publishes."
            found.append(ClassCode(event.class_name, doc, event.fields, "envelopes.Event"))
        return tuple(found)

    def _lookups(self, entity: Entity) -> tuple[LookupCode, ...]:
        by_target: dict[str, list[PathCode]] = {}
        for target, path in self._references(entity.fields, "draft"):
            by_target.setdefault(target, []).append(path)
        lookups = (self._lookup(self.product.entities[target], tuple(paths)) for target, paths in by_target.items())
        # In a class body, an attribute called `models` hides the module from the lines below it.
        return tuple(sorted(lookups, key=lambda it: it.attribute == "models"))

    def _lookup(self, target: Entity, paths: tuple[PathCode, ...]) -> LookupCode:
        if target.service == self.name:
            return LookupCode(target, "here", paths)
        if any(copy.entity == target.name for copy in self.service.copies):
            return LookupCode(target, "in_copies", paths)
        away = next(d.when_away for d in self.service.depends_on if d.service == target.service)
        return LookupCode(target, "at", paths, away)

    def _references(
        self, fields: Iterable[Field], holder: str, prefix: str = "", loops: tuple[str, ...] = ()
    ) -> Iterator[tuple[str, PathCode]]:
        """Each reference below the fields: its target, and where it stands."""
        for field in fields:
            kind, name = field.type.kind, f"{prefix}{field.name}"
            found, inner = f"{holder}.{field.name}", loops
            # An optional value object is a list of none or one.
            if field.type.many or (kind == "value" and field.type.optional):
                item = f"part{len(loops)}"
                source = found if field.type.many else f"filter(None, [{found}])"
                if field.type.many and field.type.optional:
                    source = f"{found} or []"
                found, inner = item, (*loops, f"for {item} in {source}")
            if kind == "reference":
                yield field.type.target, PathCode(name, found, inner)
            elif kind == "value":
                value = self.product.value_objects[field.type.target]
                yield from self._references(value.fields, found, f"{name}.", inner)


def _fields(fields: Iterable[Field]) -> tuple[FieldCode, ...]:
    return tuple(map(FieldCode, fields))


def _expression(entity: Entity, name: str, source: Source) -> str:
    """Where a field of a proposed draft comes from, as Python."""
    if source.field == "id":
        return "event.id"
    if source.field:
        return f"event.{source.field}"
    type = next(field.type for field in entity.fields if field.name == name)
    return _literal(type, source.literal)


def revisions(history: Iterable[schema.Revision]) -> tuple[RevisionCode, ...]:
    """The migrations of a service, oldest first."""
    return tuple(
        RevisionCode(number, tuple(map(schema.parse, revision))) for number, revision in enumerate(history, start=1)
    )


def services(product: Product, history: Mapping[str, tuple[schema.Revision, ...]]) -> tuple[ServiceCode, ...]:
    """The services of a settled product, with the migrations that the history has for each."""
    return tuple(
        ServiceCode(service, product, revisions(history.get(service.name, ()))) for service in product.services
    )


def example(product: Product, entity: Entity) -> dict[str, object]:
    """A valid draft of an entity, but for its references, which stand as `{"ref": entity}`."""
    return _draft(product, entity.fields, entity.name)


def _draft(product: Product, fields: Iterable[Field], entity: str) -> dict[str, object]:
    return {it.name: _example(product, it.type, entity) for it in fields if it.required}


def _example(product: Product, type: Type, entity: str) -> object:
    if type.many and entity in _needed_for(product, *_referred(product, type)):
        return []  # one would need another, and so on
    if type.kind == "choice":
        value: object = type.choices[0]
    elif type.kind == "reference":
        value = {"ref": type.target}
    elif type.kind == "value":
        value = _draft(product, product.value_objects[type.target].fields, entity)
    else:
        value = EXAMPLES[type.kind]
    return [value] if type.many else value


def _needed_for(product: Product, *entities: str) -> set[str]:
    """The entities that there must be for a record of each of these, themselves among them."""
    needed: set[str] = set()
    waiting = list(entities)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += (
                target
                for field in product.entities[name].fields
                if field.required
                for target in _referred(product, field.type)
            )
    return needed


def _referred(product: Product, type: Type) -> Iterator[str]:
    """The entities that an example of a type refers to."""
    if type.kind == "reference":
        yield type.target
    elif type.kind == "value":
        for field in product.value_objects[type.target].fields:
            if field.required:
                yield from _referred(product, field.type)
