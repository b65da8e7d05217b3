"""What `plan` reports: checkpoints, quality indicators and advice, and findings as JSON, SARIF or Markdown.

`plan schema` prints what each JSON document holds.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from urllib.parse import quote

from scripts.planning import checks, effects
from scripts.planning.checks import DEFER, DRIFT, MUST, NOTE, Finding, Project
from scripts.planning.model import Question, Requirement

FORMAT = 1

LEVELS = {MUST: "error", DRIFT: "error", DEFER: "warning", NOTE: "note"}
"""How SARIF calls them."""

SARIF = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


@dataclass(frozen=True)
class Gate:
    """A checkpoint or a quality indicator, with what shows it and what keeps it open."""

    name: str
    title: str
    evidence: str
    open: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        return not self.open


@dataclass(frozen=True)
class Indicator:
    """One of the qualities that the documents as a whole must have."""

    name: str
    title: str
    evidence: Callable[[Project], str]
    vital: str
    """Gaps of answers, as a pattern of their ids, without which it is not met, whether they can wait or not."""
    about: str
    """Gaps that come before coding and drift, as a pattern of ids."""


TEXT, FLAG, NUMBER = {"type": "string"}, {"type": "boolean"}, {"type": "integer"}


def _list(of: object) -> dict[str, object]:
    return {"type": "array", "items": of}


def _object(**parts: object) -> dict[str, object]:
    """An object that has these parts and no others."""
    return {
        "type": "object",
        "properties": parts,
        "required": list(parts),
        "additionalProperties": False,
    }


TEXTS = _list(TEXT)
WAIVER = _object(because=TEXT, by=TEXT, until=TEXT, ended=FLAG)
FINDING = _object(
    id={**TEXT, "description": "rule and subject; the same as long as it is there"},
    rule=TEXT,
    level={
        "enum": list(LEVELS),
        "description": "must: comes before coding; defer: can wait; drift: disagrees with the model; note: only reported",
    },
    checkpoint=NUMBER,
    file=TEXT,
    line={**NUMBER, "description": "0: the whole file"},
    message=TEXT,
    fix=TEXT,
    question={**TEXT, "description": "whose answer closes it, or empty"},
    waiver={
        "anyOf": [{"type": "null"}, WAIVER],
        "description": "until it ended, it counts nowhere",
    },
)
CHECKPOINT = _object(
    number=NUMBER, title=TEXT, state={"enum": ["ok", "open", "differs"]}, evidence=TEXT
)
GATE = _object(
    gate={**TEXT, "description": "1 to 9, or Q1 to Q6"},
    title=TEXT,
    passed=FLAG,
    evidence=TEXT,
    findings={**_list(FINDING), "description": "those that keep it open"},
)
OPTION = _object(
    value={
        **TEXT,
        "description": "what `plan decide` takes once <...> is filled in; empty: say it in the form",
    },
    label=TEXT,
    reason={**TEXT, "description": "what speaks for it, or comes of it here"},
)
GAP = _object(id=TEXT, level={"enum": [MUST, DEFER]}, message=TEXT, fix=TEXT)
QUESTION = _object(
    question={**TEXT, "description": "the key of `plan decide KEY=VALUE`"},
    wording={**TEXT, "description": "the question to ask"},
    options={**_list(OPTION), "minItems": 2, "maxItems": 5, "description": "recommended one first"},
    more={**_list(OPTION), "description": "what else may be chosen"},
    form={**TEXT, "description": "how VALUE is written"},
    example={**TEXT, "description": "a VALUE of that form"},
    answer={**TEXT, "description": "what is answered today; empty where nothing is"},
    why={**FLAG, "description": "whether `plan decide` wants the reason, too: --why"},
    together={
        **TEXTS,
        "description": "whose answers this one names: ask them first, decide all in one command",
    },
    closes={**NUMBER, "description": "how many gaps its answer closes"},
    must={**NUMBER, "description": "how many of them come before coding"},
    gaps=_list(GAP),
)
REQUIREMENT = _object(
    **dict.fromkeys(("id", "name", "priority", "task", "tests"), TEXT),
    **dict.fromkeys(("services", "endpoints", "events", "criteria"), TEXTS),
    states={
        "type": "object",
        "additionalProperties": {"enum": [checks.OPEN, checks.DONE, checks.NONE]},
    },
)
ABOUT: dict[str, object] = {
    "project": TEXT,
    "today": {**TEXT, "description": "the day for which waivers count"},
}
CHANGED: dict[str, object] = {
    "brought": FLAG,
    "effects": {
        **_object(**dict.fromkeys(effects.TITLES, TEXTS)),
        "additionalProperties": {**TEXTS, "description": "what only a newer template tells"},
    },
}
DOCUMENTS: dict[str, dict[str, object]] = {
    "check": {
        **ABOUT,
        "complete": FLAG,
        "checkpoints": _list(CHECKPOINT),
        "findings": _list(FINDING),
    },
    "gaps": {**ABOUT, "findings": _list(FINDING)},
    "gate": {**ABOUT, "passed": FLAG, "gates": _list(GATE)},
    "next": {**ABOUT, "questions": _list(QUESTION)},
    "trace": {
        **ABOUT,
        "what": TEXT,
        "explanation": {
            **TEXTS,
            "description": "what documents say of a target, metric, job or workflow",
        },
        "requirements": _list(REQUIREMENT),
    },
    "routes": {
        "file": TEXT,
        "changed": FLAG,
        "routes": {**TEXTS, "description": "the method and path of each"},
    },
    "advise": {
        **ABOUT,
        "advice": _list(_object(kind={"enum": ["consolidate", "keep separate"]}, text=TEXT)),
    },
    "archive": {"moved": TEXT, "to": TEXT, "links": TEXTS},
    "why": {
        "what": TEXT,
        "answers": {**TEXTS, "description": "what made it, or the answer itself"},
        "files": {
            **_list(_object(file=TEXT, lines=_list(NUMBER))),
            "description": "what they made",
        },
        "explanation": {**TEXTS, "description": "the same as text"},
    },
    "decide": CHANGED,
    "update": CHANGED,
    "undo": {"undone": FLAG},
}
"""What the JSON of each command holds, in addition to its format and the command."""


def schema() -> dict[str, object]:
    """A JSON Schema of all documents; its format is raised when a reader of today could misread one."""
    shapes = [
        _object(format={"const": FORMAT}, command={"const": command}, **parts)
        for command, parts in DOCUMENTS.items()
    ]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "oneOf": shapes}


def count(number: int, noun: str, many: str = "") -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {many or f'{noun}s'}"


def _open_gaps(project: Project) -> list[Finding]:
    """The gaps that nobody accepts today."""
    return [it for it in checks.gaps(project) if not it.waived]


def _rationale(project: Project) -> str:
    decisions = project.model.decisions
    records = sum(it.startswith("Decisions/") for it in project.model.documents)
    unreasoned = len({it.subject for it in _open_gaps(project) if it.rule in ("D12", "D15")})
    return f"{len(decisions) - unreasoned} of {len(decisions)} decisions have a reason, {records} records"


def _agreement(project: Project) -> str:
    ids = sum(len(it.ids) for it in project.live.values())
    documents = [it for it in project.model.generated if it.sums and it.file in project.managed]
    as_made = sum(it.is_as_made(project.root) for it in documents)
    compared = f"{count(len(project.model.tables), 'table')} and {count(ids, 'id')} in {len(project.live)} documents"
    return f"{compared}; {as_made} of {len(documents)} are as they were made"


def _boundaries(project: Project) -> str:
    services = project.model.services
    return f"{count(len(services), 'service')}, {sum(len(it.entities) for it in services)} owned kinds of records"


def _errors(project: Project) -> str:
    catalogue = next(
        (it for it in project.model.tables if it.header[:2] == ("Status", "Title")), None
    )
    statuses = count(len(catalogue.rows) if catalogue else 0, "status", "statuses")
    open_gaps = sum(it.rule.startswith("C") for it in _open_gaps(project))
    return f"{statuses} of errors, {count(open_gaps, 'gap')} in handling them"


def _metrics(project: Project) -> str:
    return count(sum(it.startswith("SM-") for it in project.model.ids), "success metric")


def _plan(project: Project) -> str:
    tasks = project.model.tasks
    hours = [it.hours for it in tasks if it.hours is not None]
    work = f", {sum(hours)} hours" if hours else ""
    return f"{count(len(tasks), 'task')}{work}; {project.model.verdict}"


INDICATORS = (
    Indicator(
        "Q1",
        "All decisions have a documented rationale",
        _rationale,
        r"D12-|D15-",
        r"D|(X0\d|X1\d)-Planning/Decisions/|X02-Planning/ArchitectureGuide",
    ),
    Indicator(
        "Q2",
        "No conflicting information between documents",
        _agreement,
        r"$.",
        r"A1[3569]-|D05|X0[12479]-|X1[23]-",
    ),
    Indicator(
        "Q3",
        "Clear service boundaries and responsibilities",
        _boundaries,
        r"A0[1-4]-(services|data_entities)$|A28-services",
        r"B|C1[89]-|Y0[145]-|X10-Planning/ServiceSpecifications/",
    ),
    Indicator(
        "Q4",
        "Comprehensive error handling strategy",
        _errors,
        r"A0[1-4]-(failure_handling|error_classes|external_apis)$",
        r"C0[457]-|C1[23]-|Y03-",
    ),
    Indicator(
        "Q5",
        "Defined success metrics",
        _metrics,
        r"A0[1-4]-success_metrics$",
        r"A10-|X02-Planning/PRD.md SM-",
    ),
    Indicator(
        "Q6",
        "Actionable implementation plan",
        _plan,
        r"A0[1-4]-(timeline|team|mvp_features)$|A28-mvp_features",
        r"P0[12]|A15-|B04-|(X02|X10|X12)-Planning/ImplementationPlan|X09-Planning/tasks",
    ),
)


def gates(project: Project, found: Sequence[Finding]) -> tuple[Gate, ...]:
    """The nine checkpoints and the six indicators; a gate is open for gaps that come first, and for drift."""
    shown = evidence(project, found)
    nine = (
        Gate(
            str(it.number),
            it.title,
            shown[it.number],
            tuple(finding for finding in found if finding.blocks and _belongs(finding, it.number)),
        )
        for it in project.model.checkpoints
    )
    return (*nine, *(_judged(it, project, found) for it in INDICATORS))


def _belongs(finding: Finding, number: int) -> bool:
    """Every gap that comes before coding belongs to the checkpoint that asks for gaps, too."""
    return finding.checkpoint == number or (number == checks.GAPS and finding.level == MUST)


def _judged(it: Indicator, project: Project, found: Sequence[Finding]) -> Gate:
    mine = tuple(
        finding
        for finding in found
        if (finding.blocks and re.match(it.about, finding.id))
        or (not finding.waived and re.match(it.vital, finding.id))
    )
    return Gate(it.name, it.title, it.evidence(project), mine)


def evidence(project: Project, found: Sequence[Finding]) -> dict[int, str]:
    """What shows each checkpoint: what the answers say, and what files do."""
    root, model = project.root, project.model
    present = sum((root / "Planning" / name).is_file() for name in model.documents)
    coded = sum((root / "services" / it.name).is_dir() for it in model.services)
    links = sum(len(document.links) for document in project.documents.values())
    states = list(project.states.values())
    done = states.count(checks.DONE)
    open_gaps = [it for it in found if it.level in (MUST, DEFER) and not it.waived]
    must, waived = sum(it.level == MUST for it in open_gaps), sum(it.waived for it in found)
    later = Counter(
        it.checkpoint
        for it in open_gaps
        if it.level == DEFER and it.checkpoint != checks.GAPS  # which counts them all
    )
    files = {
        checks.DOCUMENTS: f"{present} of {len(model.documents)} documents",
        checks.SCAFFOLD: f"{coded} of {count(len(model.services), 'service has', 'services have')} code",
        checks.GAPS: f"{must} to resolve before coding, {len(open_gaps) - must} can wait"
        + (f", {waived} waived" if waived else ""),
        checks.CONSISTENCY: f"{len(model.tables)} tables and {links} links compared",
        checks.PLAN: f"{done} of {len(states)} acceptance criteria have a test that must pass",
    }
    return {
        it.number: "; ".join(
            filter(None, (it.evidence, files.get(it.number, ""), _waiting(later[it.number])))
        )
        for it in model.checkpoints
    }


def _waiting(number: int) -> str:
    return f"{count(number, 'gap')} can wait: `plan gaps`" if number else ""


def state(number: int, found: Iterable[Finding]) -> str:
    """`ok` where the gate of a checkpoint is passed, else `differs` for drift and `open` for gaps."""
    held = {it.level for it in found if it.blocks and _belongs(it, number)}
    return "differs" if DRIFT in held else "open" if held else "ok"


def as_json(command: str, **parts: object) -> str:
    """A document of the shape that the schema describes."""
    return json.dumps({"format": FORMAT, "command": command} | parts, indent=2)


def _about(project: Project, command: str, **parts: object) -> str:
    """A document about what is there on a day."""
    return as_json(command, project=project.model.project, today=project.today, **parts)


def plain(found: Iterable[Finding]) -> list[dict[str, object]]:
    return [
        {"id": it.id} | {key: part for key, part in asdict(it).items() if key != "subject"}
        for it in found
    ]


def checked(project: Project, found: Sequence[Finding]) -> str:
    """`plan check --json`."""
    shown = evidence(project, found)
    nine = [
        {
            "number": it.number,
            "title": it.title,
            "state": state(it.number, found),
            "evidence": shown[it.number],
        }
        for it in project.model.checkpoints
    ]
    complete = not any(it.blocks for it in found)
    return _about(project, "check", complete=complete, checkpoints=nine, findings=plain(found))


def listed(project: Project, found: Sequence[Finding]) -> str:
    """`plan gaps --json`."""
    return _about(project, "gaps", findings=plain(found))


def gated(project: Project, asked: Sequence[Gate]) -> str:
    """`plan gate --json`."""
    shown = [
        {
            "gate": it.name,
            "title": it.title,
            "passed": it.passed,
            "evidence": it.evidence,
            "findings": plain(it.open),
        }
        for it in asked
    ]
    return _about(project, "gate", passed=all(it.passed for it in asked), gates=shown)


def traced(
    project: Project, what: str, explanation: Sequence[str], wanted: Sequence[Requirement]
) -> str:
    """`plan trace --json`."""
    states = project.states
    shown = [
        asdict(it)
        | {
            "endpoints": project.endpoints(it),
            "states": {each: states[each] for each in it.criteria},
        }
        for it in wanted
    ]
    return _about(project, "trace", what=what, explanation=explanation, requirements=shown)


def ranked(project: Project) -> list[tuple[Question, list[Finding]]]:
    """The open questions with what their answers close: what closes most first, after what it names."""
    by_question: dict[str, list[Finding]] = {}
    for gap in checks.gaps(project):
        if not gap.waived:
            by_question.setdefault(gap.question, []).append(gap)
    pairs = {
        it.question: (it, by_question[it.question])
        for it in project.model.open
        if it.question in by_question
    }
    by_weight = sorted(pairs.values(), key=lambda it: (-_must(it[1]), -len(it[1])))
    order = (name for it, _ in by_weight for name in (*it.together, it.question))
    return [pairs[name] for name in dict.fromkeys(order) if name in pairs]


def first(
    ranked: Sequence[tuple[Question, list[Finding]]], number: int
) -> list[tuple[Question, list[Finding]]]:
    """The first so many questions, with those that must be decided together with one of them."""
    names = {name for it, _ in ranked[:number] for name in (it.question, *it.together)}
    return [pair for pair in ranked if pair[0].question in names]


def _must(found: Iterable[Finding]) -> int:
    return sum(it.level == MUST for it in found)


def upcoming(project: Project, asked: Sequence[tuple[Question, list[Finding]]]) -> str:
    """`plan next --json`."""
    shown = [
        asdict(question)
        | {
            "closes": len(closed),
            "must": _must(closed),
            "gaps": [
                {"id": it.id, "level": it.level, "message": it.message, "fix": it.fix}
                for it in closed
            ],
        }
        for question, closed in asked
    ]
    return _about(project, "next", questions=shown)


def markdown(project: Project, found: Sequence[Finding]) -> str:
    """Findings as a table for a comment or a wiki."""
    lines = [f"# {project.model.project}: {count(len(found), 'finding')}", ""]
    if found:
        lines += [
            "| Id | Level | Place | Finding | Fix | Answer |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
    for it in found:
        level = f"waived until {it.waiver.until}" if it.waived and it.waiver else it.level
        cells = (it.id, level, it.place, it.message, it.fix, it.question)
        lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return re.sub(r"([\\|<*_`\[\]])", r"\\\1", " ".join(text.split()))


def sarif(project: Project, found: Sequence[Finding]) -> str:
    """Findings as SARIF 2.1.0, which code hosts and editors show at their places."""
    titles = checks.RULES | {it.id: it.title for it in project.model.rules}
    used = sorted({it.rule for it in found})
    rules = [
        {
            "id": rule,
            "shortDescription": {"text": titles[rule]},
            "help": {"text": f"{titles[rule]} {next(it.fix for it in found if it.rule == rule)}."},
        }
        for rule in used
    ]
    driver = {"name": "plan", "rules": rules}
    run = {
        "tool": {"driver": driver},
        "results": [_result(it, used.index(it.rule)) for it in found],
    }
    return json.dumps({"$schema": SARIF, "version": "2.1.0", "runs": [run]}, indent=2)


def _result(it: Finding, rule: int) -> dict[str, object]:
    where: dict[str, object] = {
        "artifactLocation": {"uri": quote(it.file), "uriBaseId": "%SRCROOT%"}
    }
    if it.line:
        where["region"] = {"startLine": it.line}
    result: dict[str, object] = {
        "ruleId": it.rule,
        "ruleIndex": rule,
        "level": LEVELS[it.level],
        "message": {"text": f"{it.message}. Fix: {it.fix}."},
        "locations": [{"physicalLocation": where}],
        "partialFingerprints": {"plan/v1": it.id},
    }
    if it.waived and it.waiver:
        justification = f"{it.waiver.because} ({it.waiver})"
        result["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": justification}
        ]
    return result


SHARED, SCATTERED = 0.5, 4
"""From which share of common ids on two documents have one purpose; in how many an id is scattered."""

LEGAL = r"GDPR|HIPAA|personal data|privacy|data protection|lawful|retention|contract(?:ual)? dut(?:y|ies)"


def advised(project: Project, advice: Iterable[tuple[str, str]]) -> str:
    """`plan advise --json`."""
    shown = [{"kind": kind.casefold(), "text": text} for kind, text in advice]
    return _about(project, "advise", advice=shown)


def advice(project: Project) -> Iterator[tuple[str, str]]:
    """What to consolidate and what to keep separate, each with its numbers and places."""
    yield from (("Consolidate", it) for it in _consolidate(project))
    yield from (("Keep separate", it) for it in _keep_separate(project))


def _consolidate(project: Project) -> Iterator[str]:
    for it in checks.overlaps(project):
        if _apart(project, it.place, it.other) is None:
            places = f"{it.place}:{it.line} and {it.other}:{it.other_line}"
            yield f"{places} say the same to {it.share:.0%}: keep one, and link to it"
    named = {place: {it.text for it in document.ids} for place, document in project.own.items()}
    for (one, mine), (other, its) in combinations(sorted(named.items()), 2):
        shared = mine & its
        if len(shared) > 1 and len(shared) >= SHARED * len(mine | its):
            shared_ids = (
                f"{len(shared)} of {len(mine | its)} ids are in both: {', '.join(sorted(shared))}"
            )
            yield f"{one} and {other} serve one purpose ({shared_ids}): make one of them"
    holders = Counter(id for ids in named.values() for id in ids)
    for id, number in sorted(holders.items()):
        if number >= SCATTERED:
            places = ", ".join(sorted(place for place, ids in named.items() if id in ids))
            yield f"what concerns {id} is scattered over {number} documents: {places}"
    yield from (f"{it.place} {it.message}: {it.fix}" for it in checks.sizes(project))


def _keep_separate(project: Project) -> Iterator[str]:
    for it in checks.overlaps(project):
        if why := _apart(project, it.place, it.other):
            yield f"{it.place}:{it.line} and {it.other}:{it.other_line} are alike to {it.share:.0%}, but {why}"
    words = "|".join((LEGAL, *(rf"{re.escape(it)} data" for it in project.model.legal), "pii"))
    legal = re.compile(rf"\b(?:{words})\b", re.IGNORECASE)
    for place, document in project.own.items():
        lines = [it.line for it in document.paragraphs if legal.search(it.text)]
        if lines and len(lines) < len(document.paragraphs):
            where = (
                f"{place}, {'line' if len(lines) == 1 else 'lines'} {', '.join(map(str, lines))}"
            )
            rest = count(len(document.paragraphs) - len(lines), "paragraph")
            yield f"{where}: what law or contract requires is mixed with {rest} about something else"


def _apart(project: Project, one: str, other: str) -> str | None:
    """Why two documents should stay two although they say the same, if anything asks for it."""
    audience = _audiences(project)
    mine, its = (audience.get(it, "") for it in (one, other))
    if mine and its and mine != its:
        return f"they are for others: {mine}; {its}: let one link to the other"
    if (one in project.managed) != (other in project.managed):
        rewritten = other if other in project.managed else one
        return f"{rewritten} is rewritten by every update and the other is not: link to it instead"
    return None


def _audiences(project: Project) -> dict[str, str]:
    """For whom each document is, as the table of Planning/README.md says."""
    readme = project.documents.get("Planning/README.md")
    rows = (row for table in readme.tables for row in table.rows) if readme else ()
    links = ((re.search(r"\]\(([^)]+)\)", row[0]), row[1]) for row in rows if len(row) > 1)
    return {f"Planning/{link[1]}": audience for link, audience in links if link}
