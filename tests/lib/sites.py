"""Places in a resource, and changes to what stands there."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

Node = dict[str, Any]
Site = tuple[Any, ...]
Change = tuple[Site, Callable[[Node], None]]
Operator = Callable[[Node], Iterator[Change]]


def walk(node: Any, site: Site = ()) -> Iterator[tuple[Site, Any]]:
    """Every value with its place, outermost first."""
    yield site, node
    if isinstance(node, dict):
        for key, value in node.items():
            yield from walk(value, (*site, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from walk(value, (*site, index))


def at(resource: Node, site: Site) -> Any:
    node: Any = resource
    for step in site:
        node = node[step]
    return node


def put(site: Site, value: Any) -> Change:
    """Sets a value, in a copy of its own."""

    def change(resource: Node) -> None:
        at(resource, site[:-1])[site[-1]] = copy.deepcopy(value)

    return site, change


def cut(site: Site) -> Change:
    def change(resource: Node) -> None:
        del at(resource, site[:-1])[site[-1]]

    return site, change


def more(site: Site, **said: Any) -> Change:
    """Adds elements to an object."""

    def change(resource: Node) -> None:
        at(resource, site).update(copy.deepcopy(said))

    return (*site, *list(said)[:1]), change


def named(resource: Node, *keys: str) -> Iterator[tuple[Site, Any]]:
    return ((site, value) for site, value in walk(resource) if site and site[-1] in keys)


def objects(resource: Node, *needed: str) -> Iterator[tuple[Site, Node]]:
    for site, value in walk(resource):
        if isinstance(value, dict) and all(key in value for key in needed):
            yield site, value


def codings(resource: Node, system: Callable[[str], bool]) -> Iterator[Site]:
    for site, value in objects(resource, "system", "code"):
        if system(value["system"]) and "value" not in value and "property" not in site:
            yield site
