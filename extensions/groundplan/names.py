"""Which names are valid in generated code, and why others are not."""

from __future__ import annotations

import builtins
import keyword
import re
import sys
from collections.abc import Callable, Collection, Iterable
from itertools import chain, count

from .domain import pascal, plural, snake
from .text import quoted, slug


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LONGEST = 40
"""PostgreSQL cuts identifiers at 63 bytes, and a constraint's name holds a table's and a column's."""

SERVER_LONGEST = 63
"""So long may the name of a database or a role be, which holds the project's and a service's."""

STANDARD_LIBRARY = frozenset(sys.stdlib_module_names) | _words(
    "annotationlib asynchat asyncore cgi cgitb chunk compression crypt distutils imp imghdr lib2to3 "
    "mailcap msilib nis nntplib ossaudiodev pipes smtpd sndhdr spwd sunau telnetlib uu xdrlib"
)
"""Modules of any Python from 3.11 on, so that a name is judged alike wherever the template runs."""

GENERATED_PACKAGES = _words("common config docs fixtures migrations planning scripts services settings tests")
"""Packages, folders and shared modules of the generated project."""

GENERATED_MODULES = _words("main access api models tables services hooks events consumers workflows migrations")
"""Modules that a service has of its own."""

OWNED_MODULES = _words("queries routes")
"""Modules that every service has, and that belong to the project's people."""

JOB_MODULES = _words("jobs worker")
"""Further modules of a service with jobs."""

EVERYWHERE = GENERATED_MODULES | OWNED_MODULES

GENERATED_ADDRESSES = _words("docs health internal openapi redoc")
"""The paths of a process that belong to none of its services."""

SETTINGS = ("URL", "DATABASE_URL", "KEY", "TIMEOUT_S")
"""How the settings end that begin with the name of a service or of somebody else's."""

METHODS = frozenset(["DATABASE_URL"])
"""Methods of the settings, which a setting of that name would hide."""

GENERATED_CLASSES = _words("Depend Literal UUID")
"""Names that would hide, as they are or in the plural, what generated modules import."""

GENERATED_TABLES = _words("read_copies")
"""Tables that every database has, as far as an entity could ask for their name."""

RESERVED_TABLES = "sqlite_"
"""How the tables begin that SQLite keeps to itself."""

RESERVED_ROLES = "pg_"
"""How the roles begin that PostgreSQL keeps to itself."""

SYSTEM_COLUMNS = _words("cmax cmin ctid tableoid xmax xmin")
"""Columns that PostgreSQL gives every table."""

DEVICES = frozenset(["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))])
"""Names that Windows does not let a file have."""

MODEL_ATTRIBUTES = _words(
    "cls construct copy dict from_orm json parse_file parse_obj parse_raw schema schema_json update_forward_refs "
    "validate"
)
"""Attributes of Pydantic's models, and arguments of their constructors."""

KEPT_FIELDS = frozenset(["id", "version", "created_at", "updated_at"])
"""The fields that every record has."""

ANNOTATIONS = _words("common str int float bool list dict tuple set bytes")
"""Names that annotations in a model's body are made of."""

DISTRIBUTIONS = _words(
    "aiosqlite alembic annotated_doc annotated_types anyio asgiref ast_serialize asyncpg attrs certifi cffi "
    "charset_normalizer click cryptography fastapi fastavro graphql_core greenlet grimp h11 harfile httpcore "
    "httpcore2 httptools httpx httpx2 hypothesis hypothesis_graphql hypothesis_jsonschema idna "
    "import_linter iniconfig joserfc jsonschema jsonschema_rs jsonschema_specifications junitparser librt mako "
    "markdown_it_py markupsafe mdurl mypy mypy_extensions opentelemetry_api packaging pathspec pip "
    "pluggy pycparser pydantic pydantic_core pydantic_settings pygments pyjwt pyrate_limiter pytest pytest_asyncio "
    "python_dotenv pyyaml referencing requests rfc3339_validator rich rpds_py ruff schemathesis "
    "setuptools six sniffio sortedcontainers sqlalchemy stamina starlette starlette_testclient structlog "
    "tenacity truststore typing_extensions typing_inspection urllib3 uv uv_build uvicorn uvloop "
    "watchfiles websockets werkzeug yarl"
)
"""What the project installs: it cannot depend on something of its own name."""


def service(name: str, settings: Collection[str] = ()) -> str:
    """Why this is not a valid name for a service, given the settings of options; empty if it is."""
    return (
        _not_snake(name)
        or ("is a module of Python's standard library" if name in STANDARD_LIBRARY else "")
        or ("is a package of every generated project" if name in GENERATED_PACKAGES else "")
        or ("is a module of every generated service" if name in GENERATED_MODULES else "")
        or ("is an address that every process has" if name in GENERATED_ADDRESSES else "")
        or _setting(name, settings)
    )


def project(name: str) -> str:
    """Why this is not a name for the project's distribution and databases, or an empty string."""
    return (
        _not_snake(name)
        or ("is a module of Python's standard library" if name in STANDARD_LIBRARY else "")
        or ("is a package that the project depends on" if name in DISTRIBUTIONS else "")
        or ("is a package of every generated project" if name in GENERATED_PACKAGES else "")
        or _role(name)
    )


def project_for(title: object) -> str:
    """A name for the project's distribution and databases, made from what it is called: `calendar_app`."""
    name = slug(title)
    short = name[:36].rstrip("_")
    return next(it for it in (name, f"{short}_app", f"the_{short}") if not project(it))


def external_api(name: str, settings: Collection[str] = ()) -> str:
    """Why this is not a valid name for an external API, given the settings of options; empty if it is."""
    return _not_snake(name) or _setting(name, settings)


def is_python_name(name: str) -> bool:
    """Whether Python itself gives the name a meaning, as a keyword or a built-in."""
    return keyword.iskeyword(name) or hasattr(builtins, name)


def entity(name: str) -> str:
    """Why this is not a name for an entity or a value object, or an empty string."""
    if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", name):
        return "is not one capitalised word of plain letters and digits"
    module = snake(name)
    return (
        _too_long(plural(module))
        or ("is a keyword or built-in name of Python" if is_python_name(name) else "")
        or ("would hide something that generated modules import" if name in GENERATED_CLASSES else "")
        or (f"needs the module {module}.py, which every generated service has" if module in EVERYWHERE else "")
        or (f"needs the module {module}.py, which services with jobs have" if module in JOB_MODULES else "")
        or (f"needs the module {module}.py, and '{module}' is a Python keyword" if keyword.iskeyword(module) else "")
        or (f"needs the file {module}.py, which Windows does not allow" if module in DEVICES else "")
    )


def table(entity: str) -> str:
    """Why the records of an entity cannot have a table, or an empty string."""
    name = plural(snake(entity))
    return (
        f"needs the table {name}, and '{name}' is a Python keyword"
        if keyword.iskeyword(name)
        else f"needs the table {name}, which every database has"
        if name in GENERATED_TABLES
        else f"needs the table {name}, and SQLite keeps what begins with {RESERVED_TABLES} to itself"
        if name.startswith(RESERVED_TABLES)
        else ""
    )


def field(name: str) -> str:
    """Why this is not a name for a field, or an empty string."""
    return (
        _not_snake(name)
        or ("is a field that every record has anyway" if name in KEPT_FIELDS else "")
        or ("is a column that PostgreSQL gives every table" if name in SYSTEM_COLUMNS else "")
        or ("is taken by the library that validates records" if _is_model_attribute(name) else "")
        or ("would hide a name that the types of fields are made of" if name in ANNOTATIONS else "")
        or ("is how a column is called that is out of use" if re.search(r"_retired_\d{4}$", name) else "")
        or ("looks like the digit 1" if name == "l" else "")  # every linter refuses it
    )


def event(name: str) -> str:
    """Why this is not a name for an event, or an empty string."""
    parts = name.split(".")
    if len(parts) < 2:
        return "is not a subject and a verb in the past tense with a dot between them"
    return next(filter(None, map(_not_snake, parts)), "") or _too_long(snake(name))


def job(name: str) -> str:
    """Why this is not a name for a job, or an empty string."""
    return _not_snake(name) or ("is a module of every service with jobs" if name in EVERYWHERE | JOB_MODULES else "")


def workflow(name: str) -> str:
    """Why this is not a name for a workflow, or an empty string."""
    return _not_snake(name)


def another(name: str, fault: Callable[[str], str], ending: str = "") -> str:
    """A name like this one in which `fault` finds none, to propose."""
    like, end = slug(name), ending or "desk"
    short = like[: LONGEST // 2].rstrip("_")
    longer = f"{like}_{end}" if ending or re.search("[^s]s$", like) else plural(like)
    return _sound(chain((like, longer, f"{short}_{end}"), (f"{short}_{n}" for n in count(2))), fault)


def another_entity(name: str, fault: Callable[[str], str]) -> str:
    """The same for an entity or a value object."""
    like = pascal(slug(snake(name)))
    short = like[: LONGEST // 2]
    return _sound((like, f"{short}Record", f"The{short}"), fault)


def another_field(name: str) -> str:
    """The same for a field."""
    like = slug(name)[: LONGEST // 2].rstrip("_")
    return _sound((like, f"{like}_value", f"the_{like}", f"the_{like}_value"), field)


def _sound(proposed: Iterable[str], fault: Callable[[str], str]) -> str:
    return quoted(next(it for it in proposed if not fault(it)))


def _not_snake(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        return "is not an identifier of lower-case letters, digits and single underscores"
    return (
        _too_long(name)
        or ("is a Python keyword" if keyword.iskeyword(name) else "")
        or ("is a file name that Windows does not allow" if name in DEVICES else "")
    )


def _role(project: str) -> str:
    reserved = f"{project}_".startswith(RESERVED_ROLES)  # a role is called like the project and a service
    return f"needs roles that begin with {RESERVED_ROLES}, and PostgreSQL keeps these to itself" if reserved else ""


def _setting(name: str, settings: Collection[str]) -> str:
    if name.endswith("_database"):  # `orders_database_url` is a setting of `orders`
        return "would hide a setting of another name"
    needed = (f"{name.upper()}_{end}" for end in SETTINGS)
    taken = next((it for it in needed if it in settings or it in METHODS), "")
    return f"needs the setting {taken}, which means something else already" if taken else ""


def _too_long(name: str) -> str:
    return f"is longer than {LONGEST} characters" if len(name) > LONGEST else ""


def _is_model_attribute(name: str) -> bool:
    return name in MODEL_ATTRIBUTES or name.startswith("model_")
