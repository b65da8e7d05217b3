"""A merge patch changes the fields that it names, and leaves the others as they are (RFC 7396)."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import Field

from services.common.api import merge_patch
from services.common.models import Model, Record
from services.common.utils import new_id, now


class Place(Model):
    """A value object."""

    street: str
    number: int | None = None


class ThingDraft(Model):
    """What callers send."""

    label: str
    size: int = 1
    place: Place | None = None
    tags: list[Place] = Field(default_factory=list)


class Thing(Record, ThingDraft):
    """What is stored."""


def thing() -> Thing:
    place = Place(street="High Street", number=7)
    at = now()
    values = {"label": "one", "size": 5, "place": place, "tags": [place]}
    return Thing.model_validate(
        {"id": new_id(), "version": 1, "created_at": at, "updated_at": at} | values
    )


@pytest.mark.parametrize(
    ("patch", "changed"),
    [
        ({}, {}),
        ({"label": "two"}, {"label": "two"}),
        ({"size": None}, {"size": 1}),
        ({"place": None}, {"place": None}),
        ({"place": {"number": 8}}, {"place": {"street": "High Street", "number": 8}}),
        ({"place": {"number": None}}, {"place": {"street": "High Street", "number": None}}),
        ({"tags": [{"street": "Low"}]}, {"tags": [{"street": "Low", "number": None}]}),
        ({"tags": []}, {"tags": []}),
    ],
)
def test_it_changes_what_it_names(patch: dict[str, Any], changed: dict[str, Any]) -> None:
    before = ThingDraft.model_validate(thing().model_dump(include=set(ThingDraft.model_fields)))
    after = merge_patch.patched(thing(), patch, ThingDraft)
    assert after.model_dump() == before.model_dump() | changed


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"label": None}, ("body", "label")),
        ({"label": {"size": None}}, ("body", "label")),
        ({"size": "much"}, ("body", "size")),
        ({"unknown": 1}, ("body", "unknown")),
        ({"unknown": None}, ("body", "unknown")),
        ({"place": {"street": None}}, ("body", "place", "street")),
        ({"tags": [{"number": 1}]}, ("body", "tags", 0, "street")),
        ({"\ud800": 1}, ("body",)),  # no name at all
    ],
)
def test_what_it_leads_to_has_to_be_valid(patch: dict[str, Any], field: tuple[Any, ...]) -> None:
    with pytest.raises(RequestValidationError) as caught:
        merge_patch.patched(thing(), patch, ThingDraft)
    assert [it["loc"] for it in caught.value.errors()] == [field]


def test_what_is_nested_without_end_is_refused() -> None:
    patch: dict[str, Any] = {}
    for _ in range(sys.getrecursionlimit()):
        patch = {"label": patch}
    with pytest.raises(RequestValidationError) as caught:
        merge_patch.patched(thing(), patch, ThingDraft)
    assert [it["msg"] for it in caught.value.errors()] == ["It is nested too deeply"]


def test_its_description_requires_nothing_and_refers_to_nothing() -> None:
    content = merge_patch.describe(ThingDraft)["requestBody"]["content"]
    assert content.keys() == {"application/merge-patch+json", "application/json"}
    schema = content["application/json"]["schema"]
    assert (schema["title"], schema["additionalProperties"]) == ("ThingPatch", False)
    assert schema["properties"].keys() == ThingDraft.model_fields.keys()
    assert "required" not in schema
    assert schema["properties"]["label"]["type"] == "string"
    size, null = schema["properties"]["size"]["anyOf"]
    assert (size["type"], null) == ("integer", {"type": "null"})
    assert "default" not in size  # what is left out stays as it is
    place, null = schema["properties"]["place"]["anyOf"]
    assert (place["properties"].keys(), null) == (Place.model_fields.keys(), {"type": "null"})
    assert "required" not in place
    tags, _ = schema["properties"]["tags"]["anyOf"]
    assert tags["items"]["required"] == ["street"]
