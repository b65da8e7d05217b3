"""What ImplementationGuide.md says beside the files that people own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..decisions import has
from ..domain import Entity, Product, Value
from ..gaps import Facts
from ..provenance import cached_property
from . import errors
from .markdown import NONE, Table, code, codes, table, text
from .records import Records

OF_KINDS = (
    ("money", 'amount("12.50")', "models.py"),
    ("date", 'day("2026-03-01")', "models.py"),
    ("datetime", "now()", "utils.py"),
    ("uuid", "uuid(text)", "models.py"),
)
"""What makes a value of a kind of field that has no literal, and where it is."""

GUARDS = {
    "shares_of_calls": "a share of the calls",
    "breaker": "a breaker",
    "retries": "retries",
    "last_answers": "the last answer",
}
"""What bounds the harm of a neighbour beside the time limit, by the trait of the option that brings it."""


@dataclass(frozen=True)
class Implementation:
    facts: Facts
    records: Records

    @property
    def _product(self) -> Product:
        return self.facts.product

    @cached_property
    def errors(self) -> Table:
        return errors.catalogue(self._product, self.facts.decisions)

    @cached_property
    def shared(self) -> Table:
        """What a rule may use of `services/common`, and for what of the product."""
        return table("Use, From, For", self._shared())

    def _shared(self) -> Iterator[tuple[str, str, str]]:
        yield code('Refusal("why")'), _common("errors.py"), "a rule that says no: 409 with this reason"
        yield code('Away("why")'), _common("errors.py"), "what cannot be known now: 503, to be tried again"
        for kind, use, file in OF_KINDS:
            if fields := self._fields(kind):
                yield code(use), _common(file), f"a value of {codes(fields)}"
        for api in self._product.external_apis:
            use = f'{api.name}.request("GET", path)'
            yield (
                code(use),
                _common("clients.py"),
                f"a call in a rule of {codes(api.used_by)} that names {code(api.name)} as an argument; "
                "a POST or PATCH is sent once, unless it has an `Idempotency-Key`",
            )
        yield code("structlog.get_logger()"), _common("logs.py"), "a log line with the id of its request"

    def _fields(self, kind: str) -> list[str]:
        """The first fields of a kind."""
        holders: tuple[Entity | Value, ...] = (*self._product.entities.values(), *self._product.values)
        return [f"{it.name}.{field.name}" for it in holders for field in it.fields if field.type.kind == kind][:3]

    @cached_property
    def patterns(self) -> Table:
        """How recurring problems are solved, where the product has them."""
        found = ((*said, _common(file)) for *said, file in self._patterns() if said[-1] != NONE)
        return table("Problem, Solved by, Here, Code", found, "Nothing is kept, called or published yet.")

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
            f"{code(it.event)} makes {code(it.creates)}" for service in product.services for it in service.reactions
        ]
        neighbours = (it.service for service in product.services for it in product.calls(service))
        called = dict.fromkeys((*neighbours, *(it.name for it in product.external_apis)))
        yield "two write one record", "a version as `ETag`, sent back as `If-Match`", codes(product.entities), "http.py"
        yield "a record is named that others keep", "its owner is asked before the write", _few(asked), "asking.py"
        yield "that record is named too often to ask", "a read copy that events renew", _few(copied), "messaging.py"
        yield (
            "a change and its event",
            "one transaction, then delivery until it is taken",
            self._heard(),
            "messaging.py",
        )
        yield "an event comes twice", "an inbox: the second changes nothing", _few(made), "consumers.py"
        led = [f"{code(it.service)} leads {code(it.name)}" for it in product.workflows]
        yield (
            "work in several services fails half-way",
            "what was done is undone, last first",
            _few(led),
            "compensation.py",
        )
        yield "a neighbour is slow or away", self._guards(), codes(called), "clients.py"

    def _guards(self) -> str:
        """What bounds the harm of a call, in the order in which it takes effect."""
        taken = (words for trait, words in GUARDS.items() if has(self.facts.decisions, trait))
        return ", ".join(("time limit", *taken))

    def _heard(self) -> str:
        return codes(it.name for it in self._product.events.values() if self._product.subscribers(it.name))

    @cached_property
    def standards(self) -> Table:
        """How code is written, by the decisions that say so."""
        return table(
            "By, Code is written so",
            (
                (f"{self.records.link(it)}: {text(it.option.label)}", text(it.option.standard))
                for it in self.facts.decisions
                if it.option.standard
            ),
        )

    @cached_property
    def confirmations(self) -> Table:
        """How the decisions are confirmed that have no record of their own, which would say it."""
        return table(
            "Decision, Confirmed by",
            (
                (self.records.link(it), text(it.confirmed_by))
                for it in self.facts.decisions
                if it.confirmed_by and not self.records.has(it)
            ),
        )


def _few(items: list[str]) -> str:
    """The first of some, and how many there are beside."""
    shown = items if len(items) <= 3 else [*items[:2], f"{len(items) - 2} more"]
    return ", ".join(shown) or NONE


def _common(file: str) -> str:
    """A link to a file that all services share."""
    return f"[{code(file)}](../services/common/{file})"
