"""`plan check --code`: do the services' APIs, imports, settings and packages agree with the model?

It imports the services, so that it needs the project's environment, as `uv run` gives it.
"""

from __future__ import annotations

import ast
import importlib
import re
import sys
import tomllib
import traceback
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

from scripts.planning.checks import (
    DONE,
    DRIFT,
    NOTE,
    PLAN,
    PROCESSES,
    SCAFFOLD,
    STACK,
    Finding,
    Project,
    toml_line,
)
from scripts.planning.model import Service, brought_back

EXAMPLE, CONFIG, PINS = ".env.example", "services/common/config.py", "pyproject.toml"

SECRET = re.compile(
    r"(?i)(?<!\w)(?P<name>\w{0,40}?(?:secret|key|token|password|passwd)\w{0,40})[\"']?\]?\s*(?::\s*\w+\s*=|[:=])\s*(?:\w+\()?"
    r"(?P<quote>[\"']?)(?P<value>[\w+/=.~$!%^&*-]{16,})(?P=quote)"
)
"""A name that says secret, and something long behind it."""

PIN = re.compile(r"([\w.-]+)(?:\[[\w,-]+\])?==([\w.!+]+)")
VARIABLE = re.compile(r"^([A-Z][A-Z0-9_]*)=", re.MULTILINE)


@dataclass(frozen=True)
class Code:
    """The Python files of a project."""

    project: Project

    @cached_property
    def files(self) -> dict[str, str]:
        """What is written in the services and scripts, the planning scripts left out; and in the tests."""
        root = self.project.root
        paths = (
            path
            for name in ("services", "scripts", "tests")
            for path in sorted((root / name).rglob("*.py"))
        )
        names = (self.project.name(path) for path in paths)
        return {it: _text(root / it) for it in names if not it.startswith("scripts/planning/")}

    @cached_property
    def faults(self) -> tuple[Finding, ...]:
        """Files that are no Python."""
        return tuple(it for it in self._parsed.values() if isinstance(it, Finding))

    @cached_property
    def trees(self) -> dict[str, ast.Module]:
        return {name: it for name, it in self._parsed.items() if isinstance(it, ast.Module)}

    @cached_property
    def _parsed(self) -> dict[str, ast.Module | Finding]:
        return {name: _parse(name, text) for name, text in self.files.items()}

    def of(self, service: str) -> Iterator[tuple[str, ast.Module]]:
        """The files of a service."""
        return (
            (it, tree) for it, tree in self.trees.items() if it.startswith(f"services/{service}/")
        )


def code(project: Project) -> tuple[Finding, ...]:
    """Everything in code that does not agree, each once, in the order of the checkpoints."""
    written = Code(project)
    checks = (imports, databases, proofs, versions, settings, secrets, apis)
    found = (*written.faults, *(finding for check in checks for finding in check(written)))
    once = {(it.id, it.place if it.rule != "Y11" else ""): it for it in reversed(found)}
    return tuple(sorted(once.values(), key=lambda it: (it.checkpoint, it.file, it.line, it.id)))


UNREADABLE = "\0"
"""In place of a text that cannot be read; no file of code or settings holds it."""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return UNREADABLE


def _parse(name: str, text: str) -> ast.Module | Finding:
    if text == UNREADABLE:
        return _broken(name, 0, "is not UTF-8 text")
    try:
        return ast.parse(text)
    except SyntaxError as error:
        return _broken(name, error.lineno or 0, f"is no Python ({error.msg})")
    except (ValueError, RecursionError):
        return _broken(name, 0, "is no Python that can be read")


def _broken(file: str, line: int, message: str, fix: str = "") -> Finding:
    fix = fix or f"correct it, or `git checkout -- {file}`"
    return Finding("Y11", file, DRIFT, SCAFFOLD, file, line, message, fix)


def imports(code: Code) -> Iterator[Finding]:
    """Imports from one service into another, or from what all share into one."""
    names = {it.name for it in code.project.model.services}
    for mine in (*sorted(names), "common"):
        for file, tree in code.of(mine):
            for line, module in _imported(file, tree):
                other = module.split(".")[1] if module.startswith("services.") else ""
                if other in names - {mine}:
                    message = f"imports {module}, which belongs to {other}"
                    fix = f"ask {other} by its API, or hear its events; both are answers to `services`"
                    yield _of_code("Y04", f"{file} {module}", file, line, message, fix, "services")


def _imported(file: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The modules that a file imports, by their whole names."""
    package = file.split("/")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, it.name) for it in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join((*above, *filter(None, [node.module])))
            yield node.lineno, module
            yield from (
                (node.lineno, f"services.{it.name}") for it in node.names if module == "services"
            )


def databases(code: Code) -> Iterator[Finding]:
    """Reads of the setting that says where another service keeps its records."""
    names = {it.name for it in code.project.model.services}
    for mine in sorted(names):
        settings = {f"{other}_database_url": other for other in names - {mine}}
        for file, tree in code.of(mine):
            for node in ast.walk(tree):
                if other := settings.get(_named(node).casefold()):
                    message = f"reads {_named(node)}, which is for {other} alone"
                    fix = f"ask {other} by its API, or keep a copy by its events"
                    line = getattr(node, "lineno", 0)
                    yield _of_code("Y05", f"{file} {other}", file, line, message, fix, "services")


def _named(node: ast.AST) -> str:
    """What an expression names, if that could be a setting: `database_url("orders")` is `orders_database_url`."""
    match node:
        case ast.Call(
            func=ast.Attribute(attr="database_url"), args=[ast.Constant(value=str(name))]
        ):
            return f"{name}_database_url"
        case ast.Attribute(attr=str(name)) | ast.Name(id=str(name)) | ast.Constant(value=str(name)):
            return name
    return ""


def proofs(code: Code) -> Iterator[Finding]:
    """Criteria that count as done although their test cannot fail."""
    states = code.project.states
    for test in code.project.tests:
        if states.get(test.criterion) == DONE and test.proves_nothing:
            message = f"{test.name} {test.proves_nothing}, so that {test.criterion} is not shown"
            fix = "write what must hold, or put the `xfail` mark back"
            yield Finding("Y06", test.name, NOTE, PLAN, test.file, test.line, message, fix)


def versions(code: Code) -> Iterator[Finding]:
    """Packages that are installed otherwise than they are pinned."""
    text = _text(code.project.root / PINS)
    try:
        read = tomllib.loads(text)
        pinned = [*read["project"]["dependencies"]]
        grouped = [it for group in read.get("dependency-groups", {}).values() for it in group]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        yield _broken(PINS, toml_line(error), f"cannot be read ({error})")
        return
    for needed in (*pinned, *grouped):
        pin = PIN.match(needed) if isinstance(needed, str) else None
        if pin is None:
            continue
        there = _installed(pin[1])
        if there != pin[2] and (there or needed in pinned):
            line = text.partition(f'"{needed}"')[0].count("\n") + 1
            message = f"pins {pin[1]} {pin[2]}, and {there or 'none'} is installed"
            yield Finding("Y08", pin[1], DRIFT, STACK, PINS, line, message, "run `uv sync`")


def _installed(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def settings(code: Code) -> Iterator[Finding]:
    """Settings that are read and not listed, or listed and read by nothing."""
    text = _text(code.project.root / EXAMPLE)
    if text == UNREADABLE:
        yield _broken(EXAMPLE, 0, "is missing, or not UTF-8 text")
        return
    listed = {it[1]: text[: it.start()].count("\n") + 1 for it in VARIABLE.finditer(text)}
    read = dict(_settings(code))
    for name, (file, line) in read.items():
        if name not in listed:
            fix = f"add a line {name}=… to {EXAMPLE}, or read a setting that it lists"
            yield _of_code(
                "Y09", name, file, line, f"reads {name}, which {EXAMPLE} does not list", fix
            )
    for name, line in listed.items():
        if CONFIG in code.trees and name not in read:
            fix = f"take it out, or add it to the Settings of {CONFIG}"
            yield _of_code("Y09", name, EXAMPLE, line, f"lists {name}, which nothing reads", fix)


def _settings(code: Code) -> Iterator[tuple[str, tuple[str, int]]]:
    """The settings that code reads, each with a place where it does."""
    for file, tree in code.trees.items():
        if file.startswith("tests/"):
            continue
        for node in ast.walk(tree):
            if name := _variable(node):
                yield name, (file, getattr(node, "lineno", 0))
            elif isinstance(node, ast.ClassDef) and "BaseSettings" in map(ast.unparse, node.bases):
                for field in node.body:
                    if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                        yield field.target.id.upper(), (file, field.lineno)


def _variable(node: ast.AST) -> str:
    """The environment variable that an expression reads."""
    match node:
        case ast.Subscript(value=base, slice=ast.Constant(value=str(name)), ctx=ast.Load()):
            return name if ast.unparse(base) in ("os.environ", "environ") else ""
        case ast.Call(func=function, args=[ast.Constant(value=str(name)), *_]):
            asked = ast.unparse(function).removeprefix("os.")
            return name if asked in ("getenv", "environ.get", "environ.pop") else ""
    return ""


def secrets(code: Code) -> Iterator[Finding]:
    """Literals behind a name that says secret, long and of letters and digits."""
    project = code.project
    texts = {it: text for it, text in code.files.items() if it.startswith("services/")}
    others = {*project.model.owned, *project.own} - set(texts)
    texts |= {
        it: _text(project.root / it) for it in sorted(others) if (project.root / it).is_file()
    }
    for file, text in texts.items():
        for number, line in enumerate(text.splitlines(), 1):
            for found in SECRET.finditer(line):
                value, quoted = found["value"], found["quote"] or not file.endswith(".py")
                if quoted and re.search(r"\d", value) and re.search(r"[A-Za-z]", value):
                    message = f"{found['name']} looks like a secret"
                    fix = "read it from a setting, and replace it where it is valid"
                    yield _of_code("Y10", f"{file} {found['name']}", file, number, message, fix)


def apis(code: Code) -> Iterator[Finding]:
    """What each service answers, against what is specified; a service that cannot start is one finding."""
    project = code.project
    for service in project.model.services:
        app = _app(project, f"services.{service.name}.main")
        if isinstance(app, Finding):
            yield app
        else:
            yield from _api(code, service, app)
    yield from _mounts(project)


def _mounts(project: Project) -> Iterator[Finding]:
    """Services that the process of several does not have where its list says."""
    try:
        listed = tomllib.loads(_text(project.root / PROCESSES))["process"]
        wanted = {it["app"].partition(":")[0]: it["services"] for it in listed}
    except (ValueError, KeyError, TypeError, AttributeError):
        return  # which is told by Y02
    alone = {f"services.{it.name}.main" for it in project.model.services}
    for module, services in wanted.items():
        if module in alone:
            continue
        app = _app(project, module)
        if isinstance(app, Finding):
            yield app
            continue
        there = {getattr(route, "path", "") for route in app.routes}
        for name, path in services.items():
            if path not in there:
                file = f"{module.replace('.', '/')}.py"
                message, fix = f"has no {name} at {path}", f"`git checkout -- {file}`"
                yield _of_code("Y03", f"{name} {path}", file, 0, message, fix, "services")


def _app(project: Project, module: str) -> Any:
    """The app of a module, or why it cannot be had."""
    file = f"{module.replace('.', '/')}.py"
    if not (project.root / file).is_file():
        return _broken(file, 0, "is missing", brought_back(file))
    if str(project.root) not in sys.path:
        sys.path.insert(0, str(project.root))
    try:
        with redirect_stdout(sys.stderr):
            app = importlib.import_module(module).app
            app.openapi()
    except (Exception, SystemExit) as error:
        place, line = _origin(project, error, file)
        absent = isinstance(error, ModuleNotFoundError) and not str(error.name).startswith(
            "services"
        )
        fix = "run it by `uv run`, after `uv sync`" if absent else ""
        said = str(error).splitlines() or [""]
        return _broken(place, line, f"cannot be imported ({type(error).__name__}: {said[0]})", fix)
    return app


def _origin(project: Project, error: BaseException, file: str) -> tuple[str, int]:
    """The last line of the project that an error went through."""
    if isinstance(error, SyntaxError) and error.filename:
        return project.name(Path(error.filename)), error.lineno or 0
    own = project.root / "services"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if own in Path(frame.filename).parents:
            return project.name(Path(frame.filename)), frame.lineno or 0
    return file, 0


def _api(code: Code, service: Service, app: Any) -> Iterator[Finding]:
    """The operations that a service lacks, has beyond its specification, or answers otherwise."""
    specified = dict(_specified(code.project, service))
    prefixes = {path.split("/")[1] for _, path in specified} or {"v1"}
    there = {
        (method.upper(), path): set(operation.get("responses", {}))
        for path, operations in app.openapi().get("paths", {}).items()
        for method, operation in operations.items()
    }
    handlers = dict(_handlers(code, service.name))
    main = f"services/{service.name}/api.py"
    router = code.files.get(main, "").partition("APIRouter(")[0].count("\n") + 1
    for asked in sorted(specified.keys() | there.keys()):
        method, path = asked
        written = (it for (how, at), it in handlers.items() if how == method and path.endswith(at))
        file, line = next(written, (main, router))
        if message := _difference(path, specified.get(asked), there.get(asked), prefixes):
            subject, said = f"{service.name} {method} {path}", f"{method} {path} {message}"
            fix = f"`git checkout -- {file}`, or change the answer `data_entities`"
            yield _of_code("Y03", subject, file, line, said, fix, "data_entities")


def _difference(
    path: str, wanted: set[str] | None, there: set[str] | None, prefixes: set[str]
) -> str:
    """How an operation answers otherwise than specified, or an empty string."""
    if wanted and there:
        parts = (("never with", wanted - there), ("also with", there - wanted))
        differs = " and ".join(f"{how} {', '.join(sorted(it))}" for how, it in parts if it)
        return f"is answered {differs}" if differs else ""
    if wanted:
        return "is specified and not there"
    if path.split("/")[1] in prefixes:
        return "is there and not specified"
    return "" if path.startswith("/health/") else f"is outside of /{', /'.join(sorted(prefixes))}"


def _specified(project: Project, service: Service) -> Iterator[tuple[tuple[str, str], set[str]]]:
    """What a service must answer, and with which statuses."""
    for entity in service.entities:
        for route in project.model.routes:
            method, path, *statuses = route.replace("{collection}", entity.collection).split()
            yield (method, path), set(statuses)
    read = next(it for it in project.model.routes if it.startswith("GET") and "{id}" in it)
    for path in service.standings:
        yield ("GET", path), set(read.split()[2:])


def _handlers(code: Code, service: str) -> Iterator[tuple[tuple[str, str], tuple[str, int]]]:
    """Where each operation is written: what a function under `@router.get("/books")` answers."""
    for file, tree in code.of(service):
        for node in ast.walk(tree):
            for mark in getattr(node, "decorator_list", ()):
                match mark:
                    case ast.Call(
                        func=ast.Attribute(attr=method), args=[ast.Constant(value=path), *_]
                    ):
                        yield (method.upper(), str(path)), (file, mark.lineno)


def _of_code(
    rule: str,
    subject: str,
    file: str,
    line: int,
    message: str,
    fix: str,
    question: str = "",
) -> Finding:
    return Finding(rule, subject, DRIFT, SCAFFOLD, file, line, message, fix, question)
