"""Whatever is asked for, the code that comes of it is formatted, linted, typed, and passes its own tests."""

from __future__ import annotations

import json
import keyword
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from copies import Generate
from groundplan import catalogue, domain, formatting, generation, text
from groundplan import names as name_rules
from groundplan.codegen.fields import FieldCode
from groundplan.problems import Refused
from projects import REPOSITORY, model, need_postgres, run, uses_postgres

HOSTILE = (
    '"quotes", \'more\' and """three"""',
    "{{ project }} {% raw %} {# no comment #} {%- x -%}",
    "two\nlines\n\n# a heading\n- an item\n---\n...",
    "a: b # no comment, &anchor *alias !tag | > % @",
    "back\\slash \\n \\u0041 \\",
    "emoji 🎉, letters é ß 日本語 – ’ Добро, \u202eright to left\u202c مرحبا",
    "*md* _em_ `code` [link](http://x) ![i](y) <b>html</b> <!-- c --> &amp;\n| a | b |\n|---|---|",
    "$HOME ${X} $(id) `id` %s %(x)s {0} {x}",
    'ends with a quote"',
    "null",
    "x" * 5_000,
)
"""Texts that mean something to a language in which they are written down."""

LITERALS = {
    "str": "'it is \"so\" – Добро # {{ x }}'",
    "text": "'two\nlines \\\\'",
    "int": "-5",
    "float": "1e300",
    "bool": "true",
    "money": "-0.5",
    "date": "2026-03-01",
    "datetime": "2026-03-01T09:30:00+02:00",
    "email": "'a@b.example'",
    "url": "'https://a.example/b'",
    "uuid": "0198f5a0-0000-7000-8000-000000000001",
    "no|1|a-b": "no",
}
"""A literal of each plain type."""

FORMS = ("{}", "{}?", "list[{}]", "list[{}]?")


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


TRICKY_FIELDS = words(
    "date name type values keys status order select user text list_of self fields about event draft model models "
    "tables rules records request response store metadata sa http page limit after data envelope related uuid datetime "
    "none default"
)

TRICKY_ENTITIES = words(
    "Event Record Page Model Response Collection Finder Order Metadata Request Date Store Rules Published View "
    "Runtime Field Any Table Value Type Text Id Many Path Query Header Found Envelope Problem Reaction Consumer "
    "Entity Service Job Step Hook Rule Change Effect Outbox Repository Endpoint Client Messaging Limit After Version "
    "Apis"
)


def longest(start: str) -> str:
    """A name as long as names may be."""
    return (start + "_" + "abcdefgh_" * 5)[:38] + "zz"


def longest_entity(start: str) -> str:
    return domain.pascal(start).ljust(39, "a")


KINDS = {
    "project_name": "Every kind",
    "concept": "\n".join(HOSTILE),
    "architecture_style": "services",
    "storage_kind": "sqlite",
    "services": [
        {"name": "kinds", "responsibility": HOSTILE[0], "publishes": ["kind.seen on create, update, delete Kind"]},
        {"name": "empty", "responsibility": HOSTILE[2]},
        {
            "name": "letters",
            "exposure": "internal",
            "responsibility": HOSTILE[4],
            "subscribes": [
                "on kind.seen: create Letter(kind: id, text: '{{ x }} \\'so\\'', number: -2, flag: false, "
                "cost: 3, day: '2026-12-31', at: '2026-12-31T23:59:59Z', by: 'a@b.example', "
                "page: 'https://a.example/', choice: 'no', many: many1)",
                "keep Kind",
            ],
        },
    ],
    "data_entities": [
        "kinds.Kind("
        + ", ".join(
            f"{form}{index}: {shape.format(kind)}"
            for form, shape in zip(("one", "maybe", "many", "some"), FORMS, strict=True)
            for index, kind in enumerate(LITERALS)
        )
        + "".join(f", given{index}: {kind} = {literal}" for index, (kind, literal) in enumerate(LITERALS.items()))
        + ")",
        "letters.Letter(kind: uuid, text: text, number: float, flag: bool, cost: money, day: date, at: datetime, "
        "by: email, page: url, choice: no|1|a-b, many: list[text])",
    ],
    "workflows": [
        "telling on create Kind: Letter(kind: id, text: '{{ x }} \\'so\\'', number: 4, flag: true, cost: 3, "
        "day: '2026-12-31', at: '2026-12-31T23:59:59Z', by: 'a@b.example', page: 'https://a.example/', "
        "choice: 'no', many: many1); done: given5 = 0.5; undone: given7 = '2026-12-31T23:59:59Z'"
    ],
    "external_apis": [{"name": "sms", "purpose": HOSTILE[1], "used_by": ["kinds", "letters"], "critical": True}],
    "mvp_features": [
        {"name": f"{index} {it[:150]}", "outcome": it, "services": ["kinds"], "acceptance": [it]}
        for index, it in enumerate(HOSTILE)
    ],
    "personas": [{"name": it[:150], "goal": it} for it in HOSTILE],
    "out_of_scope": [{"item": it[:150], "reason": it} for it in HOSTILE],
}
"""Every type in every form, every literal, and hostile texts wherever a text may be."""

LONG = {
    "project_name": "L" * 80,
    "project_slug": "l" * 22,  # with a service's, as long as the name of a database may be
    "concept": "Has long names.",
    "architecture_style": "modular_monolith",
    "storage_kind": "postgres",
    "services": [
        {
            "name": longest("keeper"),
            "responsibility": "keeps",
            "publishes": [f"{'t' * 24}.{'z' * 15} on create {longest_entity('thing')}"],
        },
        {
            "name": longest("keeper_too"),
            "responsibility": "asks",
            "depends_on": [{"service": longest("keeper"), "when_unavailable": "accept"}],
            "subscribes": [
                f"on {'t' * 24}.{'z' * 15}: create "
                f"{longest_entity('asked')}({longest('one')}: id, {longest('two')}: '{longest('other')}')"
            ],
        },
    ],
    "data_entities": [
        f"value {longest_entity('inner')}({longest('a')}: {longest_entity('thing')}?, "
        f"{longest('b')}: list[{longest_entity('thing')}]?)",
        f"value {longest_entity('outer')}({longest('a')}: list[{longest_entity('inner')}]?, "
        f"{longest('b')}: {longest_entity('inner')}?)",
        f"{longest('keeper')}.{longest_entity('thing')}({longest('text')}: str = '{'y' * 200}', "
        f"{longest('choice')}: {longest('one')}|{longest('two')}? , {longest('parts')}: list[{longest('one')}|b])",
        f"{longest('keeper_too')}.{longest_entity('asked')}({longest('one')}: {longest_entity('thing')}, "
        f"{longest('two')}: {longest('choice')}|{longest('other')} = {longest('choice')}, "
        f"{longest('outer')}: {longest_entity('outer')}?, {longest('outers')}: list[{longest_entity('outer')}]?, "
        f"{longest('sensitive')}: str pii = '{'y' * 80}', {longest('again')}: str? pii unique, {longest('at')}: date?)",
        f"{longest('keeper_too')}.Brief(note: str)",
    ],
    "workflows": [
        f"{longest('flow')} on create {longest_entity('thing')}: {longest_entity('asked')}({longest('one')}: id, "
        f"{longest('two')}: '{longest('other')}'), then Brief(note: {longest('text')}); "
        f"done: {longest('choice')} = {longest('one')}; undone: {longest('choice')} = {longest('two')}; timeout: 1"
    ],
    "personas": ["Auditor: looks"],
    "audit": [f"{longest_entity('thing')}: read Auditor", f"{longest_entity('asked')}: read Auditor"],
    "retention": [
        f"{longest_entity('thing')}: delete 100 years after created_at",
        f"{longest_entity('asked')}: anonymise 36500 days after {longest('at')}",
    ],
}
"""Names as long as they may be, so that every line that holds one has to be broken."""

CHAIN = {
    "project_name": "Chain",
    "concept": "One thing leads to another.",
    "architecture_style": "modular_monolith",
    "storage_kind": "sqlite",
    "services": [
        {"name": "first", "responsibility": "begins", "publishes": ["model.made(name, date) on create Model"]},
        {
            "name": "second",
            "responsibility": "goes on",
            "depends_on": ["first"],
            "publishes": ["event.seen on create, update Event", "event.gone(model) on delete Event"],
            "subscribes": ["keep Page", "on model.made: create Event(model: id, type: name, date: date)"],
        },
        {
            "name": "third",
            "responsibility": "ends",
            "subscribes": [
                "keep Event",
                "keep Model",
                "on event.seen: create Order(event: id, model: model, note: 'seen')",
                "on event.gone: create Record(model: model)",
            ],
        },
    ],
    "data_entities": [
        "first.Model(name: str, date: date, parent: Model?, children: list[Model], parts: list[Part])",
        "first.Page(values: list[Value]?, models: list[Model], keys: Value?)",
        "second.Event(model: Model, type: str, date: date, page: Page?)",
        "third.Order(event: Event, model: Model, note: str, sent: bool = false)",
        "third.Record(model: Model?, orders: list[Order]?)",
        "value Part(of: Model, status: open|done = open)",
        "value Value(part: Part?, parts: list[Part]?, next: Model?)",
    ],
    "personas": ["Auditor: looks"],
    "audit": ["Model: read Auditor", "Event: read Auditor", "Order"],
    "retention": ["Event: delete 1 year after date", "Record: delete 1 month after updated_at"],
}
"""References at every depth, to itself, by copy and by call; reactions in a row; names that the code has, too."""

PRODUCTS = {"kinds": KINDS, "long": LONG, "chain": CHAIN}


@pytest.fixture(scope="session", params=PRODUCTS)
def generated(request: pytest.FixtureRequest, generate: Generate) -> Path:
    return generate(PRODUCTS[request.param])


class TestProject:
    def test_passes_its_own_checks(self, generated: Path) -> None:
        run(generated, "ruff", "format", "--check", ".")
        run(generated, "ruff", "check", ".")
        run(generated, "mypy", "--strict")
        assert "0 differences" in run(generated, "plan", "check")

    def test_passes_its_own_tests(self, generated: Path) -> None:
        if uses_postgres(model(generated)):
            need_postgres()
        assert " failed" not in run(generated, "pytest", "-q")

    def test_files_are_what_they_say(self, generated: Path) -> None:
        readers: dict[str, Callable[[str], object]] = {
            ".json": json.loads,
            ".toml": tomllib.loads,
            ".yml": yaml.safe_load,
            ".yaml": yaml.safe_load,
        }
        read = [
            readers[path.suffix](path.read_text(encoding="utf-8"))
            for path in generated.rglob("*")
            if path.suffix in readers and not {".venv", ".git"} & set(path.parts)
        ]
        assert len(read) >= 5


LOADER = FileSystemLoader(REPOSITORY)
LOOP = re.compile(r"{% yield (\w+) from ([\w.]+) %}(.*?){% endyield %}")
CATALOGUE = catalogue.load(REPOSITORY / "decisions")


TRIED = [
    {decision.id: option.name}
    for decision in CATALOGUE.decisions
    for option in decision.offered
    if decision.id == "storage_kind"
    or any(module.rendered and module.target.endswith(".py") for module in option.modules)
]
"""Each option that brings code which depends on the product, and each storage, as migrations are written for it."""


def rendered(answers: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The Python files that depend on the answers, by path, as Copier would write them."""
    environment = Environment(
        loader=LOADER, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters.update(text.FILTERS)

    def places(parts: tuple[str, ...], names: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        if not parts:
            yield "", names
            return
        loop = LOOP.search(parts[0])
        found: Any = environment.compile_expression(loop[2])(**names) if loop else [None]
        for item in found:
            inner = {**names, loop[1]: item} if loop else names
            here = environment.from_string(parts[0].replace(loop[0], loop[3]) if loop else parts[0]).render(inner)
            if here not in ("", ".jinja"):
                yield from ((f"/{here}{rest}", last) for rest, last in places(parts[1:], inner))

    built = generation.build(answers, CATALOGUE)
    root, made = REPOSITORY / "template", {"project": built.project, "planning": built.planning}
    for template in sorted(root.rglob("*.py*.jinja")):
        for path, names in places(template.relative_to(root).parts, made):
            source = environment.get_template(template.relative_to(REPOSITORY).as_posix())
            yield path[1:].removesuffix(".jinja"), source.render(names)
    for module in built.project.modules:
        if module.rendered and module.target.endswith(".py"):
            yield module.target, environment.get_template(module.source).render(made | dict(module.items))


names = st.sampled_from([*TRICKY_FIELDS, *map(longest, "abcdef")])


@st.composite
def fields(draw: st.DrawFn, targets: tuple[str, ...]) -> str:
    """Fields of plain types and of these."""
    lines = []
    for name in draw(st.lists(names, min_size=1, max_size=6, unique=True)):
        type = draw(st.sampled_from([*LITERALS, f"{longest('x')}|{longest('y')}|z", *targets]))
        form = draw(st.sampled_from(FORMS))
        default = f" = {LITERALS[type]}" if form == "{}" and type in LITERALS and draw(st.booleans()) else ""
        lines.append(f"{name}: {form.format(type)}{default}")
    return ", ".join(lines)


@st.composite
def products(draw: st.DrawFn) -> dict[str, object]:
    """Services that each refer to what the services before them keep, by call or by copy."""
    entities = draw(st.permutations([*TRICKY_ENTITIES, *map(longest_entity, "abcdef")]))
    lines: list[str] = []
    services: list[dict[str, object]] = []
    known: tuple[str, ...] = ()
    for value in draw(st.sampled_from([(), ("Part",), ("Part", longest_entity("part"))])):
        lines.append(f"value {value}({draw(fields(known))})")
        known = (*known, value)
    for service in draw(st.lists(st.sampled_from(["a1", "shop", longest("b"), longest("c")]), min_size=1, unique=True)):
        foreign = [line.partition("(")[0].split(".") for line in lines if "." in line.partition("(")[0]]
        copied = draw(st.booleans())
        own = [entities.pop() for _ in range(draw(st.integers(0, 2)))]
        publishes = []
        for entity in own:
            inside = draw(fields(known))
            lines.append(f"{service}.{entity}({inside})")
            known = (*known, entity)
            carried = draw(st.sampled_from(["", "()", f"({inside.partition(':')[0]})"]))
            publishes.append(f"{entity.lower()[:35]}.done{carried} on create, delete {entity}")
        services.append(
            {
                "name": service,
                "responsibility": draw(st.sampled_from(HOSTILE)),
                "exposure": draw(st.sampled_from(["public", "internal"])),
                "depends_on": [] if copied else sorted({owner for owner, _ in foreign}),
                "subscribes": [f"keep {entity}" for _, entity in foreign] if copied else [],
                "publishes": publishes,
            }
        )
    jobs = [f"{it['name']}: {longest('remind')} every 15 minutes" for it in services if draw(st.booleans())]
    kept = [line.partition("(")[0].partition(".")[2] for line in lines if not line.startswith("value")]
    audit = [it for it in kept if draw(st.booleans())]
    options = draw(st.sampled_from([{}, *TRIED]))
    described = {"services": services, "data_entities": lines, "jobs": jobs, "audit": audit}
    return {"project_name": "Shop", **described, **options}


def test_tricky_names_are_names_that_answers_may_have() -> None:
    assert [it for it in TRICKY_ENTITIES if name_rules.entity(it)] == []
    assert [it for it in TRICKY_FIELDS if name_rules.field(it)] == []


def test_any_product_with_any_option_is_formatted_code(tmp_path: Path) -> None:
    folders = iter(range(1_000))

    def files(answers: dict[str, object]) -> list[tuple[str, str]]:
        try:
            return list(rendered(answers))
        except Refused:
            assume(not any(option.items() <= answers.items() for option in TRIED))  # it does not go with the product
            raise

    @settings(max_examples=150, deadline=None)
    @given(products())
    def write(answers: dict[str, object]) -> None:
        folder = tmp_path / str(next(folders))
        for path, content in files(answers):
            compile(content, path, "exec")
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")

    write()
    sorting = 'known-first-party = ["services", "tests", "scripts"], sections = { common = ["services.common"] }'
    order = '["future", "standard-library", "third-party", "common", "first-party"]'
    isort = f'lint.isort = {{ {sorting}, section-order = {order}, no-lines-before = ["first-party"] }}'
    for check in (
        ["format", "--check"],
        ["check", "--select=B,F,I,RUF,UP,W", "--ignore=RUF001,RUF002,RUF003", f"--config={isort}"],
    ):
        ruff: list[str | Path] = [
            sys.executable,
            "-m",
            "ruff",
            *check,
            "--quiet",
            "--isolated",
            "--line-length=100",
            tmp_path,
        ]
        result = subprocess.run(ruff, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout


def ruffed(code: str, *options: str) -> str:
    """Code as the formatter, or the linter where it mends, leaves it."""
    command = [sys.executable, "-m", "ruff", *options, "--quiet", "--isolated", "--line-length=100", "-"]
    return subprocess.run(command, input=code, capture_output=True, text=True, check=True).stdout


NAMED = st.from_regex(r"[A-CVa-c_][A-CVa-cv0129_]{0,6}", fullmatch=True).filter(
    lambda it: it.strip("_") != "" and not keyword.iskeyword(it)
)


def test_imports_of_any_names_are_sorted() -> None:
    statements = [formatting.import_from("m", "VisitService", "VisitorService", "Visit10", "Visit9")]

    @settings(max_examples=150, deadline=None)
    @given(st.lists(NAMED, min_size=2, max_size=12, unique=True))
    def add(names: list[str]) -> None:
        statements.append(formatting.import_from(f"m{len(statements):04}", *names))

    add()
    code = "\n".join(statements) + "\n"
    assert ruffed(code, "check", "--select=I", "--fix") == code


def test_a_field_of_any_type_with_any_default_is_formatted() -> None:
    types = (
        domain.Type("text"),
        domain.Type("choice", choices=("a" * 40, "b" * 30, "c" * 30)),
        domain.Type("str", limits=domain.Limits(Decimal(1), Decimal(99))),
        domain.Type("money", limits=domain.Limits(Decimal(1), Decimal(99_999), "", "EUR")),
        domain.Type("datetime"),
        domain.Type("value", "V" * 39),
    )
    texts = [*("x" * it for it in range(30, 111)), "x" * 255, "(a, [b)" * 14, "日" * 40, "'\"" + "z" * 70]
    defaults: dict[str, list[str]] = {
        "text": texts,
        "str": texts,
        "choice": ["a" * 40],
        "money": ["1.50"],
        "datetime": ["2026-03-01T09:30:00+02:00"],
        "value": [],
    }
    declarations = [
        FieldCode(domain.Field(name, replace(type, many=many, optional=optional), default, **kept), limited).declaration
        for name in ("a", "title", "n" * 20, "n" * 39)
        for kept in ({}, {"secret": True}, {"sensitive": ("pii",)})
        for type in types
        for many, optional in ((False, False), (False, True), (True, False), (True, True))
        for default in (None, *(() if many or optional else defaults[type.kind]))
        for limited in (False, True)
    ]
    code = "\n\n\n".join(f"class C{index}:\n    {it}" for index, it in enumerate(declarations)) + "\n"
    assert ruffed(code, "format") == code


def test_a_newer_python_asks_for_no_other_code(generate: Generate) -> None:
    """A linter that goes by the oldest Python of the project would ask for newer syntax in code that is shared."""
    project = generate(LONG | {"python_version": "3.13"})
    subprocess.run([sys.executable, "-m", "ruff", "check", "."], cwd=project, check=True)
