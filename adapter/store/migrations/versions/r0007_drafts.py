"""Forms of visits that a person has begun and not sent."""

from alembic import op
from sqlalchemy import Column, DateTime, LargeBinary, PrimaryKeyConstraint, String

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "drafts",
        Column("course", String, nullable=False, autoincrement=False),
        Column("visit", String, nullable=False, autoincrement=False),
        Column("fields", LargeBinary, nullable=False),
        Column("by", String, nullable=False),
        Column("at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("course", "visit", name="pk_drafts"),
    )
