"""Looks for broken invariants of R4 4.0.1: walks a resource along its shape and asks each element's rules.

The rules stand in tables by type:
`clinical_rules`, `definition_rules`, `structure_rules`, `bundle_rules`, `datatype_rules`, `containment`.
Only resources that pass their schema come here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from mappings.r4 import containment, extensions
from mappings.r4.faults import Fault
from mappings.r4.rule import Node, Rule
from mappings.r4.shapes import COMPANION, Shape, shape

_ANYTHING = frozenset({"Resource"})
_EXTENSIONS = ("extension", "modifierExtension")


def broken(resource: Node, here: str, container: Node | None = None) -> list[Fault]:
    """Every invariant that one resource breaks; contained and bundled resources are not entered.

    `container`: the resource that contains it, whose contained ones its `#` references mean.
    """
    walk = _Walk(container or resource)
    if container is None:
        walk.ask(containment.RULES, resource, here)
    walk.look(shape(resource["resourceType"]), resource, here)
    return walk.faults


class _Walk:
    def __init__(self, container: Node) -> None:
        self.container = container
        self.faults: list[Fault] = []

    def ask(self, rules: Iterable[Rule], node: Node, here: str) -> None:
        for rule in rules:
            for place in rule.find(node):
                path = f"{here}.{place}" if place else here
                says = f"{rule.says} ({rule.key})" if rule.key else rule.says
                self.faults.append(Fault(path, says, rule.code, rule.severity))

    def look(self, kind: Shape, node: Node, here: str, targets: frozenset[str] = _ANYTHING) -> None:
        if kind.rules:
            self.ask(kind.rules, node, here)
        if kind.name == "Reference":
            self.follow(node, here, targets)
        if len(node) == 1 and "id" in node and kind.name != COMPANION:
            self.faults.append(Fault(here, "an element has more than an id (ele-1)", "invariant"))
        for key, value in node.items():
            if isinstance(value, dict | list):
                child = kind.children.get(key)
                if child:
                    for place, inner in _each(key, value):
                        if key in _EXTENSIONS and kind.name != "Extension":
                            self.faults += extensions.faults(inner, kind.name, key, self.container, f"{here}.{place}")
                        self.look(child[0], inner, f"{here}.{place}", child[1])
            elif isinstance(value, Decimal) and key in kind.integers:
                self.faults.append(Fault(f"{here}.{key}", "must be a whole number, written without a point"))

    def follow(self, node: Node, here: str, targets: frozenset[str]) -> None:
        why = containment.misplaced(node["reference"], targets, self.container) if "reference" in node else None
        if why:
            code = "invariant" if "ref-1" in why else "value"
            self.faults.append(Fault(f"{here}.reference", why, code))


def _each(key: str, value: Node | list[Node | None]) -> Iterator[tuple[str, Node]]:
    if isinstance(value, dict):
        yield key, value
    else:
        yield from ((f"{key}[{i}]", inner) for i, inner in enumerate(value) if inner is not None)
