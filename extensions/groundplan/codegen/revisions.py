"""The migrations of a service."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .. import migrations
from ..formatting import wrap
from ..provenance import tracked
from ..text import py
from .tables import column_code, fill_argument


@dataclass(frozen=True)
class StepCode:
    """A step of a migration: a function of the generated `steps` module, and its arguments."""

    head: str
    arguments: tuple[str, ...]


RECORD_COLUMNS = (
    'sa.Column("id", sa.Uuid, primary_key=True)',
    'sa.Column("version", sa.Integer, nullable=False)',
    'sa.Column("created_at", columns.InstantColumn, nullable=False)',
    'sa.Column("updated_at", columns.InstantColumn, nullable=False)',
)
"""The columns of every new table; written out, because a migration must never change."""


@tracked(lambda it, part: (migrations.asked_by(step.table) for step in it.operations) if part != "operations" else ())
@dataclass(frozen=True)
class RevisionCode:
    """A migration."""

    number: int
    operations: tuple[migrations.Operation, ...]

    @property
    def id(self) -> str:
        return f"{self.number:04}"

    @property
    def previous(self) -> str | None:
        return f"{self.number - 1:04}" if self.number > 1 else None

    @property
    def title(self) -> str:
        """A sentence with what it does."""
        done = (
            _words(operation)
            for operation in self.operations
            if operation.index is None or not self._makes(operation.table)
        )
        return ", ".join(done).capitalize() + "."

    @property
    def steps(self) -> tuple[StepCode, ...]:
        return tuple(map(self._step, self.operations))

    @property
    def document_steps(self) -> tuple[StepCode, ...]:
        """The steps for records in documents, where an optional field needs none."""
        return tuple(step for operation in self.operations for step in self._document_step(operation))

    @property
    def has_columns(self) -> bool:
        return any(operation.verb in ("create", "add", "tighten") for operation in self.operations)

    @property
    def path_name(self) -> str:
        """The name of its file."""
        first = self.operations[0]
        verb = first.verb.removeprefix("was ").replace(" ", "_")  # it stays where it is when it is relaxed
        fields = (first.column.name,) if first.column else first.index.fields[:1] if first.index else ()
        return f"{'_'.join((self.id, verb, first.table, *fields))}.py"

    @property
    def uses_columns(self) -> bool:
        return any("columns." in argument for step in self.steps for argument in step.arguments)

    @property
    def uses_common(self) -> bool:
        return any("common." in argument for step in self.steps for argument in step.arguments)

    def _step(self, operation: migrations.Operation) -> StepCode:
        table, column, index = py(operation.table), operation.column, operation.index
        if index is not None:
            name, fields = py(index.name(operation.table)), tuple(map(py, index.fields))
            if operation.verb.startswith("drop "):
                return StepCode("steps.drop_index", (table, name))
            return StepCode("steps.unique" if operation.verb == "unique" else "steps.index", (table, name, *fields))
        if operation.verb == "create":
            columns = (*RECORD_COLUMNS, *map(column_code, operation.columns))
            return StepCode("steps.create", (table, *columns))
        if column is None:
            return StepCode("steps.retire_table", (table, py(self.id)))
        if operation.verb == "retire":
            return StepCode("steps.retire", (table, py(column.name), py(self.id)))
        if operation.verb == "loosen":
            return StepCode("steps.loosen", (table, py(column.name)))
        fill = () if column.default is None else (fill_argument(column),)
        return StepCode(f"steps.{operation.verb}", (table, column_code(column), *fill))

    def _document_step(self, operation: migrations.Operation) -> Iterator[StepCode]:
        table, column, index = py(operation.table), operation.column, operation.index
        if index is not None:
            if index.unique:
                yield self._unique_documents(operation.verb, operation.table, index)
        elif operation.verb == "create":
            yield StepCode("steps.Create", (table,))
        elif column is None:
            yield StepCode("steps.RetireTable", (table, py(self.id)))
        elif operation.verb == "retire":
            yield StepCode("steps.Retire", (table, py(column.name), py(self.id)))
        elif not column.optional:
            fill = () if column.default is None else (wrap(f"fill={py(column.default)}", 8, 1),)
            yield StepCode("steps.Fill", (table, py(column.name), *fill))

    def _unique_documents(self, verb: str, table: str, index: migrations.Index) -> StepCode:
        """The step for values that no two documents may have in common; those of a new table are none yet."""
        name = py(index.name(table))
        if verb.startswith("drop "):
            return StepCode("steps.DropUnique", (name,))
        if verb == "was unique" or self._makes(table):
            return StepCode("steps.Create", (name,))
        return StepCode("steps.Unique", (py(table), name, *map(py, index.fields)))

    def _makes(self, table: str) -> bool:
        """Whether it creates a table."""
        return any(it.verb == "create" and it.table == table for it in self.operations)


def _words(operation: migrations.Operation) -> str:
    """What a step does: `add books.pages`, `unique books (isbn)`."""
    done = f"{operation.verb.removeprefix('was ')} {operation.table}"
    if operation.index is not None:
        return f"{done} ({', '.join(operation.index.fields)})"
    return done + (f".{operation.column.name}" if operation.column else "")


def revisions(history: Iterable[migrations.Revision]) -> tuple[RevisionCode, ...]:
    """The migrations of a service, oldest first."""
    return tuple(
        RevisionCode(number, tuple(map(migrations.parse, revision))) for number, revision in enumerate(history, start=1)
    )
