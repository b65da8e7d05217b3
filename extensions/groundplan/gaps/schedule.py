"""Rules about the schedule: can it be done in time, by these people, and is each risk somebody's?"""

from __future__ import annotations

from collections.abc import Iterator

from ..project_view import ProjectView
from .model import DEFER, MUST, Finding, rule


@rule("P01", MUST, "process", 9)
def path_too_long(view: ProjectView) -> Iterator[Finding]:
    """Even with people without limit, the critical path does not fit into the timeline."""
    plan = view.plan
    if plan and plan.available_days is not None and plan.least_days > plan.available_days:
        yield Finding(
            "timeline",
            f"the critical path takes {plan.least_days:g} working days with its buffer, "
            f"{plan.available_days:g} are available",
            f"move the date, or cut scope{_cuts(view)}",
            "timeline",
        )


@rule("P02", MUST, "process", 9)
def team_too_small(view: ProjectView) -> Iterator[Finding]:
    """The work fits into the timeline with more people, but not with this team."""
    plan = view.plan
    if plan and plan.over_days and plan.least_days <= (plan.available_days or 0):
        yield Finding(
            "team",
            f"a team of {plan.team.size} takes {plan.total_days:g} working days with the buffer, "
            f"{plan.available_days:g} are available",
            f"add people, move the date, or cut scope{_cuts(view)}",
            "team",
        )


def _cuts(view: ProjectView) -> str:
    ids = [cut.feature.id for cut in view.plan.cuts] if view.plan else []
    return f" (first {', '.join(ids)})" if ids else ""


@rule("P03", DEFER, "process", 9)
def nobody_decides(view: ProjectView) -> Iterator[Finding]:
    """The gates between phases have nobody who says go or no-go."""
    if not view.answer("decision_makers").known:
        yield Finding(
            "gates",
            "nobody is named who decides at the gates G-1 to G-3",
            "name those who decide",
            "decision_makers",
        )


@rule("P04", DEFER, "process", 9)
def risk_unattended(view: ProjectView) -> Iterator[Finding]:
    """A risk of high impact has no mitigation, no trigger or no owner."""
    for risk in view.items("risks"):
        required = {"mitigation": risk.text, "trigger": risk.get("trigger"), "owner": risk.get("owner")}
        lacks = [key for key, value in required.items() if not value]
        if lacks and risk.get("impact") == "high":
            yield Finding(
                view.id("RISK", risk.name),
                f'risk "{risk.name}" of high impact has no {", no ".join(lacks)}',
                f"give it {', '.join(lacks)}",
                "risks",
            )


@rule("P08", DEFER, "process", 9)
def no_buffer(view: ProjectView) -> Iterator[Finding]:
    """The date is fixed, and no buffer is kept back for what nobody foresees."""
    given = view.details("timeline")
    if view.answer("buffer_percent").value == 0 and (given.get("deadline") or given.get("fixed") == "date"):
        yield Finding(
            "buffer",
            "buffer_percent is 0, and the date is fixed",
            "keep back 10 to 25 percent, or fix the scope and not the date",
            "buffer_percent",
        )


@rule("P10", DEFER, "missing", 9)
def timeline_without_end(view: ProjectView) -> Iterator[Finding]:
    """A timeline has neither weeks nor a deadline, so that nothing tells whether the plan fits."""
    given = view.details("timeline")
    if given and not (given.get("weeks") or given.get("deadline")):
        yield Finding("end", "timeline has neither weeks nor a deadline", "give it one of the two", "timeline")


@rule("P11", DEFER, "process", 7)
def gate_without_effect(view: ProjectView) -> Iterator[Finding]:
    """Several people build it or others use it, and nothing stops for gaps that come before coding."""
    many = view.details("team").get("size", 1) != 1 or view.answer("distribution").value in ("partner", "public")
    if many and view.answer("gap_gate").value == "report_only":
        yield Finding(
            "gap_gate",
            "gap_gate is report_only, so that a build goes on with gaps to resolve before coding",
            "answer gap_gate with must_resolve",
            "gap_gate",
        )
