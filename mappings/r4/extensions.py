"""Our own extensions: known by their url, they stand where they may and carry what they say.

They hang under the shipped base, or under that of the profile which the resource names; the same name under another
base is somebody else's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mappings.canonicals import DEFAULT_BASE
from mappings.r4 import constraint, held, kept, profile
from mappings.r4.artefacts import artefact
from mappings.r4.constraint import Element
from mappings.r4.faults import Fault
from mappings.r4.rule import Node
from mappings.r4.shapes import COMPANION, definitions, type_of
from mappings.r4.typenames import RESOURCE_TYPES

_STEM = "/StructureDefinition/"
_ANYWHERE = frozenset({"Element", "Resource", "DomainResource"})


@dataclass(frozen=True, slots=True)
class Known:
    """One extension of ours. `contexts`: the types that may carry it, None where any may."""

    name: str
    contexts: frozenset[str] | None
    modifies: bool
    root: Element
    holds: held.Holds


def sound(extension: Node, carrier: str, key: str, container: Node) -> bool:
    """Would `faults` find nothing? `carrier` is the type that carries it, `key` the list in which it stands."""
    found = _known(extension.get("url", ""))
    if found is None or not _is_ours(found[0], container):
        return True
    known = found[1]
    return known is not None and _may_stand(known, carrier, key) and known.holds(extension)


def faults(extension: Node, carrier: str, key: str, container: Node, here: str) -> Iterator[Fault]:
    """What is wrong with one extension, if it is one of ours. A name that we do not know is a warning."""
    found = _known(extension.get("url", ""))
    if found is None or not _is_ours(found[0], container):
        return
    known = found[1]
    if known is None:
        yield Fault(f"{here}.url", "no extension of ours has this name, so it was not asked", "not-found", "warning")
        return
    if not _may_stand(known, carrier, key):
        yield Fault(here, f"the extension {known.name} may not stand here", "structure")
    yield from held.faults(extension, known.root, here, f"the extension {known.name}")


def _is_ours(under: str, container: Node) -> bool:
    return under == DEFAULT_BASE or under == profile.base(container)


def _may_stand(known: Known, carrier: str, key: str) -> bool:
    return (known.contexts is None or carrier in known.contexts) and known.modifies == (key == "modifierExtension")


@lru_cache(maxsize=512)
def _known(url: str) -> tuple[str, Known | None] | None:
    """The base and the extension of that name, if we have one; None of a url that no base of ours can begin."""
    under, stem, name = url.partition("|")[0].rpartition(_STEM)
    if not stem:
        return None
    definition = artefact("StructureDefinition", name, under)
    if definition is None or definition["type"] != "Extension":
        return under, None
    root = constraint.read(definition, under)
    modifies = definition["differential"]["element"][0].get("isModifier", False)
    return under, Known(name, _contexts(definition["context"]), modifies, root, kept.quick(root, "url", url))


def _contexts(said: list[Any]) -> frozenset[str] | None:
    """The types that a context means; an expression that is no path of types means any."""
    found = {_carrier(one["expression"]) if one["type"] == "element" else None for one in said}
    return None if None in found or _ANYWHERE & found else frozenset(name for name in found if name)


def _carrier(path: str) -> str | None:
    """The type of an element by its path: `RequestGroup.action` is a RequestGroupAction."""
    kind, *steps = path.split(".")
    if not steps:
        return COMPANION if kind[0].islower() else kind
    if kind not in RESOURCE_TYPES:
        return None
    known = definitions(kind)
    for step in steps:
        kind = type_of(known[kind]["properties"].get(step, {}))[0]
        if not kind or kind.startswith("p-"):
            return COMPANION if kind else None
    return kind
