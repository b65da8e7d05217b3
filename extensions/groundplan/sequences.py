"""Sequence diagrams: the steps of a flow between services, from the request that begins it to the last who hears."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .diagrams import Diagram, drawn, label
from .domain import Entity, Event, Product, Workflow
from .flows import Asking, Flow
from .text import all_of

REQUESTS = {
    "create": ("POST {}", 201),
    "update": ("PUT {}/id", 200),
    "delete": ("DELETE {}/id", 204),
}
"""How an operation is asked for, and what it is answered with."""

CALLER = ""
"""Whoever is no service of the product."""


@drawn
def sequence(product: Product, flow: Flow, unheard: str = "") -> Diagram:
    """What happens in a flow; `unheard` says for which records it matters that their owner is away, if not for all."""
    return Diagram(flow.title, "\n".join(_Course(product, flow, unheard).lines()))


@drawn
def course(product: Product, workflow: Workflow) -> Diagram:
    """What happens in a workflow: all of it is done; or a step is refused, and those before it are undone."""
    leader, subject = workflow.service, product.entities[workflow.entity]
    others = dict.fromkeys(step.service for step in workflow.steps)
    lines = ["sequenceDiagram", "  autonumber", "  participant caller as Caller"]
    lines += [f"  participant s_{name} as {label(name)}" for name in (leader, *others)]
    lines += [
        f"  caller->>s_{leader}: {label(f'POST {subject.path}')}",
        f"  s_{leader}->>s_{leader}: {label(f'store {subject.words}, and start {workflow.words} with it')}",
        f"  s_{leader}-->>caller: 201",
    ]
    lines.append("  alt each step is done")
    for step in workflow.steps:
        do, _ = step.commands
        done, *_ = step.answers
        lines += [
            f"    s_{leader}-)s_{step.service}: {label(do)}",
            f"    s_{step.service}->>s_{step.service}: {label(f'create {step.creates}, once')}",
            f"    s_{step.service}-)s_{leader}: {label(done)}",
        ]
    lines.append(f"    s_{leader}->>s_{leader}: {label(f'all is done: {workflow.done}')}")
    lines.append(f"  else {label(f'a step is refused, or has no answer for {workflow.patience_s} s')}")
    for step in reversed(workflow.steps):
        _, undo = step.commands
        *_, undone = step.answers
        lines += [
            f"    s_{leader}-)s_{step.service}: {label(f'{undo}, if it may be done')}",
            f"    s_{step.service}->>s_{step.service}: {label(f'take {step.creates} back, as its rules say')}",
            f"    s_{step.service}-)s_{leader}: {label(undone)}",
        ]
    lines.append(f"    s_{leader}->>s_{leader}: {label(f'all is undone: {workflow.undone}')}")
    return Diagram(f"{workflow.words}: done in all, or undone in all", "\n".join([*lines, "  end"]))


class _Course:
    """The messages of a flow in the order in which they are sent; each step is taken once."""

    def __init__(self, product: Product, flow: Flow, unheard: str) -> None:
        self.product = product
        self.flow = flow
        self.unheard = f" and it was {unheard}" if unheard else ""
        self.events = list(dict.fromkeys(it.event for it in flow.hearings))
        self.askings = list(flow.askings)
        self.messages: list[str] = []
        self.services: dict[str, None] = {}

    def lines(self) -> Iterator[str]:
        for event in self._first:
            if event in self.events:
                self._write(self.product.entities[event.entity], event.operations[0])
        while self.askings:
            self._write(self.askings[0].stored, "create")
        yield from ("sequenceDiagram", "  autonumber", "  participant caller as Caller")
        yield from (f"  participant s_{name} as {label(name)}" for name in self.services)
        yield from self.messages
        if heard := self.flow.hearings:
            ends = f"s_{heard[0].event.service},s_{heard[-1].hearer}"
            yield f"  Note over {ends}: Away: tried again, in order.<br/>Refused for good: set aside and logged."

    @property
    def _first(self) -> list[Event]:
        """The events that no reaction to another one causes."""
        made = {entity for it in self.flow.hearings for entity in self._made(it.event, it.hearer)}
        return [it for it in self.events if it.entity not in made or "create" not in it.operations]

    def _made(self, event: Event, hearer: str) -> tuple[str, ...]:
        """The entities that a service creates because of an event."""
        return tuple(it.creates for it in self.product.by_name[hearer].reactions if it.event == event.name)

    def _write(self, entity: Entity, operation: str) -> None:
        """A caller changes a record."""
        keeper, (request, answer) = entity.service, REQUESTS[operation]
        events = self._published(entity.name, operation)
        self._say(CALLER, "->>", keeper, request.format(entity.path))
        for asking in self._asked(entity.name) if operation != "delete" else ():
            self._ask(asking)
            refuses = asking.when_away == "refuse"
            why = f", or {asking.asked.service} does not answer{self.unheard}" if refuses else ""
            self.messages.append(f"  break {label(f'it is unknown{why}')}")
            self._say(keeper, "-->>", CALLER, f"409{', or 503 with nothing stored' if refuses else ''}", "    ")
            self.messages.append("  end")
        verb = "remove" if operation == "delete" else "store"
        kept = f", and keep {all_of([it.name for it in events])} with it" if events else ""
        self._say(keeper, "->>", keeper, f"{verb} {entity.words}{kept}")
        self._say(keeper, "-->>", CALLER, str(answer))
        self._deliver(events)

    def _ask(self, asking: Asking) -> None:
        unchecked = "" if asking.when_away == "refuse" else f", unchecked if away{self.unheard}"
        address = f"GET {asking.asked.path}/id{unchecked}"
        self._say(asking.stored.service, "->>", asking.asked.service, address)

    def _deliver(self, events: Iterable[Event]) -> None:
        """Who hears of events acts, and may cause others."""
        for hearing in (it for event in events for it in self.flow.hearings if it.event == event):
            event, hearer = hearing.event, hearing.hearer
            self._say(event.service, "-)", hearer, event.name)
            if event.implied and any(it.entity == event.entity for it in self.product.by_name[hearer].copies):
                self._say(hearer, "->>", hearer, f"{event.does_to_copies} its copy of {event.entity}")
            for made in self._made(event, hearer):
                for asking in self._asked(made):
                    self._ask(asking)
                self._say(hearer, "->>", hearer, f"create {made}, once per event")
                self._deliver(self._published(made, "create"))

    def _published(self, entity: str, operation: str) -> list[Event]:
        """The events that a change causes, each taken once."""
        found = [it for it in self.events if it.entity == entity and operation in it.operations]
        self.events = [it for it in self.events if it not in found]
        return found

    def _asked(self, entity: str) -> list[Asking]:
        """What is asked before a record is stored, each taken once."""
        found = [it for it in self.askings if it.about == entity]
        self.askings = [it for it in self.askings if it not in found]
        return found

    def _say(self, sender: str, arrow: str, receiver: str, what: str, indent: str = "  ") -> None:
        self.services |= dict.fromkeys(filter(None, (sender, receiver)))
        self.messages.append(f"{indent}{_id(sender)}{arrow}{_id(receiver)}: {label(what)}")


def _id(service: str) -> str:
    return f"s_{service}" if service else "caller"
