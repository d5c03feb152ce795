"""Laboratory results that a pharmacist wants beside the doses: shown with their dates, they change nothing.

Creatinine clearance and bilirubin are wanted too, and have no code that was looked up yet: they stay blank, to be
written in by hand, unless the centre names the code that its laboratory uses. The code of a ciclosporin level does not
say whether it is a trough; the laboratory's note does, or a code of which the centre says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mappings.canonicals import Canonicals
from mappings.plan.elements import element, elements, text
from mappings.r4.build import Resource
from mappings.terminology import codes

Own = Mapping[str, Sequence[tuple[str, str]]]
"""Codes of a centre's laboratory as (system, code), by what they mean: the keys of NAMED."""

TABLE = "results"
NAMED = {
    "creatinine": "Creatinine",
    "ciclosporin-trough": "Ciclosporin trough",
    "creatinine-clearance": "Creatinine clearance",
    "bilirubin": "Bilirubin",
}
"""What a centre may name a code for, in words."""

_BY_HAND = ("ciclosporin-trough", "creatinine-clearance", "bilirubin")
"""Wanted in any case: blank where there is no result."""

HOLDS = frozenset({"final", "amended", "corrected", "preliminary", "registered"})
NOTHING: Own = {}


@dataclass(frozen=True, slots=True)
class Result:
    """One result in words; `value` and `date` are empty where it is to be written in by hand."""

    name: str
    value: str = ""
    date: str = ""
    note: str = ""


def coded(canonicals: Canonicals, own: Own = NOTHING) -> list[tuple[str, str]]:
    """(system, code) of each wanted result."""
    known = (coding for key in codes.keys(TABLE) for coding in codes.codings(TABLE, key, canonicals))
    return [*((one["system"], one["code"]) for one in known), *_meanings(own)]


def results(observations: Iterable[Resource], canonicals: Canonicals, own: Own = NOTHING) -> list[Result]:
    """The newest result of each kind that has a value and a date, then those to be written in."""
    newest: dict[tuple[str, str], Resource] = {}
    meanings = _meanings(own)
    for one in observations:
        key = _key(one, meanings, canonicals)
        if key and _is_shown(one) and _moment(one) >= _moment(newest.get(key, {})):
            newest[key] = one
    known = [(TABLE, key) for key in codes.keys(TABLE)]
    shown = [key for key in (*known, *(("own", key) for key in NAMED)) if key in newest]
    found = [_result(_name(key), newest[key], _of_the_centre(newest[key], meanings)) for key in shown]
    there = {key for _, key in newest} | ({"ciclosporin-trough"} if (TABLE, "ciclosporin") in newest else set())
    return [*found, *(Result(NAMED[key]) for key in _BY_HAND if key not in there)]


def _meanings(own: Own) -> dict[tuple[str, str], str]:
    return {coding: key for key, codings in own.items() for coding in codings}


def _codings(one: Resource) -> list[tuple[str, str]]:
    return [
        (text(said.get("system")), text(said.get("code"))) for said in elements(element(one.get("code")).get("coding"))
    ]


def _key(one: Resource, meanings: Mapping[tuple[str, str], str], canonicals: Canonicals) -> tuple[str, str] | None:
    """The centre's own word for a code goes before the table's."""
    mine = next((meanings[coding] for coding in _codings(one) if coding in meanings), None)
    if mine:
        return "own", mine
    concept = {"coding": [{"system": system, "code": code} for system, code in _codings(one)]}
    key = codes.key_of(TABLE, concept, canonicals)
    return (TABLE, key) if key else None


def _name(key: tuple[str, str]) -> str:
    place, name = key
    return codes.text(TABLE, name) if place == TABLE else NAMED[name]


def _of_the_centre(one: Resource, meanings: Mapping[tuple[str, str], str]) -> str:
    """By which of the centre's codes it is shown; empty where by none."""
    return next((f"the laboratory's code {code}" for system, code in _codings(one) if (system, code) in meanings), "")


def _is_shown(one: Resource) -> bool:
    return one.get("status") in HOLDS and "value" in element(one.get("valueQuantity")) and _moment(one) != ""


def _result(name: str, one: Resource, by: str) -> Result:
    said = element(one.get("valueQuantity"))
    unit = said.get("unit") or said.get("code", "")
    value = f"{said.get('comparator', '')}{said['value']} {unit}".strip()
    note = " ".join(text(note.get("text")) for note in elements(one.get("note")))
    preliminary = "preliminary" if one["status"] in ("preliminary", "registered") else ""
    return Result(name, value, _moment(one)[:10], "; ".join(filter(None, (preliminary, by, note))))


def _moment(one: Resource) -> str:
    return text(one.get("effectiveDateTime")) or text(one.get("effectiveInstant"))
