"""Our own profiles on top of R4: which of them a resource names, and where it does not keep to one.

A profile is known by its name, whatever base it was deployed under; what it binds and cites is then read under that
base. Other people's profiles are not ours to judge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from mappings.r4 import by_keys, constraint, held, kept
from mappings.r4.artefacts import artefact
from mappings.r4.constraint import Element
from mappings.r4.expression import Words
from mappings.r4.faults import Fault
from mappings.r4.rule import Node
from mappings.r4.subset import SUBSETTED

_OURS = re.compile(r"(?P<base>.*)/StructureDefinition/(?P<name>engraft-[a-z0-9-]{1,60})(?:\|(?P<version>.*))?")


@dataclass(frozen=True, slots=True)
class Profile:
    """One of ours, as the validator sees it. `holds`: the verdict without the sentences, on all that is `asked`."""

    name: str
    type: str
    version: str
    base: str
    root: Element
    asked: list[by_keys.Asked]
    holds: held.Holds


def keeps(resource: Node) -> bool:
    """Would `breaches` find nothing?"""
    meta = resource.get("meta")
    if meta is None or "profile" not in meta:
        return True
    for url in meta["profile"]:
        found = _named(url) if url else None
        if found is None:
            continue
        if isinstance(found, str) or resource["resourceType"] != found.type or not found.holds(resource):
            return _is_part(meta)
    return True


def put(resource: Node, url: str, words: Words) -> str:
    """What `keeps` asks of those with the type, the keys and the first profile of this one, as an expression."""
    found, anyway = _named(url), f"{words(keeps)}(node)"
    if isinstance(found, Profile):
        asked = by_keys.left_open(found.asked, tuple(resource)) if resource["resourceType"] == found.type else None
    else:
        asked = None if found else []
    if asked is None:
        return anyway
    return f"({' and '.join([_ALONE, *(one.put(words) for one in asked)])} or {anyway})"


_ALONE = "len(node['meta']['profile']) == 1"


def breaches(resource: Node, here: str) -> Iterator[Fault]:
    """What one resource lacks, or has otherwise, of the profiles of ours that its `meta` names.

    A resource that says to be a part (`_elements`, `_summary`) lacks what nobody asked for.
    """
    meta = resource.get("meta", {})
    if _is_part(meta):
        return
    for index, url in enumerate(meta.get("profile") or ()):
        found = _named(url) if url else None
        if isinstance(found, Profile):
            yield from _against(found, resource, here, f"{here}.meta.profile[{index}]")
        elif found:
            yield Fault(f"{here}.meta.profile[{index}]", found, "not-found", "warning")


def base(resource: Node) -> str | None:
    """The base that the first profile of ours hangs under, which a resource names."""
    for url in resource.get("meta", {}).get("profile") or ():
        found = _named(url) if url else None
        if isinstance(found, Profile):
            return found.base
    return None


def _is_part(meta: Node) -> bool:
    return SUBSETTED in (meta.get("tag") or ())


def _against(profile: Profile, resource: Node, here: str, named: str) -> Iterator[Fault]:
    if resource["resourceType"] != profile.type:
        yield Fault(named, f"{profile.name} is a profile of {profile.type}", "structure")
    else:
        yield from held.faults(resource, profile.root, here, f"the profile {profile.name}")


@lru_cache(maxsize=512)
def _named(url: str) -> Profile | str | None:
    """The profile, or why one of ours cannot be asked; None for everybody else's."""
    said = _OURS.fullmatch(url)
    if said is None:
        return None
    profile = _read(said["name"], said["base"])
    if profile is None:
        return "no profile of ours has this name, so it was not asked"
    if said["version"] not in (None, profile.version):
        return f"version {profile.version} of this profile is known here, so it was not asked"
    return profile


@lru_cache(maxsize=512)
def _read(name: str, base: str) -> Profile | None:
    definition = artefact("StructureDefinition", name, base)
    if definition is None:
        return None
    root = constraint.read(definition, base)
    asked = kept.asked(root, whose=f"{base} {name}")
    return Profile(name, definition["type"], definition["version"], base, root, asked, by_keys.every(asked))
