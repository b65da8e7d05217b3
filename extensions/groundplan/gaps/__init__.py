"""Gaps that can be told from the answers alone: what must be resolved before coding, and what can wait.

A rule is one small function: it looks at `Facts` and yields a `Finding` per thing that is not right.
To add one, write it in the module of its kind; `@rule` enters it.
"""

from ..questionnaire import REQUIREMENTS
from . import agreement, boundaries, completeness, contracts, decisions, details, failures, schedule, waivers
from .completeness import BUILT_ON
from .facts import Facts, concerns
from .model import DEFER, MUST, RULES, Finding, Gap, Rule, find

__all__ = [
    "BUILT_ON",
    "DEFER",
    "MUST",
    "REQUIREMENTS",
    "RULES",
    "Facts",
    "Finding",
    "Gap",
    "Rule",
    "agreement",
    "boundaries",
    "completeness",
    "concerns",
    "contracts",
    "decisions",
    "details",
    "failures",
    "find",
    "schedule",
    "waivers",
]
