"""A service as code: what its templates read, formatted and ready to be printed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .. import migrations
from ..anonymity import blanks
from ..domain import ANYONE, GROUPS, Entity, Product, Service
from ..formatting import wrap
from ..operations import Operation, of_entity
from ..provenance import cached_property
from ..text import py
from .entities import EntityCode
from .events import EventCode, ReactionCode, source_expression
from .fields import field_codes
from .hooks import HookCode, hooks
from .imports import ServiceImports
from .jobs import JobCode
from .models import ClassCode, model_classes
from .policies import policy
from .python import dict_literal, tuple_argument
from .references import lookups
from .revisions import RevisionCode, revisions
from .tables import TableCode, table_code
from .workflows import CommandCode, ParticipantCode, WorkflowCode


@dataclass(frozen=True)
class ServiceCode:
    """A service, as templates read it."""

    service: Service
    product: Product
    revisions: tuple[RevisionCode, ...]

    @property
    def name(self) -> str:
        return self.service.name

    @property
    def path_name(self) -> str:
        """Its name in the path of a module that exists once per service."""
        return self.service.name

    @property
    def responsibility(self) -> str:
        return self.service.responsibility

    @property
    def headline(self) -> str:
        """The first line of its `main.py`."""
        purpose = f": {self.responsibility}" if self.responsibility else ""
        return f"The {self.name} service{purpose}".rstrip(".") + "."

    @property
    def internal(self) -> bool:
        return self.service.exposure == "internal"

    @property
    def audited(self) -> bool:
        """Whether changes of any of its records are on record."""
        return self.service.audited

    @property
    def database(self) -> bool:
        """Whether it has one."""
        return self.service.has_database

    @cached_property
    def entities(self) -> tuple[EntityCode, ...]:
        return tuple(
            EntityCode(
                it,
                field_codes(it.fields, limited=True),
                lookups(self.product, self.service, it),
                of_entity(self.product, it),
            )
            for it in self.service.entities
        )

    @property
    def operations(self) -> tuple[Operation, ...]:
        """The operations on the records of all its entities."""
        return tuple(it for entity in self.entities for it in entity.operations)

    @property
    def has_public_operations(self) -> bool:
        """Whether anyone may call some of them."""
        about_records = any(it.access == ANYONE for it in self.operations)
        return about_records or any(it.access == ANYONE for it in self.service.requests)

    def referrers(self, entity: str) -> str:
        """The attribute with the fields of other records that decide about a deletion; empty if there are none."""
        found = tuple(
            f"Referrer(models.{other.name}, {py(field.name)}, {py(field.on_delete)})"
            for other in self.service.entities
            for field in other.fields
            if field.on_delete != "keep" and field.type.target == entity
        )
        return tuple_argument("referrers = ", found, 4) if found else ""

    def retention(self, entity: str, anonymises: bool) -> Iterator[str]:
        """The attributes that say how long records of an entity are kept; none if for good.

        With `anonymises`, some of the product are anonymised, so that each says what becomes of them.
        """
        code = self._entities_by_name[entity]
        kept = code.entity.retention
        if code.entity.anonymised:
            found = blanks(code.entity, self.product.value_objects).items()
            pairs = (f"({py(name)}, {dict_literal(it) if isinstance(it, dict) else py(it)})" for name, it in found)
            yield tuple_argument("blanks = ", pairs, 4)
        if kept is None:
            return
        field = next((it for it in code.entity.fields if it.name == kept.after), None)
        arguments = [py(kept.action)] if anonymises else []
        arguments += [f"days={kept.days}", f"after={py(kept.after)}"]
        arguments += ["whole_days=True"] if field and field.type.kind == "date" else []
        yield wrap(f"retention = Retention({', '.join(arguments)})", 4)

    @property
    def keeps_for_a_time(self) -> bool:
        """Whether any of its records are deleted or anonymised one day."""
        return self.service.keeps_for_a_time

    def effects(self, entity: str) -> str:
        """The attribute with what a change of an entity triggers; empty if it triggers nothing."""
        found = tuple(self._effects(entity))
        return tuple_argument("effects = ", found, 4) if found else ""

    def _effects(self, entity: str) -> Iterator[str]:
        yield from (f"events.{event.constant}" for event in self.published if event.event.entity == entity)
        for job in self.service.jobs:
            if job.entity == entity:
                yield f"JobTrigger({py(job.name)}, on={tuple_argument('', map(py, job.operations), 0)})"
        yield from (f"workflows.{it.constant}" for it in self.workflows if it.workflow.entity == entity)

    @cached_property
    def policies(self) -> tuple[str, ...]:
        """The statements of its `access.py`; none where only the other services call it."""
        if self.internal:
            return ()
        return tuple(policy(it, self.product.access_to[it.name]) for it in self.service.entities)

    @property
    def policy_groups(self) -> dict[str, bool]:
        """What its `access.py` may import, and whether it does."""
        return {"Policy": True, **{it.upper(): it in self._allowed for it in GROUPS}}

    @property
    def policies_name_roles(self) -> bool:
        """Whether some caller may do something because of its role."""
        return not self._allowed <= {*GROUPS}

    @property
    def _allowed(self) -> set[str]:
        """Who may do anything with its records."""
        accesses = [self.product.access_to[it.name] for it in self.service.entities]
        return {who for access in accesses for _, everybody in access.grants for who in everybody}

    @cached_property
    def published(self) -> tuple[EventCode, ...]:
        return tuple(
            EventCode(
                event,
                tuple(subscriber.name for subscriber in self.product.subscribers(event.name)),
                field_codes(event.fields),
            )
            # Events that feed read copies come first, so that what a reaction creates can refer to the copied record.
            for event in sorted(self.service.events, key=lambda it: not it.implied)
        )

    @cached_property
    def consumed_events(self) -> tuple[EventCode, ...]:
        """The events of other services that this one reacts to."""
        return tuple(
            EventCode(event, (), field_codes(event.fields))
            for name in self.service.subscriptions
            if (event := self.product.events[name]).service != self.name
        )

    @property
    def publishers(self) -> Mapping[str, str]:
        """The service that publishes each event, command and reply that it hears."""
        events = {it.event.name: it.event.event.service for it in self.reactions}
        copied = {f"{it.snake}.{change}": it.service for it in self.copies for change in ("saved", "removed")}
        replies = {
            f"{it.name}.{step.name}.{reply}": step.service
            for it in self.workflows
            for step in it.workflow.steps
            for reply in ("done", "refused", "undone")
        }
        commands = {
            f"{it.step.workflow}.{it.step.name}.{command}": it.leader
            for it in self.workflow_steps
            for command in ("do", "undo")
        }
        return events | copied | replies | commands

    @cached_property
    def _entities_by_name(self) -> dict[str, EntityCode]:
        return {code.name: code for code in self.entities}

    @cached_property
    def reactions(self) -> tuple[ReactionCode, ...]:
        events = {code.name: code for code in (*self.consumed_events, *self.published)}
        return tuple(
            ReactionCode(
                reaction,
                events[reaction.event],
                self._entities_by_name[reaction.creates],
                tuple(
                    f"{name}={source_expression(self._entities_by_name[reaction.creates].entity, name, source)}"
                    for name, source in reaction.mapping
                ),
            )
            for reaction in self.service.reactions
        )

    @cached_property
    def jobs(self) -> tuple[JobCode, ...]:
        return tuple(JobCode(job, self._entities_by_name.get(job.entity)) for job in self.service.jobs)

    @property
    def components(self) -> tuple[str, ...]:
        """The components that it has because an option brings it: `login.signing.KeySet`."""
        return self.service.components

    def own_modules(self, jobs: object) -> str:
        """What its `main.py` imports of its own modules; with `jobs`, its process runs them."""
        used = {"api": True, "consumers": self.consumes, "jobs": jobs, "routes": True}
        return ", ".join(name for name, needed in used.items() if needed)

    @property
    def entities_argument(self) -> str:
        """The argument with the classes of its service layer."""
        return tuple_argument("entity_services=", (entity.service_class for entity in self.entities), 4)

    @property
    def has_scheduled_jobs(self) -> bool:
        """Whether any job has a schedule."""
        return any(job.schedule for job in self.service.jobs)

    @cached_property
    def workflows(self) -> tuple[WorkflowCode, ...]:
        """The workflows that it orchestrates."""
        return tuple(
            WorkflowCode(
                it,
                self._entities_by_name[it.entity],
                tuple(CommandCode(step, self.product.entities[step.creates]) for step in it.steps),
            )
            for it in self.product.workflows_led_by(self.name)
        )

    @cached_property
    def workflow_steps(self) -> tuple[ParticipantCode, ...]:
        """The steps that it performs in workflows of others."""
        leaders = {it.name: it.service for it in self.product.workflows}
        return tuple(
            ParticipantCode(step, self._entities_by_name[step.creates], leaders[step.workflow])
            for step in self.product.workflow_steps_in(self.name)
        )

    def workflow(self, name: str) -> WorkflowCode:
        """A workflow that it orchestrates."""
        return next(it for it in self.workflows if it.name == name)

    @property
    def tables(self) -> tuple[TableCode, ...]:
        """The tables of its entities, of workflows, and of changes that are on record."""
        others = migrations.common_tables(self.product, self.service)
        return (
            *(TableCode(it.table, it.columns, it.indexes) for it in self.entities),
            *(table_code(name, columns, migrations.OTHER_INDEXES.get(name, ())) for name, columns in others.items()),
        )

    @property
    def encrypts(self) -> bool:
        """Whether fields of its records are encrypted."""
        return any(it.entity.encrypted for it in self.entities)

    @property
    def copies(self) -> tuple[Entity, ...]:
        """The entities of other services of which it keeps read copies."""
        return tuple(self.product.entities[copy.entity] for copy in self.service.copies)

    @property
    def calls(self) -> tuple[str, ...]:
        return tuple(dependency.service for dependency in self.product.calls(self.service))

    @property
    def subscribers(self) -> tuple[str, ...]:
        """The services that receive its messages."""
        return self.product.message_recipients(self.name)

    @property
    def apis(self) -> tuple[str, ...]:
        return tuple(api.name for api in self.product.external_apis if self.name in api.used_by)

    @property
    def files(self) -> tuple[str, ...]:
        """Its modules, managed and owned; not what a removed entity left behind."""
        managed = {
            "access": self.policies,
            "api": True,
            "consumers": self.consumes,
            "events": self.published,
            "hooks": self.hooks,
            "jobs": self.jobs,
            "main": True,
            "models": True,
            "services": self.entities,
            "tables": self.database,
            "workflows": self.workflows,
        }
        return (*(f"services/{self.name}/{name}.py" for name, needed in managed.items() if needed), *self.owned)

    @property
    def owned(self) -> tuple[str, ...]:
        """Its owned files: generated once, and never overwritten."""
        return tuple(f"services/{self.name}/{name}" for name in self.owned_modules)

    @property
    def owned_modules(self) -> tuple[str, ...]:
        """The names of its owned files, in its folder."""
        names = [entity.snake for entity in self.entities]
        names += [reaction.module for reaction in self.reactions]
        names += [job.name for job in self.jobs]
        names += [step.module for step in self.workflow_steps]
        return tuple(f"{name}.py" for name in names)

    @property
    def consumes(self) -> bool:
        return bool(self.service.copies or self.service.reactions or self.workflows or self.workflow_steps)

    def client_arguments(self, posts: bool) -> tuple[str, ...]:
        """The arguments of its clients; with `posts`, events are delivered to subscribers by HTTP."""
        services = dict.fromkeys((*self.calls, *(self.subscribers if posts else ())))
        found = (("services", services), ("apis", self.apis))
        return tuple(tuple_argument(f"{name}=", map(py, names), 12) for name, names in found if names)

    @property
    def uncalled_subscribers(self) -> tuple[str, ...]:
        """The services that receive its messages, and that it does not call otherwise."""
        return tuple(it for it in self.subscribers if it not in self.calls)

    @property
    def messaging_arguments(self) -> tuple[str, ...]:
        """The arguments of its messaging component."""
        publishes = [tuple_argument("subscribers=", map(py, self.subscribers), 12)] if self.subscribers else []
        return (*publishes, "consumer=consumers.consumer") if self.consumes else tuple(publishes)

    @cached_property
    def classes(self) -> tuple[ClassCode, ...]:
        """The classes of its `models.py`."""
        return model_classes(self.product, self.service, self.entities, (*self.published, *self.consumed_events))

    @cached_property
    def hooks(self) -> tuple[HookCode, ...]:
        """What its owned files may override."""
        return tuple(
            hooks(self.entities, self.reactions, self.jobs, self.workflow_steps, bool(self.calls or self.apis))
        )

    @property
    def imports(self) -> ServiceImports:
        return ServiceImports(
            self.name,
            self.entities,
            self.published,
            self.classes,
            self.reactions,
            self.jobs,
            self.workflows,
            self.workflow_steps,
            bool(self.copies),
            bool(self.calls),
            bool(self.apis),
            bool(self.policies),
        )

    def rules_header(self, name: str, hooks: str) -> str:
        """The first line of the class in an owned file."""
        return wrap(f"class {name}({hooks}):")


def services(product: Product, history: Mapping[str, tuple[migrations.Revision, ...]]) -> tuple[ServiceCode, ...]:
    """The services of a product that has its ids and ports, with the migrations that the history has for each."""
    return tuple(
        ServiceCode(service, product, revisions(history.get(service.name, ()))) for service in product.services
    )
