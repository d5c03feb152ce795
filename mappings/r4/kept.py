"""Compiles what a profile says into one quick verdict, for the many that keep to it: yes where `held` finds no fault.

For each set of keys it is worked out once what is still to be asked of the values (`by_keys`). What can never change
(`frozen`) and kept to an element of a profile is not asked again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mappings.r4.by_keys import Asked, every
from mappings.r4.constraint import Element, Node
from mappings.r4.frozen import Frozen
from mappings.r4.held import Holds, belongs, tests, values

_NO_LIMIT = 1_000_000


def asked(element: Element, but: str = "", whose: str = "") -> list[Asked]:
    """What is said of the children of a node, as questions.

    `but` is a child that was asked already. `whose`: a name of the element that no other has, so that what never
    changes is asked once.
    """
    children = [child for name, child in element.children.items() if name != but]
    return [one for child in children for one in _of_child(child, f"{whose}.{child.name}" if whose else "")]


def quick(element: Element, but: str = "", whose: str = "") -> Holds:
    """Does a node keep to all of it? The same as `held.faults` without a word, and faster."""
    return every(asked(element, but, whose))


def _of_child(child: Element, whose: str) -> Iterator[Asked]:
    if barred := _barred(child):
        yield Asked(barred.isdisjoint)
    if child.least and child.keys is not None:
        yield Asked(_chosen(child.keys - child.wrong))
    elif child.keys is None and child.least == 1 and child.most is None:
        yield Asked(_chosen(frozenset({child.name, f"_{child.name}"})))
    elif child.keys is None and (child.least or child.most):
        yield Asked(_counted(child))
    inner = [one.holds for one in tests(child)]
    if child.children:
        inner.append(quick(child, whose=whose))
    if inner and child.keys is not None:
        yield Asked(lambda node: all(one(value) for _, value in values(node, child) for one in inner))
    elif inner:
        yield Asked(_each(child.name, inner, whose), child.name, whose)
    if child.slices:
        yield Asked(_keyed(child) or _sorted(child))


def _barred(child: Element) -> frozenset[str]:
    """The keys under which it may not stand."""
    if child.most == 0:
        return child.keys if child.keys is not None else frozenset({child.name, f"_{child.name}"})
    return child.wrong


def _chosen(keys: frozenset[str]) -> Holds:
    return lambda node: not keys.isdisjoint(node)


def _counted(child: Element) -> Holds:
    name, companion, least = child.name, f"_{child.name}", child.least
    most = _NO_LIMIT if child.most is None else child.most

    def holds(node: Node) -> bool:
        value = node[name] if name in node else node.get(companion)
        return least <= (len(value) if isinstance(value, list) else value is not None) <= most

    return holds


def _each(name: str, inner: list[Holds], whose: str) -> Holds:
    """`whose`: under this name it is remembered what never changes and has passed; under none, nothing is."""

    def passes(item: Any) -> bool:
        for one in inner:
            if not one(item):
                return False
        if whose and item.__class__ is Frozen:
            item.passed |= {whose}
        return True

    def holds(node: Node) -> bool:
        value = node.get(name)
        if value is None:
            return True
        for item in value if isinstance(value, list) else (value,):
            if item.__class__ is Frozen and whose in item.passed:
                continue
            if item is not None and not passes(item):
                return False
        return True

    return holds


def _keyed(child: Element) -> Holds | None:
    """Slices that one fixed text tells, as the url does of extensions: a look-up instead of a search."""
    by = child.by[0] if len(child.by) == 1 else None
    if by is None or by.kind != "value" or len(by.path) != 1:
        return None
    (key,), name, closed = by.path, child.name, child.closed
    told = [one.children[key].fixed if key in one.children else None for one in child.slices.values()]
    if not all(isinstance(one, str) for one in told) or child.keys is not None:
        return None
    table = {text: (i, _whole(one, key)) for i, (text, one) in enumerate(zip(told, child.slices.values(), strict=True))}
    limits = [(one.least, _NO_LIMIT if one.most is None else one.most) for one in child.slices.values()]

    def holds(node: Node) -> bool:
        numbers = [0] * len(limits)
        for item in node.get(name, ()):
            known = table.get(item.get(key))
            if known is None:
                if closed:
                    return False
            elif known[1](item):
                numbers[known[0]] += 1
            else:
                return False
        for number, (least, most) in zip(numbers, limits, strict=True):  # noqa: SIM110  as above
            if not least <= number <= most:
                return False
        return True

    return holds


def _sorted(child: Element) -> Holds:
    sorts = [(belongs(one, child.by), one.least, one.most, _whole(one)) for one in child.slices.values()]
    closed = child.closed

    def holds(node: Node) -> bool:
        items = [value for _, value in values(node, child)]
        taken = 0
        for mine, least, most, whole in sorts:
            found = [item for item in items if mine(item)]
            taken += len(found)
            if len(found) < least or (most is not None and len(found) > most):
                return False
            if not all(map(whole, found)):
                return False
        return not closed or taken == len(items)

    return holds


def _whole(slice_: Element, but: str = "") -> Holds:
    """Does an item keep to all that its slice says? `but` is a child that was asked already."""
    inner = [one.holds for one in tests(slice_)]
    if slice_.children:
        inner.append(quick(slice_, but))
    return inner[0] if len(inner) == 1 else lambda item: all(one(item) for one in inner)
