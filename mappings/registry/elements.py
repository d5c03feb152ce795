"""FHIR elements back to the plain values of facts: dates as precise as written, words of our lists, reasons for gaps.

What a code of elsewhere means is told by its code alone; one that is none of our words is not told (None). The notes
on gaps are not read: a note does not say what it is about.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar

from mappings.canonicals import DATA_ABSENT_REASON, EXT_DATA_ABSENT_REASON, Canonicals
from mappings.facts import Measured, Missing, PartialDate, Said, Word
from mappings.r4.build import Element, Resource
from mappings.terminology.codes import key_of

_DAY = len("2026-03-02")
T = TypeVar("T")


def fact(of: type[T], /, **said: Any) -> T:
    """A fact of what was read; other people's resources may leave out what a form of ours always has."""
    return of(**said)


def reference(resource: Resource) -> str:
    """`Type/id` of a resource."""
    return f"{resource.get('resourceType')}/{resource.get('id')}"


def targets(said: Any) -> tuple[str, ...]:
    """`Type/id` of each literal reference among one or several References, whatever server and version they name."""
    several = said if isinstance(said, list) else [said] if said else []
    texts = (one.get("reference", "").partition("/_history/")[0] for one in several)
    return tuple("/".join(text.split("/")[-2:]) for text in texts if "/" in text)


def moment(resource: Element, element: str) -> Said[PartialDate]:
    """`<element>DateTime` or the start of `<element>Period`, cut to the day; or why there is none."""
    period: Element = resource.get(f"{element}Period", {})
    written = resource.get(f"{element}DateTime") or resource.get(f"{element}Instant") or period.get("start")
    return day(written, resource.get(f"_{element}DateTime") or period)


def day(written: str | None, instead: Element | None = None) -> Said[PartialDate]:
    """A date or dateTime, cut to the day; or the reason that stands in its place."""
    return _partial(written[:_DAY]) if written else gap(instead)


@lru_cache(maxsize=4096)
def _partial(written: str) -> PartialDate | None:
    """A patient has few days, and each is written many times."""
    try:
        return PartialDate(written)
    except ValueError:
        return None


def gap(element: Element | None) -> Missing | None:
    """Why an element is missing, by the extension in its place."""
    for extension in (element or {}).get("extension", []):
        if extension.get("url") == EXT_DATA_ABSENT_REASON:
            return Missing(extension.get("valueCode", "unknown"))
    return None


def word(concept: Element | None, group: str, canonicals: Canonicals) -> Said[Word]:
    """The word of `group` that a CodeableConcept means; or why there is none."""
    said = concept or {}
    if reason := absence(said):
        return reason
    key = key_of("answers", said, canonicals, among=f"{group}/")
    if key is None:
        return None
    name = key.removeprefix(f"{group}/")
    return Word(name, said.get("text") if name == "other" else None)


def absence(concept: Element | None) -> Missing | None:
    """The R4 reason that a CodeableConcept holds instead of a code."""
    for coding in (concept or {}).get("coding", []):
        if coding.get("system") == DATA_ABSENT_REASON:
            return Missing(coding.get("code", "unknown"))
    return None


def answer(said: Element, group: str, canonicals: Canonicals) -> Said[Word]:
    """Value of an Observation or component whose answers are the words of `group`."""
    return absence(said.get("dataAbsentReason")) or word(said.get("valueCodeableConcept"), group, canonicals)


def plain(said: Element, name: str) -> Any:
    """A value of a simple type (`valueInteger`, `valueBoolean`, `valueString`); or why there is none."""
    return said[name] if name in said else absence(said.get("dataAbsentReason"))


def amount(quantity: Element | None) -> Said[Measured]:
    """A Quantity as written; or why there is none."""
    said = quantity or {}
    if "value" not in said:
        return gap(said)
    return Measured(Decimal(said["value"]), said.get("code") or said.get("unit") or "", said.get("comparator"))


def measured(said: Element) -> Said[Measured]:
    """Value of an Observation or component that measures."""
    return amount(said.get("valueQuantity")) or absence(said.get("dataAbsentReason"))


def number(said: Element) -> Said[Decimal]:
    """The same without its unit, where there is only one that it can have."""
    value = measured(said)
    return value.value if isinstance(value, Measured) else value


def observed_in(observation: Resource, canonicals: Canonicals) -> str | None:
    """The observable that an Observation tells of, by our code of it or by another that laboratories send for it."""
    code = observation.get("code", {})
    return key_of("observables", code, canonicals) or (key_of("also", code, canonicals) or "").partition("/")[0] or None


def parts(observation: Resource, canonicals: Canonicals) -> Mapping[str, list[Element]]:
    """Components by the observable that their code is."""
    found: dict[str, list[Element]] = {}
    for part in observation.get("component", []):
        if key := key_of("observables", part.get("code", {}), canonicals):
            found.setdefault(key, []).append(part)
    return found
