"""The analysis table: one row a patient, days and statuses of every endpoint, from which each number can be reproduced.

`<endpoint>_days` and `<endpoint>_status` (0 censored, 1 the event, 2 what competes), `<endpoint>_<day>` where the
endpoint is told at dates; dashes of ids are underscores. Empty: the patient is not in that analysis, or not assessed.
`docs/endpoints.R` computes every row of the report from it.
"""

from __future__ import annotations

from collections.abc import Iterator

from mappings.registry.blood_facts import SUBSETS
from mappings.registry.endpoints import ENDPOINTS
from mappings.registry.followed import Followed
from mappings.registry.judged import Excluded
from mappings.registry.pdli_endpoints import Lymphocytes
from mappings.registry.tallies import Counted, TimeToEvent

_MEASURED = {f"immune-{cells}" for cells in SUBSETS}
_PDLI = ("given", "possible", "alive_relapse_free_120", "reasons")


def header() -> list[str]:
    """Names of the columns."""
    return ["patient", *(column for endpoint, said in ENDPOINTS.items() for column in _columns(endpoint, said))]


def kinds() -> dict[str, type]:
    """What the cells of each column are, where they are not empty: `str`, `int` or `float`."""
    return {"patient": str} | {
        column: _kind(endpoint, said, column)
        for endpoint, said in ENDPOINTS.items()
        for column in _columns(endpoint, said)
    }


def line(followed: Followed) -> list[str]:
    """Cells of one patient, in the order of the header."""
    cells = (cell for said in ENDPOINTS.values() for cell in _cells(said, followed))
    return [followed.axis.patient, *cells]


def _kind(endpoint: str, said: TimeToEvent | Counted, column: str) -> type:
    if isinstance(said, TimeToEvent) or endpoint == "immune-cd4-recovered":
        return int
    if endpoint == "pdli-feasibility":
        return str if column == "pdli_reasons" else int
    return float if endpoint in _MEASURED else str


def _columns(endpoint: str, said: TimeToEvent | Counted) -> Iterator[str]:
    name = endpoint.replace("-", "_")
    if isinstance(said, TimeToEvent):
        yield from (f"{name}_days", f"{name}_status", *(f"{name}_{mark}" for mark in said.marks))
    elif endpoint == "pdli-feasibility":
        yield from (f"pdli_{part}" for part in _PDLI)
    else:
        yield from (f"{name}_{day}" for day in said.horizons)


def _cells(said: TimeToEvent | Counted, followed: Followed) -> Iterator[str]:
    if isinstance(said, TimeToEvent):
        verdict = said.judge(followed)
        if verdict is None or isinstance(verdict, Excluded):
            yield from [""] * (2 + len(said.marks))
        else:
            marks = (str(int(mark in verdict.marks)) for mark in said.marks)
            yield from (str(verdict.days), str(verdict.status), *marks)
        return
    values = said.judge(followed, said.horizons).values
    for day in said.horizons:
        yield from _told(values[day])


def _told(value: object) -> Iterator[str]:
    """As plain words: `CR`, `full t-cell=mixed`, `120.0`, 0 or 1."""
    if isinstance(value, Lymphocytes):
        yes = (str(int(each)) for each in (value.possible, value.on_day_120))
        yield from (str(value.given), *yes, " ".join(value.reasons))
    elif isinstance(value, tuple):
        yield " ".join(f"{cells}={donor}" if cells else donor for cells, donor in value)
    elif isinstance(value, bool):
        yield str(int(value))
    else:
        yield "" if value is None else str(value)
