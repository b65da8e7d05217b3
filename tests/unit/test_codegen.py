"""What services are in Python: annotations, literals, lookups, and examples that can be created."""

from __future__ import annotations

import pytest

from groundplan import codegen, reading
from groundplan.codegen import FieldCode, ServiceCode
from groundplan.domain import Field, Product, Type

FIELDS = [
    (Field("a", Type("str")), "a: common.ShortText"),
    (Field("a", Type("int", optional=True)), "a: common.Integer | None = None"),
    (Field("a", Type("uuid", many=True)), "a: common.Many[common.Id]"),
    (Field("a", Type("value", "Line", many=True, optional=True)), "a: common.Many[Line] | None = None"),
    (Field("a", Type("reference", "Book")), "a: common.Id"),
    (Field("a", Type("choice", "", ("x", "y-z")), "x"), 'a: Literal["x", "y-z"] = "x"'),
    (Field("a", Type("float"), 3.0), "a: common.Number = 3.0"),
    (Field("a", Type("money"), "1.5"), 'a: common.Money = common.amount("1.5")'),
    (Field("a", Type("date"), "2026-03-01"), 'a: common.Date = common.day("2026-03-01")'),
    (Field("a", Type("text"), 'two\n"lines"'), "a: common.Text = 'two\\n\"lines\"'"),
]


@pytest.mark.parametrize(("field", "declaration"), FIELDS)
def test_a_field_is_declared(field: Field, declaration: str) -> None:
    assert FieldCode(field).declaration == declaration


def product(*entities: str, **services: list[str]) -> Product:
    """A product with these entities; `services` names what each hears and calls: `keep Book`, `call catalog`."""
    described = [
        {
            "name": name,
            "responsibility": "works",
            "depends_on": [it.removeprefix("call ") for it in said if it.startswith("call ")],
            "subscribes": [it for it in said if it.startswith(("keep ", "on "))],
            "publishes": [it.removeprefix("tell ") for it in said if it.startswith("tell ")],
        }
        for name, said in services.items()
    ]
    return reading.read({"project_name": "Shop", "services": described, "data_entities": list(entities)})


def code(product: Product, service: str) -> ServiceCode:
    return next(it for it in codegen.services(product, {}) if it.name == service)


class TestLookups:
    """How what a draft refers to is found, and every place in which it refers to it."""

    SHOP = product(
        "catalog.Book(title: str, sequel: Book?)",
        "catalog.Author(name: str)",
        "orders.Order(first: Book, others: list[Book]?, lines: list[Line], gift: Line?, by: Author)",
        "value Line(book: Book, extras: list[Book], inner: Note?)",
        "value Note(book: Book?)",
        catalog=[],
        orders=["call catalog", "keep Author"],
    )

    def test_in_a_table_a_copy_or_by_a_call(self) -> None:
        (book, _), (order,) = code(self.SHOP, "catalog").entities, code(self.SHOP, "orders").entities
        assert [(it.attribute, it.method, it.when_away) for it in book.lookups] == [("books", "here", "")]
        assert [(it.attribute, it.method, it.when_away) for it in order.lookups] == [
            ("books", "at", "refuse"),
            ("authors", "in_copies", ""),
        ]

    def test_at_every_depth(self) -> None:
        (order,) = code(self.SHOP, "orders").entities
        assert [path.item for path in order.lookups[0].paths] == [
            '"first": [draft.first]',
            '"others": [part0 for part0 in draft.others or []]',
            '"lines.book": [part0.book for part0 in draft.lines]',
            '"lines.extras": [part1 for part0 in draft.lines for part1 in part0.extras]',
            '"lines.inner.book": [\n'
            f"{' ' * 24}part1.book for part0 in draft.lines for part1 in filter(None, [part0.inner])\n"
            f"{' ' * 20}]",
            '"gift.book": [part0.book for part0 in filter(None, [draft.gift])]',
            '"gift.extras": [\n'
            f"{' ' * 24}part1 for part0 in filter(None, [draft.gift]) for part1 in part0.extras\n"
            f"{' ' * 20}]",
            '"gift.inner.book": [\n'
            f"{' ' * 24}part1.book\n"
            f"{' ' * 24}for part0 in filter(None, [draft.gift])\n"
            f"{' ' * 24}for part1 in filter(None, [part0.inner])\n"
            f"{' ' * 20}]",
        ]

    def test_a_name_that_hides_a_module_comes_last(self) -> None:
        shop = product("Model(x: str)", "Thing(model: Model, other: Part)", "Part(x: str)", core=[])
        thing = code(shop, "core").entities[1]
        assert [it.attribute for it in thing.lookups] == ["parts", "models"]


def test_a_copy_is_brought_up_to_date_before_anybody_reacts() -> None:
    shop = product(
        "orders.Order(x: str)",
        "mail.Letter(order: Order)",
        orders=["tell order.placed on create Order"],
        mail=["keep Order", "on order.placed: create Letter(order: id)"],
    )
    orders = code(shop, "orders")
    assert [event.name for event in orders.published] == ["order.saved", "order.removed", "order.placed"]
    assert orders.effects("Order") == "effects = (ORDER_SAVED, ORDER_REMOVED, ORDER_PLACED)"


def test_value_objects_stand_after_those_that_they_are_made_of() -> None:
    shop = product("value Bb(a: Aa)", "value Aa(x: str)", "value Other(x: str)", "Thing(b: Bb?)", core=[])
    assert [it.name for it in code(shop, "core").classes] == ["Aa", "Bb", "ThingDraft", "Thing"]


@pytest.mark.parametrize(
    ("fields", "draft"),
    [
        ("x: int, y: int = 3, z: int?", {"x": 3}),
        ("other: Other", {"other": {"ref": "Other"}}),
        ("parent: Thing?, children: list[Thing]", {"children": []}),
        ("others: list[Other]", {"others": [{"ref": "Other"}]}),
        ("parts: list[Part]", {"parts": []}),
        ("back: list[Back]", {"back": []}),
    ],
)
def test_an_example_needs_no_record_that_needs_it(fields: str, draft: dict[str, object]) -> None:
    shop = product(
        f"Thing({fields})", "Other(x: str)", "Back(thing: Thing)", "value Part(things: list[Thing], of: Thing)", core=[]
    )
    assert codegen.example(shop, shop.entities["Thing"]) == draft


def test_every_plain_type_has_an_example_that_its_reader_takes() -> None:
    for kind, value in codegen.EXAMPLES.items():
        if kind != "text":
            literal = f"'{value}'" if isinstance(value, str) else str(value).lower()
            shop = product(f"Thing(x: {kind} = {literal})", core=[])
            assert shop.entities["Thing"].fields[0].default is not None
