"""The first tables. Written out, not taken from `schema.py`: that moves on, this stays as it was released."""

from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    UniqueConstraint,
    text,
)

revision = "0001"
down_revision = None

SERIAL = BigInteger().with_variant(Integer(), "sqlite")
INSTANT = DateTime(timezone=True)


def upgrade() -> None:
    _resources()
    _submissions("enrolments")
    _index("enrolments", "centre", "patient", "current")
    _submissions("follow_ups")
    _outbox()
    _inbox()
    _clients()
    _links()
    _audit()


def _column(name: str, type_: Any = String, *, null: bool = False) -> Column[Any]:
    return Column(name, type_, nullable=null, autoincrement="auto" if name in ("id", "key") else False)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def _resources() -> None:
    op.create_table(
        "resource_heads",
        _column("key", SERIAL),
        _column("kind"),
        _column("id"),
        _column("version", Integer),
        _column("centre", null=True),
        _column("course", null=True),
        _column("at", INSTANT),
        PrimaryKeyConstraint("key", name="pk_resource_heads"),
        UniqueConstraint("kind", "id", name="uq_resource_heads_kind_id"),
    )
    _index("resource_heads", "course")
    _index("resource_heads", "kind", "centre", "key")
    op.create_table(
        "resource_versions",
        _column("key", SERIAL),
        _column("version", Integer),
        _column("hash"),
        _column("deleted", Boolean),
        _column("content", LargeBinary),
        _column("at", INSTANT),
        *_under_head("resource_versions", "version"),
    )
    op.create_table(
        "resource_sources",
        _column("key", SERIAL),
        _column("source"),
        *_under_head("resource_sources", "source"),
    )
    op.create_table(
        "resource_index",
        _column("key", SERIAL),
        _column("parameter"),
        _column("system"),
        _column("value"),
        _column("kind"),
        *_under_head("resource_index", "parameter", "system", "value"),
    )
    _index("resource_index", "kind", "parameter", "value", "system", "key")


def _under_head(table: str, *more: str) -> tuple[PrimaryKeyConstraint, ForeignKeyConstraint]:
    """Belongs to a row of `resource_heads`; `more` completes the primary key."""
    foreign = ForeignKeyConstraint(["key"], ["resource_heads.key"], name=f"fk_{table}_key_resource_heads")
    return PrimaryKeyConstraint("key", *more, name=f"pk_{table}"), foreign


def _submissions(table: str) -> None:
    op.create_table(
        table,
        _column("id"),
        _column("version", Integer),
        _column("current", Boolean),
        _column("centre"),
        _column("patient"),
        _column("course"),
        _column("key"),
        _column("hash"),
        _column("content", LargeBinary),
        _column("at", INSTANT),
        _column("status"),
        _column("reason", null=True),
        PrimaryKeyConstraint("id", "version", name=f"pk_{table}"),
    )
    _index(table, "course", "current")


def _outbox() -> None:
    op.create_table(
        "outbox",
        _column("id", SERIAL),
        _column("destination"),
        _column("course"),
        _column("source"),
        _column("state"),
        _column("attempts", Integer),
        _column("created", INSTANT),
        _column("due", INSTANT),
        _column("worker", null=True),
        _column("finished", INSTANT, null=True),
        _column("content", LargeBinary),
        _column("status", Integer, null=True),
        _column("error", null=True),
        _column("outcome", LargeBinary, null=True),
        PrimaryKeyConstraint("id", name="pk_outbox"),
        sqlite_autoincrement=True,
    )
    _index("outbox", "state", "due", "id")
    _index("outbox", "destination", "course", "state", "id")
    _index("outbox", "course", "source")


def _inbox() -> None:
    op.create_table(
        "inbox",
        _column("id", SERIAL),
        _column("hospital"),
        _column("method"),
        _column("kind", null=True),
        _column("resource_id", null=True),
        _column("headers", LargeBinary),
        _column("body", LargeBinary),
        _column("state"),
        _column("attempts", Integer),
        _column("created", INSTANT),
        _column("due", INSTANT),
        _column("worker", null=True),
        _column("finished", INSTANT, null=True),
        _column("error", null=True),
        PrimaryKeyConstraint("id", name="pk_inbox"),
        sqlite_autoincrement=True,
    )
    _index("inbox", "state", "due", "id")


def _clients() -> None:
    op.create_table(
        "clients",
        _column("id", SERIAL),
        _column("name"),
        _column("role"),
        _column("centre", null=True),
        _column("token_hash"),
        _column("created", INSTANT),
        _column("revoked", INSTANT, null=True),
        PrimaryKeyConstraint("id", name="pk_clients"),
        UniqueConstraint("token_hash", name="uq_clients_token_hash"),
    )
    active = text("revoked IS NULL")
    op.create_index(
        "uq_clients_active_name", "clients", ["name"], unique=True, sqlite_where=active, postgresql_where=active
    )


def _links() -> None:
    op.create_table(
        "links",
        _column("hospital"),
        _column("course"),
        _column("patient"),
        PrimaryKeyConstraint("hospital", "course", name="pk_links"),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        _column("id", SERIAL),
        _column("at", INSTANT),
        _column("who"),
        _column("action"),
        _column("target"),
        _column("centre", null=True),
        _column("detail", null=True),
        PrimaryKeyConstraint("id", name="pk_audit"),
    )
    _index("audit", "target")
