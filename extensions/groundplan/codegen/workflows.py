"""The workflows that a service orchestrates, and the steps that it performs in those of others."""

from __future__ import annotations

from dataclasses import dataclass

from ..domain import Entity, Outcome, Step, Workflow, pascal
from ..formatting import wrap
from ..provenance import tracked
from ..text import py
from .entities import EntityCode
from .fields import json_value
from .python import dict_literal


@tracked(lambda _, __: ("workflows",))
@dataclass(frozen=True)
class CommandCode:
    """A step of a workflow, as its orchestrator sees it."""

    step: Step
    entity: Entity

    @property
    def name(self) -> str:
        return self.step.name

    @property
    def service(self) -> str:
        return self.step.service

    @property
    def draft_arguments(self) -> tuple[str, ...]:
        """The arguments that tell where the fields of its draft come from."""
        taken = {name: source.field for name, source in self.step.mapping if source.field}
        types = {field.name: field.type for field in self.entity.fields}
        given = {
            name: json_value(types[name], source.literal) for name, source in self.step.mapping if not source.field
        }
        return tuple(
            wrap(f"{name}={dict_literal(values)}", 12, 1)
            for name, values in (("fields", taken), ("constants", given))
            if values
        )


@tracked(lambda _, __: ("workflows",))
@dataclass(frozen=True)
class WorkflowCode:
    """A workflow that the service orchestrates."""

    workflow: Workflow
    entity: EntityCode
    steps: tuple[CommandCode, ...]

    @property
    def name(self) -> str:
        return self.workflow.name

    @property
    def constant(self) -> str:
        return self.workflow.name.upper()

    @property
    def outcomes(self) -> tuple[str, ...]:
        """The arguments with the final values of its subject."""
        found = (("done", self.workflow.done), ("undone", self.workflow.undone))
        return tuple(wrap(f"{name}={dict_literal({it.field: self._outcome_value(it)})}", 4, 1) for name, it in found)

    def _outcome_value(self, outcome: Outcome) -> object:
        type = next(field.type for field in self.entity.entity.fields if field.name == outcome.field)
        return json_value(type, outcome.value)

    @property
    def handler_code(self) -> str:
        """The call that makes its message handler."""
        return wrap(f"Orchestrator(workflows.{self.constant}, {self.entity.service_class})", 4, 1)


@tracked(lambda _, __: ("workflows",))
@dataclass(frozen=True)
class ParticipantCode:
    """A step that the service performs in another service's workflow."""

    step: Step
    entity: EntityCode
    leader: str
    """The service that leads the workflow."""

    @property
    def module(self) -> str:
        return self.step.module

    @property
    def words(self) -> str:
        return self.step.workflow.replace("_", " ")

    @property
    def class_name(self) -> str:
        """The name of the class with its rules: `CheckoutReservationStep`."""
        return f"{pascal(self.module)}Step"

    @property
    def handler_code(self) -> str:
        """The call that makes its message handler."""
        arguments = (
            py(f"{self.step.workflow}.{self.step.name}"),
            f"orchestrator={py(self.leader)}",
            f"creates={self.entity.service_class}",
            f"draft=models.{self.entity.name}Draft",
            "table=tables.workflow_step",
            f"rules_class={self.class_name}",
        )
        return wrap(f"Participant({', '.join(arguments)})", 4, 1)
