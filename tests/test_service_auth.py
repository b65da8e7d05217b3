"""How services prove that they are services: projects of each option are whole, and refuse who is none."""

from __future__ import annotations

import json
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread

import httpx2
import pytest
from copier.errors import UserMessageError

from copies import Generate
from live import Running, eventually, logged, running
from projects import UV, check_whole_and_in_step, environment, free_port_base, model, run
from samples import sampled

STALL: dict[str, object] = {
    "project_name": "Stall",
    "concept": "A stall sells what it has.",
    "architecture_style": "services",
    "topology": "gateway",
    "storage_kind": "sqlite",
    "service_auth": "signed_tokens",
    "services": [
        {"name": "stock", "responsibility": "keeps things", "publishes": ["thing.came on create Thing"]},
        {
            "name": "orders",
            "responsibility": "sells them",
            "depends_on": ["stock"],
            "subscribes": ["on thing.came: create Notice(thing: id)"],
        },
    ],
    "data_entities": [
        "stock.Thing(label: str)",
        "orders.Order(thing: Thing, price: int)",
        "orders.Notice(thing: uuid)",
    ],
}
"""A call from `orders` to `stock`, an event the other way, and a gateway before both."""
Context = ssl.SSLContext | bool
"""With which certificates a program connects, and which it accepts."""
MUTUAL = {"service_auth": "mutual_tls"}
ALONE = {"distribution": "personal", "deploy_target": "local", "encryption": "none"}


@pytest.mark.parametrize(
    "chosen",
    sampled(
        [
            {},
            {"api_auth": "oidc", "topology": "direct"},
            {"api_auth": "oidc"},
            {"architecture_style": "modular_monolith", "topology": "direct"},
            {"api_auth": "none", **ALONE},
            {"services": ["stock: keeps things"], "data_entities": ["stock.Thing(label: str)"], "topology": "direct"},
            {"service_auth": "service_key"},
            {"service_auth": "network"},
            {"service_auth": "network", "api_auth": "accounts"},
            MUTUAL,
            MUTUAL | {"api_auth": "accounts", "topology": "direct"},
            MUTUAL | {"api_auth": "session"},
        ],
        3,
    ),
    ids=lambda it: "-".join(map(str, [*it.values()][:2])) or "gateway",
)
def test_a_project_of_each_option_is_whole(generate: Generate, chosen: dict[str, object]) -> None:
    project = generate(STALL | chosen)
    check_whole_and_in_step(project)


def is_let_in(url: str, context: Context) -> bool:
    """Whether a process answers at all."""
    try:
        return httpx2.get(f"{url}/health/live", verify=context, timeout=20).is_success
    except httpx2.TransportError:
        return False


class Stall:
    """Its processes, each with settings of its own."""

    def __init__(self, path: Path, logs: Path, stack: ExitStack, outside: Context, inside: Context) -> None:
        self.path = path
        self.logs = logs
        self.stack = stack
        self.project = model(path)
        gateway = self.project.gateway
        assert gateway
        self.urls = {it: self.project.url(it) for it in ("stock", "orders")} | {gateway.name: gateway.url}
        self.running: dict[str, ExitStack] = {}
        caller = httpx2.Client(timeout=20, headers={"X-API-Key": "dev-key"}, verify=outside)
        self.http = stack.enter_context(caller)
        self.inside = inside
        self.front = gateway.url

    def start(self, name: str, settings: Mapping[str, str]) -> Running:
        """Start a process, in place of the one that runs."""
        if name in self.running:
            self.running.pop(name).close()
        own = self.running[name] = self.stack.enter_context(ExitStack())
        it = own.enter_context(running(self.path, self.logs / name, "serve", name, **settings))
        eventually(lambda: self.answers(name), within=60)
        return it

    def answers(self, name: str) -> bool:
        return is_let_in(self.urls[name], self.inside)

    def thing(self, label: str) -> str:
        """Store a thing, as a caller from outside; its id."""
        made = self.http.post(f"{self.front}/stock/v1/things", json={"label": label})
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    def order(self, thing: str) -> int:
        """Order it, for which `orders` asks `stock`; the status of the answer."""
        return self.http.post(f"{self.front}/orders/v1/orders", json={"thing": thing, "price": 1}).status_code

    def noticed(self, thing: str) -> bool:
        """Whether `orders` has heard of a thing, by an event."""
        listed = self.http.get(f"{self.front}/orders/v1/notices").json()["items"]
        return thing in [it["thing"] for it in listed]


@contextmanager
def stall(path: Path, logs: Path, outside: Context = True, inside: Context = True) -> Iterator[Stall]:
    with ExitStack() as stack:
        yield Stall(path, logs, stack, outside, inside)


def keys(path: Path, *processes: str, known: str = "{}") -> tuple[dict[str, str], str]:
    """The private keys that the command makes, by process, and the list of public ones."""
    printed = run(path, "service-keys", *processes, env=environment(SERVICE_KEYS=known)).splitlines()
    names = [it.removeprefix("# Secret, for ").partition(" ")[0] for it in printed if "Secret" in it]
    values = [it.partition("=")[2] for it in printed if it.startswith("SERVICE_PRIVATE_KEY=")]
    return dict(zip(names, values, strict=True)), printed[-1].partition("=")[2]


def test_each_process_has_a_key_of_its_own_which_can_be_replaced(generate: Generate, tmp_path: Path) -> None:
    path = generate(STALL | {"port_base": free_port_base(5)})
    private, public = keys(path)
    assert {*private} == {"stock", "orders", "api-gateway"} == {*json.loads(public)}
    run(path, "migrate", env=environment(SERVICE_PRIVATE_KEY=private["stock"], SERVICE_KEYS=public, API_KEYS="{}"))

    def settings(name: str, key: str = "", known: str = public) -> dict[str, str]:
        callers = {"API_KEYS": '{"developer": "dev-key"}', "API_KEY_ROLES": '{"developer": ["administrator"]}'}
        fast = {"OUTBOX_POLL_S": "0.2"}
        return callers | fast | {"SERVICE_PRIVATE_KEY": key or private[name], "SERVICE_KEYS": known}

    with stall(path, tmp_path) as it:
        for name in private:
            it.start(name, settings(name))
        thing = it.thing("one")
        assert it.order(thing) == 201
        eventually(lambda: it.noticed(thing), within=60)
        logged(tmp_path / "stock", '"caller": "orders"', '"caller": "developer"')

        # Who has another key is no service, whatever it calls itself.
        strange, _ = keys(path, "orders")
        it.start("orders", settings("orders", strange["orders"]))
        assert it.order(thing) == 503
        # The next key is known before it is used, and the last one is forgotten after that.
        following, both = keys(path, "orders", known=public)
        only = json.dumps(json.loads(both) | {"orders": json.loads(both)["orders"][:1]})
        it.start("orders", settings("orders"))
        for name in ("stock", "api-gateway"):
            it.start(name, settings(name, known=both))
            assert it.order(thing) == 201
        it.start("orders", settings("orders", following["orders"], both))
        assert it.order(thing) == 201
        it.start("stock", settings("stock", known=only))
        assert it.order(thing) == 201
        later = it.thing("two")
        eventually(lambda: it.noticed(later), within=60)
        it.start("orders", settings("orders", known=only))
        assert it.order(thing) == 503


def test_the_example_key_stays_on_the_machine(generate: Generate) -> None:
    path = generate(STALL)
    callers = {"API_KEYS": '{"ada": "a-key-of-ada-and-of-nobody-else"}'}
    private, public = keys(path, "stock")
    example = "a-key-for-development-which-everybody-knows"
    for settings, fault in (
        ({"SERVICE_PRIVATE_KEY": example}, "SERVICE_PRIVATE_KEY is that of .env.example, which is public."),
        ({"SERVICE_PRIVATE_KEY": "short"}, "SERVICE_PRIVATE_KEY is no key; the command service-keys makes one."),
        (
            {"SERVICE_PRIVATE_KEY": private["stock"], "SERVICE_KEYS": public[:-3] + '="]}'},
            "SERVICE_KEYS.stock is no key; the command service-keys makes one.",
        ),
        ({"SERVICE_PRIVATE_KEY": private["stock"], "SERVICE_KEYS": "none"}, "service_keys"),
    ):
        refused = subprocess.run(
            [UV, "run", "--quiet", "serve", "stock", "--host", "0.0.0.0"],
            cwd=path,
            env=environment(**callers, **settings),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (refused.returncode, fault in refused.stderr) == (1, True), refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1


def test_development_needs_no_keys_of_its_own(generate: Generate, tmp_path: Path) -> None:
    path = generate(STALL | {"port_base": free_port_base(5)})
    with stall(path, tmp_path) as it, running(path, tmp_path / "dev", "dev", OUTBOX_POLL_S="0.2"):
        for name in it.urls:
            eventually(lambda name=name: it.answers(name), within=60)  # type: ignore[misc]
        thing = it.thing("one")
        assert it.order(thing) == 201
        eventually(lambda: it.noticed(thing), within=60)
        # The keys are those that everybody knows: a proxy on this machine lets nobody in from elsewhere.
        for name, url in it.urls.items():
            for header in ({"X-Forwarded-For": "203.0.113.7"}, {"Host": "stall.example"}):
                refused = it.http.get(f"{url}/health/live", headers=header)
                assert refused.status_code == 503, name
                assert ".env.example, which is public" in refused.json()["detail"]


KNOWN = {"API_KEYS": '{"ada": "a-key-of-ada-and-of-nobody-else"}', "API_KEY_ROLES": '{"ada": ["administrator"]}'}
"""Settings with which processes are safe for whoever reaches them."""
ADA = {"X-API-Key": "a-key-of-ada-and-of-nobody-else"}


def from_address(address: str) -> httpx2.Client:
    """A program whose connections come from an address."""
    return httpx2.Client(transport=httpx2.HTTPTransport(local_address=address), timeout=20)


def test_who_calls_from_outside_the_network_is_no_service(generate: Generate, tmp_path: Path) -> None:
    path = generate(STALL | {"service_auth": "network", "port_base": free_port_base(5)})
    # Headers of proxies are believed by all that would believe them.
    settings = {"SERVICE_NETWORKS": '["127.0.0.1/32"]', "OUTBOX_POLL_S": "0.2", "FORWARDED_ALLOW_IPS": "*"}
    run(path, "migrate", env=environment(**KNOWN, **settings))
    with stall(path, tmp_path) as it, from_address("127.0.0.1") as inside, from_address("127.0.0.2") as outside:
        for name in it.urls:
            it.start(name, KNOWN | settings)
        it.http.headers.update(ADA)
        thing = it.thing("one")
        assert it.order(thing) == 201
        eventually(lambda: it.noticed(thing), within=60)

        things = f"{it.urls['stock']}/v1/things"
        claims = {"X-Service": "api-gateway", "X-Caller": '{"name": "eve", "is_service": false, "unrestricted": true}'}
        assert inside.get(things, headers={"X-Service": "orders"}).status_code == 200
        assert inside.get(things, headers=claims).status_code == 200
        proxies: tuple[dict[str, str], ...] = (
            {},
            {"X-Forwarded-For": "127.0.0.1"},
            {"Forwarded": "for=127.0.0.1"},
            {"X-Real-IP": "127.0.0.1"},
        )
        for said in ({}, ADA, {"X-Service": "orders"}, claims):
            for proxy in proxies:
                assert outside.get(things, headers=said | proxy).status_code == 401
        # The gateway drops what callers say of services, wherever they call from.
        for caller in (inside, outside):
            for said in ({"X-Service": "orders"}, claims):
                assert caller.get(f"{it.front}/stock/v1/things", headers=said).status_code == 401
                assert caller.get(f"{it.front}/stock/v1/things", headers=said | ADA).status_code == 200


@pytest.mark.parametrize(
    ("networks", "fault"),
    [
        ('["0.0.0.0/0"]', "SERVICE_NETWORKS: 0.0.0.0/0 has addresses that are not private."),
        ("[]", "SERVICE_NETWORKS is empty, so that no service would know another."),
        ('["10.0.0.1/8"]', "SERVICE_NETWORKS"),
        ("10.0.0.0/8", "service_networks"),
    ],
)
def test_a_network_that_is_none_starts_no_process(generate: Generate, networks: str, fault: str) -> None:
    path = generate(STALL | {"service_auth": "network"})
    refused = subprocess.run(
        [UV, "run", "--quiet", "serve", "stock"],
        cwd=path,
        env=environment(**KNOWN, SERVICE_NETWORKS=networks),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (refused.returncode, fault in refused.stderr) == (1, True), refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


ISSUE = """
import sys
from datetime import timedelta
from pathlib import Path
from scripts.certificates import Authority
from services.common.utils import now

folder = Path(sys.argv[1])
ours, next, theirs = Authority(), Authority(), Authority()
ended = now() - timedelta(minutes=1)
for name in ("stock", "orders", "api-gateway", "caller"):
    issued = {
        "first": (ours, ("127.0.0.1", name), None),
        "next": (next, ("127.0.0.1", name), None),
        "foreign": (theirs, ("127.0.0.1", name), None),
        "expired": (next, ("127.0.0.1", name), ended),
        "elsewhere": (next, (f"{name}.example",), None),
    }
    for kind, (issuer, names, until) in issued.items():
        (folder / name / kind).mkdir(parents=True)
        for file, content in zip(("cert.pem", "key.pem"), issuer.issue(*names, until=until)):
            (folder / name / kind / file).write_bytes(content)
(folder / "first.pem").write_bytes(ours.pem)
(folder / "both.pem").write_bytes(ours.pem + next.pem)
(folder / "next.pem").write_bytes(next.pem)
"""
"""Certificates of two authorities, one after the other, and such as nobody should accept."""
IDLE_S = 5.5
"""After which a connection that nobody uses has ended."""


class Platform:
    """What issues certificates, and puts them where processes find theirs."""

    def __init__(self, project: Path, folder: Path) -> None:
        self.issued, self.placed = folder / "issued", folder / "placed"
        run(project, "python", "-c", ISSUE, str(self.issued))

    def place(self, name: str, kind: str, trusted: str) -> dict[str, str]:
        """Give a process a certificate, in place of the one that it has; the settings that say where it is."""
        own = self.placed / name
        own.mkdir(parents=True, exist_ok=True)
        sources = {it: self.issued / name / kind / it for it in ("cert.pem", "key.pem")}
        for file, source in (sources | {"ca.pem": self.issued / f"{trusted}.pem"}).items():
            new = own / f"{file}.new"
            new.write_bytes(source.read_bytes())
            new.replace(own / file)
        files = {"TLS_CERT_FILE": "cert.pem", "TLS_KEY_FILE": "key.pem", "TLS_CA_FILE": "ca.pem"}
        return {setting: str(own / file) for setting, file in files.items()}

    def context(self, kind: str = "") -> ssl.SSLContext:
        """What a program connects with: with a certificate, or from outside."""
        it = ssl.create_default_context(cafile=str(self.issued / "both.pem"))
        if kind:
            folder = self.issued / "caller" / kind
            it.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        return it


def test_only_processes_of_the_project_are_let_in(generate: Generate, tmp_path: Path) -> None:
    path = generate(STALL | MUTUAL | {"port_base": free_port_base(5)})
    private, public = keys(path)
    platform = Platform(path, tmp_path)
    known = {"SERVICE_KEYS": public, "API_KEYS": '{"developer": "dev-key"}', "OUTBOX_POLL_S": "0.2"}
    known |= {"API_KEY_ROLES": '{"developer": ["administrator"]}', "CALLER_RATE": "1000.0"}
    settings = {
        name: known | {"SERVICE_PRIVATE_KEY": key} | platform.place(name, "first", "first")
        for name, key in private.items()
    }
    run(path, "migrate", env=environment(**settings["stock"]))
    with stall(path, tmp_path, platform.context(), platform.context("first")) as it:
        for name, given in settings.items():
            it.start(name, given)
        assert all(url.startswith("https://") for url in it.urls.values())
        thing = it.thing("one")
        assert it.order(thing) == 201
        eventually(lambda: it.noticed(thing), within=60)
        for name in ("stock", "orders"):
            assert is_let_in(it.urls[name], platform.context("first"))
            assert not is_let_in(it.urls[name].replace("https", "http"), True)
            for context in (platform.context(), platform.context("foreign"), platform.context("next")):
                assert not is_let_in(it.urls[name], context)
        # Callers from outside reach the gateway, and have no certificate.
        assert is_let_in(it.front, platform.context())

        # Another authority takes over while requests run, and nothing is started again.
        done, answers = Event(), list[int]()

        def ask() -> None:
            with httpx2.Client(headers=it.http.headers, verify=platform.context(), timeout=20) as outside:
                while not done.is_set():
                    sent = outside.post(f"{it.front}/orders/v1/orders", json={"thing": thing, "price": 1})
                    answers.append(sent.status_code)

        asking = Thread(target=ask)
        asking.start()
        for kind, trusted in (("first", "both"), ("next", "both"), ("next", "next")):
            for name in settings:
                platform.place(name, kind, trusted)
                time.sleep(0.5)
        done.set()
        asking.join()
        assert len(answers) > 20
        assert {*answers} == {201}
        time.sleep(IDLE_S)
        later = it.thing("two")
        eventually(lambda: it.noticed(later), within=60)
        for name in ("stock", "orders"):
            assert is_let_in(it.urls[name], platform.context("next"))
            assert not is_let_in(it.urls[name], platform.context("first"))

        # What a process is given that no other accepts keeps it from being heard, and from hearing.
        for name, kind in (("orders", "foreign"), ("orders", "expired"), ("stock", "elsewhere"), ("stock", "expired")):
            platform.place(name, kind, "next")
            time.sleep(IDLE_S)
            assert it.order(thing) >= 500
            platform.place(name, "next", "next")
            eventually(lambda: it.order(thing) == 201, within=90)


def test_a_process_without_certificates_does_not_start(generate: Generate) -> None:
    path = generate(STALL | MUTUAL)
    (path / ".env").write_bytes((path / ".env.example").read_bytes())
    refused = subprocess.run(
        [UV, "run", "--quiet", "serve", "stock"],
        cwd=path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    made = "TLS_CERT_FILE: var/certificates/process.pem is no file; `certificates` makes it for development."
    assert (refused.returncode, refused.stderr) == (1, f"Settings (see .env.example): {made}\n")


def test_services_of_one_process_have_no_calls_to_prove(generate: Generate) -> None:
    with pytest.raises(UserMessageError, match="architecture_style: Modular monolith is not possible: Mutual TLS"):
        generate(STALL | MUTUAL | {"architecture_style": "modular_monolith", "topology": "direct"})


FORGED = "eyJhbGciOiJFZERTQSIsImtpZCI6Im5vYm9keSJ9.e30.AAAA"
"""A token with a key that nobody has."""


@pytest.mark.parametrize(
    ("chosen", "sent", "refusal"),
    [
        (
            {"api_auth": "accounts", "topology": "direct"},
            {"Authorization": f"Bearer {FORGED}"},
            "not signed with a key of the provider",
        ),
        ({"api_auth": "session"}, {"Cookie": "__Host-session=nobody"}, "the session is missing, or has ended"),
    ],
)
def test_development_makes_its_own_certificates(
    generate: Generate, tmp_path: Path, chosen: dict[str, object], sent: dict[str, str], refusal: str
) -> None:
    path = generate(STALL | MUTUAL | chosen | {"port_base": free_port_base(5)})
    project = model(path)
    (stock, *_) = project.product.services
    things = f"{project.public_url(stock)}/v1/things"
    made = path / "var" / "certificates"
    with running(path, tmp_path / "dev", "dev", SESSION_OVER_HTTP="false"):
        eventually(lambda: all((made / it).is_file() for it in ("authority.pem", "process.pem")), within=60)
        context = ssl.create_default_context(cafile=str(made / "authority.pem"))
        eventually(lambda: is_let_in(project.entry_process.url, context), within=60)
        with httpx2.Client(verify=context, timeout=20) as http:
            # Whom a caller is, the accounts know, which answer processes of the project.
            eventually(lambda: refusal in http.get(things, headers=sent).text, within=60)
            claimed = http.get(things, headers={"X-Service-Token": "a-token"})
            assert claimed.status_code == 401
            assert "ServiceToken" not in claimed.headers["WWW-Authenticate"]
        page = httpx2.get(f"http://{project.host('page')}:{project.dashboard_port}", timeout=20).text
        assert page.count(">ready<") == len(project.processes)
        assert "Call with curl --cacert var/certificates/authority.pem, and --cert " in page


CHAIN: dict[str, object] = {
    "project_name": "Chain",
    "concept": "What is ordered is reserved, and what is reserved is charged.",
    "architecture_style": "services",
    "topology": "direct",
    "storage_kind": "sqlite",
    "api_auth": "oidc",
    "service_auth": "user_token",
    "personas": ["Buyer", "Clerk"],
    "services": [
        {"name": "orders", "responsibility": "takes orders", "depends_on": ["stock"]},
        {
            "name": "stock",
            "responsibility": "keeps things",
            "depends_on": ["billing"],
            "publishes": ["thing.came on create Thing"],
        },
        {
            "name": "billing",
            "responsibility": "charges",
            "subscribes": ["on thing.came: create Price(thing: id)"],
        },
    ],
    "data_entities": [
        "orders.Order(thing: Thing, label: str)",
        "stock.Thing(label: str)",
        "stock.Reservation(label: str, made_by: str? system)",
        "billing.Charge(label: str, made_by: str? system)",
        "billing.Price(thing: uuid)",
    ],
    "access": [
        "Order: create callers",
        "Thing: create Clerk, read Clerk",
        "Reservation: create Buyer, list owner, read owner; owner: made_by",
        "Charge: create callers, list owner, read owner; owner: made_by",
        "Price: list callers",
    ],
}
"""A rule of `orders` calls `stock`, one of `stock` calls `billing`, and an event goes there, too."""
ON_BEHALF = """
import asyncio

from services.{service}.hooks import {entity}Hooks


class {entity}Rules({entity}Hooks):
    async def before_create(self, draft, related):
        if draft.label == "slow":
            await asyncio.sleep(4)
        key = {{"Idempotency-Key": draft.label + self.caller.name}}
        await self.clients.{called}.request("POST", "/v1/{path}", json={{"label": draft.label}}, headers=key)
        return draft
"""
"""Rules that ask another service for more, on behalf of who asks."""
PROVIDER = """
import json, sys, time
from base64 import b64decode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote_plus, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

key = generate_private_key(public_exponent=65537, key_size=2048)
public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
published = {"keys": [public | {"kid": "one", "use": "sig", "alg": "RS256"}]}
clients = [f"chain-{it}" for it in ("orders", "stock", "billing")]
state = {"away": False, "asked": []}

def signed(**claims):
    usual = {"iss": url, "iat": int(time.time()), "exp": int(time.time()) + 300}
    return jwt.encode(usual | claims, key, "RS256", {"kid": "one"})

def issued(client, form):
    claims = {"sub": f"account-of-{client}", "azp": client, "aud": clients}
    if "exchange" in form["grant_type"]:
        claims = jwt.decode(form["subject_token"], key.public_key(), ["RS256"], {"verify_aud": False})
        if client not in [*claims["aud"], claims["azp"]]:
            return None
        claims = {it: claims[it] for it in ("sub", "roles") if it in claims}
        claims |= {"azp": client, "aud": [form["audience"]]}
    return signed(**claims)

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        path, query = urlsplit(self.path).path, dict(parse_qsl(urlsplit(self.path).query))
        if path == "/away":
            state["away"] = query["is"] == "yes"
        if path == "/user":
            roles, ends = query.get("roles", "").split(), int(query.get("ends", 300))
            claims = {"sub": query["sub"], "azp": "page", "aud": ["chain", *clients], "roles": roles}
            return self.say(200, {"token": signed(**claims, exp=int(time.time()) + ends)})
        known = {
            "/.well-known/openid-configuration": described,
            "/keys": published,
            "/asked": state["asked"],
        }
        self.say(200, known.get(path, {}))

    def do_POST(self):
        form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        if state["away"]:
            return self.say(503, {})
        client, _, secret = b64decode(self.headers["Authorization"].partition(" ")[2]).decode().partition(":")
        client, secret = unquote_plus(client), unquote_plus(secret)
        if client not in clients or secret != f"secret: {client}+100%":
            return self.say(401, {"error": "invalid_client"})
        token = issued(client, form)
        if token is None:
            return self.say(403, {"error": "access_denied"})
        state["asked"].append({"client": client, "token": token, **form})
        self.say(200, {"access_token": token, "token_type": "Bearer", "expires_in": 300})

    def say(self, status, told):
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
url = f"http://127.0.0.1:{sys.argv[1]}"
described = {"issuer": url, "jwks_uri": f"{url}/keys", "token_endpoint": f"{url}/token"}
server.serve_forever()
"""
"""A provider as Keycloak is: accounts of clients have names of their own, and exchanges alone narrow audiences."""


def test_a_service_far_behind_the_first_one_knows_for_whom_it_works(generate: Generate, tmp_path: Path) -> None:
    base = free_port_base(6)
    path = generate(CHAIN | {"port_base": base})
    for service, entity, called, route in (
        ("orders", "Order", "stock", "reservations"),
        ("stock", "Reservation", "billing", "charges"),
    ):
        rules = ON_BEHALF.format(service=service, entity=entity, called=called, path=route)
        (path / "services" / service / f"{entity.lower()}.py").write_text(rules, encoding="utf-8")
    names = ("orders", "stock", "billing")
    urls = {it: model(path).url(it) for it in names}
    issuer = f"http://127.0.0.1:{base + 5}"
    known = {
        "OIDC_ISSUER": issuer,
        "OIDC_AUDIENCE": "chain",
        "SERVICE_CLIENTS": json.dumps({it: f"chain-{it}" for it in names}),
        "SERVICE_SUBJECTS": json.dumps({it: f"account-of-chain-{it}" for it in names}),
        "OUTBOX_POLL_S": "0.2",
    }
    secrets = {it: {"SERVICE_CLIENT_SECRET": f"secret: chain-{it}+100%"} for it in names}
    run(path, "migrate", env=environment(**known, **secrets["stock"]))
    with ExitStack() as stack:
        stack.enter_context(running(path, tmp_path / "provider", "python", "-c", PROVIDER, str(base + 5)))
        for name in names:
            stack.enter_context(running(path, tmp_path / name, "serve", name, **known, **secrets[name]))
        http = stack.enter_context(httpx2.Client(timeout=20))
        for url in (issuer, *urls.values()):
            eventually(lambda url=url: is_let_in(url, True), within=60)  # type: ignore[misc]

        def user(sub: str, roles: str = "", ends: int = 300) -> dict[str, str]:
            asked = http.get(f"{issuer}/user", params={"sub": sub, "roles": roles, "ends": ends})
            return {"Authorization": f"Bearer {asked.json()['token']}"}

        def order(caller: dict[str, str], label: str) -> httpx2.Response:
            return http.post(f"{urls['orders']}/v1/orders", json={"thing": thing, "label": label}, headers=caller)

        def made(service: str, records: str, caller: dict[str, str]) -> list[tuple[str, str]]:
            listed = http.get(f"{urls[service]}/v1/{records}", headers=caller).json()["items"]
            return [(it["label"], it["made_by"]) for it in listed]

        def asked(grant: str) -> list[dict[str, str]]:
            return [it for it in http.get(f"{issuer}/asked").json() if grant in it["grant_type"]]

        ada, bob, clerk = user("ada", "buyer"), user("bob", "buyer"), user("carl", "clerk")
        stored = http.post(f"{urls['stock']}/v1/things", json={"label": "one"}, headers=clerk)
        assert stored.status_code == 201, stored.text
        thing = stored.json()["id"]

        # A buyer may not read things: the look-up of the reference is the service's own.
        assert http.get(f"{urls['stock']}/v1/things/{thing}", headers=ada).status_code == 403
        answer = order(ada, "first")
        assert answer.status_code == 201, answer.text
        assert made("stock", "reservations", ada) == made("billing", "charges", ada) == [("first", "ada")]
        assert made("billing", "charges", bob) == []
        logged(tmp_path / "billing", '"caller": "ada"', '"sender": "stock"')
        prices = f"{urls['billing']}/v1/prices"
        eventually(lambda: http.get(prices, headers=ada).json()["items"][:1] != [], within=60)
        before = len(asked(""))
        assert order(ada, "second").status_code == 201
        assert len(asked("")) == before

        # Who may not do it himself does not have it done by a service that may.
        refused = order(user("eve"), "third")
        assert (refused.status_code, refused.json()["detail"]) == (403, "stock does not let eve do this.")

        # A token is for one receiver, and proves nothing in the place of another.
        exchanged = {it["audience"]: it["token"] for it in asked("token-exchange") if it["client"] != "chain-billing"}
        of_stock = {it["token"] for it in asked("token-exchange") if it["audience"] == "chain-stock"}
        wide = [it["token"] for it in asked("client_credentials")]
        outside = ada["Authorization"].removeprefix("Bearer ")
        charges = f"{urls['billing']}/v1/charges"
        body = {"label": "stolen"}
        for token in (*of_stock, *wide, outside, "a-token"):
            assert http.post(charges, json=body, headers={"X-Service-Token": token}).status_code == 401
        for token in (*exchanged.values(), *wide):
            sent = http.post(charges, json=body, headers={"Authorization": f"Bearer {token}"})
            assert sent.status_code == 401
        assert http.post(charges, json=body, headers=ada).status_code == 201

        # What ends in the middle of work, and what the provider does not give.
        late = order(user("ada", "buyer", ends=-7), "slow")
        assert (late.status_code, late.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')
        assert "has ended while the request was under way" in late.json()["detail"]
        http.get(f"{issuer}/away", params={"is": "yes"})
        away = order(bob, "fourth")
        assert (away.status_code, "Retry-After" in away.headers) == (503, True)
        assert order(ada, "fifth").status_code == 201
        http.get(f"{issuer}/away", params={"is": "no"})
        eventually(lambda: order(bob, "sixth").status_code == 201, within=60)
        logs = "".join((tmp_path / it).read_text(encoding="utf-8") for it in names)
        assert "token_endpoint_unavailable" in logs
        assert not [it for it in {outside, *exchanged.values(), *wide} if it in logs]


def test_development_needs_no_provider_that_exchanges_tokens(generate: Generate, tmp_path: Path) -> None:
    path = generate(CHAIN | {"port_base": free_port_base(6)})
    rules = ON_BEHALF.format(service="orders", entity="Order", called="stock", path="reservations")
    (path / "services" / "orders" / "order.py").write_text(rules, encoding="utf-8")
    urls = {it: model(path).url(it) for it in ("orders", "stock", "billing")}
    with running(path, tmp_path / "dev", "dev", OUTBOX_POLL_S="0.2"), httpx2.Client(timeout=20) as http:
        for url in urls.values():
            eventually(lambda url=url: is_let_in(url, True), within=60)  # type: ignore[misc]
        http.headers["Authorization"] = f"Bearer {run(path, 'token', '--name', 'ada').strip()}"
        thing = http.post(f"{urls['stock']}/v1/things", json={"label": "one"}).json()["id"]
        ordered = http.post(f"{urls['orders']}/v1/orders", json={"thing": thing, "label": "first"})
        assert ordered.status_code == 201, ordered.text
        (kept,) = http.get(f"{urls['stock']}/v1/reservations").json()["items"]
        assert kept["made_by"] == "ada"
        eventually(lambda: http.get(f"{urls['billing']}/v1/prices").json()["items"] != [], within=60)


@pytest.mark.parametrize(
    "chosen",
    [{"api_auth": "api_key"}, {"topology": "gateway"}, {"architecture_style": "modular_monolith"}],
    ids=lambda it: next(iter(it.values())),
)
def test_tokens_of_users_need_a_provider_and_services_that_call(generate: Generate, chosen: dict[str, object]) -> None:
    with pytest.raises(UserMessageError, match="The token of the user, passed on"):
        generate(CHAIN | chosen)
