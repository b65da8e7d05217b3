"""What a service's specification says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..decisions import has, wording
from ..diagrams import Diagram
from ..domain import Entity, Event, Feature, Field, Job, Service, ValueObject
from ..fixture_data import FixtureData
from ..gaps import ProjectView, is_about_service
from ..interactions import Request, entities_of
from ..operations import CHANGES, KEY, LIST, SERVICES, Operation, of_entity, of_option
from ..project import EnvVar
from ..provenance import QuestionNames, cached_property, tracked
from ..sequence_diagrams import request_sequence, workflow_sequence
from ..text import one_of
from . import workflow_tables
from .acceptance import acceptance_link
from .architecture import while_unavailable, who
from .markdown import NONE, UNKNOWN, Table, cell, code, codes, counted, keeping, sentence, table
from .prd import quantity


@tracked(lambda it, part: it.served if part in ("base", "public", "docs") else ())
@dataclass(frozen=True)
class Specification:
    view: ProjectView
    service: Service
    base: str
    """Where it is served: `http://127.0.0.1:8001`."""
    public: str
    """Where its callers reach it, and """
    docs: str
    """where it is described to them."""
    needed: str
    """Whose that must be: `of a caller`."""
    sent: str
    """Where they put it."""
    settings: tuple[EnvVar, ...]
    tested: FixtureData
    """What the suite knows of the product."""
    requests: tuple[Request, ...]
    """Those to it that go on in other services."""
    process: str
    """What it runs in: `the process of orders`."""
    served: QuestionNames
    """What its addresses were made from."""

    @property
    def name(self) -> str:
        return self.service.name

    @property
    def features(self) -> tuple[Feature, ...]:
        return tuple(it for it in self.view.product.features if self.name in it.services)

    @property
    def responsibility(self) -> str:
        responsibility = self.service.responsibility or f"it is not stated what it is for (B01-{self.name})"
        return sentence(responsibility[:1].upper() + responsibility[1:])

    @property
    def holds(self) -> str:
        """What it keeps and subscribes to, in a few words."""
        kept = ", ".join(entity.name for entity in self.service.entities)
        heard = ", ".join(dict.fromkeys(it.event for it in self.service.reactions))
        jobs = ", ".join(it.name for it in self.service.jobs)
        leads = ", ".join(it.name for it in self.view.product.workflows_led_by(self.name))
        steps = ", ".join(dict.fromkeys(it.workflow for it in self.view.product.workflow_steps_in(self.name)))
        parts = (
            f"keeps {kept}" if kept else "",
            f"subscribes to {heard}" if heard else "",
            f"runs {jobs}" if jobs else "",
            f"leads {leads}" if leads else "",
            f"takes part in {steps}" if steps else "",
        )
        return "; ".join(filter(None, parts)) or "keeps no records of its own"

    @property
    def not_its_job(self) -> tuple[str, ...]:
        """What its records refer to and others keep."""
        product = self.view.product
        foreign = {
            field.type.target: product.entities[field.type.target].service
            for entity in self.service.entities
            for field in entity.fields
            if field.type.kind == "reference" and product.entities[field.type.target].service != self.name
        }
        asked = {check.entity.name: check.owner for check in product.checks(self.service)}
        return tuple(
            f"It does not keep {code(entity)}: that is for {code(owner)} alone."
            for entity, owner in {**foreign, **asked}.items()
        )

    @property
    def readiness(self) -> tuple[str, ...]:
        """When it can go live, as things that can be looked at."""
        return tuple(self._readiness())

    def _readiness(self) -> Iterator[str]:
        yield f"{code('GET ' + self.base + '/health/ready')} answers 200"
        tested = [it.id for it in self.features if it.criteria]
        if tested:
            yield f"the acceptance tests of {', '.join(tested)} pass without xfail marks"
        for row in self.objectives.rows:
            measure = "" if row[2] == UNKNOWN else f"{row[2]} "
            yield f"{row[0]} is measured: {measure}{row[3]}"
        if secrets := [it.name for it in self.settings if it.secret]:
            yield f"{self.process} has no example value for {codes(secrets)}"

    @cached_property
    def requirements(self) -> Table:
        return table(
            "Id, Requirement, Shared with, Tests",
            (
                (
                    it.id,
                    cell(it.name),
                    codes(name for name in it.services if name != self.name),
                    acceptance_link(it, counted(len(it.criteria), "criterion", "criteria"), "../../"),
                )
                for it in self.features
            ),
            "No requirement names this service.",
        )

    @cached_property
    def contract(self) -> Table:
        """Every request: who may send it, what goes in and out, and which requirement needs it."""
        about = "Method, Path, Callers, Request, Response, Errors, Repeatable, For"
        return table(about, self._contract())

    @cached_property
    def repeated(self) -> str:
        """What becomes of a request that is sent again with its key; empty where none has one."""
        every = (it for entity in self.service.entities for it in of_entity(self.view.product, entity))
        keyed = [code(f"{it.method} {it.path}") for it in every if KEY in it.parameters]
        return (
            f"If {one_of(keyed)} is sent again with its {code(KEY.name)}, it is given the same response and changes "
            f"nothing again, for {code('IDEMPOTENCY_RETENTION_H')} hours; with other content it is refused. One that "
            "was refused may be corrected and sent with the same key."
            if keyed
            else ""
        )

    def _contract(self) -> Iterator[tuple[str, ...]]:
        for entity in self.service.entities:
            needed = ", ".join(it.id for it in self.features if entity in entities_of(self.view.product, it)) or NONE
            for it in of_entity(self.view.product, entity):
                errors, again = ", ".join(map(str, it.problems)), _repeatable(it)
                callers = self.needed if self._for_all(it) else who(self.view.product, it.allowed)
                yield it.method, code(it.path), callers, _request(it), _answer(it), errors, again, needed
        for it in of_option(self.view.product, self.service):
            errors, again = ", ".join(map(str, it.problems)), _repeatable(it)
            callers = who(self.view.product, it.allowed)
            yield it.method, code(it.path), callers, _request(it), _answer(it), errors, again, it.summary
        if self.subscriptions.rows and self.view.event_transport.endpoint:
            errors, path = "400, 401, 422, 503", code(self.view.event_transport.endpoint)
            yield "POST", path, "other services", "an event", "204", errors, "yes", "events"
        for path, errors in (("/health/live", NONE), ("/health/ready", "503")):
            yield "GET", code(path), "anyone", NONE, "200", errors, "yes", "operation"

    def _for_all(self, operation: Operation) -> bool:
        """Whether all who reach its address may ask for it: services, or callers that are not authenticated."""
        return operation.access == SERVICES or has(self.view.decisions, "no_authentication")

    @property
    def kept_private(self) -> str:
        """Which records callers cannot ask for; empty where there are none."""
        private = [it.name for it in self.service.entities if it.private]
        return f"Only code of {self.name} reads and changes records of {codes(private)}." if private else ""

    @cached_property
    def references(self) -> Table:
        """What its records name of others, how that is looked up, and what is answered when it is not there."""
        product = self.view.product
        asked = {check.entity.name: check.when_unavailable for check in product.checks(self.service)}
        copied = {copy.entity for copy in self.service.copies}
        return table(
            "Reference, To, Owner, Looked up in, If missing, If unavailable",
            (
                (
                    code(path),
                    code(target),
                    code(product.entities[target].service),
                    "the read copy" if target in copied else f"{'its API' if target in asked else 'its own records'}",
                    "409",
                    while_unavailable(asked[target], self.view.decisions) if target in asked else "503",
                )
                for entity in self.service.entities
                for path, target in _references(product.value_objects, entity.name, entity.fields)
            ),
            f"What {self.name} keeps refers to nothing else." if self.service.has_database else "It has no database.",
        )

    @cached_property
    def named(self) -> str:
        """What becomes of its records when one that they name is deleted; empty where they name none."""
        product = self.view.product
        guarded = {f"{entity.name}.{it.name}": it for entity in self.service.entities for it in entity.fields}
        guarded = {path: it for path, it in guarded.items() if it.on_delete != "keep"}
        named = dict.fromkeys(
            it
            for entity in self.service.entities
            for it in product.referenced_entities([it for it in entity.fields if it.on_delete == "keep"])
        )
        sentences = [
            f"A record of {codes(named)} may be deleted although another names it: that one keeps the id, and its next "
            "change is refused with 409 unless it names another."
            if named
            else ""
        ]
        for on_delete, becomes in (
            ("refuse", "is refused with 409 while a record names it."),
            ("cascade", "deletes the records that name it, too."),
        ):
            paths = [path for path, it in guarded.items() if it.on_delete == on_delete]
            sentences.append(f"Deleting what {codes(paths)} names {becomes}" if paths else "")
        return " ".join(filter(None, sentences))

    @cached_property
    def tests(self) -> Table:
        """What the suite proves of it, in addition to the criteria of its requirements."""
        return table("Test, Proves", self._tests())

    def _tests(self) -> Iterator[tuple[str, str]]:
        product = self.view.product
        entities = [it for it in self.tested.entities if it.service == self.name]
        events = [
            it.name for it in self.tested.consumed_events if it.service == self.name or self.name in it.subscribers
        ]
        copies = [it.entity for it in self.tested.copies if it.service == self.name]
        references = [f"{it.name}.{reference.field}" for it in entities for reference in it.references]
        ready = "is ready only with its database" if self.service.has_database else "is ready"
        yield _suite("test_services"), f"that {self.name} is live, {ready}, and names a fault"
        if entities:
            names = codes(it.name for it in entities)
            yield _suite("test_records"), f"the whole life of {names}, by the contract above"
        if unique := [f"{it.name}.{name}" for it in entities for names in it.unique for name in names]:
            yield _suite("test_unique"), f"that no two records have the same {codes(dict.fromkeys(unique))}"
        for suite, proves, part in (
            ("test_limits", "what is written keeps the limits of", "outside"),
            ("test_stored_records", "records are told of, and repaired, that have another value in", "narrow"),
            ("test_secrets", "no response has", "secrets"),
            ("test_sensitive", "no log, and no event without a reason, has", "sensitive"),
            ("test_immutable", "callers cannot change", "immutable"),
        ):
            if tested := [f"{it.name}.{name}" for it in entities for name in getattr(it, part)]:
                yield _suite(suite), f"that {proves} {codes(tested)}"
        limited = [it for it in self.service.entities if it.retention]
        if limited:
            yield _suite("test_retention"), f"that each {codes(it.name for it in limited)} is kept for its time"
        if forgotten := [it.name for it in self.service.entities if it.erasure]:
            proves = f"that of a person, each {codes(forgotten)} is exported, and erased as it was said"
            yield _suite("test_person"), proves
        if references:
            untold = ", and what happens when it cannot be checked" if product.checks(self.service) else ""
            yield _suite("test_references"), f"that {codes(references)} must exist{untold}"
        if events:
            yield (
                _suite("test_events"),
                f"that an outage loses none of {codes(events)}, and a second delivery changes nothing",
            )
        taking = (
            *(it.name for it in product.workflows_led_by(self.name)),
            *(it.workflow for it in product.workflow_steps_in(self.name)),
        )
        if taking:
            yield (
                _suite("test_workflows"),
                f"that {codes(dict.fromkeys(taking))} is done in all of its steps, or undone in all",
            )
        if copies:
            yield _suite("test_copies"), f"that its copy of {codes(copies)} follows the original"

    @cached_property
    def shapes(self) -> tuple[tuple[str, Table], ...]:
        """The fields of each entity, and of the value objects in them."""
        product = self.view.product
        used = dict.fromkeys(_embedded(product.value_objects, self.service.entities))
        entities = tuple((it.name, _shape(it.name, it.fields, it)) for it in self.service.entities)
        values = tuple((name, _shape(name, product.value_objects[name].fields)) for name in used)
        return entities + values

    @property
    def kept(self) -> str:
        """Which records it does not keep for good; empty if it keeps all."""
        return keeping(self.service.entities)

    @property
    def compared_tables(self) -> tuple[Table, ...]:
        """The tables whose facts other files repeat."""
        shapes = (shape for _, shape in self.shapes)
        return (
            self.requirements,
            self.contract,
            *shapes,
            self.references,
            self.publishes,
            self.subscriptions,
            self.jobs,
            self.leads,
            self.dependencies,
            self.configuration,
            self.objectives,
        )

    @cached_property
    def sequences(self) -> tuple[Diagram, ...]:
        """What requests to it cause in several services, and the workflows that it leads."""
        product = self.view.product
        led = (workflow_sequence(product, it) for it in product.workflows_led_by(self.name))
        uncached = wording(self.view.decisions, "not_cached")
        return (*(request_sequence(product, it, uncached) for it in self.requests), *led)

    @cached_property
    def leads(self) -> Table:
        """The workflows that it leads."""
        return workflow_tables.led(self.view.product, self.service)

    @cached_property
    def publishes(self) -> Table:
        product = self.view.product
        events = (
            (
                code(it.name),
                f"{', '.join(it.operations)} {code(it.entity)}",
                _carried(it),
                codes(service.name for service in product.subscribers(it.name)),
            )
            for it in self.service.events
        )
        return table(
            "Publishes, On, Fields, Subscribers",
            (*events, *workflow_tables.sent(product, self.service)),
            f"{self.name} publishes no event.",
        )

    @cached_property
    def channels(self) -> Table:
        """Where its events go and come from at a broker; nothing where there is none."""
        return table("At the broker, Is", self._channels() if self.view.event_transport.broker else ())

    def _channels(self) -> Iterator[tuple[str, str]]:
        product, way = self.view.product, self.view.event_transport
        heard = (it.name for it in self.service.events if product.subscribers(it.name))
        for name in (*heard, *workflow_tables.types(product, self.service)):
            yield f"{code(name)} is sent to", way.published_to.format(slug=product.slug, event=name)
        if self.subscriptions.rows:
            names = {"slug": product.slug, "service": self.name}
            yield "it subscribes to", way.consumed_from.format(**names)
            yield "what it refuses for good is in", way.dead_letters_in.format(**names)

    @cached_property
    def subscriptions(self) -> Table:
        product = self.view.product
        reactions = (
            (
                code(it.event),
                code(product.events[it.event].service),
                f"creates {code(it.creates)}",
                workflow_tables.fills(it.mapping),
                self._rules(it.snake),
            )
            for it in self.service.reactions
        )
        copies = (
            (code(event.name), code(copy.owner), f"{event.copy_effect}s its copy of {code(copy.entity)}", NONE, NONE)
            for copy in self.service.copies
            for event in product.events.values()
            if event.implied and event.entity == copy.entity
        )
        return table(
            "Subscribes to, Publisher, Effect, Fills, Rules",
            (*reactions, *copies, *workflow_tables.heard(product, self.service)),
            f"{self.name} subscribes to no event.",
        )

    @cached_property
    def jobs(self) -> Table:
        """Its work that outlasts the request that asked for it, or that is due at times."""
        fails, lost = (wording(self.view.decisions, about) for about in ("job_failure", "job_loss"))
        rows = ((code(it.name), self._begins(it), self._rules(it.name), fails, lost) for it in self.service.jobs)
        return table("Job, Begins, Code, When it fails, When its process ends", rows)

    @staticmethod
    def _begins(job: Job) -> str:
        if job.schedule:
            return f"{job.schedule.words}, UTC"
        return f"on {', '.join(job.operations)} {code(job.entity)}"

    def _rules(self, module: str) -> str:
        return code(f"services/{self.name}/{module}.py")

    @cached_property
    def dependencies(self) -> Table:
        services = (
            (
                code(it.service),
                "service",
                while_unavailable(it.when_unavailable, self.view.decisions),
                code("CALL_TIMEOUT_S"),
            )
            for it in self.view.product.calls(self.service)
        )
        apis = (
            (
                code(it.name),
                "external API",
                cell(it.fallback, UNKNOWN),
                f"{it.timeout_s:g} s" if it.timeout_s else UNKNOWN,
            )
            for it in self.view.product.external_apis
            if self.name in it.used_by
        )
        way = self.view.event_transport
        receivers = self.view.product.message_recipients(self.name)
        subscribers = ((code(name), "subscriber", "its events wait, in order", way.timeout) for name in receivers)
        broker = ((way.broker, "broker", "events wait in the outbox, in order", way.timeout),)
        carried = broker if way.broker and (receivers or self.subscriptions.rows) else () if way.broker else subscribers
        store = (("its database", "store", "503, to be tried again", NONE),) if self.service.has_database else ()
        rows = (*services, *apis, *carried, *store)
        return table("Needs, Kind, While unavailable, Timeout", rows, f"{self.name} needs nothing else.")

    @cached_property
    def configuration(self) -> Table:
        return table(
            "Variable, Default, Secret, Meaning",
            (
                (
                    code(it.name),
                    code(it.default) if it.default else NONE,
                    "yes" if it.secret else "no",
                    cell(it.description),
                )
                for it in self.settings
            ),
        )

    @cached_property
    def objectives(self) -> Table:
        return table(
            "Id, What, Measure, Target, Load",
            (
                (
                    self.view.id("NFR", it.name),
                    cell(it.name),
                    cell(it.get("metric"), UNKNOWN),
                    quantity(it.text, it.get("unit")),
                    cell(it.get("load"), UNKNOWN),
                )
                for it in self.view.items("performance_targets")
                if it.get("scope") in ("", None, self.name)
            ),
            f"No performance target names {self.name}.",
        )

    @cached_property
    def failures(self) -> Table:
        alone = len(self.view.product.services) == 1
        return table(
            "When, Then, Until",
            (
                (cell(it.name), cell(it.text, UNKNOWN), cell(it.get("recovery"), UNKNOWN))
                for it in self.view.items("failure_handling")
                if is_about_service(it, self.name) or (alone and not it.get("service"))
            ),
            f"No failure scenario has {code(self.name)} as its service.",
        )


def _request(it: Operation) -> str:
    """What is sent in addition to the id in the address."""
    record = [it.body.removesuffix("Draft")] if it.body else []
    return codes((*record, *(sent.name for sent in it.parameters if sent.location != "path")))


def _repeatable(it: Operation) -> str:
    """Whether it may be sent twice."""
    return "yes" if it.repeatable else f"with {code(KEY.name)}" if KEY in it.parameters else "no"


def _answer(it: Operation) -> str:
    """What comes back where all is well."""
    if it.workflow:
        return f"{it.success} where {code(it.workflow)} stands"
    shown = code("HistoryEntry" if it.kind == CHANGES.name else it.entity or str(it.answer))
    shown = f"page of {shown}" if it.kind in (LIST.name, CHANGES.name) else shown
    body = [] if it.answer is None else [shown]
    return f"{it.success} {', '.join((*body, *map(code, it.headers)))}".strip()


def _carried(event: Event) -> str:
    """The fields of an event, and why it has sensitive ones."""
    fields = ", ".join(code(str(it)) for it in event.fields) or NONE
    return f"{fields}, because {cell(event.because)}" if event.because else fields


def _references(values: dict[str, ValueObject], path: str, fields: Iterable[Field]) -> Iterator[tuple[str, str]]:
    """Where fields refer to entities, directly or inside value objects."""
    for field in fields:
        if field.type.kind == "reference":
            yield f"{path}.{field.name}", field.type.target
        elif field.type.kind == "value":
            yield from _references(values, f"{path}.{field.name}", values[field.type.target].fields)


def _suite(name: str) -> str:
    """A link to a file of the project's own tests."""
    return f"[{name}.py](../../tests/integration/{name}.py)"


def _shape(name: str, fields: Sequence[Field], entity: Entity | None = None) -> Table:
    """Fields, with a column for what else holds of them where there is any."""
    rows: list[tuple[str, ...]] = [
        (
            code(it.name),
            code(it.type),
            "yes" if it.required else "no",
            NONE if it.default is None else code(it.written),
        )
        for it in fields
    ]
    constraints = ["; ".join(_constraints(it, entity)) for it in fields]
    if any(constraints):
        rows = [(*row, constrained or NONE) for row, constrained in zip(rows, constraints, strict=True)]
    return table(f"Field of {name}, Type, Required, Default{', Constraints' if any(constraints) else ''}", rows)


def _constraints(field: Field, entity: Entity | None) -> Iterator[str]:
    """What holds of a field besides its type."""
    if field.unique:
        yield "unique"
    if entity is not None:
        for names in entity.unique_together:
            if field.name in names:
                yield f"unique together with {codes(it for it in names if it != field.name)}"
    if field.indexed:
        yield "has an index"
    if field.sensitive:
        yield f"sensitive: {', '.join(field.sensitive)}"
    if entity is not None and field.name in entity.encrypted:
        yield "stored encrypted"
    if field.secret:
        yield "in no answer, event or log"
    if field.system:
        yield "not set by callers"
    if field.immutable:
        yield "not changed by callers"


def _embedded(values: dict[str, ValueObject], holders: Iterable[Entity | ValueObject]) -> Iterator[str]:
    for holder in holders:
        for field in holder.fields:
            if field.type.kind == "value":
                yield field.type.target
                yield from _embedded(values, [values[field.type.target]])
