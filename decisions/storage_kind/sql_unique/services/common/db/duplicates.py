"""A duplicate that a database refuses is a conflict that names the fields, whichever statement stores it."""

from __future__ import annotations

import re

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from services.common.errors import Duplicate, RuleViolation, ServiceError

REFUSED = {"SQLITE_CONSTRAINT_UNIQUE", "23505"}
"""The codes of SQLite and of PostgreSQL for a value that an index has already."""
COLUMNS = re.compile(r"failed: (.+)|\((.+?)\)=")
"""SQLite: `UNIQUE constraint failed: books.shelf, books.place`; PostgreSQL, in its own language: `Key (shelf, place)=(…)`."""


def translated(context: sa.ExceptionContext) -> ServiceError | None:
    """The error to raise in place of the one that the database reported; None keeps that.

    The code does not know an index that was not generated, so the report is what tells of its columns.
    """
    error, execution = context.sqlalchemy_exception, context.execution_context
    if not isinstance(error, IntegrityError) or error.orig is None or execution is None:
        return None
    code = getattr(error.orig, "sqlite_errorname", None) or getattr(error.orig, "sqlstate", None)
    table = getattr(getattr(execution.compiled, "statement", None), "table", None)
    if code not in REFUSED or not isinstance(table, sa.Table):
        return None
    detail = getattr(error.orig.__cause__, "detail", None)  # of PostgreSQL
    reported = COLUMNS.search(detail or str(error.orig))
    listed = (reported[1] or reported[2]).split(", ") if reported else []
    fields = [it.removeprefix(f"{table.name}.").strip('"') for it in listed]
    if fields in _keys(table):
        return None  # who stores what may be there already looks at that itself
    if fields and {*fields} <= {*table.columns.keys()}:
        return Duplicate(fields)
    return RuleViolation("Another record has the same values.")  # of an index over an expression


def _keys(table: sa.Table) -> list[list[str]]:
    """The columns of the primary key, and of what is unique beside it: an event that was rejected."""
    keys = (sa.PrimaryKeyConstraint, sa.UniqueConstraint)
    return [it.columns.keys() for it in table.constraints if isinstance(it, keys)]
