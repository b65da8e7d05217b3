"""The domain model: the product that the answers describe, immutable and independent of any technology.

The package `reading` builds a `Product` from answers; everything else only looks at one.
Names keep the field's words: entity, event, read copy, reaction, feature, acceptance criterion.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from decimal import Decimal
from graphlib import TopologicalSorter

from .field_types import FIELD_TYPES, FieldType
from .provenance import cached_property, tracked
from .text import js

SCALARS = tuple(FIELD_TYPES)
"""The kinds of field that hold one plain value."""

OPERATIONS = ("create", "update", "delete")
"""What can happen to a record, in the order in which it happens."""

ON_DELETE = ("keep", "refuse", "cascade")
"""What deleting a record means for one that refers to it: it keeps the id, it forbids that, or it is deleted, too."""

SENSITIVE_KINDS = ("pii", "financial", "health", "children", "other")
"""The kinds of sensitive data that a field may hold; one that is secret holds credentials."""

CREDENTIALS = "credentials"

API_OPERATIONS = ("create", "list", "read", "replace", "patch", "delete")
"""What callers can do with the records of an entity, in the order in which a service has it."""
UPDATE, UPDATES = "update", ("replace", "patch")
"""The word for two of them, as whole (PUT) or in part (PATCH), and these."""

ACCESS = ("create", "read", "list", "update", "delete")
"""What callers may be allowed to do with the records of an entity; an update replaces one or patches it."""

ANONYMISE = "anonymise"
RETENTION_ACTIONS = ("delete", ANONYMISE)
"""What becomes of records that were kept long enough."""

HISTORY = "history"
"""What roles may read besides, where changes of the records of an entity are on record."""

OWNER, CALLERS, ANYONE = "owner", "callers", "anyone"
"""Who may do something whatever its role: whom the record names, who proves who it is, and everybody."""
GROUPS = (OWNER, CALLERS, ANYONE)


def snake(name: str) -> str:
    """`OrderLine` as `order_line`, `order.placed` as `order_placed`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace(".", "_").lower()


def pascal(name: str) -> str:
    """`order.placed` or `order_line` as `OrderPlaced`, `OrderLine`."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[._\s-]+", name))


def plural(word: str) -> str:
    """The plural of an English noun by the regular rules; some are their own."""
    if re.search(r"(series|species|news)$", word):
        return word
    if re.search(r"[^aeiou]y$", word):
        return word[:-1] + "ies"
    return word + ("es" if re.search(r"(s|x|z|ch|sh)$", word) else "s")


@dataclass(frozen=True)
class Limits:
    """What is asked of values in addition to their type."""

    least: Decimal | None = None
    """The smallest number, or the fewest characters of a text."""
    most: Decimal | None = None
    pattern: str = ""
    """What a text has to match."""
    currency: str = ""
    """What an amount of money is counted in: `EUR`."""

    @property
    def range(self) -> str:
        """`1..80`, or empty."""
        ends = ("" if it is None else f"{it:f}" for it in (self.least, self.most))
        return "" if self.least is self.most is None else "..".join(ends)

    @property
    def restrict(self) -> bool:
        """Whether values can break them."""
        return bool(self.range or self.pattern)

    def within(self, other: Limits) -> bool:
        """Whether every value that keeps these keeps the others, too, as far as that can be told."""
        return (
            (other.least is None or (self.least is not None and self.least >= other.least))
            and (other.most is None or (self.most is not None and self.most <= other.most))
            and other.pattern in ("", self.pattern)
            and (not (other.currency and self.currency) or other.currency == self.currency)
        )


NO_LIMITS = Limits()


@dataclass(frozen=True)
class Type:
    """The type of a field, as it was written: `str`, `list[Line]`, `placed|paid`, `Book?`, `int(1..5)`."""

    kind: str
    """One of `SCALARS`, or `choice`, `reference` (to an entity, by id) or `value` (an embedded value object)."""
    target: str = ""
    """The entity or value object meant, for `reference` and `value`."""
    choices: tuple[str, ...] = ()
    many: bool = False
    optional: bool = False
    limits: Limits = NO_LIMITS
    """Of each value, if there are many."""

    @property
    def field_type(self) -> FieldType | None:
        """That of a plain value, or of the id by which a reference is kept; `None` for a choice or a value object."""
        return FIELD_TYPES.get("uuid" if self.kind == "reference" else self.kind)

    @property
    def is_text_in_json(self) -> bool:
        """Whether JSON has a value as text: a date or a choice, not a number."""
        return self.field_type is None or isinstance(self.field_type.example, str)

    def __str__(self) -> str:
        name = "|".join(self.choices) if self.kind == "choice" else self.target or self.kind
        limits = self.limits
        within = " ".join(filter(None, (limits.currency, limits.range)))
        name += (f"({within})" if limits.range else f" {within}") if within else ""
        escaped = limits.pattern.replace("/", "\\/")
        pattern = f" /{escaped}/" if escaped else ""
        end = "?" if self.optional else ""
        return f"list[{name}{pattern}]{end}" if self.many else f"{name}{end}{pattern}"


@tracked(lambda _, __: ("data_entities",))
@dataclass(frozen=True)
class Field:
    """A field of an entity, a value object or an event."""

    name: str
    type: Type
    default: str | int | float | bool | None = None
    """The value if a client omits the field; `None` if there is no default."""
    unique: bool = False
    """Whether no two records may have the same value; several may have none."""
    indexed: bool = False
    """Whether records are looked up by it; a reference has an index anyway."""
    secret: bool = False
    """Whether it is stored, and is in no answer, event, read copy or log."""
    sensitive: tuple[str, ...] = ()
    """The kinds of sensitive data that it holds, out of `SENSITIVE_KINDS`: events and read copies have it only where an
    answer says why, and no log has it."""
    system: bool = False
    """Whether rules, jobs and workflows set it, and callers do not."""
    immutable: bool = False
    """Whether callers cannot change what it was created with."""
    on_delete: str = "keep"
    """What becomes of the record when the one that it refers to is deleted, out of `ON_DELETE`."""

    @property
    def required(self) -> bool:
        return self.default is None and not self.type.optional

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of sensitive data that it holds, with credentials where it is secret and says nothing else."""
        return self.sensitive or ((CREDENTIALS,) if self.secret else ())

    @property
    def written(self) -> str:
        """The default as an answer has it; empty without one."""
        text = "" if self.default is None else str(self.default)
        return text.lower() if isinstance(self.default, bool) else text

    @property
    def marks(self) -> tuple[str, ...]:
        """The words behind its type."""
        said = {
            "unique": self.unique,
            "index": self.indexed,
            "secret": self.secret,
            **dict.fromkeys(self.sensitive, True),
            "system": self.system,
            "immutable": self.immutable,
            self.on_delete: self.on_delete != "keep",
        }
        return tuple(word for word, holds in said.items() if holds)

    def __str__(self) -> str:
        """As an answer has it."""
        return f"{self.name}: {' '.join((str(self.type), *self.marks))}" + (
            "" if self.default is None else f" = {self.written}"
        )


AUDIT_FIELDS = tuple(Field(it, Type("text", optional=True), system=True) for it in ("created_by", "updated_by"))
"""What records have besides where changes are on record; empty in those that are older."""

ANONYMISED = Field("anonymised_at", Type("datetime", optional=True), system=True)
"""What records have besides that lose what is sensitive one day; empty in those that have not, so far."""

TENANT_FIELD = Field("tenant", Type("str"), system=True)
"""What records have besides where they belong to one of several organisations: which."""

BROUGHT_FIELDS = (*AUDIT_FIELDS, ANONYMISED, TENANT_FIELD)
"""What is kept of records, and what no rule sets and no other service learns."""

MOMENTS = ("created_at", "updated_at")
"""The moments that every record has."""


@tracked(lambda _, __: ("data_entities",))
@dataclass(frozen=True)
class ValueObject:
    """A value object: fields without an identity, embedded where it is used."""

    name: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Listing:
    """How callers choose among the records of an entity, and order them, when they list them."""

    filters: tuple[str, ...] = ()
    """The fields of which they may give a value; of a field with several, one of these."""
    sorts: tuple[str, ...] = ()
    """The fields by which they may order them."""
    searched: tuple[str, ...] = ()
    """The fields that they may search for text."""


LIST_PARAMETERS = ("after", "limit", "sort", "search")
"""The parameters of a list that are no fields."""


@tracked(lambda _, __: ("personas",))
@dataclass(frozen=True)
class Role:
    """What a caller acts as: a persona."""

    name: str
    """As keys and tokens have it: `insurance_company`."""
    persona: str
    """As people call it: `Insurance company`."""
    administers: bool = False
    """Whether it may do all that the API offers."""


ADMINISTRATOR = Role("administrator", "Administrator", administers=True)
"""Who does what no feature needs, where no persona administers and nobody has said who may do what."""


def _access_questions(access: Access, part: str) -> Iterator[str]:
    """The questions that a part of an access answers."""
    if part not in ("proposed", "entity"):
        yield "access"
        yield from ("personas", "mvp_features") if access.proposed else ("personas",)


@tracked(lambda _, __: ("retention",))
@dataclass(frozen=True)
class Retention:
    """How long records of an entity are kept, and what becomes of them then."""

    action: str
    """`delete`, or `anonymise`: what is sensitive in them loses its value."""
    days: int
    after: str
    """The moment from which it counts: a field with a date, or one out of `MOMENTS`."""
    written: str
    """As the answer has the time: `3 years`."""

    def __str__(self) -> str:
        """`deleted 730 days after placed_at`"""
        return f"{self.action}d {self.written} after {self.after}"


KEEP = "keep"
ERASURE_ACTIONS = (*RETENTION_ACTIONS, KEEP)
"""What becomes of records of a person who asks to be forgotten."""


@tracked(lambda _, __: ("person",))
@dataclass(frozen=True)
class Belonging:
    """Records of an entity that belong to a person, and what becomes of them when that person is to be forgotten."""

    entity: str
    action: str
    """Out of `ERASURE_ACTIONS`."""
    field: str = ""
    """The field by which they belong to the person; empty for the entity of which each record is a person."""
    of: str = ""
    """The entity to whose records it leads."""
    value: str = "id"
    """The field of these with the same value."""


@tracked(_access_questions)
@dataclass(frozen=True)
class Access:
    """Who may do what with the records of an entity."""

    entity: str
    grants: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """By what is done, out of `ACCESS`: roles, and `OWNER`, `CALLERS` or `ANYONE`; what is not there is closed.
    `HISTORY` is there, too, where roles may read it."""
    owner: str = ""
    """The field that names the caller whose record it is; empty if records have no owner."""
    proposed: bool = False
    """Whether it follows from the features, as nobody has said it."""

    def allowed(self, action: str) -> tuple[str, ...]:
        """Who may do it; empty if nobody from outside may."""
        return dict(self.grants).get(action, ())

    @property
    def owned(self) -> tuple[str, ...]:
        """What owners may do with their records."""
        return tuple(action for action, who in self.grants if OWNER in who)

    @property
    def acting_for_owners(self) -> tuple[str, ...]:
        """Who may store records in the name of others: whoever may do with all records what owners may with theirs."""
        storing = dict.fromkeys((*self.allowed("create"), *self.allowed("update")))
        return tuple(it for it in storing if it != OWNER and all(self._opens(action, it) for action in self.owned))

    def _opens(self, action: str, who: str) -> bool:
        groups = {ANYONE: (ANYONE,), CALLERS: (CALLERS, ANYONE)}.get(who, (who, CALLERS, ANYONE))
        return not {*groups}.isdisjoint(self.allowed(action))


def _entity_questions(entity: Entity, part: str) -> Iterator[str]:
    """The questions that a part of an entity answers."""
    if part != "brought_by":
        yield entity.brought_by or "data_entities"
        if part == "of_tenant":
            yield "tenants"
        if part in ("path", "prefix"):
            yield "api_versioning"
        if part in ("audited", "history_readers"):
            yield "audit"
        if part == "encrypted":
            yield "encryption"
        if part == "retention":
            yield "retention"
        if part in ("erasure", "found_by"):
            yield "person"


@tracked(_entity_questions)
@dataclass(frozen=True)
class Entity:
    """A kind of record with an identity, owned by one service."""

    name: str
    service: str
    fields: tuple[Field, ...]
    prefix: str = ""
    """The prefix of its path, if the API is versioned by path: `/v1`."""
    operations: tuple[str, ...] = API_OPERATIONS
    """What callers can do with its records, out of `API_OPERATIONS`; nothing if it is private."""
    unique_together: tuple[tuple[str, ...], ...] = ()
    """Fields whose values no two records may have in common, unless one of the values is missing."""
    indexed_together: tuple[tuple[str, ...], ...] = ()
    """Fields by whose values together records are looked up."""
    listing: Listing | None = None
    """How callers choose among its records; `None` if they get them page by page, oldest first."""
    brought_by: str = ""
    """The decision whose option keeps such records; empty for what the answers declare."""
    encrypted: tuple[str, ...] = ()
    """The fields that are encrypted where they are stored."""
    audited: bool = False
    """Whether its records have a history: who changed them, and how."""
    history_readers: tuple[str, ...] = ()
    """The roles that may read it; without any, nobody from outside may."""
    retention: Retention | None = None
    """How long its records are kept; `None` if until somebody deletes them."""
    erasure: str = ""
    """What becomes of those of a person who asks to be forgotten, out of `ERASURE_ACTIONS`; empty if nobody says it."""
    found_by: str = ""
    """The field by which those of a person are found."""
    former_names: tuple[tuple[str, str], ...] = ()
    """The names that its fields had, each with the one that the field has now."""

    @property
    def of_tenant(self) -> bool:
        """Whether each of its records belongs to one of the organisations that the product serves."""
        return TENANT_FIELD in self.fields

    @property
    def sent(self) -> tuple[Field, ...]:
        """The fields that callers send."""
        return tuple(it for it in self.fields if not it.system)

    @property
    def shown(self) -> tuple[Field, ...]:
        """The fields that callers and other services see."""
        return tuple(it for it in self.fields if not it.secret)

    @property
    def carried(self) -> tuple[Field, ...]:
        """The fields that events and read copies have, unless an answer says why they have sensitive ones, too."""
        return tuple(it for it in self.fields if not it.kinds)

    @property
    def answer(self) -> str:
        """The model of what callers see of a record: its own, or one without what is secret."""
        return self.name if len(self.shown) == len(self.fields) else f"{self.name}Answer"

    @property
    def immutable(self) -> tuple[str, ...]:
        """The names of the fields that callers cannot change."""
        return tuple(it.name for it in self.fields if it.immutable)

    @property
    def uniques(self) -> tuple[tuple[str, ...], ...]:
        """All that no two records may have in common, as names of one or several fields; of a tenant, its own alone."""
        within = (TENANT_FIELD.name,) if self.of_tenant else ()
        said = (*((it.name,) for it in self.fields if it.unique), *self.unique_together)
        return tuple((*within, *names) for names in said)

    @property
    def indexes(self) -> tuple[tuple[str, ...], ...]:
        """What has an index besides, unless another one begins with the same: what was asked for, references, lists."""
        single = ((it.name,) for it in self.fields if it.indexed or it == TENANT_FIELD or self._is_looked_up(it))
        expiring = [(self.retention.after,)] if self.retention else []
        expiring += [(self.found_by,)] if self.found_by else []
        found: list[tuple[str, ...]] = [*self.uniques]
        for names in (*self.indexed_together, *single, *expiring):
            if not any(there[: len(names)] == names for there in found):
                found.append(names)
        return tuple(found[len(self.uniques) :])

    def _is_looked_up(self, field: Field) -> bool:
        """Whether records are looked up by a field without anybody saying so."""
        plain = field.type.field_type
        if field.type.many or field.type.kind == "value" or (plain and (plain.few_values or not plain.has_order)):
            return False
        listed = (*self.listing.filters, *self.listing.sorts) if self.listing else ()
        return field.type.kind == "reference" or field.name in listed

    def read_by(self, field: Field, owner: str) -> str:
        """What reads the values of a field where they are stored, so that they cannot be encrypted; empty if nothing.

        Args:
            owner: The field that names the caller whose record it is.
        """
        listed = self.listing or Listing()
        readers = {
            "refers to other records": field.type.kind == "reference",
            "names the owner": field.name == owner,
            "is unique": any(field.name in names for names in self.uniques),
            "has an index": field.indexed or any(field.name in names for names in self.indexed_together),
            "is a filter of the list": field.name in listed.filters,
            "orders the list": field.name in listed.sorts,
            "is searched": field.name in listed.searched,
            "says whose it is": field.name == self.found_by,
            "says how long it is kept": self.retention is not None and field.name == self.retention.after,
        }
        return next((reader for reader, reads in readers.items() if reads), "")

    @property
    def redacted(self) -> bool:
        """Whether what is sensitive is taken out of the history of its records when these end."""
        ends = self.retention is not None or self.erasure not in ("", KEEP)
        return self.audited and ends and any(it.sensitive and it.name not in self.encrypted for it in self.shown)

    @property
    def anonymised(self) -> bool:
        """Whether what is sensitive in its records may lose its value."""
        return ANONYMISED in self.fields

    @property
    def filters(self) -> tuple[Field, ...]:
        """The fields by whose values callers choose among its records."""
        return tuple(it for it in self.fields if self.listing and it.name in self.listing.filters)

    @property
    def private(self) -> bool:
        """Whether only the code of its service changes and reads its records."""
        return not self.operations

    @property
    def snake(self) -> str:
        return snake(self.name)

    @property
    def words(self) -> str:
        """`OrderLine` as `order line`."""
        return self.snake.replace("_", " ")

    @property
    def collection(self) -> str:
        """The last part of its address: `order-lines`."""
        return plural(self.snake).replace("_", "-")

    @property
    def path(self) -> str:
        """Its address at its service: `/v1/order-lines`."""
        return f"{self.prefix}/{self.collection}"

    @property
    def table(self) -> str:
        return plural(self.snake)


@tracked(lambda _, __: ("services",))
@dataclass(frozen=True)
class Event:
    """A fact that a service publishes with the change that caused it."""

    name: str
    """Dotted, in the past tense: `order.placed`."""
    service: str
    entity: str
    operations: tuple[str, ...]
    """The operations on the entity that cause it, out of `OPERATIONS`."""
    fields: tuple[Field, ...]
    """The fields that it carries besides the record's id and version; all fields of the entity that hold nothing
    sensitive unless declared."""
    because: str = ""
    """Why it carries sensitive data; empty if it carries none."""
    implied: bool = False
    """True when nobody declared it and a read copy needs it."""

    @property
    def snake(self) -> str:
        return snake(self.name)

    @property
    def pascal(self) -> str:
        return pascal(self.name)

    @property
    def copy_effect(self) -> str:
        """What it does to read copies of its entity: `renew` or `remove`."""
        return "remove" if self.operations == ("delete",) else "renew"


@dataclass(frozen=True)
class Dependency:
    """A declared call from one service to another."""

    service: str
    when_unavailable: str = "refuse"
    """`refuse`: a write that needs the answer fails with 503; `accept`: it is stored unchecked."""

    @property
    def failure_behaviour(self) -> str:
        """`refuses while catalog is unavailable`."""
        return f"{'refuses' if self.when_unavailable == 'refuse' else 'goes on'} while {self.service} is unavailable"


@dataclass(frozen=True)
class Check:
    """A remote lookup: an entity of another service that is checked before a record that refers to it is stored."""

    owner: str
    entity: Entity
    when_unavailable: str


@dataclass(frozen=True)
class ReadCopy:
    """A copy of another service's entity, kept up to date through events, so that checks need no call."""

    entity: str
    owner: str
    because: str = ""
    """Why it has sensitive data; empty if it has none."""


@tracked(lambda _, __: ("services",))
@dataclass(frozen=True)
class Reaction:
    """How a service reacts to an event: it creates a record itself."""

    event: str
    creates: str
    mapping: tuple[tuple[str, Source], ...]
    """Field of the created record, and where its value comes from."""

    @property
    def snake(self) -> str:
        """The module with its code: `on_order_placed`. The event is name enough, because `reading` refuses a
        service that reacts to one event twice."""
        return f"on_{snake(self.event)}"


@dataclass(frozen=True)
class Schedule:
    """Moments that are one period apart, counted from the beginning of a Monday in UTC."""

    minutes: int
    """From one moment to the next."""
    after: int
    """Minutes from the beginning of that Monday to the first moment."""
    words: str
    """As it was written: `daily at 02:00`."""


@tracked(lambda _, __: ("jobs",))
@dataclass(frozen=True)
class Job:
    """Work in the background: triggered by a change of a record, or scheduled."""

    name: str
    service: str
    entity: str = ""
    """The entity whose changes trigger it; empty for a scheduled job."""
    operations: tuple[str, ...] = ()
    """The operations on the entity that trigger it, out of `OPERATIONS`."""
    schedule: Schedule | None = None

    @property
    def words(self) -> str:
        """`send receipt`"""
        return self.name.replace("_", " ")

    @property
    def begins(self) -> str:
        """Its trigger: `on create Order`, `daily at 02:00`."""
        return self.schedule.words if self.schedule else f"on {', '.join(self.operations)} {self.entity}"


@dataclass(frozen=True)
class Source:
    """Where a reaction takes a value from: a field of the event, or a literal."""

    field: str = ""
    """A field of the event, or `id` for the record that it is about; empty for a literal."""
    literal: str | int | float | bool | None = None

    def __str__(self) -> str:
        """`customer`, or `"Your order has arrived"`."""
        return self.field or js(self.literal)


@tracked(lambda it, part: (it.brought_by,) if part != "brought_by" else ())
@dataclass(frozen=True)
class Request:
    """A request of a service that an option brings, which is none about the records of an entity."""

    id: str
    """Its name in OpenAPI: `log_in`."""
    method: str
    path: str
    """Without what all addresses of a version begin with: `/sessions`."""
    summary: str
    problems: tuple[int, ...]
    body: str | None = None
    """The model of what is sent."""
    answer: str | None = None
    """The model of what comes back."""
    success: int = 200
    access: str = CALLERS
    """Who may ask: `CALLERS` or `ANYONE`."""
    prefix: str = ""
    """The prefix of its path, if the API is versioned by path: `/v1`."""
    brought_by: str = ""


def _service_questions(service: Service, part: str) -> Iterator[str]:
    """The questions that a part of a service answers."""
    if part == "brought_by":
        return
    yield service.brought_by or "services"
    if part == "jobs":
        yield "jobs"
    if part == "port" and service.port_assigned:
        yield "port_base"
    if part == "encrypts":
        yield "encryption"


@tracked(_service_questions)
@dataclass(frozen=True)
class Service:
    """A boundary: one responsibility, its entities, and what it publishes, consumes and calls."""

    name: str
    responsibility: str
    port: int | None = None
    """Only when the answers fix it; `history.py` gives the others one."""
    exposure: str = "public"
    """`public`: callers outside the system may use it; `internal`: only the other services."""
    depends_on: tuple[Dependency, ...] = ()
    entities: tuple[Entity, ...] = ()
    events: tuple[Event, ...] = ()
    copies: tuple[ReadCopy, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    jobs: tuple[Job, ...] = ()
    port_assigned: bool = False
    """Whether its port was given to it, counted from `port_base`."""
    kept_before: bool = False
    """Whether migrations have made tables for it, which are never dropped."""
    converts: bool = False
    """Whether a migration converts values of one type into those of another."""
    encrypts: bool = False
    """Whether a migration may encrypt values, or decrypt them."""
    brought_by: str = ""
    """The decision whose option brings it; empty for those that the answers name."""
    requests: tuple[Request, ...] = ()
    """What it answers besides, if an option brings it."""
    components: tuple[str, ...] = ()
    """The components that it has then, by module and class: `login.signing.KeySet`."""

    @property
    def has_database(self) -> bool:
        """Whether it keeps anything: records, read copies, or what its jobs still have to do."""
        return bool(self.entities or self.copies or self.jobs or self.kept_before)

    @property
    def audited(self) -> bool:
        """Whether changes of any of its records are on record."""
        return any(it.audited for it in self.entities)

    @property
    def redacts(self) -> bool:
        """Whether what is sensitive is taken out of the history of any of its records when these end."""
        return any(it.redacted for it in self.entities)

    @property
    def keeps_for_a_time(self) -> bool:
        """Whether any of its records are deleted or anonymised one day."""
        return any(it.retention for it in self.entities)

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """The names of the events that it reacts to, in declared order."""
        return tuple(dict.fromkeys(reaction.event for reaction in self.reactions))


@tracked(lambda _, __: ("workflows",))
@dataclass(frozen=True)
class Step:
    """A step of a workflow in another service: it creates a record, and compensates if a later step fails."""

    workflow: str
    service: str
    creates: str
    mapping: tuple[tuple[str, Source], ...]
    """Field of the created record, and where its value comes from."""

    @property
    def name(self) -> str:
        return snake(self.creates)

    @property
    def module(self) -> str:
        """Of its rules: `checkout_reservation`."""
        return f"{self.workflow}_{self.name}"

    @property
    def commands(self) -> tuple[str, ...]:
        """The message types of its commands."""
        return tuple(f"{self.workflow}.{self.name}.{word}" for word in ("do", "undo"))

    @property
    def answers(self) -> tuple[str, ...]:
        """The message types of its replies."""
        return tuple(f"{self.workflow}.{self.name}.{word}" for word in ("done", "refused", "undone"))


@dataclass(frozen=True)
class Outcome:
    """What a field of a workflow's subject becomes at the end."""

    field: str
    value: str | int | float | bool

    def __str__(self) -> str:
        return f"{self.field} = {str(self.value).lower() if isinstance(self.value, bool) else self.value}"


DEFAULT_STEP_TIMEOUT_S = 600
"""The seconds that a step may take to reply, unless the workflow says otherwise."""


@tracked(lambda _, __: ("workflows",))
@dataclass(frozen=True)
class Workflow:
    """A saga: steps in several services that are all done or all undone, orchestrated by the owner of its subject."""

    name: str
    service: str
    entity: str
    """The subject: creating one starts the steps."""
    steps: tuple[Step, ...]
    done: Outcome
    undone: Outcome
    step_timeout_s: int = DEFAULT_STEP_TIMEOUT_S
    because: str = ""
    """Why its commands carry sensitive data; empty if they carry none."""

    @property
    def words(self) -> str:
        return self.name.replace("_", " ")

    @property
    def path(self) -> str:
        """The last part of the path of its status: `checkout`."""
        return self.name.replace("_", "-")

    @property
    def full_name(self) -> str:
        """The name of its status: `checkout_of_order`."""
        return f"{self.name}_of_{snake(self.entity)}"


@tracked(lambda _, __: ("services", "data_entities"))
@dataclass(frozen=True)
class Disclosure:
    """Sensitive fields of an entity that other services are told, and why."""

    entity: Entity
    fields: tuple[Field, ...]
    way: str
    """How they are told: `patient.moved`, `keep Patient`, or a workflow."""
    services: tuple[str, ...]
    """Those that are told."""
    because: str

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of sensitive data."""
        return tuple(dict.fromkeys(kind for it in self.fields for kind in it.kinds))


@dataclass(frozen=True)
class Criterion:
    """An acceptance criterion of a feature."""

    id: str
    """`FR-001-AC1`."""
    text: str


@tracked(lambda _, __: ("mvp_features",))
@dataclass(frozen=True)
class Feature:
    """A functional requirement of the MVP."""

    id: str
    """`FR-001`."""
    name: str
    outcome: str = ""
    persona: str = ""
    priority: str = "P1"
    services: tuple[str, ...] = ()
    criteria: tuple[Criterion, ...] = ()

    @property
    def acceptance_test(self) -> str:
        """The path of the test file with a test for each criterion."""
        return f"tests/acceptance/test_{self.id.lower().replace('-', '_')}.py"


@dataclass(frozen=True)
class Item:
    """An answer of a list, `name: text`, with whatever else its question collects, by key."""

    name: str
    text: str = ""
    extra: dict[str, object] = dataclass_field(default_factory=dict, hash=False)

    def get(self, key: str) -> object:
        """The value under `key`, or an empty string."""
        return self.extra.get(key, "")


DETAILS_OF_APIS = ("needs_key", "max_calls", "within_s")
"""What `external_api_details` says of an external API."""


@tracked(lambda _, part: ("external_api_details" if part in DETAILS_OF_APIS else "external_apis",))
@dataclass(frozen=True)
class ExternalApi:
    """A service of somebody else that the product calls."""

    name: str
    """An identifier; it names the settings: `SMS_URL`, `SMS_KEY`."""
    purpose: str = ""
    used_by: tuple[str, ...] = ()
    critical: bool = False
    timeout_s: float | None = None
    fallback: str = ""
    needs_key: bool = True
    """Whether callers need an API key."""
    max_calls: int = 0
    """How many calls it allows within `within_s` seconds; 0 where it sets no limit."""
    within_s: int = 0

    @property
    def env(self) -> str:
        return self.name.upper()

    @property
    def key(self) -> str:
        """The setting with the API key."""
        return f"{self.env}_KEY"


QUESTION_OF_PART = {
    "name": "project_name",
    "slug": "project_slug",
    "concept": "concept",
    "services": "services",
    "by_name": "services",
    "events": "services",
    "entities": "data_entities",
    "values": "data_entities",
    "value_objects": "data_entities",
    "features": "mvp_features",
    "external_apis": "external_apis",
    "workflows": "workflows",
    "version_header": "api_versioning",
    "roles": "personas",
    "person": "person",
    "tenants": "tenants",
}
"""The question whose answer a part of the product is."""


API_TRAITS: Mapping[str, Callable[[ExternalApi], object]] = {"limited_apis": lambda api: api.max_calls}
"""What a product has where one of the external APIs does."""

SERVICE_TRAITS: Mapping[str, Callable[[Service], object]] = {
    "keeps_read_copies": lambda service: service.copies,
    "publishes_events": lambda service: service.events,
    "reacts_to_events": lambda service: service.reactions,
    "immutable_fields": lambda service: any(entity.immutable for entity in service.entities),
    "secret_fields": lambda service: any(len(it.shown) < len(it.fields) for it in service.entities),
    "sensitive_fields": lambda service: any(
        field.sensitive and not field.secret for it in service.entities for field in it.fields
    ),
    "system_fields": lambda service: any(len(it.sent) < len(it.fields) for it in service.entities),
    "lists_by_fields": lambda service: any(it.listing for it in service.entities),
    "filters_by_number": lambda service: any(
        not field.type.is_text_in_json for entity in service.entities for field in entity.filters
    ),
    "searches_text": lambda service: any(it.listing and it.listing.searched for it in service.entities),
    "guards_references": lambda service: any(
        field.on_delete != "keep" for entity in service.entities for field in entity.fields
    ),
    "patch_operations": lambda service: any("patch" in it.operations for it in service.entities),
    "services_without_database": lambda service: not service.has_database,
    "unique_fields": lambda service: any(entity.uniques for entity in service.entities),
    "record_history": lambda service: service.audited,
    "redacted_history": lambda service: service.redacts,
    "limited_retention": lambda service: service.keeps_for_a_time,
    "erased_records": lambda service: any(it.erasure for it in service.entities),
    "anonymised_records": lambda service: any(it.anonymised for it in service.entities),
    "tenants": lambda service: any(it.of_tenant for it in service.entities),
    "renamed_fields": lambda service: any(it.former_names for it in service.entities),
    "converted_values": lambda service: service.converts,
    "rewritten_columns": lambda service: service.converts or service.encrypts,
}
"""What a product has where one of its services does."""

ACCESS_TRAITS = ("owned_by_creators",)
"""What a product has because of who may do what: records belong to the callers who create them."""

PRODUCT_TRAITS = frozenset((*SERVICE_TRAITS, *API_TRAITS, *ACCESS_TRAITS))
"""All of these."""


@tracked(lambda _, part: filter(None, [QUESTION_OF_PART.get(part)]))
@dataclass(frozen=True)
class Product:
    """Everything that the answers say about the product."""

    name: str
    slug: str
    """A Python identifier; distribution, database and image names come from it."""
    concept: str
    services: tuple[Service, ...]
    values: tuple[ValueObject, ...] = ()
    features: tuple[Feature, ...] = ()
    external_apis: tuple[ExternalApi, ...] = ()
    workflows: tuple[Workflow, ...] = ()
    roles: tuple[Role, ...] = ()
    access: tuple[Access, ...] = ()
    """For each entity, in the order of `entities`."""
    person: tuple[Belonging, ...] = ()
    """What belongs to a person, beginning with the entity of which each record is one; nothing if nobody says it."""
    version_header: str = ""
    """The header in which callers name a version of the API, if the version is given in a header: `API-Version`."""
    tenants: str = ""
    """What one of the organisations that it serves is called, if it serves several."""

    def is_internal(self, entity: Entity) -> bool:
        """Whether only the other services may call the service of an entity."""
        return self.by_name[entity.service].exposure == "internal"

    @property
    def answered(self) -> Product:
        """The product as the answers describe it, without services that options bring."""
        return replace(self, services=tuple(it for it in self.services if not it.brought_by))

    @cached_property
    def access_to(self) -> dict[str, Access]:
        """By the name of the entity; what nobody says anything of is closed."""
        return {name: Access(name) for name in self.entities} | {it.entity: it for it in self.access}

    @cached_property
    def traits(self) -> frozenset[str]:
        """What modules of options may be needed for, in addition to what other options provide."""
        return frozenset(filter(self.has_trait, PRODUCT_TRAITS))

    def has_trait(self, trait: str) -> bool:
        """Whether it has one of `PRODUCT_TRAITS`."""
        if trait in SERVICE_TRAITS:
            return any(map(SERVICE_TRAITS[trait], self.services))
        return any(map(API_TRAITS[trait], self.external_apis)) if trait in API_TRAITS else self._owned_by_creators

    @property
    def _owned_by_creators(self) -> bool:
        """Whether callers own what they create without naming themselves: the owner's field is none that they send."""
        fields = {(entity.name, it.name): it for entity in self.entities.values() for it in entity.fields}
        return any(fields[it.entity, it.owner].system for it in self.access if it.owner)

    @cached_property
    def entities(self) -> dict[str, Entity]:
        return {entity.name: entity for service in self.services for entity in service.entities}

    @cached_property
    def events(self) -> dict[str, Event]:
        return {event.name: event for service in self.services for event in service.events}

    @cached_property
    def by_name(self) -> dict[str, Service]:
        return {service.name: service for service in self.services}

    @cached_property
    def value_objects(self) -> dict[str, ValueObject]:
        return {value.name: value for value in self.values}

    def with_entities(self, change: Callable[[Entity], Entity]) -> Product:
        """The same, with each entity as a change makes it."""
        services = (replace(it, entities=tuple(map(change, it.entities))) for it in self.services)
        return replace(self, services=tuple(services))

    def versioned(self, prefix: str, header: str) -> Product:
        """The same, with the version of the API given by a prefix of all addresses, or by a header."""
        services = (
            replace(
                it,
                entities=tuple(replace(entity, prefix=prefix) for entity in it.entities),
                requests=tuple(replace(request, prefix=prefix) for request in it.requests),
            )
            for it in self.services
        )
        return replace(self, services=tuple(services), version_header=header)

    @cached_property
    def disclosures(self) -> tuple[Disclosure, ...]:
        """The sensitive data that services are told of others."""
        return tuple(self._disclosures())

    def _disclosures(self) -> Iterator[Disclosure]:
        for event in self.events.values():
            if event.because and not event.implied:
                to = tuple(it.name for it in self.subscribers(event.name))
                yield self._disclosure(event.entity, [it.name for it in event.fields], event.name, to, event.because)
        for service in self.services:
            for copy in service.copies:
                if copy.because:
                    every = [it.name for it in self.entities[copy.entity].shown]
                    way = f"keep {copy.entity}"
                    yield self._disclosure(copy.entity, every, way, (service.name,), copy.because)
        for it in self.workflows:
            if it.because:
                told = [source.field for step in it.steps for _, source in step.mapping]
                to = tuple(step.service for step in it.steps)
                yield self._disclosure(it.entity, told, it.name, to, it.because)

    def _disclosure(
        self, entity: str, told: Sequence[str], way: str, services: tuple[str, ...], because: str
    ) -> Disclosure:
        fields = (it for it in self.entities[entity].fields if it.kinds and it.name in told)
        return Disclosure(self.entities[entity], tuple(fields), way, tuple(dict.fromkeys(services)), because)

    def encrypting(self) -> Product:
        """The same, with sensitive fields of declared entities encrypted, unless records are found by their values."""
        product = self.with_entities(lambda it: replace(it, encrypted=self._encrypted(it)))
        return replace(product, services=tuple(replace(it, encrypts=True) for it in product.services))

    def _encrypted(self, entity: Entity) -> tuple[str, ...]:
        if entity.brought_by:
            return ()
        owner = self.access_to[entity.name].owner
        return tuple(it.name for it in entity.fields if it.kinds and not entity.read_by(it, owner))

    def workflows_led_by(self, service: str) -> tuple[Workflow, ...]:
        """The workflows that a service orchestrates."""
        return tuple(it for it in self.workflows if it.service == service)

    def workflow_steps_in(self, service: str) -> tuple[Step, ...]:
        """The steps that a service performs in workflows of others."""
        return tuple(step for it in self.workflows for step in it.steps if step.service == service)

    def subscribers(self, event: str) -> tuple[Service, ...]:
        """The services that an event is delivered to: those that react to it, and those that keep a copy it feeds."""
        return self._subscribers[event]

    @cached_property
    def _subscribers(self) -> dict[str, tuple[Service, ...]]:
        feeding: dict[str, list[str]] = {}
        for event in self.events.values():
            if event.implied:
                feeding.setdefault(event.entity, []).append(event.name)
        hearing: dict[str, list[Service]] = {name: [] for name in self.events}
        for service in self.services:
            fed = (name for copy in service.copies for name in feeding.get(copy.entity, ()))
            for name in dict.fromkeys((*service.subscriptions, *fed)):
                if name in hearing:
                    hearing[name].append(service)
        return {name: tuple(services) for name, services in hearing.items()}

    def message_recipients(self, service: str) -> tuple[str, ...]:
        """The services to which one sends events, commands and replies."""
        heard = (it.name for event in self.by_name[service].events for it in self.subscribers(event.name))
        asked = (step.service for it in self.workflows_led_by(service) for step in it.steps)
        leaders = {it.name: it.service for it in self.workflows}
        answered = (leaders[step.workflow] for step in self.workflow_steps_in(service))
        return tuple(dict.fromkeys((*heard, *asked, *answered)))

    def referenced_entities(self, fields: Sequence[Field]) -> Iterator[str]:
        """The entities that fields refer to, directly or inside value objects."""
        for field in fields:
            if field.type.kind == "reference":
                yield field.type.target
            elif field.type.kind == "value":
                yield from self.referenced_entities(self.value_objects[field.type.target].fields)

    def checks(self, service: Service) -> tuple[Check, ...]:
        """The remote lookups of a service; entities of which it keeps read copies need none."""
        copied = {copy.entity for copy in service.copies}
        behaviour = {dependency.service: dependency.when_unavailable for dependency in service.depends_on}
        named = [target for entity in service.entities for target in self.referenced_entities(entity.fields)]
        return tuple(
            Check(entity.service, entity, behaviour[entity.service])
            for entity in (self.entities[name] for name in dict.fromkeys(named))
            if entity.service in behaviour and entity.name not in copied
        )

    def fields_known_to(self, service: Service, entity: Entity) -> tuple[Field, ...]:
        """The fields of another service's entity that one learns: all that are shown, or those of its read copy."""
        reasons = {copy.entity: copy.because for copy in service.copies}
        known = entity.shown if reasons.get(entity.name, "called") else entity.carried
        return tuple(it for it in known if it not in BROUGHT_FIELDS)

    def calls(self, service: Service) -> tuple[Dependency, ...]:
        """The declared dependencies that a service calls: all but those that its read copies explain."""
        checked = {check.owner for check in self.checks(service)}
        copied = {copy.owner for copy in service.copies}
        return tuple(it for it in service.depends_on if it.service in checked or it.service not in copied)

    @cached_property
    def start_order(self) -> tuple[tuple[str, ...], ...]:
        """The services in groups, such that each calls services of the groups before its own alone."""
        called = {service.name: [it.service for it in self.calls(service)] for service in self.services}
        level: dict[str, int] = {}
        for name in TopologicalSorter(called).static_order():
            level[name] = 1 + max((level[it] for it in called[name]), default=-1)
        groups = range(1 + max(level.values(), default=-1))
        return tuple(tuple(it.name for it in self.services if level[it.name] == group) for group in groups)
