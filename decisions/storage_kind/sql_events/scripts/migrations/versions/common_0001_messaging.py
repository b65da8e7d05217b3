"""The tables of every service: outbox, inbox, read copies; an earlier use of events may have left them."""

import sqlalchemy as sa
from alembic import op

from services.common.db.columns import InstantColumn
from services.common.db.engine import AUTOINCREMENT_OPTIONS, AUTOINCREMENT_TYPE

revision = "common_0001"
down_revision = None
branch_labels = ("common",)


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("position", AUTOINCREMENT_TYPE, primary_key=True),
        sa.Column("subscriber", sa.String(80), nullable=False),
        sa.Column("event", sa.JSON, nullable=False),
        sa.Column("due_at", InstantColumn, nullable=False),
        sa.Column("rejected", sa.String(500), nullable=True),
        if_not_exists=True,
        **AUTOINCREMENT_OPTIONS,
    )
    op.create_index("ix_outbox_subscriber", "outbox", ["subscriber"], if_not_exists=True)
    op.create_table(
        "inbox",
        sa.Column("event_id", sa.Uuid, primary_key=True),
        sa.Column("received_at", InstantColumn, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "read_copies",
        sa.Column("entity", sa.String(80), primary_key=True),
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("removed", sa.Boolean, nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        if_not_exists=True,
    )
