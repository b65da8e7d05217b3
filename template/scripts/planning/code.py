"""`plan check --code`: do the services' APIs, imports, settings and packages agree with the model?

It imports the services, so that it needs the project's environment, as the package manager gives it.
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

from scripts.commands import SYNC, run
from scripts.planning.checks import (
    CONSISTENCY,
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
from scripts.planning.imports import imported, missing
from scripts.planning.model import Operation, Service, brought_back
from scripts.planning.routes import DOCUMENT, MENTION, REQUIREMENT, OwnRoute, difference, routes

Described = dict[str, Any]
"""An operation, or a part of one, as a service describes it in OpenAPI."""

EXAMPLE, CONFIG, PINS = ".env.example", "services/common/config.py", "pyproject.toml"

SECRET = re.compile(
    r"(?i)(?<!\w)(?P<name>\w{0,40}?(?:secret|key|token|password|passwd)\w{0,40})[\"']?\]?\s*(?::\s*\w+\s*=|[:=])\s*(?:\w+\()?"
    r"(?P<quote>[\"']?)(?P<value>[\w+/=.~$!%^&*-]{16,})(?P=quote)"
)
"""A name that says secret, and something long behind it."""

PIN = re.compile(r"([\w.-]+)(?:\[[\w,-]+\])?==([\w.!+]+)")
VARIABLE = re.compile(r"^([A-Z][A-Z0-9_]*)=", re.MULTILINE)

NEWER_TITLES = {
    "Request Entity Too Large": "Content Too Large",
    "Request-URI Too Long": "URI Too Long",
    "Requested Range Not Satisfiable": "Range Not Satisfiable",
    "Unprocessable Entity": "Unprocessable Content",
}
"""The titles of statuses in RFC 9110, by those that Python had before 3.13: a description may be any of these."""


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
        """Files that are not Python."""
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
    checks = (
        *(owned_imports, imports, databases, proofs, versions, settings, secrets),
        *(apis, added_routes, guards),
    )
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
        return _broken(name, error.lineno or 0, f"is not Python ({error.msg})")
    except (ValueError, RecursionError):
        return _broken(name, 0, "is not Python that can be read")


def _broken(file: str, line: int, message: str, fix: str = "") -> Finding:
    fix = fix or f"correct it, or `git checkout -- {file}`"
    return Finding("Y11", file, DRIFT, SCAFFOLD, file, line, message, fix)


def owned_imports(code: Code) -> Iterator[Finding]:
    """Names that owned files import, or have to define, and that are not there."""
    reasons: dict[str, list[str]] = {}
    for file, reason in missing(code.project.root, code.project.model.owned, code.files):
        reasons.setdefault(file, []).append(reason)
    for file, found in reasons.items():
        yield _broken(file, 0, "; ".join(found), "import and define what the project has now")


def imports(code: Code) -> Iterator[Finding]:
    """Imports from one service into another, or from what all share into one."""
    names = {it.name for it in code.project.model.services}
    for mine in (*sorted(names), "common"):
        for file, tree in code.of(mine):
            for line, module in imported(file, tree):
                other = module.split(".")[1] if module.startswith("services.") else ""
                if other in names - {mine}:
                    message = f"imports {module}, which belongs to {other}"
                    fix = f"ask {other} by its API, or hear its events; both are answers to `services`"
                    yield _of_code("Y04", f"{file} {module}", file, line, message, fix, "services")


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
        done = [it for it in test.criteria if states.get(it) == DONE]
        if done and test.proves_nothing:
            message = f"{test.name} {test.proves_nothing}, so that {', '.join(done)} is not shown"
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
        installed = _installed(pin[1])
        if installed != pin[2] and (installed or needed in pinned):
            line = text.partition(f'"{needed}"')[0].count("\n") + 1
            message = f"pins {pin[1]} {pin[2]}, and {installed or 'none'} is installed"
            yield Finding("Y08", pin[1], DRIFT, STACK, PINS, line, message, f"run `{SYNC}`")


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
            elif isinstance(node, ast.ClassDef) and any(
                ast.unparse(base).endswith("Settings") for base in node.bases
            ):
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
            yield from _access(code, service)
            yield from _policies(code, service)
    yield from _mounts(project)


def _mounts(project: Project) -> Iterator[Finding]:
    """Services that the process of several does not have where its list says."""
    try:
        listed = tomllib.loads(_text(project.root / PROCESSES))["process"]
        wanted = {it["app"].partition(":")[0]: it["services"] for it in listed}
    except (ValueError, KeyError, TypeError, AttributeError):
        return  # Y02 reports it
    alone = {f"services.{it.name}.main" for it in project.model.services}
    for module, services in wanted.items():
        if module in alone:
            continue
        app = _app(project, module)
        if isinstance(app, Finding):
            yield app
            continue
        mounted = {getattr(route, "path", "") for route in app.routes}
        for name, path in services.items():
            if path not in mounted:
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
        fix = f"run it by `{run('plan check --code')}`, after `{SYNC}`" if absent else ""
        lines = str(error).splitlines() or [""]
        if found := re.match(r"cannot import name '(\w+)' from 'services", lines[0]):
            home = project.name(Path(getattr(error, "path", None) or file))
            if home in project.model.owned:
                message = f"has no {found[1]}, which {place}:{line} imports"
                return _broken(home, 0, message, f"define {found[1]} there")
        return _broken(place, line, f"cannot be imported ({type(error).__name__}: {lines[0]})", fix)
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


ASKED_BY = {"history": "audit", "status": "workflows"}
"""The answers that some kinds of operations depend on."""


def _api(code: Code, service: Service, app: Any) -> Iterator[Finding]:
    """The operations that a service lacks or has otherwise than specified, and those added to what updates rewrite."""
    specified = {(it.method, it.path): it for it in code.project.model.answered_by(service)}
    prefixes = {path.split("/")[1] for _, path in specified} or {"v1"}
    described = _operations(app)
    handlers = _handlers(code, service)
    api = _api_file(service)
    router = code.files.get(api, "").partition("APIRouter(")[0].count("\n") + 1
    for asked in sorted(specified.keys() | described.keys()):
        method, path = asked
        wanted, actual = specified.get(asked), described.get(asked)
        if difference := _drift(path, wanted, actual, prefixes):
            id = wanted.id if wanted else str((actual or {}).get("operationId"))
            written = handlers.get(str((actual or {}).get("operationId", id)))
            if wanted is None and (written is None or written[0] != api):
                continue  # it is in an owned file
            file, line = written or (api, router)
            question = ASKED_BY.get(wanted.kind if wanted else "", "data_entities")
            fix = f"`git checkout -- {file}`, or change the answer `{question}`"
            message = f"{id} ({method} {path}) {difference}"
            subject = f"{service.name} {method} {path}"
            yield _of_code("Y03", subject, file, line, message, fix, question)


def _operations(app: Any) -> dict[tuple[str, str], Described]:
    """What an app describes, by method and path."""
    return {
        (method.upper(), path): it
        for path, operations in app.openapi().get("paths", {}).items()
        for method, it in operations.items()
    }


def _api_file(service: Service) -> str:
    """The module of a service with the operations of the model, which updates rewrite."""
    return f"services/{service.name}/api.py"


def described_routes(code: Code) -> tuple[OwnRoute, ...] | Finding:
    """The routes that people added to their services, or why one of these cannot be asked."""
    found: list[OwnRoute] = []
    for service in code.project.model.services:
        app = _app(code.project, f"services.{service.name}.main")
        if isinstance(app, Finding):
            return app
        specified = {(it.method, it.path) for it in code.project.model.answered_by(service)}
        handlers = _handlers(code, service)
        for (method, path), it in _operations(app).items():
            file, _ = handlers.get(it["operationId"], ("", 0))
            if (method, path) in specified or file == _api_file(service):
                continue
            if not path.startswith("/health/"):
                found.append(_own_route(service, method, path, it))
    return tuple(found)


def _own_route(service: Service, method: str, path: str, operation: Described) -> OwnRoute:
    told = operation.get("description") or operation.get("summary", "")
    paragraph = MENTION.sub("", " ".join(told.partition("\n\n")[0].split()))
    named_roles = (roles for way in operation.get("security", ()) for roles in way.values())
    callers = ", ".join(next(named_roles, ())) or "authenticated callers"
    proven = "the other services" if _is_internal(service) else callers
    body = _body(operation.get("requestBody", {}))
    sent = [it["name"] for it in operation.get("parameters", []) if it["in"] != "path"]
    responses = sorted(operation["responses"].items())
    named = " ".join((*operation.get("tags", ()), operation.get("summary", ""), told))
    return OwnRoute(
        service.name,
        operation["operationId"],
        method,
        path,
        paragraph.strip(" ,;") or operation.get("summary", ""),
        proven if operation.get("security") else "anyone",
        tuple(f"`{it}`" for it in (*([_shape(body)] if body else []), *sent)),
        tuple(_answer(status, it) for status, it in responses if status.startswith("2")),
        tuple(_error(status, it) for status, it in responses if not status.startswith("2")),
        tuple(sorted(set(REQUIREMENT.findall(named)))),
    )


def _answer(status: str, response: Described) -> str:
    body = _body(response)
    return f"{status} `{_shape(body)}`" if body else status


def _error(status: str, response: Described) -> str:
    told = response["description"]
    return f"{status} {NEWER_TITLES.get(told, told)}"


def added_routes(code: Code) -> Iterator[Finding]:
    """Requirements that added routes name and nobody has, and a document of these routes that says otherwise."""
    described = described_routes(code)
    if isinstance(described, Finding):
        return  # `apis` reports it
    model = code.project.model
    written = {service.name: _handlers(code, service) for service in model.services}
    for it in described:
        file, line = written[it.service].get(it.name, (f"services/{it.service}/routes.py", 0))
        for id in it.requirements:
            if id not in model.ids:
                what = "is retired" if id in model.retired_ids else "is not in the model"
                message = f"{it.name} ({it.address}) names {id}, which {what}"
                fix = "name a requirement that `plan trace` lists, or none"
                yield _of_code("Y12", f"{it.service} {it.name} {id}", file, line, message, fix)
    path = code.project.root / DOCUMENT
    line, message = difference(_text(path) if path.exists() else "", described)
    if message:
        fix = f"run `{run('plan routes')}`, and read what it changes"
        yield Finding("Y13", DOCUMENT, DRIFT, CONSISTENCY, DOCUMENT, line, message, fix)


def _drift(
    path: str, wanted: Operation | None, actual: Described | None, prefixes: set[str]
) -> str:
    """How an operation is otherwise than specified, or an empty string."""
    if wanted and actual:
        return ", and ".join(_differences(wanted, actual))
    if wanted:
        return "is specified and not there"
    if path.split("/")[1] in prefixes:
        return "is there and not specified"
    return "" if path.startswith("/health/") else f"is outside of /{', /'.join(sorted(prefixes))}"


def _differences(wanted: Operation, actual: Described) -> Iterator[str]:
    """What an operation calls itself, takes, answers and asks of callers otherwise than specified."""
    if actual.get("operationId") != wanted.id:
        yield f"is called {actual.get('operationId')}"
    statuses, given = {str(it) for it in (wanted.success, *wanted.problems)}, actual["responses"]
    parts = (("never with", statuses - set(given)), ("also with", set(given) - statuses))
    if differs := " and ".join(f"{how} {', '.join(sorted(it))}" for how, it in parts if it):
        yield f"is answered {differs}"
    yield from _parameters(wanted, actual)
    if (body := _model(actual.get("requestBody", {}))) != _spelled(wanted.body):
        yield f"takes {body or 'no body'} instead of {wanted.body or 'none'}"
    if answer := given.get(str(wanted.success)):
        if (model := _model(answer)) != _spelled(wanted.answer):
            yield f"answers {model or 'nothing'} instead of {wanted.answer or 'nothing'}"
    ways = actual.get("security", ())
    if bool(ways) == (wanted.access == "anyone"):
        yield f"authenticates {'callers' if ways else 'nobody'}"


def _parameters(wanted: Operation, actual: Described) -> Iterator[str]:
    """How the parameters of a request, apart from its body, differ from the specification."""
    specified = {(it.name, it.location): it for it in wanted.parameters}
    taken = {(it["name"], it["in"]): it for it in actual.get("parameters", [])}
    for name, location in sorted(specified.keys() - taken.keys()):
        yield f"does not take {name} in its {location}"
    for name, location in sorted(taken.keys() - specified.keys()):
        yield f"also takes {name} in its {location}"
    for (name, location), it in specified.items():
        if found := taken.get((name, location)):
            if (type := _type(found.get("schema", {}))) != it.type:
                yield f"takes {name} as {type} instead of {it.type}"
            if found.get("required", False) != it.required:
                yield f"{'does not require' if it.required else 'requires'} {name}"


TYPES = {
    ("boolean", ""): "bool",
    ("integer", ""): "int",
    ("number", ""): "float",
    ("string", ""): "str",
    ("string", "date"): "date",
    ("string", "date-time"): "datetime",
    ("string", "uuid"): "uuid",
}
"""Types and formats of OpenAPI, as types of fields are written in answers."""


def _type(schema: Described) -> str:
    """The type of a parameter, whether or not it may be null."""
    choices = [it for it in schema.get("anyOf", [schema]) if it.get("type") != "null"]
    found = {(it.get("type", ""), it.get("format", "")) for it in choices}
    return " or ".join(
        sorted(TYPES.get(it, " ".join(filter(None, it)) or "anything") for it in found)
    )


def _body(message: Described) -> Described | None:
    """The schema of a body in JSON; none where there is no body."""
    content = message.get("content", {}).get("application/json")
    schema: Described | None = None if content is None else content.get("schema", {})
    return schema


def _model(message: Described) -> str | None:
    """The name of the model of a body in JSON, as OpenAPI has it; none where there is no body."""
    schema = _body(message)
    return None if schema is None else _name(schema.get("$ref") or schema.get("title", "anything"))


def _shape(schema: Described) -> str:
    """What a body holds: its model, `list[Order]`, or a type."""
    if "$ref" in schema:
        return _name(schema["$ref"])
    if "items" in schema:
        return f"list[{_shape(schema['items'])}]"
    return _type(schema)


def _name(reference: str) -> str:
    name = reference.rpartition("/")[2]
    return re.sub(r"-(Input|Output)$", "", name.rpartition("__")[2])


def _spelled(model: str | None) -> str | None:
    """The name of a model as OpenAPI has it: `Page_Order_`."""
    return re.sub(r"\W", "_", model) if model else None


def _access(code: Code, service: Service) -> Iterator[Finding]:
    """A service that lets callers in who may not call it, or keeps out those who may."""
    allowed = {it.access for it in code.project.model.answered_by(service)}
    internal = _is_internal(service)
    if allowed and ("services" in allowed) != internal:
        file = f"services/{service.name}/main.py"
        line = code.files.get(file, "").partition("= ServiceDefinition(")[0].count("\n") + 1
        who = "other services alone" if internal else "callers from outside, too"
        message = (
            f"{service.name} answers {who}, and its operations are for {' and '.join(allowed)}"
        )
        fix = f"`git checkout -- {file}`, or change the answer `services`"
        yield _of_code("Y03", f"{service.name} access", file, line, message, fix, "services")


def _policies(code: Code, service: Service) -> Iterator[Finding]:
    """Policies that are not what the answers say."""
    file = f"services/{service.name}/services.py"
    layer = sys.modules.get(f"services.{service.name}.services")
    for operation in (it for it in code.project.model.answered_by(service) if it.entity):
        policy = getattr(layer, f"{operation.entity}Service").policy
        open_to = {who.value for who in getattr(policy, operation.action)}
        if open_to != set(operation.allowed):
            question = ASKED_BY.get(operation.action, "access")
            what = "read the history of" if question == "audit" else operation.action
            message = (
                f"lets {_named_callers(open_to)} {what} {operation.entity}, which the "
                f"answers open to {_named_callers(set(operation.allowed))}"
            )
            fix = f"`git checkout -- services/{service.name}`, or change the answer `{question}`"
            subject = f"{service.name} {operation.action} {operation.entity}"
            yield _of_code("Y14", subject, file, 0, message, fix, question)


def _named_callers(who: set[str]) -> str:
    return " and ".join(sorted(who)) or "nobody from outside"


ACCESS = re.compile(r"services/\w+/access\.py")
"""The file of a service that says who may do what."""


def guards(code: Code) -> Iterator[Finding]:
    """Files that decide who may do what and are not as they were made."""
    root, begin = code.project.root, code.project.model.guards
    for it in code.project.model.generated:
        guards = it.file.startswith(begin) or ACCESS.fullmatch(it.file)
        if guards and (root / it.file).is_file() and not it.is_as_made(root):
            message = "was edited, and decides who may do what"
            fix = f"`git checkout -- {it.file}`; who may do what is the answer `access`"
            yield _of_code("Y15", it.file, it.file, 0, message, fix, "access")


def _is_internal(service: Service) -> bool:
    """Whether a service, whose app was made, keeps out callers from outside."""
    return bool(sys.modules[f"services.{service.name}.main"].service.internal)


def _handlers(code: Code, service: Service) -> dict[str, tuple[str, int]]:
    """Where each operation is written, by its name, which no two routes of a service share."""
    return {
        it.name: (file, it.line)
        for file, tree in code.of(service.name)
        for it in routes(file, tree)
    }


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
