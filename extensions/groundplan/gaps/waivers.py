"""Rules W: is what was accepted accepted by somebody, for a reason, for a time, and still there?"""

from __future__ import annotations

from collections.abc import Iterator

from .facts import Facts, key
from .model import DEFER, RULES, Finding, found, lacking, rule


@rule("W01", DEFER, "process", 7)
def waiver_incomplete(facts: Facts) -> Iterator[Finding]:
    """A gap is accepted for no reason, by nobody or for ever, so that it stays open."""
    for waiver in facts.items("gap_waivers"):
        if lacks := lacking(waiver):
            yield Finding(
                key(waiver.name.replace("-", " ")),
                f"{waiver.name} is accepted with no {', no '.join(lacks)}, so that it stays open",
                f"give it {', '.join(lacks)}, or close the gap",
                "gap_waivers",
            )


@rule("W02", DEFER, "process", 7)
def waiver_of_nothing(facts: Facts) -> Iterator[Finding]:
    """A gap is accepted that is not there, or no longer."""
    waivers = facts.items("gap_waivers")
    others = [it for it in RULES.values() if waivers and it.check is not waiver_of_nothing]
    there = {name for gap in found(facts, others) for name in (gap.id, gap.rule)}
    for waiver in waivers:
        if waiver.name not in there:
            yield Finding(
                key(waiver.name.replace("-", " ")),
                f"{waiver.name} is accepted, and there is no such gap",
                "take it out of gap_waivers, or name a gap that `plan gaps` lists",
                "gap_waivers",
            )
