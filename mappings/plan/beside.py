"""Laboratory results that a pharmacist wants beside the doses: shown with their dates, they change nothing.

Creatinine clearance and bilirubin are wanted too, and have no code that was looked up yet: they stay blank, to be
written in by hand. The code of a ciclosporin level does not say whether it is a trough; the laboratory's note does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mappings.canonicals import Canonicals
from mappings.r4.build import Resource
from mappings.terminology import codes

TABLE = "results"
BY_HAND = ("Creatinine clearance", "Bilirubin")
"""Wanted, and without a code that we could look for."""

HOLDS = frozenset({"final", "amended", "corrected", "preliminary", "registered"})


@dataclass(frozen=True, slots=True)
class Result:
    """One result in words; `value` and `date` are empty where it is to be written in by hand."""

    name: str
    value: str = ""
    date: str = ""
    note: str = ""


def tokens(canonicals: Canonicals) -> str:
    """What to search Observations by: `system|code` of each wanted result, between commas."""
    found = (coding for key in codes.keys(TABLE) for coding in codes.codings(TABLE, key, canonicals))
    return ",".join(f"{coding['system']}|{coding['code']}" for coding in found)


def results(observations: Iterable[Resource], canonicals: Canonicals) -> list[Result]:
    """The newest result of each kind that has a value and a date, then those to be written in."""
    newest: dict[str, Resource] = {}
    for one in observations:
        key = codes.key_of(TABLE, one.get("code", {}), canonicals)
        if key and _is_shown(one) and _moment(one) >= _moment(newest.get(key, {})):
            newest[key] = one
    blank = [] if "ciclosporin" in newest else [Result("Ciclosporin trough")]
    return [*(_result(key, newest[key]) for key in codes.keys(TABLE) if key in newest), *blank, *map(Result, BY_HAND)]


def _is_shown(one: Resource) -> bool:
    return one.get("status") in HOLDS and "value" in one.get("valueQuantity", {}) and _moment(one) != ""


def _result(key: str, one: Resource) -> Result:
    said = one["valueQuantity"]
    unit = said.get("unit") or said.get("code", "")
    value = f"{said.get('comparator', '')}{said['value']} {unit}".strip()
    note = " ".join(note["text"] for note in one.get("note", ()))
    preliminary = "preliminary" if one["status"] in ("preliminary", "registered") else ""
    return Result(codes.text(TABLE, key), value, _moment(one)[:10], "; ".join(filter(None, (preliminary, note))))


def _moment(one: Resource) -> str:
    return str(one.get("effectiveDateTime", ""))
