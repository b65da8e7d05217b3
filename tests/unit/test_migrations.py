"""The migrations of a service: each change of its entities is one revision, and none of them loses anything."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundplan import migrations
from groundplan.codegen.revisions import revisions
from groundplan.domain import Entity, Field, Product, Retention, Service, Type
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
            ("convert books.pages str from int",),
        ),
        (
            service(Book=(Field("kind", Type("str")),)),
            service(Book=(Field("kind", Type("choice", choices=("new", "used")), "used"),)),
            ('convert books.kind choice from str among ["new", "used"] = "used"',),
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


LEAVES = replace(PAGES, name="leaves")
RENAMED = (migrations.Renamed("books", "pages", "leaves"), migrations.Renamed("books", "pages", "label"))
"""The second one comes too late."""


@pytest.mark.parametrize(
    ("before", "after", "step"),
    [
        (service(Book=(TITLE, PAGES)), service(Book=(TITLE, LEAVES)), ("rename books.pages int to leaves",)),
        (
            service(Book=(PAGES,)),
            service(Book=(replace(LEAVES, type=Type("float", optional=True)),)),
            ("rename books.pages int to leaves", "convert books.leaves float? from int"),
        ),
        (
            service(Book=(OPTIONAL_PAGES,)),
            service(Book=(replace(LEAVES, default=0),)),
            ("rename books.pages int to leaves", "tighten books.leaves int = 0"),
        ),
        (
            service(Book=(TITLE, replace(PAGES, unique=True))),
            service(Book=(TITLE, replace(LEAVES, unique=True))),
            ("drop unique books: pages", "rename books.pages int to leaves", "unique books: leaves"),
        ),
        (
            service(Book=(TITLE, PAGES)),
            service(Book=(LEAVES, replace(TITLE, name="label"))),
            ("rename books.pages int to leaves", "retire books.title", "add books.label str"),
        ),
        # Nothing is renamed where the column stays, or where there is none.
        (service(Book=(TITLE, PAGES)), service(Book=(TITLE, PAGES, LEAVES)), ("add books.leaves int",)),
        (BOOK, service(Book=(TITLE, LEAVES)), ("add books.leaves int",)),
        (service(), service(Book=(LEAVES,)), ("create books: leaves int",)),
    ],
)
def test_a_column_keeps_its_values_under_another_name(before: Service, after: Service, step: Revision) -> None:
    done = migrations.revise(revised(before), after, renamed=RENAMED)
    assert done[-1] == step
    assert migrations.revise(done, after, renamed=RENAMED) == done


def test_a_column_is_known_by_all_names_that_it_had() -> None:
    names = ["pages", "leaves", "sheets", "pages"]
    fields = [replace(PAGES, name=it) for it in names]
    done = revised(service(Book=(fields[0],)))
    for old, new in pairwise(fields):
        renamed = [migrations.Renamed("books", old.name, new.name)]
        done = migrations.revise(done, service(Book=(new,)), renamed=renamed)
    assert migrations.former_names(done[:3]) == {"books": {"pages": "sheets", "leaves": "sheets"}}
    assert migrations.former_names(done) == {"books": {"leaves": "pages", "sheets": "pages"}}
    anew = migrations.revise(migrations.revise(done, service()), service(Book=(fields[1],)))
    assert migrations.former_names(anew) == {"books": {}}


def test_what_was_required_of_a_column_is_eased_under_each_of_its_names() -> None:
    added = revised(BOOK, service(Book=(TITLE, PAGES)))
    renamed = migrations.revise(added, service(Book=(TITLE, LEAVES)), renamed=RENAMED)
    assert renamed[1:] == (("add books.pages int",), ("rename books.pages int to leaves",))
    optional = migrations.revise(renamed, service(Book=(TITLE, replace(OPTIONAL_PAGES, name="leaves"))))
    assert optional[1:] == (
        ("add books.pages int?",),
        ("rename books.pages int to leaves",),
        ("loosen books.leaves int?",),
    )
    again = migrations.revise(renamed, service(Book=(TITLE, LEAVES, PAGES)))
    assert again[1:] == (*renamed[1:], ("add books.pages int",))


def test_an_encrypted_column_is_bound_to_its_name() -> None:
    done = revised(encrypting(PAGES))
    done = migrations.revise(done, encrypting(LEAVES, encrypted="leaves"), renamed=RENAMED)
    assert done[-1] == ("rename books.pages encrypted int to leaves",)
    _, code = revisions(done)
    assert [it.head for it in (*code.steps, *code.document_steps)] == ["encrypted.rename", "encrypted.Rename"]
    assert (code.path_name, code.title) == ("0002_rename_books_pages.py", "Rename books.pages to leaves.")


def test_values_that_were_kept_aside_are_found_under_another_name() -> None:
    as_text = replace(OPTIONAL_PAGES, type=Type("str", optional=True))
    done = revised(service(Book=(OPTIONAL_PAGES,)), service(Book=(as_text,)))
    for it, renamed in ((replace(as_text, name="leaves"), RENAMED), (replace(OPTIONAL_PAGES, name="leaves"), ())):
        done = migrations.revise(done, service(Book=(it,)), renamed=renamed)
    assert done[1] == ("was convert books.pages str? from int",)
    assert 'kept=[sa.Column("pages_retired_0002", sa.Integer, nullable=True)]' in revisions(done)[-1].steps[0].arguments


def encrypting(*fields: Field, encrypted: str = "pages") -> Service:
    """A service with a book whose pages are encrypted."""
    return Service("shop", "", entities=(Entity("Book", "shop", fields, encrypted=(encrypted,)),))


@pytest.mark.parametrize(
    ("before", "after", "step"),
    [
        (service(), encrypting(TITLE, PAGES), ("create books: title str, pages encrypted int",)),
        (BOOK, encrypting(TITLE, DEFAULT_PAGES), ("add books.pages encrypted int = 0",)),
        (service(Book=(PAGES,)), encrypting(PAGES), ("encrypt books.pages int",)),
        (encrypting(OPTIONAL_PAGES), service(Book=(OPTIONAL_PAGES,)), ("decrypt books.pages int?",)),
        (
            service(Book=(OPTIONAL_PAGES,)),
            encrypting(DEFAULT_PAGES),
            ("encrypt books.pages int?", "tighten books.pages encrypted int = 0"),
        ),
        (
            encrypting(PAGES),
            service(Book=(OPTIONAL_PAGES,)),
            ("decrypt books.pages int", "loosen books.pages int?"),
        ),
        (
            encrypting(PAGES),
            encrypting(Field("pages", Type("str"))),
            ("convert books.pages encrypted str from encrypted int",),
        ),
        (
            service(Book=(OPTIONAL_PAGES,)),
            encrypting(Field("pages", Type("str"))),
            ("convert books.pages encrypted str from int",),
        ),
        (
            encrypting(PAGES),
            service(Book=(Field("pages", Type("str", optional=True)),)),
            ("convert books.pages str? from encrypted int",),
        ),
        (
            service(Book=(replace(PAGES, unique=True),)),
            encrypting(PAGES),
            ("drop unique books: pages", "encrypt books.pages int"),
        ),
    ],
)
def test_values_are_encrypted_and_decrypted_in_place(before: Service, after: Service, step: Revision) -> None:
    known = revised(before, after)
    assert known[-1] == step
    assert migrations.revise(known, after) == known
    assert migrations.encrypted_tables(known) == {"books"}
    for revision in revisions(known):
        for steps in (revision.steps, revision.document_steps):
            assert {it.head.partition(".")[0] for it in steps} <= {"steps", "encrypted", "retyped"}


def test_a_requirement_that_no_longer_holds_keeps_a_field_encrypted() -> None:
    known = revised(encrypting(TITLE), encrypting(TITLE, PAGES), encrypting(TITLE, OPTIONAL_PAGES))
    assert known[1] == ("add books.pages encrypted int?",)


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
            ("drop index books: place", "convert books.place str from int", "index books: place"),
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


def test_a_history_only_grows_and_is_never_lost() -> None:
    """Each table is sealed when it is made; one that is out of use stays sealed, so the next has other triggers."""
    book = Entity("Book", "shop", (TITLE,))
    plain, audited = (Service("shop", "", entities=(replace(book, audited=it),)) for it in (False, True))
    done: Revisions = ()
    for it in (plain, audited, plain, audited):
        done = migrations.revise(done, it, migrations.common_tables(Product("Shop", "shop", "", (it,)), it))
    first, made, retired, again = done
    columns = ", ".join(map(str, migrations.RECORD_HISTORY_COLUMNS))
    assert first == ("create books: title str",)
    assert made == (
        f"create record_history: {columns}",
        "index record_history: record_id",
        "seal record_history",
    )
    assert retired == ("drop index record_history: record_id", "retire record_history")
    assert again == made
    seals = [step.arguments for it in revisions(done) for step in it.steps if step.head == "steps.seal"]
    assert seals == [('"record_history"', '"0002"'), ('"record_history"', '"0004"')]
    assert [it.seals for it in revisions(done)] == [False, True, False, True]


def test_a_history_out_of_which_something_is_taken_is_loosened_once() -> None:
    private = replace(TITLE, sensitive=("pii",))
    audited = Entity("Book", "shop", (private,), audited=True)
    ending = replace(audited, retention=Retention("delete", 1, "created_at", "1 day"))
    done: Revisions = ()
    for entity in (audited, ending, audited, ending):
        it = Service("shop", "", entities=(entity,))
        done = migrations.revise(done, it, migrations.common_tables(Product("Shop", "shop", "", (it,)), it))
    made, loosened, *others = done
    assert made[-1] == "seal record_history"
    assert loosened == ("index books: created_at", "redact record_history")
    assert others == [("drop index books: created_at",), ("index books: created_at",)]
    at_once = migrations.revise((), it, migrations.common_tables(Product("Shop", "shop", "", (it,)), it))
    assert at_once[0][-2:] == ("seal record_history", "redact record_history")
    assert [it.redacts for it in revisions(done)] == [False, True, False, False]


@pytest.mark.parametrize(
    ("again", "step"),
    [
        (PAGES, ("restore books.pages int from 0002", "tighten books.pages int")),
        (OPTIONAL_PAGES, ("restore books.pages int from 0002",)),
        (DEFAULT_PAGES, ("restore books.pages int from 0002", "tighten books.pages int = 0")),
        (replace(PAGES, type=Type("str")), ("add books.pages str",)),
    ],
)
def test_a_field_that_comes_back_has_its_values(again: Field, step: Revision) -> None:
    done = revised(service(Book=(TITLE, PAGES)), BOOK, service(Book=(TITLE, again)))
    assert done == (("create books: title str, pages int",), ("retire books.pages",), step)


def test_a_field_comes_back_with_the_values_that_it_had_last() -> None:
    with_pages = service(Book=(TITLE, OPTIONAL_PAGES))
    done = revised(with_pages, BOOK, with_pages, BOOK, with_pages)
    assert done[2:] == (
        ("restore books.pages int from 0002",),
        ("retire books.pages",),
        ("restore books.pages int from 0004",),
    )


UNIQUE_TITLE = replace(TITLE, unique=True)


@pytest.mark.parametrize(
    ("before", "again", "step"),
    [
        ((TITLE,), (TITLE,), ("restore books from 0002",)),
        ((UNIQUE_TITLE,), (UNIQUE_TITLE,), ("restore books from 0002", "unique books: title")),
        (
            (TITLE, PAGES),
            (TITLE, replace(DEFAULT_PAGES, name="sheets")),
            ("restore books from 0002", "retire books.pages", "add books.sheets int = 0"),
        ),
        ((TITLE, PAGES), (TITLE, OPTIONAL_PAGES), ("restore books from 0002", "loosen books.pages int?")),
        ((OPTIONAL_PAGES,), (PAGES,), ("restore books from 0002", "tighten books.pages int")),
        # These are other records, or would ask something of all that there are.
        ((TITLE,), (TITLE, PAGES), ("create books: title str, pages int",)),
        ((TITLE, PAGES), (TITLE, replace(PAGES, type=Type("str"))), ("create books: title str, pages str",)),
        ((TITLE,), (UNIQUE_TITLE,), ("create books: title str", "unique books: title")),
    ],
)
def test_an_entity_that_comes_back_has_its_rows_where_they_need_nothing_else(
    before: tuple[Field, ...], again: tuple[Field, ...], step: Revision
) -> None:
    assert revised(service(Book=before), service(), service(Book=again))[2] == step


def test_what_was_encrypted_begins_anew() -> None:
    """Its key may be no more."""
    assert revised(encrypting(PAGES), service(), encrypting(PAGES))[2] == ("create books: pages encrypted int",)
    done = revised(encrypting(TITLE, OPTIONAL_PAGES), BOOK, encrypting(TITLE, OPTIONAL_PAGES))
    assert done[2] == ("add books.pages encrypted int?",)


def test_steps_name_the_revision_that_retired_what_they_restore() -> None:
    optional = service(Book=(TITLE, OPTIONAL_PAGES))
    done = revisions(revised(optional, BOOK, optional, service(), optional))
    field, table = done[2], done[4]
    assert [(it.head, it.arguments) for it in (*field.steps, *field.document_steps)] == [
        ("steps.restore", ('"books"', '"pages"', '"0002"')),
        ("steps.Restore", ('"books"', '"pages"', '"0002"')),
    ]
    assert [(it.head, it.arguments) for it in (*table.steps, *table.document_steps)] == [
        ("steps.restore_table", ('"books"', '"0004"')),
        ("steps.RestoreTable", ('"books"', '"0004"')),
    ]
    assert (field.path_name, table.path_name) == ("0003_restore_books_pages.py", "0005_restore_books.py")
    assert (field.title, table.title) == ("Restore books.pages.", "Restore books.")


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

    def test_values_that_are_none_of_another_type_are_kept_for_the_next(self) -> None:
        """Also where the first conversion was done, and there is nothing to give back."""
        texts = service(Book=(replace(PAGES, type=Type("str")),))
        after = revised(texts, service(Book=(PAGES,)), texts)
        assert after[1:] == (("was convert books.pages int? from str",), ("convert books.pages str from int",))
        _, first, second = revisions(after)
        assert [it.head for it in first.steps] == ["steps.retire", "steps.add"]
        assert 'kept=[sa.Column("pages_retired_0002", sa.String(255), nullable=True)]' in second.steps[0].arguments
        assert 'kept=["pages_retired_0002"]' in second.document_steps[0].arguments

    def test_values_that_go_there_and_back_are_kept_by_each_revision(self) -> None:
        texts, numbers = service(Book=(replace(PAGES, type=Type("str")),)), service(Book=(PAGES,))
        *_, last = revisions(revised(texts, numbers, texts, numbers))
        (kept,) = (it for it in last.document_steps[0].arguments if it.startswith("kept="))
        assert kept == 'kept=["pages_retired_0002", "pages_retired_0003"]'

    def test_a_field_that_becomes_encrypted_need_not_have_what_it_had_to(self) -> None:
        texts = service(Book=(replace(PAGES, type=Type("str")),))
        after = revised(texts, service(Book=(PAGES,)), encrypting(PAGES), encrypting(replace(PAGES, type=Type("str"))))
        assert after[1:] == (
            ("was convert books.pages int? from str",),
            ("encrypt books.pages int?",),
            ("convert books.pages encrypted str from encrypted int",),
        )

    def test_more_choices(self) -> None:
        texts = service(Book=(Field("kind", Type("str")),))
        few, more = (service(Book=(Field("kind", Type("choice", choices=it)),)) for it in (("new",), ("new", "used")))
        after = revised(texts, few, more)
        assert after[1:] == (('convert books.kind choice from str among ["new", "used"]',),)


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
        "convert books.pages int",
        "convert books.pages int from",
        "convert books.pages int from str among",
        "convert books.pages int from number",
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
    """The tables in a database to which the revisions were applied one by one, without `schema`'s own replay.

    As in a database, what is retired stays there under another name.
    """
    tables: dict[str, dict[str, tuple[str, bool]]] = {}
    retired: dict[str, dict[str, tuple[str, bool]]] = {}
    numbered = ((f"{number:04}", line) for number, its in enumerate(revisions, start=1) for line in its)
    for id, it in ((id, migrations.parse(line)) for id, line in numbered):
        if it.index is not None:
            assert tables[it.table].keys() >= set(it.index.fields)
        elif it.verb == "create":
            assert it.table not in tables
            tables[it.table] = {column.name: (column.type, column.optional) for column in it.columns}
        elif it.column is None and it.verb == "restore":
            assert it.table not in tables
            tables[it.table] = retired.pop(f"{it.table} {it.revision}")
        elif it.column is not None and it.verb == "restore":
            assert it.column.name not in tables[it.table]
            kind, _ = tables[it.table].pop(f"{it.column.name} {it.revision}")
            assert kind == it.column.type
            tables[it.table][it.column.name] = kind, True
        elif it.column is None:
            retired[f"{it.table} {id}"] = tables.pop(it.table)
        elif it.verb == "retire":
            tables[it.table][f"{it.column.name} {id}"] = tables[it.table].pop(it.column.name)
        elif it.verb == "rename":
            assert it.new_name not in tables[it.table]
            tables[it.table][it.new_name] = tables[it.table].pop(it.column.name)
        else:
            assert (it.verb == "add") == (it.column.name not in tables[it.table])
            tables[it.table][it.column.name] = (it.column.type, it.column.optional)
    return {name: {it: how for it, how in its.items() if " " not in it} for name, its in tables.items()}


@given(st.lists(services(), min_size=1, max_size=6))
def test_replaying_revisions_leads_to_the_tables_of_the_service(past: list[Service]) -> None:
    wanted = {
        entity.table: {column.name: (column.type, column.optional) for column in migrations.columns(entity)}
        for entity in past[-1].entities
    }
    assert replayed(revised(*past)) == wanted


@st.composite
def renamings(draw: st.DrawFn) -> Iterable[migrations.Renamed]:
    """What somebody gives another name, whether or not it is there."""
    pairs = draw(st.lists(st.permutations("abc"), max_size=2))
    tables = st.sampled_from(["books", "boxes", "keys"])
    return [migrations.Renamed(draw(tables), old, new) for old, new, _ in pairs]


@given(st.lists(st.tuples(services(), renamings()), min_size=1, max_size=6))
def test_renaming_leads_to_the_tables_of_the_service(past: list[tuple[Service, Iterable[migrations.Renamed]]]) -> None:
    revisions: Revisions = ()
    for it, renamed in past:
        known = revisions
        revisions = migrations.revise(known, it, renamed=renamed)
        assert migrations.revise(revisions, it, renamed=renamed) == revisions
        assert migrations.revise(revisions, it) == revisions
        assert len(revisions) <= len(known) + 1
    wanted = {
        entity.table: {column.name: (column.type, column.optional) for column in migrations.columns(entity)}
        for entity in past[-1][0].entities
    }
    assert replayed(revisions) == wanted


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
            eased = (was.verb, now.verb) in (("unique", "was unique"), ("convert", "was convert"))
            assert was == now or eased or (was.column is not None and was.column.needs_value)


@given(st.lists(services(), max_size=5))
def test_every_revision_becomes_a_migration(past: list[Service]) -> None:
    for revision in revisions(revised(*past)):
        for step in revision.steps:
            compile(f"{step.head}({', '.join(step.arguments)})", revision.path_name, "eval")
