"""What a profile or an extension of ours says of each element, read from its differential.

A differential is a list; here it is a tree of elements, slices and their values, with the names that a choice may take
looked up in the schema of the type.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mappings.r4.artefacts import artefact, named
from mappings.r4.shapes import definitions, type_of
from mappings.r4.value_sets import Codes, value_set

Node = dict[str, Any]

SAID = frozenset(
    "id path sliceName short definition comment requirements alias label code min max base mustSupport isSummary "
    "type slicing binding example mapping constraint condition isModifier isModifierReason orderMeaning".split()
)
"""What a differential may say: it is checked, or it is for people. `constraint` is checked only where R4 checks it."""

_CODED = ("CodeableConcept", "Coding", "Code")
_DATA_TYPES = "http://hl7.org/fhir/StructureDefinition/"


@dataclass(frozen=True, slots=True)
class Discriminator:
    """How a slice is told: by `value` (or `pattern`), `exists`, `type` or `profile` at a path ("" is the item)."""

    kind: str
    path: tuple[str, ...]


@dataclass(slots=True)
class Element:
    """One element: how often it stands in its parent (`most` None: no limit), and what each of its values must be."""

    name: str = ""
    least: int = 0
    most: int | None = None
    keys: frozenset[str] | None = None
    """Of a choice: the keys under which it may stand, companions (`_name`) too."""
    wrong: frozenset[str] = frozenset()
    """Of a choice: the keys that R4 allows and the profile does not."""
    fixed: Any = None
    pattern: Any = None
    codes: Codes | None = None
    targets: frozenset[str] | None = None
    profiles: tuple[str, ...] = ()
    """Canonicals of the profiles that a value of this type follows."""
    types: frozenset[str] = frozenset()
    children: dict[str, Element] = field(default_factory=dict)
    slices: dict[str, Element] = field(default_factory=dict)
    by: tuple[Discriminator, ...] = ()
    closed: bool = False


def read(definition: Node, base: str) -> Element:
    """The tree of one StructureDefinition of ours. `base` is the one that its canonicals hang under."""
    reader = _Reader(definitions(definition["type"]), base)
    root = Element(definition["type"])
    for element in definition["differential"]["element"]:
        reader.add(root, definition["type"], element)
    _slice_extensions(root)
    return root


def _slice_extensions(element: Element) -> None:
    """Extensions are told by their url, which every type of R4 says, and a slice may say by its profile alone."""
    for child in (*element.children.values(), *element.slices.values()):
        _slice_extensions(child)
        if child.name in ("extension", "modifierExtension") and child.slices:
            child.by = child.by or (Discriminator("value", ("url",)),)
            for slice_ in child.slices.values():
                url = slice_.children.setdefault("url", Element("url"))
                url.fixed = url.fixed or next(iter(slice_.profiles), None)


def unread(definition: Node) -> set[str]:
    """What a StructureDefinition says and nobody here understands; the tests hold every shipped one against it."""
    elements = definition["differential"]["element"]
    keys = {key for element in elements for key in element if not key.startswith(("fixed", "pattern"))} - SAID
    kinds = {d["type"] for e in elements for d in e.get("slicing", {}).get("discriminator", ())}
    paths = {d["path"] for e in elements for d in e.get("slicing", {}).get("discriminator", ()) if "(" in d["path"]}
    return keys | paths | (kinds - {"value", "pattern", "exists", "type", "profile"})


class _Reader:
    def __init__(self, known: Node, base: str) -> None:
        self.known, self.base = known, base

    def add(self, root: Element, kind: str, said: Node) -> None:
        here = parent = root
        for step in said["id"].split(".")[1:]:
            name, _, slice_ = step.partition(":")
            properties = self.known.get(kind, {}).get("properties", {})
            if name.endswith("[x]") and slice_ in properties:
                name, slice_ = slice_, ""  # a choice is sliced by its types, and those have names of their own
            parent, here = here, here.children.setdefault(name, self._fresh(name, properties))
            kind = type_of(properties[name])[0] if name in properties else ""
            if slice_:
                here = here.slices.setdefault(slice_, self._fresh(name, properties))
        self._say(here, said)
        if here.keys is not None and here.codes is not None:  # of a choice, its coded types are bound
            stem = here.name.removesuffix("[x]")
            for key in {f"{stem}{kind}" for kind in _CODED} & here.keys:
                parent.children.setdefault(key, Element(key)).codes = here.codes
            here.codes = None

    def _fresh(self, name: str, properties: Node) -> Element:
        if not name.endswith("[x]"):
            return Element(name)
        stem = name.removesuffix("[x]")
        keys = {key for key in properties if _is_choice(key.removeprefix("_"), stem)}
        return Element(name, keys=frozenset(keys))

    def _say(self, out: Element, said: Node) -> None:
        out.least = said.get("min", out.least)
        out.most = int(said["max"]) if said.get("max", "*") != "*" else out.most
        for key, value in said.items():
            if key.startswith("fixed"):
                out.fixed = value
            elif key.startswith("pattern"):
                out.pattern = value
        if "type" in said:
            self._types(out, said["type"])
        binding = said.get("binding", {})
        if binding.get("strength") == "required":
            out.codes = value_set(binding.get("valueSet", ""), self.base)
        if "slicing" in said:
            out.closed = said["slicing"]["rules"] == "closed"
            out.by = tuple(
                Discriminator(one["type"], tuple(step for step in one["path"].split(".") if step != "$this"))
                for one in said["slicing"].get("discriminator", ())
            )

    def _types(self, out: Element, types: list[Node]) -> None:
        out.types = frozenset(one["code"] for one in types)
        out.profiles = tuple(url for one in types for url in one.get("profile", ()))
        if out.keys is not None:
            stem = out.name.removesuffix("[x]")
            allowed = {f"{stem}{one['code'][0].upper()}{one['code'][1:]}" for one in types}
            out.wrong = frozenset(key for key in out.keys if key.removeprefix("_") not in allowed)
        targets = [url for one in types for url in one.get("targetProfile", ())]
        kinds = {self._type_of_profile(url) for url in targets}
        out.targets = frozenset(kind for kind in kinds if kind) if kinds and None not in kinds else None

    def _type_of_profile(self, url: str) -> str | None:
        if url.startswith(_DATA_TYPES):
            name = url.partition("|")[0].removeprefix(_DATA_TYPES)
            return None if name == "Resource" else name
        ours = named(url, "StructureDefinition", self.base)
        found = artefact("StructureDefinition", ours, self.base) if ours else None
        return str(found["type"]) if found else None


def _is_choice(key: str, stem: str) -> bool:
    return key.startswith(stem) and key[len(stem) :][:1].isupper()
