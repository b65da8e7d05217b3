"""Rules about contracts: is it clear which errors services answer with, and what callers can rely on?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..name_matching import id_part, normalized
from ..operations import KINDS, UNRELATED
from ..project_view import ProjectView
from .model import DEFER, MUST, Finding, rule

STATUSES = {*UNRELATED, *(status for kind in KINDS for status in kind.problems)}
"""The errors that a generated service can answer with."""

STATUS = re.compile(
    r"\b(?:with|http|status|code|error|answers?|returns?|gets?)\s+(?:(?:an?|the|http|status|code|error)\s+)*([45]\d\d)\b"
    r"(?!\s*(?:%|[a-z]{2,}s\b|(?:ms|s|m|kg|g|gb|mb|kb|km|eur|euro|usd|of)\b)|[.,]\d)",
    re.IGNORECASE,
)
"""An HTTP error in a sentence, such as `refuse it with 409`; `with 500 books` is none."""


@rule("C12", MUST, "error", 2)
def error_of_two_classes(view: ProjectView) -> Iterator[Finding]:
    """One error is stated in two classes, so that its handling is ambiguous."""
    classes: dict[str, str] = {}
    for name, errors in view.details("error_classes").items():
        for error in errors if isinstance(errors, tuple) else ():
            first = classes.setdefault(normalized(error), name)
            if first != name:
                yield Finding(
                    id_part(error),
                    f'error_classes has "{error}" as {first} and as {name}',
                    "keep it in one of the two",
                    "error_classes",
                )


@rule("C13", MUST, "error", 2)
def no_error_classed(view: ProjectView) -> Iterator[Finding]:
    """Errors are classed, and none is critical or recoverable."""
    classes = view.details("error_classes")
    if classes and not (classes.get("critical") or classes.get("recoverable")):
        yield Finding(
            "critical",
            "error_classes names no critical and no recoverable error",
            "say which error must never happen, and which heals",
            "error_classes",
        )


@rule("C14", DEFER, "error", 2)
def status_of_no_endpoint(view: ProjectView) -> Iterator[Finding]:
    """A criterion or a failure scenario has an HTTP error that no endpoint answers with."""
    for subject, text, question in _promises(view):
        unknown = [status for status in STATUS.findall(text) if int(status) not in STATUSES]
        if unknown:
            yield Finding(
                subject,
                f"{subject} has the error {', '.join(unknown)}, which no endpoint answers with",
                f"take one of {', '.join(map(str, sorted(STATUSES)))}; a business rule that says no is 409",
                question,
            )


def _promises(view: ProjectView) -> Iterator[tuple[str, str, str]]:
    for feature in view.product.features:
        for criterion in feature.criteria:
            yield criterion.id, criterion.text, "mvp_features"
    for scenario in view.items("failure_handling"):
        yield id_part(scenario.name), scenario.text, "failure_handling"


@rule("C19", MUST, "missing", 3)
def call_to_empty_service(view: ProjectView) -> Iterator[Finding]:
    """A service calls another that has neither records nor a feature with criteria: nothing says what to ask."""
    product = view.product
    promised = {name for feature in product.features if feature.criteria for name in feature.services}
    for service in product.services if product.entities else ():
        for dependency in service.depends_on:
            called = dependency.service
            if not product.by_name[called].entities and called not in promised:
                yield Finding(
                    f"{service.name}-{called}",
                    f"{service.name} depends on {called}, which keeps no records to be asked for",
                    f"give {called} a feature whose acceptance says what it answers, or records in data_entities",
                    "data_entities",
                )


@rule("C20", DEFER, "missing", 3)
def call_without_reference(view: ProjectView) -> Iterator[Finding]:
    """A service calls another, and none of its records refers to one of the other's."""
    product = view.product
    for service in product.services:
        targets = {target for entity in service.entities for target in product.referenced_entities(entity.fields)}
        for dependency in service.depends_on:
            theirs = [entity.name for entity in product.by_name[dependency.service].entities]
            if theirs and service.entities and targets.isdisjoint(theirs):
                yield Finding(
                    f"{service.name}-{dependency.service}",
                    f"{service.name} depends on {dependency.service}, and no record of it refers to one of those",
                    f"refer to {' or '.join(theirs[:3])}, or take {dependency.service} out of depends_on",
                    "data_entities",
                )
