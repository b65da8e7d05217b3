"""All that a gap rule or a document may look at."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from ..answers import Answer, Answers
from ..catalogue import Way
from ..decisions import Resolved
from ..domain import ExternalApi, Item, Product
from ..plan import Plan
from ..provenance import note, noting
from ..questionnaire import REQUIREMENTS
from ..reading import details


@dataclass(frozen=True)
class Facts:
    """The answers, what was made from them, and the ids that history gave."""

    answers: Answers
    product: Product
    lists: Mapping[str, tuple[Item, ...]]
    """The list answers by question, read: personas, risks, ..."""
    decisions: tuple[Resolved, ...] = ()
    id: Callable[[str, str], str] = field(default=lambda kind, name: f"{kind}-{name}")
    """The id of a kind of thing (`NFR`, `SM`, `RISK`) by its name."""
    plan: Plan | None = None
    """Absent while the plan is being made: gaps that must be resolved are tasks of it."""

    def answer(self, name: str) -> Answer:
        return self.answers[name]

    @property
    def asked(self) -> Iterator[Answer]:
        """The answers to the requirement questions, in the order of the guide."""
        return (self.answers[name] for name in REQUIREMENTS)

    def items(self, name: str) -> tuple[Item, ...]:
        note(name)
        return self.lists.get(name, ())

    def details(self, name: str) -> Mapping[str, object]:
        """The table that answers a question, empty while there is none."""
        return details(self.answers, name)

    @property
    def way(self) -> Way:
        """How events get to their subscribers."""
        for it in self.decisions:
            with noting():  # those that have no say in it are not noted
                way = it.option.footprint.events
            if way:
                note(it.decision.id)
                return way
        return Way(timeout="")

    def failure_named(self, thing: str, by: str = "") -> bool:
        """Whether a failure scenario, of one service if given, speaks of a thing: `patients`, `patient file`."""
        scenarios = self.items("failure_handling")
        return any(words(thing) <= spoken(it) for it in scenarios if not by or _tells(it, by))

    def api_named(self, name: str) -> ExternalApi | None:
        """The external API that an answer speaks of: `SMS gateway` of `sms`."""
        apis = self.product.external_apis
        exact = (api for api in apis if words(api.name) == words(name))
        return next(exact, None) or next((api for api in apis if alike(api.name, name)), None)


def concerns(item: Item, service: str) -> bool:
    """Whether an item is about a service: it names it, alone or among others, or says that it is about all."""
    named = str(item.get("service")).casefold()
    return named == service or not {service, "all", "every"}.isdisjoint(re.findall(r"\w+", named))


def _tells(scenario: Item, service: str) -> bool:
    """Whether a scenario is of a service, by its key or, without one, by its words."""
    return concerns(scenario, service) if scenario.get("service") else words(service) <= spoken(scenario)


def spoken(item: Item) -> frozenset[str]:
    """All words of an item."""
    return words(" ".join((item.name, item.text, *(str(value) for value in item.extra.values()))))


def words(text: str) -> frozenset[str]:
    """The words of a text, so that singular and plural are one."""
    return frozenset(word.removesuffix("s") for word in re.findall(r"[^\W_]+", text.casefold()))


def alike(one: str, other: str) -> bool:
    """Whether one of two names has all words of the other: `Readers` and `any reader`."""
    first, second = words(one), words(other)
    return bool(first and second) and (first <= second or second <= first)


def same(name: str) -> str:
    """A name so that two spellings of it are one: its words, or all of it where it has none."""
    return "-".join(re.findall(r"\w+", name.casefold())) or name.casefold()


def key(name: str) -> str:
    """A name as a part of an id. What its words do not tell, as the bar of `A/B`, a mark from all of it does."""
    plain = "-".join(re.findall(r"\w+", name.casefold()))
    if plain and plain.replace("-", " ") == name.casefold():
        return plain
    return "-".join(filter(None, (plain, mark(name.casefold()))))


def mark(text: str) -> str:
    """A few letters that tell a text from others."""
    return hashlib.sha256(text.encode()).hexdigest()[:6]
