"""Rules about what the product promises and nothing keeps: work at times, and calls that others allow."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..domain import ExternalApi, Feature
from ..project_view import ProjectView
from ..reading import Rate, rate
from .model import DEFER, MUST, Finding, rule

PERIOD = (
    "(second|minute|quarter|half[ -]hour|hour|day|night|morning|evening|midnight|week|month"
    "|(mon|tues|wednes|thurs|fri|satur|sun)day)"
)
AT_TIMES = re.compile(
    rf"\b(every|each) (\d+ |few |other |second )?{PERIOD}s?\b|\bonce (an?|per|every) {PERIOD}\b"
    r"|\b(hourly|nightly|daily|weekly|monthly)\b|\bat (\d{1,2}[:.]\d\d|\d{1,2} ?[ap]m|midnight|noon)\b",
    re.IGNORECASE,
)
"""Words that promise work at set times."""


@rule("B16", MUST, "inconsistent", 2)
def schedule_without_job(view: ProjectView) -> Iterator[Finding]:
    """A requirement promises something at set times, or the product is used on a schedule, and no job does that."""
    scheduled = {service.name for service in view.product.services for job in service.jobs if job.schedule}
    where = next((it.name for it in view.product.services), "orders")
    for feature in view.product.features:
        words = _time_in(feature)
        if words and not (scheduled.intersection(feature.services) if feature.services else scheduled):
            service = next(iter(feature.services), where)
            yield Finding(
                feature.id,
                f'{feature.id} promises something "{words}", and no job does it',
                f'add it to jobs, e.g. "{service}: do_it daily at 02:00", or say it without a time',
                "jobs",
            )
    channels = view.answer("interaction_channels").value
    if isinstance(channels, tuple) and "scheduled" in channels and not scheduled:
        yield Finding(
            "scheduled",
            "interaction_channels has scheduled, and no job is due at set times",
            f'add one to jobs, e.g. "{where}: do_it daily at 02:00", or take scheduled out of interaction_channels',
            "jobs",
        )


def _time_in(feature: Feature) -> str:
    """The words by which a requirement promises something at times; empty if it does not."""
    for text in (feature.name, feature.outcome, *(it.text for it in feature.criteria)):
        if found := AT_TIMES.search(text):
            return found[0]
    return ""


@rule("C23", DEFER, "inconsistent", 2)
def rate_limit_below_load(view: ProjectView) -> Iterator[Finding]:
    """An external API may be called less often than the services that use it are to be asked."""
    for item in view.items("external_api_details"):
        api = view.api_named(item.name)
        planned = _planned(view, api) if api else None
        limits = [it for it in (rate(item.text), rate(item.get("quota"))) if it]
        for limit in limits:
            if api and planned and limit.per_second < planned.per_second:
                yield Finding(
                    api.name,
                    f"{api.name} may be called {_often(limit)}, and {_often(planned)} are planned where it is used",
                    "agree on more, or say a lower load in performance_targets",
                    "external_api_details",
                )
                break


def _planned(view: ProjectView, api: ExternalApi) -> Rate | None:
    """The highest load that is planned for a service that calls an API."""
    loads = (rate(it.get("load")) for it in view.items("performance_targets") if it.get("scope") in api.used_by)
    return max((it for it in loads if it), key=lambda it: it.per_second, default=None)


def _often(it: Rate) -> str:
    """`10 times in 60 s`."""
    return f"{it.count} times in {it.seconds} s"
