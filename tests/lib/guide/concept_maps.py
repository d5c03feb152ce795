"""ConceptMaps from our own concepts to standard codes: what two sources confirm, and apart from it what waits.

A standard code of a list's word is wider than our concept (an ELN 2022 complete remission is a remission, an unknown
kind of relapse is unknown), but where both say exactly the same. What waits is a draft that names why; it is not sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from mappings.canonicals import ATC, DEFAULT, LOINC, RXNORM, SNOMED
from mappings.terminology.systems import Code, LocalCode
from mappings.terminology.tables import TABLES, Row, Unvalidated, table, unvalidated
from tests.lib.guide.artefact import artefact

NCIT = "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"
_SAME = {"alive", "dead"}


class Mapped(NamedTuple):
    system: str
    code: str
    display: str
    target: str
    target_display: str
    equivalence: str
    comment: str = ""


def concept_maps() -> Iterator[dict[str, Any]]:
    """To SNOMED CT and LOINC (confirmed), to what CIBMTR takes, and to what is not confirmed."""
    confirmed = "Each target was seen in two independent places."
    yield _map("to-snomed", "Our concepts to SNOMED CT", confirmed, {SNOMED: list(_confirmed("SNOMED"))})
    yield _map("to-loinc", "Our concepts to LOINC", confirmed, {LOINC: list(_confirmed("LOINC"))})
    told = "Drugs by RxNorm ingredient, as the value sets of CIBMTR's reporting guide list them."
    yield _map("to-cibmtr", "Drugs to the codes that CIBMTR takes", told, {RXNORM: list(_drugs())})
    told = "Not to be sent: each target waits for a terminology server, for the reason in its comment."
    waiting = {SNOMED: list(_waiting("SNOMED")), LOINC: list(_waiting("LOINC"))}
    yield _map("unconfirmed", "Our concepts to codes that wait", told, waiting) | {"status": "draft"}
    told = "Not to be sent: the codes were seen at one publisher only."
    yield _map("to-ncit", "To the NCI Thesaurus", told, {NCIT: list(_waiting("NCIT"))}) | {"status": "draft"}


def _rows() -> Iterator[tuple[str, Row]]:
    yield from ((name, row) for name in TABLES for row in table(name).values())


def _confirmed(system: str) -> Iterator[Mapped]:
    for _, row in _rows():
        ours = next((code for code in row.codes if isinstance(code, LocalCode)), None)
        theirs = next((code for code in row.codes if code.name == system), None)
        if ours and theirs:
            same = "equivalent" if ours.value in _SAME else "wider"
            yield Mapped(DEFAULT.local, ours.value, row.text, theirs.value, "", same)


def _drugs() -> Iterator[Mapped]:
    for row in table("drugs").values():
        atc, rxnorm = (next((code for code in row.codes if code.name == name), None) for name in ("ATC", "RXNORM"))
        if atc and rxnorm and "CIB-tx" in row.source:
            narrower = row.key == "mycophenolate"
            how = (
                ("narrower", "ATC has one code for mycophenolic acid and its mofetil ester")
                if narrower
                else ("equivalent",)
            )
            yield Mapped(ATC, atc.value, row.text, rxnorm.value, "", *how)


def _waiting(system: str) -> Iterator[Mapped]:
    for one in unvalidated():
        source = _source(one)
        if one.system == system and source and "V1" in one.reason:  # the others are another thing, or part of one
            code, text = source
            yield Mapped(code.system(DEFAULT), code.value, text, one.code, one.display, "relatedto", one.reason)


def _source(one: Unvalidated) -> tuple[Code, str] | None:
    """Our concept of the row, or its first code where it has none of ours; None where there is no such row."""
    row = table(one.table).get(one.key) if one.table in TABLES else None
    if row is None:
        return None
    return next((code for code in row.codes if isinstance(code, LocalCode)), row.codes[0]), row.text


def _map(id_: str, title: str, description: str, targets: dict[str, list[Mapped]]) -> dict[str, Any]:
    groups = [_group(source, target, found) for target, found in targets.items() for source in _systems(found)]
    return artefact("ConceptMap", id_, title, description) | {"group": groups}


def _systems(found: list[Mapped]) -> list[str]:
    return list(dict.fromkeys(one.system for one in found))


def _group(source: str, target: str, found: list[Mapped]) -> dict[str, Any]:
    here = [one for one in found if one.system == source]
    elements = [
        {"code": code, "display": next(one.display for one in here if one.code == code), "target": _targets(code, here)}
        for code in dict.fromkeys(one.code for one in here)
    ]
    return {"source": source, "target": target, "element": elements}


def _targets(code: str, found: list[Mapped]) -> list[dict[str, str]]:
    return [
        {"code": one.target}
        | ({"display": one.target_display} if one.target_display else {})
        | {"equivalence": one.equivalence}
        | ({"comment": one.comment} if one.comment else {})
        for one in found
        if one.code == code
    ]
