"""Generated projects as their users run them: processes, sockets, and a caller that knows the model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import httpx2

from groundplan.codegen.example_drafts import filled, plain_example
from groundplan.domain import Entity, Field, Product, Type
from groundplan.project import Project
from projects import UV, environment

SERVICE_KEY = "key-among-the-services"

NUMBERS = count(1)
"""Of the values in drafts, so that no two are equal."""

Ids = dict[str, str]
"""The id of one stored record of each entity."""


class Running:
    """A command that runs in the background, and all that it has printed."""

    def __init__(self, command: Sequence[str], folder: Path, log: IO[str], env: Mapping[str, str]) -> None:
        self.log = Path(log.name)
        # A separate session, so that a signal reaches it as Ctrl-C in a terminal would: it and its children.
        self.process = subprocess.Popen(
            command, cwd=folder, env=env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def press_ctrl_c(self) -> None:
        """Interrupt it, and wait until it has ended."""
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(timeout=20)

    def kill(self) -> None:
        """End it at once; children in their own session live on."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=20)

    def stop(self) -> None:
        """End it if it still runs: in peace if it can, so that it ends its children."""
        if self.process.poll() is None:
            try:
                self.press_ctrl_c()
            except subprocess.TimeoutExpired:
                self.kill()


@contextmanager
def running(folder: Path, log: Path, *command: str, **variables: str) -> Iterator[Running]:
    """Run a command of a project for the duration of a `with` block."""
    with started(
        [UV, "run", "--quiet", *command], folder, log, environment(SERVICE_KEY=SERVICE_KEY, **variables)
    ) as it:
        yield it


@contextmanager
def started(command: Sequence[str], folder: Path, log: Path, env: Mapping[str, str]) -> Iterator[Running]:
    """Run any command for the duration of a `with` block."""
    with log.open("a", encoding="utf-8") as file:
        it = Running(command, folder, file, env)
        try:
            yield it
        finally:
            it.stop()


def eventually(what: Callable[[], bool], within: float = 30) -> None:
    """Wait until something is so."""
    end = time.monotonic() + within
    while not what():
        assert time.monotonic() < end, f"not within {within} s"
        time.sleep(0.1)


def logged(log: Path, *texts: str) -> None:
    """Wait until a log has all of some texts: a request is logged after it was answered."""
    eventually(lambda: all(it in log.read_text(encoding="utf-8") for it in texts))


def asks_without_proof(url: str, headers: Mapping[str, str], records: str) -> subprocess.CompletedProcess[str]:
    """Let schemathesis ask for records with proof, without it and with a forged one; it returns 1 if it got some.

    Of an alternative to the proof it would make one up beside it, and take the proof for forged: it is told of none.
    A gateway describes its services at its own root.
    """
    root = httpx2.URL(url).join("/")
    described = httpx2.get(root.join("openapi.json")).raise_for_status().json()
    schemes = described["components"]["securitySchemes"]
    for it in schemes.values():
        if it.get("in") == "cookie":  # on one machine it has another name
            it["name"] = headers.get("Cookie", "").partition("=")[0]
    told = {name for name, it in schemes.items() if it.get("name") in headers or _is_sent(it, headers)}
    for path in described["paths"].values():
        for operation in path.values():
            if "security" in operation:
                operation["security"] = [it for it in operation["security"] if it.keys() <= told]
    with TemporaryDirectory() as folder:
        (Path(folder) / "openapi.json").write_text(json.dumps(described), "utf-8")
        command = [
            str(Path(sys.executable).parent / "schemathesis"),
            "run",
            "openapi.json",
            f"--url={root}",
            *(f"--header={name}: {value}" for name, value in headers.items()),
            f"--include-path-regex=/{records}",
            "--checks=ignored_auth",
            "--phases=coverage,fuzzing",
            "--max-examples=5",
            "--seed=1",
            "--no-color",
        ]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


def _is_sent(scheme: Mapping[str, str], headers: Mapping[str, str]) -> bool:
    """Whether headers hold a token or a cookie of the scheme."""
    header = "Authorization" if scheme["type"] == "http" else "Cookie"
    return header in headers and (scheme["type"] == "http" or scheme["in"] == "cookie")


class Caller:
    """Speaks to every service of a running project, with the key that the services use."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.product: Product = project.product
        self.spoken: set[tuple[str, str, str]] = set()
        """Service, method and path of each endpoint that was spoken to, the path as OpenAPI writes it."""
        self.http = httpx2.Client(headers={"X-API-Key": SERVICE_KEY}, timeout=10)

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def answers(self, service: str, path: str = "/health/ready") -> bool:
        """Whether the service answers a plain request with success."""
        try:
            return self.http.get(self.project.url(service) + path).is_success
        except httpx2.TransportError:
            return False

    def wait(self) -> None:
        """Wait until every service is ready."""
        for service in self.product.services:
            eventually(lambda name=service.name: self.answers(name), within=60)  # type: ignore[misc]

    def call(self, entity: Entity, method: str, id: str = "", **options: object) -> httpx2.Response:
        """Send a request to the collection of an entity, or to one record of it."""
        path = entity.path
        self.spoken.add((entity.service, method, path + ("/{id}" if id else "")))
        url = self.project.url(entity.service) + path + (f"/{id}" if id else "")
        return self.http.request(method, url, **options)  # type: ignore[arg-type]

    def find(self, entity: Entity, **values: object) -> list[dict[str, object]]:
        """The records of the first page that hold the values."""
        items = self.call(entity, "GET").raise_for_status().json()["items"]
        return [item for item in items if values.items() <= item.items()]

    def operations(self) -> set[tuple[str, str, str]]:
        """Service, method and path of each endpoint that the services describe, health apart."""
        found = set()
        for service in self.product.services:
            described = self.http.get(self.project.url(service.name) + "/openapi.json").raise_for_status().json()
            for path, methods in described["paths"].items():
                found |= {(service.name, method.upper(), path) for method in methods if "health" not in path}
        return found


def in_order(product: Product) -> list[Entity]:
    """The entities, each after those that a record of it must refer to."""
    waiting = list(product.entities.values())
    ordered: list[Entity] = []
    while waiting:
        known = {entity.name for entity in ordered}
        ready = next(entity for entity in waiting if needed(product, entity.fields) <= known)
        waiting.remove(ready)
        ordered.append(ready)
    return ordered


def needed(product: Product, fields: Sequence[Field]) -> set[str]:
    """The entities that required fields refer to, through value objects as well; a list of them may stay empty."""
    found: set[str] = set()
    for field in fields:
        if field.required:
            if field.type.kind == "reference" and not field.type.many:
                found.add(field.type.target)
            elif field.type.kind == "value":
                found |= needed(product, product.value_objects[field.type.target].fields)
    return found


def draft(product: Product, fields: Sequence[Field], ids: Ids) -> dict[str, object]:
    """A valid draft with every field that can be filled: one that refers to what is not there yet is left out."""
    values = {field.name: value(product, field.type, ids) for field in fields}
    return {name: given for name, given in values.items() if given is not None}


def value(product: Product, type: Type, ids: Ids) -> object:
    if type.kind == "choice":
        one: object = type.choices[-1]
    elif type.kind == "reference":
        one = ids.get(type.target)
    elif type.kind == "value":
        one = draft(product, product.value_objects[type.target].fields, ids)
    else:
        one = filled(plain_example(type), next(NUMBERS))
    return one if not type.many else [] if one is None else [one]
