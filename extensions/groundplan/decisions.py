"""The outcome of every decision: the option, why it was taken, and why the others were not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from .answers import Answers
from .catalogue import Catalogue, Decision, Manager, Option, with_commands
from .domain import Product
from .drivers import Driver, holding, meaning
from .problems import Report, instead
from .provenance import QuestionNames, track, tracked, tracking
from .text import one_of, quoted

NOTHING = "nothing"
"""The name of the option when a decision does not apply."""

COSTLY_LINES = 150
"""The lines from which on changing a decision is expensive enough to justify a record."""


class How(StrEnum):
    """How a decision came about."""

    CHOSEN = "chosen"
    """Somebody chose the option."""
    AUTO = "auto"
    """The catalogue proposed it."""
    TBD = "tbd"
    """It stands in until it is decided."""
    SETTLED = "settled"
    """No other option is offered."""
    IDLE = "idle"
    """The decision does not apply, and there is no option."""


class Rejected(NamedTuple):
    """A rejected option, and why it was rejected in this project."""

    option: Option
    reason: str
    evidence: str = ""
    """The answers that speak against it, or for another option."""

    @property
    def why(self) -> str:
        return self.reason + self.evidence


@dataclass(frozen=True)
class Override:
    """The answers' own words about a decision, which replace the catalogue's."""

    why: str = ""
    rejected: tuple[tuple[str, str], ...] = ()
    revisit: str = ""
    confirmed_by: str = ""


KNOWN = ("decision", "because_of")
"""The attributes of a resolved decision that depend on no answer."""
EXPLAINED = ("rejected", "scores", "better", "reopened_by", "close", "noteworthy")
"""Those that depend on other answers than the decision's own."""


@tracked(lambda it, part: (it.decision.id, *(it.because_of if part in EXPLAINED else ())) if part not in KNOWN else ())
@dataclass(frozen=True)
class Resolved:
    """A decision with its outcome."""

    decision: Decision
    option: Option
    how: How
    drivers: tuple[Driver, ...]
    """The drivers that hold and speak for the option."""
    rejected: tuple[Rejected, ...]
    scores: tuple[tuple[str, int], ...]
    """The score of each offered option that is compatible with everything else."""
    better: Option | None
    """What `auto` would propose now, if that differs from what it recorded."""
    reopened_by: tuple[str, ...]
    """What would have to change for another option to be looked at again."""
    override: Override = Override()
    because_of: QuestionNames = field(default=frozenset(), compare=False)
    """The questions whose answers its reasons depend on."""
    recorded_why: str = ""
    """The reason that was recorded when the decision was changed."""
    manager: Manager | None = field(default=None, compare=False)
    """Who spells the commands in the words of its option."""
    has_record: bool = False
    """Whether it ever had its own record, which it keeps as long as it applies."""

    @property
    def why(self) -> str:
        """Somebody's own reason; empty without one."""
        return self.override.why or self.recorded_why

    @property
    def because(self) -> str:
        return self.override.why or self.option.because

    @property
    def confirmed_by(self) -> str:
        return self.override.confirmed_by or with_commands(self.option.confirmed_by, self.manager)

    @property
    def practice(self) -> str:
        return with_commands(self.option.practice, self.manager)

    @property
    def close(self) -> bool:
        """Whether another offered option scores as well, or nearly."""
        scores = dict(self.scores)
        mine = scores.pop(self.option.name, 0)
        return any(mine - other <= 1 for other in scores.values())

    @property
    def noteworthy(self) -> bool:
        """Whether it is worth its own record: somebody took it, or answers drive it and it is close or costly.

        Where nothing else goes with the answers and the other decisions, there was nothing to decide.
        """
        if self.how == How.IDLE:
            return False
        if self.how == How.CHOSEN or self.override.why or self.has_record:
            return True
        reversal = self.decision.reversal
        costly = reversal is not None and reversal.lines >= COSTLY_LINES
        return len(self.scores) > 1 and bool(self.drivers) and (self.close or costly)


@dataclass(frozen=True)
class _Pick:
    """An option for a decision, before it is explained."""

    option: Option
    how: How
    open: bool = False
    """Whether `auto` may still choose another option."""

    @property
    def firm(self) -> bool:
        """Whether somebody took it, or nothing else is offered."""
        return self.how in (How.CHOSEN, How.SETTLED)


def shared_value(decisions: Iterable[Resolved], part: Callable[[Option], str]) -> str:
    """A value that at most one of the chosen options has; decisions without it are not tracked."""
    for it in decisions:
        with tracking():
            words = part(it.option)
        if words:
            track(it.decision.id)
            return words
    return ""


def wording(decisions: Iterable[Resolved], topic: str) -> str:
    """The wording of the chosen options on a topic; empty if none has any."""
    return shared_value(decisions, lambda option: dict(option.wording).get(topic, ""))


def has(decisions: Iterable[Resolved], trait: str) -> bool:
    """Whether an option that was taken provides a trait."""
    return any(trait in it.option.provides for it in decisions)


def resolve(
    catalogue: Catalogue, answers: Answers, drivers: Sequence[Driver], recorded: Mapping[str, str]
) -> tuple[Resolved, ...]:
    """Decide everything; raise `Refused` for answers that name no option or options that do not go together.

    `recorded` has the options that stay although nobody chose them, so that `auto` does not drift.
    """
    report = Report()
    wanted = {it.id: _pick_answered(it, answers, recorded, drivers, report) for it in catalogue.decisions}
    advice = _propose(Advice(catalogue, tuple(drivers), wanted))
    clashing = [it for it in catalogue.decisions if advice.clash(it, advice.picks[it.id].option)]
    for decision in [it for it in clashing if advice.picks[it.id].how == How.CHOSEN] or clashing:
        _check(decision, advice, report)  # what nobody chose clashes because of what somebody did
    own = read_overrides(catalogue, answers, report)
    report.refuse()
    return tuple(
        _explain_tracked(decision, advice, own.get(decision.id, Override())) for decision in catalogue.decisions
    )


def _explain_tracked(decision: Decision, advice: Advice, override: Override) -> Resolved:
    """A decision with the answers that its reasons depend on."""
    with tracking() as answers:
        track(*advice.catalogue.related_decisions[decision.id])
        resolved = _explain(decision, advice, override)
    return replace(resolved, because_of=frozenset(answers), manager=advice.manager)


@dataclass(frozen=True)
class Advice:
    """What the answers speak for, decision by decision."""

    catalogue: Catalogue
    drivers: tuple[Driver, ...]
    picks: Mapping[str, _Pick]

    @cached_property
    def manager(self) -> Manager | None:
        """The package manager that was taken."""
        taken = (self.picks[it.id].option.footprint.manager for it in self.catalogue.decisions)
        return next(filter(None, taken), None)

    def clash_if_chosen(self, decision: Decision, option: Option) -> str:
        """What an option could not live with if somebody chose it, after all that nobody chose has given way."""
        return _propose(self.with_pick(decision, _Pick(option, How.CHOSEN))).clash(decision, option)

    def with_pick(self, decision: Decision, pick: _Pick) -> Advice:
        """The same with another pick for a decision."""
        return replace(self, picks={**self.picks, decision.id: pick})

    def may_move(self, decision: Decision) -> bool:
        """Whether nobody took an option that cannot be, and another one can."""
        pick = self.picks[decision.id]
        if pick.firm or not self.clash(decision, pick.option):
            return False
        return any(not self.clash(decision, it) for it in decision.offered)

    def best(self, decision: Decision) -> Option:
        """The option that `auto` would take, going with everything else."""
        return _best(self.fitting(decision), self.drivers)

    def because(self, decision: Decision) -> str:
        """The answers that speak for the best option, in one line; empty when none does."""
        return _join_causes(_drivers_for(self.best(decision), self.drivers))

    def clash(self, decision: Decision, option: Option) -> str:
        """Why an option conflicts with the answers or the other decisions; empty if it does not."""
        if self.is_idle(decision):
            chosen = self.picks[decision.id].how == How.CHOSEN
            return f"there is nothing to decide. {decision.not_applicable}".rstrip(".") if chosen else ""
        taken = self
        if decision.offered_traits & self.catalogue.subjects:  # what others are about may come or go with the option
            taken = self.with_pick(decision, replace(self.picks[decision.id], option=option))
        others = taken._others(decision)
        return _clash(option, others, self.drivers, self.catalogue) or taken._ruled_out_by(decision, option)

    def is_idle(self, decision: Decision) -> bool:
        """Whether a decision does not apply to the product."""
        return decision.id in self._idle

    @cached_property
    def _idle(self) -> frozenset[str]:
        """The decisions that do not apply, determined first for those on which others depend."""
        held = {driver.name for driver in self.drivers}

        def is_idle(decision: Decision) -> bool:
            if not decision.applies_when:
                return False
            others = (
                it
                for it in self.catalogue.decisions
                if it is not decision and it.offered_traits & set(decision.applies_when)
            )
            given = (trait for it in others if not is_idle(it) for trait in self.picks[it.id].option.provides)
            return held.union(given).isdisjoint(decision.applies_when)

        return frozenset(it.id for it in self.catalogue.decisions if is_idle(it))

    def _others(self, decision: Decision) -> tuple[Option, ...]:
        """The options of the other decisions that are no longer open, and are about something."""
        others = (it.id for it in self.catalogue.decisions if it.id != decision.id and it.id not in self._idle)
        return tuple(self.picks[id].option for id in others if not self.picks[id].open)

    def _ruled_out_by(self, decision: Decision, option: Option) -> str:
        """Why another chosen option rules this one out; empty if none does."""
        lost = {trait for it in decision.offered for trait in it.provides} - set(option.provides)
        needy = [(id, pick) for id, pick in self.picks.items() if pick.firm and pick.option.needs and id != decision.id]
        for id, pick in needy:
            others = (it.option for key, it in self.picks.items() if key not in (id, decision.id))
            given = {trait for it in others for trait in it.provides}
            if missing := [trait for trait in pick.option.needs if trait in lost - given]:
                return f"{pick.option.label} ({id}) needs {_name_providers(missing[0], self.catalogue)}"
        for other in self.catalogue.decisions:
            pick = self.picks[other.id]
            if pick.how == How.CHOSEN and lost.intersection(other.applies_when) and self.is_idle(other):
                return f"{pick.option.label} ({other.id}) would have nothing to do"
        return ""

    def fitting(self, decision: Decision) -> tuple[Option, ...]:
        """The offered options that are compatible with everything else; all of them if none is."""
        return tuple(it for it in decision.offered if not self.clash(decision, it)) or decision.offered


def advise(catalogue: Catalogue, answers: Answers, product: Product, recorded: Mapping[str, str]) -> Advice:
    """What answers that may still be incomplete speak for."""
    drivers = holding(answers, product)
    wanted = {it.id: _pick_answered(it, answers, recorded, drivers, Report()) for it in catalogue.decisions}
    return _propose(Advice(catalogue, drivers, wanted))


def _pick_answered(
    decision: Decision, answers: Answers, recorded: Mapping[str, str], drivers: Sequence[Driver], report: Report
) -> _Pick:
    """The answered option; for `auto` and `tbd` the recorded one, or else the best by drivers alone."""
    answer = answers[decision.id]
    how = How.TBD if decision.id in answers and answer.state == "tbd" else How.AUTO
    wanted = answer.value if answer.state in ("value", "tbd") else answer.state
    if wanted not in (None, "auto"):
        option = decision.option(wanted) if isinstance(wanted, str) else None
        if option is not None and option.offered:
            return _Pick(option, How.CHOSEN)
        planned = "is planned and not offered yet" if option else "is not an option"
        report.add(
            decision.id, f"{quoted(wanted)} {planned}", instead(wanted, decision.answers, "choose an offered option")
        )
    if decision.settled:
        return _Pick(decision.offered[0], How.SETTLED)
    kept = decision.option(recorded.get(decision.id, ""))
    if kept is not None and kept.offered:
        return _Pick(kept, how)
    return _Pick(_best(decision.offered, drivers), how, open=True)


def _propose(advice: Advice) -> Advice:
    """Replace the picks that are still open by the best options that go with everything else.

    One that was recorded for `auto` is opened again when it does not go with what is decided now. Each round settles at
    least one of them, so there are no more rounds than decisions. What needs others is settled last.
    """
    decisions = advice.catalogue.decisions
    others_first = sorted(decisions, key=lambda it: any(option.needs for option in it.offered))
    for _ in decisions:
        for decision in others_first:
            pick = advice.picks[decision.id]
            if pick.open:
                best = advice.best(decision)
                advice = advice.with_pick(decision, replace(pick, option=best, open=False))
        stuck = next(filter(advice.may_move, decisions), None)
        if stuck is None:
            break
        advice = advice.with_pick(stuck, replace(advice.picks[stuck.id], open=True))
    return advice


def _check(decision: Decision, advice: Advice, report: Report) -> None:
    """Report an option that cannot live with the answers or with what else was decided."""
    option = advice.picks[decision.id].option
    clash = advice.clash(decision, option)
    way_out = [it.name for it in decision.offered if not advice.clash(decision, it)]
    if advice.is_idle(decision):
        way_out = ["auto"]
    fix = f"set {decision.id} to {one_of(way_out)}" if way_out else "change one of the two"
    report.add(decision.id, f"{option.label} is not possible: {clash}", fix)


def _clash(option: Option, others: Iterable[Option], drivers: Iterable[Driver], catalogue: Catalogue) -> str:
    """What an option cannot live with, or an empty string."""
    for driver in drivers:
        if driver.name in option.conflicts:
            return driver.because
    others = tuple(others)
    for other in others:
        if shared := set(option.conflicts) & set(other.provides) or set(other.conflicts) & set(option.provides):
            return f"it does not go with {other.label} ({min(shared)})"
    provided = {trait for other in others for trait in other.provides}
    missing = [trait for trait in option.needs if trait not in provided]
    return f"it needs {_name_providers(missing[0], catalogue)}" if missing else ""


def _name_providers(trait: str, catalogue: Catalogue) -> str:
    """The options that provide a trait, with the answers that take them: `Services (architecture_style)`."""
    found = [f"{it.label} ({decision.id})" for decision in catalogue.decisions for it in decision.offered_with(trait)]
    return one_of(found) or f"{trait}, which nothing provides"


def _score(option: Option, drivers: Iterable[Driver]) -> int:
    weights = dict(option.drivers)
    return sum(weights.get(driver.name, 0) for driver in drivers)


def _best(options: Iterable[Option], drivers: Sequence[Driver]) -> Option:
    """The option with the highest score; `max` keeps the first of equals, which is the simpler one."""
    return max(options, key=lambda option: _score(option, drivers))


def _explain(decision: Decision, advice: Advice, override: Override) -> Resolved:
    if advice.is_idle(decision):
        return _resolve_idle(decision)
    pick, drivers, fitting = advice.picks[decision.id], advice.drivers, advice.fitting(decision)
    option, best = pick.option, _best(fitting, drivers)
    # Words against the option that was taken belong to an earlier choice.
    override = Override() if option.name in dict(override.rejected) else override
    own_words = dict(override.rejected)
    return Resolved(
        decision=decision,
        option=option,
        how=pick.how,
        drivers=_drivers_for(option, drivers),
        rejected=tuple(
            Rejected(other, own_words[other.name])
            if own_words.get(other.name)
            else _reject(other, option, drivers, advice.clash(decision, other) if other.offered else "")
            for other in decision.options
            if other is not option
        ),
        scores=tuple((it.name, _score(it, drivers)) for it in fitting),
        better=best if not pick.firm and _score(best, drivers) > _score(option, drivers) else None,
        reopened_by=(override.revisit,) if override.revisit else _find_triggers(decision, option, drivers),
        override=override,
    )


def _resolve_idle(decision: Decision) -> Resolved:
    """The outcome of a decision that does not apply: it adds nothing, and rejects nothing."""
    nothing = Option(NOTHING, label="Nothing", because=decision.not_applicable, cost="", rejected="")
    return Resolved(decision, nothing, How.IDLE, drivers=(), rejected=(), scores=(), better=None, reopened_by=())


def _drivers_for(option: Option, drivers: Iterable[Driver], against: Option | None = None) -> tuple[Driver, ...]:
    """The drivers that speak for an option, more than for another one."""
    mine, theirs = dict(option.drivers), dict(against.drivers) if against else {}
    return tuple(it for it in drivers if mine.get(it.name, 0) > max(theirs.get(it.name, 0), 0))


def _drivers_against(option: Option, taken: Option, drivers: Iterable[Driver]) -> tuple[Driver, ...]:
    """The drivers that speak against an option, more than against the one that was taken."""
    mine, theirs = dict(option.drivers), dict(taken.drivers)
    return tuple(it for it in drivers if mine.get(it.name, 0) < min(theirs.get(it.name, 0), 0))


def _reject(option: Option, taken: Option, drivers: Sequence[Driver], clash: str) -> Rejected:
    """An option with what it cannot live with, else with the catalogue's reason and what the answers say of it."""
    return Rejected(option, f"not possible, because {clash}") if clash else _weigh(option, taken, drivers)


def _weigh(option: Option, taken: Option, drivers: Sequence[Driver]) -> Rejected:
    """An option that could be: the answers speak against it, for the one that was taken, or nevertheless for it."""
    if against := _drivers_against(option, taken, drivers):
        return Rejected(option, option.rejected, f" (against it: {_join_causes(against)})")
    if option.offered and (for_taken := _drivers_for(taken, drivers, against=option)):
        return Rejected(option, option.rejected, f" (for {taken.label}: {_join_causes(for_taken)})")
    if for_it := _drivers_for(option, drivers, against=taken):
        return Rejected(option, option.rejected, f", although {_join_causes(for_it)}")
    return Rejected(option, option.rejected)


def _join_causes(drivers: Iterable[Driver]) -> str:
    return "; ".join(dict.fromkeys(driver.because for driver in drivers))


def _find_triggers(decision: Decision, option: Option, drivers: Sequence[Driver]) -> tuple[str, ...]:
    """The drivers that do not hold yet and that alone would make another offered option the better one."""
    held = {driver.name for driver in drivers}
    mine = dict(option.drivers)
    names = [
        name
        for other in decision.offered
        if other is not option
        for name, weight in other.drivers
        if name not in held and _score(other, drivers) + weight > _score(option, drivers) + mine.get(name, 0)
    ]
    return tuple(f"if {meaning(name)}" for name in dict.fromkeys(names))


def read_overrides(catalogue: Catalogue, answers: Answers, report: Report) -> dict[str, Override]:
    """The answer `decision_overrides`, checked."""
    raw = answers["decision_overrides"].value
    if raw is None:
        return {}
    known = {decision.id: decision for decision in catalogue.decisions}
    found: dict[str, Override] = {}
    for id, entry in _mapping(raw, "decision_overrides", report).items():
        where = f"decision_overrides.{id}"
        if decision := known.get(str(id)):
            found[decision.id] = _override(decision, _mapping(entry, where, report), where, report)
        else:
            report.add(where, "is not a decision", instead(id, tuple(known), "name one of the architecture guide"))
    return found


def _override(decision: Decision, entry: Mapping[object, object], where: str, report: Report) -> Override:
    keys = ("why", "rejected", "revisit", "confirmed_by")
    for key in entry:
        if key not in keys:
            report.add(f"{where}.{key}", "is not known", instead(key, keys, f"use {one_of(keys)}"))
    options = tuple(option.name for option in decision.options)
    rejected: list[tuple[str, str]] = []
    for name, reason in _mapping(entry.get("rejected") or {}, f"{where}.rejected", report).items():
        if name not in options:
            report.add(
                f"{where}.rejected.{name}", "is not an option", instead(name, options, f"name {one_of(options)}")
            )
        rejected.append((str(name), _text(reason, f"{where}.rejected.{name}", report)))
    return Override(
        why=_text(entry.get("why"), f"{where}.why", report),
        rejected=tuple(rejected),
        revisit=_text(entry.get("revisit"), f"{where}.revisit", report),
        confirmed_by=_text(entry.get("confirmed_by"), f"{where}.confirmed_by", report),
    )


def _mapping(raw: object, where: str, report: Report) -> Mapping[object, object]:
    if isinstance(raw, Mapping):
        return raw
    report.add(where, "is not a mapping", "write it as key: text, one per line")
    return {}


def _text(raw: object, where: str, report: Report) -> str:
    if raw is None or isinstance(raw, str):
        return " ".join((raw or "").split())
    report.add(where, f"{quoted(raw)} is not text", "put it in quotes")
    return ""
