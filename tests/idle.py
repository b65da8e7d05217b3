"""What a generated project has and does not use: modules, classes, functions and constants of `services/common`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from groundplan.field_types import FIELD_TYPES

OF_RULES = {"RuleViolation", "Forbidden", "UnknownReference", *(it.constructor for it in FIELD_TYPES.values())}
"""What people's own rules raise, and what they make values with."""
OF_ROUTES = {
    *("CallerDep", "IdempotencyKey", "RecordsDep", "RuntimeDep", "SettingsDep", "provide"),
    *("After", "Limit", "Version", "ETag", "get_version"),
    "changes",  # of a record whose history no role reads
    *("CREATE", "LIST", "GET", "UPDATE", "DELETE", "created", "with_etag", "allow", "only"),
}
"""What people's own routes take."""
CALLED_BY_LIBRARIES = {"process_bind_param", "process_result_value", "async_auth_flow", "_with_current_names"}
OF_REVISIONS = {"MoneyColumn"}
"""Old revisions go on naming the types of columns that are gone."""
OF_INTERFACES = {
    *("oldest", "next_due", "postpone", "counts"),  # of outboxes, whatever delivers their messages
    *("AUTOINCREMENT_TYPE", "AUTOINCREMENT_OPTIONS"),  # of engines, also where no outbox counts its messages
    *("calling", "handling", "current_traceparent"),  # of tracing, whatever goes from service to service
    *("find", "View", "REQUEST_HEADERS"),  # of clients, also where nothing is read of other services
    "salvaged",  # of stored records, also where none is looked at that its model does not accept
    "secrets_match",  # of whatever compares secrets, also where nothing but signatures is checked
    "header_for",  # of tenants, also where no service calls another
    "headers_for",  # of proofs that a service calls, also where none calls another
    "JobTrigger",  # of runners of jobs, also where jobs start at set times only
}
"""What every option of a decision offers alike."""
EXEMPT = OF_RULES | OF_ROUTES | CALLED_BY_LIBRARIES | OF_REVISIONS | OF_INTERFACES
STARTED = {"services.common.gateway.main"}
"""What servers import by name."""
AWAITED = {"services.common.clients.resource", "services/common/clients/resource.py: HttpClients"}
"""The clients wait for the first one where events are published that nobody subscribes to yet."""


def idle(project: Path) -> set[str]:
    """The modules that no other one imports, and the definitions whose names no code of services or scripts uses."""
    trees = {it: ast.parse(it.read_text("utf-8")) for it in _sources(project)}
    common = {it: tree for it, tree in trees.items() if (project / "services/common") in it.parents}
    imported, used = set(chain(*map(_imports, trees.values()))), set(chain(*map(_names, trees.values())))
    modules = {_dotted(it.relative_to(project)) for it in common if it.name != "__init__.py"}
    definitions = {
        f"{it.relative_to(project)}: {name}" for it, tree in common.items() for name in _defined(tree) - used
    }
    return ((modules - imported) | definitions) - STARTED - AWAITED


def _sources(project: Path) -> Iterator[Path]:
    for folder in ("services", "scripts"):
        yield from sorted((project / folder).rglob("*.py"))


def _dotted(path: Path) -> str:
    return ".".join(path.with_suffix("").parts)


def _imports(tree: ast.AST) -> Iterator[str]:
    """The modules that are imported, and what may be one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{it.name}" for it in node.names)


def _names(tree: ast.AST) -> Iterator[str]:
    """What is read by name: variables, attributes, and names in text such as a setting's."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()) | ast.Attribute(attr=name) | ast.Constant(value=str(name)):
                yield name


def _defined(tree: ast.Module) -> set[str]:
    """The classes, functions, methods and constants of a module, but for what others than its project call."""
    classes = [it for it in tree.body if isinstance(it, ast.ClassDef)]
    names = chain(*map(_bound, tree.body), *(_bound(it) for one in classes for it in one.body if _is_method(it)))
    return {it for it in names if not it.startswith("__")} - EXEMPT


def _is_method(node: ast.stmt) -> bool:
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))


def _bound(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=targets):
            yield from (it.id for it in targets if isinstance(it, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name
