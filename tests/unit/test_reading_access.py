"""Who may do what is read in each of its forms, and what cannot be is reported in a line that says how to mend it."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest

from groundplan.domain import ACCESS, ADMINISTRATOR, Access, Product, Role
from groundplan.reading import problems, read
from groundplan.reading.access import EXAMPLE

SHOP: dict[str, object] = {
    "project_name": "Shop",
    "concept": "Sells things.",
    "personas": ["Reader: buys", "Shopkeeper: packs"],
    "services": ["orders: takes orders", {"name": "stock", "responsibility": "counts", "exposure": "internal"}],
    "data_entities": [
        "orders.Order(customer: str, by: uuid?, of: Tag?, mail: email, copies: int, tags: list[str], card: str? secret,"
        " state: open|sold = open)",
        "orders.Tag(word: str); only create, list",
        "private orders.Note(text: str, author: str)",
        "stock.Pile(copies: int)",
    ],
}


def shop(*access: object, **changes: object) -> Product:
    return read(SHOP | {"access": list(access)} | changes)


def said(line: object, entity: str = "Order", **changes: object) -> dict[str, tuple[str, ...]]:
    """What one line allows."""
    return dict(shop(line, **changes).access_to[entity].grants)


def faults(*access: object, **changes: object) -> list[str]:
    return [str(it) for it in problems(SHOP | {"access": list(access)} | changes)]


WANTED = Access(
    "Order",
    (("create", ("reader",)), ("read", ("owner", "shopkeeper")), ("list", ("shopkeeper",)), ("delete", ("callers",))),
    "customer",
)
LINE = "create Reader, read owner | Shopkeeper, list Shopkeeper, delete callers; owner: customer"
IN_FULL = {
    "create": "Reader",
    "read": ["owner", "Shopkeeper"],
    "list": ["Shopkeeper"],
    "delete": ["callers"],
    "owner": "customer",
}


@pytest.mark.parametrize(
    "answer",
    [
        [f"Order: {LINE}"],
        f"- 'Order: {LINE}'",
        [f"  Order:{LINE.replace(' | ', '|').replace('owner: ', 'owner ')} "],
        [f"Order: {LINE.replace('Reader', 'reader').replace('Shopkeeper', 'SHOPKEEPER')}"],
        [{"Order": LINE}],
        {"Order": LINE},
        [{"entity": "Order", **IN_FULL}],
        {"entity": "Order", **IN_FULL},
        {"Order": IN_FULL},
        [{"Order": IN_FULL}],
        {"Order": IN_FULL, "Tag": "list anyone"},
        [{"Order": LINE, "Tag": {"list": "anyone"}}],
        [None, f"Order: {LINE}"],
        {"assume": [f"Order: {LINE}"]},
    ],
)
def test_it_has_many_forms(answer: object) -> None:
    assert read(SHOP | {"access": answer}).access_to["Order"] == WANTED


def test_what_no_line_says_is_closed() -> None:
    assert shop("Order: read Reader").access == (
        Access("Order", (("read", ("reader",)), ("list", ("reader",)))),
        *map(Access, ("Tag", "Note", "Pile")),
    )


def test_a_product_of_which_nobody_says_it_is_closed_to_everybody() -> None:
    product = read(SHOP)
    assert product.access == ()
    assert product.access_to == {name: Access(name) for name in product.entities}


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        ("read Reader", {"read": ("reader",), "list": ("reader",)}),
        ("read Reader, list Shopkeeper", {"read": ("reader",), "list": ("shopkeeper",)}),
        ("list Shopkeeper, read Reader", {"read": ("reader",), "list": ("shopkeeper",)}),
        ("list Reader", {"list": ("reader",)}),
        ("read Reader, read Shopkeeper", {"read": ("reader", "shopkeeper"), "list": ("reader", "shopkeeper")}),
        ("read Reader | Reader", {"read": ("reader",), "list": ("reader",)}),
        ("delete anyone", {"delete": ("anyone",)}),
        ("all Reader", dict.fromkeys(ACCESS, ("reader",))),
        ("all Reader, delete Shopkeeper", dict.fromkeys(ACCESS, ("reader",)) | {"delete": ("reader", "shopkeeper")}),
        ("delete Shopkeeper, all Reader", dict.fromkeys(ACCESS, ("reader",)) | {"delete": ("shopkeeper", "reader")}),
    ],
)
def test_a_list_is_for_those_who_read_unless_it_is_said(line: str, allowed: dict[str, tuple[str, ...]]) -> None:
    assert said(f"Order: {line}") == allowed


def test_all_is_what_callers_can_do() -> None:
    assert said("Tag: all Reader", "Tag") == {"create": ("reader",), "list": ("reader",)}
    assert said("Note: all Reader", "Note") == dict.fromkeys(ACCESS, ("reader",))


@pytest.mark.parametrize("operations", ["only replace", "only patch", "only update", "without delete"])
def test_who_updates_replaces_and_patches(operations: str) -> None:
    entities = [f"orders.Order(customer: str); {operations}"]
    assert said("Order: update Reader", data_entities=entities) == {"update": ("reader",)}


def test_who_reads_is_told_the_state_of_a_workflow() -> None:
    """Although nobody reads the record itself."""
    entities = ["orders.Order(state: open|sold|off = open); only create", "stock.Pile(order: uuid)"]
    selling = "selling on create Order: Pile(order: id); done: state = sold; undone: state = off"
    changes: dict[str, Any] = {"data_entities": entities, "workflows": [selling]}
    assert said("Order: read Reader", **changes) == {"read": ("reader",)}
    del changes["workflows"]
    assert "says who may read Order" in "".join(faults("Order: read Reader", **changes))


def test_records_that_only_owned_code_reaches_have_owners_and_no_administrators() -> None:
    product = shop("Note: read owner; owner: author", personas=[{"name": "Boss", "is_admin": True}])
    assert product.access_to["Note"] == Access("Note", (("read", ("owner",)), ("list", ("owner",))), "author")


@pytest.mark.parametrize("owner", ["customer", "by", "of", "mail"])
def test_an_owner_is_named_by_a_text_or_an_id(owner: str) -> None:
    assert shop(f"Order: read owner; owner: {owner}").access_to["Order"].owner == owner


@pytest.mark.parametrize(
    ("persona", "role"),
    [
        ("Reader", "reader"),
        ("Insurance company", "insurance_company"),
        ("HR clerk", "hr_clerk"),
        ("Überweiser", "uberweiser"),
        ("Owner", "owner_role"),
        ("Callers", "callers_role"),
        ("anyone", "anyone_role"),
        ("2nd reader", "nd_reader"),
        ("Project", "project"),
        ("読者", "role_891c43"),
        ("***", "role_596f41"),
        ("class", "class"),
    ],
)
def test_a_persona_is_a_role(persona: str, role: str) -> None:
    for line in (f'Order: delete "{persona}"', {"entity": "Order", "delete": [persona]}):
        product = shop(line, personas=[{"name": persona, "goal": "x"}])
        assert product.roles == (Role(role, persona),)
        if persona != "anyone" or isinstance(line, str):  # else it is the group
            assert product.access_to["Order"].allowed("delete") == (role,)


def test_in_quotes_it_is_a_persona_and_without_them_a_group() -> None:
    line = "Order: read 'owner', delete owner | Owner; owner: customer"
    assert dict(shop(line, personas=["owner: owns"]).access_to["Order"].grants) == {
        "read": ("owner_role",),
        "list": ("owner_role",),
        "delete": ("owner", "owner_role"),
    }


def test_a_quoted_name_may_have_what_ends_one() -> None:
    name = "Buyer, seller; or 'both' | none"
    written = name.replace("'", "\\'")
    assert said(f"Order: read '{written}' | Reader", personas=[name, "Reader"])["read"] == (
        "buyer_seller_or_both_none",
        "reader",
    )


def test_personas_that_are_written_alike_are_one_role() -> None:
    people = ["HR clerk: hires", "Hr Clerk: fires", "Reader: reads"]
    assert [it.name for it in shop("Order: delete hr clerk", personas=people).roles] == ["hr_clerk", "reader"]


def test_personas_whose_names_differ_are_different_roles() -> None:
    product = shop("Order: create C++, delete C", personas=["C: knows C", "C++: knows more"])
    first, second = (it.name for it in product.roles)
    assert first == "c"
    assert re.fullmatch(r"c_[0-9a-f]{6}", second)
    assert dict(product.access_to["Order"].grants) == {"create": (second,), "delete": (first,)}


def test_who_administers_may_do_all_that_the_api_offers() -> None:
    product = shop("Order: read Reader", personas=["Reader: reads", {"name": "Boss", "goal": "x", "is_admin": True}])
    assert product.roles == (Role("reader", "Reader"), Role("boss", "Boss", administers=True))
    assert dict(product.access_to["Order"].grants) == dict.fromkeys(ACCESS, ("boss",)) | {
        "read": ("reader", "boss"),
        "list": ("reader", "boss"),
    }
    assert dict(product.access_to["Tag"].grants) == dict.fromkeys(("create", "list"), ("boss",))
    assert (product.access_to["Note"].grants, product.access_to["Pile"].grants) == ((), ())


def test_a_persona_administers_by_its_name_or_because_it_is_said() -> None:
    people = [{"name": "Administrator", "goal": "x"}, {"name": "Clerk", "goal": "x", "is_admin": False}]
    assert shop("Order: read Clerk", personas=people).roles == (ADMINISTRATOR, Role("clerk", "Clerk"))


def test_an_administrator_may_be_named_where_no_persona_is_one() -> None:
    product = shop("Order: read Reader, delete administrator")
    assert product.roles[2:] == (ADMINISTRATOR,)
    assert product.access_to["Order"].allowed("delete") == ("administrator",)
    assert shop("Order: read Reader").roles == read(SHOP).roles


@pytest.mark.parametrize("personas", ["tbd", "not needed: machines call it", None])
def test_a_role_is_not_missed_as_long_as_there_are_no_personas(personas: object) -> None:
    assert said("Order: create callers, read Reader", personas=personas) == {"create": ("callers",)}


WRITE = f'Fix: write it like "{EXAMPLE}".'
REFUSED: dict[str, tuple[object, str]] = {
    "an unknown entity": (
        "Ordr: read Reader",
        "access[0]: 'Ordr' is not a declared entity. Fix: did you mean 'Order'? Otherwise declare it in data_entities.",
    ),
    "an unknown persona": (
        "Order: read Publisher",
        "access[0]: 'Publisher' is no persona. Fix: add it to personas, or write owner, callers or anyone.",
    ),
    "a persona that is nearly one": (
        {"entity": "Order", "read": ["Readr"]},
        "access[0]: 'Readr' is no persona. Fix: did you mean 'Reader'? Otherwise add it to personas, or write owner,"
        " callers or anyone.",
    ),
    "a group that is nearly one": (
        "Order: read caller",
        "access[0]: 'caller' is no persona. Fix: did you mean 'callers'? Otherwise add it to personas, or write owner,"
        " callers or anyone.",
    ),
    "a group in quotes": (
        "Order: read 'anyone'",
        "access[0]: 'anyone' is no persona. Fix: did you mean 'anyone'? Otherwise add it to personas, or write owner,"
        " callers or anyone.",
    ),
    "an internal entity": (
        "Pile: read Reader",
        "access[0]: Pile is kept by 'stock', which only the other services call. Fix: leave it out, or let 'stock' have"
        " the exposure public.",
    ),
    "an action that is not offered": (
        "Tag: delete Reader",
        "access[0]: says who may delete Tag, which callers cannot do. Fix: leave it out, or add delete to the"
        " operations of Tag.",
    ),
    "no owner": (
        "Order: read owner | Reader",
        "access[0]: lets the owner read Order, and does not say which field names that caller. Fix: add"
        " '; owner: <field>' to the line.",
    ),
    "no owner of anything": (
        {"Order": {"all": "owner"}},
        "access[0]: lets the owner do everything with Order, and does not say which field names that caller. Fix: add"
        " '; owner: <field>' to the line.",
    ),
    "an unknown owner": (
        "Order: read owner; owner: custom",
        "access[0]: 'custom' is no field of Order. Fix: did you mean 'customer'? Otherwise name a field that holds the"
        " caller's name.",
    ),
    "an owner of an unfit type": (
        "Order: read owner; owner: copies",
        "access[0]: 'copies' of Order is 'int', which names no caller. Fix: name a field with one str, email or uuid,"
        " or a reference.",
    ),
    "many owners": (
        "Order: read owner; owner: tags",
        "access[0]: 'tags' of Order is 'list[str]', which names no caller. Fix: name a field with one str, email or"
        " uuid, or a reference.",
    ),
    "an owner out of a few": (
        "Order: read owner; owner: state",
        "access[0]: 'state' of Order is 'open|sold', which names no caller. Fix: name a field with one str, email or"
        " uuid, or a reference.",
    ),
    "a secret owner": (
        "Order: read owner; owner: card",
        "access[0]: 'card' of Order is 'str?' and secret, which names no caller. Fix: name a field with one str, email"
        " or uuid, or a reference.",
    ),
    "an owner that nobody needs": (
        "Order: read Reader; owner: copies",
        "access[0]: 'copies' of Order is 'int', which names no caller. Fix: name a field with one str, email or uuid,"
        " or a reference.",
    ),
    "an owner whom anyone may name": (
        "Order: create anyone, read anyone, delete owner; owner: customer",
        "access[0]: lets anyone create Order, whose customer names its owner, and nobody proves to be that one. Fix:"
        " write 'create callers', or 'customer: str? system' in data_entities, so that it belongs to nobody then.",
    ),
    "no colon": (
        "Order read Reader",
        f"access[0]: needs a colon and who may do what with Order at 'read Reader'. {WRITE}",
    ),
    "nothing after the colon": (
        {"Order": None},
        "access[0]: needs create, read, list, update, delete or all at the end of 'Order:'. " + WRITE,
    ),
    "another action": (
        "Order: patch Reader",
        "access[0]: has 'patch' where create, read, list, update, delete or all belongs. " + WRITE,
    ),
    "nobody": ("Order: read", f"access[0]: needs who may read at the end of 'Order: read'. {WRITE}"),
    "nobody else": (
        "Order: read Reader |",
        f"access[0]: needs somebody else at the end of 'Order: read Reader |'. {WRITE}",
    ),
    "a comma for a bar": (
        "Order: read Reader, Shopkeeper",
        "access[0]: has 'Shopkeeper' where create, read, list, update, delete or all belongs. " + WRITE,
    ),
    "something else after the semicolon": (
        "Order: read Reader; of: customer",
        f"access[0]: needs the word 'owner' and the field that names the caller at 'of: customer'. {WRITE}",
    ),
    "an owner that is not named": (
        "Order: read owner; owner:",
        "access[0]: needs the field that names the caller at the end of 'Order: read owner; owner:'. " + WRITE,
    ),
    "more than an owner": (
        "Order: read owner; owner: customer, by",
        f"access[0]: has something left over at ', by'. {WRITE}",
    ),
    "an open quote": (
        "Order: read 'Reader",
        f'access[0]: needs who may read at "\'Reader". {WRITE}'.replace('"\'Reader"', "''Reader'"),
    ),
    "no entity": (
        {"read": ["Reader"]},
        f'access[0]: has no entity. Fix: add entity: ..., or write "{EXAMPLE}".',
    ),
    "another key": (
        {"entity": "Order", "reed": ["Reader"]},
        "access[0]: has the unknown key 'reed'. Fix: did you mean 'read'? Otherwise remove it or write entity, create,"
        " read, list, update, delete, all or owner.",
    ),
    "two entities": (
        {"Order": {"entity": "Tag", "list": "Reader"}},
        f'access[0]: is a mapping, not text. Fix: write it in quotes, e.g. "{EXAMPLE}".',
    ),
    "a number for somebody": (
        {"entity": "Order", "read": [3]},
        'access[0].read[0]: is a number, not text. Fix: write it in quotes, e.g. "Reader".',
    ),
    "a number": (3, f'access[0]: is a number, not text. Fix: write it in quotes, e.g. "{EXAMPLE}".'),
    "yes": (True, f'access[0]: is yes or no, not text. Fix: write it in quotes, e.g. "{EXAMPLE}".'),
    "a day": (
        datetime.date(2026, 3, 2),
        f'access[0]: is a date, not text. Fix: write it in quotes, e.g. "{EXAMPLE}".',
    ),
    "a list": (["x"], f'access[0]: is a list, not text. Fix: write it in quotes, e.g. "{EXAMPLE}".'),
    "an empty mapping": ({}, f'access[0]: is a mapping, not text. Fix: write it in quotes, e.g. "{EXAMPLE}".'),
    "a list of one entity": (
        {"Order": ["read Reader"]},
        f'access[0]: is a mapping, not text. Fix: write it in quotes, e.g. "{EXAMPLE}".',
    ),
    "a key that is no text": (
        {3: "read Reader"},
        f'access[0]: is a mapping, not text. Fix: write it in quotes, e.g. "{EXAMPLE}".',
    ),
    "one of two": (
        {"Order": "read Reader", "Tag": "list Publisher"},
        "access[0].Tag: 'Publisher' is no persona. Fix: add it to personas, or write owner, callers or anyone.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_in_a_line(case: str) -> None:
    written, line = REFUSED[case]
    assert faults(written) == [line]


@pytest.mark.parametrize(
    ("answer", "where"),
    [
        (["Order: read Reader", "Order: delete Reader"], "access[1]"),
        (["Order: read Reader", "Tag: list Reader", {"Order": {"delete": "Reader"}}], "access[2]"),
        ([{"Tag": "list Reader", "Order": "read Reader"}, {"entity": "Order"}], "access[1]"),
    ],
)
def test_an_entity_that_is_there_twice_is_refused(answer: list[object], where: str) -> None:
    message = f"{where}: Order is there twice. Fix: put all that is said of it into one line."
    assert faults(*answer) == [message]


def test_every_fault_is_told() -> None:
    (first, second, third) = faults("Order: read Publisher, delete owner", "Hat: all Reader")
    assert "'Publisher' is no persona" in first
    assert "lets the owner delete Order" in second
    assert "'Hat' is not a declared entity" in third


def test_what_is_no_yaml_is_refused() -> None:
    (line,) = map(str, problems(SHOP | {"access": "- Order: read: Reader"}))
    assert line.startswith("access: is not valid YAML")


@pytest.mark.parametrize(
    ("line", "indexed"),
    [
        ("Order: read owner | Reader; owner: customer", True),
        ("Order: read owner, list Reader; owner: customer", False),
    ],
)
def test_the_owner_has_an_index_where_lists_are_chosen_by_it(line: str, indexed: bool) -> None:
    order = shop(line).entities["Order"]
    assert (("customer",) in order.indexes) == indexed
