"""As long as nobody says who may do what, it follows from the features: what none needs is closed."""

from __future__ import annotations

from typing import Any

import pytest

from groundplan import catalogue, generation, reading
from groundplan.domain import ACCESS, ADMINISTRATOR, Access, Product, Role
from groundplan.proposed_access import VERBS, with_proposal
from projects import REPOSITORY

SHOP: dict[str, Any] = {
    "project_name": "Shop",
    "concept": "Sells things.",
    "personas": ["Reader: buys", "Insurance company: pays"],
    "services": [
        "shop: sells",
        {"name": "stock", "responsibility": "counts", "exposure": "internal"},
    ],
    "data_entities": [
        "shop.Book(title: str)",
        "shop.GiftCard(amount: money)",
        "shop.Order(book: Book)",
        "private shop.Note(text: str)",
        "stock.Pile(copies: int)",
    ],
}
READS = {"read": ("reader",), "list": ("reader",)}


def proposed(*features: dict[str, object], **changes: object) -> Product:
    return with_proposal(reading.read(SHOP | {"mvp_features": list(features)} | changes))


def feature(name: str, outcome: str = "it is done", **changes: object) -> dict[str, object]:
    return {"name": name, "outcome": outcome, "persona": "Reader", "services": ["shop"]} | changes


def opened(*features: dict[str, object], **changes: object) -> dict[str, dict[str, tuple[str, ...]]]:
    """What is open to others than administrators, by entity."""
    product = proposed(*features, **changes)
    found = {
        it.entity: {
            action: others
            for action, who in it.grants
            if (others := tuple(name for name in who if name != "administrator"))
        }
        for it in product.access
    }
    return {entity: grants for entity, grants in found.items() if grants}


def test_without_features_all_is_for_the_administrator() -> None:
    product = proposed()
    assert product.roles[2:] == (ADMINISTRATOR,)
    everything = tuple((it, ("administrator",)) for it in ACCESS)
    assert product.access == (
        *(Access(it, everything, proposed=True) for it in ("Book", "GiftCard", "Order")),
        *(Access(it, proposed=True) for it in ("Note", "Pile")),
    )


def test_an_administrator_does_what_the_api_offers() -> None:
    product = proposed(data_entities=["shop.Book(title: str); only read, patch"])
    assert product.access_to["Book"].grants == (("read", ("administrator",)), ("update", ("administrator",)))


def test_who_administers_takes_the_place_of_the_administrator() -> None:
    boss = {"name": "Boss", "goal": "sees it", "is_admin": True}
    product = proposed(feature("Show books"), personas=["Reader: buys", boss])
    assert product.roles == (Role("reader", "Reader"), Role("boss", "Boss", administers=True))
    assert dict(product.access_to["Book"].grants) == dict.fromkeys(ACCESS, ("boss",)) | {
        "read": ("reader", "boss"),
        "list": ("reader", "boss"),
    }


@pytest.mark.parametrize(
    ("name", "actions"),
    [
        ("Order a book", ["create"]),
        ("Buy books", ["create"]),
        ("Change a book", ["update"]),
        ("Cancel a book", ["delete"]),
        ("Manage books", ["create", "update", "delete"]),
        ("maintain books", ["create", "update", "delete"]),
        ("Find a book", []),
        ("A book is ordered", []),
        ("Reorder a book", []),
        ("(Order) a book", ["create"]),
    ],
)
def test_the_first_word_says_what_is_done(name: str, actions: list[str]) -> None:
    grants = opened(feature(name), data_entities=["shop.Book(title: str)"])["Book"]
    assert grants == READS | dict.fromkeys(actions, ("reader",))
    assert [*grants] == [it for it in ACCESS if it in grants]


@pytest.mark.parametrize(
    ("action", "verb"), [(action, verb) for action, all_ in VERBS.items() for verb in all_.split()]
)
def test_each_verb_says_one_thing(action: str, verb: str) -> None:
    grants = opened(feature(f"{verb} a book"), data_entities=["shop.Book(title: str)"])
    assert grants == {"Book": READS | {action: ("reader",)}}


def test_what_is_changed_is_what_the_name_says_first() -> None:
    """All else that the feature names is read alone."""
    assert opened(feature("Cancel the order of a book")) == {
        "Order": READS | {"delete": ("reader",)},
        "Book": READS,
    }
    assert opened(feature("Share books of an order")) == {"Book": READS | {"create": ("reader",)}, "Order": READS}


def test_several_words_are_one_name() -> None:
    grants = {"GiftCard": READS | {"create": ("reader",)}}
    assert opened(feature("Buy gift cards")) == grants
    assert opened(feature("Buy a gift", "there is a card")) == {"GiftCard": READS | {"create": ("reader",)}}


def test_what_the_outcome_alone_names_is_read_where_there_are_several() -> None:
    assert opened(feature("Send it", "an order has a book")) == {"Book": READS, "Order": READS}


def test_the_only_entity_is_meant_although_the_name_does_not_say_it() -> None:
    assert opened(feature("Send it", "a book is there")) == {"Book": READS | {"create": ("reader",)}}


def test_who_creates_reads_what_the_record_refers_to() -> None:
    assert opened(feature("Order it", "there is an order")) == {
        "Book": READS,
        "Order": READS | {"create": ("reader",)},
    }
    assert opened(feature("Delete an order")) == {"Order": READS | {"delete": ("reader",)}}


def test_what_callers_cannot_do_is_open_to_nobody() -> None:
    entities = ["shop.Book(title: str); only list, delete", *SHOP["data_entities"][1:]]
    assert opened(feature("Manage books"), data_entities=["shop.Book(title: str); only list, delete"]) == {
        "Book": {"list": ("reader",), "delete": ("reader",)}
    }
    assert opened(feature("Manage notes"), data_entities=entities[1:2] + entities[3:]) == {}


def test_internal_and_private_records_stay_closed() -> None:
    assert opened(feature("Manage piles", services=["stock"])) == {}
    assert opened(feature("Manage piles and notes", services=["shop", "stock"])) == {}


@pytest.mark.parametrize(
    ("persona", "role"),
    [
        ("Reader", "reader"),
        ("readers", "reader"),
        ("any reader", "reader"),
        ("Insurance company", "insurance_company"),
        ("INSURANCE", "insurance_company"),
        (None, "callers"),
    ],
)
def test_it_is_open_to_the_persona_or_to_every_caller(persona: str | None, role: str) -> None:
    book = feature("Show a book", persona=persona)
    assert opened(book) == {"Book": {"read": (role,), "list": (role,)}}


def test_a_persona_that_nobody_knows_opens_nothing() -> None:
    assert opened(feature("Show a book", persona="Auditor")) == {}


def test_features_add_up() -> None:
    several = (
        feature("Show a book"),
        feature("Show a book again"),
        feature("Change a book", persona="Insurance company"),
        feature("Delete a book", persona=None),
    )
    assert opened(*several) == {
        "Book": {
            "read": ("reader", "insurance_company", "callers"),
            "list": ("reader", "insurance_company", "callers"),
            "update": ("insurance_company",),
            "delete": ("callers",),
        }
    }


def test_nothing_is_open_to_anyone_or_only_to_owners() -> None:
    everybody = {who for it in proposed(feature("Manage books")).access for _, each in it.grants for who in each}
    assert everybody == {"reader", "administrator"}


@pytest.mark.parametrize("state", ["tbd", None, "not needed: a demonstration", "defer: the pilot, Ana", []])
def test_a_project_has_it_as_long_as_nobody_says_otherwise(state: object) -> None:
    real = catalogue.load(REPOSITORY / "decisions")
    given = SHOP | {"mvp_features": [feature("Show a book")]}
    product = generation.build(given | {"access": state}, real).project.product
    assert product.access == proposed(feature("Show a book")).access
    said = generation.build(given | {"access": ["Order: read Reader"]}, real).project.product
    assert said.access_to["Book"] == Access("Book")
    assert said.roles == (Role("reader", "Reader"), Role("insurance_company", "Insurance company"))
