"""Small builders of R4 data types as plain dicts, and the ids that never change.

A resource is a `dict[str, Any]` with Decimals; nothing here validates, `validate.py` does.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from mappings.canonicals import DATA_ABSENT_REASON, DEFAULT, UCUM, Canonicals
from mappings.r4.frozen import frozen

_VARIANT = {f"{digit:x}": f"{digit & 0b0011 | 0b1000:x}" for digit in range(16)}
_UUID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SEPARATORS = re.compile(r"([\\$,|])")
_PLAIN = re.compile(r"[A-Za-z0-9_.~/-]*")

Resource = dict[str, Any]
Element = dict[str, Any]


def uuid5(namespace: uuid.UUID, name: str) -> str:
    """RFC 4122 name-based id. By hand, because `uuid.uuid5` costs five times as much and a plan has a hundred ids."""
    return _uuid5(_begun(namespace.bytes), name)


def _uuid5(begun: hashlib._Hash, name: str) -> str:
    whole = begun.copy()
    whole.update(name.encode())
    text = whole.hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"


def course_id(canonicals: Canonicals, centre: str, patient: str, protocol: str) -> str:
    """`<course>` of the interface: uuid5 of (canonical base, centre, patient, protocol).

    The parts are percent-encoded and joined by `/`, so that no two tuples give one name.
    """
    parts = (canonicals.base, centre, patient, protocol)
    return uuid5(uuid.NAMESPACE_URL, "/".join(quote(part, safe="") for part in parts))


@dataclass(frozen=True, slots=True)
class Ids:
    """Ids, identifiers and `meta` for the resources of one course."""

    course: str
    canonicals: Canonicals = DEFAULT
    adopted: Mapping[str, str] = field(default_factory=dict, compare=False)
    """By the id that we would make: the one under which the centre's own system brought that thing."""
    _begun: hashlib._Hash = field(init=False, repr=False, compare=False)
    _facts: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_begun", _begun(uuid.UUID(self.course).bytes))
        object.__setattr__(self, "_facts", self.canonicals.sid("fact"))

    def __call__(self, item: str, *occurrence: object) -> str:
        """Stable id of one thing: uuid5 of (course, item, occurrence). Never made from a code."""
        return self.named(name_of(item, *occurrence))

    def named(self, name: str) -> str:
        """Id of what `name_of` names."""
        made = _uuid5(self._begun, name)
        return self.adopted.get(made, made) if self.adopted else made

    def identifier(self, item: str, *occurrence: object, system: str = "fact") -> Element:
        """Business identifier `<course>/<item>/<occurrence>` in the system `<base>/sid/<system>`."""
        value = "/".join([self.course, item, *map(str, occurrence)])
        return {"system": self.canonicals.sid(system), "value": value}

    def known(self, item: str, *occurrence: object) -> tuple[str, Element]:
        """Id and identifier of one thing."""
        parts = [item, *map(str, occurrence)]
        told = "/".join(parts)
        made = _uuid5(self._begun, _encoded(parts, told))
        if self.adopted:
            made = self.adopted.get(made, made)
        return made, {"system": self._facts, "value": f"{self.course}/{told}"}

    def meta(self, profile: str) -> Element:
        """`meta` with our profile and source, as every resource of ours carries; it never changes."""
        return meta(self.canonicals, profile)

    def ref(self, kind: str, item: str, *occurrence: object) -> Element:
        """Reference to another resource of this course."""
        return reference(f"{kind}/{self(item, *occurrence)}")


@lru_cache(maxsize=512)
def meta(canonicals: Canonicals, profile: str) -> Element:
    """`Ids.meta`, made once for all courses."""
    return frozen({"source": canonicals.source, "profile": [canonicals.profile(profile)]})


def name_of(item: str, *occurrence: object) -> str:
    """What an id is made from besides the course: the parts percent-encoded, joined by `/`."""
    parts = [item, *map(str, occurrence)]
    return _encoded(parts, "/".join(parts))


def _encoded(parts: Sequence[str], told: str) -> str:
    """`told`: the parts joined as they are."""
    if not _PLAIN.fullmatch(told):
        return "/".join([quote(part, safe="") for part in parts])
    if told.count("/") == len(parts) - 1:
        return told
    return "/".join([part.replace("/", "%2F") for part in parts])


def _begun(namespace: bytes) -> hashlib._Hash:
    """The hash of a namespace, to go on with each name: half of what an id costs."""
    return hashlib.sha1(namespace, usedforsecurity=False)


def coding(system: str, code: str, display: str | None = None) -> Element:
    """One Coding; `display` only where the source of the code gives it."""
    if display:
        return {"system": system, "code": code, "display": display}
    return {"system": system, "code": code}


def escaped(text: str) -> str:
    """A text as part of a search value, in which it is nothing but itself (R4 search.html 3.1.1.4.3)."""
    return _SEPARATORS.sub(r"\\\1", text)


def concept(*codings: Element, text: str | None = None) -> Element:
    """CodeableConcept of the given Codings."""
    out: Element = {"coding": list(codings)} if codings else {}
    if text:
        out["text"] = text
    return out


@lru_cache(maxsize=256)
def fixed(system: str, code: str) -> Element:
    """CodeableConcept of one code that we write ourselves and that many resources say; it never changes."""
    return frozen(concept(coding(system, code)))


def quantity(value: Decimal | int, unit: str, *, code: str | None = None, comparator: str | None = None) -> Element:
    """Quantity with a UCUM code (`code` when the printed unit differs)."""
    if comparator:
        return {"value": value, "comparator": comparator, "unit": unit, "system": UCUM, "code": code or unit}
    return {"value": value, "unit": unit, "system": UCUM, "code": code or unit}


def reference(target: str, display: str | None = None) -> Element:
    """Literal reference, e.g. `Patient/123`."""
    return {"reference": target, "display": display} if display else {"reference": target}


def absent(reason: str) -> Element:
    """CodeableConcept for `dataAbsentReason`, `reason` from the R4 code list."""
    return concept(coding(DATA_ABSENT_REASON, reason))


def transaction(resources: Iterable[Resource]) -> Resource:
    """Transaction Bundle that PUTs each resource on its own id."""
    return {"resourceType": "Bundle", "type": "transaction", "entry": [_put(resource) for resource in resources]}


def _put(resource: Resource) -> Element:
    url = f"{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": full_url(resource), "resource": resource, "request": {"method": "PUT", "url": url}}


def full_url(resource: Resource) -> str:
    """Its id as `urn:uuid:`; of an id that is no UUID, because a centre's own system chose it, one made of it."""
    id_ = resource["id"]
    named = id_ if _UUID.fullmatch(id_) else uuid5(uuid.NAMESPACE_URL, f"{resource['resourceType']}/{id_}")
    return f"urn:uuid:{named}"


def collection(resources: Sequence[Resource]) -> Resource:
    """Collection Bundle: things that belong together, no instruction to store them."""
    entries = [{"fullUrl": resource.get("url") or full_url(resource), "resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": "collection"} | ({"entry": entries} if entries else {})
