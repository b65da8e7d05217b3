"""Rules about details: does each answered item have all its parts, such as an owner or a limit?"""

from __future__ import annotations

from collections.abc import Iterator

from ..name_matching import id_part
from ..project_view import ProjectView
from ..reading import needs_key
from .completeness import NUMBER
from .model import DEFER, Finding, rule

QUOTAS = "external_api_details"


@rule("A12", DEFER, "missing", 2)
def lone_metric(view: ProjectView) -> Iterator[Finding]:
    """One number alone tells of success, and nothing says what must not get worse for it."""
    metrics = view.items("success_metrics")
    if len(metrics) == 1 and not metrics[0].get("counter_metric"):
        yield Finding(
            view.id("SM", metrics[0].name),
            f'success metric "{metrics[0].name}" stands alone, and nothing says what must not get worse for it',
            "give it counter_metric, or add a second metric",
            "success_metrics",
        )


@rule("A21", DEFER, "missing", 2)
def target_without_number(view: ProjectView) -> Iterator[Finding]:
    """A performance target has no number that a measurement could meet."""
    for target in view.items("performance_targets"):
        if not NUMBER.search(f"{target.name} {target.text} {target.get('unit')}"):
            yield Finding(
                view.id("NFR", target.name),
                f'performance target "{target.name}" has no number',
                "give a target with its unit",
                "performance_targets",
            )


@rule("A23", DEFER, "missing", 2)
def completion_rate_incomplete(view: ProjectView) -> Iterator[Finding]:
    """A completion rate does not say of what, how much, or how it is measured."""
    given = view.details("completion_rate")
    lacks = [name for name in ("of", "percent", "measured_by") if not given.get(name)]
    if given and lacks:
        yield Finding(
            lacks[0],
            f"completion_rate has no {', no '.join(lacks)}",
            f"give it {', '.join(lacks)}",
            "completion_rate",
        )


@rule("A25", DEFER, "missing", 2)
def integration_without_protocol(view: ProjectView) -> Iterator[Finding]:
    """An existing system is integrated, and it is not stated how it is reached."""
    for system in view.items("existing_integrations"):
        if not system.get("protocol"):
            yield Finding(
                id_part(system.name),
                f'existing_integrations does not say how "{system.name}" is reached',
                "give it protocol: HTTP, a file, e-mail",
                "existing_integrations",
            )


@rule("A26", DEFER, "missing", 1)
def ambiguity_without_due_date(view: ProjectView) -> Iterator[Finding]:
    """Something about the idea is ambiguous and blocks work, and no day is stated by which it will be resolved."""
    for item in view.items("open_ambiguities"):
        if item.get("blocks") and not item.get("due"):
            yield Finding(
                id_part(item.name),
                f'"{item.name}" holds up {item.get("blocks")}, and has no day',
                "give it due, before the work that it holds up",
                "open_ambiguities",
            )


@rule("A29", DEFER, "missing", 2)
def future_feature_without_reason(view: ProjectView) -> Iterator[Finding]:
    """A feature is put off, and it is not stated why, until when or behind what."""
    for item in view.items("future_features"):
        if not (item.text or item.get("revisit") or item.get("depends_on")):
            yield Finding(
                id_part(item.name),
                f'future_features does not say why "{item.name}" comes later',
                "give it reason, revisit or depends_on",
                "future_features",
            )


@rule("A30", DEFER, "missing", 2)
def need_without_seam(view: ProjectView) -> Iterator[Finding]:
    """The architecture shall leave room for something, and it is not stated where."""
    for item in view.items("future_accommodation"):
        if not item.text:
            yield Finding(
                id_part(item.name),
                f'future_accommodation does not say where "{item.name}" will be joined on',
                "give it seam: the service, event or field",
                "future_accommodation",
            )


@rule("A31", DEFER, "missing", 2)
def done_without_evidence(view: ProjectView) -> Iterator[Finding]:
    """Something must hold before a phase or the MVP is done, and no evidence for it is stated."""
    for question in ("mvp_definition", "go_no_go"):
        for item in view.items(question):
            if not item.text:
                yield Finding(
                    f"{question}-{id_part(item.name)}",
                    f'nothing shows that "{item.name}" holds',
                    "give it evidence: a protocol, a number, a test",
                    question,
                )


@rule("D06", DEFER, "missing", 2)
def retention_missing(view: ProjectView) -> Iterator[Finding]:
    """Sensitive data are kept, and it is not stated for how long or when they are deleted."""
    for item in view.items("privacy_obligations"):
        if item.get("retention_days") in ("", None) and not item.get("deletion"):
            yield Finding(
                id_part(item.name),
                f"privacy_obligations does not say when data of the kind {item.name} are deleted",
                "give it retention_days or deletion",
                "privacy_obligations",
            )


@rule("D21", DEFER, "missing", 2)
def objective_not_counted(view: ProjectView) -> Iterator[Finding]:
    """A service level is promised that nobody can count: it has no number or no window."""
    for item in view.items("slos"):
        lacks = [*(["objective"] if not NUMBER.search(item.text) else []), *([] if item.get("window") else ["window"])]
        if lacks:
            yield Finding(
                id_part(item.name),
                f'"{item.name}" is promised with no {", no ".join(lacks)} to count it by',
                f"give it {', '.join(lacks)}, e.g. 99.5 percent in 30 days",
                "slos",
            )


@rule("D22", DEFER, "missing", 2)
def signal_without_threshold(view: ProjectView) -> Iterator[Finding]:
    """Something is monitored, and no threshold is stated from which on it is wrong."""
    for item in view.items("monitoring_requirements"):
        if not item.text:
            yield Finding(
                id_part(item.name),
                f'monitoring_requirements does not say from when on "{item.name}" is wrong',
                "give it threshold",
                "monitoring_requirements",
            )


@rule("D23", DEFER, "missing", 2)
def alert_without_recipient(view: ProjectView) -> Iterator[Finding]:
    """Signals are monitored, and nobody is notified of any of them."""
    signals = view.items("monitoring_requirements")
    if signals and not any(it.get("notify") for it in signals):
        yield Finding(
            "notify",
            "monitoring_requirements names nobody who is notified of any signal",
            "give notify to those that cannot wait",
            "monitoring_requirements",
        )


@rule("E03", DEFER, "config", 2)
def key_without_setting(view: ProjectView) -> Iterator[Finding]:
    """An external API asks who calls, and nobody named the setting that holds the answer."""
    for item in view.items("external_api_details"):
        says = str(item.get("auth"))
        api = view.api_named(item.name)
        if api and says and needs_key(says) and not item.get("secret"):
            yield Finding(
                api.name, f"{api.name} asks for {says}, and no secret is named", f"give it secret: {api.key}", QUOTAS
            )


@rule("E05", DEFER, "config", 2)
def secret_without_rotation(view: ProjectView) -> Iterator[Finding]:
    """A secret is named, and it is not stated how often it is replaced."""
    for item in view.items("external_api_details"):
        if item.get("secret") and not item.get("rotation_days"):
            yield Finding(
                id_part(item.name), f"the secret of {item.name} is never replaced", "give it rotation_days", QUOTAS
            )


@rule("E06", DEFER, "config", 2)
def secret_name_differs(view: ProjectView) -> Iterator[Finding]:
    """The secret of an external API is not the setting that services read."""
    for item in view.items("external_api_details"):
        api = view.api_named(item.name)
        if api and item.get("secret") not in ("", api.key):
            yield Finding(
                api.name,
                f"the secret of {api.name} is called otherwise than the setting {api.key}, which services read",
                f"give it secret: {api.key}",
                QUOTAS,
            )


@rule("C16", DEFER, "error", 2)
def api_without_limit(view: ProjectView) -> Iterator[Finding]:
    """It is not stated how often an external API may be called."""
    limits = [it for it in view.items(QUOTAS) if it.text or it.get("quota")]
    limited = {api.name for it in limits if (api := view.api_named(it.name))}
    for api in view.product.external_apis:
        if view.answer(QUOTAS).known and api.name not in limited:
            yield Finding(
                api.name,
                f"{QUOTAS} does not say how often {api.name} may be called",
                "give it rate_limit or quota; `none` is an answer",
                QUOTAS,
            )
