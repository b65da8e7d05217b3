"""All that a gap rule or a document may look at."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from ..answers import Answer, Answers
from ..decisions import Resolved
from ..domain import Item, Product
from ..plan import Plan
from ..provenance import note
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

    def failure_named(self, thing: str, by: str = "") -> bool:
        """Whether a failure scenario, of one service if given, speaks of a thing."""
        return any(
            _speaks(scenario, thing) for scenario in self.items("failure_handling") if by in ("", _service(scenario))
        )


def _service(scenario: Item) -> str:
    return str(scenario.get("service"))


def _speaks(scenario: Item, thing: str) -> bool:
    """Whether a scenario's words include the words of a name, in singular or plural: `patients`, `patient file`."""
    texts = (scenario.name, scenario.text, *(str(value) for value in scenario.extra.values()))
    spoken = {word.removesuffix("s") for word in re.findall(r"[^\W_]+", " ".join(texts).casefold())}
    return all(word.removesuffix("s") in spoken for word in re.findall(r"[^\W_]+", thing.casefold()))
