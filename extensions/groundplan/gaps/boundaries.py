"""Rules about the boundaries between services: has each one responsibility, and each responsibility one service?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..decisions import has
from ..domain import Product, Service
from ..problems import Report
from ..project_view import ProjectView
from ..questionnaire import shape_of
from ..reading.list_items import entries
from ..reading.node import structure
from ..text import all_of
from .model import DEFER, MUST, Finding, rule


@rule("B01", MUST, "boundary", 3)
def service_without_responsibility(view: ProjectView) -> Iterator[Finding]:
    """A service has no responsibility, so nobody can say what belongs into it."""
    for service in view.product.services:
        if not service.responsibility:
            yield Finding(
                service.name,
                f"service {service.name} has no responsibility",
                f"write `{service.name}: <what it alone does>`",
                "services",
            )


@rule("B04", MUST, "boundary", 3)
def feature_without_service(view: ProjectView) -> Iterator[Finding]:
    """A feature belongs to no service."""
    for feature in view.product.features:
        if not feature.services:
            known = ", ".join(service.name for service in view.product.services)
            yield Finding(
                feature.id,
                f'{feature.id} "{feature.name}" belongs to no service',
                f"give it services: one or more of {known}",
                "mvp_features",
            )


@rule("B05", DEFER, "boundary", 3)
def idle_service(view: ProjectView) -> Iterator[Finding]:
    """A service serves no feature, and no other service calls or hears it."""
    product = view.product
    busy = {name for feature in product.features for name in feature.services}
    busy |= {dependency.service for service in product.services for dependency in service.depends_on}
    busy |= {event.service for event in product.events.values() if product.subscribers(event.name)}
    busy |= {
        service.name for service in product.services if service.reactions or product.workflow_steps_in(service.name)
    }
    busy |= {workflow.service for workflow in product.workflows}
    if product.features:
        for service in product.services:
            if service.name not in busy:
                yield Finding(
                    service.name,
                    f"service {service.name} serves no feature, and no other service needs it",
                    f"name {service.name} in the services of a feature, or leave it out",
                    "services",
                )


@rule("B17", DEFER, "boundary", 3)
def feature_out_of_reach(view: ProjectView) -> Iterator[Finding]:
    """A feature is served by internal services alone, which nobody calls from outside and nothing sets to work."""
    product = view.product
    woken = {it.name for it in product.services if it.subscriptions or it.jobs or product.workflow_steps_in(it.name)}
    for feature in product.features:
        serving = [product.by_name[it] for it in feature.services]
        if serving and all(it.exposure == "internal" and it.name not in woken for it in serving):
            names = all_of(tuple(it.name for it in serving))
            yield Finding(
                feature.id,
                f'{feature.id} "{feature.name}" is served by {names} alone, which nobody from outside calls and no '
                "event, job or workflow sets to work",
                "name the service that callers reach, too, or let an event or a job cause it",
                "mvp_features",
            )


@rule("B08", DEFER, "boundary", 3)
def long_call_chain(view: ProjectView) -> Iterator[Finding]:
    """A request waits for a chain of more than three calls, and fails when any of them does."""
    for service in view.product.services:
        chain = _longest_chain(view.product, service)
        if service.exposure == "public" and len(chain) > 4:
            yield Finding(
                service.name,
                f"a request to {service.name} may wait for {' -> '.join(chain)}",
                'replace one call by a read copy: subscribes: ["keep <Entity>"]',
                "services",
            )


def _longest_chain(product: Product, service: Service) -> tuple[str, ...]:
    memo: dict[str, tuple[str, ...]] = {}

    def chain(name: str) -> tuple[str, ...]:
        if name not in memo:
            called = [chain(dependency.service) for dependency in product.calls(product.by_name[name])]
            memo[name] = (name, *max(called, key=len, default=()))
        return memo[name]

    return chain(service.name)


@rule("B09", DEFER, "boundary", 3)
def too_fine_grained(view: ProjectView) -> Iterator[Finding]:
    """There are more services than the team can look after."""
    product, size = view.product, view.details("team").get("size")
    small = [service.name for service in product.services if _is_small(product, service)]
    if isinstance(size, int) and len(product.services) > max(3, size * 2):
        some = f"merge some{', for example of ' + ', '.join(small) if small else ''}"
        together = (
            "" if has(view.decisions, "one_process") else ", or choose the modular monolith as architecture_style"
        )
        message = f"{len(product.services)} services for a team of {size}"
        yield Finding("services", message, f"{some}{together}", "services")


def _is_small(product: Product, service: Service) -> bool:
    served = sum(service.name in feature.services for feature in product.features)
    return len(service.entities) <= 1 and served <= 1


@rule("B10", DEFER, "boundary", 3)
def same_responsibility(view: ProjectView) -> Iterator[Finding]:
    """Two services claim nearly the same responsibility."""
    known: list[tuple[str, frozenset[str]]] = []
    for service in view.product.services:
        words = _words(service.responsibility)
        if first := next((name for name, its in known if _nearly(its, words)), None):
            yield Finding(
                f"{first}-{service.name}",
                f"{first} and {service.name} describe the same responsibility",
                "merge them, or say what only each of them does",
                "services",
            )
        known.append((service.name, words))


def _nearly(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether of the words of two most are in both."""
    return len(one & other) >= max(2, 0.7 * len(one | other))


def _words(text: str) -> frozenset[str]:
    return frozenset(word for word in re.findall(r"\w+", text.casefold()) if len(word) > 3)


@rule("B11", DEFER, "boundary", 3)
def port_without_process(view: ProjectView) -> Iterator[Finding]:
    """A service is given a port, and one process serves all of them at another."""
    alone = has(view.decisions, "one_process")
    for _, parts in entries(structure(view.answer("services"), Report()), shape_of("services")):
        if alone and "port" in parts:
            name = parts["name"].text()
            yield Finding(
                name,
                f"port {parts['port'].value} is given to {name}, and one process serves all services",
                "take the port out, set port_base, or choose services as architecture_style",
                "services",
            )


@rule("B12", DEFER, "boundary", 3)
def feature_across_unconnected_services(view: ProjectView) -> Iterator[Finding]:
    """A feature takes services that neither call nor hear each other, over whatever others."""
    groups = _joined((service.name for service in view.product.services), _ties(view.product))
    for feature in view.product.features:
        pieces = [sorted(group & set(feature.services)) for group in groups if group & set(feature.services)]
        if len(pieces) > 1:
            yield Finding(
                feature.id,
                f'{feature.id} "{feature.name}" takes {" and ".join(", ".join(it) for it in pieces)}, '
                "which know nothing of each other",
                "let one call or hear the other, or make two features of it",
                "services",
            )


def _ties(product: Product) -> Iterator[tuple[str, str]]:
    """The services that call each other, or of which one hears the other."""
    for service in product.services:
        yield from ((service.name, dependency.service) for dependency in service.depends_on)
        for event in service.events:
            yield from ((service.name, it.name) for it in product.subscribers(event.name))


def _joined(names: Iterable[str], ties: Iterable[tuple[str, str]]) -> list[set[str]]:
    """Names in groups, such that those which are tied are in one."""
    groups = [{name} for name in names]
    for tie in ties:
        touched = [group for group in groups if group & set(tie)]
        groups = [group for group in groups if group not in touched] + [set().union(*touched)]
    return groups


@rule("B13", DEFER, "boundary", 3)
def dependent_on_one_service(view: ProjectView) -> Iterator[Finding]:
    """A small service does nothing without one other, and it is not stated why the two are apart."""
    if view.answer("service_count_why").known:
        return
    features = view.product.features
    for service in view.product.services:
        mine = [set(feature.services) for feature in features if service.name in feature.services]
        always = sorted(set.intersection(*mine) - {service.name}) if mine else []
        if always and len(service.entities) <= 1:
            yield Finding(
                service.name,
                f"every feature of {service.name} takes {', '.join(always)}, too",
                f"say in service_count_why what sets {service.name} apart, or merge it with {always[0]}",
                "service_count_why",
            )


@rule("B14", DEFER, "boundary", 3)
def internal_without_caller(view: ProjectView) -> Iterator[Finding]:
    """Only other services may call a service, and none does or is heard by it."""
    called = {dependency.service for service in view.product.services for dependency in service.depends_on}
    for service in view.product.services:
        hears = service.reactions or service.copies or view.product.workflow_steps_in(service.name)
        if service.exposure == "internal" and not hears and service.name not in called:
            yield Finding(
                service.name,
                f"{service.name} is internal, and no other service calls it or is heard by it",
                f"give it exposure: public, or name {service.name} in the depends_on of another",
                "services",
            )


@rule("B15", DEFER, "boundary", 3)
def unconnected_records(view: ProjectView) -> Iterator[Finding]:
    """One of several services keeps two groups of records that nothing connects."""
    product = view.product
    for service in product.services if len(product.services) > 1 else ():
        kept = {entity.name for entity in service.entities}
        refers = ((it.name, target) for it in service.entities for target in product.referenced_entities(it.fields))
        groups = _joined(kept, (tie for tie in refers if tie[1] in kept))
        jobs = sorted(sorted(group) for group in groups if len(group) > 1)
        if len(jobs) > 1:
            yield Finding(
                service.name,
                f"{service.name} keeps {' and also '.join(', '.join(it) for it in jobs)}, which nothing connects",
                "let two services keep them, or add the reference that is missing",
                "services",
            )
