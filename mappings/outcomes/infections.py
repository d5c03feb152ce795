"""Infections: a Condition each, named by its agent where that is known, and an Observation of the agent."""

from __future__ import annotations

from collections.abc import Iterator

from mappings.canonicals import CONDITION_CLINICAL, CONDITION_VER_STATUS
from mappings.facts import FollowUp, Infection, Missing, PartialDate, Word
from mappings.outcomes.chart import Chart, answered, dated, missing, notes_of, remark, together, unknown
from mappings.outcomes.retold import Key, known_as
from mappings.r4.build import Element, Resource, fixed, reference
from mappings.terminology import codes


def to_fhir(visit: FollowUp, chart: Chart) -> Iterator[Resource]:
    """The infections that the visit names, as `retold` put them together.

    A section said to be missing is told by an Observation without a value on the visit's date.
    """
    section = visit.infections
    if isinstance(section, Missing):
        profile, value, where = "engraft-infection-assessment", missing(section), ("not-told", visit.occasion)
        yield chart.observation(profile, "infection-assessment", visit.date, value, where, category="exam")
    for said in section if isinstance(section, tuple) else ():
        known = known_as(said, visit)
        agent = list(_agent(said, known, chart))
        yield _condition(said, known, agent, chart)
        yield from agent


def _condition(said: Infection, known: Key, agent: list[Resource], chart: Chart) -> Resource:
    """An abatement without a date would still make it abated (con-4): an unknown end is told by a note."""
    resolved = said.resolved if isinstance(said.resolved, PartialDate) else None
    out = chart.head("Condition", "engraft-infection", "infection", *known)
    out["clinicalStatus"] = fixed(CONDITION_CLINICAL, "resolved" if resolved else "active")
    out["verificationStatus"] = fixed(CONDITION_VER_STATUS, "confirmed")
    if said.severity is not None:
        out["severity"] = chart.concept("infection-severity", said.severity)
    out["code"] = _code(said, chart)
    if said.site is not None:
        out["bodySite"] = [chart.concept("infection-site", said.site)]
    out["subject"] = chart.subject
    evidence = {"evidence": [{"detail": [reference(f"Observation/{one['id']}") for one in agent]}]} if agent else {}
    return together(
        out,
        dated("onsetDateTime", said.onset),
        dated("abatementDateTime", resolved),
        evidence,
        notes_of(said.kind, said.site, said.severity),
        remark("End of the infection", said.resolved),
    )


def _code(said: Infection, chart: Chart) -> Element:
    """From the closest to the widest: the agent's disease, that of its kind, our word for the kind."""
    words = [f"infection/{word.key}" for word in (said.agent, said.kind) if isinstance(word, Word)]
    rows = [("conditions", row) for row in words if row in codes.keys("conditions")] or [("conditions", "infection")]
    if isinstance(said.kind, Missing):
        return codes.together(tuple(rows), chart.canonicals) | unknown(said.kind)
    if said.kind.key == "other":
        found, kind = codes.together(tuple(rows), chart.canonicals), chart.answer("infection-kind", said.kind)
        return kind | {"coding": found["coding"] + kind["coding"]}
    return codes.together((*rows, ("answers", f"infection-kind/{said.kind.key}")), chart.canonicals)


def _agent(said: Infection, known: Key, chart: Chart) -> Iterator[Resource]:
    if said.agent is not None:
        value = answered(chart, "infection-agent", said.agent)
        out = chart.observation("engraft-infection-agent", "infection-agent", said.onset, value, known)
        yield out | {"focus": [chart.ids.ref("Condition", "infection", *known)]}
