"""Our own profiles on top of R4: how often an element has to stand and may stand, read from their differentials.

A profile is known by its name, whatever base it was deployed under. Other people's profiles are not ours to judge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files

from mappings.r4 import wire
from mappings.r4.faults import Fault
from mappings.r4.rule import Node, has, has_choice
from mappings.r4.subset import SUBSETTED

_OURS = re.compile(r".*/StructureDefinition/(?P<name>engraft-[a-z0-9-]{1,60})(?:\|(?P<version>.*))?")


@dataclass(slots=True)
class Limits:
    """Of one element: how often it stands in its parent (`most` None: no limit), and the limits of its children."""

    least: int = 0
    most: int | None = None
    children: dict[str, Limits] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Profile:
    """One of ours, as the validator sees it."""

    name: str
    type: str
    version: str
    limits: Limits


def breaches(resource: Node, here: str) -> Iterator[Fault]:
    """What one resource lacks, or has too often, of the profiles of ours that its `meta` names.

    A resource that says to be a part (`_elements`, `_summary`) lacks what nobody asked for.
    """
    if SUBSETTED in (resource.get("meta", {}).get("tag") or ()):
        return
    for index, url in enumerate(resource.get("meta", {}).get("profile") or ()):
        found = _named(url) if url else None
        if isinstance(found, Profile):
            yield from _against(found, resource, here, f"{here}.meta.profile[{index}]")
        elif found:
            yield Fault(f"{here}.meta.profile[{index}]", found, "not-found", "warning")


def _against(profile: Profile, resource: Node, here: str, named: str) -> Iterator[Fault]:
    if resource["resourceType"] != profile.type:
        yield Fault(named, f"{profile.name} is a profile of {profile.type}", "structure")
    else:
        yield from _look(resource, profile.limits, here, profile.name)


def _look(node: Node, limits: Limits, here: str, profile: str) -> Iterator[Fault]:
    for name, child in limits.children.items():
        count = _count(node, name)
        if count < child.least:
            more = "is required" if child.least == 1 else f"is required {child.least} times"
            yield Fault(f"{here}.{name}", f"{more} by the profile {profile}", "required")
        elif child.most is not None and count > child.most:
            more = "is not allowed" if child.most == 0 else f"stands more than {child.most} times, which is not allowed"
            yield Fault(f"{here}.{name}", f"{more} by the profile {profile}", "structure")
        if child.children:
            for place, inner in _inside(node.get(name), f"{here}.{name}"):
                yield from _look(inner, child, place, profile)


def _count(node: Node, name: str) -> int:
    if name.endswith("[x]"):
        return has_choice(node, name.removesuffix("[x]"))
    value = node.get(name)
    return len(value) if isinstance(value, list) else has(node, name)


def _inside(value: object, place: str) -> Iterator[tuple[str, Node]]:
    if isinstance(value, dict):
        yield place, value
    elif isinstance(value, list):
        yield from ((f"{place}[{i}]", inner) for i, inner in enumerate(value) if isinstance(inner, dict))


@lru_cache(maxsize=512)
def _named(url: str) -> Profile | str | None:
    """The profile, or why one of ours cannot be asked; None for everybody else's."""
    said = _OURS.fullmatch(url)
    if said is None:
        return None
    profile = _read(said["name"])
    if profile is None:
        return "no profile of ours has this name, so it was not asked"
    if said["version"] not in (None, profile.version):
        return f"version {profile.version} of this profile is known here, so it was not asked"
    return profile


def _read(name: str) -> Profile | None:
    file = files("profiles").joinpath(f"StructureDefinition-{name}.json")
    if not file.is_file():
        return None
    definition = wire.decode(file.read_bytes())
    limits = Limits()
    for element in definition["differential"]["element"]:
        _add(limits, element["path"].split(".")[1:], element)
    return Profile(name, definition["type"], definition["version"], limits)


def _add(limits: Limits, path: list[str], element: Node) -> None:
    for step in path:
        limits = limits.children.setdefault(step, Limits())
    limits.least = element.get("min", 0)
    limits.most = int(element["max"]) if element.get("max", "*") != "*" else None
