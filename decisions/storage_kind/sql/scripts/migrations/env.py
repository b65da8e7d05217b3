"""Alembic's environment for all services; each has its own versions (see `scripts/migrate.py`)."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    # Where a database cannot alter a column in place, Alembic rebuilds the table.
    render_as_batch=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
