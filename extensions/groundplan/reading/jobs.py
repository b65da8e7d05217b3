"""Jobs: work that outlasts the request that asked for it, or that is due at times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from .. import names
from ..domain import OPERATIONS, Entity, Job, Service
from ..questionnaire import shape_of
from ..text import quoted
from . import grammar
from .boundaries import modules_of
from .entities import add_service
from .grammar import JobLine, Malformed
from .list_items import entries
from .node import Node

EXAMPLES = '"orders: send_receipt on create Order" or "orders: close_day daily at 02:00"'


def attached(answer: Node, services: Sequence[Service]) -> tuple[Service, ...]:
    """The services with their jobs."""
    known = {service.name: service for service in services}
    found: dict[str, dict[str, Job]] = {name: {} for name in known}
    for node, job in _jobs(answer, known):
        if job.name in found[job.service]:
            node.problem(f"{quoted(job.name)} is the name of two jobs of {job.service}", "rename or remove one of them")
        elif fault := _clash(job.name, known[job.service]):
            better = names.another(job.name, partial(_clash, service=known[job.service]))
            node.problem(f"{quoted(job.name)} {fault}", f"choose another name, e.g. {better}")
        else:
            found[job.service][job.name] = job
    return tuple(replace(it, jobs=tuple(found[it.name].values())) if found[it.name] else it for it in services)


def _clash(name: str, service: Service) -> str:
    """Why a service cannot have a job of this name, or an empty string."""
    taken = modules_of(service)
    return names.job(name) or (f"needs {name}.py, and so does {taken[name]}" if name in taken else "")


def _jobs(answer: Node, services: Mapping[str, Service]) -> Iterator[tuple[Node, Job]]:
    entities = {entity.name: entity for service in services.values() for entity in service.entities}
    for node, parts in entries(answer, shape_of("jobs")):
        name = parts["service"].text("orders")
        line = _line(node, *(parts[key].text("close_day daily at 02:00") for key in ("job", "when") if key in parts))
        if name and name not in services:
            node.unknown(name, "is not a service", services, add_service(name, tuple(services)), is_service=True)
        elif name and line and (job := _job(node, line, services[name], entities)):
            yield node, job


def _line(node: Node, *parts: str) -> JobLine | None:
    try:
        return grammar.job_line(" ".join(parts))
    except Malformed as fault:
        node.problem(str(fault), f"write it like {EXAMPLES}")
        return None


def _job(node: Node, line: JobLine, service: Service, entities: Mapping[str, Entity]) -> Job | None:
    if line.schedule:
        return Job(line.name, service.name, schedule=line.schedule)
    entity = entities.get(line.entity)
    if entity is None:
        node.unknown(line.entity, "is not a declared entity", entities, "declare it in data_entities")
    elif entity.service != service.name:
        node.problem(
            f"begins with a change of {entity.name}, which {quoted(entity.service)} keeps",
            f"give the job to {quoted(entity.service)}, or let {quoted(service.name)} react to an event",
        )
    else:
        operations = tuple(it for it in OPERATIONS if it in line.operations)
        return Job(line.name, service.name, entity.name, operations)
    return None
