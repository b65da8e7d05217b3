"""Rules about failures: is it stated what happens when a dependency, a job or an event fails?"""

from __future__ import annotations

from collections.abc import Iterator

from ..decisions import has
from ..domain import ExternalApi, Product
from ..name_matching import words_of, words_of_item
from ..project_view import ProjectView
from .model import DEFER, MUST, Finding, rule


@rule("C04", MUST, "error", 2)
def api_without_timeout(view: ProjectView) -> Iterator[Finding]:
    """A call to an external service may wait without a limit."""
    for api in view.product.external_apis:
        if api.timeout_s is None:
            yield Finding(api.name, f"{api.name} has no timeout", "give it timeout_s", "external_apis")


@rule("C05", MUST, "error", 2)
def critical_api_without_fallback(view: ProjectView) -> Iterator[Finding]:
    """The product cannot do without an external API, and it is not stated what it does while that is unavailable."""
    for api in view.product.external_apis:
        if api.critical and not api.fallback and not _mentioned(view, api):
            yield Finding(
                api.name,
                f"{api.name} is critical and has no fallback",
                f"give it a fallback, or a scenario in failure_handling that names {api.name}",
                "external_apis",
            )


def _mentioned(view: ProjectView, api: ExternalApi) -> bool:
    """Whether a failure scenario has a word of its name: `The payment company is down` is about `card_payments`."""
    return any(words_of(api.name) & words_of_item(it) for it in view.items("failure_handling"))


@rule("C17", DEFER, "error", 2)
def api_without_fallback(view: ProjectView) -> Iterator[Finding]:
    """The product can do without an external API, and it is not stated what it does then."""
    for api in view.product.external_apis:
        if not api.critical and not api.fallback and not _mentioned(view, api):
            yield Finding(
                api.name,
                f"it is not stated what happens while {api.name} is unavailable",
                f"give it a fallback, or a scenario in failure_handling that names {api.name}",
                "external_apis",
            )


@rule("C06", DEFER, "error", 2)
def api_unused(view: ProjectView) -> Iterator[Finding]:
    """An external API is declared, and no service uses it."""
    for api in view.product.external_apis:
        if not api.used_by:
            yield Finding(
                api.name,
                f"no service uses {api.name}",
                "give it used_by, or leave it out",
                "external_apis",
            )


@rule("C07", MUST, "error", 2)
def retries_unwanted(view: ProjectView) -> Iterator[Finding]:
    """Nothing shall be tried again by itself, and the decision on retries does just that."""
    decided = next((it for it in view.decisions if it.decision.id == "retry_strategy"), None)
    if (
        decided
        and _asks_others(view)
        and view.answer("auto_retry").value == "none"
        and "retries" in decided.option.provides
    ):
        yield Finding(
            "retry_strategy",
            f"auto_retry is none, and retry_strategy is {decided.option.name}",
            "change auto_retry, or choose another retry_strategy where one is offered",
            "auto_retry",
        )


def _asks_others(view: ProjectView) -> bool:
    """Whether there is anything that could fail for a moment: a call, or an event to deliver."""
    product = view.product
    called = any(product.calls(service) for service in product.services)
    return bool(
        called
        or product.external_apis
        or product.workflows
        or any(product.subscribers(event) for event in product.events)
    )


@rule("C15", DEFER, "error", 2)
def redelivery_without_queue(view: ProjectView) -> Iterator[Finding]:
    """What waits shall be delivered until it succeeds, and nothing ever waits."""
    product = view.product
    waits = product.external_apis or product.workflows or any(product.subscribers(event) for event in product.events)
    if view.answer("auto_retry").value == "queue_redelivery" and not waits:
        yield Finding(
            "auto_retry",
            "auto_retry is queue_redelivery, and no service hears an event or uses an external API",
            "subscribe a service to an event, or change auto_retry",
            "auto_retry",
        )


@rule("C21", MUST, "error", 4)
def job_may_be_lost(view: ProjectView) -> Iterator[Finding]:
    """Money depends on a job, and a restart may lose it."""
    if "financial" not in view.sensitive_kinds or not has(view.decisions, "jobs_in_service"):
        return
    for service in view.product.services:
        for job in service.jobs:
            if job.entity:
                yield Finding(
                    f"{service.name}-{job.name}",
                    f"{service.name} loses {job.name} in a restart, and it keeps financial records",
                    "set job_management to an option that keeps jobs, or waive this with who looks for lost ones",
                    "job_management",
                )


@rule("C08", DEFER, "error", 3)
def event_without_subscriber(view: ProjectView) -> Iterator[Finding]:
    """An event is published, and nobody in the system hears it."""
    for event in view.product.events.values():
        if not view.product.subscribers(event.name):
            yield Finding(
                event.name,
                f"{event.service} publishes {event.name}, and no service subscribes",
                "subscribe a service to it, or leave it out until one needs it",
                "services",
            )


@rule("C11", DEFER, "error", 4)
def outage_not_planned(view: ProjectView) -> Iterator[Finding]:
    """A service calls another, and no failure scenario says what its users see while that is unavailable."""
    for service in view.product.services:
        for dependency in view.product.calls(service):
            if not view.failure_named(dependency.service, by=service.name):
                yield Finding(
                    f"{service.name}-{dependency.service}",
                    f"failure_handling does not say what users of {service.name} see while "
                    f"{dependency.service} is unavailable (built in: {dependency.when_unavailable})",
                    f"add a scenario of {service.name} to failure_handling that names {dependency.service}",
                    "failure_handling",
                )


@rule("C10", DEFER, "error", 4)
def subscriber_outage_not_planned(view: ProjectView) -> Iterator[Finding]:
    """A service hears events, and no failure scenario says what becomes of them while it is unavailable."""
    broker = view.event_transport.broker
    for service in view.product.services:
        hears = service.reactions or service.copies or view.product.workflow_steps_in(service.name)
        if hears and not view.failure_named(service.name):
            yield Finding(
                service.name,
                f"failure_handling does not say what becomes of events while {service.name} is unavailable "
                f"(built in: they wait {'at ' + broker if broker else 'in the outbox'})",
                f"add a scenario to failure_handling that names {service.name}",
                "failure_handling",
            )


@rule("C22", DEFER, "error", 4)
def refund_not_planned(view: ProjectView) -> Iterator[Finding]:
    """A step of a workflow takes money, and no failure scenario says how it is given back."""
    product = view.product
    for step in (step for it in product.workflows for step in it.steps):
        types = (it.type.field_type for it in product.entities[step.creates].fields)
        takes = any(it.financial for it in types if it)
        if takes and not view.failure_named(step.service):
            yield Finding(
                f"{step.workflow}-{step.name}",
                f"failure_handling does not say what becomes of the money of {step.creates} when {step.workflow} "
                "is undone (built in: the record is removed)",
                f"add a scenario to failure_handling that names {step.service}",
                "failure_handling",
            )


@rule("C24", DEFER, "error", 4)
def acts_before_workflow_ends(view: ProjectView) -> Iterator[Finding]:
    """A service acts on a record that a workflow may still undo, and does nothing when it is undone."""
    product = view.product
    for workflow in product.workflows:
        for entity, undoing in ((workflow.entity, "update"), *((it.creates, "delete") for it in workflow.steps)):
            informed = {service for service, _, __ in _acting_on(product, entity, undoing)}
            for service, cause, question in _acting_on(product, entity, "create"):
                if service not in informed:
                    yield Finding(
                        f"{workflow.name}-{service}-{cause.split()[-1]}",
                        f"{service} acts on {cause}, and does nothing when {workflow.name} undoes the {entity}",
                        f"let {service} also act on {undoing} {entity}, by an event that it subscribes to or by a job",
                        question,
                    )


def _acting_on(product: Product, entity: str, operation: str) -> Iterator[tuple[str, str, str]]:
    """The services that act on an operation on records of an entity, what tells them, and the question about it."""
    for service in product.services:
        for reaction in service.reactions:
            event = product.events[reaction.event]
            if event.entity == entity and operation in event.operations:
                yield service.name, f"the event {event.name}", "services"
        for job in service.jobs:
            if job.entity == entity and operation in job.operations:
                yield service.name, f"{operation} {entity} by the job {job.name}", "jobs"
