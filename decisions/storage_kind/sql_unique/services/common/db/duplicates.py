"""A duplicate that a database refuses is a conflict that names the fields, whichever statement stores it."""

from __future__ import annotations

import re

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from services.common.errors import Duplicate


def translated(context: sa.ExceptionContext) -> Duplicate | None:
    """The error to raise in place of the one that the database reported; None keeps that."""
    error, execution = context.sqlalchemy_exception, context.execution_context
    if not isinstance(error, IntegrityError) or execution is None:
        return None
    statement = getattr(execution.compiled, "statement", None)
    table = getattr(statement, "table", None)  # of an INSERT or an UPDATE
    if not isinstance(table, sa.Table):
        return None
    reported = str(error.orig).partition("\n")[0]  # no value is in the first line
    for index in table.indexes:
        if index.unique and _names(reported, index):
            return Duplicate(column.name for column in index.columns)
    return None


def _names(reported: str, index: sa.Index) -> bool:
    """Whether a report is about an index: PostgreSQL gives its name, SQLite its columns."""
    columns = ", ".join(map(str, index.columns))
    return f": {columns}" == reported[-len(columns) - 2 :] or bool(
        re.search(rf"\b{index.name}\b", reported)
    )
