"""What erased patients were called to those who fetch."""

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, PrimaryKeyConstraint, String

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "erased",
        Column("id", BigInteger().with_variant(Integer, "sqlite"), nullable=False),
        Column("recipient", String, nullable=False),
        Column("place", String, nullable=False),
        Column("kind", String, nullable=False),
        Column("pseudonym", String, nullable=False),
        Column("at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("id", name="pk_erased"),
        Index("ix_erased_recipient_at", "recipient", "at"),
    )
