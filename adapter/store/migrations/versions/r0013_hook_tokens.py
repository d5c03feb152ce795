"""Which JWTs of EHRs were taken: once, by whichever process."""

from alembic import op
from sqlalchemy import Column, DateTime, Index, PrimaryKeyConstraint, String

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "hook_tokens",
        Column("ehr", String, nullable=False, autoincrement=False),
        Column("jti_hash", String, nullable=False, autoincrement=False),
        Column("until", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("ehr", "jti_hash", name="pk_hook_tokens"),
        Index("ix_hook_tokens_until", "until"),
    )
