"""Donor lymphocytes: each infusion as a Procedure with its cell dose, each one withheld as a Procedure not done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mappings.facts import Dli, DliWithheld, FollowUp, Missing
from mappings.outcomes.chart import Chart, dated, measured, missing, notes_of, remark, together
from mappings.outcomes.order_names import of_infusion
from mappings.outcomes.retold import Key, known_as
from mappings.r4.build import Element, Ids, Resource
from mappings.terminology import codes


def to_fhir(visit: FollowUp, chart: Chart) -> Iterator[Resource]:
    """Infusions and those withheld; a section said to be missing becomes an Observation without a value."""
    for item, section in (("dli-given", visit.dli), ("dli-withheld", visit.dli_withheld)):
        if isinstance(section, Missing):
            where = ("not-told", visit.occasion)
            yield chart.observation("engraft-dli-report", item, visit.date, missing(section), where, category="therapy")
    for given in visit.dli if isinstance(visit.dli, tuple) else ():
        yield from _given(given, known_as(given, visit), chart)
    for withheld in visit.dli_withheld if isinstance(visit.dli_withheld, tuple) else ():
        yield _withheld(withheld, known_as(withheld, visit), chart)


def infusions(visits: Sequence[FollowUp], ids: Ids) -> Mapping[int, Element]:
    """A reference to each infusion that was told of, by its number."""
    sections = ((visit, visit.dli) for visit in visits if isinstance(visit.dli, tuple))
    told = ((said, known_as(said, visit)) for visit, section in sections for said in section)
    return {said.number: ids.ref("Procedure", "dli", *known) for said, known in told if isinstance(said.number, int)}


def _given(said: Dli, known: Key, chart: Chart) -> Iterator[Resource]:
    yield _procedure("dli", "completed", said, known, chart)
    if said.cd3_per_kg is not None:
        dose = measured(said.cd3_per_kg)
        out = chart.observation("engraft-dli-cell-dose", "dli-cd3", said.date, dose, known)
        yield out | {"partOf": [chart.ids.ref("Procedure", "dli", *known)]}


def _withheld(said: DliWithheld, known: Key, chart: Chart) -> Resource:
    out = _procedure("dli-withheld", "not-done", said, known, chart)
    if said.reason is None:
        return out
    return together(out, {"statusReason": chart.concept("dli-withheld", said.reason)}, notes_of(said.reason))


def _procedure(item: str, status: str, said: Dli | DliWithheld, known: Key, chart: Chart) -> Resource:
    """Given for the leukaemia and after the graft, as far as these were told; the day of one not done is its plan's."""
    out = chart.head("Procedure", "engraft-dli", item, *known)
    if isinstance(said.number, int):
        out["extension"] = [{"url": chart.canonicals.extension("dli-number"), "valueInteger": said.number}]
        order = of_infusion(said.number, chart)
        out |= {"basedOn": [order]} if order else {}
    out |= {"status": status, "code": codes.concept("procedures", "dli", chart.canonicals), "subject": chart.subject}
    reasons = [reason for reason in (chart.disease, chart.graft) if reason]
    out |= {"reasonReference": reasons} if reasons else {}
    return together(out, dated("performedDateTime", said.date), remark("Number of the infusion", said.number))
