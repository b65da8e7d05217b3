"""Rules P: can it be done in time, by these people, and does somebody watch the risks?"""

from __future__ import annotations

from collections.abc import Iterator

from .facts import Facts
from .model import DEFER, MUST, Finding, rule


@rule("P01", MUST, "process", 9)
def path_too_long(facts: Facts) -> Iterator[Finding]:
    """Even with people without limit, the critical path does not fit into the timeline."""
    plan = facts.plan
    if plan and plan.available_days is not None and plan.least_days > plan.available_days:
        yield Finding(
            "timeline",
            f"the critical path takes {plan.least_days:g} working days with its buffer, "
            f"{plan.available_days:g} are available",
            f"move the date, or cut scope{_cuts(facts)}",
            "timeline",
        )


@rule("P02", MUST, "process", 9)
def team_too_small(facts: Facts) -> Iterator[Finding]:
    """The work fits into the timeline with more people, but not with this team."""
    plan = facts.plan
    if plan and plan.over_days and plan.least_days <= (plan.available_days or 0):
        yield Finding(
            "team",
            f"a team of {plan.team.size} takes {plan.total_days:g} working days with the buffer, "
            f"{plan.available_days:g} are available",
            f"add people, move the date, or cut scope{_cuts(facts)}",
            "team",
        )


def _cuts(facts: Facts) -> str:
    ids = [cut.feature.id for cut in facts.plan.cuts] if facts.plan else []
    return f" (first {', '.join(ids)})" if ids else ""


@rule("P03", DEFER, "process", 9)
def nobody_decides(facts: Facts) -> Iterator[Finding]:
    """The gates between phases have nobody who says go or no-go."""
    if not facts.answer("decision_makers").known:
        yield Finding(
            "gates",
            "nobody is named who decides at the gates G-1 to G-3",
            "name whoever decides",
            "decision_makers",
        )


@rule("P04", DEFER, "process", 9)
def risk_unattended(facts: Facts) -> Iterator[Finding]:
    """A risk of high impact has no mitigation, no trigger or no owner."""
    for risk in facts.items("risks"):
        said = {"mitigation": risk.text, "trigger": risk.get("trigger"), "owner": risk.get("owner")}
        lacks = [key for key, value in said.items() if not value]
        if lacks and risk.get("impact") == "high":
            yield Finding(
                facts.id("RISK", risk.name),
                f'risk "{risk.name}" of high impact has no {", no ".join(lacks)}',
                f"give it {', '.join(lacks)}",
                "risks",
            )
