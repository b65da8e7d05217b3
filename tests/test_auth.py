"""How callers prove who they are: projects of each option are whole, and take and refuse real tokens."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest

from copies import Generate
from live import asks_without_proof, eventually, logged, running
from projects import UV, check_whole_and_in_step, environment, free_port_base, model, run
from samples import sampled

SHOP: dict[str, object] = {
    "project_name": "Stall",
    "concept": "A stall sells what it has.",
    "services": [
        {"name": "stock", "responsibility": "keeps things", "exposure": "public"},
        {"name": "gateway", "responsibility": "keeps doors", "exposure": "public"},
        {"name": "books", "responsibility": "keeps notes", "exposure": "internal"},
    ],
    "data_entities": ["stock.Thing(label: str)", "gateway.Door(label: str)", "books.Note(label: str)"],
    "architecture_style": "services",
}
"""A separate product, with a service whose name a gateway would like to have."""

ALONE = {"distribution": "personal", "deploy_target": "local", "encryption": "none"}

SIGN = """
import json, sys, time
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from jwt.algorithms import RSAAlgorithm
made = {}
for line in sys.stdin:
    asked = json.loads(line)
    kid, ends = asked["kid"], asked["ends"]
    key = made.setdefault(kid, generate_private_key(public_exponent=65537, key_size=2048))
    told = {name: asked[name] for name in ("iss", "sub", "roles")}
    claims = told | {"aud": "stall", "exp": int(time.time()) + ends}
    public = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": kid}
    token = jwt.encode(claims, key, algorithm="RS256", headers={"kid": kid})
    print(json.dumps({"token": token, "public": public}), flush=True)
"""
"""Signs tokens in the environment of the project, which has the library for it."""


class Provider:
    """An identity provider on loopback, which signs with the key of the moment."""

    def __init__(self, project: Path, url: str) -> None:
        self.url = url
        self.published: dict[str, object] = {}
        self.away = False
        self.fetched = 0
        self.signer = subprocess.Popen(
            [UV, "run", "--quiet", "python", "-c", SIGN],
            cwd=project,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def token(self, kid: str = "first", *, ends: int = 300, publish: bool = True, sub: str = "ada") -> dict[str, str]:
        """The headers of a caller with a new token."""
        assert self.signer.stdin
        assert self.signer.stdout
        asked = {"kid": kid, "ends": ends, "iss": self.url, "sub": sub, "roles": ["administrator"]}
        self.signer.stdin.write(json.dumps(asked) + "\n")
        self.signer.stdin.flush()
        made = json.loads(self.signer.stdout.readline())
        if publish:
            self.published = {"keys": [made["public"]]}
        return {"Authorization": f"Bearer {made['token']}"}


@contextmanager
def provider(project: Path) -> Iterator[Provider]:
    """Run a provider for the duration of a `with` block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = {"/.well-known/openid-configuration": known, "/keys": it.published}.get(self.path)
            it.fetched += self.path == "/keys"
            body = json.dumps(found).encode()
            self.send_response(503 if it.away else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    url = f"http://127.0.0.1:{server.server_port}"
    known = {"issuer": url, "jwks_uri": f"{url}/keys"}
    it = Provider(project, url)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield it
    finally:
        server.shutdown()
        server.server_close()
        it.signer.communicate()


def placed(**more: object) -> dict[str, object]:
    """The product with its ports where nothing listens, and more answers."""
    return SHOP | {"port_base": free_port_base(5)} | more


@pytest.mark.parametrize(
    "chosen",
    sampled(
        [
            {"api_auth": "oidc"},
            {"api_auth": "oidc", "architecture_style": "modular_monolith"},
            {"api_auth": "oidc", "topology": "gateway"},
            {"api_auth": "none", **ALONE},
            {"api_auth": "none", "topology": "gateway", **ALONE},
            {"topology": "gateway"},
        ],
        2,
    ),
    ids=lambda it: "-".join(map(str, [*it.values()][:2])),
)
def test_a_project_of_each_option_is_whole(generate: Generate, chosen: dict[str, object]) -> None:
    project = generate(SHOP | chosen)
    check_whole_and_in_step(project)


BOARD = {
    "project_name": "Notice board",
    "concept": "Neighbours put up notices, answer them and send each other letters.",
    "architecture_style": "services",
    "storage_kind": "sqlite",
    "personas": ["Neighbour", {"name": "Caretaker", "goal": "keeps order", "is_admin": True}, "Owner"],
    "services": ["board: keeps notices", {"name": "post", "responsibility": "keeps letters", "depends_on": ["board"]}],
    "data_entities": [
        "board.Notice(author: str, title: str, topic: sale|search = sale); list(topic; sort title; search title)",
        "board.Reply(notice: Notice, sender: uuid? system, words: text)",
        "post.Letter(notice: Notice, writer: uuid, words: text)",
        "post.Parcel(label: str, sent_by: str? system); without delete",
    ],
    "access": [
        "Notice: create callers, read anyone, list anyone, update owner, delete owner | Caretaker; owner: author",
        {"entity": "Reply", "create": "callers", "read": ["owner", "Neighbour"], "delete": "owner", "owner": "sender"},
        {"Letter": {"create": "owner", "read": "owner", "update": "owner", "delete": "owner", "owner": "writer"}},
        "Parcel: create callers, read owner, list owner | Owner, update owner; owner: sent_by",
    ],
}
"""Every kind of callers: roles, owners by name and by id, named by the caller or by the service, and anyone."""


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"topology": "gateway", "api_auth": "oidc", "storage_kind": "files", "api_versioning": "header"},
        {"api_auth": "none", "architecture_style": "modular_monolith", **ALONE},
    ],
    ids=["keys", "tokens", "nothing"],
)
def test_a_project_keeps_to_who_may_do_what(generate: Generate, chosen: dict[str, object]) -> None:
    project = generate(BOARD | chosen)
    check_whole_and_in_step(project)


def test_tokens_are_distinguished_while_keys_and_provider_come_and_go(generate: Generate, tmp_path: Path) -> None:
    path = generate(placed(api_auth="oidc"))
    things = model(path).url("stock") + "/v1/things"
    with provider(path) as issuer:
        settings = {"OIDC_ISSUER": issuer.url, "OIDC_AUDIENCE": "stall", "OIDC_JWKS_URL": ""}
        run(path, "migrate", env=environment(SERVICE_KEY="k", **settings))
        with running(path, tmp_path / "log", "serve", "stock", **settings), httpx2.Client() as http:

            def status(headers: dict[str, str]) -> int:
                return http.get(things, headers=headers).status_code

            eventually(lambda: answers(http, model(path).url("stock")), within=60)
            issuer.away = True
            first = issuer.token()
            away = http.get(things, headers=first)
            assert (away.status_code, away.headers["Retry-After"]) == (503, "5")
            issuer.away = False
            eventually(lambda: status(first) == 200, within=30)

            before = issuer.fetched
            strangers = [status(issuer.token(f"other-{n}", publish=False)) for n in range(50)]
            assert (set(strangers), issuer.fetched - before <= 1) == ({401}, True)
            assert [status(issuer.token(ends=it)) for it in (-8, -11, -3600)] == [200, 401, 401]

            second = issuer.token("second")
            eventually(lambda: status(second) == 200, within=30)
            assert status(first) == 401
            refused = http.get(things)
            assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")


def answers(http: httpx2.Client, url: str) -> bool:
    try:
        return http.get(f"{url}/health/ready").is_success
    except httpx2.TransportError:
        return False


def test_development_needs_no_provider_and_its_tokens_stay_there(generate: Generate, tmp_path: Path) -> None:
    path = generate(placed(api_auth="oidc"))
    things = model(path).url("stock") + "/v1/things"
    with running(path, tmp_path / "log", "dev") as dev, httpx2.Client() as http:
        eventually(lambda: answers(http, model(path).url("stock")), within=60)
        sent = {"Authorization": f"Bearer {run(path, 'token', '--name', 'ada').strip()}"}
        made = http.post(things, json={"label": "a"}, headers=sent)
        assert made.status_code == 201
        tried = asks_without_proof(model(path).url("stock"), sent, "things")
        assert tried.returncode == 0, tried.stdout
        over = run(path, "token", "--minutes", "-1").strip()
        assert http.get(things, headers={"Authorization": f"Bearer {over}"}).status_code == 401
        assert http.get(things).status_code == 401
        logged(dev.log, "ada")
    for settings, fault in (
        ({"OIDC_ISSUER": "development"}, "development is for this machine alone"),
        ({"OIDC_ISSUER": "http://issuer.test"}, "does not begin with https"),
    ):
        refused = subprocess.run(
            [UV, "run", "--quiet", "serve", "stock", "--host", "0.0.0.0"],
            cwd=path,
            env=environment(SERVICE_KEY="k", OIDC_AUDIENCE="stall", **settings),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (refused.returncode, fault in refused.stderr) == (1, True), refused.stderr


def test_what_answers_without_proof_is_found(generate: Generate, tmp_path: Path) -> None:
    path = generate(placed(api_auth="api_key"))
    url, sent = model(path).url("stock"), {"X-API-Key": "dev-key"}
    with running(path, tmp_path / "log", "dev"), httpx2.Client() as http:
        eventually(lambda: answers(http, url), within=60)
        tried = asks_without_proof(url, sent, "things")
        assert tried.returncode == 0, tried.stdout
    module = path / "services/common/auth/identification.py"
    identify, somebody = "    caller = await edge.identify", 'Caller("x", is_service=True, unrestricted=True)'
    faulty = module.read_text("utf-8").replace(identify, f"    return {somebody}\n{identify}")
    module.write_text(faulty, "utf-8")
    with running(path, tmp_path / "log", "dev"), httpx2.Client() as http:
        eventually(lambda: answers(http, url), within=60)
        tried = asks_without_proof(url, sent, "things")
        assert tried.returncode == 1
        assert "API accepts requests without authentication" in tried.stdout


def test_no_proof_is_refused_where_others_could_call(generate: Generate) -> None:
    for answers, fault in (
        ({"distribution": "public"}, "distribution is public"),
        ({"data_sensitivity": ["pii"]}, "data_sensitivity has pii"),
        ({"deploy_target": "kubernetes"}, "deploy_target is kubernetes"),
        ({"encryption": "tls"}, "it needs No encryption"),
    ):
        with pytest.raises(Exception, match=f"No authentication is not possible.*{fault}") as caught:
            generate(SHOP | answers | {"api_auth": "none"})
        assert all("Fix: " in line for line in str(caught.value).splitlines())
