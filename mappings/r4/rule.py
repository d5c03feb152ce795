"""What an invariant is: a sentence, and a function that finds the places where an element breaks it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

Node = dict[str, Any]
Finder = Callable[[Node], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One invariant of R4. `find` gives the places, below the element, that break it ("" is the element itself)."""

    key: str
    says: str
    find: Finder
    severity: str = "error"
    quick: Callable[[Node], bool] | None = None
    code: str = "invariant"
    """The issue type of R4 under which a breach is told."""

    @property
    def broken(self) -> Callable[[Node], bool]:
        """Does an element break it anywhere? Without the places."""
        return self.quick or (lambda node: any(True for _ in self.find(node)))


def rule(key: str, says: str, broken: Callable[[Node], bool], at: str = "", *, severity: str = "error") -> Rule:
    """A rule that one look at the element decides; `at` is the child that is told as its place."""
    return Rule(key, says, lambda node: (at,) if broken(node) else (), severity, broken)


def has(node: Node, *names: str) -> bool:
    """Whether one of the elements is there, itself or by an extension in its place (`_name`)."""
    for name in names:  # noqa: SIM110  a generator costs three times as much, and a plan is asked a thousand times
        if name in node or f"_{name}" in node:
            return True
    return False


def has_choice(node: Node, name: str) -> bool:
    """Whether a choice element (`value[x]`) is there in any type."""
    return _is_chosen(tuple(node), name)


@lru_cache(maxsize=2048)
def _is_chosen(keys: tuple[str, ...], name: str) -> bool:
    length = len(name)
    for key in keys:
        said = key[1:] if key[0] == "_" else key
        if len(said) > length and said.startswith(name) and said[length].isupper():
            return True
    return False


def codes(concept: Node | None) -> set[tuple[str | None, str | None]]:
    """(system, code) of each Coding of a CodeableConcept."""
    return {(coding.get("system"), coding.get("code")) for coding in (concept or {}).get("coding", ())}


def repeated(values: Sequence[Hashable]) -> list[int]:
    """Positions of the values that stood before; None is no value."""
    seen: set[Hashable] = set()
    found = []
    for index, value in enumerate(values):
        if value is not None and value in seen:
            found.append(index)
        seen.add(value)
    return found


def twice(key: str, says: str, child: str, *names: str) -> Rule:
    """A rule that no two of the children say the same in all of the names."""

    def find(node: Node) -> Iterable[str]:
        values = [tuple(inner.get(name) for name in names) for inner in node.get(child, ())]
        return [f"{child}[{i}]" for i in repeated([value if any(value) else None for value in values])]

    return Rule(key, says, find)
