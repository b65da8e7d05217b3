"""What a gap is, and how a rule is entered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from ..domain import Item
from ..provenance import Names, noting, told
from ..questionnaire import BY_NAME, REQUIREMENTS
from .facts import Facts, mark

MUST = "must"
"""To be resolved before coding."""
DEFER = "defer"
"""Can wait for the implementation."""


@dataclass(frozen=True)
class Finding:
    """One thing that a rule found."""

    subject: str
    """What it is about, in a word or an id; with the rule's id it is the gap's stable id."""
    message: str
    fix: str
    question: str
    """The answer that closes it."""


@told(lambda gap, part: gap.answers if part in ("message", "fix", "id") else ())
@dataclass(frozen=True)
class Gap:
    """A finding with its rule's verdict."""

    rule: str
    category: str
    kind: str
    checkpoint: int
    subject: str
    message: str
    fix: str
    question: str
    waived_because: str = ""
    waived_by: str = ""
    waived_until: str = ""
    """The day up to which somebody accepts it; whether that has passed is for the project's checker to tell."""

    answers: Names = field(default=frozenset(), compare=False)
    """The questions that it was found by."""

    @property
    def id(self) -> str:
        return f"{self.rule}-{self.subject}" if self.subject else self.rule

    @property
    def waived(self) -> bool:
        return bool(self.waived_until)

    @property
    def must(self) -> bool:
        return self.category == MUST and not self.waived

    def __str__(self) -> str:
        return f"{self.id}: {self.message}. Fix: {self.fix}."


Check = Callable[[Facts], Iterator[Finding]]


@dataclass(frozen=True)
class Rule:
    """A check with the guide's category (when to resolve), its kind, and the checkpoint that it belongs to."""

    id: str
    category: str
    kind: str
    checkpoint: int
    check: Check = field(compare=False)

    @property
    def title(self) -> str:
        return (self.check.__doc__ or "").strip().splitlines()[0]


RULES: dict[str, Rule] = {}


def rule(id: str, category: str, kind: str, checkpoint: int) -> Callable[[Check], Check]:
    """Enter a check under its id."""

    def enter(check: Check) -> Check:
        RULES[id] = Rule(id, category, kind, checkpoint, check)
        return check

    return enter


REQUIREMENTS_GATHERED = 2


def _checkpoint(rule: Rule, finding: Finding) -> int:
    """What a rule about requirements finds belongs to the phase that asks the question; all else to the rule's."""
    phase = BY_NAME[finding.question].number.partition(".")[0] if finding.question in BY_NAME else ""
    return int(phase) if phase and rule.checkpoint == REQUIREMENTS_GATHERED else rule.checkpoint


def find(facts: Facts) -> tuple[Gap, ...]:
    """Every gap, in the order of the rules' ids and, within a rule, of the answers; each id once."""
    return tuple(_waived(gap, facts) for gap in found(facts, RULES.values()))


def found(facts: Facts, rules: Iterable[Rule]) -> tuple[Gap, ...]:
    """What some of the rules find, whoever accepts it."""
    every = dict.fromkeys(gap for rule in sorted(rules, key=lambda it: it.id) for gap in _gaps(rule, facts))
    times = Counter(gap.id for gap in every)
    return tuple(_marked(gap) if times[gap.id] > 1 else gap for gap in every)


def _marked(gap: Gap) -> Gap:
    """One of several whose names come out alike, told from the others by what it says."""
    return replace(gap, subject=f"{gap.subject}-{mark(gap.message)}")


def _gaps(rule: Rule, facts: Facts) -> Iterator[Gap]:
    """What a rule finds. One that goes through all answers speaks of those that it names, and not of the others."""
    with noting() as read:  # each gap tells of itself
        findings = tuple(rule.check(facts))
    read = set() if read.issuperset(REQUIREMENTS) else read
    for it in findings:
        named = {name for name in (it.question, it.subject) if name in BY_NAME}
        yield Gap(
            rule.id,
            rule.category,
            rule.kind,
            _checkpoint(rule, it),
            it.subject,
            it.message,
            it.fix,
            it.question,
            answers=frozenset(named | read),
        )


def _waived(gap: Gap, facts: Facts) -> Gap:
    """The gap with what the waiver that holds longest says of it, or as it is."""
    waivers = [it for it in facts.items("gap_waivers") if it.name in (gap.id, gap.rule) and not lacking(it)]
    if not waivers:
        return gap
    longest = max(waivers, key=lambda it: (str(it.get("until")), it.name == gap.id))
    owner, until = str(longest.get("owner")), str(longest.get("until"))
    return replace(gap, waived_because=longest.text, waived_by=owner, waived_until=until)


def lacking(waiver: Item) -> tuple[str, ...]:
    """What a waiver does not say, and without which it does not hold."""
    said = {"reason": waiver.text, "owner": waiver.get("owner"), "until": waiver.get("until")}
    return tuple(key for key, value in said.items() if not value)
