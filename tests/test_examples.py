"""The examples: complete answers, every part of the domain between them, and projects that pass every check."""

from __future__ import annotations

import ast
import filecmp
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from copies import Generate
from groundplan import domain, questionnaire
from groundplan.answers import REASON_SUFFIX, Answers
from groundplan.reading import read
from projects import (
    EXAMPLES,
    GENERATED,
    NEWEST,
    OLDEST,
    REPOSITORY,
    UV,
    answers,
    environment,
    interpreter,
    model,
    need_postgres,
    run,
    uses_postgres,
)

NAMES = [example.stem for example in EXAMPLES]


def all_fields(product: domain.Product) -> Iterator[domain.Field]:
    """The fields of everything that has any."""
    for entity in product.entities.values():
        yield from entity.fields
    for value in product.values:
        yield from value.fields
    for event in product.events.values():
        yield from event.fields


def test_examples_come_with_their_briefs() -> None:
    assert NAMES == ["bookshop", "clinic", "conduit", "parcels"]
    assert all(example.with_suffix(".md").is_file() for example in EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=NAMES)
def test_examples_answer_every_question(example: Path) -> None:
    """An example is what a whole conversation leads to; only what the template itself remembers is not in it."""
    questions = questionnaire.load(REPOSITORY)
    asked = {question.name for question in questions if question.is_asked and not question.name.endswith(REASON_SUFFIX)}
    assert set(answers(example)) == asked
    assert questionnaire.check(questions, answers(example), complete=True)[1] == ()


@pytest.fixture(scope="module")
def products() -> tuple[domain.Product, ...]:
    return tuple(read(answers(example)) for example in EXAMPLES)


class TestExamplesShow:
    """Together they hold each thing that the domain can say, so that what is tested on them is tested on all of it."""

    def test_every_state_of_an_answer(self) -> None:
        states = {answer.state for example in EXAMPLES for answer in Answers(answers(example)).values()}
        assert states == {"value", "not needed", "defer", "assume", "tbd"}

    def test_every_kind_of_field(self, products: tuple[domain.Product, ...]) -> None:
        kinds = {field.type.kind for product in products for field in all_fields(product)}
        assert kinds == {*domain.SCALARS, "choice", "reference", "value"}

    def test_lists_and_optional_fields_of_every_sort(self, products: tuple[domain.Product, ...]) -> None:
        types = [field.type for product in products for field in all_fields(product)]
        assert {"choice", "reference", "value"} <= {type.kind for type in types if type.many}
        assert {"choice", "reference", "value"} <= {type.kind for type in types if type.optional}

    def test_defaults_of_every_sort(self, products: tuple[domain.Product, ...]) -> None:
        defaulted = {
            field.type.kind for product in products for field in all_fields(product) if field.default is not None
        }
        assert {"str", "int", "float", "bool", "money", "choice"} <= defaulted

    def test_every_operation_and_both_exposures(self, products: tuple[domain.Product, ...]) -> None:
        events = [event for product in products for event in product.events.values()]
        assert {operation for event in events for operation in event.operations} == set(domain.OPERATIONS)
        assert {event.implied for event in events} == {True, False}
        services = [service for product in products for service in product.services]
        assert {service.exposure for service in services} == {"public", "internal"}
        assert any(service.port for service in services)

    def test_both_behaviours_when_an_owner_is_unavailable(self, products: tuple[domain.Product, ...]) -> None:
        services = [service for product in products for service in product.services]
        assert {dependency.when_unavailable for service in services for dependency in service.depends_on} == {
            "refuse",
            "accept",
        }

    def test_every_way_to_hear_an_event(self, products: tuple[domain.Product, ...]) -> None:
        services = [service for product in products for service in product.services]
        assert any(service.copies for service in services)
        sources = [source for service in services for reaction in service.reactions for _, source in reaction.mapping]
        assert any(source.field == "id" for source in sources)
        assert any(source.field not in ("", "id") for source in sources)
        assert {type(source.literal) for source in sources if not source.field} == {str, int, bool}

    def test_an_event_caused_by_a_reaction(self, products: tuple[domain.Product, ...]) -> None:
        """One reaction's record is what the next hears of."""
        caused = {
            (product.slug, event.name)
            for product in products
            for service in product.services
            for reaction in service.reactions
            for event in service.events
            if event.entity == reaction.creates
        }
        assert ("clinic", "invoice.issued") in caused

    def test_external_apis_critical_or_not(self, products: tuple[domain.Product, ...]) -> None:
        assert {api.critical for product in products for api in product.external_apis} == {True, False}


@pytest.fixture(scope="session")
def plain(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as a plain folder, without a repository around it."""
    return shutil.copytree(
        template, tmp_path_factory.mktemp("plain") / "groundplan", ignore=shutil.ignore_patterns(".git")
    )


NEEDED = [f"--with={it}=={metadata.version(it)}" for it in ("copier", "copier-template-extensions")]
NEWEST_PYTHON = (UV, "run", "--quiet", "--no-project", "--python", NEWEST, *NEEDED)
"""How something is started by the newest Python, among what the template needs."""


def copy(template: Path, example: Path, destination: Path, env: dict[str, str], *start: str) -> Path:
    """`copier copy` as a user starts it."""
    command: list[str | Path] = [
        "copy",
        "--trust",
        "--defaults",
        "--quiet",
        "--data-file",
        example,
        template,
        destination,
    ]
    python = (*start, "python") if start else (sys.executable,)
    result = subprocess.run([*python, "-m", "copier", *command], env=env, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return destination


def files(project: Path) -> list[str]:
    return sorted(str(path.relative_to(project)) for path in project.rglob("*") if path.is_file())


@pytest.mark.parametrize("example", GENERATED, ids=lambda it: it.stem)
def test_same_bytes_anywhere(plain: Path, example: Path, tmp_path: Path) -> None:
    """Neither locale nor time zone nor hash seed nor the version of Python shows in what is generated."""
    here = environment(LC_ALL="C.UTF-8", TZ="UTC", PYTHONHASHSEED="1")
    there = environment(LC_ALL="C", TZ="Pacific/Kiritimati", PYTHONHASHSEED="4242")
    one = copy(plain, example, tmp_path / "one", here)
    two = copy(plain, example, tmp_path / "two", there, *NEWEST_PYTHON)
    assert files(one) == files(two)
    _, different, unreadable = filecmp.cmpfiles(one, two, files(one), shallow=False)
    assert (different, unreadable) == ([], [])


def test_generation_needs_nothing_but_python(plain: Path, tmp_path: Path) -> None:
    """No network, no git, no linter: the path is empty, and opening a connection fails."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "import sys\n"
        "def refuse(event, arguments):\n"
        "    if event in ('socket.connect', 'socket.getaddrinfo'):\n"
        "        raise RuntimeError(f'generation opens a connection: {arguments}')\n"
        "sys.addaudithook(refuse)\n"
    )
    bare = {"PATH": str(site), "PYTHONPATH": str(site), "HOME": str(tmp_path)}
    bare_project = copy(plain, EXAMPLES[0], tmp_path / "bare", bare)
    assert files(bare_project) == files(copy(plain, EXAMPLES[0], tmp_path / "usual", dict(os.environ)))


BUDGETS = {
    "bookshop": {
        "files": 239,
        "decision records": 12,
        "files in Planning": 26,
        "lines in Planning": 1_750,
        "lines of code in services": 3_650,
        "runtime dependencies": 12,
    },
    "parcels": {"files": 221},
}
"""The most that is allowed: a project is read before it is used. What surrounds one service surrounds three as well."""


def size(project: Path) -> dict[str, int]:
    """How big a project is as it comes, in the words of the budgets."""
    declared = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    planning = [path for path in (project / "Planning").rglob("*") if path.is_file()]
    return {
        "files": len(files(project)),
        "decision records": len(list((project / "Planning" / "Decisions").glob("[0-9]*.md"))),
        "files in Planning": len(planning),
        "lines in Planning": sum(map(lines, (path for path in planning if path.suffix == ".md"))),
        "lines of code in services": sum(map(code_lines, (project / "services").rglob("*.py"))),
        "runtime dependencies": len(declared),
    }


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def code_lines(path: Path) -> int:
    """The lines that are neither blank nor comment nor docstring."""
    source = path.read_text(encoding="utf-8")
    described = {
        number
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    return sum(
        bool(line.strip()) and not line.lstrip().startswith("#") and number not in described
        for number, line in enumerate(source.splitlines(), start=1)
    )


@pytest.mark.parametrize("name", BUDGETS)
def test_size_budgets(name: str, plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A project stays small enough to be read."""
    project = copy(plain, REPOSITORY / "examples" / f"{name}.yml", tmp_path / name, environment())
    measured = size(project)
    counts = ", ".join(f"{measured[what]} of {most} {what}" for what, most in BUDGETS[name].items())
    with capsys.disabled():
        print(f"\n{name}: {counts}", file=sys.stderr)  # what a worker of pytest-xdist prints there is seen
    assert {what: measured[what] for what, most in BUDGETS[name].items() if measured[what] > most} == {}


@pytest.fixture(scope="session", params=GENERATED, ids=lambda it: it.stem)
def project(request: pytest.FixtureRequest, generate: Generate) -> Path:
    """An example's project."""
    return generate(answers(request.param))


class TestProject:
    """Each example's project passes what its own continuous integration asks."""

    def test_linted(self, project: Path) -> None:
        run(project, "ruff", "check", ".")

    def test_formatted_as_generated(self, project: Path) -> None:
        run(project, "ruff", "format", "--check", ".")

    def test_strictly_typed(self, project: Path) -> None:
        run(project, "mypy", "--strict", ".")

    def test_boundaries_kept(self, project: Path) -> None:
        run(project, "lint-imports")

    @pytest.mark.parametrize("version", [OLDEST, NEWEST])
    def test_own_suite(self, project: Path, version: str) -> None:
        if uses_postgres(model(project)):
            need_postgres()
        env = environment(interpreter(version), UV_PROJECT_ENVIRONMENT=f".venv-{version}")
        assert " skipped" not in run(project, "pytest", env=env)

    def test_a_criterion_is_found_by_its_id(self, project: Path) -> None:
        """Also among tests that have no mark, as those have that are older than it."""
        older = project / "tests" / "acceptance" / "test_older.py"
        older.write_text(
            "import pytest\n\n\n@pytest.mark.xfail(strict=True)\ndef test_it() -> None:\n    pytest.fail()\n"
        )
        try:
            assert " 1 xfailed" in run(project, "pytest", "-k", "FR-001-AC1", "tests/acceptance")
            marked = run(project, "pytest", "-m", "requirement", "tests/acceptance")
            assert " 1 deselected" in marked
        finally:
            older.unlink()
