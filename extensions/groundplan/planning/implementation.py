"""What ImplementationGuide.md says in addition to the files that people own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..decisions import has
from ..domain import Entity, Product, ValueObject
from ..field_types import FIELD_TYPES
from ..gaps import ProjectView
from ..provenance import cached_property
from . import error_catalogue
from .decision_records import Records
from .markdown import NONE, Table, cell, code, codes, table

GUARDS = {
    "bulkhead": "a share of the calls",
    "circuit_breaker": "a circuit breaker",
    "retries": "retries",
    "fallback_cache": "a cached answer",
}
"""What limits the effect of a failing service in addition to the timeout, by the trait of the option that brings it."""


@dataclass(frozen=True)
class Implementation:
    view: ProjectView
    records: Records

    @property
    def _product(self) -> Product:
        return self.view.product

    @cached_property
    def errors(self) -> Table:
        return error_catalogue.catalogue(self._product, self.view.decisions)

    @cached_property
    def shared(self) -> Table:
        """What a rule may use of `services/common`, and for what of the product."""
        return table("Use, From, For", self._shared())

    def _shared(self) -> Iterator[tuple[str, str, str]]:
        yield (
            code('RuleViolation("why", "field")'),
            _common("errors.py"),
            "to refuse a request: 409 with this reason, and the fields that it is about, if any",
        )
        yield code('Forbidden("why")'), _common("errors.py"), "to refuse it to this caller (`self.caller`): 403"
        yield (
            code("self.records.first(models.Name, field=value)"),
            _common("transaction.py"),
            "to read records; `self.records.begin()` opens a transaction that changes several, all or none",
        )
        yield (
            code('ServiceUnavailable("why")'),
            _common("errors.py"),
            "a dependency has no answer now: 503, for the caller to try again",
        )
        for kind in FIELD_TYPES.values():
            if kind.in_rules and (fields := self._fields(kind.name)):
                use, file = kind.in_rules
                yield code(use), _common(file), f"a value of {codes(fields)}"
        callers: dict[str, list[str]] = {}
        for service in self._product.services:
            for it in self._product.calls(service):
                callers.setdefault(f"clients.{it.service}", []).append(service.name)
        callers |= {f"apis.{api.name}": list(api.used_by) for api in self._product.external_apis}
        for called, by in callers.items():
            yield (
                code(f'self.{called}.request("GET", path)'),
                _common("clients/client.py"),
                f"a call in a rule of {codes(by)}; a POST or PATCH is sent once, unless it has an `Idempotency-Key`",
            )
        yield (
            code("self.settings"),
            _common("hooks.py"),
            "the settings, those included that you add to `services/settings.py`",
        )
        yield code("structlog.get_logger()"), _common("observability/logs.py"), "a log line with the id of its request"

    def _fields(self, kind: str) -> list[str]:
        """The first fields of a kind."""
        holders: tuple[Entity | ValueObject, ...] = (*self._product.entities.values(), *self._product.values)
        return [f"{it.name}.{field.name}" for it in holders for field in it.fields if field.type.kind == kind][:3]

    @cached_property
    def patterns(self) -> Table:
        """How recurring problems are solved, where the product has them."""
        found = ((*cells, _common(file)) for *cells, file in self._patterns() if cells[-1] != NONE)
        return table("Problem, Solved by, Here, Code", found, "No entity, call or event yet.")

    def _patterns(self) -> Iterator[tuple[str, str, str, str]]:
        product = self._product
        asked = [
            f"{code(service.name)} asks {code(check.owner)} for {code(check.entity.name)}"
            for service in product.services
            for check in product.checks(service)
        ]
        copied = [
            f"{code(service.name)} copies {code(copy.entity)}"
            for service in product.services
            for copy in service.copies
        ]
        made = [
            f"{code(it.event)} creates {code(it.creates)}" for service in product.services for it in service.reactions
        ]
        services = (it.service for service in product.services for it in product.calls(service))
        called = dict.fromkeys((*services, *(it.name for it in product.external_apis)))
        yield (
            "two callers update one record",
            "a version as `ETag`, sent back as `If-Match`",
            codes(product.entities),
            "db/repository.py",
        )
        yield (
            "a record refers to one that another service owns",
            "its owner is asked before the write",
            _few(asked),
            "references/remote.py",
        )
        yield (
            "that record is looked up too often to ask each time",
            "a read copy that events keep up to date",
            _few(copied),
            "messaging/read_copies.py",
        )
        yield (
            "a change causes an event",
            "stored in one transaction, then delivered until the subscriber accepts it",
            self._heard(),
            "messaging/outbox.py",
        )
        yield (
            "an event is delivered twice",
            "an inbox: the second delivery changes nothing",
            _few(made),
            "messaging/inbox.py",
        )
        led = [f"{code(it.service)} runs {code(it.name)}" for it in product.workflows]
        yield (
            "work in several services fails half-way",
            "the steps that were done are undone, the last one first",
            _few(led),
            "workflows/orchestrator.py",
        )
        yield "a dependency is slow or unavailable", self._guards(), codes(called), "clients/client.py"

    def _guards(self) -> str:
        """What bounds the harm of a call, in the order in which it takes effect."""
        taken = (words for trait, words in GUARDS.items() if has(self.view.decisions, trait))
        return ", ".join(("time limit", *taken))

    def _heard(self) -> str:
        return codes(it.name for it in self._product.events.values() if self._product.subscribers(it.name))

    @cached_property
    def standards(self) -> Table:
        """How code is written, by the decisions that say so."""
        return table(
            "Decision, How code is written",
            (
                (f"{self.records.link(it)}: {cell(it.option.label)}", cell(it.option.standard))
                for it in self.view.decisions
                if it.option.standard
            ),
        )

    @cached_property
    def confirmations(self) -> Table:
        """How the decisions are confirmed that have no record of their own, which would say it."""
        return table(
            "Decision, Confirmed by",
            (
                (self.records.link(it), cell(it.confirmed_by))
                for it in self.view.decisions
                if it.confirmed_by and not self.records.has(it)
            ),
        )


def _few(items: list[str]) -> str:
    """The first of some, and how many more there are."""
    shown = items if len(items) <= 3 else [*items[:2], f"{len(items) - 2} more"]
    return ", ".join(shown) or NONE


def _common(file: str) -> str:
    """A link to a file that all services share."""
    return f"[{code(file)}](../services/common/{file})"
