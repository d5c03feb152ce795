"""The resources that stand within another one: contained, bundled, or passed as parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

HOLDERS = frozenset({"Bundle", "Parameters"})
"""Types whose resources stand elsewhere than in `contained`."""


def inside(resource: dict[str, Any], here: str) -> Iterator[tuple[str, Any]]:
    """Each with its place."""
    for index, inner in enumerate(_list(resource.get("contained"))):
        yield f"{here}.contained[{index}]", inner
    if resource["resourceType"] == "Bundle":
        for index, entry in enumerate(_list(resource.get("entry"))):
            if isinstance(entry, dict) and "resource" in entry:
                yield f"{here}.entry[{index}].resource", entry["resource"]
            if isinstance(entry, dict) and isinstance(entry.get("response"), dict) and "outcome" in entry["response"]:
                yield f"{here}.entry[{index}].response.outcome", entry["response"]["outcome"]
    if resource["resourceType"] == "Parameters":
        yield from _parameters(resource.get("parameter"), f"{here}.parameter")


def contained(resource: dict[str, Any]) -> list[dict[str, Any]]:
    """The contained ones alone, as far as they are objects."""
    return [inner for inner in _list(resource.get("contained")) if isinstance(inner, dict)]


def _parameters(parameters: Any, here: str) -> Iterator[tuple[str, Any]]:
    for index, parameter in enumerate(_list(parameters)):
        if isinstance(parameter, dict):
            if "resource" in parameter:
                yield f"{here}[{index}].resource", parameter["resource"]
            yield from _parameters(parameter.get("part"), f"{here}[{index}].part")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
