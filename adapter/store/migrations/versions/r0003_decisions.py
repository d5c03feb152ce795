"""What people decided about a course (redosed, stopped), and doses that hospitals tell of."""

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, Integer, LargeBinary, PrimaryKeyConstraint, String

revision = "0003"
down_revision = "0002"


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
    op.create_table(
        "hospital_doses",
        Column("hospital", String, nullable=False),
        Column("id", String, nullable=False),
        Column("course", String, nullable=False),
        Column("action", String, nullable=False),
        Column("day", String, nullable=True),
        Column("date", String, nullable=False),
        Column("given", LargeBinary, nullable=True),
        Column("at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("hospital", "id", name="pk_hospital_doses"),
    )
    op.create_index("ix_hospital_doses_course", "hospital_doses", ["course"])
