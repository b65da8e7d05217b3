"""What services are in Python: annotations, literals, lookups, and examples that can be created."""

from __future__ import annotations

from decimal import Decimal

import pytest

from groundplan import reading
from groundplan.codegen.example_drafts import example_draft
from groundplan.codegen.fields import FieldCode
from groundplan.codegen.services import ServiceCode, services
from groundplan.domain import Field, Limits, Product, Type

FIELDS = [
    (Field("a", Type("str")), "a: common.ShortText"),
    (Field("a", Type("int", optional=True)), "a: common.Integer | None = None"),
    (Field("a", Type("uuid", many=True)), "a: common.Many[common.Id]"),
    (Field("a", Type("value", "Line", many=True, optional=True)), "a: common.Many[Line] | None = None"),
    (Field("a", Type("reference", "Book")), "a: common.Id"),
    (Field("a", Type("choice", "", ("x", "y-z")), "x"), 'a: Literal["x", "y-z"] = "x"'),
    (Field("a", Type("float"), 3.0), "a: common.Number = 3.0"),
    (Field("a", Type("money"), "1.5"), 'a: common.Money = common.amount("1.5")'),
    (Field("a", Type("date"), "2026-03-01"), 'a: common.Date = common.parse_date("2026-03-01")'),
    (
        Field("a", Type("str", limits=Limits(Decimal(1), None, "^[a-z]+$"))),
        'a: Annotated[common.ShortText, common.Limits(min_length=1, pattern="^[a-z]+$")]',
    ),
    (
        Field("a", Type("int", many=True, optional=True, limits=Limits(Decimal(1), Decimal(5)))),
        "a: common.Many[Annotated[common.Integer, common.Limits(ge=1, le=5)]] | None = None",
    ),
    (
        Field("a", Type("float", limits=Limits(Decimal("0.5"))), 3.0),
        "a: Annotated[common.Number, common.Limits(ge=0.5)] = 3.0",
    ),
    (
        Field("a", Type("money", limits=Limits(None, Decimal("9.5"), "", "EUR"))),
        'a: Annotated[\n        common.Money,\n        common.Limits(le=common.amount("9.5")),\n'
        '        Field(description="An amount in EUR to 9.5."),\n    ]',
    ),
    (Field("a", Type("email"), sensitive=("pii",)), "a: common.Sensitive[common.Email]"),
    (Field("a", Type("str", optional=True), sensitive=("pii",)), "a: common.Sensitive[common.ShortText | None] = None"),
    (Field("a", Type("str"), "x", secret=True, sensitive=("pii",)), 'a: common.Secret[common.ShortText] = "x"'),
    (Field("a", Type("text"), 'two\n"lines"'), "a: common.Text = 'two\\n\"lines\"'"),
]


@pytest.mark.parametrize(("field", "declaration"), FIELDS)
def test_a_field_is_declared(field: Field, declaration: str) -> None:
    assert FieldCode(field, limited=True).declaration == declaration


def product(*entities: str, **services: list[str]) -> Product:
    """A product with these entities; `services` names what each hears and calls: `keep Book`, `call catalog`."""
    described = [
        {
            "name": name,
            "responsibility": "works",
            "depends_on": [it.removeprefix("call ") for it in lines if it.startswith("call ")],
            "subscribes": [it for it in lines if it.startswith(("keep ", "on "))],
            "publishes": [it.removeprefix("tell ") for it in lines if it.startswith("tell ")],
        }
        for name, lines in services.items()
    ]
    return reading.read({"project_name": "Shop", "services": described, "data_entities": list(entities)})


def code(product: Product, service: str) -> ServiceCode:
    return next(it for it in services(product, {}) if it.name == service)


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
        assert [(it.attribute, it.method, it.when_unavailable) for it in book.lookups] == [("books", "local", "")]
        assert [(it.attribute, it.method, it.when_unavailable) for it in order.lookups] == [
            ("books", "remote", "refuse"),
            ("authors", "copy", ""),
        ]

    def test_at_every_depth(self) -> None:
        (order,) = code(self.SHOP, "orders").entities
        assert [path.item for path in order.lookups[0].paths] == [
            '"first": [draft.first]',
            '"others": [book for book in draft.others or []]',
            '"lines.book": [line.book for line in draft.lines]',
            '"lines.extras": [book for line in draft.lines for book in line.extras]',
            '"lines.inner.book": [\n'
            f"{' ' * 24}inner.book for line in draft.lines for inner in filter(None, [line.inner])\n"
            f"{' ' * 20}]",
            '"gift.book": [gift.book for gift in filter(None, [draft.gift])]',
            '"gift.extras": [\n'
            f"{' ' * 24}book for gift in filter(None, [draft.gift]) for book in gift.extras\n"
            f"{' ' * 20}]",
            '"gift.inner.book": [\n'
            f"{' ' * 24}inner.book\n"
            f"{' ' * 24}for gift in filter(None, [draft.gift])\n"
            f"{' ' * 24}for inner in filter(None, [gift.inner])\n"
            f"{' ' * 20}]",
        ]


def test_a_copy_is_brought_up_to_date_before_anybody_reacts() -> None:
    shop = product(
        "orders.Order(x: str)",
        "mail.Letter(order: Order)",
        orders=["tell order.placed on create Order"],
        mail=["keep Order", "on order.placed: create Letter(order: id)"],
    )
    orders = code(shop, "orders")
    assert [event.name for event in orders.published] == ["order.saved", "order.removed", "order.placed"]
    assert orders.effects("Order") == ("effects = (events.ORDER_SAVED, events.ORDER_REMOVED, events.ORDER_PLACED)")


def test_value_objects_stand_after_those_that_they_are_made_of() -> None:
    shop = product("value Bb(a: Aa)", "value Aa(x: str)", "value Other(x: str)", "Thing(b: Bb?)", core=[])
    assert [it.name for it in code(shop, "core").classes] == ["Aa", "Bb", "ThingDraft", "Thing"]


COUNT = {"$count": [1, 2**31 - 1]}
DISTINCT = {"other": {"$new": "Other"}, "kind": "a", "x": "{day}"}


@pytest.mark.parametrize(
    ("fields", "draft"),
    [
        ("x: date, y: int = 3, z: int?", {"x": "{day}"}),
        ("other: Other", {"other": {"$ref": "Other"}}),
        ("parent: Thing?, children: list[Thing]", {"children": []}),
        ("others: list[Other]", {"others": [{"$ref": "Other"}]}),
        ("parts: list[Part]", {"parts": []}),
        ("back: list[Back]", {"back": []}),
        ("other: Other? unique", {"other": {"$new": "Other"}}),
        ("other: Other unique, back: Back? unique, x: int unique", {"other": {"$new": "Other"}, "x": COUNT}),
        ("other: Other, kind: a|b, x: date); unique(other, kind); unique(other, x", DISTINCT),
    ],
)
def test_an_example_needs_no_record_that_needs_it(fields: str, draft: dict[str, object]) -> None:
    shop = product(
        f"Thing({fields})", "Other(x: str)", "Back(thing: Thing)", "value Part(things: list[Thing], of: Thing)", core=[]
    )
    assert example_draft(shop, shop.entities["Thing"]) == draft


def test_the_type_checker_is_given_every_rule_and_route() -> None:
    """It says nothing of modules that it only follows from others."""
    shop = product("orders.Order(x: str)", orders=["tell order.placed on create Order"])
    assert {f"services/orders/{name}.py" for name in ("api", "events", "hooks", "main", "models", "order")} <= set(
        code(shop, "orders").files
    )


ENTITIES = ["orders.OrderLine(customer: str, by: uuid, to: Shop)", "orders.Shop(words: str)", "books.Book(title: str)"]
PEOPLE = ["Owner", "Shop owner", "Reader"]


@pytest.mark.parametrize(
    ("line", "written", "groups"),
    [
        ("OrderLine: delete Reader", 'order_lines = Policy("order lines", delete={Role.READER})', []),
        (
            "OrderLine: read owner, create callers | Reader; owner: customer",
            'order_lines = Policy(\n    "order lines", create={CALLERS, Role.READER}, read={OWNER}, list={OWNER},'
            ' owner="customer"\n)',
            ["OWNER", "CALLERS"],
        ),
        (
            "OrderLine: delete owner; owner: by",
            'order_lines = Policy("order lines", delete={OWNER}, owner="by", owner_is_id=True)',
            ["OWNER"],
        ),
        (
            "OrderLine: delete owner | anyone; owner: to",
            'order_lines = Policy("order lines", delete={OWNER, ANYONE}, owner="to", owner_is_id=True)',
            ["OWNER", "ANYONE"],
        ),
        (
            "OrderLine: delete 'Owner' | Shop owner",
            'order_lines = Policy("order lines", delete={Role.OWNER_ROLE, Role.SHOP_OWNER})',
            [],
        ),
        ("Book: delete anyone", 'order_lines = Policy("order lines")', []),
    ],
)
def test_a_policy_says_who_may_do_what_and_imports_no_more(line: str, written: str, groups: list[str]) -> None:
    """A role that is called like a group is none."""
    shop = {"project_name": "Shop", "services": ["orders", "books"], "data_entities": ENTITIES, "personas": PEOPLE}
    made = code(reading.read(shop | {"access": [line]}), "orders")
    assert made.policies == (written, 'shops = Policy("shops")')
    assert [it for it, is_used in made.policy_groups.items() if is_used] == ["Policy", *groups]
    assert made.policies_name_roles == ("Role." in written)


def test_a_service_that_others_alone_call_has_no_policies() -> None:
    services = ["orders", {"name": "books", "responsibility": "keeps", "exposure": "internal"}]
    shop = reading.read({"project_name": "Shop", "services": services, "data_entities": ENTITIES})
    assert code(shop, "books").policies == ()
    assert "services/books/access.py" not in code(shop, "books").files
    assert "services/orders/access.py" in code(shop, "orders").files
