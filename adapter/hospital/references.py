"""Literal references inside a resource: found and rewritten; and in which order resources can be sent for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

_LOCAL = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(/_history/[A-Za-z0-9\-.]{1,64})?")


def local(reference: str) -> tuple[str, str] | None:
    """(type, id) of a relative reference; None for absolute, contained and conditional ones."""
    found = _LOCAL.fullmatch(reference)
    return (found[1], found[2]) if found else None


def local_targets(resource: Any) -> list[tuple[str, str]]:
    """(type, id) of every relative reference in a resource, in their order."""
    found: list[tuple[str, str]] = []
    _collect(resource, found)
    return found


def _collect(node: Any, found: list[tuple[str, str]]) -> None:
    if isinstance(node, dict):
        for key, value in node.items():
            if isinstance(value, str):
                if key == "reference" and (target := local(value)):
                    found.append(target)
            elif isinstance(value, dict | list):
                _collect(value, found)
    elif isinstance(node, list):
        for value in node:
            _collect(value, found)


def rewritten(node: Any, rewrite: Callable[[str], str]) -> Any:
    """A copy in which every literal reference is what `rewrite` makes of it."""
    if isinstance(node, dict):
        return {
            key: rewrite(value) if key == "reference" and isinstance(value, str) else rewritten(value, rewrite)
            for key, value in node.items()
        }
    return [rewritten(value, rewrite) for value in node] if isinstance(node, list) else node


def together(resources: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The resources in groups: those that refer to each other in a ring share one, and each group refers back only.

    So the groups can be sent one after the other to a server that knows no reference to what is not there.
    """
    named: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in resources:
        named.setdefault((one["resourceType"], one["id"]), []).append(one)
    targets = {name: {to for one in named[name] for to in local_targets(one) if to in named} for name in named}
    if _only_back(targets):
        return list(named.values())
    reach = {name: _reachable(name, targets) for name in named}
    order, groups = sorted(named, key=lambda name: len(reach[name])), []
    placed: set[tuple[str, str]] = set()
    for name in order:
        ring = [other for other in order if other == name or (other in reach[name] and name in reach[other])]
        if name not in placed:
            placed |= set(ring)
            groups.append([one for other in ring for one in named[other]])
    return groups


def _only_back(targets: dict[tuple[str, str], set[tuple[str, str]]]) -> bool:
    """Does each refer to earlier ones only, as most change sets are written?"""
    earlier: set[tuple[str, str]] = set()
    for name, refers_to in targets.items():
        if not refers_to <= earlier:
            return False
        earlier.add(name)
    return True


def _reachable(start: tuple[str, str], targets: dict[tuple[str, str], set[tuple[str, str]]]) -> set[tuple[str, str]]:
    found, ahead = {start}, [start]
    while ahead:
        new = targets[ahead.pop()] - found
        found |= new
        ahead += new
    return found
