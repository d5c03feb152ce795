"""FHIR resources that a centre's own system pushed."""

from alembic import op
from sqlalchemy import Boolean, Column, DateTime, Integer, LargeBinary, PrimaryKeyConstraint, String

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    texts = ("centre", "patient", "course", "key", "hash")
    op.create_table(
        "pushed",
        Column("id", String, nullable=False),
        Column("version", Integer, nullable=False, autoincrement=False),
        Column("current", Boolean, nullable=False),
        *(Column(name, String, nullable=False) for name in texts),
        Column("content", LargeBinary, nullable=False),
        Column("at", DateTime(timezone=True), nullable=False),
        Column("status", String, nullable=False),
        Column("reason", String, nullable=True),
        PrimaryKeyConstraint("id", "version", name="pk_pushed"),
    )
    op.create_index("ix_pushed_course_current", "pushed", ["course", "current"])
