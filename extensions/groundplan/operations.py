"""The operations of services as data, from which code, documents, tests and checks are made.

How an operation is written down in a web framework is that option's affair; what it is, is defined here once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

from .domain import ANYONE, CALLERS, HISTORY, Entity, Field, Product, Request, Service, Workflow
from .field_types import FIELD_TYPES
from .provenance import tracked, tracking
from .text import article

UNRELATED = (404, 405, 408, 413, 500)
"""Statuses that belong to no operation: unknown path or method, a body too slow or too large, internal error."""

SERVICES = "services"
"""Who alone may call the operations of an internal service; others are for `CALLERS`, or for `ANYONE`."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of a request."""

    name: str
    """As it is sent: `If-Match`."""
    location: str
    """Where it is sent: `path`, `query` or `header`."""
    type: str
    """A kind of field, out of `domain.SCALARS`."""
    description: str
    required: bool = True


ID = Parameter("id", "path", "uuid", "The record that it is about.")
AFTER = Parameter("after", "query", "uuid", "The `next` of the page before.", required=False)
LIMIT = Parameter("limit", "query", "int", "The most items on the page.", required=False)
KEY = Parameter("Idempotency-Key", "header", "str", "What the request is known by when it is repeated.", required=False)
CURSOR = replace(AFTER, type="str")
"""What stands for `AFTER` where callers may order a list otherwise."""
VERSION = Parameter("If-Match", "header", "str", "The `ETag` of what was read.")


@dataclass(frozen=True)
class Kind:
    """What operations have in common, whichever entity they are about."""

    name: str
    method: str
    success: int
    problems: tuple[int, ...]
    handler: str
    """The method that answers it: of the entity's service, or of a workflow."""
    parameters: tuple[Parameter, ...] = ()
    body: str = ""
    """What its body is: a `Draft` of an entity, a `Patch` for it, or nothing."""
    headers: tuple[str, ...] = ()
    """The headers of its response."""
    repeatable: bool = True
    """Whether sending it twice does no more than sending it once."""

    @property
    def about_one(self) -> bool:
        """Whether it is about one record, or about the collection."""
        return ID in self.parameters


CREATE = Kind(
    "create",
    "POST",
    201,
    (400, 401, 403, 409, 422, 503),
    "create",
    (KEY,),
    body="Draft",
    headers=("ETag", "Location"),
    repeatable=False,
)
LIST = Kind("list", "GET", 200, (401, 403, 422, 503), "page", (AFTER, LIMIT))
READ = Kind("read", "GET", 200, (401, 403, 404, 409, 422, 503), "get", (ID,), headers=("ETag",))
UPDATE_PROBLEMS = (400, 401, 403, 404, 409, 412, 422, 428, 503)
REPLACE = Kind(
    "replace",
    "PUT",
    200,
    UPDATE_PROBLEMS,
    "update",
    (ID, VERSION),
    body="Draft",
    headers=("ETag",),
)
PATCH = Kind(
    "patch",
    "PATCH",
    200,
    UPDATE_PROBLEMS,
    "update",
    (ID, VERSION),
    body="Patch",
    headers=("ETag",),
)
DELETE = Kind("delete", "DELETE", 204, (401, 403, 404, 409, 412, 422, 428, 503), "delete", (ID, VERSION))
CHANGES = Kind(HISTORY, "GET", 200, (401, 403, 404, 409, 422, 503), "changes", (ID, AFTER, LIMIT))
STATUS = Kind("status", "GET", 200, (401, 403, 404, 409, 422, 503), "status", (ID,))

KINDS = (CREATE, LIST, READ, REPLACE, PATCH, DELETE, CHANGES, STATUS)
"""Every kind of operation; the last two tell who changed a record, and the state of a workflow that one started."""


REQUEST = "request"
"""The kind of an operation that is about no records: one of a service that an option brings."""

ACTIONS = {"replace": "update", "patch": "update", "status": "read"}
"""What a kind of operation does, in the words of `domain.ACCESS`, where its name does not say it."""

ASKED_BY = {"create": (CREATE,), "read": (READ,), "update": (REPLACE, PATCH), "delete": (DELETE,)}
"""By which kinds of request a caller reads or changes a record."""

OF_KIND = frozenset(it.name for it in fields(Kind))
"""What an operation has of its kind, whatever asked for it."""


def _questions(it: Operation, part: str) -> Iterator[str]:
    """The questions that a part of an operation answers."""
    if part == "kind" or it.kind == REQUEST:  # what a request is made from tells of itself
        return
    yield "data_entities"
    if it.kind == STATUS.name and part not in OF_KIND:
        yield "workflows"
    if it.kind == CHANGES.name:
        yield "audit"
    if part in ("path", "parameters"):
        yield "api_versioning"
    if part in ("access", "allowed"):
        yield from ("services", "access")


@tracked(_questions)
@dataclass(frozen=True)
class Operation:
    """A request that a service answers."""

    id: str
    """Its name in OpenAPI, and in clients that are made from that: `create_order`."""
    kind: str
    """The name of one of `KINDS`."""
    service: str
    entity: str
    workflow: str
    """The workflow whose state it returns; empty for any other kind."""
    method: str
    path: str
    """Its address at its service: `/v1/orders/{id}`."""
    route: str
    """The same without what all addresses of a version begin with: `/orders/{id}`."""
    parameters: tuple[Parameter, ...]
    body: str | None
    """The model of what is sent: `OrderDraft`, `OrderPatch`."""
    answer: str | None
    """The model of what comes back: `Order`, `Page[Order]`."""
    headers: tuple[str, ...]
    """The headers of the response."""
    success: int
    problems: tuple[int, ...]
    handler: str
    """The method that answers it: of the entity's service, or of the workflow."""
    summary: str
    access: str
    """Who may send it: authenticated `callers`, `anyone`, or the other `services`."""
    allowed: tuple[str, ...]
    """Who of them may do it: roles, the `owner` of the record, `callers` or `anyone`; empty if only services may."""
    repeatable: bool

    @property
    def action(self) -> str:
        """What it does, out of `domain.ACCESS`; or `domain.HISTORY`, which it reads."""
        return ACTIONS.get(self.kind, self.kind)

    @property
    def statuses(self) -> tuple[int, ...]:
        """All that it answers with."""
        return (self.success, *self.problems)


def operations(product: Product, service: Service) -> tuple[Operation, ...]:
    """The operations of a service, those of an entity together."""
    about_records = (it for entity in service.entities for it in of_entity(product, entity))
    return (*about_records, *of_option(product, service))


def of_option(product: Product, service: Service) -> tuple[Operation, ...]:
    """The operations of a service that an option brings: those beside records."""
    return tuple(_requested(product, service, it) for it in service.requests)


def _requested(product: Product, service: Service, request: Request) -> Operation:
    return Operation(
        id=request.id,
        kind=REQUEST,
        service=service.name,
        entity="",
        workflow="",
        method=request.method,
        path=request.prefix + request.path,
        route=request.path,
        parameters=tuple(_versions(product)),
        body=request.body,
        answer=request.answer,
        headers=(),
        success=request.success,
        problems=request.problems,
        handler=request.id,
        summary=request.summary,
        access=request.access,
        allowed=(request.access,),
        repeatable=request.method != "POST",
    )


def of_entity(product: Product, entity: Entity) -> tuple[Operation, ...]:
    """The operations about the records of an entity, in the order in which its service has them."""
    with tracking():  # each tells of itself
        return tuple(_of_entity(product, entity))


def operation_of(product: Product, entity: Entity, *kinds: Kind) -> Operation | None:
    """The operation of the first of some kinds that an entity has, each at most once."""
    found = {it.kind: it for it in of_entity(product, entity)}
    return next((found[it.name] for it in kinds if it.name in found), None)


def _of_entity(product: Product, entity: Entity) -> Iterator[Operation]:
    name, record, unchanged = entity.name, article(entity.words), "unless it was changed since it was read"
    order = ", or as `sort` says" if entity.listing and entity.listing.sorts else ""
    listed = f"List {entity.table.replace('_', ' ')}, oldest first{order}."
    every = (
        (CREATE, f"create_{entity.snake}", entity.answer, f"Create {record}."),
        (LIST, f"list_{entity.table}", f"{'CursorPage' if entity.listing else 'Page'}[{entity.answer}]", listed),
        (READ, f"get_{entity.snake}", entity.answer, f"Read {record}."),
        (REPLACE, f"replace_{entity.snake}", entity.answer, f"Replace {record}, {unchanged}."),
        (PATCH, f"patch_{entity.snake}", entity.answer, f"Change some fields of {record}, {unchanged}."),
        (DELETE, f"delete_{entity.snake}", None, f"Delete {record}, {unchanged}."),
    )
    for kind, id, answer, summary in every:
        if kind.name in entity.operations:
            yield _operation(product, entity, kind, id, answer, summary)
    if entity.history_readers:
        id, summary = f"list_{entity.snake}_history", f"Tell who changed {record}, and how, oldest first."
        yield _operation(product, entity, CHANGES, id, "Page[HistoryEntry]", summary)
    for it in product.workflows_led_by(entity.service):
        if it.entity == name and not entity.private:
            summary = f"Tell the state of the {it.words} of {record}."
            yield _operation(product, entity, STATUS, f"get_{it.full_name}", "WorkflowStatus", summary, it)


def _operation(
    product: Product,
    entity: Entity,
    kind: Kind,
    id: str,
    answer: str | None,
    summary: str,
    workflow: Workflow | None = None,
) -> Operation:
    below = ("/{id}" if kind.about_one else "") + (f"/{workflow.path}" if workflow else "")
    below += f"/{HISTORY}" if kind is CHANGES else ""
    allowed = product.access_to[entity.name].allowed(ACTIONS.get(kind.name, kind.name))
    return Operation(
        id=id,
        kind=kind.name,
        service=entity.service,
        entity=entity.name,
        workflow=workflow.name if workflow else "",
        method=kind.method,
        path=entity.path + below,
        route=f"/{entity.collection}{below}",
        parameters=(*_parameters(entity, kind), *_versions(product)),
        body=entity.name + kind.body if kind.body else None,
        answer=answer,
        headers=kind.headers,
        success=kind.success,
        problems=tuple(it for it in kind.problems if it != 401 or ANYONE not in allowed),
        handler=kind.handler,
        summary=summary,
        access=SERVICES if product.is_internal(entity) else ANYONE if ANYONE in allowed else CALLERS,
        allowed=allowed,
        repeatable=kind.repeatable,
    )


def _parameters(entity: Entity, kind: Kind) -> Iterator[Parameter]:
    """What a request takes apart from its body."""
    if kind is not LIST or entity.listing is None:
        yield from kind.parameters
        return
    yield from (CURSOR, LIMIT)
    by_name = {it.name: it for it in entity.fields}
    for name in entity.listing.filters:
        yield Parameter(name, "query", _sent_as(by_name[name]), "Only records with this value.", required=False)
    if entity.listing.sorts:
        yield Parameter("sort", "query", "str", "A field, with `-` before it in descending order.", required=False)
    if entity.listing.searched:
        yield Parameter("search", "query", "str", "Only records with this text.", required=False)


def _sent_as(field: Field) -> str:
    """The field type that a value of a query has in OpenAPI."""
    plain = field.type.field_type or FIELD_TYPES["str"]  # a choice
    return plain.in_openapi or plain.name


def _versions(product: Product) -> Iterator[Parameter]:
    """How a caller names the version of the API that it understands, where a header does that."""
    if product.version_header:
        yield Parameter(product.version_header, "header", "str", "The version of the API.", required=False)
