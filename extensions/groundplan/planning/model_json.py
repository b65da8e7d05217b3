"""Planning/model.json: what the project's own checker needs to know, and all that it reads of the template."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict

from ..decisions import How, Resolved
from ..domain import Feature, Product, Service
from ..gaps import RULES, Gap
from ..interactions import entities_of, events_of
from ..operations import operations
from ..provenance import GeneratedFile
from ..questionnaire import BY_NAME
from ..text import json_lines
from .documents import Planning
from .markdown import Table
from .open_questions import open_questions

FORMAT = 1
"""Raised when a checker of today could misread a model of tomorrow."""

GUARDS = ("services/common/auth/", "services/common/api/security", "services/common/entity_service")
"""How the files begin that decide who may do what: the checker tells whether they were edited."""

TENANT_GUARDS = (
    *("services/common/tenants", "services/common/runtime", "services/common/references/", "services/common/history"),
    *("services/common/api/dependencies", "services/common/db/repository", "services/common/messaging/copy_store"),
    *("services/common/clients/client", "services/common/messaging/consumer", "services/common/messaging/publisher"),
    *("services/common/api/idempotency", "services/common/jobs/", "services/common/workflows/"),
)
"""The same of those that keep organisations apart."""

DOCUMENTS = (
    "README.md",
    "PRD.md",
    "ArchitectureGuide.md",
    "ThreatModel.md",
    "ImplementationGuide.md",
    "ImplementationPlan.md",
    "GapReport.md",
    "FutureFeatures.md",
    "Traceability.md",
    "Notes.md",
)
"""The documents that every project has, under Planning."""


def dump(planning: Planning, files: Iterable[GeneratedFile]) -> str:
    """The model as JSON with one thing a line, so that a changed decision reads well in a diff."""
    guards = _guards(planning)
    recorded = (
        it
        for it in files
        if it.because_of
        or any(by for _, by in it.lines)
        or it.path in planning.project.owned_files
        or it.path.startswith(guards)
    )
    entries = [_made(it) for it in recorded]
    return json_lines(_model(planning) | {"generated": entries})


def _guards(planning: Planning) -> tuple[str, ...]:
    """How the files begin that the checker watches."""
    product = planning.project.product
    if not product.tenants:
        return GUARDS
    apart = [it.name for it in product.services if any(entity.of_tenant for entity in it.entities)]
    return (*GUARDS, *TENANT_GUARDS, *(f"services/{name}/{part}." for name in apart for part in ("models", "tables")))


def _model(planning: Planning) -> dict[str, object]:
    project = planning.project
    return {
        "format": FORMAT,
        "project": project.product.name,
        "gap_gate": str(project.answers["gap_gate"].value or "report_only"),
        "doc_budget_lines": _budget(planning),
        "checkpoints": list(_checkpoints(planning)),
        "services": [_service(planning, it) for it in project.product.services],
        "operations": [
            asdict(it) | {"action": it.action}
            for service in project.product.services
            for it in operations(project.product, service)
        ],
        "processes": [{"name": it.name, "port": it.port, "services": list(it.services)} for it in project.processes],
        "rows": {
            "url": project.row_storage.url if project.row_storage else "",
            "package": project.row_storage.package if project.row_storage else "",
        },
        "requirements": [_requirement(project.product, it) for it in project.product.features],
        "ids": sorted(_ids(planning)),
        "retired_ids": sorted(_given(planning) - _ids(planning)),
        "gaps": [_gap(it) for it in planning.gaps],
        "rules": [{"id": id, "title": RULES[id].title} for id in sorted({it.rule for it in planning.gaps})],
        "open": list(_open(planning)),
        "terms": list(_terms(planning)),
        "legal": sorted(_legal(planning)),
        "questions": list(BY_NAME),
        "decisions": [_decision(planning, it) for it in project.decisions],
        "tasks": [],  # they have their own file; checkers of before look for them here
        "verdict": planning.plan.comparison,
        "guards": list(_guards(planning)),
        "documents": [
            *DOCUMENTS,
            *(f"ServiceSpecifications/{it.name}.md" for it in planning.specifications),
            *(f"Decisions/{it.file}.md" for it in planning.records.all),
        ],
        "owned": list(project.owned_files),
        "tables": [
            {"document": document, "header": it.header, "rows": it.rows}
            for document, it in compared_tables(planning)
            if it.rows
        ],
    }


def _service(planning: Planning, service: Service) -> dict[str, object]:
    project = planning.project
    return {
        "name": service.name,
        "url": project.url(service.name),
        "specification": f"ServiceSpecifications/{service.name}.md",
        "entities": [{"name": it.name, "rules": f"services/{service.name}/{it.snake}.py"} for it in service.entities],
    }


def _open(planning: Planning) -> Iterator[dict[str, object]]:
    """The questions that gaps wait for, as somebody is asked them."""
    project, names = planning.project, {gap.question for gap in planning.gaps}
    return (asdict(it) for it in open_questions(names, project.answers, project.product, project.decisions))


def _terms(planning: Planning) -> Iterator[dict[str, object]]:
    """The words of the glossary that must not be used, each with the word to use instead."""
    for term in planning.view.items("glossary"):
        shunned = term.get("not_called")
        if isinstance(shunned, tuple) and shunned:
            yield {"term": term.name, "not_called": list(shunned)}


def _legal(planning: Planning) -> set[str]:
    """The kinds of data of which law or contract asks something."""
    named = {it.name for it in planning.view.items("privacy_obligations")}
    return (named | set(planning.view.sensitive_kinds)) - {"none", "other"}


def _made(it: GeneratedFile) -> dict[str, object]:
    """A file with its answers: of lines as `5 concept`, from line 5 on until the next entry."""
    return {
        "file": it.path,
        "mark": it.digest,
        "sums": it.line_digests,
        "because_of": sorted(it.because_of),
        "lines": [" ".join((str(line), *sorted(by))) for line, by in it.lines],
    }


def _gap(it: Gap) -> dict[str, object]:
    return {key: value for key, value in vars(it).items() if key != "because_of"} | {"id": it.id}


def _decision(planning: Planning, it: Resolved) -> dict[str, object]:
    record = planning.project.history.current(it.decision.id)
    return {
        "id": it.decision.id,
        "option": it.option.name,
        "how": it.how,
        "record": record.id if record else "",
        "because": sorted({question for driver in it.drivers for question in driver.because_of}),
    }


def compared_tables(planning: Planning) -> Iterator[tuple[str, Table]]:
    """The tables that the checker compares, by document. No document has two with one header."""
    prd, guide = planning.prd, planning.architecture
    for it in (prd.requirements, prd.targets, prd.data, prd.external, prd.metrics, prd.risks):
        yield "PRD.md", it
    for it in (
        guide.services,
        guide.commitments,
        guide.calls,
        guide.events,
        *((guide.access,) if not guide.unproven else ()),
        guide.deployment,
        guide.concerns,
        *(part for _, part in guide.decisions),
    ):
        yield "ArchitectureGuide.md", it
    for _, _, threats in planning.threat_model.boundaries:
        yield "ThreatModel.md", threats
    yield "ThreatModel.md", planning.threat_model.sensitive_stores
    yield "ImplementationGuide.md", planning.implementation.errors
    for specification in planning.specifications:
        for it in specification.compared_tables:
            yield f"ServiceSpecifications/{specification.name}.md", it
    for phase in planning.plan.phases:
        yield "ImplementationPlan.md", planning.schedule.phase_table(phase.number)
    yield "Traceability.md", planning.trace
    yield "Traceability.md", planning.measured
    yield "FutureFeatures.md", planning.future


def _budget(planning: Planning) -> int:
    value = planning.project.answers["doc_budget_lines"].value
    return value if isinstance(value, int) and value > 0 else 400


def _requirement(product: Product, feature: Feature) -> dict[str, object]:
    return {
        "id": feature.id,
        "name": feature.name,
        "priority": feature.priority,
        "services": feature.services,
        "endpoints": [it.path for it in entities_of(product, feature) if not it.private],
        "events": events_of(product, feature),
        "task": f"T-{feature.id}",
        "tests": feature.acceptance_test,
        "criteria": [it.id for it in feature.criteria],
    }


def _ids(planning: Planning) -> set[str]:
    """Every id that documents may name."""
    product = planning.project.product
    ids = {it.id for it in product.features}
    ids |= {criterion.id for it in product.features for criterion in it.criteria}
    ids |= {record.id for record in planning.project.history.trail}
    for kind, question in (
        ("NFR", "performance_targets"),
        ("SM", "success_metrics"),
        ("RISK", "risks"),
    ):
        ids |= {planning.view.id(kind, it.name) for it in planning.view.items(question)}
    return ids


def _given(planning: Planning) -> set[str]:
    """Every id that was ever given."""
    history = planning.project.history
    return {history.id(kind, name) for kind, given in history.ids for name, _ in given}


def _checkpoints(planning: Planning) -> Iterator[dict[str, object]]:
    """The guide's nine checkpoints with what the answers show for them; the checker adds what files show."""
    asked = list(planning.view.asked)
    answered = sum(it.state != "tbd" for it in asked)
    product, decisions = planning.project.product, planning.project.decisions
    criteria = sum(len(it.criteria) for it in product.features)
    count = {how: sum(it.how == how for it in decisions) for how in How}
    idle = f", {count[How.IDLE]} with nothing to decide" if count[How.IDLE] else ""
    stack = [it.option.label for it in decisions if it.decision.guide.startswith(("S", "T")) and it.how != How.IDLE]
    evidence = (
        ("Clear project concept understood", f"a concept of {len(product.concept.split())} words"),
        (
            "Comprehensive requirements gathered",
            f"{answered} of {len(asked)} questions answered, {len(product.features)} features, "
            f"{criteria} acceptance criteria",
        ),
        (
            "Architecture decisions made and documented",
            f"{len(decisions)} decisions: {count[How.CHOSEN]} chosen, {count[How.AUTO] + count[How.TBD]} proposed, "
            f"{count[How.SETTLED]} with one option{idle}",
        ),
        ("Technical stack and patterns defined", "; ".join(stack)),
        ("Complete documentation set created", ""),
        ("Project structure scaffolded", ""),
        ("Gaps identified and addressed", ""),
        ("Documentation consolidated and organized", ""),
        ("Implementation plan created", f"{len(planning.plan.tasks)} tasks; {planning.plan.comparison}"),
    )
    for number, (title, shown) in enumerate(evidence, 1):
        yield {"number": number, "title": title, "evidence": shown}
