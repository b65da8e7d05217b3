"""Accounts of the product's own: projects with them are whole, and people sign in to running ones."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from copies import Generate
from live import Running, asks_without_proof, eventually, logged, running
from projects import UV, check_whole_and_in_step, environment, free_port_base, model, run
from samples import sampled

BOARD: dict[str, object] = {
    "project_name": "Notice board",
    "concept": "Neighbours put up notices.",
    "personas": [{"name": "Neighbour", "goal": "find a bicycle"}, {"name": "Caretaker", "goal": "keep order"}],
    "services": ["board: keeps notices"],
    "data_entities": ["board.Notice(author: uuid? system, title: str)"],
    "access": ["Notice: create Neighbour, read owner | Caretaker, list owner | Caretaker, delete owner; owner: author"],
    "api_auth": "accounts",
    "architecture_style": "services",
    "storage_kind": "sqlite",
}
PASSWORD = "correct horse battery"


@pytest.mark.parametrize(
    "chosen",
    sampled(
        [
            {"storage_kind": "postgres"},
            {"topology": "gateway"},
            {"architecture_style": "modular_monolith", "api_versioning": "header"},
            {"storage_kind": "files"},
            {"api_auth": "session"},
            {"api_auth": "session", "topology": "gateway", "service_auth": "signed_tokens", "logging": "plain"},
            {"api_auth": "session", "architecture_style": "modular_monolith", "api_versioning": "header"},
        ],
        3,
    ),
    ids=lambda it: "-".join(map(str, it.values())),
)
def test_a_project_with_accounts_is_whole(generate: Generate, chosen: dict[str, object]) -> None:
    project = generate(BOARD | chosen)
    check_whole_and_in_step(project)


def command(path: Path, *arguments: str, password: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [UV, "run", "--quiet", "accounts", *arguments],
        cwd=path,
        env=environment(),
        input=f"{password}\n",
        capture_output=True,
        text=True,
        timeout=60,
    )


class Person:
    """Somebody with an account."""

    def __init__(self, http: httpx2.Client, identity: str, email: str) -> None:
        self.http, self.identity, self.email = http, identity, email
        self.tokens: dict[str, Any] = {}

    def logs_in(self, password: str = PASSWORD) -> int:
        return self._kept(self.asks("logins", email=self.email.upper(), password=password))

    def refreshes(self) -> int:
        return self._kept(self.asks("logins/refresh", refresh_token=self.tokens["refresh_token"]))

    def asks(self, path: str, **body: str) -> httpx2.Response:
        return self.http.post(f"{self.identity}/{path}", json=body)

    def _kept(self, response: httpx2.Response) -> int:
        if response.is_success:
            self.tokens = response.json()
        return response.status_code

    @property
    def proof(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}


@contextmanager
def served(path: Path, log: Path) -> Iterator[tuple[Running, httpx2.Client, str, str]]:
    """A project that runs, somebody who calls it, and where callers reach its notices and its accounts."""
    project = model(path)
    by_name = {it.name: it for it in project.product.services}
    things, identity = (f"{project.public_url(by_name[it])}/v1" for it in ("board", "identity"))
    with running(path, log, "dev") as dev, httpx2.Client(timeout=20) as http:
        for service in by_name:
            eventually(partial(ready, http, project.url(service)), within=60)
        yield dev, http, things, identity


@pytest.mark.parametrize("topology", sampled(["direct", "gateway"], 1))
def test_people_sign_in_and_have_what_is_theirs(generate: Generate, tmp_path: Path, topology: str) -> None:
    path = generate(BOARD | {"topology": topology, "port_base": free_port_base(5)})
    with served(path, tmp_path / "log") as (dev, http, things, identity):
        for email, roles in (("ada@site.example", ("--role", "neighbour")), ("zoe@site.example", ())):
            made = command(path, "add", email, *roles, password=PASSWORD)
            assert made.returncode == 0, made.stderr
        twice = command(path, "add", "ada@site.example", password=PASSWORD)
        assert (twice.returncode, "another record has this value" in twice.stderr) == (1, True)
        short = command(path, "add", "eve@site.example", password="short")
        assert (short.returncode, "at least 15" in short.stderr) == (1, True)
        assert command(path, "grant", "nobody@site.example", "neighbour").returncode == 1
        ada, zoe = (Person(http, identity, f"{it}@site.example") for it in ("ada", "zoe"))
        assert [ada.logs_in(), zoe.logs_in(), zoe.logs_in("something else")] == [201, 201, 401]
        tried = asks_without_proof(things.removesuffix("/v1"), ada.proof, "notices")
        assert tried.returncode == 0, tried.stdout

        notice = http.post(f"{things}/notices", json={"title": "A bicycle"}, headers=ada.proof)
        assert notice.status_code == 201
        refused = http.post(f"{things}/notices", json={"title": "Mine"}, headers=zoe.proof)
        assert refused.status_code == 403
        one = f"{things}/notices/{notice.json()['id']}"
        own = http.get(f"{identity}/account", headers=ada.proof).json()
        assert notice.json()["author"] == own["id"]
        assert own["roles"] == ["neighbour"]
        assert [http.get(one, headers=it.proof).status_code for it in (ada, zoe)] == [200, 404]
        assert http.get(one).status_code == 401

        assert command(path, "grant", "zoe@site.example", "caretaker").returncode == 0
        assert zoe.refreshes() == 200
        assert http.get(one, headers=zoe.proof).status_code == 200
        first = dict(ada.tokens)
        assert ada.refreshes() == 200
        stolen = ada.asks("logins/refresh", refresh_token=first["refresh_token"])
        assert (stolen.status_code, ada.refreshes()) == (401, 401)
        logged(dev.log, "refresh_token_reused")

        asked = [ada.asks("accounts", email=it) for it in ("ada@site.example", "new@site.example")]
        assert {(it.status_code, it.content) for it in asked} == {(202, b"")}
        eventually(lambda: dev.output.count("mail_not_sent") == 2)
        secrets = (PASSWORD, *ada.tokens.values(), *zoe.tokens.values())
        assert not [it for it in map(str, secrets) if len(it) > 10 and it in dev.output]


class Browser:
    """What a browser sends of itself: the cookies that it keeps, and what its pages add."""

    def __init__(self, http: httpx2.Client) -> None:
        self.http = http
        self.cookies: dict[str, str] = {}
        self.csrf_token = self.token = ""

    def asks(self, method: str, url: str, **more: Any) -> httpx2.Response:
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        sent |= {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers = {**sent, "X-CSRF-Token": self.csrf_token, **more.pop("headers", {})}
        response = self.http.request(method, url, headers=headers, **more)
        self.cookies |= dict(response.cookies)
        self.http.cookies.clear()
        if response.content and "csrf_token" in response.json():
            self.csrf_token = response.json()["csrf_token"]
        return response


@pytest.mark.parametrize("topology", sampled(["direct", "gateway"], 1))
def test_browsers_sign_in_and_are_out_at_once(generate: Generate, tmp_path: Path, topology: str) -> None:
    path = generate(BOARD | {"api_auth": "session", "topology": topology, "port_base": free_port_base(5)})
    with served(path, tmp_path / "log") as (dev, http, things, identity):
        made = command(path, "add", "ada@site.example", "--role", "neighbour", password=PASSWORD)
        assert made.returncode == 0, made.stderr
        common = command(path, "add", "eve@site.example", password="qwertyuiopasdfgh")
        assert (common.returncode, "guessed early" in common.stderr) == (1, True)
        proof = {"email": "ada@site.example", "password": PASSWORD}
        ada, elsewhere = Browser(http), Browser(http)
        assert [it.asks("POST", f"{identity}/logins", json=proof).status_code for it in (ada, elsewhere)] == [201, 201]

        kept = "; ".join(f"{name}={value}" for name, value in ada.cookies.items())
        sent = {"Cookie": kept, "X-CSRF-Token": ada.csrf_token}
        tried = asks_without_proof(things.removesuffix("/v1"), sent, "notices")
        assert tried.returncode == 0, tried.stdout

        notice = ada.asks("POST", f"{things}/notices", json={"title": "A bicycle"})
        assert notice.status_code == 201
        one = f"{things}/notices/{notice.json()['id']}"
        assert [it.asks("GET", one).status_code for it in (ada, elsewhere, Browser(http))] == [200, 200, 401]
        for forged in (
            {"X-CSRF-Token": ""},
            {"X-CSRF-Token": elsewhere.csrf_token},
            {"Origin": "https://evil.example"},
        ):
            refused = ada.asks("POST", f"{things}/notices", json={"title": "Forged"}, headers=forged)
            assert (refused.status_code, refused.json()["title"]) == (403, "Forbidden")
        login = http.post(f"{identity}/logins", json=proof, headers={"Sec-Fetch-Site": "cross-site"})
        assert (login.status_code, "Set-Cookie" in login.headers) == (403, False)

        assert command(path, "withdraw", "ada@site.example", "neighbour").returncode == 0
        assert ada.asks("POST", f"{things}/notices", json={"title": "Another"}).status_code == 403
        assert command(path, "grant", "ada@site.example", "neighbour").returncode == 0
        stolen = dict(ada.cookies)
        assert ada.asks("DELETE", f"{identity}/session").status_code == 204
        ada.cookies = stolen
        assert [ada.asks("GET", one).status_code, elsewhere.asks("GET", one).status_code] == [401, 200]
        changed = elsewhere.asks(
            "PUT", f"{identity}/account/password", json={"current_password": PASSWORD, "password": f"{PASSWORD} 2"}
        )
        assert changed.status_code == 200
        assert elsewhere.asks("GET", one).status_code == 200
        assert elsewhere.asks("DELETE", f"{identity}/account/logins").status_code == 204
        assert elsewhere.asks("GET", one).status_code == 401
        secrets = (PASSWORD, *stolen.values(), *elsewhere.cookies.values(), ada.csrf_token)
        assert not [it for it in secrets if it and it in dev.output]


MEMBERS = BOARD | {
    "personas": ["Member: meets others", "Clerk: helps those who have no account"],
    "data_entities": [
        "board.Member(account: uuid? system, name: str pii, email: email pii unique)",
        "board.Notice(author: Member refuse, title: str)",
    ],
    "access": ["Member: create Member | Clerk, read owner; owner: account", "Notice: all Clerk"],
    "person": ["Member: anonymise", "Notice by author: delete"],
}
KILLED = """
import os, sys
from scripts import person
from services.board.models import Member
from services.common.transaction import Transaction

update = Transaction.update


async def stop(self, record, **values):
    if isinstance(record, Member):
        os._exit(9)
    return await update(self, record, **values)


Transaction.update = stop
sys.argv = ["person", "erase", "--yes", sys.argv[1]]
person.main()
"""


@pytest.mark.parametrize("api_auth", sampled(["accounts", "session"], 1))
def test_who_is_forgotten_has_no_account_any_more(generate: Generate, tmp_path: Path, api_auth: str) -> None:
    """Killed when all but the person's own record is done, the erasure is completed; others keep their accounts."""
    path = generate(MEMBERS | {"api_auth": api_auth, "port_base": free_port_base(5)})
    shutil.copy(path / ".env.example", path / ".env")

    def person(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [UV, "run", "--quiet", "person", *words],
            cwd=path,
            env=environment(),
            input="n\n",
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    with served(path, tmp_path / "log") as (_, http, things, identity):
        browsers = {}
        for name, role in (("ada", "member"), ("kim", "clerk")):
            made = command(path, "add", f"{name}@site.example", "--role", role, password=PASSWORD)
            assert made.returncode == 0, made.stderr
            browsers[name] = Browser(http)

        def logs_in(name: str) -> int:
            proof = {"email": f"{name}@site.example", "password": PASSWORD}
            answer = browsers[name].asks("POST", f"{identity}/logins", json=proof)
            browsers[name].token = answer.json().get("access_token", "")
            return answer.status_code

        def enters(by: str, name: str) -> str:
            body = {"name": name, "email": f"{name}@site.example"}
            made = browsers[by].asks("POST", f"{things}/members", json=body)
            assert made.status_code == 201, made.text
            return str(made.json()["id"])

        assert [logs_in("ada"), logs_in("kim"), logs_in("kim")] == [201, 201, 201]
        ada, eve, joe = enters("ada", "ada"), enters("kim", "eve"), enters("kim", "joe")
        exported = person("export", ada)
        assert exported.stderr == "identity: their account is ada@site.example\n"
        kept = json.loads(exported.stdout)["records"]["identity"]
        assert [it["email"] for it in kept["UserAccount"]] == ["ada@site.example"]
        assert {name: len(its) for name, its in kept.items()} == {"UserAccount": 1, "LoginSession": 1, "EmailToken": 0}
        assert "_hash" not in exported.stdout
        unknown = "identity: no account is known to be theirs; --account EMAIL names one\n"
        assert person("export", eve).stderr == unknown
        assert "nothing was erased" in person("erase", ada, code=1).stdout

        killed = [UV, "run", "--quiet", "python", "-c", KILLED, ada]
        assert subprocess.run(killed, cwd=path, env=environment(), stdout=subprocess.PIPE, timeout=60).returncode == 9
        assert [logs_in("ada"), logs_in("kim")] == [401, 201]
        told = person("erase", ada, "--yes").stdout
        assert told.startswith(unknown)
        assert "board: 1 Member anonymised, 0 Notice deleted\nidentity: 0 UserAccount deleted" in told
        assert "ada" not in person("export", ada).stdout

        assert person("erase", eve, "--account", "no@site.example", code=1).stdout.startswith(
            "identity: there is no account of no@site.example\n"
        )
        told = person("erase", joe, "--account", "KIM@site.example", "--yes").stdout
        logins = 3 if api_auth == "accounts" else 1  # a browser has one at a time
        assert f"identity: 1 UserAccount deleted, {logins} LoginSession deleted, 0 EmailToken deleted" in told
        assert ("ACCESS_TOKEN_MINUTES" in told) is (api_auth == "accounts")
        own = browsers["kim"].asks("GET", f"{identity}/account")
        assert (own.status_code, logs_in("kim")) == (401, 401)


def ready(http: httpx2.Client, url: str) -> bool:
    try:
        return http.get(f"{url}/health/ready").is_success
    except httpx2.TransportError:
        return False


def test_the_key_of_the_example_signs_for_this_machine_alone(generate: Generate) -> None:
    path = generate(BOARD)
    (key,) = run(path, "accounts", "new-key").split()
    named = f'{{"first": "{key}"}}'
    for keys, fault in (("{}", "Field required"), (named, "")):
        env = environment(SERVICE_KEY="k", IDENTITY_SIGNING_KEYS=keys, IDENTITY_DATABASE_URL="sqlite+aiosqlite://")
        check = "from services.common.config import load_settings; from services.identity.login import signing"
        checked = subprocess.run(
            [UV, "run", "--quiet", "python", "-c", f"{check}; signing.signing_keys(load_settings())"],
            cwd=path,
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (checked.returncode != 0, fault in checked.stderr) == (bool(fault), True), checked.stderr
    example = (path / ".env.example").read_text("utf-8")
    (path / ".env").write_text(example.replace("dev-service-key", "another"))
    refused = subprocess.run(
        [UV, "run", "--quiet", "serve", "identity", "--host", "0.0.0.0"],
        cwd=path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (refused.returncode, "development is that of .env.example" in refused.stderr) == (1, True), refused.stderr
