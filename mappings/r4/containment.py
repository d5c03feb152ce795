"""Contained resources and the references to them: dom-2 to dom-5, ref-1, and what they may refer to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mappings.r4.primitives import ID
from mappings.r4.rule import Node, Rule
from mappings.r4.typenames import RESOURCE_TYPES

_TAIL = re.compile(rf"/([A-Z][A-Za-z]+)/{ID}(?:/_history/{ID})?$")
_ANY = frozenset({"Resource"})


def _with(name: str) -> Rule:
    key, says = {
        "contained": ("dom-2", "a contained resource contains none"),
        "versionId": ("dom-4", "a contained resource has no version of its own"),
        "lastUpdated": ("dom-4", "a contained resource has no time of change of its own"),
        "security": ("dom-5", "a contained resource has no security label of its own"),
    }[name]

    def find(resource: Node) -> Iterator[str]:
        for index, inner in enumerate(resource.get("contained", ())):
            meta = inner.get("meta")
            if name == "contained" and name in inner:
                yield f"contained[{index}]"
            elif isinstance(meta, dict) and name in meta:
                yield f"contained[{index}].meta"

    return Rule(key, says, find)


def _unused(resource: Node) -> Iterator[str]:
    contained = resource.get("contained")
    if not contained:
        return
    named = set(_fragments(resource))
    for index, inner in enumerate(contained):
        if f"#{inner.get('id')}" not in named and "#" not in set(_fragments(inner)):
            yield f"contained[{index}]"


def _fragments(node: Any) -> Iterator[str]:
    """Every value that may be a link to a contained resource: a reference, or a canonical, URI or URL."""
    if isinstance(node, str):
        if node.startswith("#"):
            yield node
    elif isinstance(node, list):
        for inner in node:
            yield from _fragments(inner)
    elif isinstance(node, dict):
        for inner in node.values():
            yield from _fragments(inner)


def misplaced(target: str, allowed: frozenset[str], container: Node) -> str | None:
    """Why a reference may not stand where only `allowed` are, or None; `container` holds what is contained.

    A relative reference is decided by the schema. An absolute one that does not end in a type and an id may be any.
    """
    if target.startswith("#"):
        return _local_fault(target[1:], allowed, container)
    found = _TAIL.search(target) if ":" in target else None
    if found and found[1] in RESOURCE_TYPES and allowed.isdisjoint({found[1], *_ANY}):
        return f"may refer to {_words(allowed)} only"
    return None


def leads_to(reference: Node, targets: frozenset[str]) -> bool:
    """Does a reference lead to one of these types, as far as it says so? `#` and `urn:` references do not."""
    found = _TAIL.search(f"/{reference.get('reference', '')}")
    return found is None or found[1] not in RESOURCE_TYPES or found[1] in targets


def _local_fault(name: str, allowed: frozenset[str], container: Node) -> str | None:
    if not name:  # "#" is the container itself
        found = container
    else:
        found = next((inner for inner in container.get("contained", ()) if inner.get("id") == name), {})
        if not found:
            return "names no contained resource (ref-1)"
    if allowed.isdisjoint({str(found.get("resourceType")), *_ANY}):
        return f"may refer to {_words(allowed)} only"
    return None


def _words(allowed: frozenset[str]) -> str:
    return ", ".join(sorted(allowed))


RULES: tuple[Rule, ...] = (
    *(_with(name) for name in ("contained", "versionId", "lastUpdated", "security")),
    Rule("dom-3", "a contained resource is referred to, or refers to its container", _unused),
)
"""Of every resource that is not itself contained."""
