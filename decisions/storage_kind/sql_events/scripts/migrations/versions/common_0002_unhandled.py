"""The table of every service for events that it could not handle; an earlier use of events may have left it."""

import sqlalchemy as sa
from alembic import op

from services.common.db.columns import InstantColumn
from services.common.db.engine import AUTOINCREMENT_OPTIONS, AUTOINCREMENT_TYPE

revision = "common_0002"
down_revision = "common_0001"


def upgrade() -> None:
    op.create_table(
        "unhandled_events",
        sa.Column("position", AUTOINCREMENT_TYPE, primary_key=True),
        sa.Column("event_id", sa.Uuid, nullable=False, unique=True),
        sa.Column("subject", sa.Uuid, nullable=False),
        sa.Column("event", sa.JSON, nullable=False),
        sa.Column("due_at", InstantColumn, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("rejected", sa.Boolean, nullable=False),
        if_not_exists=True,
        **AUTOINCREMENT_OPTIONS,
    )
    op.create_index(
        "ix_unhandled_events_subject", "unhandled_events", ["subject"], if_not_exists=True
    )
