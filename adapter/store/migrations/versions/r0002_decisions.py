"""What people decided about a course: redosed, stopped."""

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, Integer, LargeBinary, PrimaryKeyConstraint, String

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "decisions",
        Column("id", BigInteger().with_variant(Integer(), "sqlite"), nullable=False),
        Column("course", String, nullable=False),
        Column("kind", String, nullable=False),
        Column("content", LargeBinary, nullable=False),
        Column("reason", String, nullable=False),
        Column("confirmed_by", String, nullable=True),
        Column("by", String, nullable=False),
        Column("at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("id", name="pk_decisions"),
    )
    op.create_index("ix_decisions_course_id", "decisions", ["course", "id"])
