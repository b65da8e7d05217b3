"""The bookshop with each way of watching it, ready to be measured."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import yaml

from measure import BOOKSHOP, copy, plain_template

KEY = "key"


@dataclass(frozen=True)
class Watched:
    """A generated bookshop, and the settings that it runs with."""

    name: str
    folder: Path
    settings: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
        own = {"SERVICE_KEY": KEY, "METRICS_KEY": KEY, "API_KEYS": "{}", "PYTHONPATH": str(self.folder)}
        return kept | own | self.settings


class Collector(BaseHTTPRequestHandler):
    """Takes every trace and looks at none."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def projects() -> Iterator[list[Watched]]:
    """One for each way, and a collector of traces for the one that sends some."""
    collector = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    Thread(target=collector.serve_forever, daemon=True).start()
    sending = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}"}
    with tempfile.TemporaryDirectory() as name:
        template = plain_template(Path(name) / "groundplan")
        ways = {}
        for way in ("health", "prometheus", "opentelemetry"):
            answers = Path(name) / f"{way}.yml"
            answers.write_text(yaml.safe_dump(yaml.safe_load(BOOKSHOP.read_text()) | {"monitoring": way}))
            ways[way] = Watched(way, Path(name) / way, {})
            copy(template, ways[way].folder, answers)
        traced = ways["opentelemetry"]
        yield [*ways.values(), Watched("opentelemetry, sending", traced.folder, sending)]
    collector.shutdown()
