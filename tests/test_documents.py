"""Generated documents: within their budgets, drawn as Mermaid can read it, and held to the model by `plan check`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from copies import commit, git
from groundplan import catalogue, generation, project, text
from groundplan.drivers import meaning
from groundplan.planning.documents import Planning
from projects import EXAMPLES, GENERATED, REPOSITORY, answers

if TYPE_CHECKING:
    from copies import Generate

REAL = catalogue.load(REPOSITORY / "decisions")
HOSTILE = (
    "\"double\" 'single' `back`",
    "a;b #35; c",
    "{{ 7 * 7 }} %%{init: {}}%%",
    "end",
    "title: x --> y",
    "A->>B: hello",
    "style:#x;",
    "classDef a:#fff;",
    "line\nbreak",
    "<script>alert(1)</script> &quot;",
    "[link](x) ((round)) {curly} |bar|",
    '\\back\\slash """ triple',
    "emoji \U0001f389 \u202eright to left \u05e2\u05d1\u05e8\u05d9\u05ea",
    "```\ncode",
    "@{ shape: rect } :::style $$x$$",
    "word " * 200,
)
"""Texts that mean something to Mermaid or to Markdown."""
STATEMENTS = (
    "click",
    "Call",
    "title",
    "section",
    "href",
    "gantt",
    "weekday monday",
    "2027-01-01",
    "accTitle",
    "(",
    "%%",
)
"""What may not begin the name of a bar as it is."""


@pytest.fixture(scope="session")
def examples(generate: Generate) -> dict[str, Path]:
    return {path.stem: generate(answers(path)) for path in EXAMPLES}


@pytest.fixture
def bookshop(examples: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of the bookshop for a test to break."""
    return Path(shutil.copytree(examples["bookshop"], tmp_path / "bookshop"))


def plan(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the project's checker with nothing but the standard library."""
    command = [sys.executable, "-S", "-m", "scripts.planning.cli", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8")
    assert "Traceback" not in done.stderr
    return done


def hostile(text: str) -> dict[str, object]:
    """Answers with a text in every place that a diagram shows, and names that are words of Mermaid."""
    return {
        "project_name": f"Shop {' '.join(text.split())}"[:80],
        "project_slug": "shop",
        "concept": text,
        "personas": [{"name": f"Reader {text}", "goal": text}, {"name": "end", "goal": "x"}],
        "mvp_features": [
            {"name": f"Sell {text}", "outcome": text, "services": ["end"], "acceptance": [text]},
            {"name": "loop", "services": ["end", "loop"], "acceptance": [text]},
            *({"name": f"{statement} it", "services": ["end"], "acceptance": [text]} for statement in STATEMENTS),
        ],
        "services": [
            {
                "name": "end",
                "responsibility": text,
                "depends_on": ["loop"],
                "publishes": ["graph.made on create Title"],
            },
            {
                "name": "loop",
                "responsibility": text,
                "subscribes": ["on graph.made: create Style(direction: 'x')"],
            },
            {"name": "note", "responsibility": text, "subscribes": ["keep Title"]},
        ],
        "data_entities": [
            "loop.Style(direction: str, title: str?, pk: str?, fk: int = 3, state: end|note|loop = end)",
            "end.Title(style: Style, lines: list[Part], uk: text?)",
            "note.Graph(title: Title)",
            "value Part(style: Style?, number: int)",
        ],
        "external_apis": [{"name": "sms", "purpose": text, "used_by": ["end"], "critical": True}],
        "performance_targets": [{"what": f"Listing {text}", "target": 3}],
        "timeline": {"start": "2027-01-04", "weeks": 2},
    }


def drawn(made: project.Project) -> Iterator[str]:
    """Every diagram of a project."""
    planning = Planning(made)
    guide = planning.architecture
    of_services = (diagram for it in planning.specifications for diagram in it.sequences)
    of_guide = (guide.context, guide.containers, guide.dependencies, guide.entities)
    for diagram in (*of_guide, planning.schedule.gantt, *of_services):
        yield diagram.source


def installed(package: str, folder: Path) -> None:
    """Install what the folder of tests named so needs of npm's registry into `folder`, once for each version."""
    source = Path(__file__).parent / package.partition("-")[0]
    wanted = (source / "package.json").read_text("utf-8")
    known = folder / "package.json"
    if not known.is_file() or known.read_text("utf-8") != wanted or not (folder / "node_modules" / package).is_dir():
        shutil.copy(source / "package.json", folder)
        npm = ["npm", "install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts"]
        subprocess.run(npm, cwd=folder, check=True, capture_output=True)
    shutil.copytree(source, folder, dirs_exist_ok=True)


def parsed(sources: list[str], folder: Path) -> list[str]:
    """What the real Mermaid parser says about each source."""
    installed("mermaid", folder)
    done = subprocess.run(
        ["node", "parse.mjs"], cwd=folder, input=json.dumps(sources), check=True, capture_output=True, text=True
    )
    faults: list[str] = json.loads(done.stdout)
    return faults


NODE = pytest.mark.skipif(
    not (shutil.which("node") and shutil.which("npm")), reason="needs Node.js with npm: nodejs.org"
)


@NODE
def test_the_mermaid_parser_accepts_every_diagram(examples: dict[str, Path], pytestconfig: pytest.Config) -> None:
    fence = re.compile(r"^```mermaid\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
    documents = (path.read_text("utf-8") for it in examples.values() for path in sorted(it.rglob("*.md")))
    sources = [source for document in documents for source in fence.findall(document)]
    assert len(sources) > 20
    sources += [source for text in HOSTILE for source in drawn(generation.build(hostile(text), REAL).project)]
    broken = 'flowchart LR\n  a["unclosed'
    assert pytestconfig.cache is not None
    *faults, about_broken = parsed([*sources, broken], pytestconfig.cache.mkdir("mermaid"))
    assert about_broken
    assert {source: fault for source, fault in zip(sources, faults, strict=True) if fault} == {}


@NODE
def test_markdownlint_has_nothing_to_say(
    examples: dict[str, Path], generate: Generate, pytestconfig: pytest.Config
) -> None:
    """Neither of the examples, nor where next to nothing is answered, nor of texts that mean something to Markdown."""
    assert pytestconfig.cache is not None
    folder = pytestconfig.cache.mkdir("markdownlint")
    installed("markdownlint-cli2", folder)
    broken = folder / "broken.md"
    broken.write_text("# One\n# Two\n", "utf-8")
    odd = ({"project_name": "Diary", "concept": "tbd"}, hostile(" ".join(HOSTILE)[:1000]))
    projects = (*examples.values(), *map(generate, odd))
    documents = sorted(path for it in projects for path in (it / "Planning").rglob("*.md"))
    for names, code in (([broken], 1), (documents, 0)):
        lint = ["npx", "--no-install", "markdownlint-cli2", "--no-globs", *(f":{it}" for it in names)]
        done = subprocess.run(lint, cwd=folder, capture_output=True, text=True)
        assert done.returncode == code, done.stderr


def test_a_project_of_three_services_keeps_the_budgets(examples: dict[str, Path]) -> None:
    planning = examples["bookshop"] / "Planning"
    documents = list(planning.rglob("*.md"))
    lines = {path: len(path.read_text("utf-8").splitlines()) for path in documents}
    assert len([path for path in planning.rglob("*") if path.is_file()]) <= 26
    assert sum(lines.values()) <= 1750  # model.json is data
    assert max(lines.values()) <= 400
    assert len(list((planning / "Decisions").glob("*.md"))) <= 12


def pieces(document: str) -> Iterator[str]:
    """The paragraphs, list items and table rows of a document, without headings, table headers, comments and code."""
    body = re.sub(r"^---\n.*?^---\n|^```.*?^```$|^<!--.*?-->$|^#.*?$", "", document, flags=re.MULTILINE | re.DOTALL)
    body = re.sub(r"^\|.*\n\| --- .*$", "", body, flags=re.MULTILINE)
    for block in re.split(r"\n{2,}", body):
        lines = block.strip().split("\n")
        yield from lines if lines[0].startswith(("|", "- ")) else [" ".join(lines)]


SAID_OF_ALL = re.compile(
    r"\| `[a-z_]+` \| .* \| [a-z_.]+ (is|has) .*|- [a-z_.]+ (is|has) .*"  # a driver: the same answer to a question
    r"|- .* was rejected: not possible, because .*"  # the same answer rules an option out
    r"|\| `(ALLOWED_ORIGINS|FORWARDED_ALLOW_IPS|LOG_LEVEL|LOG_FORMAT)` .*"  # a setting of all services
    r"|\| `(API_KEYS|API_KEY_ROLES|SERVICE_KEY)` .*"  # one of the same option
    r"|.*decision_overrides\.[a-z_]+\.revisit.*"  # what is not stated about a decision
    r"|\| (Distribution|Runs on|`[a-z_]+`) \| .*|(Phased delivery|Automatic retries): .*"  # a choice
    r"|\| Fixed \| scope \|"  # a choice
    r"|\| .* \| unknown \||Not needed \(`[a-z_]+`\): .*"  # the state of an answer
    r"|Hours of a person \(`estimate_basis`\)\.|\| `Archive/` \| .*"  # a choice, and a place that is there in time
    r"|\| Kinds \| records \||\| Ignorable \| an event is delivered twice \|"  # by chance
    r"|\| `author` \| `str` \| yes \| – \|"
    r"|None\.|Exit:"
)
"""What may stand in two projects: reviewed, each with its cause."""


def is_of_the_catalogue(piece: str) -> bool:
    """Whether it is what the catalogue says of a decision that two projects took alike."""
    for decision in REAL.decisions:
        labels = {f"- {bold}{text.md(it.label)}{bold}" for it in decision.options for bold in ("", "**")}
        labels |= {f"- if {text.md(meaning(driver))}" for it in decision.options for driver, _ in it.drivers}
        words = ((it.because, it.cost, it.rejected, it.confirmed_by) for it in decision.options)
        phrases = {phrase for option in words for phrase in option}
        if piece in labels or any(text.md(it) in piece for it in {decision.question, *phrases} if it):
            return True
    return False


def is_grounded(piece: str) -> bool:
    """Whether a piece carries an id, a number or a link, which tell of one project."""
    return not piece or re.search(r"\d|\]\(", piece) is not None


def test_no_text_of_a_product_fits_another_one(examples: dict[str, Path]) -> None:
    """Of three, each of which answers otherwise what has three options."""
    found: dict[str, set[str]] = {}
    for name in (it.stem for it in GENERATED):
        for path in (examples[name] / "Planning").rglob("*.md"):
            if path.name != "Notes.md" and path.parent.name != "Archive":
                for piece in pieces(path.read_text("utf-8")):
                    found.setdefault(piece, set()).add(name)
    assert len(found) > 500
    twice = {piece for piece, names in found.items() if len(names) > 1 and not is_grounded(piece)}
    assert {it for it in twice if not SAID_OF_ALL.fullmatch(it) and not is_of_the_catalogue(it)} == set()


NOTATIONS = ("access", "data_entities", "publishes", "subscribes")
"""What is read and then described in other words: entities, events, and what is done about them."""


def phrases(answer: object) -> Iterator[str]:
    """What somebody wrote as prose in an answer; a deferred one is a trigger and an owner."""
    match answer:
        case {"defer": str(deferred)}:
            yield from deferred.rsplit(", ", 1)
        case dict():
            yield from (it for key, part in answer.items() if key not in NOTATIONS for it in phrases(part))
        case list():
            yield from (it for part in answer for it in phrases(part))
        case str() if " " in (stated := answer.removeprefix("assume: ")):
            yield stated


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda it: it.stem)
def test_what_somebody_wrote_stands_in_a_document(examples: dict[str, Path], example: Path) -> None:
    documents = (examples[example.stem] / "Planning").rglob("*.md")
    text_of_all = " ".join(" ".join(it.read_text("utf-8") for it in documents).split()).casefold()
    written = list(phrases(answers(example)))
    assert len(written) > 50
    assert [it for it in written if text.md(it).rstrip(".").casefold() not in text_of_all] == []


@pytest.mark.parametrize("example", [path.stem for path in EXAMPLES])
def test_a_fresh_project_is_in_step(examples: dict[str, Path], example: str) -> None:
    done = plan(examples[example], "check")
    assert done.returncode == 0, done.stdout
    assert re.findall(r"^(\d)  ok", done.stdout, re.MULTILINE) == list("123456789")
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize("is_committed", [False, True])
def test_a_document_that_was_removed_comes_back_as_the_check_tells(bookshop: Path, is_committed: bool) -> None:
    commit(bookshop)
    before = (bookshop / "Planning/PRD.md").read_bytes()
    git(bookshop, "rm", "--quiet", "Planning/PRD.md")
    if is_committed:
        git(bookshop, "commit", "--quiet", "--message", "removed")
        (bookshop / "README.md").write_text("another")
        git(bookshop, "commit", "--quiet", "--all", "--message", "another")
    (found,) = (it for it in json.loads(plan(bookshop, "check", "--json").stdout)["findings"] if it["rule"] == "X10")
    here, committed, names = re.findall(r"`git ([^`]+)`", found["fix"])
    named = git(bookshop, *names.replace("log", "log --format=%h").split())
    command = committed.replace("COMMIT", named) if is_committed else here
    git(bookshop, *command.split())
    assert (bookshop / "Planning/PRD.md").read_bytes() == before


def replaced(file: str, old: str, new: str) -> Callable[[Path], object]:
    def change(root: Path) -> None:
        text = (root / file).read_text("utf-8")
        assert old in text
        (root / file).write_text(text.replace(old, new, 1), "utf-8")

    return change


def written(file: str, text: str) -> Callable[[Path], object]:
    def change(root: Path) -> None:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text, "utf-8")

    return change


def removed(name: str) -> Callable[[Path], object]:
    def change(root: Path) -> None:
        path = root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


GUIDE, ORDERS = "Planning/ArchitectureGuide.md", "Planning/ServiceSpecifications/orders.md"

DRIFT = {
    "port": (replaced(GUIDE, ".md) | 8001 |", ".md) | 8009 |"), "is '8009', the model says '8001'"),
    "owner": (replaced(GUIDE, "| `Book` | `catalog` |", "| `Book` | `orders` |"), "Owner of Book is"),
    "route": (replaced(ORDERS, "| DELETE | `/v1/orders/{id}` |", "| DELETE | `/v1/order` |"), "lacks DELETE"),
    "extra row": (replaced(ORDERS, "| `note` | `text?`", "| `memo` | `str` | no | – |\n| `note` | `text?`"), "memo"),
    "header": (replaced(ORDERS, "| Method | Path |", "| Verb | Path |"), "has no table of Method"),
    "link": (replaced(GUIDE, "](ServiceSpecifications/orders.md)", "](orders.md)"), "links to orders.md"),
    "anchor": (replaced(GUIDE, "orders.md#at-run-time", "orders.md#later"), "which has no such heading"),
    "id": (replaced("Planning/PRD.md", "**FR-001-AC1**", "**FR-099-AC1**"), "names FR-099-AC1"),
    "missing document": (removed("Planning/PRD.md"), "Planning/PRD.md: is missing"),
    "missing specification": (removed(ORDERS), f"{ORDERS}: is missing"),
    "specification of nothing": (written("Planning/ServiceSpecifications/tax.md", "# tax\n"), "describes nothing"),
    "no text": (lambda root: (root / GUIDE).write_bytes(b"\xff\xfe"), "is not UTF-8 text"),
    "no documents": (removed("Planning/Decisions"), "is missing"),
    "service gone": (removed("services/orders"), "services/orders: has no code"),
    "services gone": (removed("services"), "services/catalog: has no code"),
    "unknown service": (written("services/tax/main.py", ""), "services/tax: is a service that"),
    "other port": (replaced("config/processes.toml", "8001", "8009"), "starts catalog on port 8009"),
    "other name": (replaced("config/processes.toml", 'name = "orders"', 'name = "order"'), "does not start orders"),
    "other services": (replaced("config/processes.toml", "services.orders =", "services.tax ="), "orders serves tax"),
    "no processes": (written("config/processes.toml", "process = 3"), "cannot be read"),
    "no TOML": (written("config/processes.toml", "= ="), "cannot be read"),
}
"""What breaks the agreement with the model, and what `plan check` says about it."""


@pytest.mark.parametrize("case", DRIFT)
def test_what_no_longer_agrees_with_the_model_fails_the_check(bookshop: Path, case: str) -> None:
    change, message = DRIFT[case]
    change(bookshop)
    done = plan(bookshop, "check")
    assert done.returncode == 1, done.stdout
    assert message in " ".join(done.stdout.split())


REPORTED = {
    "id in notes": (written("Planning/Notes.md", "# Notes\n\nSee FR-099.\n"), "Notes.md:3: names FR-099"),
    "link in notes": (written("Planning/Notes.md", "# Notes\n\n[gone](gone.md)\n"), "links to gone.md"),
    "no notes": (removed("Planning/Notes.md"), "Planning/Notes.md: is missing"),
    "owned rule removed": (removed("services/orders/order.py"), "order.py, which is not there"),
    "tests removed": (removed("tests/acceptance"), "0 of 11 acceptance criteria"),
    "left of a service": (written("services/tax/rate.py", ""), "services/tax: is left of a service"),
    "long notes": (written("Planning/Notes.md", "# Notes\n" + "\nline\n" * 300), "`doc_budget_lines` is 400"),
}
"""What people may do: it is reported, and never fails."""


@pytest.mark.parametrize("case", REPORTED)
def test_what_people_own_is_reported_and_never_fails(bookshop: Path, case: str) -> None:
    change, message = REPORTED[case]
    change(bookshop)
    done = plan(bookshop, "check")
    assert done.returncode == 0, done.stdout
    assert message in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is missing"),
        (b"{", "1:2 is not JSON"),
        (b"\xff", "cannot be read"),
        (b"[]", "model is not an object"),
        (b"{}", "model has no format"),
        (b'{"format": 2}', "has format 2, not 1"),
        (b"[" * 100_000, "cannot be read"),
    ],
)
@pytest.mark.parametrize("command", ["check", "gaps", "next", "trace"])
def test_a_model_that_cannot_be_read_is_one_line(
    bookshop: Path, command: str, content: bytes | None, message: str
) -> None:
    file = bookshop / "Planning" / "model.json"
    file.unlink() if content is None else file.write_bytes(content)
    done = plan(bookshop, command)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert message in line


def test_a_model_with_a_part_of_another_type_names_the_part(bookshop: Path) -> None:
    file = bookshop / "Planning" / "model.json"
    content = json.loads(file.read_text("utf-8"))
    content["processes"][1]["port"] = "8001"
    file.write_text(json.dumps(content), "utf-8")
    assert "model.processes[1].port is not of type int" in plan(bookshop, "check").stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "Planning/tasks.json is missing"),
        ("{", "Planning/tasks.json:1:2 is not JSON"),
        ("[]", "Planning/tasks.json: plan is not an object"),
        ('{"tasks": [{"id": 1}]}', "Planning/tasks.json: plan.tasks[0] has no title"),
    ],
)
def test_tasks_that_cannot_be_read_are_one_line(bookshop: Path, content: str | None, message: str) -> None:
    file = bookshop / "Planning" / "tasks.json"
    file.unlink() if content is None else file.write_text(content, "utf-8")
    done = plan(bookshop, "next")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert message in line


def test_where_nobody_estimates_documents_tell_the_order_alone(generate: Generate) -> None:
    given = answers(REPOSITORY / "examples" / "clinic.yml") | {"estimate_basis": "order_only"}
    made = generate(given)
    shown = (made / "Planning" / "ImplementationPlan.md").read_text("utf-8")
    assert not re.search(r"\bhours?\b|gantt|Slack|Buffer|it fits", shown.replace("Hours a day", ""))
    assert set(re.findall(r"\d{4}-\d\d-\d\d", shown)) == {"2027-03-01", "2027-06-28", "2027-03-26", "2027-03-29"}
    assert "| T-spike-sms | Try sms for real | – | 1 | critical | – |" in shown
    assert plan(made, "check").returncode == 0


def test_where_agents_work_documents_tell_their_hours_and_those_of_people(generate: Generate) -> None:
    given = answers(REPOSITORY / "examples" / "clinic.yml") | {"estimate_basis": "agent_hours_with_review"}
    made = generate(given)
    shown = (made / "Planning" / "ImplementationPlan.md").read_text("utf-8")
    assert re.search(r"^\| T-spike-sms \| Try sms for real \| – \| 2 \| 2 \| 2027-03-01 \|", shown, re.MULTILINE)
    assert "| client | 2 | 2 | per external API" in shown
    assert plan(made, "check").returncode == 0


def test_a_plan_that_does_not_fit_says_what_to_leave_out(generate: Generate) -> None:
    given = answers(REPOSITORY / "examples" / "bookshop.yml") | {"timeline": {"weeks": 2.75}}
    shown = (generate(given) / "Planning" / "ImplementationPlan.md").read_text("utf-8")
    assert re.search(r"To fit, leave out:\n\n\| Left out .*\n.*\n\| FR-00\d \|.*\| P\d \| \d+ h \|", shown)


def test_what_looks_like_a_link_in_front_matter_is_none(generate: Generate) -> None:
    given = answers(REPOSITORY / "examples" / "parcels.yml") | {"decision_makers": "[the owner](of it)"}
    result = plan(generate(given), "check")
    assert result.returncode == 0, result.stdout
    assert "0 differences" in result.stdout


@pytest.mark.parametrize(("gate", "code"), [("report_only", 0), ("must_resolve", 1)])
def test_an_open_gap_fails_only_where_the_project_asked_for_it(generate: Generate, gate: str, code: int) -> None:
    given = answers(REPOSITORY / "examples" / "parcels.yml") | {"external_apis": "tbd", "gap_gate": gate}
    done = plan(generate(given), "check")
    assert done.returncode == code
    assert "A01-external_apis" in done.stdout


def test_the_seventh_checkpoint_waits_for_the_gaps(generate: Generate) -> None:
    parcels = answers(REPOSITORY / "examples" / "parcels.yml")
    for apis, state in (("tbd", "open"), (parcels["external_apis"], "ok")):
        shown = plan(generate(parcels | {"external_apis": apis}), "check").stdout
        assert re.search(rf"^7  {state} +Gaps identified and addressed$", shown, re.MULTILINE)


def test_gaps_are_listed_as_text_and_as_json(examples: dict[str, Path]) -> None:
    listed = json.loads(plan(examples["parcels"], "gaps", "--json").stdout)
    shown = plan(examples["parcels"], "gaps").stdout
    assert [it["level"] for it in listed["findings"]] == ["defer"] * len(listed["findings"]) != []
    assert all(it["id"] in shown for it in listed["findings"])


def test_next_ranks_questions(examples: dict[str, Path]) -> None:
    assert plan(examples["bookshop"], "next").stdout == "Nothing is open in the answers.\n"
    first, *_ = plan(examples["parcels"], "next", "1").stdout.splitlines()
    assert "closes 1 gap" in first


def test_trace_reads_how_each_criterion_stands(bookshop: Path) -> None:
    assert "FR-001-AC1 open, FR-001-AC2 open" in plan(bookshop, "trace", "FR-001").stdout
    tests = bookshop / "tests" / "acceptance" / "test_fr_001.py"
    marks = re.compile(r"^@pytest.mark.xfail.*\n", re.MULTILINE)
    tests.write_text(marks.sub("", tests.read_text("utf-8"), count=1), "utf-8")
    assert "FR-001-AC1 done, FR-001-AC2 open" in plan(bookshop, "trace", "catalog").stdout
    tests.write_text("def broken(", "utf-8")
    assert "FR-001-AC1 no test" in " ".join(plan(bookshop, "trace").stdout.split())


@pytest.mark.parametrize("arguments", [["trace", "FR-999"], ["trace", "ordres"], ["chekc"], [], ["next", "many"]])
def test_wrong_use_exits_with_2(bookshop: Path, arguments: list[str]) -> None:
    done = plan(bookshop, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr


def test_acceptance_tests_are_expected_to_fail_until_written(examples: dict[str, Path], tmp_path: Path) -> None:
    for example in examples.values():
        shutil.copytree(example / "tests" / "acceptance", tmp_path / example.parent.name)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = requirement(id)\nstrict_markers = true\n", "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib"]
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert re.search(r"^\d+ xfailed in ", done.stdout, re.MULTILINE), done.stdout
