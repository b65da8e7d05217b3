"""The answer `task_overrides`: further tasks, and changes to derived ones."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from graphlib import CycleError, TopologicalSorter
from textwrap import shorten

from .domain import Item
from .problems import Problem, instead
from .tasks import ORDER, Task, gate_after, gated, in_order
from .text import quoted

QUESTION = "task_overrides"
ID = re.compile(r"T-[A-Za-z0-9][A-Za-z0-9_-]{0,38}")
LONGEST = 200
"""Characters of a cycle that are shown."""


@dataclass(frozen=True)
class Override:
    """A further task, or changes to a derived one."""

    id: str
    title: str = ""
    service: str = ""
    hours: int | None = None
    """What a person works on it, in place of the rates."""
    needs: tuple[str, ...] = ()


def read(items: Iterable[Item], pace: Fraction) -> tuple[Override, ...]:
    """The overrides that an answer holds; `pace` are a person's hours a day."""
    return tuple(
        Override(it.name, it.text, str(it.get("service")), _hours(it, pace), _texts(it.get("needs"))) for it in items
    )


def _hours(item: Item, pace: Fraction) -> int | None:
    """Whole hours, rounded up."""
    hours, days = item.get("hours"), item.get("days")
    if isinstance(hours, int):
        return hours
    return math.ceil(Fraction(str(days)) * pace) if isinstance(days, (int, float)) else None


def _texts(value: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(str, value))) if isinstance(value, tuple) else ()


def applied(tasks: Sequence[Task], overrides: Sequence[Override], basis: str) -> tuple[Task, ...]:
    """The changed tasks, and the further ones in the phase of the last task that they need."""
    by_id = {it.id: it for it in overrides}
    known = {task.id for task in tasks}
    phases = _phases(tasks, overrides)
    changed = (_changed(task, by_id.get(task.id), basis) for task in tasks)
    further = (
        _changed(Task(it.id, it.title, phases[it.id], int(basis == ORDER)), it, basis)
        for it in overrides
        if it.id not in known
    )
    return (*changed, *further)


def _changed(task: Task, override: Override | None, basis: str) -> Task:
    if override is None:
        return task
    own = None if basis == ORDER else override.hours
    estimated = task if own is None else replace(task, hours=own, work=())
    return replace(
        estimated,
        title=override.title or task.title,
        service=override.service or task.service,
        needs=tuple(dict.fromkeys((*task.needs, *override.needs))),
    )


def _phases(tasks: Sequence[Task], overrides: Sequence[Override]) -> Mapping[str, int]:
    """The phase of every task: a gate opens the next one, and what needs nothing can be first."""
    found = {task.id: task.phase for task in tasks} | {gate_after(number): number + 1 for number in (1, 2, 3)}
    needs = {it.id: it.needs for it in overrides if it.id not in found}
    for id in _in_order(needs):
        if id in needs:
            found[id] = max((found.get(need, 1) for need in needs[id]), default=1)
    return found


def _in_order(needs: Mapping[str, tuple[str, ...]]) -> Iterable[str]:
    """Any order will do for a cycle, because that is refused."""
    try:
        return tuple(TopologicalSorter(needs).static_order())
    except CycleError:
        return needs


def problems(
    tasks: Sequence[Task], overrides: Sequence[Override], services: Collection[str], basis: str
) -> tuple[Problem, ...]:
    """Everything that keeps overrides from being put into the derived tasks."""
    found = tuple(_problems(tasks, overrides, services, basis))
    if found:
        return found
    try:
        in_order(gated(applied(tasks, overrides, basis)))
    except ValueError as cycle:
        fix = "take one of these needs away; a gate needs every task of its phase"
        return (_problem(shorten(str(cycle), LONGEST, placeholder=" …"), fix),)
    return ()


def _problems(
    tasks: Sequence[Task], overrides: Sequence[Override], services: Collection[str], basis: str
) -> Iterator[Problem]:
    derived = [task.id for task in tasks]
    gates = [task.id for task in gated(tasks) if task.is_gate]
    known = [*derived, *gates, *(it.id for it in overrides)]
    for it in overrides:
        if it.id in gates:
            yield _problem(f"{it.id} is a gate", f"name it in needs, and give the work its own task: T-{it.id}")
        elif it.id not in derived and not it.title:
            yield _problem(f"{quoted(it.id)} is not a task of the plan", instead(it.id, derived, "give it a title"))
        elif it.id not in derived and not ID.fullmatch(it.id):
            yield _problem(
                f"{quoted(it.id)} is not an id of a task", "write T- and up to 39 letters, digits and hyphens"
            )
        elif it.id not in derived and it.hours is None and basis != ORDER:
            yield _problem(f"{quoted(it.id)} has no estimate", "say its hours or days; hours: 0 if others do it")
        if it.service and it.service not in services:
            fix = instead(it.service, services, "name a service, or none")
            yield _problem(f"{quoted(it.service)} of {quoted(it.id)} is not a service", fix)
        for need in it.needs:
            if need not in known:
                fix = instead(need, known, "remove it, or add a task with this id")
                yield _problem(f"{quoted(it.id)} needs {quoted(need)}, which is not a task", fix)


def twice_estimated(items: Iterable[Item]) -> Iterator[Problem]:
    """Items that say both hours and days."""
    for it in items:
        if it.get("hours") != "" and it.get("days") != "":
            yield _problem(f"{quoted(it.name)} has hours and days", "keep one of the two")


def _problem(message: str, fix: str) -> Problem:
    return Problem(QUESTION, message, fix)
