"""What every module writes with: ids, the subject, and one way to say a value, or that it is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from mappings.canonicals import OBSERVATION_CATEGORY, Canonicals
from mappings.facts import Measured, Missing, PartialDate, Word
from mappings.r4.build import Element, Ids, Resource, absent, coding, concept, quantity
from mappings.terminology import codes

Value = Measured | Missing | Word | bool


@dataclass(frozen=True, slots=True)
class Chart:
    """One patient's chart in the making."""

    ids: Ids

    @property
    def canonicals(self) -> Canonicals:
        return self.ids.canonicals

    @property
    def subject(self) -> Element:
        return self.ids.ref("Patient", "patient")

    def head(self, kind: str, profile: str, item: str, *occurrence: object) -> Resource:
        """Type, id, meta and identifier of a resource."""
        return {
            "resourceType": kind,
            "id": self.ids(item, *occurrence),
            "meta": self.ids.meta(profile),
            "identifier": [self.ids.identifier(item, *occurrence)],
        }

    def code(self, observable: str) -> Element:
        return codes.concept("observables", observable, self.canonicals)

    def answer(self, group: str, word: Word) -> Element:
        """A word of a closed list; what `other` means stands in the text."""
        return codes.concept("answers", f"{group}/{word.key}", self.canonicals, word.text)

    def observation(
        self,
        profile: str,
        observable: str,
        when: PartialDate | None,
        value: Element,
        occurrence: Sequence[object],
        *,
        category: str = "laboratory",
    ) -> Resource:
        """Final Observation of `observable`; `value` as `value` and `missing` make it."""
        out = self.head("Observation", profile, observable, *occurrence) | {
            "status": "final",
            "category": [concept(coding(OBSERVATION_CATEGORY, category))],
            "code": self.code(observable),
            "subject": self.subject,
        }
        if when:
            out["effectiveDateTime"] = str(when)
        return out | value

    def component(self, observable: str, value: Element) -> Element:
        """One component; its note, where something is missing, is told by the whole Observation."""
        return {"code": self.code(observable)} | {k: v for k, v in value.items() if k != "note"}


def measured(value: Measured | Missing) -> Element:
    """`valueQuantity` as written, comparator kept; or why there is none."""
    if isinstance(value, Missing):
        return missing(value)
    return {"valueQuantity": quantity(value.value, value.unit, comparator=value.comparator)}


def percent(value: Decimal | Missing) -> Element:
    """`valueQuantity` in per cent; or why there is none."""
    return measured(value if isinstance(value, Missing) else Measured(value, "%"))


def answered(chart: Chart, group: str, value: Word | Missing) -> Element:
    """`valueCodeableConcept`; or why there is none."""
    return missing(value) if isinstance(value, Missing) else {"valueCodeableConcept": chart.answer(group, value)}


def missing(value: Missing) -> Element:
    """`dataAbsentReason`, with the centre's note."""
    out: Element = {"dataAbsentReason": absent(value.reason)}
    return out | ({"note": [{"text": value.note}]} if value.note else {})
