"""A complete generation: the project and its planning documents, checked together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .catalogue import Catalogue
from .planning.documents import Planning
from .problems import Refused
from .project import Project, assemble


@dataclass(frozen=True)
class Generation:
    """What the templates read."""

    project: Project
    planning: Planning


def build(raw: Mapping[str, object], catalogue: Catalogue, question_order: Sequence[str] = ()) -> Generation:
    """Build what the answers describe; raise `Refused` with every problem in them."""
    project = assemble(raw, catalogue, question_order)
    planning = Planning(project)
    if problems := (*project.problems, *planning.problems):
        raise Refused(problems)
    return Generation(project, planning)
