"""Gaps that can be seen from the answers alone: what must be resolved before coding, and what can wait.

A rule is one small function: it looks at `ProjectView` and yields a `Finding` for each thing that is missing or wrong.
To add one, write it in the module of its subject under `@rule`, which registers it when the module is imported: that is
why all modules are imported here. The first line of its docstring is its title. Give it the next number of its letter,
which says what it was first about (the answers as a whole, boundaries, contracts, decisions, external APIs, fields, the
plan, security, waivers). When a rule goes, its id goes to `RETIRED`: no other rule may have it, because projects refer
to it in `gap_waivers`.
"""

from ..name_matching import is_about_service
from ..project_view import ProjectView
from ..questionnaire import REQUIREMENTS
from . import (
    access,
    boundaries,
    completeness,
    consistency,
    contracts,
    decisions,
    details,
    failures,
    fields,
    keeping,
    promises,
    schedule,
    waivers,
)
from .completeness import BUILT_ON
from .model import DEFER, MUST, RETIRED, RULES, Finding, Gap, Rule, find, rule

__all__ = [
    "BUILT_ON",
    "DEFER",
    "MUST",
    "REQUIREMENTS",
    "RETIRED",
    "RULES",
    "Finding",
    "Gap",
    "ProjectView",
    "Rule",
    "access",
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
    "keeping",
    "promises",
    "rule",
    "schedule",
    "waivers",
]
