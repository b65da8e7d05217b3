"""A gateway before real services: what it leads to, what it holds back, and what it says while a service hangs."""

from __future__ import annotations

import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
import yaml

from copies import Generate, Reanswer
from groundplan.project import Project
from live import SERVICE_KEY, eventually, running
from projects import environment, model, run
from test_auth import SHOP, answers, placed, provider

HOSTILE = (
    "/stock/internal/events",
    "/stock/v1/../internal/events",
    "/stock/v1/%2e%2e/internal/events",
    "/stock/v1/..%2finternal%2fevents",
    "/stock/v1/..%252finternal",
    "/stock/v1/..\\internal\\events",
    "/stock%2fv1/things",
    "//stock/v1/things",
    "/stock/v1//things",
    "/stock/v1/things/",
    "/stock/v1/things;a=1",
    "/stock/docs",
    "/stock/health/ready",
    "/books/v1/notes",
    "/BOOKS/v1/notes",
    "/stock/../books/v1/notes",
    "/stock@127.0.0.1/v1/notes",
    "http://127.0.0.1/stock/v1/things",
    "*",
)
"""What must not reach a service, as it stands in the request line."""


def port(project: Project) -> int:
    assert project.gateway
    return project.gateway.port


def status(number: int, target: str, *headers: str, method: str = "GET") -> int:
    """The status of the answer to a request that no client would send; 400 where the server hangs up."""
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *headers, "", ""]
    with socket.create_connection(("127.0.0.1", number), timeout=10) as line:
        line.sendall("\r\n".join(lines).encode())
        answer = line.makefile("rb").readline()
    return int(answer.split()[1]) if answer else 400


PUBLIC_ROUTE = '''

@public.get("/hours/{day}")
async def get_hours(day: str) -> str:
    """Tell everybody when there is somebody on a day."""
    return f"on {day} from nine to five"
'''


def test_callers_reach_open_services_through_it_alone(generate: Generate, tmp_path: Path) -> None:
    path = generate(placed(topology="gateway"))
    with (path / "services" / "stock" / "routes.py").open("a", encoding="utf-8") as routes:
        routes.write(PUBLIC_ROUTE)
    project = model(path)
    front, key = f"http://127.0.0.1:{port(project)}", "X-API-Key: dev-key"
    with (
        running(path, tmp_path / "log", "dev", CALLER_BURST="400", ANSWER_WITHIN_S="1"),
        httpx2.Client(headers={"X-API-Key": "dev-key"}, timeout=10) as http,
    ):
        eventually(lambda: answers(http, front), within=60)
        for service in ("stock", "gateway"):
            eventually(lambda name=service: answers(http, project.url(name)), within=60)  # type: ignore[misc]
        for there in (f"{front}/stock/v1/things", f"{front}/gateway/v1/doors"):
            made = http.post(there, json={"label": "a"}, headers={"X-Request-ID": "mine-1"})
            assert (made.status_code, made.headers["X-Request-ID"]) == (201, "mine-1")
            address = front + made.headers["Location"]
            assert address == f"{there}/{made.json()['id']}"
            assert http.get(address).headers["ETag"] == '"1"'
            tag = {"If-Match": '"1"'}
            put = [http.put(address, json={"label": "b"}, headers=tag).status_code for _ in range(2)]
            assert put == [200, 412]

        statuses = {target: status(port(project), target, key) for target in HOSTILE}
        assert set(statuses.values()) <= {400, 404, 405}, statuses
        posted = {it: status(port(project), it, key, "Content-Length: 0", method="POST") for it in HOSTILE}
        assert set(posted.values()) <= {400, 404, 405}, posted
        unproven = ("X-Caller: %7B%22name%22:%22services%22,%22is_service%22:true%7D", f"X-API-Key: {SERVICE_KEY}")
        for headers in ((), unproven):
            for target in (*HOSTILE, "/stock/v1/things", "/stock/v1/hours/../things", "/stock/v1/hours/%2e%2e/things"):
                assert status(port(project), target, *headers) in (400, 401, 404, 405), target
            for day in ("monday", "day%20off", "%C3%A4rger"):
                assert status(port(project), f"/stock/v1/hours/{day}", *headers) == 200
        assert httpx2.get(f"{front}/stock/v1/hours/day off").json() == "on day off from nine to five"
        assert httpx2.get(project.url("stock") + "/v1/hours/monday").status_code == 200
        assert status(port(project), "/stock/v1/things", f"X-API-Key: {SERVICE_KEY}") == 401
        assert status(port(project), "/stock/v1/things", "X-Caller: services") == 401

        past = project.url("stock") + "/v1/things"
        assert http.get(past).status_code == 401
        assert http.get(past, headers={"X-Caller": "services"}).status_code == 401
        assert http.get(past, headers={"X-API-Key": SERVICE_KEY}).status_code == 200

        described = http.get(f"{front}/openapi.json").json()
        assert {it.split("/")[1] for it in described["paths"]} == {"stock", "gateway"}
        assert f"http://127.0.0.1:{port(project)}" in httpx2.get(f"http://127.0.0.1:{project.dashboard_port}").text
    run(path, "pytest", "--quiet", "tests/integration/test_gateway.py")


def test_it_answers_for_a_service_that_hangs_or_is_away_and_holds_back_who_calls_too_often(
    generate: Generate, tmp_path: Path
) -> None:
    path = generate(placed(topology="gateway"))
    project = model(path)
    front = f"http://127.0.0.1:{port(project)}"
    settings = {
        "API_KEYS": '{"ada": "a", "bob": "b"}',
        "API_KEY_ROLES": '{"ada": ["administrator"], "bob": ["administrator"]}',
        "ANSWER_WITHIN_S": "1",
        "CALLER_RATE": "0.01",
    }
    ada, bob = {"X-API-Key": "a"}, {"X-API-Key": "b"}
    run(path, "migrate", env=environment(SERVICE_KEY=SERVICE_KEY, **settings))
    with (
        running(path, tmp_path / "log", "serve", "api-gateway", **settings, CALLER_BURST="60"),
        httpx2.Client(timeout=20) as http,
        ThreadPoolExecutor(10) as many,
    ):
        with running(path, tmp_path / "stock", "serve", "stock", **settings) as stock:
            eventually(lambda: answers(http, front), within=60)
            stock.process.send_signal(signal.SIGCONT)
            (child,) = _children(stock.process.pid)
            _signal(child, signal.SIGSTOP)
            hanging = list(many.map(lambda _: http.get(f"{front}/stock/v1/things", headers=ada), range(10)))
            _signal(child, signal.SIGCONT)
            assert [it.status_code for it in hanging] == [504] * 10
            eventually(lambda: answers(http, front), within=30)
            assert http.get(f"{front}/stock/v1/things", headers=ada).status_code == 200
        away = http.get(f"{front}/stock/v1/things", headers=ada)
        assert (away.status_code, away.headers["Retry-After"]) == (503, "5")
        # What was told a moment ago counts for a second.
        eventually(lambda: http.get(f"{front}/health/ready").status_code == 503, within=5)
        assert http.get(f"{front}/health/live").status_code == 200

        calls = [http.get(f"{front}/stock/v1/things", headers=ada) for _ in range(60)]
        assert [it.status_code for it in calls].count(429) == 12
        assert int(calls[-1].headers["Retry-After"]) >= 1
        assert calls[-1].json()["title"] == "Too Many Requests"
        assert http.get(f"{front}/stock/v1/things", headers=bob).status_code == 503


def _children(pid: int) -> list[int]:
    """The processes that a process started."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(it) for it in listed.stdout.split()]


def _signal(pid: int, number: signal.Signals) -> None:
    subprocess.run(["kill", f"-{number.value}", str(pid)], check=True)


def test_tokens_are_distinguished_before_the_services(generate: Generate, tmp_path: Path) -> None:
    path = generate(placed(topology="gateway", api_auth="oidc"))
    project = model(path)
    things = f"http://127.0.0.1:{port(project)}/stock/v1/things"
    with provider(path) as issuer, httpx2.Client() as http:
        settings = {"OIDC_ISSUER": issuer.url, "OIDC_AUDIENCE": "stall", "OIDC_JWKS_URL": f"{issuer.url}/keys"}
        with running(path, tmp_path / "log", "dev", **settings) as dev:
            eventually(lambda: answers(http, f"http://127.0.0.1:{port(project)}"), within=60)
            eventually(lambda: answers(http, project.url("stock")), within=60)
            good = issuer.token(sub="zoë of ops")
            assert http.post(things, json={"label": "a"}, headers=good).status_code == 201
            assert [http.get(things, headers=issuer.token(ends=it)).status_code for it in (-8, -11)] == [200, 401]
            second = issuer.token("second")
            eventually(lambda: http.get(things, headers=second).status_code == 200, within=30)
            assert http.get(things, headers=good).status_code == 401
            assert http.get(project.url("stock") + "/v1/things", headers=second).status_code == 401
            eventually(lambda: "zoë of ops" in dev.output or "zo\\u00eb of ops" in dev.output)


def test_its_port_stays_whatever_comes_and_goes(generate: Generate, reanswer: Reanswer) -> None:
    path = generate(SHOP | {"topology": "gateway"})
    before = port(model(path))
    recorded = yaml.safe_load((path / ".copier-answers.yml").read_text())
    reanswer(path, services=[*recorded["services"], {"name": "doors", "responsibility": "opens"}])
    assert port(model(path)) == before
    reanswer(path, topology="direct")
    assert "api-gateway" not in (path / "config" / "processes.toml").read_text()
    assert not (path / "services" / "common" / "gateway").exists()
    reanswer(path, topology="gateway")
    assert port(model(path)) == before
    offsets = yaml.safe_load((path / ".copier-answers.yml").read_text())["history"]["offsets"]
    assert len(set(offsets.values())) == len(offsets) == 5


def test_it_is_refused_where_one_process_serves_all(generate: Generate) -> None:
    chosen = {"topology": "gateway", "architecture_style": "modular_monolith"}
    with pytest.raises(Exception, match=r"A gateway in front is not possible: .*Services \(architecture_style\)"):
        generate(SHOP | chosen)


def test_a_service_cannot_take_its_port(generate: Generate) -> None:
    path = generate(SHOP | {"topology": "gateway"})
    recorded = yaml.safe_load((path / ".copier-answers.yml").read_text())
    services = [*recorded["services"], {"name": "doors", "responsibility": "opens", "port": port(model(path))}]
    again = {name: it for name, it in recorded.items() if name[0] != "_"} | {"services": services}
    with pytest.raises(Exception, match="is the port of api-gateway"):
        generate(again)
