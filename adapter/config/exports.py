"""[exports]: where the files of bulk exports lie, and for how long."""

from __future__ import annotations

from adapter.config.reader import Reader, Table
from adapter.config.settings import Exports


def exports(reader: Reader, document: Table) -> Exports:
    """The folder, relative to the TOML, and the hours after which its files go."""
    at = ("exports",)
    table = reader.inline(document, at)
    if table is None:
        return Exports()
    reader.only(table, at, ("folder", "hours"))
    folder = reader.path.parent / reader.text(table, at, "folder") if "folder" in table else Exports().folder
    hours = table.get("hours", Exports().hours)
    if isinstance(hours, bool) or not isinstance(hours, int) or hours < 1:
        reader.fault((*at, "hours"), "is a whole number, 1 or more")
        hours = Exports().hours
    return Exports(folder, hours)
