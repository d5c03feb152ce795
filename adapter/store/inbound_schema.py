"""The tables of what comes in from hospitals, but for the inbox."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, String, Table

from adapter.store.columns import SERIAL as _SERIAL
from adapter.store.columns import Json, metadata
from adapter.store.columns import instant as _instant
from adapter.store.columns import number as _number
from adapter.store.columns import text as _text

hospital_doses = Table(
    "hospital_doses",
    metadata,
    Column("hospital", String, primary_key=True),
    Column("id", String, primary_key=True),
    _text("course"),
    _text("action"),
    _text("day", null=True),
    _text("date"),
    Column("given", Json),
    _instant("at"),
    Index(None, "course"),
)
"""Doses that a hospital's own MedicationAdministrations tell of, by their id there."""

hospital_copies = Table(
    "hospital_copies",
    metadata,
    Column("hospital", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("id", String, primary_key=True),
    _text("version", null=True),
    _instant("changed", null=True),
    _text("patient", null=True),
    Column("content", Json),
    Column("gone", Boolean, nullable=False),
    _instant("at"),
    Index(None, "hospital", "patient", "kind"),
    Index(None, "hospital", "changed"),
)
"""The newest state of what was read from a hospital; `patient`: whose it is, as the hospital names them."""

hospital_subscriptions = Table(
    "hospital_subscriptions",
    metadata,
    Column("hospital", String, primary_key=True),
    Column("subscription", String, primary_key=True),
    Column("last", BigInteger),
    _text("said"),
    _text("status", null=True),
    _number("heartbeat_seconds", null=True),
    _instant("at"),
)
"""How far the numbered notifications of a Subscription have come."""

questions = Table(
    "questions",
    metadata,
    Column("id", _SERIAL, primary_key=True),
    _text("hospital"),
    _text("course"),
    _text("about"),
    _text("kind"),
    Column("content", Json, nullable=False),
    _text("state"),
    _instant("at"),
    _text("who", null=True),
    _text("answer", null=True),
    _instant("ended", null=True),
    Index(None, "state", "id"),
    Index(None, "hospital", "course", "about"),
)
"""What a hospital says of a patient that only people can judge."""

hook_tokens = Table(
    "hook_tokens",
    metadata,
    Column("ehr", String, primary_key=True),
    Column("jti_hash", String, primary_key=True),
    _instant("until"),
    Index(None, "until"),
)
"""JWTs by which EHRs called CDS Hooks, each until it could not be shown again."""
