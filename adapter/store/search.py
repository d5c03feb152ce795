"""Search on what `resource_index` holds: tokens and references of the newest version of each resource.

A row of the index has two halves: system and code of a token, type and id of a reference. What is searched for has
them too, and a half that is not given matches anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, or_, select

from adapter.errors import Invalid
from adapter.store.schema import resource_heads as heads
from adapter.store.schema import resource_index as index
from mappings.r4.build import Element, Resource
from mappings.r4.faults import Fault


class Half(NamedTuple):
    """`system` None: any."""

    system: str | None
    value: str | None


def entries(resource: Resource) -> set[tuple[str, str, str]]:
    """(parameter, system, value) of everything that this resource can be found by."""
    return {
        (name, system, value) for name, (_, found) in PARAMETERS.items() for system, value in found(resource) if value
    }


def condition(kind: str, parameters: Sequence[tuple[str, str]], centres: Collection[str] | None) -> ColumnElement[bool]:
    """What a resource must meet: every parameter, of each at least one of its values between commas.

    Raises Invalid for a parameter that is not indexed.
    """
    unknown = [name for name, _ in parameters if name != "_id" and name not in PARAMETERS]
    if unknown:
        known = ", ".join(("_id", *PARAMETERS))
        raise Invalid([Fault(name, f"no such search parameter; known: {known}", "not-supported") for name in unknown])
    wanted = [heads.c.kind == kind, *(_meets(kind, name, value) for name, value in parameters)]
    if centres is not None:
        wanted.append(heads.c.centre.in_(sorted(centres)))
    return and_(*wanted)


def _meets(kind: str, name: str, value: str) -> ColumnElement[bool]:
    choices = [choice for choice in _split(value, ",") if choice]
    if name == "_id":
        return heads.c.id.in_(_unescaped(choice) for choice in choices)
    read, _ = PARAMETERS[name]
    halves = [half for half in map(read, choices) if "\0" not in f"{half.system}{half.value}"]
    matches = or_(*(_is(half) for half in halves)) if halves else index.c.key.is_(None)
    return heads.c.key.in_(select(index.c.key).where(index.c.kind == kind, index.c.parameter == name, matches))


def _is(half: Half) -> ColumnElement[bool]:
    parts = [
        column == said
        for column, said in ((index.c.system, half.system), (index.c.value, half.value))
        if said is not None
    ]
    return and_(*parts) if parts else index.c.key.is_(None)


def _token(text: str) -> Half:
    """`system|code`, `|code` (no system), `system|` (any code), `code` (any system)."""
    system, *code = _split(text, "|")
    if not code:
        return Half(None, _unescaped(system))
    any_code = None if system else ""
    return Half(_unescaped(system), _unescaped("|".join(code)) or any_code)


def _reference(text: str) -> Half:
    """`Type/id`, an absolute URL, or an id alone."""
    kind, slash, id_ = _unescaped(text).rpartition("/")
    return Half(kind if slash else None, id_)


def _patient(text: str) -> Half:
    half = _reference(text)
    return half if half.system is not None else Half("Patient", half.value)


def _split(text: str, mark: str) -> list[str]:
    """Parts between marks that no backslash escapes."""
    return re.split(rf"(?<!\\){re.escape(mark)}", text)


def _unescaped(text: str) -> str:
    return re.sub(r"\\([\\,|$])", r"\1", text)


Found = Iterator[tuple[str, str]]


def _identifiers(resource: Resource) -> Found:
    said = resource.get("identifier", [])
    for identifier in said if isinstance(said, list) else [said]:
        yield identifier.get("system", ""), identifier.get("value", "")


def _subjects(resource: Resource) -> Found:
    for element in ("subject", "patient", "for"):
        target = resource.get(element, {}).get("reference", "")
        if target and not target.startswith("#"):
            kind, _, id_ = target.partition("/_history/")[0].rpartition("/")
            yield kind, id_


def _patients(resource: Resource) -> Found:
    return ((kind, id_) for kind, id_ in _subjects(resource) if kind.rpartition("/")[2] == "Patient")


def _targets(resource: Resource) -> Found:
    """Of a Provenance; a version of a target is found by the target."""
    for target in resource.get("target", []):
        kind, _, id_ = target.get("reference", "").partition("/_history/")[0].rpartition("/")
        yield kind, id_


def _statuses(resource: Resource) -> Found:
    if isinstance(status := resource.get("status"), str):
        yield "", status


def _codes(resource: Resource) -> Found:
    concept: Element = resource.get("code") or resource.get("medicationCodeableConcept") or {}
    if isinstance(concept, dict):
        for coding in concept.get("coding", []):
            yield coding.get("system", ""), coding.get("code", "")


PARAMETERS: Mapping[str, tuple[Callable[[str], Half], Callable[[Resource], Found]]] = {
    "identifier": (_token, _identifiers),
    "patient": (_patient, _patients),
    "subject": (_reference, _subjects),
    "status": (_token, _statuses),
    "target": (_reference, _targets),
    "code": (_token, _codes),
}
"""How each parameter is read from a query, and where a resource says it. R4 names a Task's patient `for`."""
