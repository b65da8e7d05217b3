"""The migrations of a service."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

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


def _questions(revision: RevisionCode, part: str) -> Iterator[str]:
    """The questions that a part of a revision answers."""
    if part != "operations":
        for it in revision.operations:
            yield migrations.asked_by(it.table)
            if it.encrypts:
                yield "encryption"


@tracked(_questions)
@dataclass(frozen=True)
class RevisionCode:
    """A migration."""

    number: int
    operations: tuple[migrations.Operation, ...]
    kept_aside: Mapping[tuple[str, str], tuple[migrations.Column, ...]] = field(default_factory=dict)
    """The columns in which earlier revisions may have left values, by the table and column that they converted."""

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
        return tuple(step for operation in self.operations for step in self._steps(operation))

    @property
    def document_steps(self) -> tuple[StepCode, ...]:
        """The steps for records in documents, where an optional field needs none."""
        return tuple(step for operation in self.operations for step in self._document_step(operation))

    @property
    def seals(self) -> bool:
        """Whether it seals a table."""
        return any(it.verb == "seal" for it in self.operations)

    @property
    def sorts_old_records(self) -> bool:
        """Whether it asks to whom records belong that are older."""
        return any(_sorts_old_records(it) for it in self.operations)

    @property
    def redacts(self) -> bool:
        """Whether it lets values in a sealed table be replaced by a mark."""
        return any(it.verb == "redact" for it in self.operations)

    @property
    def has_columns(self) -> bool:
        verbs = ("create", "add", "tighten", "encrypt", "decrypt", "convert", "was convert")
        return any(operation.verb in verbs for operation in self.operations)

    @property
    def path_name(self) -> str:
        """The name of its file."""
        first = self.operations[0]
        verb = first.verb.removeprefix("was ").replace(" ", "_")  # it stays where it is when it is relaxed
        fields = (first.column.name,) if first.column else first.index.fields[:1] if first.index else ()
        return f"{'_'.join((self.id, verb, first.table, *fields))}.py"

    @property
    def uses_columns(self) -> bool:
        return any(re.search(r"\bcolumns\.", argument) for step in self.steps for argument in step.arguments)

    @property
    def uses_encrypted_columns(self) -> bool:
        return any("encrypted_columns." in argument for step in self.steps for argument in step.arguments)

    @property
    def step_modules(self) -> tuple[str, ...]:
        """The modules of generated projects with its steps."""
        return _modules(self.steps)

    @property
    def document_step_modules(self) -> tuple[str, ...]:
        """The same for records in documents."""
        return tuple(sorted({"steps", *_modules(self.document_steps)}))

    @property
    def uses_common(self) -> bool:
        return any("common." in argument for step in self.steps for argument in step.arguments)

    def _steps(self, operation: migrations.Operation) -> Iterator[StepCode]:
        if operation.verb == "was convert" and operation.column:
            table, column = py(operation.table), operation.column
            yield StepCode("steps.retire", (table, py(column.name), py(self.id)))
            yield StepCode(f"{_module(column)}.add", (table, column_code(column)))
        else:
            yield self._step(operation)

    def _step(self, operation: migrations.Operation) -> StepCode:
        table, column, index = py(operation.table), operation.column, operation.index
        if index is not None:
            name, fields = py(index.name(operation.table)), tuple(map(py, index.fields))
            if operation.verb.startswith("drop "):
                return StepCode("steps.drop_index", (table, name))
            return StepCode("steps.unique" if operation.verb == "unique" else "steps.index", (table, name, *fields))
        if operation.verb in ("seal", "redact"):
            return StepCode(f"steps.{operation.verb}", (table, py(self.id)))
        if operation.verb == "create":
            columns = (*RECORD_COLUMNS, *map(column_code, operation.columns))
            return StepCode("steps.create", (table, *columns))
        if operation.verb == "restore":
            return StepCode("steps.restore" if column else "steps.restore_table", _restored(operation))
        if column is None:
            return StepCode("steps.retire_table", (table, py(self.id)))
        if operation.verb == "merge":
            return StepCode("steps.merge_tenants", (table, py(self.id)))
        if operation.by is not None:
            return StepCode("steps.assign", _assigned(operation))
        if _sorts_old_records(operation):
            return StepCode("steps.add_tenant", (table, column_code(column)))
        if operation.verb in ("retire", "was merge"):
            return StepCode("steps.retire", (table, py(column.name), py(self.id)))
        if operation.verb == "rename":
            return StepCode(f"{_module(column)}.rename", (table, py(column.name), py(operation.new_name)))
        if operation.verb == "loosen":
            return StepCode("steps.loosen", (table, py(column.name)))
        fill = () if column.default is None else (fill_argument(column),)
        if operation.before:
            both = column_code(operation.before), column_code(column)
            kept = tuple(map(column_code, self._kept_aside(operation)))
            arguments = (table, *both, *_target(column), *_list_argument("kept", kept), *fill)
            return StepCode("retyped.convert", arguments)
        module = "encrypted" if operation.verb in ("encrypt", "decrypt") else _module(column)
        return StepCode(f"{module}.{operation.verb}", (table, column_code(column), *fill))

    def _document_step(self, operation: migrations.Operation) -> Iterator[StepCode]:
        table, column, index = py(operation.table), operation.column, operation.index
        if index is not None:
            if index.unique:
                yield self._unique_documents(operation.verb, operation.table, index)
        elif operation.verb == "create":
            yield StepCode("steps.Create", (table,))
        elif operation.verb in ("seal", "redact"):
            return  # nothing refuses what changes a file
        elif operation.verb == "restore":
            yield StepCode("steps.Restore" if column else "steps.RestoreTable", _restored(operation))
        elif column is None:
            yield StepCode("steps.RetireTable", (table, py(self.id)))
        elif operation.verb == "merge":
            yield StepCode("steps.MergeTenants", (table, py(self.id)))
        elif operation.by is not None:
            yield StepCode("steps.Assign", _assigned(operation))
        elif _sorts_old_records(operation):
            yield StepCode("steps.AddTenant", (table,))
        elif operation.verb in ("retire", "was merge", "was convert"):
            yield StepCode("steps.Retire", (table, py(column.name), py(self.id)))
        elif operation.verb == "rename":
            yield StepCode(f"{_module(column)}.Rename", (table, py(column.name), py(operation.new_name)))
        elif operation.before:
            yield StepCode("retyped.Convert", (table, py(column.name), *self._converted_fields(operation, column)))
            yield from self._filled(table, column)
        elif operation.verb in ("encrypt", "decrypt"):
            yield StepCode(f"encrypted.{operation.verb.capitalize()}", (table, py(column.name)))
        else:
            yield from self._filled(table, column)

    def _filled(self, table: str, column: migrations.Column) -> Iterator[StepCode]:
        """The step that gives documents a field that they need."""
        if not column.optional:
            fill = () if column.default is None else (wrap(f"fill={py(column.default)}", 8, 1),)
            yield StepCode(f"{_module(column)}.Fill", (table, py(column.name), *fill))

    def _converted_fields(self, operation: migrations.Operation, column: migrations.Column) -> Iterator[str]:
        """The arguments of a step that converts a field of documents, which are encrypted by themselves."""
        kept = self._kept_aside(operation)
        encrypted = (py(it.name) for it in (operation.before, *kept) if it and it.encrypted)
        yield from _target(column)
        yield from _list_argument("kept", tuple(py(it.name) for it in kept))
        yield from _list_argument("encrypted", tuple(encrypted))
        if column.encrypted:
            yield "encrypts=True"

    def _kept_aside(self, operation: migrations.Operation) -> tuple[migrations.Column, ...]:
        """The columns with values that an earlier revision could not convert, if it had to."""
        assert operation.column
        return self.kept_aside.get((operation.table, operation.column.name), ())

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


def _sorts_old_records(operation: migrations.Operation) -> bool:
    """Whether an operation gives rows of a table to tenants, or takes them from theirs."""
    if operation.by is not None or operation.verb == "merge":
        return True
    column = operation.column
    if operation.verb not in ("add", "tighten") or column is None:
        return False
    return column.type == migrations.TENANT and not column.optional


def _assigned(operation: migrations.Operation) -> tuple[str, ...]:
    """The arguments of a step that gives rows to the tenant of older records; it asks for one where it has to."""
    assert operation.column
    assert operation.by
    asks = () if operation.verb == "assign" else ("asks=False",)
    return (*map(py, (operation.table, operation.column.name, *operation.by)), *asks)


def _restored(operation: migrations.Operation) -> tuple[str, ...]:
    """The arguments of a step that takes a table, or a column of it, into use again."""
    column = (operation.column.name,) if operation.column else ()
    return tuple(map(py, (operation.table, *column, operation.revision)))


def _target(column: migrations.Column) -> tuple[str, ...]:
    """The arguments with the type into which values are converted, and its choices."""
    return (py(column.type), *_list_argument("choices", tuple(map(py, column.choices))))


def _list_argument(name: str, values: tuple[str, ...]) -> tuple[str, ...]:
    """An argument that is a list, if there is anything in it."""
    return (wrap(f"{name}=[{', '.join(values)}]", 8, 1),) if values else ()


def _modules(steps: Iterable[StepCode]) -> tuple[str, ...]:
    return tuple(sorted({it.head.partition(".")[0] for it in steps}))


def _module(column: migrations.Column) -> str:
    """The module of generated projects with the steps that fill a column."""
    return "encrypted" if column.encrypted else "steps"


def _words(operation: migrations.Operation) -> str:
    """What a step does: `add books.pages`, `unique books (isbn)`."""
    done = f"{operation.verb.removeprefix('was ')} {operation.table}"
    if operation.index is not None:
        return f"{done} ({', '.join(operation.index.fields)})"
    done += f".{operation.column.name}" if operation.column else ""
    return f"{done} to {operation.new_name}" if operation.new_name else done


def _is_about(operation: migrations.Operation, table: str, column: str) -> bool:
    """Whether an operation is about a column, or about all of its table."""
    return operation.table == table and (operation.column is None or operation.column.name == column)


def revisions(history: Iterable[migrations.Revision]) -> tuple[RevisionCode, ...]:
    """The migrations of a service, oldest first."""
    made: list[RevisionCode] = []
    aside: dict[tuple[str, str], tuple[migrations.Column, ...]] = {}
    for number, lines in enumerate(history, start=1):
        code = RevisionCode(number, tuple(map(migrations.parse, lines)), dict(aside))
        made.append(code)
        for it in code.operations:
            if it.verb == "was convert" and it.column:
                key = (it.table, it.column.name)
                kept = replace(it.before or it.column, name=f"{it.column.name}_retired_{code.id}", optional=True)
                aside[key] = (*aside.get(key, ()), kept)
            elif it.verb == "rename" and it.column and not it.column.encrypted:  # those are bound to the name
                aside[it.table, it.new_name] = aside.pop((it.table, it.column.name), ())
            elif it.verb in ("convert", "retire"):
                aside = {key: kept for key, kept in aside.items() if not _is_about(it, *key)}
    return tuple(made)
