"""Gaps that can be told from the answers alone: what must be resolved before coding, and what can wait.

A rule is one small function: it looks at `Facts` and yields a `Finding` per thing that is not right.
To add one, write it in the module of its kind; `@rule` enters it.
"""

from ..questionnaire import REQUIREMENTS
from . import boundaries, completeness, decisions, failures, schedule
from .facts import Facts
from .model import DEFER, MUST, RULES, Finding, Gap, Rule, find

__all__ = [
    "DEFER",
    "MUST",
    "REQUIREMENTS",
    "RULES",
    "Facts",
    "Finding",
    "Gap",
    "Rule",
    "boundaries",
    "completeness",
    "decisions",
    "failures",
    "find",
    "schedule",
]
