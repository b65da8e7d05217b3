"""What ArchitectureGuide.md says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import diagrams
from ..decisions import Resolved, said
from ..diagrams import Diagram
from ..domain import Entity, Event, Item, Service
from ..drivers import holding, meaning
from ..gaps import Facts
from ..provenance import cached_property
from ..text import all_of
from .markdown import NONE, UNKNOWN, Table, code, codes, table, text
from .prd import lower, quantity, shown
from .records import Records

if TYPE_CHECKING:
    from ..project import EnvVar, Process


PARTS = (("Architecture", "A"), ("Technology", "S"), ("Operation", "T"))
"""The parts of the table of decisions, by the first letter of the guide's numbers."""

HOW = {
    "chosen": "chosen",
    "auto": "proposed",
    "tbd": "until somebody decides",
    "settled": "the only one offered",
    "idle": "needed",
}
"""How a decision came about, in a word or two."""


@dataclass(frozen=True)
class Architecture:
    facts: Facts
    records: Records
    processes: tuple[Process, ...]
    settings: tuple[EnvVar, ...]
    entrance: Process | None = None
    """The process through which callers from outside come, where that is none of the services'."""

    @cached_property
    def drivers(self) -> Table:
        held = holding(self.facts.answers, self.facts.product)
        return table(
            "Driver, What shapes it, Because",
            ((code(it.name), text(_upper(meaning(it.name))), text(it.because)) for it in held),
            "No answer given so far speaks for one option more than for another.",
        )

    @cached_property
    def context(self) -> Diagram:
        systems = self.facts.items("existing_integrations")
        return diagrams.context(self.facts.product, self.facts.items("personas"), systems)

    @cached_property
    def containers(self) -> Diagram:
        product = self.facts.product
        store = next((it.option.label for it in self.facts.decisions if it.decision.id == "storage_kind"), "store")
        entrance = (self.entrance.name, self.entrance.port) if self.entrance else None
        return diagrams.containers(
            product,
            store,
            self._ports,
            self.facts.way.broker,
            one_process=self.one_process,
            one_store=said(self.facts.decisions, "one store"),
            entrance=entrance,
        )

    @property
    def one_process(self) -> bool:
        """Whether all services share a process."""
        return len(self.processes) == 1 and len(self.facts.product.services) > 1

    @property
    def _ports(self) -> dict[str, int]:
        return {name: process.port for process in self.processes for name in process.services}

    @cached_property
    def dependencies(self) -> Diagram:
        return diagrams.dependencies(self.facts.product, said(self.facts.decisions, "unheard"))

    @cached_property
    def start_order(self) -> str:
        """In which order processes start and are renewed, where one calls another."""
        order = self.facts.product.start_order
        if len(order) < 2 or self.one_process:
            return ""
        groups = ", then ".join(all_of([code(name) for name in group]) for group in order)
        return f"Started and renewed in this order, none waits for what it calls: {groups}."

    @cached_property
    def entities(self) -> Diagram:
        return diagrams.entities(self.facts.product)

    @cached_property
    def services(self) -> Table:
        return table(
            "Service, Port, Responsibility, Keeps, Open to",
            (
                (
                    f"[{it.name}](ServiceSpecifications/{it.name}.md)",
                    self._ports.get(it.name, it.port),
                    text(it.responsibility, UNKNOWN),
                    codes(entity.name for entity in it.entities),
                    "everybody" if it.exposure == "public" else "other services",
                )
                for it in self.facts.product.services
            ),
        )

    @cached_property
    def boundary(self) -> str:
        """What keeps the services apart."""
        *others, last = (code(it.name) for it in self.facts.product.services)
        if not others:
            return f"{last} alone writes what it keeps."
        names = f"{', '.join(others)} and {last}"
        return (
            f"{names} each write alone what they keep; `uv run lint-imports` refuses an import from one into another."
        )

    @cached_property
    def commitments(self) -> Table:
        """Who alone writes an entity, and how the others come to know it."""
        return table(
            "Entity, Written only by, Asked for by, Copied by",
            (
                (code(it.name), code(it.service), codes(self._askers(it)), codes(self._copiers(it)))
                for it in self.facts.product.entities.values()
            ),
            "No service keeps anything yet.",
        )

    def _askers(self, entity: Entity) -> Iterator[str]:
        product = self.facts.product
        for service in product.services:
            if any(check.entity is entity for check in product.checks(service)):
                yield service.name

    def _copiers(self, entity: Entity) -> Iterator[str]:
        for service in self.facts.product.services:
            if any(copy.entity == entity.name for copy in service.copies):
                yield service.name

    @cached_property
    def calls(self) -> Table:
        product = self.facts.product
        return table(
            "Caller, Calls, To check, While it is away",
            (
                (
                    code(service.name),
                    code(dependency.service),
                    codes(it.entity.name for it in product.checks(service) if it.owner == dependency.service),
                    away(dependency.when_away, self.facts.decisions),
                )
                for service in product.services
                for dependency in product.calls(service)
            ),
            "No service calls another.",
        )

    @cached_property
    def events(self) -> Table:
        product = self.facts.product
        return table(
            "Event, Published by, On, Carries, Heard by",
            (
                (
                    code(it.name),
                    code(it.service),
                    f"{', '.join(it.operations)} {code(it.entity)}",
                    codes(field.name for field in it.fields),
                    "; ".join(_hearing(it, service) for service in product.subscribers(it.name)),
                )
                for it in product.events.values()
            ),
            "No service publishes an event.",
        )

    @cached_property
    def jobs(self) -> Table:
        """The work that outlasts its request, or that is due at times; nothing where there is none."""
        every = (job for service in self.facts.product.services for job in service.jobs)
        return table("Job, Of, Begins", ((code(it.name), code(it.service), it.begins) for it in every))

    @cached_property
    def deployment(self) -> Table:
        return table(
            "Process, Application, Port, Serves",
            (
                (code(it.name), code(it.app), it.port, it.about if it.works_for else codes(it.services))
                for it in self.processes
            ),
        )

    @cached_property
    def monitoring(self) -> Table:
        return table(
            "Watched, From, Told, Within",
            (
                (
                    text(it.name),
                    text(it.text, UNKNOWN),
                    text(it.get("notify"), UNKNOWN),
                    text(it.get("within"), UNKNOWN),
                )
                for it in self.facts.items("monitoring_requirements")
            ),
        )

    @cached_property
    def scenarios(self) -> Table:
        """The performance targets as quality scenarios: who does what to what, and the measure of the answer."""
        return table(
            "Id, Source, Stimulus, Artifact, Response, Measure",
            (
                (
                    self.facts.id("NFR", it.name),
                    self._callers(str(it.get("scope"))),
                    f"{text(it.name)}, {text(it.get('load'), f'load {UNKNOWN}')}",
                    text(it.get("scope"), "the whole product"),
                    "is answered",
                    _measure(it),
                )
                for it in self.facts.items("performance_targets")
            ),
        )

    def _callers(self, scope: str) -> str:
        """The personas for whom a service does something; all of them where none is named."""
        features = self.facts.product.features
        people = (it.persona for it in features if it.persona and (scope in it.services or not scope))
        return ", ".join(map(text, dict.fromkeys(people))) or "other services"

    @cached_property
    def failures(self) -> Table:
        return table(
            "When, In, Then, Users see, Until",
            (
                (
                    text(it.name),
                    code(it.get("service")) if it.get("service") else NONE,
                    text(it.text, UNKNOWN),
                    text(it.get("user_impact")),
                    text(it.get("recovery"), UNKNOWN),
                )
                for it in self.facts.items("failure_handling")
            ),
        )

    @cached_property
    def concerns(self) -> Table:
        """What every service does in the same way: by which decisions, about what of this product, and where."""
        return table(
            "Concern, Decided, Here, Code",
            (
                (
                    concern,
                    "; ".join(
                        f"{self.records.link(it)}: {text(it.option.label)}"
                        for it in self.facts.decisions
                        if it.decision.id in decided
                    ),
                    here,
                    f"[{code(file)}](../services/common/{file})",
                )
                for concern, decided, here, file in self._concerns()
                if here
            ),
        )

    @property
    def _led(self) -> str:
        """What is done in all of its steps or undone in all."""
        led = [f"{code(it.name)} by {code(it.service)}" for it in self.facts.product.workflows]
        return f"workflows that are led: {', '.join(led)}" if led else ""

    def _concerns(self) -> Iterator[tuple[str, tuple[str, ...], str, str]]:
        product, facts = self.facts.product, self.facts
        public = codes(it.name for it in product.services if it.exposure == "public")
        heard = codes(it.name for it in product.events.values() if product.subscribers(it.name))
        secrets = codes(it.name for it in self.settings if it.secret)
        watched = ", ".join(text(it.name) for it in facts.items("monitoring_requirements"))
        errors = ("retry_strategy", "circuit_breaker", "failure_isolation")
        yield "Errors", errors, "[what each status means](ImplementationGuide.md#errors)", "errors.py"
        yield (
            "Consistency",
            ("consistency", "state_management"),
            "; ".join(filter(None, (f"events that are heard: {heard}" if heard != NONE else "", self._led))),
            "messaging.py",
        )
        let_in = f"open to outside: {public}; who is let in may ask for all that these answer"
        here = let_in if public != NONE else f"open to outside: {NONE}"
        yield "Security", ("api_auth", "service_auth", "encryption"), here, "security.py"
        yield "Configuration", ("config_management", "secrets"), f"secret: {secrets}", "config.py"
        yield "Logging", ("logging", "logging_standards"), self._sensitive(), "logs.py"
        yield (
            "Monitoring",
            ("monitoring", "alerting"),
            f"watched: {watched or _unknown('monitoring_requirements')}",
            "telemetry.py",
        )

    def _sensitive(self) -> str:
        """What must not be logged."""
        kinds = self.facts.answer("data_sensitivity").value
        if kinds in (None, "", ("none",)):
            return "no data are sensitive" if kinds else f"sensitive data: {_unknown('data_sensitivity')}"
        return f"sensitive, and must stay out of it: {text(lower(shown('data_sensitivity', kinds)))}"

    @cached_property
    def decisions(self) -> tuple[tuple[str, Table], ...]:
        """Every decision in a row, by the guide's phases; what has a record of its own is told there in full."""
        return tuple((title, self._decided(title, letter)) for title, letter in PARTS)

    def _decided(self, title: str, letter: str) -> Table:
        return table(
            f"{title} decision, Taken, Why, Rejected",
            (
                (
                    self.records.link(it),
                    f"{text(it.option.label)} ({HOW[it.how]})",
                    _because(it),
                    "in its record" if self.records.has(it) else _against(it),
                )
                for it in self.facts.decisions
                if it.decision.guide.startswith(letter)
            ),
        )

    @cached_property
    def reopeners(self) -> Table:
        return table(
            "Decision, Reopened by",
            (
                (self.records.link(it), "; ".join(text(reason) for reason in it.reopened_by))
                for it in self.facts.decisions
                if it.reopened_by
            ),
            "Nothing that could still change would speak for another offered option.",
        )


def away(behaviour: str, decisions: Iterable[Resolved]) -> str:
    """What a caller does while the service that it depends on does not answer."""
    then = "refuses what needs the answer, with 503" if behaviour == "refuse" else "stores it unchecked"
    return f"{said(decisions, 'away')} {then}".lstrip()


def _measure(target: Item) -> str:
    """`p95 latency 500 ms`; what nobody said of it is unknown."""
    metric, wanted = text(target.get("metric"), ""), quantity(target.text, target.get("unit"))
    return f"{metric} {wanted}" if metric else f"{wanted} (of what is {UNKNOWN})"


def _hearing(event: Event, service: Service) -> str:
    made = [it.creates for it in service.reactions if it.event == event.name]
    does = f"creates {codes(made)}" if made else f"{event.does_to_copies}s its copy of {code(event.entity)}"
    return f"{code(service.name)} {does}"


def _against(resolved: Resolved) -> str:
    """The rejected options in a cell, each with its reason."""
    return "<br>".join(f"*{text(it.option.label)}*: {text(it.reason)}" for it in resolved.rejected)


def _because(resolved: Resolved) -> str:
    """The reason, and the drivers that bear it out: the first table of the guide says what each is."""
    causes = codes(driver.name for driver in resolved.drivers)
    return text(resolved.because) + (f"<br>By {causes}" if causes != NONE else "")


def _unknown(question: str) -> str:
    return f"{UNKNOWN} ({code(question)})"


def _upper(words: str) -> str:
    return words[:1].upper() + words[1:]
