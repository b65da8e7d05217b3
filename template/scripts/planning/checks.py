"""The checks: do documents, folders, settings and acceptance tests still say what the model says?"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from pathlib import Path

from scripts.planning.markdown import Document, Found, FoundTable, target
from scripts.planning.model import Gap, Model, Requirement, Table, brought_back
from scripts.planning.routes import DOCUMENT, Route, own_routes

ANSWERS = ".copier-answers.yml"
ARCHIVE = "Planning/Archive/"
OWNED = ("Planning/Notes.md", ARCHIVE)
"""What people write themselves: what is wrong there is reported and never fails."""

REMOVABLE = (*OWNED, "CHANGELOG.md", "services/", "tests/")
"""Where people may remove files: without an owned rule, the default applies."""

CONCEPT, STACK, DOCUMENTS, SCAFFOLD, GAPS, CONSISTENCY, PLAN = 1, 4, 5, 6, 7, 8, 9
"""The checkpoints that findings belong to."""

OPEN, DONE, NONE = "open", "done", "no test"
"""How the test of an acceptance criterion stands."""

MUST, DEFER, DRIFT, NOTE = "must", "defer", "drift", "note"
"""A gap that comes before coding, one that can wait; what fails the check, what is only reported."""

RULES = {
    "X01": "A link leads to a file or a heading that is not there.",
    "X02": "A table of a document states a fact otherwise than the model.",
    "X03": "A document holds a place that nobody has filled.",
    "X04": "A document names an id that nothing has.",
    "X05": "A criterion of a requirement with the highest priority has no test.",
    "X06": "Two documents say the same in nearly the same words.",
    "X07": "A document leads to what no longer holds.",
    "X08": "A document uses a word that the glossary does not want.",
    "X09": "A managed document is not as the answers made it.",
    "X10": "A document of the model is missing, or one describes what the model does not know.",
    "X11": "A document is longer than the project allows itself.",
    "X12": "A document or the answers file cannot be read.",
    "X13": "A document has marks of a conflict.",
    "Y01": "A service has no code, or code is there that belongs to no service.",
    "Y02": "A process serves something else than the model says, or elsewhere.",
    "Y03": "The API of a service is not what its specification says.",
    "Y04": "A service imports another one.",
    "Y05": "A service reads the setting of another one's database.",
    "Y06": "The test of a criterion counts as passed and proves nothing.",
    "Y08": "A package is installed in another version than the project pins.",
    "Y09": "A setting is read that .env.example does not list, or listed and never read.",
    "Y10": "What looks like a secret stands in a file of the project.",
    "Y11": "Code cannot be read or imported.",
    "Y12": "A route of the team's own names a requirement that is not there.",
    "Y13": "The document of the team's own routes is not what the code says.",
    "Y14": "The code lets others do something with records than the answers say.",
    "Y15": "A file was edited that decides who may do what.",
}
"""What each check looks for: X in documents, Y in code. The rules for answers are in the model."""

PLACEHOLDER = re.compile(
    r"\b(?:TODO|TBD|FIXME)\b|\{\{|<(?:\.\.\.|\u2026|(?!(?:br|b|i|kbd|sub|sup|p|a|img|details|summary)\b)"
    r"[A-Za-z][^<>:@=/]*)>"
)
SIMILAR = 0.8
"""From which share of common word triples on two paragraphs say the same."""


@dataclass(frozen=True)
class Finding:
    """Something that is open in the answers, or that does not agree with the model."""

    rule: str
    subject: str
    """What it is about; with the rule it makes the id, which outlives edits elsewhere."""
    level: str
    checkpoint: int
    file: str
    line: int
    """0 where it is about the whole file."""
    message: str
    fix: str
    question: str = ""
    """The answer that closes it, if one does."""
    waiver: Waiver | None = None

    @property
    def id(self) -> str:
        return f"{self.rule}-{self.subject}" if self.subject else self.rule

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file

    @property
    def waived(self) -> bool:
        """Whether it is waived today; it then counts nowhere."""
        return self.waiver is not None and not self.waiver.ended

    @property
    def blocks(self) -> bool:
        """Whether its checkpoint is open because of it."""
        return self.level in (MUST, DRIFT) and not self.waived

    def __str__(self) -> str:
        where = self.id if self.level in (MUST, DEFER) else f"{self.rule} {self.place}"
        ended = f" The {self.waiver}." if self.waiver and self.waiver.ended else ""
        return f"{where}: {self.message}. Fix: {self.fix}.{ended}"


@dataclass(frozen=True)
class Waiver:
    because: str
    by: str
    until: str
    ended: bool

    def __str__(self) -> str:
        return f"waiver of {self.by} {'ended' if self.ended else 'ends'} on {self.until}"


@dataclass(frozen=True)
class Test:
    """A test function of the project."""

    name: str
    file: str
    line: int
    expected_to_fail: bool
    proves_nothing: str
    """Why, where it can pass whatever the code does."""
    criteria: tuple[str, ...]
    """The criteria that it is about, as its marks or its name say."""


@dataclass(frozen=True)
class Project:
    """The model, and the files that should agree with it."""

    root: Path
    model: Model
    today: str = ""
    """The day for which waivers are checked."""

    @cached_property
    def documents(self) -> dict[str, Document]:
        """Every Markdown file that can be read, by its path from the root."""
        found: dict[str, Document] = {}
        for path in self.markdown_files:
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                continue
            found[self.name(path)] = Document(path, text)
        return found

    @cached_property
    def markdown_files(self) -> tuple[Path, ...]:
        found = [*self.root.glob("*.md")]
        for folder in ("Planning", "docs"):
            found += (self.root / folder).rglob("*.md")
        return tuple(path for path in sorted(found) if path.is_file())

    @cached_property
    def live(self) -> dict[str, Document]:
        """The documents that still hold."""
        return {
            it: document for it, document in self.documents.items() if not it.startswith(ARCHIVE)
        }

    @cached_property
    def managed(self) -> frozenset[str]:
        """The files that an update rewrites."""
        generated = (it.file for it in self.model.generated)
        documents = (f"Planning/{name}" for name in self.model.documents)
        owned = {*self.model.owned, *OWNED}
        return frozenset(
            it
            for it in ("README.md", "AGENTS.md", "Planning/model.json", *generated, *documents)
            if it not in owned and not it.startswith(ARCHIVE)
        )

    @cached_property
    def own(self) -> dict[str, Document]:
        """The live documents that people wrote themselves."""
        return {it: document for it, document in self.live.items() if it not in self.managed}

    def level(self, place: str) -> str:
        """How much it matters that a document is wrong."""
        return DRIFT if place in self.managed else NOTE

    @cached_property
    def superseded(self) -> frozenset[str]:
        """The decision records that another one replaced."""
        current = {it.record.removeprefix("ADR-") for it in self.model.decisions}
        records = {it: re.match(r"Decisions/(\d+)-", it) for it in self.model.documents}
        return frozenset(
            f"Planning/{it}" for it, found in records.items() if found and found[1] not in current
        )

    @cached_property
    def tests(self) -> tuple[Test, ...]:
        """The test functions; files that are not Python have none."""
        return tuple(
            test
            for path in sorted((self.root / "tests").rglob("test_*.py"))
            for test in _tests(self, path)
        )

    @cached_property
    def routes(self) -> tuple[Route, ...]:
        """The routes in owned files."""
        return tuple(own_routes(self.root, self.model))

    def endpoints(self, requirement: Requirement) -> tuple[str, ...]:
        """What a requirement is answered by: what its document names, and owned routes that name it."""
        own = (it.address for it in self.routes if requirement.id in it.requirements)
        return (*requirement.endpoints, *own)

    @cached_property
    def states(self) -> dict[str, str]:
        """How each criterion stands: `open` while a test of it should fail, else `done`; or `no test`."""
        marks: dict[str, list[bool]] = {}
        for test in self.tests:
            for criterion in test.criteria:
                marks.setdefault(criterion, []).append(test.expected_to_fail)
        return {
            criterion: (OPEN if any(marks[criterion]) else DONE) if criterion in marks else NONE
            for requirement in self.model.requirements
            for criterion in requirement.criteria
        }

    def name(self, path: Path) -> str:
        """A file's path from the root, or its whole path where it is outside."""
        inside = self.root == path or self.root in path.parents
        return (path.relative_to(self.root) if inside else path).as_posix()


def gaps(project: Project) -> tuple[Finding, ...]:
    """What is open in the answers, what comes before coding first."""
    lines = _answer_lines(project.root)
    found = (_gap(it, lines.get(it.question, 0), project.today) for it in project.model.gaps)
    return tuple(sorted(found, key=lambda it: it.level != MUST))


def _gap(gap: Gap, line: int, today: str) -> Finding:
    waiver = None
    if gap.waived_until:
        ended = gap.waived_until < today
        waiver = Waiver(gap.waived_because, gap.waived_by, gap.waived_until, ended)
    return Finding(
        gap.rule,
        gap.subject,
        gap.category,
        gap.checkpoint,
        ANSWERS,
        line,
        gap.message,
        gap.fix,
        gap.question,
        waiver,
    )


def _answer_lines(root: Path) -> dict[str, int]:
    """Where each answer begins."""
    try:
        lines = (root / ANSWERS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    return {
        found[1]: number for number, it in enumerate(lines, 1) if (found := re.match(r"(\w+):", it))
    }


MARK = re.compile(r"(<{7}|>{7})( |$)")
"""How git begins and ends the two sides of a conflict."""


def documents(project: Project) -> tuple[Finding, ...]:
    """Everything in documents and folders that does not agree, in the order of the checkpoints."""
    checks = (
        *(missing, unreadable, conflicting, answers_file, strangers, folders, ports, tables),
        *(links, ids, sizes, untested, placeholders, repeated, outdated, shunned),
    )
    found = [finding for check in checks for finding in check(project)]
    found += edited(project, {it.file for it in found})
    return tuple(sorted(found, key=lambda it: (it.checkpoint, it.place)))


STATEMENTS = ("Planning/Decisions/", "Planning/tasks.")
"""Documents of which every line states what is so; elsewhere tables and ids do, which have checks of their own."""


def edited(project: Project, reported: set[str]) -> Iterator[Finding]:
    """Managed documents that were edited, but for those with a more precise finding."""
    for generated in project.model.generated:
        place = generated.file
        path = project.root / place
        if (
            not generated.sums
            or place in reported
            or place not in project.managed
            or not path.is_file()
        ):
            continue
        edit = None if generated.is_as_made(project.root) else generated.edit(_text(path))
        if edit:
            level = DRIFT if edit.replaces and place.startswith(STATEMENTS) else NOTE
            homes = ", ".join(f"`{it}`" for it in sorted(edit.answers)[:3]) or "the template"
            message = f"is not as it was made; what stands here comes from {homes}"
            fix = "change the answer, and put words of your own into Planning/Notes.md"
            yield Finding("X09", place, level, CONSISTENCY, place, edit.line, message, fix)


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


def missing(project: Project) -> Iterator[Finding]:
    """Documents of the model that are not there."""
    for place in ("README.md", "AGENTS.md", *(f"Planning/{it}" for it in project.model.documents)):
        if not (project.root / place).is_file():
            yield Finding(
                "X10",
                place,
                project.level(place),
                DOCUMENTS,
                place,
                0,
                "is missing",
                brought_back(place)
                if place in project.managed
                else f"{brought_back(place)}, or rewrite it",
            )


def unreadable(project: Project) -> Iterator[Finding]:
    for path in project.markdown_files:
        place = project.name(path)
        if place not in project.documents:
            level, message = project.level(place), "is not UTF-8 text"
            fix = _restore(place) if place in project.managed else "save it as UTF-8"
            yield Finding("X12", place, level, CONSISTENCY, place, 0, message, fix)


def conflicting(project: Project) -> Iterator[Finding]:
    """Documents in which an edit conflicts with a change of answers, unresolved so far."""
    for place, document in project.documents.items():
        for number, line in enumerate(document.text.splitlines(), 1):
            if MARK.match(line):
                message = "has marks of a conflict"
                fix = "decide between the two, and take the marks out"
                yield Finding("X13", place, DRIFT, CONSISTENCY, place, number, message, fix)
                break


def answers_file(project: Project) -> Iterator[Finding]:
    """An answers file that is gone, or was edited until it is not a list of answers any more."""
    for line, fault in _answers_faults(project):
        fix = f"put it back (`git log -p -- {ANSWERS}`), and answer with `plan decide`"
        yield Finding("X12", ANSWERS, DRIFT, CONCEPT, ANSWERS, line, fault, fix)
        return


def _answers_faults(project: Project) -> Iterator[tuple[int, str]]:
    try:
        lines = (project.root / ANSWERS).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        yield 0, "is not UTF-8 text"
        return
    except OSError:
        yield 0, "is missing"
        return
    known = {*project.model.questions, "history"}
    for number, line in enumerate(lines, 1):
        name = re.match(r"(\w+):(?: |$)", line)
        if MARK.match(line):
            yield number, "has marks of a conflict"
        elif line.startswith("\t"):
            yield number, "is indented by a tab, which YAML does not read"
        elif name and not name[1].startswith("_") and name[1] not in known:
            yield number, f"answers {name[1]}, which is not a question"
        elif line and not name and not re.match(r"[ #\-]|\.\.\.$", line):
            yield number, f"{line[:30]!r} is not an answer"


def strangers(project: Project) -> Iterator[Finding]:
    """Specifications and decision records of nothing that the model knows."""
    known = set(project.model.documents)
    for folder in ("ServiceSpecifications", "Decisions"):
        for path in sorted((project.root / "Planning" / folder).glob("*.md")):
            if f"{folder}/{path.name}" not in known:
                place = project.name(path)
                fix = f"`plan archive {place}`, or remove it"
                message = "describes nothing in the model"
                yield Finding("X10", place, DRIFT, CONSISTENCY, place, 0, message, fix)


def folders(project: Project) -> Iterator[Finding]:
    """Services without code, and code without a service."""
    names = {service.name for service in project.model.services}
    for name in sorted(names):
        place = f"services/{name}"
        if not (project.root / place / "__init__.py").is_file():
            message, fix = "has no code, and is in the model", brought_back(place)
            yield Finding("Y01", place, DRIFT, SCAFFOLD, place, 0, message, fix, "services")
    for path in sorted((project.root / "services").glob("*/")):
        if path.name in names | {"common"} or not any(path.glob("*.py")):
            continue
        generated = (path / "main.py").is_file()
        what = "is a service that the model does not know" if generated else "is left of a service"
        fix = (
            "add it to the answer `services`"
            if generated
            else "keep what you need, remove the rest"
        )
        place, level = project.name(path), DRIFT if generated else NOTE
        yield Finding("Y01", place, level, SCAFFOLD, place, 0, what, fix, "services")


PROCESSES = "config/processes.toml"


def ports(project: Project) -> Iterator[Finding]:
    """Processes that are not those of the model, or serve something else, or elsewhere."""
    restore = _restore(PROCESSES)
    try:
        text = (project.root / PROCESSES).read_text(encoding="utf-8")
        started = {
            it["name"]: (it["port"], {*it["services"]}) for it in tomllib.loads(text)["process"]
        }
    except FileNotFoundError:
        yield _process("", 0, "is missing", brought_back(PROCESSES))
        return
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        yield _process("", toml_line(error), f"cannot be read ({error})", restore)
        return
    for process in project.model.processes:
        if process.name not in started:
            yield _process(process.name, 0, f"does not start {process.name}", restore)
            continue
        port, served = started[process.name]
        if port != process.port:
            line = text.partition(f"port = {port}\n")[0].count("\n") + 1
            message = f"starts {process.name} on port {port}, the model says {process.port}"
            fix = "change the answer `port_base` or `services`, not this file"
            yield _process(process.name, line, message, fix)
        for service in sorted(set(process.services) ^ served):
            does = "serves" if service in served else "does not serve"
            yield _process(service, 0, f"{process.name} {does} {service}", restore)


def toml_line(error: Exception) -> int:
    """The line that a reader of TOML complains of."""
    found = re.search(r"at line (\d+)", str(error))
    return int(found[1]) if found else 0


def _process(subject: str, line: int, message: str, fix: str) -> Finding:
    return Finding("Y02", subject, DRIFT, SCAFFOLD, PROCESSES, line, message, fix, "services")


def tables(project: Project) -> Iterator[Finding]:
    """Tables of managed documents whose facts differ from the model's."""
    for expected in project.model.tables:
        place = f"Planning/{expected.document}"
        document = project.documents.get(place)
        if document is None:
            continue
        shown = [table for table in document.tables if table.header == expected.header]
        if shown:
            yield from _differences(place, expected, shown[0])
        else:
            title = ", ".join(expected.header)
            message = f"has no table of {title}"
            yield _fact(place, 0, title, message, _restore(place))


def _differences(place: str, expected: Table, shown: FoundTable) -> Iterator[Finding]:
    """What a table says otherwise; rows are known by the fewest cells that tell them apart."""
    width = _key_width(expected)
    ours = {row[:width]: row for row in expected.rows}
    theirs = {row[:width]: row for row in shown.rows}
    title = expected.header[0]
    for key, row in ours.items():
        if key not in theirs:
            message = f"the table of {title} lacks {_plain(key)}"
            yield _fact(place, shown.line, _plain(key), message, _restore(place))
            continue
        for column, mine, other in zip_longest(expected.header, row, theirs[key], fillvalue=""):
            if mine != other:
                message = f"{column} of {_plain(key)} is {other!r}, the model says {mine!r}"
                line = shown.line_of(theirs[key])
                yield _fact(place, line, f"{_plain(key)} {column}", message, _restore(place))
    for key in sorted(theirs.keys() - ours.keys()):
        message = f"the table of {title} has {_plain(key)}, which the model does not know"
        fix = "change the answers, or move it to Notes.md"
        yield _fact(place, shown.line_of(theirs[key]), _plain(key), message, fix)


def _fact(place: str, line: int, subject: str, message: str, fix: str) -> Finding:
    return Finding("X02", f"{place} {subject}", DRIFT, CONSISTENCY, place, line, message, fix)


def _key_width(table: Table) -> int:
    widths = range(1, len(table.header) + 1)
    distinct = (
        width for width in widths if len({row[:width] for row in table.rows}) == len(table.rows)
    )
    return next(distinct, len(table.header))


def _plain(key: tuple[str, ...]) -> str:
    return " ".join(cell.replace("`", "").replace("\\", "") for cell in key)


def links(project: Project) -> Iterator[Finding]:
    """Links to files and headings that are not there; addresses of the web are not visited."""
    for place, document in project.documents.items():
        for link in document.links:
            path, heading = target(document, link.text)
            if path and (fault := _fault(project, path, heading)):
                removable = project.name(path).startswith(REMOVABLE)
                level = NOTE if removable else project.level(place)
                fix = "correct the link, or restore what it leads to"
                message = f"links to {link.text}, {fault}"
                yield _on_line("X01", link.text, level, place, link.line, message, fix)


def _fault(project: Project, path: Path, heading: str) -> str:
    """Why a link leads nowhere, or an empty string."""
    try:
        is_there = path.exists()
    except OSError:  # a name longer than any file may have
        is_there = False
    if not is_there:
        return "which is not there"
    known = project.documents.get(project.name(path))
    return "which has no such heading" if heading and known and heading not in known.anchors else ""


def ids(project: Project) -> Iterator[Finding]:
    """Ids that nothing in the model has."""
    known, retired = set(project.model.ids), set(project.model.retired_ids)
    for place, document in project.live.items():
        for id in document.ids:
            if id.text not in known and place != DOCUMENT:  # Y12 reports those that routes name
                gone = id.text.partition("-AC")[0] in retired
                what = "is retired" if gone else "is not in the model"
                level = NOTE if gone else project.level(place)
                message = f"names {id.text}, which {what}"
                yield _on_line(
                    "X04", id.text, level, place, id.line, message, "correct or remove it"
                )


def sizes(project: Project) -> Iterator[Finding]:
    """Documents longer than the project allows itself."""
    most = project.model.doc_budget_lines
    for place, document in project.documents.items():
        count = len(document.text.splitlines())
        if place.startswith("Planning/") and count > most:
            message = f"has {count} lines; `doc_budget_lines` is {most}"
            split = "shorten the answers that made it" if place in project.managed else "split it"
            fix = f"{split}, or answer `doc_budget_lines` with more"
            yield Finding(
                "X11", place, NOTE, CONSISTENCY, place, 0, message, fix, "doc_budget_lines"
            )


def untested(project: Project) -> Iterator[Finding]:
    """Criteria of the most important requirements whose test was removed."""
    for it in project.model.requirements:
        lacking = [criterion for criterion in it.criteria if project.states[criterion] == NONE]
        if lacking and it.priority == "P1":
            message = f"has no test of {', '.join(lacking)}"
            fix = f'mark one with `@pytest.mark.requirement("{lacking[0]}")`, or restore the file'
            yield Finding("X05", it.id, NOTE, PLAN, it.tests, 0, message, fix)


def placeholders(project: Project) -> Iterator[Finding]:
    for place, document in project.live.items():
        for line in document.prose:
            if found := PLACEHOLDER.search(line.text):
                message, fix = f"still has {found[0]!r}", "fill it in, or answer the question"
                yield _on_line("X03", found[0], NOTE, place, line.line, message, fix)


def repeated(project: Project) -> Iterator[Finding]:
    for it in overlaps(project):
        message = f"says {it.share:.0%} of what {it.other} says on line {it.other_line}"
        fix = "keep one, and link to it from the other"
        yield _on_line("X06", it.other, NOTE, it.place, it.line, message, fix)


@dataclass(frozen=True)
class Overlap:
    """A paragraph of somebody's document that says what another document says."""

    place: str
    line: int
    other: str
    other_line: int
    share: float


def overlaps(project: Project) -> Iterator[Overlap]:
    """Paragraphs of people's own documents that are nearly those of other ones, each with the nearest.

    Managed documents may repeat each other, as they are made from one model.
    """
    known: list[tuple[str, int, frozenset[str]]] = []
    holders: dict[str, list[int]] = {}
    for place in sorted(project.live, key=lambda it: it not in project.managed):
        for line, mine in project.live[place].shingles:
            numbers = sorted({number for it in mine for number in holders.get(it, ())})
            alike = [(_share(mine, known[number][2]), -number) for number in numbers]
            share, number = max(alike, default=(0.0, 0))
            if place not in project.managed and share >= SIMILAR:
                other, other_line, _ = known[-number]
                if other != place:
                    yield Overlap(place, line, other, other_line, share)
                continue  # what is like it is like the other
            for it in mine:
                holders.setdefault(it, []).append(len(known))
            known.append((place, line, mine))


def _share(mine: frozenset[str], its: frozenset[str]) -> float:
    return len(mine & its) / len(mine | its)


def outdated(project: Project) -> Iterator[Finding]:
    """Links to archived documents and superseded records, but from where these are listed."""
    for place, document in project.live.items():
        if place == "Planning/README.md" or place.startswith("Planning/Decisions/"):
            continue
        for link in document.links:
            path, _ = target(document, link.text)
            name = project.name(path) if path else ""
            archived = name.startswith(ARCHIVE) and name != f"{ARCHIVE}README.md"
            if archived or name in project.superseded:
                message = (
                    f"links to {link.text}, which {'is archived' if archived else 'is superseded'}"
                )
                fix = "link to what holds today"
                yield _on_line(
                    "X07", link.text, project.level(place), place, link.line, message, fix
                )


def shunned(project: Project) -> Iterator[Finding]:
    """Words of people in their own documents that the glossary calls otherwise."""
    wanted = {word.casefold(): it.term for it in project.model.terms for word in it.not_called}
    if not wanted:
        return
    pattern = re.compile(rf"\b({'|'.join(map(re.escape, wanted))})s?\b", re.IGNORECASE)
    for place, document in project.own.items():
        for line in _written(project, place, document):
            if found := pattern.search(line.text):
                word = next(
                    it for it in wanted if re.fullmatch(re.escape(it), found[1], re.IGNORECASE)
                )
                term = wanted[word]
                message = f'says "{found[0]}", and the glossary calls it "{term}"'
                fix = f'say "{term}", or take the word out of not_called'
                yield _on_line("X08", found[1], NOTE, place, line.line, message, fix, "glossary")


def _written(project: Project, place: str, document: Document) -> Iterator[Found]:
    """The prose of a document that people wrote: not what stands in it from the beginning."""
    generated = next((it for it in project.model.generated if it.file == place), None)
    lines = document.text.splitlines()
    return (it for it in document.prose if not (generated and generated.has(lines[it.line - 1])))


def _on_line(
    rule: str,
    subject: str,
    level: str,
    place: str,
    line: int,
    message: str,
    fix: str,
    question: str = "",
) -> Finding:
    """A finding on a line of a document."""
    return Finding(
        rule, f"{place} {subject}", level, CONSISTENCY, place, line, message, fix, question
    )


def _restore(place: str) -> str:
    return f"`git checkout -- {place}`, and change answers instead"


def _tests(project: Project, path: Path) -> Iterator[Test]:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    functions = [
        it for it in ast.walk(tree) if isinstance(it, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    proving = {it.name for it in functions if _asserts(it, frozenset())}
    for it in functions:
        marks = " ".join(ast.unparse(mark) for mark in it.decorator_list)
        if "skip" in marks or any(_called(call) == "skip" for call in ast.walk(it)):
            nothing = "is skipped"
        else:
            nothing = "" if _asserts(it, frozenset(proving)) else "asserts nothing"
        expected_to_fail, criteria = "xfail" in marks, tuple(dict.fromkeys(_criteria(it)))
        yield Test(it.name, project.name(path), it.lineno, expected_to_fail, nothing, criteria)


def _criteria(test: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """What a test proves: `@pytest.mark.requirement("FR-001-AC1")`, or `test_fr_001_ac1_when_empty`."""
    for mark in test.decorator_list:
        if isinstance(mark, ast.Call) and _called(mark) == "requirement":
            yield from (str(it.value) for it in mark.args if isinstance(it, ast.Constant))
    if named := re.match(r"test_(fr_\d+_ac\d+)(?:_|$)", test.name):
        yield named[1].upper().replace("_", "-")


def _asserts(function: ast.AST, helpers: frozenset[str]) -> bool:
    """Whether it can fail: by an assertion, by what pytest has for that, or by a helper that can."""
    return any(
        isinstance(it, (ast.Assert, ast.Raise))
        or _called(it) in {"raises", "fail", "warns", *helpers}
        or _called(it).startswith(("assert", "raise_for"))
        for it in ast.walk(function)
    )


def _called(node: ast.AST) -> str:
    """The last name of what a call calls."""
    if not isinstance(node, ast.Call):
        return ""
    return getattr(node.func, "attr", getattr(node.func, "id", ""))
