"""Reads what a profile says as tests of single values, tells slices apart, and says in sentences what is not kept.

The verdict without a word is that of `kept`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mappings.r4.constraint import Discriminator, Element, Node
from mappings.r4.containment import leads_to
from mappings.r4.faults import Fault

Holds = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Test:
    """One thing asked of one value. `at`: the child that is told as its place."""

    holds: Holds
    says: str
    code: str
    at: str = ""


def matches(pattern: Any) -> Holds:
    """R4's pattern: everything that it says is there; for a list, in some item."""
    if isinstance(pattern, dict) and all(isinstance(part, str) for part in pattern.values()):
        said = pattern.items()
        return lambda value: isinstance(value, dict) and said <= value.items()
    if isinstance(pattern, dict):
        parts = [(key, matches(part)) for key, part in pattern.items()]
        return lambda value: isinstance(value, dict) and _every(parts, value)
    if isinstance(pattern, list):
        items = [matches(part) for part in pattern]
        return lambda value: isinstance(value, list) and all(_some(item, value) for item in items)
    return lambda value: bool(pattern == value)


def _every(parts: list[tuple[str, Holds]], value: Node) -> bool:
    for key, holds in parts:  # noqa: SIM110  as below
        if key not in value or not holds(value[key]):
            return False
    return True


def _some(holds: Holds, values: list[Any]) -> bool:
    for one in values:  # noqa: SIM110  `any` over a generator costs twice as much
        if holds(one):
            return True
    return False


def tests(element: Element) -> list[Test]:
    """What is asked of each value of an element, besides its children."""
    out: list[Test] = []
    if element.fixed is not None:
        fixed = element.fixed
        out.append(Test(lambda value: bool(value == fixed), f"must be {_words(fixed)}", "value"))
    if element.pattern is not None:
        out.append(Test(matches(element.pattern), f"must hold {_words(element.pattern)}", "value"))
    if element.codes is not None:
        out.append(Test(element.codes.hold, f"holds no code of the value set {element.codes.name}", "code-invalid"))
    if element.targets is not None:
        targets = element.targets
        says = f"may refer to {', '.join(sorted(targets))} only, as asked"
        out.append(Test(lambda value: leads_to(value, targets), says, "value", "reference"))
    return out


def _words(said: Any) -> str:
    """What is asked, in words; it is our own, so it may be quoted."""
    if isinstance(said, list):
        return " and ".join(map(_words, said))
    if not isinstance(said, dict):
        return str(said)
    if "coding" in said:
        return _words(said["coding"])
    if "code" in said:
        return f"{said['code']} of {said['system']}" if "system" in said else str(said["code"])
    return ", ".join(f"{key} {_words(value)}" for key, value in said.items())


def values(node: Node, element: Element) -> list[tuple[str, Any]]:
    """The values of an element with their places; what is only said to be missing (`_name`) is none."""
    if element.keys is not None:
        return [(key, value) for key, value in node.items() if key in element.keys and key[0] != "_"]
    value = node.get(element.name)
    if value is None:
        return []
    if isinstance(value, list):
        return [(f"{element.name}[{i}]", one) for i, one in enumerate(value) if one is not None]
    return [(element.name, value)]


def count(node: Node, element: Element) -> int:
    """How often an element stands, also by an extension in its place."""
    if element.keys is not None:
        return not element.keys.isdisjoint(node)
    value = node.get(element.name, node.get(f"_{element.name}"))
    return len(value) if isinstance(value, list) else value is not None


# ---- slices


def belongs(slice_: Element, by: tuple[Discriminator, ...]) -> Holds:
    """Is an item of this slice, by every discriminator?"""
    asked = [_discriminates(slice_, one.kind, one.path) for one in by]
    return lambda item: all(one(item) for one in asked)


def _discriminates(slice_: Element, kind: str, path: tuple[str, ...]) -> Holds:
    if kind == "exists":
        return _exists(slice_, path)
    if kind == "type":
        return _of_type(slice_, path)
    if kind == "profile":
        return _claims(slice_, path)
    return _valued(slice_, path)


def _valued(element: Element, path: tuple[str, ...]) -> Holds:
    """`value` and `pattern`: what stands at the path passes what the slice asks of it there."""
    if not path:
        asked = [one.holds for one in tests(element)]
        inner = [_valued_child(child) for child in element.children.values()]
        return lambda item: all(one(item) for one in asked) and all(one(item) for one in inner)
    step, rest = path[0], path[1:]
    child = element.children.get(step, Element(step))
    for said in ("pattern", "fixed"):
        above = getattr(element, said)
        if isinstance(above, Mapping) and step in above:
            child = Element(step, pattern=above[step])
    if isinstance(child.pattern, list):
        (child,) = (Element(step, pattern=one) for one in child.pattern)
    holds = _valued(child, rest)
    return lambda item: isinstance(item, dict) and any(holds(value) for _, value in values(item, child))


def _valued_child(child: Element) -> Holds:
    """A child that is fixed by the slice itself tells it too; one that is not says nothing."""
    if child.fixed is None and child.pattern is None and not child.children:
        return _anything
    return _valued(Element(children={child.name: child}), (child.name,))


def _anything(_: Any) -> bool:
    return True


def _exists(slice_: Element, path: tuple[str, ...]) -> Holds:
    child = slice_
    for step in path:
        child = child.children.get(step, Element(step))
    wanted = child.most != 0
    return lambda item: bool(_at(item, path)) is wanted


def _of_type(slice_: Element, path: tuple[str, ...]) -> Holds:
    child = slice_
    for step in path:
        child = child.children.get(step, Element(step))
    return lambda item: any(isinstance(one, dict) and one.get("resourceType") in child.types for one in _at(item, path))


def _claims(slice_: Element, path: tuple[str, ...]) -> Holds:
    child = slice_
    for step in path:
        child = child.children.get(step, Element(step))
    wanted = {url.partition("|")[0] for url in child.profiles}

    def holds(item: Any) -> bool:
        claimed = [url for one in _at(item, path) for url in one.get("meta", {}).get("profile", ()) if url]
        return any(url.partition("|")[0] in wanted for url in claimed)

    return holds


def _at(item: Any, path: tuple[str, ...]) -> list[Any]:
    found = [item]
    for step in path:
        found = [value for one in found if isinstance(one, dict) for _, value in values(one, Element(step))]
    return found


# ---- the sentences


def faults(node: Node, element: Element, here: str, whose: str) -> Iterator[Fault]:
    """Every place where a node does not keep to what is said of its children; `whose` says in words who asks."""
    for child in element.children.values():
        yield from _number(count(node, child), child, f"{here}.{child.name}", f"by {whose}")
        for key in sorted(child.wrong & node.keys()):
            yield Fault(f"{here}.{key}", f"is not a type that {whose} allows", "structure")
        found = values(node, child)
        for place, value in found:
            yield from _told(value, child, f"{here}.{place}", whose)
        if child.slices:
            yield from _slices(found, child, here, whose)


def _number(number: int, element: Element, here: str, whose: str) -> Iterator[Fault]:
    if number < element.least:
        more = "is required" if element.least == 1 else f"is required {element.least} times"
        yield Fault(here, f"{more} {whose}", "required")
    elif element.most is not None and number > element.most:
        more = "is not allowed" if element.most == 0 else f"stands more than {element.most} times, which is not allowed"
        yield Fault(here, f"{more} {whose}", "structure")


def _told(value: Any, element: Element, here: str, whose: str) -> Iterator[Fault]:
    for test in tests(element):
        if not test.holds(value):
            where = f"{here}.{test.at}" if test.at else here
            yield Fault(where, f"{test.says} ({whose})", test.code)
    if element.children and isinstance(value, dict):
        yield from faults(value, element, here, whose)


def _slices(found: list[tuple[str, Any]], element: Element, here: str, whose: str) -> Iterator[Fault]:
    taken: set[str] = set()
    for name, slice_ in element.slices.items():
        mine = belongs(slice_, element.by)
        sorted_in = [(place, value) for place, value in found if mine(value)]
        taken |= {place for place, _ in sorted_in}
        as_slice = f"as {name} by {whose}"
        yield from _number(len(sorted_in), slice_, f"{here}.{element.name}", as_slice)
        for place, value in sorted_in:
            yield from _told(value, slice_, f"{here}.{place}", whose)
    if element.closed:
        for place, _ in found:
            if place not in taken:
                says = f"is none of {', '.join(element.slices)}, the only ones of {whose}"
                yield Fault(f"{here}.{place}", says, "structure")
