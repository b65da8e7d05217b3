"""What a gap is, and how a rule is registered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from ..domain import Item
from ..project_view import ProjectView
from ..provenance import QuestionNames, tracked, tracking
from ..questionnaire import BY_NAME, REQUIREMENTS
from ..text import short_hash

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


@tracked(lambda gap, part: gap.because_of if part in ("message", "fix", "id") else ())
@dataclass(frozen=True)
class Gap:
    """A finding, classified by its rule."""

    rule: str
    """The id of its rule, from which `category` and `kind` come."""
    category: str
    kind: str
    checkpoint: int
    """That of its rule; for a requirement, the phase that asks about it."""
    subject: str
    message: str
    fix: str
    question: str
    waived_because: str = ""
    waived_by: str = ""
    waived_until: str = ""
    """The day up to which somebody accepts it; whether that has passed is for the project's checker to tell."""

    because_of: QuestionNames = field(default=frozenset(), compare=False)
    """The questions whose answers it was found in."""

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


Check = Callable[[ProjectView], Iterator[Finding]]


@dataclass(frozen=True)
class Rule:
    """A check, and how its findings are classified."""

    id: str
    """A letter and two digits: `A07`."""
    category: str
    """When its findings are to be resolved: `MUST` or `DEFER`."""
    kind: str
    """What its findings are: `missing`, `inconsistent`, `boundary`, `error`, `config`, `process`."""
    checkpoint: int
    """The number of the guide's checkpoint, 1 to 9, that its findings keep open."""
    check: Check = field(compare=False)

    @property
    def title(self) -> str:
        return (self.check.__doc__ or "").strip().splitlines()[0]


RULES: dict[str, Rule] = {}


RETIRED = frozenset(
    [
        *("B02", "B03", "B06", "B07"),
        *("C01", "C02", "C03", "C09", "C18"),
        *("D01", "D02", "D03", "D07", "D09"),
        *("E01", "E02", "E04"),
        *("P05", "P06", "P07"),
    ]
)
"""The ids of rules that are gone. Waivers of projects may still name them, and none may accept another gap."""


def rule(id: str, category: str, kind: str, checkpoint: int) -> Callable[[Check], Check]:
    """Register a check under its id, which no other rule has or had."""
    if id in RETIRED or id in RULES:
        raise ValueError(f"{id} is the id of another rule, or was one: take the next number of its letter")

    def register(check: Check) -> Check:
        RULES[id] = Rule(id, category, kind, checkpoint, check)
        return check

    return register


REQUIREMENTS_GATHERED = 2


def _checkpoint(rule: Rule, finding: Finding) -> int:
    """What a rule about requirements finds belongs to the phase that asks the question; all else to the rule's."""
    phase = BY_NAME[finding.question].number.partition(".")[0] if finding.question in BY_NAME else ""
    return int(phase) if phase and rule.checkpoint == REQUIREMENTS_GATHERED else rule.checkpoint


def find(view: ProjectView) -> tuple[Gap, ...]:
    """Every gap, in the order of the rules' ids and, within a rule, of the answers; each id once."""
    return tuple(_waived(gap, view) for gap in found(view, RULES.values()))


def found(view: ProjectView, rules: Iterable[Rule]) -> tuple[Gap, ...]:
    """What some of the rules find, waived or not; rules are about what was answered."""
    view = replace(view, product=view.product.answered)
    every = dict.fromkeys(gap for rule in sorted(rules, key=lambda it: it.id) for gap in _gaps(rule, view))
    times = Counter(gap.id for gap in every)
    return tuple(_marked(gap) if times[gap.id] > 1 else gap for gap in every)


def _marked(gap: Gap) -> Gap:
    """One of several with the same name, distinguished from the others by its message."""
    return replace(gap, subject=f"{gap.subject}-{short_hash(gap.message)}")


def _gaps(rule: Rule, view: ProjectView) -> Iterator[Gap]:
    """What a rule finds. One that goes through all answers speaks of those that it names, and not of the others."""
    with tracking() as read:  # each gap tells of itself
        findings = tuple(rule.check(view))
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
            because_of=frozenset(named | read),
        )


def _waived(gap: Gap, view: ProjectView) -> Gap:
    """The gap with what the waiver that holds longest says of it, or as it is."""
    waivers = [it for it in view.items("gap_waivers") if it.name in (gap.id, gap.rule) and not lacking(it)]
    if not waivers:
        return gap
    longest = max(waivers, key=lambda it: (str(it.get("until")), it.name == gap.id))
    owner, until = str(longest.get("owner")), str(longest.get("until"))
    return replace(gap, waived_because=longest.text, waived_by=owner, waived_until=until)


def lacking(waiver: Item) -> tuple[str, ...]:
    """What a waiver does not say, and without which it does not hold."""
    required = {"reason": waiver.text, "owner": waiver.get("owner"), "until": waiver.get("until")}
    return tuple(key for key, value in required.items() if not value)
