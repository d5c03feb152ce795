"""The tables of batches that are taken in after the answer."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table

from adapter.store.columns import Json, metadata
from adapter.store.columns import instant as _instant
from adapter.store.columns import number as _number
from adapter.store.columns import text as _text

batches = Table(
    "batches",
    metadata,
    Column("id", String, primary_key=True),
    _text("client"),
    _text("centre"),
    _text("kind"),
    _text("charset", null=True),
    Column("parts", Json, nullable=False),
    Column("body", LargeBinary, nullable=True),
    _instant("at"),
    _instant("expires", null=True),
    _text("state"),
    _text("worker", null=True),
    _instant("beat"),
    _number("attempts"),
    _number("documents", null=True),
    Column("found", Json, nullable=False),
    Column("refused", Json, nullable=True),
    _text("error", null=True),
    _text("correlation", null=True),
    Index(None, "state", "at"),
    Index(None, "expires"),
    Index(None, "centre"),
)
"""What was sent, as it came, until all of it was taken in; `expires` is known from then on."""

batch_items = Table(
    "batch_items",
    metadata,
    Column("batch", String, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    _text("patient", null=True),
    Column("taken", Json, nullable=True),
    Column("refused", Json, nullable=False),
)
"""What became of each document of a batch; `patient`: the centre's number, where the document says one."""
