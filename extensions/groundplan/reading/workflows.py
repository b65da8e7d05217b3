"""Workflows: steps in several services that are all done or all undone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from .. import names
from ..domain import DEFAULT_STEP_TIMEOUT_S, OPERATIONS, Entity, Event, Outcome, Service, Step, Workflow
from ..text import quoted
from . import grammar
from .boundaries import cycle, modules_of
from .events import Entities, entity_named, line_of, mapped, no_field
from .grammar import OutcomeLine, StepLine, WorkflowLine
from .node import Node
from .types import Mistyped, field_named, literal_of

KEYS = ("name", "entity", "steps", "done", "undone", "timeout", "because")
REQUIRED = KEYS[:5]
EXAMPLE = (
    "checkout on create Order: Reservation(order: id, copies: quantity), then Payment(order: id, amount: total); "
    "done: status = confirmed; undone: status = cancelled"
)
STEP_TIMEOUT_S = (1, 30 * 24 * 3600)
"""The seconds for which a step may be without an answer."""


def workflows(answer: Node, services: Sequence[Service]) -> tuple[Workflow, ...]:
    """Every workflow that can be; what cannot is reported."""
    entities = {entity.name: entity for service in services for entity in service.entities}
    modules = {service.name: modules_of(service) for service in services}
    read = {service.name: {entity.snake: entity.name for entity in service.entities} for service in services}
    found: dict[str, Workflow] = {}
    places: dict[str, Node] = {}
    for node in answer.each():
        line = line_of(node, KEYS, grammar.workflow_line, _in_full, f'"{EXAMPLE}"', REQUIRED)
        workflow = _workflow(node, line, entities) if line else None
        if workflow is None:
            continue
        twice = next((it for it in found.values() if it.entity == workflow.entity), None)
        if workflow.name in found:
            node.problem(f"{quoted(workflow.name)} is the name of two workflows", "rename or remove one of them")
        elif twice:
            node.problem(
                f"creating {workflow.entity} starts {quoted(twice.name)} already",
                "put the steps of both into one workflow",
            )
        elif not (_read_twice(node, workflow, read[workflow.service]) or _taken(node, workflow, modules)):
            found[workflow.name] = workflow
            places.setdefault(workflow.entity, node)
    _refuse_endless(found.values(), services, places)
    return tuple(found.values())


def _workflow(node: Node, line: WorkflowLine, entities: Entities) -> Workflow | None:
    if fault := names.workflow(line.name):
        better = names.another(line.name, names.workflow)
        node.problem(f"{quoted(line.name)} {fault}", f"choose another name, e.g. {better}")
        return None
    subject = entity_named(node, line.entity, entities)
    if subject is None:
        return None
    steps = tuple(_steps(node, line, subject, entities))
    done, undone = _outcome(node, line.done, subject), _outcome(node, line.undone, subject)
    timeout = node.at("", line.timeout).whole(*STEP_TIMEOUT_S) if line.timeout else DEFAULT_STEP_TIMEOUT_S
    if len(steps) < len(line.steps) or not steps or done is None or undone is None or timeout is None:
        return None
    if line.because and not _carries_sensitive(steps, subject):
        node.problem(
            f"workflow {quoted(line.name)} says why its steps are told sensitive data, and they are told none",
            "leave out 'because'",
        )
    return Workflow(line.name, subject.service, subject.name, steps, done, undone, timeout, line.because)


def _carries_sensitive(steps: Iterable[Step], subject: Entity) -> bool:
    """Whether steps are told sensitive data of the record that starts them."""
    sensitive = {it.name for it in subject.fields if it.kinds}
    return any(source.field in sensitive for step in steps for _, source in step.mapping)


def _steps(node: Node, line: WorkflowLine, subject: Entity, entities: Entities) -> Iterator[Step]:
    told = subject.shown if line.because else subject.carried
    started = Event(subject.name, subject.service, subject.name, OPERATIONS[:1], told, line.because)
    seen: set[str] = set()
    for given in line.steps:
        entity = entity_named(node, given.creates, entities)
        if entity is None:
            continue
        if given.service and given.service != entity.service:
            node.problem(
                f"lets {quoted(given.service)} create {entity.name}, which {quoted(entity.service)} keeps",
                f"write {entity.service}.{entity.name}(...), or only {entity.name}(...)",
            )
        elif entity.service == subject.service:
            node.problem(
                f"has the step {entity.name} in {quoted(subject.service)}, which leads it",
                f"do it in the rules of {subject.name}, or in another service",
            )
        elif entity.name in seen:
            node.problem(f"creates {entity.name} twice", "keep one; the rules of the step can do the rest")
        else:
            seen.add(entity.name)
            mapping = tuple(mapped(node, given.mapping, started, entity, subject))
            yield Step(line.name, entity.service, entity.name, mapping)


def _outcome(node: Node, line: OutcomeLine, subject: Entity) -> Outcome | None:
    field = field_named(subject.fields, line.field)
    if field is None:
        no_field(node, line.field, subject)
        return None
    if field.type.many or field.type.kind in ("reference", "value"):
        node.problem(
            f"sets {quoted(field.name)}, which is {quoted(field.type)}, to {quoted(line.value.text)}",
            "set a field with choices, or another plain one",
        )
        return None
    if field.unique:
        node.problem(f"sets {quoted(field.name)}, which is unique, in more than one record", "set another field")
        return None
    try:
        return Outcome(field.name, literal_of(line.value, field.type))
    except Mistyped as fault:
        node.problem(f"field {quoted(field.name)} {fault}", fault.fix)
        return None


def _in_full(parts: Mapping[str, Node]) -> WorkflowLine:
    timeout = parts["timeout"].whole(*STEP_TIMEOUT_S) if "timeout" in parts else None
    return WorkflowLine(
        parts["name"].text("checkout"),
        parts["entity"].text("Order"),
        tuple(_step_in_full(node) for node in parts["steps"].each()),
        grammar.outcome_line(parts["done"].text("status = confirmed")),
        grammar.outcome_line(parts["undone"].text("status = cancelled")),
        "" if timeout is None else str(timeout),
        parts["because"].text("the payer is told") if "because" in parts else "",
    )


def _step_in_full(node: Node) -> StepLine:
    return grammar.step_line(node.line("Reservation(order: id)"))


def _read_twice(node: Node, workflow: Workflow, read: dict[str, str]) -> bool:
    """Whether what tells how it goes would be called like another; its name is taken from now on."""
    if other := read.get(workflow.full_name):
        node.problem(f"how it goes and {other} would both be read by get_{workflow.full_name}", "rename the workflow")
    read.setdefault(workflow.full_name, f"how {quoted(workflow.name)} goes")
    return bool(other)


def _taken(node: Node, workflow: Workflow, modules: Mapping[str, dict[str, str]]) -> bool:
    """Whether a module that a step needs is another's; those of its own are taken from now on."""
    for step in workflow.steps:
        if other := modules[step.service].get(step.module):
            node.problem(
                f"its step {step.creates} and {other} both need {step.module}.py in {quoted(step.service)}",
                "rename the workflow",
            )
            return True
    for step in workflow.steps:
        modules[step.service][step.module] = f"the step {step.creates} of {quoted(workflow.name)}"
    return False


def _refuse_endless(found: Iterable[Workflow], services: Sequence[Service], places: Mapping[str, Node]) -> None:
    """A record whose creation starts a workflow that brings about another of its kind never comes to rest."""
    events = {event.name: event for service in services for event in service.events if "create" in event.operations}
    brings: dict[str, list[str]] = {it.entity: [step.creates for step in it.steps] for it in found}
    for reaction in (it for service in services for it in service.reactions):
        if event := events.get(reaction.event):
            brings.setdefault(event.entity, []).append(reaction.creates)
    way = cycle(brings)
    if place := next((places[name] for name in way if name in places), None):
        place.problem(f"creating {' creates '.join(way)} without end", "take one of the steps or reactions out")
