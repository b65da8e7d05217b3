"""A product that serves several organisations: none reaches what belongs to another, by whatever way it tries."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from copies import Generate, Reanswer
from live import eventually, running
from projects import UV, check_whole_and_in_step, environment, free_port_base, model, need_postgres, run
from samples import sampled
from test_accounts import PASSWORD, Browser, command, ready
from test_migrations import Shop

PRACTICE: dict[str, object] = {
    "project_name": "Practice",
    "concept": "Clinics keep their patients apart, and share a list of drugs.",
    "personas": ["Doctor: treats patients", "Auditor: looks"],
    "architecture_style": "services",
    "storage_kind": "sqlite",
    "api_auth": "api_key",
    "services": [
        {
            "name": "records",
            "responsibility": "keeps patients",
            "publishes": ["patient.admitted(name) on create Patient"],
        },
        {
            "name": "visits",
            "responsibility": "keeps visits",
            "depends_on": ["records"],
            "subscribes": ["on patient.admitted: create Note(about: name)"],
        },
    ],
    "data_entities": [
        "records.Patient(name: str, code: str unique, phone: str? pii); list(name; sort code; search name)",
        "records.Contact(patient: Patient cascade, phone: str pii)",
        "records.Greeting(text: str, seen: int)",
        "records.Drug(name: str unique)",
        "visits.Visit(patient: Patient, drug: Drug?, reason: str)",
        "visits.Note(about: str)",
    ],
    "access": [f"{it}: all Doctor" for it in ("Patient", "Contact", "Greeting", "Drug", "Visit", "Note")],
    "audit": ["Patient: read Auditor", "Drug"],
    "jobs": ["records: greet on create Patient", "visits: sweep daily at 03:00"],
    "retention": ["Contact: delete 30 days after created_at"],
    "tenants": "Clinic; shared: Drug",
}
COPIES = [
    PRACTICE["services"][0],  # type: ignore[index]
    {
        "name": "visits",
        "responsibility": "keeps visits",
        "subscribes": ["keep Patient", "keep Drug", "on patient.admitted: create Note(about: name)"],
    },
]
STAY = {
    "data_entities": [
        *PRACTICE["data_entities"],  # type: ignore[misc]
        "visits.Stay(patient: uuid, status: open|kept|lost = open)",
        "records.Booking(patient: uuid)",
    ],
    "access": "tbd",
    "workflows": ["keep_stay on create Stay: Booking(patient: patient); done: status = kept; undone: status = lost"],
}

JOB = """
from services.common.jobs.jobs import JobContext
from services.records.hooks import GreetJobHooks
from services.records.models import GreetingDraft, Patient


class GreetJob(GreetJobHooks):
    async def run(self, subject: Patient, context: JobContext, /) -> None:
        seen = [it.id async for it in context.each(Patient)]
        context.create(GreetingDraft(text=subject.name, seen=len(seen)))
"""


@pytest.mark.parametrize(
    "chosen",
    sampled(
        [
            pytest.param(
                {"architecture_style": "modular_monolith", "encryption": "fields", "services": COPIES}, id="monolith"
            ),
            pytest.param({"storage_kind": "files", "services": COPIES, "api_auth": "oidc"}, id="files"),
            pytest.param(
                {
                    "failure_isolation": "degrade",
                    "storage_kind": "postgres",
                    "job_management": "queue",
                    "topology": "gateway",
                    "encryption": "fields",
                },
                id="postgres",
            ),
            pytest.param(STAY, id="workflow"),
            pytest.param({"api_auth": "accounts", "storage_kind": "files"}, id="accounts"),
            pytest.param({"api_auth": "session", "topology": "gateway"}, id="sessions"),
        ],
        2,
    ),
)
def test_a_project_of_each_kind_is_whole(generate: Generate, chosen: dict[str, object]) -> None:
    if chosen.get("storage_kind") == "postgres":
        need_postgres()
    project = generate(PRACTICE | chosen)
    check_whole_and_in_step(project)


class Practice:
    """Its services as they run, and the callers of two clinics."""

    def __init__(self, path: Path) -> None:
        project = model(path)
        self.urls = {it: project.url(it) for it in ("records", "visits")}
        self.http = httpx2.Client(timeout=20)

    def ask(self, caller: str, method: str, path: str, **options: Any) -> httpx2.Response:
        service, _, rest = path.partition("/")
        headers = {"X-API-Key": f"key-of-{caller}", "X-Tenant": "east"} | options.pop("headers", {})
        return self.http.request(method, f"{self.urls[service]}/v1/{rest}", headers=headers, **options)

    def create(self, caller: str, path: str, **draft: object) -> dict[str, Any]:
        answer = self.ask(caller, "POST", path, json=draft)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def items(self, caller: str, path: str) -> list[dict[str, Any]]:
        return list(self.ask(caller, "GET", path).raise_for_status().json()["items"])

    def ready(self, service: str) -> bool:
        try:
            return self.http.get(f"{self.urls[service]}/health/ready").is_success
        except httpx2.TransportError:
            return False


@pytest.fixture(scope="module")
def practice(generate: Generate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    path = generate(PRACTICE | {"port_base": free_port_base(2)})
    (path / "services" / "records" / "greet.py").write_text(JOB, encoding="utf-8")
    names = ("east", "west", "nobody")
    settings = {
        "API_KEYS": json.dumps({it: f"key-of-{it}" for it in names}),
        "API_KEY_ROLES": json.dumps({it: ["doctor", "auditor"] for it in names}),
        "API_KEY_TENANTS": json.dumps({"east": "east", "west": "Wést & Söhne"}),
        "OUTBOX_POLL_S": "0.2",
    }
    with running(path, tmp_path_factory.mktemp("logs") / "dev.log", "dev", **settings) as it:
        found = Practice(path)
        try:
            for service in found.urls:
                eventually(lambda name=service: found.ready(name), within=90)  # type: ignore[misc]
        except AssertionError:
            raise AssertionError(it.output[-3000:]) from None
        yield found
        found.http.close()


def test_two_clinics_do_not_reach_each_other(practice: Practice) -> None:
    create, ask = practice.create, practice.ask
    drug = create("east", "records/drugs", name="Salt")
    east = create("east", "records/patients", name="Ann of the east", code="1", phone="1")
    path, current = f"records/patients/{east['id']}", {"If-Match": '"1"'}
    west = create("west", "records/patients", name="Bo", code="1")
    assert (east["tenant"], west["tenant"]) == ("east", "Wést & Söhne")

    for method, end in (("GET", ""), ("PUT", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/history")):
        body = {"json": {"name": "stolen", "code": "2"}} if method in ("PUT", "PATCH") else {}
        answer = ask("west", method, path + end, headers=current, **body)
        assert (method, end, answer.status_code) == (method, end, 404)
    first = f"?after={UUID(int=0)}"
    for query in ("", "?name=Ann of the east", "?search=Ann", "?sort=code", first):
        assert east["id"] not in ask("west", "GET", f"records/patients{query}").text
    assert ask("east", "GET", path).json() == east

    visit, contact = {"patient": east["id"], "reason": "x"}, {"patient": east["id"], "phone": "1"}
    for draft, place in ((visit, "visits/visits"), (contact, "records/contacts")):
        answer = ask("west", "POST", place, json=draft)
        assert (answer.status_code, "there is no record" in answer.text) == (409, True)
        create("east", place, **draft)
    create("west", "visits/visits", patient=west["id"], drug=drug["id"], reason="x")
    for told, status, field in (
        ({"name": "x", "code": "9", "tenant": "east"}, 422, "body.tenant"),
        ({"name": "x", "code": "1"}, 409, "body.code"),
    ):
        answer = ask("west", "POST", "records/patients", json=told)
        assert (answer.status_code, [it["field"] for it in answer.json()["errors"]]) == (status, [field])


def test_a_key_that_names_no_clinic_reaches_what_is_shared_alone(practice: Practice) -> None:
    for place in ("records/patients", "records/contacts", "visits/visits", "visits/notes"):
        for headers in ({}, {"X-Tenant": "east"}):
            assert practice.ask("nobody", "GET", place, headers=headers).status_code == 403
    assert practice.ask("nobody", "POST", "records/patients", json={"name": "x", "code": "x"}).status_code == 403
    assert practice.ask("nobody", "GET", "records/drugs").status_code == 200


def test_events_and_jobs_work_for_the_clinic_of_their_record(practice: Practice) -> None:
    made = practice.create("west", "records/patients", name="Cy of the west", code="7")
    practice.create("west", "records/patients", name="Di of the west", code="8")

    def told(caller: str, place: str, field: str) -> list[Any]:
        return [it[field] for it in practice.items(caller, place) if it[field].endswith("of the west")]

    for place, field in (("visits/notes", "about"), ("records/greetings", "text")):
        eventually(lambda a=place, b=field: len(told("west", a, b)) == 2)  # type: ignore[misc]
        assert told("east", place, field) == []
    seen = {it["seen"] for it in practice.items("west", "records/greetings")}
    assert max(seen) == len(practice.items("west", "records/patients"))
    assert made["id"] not in practice.ask("east", "GET", "records/patients").text


def test_a_key_is_repeated_by_its_own_clinic_alone(practice: Practice) -> None:
    headers, draft = {"Idempotency-Key": "the same"}, {"name": "Eve", "code": "eve"}
    first, again = (practice.ask("east", "POST", "records/patients", json=draft, headers=headers) for _ in range(2))
    other = practice.ask("west", "POST", "records/patients", json=draft, headers=headers)
    assert first.json() == again.json()
    assert first.json()["id"] != other.json()["id"]


@pytest.mark.parametrize("api_auth", sampled(["accounts", "session"], 1))
def test_an_account_is_of_one_clinic_and_a_stranger_of_none(generate: Generate, tmp_path: Path, api_auth: str) -> None:
    path = generate(PRACTICE | {"api_auth": api_auth, "port_base": free_port_base(3)})
    project = model(path)
    records, identity = (f"{project.url(it)}/v1" for it in ("records", "identity"))
    with running(path, tmp_path / "log", "dev"), httpx2.Client(timeout=20) as http:
        for service in ("records", "identity"):
            eventually(partial(ready, http, project.url(service)), within=90)
        names = {"east": ("--tenant", "east"), "west": ("--tenant", "Wést & Söhne"), "stranger": ()}
        browsers = {name: Browser(http) for name in names}

        def logs_in(name: str) -> None:
            proof = {"email": f"{name}@site.example", "password": PASSWORD}
            answer = browsers[name].asks("POST", f"{identity}/logins", json=proof)
            assert answer.status_code == 201, answer.text
            browsers[name].token = answer.json().get("access_token", "")

        def asks(name: str, method: str, place: str, **more: Any) -> httpx2.Response:
            return browsers[name].asks(method, f"{records}/{place}", headers={"X-Tenant": "east"}, **more)

        for name, tenant in names.items():
            made = command(path, "add", f"{name}@site.example", "--role", "doctor", *tenant, password=PASSWORD)
            assert (made.returncode, (tenant or ("", "no tenant"))[1] in made.stdout) == (0, True), made.stderr
            logs_in(name)
        assert command(path, "add", "x@site.example", "--tenant", "x" * 256, password=PASSWORD).returncode == 2

        draft = {"name": "Ann of the east", "code": "1"}
        ann = asks("east", "POST", "patients", json=draft).json()
        assert ann["tenant"] == "east"
        assert asks("west", "POST", "patients", json=draft).json()["tenant"] == "Wést & Söhne"
        one = f"patients/{ann['id']}"
        told = [asks(name, "GET", one).status_code for name in names]
        assert told == [200, 404, 403]
        assert asks("west", "DELETE", one).status_code in (404, 412, 428)
        assert ann["id"] not in asks("west", "GET", "patients").text
        assert [asks("stranger", "GET", it).status_code for it in ("patients", "contacts", "drugs")] == [403, 403, 200]

        assert command(path, "assign", "stranger@site.example", "east").returncode == 0
        logs_in("stranger")
        assert asks("stranger", "GET", one).status_code == 200
        assert command(path, "assign", "stranger@site.example", "").returncode == 0
        logs_in("stranger")
        assert asks("stranger", "GET", one).status_code == 403


KEPT = {
    "project_name": "Changing shop",
    "concept": "Keeps things.",
    "services": ["shop: keeps things"],
    "architecture_style": "services",
    "api_auth": "api_key",
}


@pytest.fixture(params=sampled(["sqlite", "files"], 1))
def shop(request: pytest.FixtureRequest, generate: Generate, reanswer: Reanswer, tmp_path: Path) -> Shop:
    kind = request.param
    path = generate(KEPT | {"storage_kind": kind, "data_entities": ["Book(title: str unique)", "Tag(word: str)"]})
    url = {"sqlite": f"sqlite+aiosqlite:///{tmp_path / 'shop.db'}", "files": f"file:{tmp_path / 'shop'}"}[kind]
    shutil.copy(path / ".env.example", path / ".env")
    return Shop(path, url, reanswer)


def test_old_records_are_given_to_one_and_taken_from_one_only(shop: Shop) -> None:
    def titles(tenant: str) -> list[object]:
        found = shop.call("GET", "books", headers={"X-Tenant": tenant})
        return [it["title"] for it in found["items"]] if "items" in found else [found["status"]]

    shop.migrate()
    shop.create("books", title="One")
    shop.create("tags", word="all")
    shop.reanswer(shop.path, tenants="Branch; shared: Tag")
    refusal = shop.refusal()
    assert "1 records in books belong to no tenant. Say to which: migrate --tenant NAME; nothing was changed" in refusal
    for name in ("n" * 256, " north", "nor\nth"):
        refused = subprocess.run(
            [UV, "run", "--quiet", "migrate", "--tenant", name],
            cwd=shop.path,
            env=shop.env,
            capture_output=True,
            text=True,
        )
        assert refused.returncode == 1
        assert refused.stderr.startswith(
            "migrate: --tenant: nothing can be called that. Fix: give it as callers have it"
        )
        assert refused.stderr.count("\n") == 1
    run(shop.path, "migrate", "--tenant", "north", env=shop.env)
    shop.migrate()
    assert (titles("north"), titles("south"), titles("")) == (["One"], [], [403])
    assert "id" in shop.call("POST", "books", json={"title": "One"}, headers={"X-Tenant": "south"})
    assert shop.call("POST", "books", json={"title": "One"}, headers={"X-Tenant": "south"})["status"] == 409
    shop.reanswer(shop.path, tenants={})
    assert "The records in books are those of 2 tenants, who would see each other's" in shop.refusal()
    shop.reanswer(shop.path, tenants="Branch; shared: Tag")
    shop.migrate()
    assert (titles("north"), titles("south")) == (["One"], ["One"])
    shop.reanswer(shop.path, tenants={})
    assert "The records in books are those of 2 tenants, who would see each other's" in shop.refusal()


def test_what_one_alone_has_is_kept_without_tenants(shop: Shop) -> None:
    shop.reanswer(shop.path, tenants="Branch; shared: Tag")
    shop.migrate()
    made = shop.call("POST", "books", json={"title": "One"}, headers={"X-Tenant": "north"})
    shop.reanswer(shop.path, tenants={})
    shop.migrate()
    assert shop.call("GET", f"books/{made['id']}")["title"] == "One"
    run(shop.path, "pytest", "-q", env=shop.env)


@pytest.mark.parametrize(
    ("file", "line", "instead"),
    [
        ("services/common/db/repository.py", "table.c.tenant == tenant", "table.c.tenant.is_not(None)"),
        ("services/common/api/dependencies.py", ".for_tenant(caller_of(request).tenant)", '.for_tenant("east")'),
        ("services/common/runtime.py", "if not self.tenant:", "if False:"),
        ("services/visits/models.py", "    tenant: common.ShortText", '    tenant: common.ShortText = ""'),
    ],
)
def test_who_takes_the_border_away_is_told(
    generate: Generate, edited: Callable[[Path, str, str], None], file: str, line: str, instead: str
) -> None:
    path = generate(PRACTICE)
    edited(path / file, line, instead)
    assert f"{file}: was edited" in told_by_check(path)


@pytest.fixture
def edited() -> Iterator[Callable[[Path, str, str], None]]:
    """Replace something in a file of a project, for the duration of a test."""
    before: dict[Path, str] = {}

    def edit(file: Path, line: str, instead: str) -> None:
        before[file] = file.read_text(encoding="utf-8")
        assert line in before[file]
        file.write_text(before[file].replace(line, instead), encoding="utf-8")

    yield edit
    for file, text in before.items():
        file.write_text(text, encoding="utf-8")


def told_by_check(path: Path) -> str:
    command = [UV, "run", "--quiet", "plan", "check", "--code"]
    return subprocess.run(command, cwd=path, env=environment(), capture_output=True, text=True, check=False).stdout
