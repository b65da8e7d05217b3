"""Workflows are read in short and in full, and what cannot be one is reported in a line that says how to mend it."""

from __future__ import annotations

import pytest

from groundplan.domain import DEFAULT_STEP_TIMEOUT_S, Outcome, Product, Source, Step, Workflow
from groundplan.reading import problems, read

SHOP: dict[str, object] = {
    "project_name": "Shop",
    "concept": "Sells things.",
    "services": [
        {"name": "orders", "responsibility": "takes orders"},
        {"name": "stock", "responsibility": "keeps things", "publishes": ["hold.made on create Hold"]},
        {"name": "billing", "responsibility": "takes money"},
    ],
    "data_entities": [
        "orders.Order(copies: int, total: money, tags: list[str], state: open|sold|off = open)",
        "orders.Note(text: str)",
        "stock.Hold(order: uuid, copies: int)",
        "billing.Payment(order: uuid, amount: money, by: cash|card = cash)",
    ],
}
STEPS = "Hold(order: id, copies: copies), then billing.Payment(order: id, amount: total, by: 'card')"
SALE = f"sale on create Order: {STEPS}; done: state = sold; undone: state = off"


def shop(*workflows: object, **changes: object) -> Product:
    return read(SHOP | {"workflows": list(workflows)} | changes)


def faults(*workflows: object, **changes: object) -> list[str]:
    return [str(it) for it in problems(SHOP | {"workflows": list(workflows)} | changes)]


def test_a_line_is_a_workflow() -> None:
    order = ("order", Source(field="id"))
    hold = Step("sale", "stock", "Hold", (order, ("copies", Source(field="copies"))))
    amount = ("amount", Source(field="total"))
    payment = Step("sale", "billing", "Payment", (order, amount, ("by", Source(literal="card"))))
    done, undone = Outcome("state", "sold"), Outcome("state", "off")
    wanted = Workflow("sale", "orders", "Order", (hold, payment), done, undone, DEFAULT_STEP_TIMEOUT_S)
    assert shop(SALE).workflows == (wanted,)
    full = {
        "name": "sale",
        "entity": "Order",
        "steps": ["Hold(order: id, copies: copies)", "Payment(order: id, amount: total, by: 'card')"],
        "done": "state = sold",
        "undone": "state = off",
    }
    assert shop(full).workflows == (wanted,)


@pytest.mark.parametrize("line", [f"{SALE}; timeout: 30", f"{SALE}; timeout: 30 s", SALE.replace(", then", ",")])
def test_it_may_be_written_otherwise(line: str) -> None:
    (workflow,) = shop(line).workflows
    assert workflow.step_timeout_s == (30 if "timeout" in line else DEFAULT_STEP_TIMEOUT_S)
    assert [step.module for step in workflow.steps] == ["sale_hold", "sale_payment"]


@pytest.mark.parametrize("nothing", [None, "not needed: one service does it", "tbd", []])
def test_there_may_be_none(nothing: object) -> None:
    assert read(SHOP | {"workflows": nothing}).workflows == ()


def test_who_receives_its_messages() -> None:
    product = shop(SALE)
    assert product.message_recipients("orders") == ("stock", "billing")
    assert product.message_recipients("stock") == product.message_recipients("billing") == ("orders",)
    assert product.subscribers("hold.made") == ()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (SALE.replace("Order:", "Odrer:"), "'Odrer' is not a declared entity. Fix: did you mean 'Order'?"),
        (SALE.replace("Hold(", "Hodl("), "'Hodl' is not a declared entity. Fix: did you mean 'Hold'?"),
        (SALE.replace("billing.", "stock."), "lets 'stock' create Payment, which 'billing' keeps. Fix: write billing."),
        (SALE.replace("copies: copies", "copies: total"), "fills 'copies', which is 'int', from 'total', which is"),
        (SALE.replace("copies: copies", "copies: coppies"), "'coppies' is not a field of 'Order'. Fix: did you mean"),
        (SALE.replace(", copies: copies", ""), "creates Hold without its required field 'copies'. Fix: add"),
        (SALE.replace("by: 'card'", "by: 'cart'"), "field 'by' has 'cart' where a value of type 'cash|card' belongs."),
        (SALE.replace("by: 'card'", "buy: 'card'"), "'buy' is not a field of Payment. Fix: did you mean 'by'?"),
        (SALE.replace("= sold", "= solid"), "field 'state' has 'solid' where a value of type 'open|sold|off' belongs."),
        (SALE.replace("done: state", "done: stage"), "'stage' is not a field of Order. Fix: did you mean 'state'?"),
        (SALE.replace("done: state = sold", "done: tags = x"), "sets 'tags', which is 'list[str]', to 'x'. Fix: set"),
        (SALE.replace("Hold(order: id, copies: copies)", "Note(text: 'x')"), "has the step Note in 'orders', which"),
        (SALE.replace("billing.Payment", "Hold"), "creates Hold twice. Fix: keep one; the rules of the step can do"),
        (SALE.replace("; undone: state = off", ""), "needs a semicolon and 'undone: <field> = <value>' at the end of"),
        (SALE.replace("on create", "on update"), "needs the word 'create' at 'update Order"),
        (SALE.replace("state = sold", "state sold"), "needs '=' and what 'state' becomes at 'sold; undone"),
        (f"{SALE}; timeout: soon", "needs a number of seconds at 'soon'. Fix: write it like"),
        (f"{SALE}; timeout: 0", "0 is not a whole number from 1 to 2592000. Fix: write a number from 1 to 2592000."),
        (SALE.replace("sale on", "Sale on"), "'Sale' is not an identifier of lower-case letters, digits and single"),
        ({"name": "sale", "entity": "Order"}, "has no steps. Fix: add steps: ..., or write"),
        ({"name": "sale", "enity": "Order"}, "has the unknown key 'enity'. Fix: did you mean 'entity'?"),
        (7, "is a number, not text. Fix: write it in quotes"),
    ],
)
def test_what_is_wrong_with_one_is_reported(line: object, message: str) -> None:
    first, *_ = faults(line)
    assert first.startswith(("workflows[0]: " + message, "workflows[0].steps: " + message)), first


def test_of_two_workflows_one_is_too_many() -> None:
    assert faults(SALE, SALE) == [
        "workflows[1]: 'sale' is the name of two workflows. Fix: rename or remove one of them."
    ]
    assert faults(SALE, SALE.replace("sale on", "deal on")) == [
        "workflows[1]: creating Order starts 'sale' already. Fix: put the steps of both into one workflow."
    ]


def test_two_things_of_a_service_need_a_module_each() -> None:
    entities = [*SHOP["data_entities"], "stock.SaleHold(n: int)"]  # type: ignore[misc]
    (fault,) = faults(SALE, data_entities=entities)
    assert fault == (
        "workflows[0]: its step Hold and SaleHold both need sale_hold.py in 'stock'. Fix: rename the workflow."
    )
    (fault,) = faults(SALE, jobs=["stock: sale_hold daily at 02:00"])
    assert fault.startswith("workflows[0]: its step Hold and the job 'sale_hold' both need sale_hold.py in 'stock'. ")


def test_how_a_workflow_goes_is_read_by_a_name_of_its_own() -> None:
    entities: list[object] = [*SHOP["data_entities"], "orders.SaleOfOrder(state: open|sold|off = open)"]  # type: ignore[misc]
    (fault,) = faults(SALE, data_entities=entities)
    assert fault == (
        "workflows[0]: how it goes and SaleOfOrder would both be read by get_sale_of_order. Fix: rename the workflow."
    )
    entities[-1] = "orders.OfferOfOrder(state: open|sold|off = open)"
    offer = "{} on create {}: Hold(order: id, copies: 1); done: state = sold; undone: state = off"
    (fault,) = faults(
        offer.format("sale_of_offer", "Order"), offer.format("sale", "OfferOfOrder"), data_entities=entities
    )
    assert fault.startswith("workflows[1]: how it goes and how 'sale_of_offer' goes would both be read by get_sale_of_")
    assert faults(SALE, data_entities=entities) == []


def test_a_workflow_that_starts_itself_has_no_end() -> None:
    entities = [
        "orders.Order(copies: int, state: open|sold|off = open)",
        "stock.Hold(copies: int)",
    ]
    sale = "sale on create Order: Hold(copies: copies); done: state = sold; undone: state = off"
    echo = "echo on create Hold: Order(copies: copies); done: copies = 1; undone: copies = 0"
    assert faults(sale, echo, data_entities=entities) == [
        "workflows[0]: creating Order creates Hold creates Order without end. "
        "Fix: take one of the steps or reactions out."
    ]
