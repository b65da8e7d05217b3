"""What ArchitectureGuide.md says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import diagrams
from ..decisions import Resolved
from ..diagrams import Diagram
from ..domain import Entity, Event, Service
from ..drivers import holding, meaning
from ..gaps import Facts
from ..provenance import cached_property
from .markdown import NONE, UNKNOWN, Table, code, codes, table, text
from .prd import quantity
from .records import Records

if TYPE_CHECKING:
    from ..project import Process


@dataclass(frozen=True)
class Architecture:
    facts: Facts
    records: Records
    processes: tuple[Process, ...]

    @cached_property
    def drivers(self) -> Table:
        held = holding(self.facts.answers, self.facts.product)
        return table(
            "What shapes it, Because",
            ((text(_upper(meaning(it.name))), text(it.because)) for it in held),
            "No answer given so far speaks for one option more than for another.",
        )

    @cached_property
    def context(self) -> Diagram:
        return diagrams.context(self.facts.product, self.facts.items("personas"))

    @cached_property
    def containers(self) -> Diagram:
        product = self.facts.product
        store = next((it.option.label for it in self.facts.decisions if it.decision.id == "storage_kind"), "store")
        one = len(self.processes) == 1 and len(product.services) > 1
        return diagrams.containers(product, store, one_process=one)

    @cached_property
    def entities(self) -> Diagram:
        return diagrams.entities(self.facts.product)

    @cached_property
    def services(self) -> Table:
        ports = {name: process.port for process in self.processes for name in process.services}
        return table(
            "Service, Port, Responsibility, Keeps, Open to",
            (
                (
                    f"[{it.name}](ServiceSpecifications/{it.name}.md)",
                    ports.get(it.name, it.port),
                    text(it.responsibility, UNKNOWN),
                    codes(entity.name for entity in it.entities),
                    "everybody" if it.exposure == "public" else "other services",
                )
                for it in self.facts.product.services
            ),
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
            if any(asked is entity for _, asked, _ in diagrams.checked(product, service)):
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
                    codes(
                        entity.name
                        for owner, entity, _ in diagrams.checked(product, service)
                        if owner.name == dependency.service
                    ),
                    away(dependency.when_away),
                )
                for service in product.services
                for dependency in service.depends_on
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
    def deployment(self) -> Table:
        return table(
            "Process, Application, Port, Serves",
            ((code(it.name), code(it.app), it.port, codes(it.services)) for it in self.processes),
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
        """Quality scenarios: what happens to what, and the measure of the answer."""
        return table(
            "Id, Under, On, It answers with",
            (
                (
                    self.facts.id("NFR", it.name),
                    text(it.get("load"), UNKNOWN),
                    f"{text(it.name)}{f' ({text(scope)})' if (scope := it.get('scope')) else ''}",
                    f"{text(it.get('metric'), UNKNOWN)} {quantity(it.text, it.get('unit'))}",
                )
                for it in self.facts.items("performance_targets")
            ),
        )

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
    def decisions(self) -> Table:
        """Every decision in a row, with its reason and what was rejected; some have a record of their own."""
        return table(
            "Decision, Taken, How, Why, Rejected",
            (
                (
                    self.records.link(it),
                    text(it.option.label),
                    it.how,
                    _because(it),
                    _against(it),
                )
                for it in self.facts.decisions
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


def away(behaviour: str) -> str:
    """What a caller does while the service that it depends on does not answer."""
    if behaviour == "refuse":
        return "refuses what needs the answer, with 503"
    return "stores it unchecked"


def _hearing(event: Event, service: Service) -> str:
    made = [it.creates for it in service.reactions if it.event == event.name]
    does = f"creates {codes(made)}" if made else f"renews its copy of {code(event.entity)}"
    return f"{code(service.name)} {does}"


def _against(resolved: Resolved) -> str:
    """The rejected options in a cell: whoever decided has the word, else the catalogue."""
    own = dict(resolved.override.rejected)
    return "; ".join(
        f"{text(no.option.label)}: {text(own.get(no.option.name) or no.option.rejected)}" for no in resolved.rejected
    )


def _because(resolved: Resolved) -> str:
    causes = "; ".join(dict.fromkeys(text(driver.because) for driver in resolved.drivers))
    return text(resolved.because) + (f" ({causes})" if causes else "")


def _upper(words: str) -> str:
    return words[:1].upper() + words[1:]
