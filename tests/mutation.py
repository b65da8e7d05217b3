"""Whether the suites of generated projects notice faults in `services/common`: mutmut plants them, one at a time.

`uv run tests/mutation.py` plants all, in the bookshop and in a ticket office with a broker, jobs and workflows, and
prints how many were noticed, by module, and those that were not. It fails if too many were not, or one for which
`mutation.yml` has no reason. `--sample 40` plants so many of each project, others with every change of the template;
`bookshop` or `office` names one project, `--only 'references/|db/engine'` the modules whose paths begin so.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml
from copier import run_copy
from mutmut.configuration import reset_config
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.utils.file_utils import walk_mutatable_files
from mutmut.utils.format_utils import get_mutant_name, orig_function_and_class_names_from_key

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "extensions"))  # where this is run by itself

from brokers import serving  # noqa: E402
from pairs import PRODUCTS  # noqa: E402
from projects import answers, environment, run  # noqa: E402
from samples import content  # noqa: E402

BROKER = "nats_jetstream"
PROJECTS: dict[str, dict[str, Any]] = {
    "bookshop": answers(REPOSITORY / "examples" / "bookshop.yml"),
    "office": PRODUCTS["Ticket office"]
    | {
        "architecture_style": "services",
        "storage_kind": "sqlite",
        "delivery": BROKER,
        "job_management": "queue",
        "jobs": ["office: confirm on create Sale", "bank: balance daily at 06:00"],
    },
}
COMMON = Path("services/common")
ENOUGH = 0.9
"""The share of mutants that a suite has to notice."""

PLUGIN = "mutation_plugin"
FAILURES = "failures.txt"
"""Where it writes what fails without any mutant."""
PRELOADED = "preloaded.txt"
LIBRARIES = """
aiosqlite alembic.command fastapi httpx2 pydantic pydantic_settings pytest sqlalchemy.ext.asyncio stamina structlog
uvicorn
"""
"""What each mutant's process has in memory already; never the project's own modules, which may differ by mutant."""

SETTINGS = """
[tool.mutmut]
source_paths = ["services"]
only_mutate = {mutated}
also_copy = {copied}
pytest_add_cli_args_test_selection = {tests}
pytest_add_cli_args = [
    "-p", "{plugin}", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning",
]
process_isolation = "forkserver"
forkserver_warmup = "collect"
preload_modules_file = "{preloaded}"
timeout_constant = 5.0
timeout_multiplier = 3.0
"""

TESTS = [
    "tests",
    "--ignore=tests/acceptance",  # they are yours
    "--deselect=tests/unit/test_project.py::test_the_import_contracts_hold",  # it would notice mutmut itself
    # These take longer than all the others, and what they are about others notice, too.
    "--deselect=tests/integration/test_broker.py::test_events_survive_broken_connections_and_are_handled_once",
    "--deselect=tests/integration/test_broker.py::test_unacknowledged_events_are_redelivered",
]
"""The part of a suite that is run."""

UNLOADED = 255
"""The exit code of a mutant with which no test can be loaded; mutmut calls it a timeout."""
NOTICED = {1: "killed", 3: "killed", UNLOADED: "killed", -24: "timeouts", -9: "timeouts"}
"""By exit code."""


@dataclass(frozen=True)
class Mutant:
    """One change, and what became of it."""

    module: str
    outcome: str
    change: str
    """Where it is, and what became of what: `utils.py now: datetime.now(UTC) -> datetime.now(None)`."""

    @property
    def noticed(self) -> bool:
        return self.outcome != "survived"

    @property
    def reason(self) -> str:
        """Why it may survive; nothing if there is none."""
        return next((reason for pattern, reason in accepted().items() if re.search(pattern, self.change)), "")


@cache
def accepted() -> dict[str, str]:
    """Which survivors are accepted, and why."""
    reasons: dict[str, str] = yaml.safe_load((REPOSITORY / "tests" / "mutation.yml").read_text("utf-8"))
    return reasons


def tried(project: Path, sample: int = 0, before: Sequence[Path] = (), only: str = "") -> list[Mutant]:
    """Run the suite of a project with every mutant, or with so many; of what projects before it share, with none."""
    _prepare(project, [file for file in _modules(project, only) if not _shared(file, project, before)])
    with chdir(project):
        names = random.Random(content()).sample(_names(), sample) if sample else []
    with _settings(project) as settings:
        _run(project, settings, names)
        with chdir(project):
            _check_that_tests_load()
            if again := [it for it in _survivors() if it.partition("__mutmut_")[0] in _at_import()]:
                _load_for_each_mutant(project)
                _run(project, settings, again)
            return [it for path in walk_mutatable_files() for it in _outcomes(path, set(names))]


@contextmanager
def _settings(project: Path) -> Iterator[dict[str, str]]:
    """The environment of the project's tests, with a broker if they need one."""
    # What is compiled once serves every mutant; in a place like this, local time is no time of anything stored.
    settings = {"PYTHONDONTWRITEBYTECODE": "", "TZ": "Asia/Kathmandu"}
    if not (project / COMMON / "messaging" / "broker.py").exists():
        yield settings
        return
    with tempfile.TemporaryDirectory() as folder, serving(BROKER, Path(folder) / "broker") as server:
        yield settings | server.settings


def _run(project: Path, settings: dict[str, str], names: Sequence[str]) -> None:
    command = ("--with", f"mutmut=={version('mutmut')}", "mutmut", "run", "--max-children", "1", *names)
    failures = project / "mutants" / FAILURES
    failures.unlink(missing_ok=True)
    try:
        run(project, *command, env=environment(**settings))
    except AssertionError as error:  # mutmut does not show what failed without any mutant
        raise AssertionError(failures.read_text("utf-8") if failures.exists() else str(error)) from None


def _check_that_tests_load() -> None:
    """Fail if most mutants were tried without tests: a broken set-up looks like a suite that notices everything."""
    codes = [code for path in walk_mutatable_files() for code in _exit_codes(path).values() if code is not None]
    unloaded = codes.count(UNLOADED)
    assert unloaded <= len(codes) / 10, f"no test could be loaded with {unloaded} of {len(codes)} mutants"


def _survivors() -> list[str]:
    return [name for path in walk_mutatable_files() for name, code in _exit_codes(path).items() if code == 0]


def _at_import() -> set[str]:
    """The functions that run when modules are loaded, which is before mutmut chooses a mutant."""
    listed = Path("mutants", "at-import.txt")
    return set(listed.read_text("utf-8").split()) if listed.exists() else set()


def _load_for_each_mutant(project: Path) -> None:
    """Have the project's modules loaded anew by the process of each mutant, which is slower."""
    for file in (project / "pyproject.toml", project / "mutants" / "pyproject.toml"):
        file.write_text(file.read_text("utf-8").replace('warmup = "collect"', 'warmup = "import"'), "utf-8")


def _modules(project: Path, only: str) -> list[Path]:
    found = (it.relative_to(project) for it in (project / COMMON).rglob("*.py"))
    return sorted(it for it in found if re.match(only, str(it.relative_to(COMMON))))


def _shared(file: Path, project: Path, others: Iterable[Path]) -> bool:
    return any((it / file).exists() and (it / file).read_bytes() == (project / file).read_bytes() for it in others)


def _prepare(project: Path, mutated: Sequence[Path]) -> None:
    """Tell mutmut what to do in the project."""
    shutil.copy(REPOSITORY / "tests" / f"{PLUGIN}.py", project)
    (project / PRELOADED).write_text("\n".join(LIBRARIES.split()))
    copied = [it.name for it in project.iterdir() if it.name not in (".git", ".venv", "services", "tests")]
    settings = SETTINGS.format(
        mutated=json.dumps([str(it) for it in mutated]),
        copied=json.dumps(sorted(copied)),
        tests=json.dumps(TESTS),
        plugin=PLUGIN,
        preloaded=PRELOADED,
    )
    with (project / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(settings)
    reset_config()


def _names() -> list[str]:
    """The mutants that mutmut will make of the project in the current folder."""
    return [
        get_mutant_name(path, name)
        for path in sorted(walk_mutatable_files())
        for name in mutate_file_contents(str(path), path.read_text("utf-8")).mutant_names
    ]


def _outcomes(path: Path, names: set[str]) -> Iterator[Mutant]:
    """What became of the mutants of a module."""
    for name, code in _exit_codes(path).items():
        if not names or name in names:
            outcome = NOTICED.get(code or 0, "survived")
            yield Mutant(str(path.relative_to(COMMON)), outcome, _change(name, path) if outcome == "survived" else "")


def _exit_codes(path: Path) -> dict[str, int | None]:
    codes: dict[str, int | None] = json.loads(Path("mutants", f"{path}.meta").read_text("utf-8"))["exit_code_by_key"]
    return codes


def _change(name: str, path: Path) -> str:
    """What a mutant changes, in a line."""
    function, owner = orig_function_and_class_names_from_key(name)
    lines = get_diff_for_mutant(name, path=path).splitlines()
    old, new = (
        " ".join(line[1:].strip() for line in lines if re.match(rf"[{sign}](?![{sign}]{{2}})", line)) for sign in "-+"
    )
    return f"{path.relative_to(COMMON)} {'.'.join(filter(None, (owner, function)))}: {old} -> {new}"


def killed(mutants: Sequence[Mutant]) -> float:
    """The share that was noticed."""
    return sum(it.noticed for it in mutants) / len(mutants)


def table(mutants: Sequence[Mutant]) -> str:
    """How many were noticed, by module."""
    ordered = sorted(mutants, key=lambda it: it.module)
    rows = [(module, list(group)) for module, group in groupby(ordered, key=lambda it: it.module)]
    head = ["| Module | Mutants | Killed | Survived | Timeouts | Noticed |", "|---|---|---|---|---|---|"]
    return "\n".join([*head, *(_row(*it) for it in (*rows, ("**all**", ordered)))])


def _row(name: str, mutants: Sequence[Mutant]) -> str:
    count: Callable[[str], int] = [it.outcome for it in mutants].count
    numbers = (len(mutants), count("killed"), count("survived"), count("timeouts"))
    return f"| {name} | {' | '.join(map(str, numbers))} | {killed(mutants):.1%} |"


def survivors(mutants: Iterable[Mutant]) -> str:
    """Those that nothing noticed, each with the reason why it may be so."""
    lines = sorted(f"- {it.change}\n  {it.reason or '**no reason**'}" for it in mutants if not it.noticed)
    return "\n".join(lines)


def idle(mutants: Sequence[Mutant]) -> list[str]:
    """What is accepted and does not survive."""
    return [it for it in accepted() if not any(re.search(it, mutant.change) for mutant in mutants)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="so many mutants of each project")
    parser.add_argument("--only", default="", metavar="PATTERN", help="modules whose paths begin so")
    parser.add_argument("projects", nargs="*", metavar="PROJECT", help=" or ".join(PROJECTS), default=[*PROJECTS])
    given = parser.parse_args()
    mutants: list[Mutant] = []
    with tempfile.TemporaryDirectory() as folder:
        made: list[Path] = []
        for name in given.projects:
            project = Path(folder).resolve() / name
            run_copy(
                str(REPOSITORY), project, data=PROJECTS[name], vcs_ref="HEAD", unsafe=True, defaults=True, quiet=True
            )
            found = tried(project, given.sample, made, given.only)
            print(f"\n## {name}\n\n{table(found)}\n\n{survivors(found)}", flush=True)
            made.append(project)
            mutants += found
    whole = not given.sample and not given.only and {*given.projects} == {*PROJECTS}
    wrong = [f"survives without a reason: {it.change}" for it in mutants if not it.noticed and not it.reason]
    wrong += [f"accepted, but does not survive: {it}" for it in idle(mutants) if whole]
    wrong += [f"{killed(mutants):.1%} were noticed; {ENOUGH:.0%} have to be"] if killed(mutants) < ENOUGH else []
    print("", *wrong, sep="\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
