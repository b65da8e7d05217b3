"""Which sessions authenticate a caller, and which pages may act for one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx2
import pytest
import pytest_asyncio
from pydantic import ValidationError

from services.common.auth import authentication
from services.common.auth.authentication import (
    COOKIE,
    COOKIE_OVER_HTTP,
    CREDENTIAL,
    CSRF_HEADER,
    Sessions,
    csrf_token,
    is_from_elsewhere,
    require_own_page,
    session_in,
)
from services.common.auth.callers import Caller
from services.common.config import Settings
from services.common.errors import Forbidden, ServiceUnavailable, Unauthorized
from tests.fixtures.credentials import accepted, refused, session
from tests.fixtures.system import EXAMPLE, settings_for

SETTINGS = settings_for({})
OVER_TLS = SETTINGS.model_copy(update={"session_over_http": False})
SHOP = "https://shop.example"


@pytest_asyncio.fixture(autouse=True)
async def ready_to_ask() -> AsyncIterator[None]:
    async with authentication.asking(SETTINGS):
        yield


async def authenticate(headers: dict[str, str], settings: Settings = SETTINGS) -> Caller:
    return await authentication.authenticate(headers.get("Cookie"), settings)


async def test_a_session_tells_its_account_and_the_roles() -> None:
    ada = Caller("ada", is_service=False, roles=frozenset({"editor", "reader"}))
    assert await authenticate(accepted(ada)) == ada


@pytest.mark.parametrize("number", range(5))
async def test_what_is_no_session_is_refused(number: int) -> None:
    with pytest.raises(Unauthorized) as caught:
        await authenticate(refused()[number])
    assert caught.value.headers == {"WWW-Authenticate": 'Session realm="services"'}


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        (None, None),
        ("", None),
        ("session=", None),
        ("session=a", "a"),
        ("theme=dark; session=a.b; x=y", "a.b"),
        (" session=a ", "a"),
        ("session=a; session=b", None),
        ("session=a; session=a", None),
        ("Session=a", None),
        ("session =a", None),
        ("xsession=a", None),
        ("session", None),
        (f"session={'a' * 256}", None),
        ("session=é", None),
    ],
)
def test_a_session_is_read_from_one_cookie_and_from_no_other(
    sent: str | None, found: str | None
) -> None:
    assert session_in(sent, SETTINGS) == found


def test_cookies_in_several_headers_are_read_together() -> None:
    sent = {"cookie": "theme=dark", "accept": "*/*", "Cookie": "session=a"}
    assert session_in(CREDENTIAL.read(sent), SETTINGS) == "a"
    assert CREDENTIAL.read({"accept": "*/*"}) is None
    assert session_in(CREDENTIAL.read(sent | {"COOKIE": "session=b"}), SETTINGS) is None


def test_over_tls_no_other_host_sets_the_cookie() -> None:
    assert (COOKIE, COOKIE_OVER_HTTP) == ("__Host-session", "session")
    sent = f"{COOKIE_OVER_HTTP}=planted; {COOKIE}=own"
    assert session_in(sent, OVER_TLS) == "own"
    assert session_in(f"{COOKIE_OVER_HTTP}=planted", OVER_TLS) is None


@pytest.mark.parametrize(
    "respond",
    [
        lambda _: httpx2.Response(500),
        lambda _: httpx2.Response(503),
        lambda _: httpx2.Response(302, headers={"Location": "/"}),
        lambda _: httpx2.Response(200, text="no owner"),
        lambda _: httpx2.Response(200, json={"account": "ada"}),
    ],
)
async def test_nobody_is_let_in_while_the_accounts_are_unavailable(
    respond: Callable[[httpx2.Request], httpx2.Response],
) -> None:
    sessions = Sessions("https://elsewhere.test")
    sessions.transport = httpx2.MockTransport(respond)
    async with sessions.open():
        with pytest.raises(ServiceUnavailable):
            await sessions.owner("a-session")


@pytest.mark.parametrize(
    ("error", "tries"), [(httpx2.ConnectError, 1), (httpx2.ReadTimeout, 1), (httpx2.ReadError, 2)]
)
async def test_a_connection_that_ended_is_replaced_once(
    error: type[httpx2.TransportError], tries: int
) -> None:
    asked: list[bytes] = []

    def fail(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.content)
        raise error("gone", request=request)

    sessions = Sessions("https://elsewhere.test")
    sessions.transport = httpx2.MockTransport(fail)
    async with sessions.open():
        with pytest.raises(ServiceUnavailable):
            await sessions.owner("a-session")
    assert asked == [b"a-session"] * tries


async def test_connections_are_shared_until_the_last_application_stops() -> None:
    sessions = Sessions("https://elsewhere.test")
    sessions.transport = httpx2.MockTransport(lambda _: httpx2.Response(401))
    async with sessions.open():
        async with sessions.open():
            assert await sessions.owner("a-session") is None
        assert await sessions.owner("a-session") is None
    with pytest.raises(RuntimeError):
        await sessions.owner("a-session")


async def test_responses_of_the_accounts_are_not_cached() -> None:
    answers = [httpx2.Response(200, json={"account": "ada", "roles": []}), httpx2.Response(401)]
    sessions = Sessions("https://elsewhere.test")
    sessions.transport = httpx2.MockTransport(lambda _: answers.pop(0))
    async with sessions.open():
        assert await sessions.owner("a-session")
        assert await sessions.owner("a-session") is None


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "ANY"])
def test_a_change_needs_the_token_of_its_own_session(method: str) -> None:
    ada, eve = (session(Caller(it, is_service=False)) for it in ("ada", "eve"))
    cookie = {"Cookie": f"{COOKIE_OVER_HTTP}={ada}"}
    for sent in ("", ada, csrf_token(eve), csrf_token(ada)[:-1], csrf_token(ada).lower(), "é"):
        with pytest.raises(Forbidden, match=CSRF_HEADER):
            require_own_page(method, cookie | {CSRF_HEADER: sent}, SETTINGS)
    with pytest.raises(Forbidden):
        require_own_page(method, cookie, SETTINGS)
    require_own_page(method, cookie | {CSRF_HEADER: csrf_token(ada)}, SETTINGS)
    require_own_page(method, {}, SETTINGS)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_who_reads_needs_no_token(method: str) -> None:
    require_own_page(method, {"Cookie": f"{COOKIE_OVER_HTTP}=a"}, SETTINGS)


def test_the_token_does_not_tell_the_session() -> None:
    assert len({csrf_token("a"), csrf_token("b"), "a", "b"}) == 4
    assert "a-session" not in csrf_token("a-session")


@pytest.mark.parametrize(
    ("headers", "elsewhere"),
    [
        ({}, False),
        ({"Sec-Fetch-Site": "same-origin"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Sec-Fetch-Site": "same-site", "Origin": "https://test"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://test"}, True),
        ({"Sec-Fetch-Site": "same-site", "Origin": SHOP}, False),
        ({"Origin": SHOP}, False),
        ({"Origin": f"{SHOP}.evil.example"}, True),
        ({"Origin": f"{SHOP}:8443"}, True),
        ({"Origin": "https://test"}, False),
        ({"Origin": "https://test:8443"}, True),
        ({"Origin": "https://test.evil.example"}, True),
        ({"Origin": "null"}, True),
        ({"Origin": ""}, True),
    ],
)
def test_a_page_of_another_origin_is_told_apart(headers: dict[str, str], elsewhere: bool) -> None:
    sent = httpx2.Headers({"Host": "test"} | headers)
    assert is_from_elsewhere(sent, [SHOP]) is elsewhere


@pytest.mark.parametrize(
    ("over_http", "loopback_only", "unsafe"),
    [(True, True, False), (True, False, True), (False, False, False)],
)
def test_cookies_without_tls_stay_on_the_machine(
    over_http: bool, loopback_only: bool, unsafe: bool
) -> None:
    settings = SETTINGS.model_copy(update={"session_over_http": over_http})
    told = authentication.unsafe_settings(settings, loopback_only=loopback_only)
    assert ("SESSION_OVER_HTTP" in told) is unsafe
    assert bool(told) is unsafe


def test_cookies_go_over_tls_unless_a_setting_says_otherwise() -> None:
    assert Settings.model_fields["session_over_http"].default is False


@pytest.mark.parametrize("origin", ["*", "https://*.example"])
def test_pages_of_everybody_cannot_be_allowed_to_act_for_who_is_logged_in(origin: str) -> None:
    with pytest.raises(ValidationError, match="allowed_origins"):
        Settings(_env_file=EXAMPLE, allowed_origins=[origin])  # type: ignore[call-arg]
