"""Infections: a Condition each, named by its agent where that is known, and an Observation of the agent."""

from __future__ import annotations

from collections.abc import Iterator

from mappings.canonicals import CONDITION_CLINICAL, CONDITION_VER_STATUS
from mappings.facts import FollowUp, Infection, Missing, PartialDate, Said, Word
from mappings.outcomes.chart import Chart, answered, dated, missing, remarks, together, unknown, unsaid
from mappings.outcomes.retold import known_as, name_of
from mappings.r4.build import Element, Resource, coding, concept, reference
from mappings.terminology import codes


def to_fhir(visit: FollowUp, chart: Chart) -> Iterator[Resource]:
    """The infections that the visit names, as `retold` put them together.

    A section said to be missing is told by an Observation without a value on the visit's date.
    """
    section = visit.infections
    if isinstance(section, Missing):
        profile, value, where = "engraft-infection-assessment", missing(section), (name_of(visit),)
        yield chart.observation(profile, "infection-assessment", visit.date, value, where, category="exam")
    for said in section if isinstance(section, tuple) else ():
        yield from _infection(said, known_as(said, visit), chart)


def _infection(said: Infection, known: str, chart: Chart) -> Iterator[Resource]:
    resolved = isinstance(said.resolved, PartialDate)
    out = chart.head("Condition", "engraft-infection", "infection", known) | {
        "clinicalStatus": concept(coding(CONDITION_CLINICAL, "resolved" if resolved else "active")),
        "verificationStatus": concept(coding(CONDITION_VER_STATUS, "confirmed")),
    }
    if said.severity is not None:
        out["severity"] = chart.worded("infection-severity", said.severity)
    out["code"] = _code(said, chart)
    if said.site is not None:
        out["bodySite"] = [chart.worded("infection-site", said.site)]
    out["subject"] = chart.subject
    agent = list(_agent(said, known, chart))
    evidence = {"evidence": [{"detail": [reference(f"Observation/{one['id']}") for one in agent]}]} if agent else {}
    yield together(
        *(out, dated("onsetDateTime", said.onset), _end(said.resolved), evidence),
        remarks(said.kind, said.site, said.severity),
    )
    yield from agent


def _code(said: Infection, chart: Chart) -> Element:
    """From the closest to the widest: the agent's disease, that of its kind, our word for the kind."""
    kind = said.kind if isinstance(said.kind, Word) else None
    agent = said.agent if isinstance(said.agent, Word) else None
    rows = [f"infection/{word.key}" for word in (agent, kind) if word]
    known = [row for row in rows if row in codes.keys("conditions")] or ["infection"]
    codings = [coding for row in known for coding in codes.codings("conditions", row, chart.canonicals)]
    if kind:
        codings += chart.answer("infection-kind", kind)["coding"]
    out = concept(*codings, text=kind.text if kind and kind.text else codes.text("conditions", known[0]))
    return out | _because(said.kind)


def _because(kind: Said[Word]) -> Element:
    return unknown(kind) if isinstance(kind, Missing) else {}


def _end(resolved: Said[PartialDate]) -> Element:
    """An abatement without a date would still make it abated (con-4): an unknown end is told by a note."""
    known = dated("abatementDateTime", resolved) if isinstance(resolved, PartialDate) else {}
    return together(known, unsaid("End of the infection", resolved))


def _agent(said: Infection, known: str, chart: Chart) -> Iterator[Resource]:
    if said.agent is not None:
        value = answered(chart, "infection-agent", said.agent)
        out = chart.observation("engraft-infection-agent", "infection-agent", said.onset, value, (known,))
        yield out | {"focus": [chart.ids.ref("Condition", "infection", known)]}
