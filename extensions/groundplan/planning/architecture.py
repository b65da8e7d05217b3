"""What ArchitectureGuide.md says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .. import diagrams
from ..catalogue import Manager
from ..decisions import How, Resolved, has, wording
from ..diagrams import Diagram
from ..domain import ACCESS, ANYONE, CALLERS, HISTORY, OWNER, Entity, Event, Item, Product, Service
from ..drivers import holding, meaning
from ..gaps import ProjectView
from ..project import EnvVar, Process
from ..provenance import cached_property
from ..reading.access import offered
from ..text import all_of
from .decision_records import Records
from .markdown import NONE, UNKNOWN, Table, cell, code, codes, erased, kept_for, table
from .prd import lower, quantity, shown

PARTS = (("Architecture", "A"), ("Technology", "S"), ("Operation", "T"))
"""The parts of the table of decisions, by the first letter of the guide's numbers."""

HOW = {
    How.CHOSEN: "chosen",
    How.AUTO: "proposed",
    How.TBD: "until it is decided",
    How.SETTLED: "the only one offered",
    How.IDLE: "needed",
}
"""How a decision came about, in a word or two."""


@dataclass(frozen=True)
class Architecture:
    view: ProjectView
    records: Records
    processes: tuple[Process, ...]
    settings: tuple[EnvVar, ...]
    manager: Manager
    gateway: Process | None = None
    """The process through which callers from outside come, where that is none of the services'."""

    @cached_property
    def drivers(self) -> Table:
        held = holding(self.view.answers, self.view.product.answered)
        return table(
            "Driver, Meaning, Evidence",
            ((code(it.name), cell(_upper(meaning(it.name))), cell(it.because)) for it in held),
            "No answer given so far speaks for one option more than for another.",
        )

    @cached_property
    def context(self) -> Diagram:
        systems = self.view.items("existing_integrations")
        return diagrams.context(self.view.product, self.view.items("personas"), systems)

    @cached_property
    def containers(self) -> Diagram:
        product = self.view.product
        store = next((it.option.label for it in self.view.decisions if it.decision.id == "storage_kind"), "store")
        gateway = (self.gateway.name, self.gateway.port) if self.gateway else None
        return diagrams.containers(
            product,
            store,
            self._ports,
            self.view.event_transport.broker,
            one_process=self.one_process,
            one_store=wording(self.view.decisions, "shared_store"),
            gateway=gateway,
        )

    @property
    def one_process(self) -> bool:
        """Whether all services share a process."""
        return len(self.processes) == 1 and len(self.view.product.services) > 1

    @property
    def _ports(self) -> dict[str, int]:
        return {name: process.port for process in self.processes for name in process.services}

    @cached_property
    def dependencies(self) -> Diagram:
        return diagrams.dependencies(self.view.product, wording(self.view.decisions, "not_cached"))

    @cached_property
    def start_order(self) -> str:
        """In which order processes are started and updated, where one calls another."""
        order = self.view.product.start_order
        if len(order) < 2 or self.one_process:
            return ""
        groups = ", then ".join(all_of([code(name) for name in group]) for group in order)
        return f"Start and update in this order, so that no service waits for one that it calls: {groups}."

    @cached_property
    def entities(self) -> Diagram:
        return diagrams.entities(self.view.product)

    @cached_property
    def services(self) -> Table:
        return table(
            "Service, Port, Responsibility, Entities, Callers",
            (
                (
                    f"[{it.name}](ServiceSpecifications/{it.name}.md)",
                    self._ports.get(it.name, it.port),
                    cell(it.responsibility, UNKNOWN),
                    codes(entity.name for entity in it.entities),
                    "callers from outside" if it.exposure == "public" else "other services",
                )
                for it in self.view.product.services
            ),
        )

    @cached_property
    def boundary(self) -> str:
        """What keeps the services apart."""
        *others, last = (code(it.name) for it in self.view.product.services)
        if not others:
            return f"Only {last} writes its entities."
        names, lint = f"{', '.join(others)} and {last}", self.manager.command("lint-imports")
        return f"Only the owning service writes an entity; `{lint}` refuses imports between {names}."

    @cached_property
    def commitments(self) -> Table:
        """Who writes each entity, and how the other services read it."""
        return table(
            "Entity, Owner, Looked up by, Copied by",
            (
                (code(it.name), code(it.service), codes(self._askers(it)), codes(self._copiers(it)))
                for it in self.view.product.entities.values()
            ),
            "No service owns an entity yet.",
        )

    def _askers(self, entity: Entity) -> Iterator[str]:
        product = self.view.product
        for service in product.services:
            if any(check.entity is entity for check in product.checks(service)):
                yield service.name

    def _copiers(self, entity: Entity) -> Iterator[str]:
        for service in self.view.product.services:
            if any(copy.entity == entity.name for copy in service.copies):
                yield service.name

    @property
    def unproven(self) -> bool:
        """Whether callers are not authenticated, so that there is nothing by which to refuse one."""
        return has(self.view.decisions, "no_authentication")

    @cached_property
    def access(self) -> Table:
        """Who may do what with the records of the public services."""
        product = self.view.product
        open_to_callers = [it for it in product.answered.entities.values() if not product.is_internal(it)]
        audited = any(it.audited for it in open_to_callers)
        header = ", ".join(("Records", *(it.capitalize() for it in (*ACCESS, *([HISTORY] * audited))), "Owner"))
        return table(header, (self._access_row(it, audited) for it in open_to_callers))

    def _access_row(self, entity: Entity, audited: bool) -> Iterator[str]:
        access = self.view.product.access_to[entity.name]
        yield code(entity.name)
        actions = offered(self.view.product, entity)
        for it in ACCESS:
            yield who(self.view.product, access.allowed(it)) if it in actions else NONE
        if audited:
            yield who(self.view.product, access.allowed(HISTORY)) if entity.history_readers else NONE
        yield code(access.owner) if access.owner else NONE

    @property
    def access_notes(self) -> str:
        """What the matrix does not say itself."""
        product = self.view.product
        named = [f"{code(it.name)} is {cell(it.persona)}" for it in product.roles]
        declared = product.answered.entities.values()
        private = [it.name for it in declared if it.private and not product.is_internal(it)]
        internal = [it.name for it in product.entities.values() if product.is_internal(it)]
        audited = [it.name for it in product.entities.values() if it.audited]
        sentences = (
            f"Keys and tokens name roles: {', '.join(named)}." if named else "",
            "Where callers may read their own records alone, others are answered as if they were not there (404), and "
            "lists leave them out."
            if any(it.owned for it in product.access)
            else "",
            *self._owners(),
            f"Callers reach records of {codes(private)} by routes of the team's own alone." if private else "",
            f"Records of {codes(internal)} are for the other services." if internal else "",
            f"The history of {codes(audited)} is append-only; where an event, a job or a workflow "
            "made the change, it names the service."
            if audited
            else "",
            "Events, jobs and workflows act for the services themselves, which may do everything.",
            *self._tenants(),
        )
        return " ".join(filter(None, sentences))

    def _owners(self) -> Iterator[str]:
        """Who may store records in the name of others."""
        product = self.view.product
        stored = [it for it in product.access if it.owner and (it.allowed("create") or it.allowed("update"))]
        if any(it.owned for it in stored):
            yield (
                "Who creates a record that has an owner creates it for itself, and nobody gives one away or takes it, "
                "but for those who may do with all records whatever owners may with theirs:"
            )
            yield f"{'; '.join(f'{code(it.entity)}: {who(product, it.acting_for_owners)}' for it in stored)}."

    def _tenants(self) -> Iterator[str]:
        """What keeps the organisations apart that the product serves, if it serves several."""
        product = self.view.product
        if not product.tenants:
            return
        apart = [it.name for it in product.entities.values() if it.of_tenant]
        shared = [it.name for it in product.entities.values() if not it.of_tenant]
        reach = codes(shared) if shared else "no record"
        yield (
            f"Each record of {codes(apart)} belongs to one {cell(product.tenants)}, its `tenant`: that of the caller "
            "who created it, as key or token say, and never what a body says. For callers of another one it is not "
            "there (404): not in lists, not as a reference, and not for events, jobs and workflows about their records."
        )
        yield f"A caller who belongs to none reaches {reach}, and is refused otherwise (403)."
        if shared:
            yield f"{codes(shared)} {'is' if len(shared) == 1 else 'are'} shared by all."
        if any(it.schedule for service in product.services for it in service.jobs):
            yield "A job that is due at set times runs once for each tenant with records in its service."

    @cached_property
    def calls(self) -> Table:
        product = self.view.product
        return table(
            "Caller, Calls, To look up, While unavailable",
            (
                (
                    code(service.name),
                    code(dependency.service),
                    codes(it.entity.name for it in product.checks(service) if it.owner == dependency.service),
                    while_unavailable(dependency.when_unavailable, self.view.decisions),
                )
                for service in product.services
                for dependency in product.calls(service)
            ),
            "No service calls another.",
        )

    @cached_property
    def events(self) -> Table:
        product = self.view.product
        return table(
            "Event, Publisher, On, Fields, Subscribers",
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
        """The work that goes on after its request or runs at set times; nothing where there is none."""
        every = (job for service in self.view.product.services for job in service.jobs)
        return table("Job, Service, Starts", ((code(it.name), code(it.service), it.begins) for it in every))

    @cached_property
    def deployment(self) -> Table:
        return table(
            "Process, Application, Port, Serves",
            (
                (code(it.name), code(it.app), it.port, it.about if it.runs_jobs_of else codes(it.services))
                for it in self.processes
            ),
        )

    @cached_property
    def monitoring(self) -> Table:
        return table(
            "Watched, From, Notified, Within",
            (
                (
                    cell(it.name),
                    cell(it.text, UNKNOWN),
                    cell(it.get("notify"), UNKNOWN),
                    cell(it.get("within"), UNKNOWN),
                )
                for it in self.view.items("monitoring_requirements")
            ),
        )

    @cached_property
    def scenarios(self) -> Table:
        """The performance targets as quality scenarios: who does what to what, and the measure of the answer."""
        return table(
            "Id, Source, Stimulus, Artifact, Response, Measure",
            (
                (
                    self.view.id("NFR", it.name),
                    self._callers(str(it.get("scope"))),
                    f"{cell(it.name)}, {cell(it.get('load'), f'load {UNKNOWN}')}",
                    cell(it.get("scope"), "the whole product"),
                    "is answered",
                    _measure(it),
                )
                for it in self.view.items("performance_targets")
            ),
        )

    def _callers(self, scope: str) -> str:
        """The personas for whom a service does something; all of them where none is named."""
        features = self.view.product.features
        served = [self.view.personas_by_feature[it.id] for it in features if scope in it.services or not scope]
        named = {name for personas in served for name in personas.values()}
        return ", ".join(cell(it.name) for it in self.view.items("personas") if it.name in named) or "other services"

    @cached_property
    def failures(self) -> Table:
        return table(
            "When, In, Then, Users see, Until",
            (
                (
                    cell(it.name),
                    code(it.get("service")) if it.get("service") else NONE,
                    cell(it.text, UNKNOWN),
                    cell(it.get("user_impact")),
                    cell(it.get("recovery"), UNKNOWN),
                )
                for it in self.view.items("failure_handling")
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
                        f"{self.records.link(it)}: {cell(it.option.label)}"
                        for it in self.view.decisions
                        if it.decision.id in decided
                    )
                    or NONE,
                    here,
                    f"[{code(file)}](../services/common/{file})",
                )
                for concern, decided, here, file in self._concerns()
                if here
            ),
        )

    @property
    def _led(self) -> str:
        """The workflows, each with the service that runs it."""
        led = [f"{code(it.name)} run by {code(it.service)}" for it in self.view.product.workflows]
        return f"workflows: {', '.join(led)}" if led else ""

    def _concerns(self) -> Iterator[tuple[str, tuple[str, ...], str, str]]:
        product, view = self.view.product, self.view
        public = codes(it.name for it in product.services if it.exposure == "public")
        heard = codes(it.name for it in product.events.values() if product.subscribers(it.name))
        secrets = codes(it.name for it in self.settings if it.secret)
        watched = ", ".join(cell(it.name) for it in view.items("monitoring_requirements"))
        errors = ("retry_strategy", "circuit_breaker", "failure_isolation")
        yield "Errors", errors, "[what each status means](ImplementationGuide.md#errors)", "errors.py"
        yield (
            "Consistency",
            ("consistency", "state_management"),
            "; ".join(filter(None, (f"events with subscribers: {heard}" if heard != NONE else "", self._led))),
            "messaging/outbox.py",
        )
        here = f"open to external callers: {public}"
        if public != NONE and self.unproven:
            here += "; any caller may do everything"
        elif self.access.rows:
            here += "; [who may do what](#who-may-do-what)"
        yield "Security", ("api_auth", "service_auth", "encryption"), here, "auth/identification.py"
        yield "Configuration", ("config_management", "secrets"), f"secret: {secrets}", "config.py"
        yield "Logging", ("logging", "logging_standards"), self._sensitive(), "observability/logs.py"
        yield "Erasure", (), erased(product.entities.values()), "endings.py"
        yield "Retention", (), kept_for(product.entities.values()), "retention.py"
        yield (
            "Monitoring",
            ("monitoring", "alerting"),
            f"watched: {watched or _unknown('monitoring_requirements')}",
            "observability/request_log.py",
        )

    def _sensitive(self) -> str:
        """What must not be logged."""
        kinds = self.view.answer("data_sensitivity").value
        if kinds in (None, "", ("none",)):
            return "no data are sensitive" if kinds else f"sensitive data: {_unknown('data_sensitivity')}"
        return f"never log: {cell(lower(shown('data_sensitivity', kinds)))}"

    @cached_property
    def decisions(self) -> tuple[tuple[str, Table], ...]:
        """Every decision in a row, by the guide's phases; what has its own record is explained there in full."""
        return tuple((title, self._decided(title, letter)) for title, letter in PARTS)

    def _decided(self, title: str, letter: str) -> Table:
        return table(
            f"{title} decision, Taken, Why, Rejected",
            (
                (
                    self.records.link(it),
                    f"{cell(it.option.label)} ({HOW[it.how]})",
                    _because(it),
                    "see the ADR" if self.records.has(it) else _against(it),
                )
                for it in self.view.decisions
                if it.decision.guide.startswith(letter)
            ),
        )

    @cached_property
    def revisit_triggers(self) -> Table:
        return table(
            "Decision, Reopen",
            (
                (self.records.link(it), "; ".join(cell(reason) for reason in it.reopened_by))
                for it in self.view.decisions
                if it.reopened_by
            ),
            "No further driver would speak for another offered option.",
        )


def who(product: Product, allowed: Iterable[str]) -> str:
    """Who may do something, as people call them."""
    personas = {it.name: it.persona for it in product.roles}
    groups = {OWNER: "the owner", CALLERS: "every caller", ANYONE: "anyone"}
    return ", ".join(groups.get(it) or cell(personas[it]) for it in allowed) or "nobody"


def while_unavailable(behaviour: str, decisions: Iterable[Resolved]) -> str:
    """What a caller does while the service that it depends on does not answer."""
    then = "refuses requests that need the answer, with 503" if behaviour == "refuse" else "stores it unchecked"
    return f"{wording(decisions, 'unavailable_fallback')} {then}".lstrip()


def _measure(target: Item) -> str:
    """`p95 latency 500 ms`; what is not stated is unknown."""
    metric, wanted = cell(target.get("metric"), ""), quantity(target.text, target.get("unit"))
    return f"{metric} {wanted}" if metric else f"{wanted} (of what is {UNKNOWN})"


def _hearing(event: Event, service: Service) -> str:
    made = [it.creates for it in service.reactions if it.event == event.name]
    does = f"creates {codes(made)}" if made else f"{event.copy_effect}s its copy of {code(event.entity)}"
    return f"{code(service.name)} {does}"


def _against(resolved: Resolved) -> str:
    """The rejected options in a cell, each with its reason."""
    return "<br>".join(f"*{cell(it.option.label)}*: {cell(it.reason)}" for it in resolved.rejected)


def _because(resolved: Resolved) -> str:
    """The reason, and the drivers that support it; the guide's first table explains them."""
    causes = codes(driver.name for driver in resolved.drivers)
    return cell(resolved.because) + (f"<br>Drivers: {causes}" if causes != NONE else "")


def _unknown(question: str) -> str:
    return f"{UNKNOWN} ({code(question)})"


def _upper(words: str) -> str:
    return words[:1].upper() + words[1:]
