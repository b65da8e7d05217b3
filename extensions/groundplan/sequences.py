"""Sequence diagrams: what a request causes in several services, from whoever sends it to the last who hears."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .diagrams import Diagram, drawn, label
from .domain import Entity, Product, Workflow
from .flows import Asking, Hearing, Request, Step
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
def sequence(product: Product, request: Request, unheard: str = "") -> Diagram:
    """All that a request causes; `unheard` says for which records it matters that their owner is away, if not for all.

    It is the same for whatever feature a request is sent, so that two diagrams never show one request in two ways.
    """
    features = ", ".join(f"{it.id} {it.name}" for it in request.features)
    words, _ = REQUESTS[request.operation]
    title = words.format(request.entity.path) + (f", for {features}" if features else "")
    return Diagram(title, "\n".join(_Course(product, request, unheard).lines()))


@drawn
def course(product: Product, workflow: Workflow) -> Diagram:
    """What happens in a workflow: all of it is done; or a step is refused, and those before it are undone."""
    leader, subject = workflow.service, product.entities[workflow.entity]
    others = dict.fromkeys(step.service for step in workflow.steps)
    lines = ["sequenceDiagram", "  autonumber"]
    lines += [f"  participant s_{name} as {label(name)}" for name in (leader, *others)]
    begun = f"POST {subject.path} stored {subject.words}, and started {workflow.words} with it"
    lines += [f"  Note over s_{leader}: {label(begun)}", "  alt each step is done"]
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
    """The messages that a request causes in the order in which they are sent; each step is taken once."""

    def __init__(self, product: Product, request: Request, unheard: str) -> None:
        self.product = product
        self.request = request
        self.unheard = f" and it was {unheard}" if unheard else ""
        self.taken: set[tuple[type, str, str]] = set()
        self.heard: list[Hearing] = []
        self.messages: list[str] = []
        self.services: dict[str, None] = {}

    def lines(self) -> Iterator[str]:
        self._write(self.request.entity, self.request.operation)
        yield from ("sequenceDiagram", "  autonumber", "  participant caller as Caller")
        yield from (f"  participant s_{name} as {label(name)}" for name in self.services)
        yield from self.messages
        if self.heard:
            ends = f"s_{self.heard[0].event.service},s_{self.heard[-1].hearer}"
            yield f"  Note over {ends}: Away: tried again, in order.<br/>Refused for good: set aside and logged."

    def _write(self, entity: Entity, operation: str) -> None:
        """A caller changes a record."""
        keeper, (request, answer) = entity.service, REQUESTS[operation]
        hearings = self._published(entity.name, operation)
        self._say(CALLER, "->>", keeper, request.format(entity.path))
        for asking in self._asked(entity.name) if operation != "delete" else ():
            self._ask(asking)
            refuses = asking.when_away == "refuse"
            why = f", or {asking.asked.service} does not answer{self.unheard}" if refuses else ""
            self.messages.append(f"  break {label(f'it is unknown{why}')}")
            self._say(keeper, "-->>", CALLER, f"409{', or 503 with nothing stored' if refuses else ''}", "    ")
            self.messages.append("  end")
        verb = "remove" if operation == "delete" else "store"
        besides = list(self._besides(entity, operation, hearings))
        with_it = f", and {' and '.join(besides)} with it" if besides else ""
        self._say(keeper, "->>", keeper, f"{verb} {entity.words}{with_it}")
        self._say(keeper, "-->>", CALLER, str(answer))
        self._begin(entity, operation)
        self._deliver(hearings)

    def _besides(self, entity: Entity, operation: str, hearings: Sequence[Hearing]) -> Iterator[str]:
        """What a service does in the transaction of a change."""
        if hearings:
            yield f"keep {all_of(list(dict.fromkeys(it.event.name for it in hearings)))}"
        led = [it.words for it in self.product.led(entity.service) if it.entity == entity.name]
        if led and operation == "create":
            yield f"start {all_of(led)}"

    def _ask(self, asking: Asking) -> None:
        unchecked = "" if asking.when_away == "refuse" else f", unchecked if away{self.unheard}"
        address = f"GET {asking.asked.path}/id{unchecked}"
        self._say(asking.stored.service, "->>", asking.asked.service, address)

    def _begin(self, entity: Entity, operation: str) -> None:
        """The jobs that a change asks for run when it is over."""
        for job in self.product.by_name[entity.service].jobs:
            if job.entity == entity.name and operation in job.operations:
                self._say(entity.service, "-)", entity.service, f"job {job.words}")

    def _deliver(self, hearings: Sequence[Hearing]) -> None:
        """Who hears of events acts, and may cause others."""
        for hearing in hearings:
            self.heard.append(hearing)
            event, hearer = hearing.event, hearing.hearer
            self._say(event.service, "-)", hearer, event.name)
            if event.implied and any(it.entity == event.entity for it in self.product.by_name[hearer].copies):
                self._say(hearer, "->>", hearer, f"{event.does_to_copies} its copy of {event.entity}")
            for made in (it.creates for it in self.product.by_name[hearer].reactions if it.event == event.name):
                for asking in self._asked(made):
                    self._ask(asking)
                self._say(hearer, "->>", hearer, f"create {made}, once per event")
                self._begin(self.product.entities[made], "create")
                self._deliver(self._published(made, "create"))

    def _published(self, entity: str, operation: str) -> list[Hearing]:
        """Who hears of a change, and by which events, each taken once."""
        steps = self._once(Hearing, entity, operation)
        return [it for it in steps if isinstance(it, Hearing) and operation in it.event.operations]

    def _asked(self, entity: str) -> list[Asking]:
        """What is asked before a record is stored, each taken once."""
        return [it for it in self._once(Asking, entity, "") if isinstance(it, Asking)]

    def _once(self, kind: type, entity: str, operation: str) -> Sequence[Step]:
        """The steps that belong to a change, unless those of a kind were taken already."""
        change = kind, entity, operation
        steps = () if change in self.taken else self.request.steps.get(entity, ())
        self.taken.add(change)
        return steps

    def _say(self, sender: str, arrow: str, receiver: str, what: str, indent: str = "  ") -> None:
        self.services |= dict.fromkeys(filter(None, (sender, receiver)))
        self.messages.append(f"{indent}{_id(sender)}{arrow}{_id(receiver)}: {label(what)}")


def _id(service: str) -> str:
    return f"s_{service}" if service else "caller"
