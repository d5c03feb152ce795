"""What every module writes with: ids, the subject, and one way to say a value, or that it is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from mappings.canonicals import EXT_DATA_ABSENT_REASON, OBSERVATION_CATEGORY, Canonicals
from mappings.facts import Disease, Enrolment, Measured, Missing, PartialDate, Said, Transplant, Word
from mappings.r4.build import Element, Ids, Resource, absent, coding, concept, quantity
from mappings.terminology import codes

UNTOLD = Missing("unknown")
"""Where R4 needs a value and the form says nothing."""


@dataclass(frozen=True, slots=True)
class Chart:
    """One patient's chart in the making.

    `disease` and `graft` are references, or None where the enrolment told of no such thing; `infusions` has one for
    each infusion of donor lymphocytes that some visit told of, by its number: a server refuses what points to nothing.
    `remissions`: every day on which some visit says that the leukaemia was in remission. `protocol`: its key.
    """

    ids: Ids
    protocol: str = ""
    disease: Element | None = None
    graft: Element | None = None
    infusions: Mapping[int, Element] = field(default_factory=dict)
    remissions: tuple[PartialDate, ...] = ()

    @classmethod
    def of(cls, enrolment: Enrolment, ids: Ids) -> Chart:
        """The chart of one course."""
        disease = ids.ref("Condition", "disease") if isinstance(enrolment.disease, Disease) else None
        graft = ids.ref("Procedure", "transplant") if isinstance(enrolment.transplant, Transplant) else None
        return cls(ids, enrolment.protocol, disease, graft)

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

    def worded(self, group: str, said: Said[Word]) -> Element:
        """CodeableConcept of a word; or why there is none."""
        return self.answer(group, said) if isinstance(said, Word) else absent((said or UNTOLD).reason)

    def observation(
        self,
        profile: str,
        observable: str,
        when: Said[PartialDate],
        value: Element,
        occurrence: Sequence[object],
        *,
        category: str = "laboratory",
    ) -> Resource:
        """Final Observation of `observable`; `value` as `measured`, `answered` and `missing` make it."""
        out = self.head("Observation", profile, observable, *occurrence) | {
            "status": "final",
            "category": [concept(coding(OBSERVATION_CATEGORY, category))],
            "code": self.code(observable),
            "subject": self.subject,
        }
        return together(out, dated("effectiveDateTime", when), value)


def components(parts: Iterable[tuple[Element, Element]]) -> Element:
    """`component` of (code, value) pairs, empty where there are none; their notes are the whole Observation's."""
    told = list(parts)
    if not told:
        return {}
    plain = [{"code": code} | {name: said for name, said in value.items() if name != "note"} for code, value in told]
    return together({"component": plain}, *({"note": value["note"]} for _, value in told if "note" in value))


def together(*parts: Element) -> Element:
    """The parts as one; notes add up, of anything else the last holds."""
    out: Element = {}
    for part in parts:
        notes = [*out.get("note", ()), *part.get("note", ())]
        out = out | part | ({"note": notes} if notes else {})
    return out


def dated(element: str, when: Said[PartialDate]) -> Element:
    """A dateTime as precise as it was said; or why there is none; nothing where nothing was said."""
    if when is None:
        return {}
    if isinstance(when, PartialDate):
        return {element: str(when)}
    return {f"_{element}": unknown(when)} | noted(when)


def unknown(said: Missing) -> Element:
    """What takes the place of an element that is said to be missing and has no `dataAbsentReason`."""
    return {"extension": [{"url": EXT_DATA_ABSENT_REASON, "valueCode": said.reason}]}


def noted(said: Missing) -> Element:
    """The centre's own words on why something is missing, where there are any."""
    return {"note": [{"text": said.note}]} if said.note else {}


def remarks(*said: object) -> Element:
    """The notes of those among these that are said to be missing, where the reason itself stands elsewhere."""
    return together(*(noted(one) for one in said if isinstance(one, Missing)))


def unsaid(what: str, said: object) -> Element:
    """A note for what R4 has no place to say that it is missing."""
    if not isinstance(said, Missing):
        return {}
    return {"note": [{"text": f"{what} not known: {said.reason}" + (f" ({said.note})" if said.note else "")}]}


def measured(value: Said[Measured]) -> Element:
    """`valueQuantity` as written, comparator kept; or why there is none."""
    if isinstance(value, Measured):
        return {"valueQuantity": quantity(value.value, value.unit, comparator=value.comparator)}
    return missing(value)


def scored(value: Said[Decimal]) -> Element:
    """`valueQuantity` of a number without a unit; or why there is none."""
    return measured(Measured(value, "1") if isinstance(value, Decimal) else value)


def percent(value: Said[Decimal]) -> Element:
    """`valueQuantity` in per cent; or why there is none."""
    return measured(Measured(value, "%") if isinstance(value, Decimal) else value)


def answered(chart: Chart, group: str, value: Said[Word]) -> Element:
    """`valueCodeableConcept`; or why there is none."""
    return {"valueCodeableConcept": chart.answer(group, value)} if isinstance(value, Word) else missing(value)


def flagged(value: Said[bool]) -> Element:
    """`valueBoolean`; or why there is none."""
    return {"valueBoolean": value} if isinstance(value, bool) else missing(value)


def counted(value: Said[int]) -> Element:
    """`valueInteger`; or why there is none."""
    return {"valueInteger": value} if isinstance(value, int) else missing(value)


def missing(value: object) -> Element:
    """`dataAbsentReason`, with the centre's note; nothing of what is not said to be missing."""
    return {"dataAbsentReason": absent(value.reason)} | noted(value) if isinstance(value, Missing) else {}


def in_order(start: PartialDate, end: PartialDate) -> bool:
    """Can a Period hold both? per-1 compares no month with one of its days."""
    return end == start or start.latest <= end.earliest
