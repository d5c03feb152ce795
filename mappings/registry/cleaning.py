"""The allow-list as code: for each element at its place a function that says what of it leaves, made once.

A cleaner is given a value and the `Passage` of its patient; None: nothing of it leaves. What falls is counted there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

from mappings.canonicals import Canonicals
from mappings.r4.build import Element, coding
from mappings.registry.allow_list import AllowList, Rule, Table, allow_list, known_profile, known_unit
from mappings.registry.pseudonyms import move_back

OLDEST_SHOWN = 89
"""Who is older than this in the data is one group: the year of birth is masked."""

_REFERENCE = re.compile(r"(?:https?://\S+/)?([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/[A-Za-z0-9.-]+)?")
_PLAIN = {"boolean": (bool,), "integer": (int,), "decimal": (int, Decimal, float)}
_YEAR = len("2026")


class StaysHome(Exception):
    """Why one resource cannot leave."""


@dataclass(slots=True)
class Passage:
    """One patient on the way out. `leaving`: `Type/id` of what leaves too, and how it is called then.

    `days`: by which dates go back. `latest_year`: of any date in the data, None where there is none.
    `dropped`: how many elements fell, by their path. `moved`: dates that were moved already.
    """

    leaving: Mapping[str, str]
    days: int
    latest_year: int | None
    dropped: Counter[str] = field(default_factory=Counter)
    moved: dict[str, str | None] = field(default_factory=dict)


Cleaner = Callable[[Any, Passage], Any]


@cache
def walks(canonicals: Canonicals) -> tuple[Mapping[str, Walk], Mapping[str, Walk]]:
    """How each resource type that may leave is cleaned, and its `meta`."""
    rules = allow_list()
    return (
        {kind: Walk(table, kind, rules, canonicals) for kind, table in rules.resources.items()},
        {kind: Walk(rules.meta, f"{kind}.meta", rules, canonicals) for kind in rules.resources},
    )


class Walk:
    """Of an element of one data type at one place."""

    __slots__ = ("_cleaners", "_extensions", "_table", "path")

    def __init__(self, table: Table, path: str, rules: AllowList, canonicals: Canonicals) -> None:
        self.path = path
        self._table = table
        self._cleaners = {
            name: _cleaner(rule, f"{path}.{name}", rules, canonicals) for name, rule in table.rules.items()
        }
        self._extensions = _Extensions(rules, canonicals)

    def __call__(self, value: Any, passage: Passage) -> Element | None:
        """What is left of the element; None too where it cannot stand without what it lost."""
        if not isinstance(value, dict):
            return None
        kept, why = self.parts(value, passage)
        return None if why else kept or None

    def parts(self, said: Element, passage: Passage) -> tuple[Element, str]:
        """What is left, and why it cannot stand without what it lost. Raises StaysHome for a modifierExtension."""
        kept: Element = {}
        cleaners = self._cleaners
        for name, value in said.items():
            cleaner = cleaners.get(name)
            if cleaner is None:
                left = self._unnamed(name, value, passage)
            elif isinstance(value, list):
                left = _several(value, cleaner, f"{self.path}.{name}", passage)
            else:
                left = cleaner(value, passage)
            if left is None:
                passage.dropped[f"{self.path}.{name}"] += 1
            else:
                kept[name] = left
        return kept, self._lack(said, kept)

    def _lack(self, said: Element, kept: Element) -> str:
        for name in self._table.needs:
            if name not in kept:
                return f"cannot leave without its {name}"
        for name in self._table.changes:
            if name in said and name not in kept:
                return f"cannot leave without its {name}"
        return ""

    def _unnamed(self, name: str, value: Any, passage: Passage) -> Any:
        """Extensions, which have rules of their own; of all else that the table does not name nothing leaves."""
        if name == "modifierExtension" and value:
            raise StaysHome("has a modifierExtension")
        if name == "extension":
            return self._extensions.left(value, f"{self.path}.extension", passage)
        if name.startswith("_") and name[1:] in self._cleaners and isinstance(value, dict):
            extensions = self._extensions.left(value.get("extension"), f"{self.path}.{name}", passage)
            return {"extension": extensions} if extensions else None
        return None


class _Extensions:
    """By the place where they stand and their URL."""

    __slots__ = ("_canonicals", "_rules", "_walks")

    def __init__(self, rules: AllowList, canonicals: Canonicals) -> None:
        self._rules, self._canonicals = rules, canonicals
        self._walks: dict[tuple[str, Any], Walk] = {}

    def left(self, said: Any, path: str, passage: Passage) -> list[Element] | None:
        if not isinstance(said, list):
            return None
        kept = []
        for extension in said:
            url = extension.get("url") if isinstance(extension, dict) else None
            walk = self._walk(url, path) if isinstance(url, str) else None
            left = walk({name: part for name, part in extension.items() if name != "url"}, passage) if walk else None
            if left:
                kept.append({"url": url} | left)
        if kept and len(kept) < len(said):
            passage.dropped[path] += len(said) - len(kept)
        return kept or None

    def _walk(self, url: str, path: str) -> Walk | None:
        found = self._walks.get((path, url))
        if found is None and (table := self._rules.extension(url, self._canonicals)):
            found = self._walks[path, url] = Walk(table, path, self._rules, self._canonicals)
        return found


def _several(values: list[Any], cleaner: Cleaner, path: str, passage: Passage) -> list[Any] | None:
    left = [each for value in values if (each := cleaner(value, passage)) is not None]
    if left and len(left) < len(values):
        passage.dropped[path] += len(values) - len(left)
    return left or None


def _cleaner(rule: Rule, path: str, rules: AllowList, canonicals: Canonicals) -> Cleaner:
    if isinstance(rule, Table):
        return Walk(rule, path, rules, canonicals)
    if isinstance(rule, frozenset):
        return lambda value, _: value if isinstance(value, str) and value in rule else None
    if rule in _PLAIN:
        types = _PLAIN[rule]
        return lambda value, _: value if type(value) in types else None
    if rule == "coding":
        return _coding(rules, canonicals)
    if rule == "ucum":
        return lambda value, _: value if known_unit(value) else None
    if rule == "profile":
        return lambda value, _: value if isinstance(value, str) and known_profile(value, canonicals) else None
    return _VERBS[rule]


def _coding(rules: AllowList, canonicals: Canonicals) -> Cleaner:
    """System and code alone: a display or version is whatever somebody typed."""

    def left(value: Any, _: Passage) -> Element | None:
        if not isinstance(value, dict):
            return None
        system, code = value.get("system"), value.get("code")
        if not isinstance(system, str) or not isinstance(code, str):
            return None
        return coding(system, code) if rules.admits(system, code, canonicals) else None

    return left


def _date(value: Any, passage: Passage) -> str | None:
    if not isinstance(value, str):
        return None
    if value not in passage.moved:
        passage.moved[value] = move_back(value, passage.days)
    return passage.moved[value]


def _birth(value: Any, passage: Passage) -> str | None:
    """The year alone; nothing over 89, and where there is no date at all to tell the age by."""
    match = PARTIAL.fullmatch(value) if isinstance(value, str) else None
    latest = passage.latest_year
    if not match or latest is None or latest - int(match[1]) > OLDEST_SHOWN:
        return None
    return match[1]


def _reference(value: Any, passage: Passage) -> str | None:
    match = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    return passage.leaving.get(f"{match[1]}/{match[2]}") if match else None


_VERBS: Mapping[str, Cleaner] = {"date": _date, "birth": _birth, "reference": _reference}
PARTIAL = re.compile(r"(\d{4})(?:-\d{2}(?:-\d{2}(?:T\S+)?)?)?")
"""A date or dateTime of whatever precision; its year is the first group."""
