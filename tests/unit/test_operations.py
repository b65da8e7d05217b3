"""What services answer, as data: which operations there are, with what, for whom, and because of which answers."""

from __future__ import annotations

import re
from dataclasses import asdict, fields
from typing import Any

import pytest

from groundplan import catalogue, domain, generation, reading
from groundplan.codegen.services import services
from groundplan.domain import Product
from groundplan.operations import KINDS, LIST, REPLACE, Operation, Parameter, of_entity, operation_of, operations
from groundplan.provenance import tracking
from projects import EXAMPLES, REPOSITORY, answers

REAL = catalogue.load(REPOSITORY / "decisions")

SHOP: dict[str, Any] = {
    "project_name": "Shop",
    "services": [
        {"name": "orders", "responsibility": "takes orders"},
        {"name": "stock", "responsibility": "keeps things", "exposure": "internal"},
        {"name": "nothing", "responsibility": "waits"},
    ],
    "data_entities": [
        "orders.OrderLine(copies: int, state: open|sold|off = open)",
        "orders.Note(words: str)",
        "stock.Hold(line: uuid)",
    ],
    "workflows": ["sell_it on create OrderLine: Hold(line: id); done: state = sold; undone: state = off"],
}
PLAIN = reading.read(SHOP)
SETTLED = PLAIN.versioned("/v1", "")
BY_HEADER = PLAIN.versioned("", "API-Version")


def answered(product: Product, service: str) -> tuple[Operation, ...]:
    return operations(product, product.by_name[service])


def by_id(product: Product) -> dict[str, Operation]:
    return {it.id: it for service in product.services for it in operations(product, service)}


def test_a_service_answers_for_each_of_its_entities_and_for_the_workflows_that_they_start() -> None:
    assert [f"{it.id} {it.method} {it.path}" for it in answered(SETTLED, "orders")] == [
        "create_order_line POST /v1/order-lines",
        "list_order_lines GET /v1/order-lines",
        "get_order_line GET /v1/order-lines/{id}",
        "replace_order_line PUT /v1/order-lines/{id}",
        "patch_order_line PATCH /v1/order-lines/{id}",
        "delete_order_line DELETE /v1/order-lines/{id}",
        "get_sell_it_of_order_line GET /v1/order-lines/{id}/sell-it",
        "create_note POST /v1/notes",
        "list_notes GET /v1/notes",
        "get_note GET /v1/notes/{id}",
        "replace_note PUT /v1/notes/{id}",
        "patch_note PATCH /v1/notes/{id}",
        "delete_note DELETE /v1/notes/{id}",
    ]
    assert answered(SETTLED, "nothing") == ()


def test_what_goes_in_and_what_comes_back() -> None:
    found = {it.kind: (it.body, it.answer, it.success) for it in of_entity(SETTLED, SETTLED.entities["OrderLine"])}
    assert found == {
        "create": ("OrderLineDraft", "OrderLine", 201),
        "list": (None, "Page[OrderLine]", 200),
        "read": (None, "OrderLine", 200),
        "replace": ("OrderLineDraft", "OrderLine", 200),
        "patch": ("OrderLinePatch", "OrderLine", 200),
        "delete": (None, None, 204),
        "status": (None, "WorkflowStatus", 200),
    }


def test_summaries_are_sentences_about_the_record() -> None:
    assert [it.summary for it in of_entity(SETTLED, SETTLED.entities["OrderLine"])] == [
        "Create an order line.",
        "List order lines, oldest first.",
        "Read an order line.",
        "Replace an order line, unless it was changed since it was read.",
        "Change some fields of an order line, unless it was changed since it was read.",
        "Delete an order line, unless it was changed since it was read.",
        "Tell the state of the sell it of an order line.",
    ]


def test_the_route_is_the_path_without_what_tells_the_version() -> None:
    for it in by_id(SETTLED).values():
        assert it.path == f"/v1{it.route}"
    for it in by_id(BY_HEADER).values():
        assert it.path == it.route


def test_every_part_in_braces_is_a_parameter_of_the_path() -> None:
    for it in by_id(SETTLED).values():
        named = [parameter.name for parameter in it.parameters if parameter.location == "path"]
        assert named == re.findall(r"\{(\w+)\}", it.path)
        assert all(parameter.required for parameter in it.parameters if parameter.location == "path")


def test_a_version_that_is_given_in_a_header_is_a_parameter_of_every_operation() -> None:
    version = Parameter("API-Version", "header", "str", "The version of the API.", required=False)
    for it in by_id(BY_HEADER).values():
        assert it.parameters == (*by_id(SETTLED)[it.id].parameters, version)


def test_operations_of_an_internal_service_are_for_services_alone() -> None:
    assert {it.access for it in answered(SETTLED, "orders")} == {"callers"}
    assert {it.access for it in answered(SETTLED, "stock")} == {"services"}


def test_one_kind_is_found_by_name() -> None:
    found = operation_of(SETTLED, SETTLED.entities["Note"], REPLACE)
    assert found
    assert (found.id, found.handler, found.headers) == ("replace_note", "update", ("ETag",))


def test_a_list_takes_the_fields_by_which_callers_choose() -> None:
    line = (
        "orders.Note(words: str, line: OrderLine, size: int?); list(words, line, size; sort size, words; search words)"
    )
    first, _, third = SHOP["data_entities"]
    product = reading.read(SHOP | {"data_entities": [first, line.replace("int?", "int"), third]})
    found = operation_of(product, product.entities["Note"], LIST)
    assert found
    assert [(it.name, it.location, it.type, it.required) for it in found.parameters] == [
        ("after", "query", "str", False),
        ("limit", "query", "int", False),
        ("words", "query", "str", False),
        ("line", "query", "uuid", False),
        ("size", "query", "int", False),
        ("sort", "query", "str", False),
        ("search", "query", "str", False),
    ]
    assert found.answer == "CursorPage[Note]"
    assert found.summary == "List notes, oldest first, or as `sort` says."


def test_an_entity_has_the_operations_that_its_answer_names_and_a_private_one_has_none() -> None:
    words = [f"sell_it on create {it}: Hold(line: id); done: state = sold; undone: state = off" for it in ("Sale",)]
    fields = "(copies: int, state: open|sold|off = open)"
    answers = {
        "data_entities": [
            f"orders.Sale{fields}; only list, create",
            f"private orders.Note{fields}",
            "stock.Hold(line: uuid)",
        ]
    }
    product = reading.read(SHOP | answers | {"workflows": words})
    assert [it.kind for it in of_entity(product, product.entities["Sale"])] == ["create", "list", "status"]
    assert of_entity(product, product.entities["Note"]) == ()
    assert operation_of(product, product.entities["Sale"], REPLACE) is None


@pytest.mark.parametrize("kind", KINDS, ids=lambda it: it.name)
def test_statuses_are_those_that_its_parts_can_cause(kind: Any) -> None:
    problems = set(kind.problems)
    assert kind.problems == tuple(sorted(problems))
    assert {401, 422, 503} <= problems  # the caller, what is sent, the database
    assert (400 in problems) == bool(kind.body)
    assert (404 in problems) == kind.about_one
    version = any(it.name == "If-Match" for it in kind.parameters)
    assert ({412, 428} <= problems) == version
    stored = kind.method == "GET" and kind.about_one  # as what is not valid now
    assert (409 in problems) == (bool(kind.body) or version or stored)  # a rule refuses it
    assert kind.repeatable == (kind.method != "POST")
    assert all(it.type in domain.SCALARS for it in kind.parameters)


def test_ids_are_one_in_a_service_and_addresses_are_with_their_method() -> None:
    for example in EXAMPLES:
        product = generation.build(answers(example), REAL).project.product
        for service in product.services:
            found = operations(product, service)
            assert len({it.id for it in found}) == len({(it.method, it.path) for it in found}) == len(found)


def test_code_has_them_with_their_entities() -> None:
    code = next(it for it in services(SETTLED, {}) if it.name == "orders")
    assert code.operations == answered(SETTLED, "orders")
    for entity in code.entities:
        assert tuple(it for it in entity.operations) == of_entity(SETTLED, entity.entity)


BY = {
    "kind": set(),
    "id": {"data_entities"},
    "method": {"data_entities"},
    "path": {"data_entities", "api_versioning"},
    "route": {"data_entities"},
    "parameters": {"data_entities", "api_versioning"},
    "access": {"data_entities", "services", "access"},
    "allowed": {"data_entities", "services", "access"},
}


@pytest.mark.parametrize("part", BY)
def test_each_part_tells_which_answers_made_it(part: str) -> None:
    record, status = by_id(SETTLED)["get_order_line"], by_id(SETTLED)["get_sell_it_of_order_line"]
    with tracking() as noted:
        getattr(record, part)
    assert noted == BY[part]
    with tracking() as noted:
        getattr(status, part)
    assert noted == BY[part] | ({"workflows"} if part in ("id", "path", "route", "access", "allowed") else set())


def test_that_there_are_some_is_recorded_by_each_alone() -> None:
    line = SETTLED.entities["OrderLine"]
    with tracking() as noted:
        of_entity(SETTLED, line)
    assert noted == set()


def test_they_are_plain_data() -> None:
    for it in by_id(SETTLED).values():
        assert asdict(it).keys() == {field.name for field in fields(it)}
        assert it.statuses == (it.success, *it.problems)
