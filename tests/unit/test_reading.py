"""Complete answers become a product, in whichever of their forms they are given."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest

from groundplan import reading
from groundplan.answers import Answers
from groundplan.domain import (
    Dependency,
    Entity,
    Event,
    ExternalApi,
    Feature,
    Field,
    Item,
    Limits,
    Listing,
    Product,
    ReadCopy,
    Source,
    Type,
    ValueObject,
    plural,
)
from groundplan.reading import grammar

NAME = {"project_name": "Bookshop"}
BOOK = "catalog.Book(title: str, price: money)"


def read(**answers: object) -> Product:
    return reading.read(NAME | answers)


def entity(line: object) -> Entity:
    """The only entity of a product of one service, in addition to a value object and a reference to try."""
    product = read(data_entities=[line, "value Cover(colour: str)", "Author(name: str)"])
    return product.services[0].entities[0]


@pytest.mark.parametrize(("name", "slug"), [("Calendar", "calendar_app"), ("FastAPI", "fastapi_app"), ("Shop", "shop")])
def test_a_name_that_a_package_has_is_not_taken_from_it(name: str, slug: str) -> None:
    assert reading.read({"project_name": name}).slug == slug


@pytest.mark.parametrize(("word", "many"), [("box", "boxes"), ("city", "cities"), ("time_series", "time_series")])
def test_words_have_the_plural_of_english(word: str, many: str) -> None:
    assert plural(word) == many


@pytest.mark.parametrize(
    ("auth", "asks"), [("key", True), ("", True), ("none", False), ("No key", False), ("notary", True)]
)
def test_an_api_that_asks_for_no_key_has_no_setting_for_one(auth: str, asks: bool) -> None:
    product = read(external_apis=["isrc_search"], external_api_details=[{"name": "ISRC search", "auth": auth}])
    assert [api.needs_key for api in product.external_apis] == [asks]


def test_a_name_is_enough() -> None:
    product = read(concept="Sells books.")
    assert (product.name, product.slug, product.concept) == ("Bookshop", "bookshop", "Sells books.")
    assert [(service.name, service.responsibility, service.port) for service in product.services] == [
        ("core", "Sells books.", None)
    ]


def test_the_slug_may_be_chosen() -> None:
    assert read(project_slug="shop").slug == "shop"


@pytest.mark.parametrize("state", ["tbd", "not needed: none", "defer: launch, us", None, []])
def test_what_is_not_known_is_empty(state: object) -> None:
    questions = ("mvp_features", "external_apis", "services", "data_entities", *reading.ITEMS, *reading.DETAILS)
    answers = NAME | dict.fromkeys(questions, state)
    product = reading.read(answers)
    assert (product.features, product.external_apis, product.entities) == ((), (), {})
    assert set(reading.lists(Answers(answers)).values()) == {()}
    assert reading.details(Answers(answers), "timeline") == {}


def test_an_assumption_counts_as_long_as_nobody_knows_better() -> None:
    assert [feature.name for feature in read(mvp_features={"assume": ["Search: finds"]}).features] == ["Search"]
    assert read(concept="assume: Sells books.").concept == "Sells books."


@pytest.mark.parametrize(
    "services",
    [
        ["catalog: keeps books"],
        [{"catalog": "keeps books"}],
        [{"name": "catalog", "responsibility": "keeps books"}],
        [{"catalog": {"responsibility": "keeps books"}}],
        {"catalog": "keeps books"},
        "catalog: keeps books",
        "- catalog: keeps books",
        '["catalog: keeps books"]',
    ],
)
def test_a_service_has_many_forms(services: object) -> None:
    (service,) = read(services=services).services
    assert (service.name, service.responsibility) == ("catalog", "keeps books")


def test_a_service_in_full() -> None:
    service = read(
        services=[
            "catalog: keeps books",
            "people",
            {
                "name": "orders",
                "responsibility": "takes orders",
                "exposure": "internal",
                "port": 8010,
                "depends_on": ["people", {"service": "catalog", "when_unavailable": "accept"}],
            },
        ]
    ).by_name["orders"]
    assert (service.exposure, service.port) == ("internal", 8010)
    assert service.depends_on == (Dependency("people"), Dependency("catalog", "accept"))


@pytest.mark.parametrize(
    ("written", "type_"),
    [
        ("str", Type("str")),
        ("money?", Type("money", optional=True)),
        ("a|b-c|2", Type("choice", choices=("a", "b-c", "2"))),
        ("(a)", None),
        ("list[email]", Type("email", many=True)),
        ("list[a | b]?", Type("choice", choices=("a", "b"), many=True, optional=True)),
        ("Author", Type("reference", "Author")),
        ("list[Cover]", Type("value", "Cover", many=True)),
    ],
)
def test_a_type(written: str, type_: Type | None) -> None:
    line = f"Book(field: {written})"
    if type_ is None:
        assert reading.problems(NAME | {"data_entities": [line]})
    else:
        assert entity(line).fields == (Field("field", type_),)


@pytest.mark.parametrize(
    ("written", "default"),
    [
        ("str = unnamed", "unnamed"),
        ("str = two words", "two words"),
        ("str = 'a, (b) \\'c\\' \"d\" {{ e }} # f'", "a, (b) 'c' \"d\" {{ e }} # f"),
        ('text = ""', ""),
        ("int = -3", -3),
        ("int = -2147483648", -(2**31)),
        ("float = 2", 2.0),
        ("bool = true", True),
        ("bool = False", False),
        ("bool = false", False),
        ("money = 9.99", "9.99"),
        ("date = 2026-03-02", "2026-03-02"),
        ("datetime = 2026-03-02T09:30Z", "2026-03-02T09:30:00+00:00"),
        ("email = a@example.com", "a@example.com"),
        ("url = https://example.com/x?y=1", "https://example.com/x?y=1"),
        ("uuid = 00000000-0000-4000-8000-00000000000A", "00000000-0000-4000-8000-00000000000a"),
        ("open|closed = closed", "closed"),
    ],
)
def test_a_default(written: str, default: object) -> None:
    (field,) = entity(f"Book(field: {written})").fields
    assert field.default == default
    assert type(field.default) is type(default)
    assert not field.required


@pytest.mark.parametrize(
    "declared",
    [
        "core.Book(title: str, stock: int = 0)",
        "Book ( title:str ,stock : int=0 )",
        {"name": "Book", "owner": "core", "fields": {"title": "str", "stock": "int = 0"}},
        {"name": "Book", "fields": ["title: str", {"stock": "int = 0"}]},
        {"name": "Book", "kind": "entity", "fields": "title: str, stock: int = 0"},
    ],
)
def test_an_entity_has_many_forms(declared: object) -> None:
    fields = (Field("title", Type("str")), Field("stock", Type("int"), 0))
    assert entity(declared) == Entity("Book", "core", fields)


@pytest.mark.parametrize(
    "declared",
    [
        "Book(title: str); only read, list, create",
        "Book(title: str) ; without update,delete",
        {"name": "Book", "fields": "title: str", "operations": ["list", "create", "read"]},
        {"name": "Book", "fields": "title: str", "operations": "create, read, list"},
        {"name": "Book", "fields": "title: str", "operations": "without delete, update"},
    ],
)
def test_an_entity_says_what_callers_can_do_with_its_records(declared: object) -> None:
    assert entity(declared).operations == ("create", "list", "read")
    assert not entity(declared).private


@pytest.mark.parametrize(
    "declared",
    [
        "Book(title: str, tag: str?); list(title, tag; sort created_at, title; search title)",
        "Book(title: str, tag: str?); list(title, tag; search title; sort created_at, title)",
        {"name": "Book", "fields": "title: str, tag: str?", "list": "title, tag; sort created_at, title; search title"},
        {
            "name": "Book",
            "fields": "title: str, tag: str?",
            "list": {"filter": ["title", "tag"], "sort": "created_at, title", "search": ["title"]},
        },
    ],
)
def test_an_entity_says_how_callers_list_its_records(declared: object) -> None:
    assert entity(declared).listing == Listing(("title", "tag"), ("created_at", "title"), ("title",))


@pytest.mark.parametrize(
    ("written", "on_delete"),
    [("Author", "keep"), ("Author keep", "keep"), ("Author refuse", "refuse"), ("Author? cascade", "cascade")],
)
def test_a_reference_says_what_the_deletion_of_its_record_means(written: str, on_delete: str) -> None:
    (field,) = entity(f"Book(by: {written})").fields
    assert field.on_delete == on_delete
    assert str(field) == f"by: {written.removesuffix(' keep')}"
    (field,) = entity({"name": "Book", "fields": {"by": {"type": "Author", "cascade": True}}}).fields
    assert field.on_delete == "cascade"


@pytest.mark.parametrize(
    ("clause", "listing"),
    [
        ("list(title)", Listing(filters=("title",))),
        ("list(sort title)", Listing(sorts=("title",))),
        ("list(search title); without delete", Listing(searched=("title",))),
        ("list(sort; sort sort)", Listing(("sort",), ("sort",))),
    ],
)
def test_a_list_has_what_is_asked_for(clause: str, listing: Listing) -> None:
    assert grammar.entity_line(f"Book(title: str); {clause}").listing == listing


@pytest.mark.parametrize(
    "declared", ["private Book(title: str)", {"name": "Book", "fields": "title: str", "private": True}]
)
def test_with_records_of_a_private_entity_callers_do_nothing(declared: object) -> None:
    assert entity(declared) == Entity("Book", "core", (Field("title", Type("str")),), operations=())
    assert entity(declared).private


@pytest.mark.parametrize(
    "declared",
    [
        "Book(slug: str unique, shelf: int index = 1, place: int?); unique(shelf, place); index(place, slug)",
        {
            "name": "Book",
            "fields": ["slug: str unique", {"shelf": {"type": "int", "index": True, "default": 1}}, "place: int?"],
            "unique": ["shelf", "place"],
            "index": [["place", "slug"]],
        },
        {
            "name": "Book",
            "fields": {"slug": {"type": "str", "unique": True}, "shelf": "int index = 1", "place": "int?"},
            "unique": "shelf, place",
            "index": "place, slug",
        },
    ],
)
def test_fields_may_be_unique_and_have_an_index(declared: object) -> None:
    book = entity(declared)
    assert book.uniques == (("slug",), ("shelf", "place"))
    assert book.indexes == (("place", "slug"),)  # that of the place and the shelf serves the shelf, too


@pytest.mark.parametrize(
    ("written", "type_"),
    [
        ("str(1..80)", Type("str", limits=Limits(Decimal(1), Decimal(80)))),
        ("str( ..80 )", Type("str", limits=Limits(None, Decimal(80)))),
        ("int 1..", Type("int", limits=Limits(Decimal(1)))),
        ("int(1..5)?", Type("int", optional=True, limits=Limits(Decimal(1), Decimal(5)))),
        ("float -0.5..0.5", Type("float", limits=Limits(Decimal("-0.5"), Decimal("0.5")))),
        ("money EUR", Type("money", limits=Limits(currency="EUR"))),
        ("money(EUR 0..99.99)", Type("money", limits=Limits(Decimal(0), Decimal("99.99"), "", "EUR"))),
        (r"str? /^\d{3}\/[a-z,;()]+$/", Type("str", optional=True, limits=Limits(pattern="^[0-9]{3}/[a-z,;()]+$"))),
        ("list[str(..9) /^a+$/]", Type("str", many=True, limits=Limits(None, Decimal(9), "^a+$"))),
    ],
)
def test_a_field_may_limit_its_values(written: str, type_: Type) -> None:
    assert entity(f"Book(a: {written}, b: int)").fields[0] == Field("a", type_)
    assert entity(f"Book(a: {type_})").fields[0].type == type_


def test_limits_may_be_said_in_full() -> None:
    described = {"type": "str", "length": "3..40", "pattern": "^[a-z/]+$", "unique": True}
    amount = {"type": "money", "range": "0..9", "currency": "EUR", "default": "1.50"}
    fields = entity({"name": "Book", "fields": {"slug": described, "price": amount}}).fields
    assert list(map(str, fields)) == [r"slug: str(3..40) /^[a-z\/]+$/ unique", "price: money(EUR 0..9) = 1.50"]


def test_what_a_record_refers_to_has_an_index() -> None:
    assert entity("Book(by: Author, editor: Author?, others: list[Author], cover: Cover)").indexes == (
        ("by",),
        ("editor",),
    )
    assert entity("Book(by: Author unique)").indexes == ()


@pytest.mark.parametrize(
    "declared",
    [
        {"Book(title": "str)"},
        "Book(title: str)",
        [{"Book(title": "str)"}],
        '"Book(title: str)"',
        '["Book(title: str)"]',
    ],
)
def test_a_line_that_yaml_took_for_a_mapping_is_joined(declared: object) -> None:
    assert list(read(data_entities=declared).entities) == ["Book"]


def test_an_entity_belongs_to_the_service_that_says_so() -> None:
    product = read(
        services=[{"name": "catalog", "owns": ["Author"]}, "orders"],
        data_entities=["Author(name: str)", "orders.Order(total: money)"],
    )
    assert {name: kept.service for name, kept in product.entities.items()} == {"Author": "catalog", "Order": "orders"}


@pytest.mark.parametrize(
    "declared", ["value Line(quantity: int)", {"name": "Line", "kind": "value", "fields": {"quantity": "int"}}]
)
def test_a_value_object_belongs_to_nobody(declared: object) -> None:
    product = read(data_entities=[declared])
    assert product.values == (ValueObject("Line", (Field("quantity", Type("int")),)),)
    assert product.entities == {}


def test_an_entity_may_be_called_value() -> None:
    assert list(read(data_entities=["Value(amount: money)"]).entities) == ["Value"]


def shop(publishes: object = (), subscribes: object = ()) -> Product:
    return read(
        services=[
            "catalog",
            {"name": "orders", "publishes": publishes},
            {"name": "letters", "subscribes": subscribes},
        ],
        data_entities=[
            BOOK,
            "orders.Order(customer: email, total: money, note: str?)",
            "letters.Letter(recipient: email, subject: str, order: uuid?, copies: int = 1)",
        ],
    )


@pytest.mark.parametrize(
    ("declared", "operations", "fields"),
    [
        ("order.placed on create Order", ("create",), ("customer", "total", "note")),
        ("order.placed on update, create Order", ("create", "update"), ("customer", "total", "note")),
        ("order.placed(customer: email) on delete Order", ("delete",), ("customer",)),
        ("order.placed(total, customer) on create Order", ("create",), ("total", "customer")),
        ("order.placed() on create Order", ("create",), ()),
        ({"order.placed(note": "str?) on create Order"}, ("create",), ("note",)),
        (
            {"name": "order.placed", "operations": "create", "entity": "Order"},
            ("create",),
            ("customer", "total", "note"),
        ),
        (
            {"name": "order.placed", "operations": ["create", "delete"], "entity": "Order", "fields": ["total"]},
            ("create", "delete"),
            ("total",),
        ),
    ],
)
def test_an_event(declared: object, operations: tuple[str, ...], fields: tuple[str, ...]) -> None:
    event = shop(publishes=[declared]).events["order.placed"]
    assert (event.service, event.entity, event.operations) == ("orders", "Order", operations)
    assert tuple(field.name for field in event.fields) == fields


@pytest.mark.parametrize(
    "declared",
    [
        "on order.placed: create Letter(recipient: customer, subject: 'Thanks, 1 \"book\"', order: id, copies: 2)",
        {"on order.placed": "create Letter(recipient: customer, subject: 'Thanks, 1 \"book\"', order: id, copies: 2)"},
        {
            "event": "order.placed",
            "create": "Letter",
            "with": {"recipient": "customer", "subject": "'Thanks, 1 \"book\"'", "order": "id", "copies": 2},
        },
    ],
)
def test_a_reaction(declared: object) -> None:
    product = shop(["order.placed on create Order"], [declared])
    (reaction,) = product.by_name["letters"].reactions
    assert (reaction.event, reaction.creates) == ("order.placed", "Letter")
    assert dict(reaction.mapping) == {
        "recipient": Source("customer"),
        "subject": Source(literal='Thanks, 1 "book"'),
        "order": Source("id"),
        "copies": Source(literal=2),
    }
    assert [service.name for service in product.subscribers("order.placed")] == ["letters"]


@pytest.mark.parametrize("declared", ["keep Order", {"keep": "Order"}])
def test_a_read_copy_is_fed_by_events_that_nobody_declares(declared: object) -> None:
    product = shop(subscribes=[declared])
    assert product.by_name["letters"].copies == (ReadCopy("Order", "orders"),)
    fields = product.entities["Order"].fields
    assert product.by_name["orders"].events == (
        Event("order.saved", "orders", "Order", ("create", "update"), fields, implied=True),
        Event("order.removed", "orders", "Order", ("delete",), fields, implied=True),
    )


@pytest.mark.parametrize("way", [{"depends_on": ["catalog"]}, {"subscribes": ["keep Book"]}])
def test_a_field_may_refer_to_what_is_called_or_copied(way: Mapping[str, object]) -> None:
    product = read(
        services=["catalog", {"name": "orders"} | dict(way)],
        data_entities=[BOOK, "orders.Order(lines: list[Line])", "value Line(book: Book)"],
    )
    assert str(product.entities["Order"].fields[0]) == "lines: list[Line]"


def test_a_feature() -> None:
    features = read(
        services=["orders", "catalog"],
        mvp_features=[
            "Search: a reader finds a book: any book",
            "Browse",
            {"name": "Buy", "outcome": "bought", "persona": "reader", "services": "orders", "priority": "P2"},
            {"name": "Pay", "acceptance": ["WHEN paid: THE SYSTEM SHALL thank", {"IF not": "THE SYSTEM SHALL wait"}]},
        ],
    ).features
    assert features[:3] == (
        Feature("", "Search", "a reader finds a book: any book"),
        Feature("", "Browse"),
        Feature("", "Buy", "bought", "reader", "P2", ("orders",)),
    )
    assert [(it.id, it.text) for it in features[3].criteria] == [
        ("", "WHEN paid: THE SYSTEM SHALL thank"),
        ("", "IF not: THE SYSTEM SHALL wait"),
    ]


def test_an_external_api() -> None:
    full = {"name": "pay", "used_by": ["core"], "critical": True, "timeout_s": 5, "fallback": "cash"}
    apis = read(services=["core", "desk"], external_apis=["sms: reminds", full]).external_apis
    assert apis == (ExternalApi("sms", "reminds"), ExternalApi("pay", "", ("core",), True, 5.0, "cash"))


def test_what_names_no_service_belongs_to_the_only_one() -> None:
    product = read(services=["orders"], mvp_features=["Browse"], external_apis=["sms: reminds"])
    assert product.features[0].services == product.external_apis[0].used_by == ("orders",)


def test_the_items_of_a_list() -> None:
    answers = Answers(
        {
            "success_metrics": [
                "Orders a week: 100",
                {"Returns": 5},
                {"name": "Calls", "target": 80.5, "unit": "percent", "by": "2027-03-01", "measured_by": "count"},
            ],
            "risks": [{"risk": "Late", "likelihood": "high"}],
        }
    )
    assert reading.items(answers, "success_metrics") == (
        Item("Orders a week", "100"),
        Item("Returns", "5"),
        Item("Calls", "80.5", {"unit": "percent", "by": "2027-03-01", "measured_by": "count"}),
    )
    assert reading.lists(answers)["risks"] == (Item("Late", "", {"likelihood": "high"}),)


def test_the_details_of_a_table() -> None:
    answers = Answers({"timeline": "{start: 2026-12-01, weeks: 6, fixed: scope}", "team": {"size": 2}})
    assert reading.details(answers, "timeline") == {"start": "2026-12-01", "weeks": 6, "fixed": "scope"}
    assert reading.details(answers, "team") == {"size": 2}


def test_a_number_may_come_as_text_from_a_command_line() -> None:
    assert reading.number(Answers({"port_base": "9000"}), "port_base") == 9000
    assert reading.number(Answers({}), "port_base") is None
