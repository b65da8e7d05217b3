"""The hooks of a service: what owned files may override."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..formatting import wrap
from .entities import EntityCode
from .events import ReactionCode
from .jobs import JobCode
from .workflows import ParticipantCode


@dataclass(frozen=True)
class HookCode:
    """A class of hooks: what the rules in an owned file may override."""

    name: str
    base: str
    """The generic class that it specialises, with its module."""
    arguments: tuple[str, ...]
    doc: str
    calls_out: bool

    @property
    def header(self) -> str:
        bases = f"{self.base}[{', '.join(self.arguments)}]"
        return wrap(f"class {self.name}({'WithClients, ' if self.calls_out else ''}{bases}):")


def hooks(
    entities: Sequence[EntityCode],
    reactions: Sequence[ReactionCode],
    jobs: Sequence[JobCode],
    steps: Sequence[ParticipantCode],
    calls_out: bool,
) -> Iterator[HookCode]:
    """A class for each owned file."""
    for entity in entities:
        types = tuple(f"models.{entity.name}{suffix}" for suffix in ("Draft", "", "Related"))
        doc = f"What {entity.snake}.py may override."
        yield HookCode(f"{entity.name}Hooks", "common.EntityHooks", types, doc, calls_out)
    for reaction in reactions:
        types = (f"models.{reaction.event.class_name}", f"models.{reaction.entity.name}Draft")
        doc = f"What {reaction.module}.py may override."
        yield HookCode(f"{reaction.class_name}Hooks", "reactions.ReactionHooks", types, doc, calls_out)
    for job in jobs:
        types = (f"models.{job.entity.name}" if job.entity else "datetime",)
        yield HookCode(f"{job.class_name}Hooks", "jobs.JobHooks", types, f"What {job.name}.py overrides.", calls_out)
    for step in steps:
        types = (f"models.{step.entity.name}Draft", f"models.{step.entity.name}")
        doc = f"What {step.module}.py may override."
        yield HookCode(f"{step.class_name}Hooks", "participant.StepHooks", types, doc, calls_out)
