"""The graft: day zero, its donor and source, and how many cells were infused."""

from __future__ import annotations

from collections.abc import Iterator

from mappings.facts import Enrolment, Missing, PartialDate, Said, Transplant, Word
from mappings.outcomes.chart import Chart, dated, measured, not_given, noted, together
from mappings.r4.build import Element, Resource, absent
from mappings.terminology import codes

NO_DAY_YET = Missing("temp-unknown")
"""A planned graft whose day is still open; that a plan will get its day is what `temp-unknown` says."""


def to_fhir(enrolment: Enrolment, chart: Chart) -> Iterator[Resource]:
    """Procedure (`preparation` while planned), then the cell doses of a graft that was given."""
    graft = enrolment.transplant
    if chart.graft is None and isinstance(graft, Transplant):
        return  # the section dates day zero of a protocol that has no graft
    if isinstance(graft, Missing):
        yield _not_told(graft, chart)
    if not isinstance(graft, Transplant):
        return
    day = _day(graft)
    yield _procedure(graft, day, chart)
    # cells of a graft that lies ahead were counted, not infused: they have no day yet, and nothing is final
    ahead = graft.planned is True
    for item, dose in (("graft-cd34", graft.cd34_per_kg), ("graft-cd3", graft.cd3_per_kg)):
        if dose is not None:
            out = chart.observation("engraft-cell-dose", item, None if ahead else day, measured(dose), ())
            if ahead:
                out["status"] = "preliminary"
            yield out | {"partOf": [chart.graft]}


def _procedure(graft: Transplant, day: Said[PartialDate], chart: Chart) -> Resource:
    kinds = [("transplant-donor", "donor", graft.donor), ("graft-source", "graft", graft.graft)]
    told = [(name, group, said) for name, group, said in kinds if said is not None]
    out = chart.head("Procedure", "engraft-transplant", "transplant")
    if told:
        out["extension"] = [_extension(name, group, said, chart) for name, group, said in told]
    out = together(out, _status(graft.planned))
    out |= {"code": _code(graft.donor, chart), "subject": chart.subject}
    out = together(out, dated("performedDateTime", day or _no_day(graft.planned)))
    if chart.disease:
        out["reasonReference"] = [chart.disease]
    return together(out, *(noted(said) for _, _, said in told if isinstance(said, Missing)))


def _status(planned: bool | Missing) -> Element:
    if isinstance(planned, Missing):
        return {"status": "unknown", "statusReason": absent(planned.reason)} | noted(planned)
    return {"status": "preparation" if planned else "completed"}


def _no_day(planned: bool | Missing) -> Missing:
    return Missing(planned.reason) if isinstance(planned, Missing) else NO_DAY_YET


def _not_told(said: Missing, chart: Chart) -> Resource:
    """A graft said to be missing: not given, or not known whether."""
    out = chart.head("Procedure", "engraft-transplant", "transplant") | not_given(said)
    return out | {"code": _code(None, chart), "subject": chart.subject} | dated("performedDateTime", said)


def _day(graft: Transplant) -> Said[PartialDate]:
    if isinstance(graft.date, Missing):
        return graft.date
    return PartialDate(graft.date.isoformat()) if graft.date else None


def _code(donor: Said[Word], chart: Chart) -> Element:
    """SNOMED CT has no code for a haploidentical transplant: ours first, then what it is a kind of."""
    haplo = isinstance(donor, Word) and donor.key == "haploidentical"
    found = (*(["haplo-hsct"] if haplo else []), "allogeneic-transplant", "hsct")
    return codes.together(tuple(("procedures", key) for key in found), chart.canonicals)


def _extension(name: str, group: str, said: Word | Missing, chart: Chart) -> Element:
    concept_said = absent(said.reason) if isinstance(said, Missing) else chart.answer(group, said)
    return {"url": chart.canonicals.extension(name), "valueCodeableConcept": concept_said}
