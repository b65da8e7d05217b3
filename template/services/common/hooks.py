"""The hooks that business rules override: each owned file has one class that inherits from a class in its service's `hooks.py`."""

from __future__ import annotations

import inspect
from typing import Any, Generic, TypeVar

from services.common.auth.callers import SERVICE_CALLER, Caller
from services.common.config import Settings
from services.common.models import Model, Record
from services.common.runtime import Runtime
from services.common.transaction import Records, Transaction

DraftT = TypeVar("DraftT", bound=Model)
RecordT = TypeVar("RecordT", bound=Record)
RelatedT = TypeVar("RelatedT")


class Hooks:
    """The base of all rules: whatever a subclass does not override keeps its default."""

    def __init__(self, runtime: Runtime | None = None, caller: Caller = SERVICE_CALLER) -> None:
        self._runtime = runtime
        """None in unit tests of rules that read no records and call no service; those may leave out the caller, too."""
        self.caller = caller
        """The caller that asks for the change; the service itself, if an event or a job causes it."""

    @property
    def runtime(self) -> Runtime:
        """The runtime of the service."""
        if self._runtime is None:
            raise TypeError("These rules have no runtime. Fix: pass one to them.")
        return self._runtime

    @property
    def records(self) -> Records:
        """The records of the service; to change several of them together, `begin` a transaction."""
        return Records(self.runtime, self.caller)

    @property
    def settings(self) -> Settings:
        """The settings of the process, your own included."""
        return self.runtime.settings

    def __init_subclass__(cls, **options: Any) -> None:
        """Refuse a name that is not a hook, which would never be called, as soon as the class is imported.

        Raises:
            TypeError: A method overrides nothing and is not private, or is not async where the hook is.
        """
        super().__init_subclass__(**options)
        if cls.__module__.startswith("services.common.") or cls.__module__.endswith(".hooks"):
            return  # it declares hooks
        for name, value in vars(cls).items():
            if name.startswith("_") or not callable(value):
                continue
            where = f"{cls.__module__}.{cls.__name__}.{name}"
            hook = getattr(super(cls, cls), name, None)
            if hook is None:
                raise TypeError(
                    f"{where} is not a hook. Fix: name it as one of {_hooks(cls)}, or _{name}."
                )
            if inspect.iscoroutinefunction(hook) and not inspect.iscoroutinefunction(value):
                raise TypeError(f"{where} must be async. Fix: write `async def {name}`.")


def _hooks(cls: type[Hooks]) -> str:
    """The names that a class may override."""
    inherited = {
        name: value for base in reversed(cls.__mro__[1:]) for name, value in vars(base).items()
    }
    return ", ".join(
        name
        for name, value in inherited.items()
        if not name.startswith("_") and inspect.iscoroutinefunction(value)
    )


class EntityHooks(Hooks, Generic[DraftT, RecordT, RelatedT]):
    """The hooks of an entity, called when one of its records changes.

    `before_…` runs for requests, and for records that events create; it may call other services, as no transaction is open.
    `after_…` runs for all changes, whatever caused them, in their transaction, and an exception rolls that back.
    """

    async def before_create(self, draft: DraftT, related: RelatedT) -> DraftT:
        """Return the draft to store, changed or not; raise `RuleViolation` to refuse it."""
        return draft

    async def before_update(self, current: RecordT, draft: DraftT, related: RelatedT) -> DraftT:
        """Return the draft that replaces the current record; raise `RuleViolation` to refuse it."""
        return draft

    async def before_delete(self, current: RecordT) -> None:
        """Raise `RuleViolation` to keep the record."""

    async def after_create(self, record: RecordT, transaction: Transaction) -> None:
        """Change other records in the same transaction, or raise `RuleViolation` to undo all of it."""

    async def after_update(self, before: RecordT, after: RecordT, transaction: Transaction) -> None:
        """Change other records in the same transaction, or raise `RuleViolation` to undo all of it."""

    async def after_delete(self, record: RecordT, transaction: Transaction) -> None:
        """Change other records in the same transaction, or raise `RuleViolation` to undo all of it."""
