"""The import statements of a service's modules, sorted as linters want them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..formatting import import_from, module_of
from .entities import EntityCode
from .events import EventCode, ReactionCode
from .jobs import JobCode
from .models import ClassCode
from .references import FETCH_FUNCTIONS
from .workflows import ParticipantCode, WorkflowCode


@dataclass(frozen=True)
class ServiceImports:
    """What a service consists of, as far as its modules import it."""

    service: str
    entities: Sequence[EntityCode]
    published: Sequence[EventCode]
    classes: Sequence[ClassCode]
    reactions: Sequence[ReactionCode]
    jobs: Sequence[JobCode]
    workflows: Sequence[WorkflowCode]
    steps: Sequence[ParticipantCode]
    keeps_copies: bool
    calls_services: bool
    calls_apis: bool
    has_policies: bool

    @property
    def of_models(self) -> tuple[str, ...]:
        """Of `models.py`, each group after an empty line."""
        fields = [field for it in self.classes for field in it.fields]
        annotations = [it.annotation for it in fields]
        body = " ".join(line for it in self.classes for line in it.lines)
        standard = ["from collections.abc import Mapping"] if "Mapping[" in body else []
        standard += ["from dataclasses import dataclass"] if self.entities else []
        typing = {it: any(f"{it}[" in each for each in annotations) for it in ("Annotated", "Literal")}
        typing = {it: named or f"{it}[" in body for it, named in typing.items()} | {"ClassVar": "ClassVar" in body}
        standard += [self.used("typing", typing)] if any(typing.values()) else []
        standard += ["from uuid import UUID"] if any(it.lookups for it in self.entities) else []
        uses_field = any(" Field(" in each for each in annotations)
        installed = ["from pydantic import Field"] if uses_field else []
        has_lists = any(it.bases == "listing.ListQuery" for it in self.classes)
        common = ["from services.common import listing"] if has_lists else []
        common += ["from services.common import models as common"] if self.classes else []
        has_events = any(it.bases == "envelope.Event" for it in self.classes)
        common += ["from services.common.messaging import envelope"] if has_events else []
        return tuple(line for group in (standard, installed, common) if group for line in ("", *group))

    @property
    def of_services(self) -> tuple[str, ...]:
        """Of `services.py`."""
        methods = sorted({lookup.method for entity in self.entities for lookup in entity.lookups})
        common = ["from services.common import entity_service"]
        common += ["from services.common.jobs.runner import JobTrigger"] if self._has_triggered_jobs else []
        common += [import_from(*FETCH_FUNCTIONS[it]) for it in methods]
        audited = any(it.entity.audited for it in self.entities)
        common += ["from services.common.history import History"] if audited else []
        guarded = any(it.on_delete != "keep" for entity in self.entities for it in entity.entity.fields)
        common += ["from services.common.references.referrers import Referrer"] if guarded else []
        kept = any(it.entity.retention for it in self.entities)
        common += ["from services.common.retention import Retention"] if kept else []
        own = list(
            self._modules(
                access=self.has_policies, events=self.published, models=True, tables=True, workflows=self.workflows
            )
        )
        own += [import_from(f"services.{self.service}.{it.snake}", f"{it.name}Rules") for it in self.entities]
        return (*sorted(common, key=module_of), *sorted(own, key=module_of))

    @property
    def service_classes(self) -> str:
        """The service classes of all entities."""
        return self._service_classes(*(it.service_class for it in self.entities))

    @property
    def requested_service_classes(self) -> str:
        """The service classes of the entities whose records callers can ask for."""
        return self._service_classes(*(it.service_class for it in self.entities if it.operations))

    def used(self, module: str, names: Mapping[str, object]) -> str:
        """The import of those names of a module that are used."""
        return import_from(module, *(name for name, is_used in names.items() if is_used))

    @property
    def of_jobs(self) -> tuple[str, ...]:
        """Of `jobs.py`, from the service itself."""
        own = list(self._modules(models=self._has_triggered_jobs))
        own += [import_from(f"services.{self.service}.{it.name}", it.class_name) for it in self.jobs]
        return tuple(sorted(own, key=module_of))

    @property
    def of_consumers(self) -> tuple[str, ...]:
        """Of `consumers.py`."""
        uses_common = any("common." in it for reaction in self.reactions for it in reaction.arguments)
        common = ["from services.common import models as common"] if uses_common else []
        common += ["from services.common.messaging.consumer import Consumer"]
        common += ["from services.common.messaging.reactions import Reaction"] if self.reactions else []
        common += ["from services.common.messaging.read_copies import ReadCopy"] if self.keeps_copies else []
        common += ["from services.common.workflows.orchestrator import Orchestrator"] if self.workflows else []
        common += ["from services.common.workflows.participant import Participant"] if self.steps else []
        rules: tuple[ReactionCode | ParticipantCode, ...] = (*self.reactions, *self.steps)
        own = list(self._modules(models=rules, tables=self.steps, workflows=self.workflows))
        own += [import_from(f"services.{self.service}.{it.module}", it.class_name) for it in rules]
        used = {it.entity.service_class for it in rules} | {it.entity.service_class for it in self.workflows}
        own += [self._service_classes(*used)] if used else []
        return (*sorted(common, key=module_of), *sorted(own, key=module_of))

    @property
    def of_hooks(self) -> tuple[str, ...]:
        """Of `hooks.py`."""
        calls_out = self.calls_services or self.calls_apis
        dataclasses = {"dataclass": calls_out, "fields": self.calls_services}
        standard = [self.used("dataclasses", dataclasses)] if calls_out else []
        standard += ["from datetime import datetime"] if any(it.schedule for it in self.jobs) else []
        common = ["from services.common import hooks as common"] if self.entities else []
        common += ["from services.common.clients.client import Client"] if calls_out else []
        common += ["from services.common.hooks import Hooks"] if calls_out else []
        common += ["from services.common.jobs import jobs"] if self.jobs else []
        common += ["from services.common.messaging import reactions"] if self.reactions else []
        common += ["from services.common.workflows import participant"] if self.steps else []
        own = self._modules(models=self.entities or self.reactions)
        return (*standard, *([""] if standard else []), *common, *own)

    def hooks_class(self, name: str) -> str:
        """A class of hooks, in an owned file."""
        return import_from(f"services.{self.service}.hooks", name)

    @property
    def _has_triggered_jobs(self) -> bool:
        return any(it.entity for it in self.jobs)

    def _modules(self, **used: object) -> Iterator[str]:
        """The import of the service's own modules that are used."""
        if names := [name for name, needed in used.items() if needed]:
            yield import_from(f"services.{self.service}", *names)

    def _service_classes(self, *names: str) -> str:
        return import_from(f"services.{self.service}.services", *names)
