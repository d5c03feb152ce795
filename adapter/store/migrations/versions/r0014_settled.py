"""Up to which instant everything that is dated is also written."""

from alembic import op
from sqlalchemy import Column, DateTime, PrimaryKeyConstraint

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "settled",
        Column("at", DateTime(timezone=True), nullable=False, autoincrement=False),
        PrimaryKeyConstraint("at", name="pk_settled"),
    )
