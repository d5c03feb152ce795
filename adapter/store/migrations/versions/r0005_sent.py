"""What each destination was given and how it is, and which delivery stands at the front of its patient."""

from alembic import op
from sqlalchemy import Boolean, Column, DateTime, Integer, PrimaryKeyConstraint, String, text

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "sent",
        Column("destination", String, nullable=False),
        Column("kind", String, nullable=False),
        Column("id", String, nullable=False),
        Column("there", String, nullable=False),
        Column("hash", String, nullable=False),
        Column("version", String, nullable=True),
        Column("at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("destination", "kind", "id", name="pk_sent"),
    )
    op.create_table(
        "traits",
        Column("destination", String, nullable=False),
        Column("name", String, nullable=False),
        Column("value", String, nullable=False),
        PrimaryKeyConstraint("destination", "name", name="pk_traits"),
    )
    op.add_column("outbox", Column("front", Boolean, nullable=False, server_default=text("false")))
    op.add_column("outbox", Column("strikes", Integer, nullable=False, server_default="0"))
    op.create_index(
        "ix_outbox_front_destination_state_due_id", "outbox", ["front", "destination", "state", "due", "id"]
    )
    op.drop_index("ix_outbox_destination_course_state_id", "outbox")
    op.create_index(
        "ix_outbox_destination_course_front_state_id", "outbox", ["destination", "course", "front", "state", "id"]
    )
    op.execute(
        "UPDATE outbox SET front = true WHERE id IN (SELECT min(id) FROM outbox"
        " WHERE state IN ('waiting', 'leased', 'parked') GROUP BY destination, course)"
    )
