"""Rules A12 and on: is what was answered said in full?"""

from __future__ import annotations

from collections.abc import Iterator

from ..reading import asks_who_calls
from .completeness import NUMBER
from .facts import Facts, key
from .model import DEFER, Finding, rule

QUOTAS = "external_api_details"


@rule("A12", DEFER, "missing", 2)
def lone_metric(facts: Facts) -> Iterator[Finding]:
    """One number alone tells of success, and nothing says what must not get worse for it."""
    metrics = facts.items("success_metrics")
    if len(metrics) == 1 and not metrics[0].get("counter_metric"):
        yield Finding(
            facts.id("SM", metrics[0].name),
            f'success metric "{metrics[0].name}" stands alone, and nothing says what must not get worse for it',
            "give it counter_metric, or add a second metric",
            "success_metrics",
        )


@rule("A21", DEFER, "missing", 2)
def target_without_number(facts: Facts) -> Iterator[Finding]:
    """A performance target has no number that a measurement could meet."""
    for target in facts.items("performance_targets"):
        if not NUMBER.search(f"{target.name} {target.text} {target.get('unit')}"):
            yield Finding(
                facts.id("NFR", target.name),
                f'performance target "{target.name}" has no number',
                "give a target with its unit",
                "performance_targets",
            )


@rule("A23", DEFER, "missing", 2)
def completion_unsaid(facts: Facts) -> Iterator[Finding]:
    """A completion rate does not say of what, how much, or how it is measured."""
    given = facts.details("completion_rate")
    lacks = [name for name in ("of", "percent", "measured_by") if not given.get(name)]
    if given and lacks:
        yield Finding(
            lacks[0],
            f"completion_rate has no {', no '.join(lacks)}",
            f"give it {', '.join(lacks)}",
            "completion_rate",
        )


@rule("A25", DEFER, "missing", 2)
def integration_without_protocol(facts: Facts) -> Iterator[Finding]:
    """An existing system is worked with, and nobody said in which way it is reached."""
    for system in facts.items("existing_integrations"):
        if not system.get("protocol"):
            yield Finding(
                key(system.name),
                f'existing_integrations does not say how "{system.name}" is reached',
                "give it protocol: HTTP, a file, e-mail",
                "existing_integrations",
            )


@rule("A26", DEFER, "missing", 1)
def blocked_without_day(facts: Facts) -> Iterator[Finding]:
    """Something about the idea is ambiguous and holds up work, and nobody said until when."""
    for item in facts.items("open_ambiguities"):
        if item.get("blocks") and not item.get("due"):
            yield Finding(
                key(item.name),
                f'"{item.name}" holds up {item.get("blocks")}, and has no day',
                "give it due, before the work that it holds up",
                "open_ambiguities",
            )


@rule("A29", DEFER, "missing", 2)
def later_for_no_reason(facts: Facts) -> Iterator[Finding]:
    """A feature is put off, and nobody said why, until when or behind what."""
    for item in facts.items("future_features"):
        if not (item.text or item.get("revisit") or item.get("depends_on")):
            yield Finding(
                key(item.name),
                f'future_features does not say why "{item.name}" comes later',
                "give it reason, revisit or depends_on",
                "future_features",
            )


@rule("A30", DEFER, "missing", 2)
def need_without_seam(facts: Facts) -> Iterator[Finding]:
    """The architecture shall leave room for something, and nobody said where."""
    for item in facts.items("future_accommodation"):
        if not item.text:
            yield Finding(
                key(item.name),
                f'future_accommodation does not say where "{item.name}" will be joined on',
                "give it seam: the service, event or field",
                "future_accommodation",
            )


@rule("A31", DEFER, "missing", 2)
def done_without_evidence(facts: Facts) -> Iterator[Finding]:
    """Something must hold before a phase or the MVP is done, and nobody said what shows it."""
    for question in ("mvp_definition", "go_no_go"):
        for item in facts.items(question):
            if not item.text:
                yield Finding(
                    f"{question}-{key(item.name)}",
                    f'nothing shows that "{item.name}" holds',
                    "give it evidence: a protocol, a number, a test",
                    question,
                )


@rule("D06", DEFER, "missing", 2)
def kept_for_ever(facts: Facts) -> Iterator[Finding]:
    """Sensitive data are kept, and nobody said for how long or when they are deleted."""
    for item in facts.items("privacy_obligations"):
        if item.get("retention_days") in ("", None) and not item.get("deletion"):
            yield Finding(
                key(item.name),
                f"privacy_obligations does not say when data of the kind {item.name} are deleted",
                "give it retention_days or deletion",
                "privacy_obligations",
            )


@rule("D21", DEFER, "missing", 2)
def objective_not_counted(facts: Facts) -> Iterator[Finding]:
    """A service level is promised that nobody can count: it has no number or no window."""
    for item in facts.items("slos"):
        lacks = [*(["objective"] if not NUMBER.search(item.text) else []), *([] if item.get("window") else ["window"])]
        if lacks:
            yield Finding(
                key(item.name),
                f'"{item.name}" is promised with no {", no ".join(lacks)} to count it by',
                f"give it {', '.join(lacks)}, e.g. 99.5 percent in 30 days",
                "slos",
            )


@rule("D22", DEFER, "missing", 2)
def signal_without_threshold(facts: Facts) -> Iterator[Finding]:
    """Something is watched, and nobody said from when on it is wrong."""
    for item in facts.items("monitoring_requirements"):
        if not item.text:
            yield Finding(
                key(item.name),
                f'monitoring_requirements does not say from when on "{item.name}" is wrong',
                "give it threshold",
                "monitoring_requirements",
            )


@rule("D23", DEFER, "missing", 2)
def nobody_told(facts: Facts) -> Iterator[Finding]:
    """Signals are watched, and nobody is told of any of them."""
    signals = facts.items("monitoring_requirements")
    if signals and not any(it.get("notify") for it in signals):
        yield Finding(
            "notify",
            "monitoring_requirements says of no signal who is told",
            "give notify to those that cannot wait",
            "monitoring_requirements",
        )


@rule("E03", DEFER, "config", 2)
def key_without_setting(facts: Facts) -> Iterator[Finding]:
    """An external API asks who calls, and nobody named the setting that holds the answer."""
    for item in facts.items("external_api_details"):
        says = str(item.get("auth"))
        api = facts.api_named(item.name)
        if api and says and asks_who_calls(says) and not item.get("secret"):
            yield Finding(
                api.name, f"{api.name} asks for {says}, and no secret is named", f"give it secret: {api.key}", QUOTAS
            )


@rule("E05", DEFER, "config", 2)
def secret_for_ever(facts: Facts) -> Iterator[Finding]:
    """A secret is named, and nobody said how often it is replaced."""
    for item in facts.items("external_api_details"):
        if item.get("secret") and not item.get("rotation_days"):
            yield Finding(
                key(item.name), f"the secret of {item.name} is never replaced", "give it rotation_days", QUOTAS
            )


@rule("E06", DEFER, "config", 2)
def secret_of_another_name(facts: Facts) -> Iterator[Finding]:
    """The secret of an external API is not the setting that services read."""
    for item in facts.items("external_api_details"):
        api = facts.api_named(item.name)
        if api and item.get("secret") not in ("", api.key):
            yield Finding(
                api.name,
                f"the secret of {api.name} is called otherwise than the setting {api.key}, which services read",
                f"give it secret: {api.key}",
                QUOTAS,
            )


@rule("C16", DEFER, "error", 2)
def api_without_limit(facts: Facts) -> Iterator[Finding]:
    """Nobody said how often an external API may be called."""
    told = [it for it in facts.items(QUOTAS) if it.text or it.get("quota")]
    limited = {api.name for it in told if (api := facts.api_named(it.name))}
    for api in facts.product.external_apis:
        if facts.answer(QUOTAS).known and api.name not in limited:
            yield Finding(
                api.name,
                f"{QUOTAS} does not say how often {api.name} may be called",
                "give it rate_limit or quota; `none` is an answer",
                QUOTAS,
            )
