"""[centres.CODE]: who takes part, where its resources go, and what it adds to protocols."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

from adapter.config.reader import Place, Reader, Table
from adapter.config.results import results
from adapter.config.settings import Centre, Retention

BY_HAND, AUTOMATIC = "by-hand", "automatic"


def centres(reader: Reader, document: Table, hospitals: Collection[str]) -> dict[str, Centre]:
    """By code. `hospitals`: the names that a centre may point to."""
    return {code: _centre(reader, code, table, hospitals) for code, table in reader.tables(document, "centres")}


def _centre(reader: Reader, code: str, table: Table, hospitals: Collection[str]) -> Centre:
    at = ("centres", code)
    reader.only(table, at, ("name", "hospital", "overlays", "results", "retention"))
    hospital = reader.text(table, at, "hospital") if "hospital" in table else None
    if hospital and hospital not in hospitals:
        known = ", ".join(hospitals) or "none"
        reader.fault((*at, "hospital"), f"no hospital is called {hospital}; known: {known}")
    name = reader.text(table, at, "name") if "name" in table else code
    overlays = reader.files(table, (*at, "overlays"))
    coded = results(reader, table, (*at, "results"))
    return Centre(code, name, hospital, overlays, coded, _retention(reader, table, (*at, "retention")))


def _retention(reader: Reader, table: Table, at: Place) -> Retention | None:
    """There is no default: nobody but the centre can name a period."""
    said = reader.inline(table, at)
    if said is None:
        return None
    reader.only(said, at, ("months", "starts", "erase"))
    months, starts = said.get("months"), said.get("starts")
    if isinstance(months, bool) or not isinstance(months, int) or not 1 <= months <= LONGEST:
        reader.fault((*at, "months"), f"is needed: a whole number of months, from 1 to {LONGEST}")
        months = LONGEST
    if starts is not None and (not isinstance(starts, date) or isinstance(starts, datetime)):
        reader.fault((*at, "starts"), "is a date without quotation marks: 2031-06-30")
        starts = None
    erase = reader.word(said, at, "erase", (BY_HAND, AUTOMATIC), BY_HAND)
    return Retention(months, starts, automatic=erase == AUTOMATIC)


LONGEST = 1200
"""Months: a century; more is a slip."""
