"""People who sign in, and what they sign."""

from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    String,
    text,
)

revision = "0004"
down_revision = "0003"

SERIAL = BigInteger().with_variant(Integer(), "sqlite")
INSTANT = DateTime(timezone=True)


def upgrade() -> None:
    _validations()
    _people()
    _sessions()
    _failed_sign_ins()


def _column(name: str, type_: Any = String, *, null: bool = False) -> Column[Any]:
    return Column(name, type_, nullable=null, autoincrement="auto" if name == "id" else False)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def _validations() -> None:
    op.create_table(
        "validations",
        _column("id", SERIAL),
        _column("at", INSTANT),
        _column("course"),
        _column("deed"),
        _column("digest"),
        _column("name", null=True),
        _column("role", null=True),
        _column("by", null=True),
        _column("reason", null=True),
        PrimaryKeyConstraint("id", name="pk_validations"),
    )
    _index("validations", "course", "id")


def _people() -> None:
    op.create_table(
        "people",
        _column("id", SERIAL),
        _column("name"),
        _column("full_name"),
        _column("role"),
        _column("centre"),
        _column("password_hash"),
        _column("created", INSTANT),
        _column("revoked", INSTANT, null=True),
        PrimaryKeyConstraint("id", name="pk_people"),
    )
    active = text("revoked IS NULL")
    op.create_index(
        "uq_people_active_name", "people", ["name"], unique=True, sqlite_where=active, postgresql_where=active
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        _column("token_hash"),
        _column("person", SERIAL),
        _column("created", INSTANT),
        _column("seen", INSTANT),
        PrimaryKeyConstraint("token_hash", name="pk_sessions"),
        ForeignKeyConstraint(["person"], ["people.id"], name="fk_sessions_person_people"),
    )
    _index("sessions", "person")


def _failed_sign_ins() -> None:
    op.create_table(
        "failed_sign_ins",
        _column("id", SERIAL),
        _column("name"),
        _column("at", INSTANT),
        PrimaryKeyConstraint("id", name="pk_failed_sign_ins"),
    )
    _index("failed_sign_ins", "name", "at")
