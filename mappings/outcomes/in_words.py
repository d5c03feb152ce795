"""A stored resource in a line for people: what it is, when it was, what it says."""

from __future__ import annotations

from typing import NamedTuple

from mappings.r4.build import Element, Resource

_CODES = ("code", "medicationCodeableConcept")
_TIMES = ("effectiveDateTime", "onsetDateTime", "performedDateTime", "dateAsserted", "dateTime", "birthDate")
_SPANS = ("effectivePeriod", "performedPeriod", "onsetPeriod")


class Line(NamedTuple):
    """`reference` is `Type/id`; the others are empty where the resource does not say them."""

    reference: str
    what: str
    when: str
    value: str


def in_words(resource: Resource) -> Line:
    """The line of one resource."""
    code: Element = next((resource[name] for name in _CODES if name in resource), {})
    parts = [_part(one) for one in resource.get("component", ())]
    said = [one for one in (_value(resource), *parts, _standing(resource)) if one]
    return Line(f"{resource['resourceType']}/{resource['id']}", _text(code), _when(resource), "; ".join(said))


def _when(resource: Resource) -> str:
    for name in _TIMES:
        if name in resource:
            return str(resource[name])
    period: Element = next((resource[name] for name in _SPANS if name in resource), {})
    return " to ".join(str(period[end]) for end in ("start", "end") if end in period)


def _part(component: Element) -> str:
    return f"{_text(component['code'])}: {_value(component)}"


def _value(said: Element) -> str:
    if amount := said.get("valueQuantity") or said.get("dosage", {}).get("dose"):
        return " ".join(str(amount[key]) for key in ("comparator", "value", "unit") if key in amount)
    if "valueCodeableConcept" in said:
        return _text(said["valueCodeableConcept"])
    if "dataAbsentReason" in said:
        return f"missing ({_text(said['dataAbsentReason'])})"
    if "valueBoolean" in said:
        return "yes" if said["valueBoolean"] else "no"
    return next((str(said[name]) for name in ("valueInteger", "valueString", "valueDateTime") if name in said), "")


def _standing(resource: Resource) -> str:
    """The clinical status of a condition; the reason, or the reasons, why something was not done."""
    said = resource.get("clinicalStatus") or resource.get("statusReason") or []
    return ", ".join(filter(None, map(_text, said if isinstance(said, list) else [said])))


def _text(concept: Element) -> str:
    coding: Element = next(iter(concept.get("coding", ())), {})
    return str(concept.get("text") or coding.get("display") or coding.get("code") or "")
