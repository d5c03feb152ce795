"""Batches that are taken in after the answer, and what became of their documents."""

from alembic import op
from sqlalchemy import Column, DateTime, Integer, LargeBinary, PrimaryKeyConstraint, String

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "batches",
        *(Column(name, String, nullable=False) for name in ("id", "client", "centre", "kind")),
        Column("charset", String, nullable=True),
        Column("parts", LargeBinary, nullable=False),
        Column("body", LargeBinary, nullable=True),
        Column("at", DateTime(timezone=True), nullable=False),
        Column("expires", DateTime(timezone=True), nullable=True),
        Column("state", String, nullable=False),
        Column("worker", String, nullable=True),
        Column("beat", DateTime(timezone=True), nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("documents", Integer, nullable=True),
        Column("found", LargeBinary, nullable=False),
        Column("refused", LargeBinary, nullable=True),
        Column("error", String, nullable=True),
        Column("correlation", String, nullable=True),
        PrimaryKeyConstraint("id", name="pk_batches"),
    )
    op.create_index("ix_batches_state_at", "batches", ["state", "at"])
    op.create_index("ix_batches_expires", "batches", ["expires"])
    op.create_index("ix_batches_centre", "batches", ["centre"])
    op.create_table(
        "batch_items",
        Column("batch", String, nullable=False),
        Column("number", Integer, nullable=False),
        Column("patient", String, nullable=True),
        Column("taken", LargeBinary, nullable=True),
        Column("refused", LargeBinary, nullable=False),
        PrimaryKeyConstraint("batch", "number", name="pk_batch_items"),
    )
