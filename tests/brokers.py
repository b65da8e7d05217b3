"""Brokers of a test's own: started on a free port, killed and started again, gone afterwards."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from live import Running, eventually, started
from projects import environment, free_ports

RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"
"""Not Debian's wrapper around it, which would run as somebody else."""


@dataclass(frozen=True)
class Kind:
    """How one kind of broker is started."""

    option: str
    program: str
    package: str
    """Debian's."""
    setting: str
    url: str
    command: Callable[[Path, int], Sequence[str]]
    variables: Callable[[Path, int], dict[str, str]] = lambda folder, port: {}


def redis(folder: Path, port: int) -> Sequence[str]:
    durable = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")
    return ("redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder), *durable)


def nats(folder: Path, port: int) -> Sequence[str]:
    return ("nats-server", "--jetstream", "--store_dir", str(folder), "--addr", "127.0.0.1", "--port", str(port))


def rabbitmq_variables(folder: Path, port: int) -> dict[str, str]:
    """A separate node, which reads nothing of the machine's."""
    (folder / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\n")
    (folder / "plugins").write_text("[].\n")
    return {
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"test{port}@localhost",
        "RABBITMQ_DIST_PORT": str(port + 1),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "logs"),
    }


KINDS = {
    it.option: it
    for it in (
        Kind(
            "rabbitmq",
            RABBITMQ,
            "rabbitmq-server",
            "RABBITMQ_URL",
            "amqp://guest:guest@127.0.0.1:{port}/",
            lambda folder, port: (RABBITMQ,),
            rabbitmq_variables,
        ),
        Kind("nats_jetstream", "nats-server", "nats-server", "NATS_URL", "nats://127.0.0.1:{port}", nats),
        Kind("redis_streams", "redis-server", "redis-server", "REDIS_URL", "redis://127.0.0.1:{port}/0", redis),
    )
}


class Server:
    """A broker that can be killed and started again with what it has stored."""

    def __init__(self, kind: Kind, folder: Path, stack: ExitStack) -> None:
        self.kind = kind
        self.folder = folder
        self.port = free_ports(2)
        self._stack = stack
        self._running: Running | None = None

    @property
    def settings(self) -> dict[str, str]:
        """What tells a project where it is."""
        return {self.kind.setting: self.kind.url.format(port=self.port)}

    def start(self) -> None:
        command = self.kind.command(self.folder, self.port)
        env = environment(**self.kind.variables(self.folder, self.port))
        self._running = self._stack.enter_context(started(command, self.folder, self.folder / "log", env))
        eventually(self._answers, within=60)

    def kill(self) -> None:
        """End it at once, as a loss of its machine would."""
        assert self._running
        self._running.kill()

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


@contextmanager
def serving(option: str, folder: Path) -> Iterator[Server]:
    """A broker for the duration of a `with` block; skips the test where its program is not installed."""
    kind = KINDS[option]
    if not shutil.which(kind.program):
        pytest.skip(f"{kind.program} is not installed; Debian has it in {kind.package}")
    folder.mkdir()
    with ExitStack() as stack:
        server = Server(kind, folder, stack)
        server.start()
        yield server
