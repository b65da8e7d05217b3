"""What a service's specification says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..codegen import ROUTES
from ..decisions import said
from ..diagrams import Diagram
from ..domain import Entity, Feature, Field, Job, Service, Value
from ..facts import Facts as Tested
from ..flows import Request, touched
from ..gaps import Facts, concerns
from ..provenance import Names, cached_property, told
from ..sequences import course, sequence
from . import workflows
from .acceptance import acceptance_link
from .architecture import away
from .markdown import NONE, UNKNOWN, Table, code, codes, counted, sentence, table, text
from .prd import quantity

if TYPE_CHECKING:
    from ..project import EnvVar


@told(lambda it, part: it.served if part in ("base", "public", "docs") else ())
@dataclass(frozen=True)
class Specification:
    facts: Facts
    service: Service
    base: str
    """Where it is served: `http://127.0.0.1:8001`."""
    public: str
    """Where its callers reach it, and """
    docs: str
    """where it is described to them."""
    proof: str
    """What callers from outside prove with who they are: `key`."""
    needed: str
    """Whose that must be: `of a caller`."""
    sent: str
    """Where they put it."""
    settings: tuple[EnvVar, ...]
    tested: Tested
    """What the suite knows of the product."""
    requests: tuple[Request, ...]
    """Those to it that go on in other services."""
    process: str
    """What it runs in: `the process of orders`."""
    served: Names
    """What its addresses were made from."""

    @property
    def name(self) -> str:
        return self.service.name

    @property
    def features(self) -> tuple[Feature, ...]:
        return tuple(it for it in self.facts.product.features if self.name in it.services)

    @property
    def responsibility(self) -> str:
        said = self.service.responsibility or f"nobody has said what it is for (B01-{self.name})"
        return sentence(said[:1].upper() + said[1:])

    @property
    def holds(self) -> str:
        """What it keeps and hears, in a few words."""
        kept = ", ".join(entity.name for entity in self.service.entities)
        heard = ", ".join(dict.fromkeys(it.event for it in self.service.reactions))
        jobs = ", ".join(it.name for it in self.service.jobs)
        leads = ", ".join(it.name for it in self.facts.product.led(self.name))
        steps = ", ".join(dict.fromkeys(it.workflow for it in self.facts.product.steps(self.name)))
        parts = (
            f"keeps {kept}" if kept else "",
            f"hears {heard}" if heard else "",
            f"runs {jobs}" if jobs else "",
            f"leads {leads}" if leads else "",
            f"takes part in {steps}" if steps else "",
        )
        return "; ".join(filter(None, parts)) or "keeps nothing of its own"

    @property
    def not_its_job(self) -> tuple[str, ...]:
        """What its records refer to and others keep."""
        product = self.facts.product
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
            yield f"{self.process} has secrets of its own for {codes(secrets)}"

    @cached_property
    def requirements(self) -> Table:
        return table(
            "Id, Requirement, Shared with, Tests",
            (
                (
                    it.id,
                    text(it.name),
                    codes(name for name in it.services if name != self.name),
                    acceptance_link(it, counted(len(it.criteria), "criterion", "criteria"), "../../"),
                )
                for it in self.features
            ),
            "No requirement names this service.",
        )

    @cached_property
    def contract(self) -> Table:
        """Every address: who may call it, what goes in and out, and which requirement needs it."""
        about = f"Method, Path, {self.proof.capitalize()}, Request, Answer, Errors, Repeatable, For"
        return table(about, self._contract())

    def _contract(self) -> Iterator[tuple[str, ...]]:
        for entity in self.service.entities:
            needed = ", ".join(it.id for it in self.features if entity in touched(self.facts.product, it)) or NONE
            yield from ((*row[:2], self.needed, *row[2:], needed) for row in _contract(entity))
            for it in (it for it in self.facts.product.led(self.name) if it.entity == entity.name):
                path, errors = code(f"{entity.path}/{{id}}/{it.path}"), "401, 404, 422, 503"
                yield "GET", path, self.needed, NONE, f"200 where {code(it.name)} stands", errors, "yes", needed
        if self.hears.rows and self.facts.way.endpoint:
            errors, path = "400, 401, 409, 422, 503", code(self.facts.way.endpoint)
            yield "POST", path, "of the services", "an event", "204", errors, "yes", "events"
        for path, errors in (("/health/live", NONE), ("/health/ready", "503")):
            yield "GET", code(path), "none", NONE, "200", errors, "yes", "operation"

    @cached_property
    def references(self) -> Table:
        """What its records name of others, how that is looked up, and what is answered when it is not there."""
        product = self.facts.product
        asked = {check.entity.name: check.when_away for check in product.checks(self.service)}
        copied = {copy.entity for copy in self.service.copies}
        return table(
            "Reference, To, Kept by, Looked up in, Not there, Not to be reached",
            (
                (
                    code(path),
                    code(target),
                    code(product.entities[target].service),
                    "the read copy" if target in copied else f"{'its API' if target in asked else 'its own records'}",
                    "409",
                    away(asked[target], self.facts.decisions) if target in asked else "503",
                )
                for entity in self.service.entities
                for path, target in _references(product.value_objects, entity.name, entity.fields)
            ),
            f"What {self.name} keeps refers to nothing else.",
        )

    @cached_property
    def named(self) -> str:
        """What becomes of its records when one that they name is deleted; empty where they name none."""
        product = self.facts.product
        named = dict.fromkeys(it for entity in self.service.entities for it in product.referred(entity.fields))
        return (
            f"A record of {codes(named)} may be deleted although another names it: that one keeps the id, and its next "
            "change is refused with 409 unless it names another."
            if named
            else ""
        )

    @cached_property
    def tests(self) -> Table:
        """What the suite proves of it, beside the criteria of its requirements."""
        return table("Test, Proves", self._tests())

    def _tests(self) -> Iterator[tuple[str, str]]:
        product = self.facts.product
        entities = [it for it in self.tested.entities if it.service == self.name]
        events = [it.name for it in self.tested.heard if it.service == self.name or self.name in it.subscribers]
        copies = [it.entity for it in self.tested.copies if it.service == self.name]
        references = [f"{it.name}.{reference.field}" for it in entities for reference in it.references]
        yield _suite("test_services"), f"that {self.name} is live, is ready only with its database, and names a fault"
        if entities:
            names = codes(it.name for it in entities)
            yield _suite("test_records"), f"the whole life of {names}, by the contract above"
        if references:
            untold = ", and what happens when nobody can tell" if product.checks(self.service) else ""
            yield _suite("test_references"), f"that {codes(references)} must exist{untold}"
        if events:
            yield (
                _suite("test_events"),
                f"that an outage loses none of {codes(events)}, and a second delivery changes nothing",
            )
        taking = (*(it.name for it in product.led(self.name)), *(it.workflow for it in product.steps(self.name)))
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
        product = self.facts.product
        used = dict.fromkeys(_embedded(product.value_objects, self.service.entities))
        entities = [(entity.name, entity.fields) for entity in self.service.entities]
        values = [(name, product.value_objects[name].fields) for name in used]
        return tuple((name, _shape(name, fields)) for name, fields in entities + values)

    @property
    def facts_tables(self) -> tuple[Table, ...]:
        """The tables whose facts other files repeat."""
        shapes = (shape for _, shape in self.shapes)
        return (
            self.requirements,
            self.contract,
            *shapes,
            self.references,
            self.publishes,
            self.hears,
            self.jobs,
            self.leads,
            self.dependencies,
            self.configuration,
            self.objectives,
        )

    @cached_property
    def sequences(self) -> tuple[Diagram, ...]:
        """What requests to it cause in several services, and the workflows that it leads."""
        product = self.facts.product
        led = (course(product, it) for it in product.led(self.name))
        unheard = said(self.facts.decisions, "unheard")
        return (*(sequence(product, it, unheard) for it in self.requests), *led)

    @cached_property
    def leads(self) -> Table:
        """The workflows that it leads."""
        return workflows.led(self.facts.product, self.service)

    @cached_property
    def publishes(self) -> Table:
        product = self.facts.product
        events = (
            (
                code(it.name),
                f"{', '.join(it.operations)} {code(it.entity)}",
                ", ".join(code(str(field)) for field in it.fields) or NONE,
                codes(service.name for service in product.subscribers(it.name)),
            )
            for it in self.service.events
        )
        return table(
            "Publishes, On, Carries, Heard by",
            (*events, *workflows.sent(product, self.service)),
            f"{self.name} publishes no event.",
        )

    @cached_property
    def channels(self) -> Table:
        """Where its events go and come from at a broker; nothing where there is none."""
        return table("At the broker, Is", self._channels() if self.facts.way.broker else ())

    def _channels(self) -> Iterator[tuple[str, str]]:
        product, way = self.facts.product, self.facts.way
        heard = (it.name for it in self.service.events if product.subscribers(it.name))
        for name in (*heard, *workflows.types(product, self.service)):
            yield f"{code(name)} is sent to", way.sent.format(slug=product.slug, event=name)
        if self.hears.rows:
            names = {"slug": product.slug, "service": self.name}
            yield "it hears from", way.heard.format(**names)
            yield "what it refuses for good is in", way.set_aside.format(**names)

    @cached_property
    def hears(self) -> Table:
        product = self.facts.product
        reactions = (
            (
                code(it.event),
                code(product.events[it.event].service),
                f"creates {code(it.creates)}",
                workflows.fills(it.mapping),
                self._rules(it.snake),
            )
            for it in self.service.reactions
        )
        copies = (
            (code(event.name), code(copy.owner), f"{event.does_to_copies}s its copy of {code(copy.entity)}", NONE, NONE)
            for copy in self.service.copies
            for event in product.events.values()
            if event.implied and event.entity == copy.entity
        )
        return table(
            "Hears, From, It, Fills, Rules",
            (*reactions, *copies, *workflows.heard(product, self.service)),
            f"{self.name} hears no event.",
        )

    @cached_property
    def jobs(self) -> Table:
        """Its work that outlasts the request that asked for it, or that is due at times."""
        fails, lost = (said(self.facts.decisions, about) for about in ("job fails", "job lost"))
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
            (code(it.service), "service", away(it.when_away, self.facts.decisions), code("CALL_TIMEOUT_S"))
            for it in self.facts.product.calls(self.service)
        )
        apis = (
            (
                code(it.name),
                "external API",
                text(it.fallback, UNKNOWN),
                f"{it.timeout_s:g} s" if it.timeout_s else UNKNOWN,
            )
            for it in self.facts.product.external_apis
            if self.name in it.used_by
        )
        way = self.facts.way
        told = self.facts.product.told(self.name)
        subscribers = ((code(name), "subscriber", "its events wait, in order", way.timeout) for name in told)
        broker = ((way.broker, "broker", "events wait in the outbox, in order", way.timeout),)
        carried = broker if way.broker and (told or self.hears.rows) else () if way.broker else subscribers
        store = ("its database", "store", "503, to be tried again", NONE)
        return table("Needs, Kind, While it is away, Timeout", (*services, *apis, *carried, store))

    @cached_property
    def configuration(self) -> Table:
        return table(
            "Variable, Default, Secret, Meaning",
            (
                (
                    code(it.name),
                    code(it.default) if it.default else NONE,
                    "yes" if it.secret else "no",
                    text(it.description),
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
                    self.facts.id("NFR", it.name),
                    text(it.name),
                    text(it.get("metric"), UNKNOWN),
                    quantity(it.text, it.get("unit")),
                    text(it.get("load"), UNKNOWN),
                )
                for it in self.facts.items("performance_targets")
                if it.get("scope") in ("", None, self.name)
            ),
            f"No performance target names {self.name}.",
        )

    @cached_property
    def failures(self) -> Table:
        alone = len(self.facts.product.services) == 1
        return table(
            "When, Then, Until",
            (
                (text(it.name), text(it.text, UNKNOWN), text(it.get("recovery"), UNKNOWN))
                for it in self.facts.items("failure_handling")
                if concerns(it, self.name) or (alone and not it.get("service"))
            ),
            f"No failure scenario has {code(self.name)} as its service.",
        )


def _contract(entity: Entity) -> Iterator[tuple[str, ...]]:
    """The five requests of an entity."""
    name = code(entity.name)
    sent = (name, "`after`, `limit`", NONE, f"{name}, `If-Match`", "`If-Match`")
    got = (f"{name}, `ETag`, `Location`", f"page of {name}", f"{name}, `ETag`", f"{name}, `ETag`", "")
    for route, request, answer in zip(ROUTES, sent, got, strict=True):
        path = code(entity.path + ("/{id}" if route.one else ""))
        errors = ", ".join(map(str, route.problems))
        repeatable = "yes" if route.repeatable else "no"
        yield route.method, path, request, f"{route.success} {answer}".strip(), errors, repeatable


def _references(values: dict[str, Value], path: str, fields: Iterable[Field]) -> Iterator[tuple[str, str]]:
    """Where fields refer to entities, directly or inside value objects."""
    for field in fields:
        if field.type.kind == "reference":
            yield f"{path}.{field.name}", field.type.target
        elif field.type.kind == "value":
            yield from _references(values, f"{path}.{field.name}", values[field.type.target].fields)


def _suite(name: str) -> str:
    """A link to a file of the project's own tests."""
    return f"[{name}.py](../../tests/integration/{name}.py)"


def _shape(name: str, fields: Iterable[Field]) -> Table:
    return table(
        f"Field of {name}, Type, Required, Default",
        (
            (
                code(it.name),
                code(it.type),
                "yes" if it.required else "no",
                NONE if it.default is None else code(it.written),
            )
            for it in fields
        ),
    )


def _embedded(values: dict[str, Value], holders: Iterable[Entity | Value]) -> Iterator[str]:
    for holder in holders:
        for field in holder.fields:
            if field.type.kind == "value":
                yield field.type.target
                yield from _embedded(values, [values[field.type.target]])
