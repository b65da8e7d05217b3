"""Sequence diagrams of requests and workflows that involve several services."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .diagrams import Diagram, drawn, label
from .domain import Entity, Product, Workflow
from .interactions import Delivery, Interaction, Lookup, Request
from .operations import ASKED_BY, operation_of
from .text import all_of, article

CALLER = ""
"""Any caller that is not a service of the product."""


@drawn
def request_sequence(product: Product, request: Request, uncached: str = "") -> Diagram:
    """All that a request causes; `uncached` says for which records an unavailable owner matters, if not for all.

    It is the same for whatever feature a request is sent, so that two diagrams never show one request in two ways.
    """
    features = ", ".join(f"{it.id} {it.name}" for it in request.features)
    asked = _sent(product, request.entity, request.operation)
    title = (asked or _unsent(request.entity, request.operation)) + (f", for {features}" if features else "")
    return Diagram(title, "\n".join(_SequenceBuilder(product, request, uncached).lines()))


@drawn
def workflow_sequence(product: Product, workflow: Workflow) -> Diagram:
    """A workflow: every step is done, or one is refused and those before it are undone."""
    leader, subject = workflow.service, product.entities[workflow.entity]
    others = dict.fromkeys(step.service for step in workflow.steps)
    lines = ["sequenceDiagram", "  autonumber"]
    lines += [f"  participant s_{name} as {label(name)}" for name in (leader, *others)]
    asked = _sent(product, subject, "create") or leader
    begun = f"{asked} stored {subject.words}, and started {workflow.words} with it"
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
    lines.append(f"  else {label(f'a step is refused, or has no answer for {workflow.step_timeout_s} s')}")
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


class _SequenceBuilder:
    """The messages that a request causes in the order in which they are sent; each step is taken once."""

    def __init__(self, product: Product, request: Request, uncached: str) -> None:
        self.product = product
        self.request = request
        self.uncached = f" and it was {uncached}" if uncached else ""
        self.taken: set[tuple[type, str, str]] = set()
        self.heard: list[Delivery] = []
        self.messages: list[str] = []
        self.services: dict[str, None] = {}

    def lines(self) -> Iterator[str]:
        self._write(self.request.entity, self.request.operation)
        yield from ("sequenceDiagram", "  autonumber")
        if _sent(self.product, self.request.entity, self.request.operation):
            yield "  participant caller as Caller"
        yield from (f"  participant s_{name} as {label(name)}" for name in self.services)
        yield from self.messages
        if self.heard:
            ends = f"s_{self.heard[0].event.service},s_{self.heard[-1].subscriber}"
            yield f"  Note over {ends}: Unavailable: tried again, in order.<br/>Refused for good: kept and logged."

    def _write(self, entity: Entity, operation: str) -> None:
        """A caller changes a record, or code of its service where callers cannot."""
        keeper, asked = entity.service, _sent(self.product, entity, operation)
        deliveries = self._published(entity.name, operation)
        if asked:
            self._say(CALLER, "->>", keeper, asked)
        for lookup in self._asked(entity.name) if operation != "delete" else ():
            self._ask(lookup)
            refuses = lookup.when_unavailable == "refuse"
            why = f", or {lookup.asked.service} does not answer{self.uncached}" if refuses else ""
            self.messages.append(f"  break {label(f'it is unknown{why}')}")
            if asked:
                self._say(keeper, "-->>", CALLER, f"409{', or 503 with nothing stored' if refuses else ''}", "    ")
            else:
                self._say(keeper, "->>", keeper, "nothing is stored", "    ")
            self.messages.append("  end")
        verb = "remove" if operation == "delete" else "store"
        besides = list(self._besides(entity, operation, deliveries))
        with_it = f", and {' and '.join(besides)} with it" if besides else ""
        self._say(keeper, "->>", keeper, f"{verb} {entity.words}{with_it}")
        if asked:
            self._say(keeper, "-->>", CALLER, str(ASKED_BY[operation][0].success))
        self._begin(entity, operation)
        self._deliver(deliveries)

    def _besides(self, entity: Entity, operation: str, deliveries: Sequence[Delivery]) -> Iterator[str]:
        """What a service does in the transaction of a change."""
        if deliveries:
            yield f"keep {all_of(list(dict.fromkeys(it.event.name for it in deliveries)))}"
        led = [it.words for it in self.product.workflows_led_by(entity.service) if it.entity == entity.name]
        if led and operation == "create":
            yield f"start {all_of(led)}"

    def _ask(self, lookup: Lookup) -> None:
        unchecked = "" if lookup.when_unavailable == "refuse" else f", unchecked if unavailable{self.uncached}"
        address = _sent(self.product, lookup.asked, "read")
        self._say(lookup.stored.service, "->>", lookup.asked.service, f"{address}{unchecked}")

    def _begin(self, entity: Entity, operation: str) -> None:
        """The jobs that a change triggers run after it."""
        for job in self.product.by_name[entity.service].jobs:
            if job.entity == entity.name and operation in job.operations:
                self._say(entity.service, "-)", entity.service, f"job {job.words}")

    def _deliver(self, deliveries: Sequence[Delivery]) -> None:
        """Subscribers act on events, and may cause others."""
        for delivery in deliveries:
            self.heard.append(delivery)
            event, subscriber = delivery.event, delivery.subscriber
            self._say(event.service, "-)", subscriber, event.name)
            if event.implied and any(it.entity == event.entity for it in self.product.by_name[subscriber].copies):
                self._say(subscriber, "->>", subscriber, f"{event.copy_effect} its copy of {event.entity}")
            for made in (it.creates for it in self.product.by_name[subscriber].reactions if it.event == event.name):
                for lookup in self._asked(made):
                    self._ask(lookup)
                self._say(subscriber, "->>", subscriber, f"create {made}, once per event")
                self._begin(self.product.entities[made], "create")
                self._deliver(self._published(made, "create"))

    def _published(self, entity: str, operation: str) -> list[Delivery]:
        """The deliveries of a change, each once."""
        steps = self._once(Delivery, entity, operation)
        return [it for it in steps if isinstance(it, Delivery) and operation in it.event.operations]

    def _asked(self, entity: str) -> list[Lookup]:
        """The lookups before a record is stored, each once."""
        return [it for it in self._once(Lookup, entity, "") if isinstance(it, Lookup)]

    def _once(self, kind: type, entity: str, operation: str) -> Sequence[Interaction]:
        """The steps that belong to a change, unless those of a kind were taken already."""
        change = kind, entity, operation
        steps = () if change in self.taken else self.request.steps.get(entity, ())
        self.taken.add(change)
        return steps

    def _say(self, sender: str, arrow: str, receiver: str, what: str, indent: str = "  ") -> None:
        self.services |= dict.fromkeys(filter(None, (sender, receiver)))
        self.messages.append(f"{indent}{_id(sender)}{arrow}{_id(receiver)}: {label(what)}")


def _sent(product: Product, entity: Entity, operation: str) -> str:
    """A request as a message shows it, whose braces Mermaid would take for its own; empty if there is none."""
    it = operation_of(product, entity, *ASKED_BY[operation])
    return f"{it.method} {it.path.replace('{id}', 'id')}" if it else ""


def _unsent(entity: Entity, operation: str) -> str:
    """A change that code of a service makes, and no caller can ask for."""
    return f"{entity.service}: {operation} {article(entity.words)}"


def _id(service: str) -> str:
    return f"s_{service}" if service else "caller"
