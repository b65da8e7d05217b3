"""A read-only view of a project for gap rules and documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from .answers import Answer, Answers
from .catalogue import EventTransport
from .decisions import Resolved
from .domain import ExternalApi, Item, Product
from .name_matching import is_about_service, names_match, personas_of, words_of, words_of_item
from .plan import Plan
from .provenance import cached_property, track, tracking
from .questionnaire import REQUIREMENTS
from .reading import details


@dataclass(frozen=True)
class ProjectView:
    """The answers, what was made from them, and the ids that the history assigned."""

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
        track(name)
        return self.lists.get(name, ())

    def details(self, name: str) -> Mapping[str, object]:
        """The answer to a table question; empty if there is none."""
        return details(self.answers, name)

    @property
    def sensitive_kinds(self) -> tuple[str, ...]:
        """The kinds of sensitive data that data_sensitivity names, `none` among them; empty where it is open."""
        kinds = self.answer("data_sensitivity").value
        return tuple(map(str, kinds)) if isinstance(kinds, tuple) else ()

    @cached_property
    def personas_by_feature(self) -> dict[str, dict[str, str]]:
        """By the id of a feature: for whom it is, in its own words, and which persona that is, if any."""
        known = [it.name for it in self.items("personas")]
        return {it.id: personas_of(it, known) for it in self.product.features}

    @property
    def event_transport(self) -> EventTransport:
        """How events get to their subscribers."""
        for it in self.decisions:
            with tracking():  # those that have no say in it are not noted
                way = it.option.footprint.event_transport
            if way:
                track(it.decision.id)
                return way
        return EventTransport(timeout="")

    def failure_named(self, thing: str, by: str = "") -> bool:
        """Whether a failure scenario, of one service if given, speaks of a thing: `patients`, `patient file`."""
        scenarios = self.items("failure_handling")
        return any(words_of(thing) <= words_of_item(it) for it in scenarios if not by or _tells(it, by))

    def api_named(self, name: str) -> ExternalApi | None:
        """The external API that an answer speaks of: `SMS gateway` of `sms`."""
        apis = self.product.external_apis
        exact = (api for api in apis if words_of(api.name) == words_of(name))
        return next(exact, None) or next((api for api in apis if names_match(api.name, name)), None)


def _tells(scenario: Item, service: str) -> bool:
    """Whether a scenario is of a service, by its key or, without one, by its words."""
    return (
        is_about_service(scenario, service) if scenario.get("service") else words_of(service) <= words_of_item(scenario)
    )
