"""The migrations of a service: each change of its entities is one revision, and none of them loses anything."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundplan import migrations
from groundplan.codegen.revisions import revisions
from groundplan.domain import Entity, Field, Service, Type
from groundplan.migrations import Revision

Revisions = tuple[Revision, ...]

PAGES = Field("pages", Type("int"))
OPTIONAL_PAGES = Field("pages", Type("int", optional=True))
DEFAULT_PAGES = Field("pages", Type("int"), 0)
TITLE = Field("title", Type("str"))


def service(**entities: tuple[Field, ...]) -> Service:
    """A service with entities of these fields."""
    return Service("shop", "", entities=tuple(Entity(name, "shop", fields) for name, fields in entities.items()))


def revised(*services: Service) -> Revisions:
    """The revisions after a service was each of these in turn."""
    revisions: Revisions = ()
    for it in services:
        revisions = migrations.revise(revisions, it)
    return revisions


BOOK = service(Book=(TITLE,))


@pytest.mark.parametrize(
    ("before", "after", "step"),
    [
        (service(), BOOK, ("create books: title str",)),
        (BOOK, service(Book=(TITLE, PAGES)), ("add books.pages int",)),
        (BOOK, service(Book=(TITLE, OPTIONAL_PAGES)), ("add books.pages int?",)),
        (BOOK, service(Book=(TITLE, DEFAULT_PAGES)), ("add books.pages int = 0",)),
        (service(Book=(PAGES,)), service(Book=(OPTIONAL_PAGES,)), ("loosen books.pages int?",)),
        (service(Book=(OPTIONAL_PAGES,)), service(Book=(PAGES,)), ("tighten books.pages int",)),
        (service(Book=(OPTIONAL_PAGES,)), service(Book=(DEFAULT_PAGES,)), ("tighten books.pages int = 0",)),
        (service(Book=(TITLE, PAGES)), BOOK, ("retire books.pages",)),
        (
            service(Book=(PAGES,)),
            service(Book=(Field("pages", Type("str")),)),
            ("retire books.pages", "add books.pages str"),
        ),
        (BOOK, service(Novel=(TITLE,)), ("create novels: title str", "retire books")),
        (
            BOOK,
            service(Book=(TITLE, Field("tags", Type("str", many=True)))),
            ("add books.tags json = []",),
        ),
        (
            BOOK,
            service(Book=(TITLE, Field("note", Type("text"), 'two\nlines = "so"'))),
            (r'add books.note text = "two\nlines = \"so\""',),
        ),
    ],
)
def test_a_change_is_one_revision(before: Service, after: Service, step: Revision) -> None:
    assert revised(before, after)[-1] == step


SLUG = Field("slug", Type("str"), unique=True)
PLACE = Field("place", Type("int"), indexed=True)


@pytest.mark.parametrize(
    ("before", "after", "step"),
    [
        (
            service(),
            service(Book=(SLUG, PLACE)),
            ("create books: slug str, place int", "unique books: slug", "index books: place"),
        ),
        (service(Book=(replace(SLUG, unique=False),)), service(Book=(SLUG,)), ("unique books: slug",)),
        (service(Book=(PLACE,)), service(Book=(replace(PLACE, indexed=False),)), ("drop index books: place",)),
        (service(Book=(TITLE, SLUG)), BOOK, ("drop unique books: slug", "retire books.slug")),
        (service(Book=(SLUG,)), service(), ("drop unique books: slug", "retire books")),
        (
            service(Book=(PLACE,)),
            service(Book=(replace(PLACE, type=Type("str")),)),
            ("drop index books: place", "retire books.place", "add books.place str", "index books: place"),
        ),
        (
            service(Book=(TITLE,)),
            service(Book=(TITLE, Field("part_of", Type("reference", "Book")))),
            ("add books.part_of uuid", "index books: part_of"),
        ),
    ],
)
def test_indexes_follow_their_columns(before: Service, after: Service, step: Revision) -> None:
    assert revised(before, after)[-1] == step


def test_rows_do_not_stand_in_the_way_of_what_is_no_longer_unique() -> None:
    plain = service(Book=(replace(SLUG, unique=False),))
    after = revised(plain, service(Book=(SLUG,)), plain)
    assert after[1:] == (("was unique books: slug",), ("drop unique books: slug",))
    _, unique, plain_again = (it.path_name for it in revisions(after))
    assert (unique, plain_again) == ("0002_unique_books_slug.py", "0003_drop_unique_books_slug.py")


def test_the_name_of_an_index_is_one_that_every_database_keeps() -> None:
    long = migrations.Index(("a" * 40, "b" * 40), unique=True)
    assert migrations.Index(("slug",)).name("books") == "ix_books_slug"
    assert len({long.name("c" * 40), migrations.Index(("a" * 40, "b" * 39), unique=True).name("c" * 40)}) == 2
    assert len(long.name("c" * 40)) == migrations.LONGEST_NAME


def test_a_default_alone_changes_no_table() -> None:
    assert revised(service(Book=(PAGES,)), service(Book=(DEFAULT_PAGES,))) == (("create books: pages int",),)


def test_there_and_back_leaves_both_columns() -> None:
    with_pages = service(Book=(TITLE, PAGES))
    assert revised(with_pages, BOOK, with_pages) == (
        ("create books: title str, pages int",),
        ("retire books.pages",),
        ("add books.pages int",),
    )


def test_an_entity_that_comes_back_gets_a_new_table() -> None:
    assert revised(BOOK, service(), BOOK) == (
        ("create books: title str",),
        ("retire books",),
        ("create books: title str",),
    )


class TestWhatRowsStandInTheWayOf:
    """A migration that failed because of rows can be helped by answers; where it was done, that changes nothing."""

    REQUIRED = service(Book=(TITLE, PAGES))

    def test_a_default_fills_them(self) -> None:
        assert revised(BOOK, self.REQUIRED, service(Book=(TITLE, DEFAULT_PAGES)))[1:] == (("add books.pages int = 0",),)

    def test_an_optional_field_asks_nothing_of_them(self) -> None:
        after = revised(BOOK, self.REQUIRED, service(Book=(TITLE, OPTIONAL_PAGES)))
        assert after[1:] == (("add books.pages int?",), ("loosen books.pages int?",))

    def test_nor_does_a_field_that_is_gone(self) -> None:
        assert revised(BOOK, self.REQUIRED, BOOK)[1:] == (("add books.pages int?",), ("retire books.pages",))

    def test_a_field_that_must_no_longer_be_there(self) -> None:
        optional = service(Book=(OPTIONAL_PAGES,))
        after = revised(optional, service(Book=(PAGES,)), optional)
        assert after[1:] == (("loosen books.pages int?",), ("loosen books.pages int?",))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "nonsense",
        "create books",
        "create books: ",
        "create books: title",
        "create books: title str,",
        "create books: title number",
        "create Books: title str",
        "create books.title: title str",
        "add books",
        "add books.pages",
        "add books.pages int = ",
        "add books.pages int = zero",
        "add books.pages int\nretire books",
        "loosen books",
        "retire books.pages int",
        "retire books.",
        "drop books",
        "unique books",
        "unique books: ",
        "index books: Slug",
        "was index books: slug",
    ],
)
def test_what_is_no_operation_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"schema operation|Expecting value"):
        migrations.parse(line)


DEFAULTS: dict[str, object] = {"int": 3, "bool": True, "float": 0.5, "text": 'a = b,\n"c"?', "money": "1.50"}

types = st.builds(
    Type,
    st.sampled_from(["str", "date", *DEFAULTS]),
    st.just(""),
    st.just(()),
    many=st.booleans(),
    optional=st.booleans(),
) | st.sampled_from([Type("reference", "Book"), Type("value", "Line", optional=True), Type("choice", "", ("a", "b"))])


@st.composite
def fields(draw: st.DrawFn, name: str) -> Field:
    type = draw(types)
    may_default = type.kind in DEFAULTS and not (type.many or type.optional)
    default = DEFAULTS[type.kind] if may_default and draw(st.booleans()) else None
    assert default is None or isinstance(default, (str, int, float, bool))
    indexable = type.kind != "text" and migrations.stored_as(Field(name, type)) != "json"
    unique, indexed = (indexable and draw(st.booleans()) for _ in range(2))
    return Field(name, type, default, unique, indexed)


@st.composite
def services(draw: st.DrawFn) -> Service:
    """A service with some of three entities, each with some of three fields."""
    entities = {
        name: tuple(draw(fields(it)) for it in draw(st.lists(st.sampled_from("abc"), min_size=1, unique=True)))
        for name in draw(st.lists(st.sampled_from(["Book", "Box", "Key"]), unique=True))
    }
    return service(**entities)


def replayed(revisions: Revisions) -> dict[str, dict[str, tuple[str, bool]]]:
    """The tables in a database to which the revisions were applied one by one, without `schema`'s own replay."""
    tables: dict[str, dict[str, tuple[str, bool]]] = {}
    for it in (migrations.parse(line) for revision in revisions for line in revision):
        if it.index is not None:
            assert tables[it.table].keys() >= set(it.index.fields)
        elif it.verb == "create":
            assert it.table not in tables
            tables[it.table] = {column.name: (column.type, column.optional) for column in it.columns}
        elif it.column is None:
            del tables[it.table]
        elif it.verb == "retire":
            del tables[it.table][it.column.name]
        else:
            assert (it.verb == "add") == (it.column.name not in tables[it.table])
            tables[it.table][it.column.name] = (it.column.type, it.column.optional)
    return tables


@given(st.lists(services(), min_size=1, max_size=6))
def test_replaying_revisions_leads_to_the_tables_of_the_service(past: list[Service]) -> None:
    wanted = {
        entity.table: {column.name: (column.type, column.optional) for column in migrations.columns(entity)}
        for entity in past[-1].entities
    }
    assert replayed(revised(*past)) == wanted


@given(st.lists(services(), max_size=5), services())
def test_revising_twice_is_revising_once(past: list[Service], last: Service) -> None:
    once = revised(*past, last)
    assert migrations.revise(once, last) == once


@given(st.lists(services(), max_size=5), services())
def test_a_migration_never_becomes_another(past: list[Service], last: Service) -> None:
    """Only what it asks of rows may be eased."""
    before, after = revised(*past), revised(*past, last)
    assert len(after) in (len(before), len(before) + 1)
    for old, new in zip(before, after, strict=False):
        for was, now in zip(map(migrations.parse, old), map(migrations.parse, new), strict=True):
            assert was.table == now.table
            eased = (was.verb, now.verb) == ("unique", "was unique")
            assert was == now or eased or (was.column is not None and was.column.needs_value)


@given(st.lists(services(), max_size=5))
def test_every_revision_becomes_a_migration(past: list[Service]) -> None:
    for revision in revisions(revised(*past)):
        for step in revision.steps:
            compile(f"{step.head}({', '.join(step.arguments)})", revision.path_name, "eval")
