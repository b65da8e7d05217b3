"""Processes prove that they belong to this project by certificates, on both sides of each connection (mutual TLS).

Each has a certificate of its own, which names the hosts where the others find it, and all trust one authority, whose
certificates nobody else has. Files that are replaced count from the next connection on, and none is used for long.
Which service of a process calls, its token tells: see `service_identity.py`.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from threading import Lock

import structlog
from cryptography import x509

from services.common.api import connections
from services.common.api.asgi import ASGIApp, Message, Receive, Scope, Send
from services.common.auth.service_identity import CREDENTIAL
from services.common.config import Settings
from services.common.utils import now

log = structlog.get_logger()

TOKEN = CREDENTIAL.name.lower().encode()
CONNECTION_S = 60.0
"""How long a connection is used, so that certificates are shown again."""


@dataclass(frozen=True)
class Files:
    """Where the certificate of a process is, its key, and the authority that it trusts."""

    certificate: str
    key: str
    authority: str

    def state(self) -> tuple[tuple[int, int, int] | None, ...]:
        """What changes when one of them is replaced."""
        return tuple(map(_state, (self.certificate, self.key, self.authority)))

    def fault(self) -> str:
        """Why a process cannot start with them; empty if it can."""
        named = {"TLS_CERT_FILE": self.certificate, "TLS_KEY_FILE": self.key}
        for setting, path in (named | {"TLS_CA_FILE": self.authority}).items():
            if not Path(path).is_file():
                return f"{setting}: {path} is no file; `certificates` makes it for development."
        try:
            _calling(self)
            until = _certificate(self).not_valid_after_utc
        except (OSError, ValueError) as error:
            return f"TLS_CERT_FILE, TLS_KEY_FILE and TLS_CA_FILE do not go together: {error}."
        return f"TLS_CERT_FILE: it ended at {until:%Y-%m-%d %H:%M} UTC." if until < now() else ""


def _state(path: str) -> tuple[int, int, int] | None:
    try:
        it = Path(path).stat()
    except OSError:
        return None
    return it.st_ino, it.st_mtime_ns, it.st_size


def _certificate(files: Files) -> x509.Certificate:
    return x509.load_pem_x509_certificate(Path(files.certificate).read_bytes())


def _trusting(files: Files, purpose: ssl.Purpose) -> ssl.SSLContext:
    context = ssl.create_default_context(purpose, cafile=files.authority)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # An empty password, so that nobody is asked for one.
    context.load_cert_chain(files.certificate, files.key, password=str)
    return context


def _calling(files: Files) -> ssl.SSLContext:
    """The other side must show a certificate for the name under which it is called."""
    return _trusting(files, ssl.Purpose.SERVER_AUTH)


def _serving(files: Files, asked: ssl.VerifyMode) -> ssl.SSLContext:
    context = _trusting(files, ssl.Purpose.CLIENT_AUTH)
    context.verify_mode = asked
    context.num_tickets = 0  # who resumes a session shows no certificate again
    return context


class RenewedContext(ssl.SSLContext):
    """Makes each connection with what its files hold at that time; while they are broken, with what they held before."""

    def __init__(
        self, protocol: int, files: Files, make: Callable[[Files], ssl.SSLContext]
    ) -> None:
        self._files = files
        self._make = make
        self._made: ssl.SSLContext | None = None
        self._state: object = ()
        self._lock = Lock()  # clients make their connections in threads

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Make a connection."""
        with self._lock:
            context = self._current()
        return context.wrap_bio(incoming, outgoing, server_side, server_hostname)

    def _current(self) -> ssl.SSLContext:
        state = self._files.state()
        if self._made is None or state != self._state:
            self._state = state
            try:
                made = self._make(self._files)
                until = _certificate(self._files).not_valid_after_utc
            except (OSError, ValueError) as error:
                if self._made is None:
                    raise
                log.warning("certificate_not_renewed", error=str(error))
                return self._made
            log.info("certificate_loaded", until=until.isoformat())
            self._made = made
        return self._made


def _files(settings: Settings) -> Files:
    return Files(settings.tls_cert_file, settings.tls_key_file, settings.tls_ca_file)


def for_calls(settings: Settings) -> ssl.SSLContext:
    """How this process calls the others."""
    return _for_calls(_files(settings))


@cache
def _for_calls(files: Files) -> ssl.SSLContext:
    return RenewedContext(ssl.PROTOCOL_TLS_CLIENT, files, _calling)


def for_serving(settings: Settings, *, outsiders: bool) -> ssl.SSLContext:
    """How this process serves: only who has a certificate, or callers from outside as well, who have none.

    Raises:
        SystemExit: The files cannot be used.
    """
    files = _files(settings)
    if fault := files.fault():
        raise SystemExit(f"Settings (see .env.example): {fault}")
    asked = ssl.CERT_OPTIONAL if outsiders else ssl.CERT_REQUIRED
    return RenewedContext(ssl.PROTOCOL_TLS_SERVER, files, partial(_serving, asked=asked))


class Protocol(connections.Protocol):
    """HTTP in which no caller is a service that has shown no certificate of late, whatever token it sends."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app = closing(self.app, time.monotonic() + CONNECTION_S)
        if not transport.get_extra_info("peercert"):
            self.app = without_token(self.app)


def closing(app: ASGIApp, end: float) -> ASGIApp:
    """An application whose answers close their connection after a time."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and time.monotonic() > end:
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        await app(scope, receive, answer)

    return call


def without_token(app: ASGIApp) -> ASGIApp:
    """An application that never sees the token of a service."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [it for it in scope["headers"] if it[0] != TOKEN]
        await app({**scope, "headers": headers}, receive, send)

    return call
