"""Copies of hospitals' resources, out of the inbox; numbered notifications; questions to the centres."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    column,
    select,
    table,
)

revision = "0009"
down_revision = "0008"

_SERIAL = BigInteger().with_variant(Integer, "sqlite")
_INBOX = table("inbox", *(column(name) for name in ("id", "hospital", "method", "kind", "resource_id")))
_BODY = table("inbox", column("id"), column("body", LargeBinary), column("created", DateTime(timezone=True)))
_MOVED = ("COPIED", "GONE")


def upgrade() -> None:
    copies = _copies()
    op.create_index("ix_hospital_copies_hospital_patient_kind", "hospital_copies", ["hospital", "patient", "kind"])
    op.create_index("ix_hospital_copies_hospital_changed", "hospital_copies", ["hospital", "changed"])
    _heard()
    _questions()
    op.add_column("inbox", Column("digest", String, nullable=True))
    op.create_index("ix_inbox_digest_state", "inbox", ["digest", "state"])
    newest = _newest()
    if newest:
        op.bulk_insert(copies, list(newest.values()))
    op.execute(_INBOX.delete().where(_INBOX.c.method.in_(_MOVED)))


def _copies() -> Any:
    return op.create_table(
        "hospital_copies",
        Column("hospital", String, nullable=False),
        Column("kind", String, nullable=False),
        Column("id", String, nullable=False),
        Column("version", String, nullable=True),
        Column("changed", DateTime(timezone=True), nullable=True),
        Column("patient", String, nullable=True),
        Column("content", LargeBinary, nullable=True),
        Column("gone", Boolean, nullable=False),
        Column("at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("hospital", "kind", "id", name="pk_hospital_copies"),
    )


def _heard() -> None:
    op.create_table(
        "hospital_subscriptions",
        Column("hospital", String, nullable=False),
        Column("subscription", String, nullable=False),
        Column("last", BigInteger, nullable=True),
        Column("said", String, nullable=False),
        Column("status", String, nullable=True),
        Column("heartbeat_seconds", Integer, nullable=True),
        Column("at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("hospital", "subscription", name="pk_hospital_subscriptions"),
    )


def _questions() -> None:
    op.create_table(
        "questions",
        Column("id", _SERIAL, nullable=False),
        *(Column(name, String, nullable=False) for name in ("hospital", "course", "about", "kind")),
        Column("content", LargeBinary, nullable=False),
        Column("state", String, nullable=False),
        Column("at", DateTime(timezone=True), nullable=False),
        Column("who", String, nullable=True),
        Column("answer", String, nullable=True),
        Column("ended", DateTime(timezone=True), nullable=True),
        PrimaryKeyConstraint("id", name="pk_questions"),
    )
    op.create_index("ix_questions_state_id", "questions", ["state", "id"])
    op.create_index("ix_questions_hospital_course_about", "questions", ["hospital", "course", "about"])


def _newest() -> dict[tuple[str, str, str], dict[str, Any]]:
    """The newest state of each resource, as the log of the inbox told it."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in _rows():
        name = (row["hospital"], row["kind"], row["id"])
        known = found.get(name)
        if row["gone"]:
            row |= {"version": known["version"], "patient": known["patient"]} if known else {}
        if known is None or (not known["gone"] if row["gone"] else _is_newer(row, known)):
            found[name] = row
    return found


def _rows() -> Iterator[dict[str, Any]]:
    """What was logged, the oldest first; one body at a time, for they are large."""
    connection = op.get_bind()
    moved = select(_INBOX).where(_INBOX.c.method.in_(_MOVED)).order_by(_INBOX.c.id)
    for row in connection.execute(moved).all():
        kept = connection.execute(select(_BODY).where(_BODY.c.id == row.id)).one()
        said = {"hospital": row.hospital, "kind": row.kind, "id": row.resource_id, "at": _aware(kept.created)}
        if row.method == "GONE":
            yield {**said, "version": None, "changed": None, "patient": None, "content": None, "gone": True}
            continue
        resource = json.loads(kept.body)
        meta = resource.get("meta") or {}
        subject = resource.get("subject") or {}
        patient = f"Patient/{row.resource_id}" if row.kind == "Patient" else subject.get("reference")
        what = {"version": meta.get("versionId"), "changed": _instant(meta.get("lastUpdated")), "patient": patient}
        yield {**said, **what, "content": kept.body, "gone": False}


def _is_newer(row: dict[str, Any], known: dict[str, Any]) -> bool:
    mine, theirs = row["version"] or "", known["version"] or ""
    if mine.isdecimal() and theirs.isdecimal():
        return int(mine) > int(theirs)
    return row["changed"] is None or known["changed"] is None or bool(row["changed"] > known["changed"])


def _instant(text: object) -> datetime | None:
    try:
        return _aware(datetime.fromisoformat(str(text)))
    except ValueError:
        return None


def _aware(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
