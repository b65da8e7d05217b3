"""Planning/model.json: what the project's own checker needs to know, and all that it reads of the template."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from ..codegen import ROUTES, Route
from ..decisions import Resolved
from ..domain import Feature, Product, Service
from ..flows import told, touched
from ..gaps import RULES, Gap
from ..provenance import Made
from ..questionnaire import BY_NAME
from .acceptance import acceptance_file
from .asked import asked
from .markdown import Table

if TYPE_CHECKING:
    from . import Planning

FORMAT = 1
"""Raised when a checker of today could misread a model of tomorrow."""

DOCUMENTS = (
    "README.md",
    "PRD.md",
    "ArchitectureGuide.md",
    "ImplementationGuide.md",
    "ImplementationPlan.md",
    "GapReport.md",
    "FutureFeatures.md",
    "Traceability.md",
    "Notes.md",
)
"""The documents that every project has, under Planning."""


def dump(planning: Planning, made: Iterable[Made]) -> str:
    """The model as JSON with one thing a line, so that a change of mind reads well in a diff."""
    told = (it for it in made if it.there or any(by for _, by in it.lines) or it.path in planning.project.owned)
    there = [_made(it) for it in told]
    return lines(_model(planning) | {"made": there})


def lines(value: Mapping[str, object]) -> str:
    """JSON with a key a line, and a thing a line in lists of things."""
    parts = (f"  {_json(key)}: {_lines(it)}" for key, it in value.items())
    return "{\n" + ",\n".join(parts) + "\n}"


def _lines(value: object) -> str:
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return "[\n" + ",\n".join(f"    {_json(item)}" for item in value) + "\n  ]"
    return _json(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=True)


def _model(planning: Planning) -> dict[str, object]:
    project = planning.project
    prefix = next((it.prefix for it in project.product.entities.values()), "")
    return {
        "format": FORMAT,
        "project": project.product.name,
        "gap_gate": str(project.answers["gap_gate"].value or "report_only"),
        "doc_budget_lines": _budget(planning),
        "checkpoints": list(_checkpoints(planning)),
        "routes": [_route(it, prefix) for it in ROUTES],
        "services": [_service(planning, it) for it in project.product.services],
        "processes": [{"name": it.name, "port": it.port, "services": list(it.services)} for it in project.processes],
        "rows": {
            "url": project.rows.url if project.rows else "",
            "package": project.rows.package if project.rows else "",
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
        "tasks": [],  # they have a file of their own; checkers of before look for them here
        "verdict": planning.plan.comparison,
        "documents": [
            *DOCUMENTS,
            *(f"ServiceSpecifications/{it.name}.md" for it in planning.specifications),
            *(f"Decisions/{it.file}.md" for it in planning.records.all),
        ],
        "owned": list(project.owned),
        "tables": [
            {"document": document, "header": it.header, "rows": it.rows} for document, it in facts(planning) if it.rows
        ],
    }


def _route(it: Route, prefix: str) -> str:
    """A request as `METHOD path success problem…`."""
    path = prefix + "/{collection}" + ("/{id}" if it.one else "")
    return " ".join((it.method, path, str(it.success), *map(str, it.problems)))


def _service(planning: Planning, service: Service) -> dict[str, object]:
    project = planning.project
    return {
        "name": service.name,
        "url": project.url(service.name),
        "specification": f"ServiceSpecifications/{service.name}.md",
        "entities": [
            {"name": it.name, "collection": it.collection, "rules": f"services/{service.name}/{it.snake}.py"}
            for it in service.entities
        ],
        "standings": [
            f"{project.product.entities[it.entity].path}/{{id}}/{it.path}" for it in project.product.led(service.name)
        ],
    }


def _open(planning: Planning) -> Iterator[dict[str, object]]:
    """The questions that gaps wait for, as somebody is asked them."""
    project, names = planning.project, {gap.question for gap in planning.gaps}
    return (asdict(it) for it in asked(names, project.answers, project.product, project.decisions))


def _terms(planning: Planning) -> Iterator[dict[str, object]]:
    """The words of the glossary that must not be used, each with what is to be said instead."""
    for term in planning.facts.items("glossary"):
        shunned = term.get("not_called")
        if isinstance(shunned, tuple) and shunned:
            yield {"term": term.name, "not_called": list(shunned)}


def _legal(planning: Planning) -> set[str]:
    """The kinds of data of which law or contract asks something."""
    kinds = planning.facts.answer("data_sensitivity").value
    named = {it.name for it in planning.facts.items("privacy_obligations")}
    return (named | set(map(str, kinds if isinstance(kinds, tuple) else ()))) - {"none", "other"}


def _made(it: Made) -> dict[str, object]:
    """A file with its answers: of lines as `5 concept`, from line 5 on until the next entry."""
    return {
        "file": it.path,
        "mark": it.mark,
        "sums": it.sums,
        "there": sorted(it.there),
        "lines": [" ".join((str(line), *sorted(by))) for line, by in it.lines],
    }


def _gap(it: Gap) -> dict[str, object]:
    return {key: value for key, value in vars(it).items() if key != "answers"} | {"id": it.id}


def _decision(planning: Planning, it: Resolved) -> dict[str, object]:
    record = planning.project.history.current(it.decision.id)
    return {
        "id": it.decision.id,
        "option": it.option.name,
        "how": it.how,
        "record": record.id if record else "",
        "because": sorted({question for driver in it.drivers for question in driver.answers}),
    }


def facts(planning: Planning) -> Iterator[tuple[str, Table]]:
    """The tables that the checker compares, by document. No document has two with one header."""
    prd, guide = planning.prd, planning.architecture
    for it in (prd.requirements, prd.targets, prd.data, prd.external, prd.metrics, prd.risks):
        yield "PRD.md", it
    for it in (
        guide.services,
        guide.commitments,
        guide.calls,
        guide.events,
        guide.deployment,
        guide.concerns,
        *(part for _, part in guide.decisions),
    ):
        yield "ArchitectureGuide.md", it
    yield "ImplementationGuide.md", planning.implementation.errors
    for specification in planning.specifications:
        for it in specification.facts_tables:
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
        "endpoints": [it.path for it in touched(product, feature)],
        "events": told(product, feature),
        "task": f"T-{feature.id}",
        "tests": acceptance_file(feature),
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
        ids |= {planning.facts.id(kind, it.name) for it in planning.facts.items(question)}
    return ids


def _given(planning: Planning) -> set[str]:
    """Every id that was ever given."""
    history = planning.project.history
    return {history.id(kind, name) for kind, given in history.ids for name, _ in given}


def _checkpoints(planning: Planning) -> Iterator[dict[str, object]]:
    """The guide's nine checkpoints with what the answers show for them; the checker adds what files show."""
    asked = list(planning.facts.asked)
    answered = sum(it.state != "tbd" for it in asked)
    product, decisions = planning.project.product, planning.project.decisions
    criteria = sum(len(it.criteria) for it in product.features)
    count = {how: sum(it.how == how for it in decisions) for how in ("chosen", "auto", "tbd", "settled", "idle")}
    idle = f", {count['idle']} with nothing to decide" if count["idle"] else ""
    stack = [it.option.label for it in decisions if it.decision.guide.startswith(("S", "T")) and it.how != "idle"]
    evidence = (
        ("Clear project concept understood", f"a concept of {len(product.concept.split())} words"),
        (
            "Comprehensive requirements gathered",
            f"{answered} of {len(asked)} questions answered, {len(product.features)} features, "
            f"{criteria} acceptance criteria",
        ),
        (
            "Architecture decisions made and documented",
            f"{len(decisions)} decisions: {count['chosen']} chosen, {count['auto'] + count['tbd']} proposed, "
            f"{count['settled']} with one option{idle}",
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
