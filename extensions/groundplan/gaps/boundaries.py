"""Rules B: does every service have one job, and every job one service?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..domain import Product, Service
from .facts import Facts
from .model import DEFER, MUST, Finding, rule


@rule("B01", MUST, "boundary", 3)
def service_without_responsibility(facts: Facts) -> Iterator[Finding]:
    """A service has no responsibility, so nobody can say what belongs into it."""
    for service in facts.product.services:
        if not service.responsibility:
            yield Finding(
                service.name,
                f"service {service.name} has no responsibility",
                f"write `{service.name}: <what it alone does>`",
                "services",
            )


@rule("B04", MUST, "boundary", 3)
def feature_without_service(facts: Facts) -> Iterator[Finding]:
    """A feature belongs to no service."""
    for feature in facts.product.features:
        if not feature.services:
            known = ", ".join(service.name for service in facts.product.services)
            yield Finding(
                feature.id,
                f'{feature.id} "{feature.name}" belongs to no service',
                f"give it services: one or more of {known}",
                "mvp_features",
            )


@rule("B05", DEFER, "boundary", 3)
def idle_service(facts: Facts) -> Iterator[Finding]:
    """A service serves no feature, and no other service calls or hears it."""
    product = facts.product
    busy = {name for feature in product.features for name in feature.services}
    busy |= {dependency.service for service in product.services for dependency in service.depends_on}
    busy |= {event.service for event in product.events.values() if product.subscribers(event.name)}
    busy |= {service.name for service in product.services if service.reactions}
    if product.features:
        for service in product.services:
            if service.name not in busy:
                yield Finding(
                    service.name,
                    f"service {service.name} serves no feature, and no other service needs it",
                    f"name {service.name} in the services of a feature, or leave it out",
                    "services",
                )


@rule("B08", DEFER, "boundary", 3)
def long_call_chain(facts: Facts) -> Iterator[Finding]:
    """A request waits for a chain of more than three calls, and fails when any of them does."""
    for service in facts.product.services:
        chain = _longest_chain(facts.product, service)
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
            called = [chain(dependency.service) for dependency in product.by_name[name].depends_on]
            memo[name] = (name, *max(called, key=len, default=()))
        return memo[name]

    return chain(service.name)


@rule("B09", DEFER, "boundary", 3)
def too_fine_grained(facts: Facts) -> Iterator[Finding]:
    """There are more services than the team can look after."""
    product, size = facts.product, facts.details("team").get("size")
    small = [service.name for service in product.services if _is_small(product, service)]
    if isinstance(size, int) and len(product.services) > max(3, size * 2):
        yield Finding(
            "services",
            f"{len(product.services)} services for a team of {size}",
            f"merge some{', for example of ' + ', '.join(small) if small else ''}"
            ", or choose the modular monolith as architecture_style",
            "services",
        )


def _is_small(product: Product, service: Service) -> bool:
    served = sum(service.name in feature.services for feature in product.features)
    return len(service.entities) <= 1 and served <= 1


@rule("B10", DEFER, "boundary", 3)
def same_responsibility(facts: Facts) -> Iterator[Finding]:
    """Two services claim nearly the same responsibility."""
    services = facts.product.services
    words = {service.name: _words(service.responsibility) for service in services}
    for number, first in enumerate(services):
        for second in services[number + 1 :]:
            shared = words[first.name] & words[second.name]
            either = words[first.name] | words[second.name]
            if len(shared) >= 2 and len(shared) >= 0.7 * len(either):
                yield Finding(
                    f"{first.name}-{second.name}",
                    f"{first.name} and {second.name} describe the same responsibility",
                    "merge them, or say what only each of them does",
                    "services",
                )


def _words(text: str) -> frozenset[str]:
    return frozenset(word for word in re.findall(r"\w+", text.casefold()) if len(word) > 3)
