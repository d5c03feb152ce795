"""[centres.CODE]: who takes part, where its resources go, and what it adds to protocols."""

from __future__ import annotations

from collections.abc import Collection

from adapter.config.reader import Reader, Table
from adapter.config.results import results
from adapter.config.settings import Centre


def centres(reader: Reader, document: Table, hospitals: Collection[str]) -> dict[str, Centre]:
    """By code. `hospitals`: the names that a centre may point to."""
    return {code: _centre(reader, code, table, hospitals) for code, table in reader.tables(document, "centres")}


def _centre(reader: Reader, code: str, table: Table, hospitals: Collection[str]) -> Centre:
    at = ("centres", code)
    reader.only(table, at, ("name", "hospital", "overlays", "results"))
    hospital = reader.text(table, at, "hospital") if "hospital" in table else None
    if hospital and hospital not in hospitals:
        known = ", ".join(hospitals) or "none"
        reader.fault((*at, "hospital"), f"no hospital is called {hospital}; known: {known}")
    name = reader.text(table, at, "name") if "name" in table else code
    overlays = reader.files(table, (*at, "overlays"))
    return Centre(code, name, hospital, overlays, results(reader, table, (*at, "results")))
