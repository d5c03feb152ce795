"""Where a resource says something: the few forms of path that `search_parameters.csv` needs.

`activity.reference`  the values there, of every item of a list
`effective[x]`        whatever type the choice has
`action*.code`        at any depth of actions within actions
`subject:Patient`     references to this type only; who reads references heeds it
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def values(node: Any, path: str) -> Iterator[Any]:
    """Every value at the path, in the order of the resource."""
    return _values(node, tuple(path.partition(":")[0].split(".")))


def _values(node: Any, names: tuple[str, ...]) -> Iterator[Any]:
    if isinstance(node, list):
        for item in node:
            yield from _values(item, names)
    elif not names:
        yield node
    elif isinstance(node, dict):
        name, *rest = names
        for inner in _under(node, name):
            if name.endswith("*"):
                yield from _values(inner, names)
            yield from _values(inner, tuple(rest))


def _under(node: dict[str, Any], name: str) -> list[Any]:
    if name.endswith("[x]"):
        stem = name.removesuffix("[x]")
        return [said for key, said in node.items() if key.startswith(stem) and key[len(stem) :][:1].isupper()]
    plain = name.removesuffix("*")
    return [node[plain]] if plain in node else []
