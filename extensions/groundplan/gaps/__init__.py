"""Gaps that can be seen from the answers alone: what must be resolved before coding, and what can wait.

A rule is one small function: it looks at `ProjectView` and yields a `Finding` for each thing that is missing or wrong.
To add one, write it in the module of its subject under `@rule`, which registers it when the module is imported: that is
why all modules are imported here. The first line of its docstring is its title. Give it the next number of its letter,
which says what it was first about (the answers as a whole, boundaries, contracts, decisions, external APIs, fields, the
plan, waivers); an id is never used again, even when its rule is gone, because projects refer to it in `gap_waivers`.
"""

from ..name_matching import is_about_service
from ..project_view import ProjectView
from ..questionnaire import REQUIREMENTS
from . import (
    boundaries,
    completeness,
    consistency,
    contracts,
    decisions,
    details,
    failures,
    fields,
    promises,
    schedule,
    waivers,
)
from .completeness import BUILT_ON
from .model import DEFER, MUST, RULES, Finding, Gap, Rule, find

__all__ = [
    "BUILT_ON",
    "DEFER",
    "MUST",
    "REQUIREMENTS",
    "RULES",
    "Finding",
    "Gap",
    "ProjectView",
    "Rule",
    "boundaries",
    "completeness",
    "consistency",
    "contracts",
    "decisions",
    "details",
    "failures",
    "fields",
    "find",
    "is_about_service",
    "promises",
    "schedule",
    "waivers",
]
