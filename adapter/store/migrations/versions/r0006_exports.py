"""Exports that were asked for, and how far each is."""

from alembic import op
from sqlalchemy import Column, DateTime, Integer, LargeBinary, PrimaryKeyConstraint, String

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "exports",
        Column("id", String, nullable=False),
        Column("client", String, nullable=False),
        Column("centre", String, nullable=True),
        Column("asked", LargeBinary, nullable=False),
        Column("url", String, nullable=False),
        Column("at", DateTime(timezone=True), nullable=False),
        Column("expires", DateTime(timezone=True), nullable=False),
        Column("state", String, nullable=False),
        Column("worker", String, nullable=True),
        Column("beat", DateTime(timezone=True), nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("written", Integer, nullable=False),
        Column("files", LargeBinary, nullable=False),
        Column("error", String, nullable=True),
        PrimaryKeyConstraint("id", name="pk_exports"),
    )
    op.create_index("ix_exports_expires", "exports", ["expires"])
