"""The clinic's access matrix over HTTP: what its answers say of each persona is what its running services do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from copies import Generate
from groundplan.domain import Entity
from live import Caller, Ids, draft, in_order, running
from projects import REPOSITORY, answers
from test_services_live import drop_databases, make_site

CLINIC = answers(REPOSITORY / "examples" / "clinic.yml")
PERSONAS = ("Patient", "Practitioner", "Desk", "Insurance company", "nobody")
"""As the answers name them; the last is a caller with a key and no role."""
METHODS = {"create": ("POST",), "read": ("GET", "LIST"), "update": ("PUT", "PATCH"), "delete": ("DELETE",)}
"""What a verb of the matrix opens; of records in general, and where it says `read`, of their list."""


def matrix() -> dict[tuple[str, str], set[str]]:
    """Who may, by entity and method, read from the answers as a person reads them."""
    found: dict[tuple[str, str], set[str]] = {}
    lines = CLINIC["access"]
    assert isinstance(lines, list)
    for line in lines:
        entity, _, rights = line.partition(";")[0].partition(":")
        for right in rights.split(","):
            verb, _, who = right.strip().partition(" ")
            for method in METHODS[verb]:
                found[entity, method] = {it.strip() for it in who.split("|")}
    return found


ALLOWED = matrix()
OWNED = [entity for entity, method in ALLOWED if method == "GET" and "owner" in ALLOWED[entity, method]]


class Clinic:
    """The running clinic, with the key of a caller for each persona."""

    def __init__(self, caller: Caller) -> None:
        self.caller, self.product = caller, caller.product
        self.ids: Ids = {}
        for entity in in_order(self.product):  # by a service, which may do everything
            made = caller.call(entity, "POST", json=draft(self.product, entity.sent, self.ids))
            assert made.status_code == 201, made.text
            self.ids[entity.name] = made.json()["id"]

    def ask(self, who: str, method: str, entity: Entity, id: str = "") -> httpx2.Response:
        """Do something with a record of an entity, as it stands where it is changed."""
        record = "" if method in ("POST", "LIST") else id or self.ids[entity.name]
        headers = {"X-API-Key": key(who)}
        sent: dict[str, object] = {}
        if method in ("PUT", "PATCH", "DELETE"):
            headers["If-Match"] = self.caller.call(entity, "GET", record).headers["ETag"]
        if method in ("POST", "PUT"):
            sent["json"] = draft(self.product, entity.sent, self.ids)
        if method == "PATCH":
            headers["Content-Type"] = "application/merge-patch+json"
            sent["content"] = "{}"
        return self.caller.call(entity, "GET" if method == "LIST" else method, record, headers=headers, **sent)

    def new(self, who: str, entity: Entity) -> str:
        """The id of a record that a caller creates."""
        made = self.ask(who, "POST", entity)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])


def key(who: str) -> str:
    return f"the-key-of-{who.lower().replace(' ', '-')}"


@pytest.fixture(scope="module")
def clinic(generate: Generate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    site = make_site(generate, CLINIC)
    keys = {who.lower(): key(who) for who in PERSONAS}
    roles = {who.lower(): [who.lower().replace(" ", "_")] for who in PERSONAS[:-1]}
    settings = site.databases | {"API_KEYS": json.dumps(keys), "API_KEY_ROLES": json.dumps(roles)}
    log: Path = tmp_path_factory.mktemp("clinic") / "log"
    try:
        with running(site.path, log, "dev", **settings), Caller(site.project) as caller:
            caller.wait()
            yield Clinic(caller)
    finally:
        drop_databases(site)


@pytest.mark.parametrize("who", PERSONAS)
def test_each_persona_does_with_records_of_others_what_the_answers_say(clinic: Clinic, who: str) -> None:
    for (name, method), allowed in ALLOWED.items():
        entity = clinic.product.entities[name]
        record = clinic.new("Desk", entity) if method == "DELETE" else ""
        done = clinic.ask(who, method, entity, record)
        expected = 403
        if who in allowed:
            expected = {"POST": 201, "DELETE": 204}.get(method, 200)
        elif "owner" in allowed:  # whether there is such a record is a secret, and its list has no other's
            expected = 200 if method == "LIST" else 404
        assert done.status_code == expected, (who, method, name, done.text)
        if method == "LIST" and who not in allowed and done.is_success:
            assert {it["booker"] for it in done.json()["items"]} <= {who.lower()}, (who, name)


@pytest.mark.parametrize("who", PERSONAS)
def test_what_the_answers_do_not_open_is_closed(clinic: Clinic, who: str) -> None:
    """Verbs that no line opens, and entities of internal services, whose key a persona does not have."""
    tried = 0
    for entity in clinic.product.entities.values():
        for method in ("POST", "GET", "LIST", "PUT", "PATCH", "DELETE"):
            if (entity.name, method) in ALLOWED:
                continue
            done = clinic.ask(who, method, entity)
            internal = clinic.product.by_name[entity.service].exposure == "internal"
            assert done.status_code == (401 if internal else 403), (who, method, entity.name, done.text)
            tried += 1
    assert tried > 20


@pytest.mark.parametrize("name", OWNED)
def test_who_creates_a_record_owns_it(clinic: Clinic, name: str) -> None:
    entity = clinic.product.entities[name]
    for who in ALLOWED[name, "POST"] - ALLOWED[name, "GET"]:
        own = clinic.new(who, entity)
        others = [it for it in PERSONAS if it not in (who, *ALLOWED[name, "GET"])]
        assert clinic.ask(who, "GET", entity, own).status_code == 200
        assert own in {it["id"] for it in clinic.ask(who, "LIST", entity).json()["items"]}
        for other in others:
            assert clinic.ask(other, "GET", entity, own).status_code == 404
            assert clinic.ask(other, "DELETE", entity, own).status_code == 404
            assert own not in {it["id"] for it in clinic.ask(other, "LIST", entity).json()["items"]}
        assert clinic.ask(who, "PATCH", entity, own).status_code == 200
        assert clinic.ask(who, "DELETE", entity, own).status_code == 204
