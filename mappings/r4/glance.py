"""A first look at a resource that tells only whether all is well; `validate` explains where it is not.

Most resources are sound, and a sound one needs no paths and no sentences. The same schemas and rules are asked;
what is left out could only find nothing: elements whose type has no rule, and the words for faults that are not there.
A "no" here is no verdict: it sends the resource to the whole validation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

import jsonschema_rs

from mappings.r4 import codes, containment, extensions, units
from mappings.r4.rule import Node
from mappings.r4.shapes import COMPANION, Shape, schema, shape

PLAIN = frozenset({"Coding", "CodeableConcept", "Quantity", "Meta"})
"""Types that are nearly always without extensions; those that have one are left to the whole validation.

So nothing in them needs to be entered, and their few rules can be said in the schema.
"""

_LINEAR = jsonschema_rs.RegexOptions()
_ANY = frozenset({"Resource"})
_EXTENSIONS = ("extension", "modifierExtension")


@dataclass(slots=True, eq=False)
class Kind:
    """What is asked of one type: its rules, and which of its elements are worth entering."""

    rules: tuple[Callable[[Node], bool], ...]
    reference: bool
    name: str
    alone: bool
    plain: bool
    integers: frozenset[str]
    leaf: bool = False
    inner: dict[str, tuple[Kind, frozenset[str], bool]] = field(default_factory=dict)
    """With what may be referred to there, and whether an extension of ours may stand there."""


@dataclass(slots=True)
class _Look:
    """One resource with what it contains, and the `#` references met on the way."""

    around: Node
    contained: dict[str, str]
    seen: set[str] = field(default_factory=set)


def sound(resource: Node) -> bool:
    """Does the resource, with what it contains, break none of the rules that no schema can say?"""
    contained = resource.get("contained", ())
    look = _Look(resource, {f"#{one.get('id')}": one["resourceType"] for one in contained})
    if contained and not _containable(contained):
        return False
    if not all(_clean(kind_of(one["resourceType"]), one, _ANY, look) for one in (resource, *contained)):
        return False
    return look.contained.keys() <= look.seen


@cache
def validator(resource_type: str) -> Any:
    """The schema of a type, narrowed to what needs no second look; None where there is no schema."""
    document = schema(resource_type)
    if document is None:
        return None
    narrowed = {name: _narrowed(name, said) if name in PLAIN else said for name, said in document["$defs"].items()}
    return jsonschema_rs.validator_for(document | {"$defs": narrowed}, pattern_options=_LINEAR)


def _narrowed(name: str, said: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in said["properties"].items() if key[0] != "_" and key not in ("id", "extension")}
    return said | {"properties": kept} | _RULES_OF_PLAIN.get(name, dict)()


def _of_quantity() -> dict[str, Any]:
    return units.quick() | {"dependentRequired": {"code": ["system"]}}  # qty-3


_RULES_OF_PLAIN: dict[str, Callable[[], dict[str, Any]]] = {"Quantity": _of_quantity, "Coding": codes.quick}


@cache
def kind_of(resource_type: str) -> Kind:
    """What is asked of a resource type that has a schema."""
    known: dict[int, Kind] = {}
    out = _kind(shape(resource_type), known)
    _prune(known)
    return out


def _kind(of: Shape, known: dict[int, Kind]) -> Kind:
    if id(of) not in known:
        rules = tuple(rule.broken for rule in of.rules)
        out = known[id(of)] = Kind(
            rules, of.name == "Reference", of.name, of.name != COMPANION, of.name in PLAIN, of.integers
        )
        extended = _EXTENSIONS if of.name != "Extension" else ()
        out.inner = {
            key: (_kind(child, known), targets, key in extended) for key, (child, targets) in of.children.items()
        }
    return known[id(of)]


def _prune(known: dict[int, Kind]) -> None:
    """Leaves out what never leads to anything that is asked; ele-1 is asked wherever a look comes by."""
    asked = {id(kind) for kind in known.values() if not kind.plain and (kind.rules or kind.reference or kind.integers)}
    while True:
        entered = [kind for kind in known.values() if not kind.plain]
        leads = {id(kind) for kind in entered if any(id(child) in asked for child, *_ in kind.inner.values())}
        if leads <= asked:
            break
        asked |= leads
    for kind in known.values():
        kind.inner = {key: entry for key, entry in kind.inner.items() if id(entry[0]) in asked}
        kind.leaf = not kind.integers and all(key == "extension" or key[0] == "_" for key in kind.inner)


def _containable(contained: list[Node]) -> bool:
    for one in contained:
        meta = one.get("meta", {})
        if "contained" in one or not meta.keys().isdisjoint(("versionId", "lastUpdated", "security")):
            return False
    return True


def _clean(kind: Kind, node: Node, targets: frozenset[str], look: _Look) -> bool:
    for broken in kind.rules:
        if broken(node):
            return False
    if kind.reference and "reference" in node and not _leads(node["reference"], targets, look):
        return False
    if len(node) == 1 and "id" in node and kind.alone:
        return False
    inner = kind.inner
    if kind.leaf and inner.keys().isdisjoint(node):
        return True
    for key, value in node.items():
        form = value.__class__
        if form is str:
            continue
        if form is dict:
            known = inner.get(key)
            if known is not None and not _clean(known[0], value, known[1], look):
                return False
        elif form is list:
            known = inner.get(key)
            if known is not None:
                for one in value:
                    if one.__class__ is dict and not _clean(known[0], one, known[1], look):
                        return False
                    if known[2] and not extensions.sound(one, kind.name, key, look.around):
                        return False
        elif form is Decimal and key in kind.integers:
            return False
    return True


def _leads(target: str, targets: frozenset[str], look: _Look) -> bool:
    if target.startswith("#"):
        look.seen.add(target)
        found: Any = look.contained.get(target) if target != "#" else look.around["resourceType"]
        return found is not None and not targets.isdisjoint((found, "Resource"))
    return ":" not in target or containment.misplaced(target, targets, look.around) is None
