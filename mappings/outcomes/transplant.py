"""The graft: day zero, its donor and source, and how many cells were infused."""

from __future__ import annotations

from collections.abc import Iterator

from mappings.facts import Enrolment, Measured, Missing, PartialDate, Said, Transplant, Word
from mappings.outcomes.chart import Chart, measured
from mappings.r4.build import Element, Resource, concept
from mappings.terminology import codes


def to_fhir(enrolment: Enrolment, chart: Chart) -> Iterator[Resource]:
    """Procedure (`preparation` while planned), then the cell doses of a graft that was given."""
    graft = enrolment.transplant
    if not isinstance(graft, Transplant):
        return
    yield _procedure(graft, chart)
    yield from _cells("graft-cd34", graft.cd34_per_kg, graft, chart)
    yield from _cells("graft-cd3", graft.cd3_per_kg, graft, chart)


def _procedure(graft: Transplant, chart: Chart) -> Resource:
    extensions = [*_extension("transplant-donor", "donor", graft.donor, chart)]
    extensions += _extension("graft-source", "graft", graft.graft, chart)
    out = chart.head("Procedure", "engraft-transplant", "transplant")
    if extensions:
        out["extension"] = extensions
    out |= {"status": "preparation" if graft.planned else "completed", "code": _code(graft, chart)}
    out["subject"] = chart.subject
    return out | ({"performedDateTime": graft.date.isoformat()} if graft.date else {})


def _code(graft: Transplant, chart: Chart) -> Element:
    """SNOMED CT has no code for a haploidentical transplant: ours first, then what it is a kind of."""
    haplo = isinstance(graft.donor, Word) and graft.donor.key == "haploidentical"
    found = [*(["haplo-hsct"] if haplo else []), "allogeneic-transplant", "hsct"]
    codings = [coding for key in found for coding in codes.codings("procedures", key, chart.canonicals)]
    return concept(*codings, text=codes.text("procedures", found[0]))


def _extension(name: str, group: str, word: Said[Word], chart: Chart) -> list[Element]:
    if not isinstance(word, Word):
        return []
    return [{"url": chart.canonicals.extension(name), "valueCodeableConcept": chart.answer(group, word)}]


def _cells(item: str, dose: Measured | Missing | None, graft: Transplant, chart: Chart) -> Iterator[Resource]:
    if dose is None:
        return
    when = PartialDate(graft.date.isoformat()) if graft.date else None
    out = chart.observation("engraft-cell-dose", item, when, measured(dose), ())
    yield out | {"partOf": [chart.ids.ref("Procedure", "transplant")]}
