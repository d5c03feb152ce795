"""Rows in the place of those with the same key, in one statement: on PostgreSQL two writers may come at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def put(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Each row with every column of the table, in the order of their keys, so that writers wait in line."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    new = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
    others = {column.name: new.excluded[column.name] for column in table.c if not column.primary_key}
    change = new.on_conflict_do_update(index_elements=keys, set_=others)
    connection.execute(change, sorted(rows, key=lambda row: [row[name] for name in keys]))
