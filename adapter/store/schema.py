"""The tables."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)

from adapter.store.columns import SERIAL, Json, instant, number, words

REVISION = "0009"
"""The migration that makes the tables below; a database at another revision is not ready."""


_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=_NAMES)

resource_heads = Table(
    "resource_heads",
    metadata,
    Column("key", SERIAL, primary_key=True),
    words("kind"),
    words("id"),
    number("version"),
    words("centre", null=True),
    words("course", null=True),
    instant("at"),
    UniqueConstraint("kind", "id"),
    Index(None, "course"),
    Index(None, "kind", "centre", "key"),
    Index(None, "kind", "centre", "at", "key"),
)
"""One row for each resource: its newest version, and whose it is."""

resource_versions = Table(
    "resource_versions",
    metadata,
    Column("key", SERIAL, ForeignKey("resource_heads.key"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    words("hash"),
    Column("deleted", Boolean, nullable=False),
    Column("content", Json, nullable=False),
    instant("at"),
)
"""Every version that there ever was; rows are added, never changed."""

resource_sources = Table(
    "resource_sources",
    metadata,
    Column("key", SERIAL, ForeignKey("resource_heads.key"), primary_key=True),
    Column("source", String, primary_key=True),
)
"""Which documents the newest version was made from."""

resource_index = Table(
    "resource_index",
    metadata,
    Column("key", SERIAL, ForeignKey("resource_heads.key"), primary_key=True),
    Column("parameter", String, primary_key=True),
    Column("system", String, primary_key=True),
    Column("value", String, primary_key=True),
    words("kind"),
    Index(None, "kind", "parameter", "value", "system", "key"),
)
"""What a search finds the newest version by. Of a token: its system and code; of a reference: its type and id; of a
canonical: its version and URL; of another URI: nothing and the URI."""


def _index_table(name: str, *columns: Column[Any], by: tuple[str, ...]) -> Table:
    """Rows of one kind of parameter, several of a resource counted; found by parameter and `by`."""
    return Table(
        name,
        metadata,
        Column("key", SERIAL, ForeignKey("resource_heads.key"), primary_key=True),
        Column("parameter", String, primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        words("kind"),
        *columns,
        Index(None, "kind", "parameter", *by, "key"),
    )


def _wall(name: str) -> Column[datetime]:
    return Column(name, DateTime, nullable=False)


def _real(name: str) -> Column[float]:
    return Column(name, Double, nullable=False)


resource_dates = _index_table(
    "resource_dates",
    _wall("low"),
    _wall("high"),
    instant("low_at", null=True),
    instant("high_at", null=True),
    by=("low", "high"),
)
"""From when to when, as written on the wall, and as moments where a zone was written."""

resource_strings = _index_table(
    "resource_strings",
    words("value"),
    Column("folded", String().with_variant(String(collation="C"), "postgresql"), nullable=False),
    by=("folded",),
)
"""As written, and without case and accents in an order in which a beginning is a range."""

resource_quantities = _index_table(
    "resource_quantities",
    _real("low"),
    _real("high"),
    words("system"),
    words("code"),
    words("unit"),
    by=("low", "high"),
)
"""From how much to how much: a comparator leaves one side open."""

resource_index_state = Table("resource_index_state", metadata, Column("fingerprint", String, primary_key=True))
"""By which table of parameters the index was made; no row: by none."""


def _submissions(name: str, *indexes: Index) -> Table:
    return Table(
        name,
        metadata,
        Column("id", String, primary_key=True),
        Column("version", Integer, primary_key=True, autoincrement=False),
        Column("current", Boolean, nullable=False),
        words("centre"),
        words("patient"),
        words("course"),
        words("key"),
        words("hash"),
        Column("content", Json, nullable=False),
        instant("at"),
        words("status"),
        words("reason", null=True),
        Index(None, "course", "current"),
        *indexes,
    )


enrolments = _submissions("enrolments", Index(None, "centre", "patient", "current"))
follow_ups = _submissions("follow_ups")

outbox = Table(
    "outbox",
    metadata,
    Column("id", SERIAL, primary_key=True),
    words("destination"),
    words("course"),
    words("source"),
    words("state"),
    number("attempts"),
    instant("created"),
    instant("due"),
    words("worker", null=True),
    instant("finished", null=True),
    Column("content", Json, nullable=False),
    number("status", null=True),
    words("error", null=True),
    Column("outcome", Json),
    Index(None, "state", "due", "id"),
    Index(None, "destination", "course", "state", "id"),
    Index(None, "course", "source"),
    sqlite_autoincrement=True,
)

inbox = Table(
    "inbox",
    metadata,
    Column("id", SERIAL, primary_key=True),
    words("hospital"),
    words("method"),
    words("kind", null=True),
    words("resource_id", null=True),
    Column("headers", Json, nullable=False),
    Column("body", LargeBinary, nullable=False),
    words("state"),
    number("attempts"),
    instant("created"),
    instant("due"),
    words("worker", null=True),
    instant("finished", null=True),
    words("error", null=True),
    Index(None, "state", "due", "id"),
    sqlite_autoincrement=True,
)

clients = Table(
    "clients",
    metadata,
    Column("id", SERIAL, primary_key=True),
    words("name"),
    words("role"),
    words("centre", null=True),
    words("token_hash"),
    instant("created"),
    instant("revoked", null=True),
    UniqueConstraint("token_hash"),
    Index(
        "uq_clients_active_name",
        "name",
        unique=True,
        sqlite_where=text("revoked IS NULL"),
        postgresql_where=text("revoked IS NULL"),
    ),
)

links = Table(
    "links",
    metadata,
    Column("hospital", String, primary_key=True),
    Column("course", String, primary_key=True),
    words("patient"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", SERIAL, primary_key=True),
    instant("at"),
    words("who"),
    words("action"),
    words("target"),
    words("centre", null=True),
    words("detail", null=True),
    Index(None, "target"),
)
"""Who did what to which document; rows are added, never changed."""

exports = Table(
    "exports",
    metadata,
    Column("id", String, primary_key=True),
    words("client"),
    words("centre", null=True),
    Column("asked", Json, nullable=False),
    words("url"),
    instant("at"),
    instant("expires"),
    words("state"),
    words("worker", null=True),
    instant("beat"),
    number("attempts"),
    number("written"),
    Column("files", Json, nullable=False),
    words("error", null=True),
    Index(None, "expires"),
)
"""Exports that were asked for; `at`: the moment whose state they show."""

decisions = Table(
    "decisions",
    metadata,
    Column("id", SERIAL, primary_key=True),
    words("course"),
    words("kind"),
    Column("content", Json, nullable=False),
    words("reason"),
    words("confirmed_by", null=True),
    words("by"),
    instant("at"),
    Index(None, "course", "id"),
)
"""What people decided about a course that no document says: redosed, stopped. Rows are added, never changed."""

hospital_doses = Table(
    "hospital_doses",
    metadata,
    Column("hospital", String, primary_key=True),
    Column("id", String, primary_key=True),
    words("course"),
    words("action"),
    words("day", null=True),
    words("date"),
    Column("given", Json),
    instant("at"),
    Index(None, "course"),
)
"""Doses that a hospital's own MedicationAdministrations tell of, by their id there."""

validations = Table(
    "validations",
    metadata,
    Column("id", SERIAL, primary_key=True),
    instant("at"),
    words("course"),
    words("deed"),
    words("digest"),
    words("name", null=True),
    words("role", null=True),
    words("by", null=True),
    words("reason", null=True),
    Index(None, "course", "id"),
)
"""Who signed which plan, and what ended it; rows are added, never changed. `by`: the client or account that sent it."""

people = Table(
    "people",
    metadata,
    Column("id", SERIAL, primary_key=True),
    words("name"),
    words("full_name"),
    words("role"),
    words("centre"),
    words("password_hash"),
    instant("created"),
    instant("revoked", null=True),
    Index(
        "uq_people_active_name",
        "name",
        unique=True,
        sqlite_where=text("revoked IS NULL"),
        postgresql_where=text("revoked IS NULL"),
    ),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String, primary_key=True),
    Column("person", SERIAL, ForeignKey("people.id"), nullable=False),
    instant("created"),
    instant("seen"),
    Index(None, "person"),
)

failed_sign_ins = Table(
    "failed_sign_ins",
    metadata,
    Column("id", SERIAL, primary_key=True),
    words("name"),
    instant("at"),
    Index(None, "name", "at"),
)
"""Kept for as long as they slow down the next try."""
