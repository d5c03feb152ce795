"""Which request each document, delivery and notification came with, and the span in which a delivery was queued."""

from alembic import op
from sqlalchemy import Column, String

revision = "0011"
down_revision = "0009"

TABLES = ("enrolments", "follow_ups", "pushed", "outbox", "inbox")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, Column("correlation", String, nullable=True))
    op.add_column("outbox", Column("trace", String, nullable=True))
    op.create_index("ix_outbox_correlation_id", "outbox", ["correlation", "id"])
