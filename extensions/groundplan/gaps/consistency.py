"""Rules about contradictions: do the answers to different questions agree?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..domain import Entity, Field, Item, ValueObject
from ..name_matching import id_part, is_about_service, normalized, words_of, words_of_item
from ..project_view import ProjectView
from .model import DEFER, MUST, Finding, rule

SECONDS = {"ms": 0.001, "milli": 0.001, "s": 1, "sec": 1, "min": 60, "h": 3600, "hour": 3600}
DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|milli|sec|s\b|min|hour|h\b)", re.IGNORECASE)
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@rule("A16", MUST, "inconsistent", 2)
def details_of_unknown_api(view: ProjectView) -> Iterator[Finding]:
    """Limits and keys are stated for an external API that does not exist."""
    for item in view.items("external_api_details"):
        if not view.api_named(item.name):
            yield Finding(
                f"external_api_details-{id_part(item.name)}",
                f'external_api_details speaks of "{item.name}", which is not in external_apis',
                "name one that is there, or add it to external_apis",
                "external_api_details",
            )


@rule("A19", MUST, "inconsistent", 2)
def unknown_service(view: ProjectView) -> Iterator[Finding]:
    """An answer refers to a service that does not exist."""
    for question in ("failure_handling", "slos"):
        for item in view.items(question):
            service = str(item.get("service"))
            if service and not any(is_about_service(item, name) for name in view.product.by_name):
                yield Finding(
                    f"{question}-{id_part(item.name)}",
                    f'{question} says that "{item.name}" is about {service}, which is not a service',
                    f"name one of {', '.join(view.product.by_name)}, or none",
                    question,
                )


@rule("A20", DEFER, "inconsistent", 2)
def threshold_without_target(view: ProjectView) -> Iterator[Finding]:
    """A threshold is stated for something that no performance target covers."""
    for item in view.items("acceptable_thresholds"):
        if view.answer("performance_targets").state not in ("tbd", "defer") and not _target(view, item):
            yield Finding(
                id_part(item.name),
                f'acceptable_thresholds speaks of "{item.name}", which is not in performance_targets',
                "name one that is there, or add it to performance_targets",
                "acceptable_thresholds",
            )


@rule("A22", DEFER, "inconsistent", 2)
def thresholds_disagree(view: ProjectView) -> Iterator[Finding]:
    """What is acceptable does not lie between the target and what is not."""
    for item in view.items("acceptable_thresholds"):
        target = _target(view, item)
        aimed = [f"{target.text} {target.get('unit')}"] if target else []
        times = [_seconds(it) for it in (*aimed, item.text, str(item.get("unacceptable")))]
        known = [it for it in times if it is not None]
        if len(known) == len(times) and known not in (sorted(known), sorted(known, reverse=True)):
            yield Finding(
                id_part(item.name),
                f'"{item.name}" is acceptable at {item.text} and not at {item.get("unacceptable")}'
                + (f", and its target is {aimed[0].strip()}" if aimed else ""),
                "order them: target, acceptable, unacceptable",
                "acceptable_thresholds",
            )


def _target(view: ProjectView, threshold: Item) -> Item | None:
    """The performance target that a threshold is about: none has more words of it, and it has half of them."""
    wanted = words_of(threshold.name)
    targets = view.items("performance_targets")
    best = max(targets, key=lambda it: len(wanted & words_of(it.name)), default=None)
    if best and 2 * len(wanted & words_of(best.name)) >= min(len(wanted), len(words_of(best.name))):
        return best
    return None


def _seconds(text: str) -> float | None:
    """How long a text says that something takes."""
    found = DURATION.search(text)
    return float(found[1]) * SECONDS[found[2].casefold()] if found else None


@rule("A24", DEFER, "inconsistent", 2)
def persona_without_feature(view: ProjectView) -> Iterator[Finding]:
    """Features say for whom they are, and a persona has none."""
    served = {name for personas in view.personas_by_feature.values() for name in personas.values()}
    for persona in view.items("personas"):
        if served and persona.name not in served:
            yield Finding(
                id_part(persona.name),
                f'no feature is for "{persona.name}"',
                "name it as the persona of a feature, or leave it out",
                "personas",
            )


@rule("A27", DEFER, "inconsistent", 2)
def entity_called_otherwise(view: ProjectView) -> Iterator[Finding]:
    """Records bear a name by which the glossary does not want them called."""
    for term in view.items("glossary"):
        shunned = term.get("not_called")
        unwanted = [words_of(it) for it in shunned] if isinstance(shunned, tuple) else []
        for entity in view.product.entities.values():
            if words_of(entity.words) in unwanted:
                yield Finding(
                    entity.name,
                    f'the glossary does not want "{term.name}" called {entity.words}, and an entity is',
                    f"rename the entity {entity.name}, or take the word out of not_called",
                    "data_entities",
                )


@rule("A32", DEFER, "inconsistent", 2)
def events_not_published(view: ProjectView) -> Iterator[Finding]:
    """The product is used through events, and publishes none."""
    channels = view.answer("interaction_channels").value
    if isinstance(channels, tuple) and "events" in channels and not view.product.events:
        yield Finding(
            "events",
            "interaction_channels has events, and no service publishes one",
            "give a service publishes, or take events out of interaction_channels",
            "services",
        )


@rule("A33", DEFER, "inconsistent", 2)
def personal_data_denied(view: ProjectView) -> Iterator[Finding]:
    """Addresses of other people are kept, and data_sensitivity says that none are sensitive."""
    others = view.answer("distribution").value != "personal"
    if others and view.answer("data_sensitivity").value == ("none",):
        for holder, field in _fields(view):
            personal = field.type.field_type and field.type.field_type.personal
            if personal:
                yield Finding(
                    f"{holder}.{field.name}",
                    f"{holder} keeps {personal}, and data_sensitivity is none",
                    f"answer data_sensitivity with pii: {personal} is about a person",
                    "data_sensitivity",
                )


def _fields(view: ProjectView) -> Iterator[tuple[str, Field]]:
    holders: tuple[Entity | ValueObject, ...] = (*view.product.entities.values(), *view.product.values)
    return ((holder.name, field) for holder in holders for field in holder.fields)


@rule("A34", DEFER, "inconsistent", 2)
def measured_before_start(view: ProjectView) -> Iterator[Finding]:
    """Success shall show before the work begins."""
    start = str(view.details("timeline").get("start", ""))
    for metric in view.items("success_metrics"):
        by = str(metric.get("by"))
        if start and DAY.fullmatch(by) and by < start:
            yield Finding(
                view.id("SM", metric.name),
                f'success metric "{metric.name}" is due on {by}, and the work starts on {start}',
                "correct one of the two",
                "success_metrics",
            )


@rule("A35", DEFER, "inconsistent", 2)
def increments_without_content(view: ProjectView) -> Iterator[Finding]:
    """Increments shall follow the MVP, and nothing is left for them."""
    later = view.items("future_features") or view.answer("future_features").state in ("tbd", "defer")
    features = view.product.features
    first = bool(features) and all(feature.priority == "P1" for feature in features)
    if view.answer("phased_delivery").value == "mvp_then_increments" and first and not later:
        yield Finding(
            "phased_delivery",
            "phased_delivery is mvp_then_increments, every feature is P1, and none is to come later",
            "give a feature priority P2, or answer single_release",
            "phased_delivery",
        )


@rule("D04", DEFER, "inconsistent", 2)
def cluster_for_one(view: ProjectView) -> Iterator[Finding]:
    """One person builds or uses it, and a cluster runs it."""
    alone = [
        *(["distribution is personal"] if view.answer("distribution").value == "personal" else []),
        *(["team.size is 1"] if view.details("team").get("size") == 1 else []),
    ]
    if alone and view.answer("deploy_target").value == "kubernetes":
        yield Finding(
            "deploy_target",
            f"deploy_target is kubernetes, and {' and '.join(alone)}",
            "say in constraints what asks for a cluster, or choose another deploy_target",
            "deploy_target",
        )


@rule("D10", DEFER, "inconsistent", 2)
def objective_above_dependency(view: ProjectView) -> Iterator[Finding]:
    """A service promises more than a service does without which it refuses."""
    promised = [(item, _percent(item.text)) for item in view.items("slos")]
    for service in view.product.services:
        for dependency in view.product.calls(service):
            theirs = [it for item, it in promised if it and is_about_service(item, dependency.service)]
            mine = [(item, it) for item, it in promised if it and is_about_service(item, service.name)]
            for item, percent in mine if theirs and dependency.when_unavailable == "refuse" else ():
                if percent > max(theirs):
                    yield Finding(
                        f"{service.name}-{dependency.service}",
                        f'"{item.name}" promises {percent:g} for {service.name}, which refuses while '
                        f"{dependency.service} is unavailable, and that promises {max(theirs):g} at most",
                        f"promise less, or let {service.name} go on without: when_unavailable: accept",
                        "slos",
                    )


def _percent(text: str) -> float | None:
    """A share of a hundred that an objective names."""
    found = re.search(r"\d+(?:\.\d+)?", text)
    return float(found[0]) if found and 0 < float(found[0]) <= 100 else None


@rule("D16", DEFER, "inconsistent", 3)
def library_not_taken(view: ProjectView) -> Iterator[Finding]:
    """A library is required that is the option of a decision which went to another."""
    taken = {normalized(it.option.name) for it in view.decisions}
    rejected = {
        name: resolved
        for resolved in view.decisions
        for it in resolved.rejected
        for name in (normalized(it.option.name), normalized(it.option.label))
    }
    for library in view.items("required_libraries"):
        name = normalized(library.name)
        if name in rejected and name not in taken:
            decided = rejected[name]
            yield Finding(
                id_part(library.name),
                f"{library.name} is required, and {decided.decision.id} is {decided.option.name}",
                f"change {decided.decision.id} where another option is offered, or do without {library.name}",
                "required_libraries",
            )


@rule("D20", DEFER, "inconsistent", 2)
def rolling_update_of_one_instance(view: ProjectView) -> Iterator[Finding]:
    """Updates go from instance to instance, and there is one."""
    strategy = view.answer("update_strategy").value
    if strategy in ("rolling", "canary") and view.details("scale_expectations").get("instances") == 1:
        yield Finding(
            "update_strategy",
            f"update_strategy is {strategy}, and scale_expectations.instances is 1",
            "expect 2 instances, or answer update_strategy with recreate",
            "update_strategy",
        )


@rule("P09", DEFER, "inconsistent", 9)
def external_risk_missing(view: ProjectView) -> Iterator[Finding]:
    """It calls what belongs to others, and no risk is about that."""
    risks = view.items("risks")
    if risks and view.product.external_apis and not any(risk.get("kind") == "external" for risk in risks):
        unsaid = [
            api.name
            for api in view.product.external_apis
            if not any(words_of(api.name) & words_of_item(it) for it in risks)
        ]
        if len(unsaid) == len(view.product.external_apis):
            yield Finding(
                "external",
                f"no risk is about {', '.join(unsaid)}, which others run",
                "add a risk of kind external: it changes, costs more, or ends",
                "risks",
            )
