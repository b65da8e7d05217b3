"""The requirement questions: what each is about, for the lines that say that it is open."""

from __future__ import annotations

REQUIREMENTS: dict[str, tuple[int, str]] = {
    "concept": (1, "the idea: the problem, who has it, what changes"),
    "constraints": (1, "what is fixed already, and by whom"),
    "glossary": (1, "terms that everybody must use the same way"),
    "decision_makers": (1, "who decides"),
    "mvp_features": (2, "what the first version does"),
    "out_of_scope": (2, "what it leaves out, and why"),
    "personas": (2, "who uses it, for what"),
    "interaction_channels": (2, "how they use it"),
    "distribution": (2, "for whom it is"),
    "performance_targets": (2, "how fast, under which load"),
    "data_entities": (2, "what it keeps"),
    "data_sensitivity": (2, "which of its data are sensitive"),
    "backup_recovery": (2, "how much may be lost, and for how long it may be away"),
    "external_apis": (2, "what it calls that belongs to others"),
    "failure_handling": (2, "what its users see when something fails"),
    "deploy_target": (2, "where it runs"),
    "monitoring_requirements": (2, "what is watched, and who is told"),
    "success_metrics": (2, "the numbers that tell whether it succeeded"),
    "timeline": (9, "when it starts and when it must be there"),
    "future_features": (2, "what may come later"),
    "services": (3, "which services there are, and what each alone does"),
    "risks": (9, "what may go wrong"),
    "team": (9, "who builds it, for how many hours"),
}
"""Question, the guide's checkpoint that it belongs to, and what it is about."""
