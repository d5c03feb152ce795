"""The tables. `columns.py` says what they are made of."""

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
    String,
    Table,
    UniqueConstraint,
    text,
)

from adapter.store.batch_schema import batch_items as batch_items
from adapter.store.batch_schema import batches as batches
from adapter.store.columns import SERIAL as _SERIAL
from adapter.store.columns import Instant, Json
from adapter.store.columns import instant as _instant
from adapter.store.columns import metadata as metadata
from adapter.store.columns import number as _number
from adapter.store.columns import text as _text
from adapter.store.erased_schema import erased as erased
from adapter.store.inbound_schema import hook_tokens as hook_tokens
from adapter.store.inbound_schema import hospital_copies as hospital_copies
from adapter.store.inbound_schema import hospital_doses as hospital_doses
from adapter.store.inbound_schema import hospital_subscriptions as hospital_subscriptions
from adapter.store.inbound_schema import questions as questions

REVISION = "0015"
"""The migration that makes the tables below; a database at another revision is not ready."""


resource_heads = Table(
    "resource_heads",
    metadata,
    Column("key", _SERIAL, primary_key=True),
    _text("kind"),
    _text("id"),
    _number("version"),
    _text("centre", null=True),
    _text("course", null=True),
    _instant("at"),
    UniqueConstraint("kind", "id"),
    Index(None, "course"),
    Index(None, "kind", "centre", "key"),
    Index(None, "kind", "centre", "at", "key"),
)
"""One row for each resource: its newest version, and whose it is."""

resource_versions = Table(
    "resource_versions",
    metadata,
    Column("key", _SERIAL, ForeignKey("resource_heads.key"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    _text("hash"),
    Column("deleted", Boolean, nullable=False),
    Column("content", Json, nullable=False),
    _instant("at"),
)
"""Every version that there ever was; rows are added, never changed."""

resource_sources = Table(
    "resource_sources",
    metadata,
    Column("key", _SERIAL, ForeignKey("resource_heads.key"), primary_key=True),
    Column("source", String, primary_key=True),
)
"""Which documents the newest version was made from."""

resource_index = Table(
    "resource_index",
    metadata,
    Column("key", _SERIAL, ForeignKey("resource_heads.key"), primary_key=True),
    Column("parameter", String, primary_key=True),
    Column("system", String, primary_key=True),
    Column("value", String, primary_key=True),
    _text("kind"),
    Index(None, "kind", "parameter", "value", "system", "key"),
)
"""What a search finds the newest version by. Of a token: its system and code; of a reference: its type and id; of a
canonical: its version and URL; of another URI: nothing and the URI."""


def _index_table(name: str, *columns: Column[Any], by: tuple[str, ...]) -> Table:
    """Rows of one kind of parameter, several of a resource counted; found by parameter and `by`."""
    return Table(
        name,
        metadata,
        Column("key", _SERIAL, ForeignKey("resource_heads.key"), primary_key=True),
        Column("parameter", String, primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        _text("kind"),
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
    _instant("low_at", null=True),
    _instant("high_at", null=True),
    by=("low", "high"),
)
"""From when to when, as written on the wall, and as moments where a zone was written."""

resource_strings = _index_table(
    "resource_strings",
    _text("value"),
    Column("folded", String().with_variant(String(collation="C"), "postgresql"), nullable=False),
    by=("folded",),
)
"""As written, and without case and accents in an order in which a beginning is a range."""

resource_quantities = _index_table(
    "resource_quantities",
    _real("low"),
    _real("high"),
    _text("system"),
    _text("code"),
    _text("unit"),
    by=("low", "high"),
)
"""From how much to how much: a comparator leaves one side open."""

resource_index_state = Table("resource_index_state", metadata, Column("fingerprint", String, primary_key=True))
"""By which table of parameters the index was made; no row: by none."""

settled = Table("settled", metadata, Column("at", Instant, primary_key=True))
"""The last instant before which nothing is written any more (`settled.py`); no row: there is none."""


def _submissions(name: str, *indexes: Index) -> Table:
    return Table(
        name,
        metadata,
        Column("id", String, primary_key=True),
        Column("version", Integer, primary_key=True, autoincrement=False),
        Column("current", Boolean, nullable=False),
        _text("centre"),
        _text("patient"),
        _text("course"),
        _text("key"),
        _text("hash"),
        Column("content", Json, nullable=False),
        _instant("at"),
        _text("status"),
        _text("reason", null=True),
        _text("correlation", null=True),
        Index(None, "course", "current"),
        *indexes,
    )


enrolments = _submissions("enrolments", Index(None, "centre", "patient", "current"))
follow_ups = _submissions("follow_ups")
pushed = _submissions("pushed")

outbox = Table(
    "outbox",
    metadata,
    Column("id", _SERIAL, primary_key=True),
    _text("destination"),
    _text("course"),
    _text("source"),
    _text("state"),
    _number("attempts"),
    _instant("created"),
    _instant("due"),
    _text("worker", null=True),
    _instant("finished", null=True),
    Column("content", Json, nullable=False),
    _number("status", null=True),
    _text("error", null=True),
    Column("outcome", Json),
    Column("front", Boolean, nullable=False),
    _number("strikes"),
    _text("correlation", null=True),
    _text("trace", null=True),
    Index(None, "state", "due", "id"),
    Index(None, "front", "destination", "state", "due", "id"),
    Index(None, "destination", "course", "front", "state", "id"),
    Index(None, "course", "source"),
    Index(None, "correlation", "id"),
    sqlite_autoincrement=True,
)

inbox = Table(
    "inbox",
    metadata,
    Column("id", _SERIAL, primary_key=True),
    _text("hospital"),
    _text("method"),
    _text("kind", null=True),
    _text("resource_id", null=True),
    Column("headers", Json, nullable=False),
    Column("body", LargeBinary, nullable=False),
    _text("state"),
    _number("attempts"),
    _instant("created"),
    _instant("due"),
    _text("worker", null=True),
    _instant("finished", null=True),
    _text("error", null=True),
    _text("digest", null=True),
    _text("correlation", null=True),
    Index(None, "state", "due", "id"),
    Index(None, "digest", "state"),
    sqlite_autoincrement=True,
)

clients = Table(
    "clients",
    metadata,
    Column("id", _SERIAL, primary_key=True),
    _text("name"),
    _text("role"),
    _text("centre", null=True),
    _text("token_hash"),
    _instant("created"),
    _instant("revoked", null=True),
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
    _text("patient"),
)

sent = Table(
    "sent",
    metadata,
    Column("destination", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("id", String, primary_key=True),
    _text("there"),
    _text("hash"),
    _text("version", null=True),
    _instant("at"),
)
"""What each destination was last given of a resource: under which id, what it said, and which version that became."""

traits = Table(
    "traits",
    metadata,
    Column("destination", String, primary_key=True),
    Column("name", String, primary_key=True),
    _text("value"),
)
"""What was found out about a destination by trying."""

audit = Table(
    "audit",
    metadata,
    Column("id", _SERIAL, primary_key=True),
    _instant("at"),
    _text("who"),
    _text("action"),
    _text("target"),
    _text("centre", null=True),
    _text("detail", null=True),
    Index(None, "target"),
)
"""Who did what to which document; rows are added, never changed."""

exports = Table(
    "exports",
    metadata,
    Column("id", String, primary_key=True),
    _text("client"),
    _text("centre", null=True),
    Column("asked", Json, nullable=False),
    _text("url"),
    _instant("at"),
    _instant("expires"),
    _text("state"),
    _text("worker", null=True),
    _instant("beat"),
    _number("attempts"),
    _number("written"),
    Column("files", Json, nullable=False),
    _text("error", null=True),
    Index(None, "expires"),
)
"""Exports that were asked for; `at`: the moment whose state they show."""

decisions = Table(
    "decisions",
    metadata,
    Column("id", _SERIAL, primary_key=True),
    _text("course"),
    _text("kind"),
    Column("content", Json, nullable=False),
    _text("reason"),
    _text("confirmed_by", null=True),
    _text("by"),
    _instant("at"),
    Index(None, "course", "id"),
)
"""What people decided about a course that no document says: redosed, stopped. Rows are added, never changed."""

validations = Table(
    "validations",
    metadata,
    Column("id", _SERIAL, primary_key=True),
    _instant("at"),
    _text("course"),
    _text("deed"),
    _text("digest"),
    _text("name", null=True),
    _text("role", null=True),
    _text("by", null=True),
    _text("reason", null=True),
    Index(None, "course", "id"),
)
"""Who signed which plan, and what ended it; rows are added, never changed. `by`: the client or account that sent it."""

drafts = Table(
    "drafts",
    metadata,
    Column("course", String, primary_key=True),
    Column("visit", String, primary_key=True),
    Column("fields", Json, nullable=False),
    _text("by"),
    _instant("at"),
)
"""Forms of visits that a person has begun and not sent. They are no facts: nothing is made from them."""

people = Table(
    "people",
    metadata,
    Column("id", _SERIAL, primary_key=True),
    _text("name"),
    _text("full_name"),
    _text("role"),
    _text("centre"),
    _text("password_hash"),
    _instant("created"),
    _instant("revoked", null=True),
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
    Column("person", _SERIAL, ForeignKey("people.id"), nullable=False),
    _instant("created"),
    _instant("seen"),
    Index(None, "person"),
)

failed_sign_ins = Table(
    "failed_sign_ins",
    metadata,
    Column("id", _SERIAL, primary_key=True),
    _text("name"),
    _instant("at"),
    Index(None, "name", "at"),
)
"""Kept for as long as they slow down the next try."""
