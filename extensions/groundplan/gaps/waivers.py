"""Rules about waivers: does each accepted gap have an owner, a reason and an end, and does it still exist?"""

from __future__ import annotations

from collections.abc import Iterator

from ..name_matching import id_part
from ..project_view import ProjectView
from .model import DEFER, RULES, Finding, found, lacking, rule


@rule("W01", DEFER, "process", 7)
def waiver_incomplete(view: ProjectView) -> Iterator[Finding]:
    """A gap is accepted without a reason, an owner or an end, so that it stays open."""
    for waiver in view.items("gap_waivers"):
        if lacks := lacking(waiver):
            yield Finding(
                id_part(waiver.name.replace("-", " ")),
                f"{waiver.name} is accepted with no {', no '.join(lacks)}, so that it stays open",
                f"give it {', '.join(lacks)}, or close the gap",
                "gap_waivers",
            )


@rule("W02", DEFER, "process", 7)
def waiver_without_gap(view: ProjectView) -> Iterator[Finding]:
    """A gap is accepted that does not exist, or no longer does."""
    waivers = view.items("gap_waivers")
    others = [it for it in RULES.values() if waivers and it.check is not waiver_without_gap]
    existing = {name for gap in found(view, others) for name in (gap.id, gap.rule)}
    for waiver in waivers:
        if waiver.name not in existing:
            yield Finding(
                id_part(waiver.name.replace("-", " ")),
                f"{waiver.name} is accepted, and there is no such gap",
                "take it out of gap_waivers, or name a gap that `plan gaps` lists",
                "gap_waivers",
            )
