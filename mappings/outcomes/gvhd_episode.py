"""What acute and chronic GVHD have in common: an episode as a Condition, with its grades and its treatment.

A resolved episode is not active (R4 con-4). One whose end is not known has none: even an abatement without a value
would make it abated. An episode whose worst grade is none was none: its Condition is refuted, so that nobody counts it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from mappings.canonicals import CONDITION_CLINICAL, CONDITION_VER_STATUS, EXT_CONDITION_DUE_TO
from mappings.facts import AcuteGvhd, ChronicGvhd, Missing, PartialDate, Said, Word
from mappings.outcomes.chart import Chart, answered, components, dated, in_order, remark, together, unknown
from mappings.outcomes.retold import Key
from mappings.r4.build import Element, Resource, fixed
from mappings.terminology import codes

Parts = Iterable[Element]
NO_DISEASE = {"0", "none"}
"""Grades by which there is no GVHD (MAGIC, NIH 2014)."""


def is_disease(worst: object) -> bool:
    """Is this worst grade one of GVHD? One that nobody knows is."""
    return not (isinstance(worst, Word) and worst.key in NO_DISEASE)


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode on its way to FHIR.

    `kind`: `acute-gvhd` or `chronic-gvhd`; `scale`: what its grades are called in the terminology; `key` tells it from
    others; `worst` is its worst grade.
    """

    said: AcuteGvhd | ChronicGvhd
    kind: str
    scale: str
    key: Key
    worst: Said[Word]
    chart: Chart
    reference: Element = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "reference", self.chart.ids.ref("Condition", self.kind, *self.key))

    def condition(self, findings: Sequence[Resource], cause: Element | None) -> Resource:
        """The Condition; its stage names the worst grade and every one of `findings`."""
        chart, resolved = self.chart, isinstance(self.said.resolved, PartialDate)
        out = chart.head("Condition", f"engraft-{self.kind}", self.kind, *self.key)
        if cause:
            out["extension"] = [{"url": EXT_CONDITION_DUE_TO, "valueReference": cause}]
        out |= {
            "clinicalStatus": fixed(CONDITION_CLINICAL, "resolved" if resolved else self._standing),
            "verificationStatus": fixed(CONDITION_VER_STATUS, "confirmed" if self._is_one else "refuted"),
            "code": codes.concept("conditions", self.kind, chart.canonicals),
            "subject": chart.subject,
        }
        return together(out, dated("onsetDateTime", self.said.onset), self._end(), self._stage(findings))

    def finding(self, grade: Said[Word], which: Key, organs: Parts, *more: Element) -> Resource:
        """Observation of one grade, its organs as components; `which` tells it from the others of the episode."""
        value = {} if grade is None else answered(self.chart, self.scale, grade)
        told = together(value, {"focus": [self.reference]}, components(organs), *more)
        profile = f"engraft-{self.kind}-{self.scale.partition('-')[2]}"
        return self.chart.observation(profile, self.scale, None, told, (*self.key, *which), category="exam")

    def treatment(self, *more: Element) -> Iterator[Resource]:
        """Treatment words and what else is told of it, as components of one Observation over the episode."""
        chart, said = self.chart, self.said.treatment
        words = (said,) if isinstance(said, Missing) else said or ()
        parts = [chart.part("gvhd-treatment", "gvhd-treatment", word) for word in words]
        if parts or more:
            where = self.key if self.kind == "acute-gvhd" else (self.kind, *self.key)
            told = together({"focus": [self.reference]}, self.span(), components([*parts, *more]))
            yield chart.observation("engraft-gvhd-treatment", "gvhd-treatment", None, told, where, category="therapy")

    def span(self) -> Element:
        """From the onset to the end; the Condition has an end that a Period cannot hold."""
        start, end = self.said.onset, self.said.resolved
        told: Element = {"_start": unknown(start)} if isinstance(start, Missing) else {"start": str(start)}
        if isinstance(end, PartialDate) and (isinstance(start, Missing) or in_order(start, end)):
            told["end"] = str(end)
        return {"effectivePeriod": told}

    @property
    def _is_one(self) -> bool:
        return is_disease(self.worst)

    @property
    def _standing(self) -> str:
        return "active" if self._is_one else "inactive"

    def _end(self) -> Element:
        end = self.said.resolved
        known = dated("abatementDateTime", end) if isinstance(end, PartialDate) else {}
        return together(known, remark("End of the episode", end), remark("Course of the grades", self.said.course))

    def _stage(self, findings: Sequence[Resource]) -> Element:
        worst = self.worst
        stage: Element = {"summary": self.chart.answer(self.scale, worst)} if isinstance(worst, Word) else {}
        if findings:
            stage["assessment"] = [{"reference": f"Observation/{finding['id']}"} for finding in findings]
        return {"stage": [stage | {"type": self.chart.code(self.scale)}]} if stage else {}
