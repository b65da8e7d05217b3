"""The tasks of the plan for other tools: Planning/tasks.json and Planning/tasks.csv."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

from ..plan import Plan, Slot
from ..text import line

FORMULA = ("=", "+", "-", "@")
"""A cell that begins so is computed by a spreadsheet."""


def tasks(plan: Plan) -> dict[str, object]:
    """The plan as data, each task after what it needs; times are whole hours from the start."""
    return {"estimate_basis": plan.basis, "tasks": [task(plan, slot) for slot in plan.slots]}


def task(plan: Plan, slot: Slot) -> dict[str, object]:
    """A task by the names of its columns; what nobody has estimated is null."""
    it = slot.task
    return {
        "id": it.id,
        "title": it.title,
        "phase": it.phase,
        "service": it.service,
        "requirement": it.requirement,
        "needs": it.needs,
        "critical": slot.critical,
        **_times(plan, slot),
    }


def _times(plan: Plan, slot: Slot) -> Mapping[str, object]:
    dates = map(plan.dated, plan.span(slot.turn))
    begins, ends = (it.isoformat() if it else None for it in dates)
    times = {
        "hours": slot.task.hours,
        "agent_hours": slot.task.agent,
        "earliest_start": slot.earliest,
        "latest_finish": slot.latest,
        "slack": slot.slack,
        "start": slot.turn.start,
        "finish": slot.turn.finish,
        "person": slot.turn.person or None,
        "start_date": begins,
        "finish_date": ends,
    }
    return times if plan.timed else dict.fromkeys(times)


def csv_of(plan: Plan) -> str:
    """The same as a table; needs stand in one cell."""
    rows = [task(plan, slot) for slot in plan.slots]
    written = io.StringIO()
    writer = csv.DictWriter(written, rows[0] if rows else ("id",), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
    return written.getvalue().removesuffix("\n")


def _cell(value: object) -> object:
    """A value on one line that no spreadsheet takes for a formula."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, int):
        return value
    text = line(" ".join(value) if isinstance(value, tuple) else value)
    return f"'{text}" if text.startswith(FORMULA) else text
