"""What speaks for or against options: facts computed from the answers, never asked.

Each driver is a function that says why it holds, naming the answers, or returns an empty string. Its docstring says
what it means, and fits after "if", as documents say both `There is only one service` and `if there is only one
service`. Options give drivers weights in their `decision.yml`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from . import reading
from .answers import Answers
from .domain import Product
from .provenance import track, tracked

Rule = Callable[[Answers, Product], str]

RULES: dict[str, Rule] = {}
"""Every driver by name, in the order in which documents name them."""

RESTS_ON: dict[str, tuple[str, ...]] = {}
"""The answers that each driver is computed from."""

HEAVY = 100
"""Requests a second from which one writer at a time is a risk."""


@tracked(lambda driver, part: driver.because_of if part == "because" else ())
@dataclass(frozen=True)
class Driver:
    """A driver that holds."""

    name: str
    because: str
    """The answers because of which it holds: `deploy_target is kubernetes`."""

    @property
    def because_of(self) -> tuple[str, ...]:
        """The questions whose answers it rests on."""
        return RESTS_ON[self.name]


def holding(answers: Answers, product: Product) -> tuple[Driver, ...]:
    """The drivers that hold for these answers."""
    found = (Driver(name, rule(answers, product)) for name, rule in RULES.items())
    return tuple(driver for driver in found if driver.because)


def meaning(name: str) -> str:
    """The meaning of a driver: `one person builds and runs it`."""
    track(*RESTS_ON[name])
    return (RULES[name].__doc__ or "").rstrip(".")


def driver(*answers: str) -> Callable[[Rule], Rule]:
    """Register a rule under its function's name, with the answers that it rests on."""

    def register(rule: Rule) -> Rule:
        RULES[rule.__name__] = rule
        RESTS_ON[rule.__name__] = answers
        return rule

    return register


@driver("distribution")
def personal(answers: Answers, product: Product) -> str:
    """the product is for one person."""
    return _is(answers, "distribution", "personal")


@driver("distribution")
def public(answers: Answers, product: Product) -> str:
    """anybody may use the product."""
    return _is(answers, "distribution", "public")


@driver("distribution", "services")
def many_writers(answers: Answers, product: Product) -> str:
    """people outside the organisation write to several services at once."""
    writable = [service.name for service in product.services if service.exposure == "public" and service.entities]
    outside = _is(answers, "distribution", "partner", "public")
    return f"{outside} and {_listed(writable)} take writes" if outside and len(writable) > 1 else ""


@driver("tenants")
def several_tenants(answers: Answers, product: Product) -> str:
    """the product serves several organisations, each of which sees its own records alone."""
    return f"tenants keeps the records of each {product.tenants} from the others" if product.tenants else ""


@driver("team")
def solo(answers: Answers, product: Product) -> str:
    """one person builds and runs the product."""
    size = _team(answers)
    return "team.size is 1" if size == 1 else ""


@driver("team")
def several_people(answers: Answers, product: Product) -> str:
    """two people or more work on the product."""
    size = _team(answers)
    return f"team.size is {size}" if size is not None and size > 1 else ""


@driver("team")
def big_team(answers: Answers, product: Product) -> str:
    """eight people or more work on the product."""
    size = _team(answers)
    return f"team.size is {size}" if size is not None and size >= 8 else ""


@driver("services")
def one_service(answers: Answers, product: Product) -> str:
    """there is only one service."""
    return f"services has {product.services[0].name} only" if len(product.services) == 1 else ""


@driver("services")
def many_services(answers: Answers, product: Product) -> str:
    """there are three services or more."""
    return f"services has {len(product.services)} of them" if len(product.services) >= 3 else ""


@driver("services")
def events(answers: Answers, product: Product) -> str:
    """a service subscribes to events of another."""
    heard = [event for event in product.events if product.subscribers(event)]
    return f"services subscribe to {_listed(heard)}" if heard else ""


@driver("services")
def announced(answers: Answers, product: Product) -> str:
    """services publish events, with or without subscribers."""
    return f"services publish {_listed(product.events)}" if product.events else ""


@driver("workflows")
def workflows(answers: Answers, product: Product) -> str:
    """a workflow spans several services."""
    return f"workflows has {_listed(it.name for it in product.workflows)}" if product.workflows else ""


@driver("services", "workflows")
def no_workflows(answers: Answers, product: Product) -> str:
    """there are several services, and no workflow spans them."""
    return "workflows has none" if len(product.services) > 1 and not product.workflows else ""


@driver("services", "workflows")
def no_events(answers: Answers, product: Product) -> str:
    """there are several services, and none subscribes to events of another."""
    silent = len(product.services) > 1 and not product.workflows and not any(map(product.subscribers, product.events))
    return "services subscribe to nothing" if silent else ""


@driver("services", "data_entities")
def calls(answers: Answers, product: Product) -> str:
    """a service calls another while a user waits."""
    callers = [service.name for service in product.services if product.calls(service)]
    return f"depends_on is given for {_listed(callers)}" if callers else ""


@driver("services", "data_entities")
def no_calls(answers: Answers, product: Product) -> str:
    """no service calls another while a user waits."""
    alone = product.services and not any(map(product.calls, product.services))
    return "no service calls another" if alone else ""


@driver("services", "data_entities")
def no_lookups(answers: Answers, product: Product) -> str:
    """there are several services, and none looks up a record of another."""
    alone = len(product.services) > 1 and not any(map(product.checks, product.services))
    return "data_entities refers to nothing that services ask each other for" if alone else ""


@driver("jobs", "services")
def jobs(answers: Answers, product: Product) -> str:
    """work goes on after the request that asked for it, or runs at set times."""
    names = [job.name for service in product.services for job in service.jobs]
    return f"jobs has {_listed(names)}" if names else ""


@driver("jobs", "services")
def no_jobs(answers: Answers, product: Product) -> str:
    """no work goes on after its request, and none runs at set times."""
    return "jobs names none" if product.services and not any(it.jobs for it in product.services) else ""


@driver("jobs", "services", "data_entities")
def triggered_jobs(answers: Answers, product: Product) -> str:
    """a change of a record starts work that goes on after its request."""
    names = [job.name for service in product.services for job in service.jobs if job.entity]
    return f"jobs has {_listed(names)} on changes" if names else ""


@driver("external_apis")
def external(answers: Answers, product: Product) -> str:
    """the product calls an external API."""
    names = [api.name for api in product.external_apis]
    return f"external_apis has {_listed(names)}" if names else ""


@driver("data_entities")
def relations(answers: Answers, product: Product) -> str:
    """records refer to each other."""
    pairs = [
        f"{entity.name} to {field.type.target}"
        for entity in product.entities.values()
        for field in entity.fields
        if field.type.kind == "reference"
    ]
    return f"data_entities refers {_listed(pairs)}" if pairs else ""


@driver("data_sensitivity")
def sensitive(answers: Answers, product: Product) -> str:
    """a leak would hurt people."""
    return _has(answers, "data_sensitivity", "pii", "financial", "health", "credentials", "children")


@driver("data_sensitivity")
def money(answers: Answers, product: Product) -> str:
    """the product stores financial records."""
    return _has(answers, "data_sensitivity", "financial")


@driver("interaction_channels")
def api_clients(answers: Answers, product: Product) -> str:
    """other programs are clients."""
    return _has(answers, "interaction_channels", "api")


@driver("interaction_channels")
def web_clients(answers: Answers, product: Product) -> str:
    """browsers are clients."""
    return _has(answers, "interaction_channels", "web_ui")


@driver("deploy_target")
def local(answers: Answers, product: Product) -> str:
    """the product runs on its user's own machine."""
    return _is(answers, "deploy_target", "local")


@driver("deploy_target")
def own_machine(answers: Answers, product: Product) -> str:
    """the product runs on a machine that keeps its disk."""
    return _is(answers, "deploy_target", "local", "vm", "on_prem")


@driver("deploy_target")
def kubernetes(answers: Answers, product: Product) -> str:
    """a cluster starts and moves instances at will."""
    return _is(answers, "deploy_target", "kubernetes")


@driver("deploy_target")
def passing_disk(answers: Answers, product: Product) -> str:
    """the platform throws away what an instance writes to its disk."""
    return _is(answers, "deploy_target", "paas", "serverless")


@driver("deploy_target")
def serverless(answers: Answers, product: Product) -> str:
    """an instance lives for a request and shares no disk with the next."""
    return _is(answers, "deploy_target", "serverless")


@driver("performance_targets", "scale_expectations")
def heavy_load(answers: Answers, product: Product) -> str:
    """a hundred requests a second or more must be served."""
    loads = [
        (load, "performance_targets") for item in _items(answers, "performance_targets") if (load := _per_second(item))
    ]
    peak = reading.details(answers, "scale_expectations").get("peak_rps")
    loads += [(float(peak), "scale_expectations")] if isinstance(peak, (int, float)) else []
    most, where = max(loads, default=(0.0, ""))
    return f"{where} asks for {most:g} requests a second" if most >= HEAVY else ""


@driver("scale_expectations")
def several_instances(answers: Answers, product: Product) -> str:
    """several instances of a service run at once."""
    wanted = reading.details(answers, "scale_expectations").get("instances")
    return f"scale_expectations.instances is {wanted}" if isinstance(wanted, int) and wanted > 1 else ""


@driver("slos")
def objectives(answers: Answers, product: Product) -> str:
    """a level of service is promised."""
    promised = [item.name for item in reading.items(answers, "slos")]
    return f"slos promises {_listed(promised)}" if promised else ""


@driver("monitoring_requirements")
def watched(answers: Answers, product: Product) -> str:
    """somebody is notified when something is wrong."""
    notified = [
        str(item.get("notify")) for item in reading.items(answers, "monitoring_requirements") if item.get("notify")
    ]
    return f"monitoring_requirements tells {_listed(dict.fromkeys(notified))}" if notified else ""


def _is(answers: Answers, name: str, *values: str) -> str:
    value = answers[name].value
    return f"{name} is {value}" if isinstance(value, str) and value in values else ""


def _has(answers: Answers, name: str, *values: str) -> str:
    value = answers[name].value
    given = (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ()
    found = [item for item in values if item in given]
    return f"{name} has {_listed(found)}" if found else ""


def _team(answers: Answers) -> int | None:
    size = reading.details(answers, "team").get("size")
    return size if isinstance(size, int) else None


def _items(answers: Answers, name: str) -> tuple[Mapping[object, object], ...]:
    value = answers[name].value
    return tuple(item for item in value if isinstance(item, Mapping)) if isinstance(value, tuple) else ()


def _per_second(item: Mapping[object, object]) -> float:
    """The requests a second that a performance target names, as its target or as the load that it holds under."""
    target = f"{item.get('target', '')} {item.get('unit', '')}"
    rates = re.findall(
        r"(\d+(?:\.\d+)?)\s*(?:rps\b|req(?:uest)?s?\s*(?:/|per|a)\s*s)",
        f"{target} | {item.get('load', '')}",
        re.IGNORECASE,
    )
    return max(map(float, rates), default=0.0)


def _listed(names: Iterable[str]) -> str:
    """Names in a sentence: `a, b and c`; of many, the first and how many more there are."""
    known = tuple(names)
    *head, last = known if len(known) <= 5 else (*known[:3], f"{len(known) - 3} more")
    return " and ".join(filter(None, [", ".join(head), last]))
