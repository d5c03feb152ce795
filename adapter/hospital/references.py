"""Literal references inside a resource: found and rewritten."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

_LOCAL = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(/_history/[A-Za-z0-9\-.]{1,64})?")


def local(reference: str) -> tuple[str, str] | None:
    """(type, id) of a relative reference; None for absolute, contained and conditional ones."""
    found = _LOCAL.fullmatch(reference)
    return (found[1], found[2]) if found else None


def local_targets(node: Any) -> Iterator[tuple[str, str]]:
    """(type, id) of every relative reference in a resource."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "reference" and isinstance(value, str):
                target = local(value)
                if target:
                    yield target
            else:
                yield from local_targets(value)
    elif isinstance(node, list):
        for value in node:
            yield from local_targets(value)


def rewritten(node: Any, rewrite: Callable[[str], str]) -> Any:
    """A copy in which every literal reference is what `rewrite` makes of it."""
    if isinstance(node, dict):
        return {
            key: rewrite(value) if key == "reference" and isinstance(value, str) else rewritten(value, rewrite)
            for key, value in node.items()
        }
    return [rewritten(value, rewrite) for value in node] if isinstance(node, list) else node
