"""What every module writes with: ids, the subject, and one way to say a value, or that it is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from mappings.canonicals import EXT_DATA_ABSENT_REASON, EXT_ORIGINAL_TEXT, OBSERVATION_CATEGORY, Canonicals
from mappings.facts import Disease, Enrolment, FollowUp, Measured, Missing, PartialDate, Said, Transplant, Word
from mappings.facts.values import NOT_PERFORMED
from mappings.protocol import load
from mappings.r4.build import Element, Ids, Resource, absent, fixed, meta, quantity
from mappings.r4.frozen import frozen
from mappings.terminology import codes


@dataclass(frozen=True, slots=True)
class Chart:
    """One patient's chart in the making.

    `disease` and `graft` are references, or None where the enrolment told of no such thing; `infusions` has one for
    each infusion of donor lymphocytes that some visit told of, by its number: a server refuses what points to nothing.
    `remissions`, `none_taken`: every day on which some visit says that the leukaemia was in remission, or that no
    systemic immunosuppression was taken. `protocol`: its key.
    """

    ids: Ids
    protocol: str = ""
    disease: Element | None = None
    graft: Element | None = None
    infusions: Mapping[int, Element] = field(default_factory=dict)
    remissions: tuple[PartialDate, ...] = ()
    none_taken: tuple[PartialDate, ...] = ()
    subject: Element = field(init=False)
    canonicals: Canonicals = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "canonicals", self.ids.canonicals)
        object.__setattr__(self, "subject", frozen(self.ids.ref("Patient", "patient")))

    @classmethod
    def of(cls, enrolment: Enrolment, ids: Ids, **told: Any) -> Chart:
        """The chart of one course; `told` of its visits: `infusions`, `remissions`, `none_taken`."""
        disease = frozen(ids.ref("Condition", "disease")) if isinstance(enrolment.disease, Disease) else None
        grafted = isinstance(enrolment.transplant, Transplant) and load(enrolment.protocol).anchor.line is None
        graft = frozen(ids.ref("Procedure", "transplant")) if grafted else None
        return cls(ids, enrolment.protocol, disease, graft, **told)

    def head(self, kind: str, profile: str, item: str, *occurrence: object) -> Resource:
        """Type, id, meta and identifier of a resource."""
        id_, identifier = self.ids.known(item, *occurrence)
        return {
            "resourceType": kind,
            "id": id_,
            "meta": meta(self.canonicals, profile),
            "identifier": [identifier],
        }

    def code(self, observable: str) -> Element:
        return codes.concept("observables", observable, self.canonicals)

    def answer(self, group: str, word: Word) -> Element:
        """A word of a closed list; what `other` means stands in the text, or why nobody says."""
        if word.text is None:
            return _answer(self.canonicals, group, word.key)
        if isinstance(word.text, Missing):
            codings = codes.codings("answers", f"{group}/{word.key}", self.canonicals)
            return {"coding": codings, "_text": in_place(word.text)}
        return codes.concept("answers", f"{group}/{word.key}", self.canonicals, word.text)

    def concept(self, group: str, said: Word | Missing) -> Element:
        """A word where R4 has no `dataAbsentReason` beside it: why it is missing takes the place of the code."""
        return absent(said.reason) if isinstance(said, Missing) else self.answer(group, said)

    def part(self, observable: str, group: str, said: Word | int | Missing) -> Element:
        """A component that says a word, a stage by its number among them; shared where it says nothing else."""
        if isinstance(said, Missing) or (isinstance(said, Word) and said.text is not None):
            return {"code": self.code(observable)} | answered(self, group, said)
        return _part(self.canonicals, observable, group, said.key if isinstance(said, Word) else said)

    def flag(self, table: str, row: str, said: bool | Missing) -> Element:
        """A component that says yes or no; shared where it says nothing else."""
        if isinstance(said, Missing):
            return {"code": codes.concept(table, row, self.canonicals)} | missing(said)
        return _flag(self.canonicals, table, row, said)

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
        still = _still(self.canonicals, profile, observable, category)
        id_, identifier = self.ids.known(observable, *occurrence)
        out = {
            "resourceType": "Observation",
            "id": id_,
            "meta": still.meta,
            "identifier": [identifier],
            "status": "final",
            "category": still.category,
            "code": still.code,
            "subject": self.subject,
        }
        if isinstance(when, PartialDate):
            out["effectiveDateTime"] = when.text
        elif when is not None:
            return together(out, dated("effectiveDateTime", when), value)
        out |= value
        return out


class _Still(NamedTuple):
    """What no patient changes in an Observation; all share it."""

    meta: Element
    category: list[Element]
    code: Element


@cache
def _still(canonicals: Canonicals, profile: str, observable: str, category: str) -> _Still:
    return _Still(meta(canonicals, profile), _category(category), codes.concept("observables", observable, canonicals))


@cache
def _category(code: str) -> list[Element]:
    return frozen([fixed(OBSERVATION_CATEGORY, code)])


@cache
def _part(canonicals: Canonicals, observable: str, group: str, key: str | int) -> Element:
    code = codes.concept("observables", observable, canonicals)
    return frozen({"code": code, "valueCodeableConcept": _answer(canonicals, group, key)})


@cache
def _flag(canonicals: Canonicals, table: str, row: str, said: bool) -> Element:
    return frozen({"code": codes.concept(table, row, canonicals), "valueBoolean": said})


@cache
def _answer(canonicals: Canonicals, group: str, key: str | int) -> Element:
    return codes.concept("answers", f"{group}/{key}", canonicals)


def occurrence(when: Said[PartialDate], visit: FollowUp) -> tuple[object, ...]:
    """What tells a thing from others of its kind: its date; without one, the visit that told of it."""
    return (when.text,) if isinstance(when, PartialDate) else ("undated", visit.occasion)


def components(parts: Iterable[Element]) -> Element:
    """`component` of these parts, empty where there are none; their notes are the whole Observation's."""
    told = list(parts)
    notes = [{"note": part["note"]} for part in told if "note" in part]
    if not notes:
        return {"component": told} if told else {}
    plain = [{name: said for name, said in part.items() if name != "note"} for part in told]
    return together({"component": plain}, *notes)


def together(first: Element, *parts: Element) -> Element:
    """The parts as one; notes add up, of anything else the last holds."""
    out = first.copy()
    for part in parts:
        if "note" in part and "note" in out:
            part = part | {"note": [*out["note"], *part["note"]]}
        out.update(part)
    return out


def dated(element: str, when: Said[PartialDate]) -> Element:
    """A dateTime as precise as it was said; or why there is none; nothing where nothing was said."""
    if when is None:
        return {}
    if isinstance(when, PartialDate):
        return {element: when.text}
    return {f"_{element}": unknown(when)} | noted(when)


def primitive(element: str, said: Said[object]) -> Element:
    """A primitive of a resource that has no `note`, as it was said; or why there is none."""
    if said is None:
        return {}
    return {f"_{element}": in_place(said)} if isinstance(said, Missing) else {element: str(said)}


def not_given(said: Missing) -> Element:
    """Status of a Procedure that is said to be missing: not done, or not known whether it was."""
    status = "not-done" if said.reason == NOT_PERFORMED else "unknown"
    return {"status": status, "statusReason": absent(said.reason)}


def unknown(said: Missing) -> Element:
    """What takes the place of an element that is said to be missing and has no `dataAbsentReason`."""
    return {"extension": [{"url": EXT_DATA_ABSENT_REASON, "valueCode": said.reason}]}


def in_place(said: Missing) -> Element:
    """The same with the centre's words beside it, for resources that have no `note`."""
    out = unknown(said)
    if said.note:
        out["extension"].append({"url": EXT_ORIGINAL_TEXT, "valueString": said.note})
    return out


def noted(said: Missing) -> Element:
    """The centre's own words on why something is missing, where there are any."""
    return {"note": [{"text": said.note}]} if said.note else {}


def notes_of(*said: object) -> Element:
    """The notes of those that are said to be missing, where the reasons themselves stand elsewhere."""
    notes = [{"text": one.note} for one in said if isinstance(one, Missing) and one.note]
    return {"note": notes} if notes else {}


def remark(what: str, said: object) -> Element:
    """A note that something is not known, and why, where R4 has no element to say it in."""
    if not isinstance(said, Missing):
        return {}
    why = f"{said.reason} ({said.note})" if said.note else said.reason
    return {"note": [{"text": f"{what} not known: {why}"}]}


def in_order(start: PartialDate, end: PartialDate) -> bool:
    """Can a Period hold both? per-1 compares no month with one of its days."""
    return end == start or start.latest < end.earliest


def measured(value: Measured | Missing) -> Element:
    """`valueQuantity` as written, comparator kept; or why there is none."""
    if isinstance(value, Missing):
        return missing(value)
    return {"valueQuantity": quantity(value.value, value.unit, comparator=value.comparator)}


def scored(value: Decimal | Missing) -> Element:
    """`valueQuantity` of a number without a unit; or why there is none."""
    return measured(value if isinstance(value, Missing) else Measured(value, "1"))


def percent(value: Decimal | Missing) -> Element:
    """`valueQuantity` in per cent; or why there is none."""
    return measured(value if isinstance(value, Missing) else Measured(value, "%"))


def answered(chart: Chart, group: str, value: Word | Missing) -> Element:
    """`valueCodeableConcept`; or why there is none."""
    return missing(value) if isinstance(value, Missing) else {"valueCodeableConcept": chart.answer(group, value)}


def flagged(value: bool | Missing) -> Element:
    """`valueBoolean`; or why there is none."""
    return missing(value) if isinstance(value, Missing) else {"valueBoolean": value}


def counted(value: int | Missing) -> Element:
    """`valueInteger`; or why there is none."""
    return missing(value) if isinstance(value, Missing) else {"valueInteger": value}


def missing(value: Missing) -> Element:
    """`dataAbsentReason`, with the centre's note."""
    return {"dataAbsentReason": absent(value.reason)} | noted(value)
