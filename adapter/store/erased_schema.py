"""The table of what erased patients were called to those who fetch."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table

from adapter.store.columns import SERIAL, metadata
from adapter.store.columns import instant as _instant
from adapter.store.columns import text as _text

erased = Table(
    "erased",
    metadata,
    Column("id", SERIAL, primary_key=True),
    _text("recipient"),
    _text("place"),
    _text("kind"),
    _text("pseudonym"),
    _instant("at"),
    Index(None, "recipient", "at"),
)
"""`recipient`, `place` (of the course) and `pseudonym` are made with a key, and lead nowhere without it."""
