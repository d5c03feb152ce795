"""Is this R4, and what its profile of ours says? Schema, invariants, profile, contained resources and bundle entries.

The compiled schemas are packaged JSON, loaded when a type is first met. A fault never quotes content: it names the
element, as a FHIRPath, and says what it should be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import jsonschema_rs

from mappings.r4 import glance
from mappings.r4.faults import Fault, FaultyInput
from mappings.r4.inside import contained, inside
from mappings.r4.invariants import broken
from mappings.r4.literals import LINEAR
from mappings.r4.primitives import WORDS
from mappings.r4.profile import breaches
from mappings.r4.shapes import schema
from mappings.r4.typenames import ABSTRACT_TYPES, RESOURCE_TYPES

_TARGETS = re.compile(r"\(\?:([A-Z][A-Za-z|]+)\)/")


def validate(resource: Any) -> list[Fault]:
    """Every fault of one resource, errors and warnings; an empty list when there is none."""
    try:
        return [] if glance.sound(resource) else list(_validate(resource, None))
    except RecursionError:
        return [Fault("$", "arrays and objects are nested too deeply", "structure")]


def require_valid(resource: Any) -> None:
    """Raises FaultyInput with every error; warnings pass."""
    faults = validate(resource)
    if faults and (errors := [fault for fault in faults if fault.severity == "error"]):
        raise FaultyInput(errors)


def _validate(resource: Any, place: str | None, container: dict[str, Any] | None = None) -> Iterator[Fault]:
    if not isinstance(resource, dict):
        yield Fault(place or "$", "a resource is a JSON object", "structure")
        return
    kind = resource.get("resourceType")
    if not isinstance(kind, str):
        yield Fault(f"{place}.resourceType" if place else "resourceType", "names the type and is missing", "required")
        return
    here = place or kind
    # Two codes, because the reader does two things: content that no R4 server takes is corrected (`structure`), good
    # content that only we do not take is sent elsewhere (`not-supported`, which R4 words for just that).
    if kind not in RESOURCE_TYPES or kind in ABSTRACT_TYPES:
        yield Fault(here, f"{kind[:64]} is no resource type of R4", "structure")
        return
    validator = _validator(kind)
    if validator is None:
        yield Fault(here, f"{kind} is a resource type of R4 that Engraft does not take", "not-supported")
        return
    faults = [_fault(error, here) for error in validator.iter_errors(resource)]
    yield from faults
    if not faults:
        yield from broken(resource, here, container)
        if "meta" in resource:
            yield from breaches(resource, here)
    around = {"resourceType": kind, "contained": contained(resource)}
    for path, inner in inside(resource, here):
        yield from _validate(inner, path, around if path.startswith(f"{here}.contained[") else None)


@cache
def _validator(kind: str) -> Any:
    """The compiled validator of a type, None where we have no schema for it."""
    document = schema(kind)
    return None if document is None else jsonschema_rs.validator_for(document, pattern_options=LINEAR)


def _fault(error: jsonschema_rs.ValidationError, here: str) -> Fault:
    path = _path(error.instance_path, here)
    said = error.kind.as_dict()
    match error.kind.name:
        case "additionalProperties":
            names = ", ".join(sorted(str(name)[:64] for name in said["unexpected"]))
            return Fault(path, f"R4 has no element {names} here", "structure")
        case "required":
            name = str(said["property"]).strip('"')
            return Fault(f"{path}.{name}", "is required and missing", "required")
        case "enum":
            return Fault(path, "is not one of the codes that R4 allows here", "code-invalid")
        case "falseSchema":
            return Fault(path, "is not allowed here", "structure")
        case "minItems" | "minProperties":
            return Fault(path, "is empty: leave it out instead", "structure")
        case "anyOf":
            return _fault(said["context"][0][0], here)  # either of two: the first is the one that is meant
        case "oneOf":
            return Fault(path, "one, and only one, type of a choice element may be given here", "structure")
        case "contains" | "not":
            return Fault(path, "does not hold a code that R4 requires here", "code-invalid")
    return Fault(path, f"must be {_expected(error)}", "value")


def _expected(error: jsonschema_rs.ValidationError) -> str:
    """The primitive's own words, where the rule that failed is a primitive's."""
    rule = str(error.schema_path[1]) if error.schema_path[0] == "$defs" else ""
    if rule.startswith("p-"):
        return WORDS[rule.removeprefix("p-")]
    if error.kind.name == "pattern":
        kinds = _TARGETS.search(error.kind.as_dict()["pattern"])
        return f"a reference to {kinds[1].replace('|', ', ')}, as Type/id" if kinds else "a reference, as Type/id"
    return f"of another kind ({error.kind.name})"


def _path(parts: Sequence[str | int], here: str) -> str:
    return here + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
