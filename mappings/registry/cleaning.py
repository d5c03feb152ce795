"""The allow-list as code: for each element at its place a function that says what of it leaves, made once.

A cleaner is given a value and the `Passage` of its patient; None: nothing of it leaves. What falls is counted there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache, partial
from itertools import chain
from typing import Any

from mappings.canonicals import Canonicals
from mappings.r4.build import Element
from mappings.r4.shapes import definitions
from mappings.registry.allow_list import AllowList, Rule, Table, admitted, allow_list, known_profile
from mappings.registry.pseudonyms import move_back
from mappings.terminology import tables

OLDEST_SHOWN = 89
"""Who is older than this in the data is one group: the year of birth is masked."""

_REFERENCE = re.compile(r"(?:https?://\S+/)?([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/[A-Za-z0-9.-]+)?")
REPLACED = ("resourceType", "id", "meta", "identifier")
"""What every resource gets anew."""

_MANY = 512
"""Sets of keys that are remembered of an element, whatever others send; what we write has a handful."""

_PLAIN = {"boolean": (bool,), "integer": (int,), "decimal": (int, Decimal, float)}
_YEAR = len("2026")


class StaysHome(Exception):
    """Why one resource cannot leave."""


@dataclass(slots=True)
class Passage:
    """One patient on the way out. `leaving`: `Type/id` of what leaves too, and how it is called then.

    `days`: by which dates go back. `latest_year`: of any date in the data, None where there is none.
    `dropped`: how many elements fell by what they hold, by their path; `fallen`: paths of what fell by its name.
    `moved`: dates that were moved already.
    """

    leaving: Mapping[str, str]
    days: int
    latest_year: int | None
    dropped: Counter[str] = field(default_factory=Counter)
    fallen: list[tuple[str, ...]] = field(default_factory=list)
    moved: dict[str, str | None] = field(default_factory=dict)

    def counted(self) -> Counter[str]:
        """How many elements fell, by their path."""
        return self.dropped + Counter(chain.from_iterable(self.fallen))


Cleaner = Callable[[Any, Passage], Any]


@cache
def walks(canonicals: Canonicals) -> tuple[Mapping[str, Walk], Mapping[str, Walk]]:
    """How each resource type that may leave is cleaned, but for what every resource gets anew; and its `meta`."""
    rules = allow_list()
    return (
        {kind: Walk(table, kind, rules, canonicals, REPLACED) for kind, table in rules.resources.items()},
        {kind: Walk(rules.meta, f"{kind}.meta", rules, canonicals) for kind in rules.resources},
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    """What becomes of an object with such keys. `steps`: name, path, and how a value and how a list of them is cleaned.

    `fallen`: paths of what never leaves. `whole`: it has all that it needs, if every step leaves something.
    """

    steps: tuple[tuple[str, str, Cleaner, Cleaner], ...]
    fallen: tuple[str, ...]
    whole: bool


class Walk:
    """Of an element of one data type at one place.

    What an object may lose is told by its keys, and objects with the same keys come again and again: for each set of
    keys it is worked out once. Only sets of R4's own names are remembered, and not many.
    """

    __slots__ = ("_cleaners", "_extensions", "_plans", "_replaced", "_table", "path")

    def __init__(
        self, table: Table, path: str, rules: AllowList, canonicals: Canonicals, replaced: tuple[str, ...] = ()
    ) -> None:
        self.path = path
        self._table = table
        self._replaced = replaced
        self._cleaners = {
            name: _cleaner(rule, f"{path}.{name}", rules, canonicals) for name, rule in table.rules.items()
        }
        self._extensions = _Extensions(rules, canonicals)
        self._plans: dict[tuple[str, ...], _Plan] = {}

    def __call__(self, value: Any, passage: Passage) -> Element | None:
        """What is left of the element; None too where it cannot stand without what it lost."""
        if not isinstance(value, dict):
            return None
        kept, why = self.parts(value, passage)
        return None if why else kept or None

    def parts(self, said: Element, passage: Passage) -> tuple[Element, str]:
        """What is left, and why it cannot stand without what it lost. Raises StaysHome for a modifierExtension."""
        kept: Element = {}
        plan = self._plans.get(tuple(said)) or self._planned(tuple(said))
        for name, path, one, several in plan.steps:
            value = said[name]
            left = (several if isinstance(value, list) else one)(value, passage)
            if left is None:
                passage.dropped[path] += 1
            else:
                kept[name] = left
        if plan.fallen:
            passage.fallen.append(plan.fallen)
        if self._table.spans:
            self._keep_apart(kept, passage)
        return kept, "" if plan.whole and len(kept) == len(plan.steps) else self._lack(said, kept)

    def _keep_apart(self, kept: Element, passage: Passage) -> None:
        """A month beside one of its days is no span to R4 (per-1), and moving can bring them together."""
        first, last = self._table.spans
        start, end = kept.get(first, ""), kept.get(last, "")
        if len(start) > len(end) and end and start.startswith(end):
            kept[first] = end
        elif len(start) < len(end) and start and end.startswith(start):
            del kept[first]
            passage.dropped[f"{self.path}.{first}"] += 1

    def _lack(self, said: Element, kept: Element) -> str:
        for name in self._table.needs:
            if name not in kept:
                return f"cannot leave without its {name}"
        for name in self._table.changes:
            if name in said and name not in kept:
                return f"cannot leave without its {name}"
        return ""

    def _planned(self, keys: tuple[str, ...]) -> _Plan:
        steps = tuple(step for name in keys if (step := self._step(name)))
        named = {name for name, *_ in steps}
        fallen = tuple(f"{self.path}.{name}" for name in keys if name not in named and name not in self._replaced)
        changed = named.issuperset(name for name in self._table.changes if name in keys)
        plan = _Plan(steps, fallen, changed and named.issuperset(self._table.needs))
        if names_of(self.path.partition(".")[0]).issuperset(keys):
            if len(self._plans) >= _MANY:
                self._plans.clear()
            self._plans[keys] = plan
        return plan

    def _step(self, name: str) -> tuple[str, str, Cleaner, Cleaner] | None:
        """None: of what the table does not name nothing leaves, but for extensions, which have rules of their own."""
        path = f"{self.path}.{name}"
        if cleaner := self._cleaners.get(name):
            return name, path, cleaner, partial(_several, cleaner, path)
        if name == "modifierExtension":
            return name, path, _no_modifier, _no_modifier
        if name == "extension":
            return name, path, _nothing, partial(self._extensions.left, path)
        if name.startswith("_") and name[1:] in self._cleaners:
            return name, path, partial(self._extensions.beside, path), _nothing
        return None


@cache
def names_of(kind: str) -> frozenset[str]:
    """What R4 calls the elements of a resource type, and of what stands in it."""
    said = definitions(kind).values()
    return frozenset(name for one in said for name in one.get("properties", ()))


def _nothing(_: Any, __: Passage) -> None:
    return None


def _no_modifier(value: Any, _: Passage) -> None:
    if value:
        raise StaysHome("has a modifierExtension")


class _Extensions:
    """By the place where they stand and their URL."""

    __slots__ = ("_canonicals", "_rules", "_walks")

    def __init__(self, rules: AllowList, canonicals: Canonicals) -> None:
        self._rules, self._canonicals = rules, canonicals
        self._walks: dict[tuple[str, Any], Walk] = {}

    def beside(self, path: str, said: Any, passage: Passage) -> Element | None:
        """Of what stands beside a primitive value, its extensions."""
        extensions = said.get("extension") if isinstance(said, dict) else None
        left = self.left(path, extensions, passage) if isinstance(extensions, list) else None
        return {"extension": left} if left else None

    def left(self, path: str, said: list[Any], passage: Passage) -> list[Element] | None:
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


def _several(cleaner: Cleaner, path: str, values: list[Any], passage: Passage) -> list[Any] | None:
    if len(values) == 1:  # so it is nearly always
        only = cleaner(values[0], passage)
        return None if only is None else [only]
    left = [each for value in values if (each := cleaner(value, passage)) is not None]
    if left and len(left) < len(values):
        passage.dropped[path] += len(values) - len(left)
    return left or None


def _cleaner(rule: Rule, path: str, rules: AllowList, canonicals: Canonicals) -> Cleaner:
    if isinstance(rule, Table):
        return Walk(rule, path, rules, canonicals)
    if isinstance(rule, frozenset):
        return _one_of(rule)
    if rule in _PLAIN:
        types = _PLAIN[rule]
        return lambda value, _: value if type(value) in types else None
    if rule == "coding":
        return _coding(canonicals)
    if rule == "ucum":
        return _one_of(frozenset(tables.units()))
    if rule == "profile":
        return _profile(canonicals)
    return _VERBS[rule]


def _one_of(codes: frozenset[str]) -> Cleaner:
    return lambda value, _: value if value.__class__ is str and value in codes else None


def _profile(canonicals: Canonicals) -> Cleaner:
    """Of what was found to be ours is kept that it is; of what was not, nothing."""
    ours: set[str] = set()

    def left(value: Any, _: Passage) -> str | None:
        if value.__class__ is not str:
            return None
        if value not in ours:
            if not known_profile(value, canonicals):
                return None
            if len(ours) < _MANY:
                ours.add(value)
        return value

    return left


def _coding(canonicals: Canonicals) -> Cleaner:
    """System and code alone: a display or version is whatever somebody typed."""

    ours = admitted(canonicals)

    def left(value: Any, _: Passage) -> Element | None:
        if not isinstance(value, dict):
            return None
        system, code = value.get("system"), value.get("code")
        if system.__class__ is not str or code.__class__ is not str:
            return None
        return {"system": system, "code": code} if (system, code) in ours else None

    return left


def _date(value: Any, passage: Passage) -> str | None:
    if value.__class__ is not str:
        return None
    moved = passage.moved
    if value not in moved:
        moved[value] = move_back(value, passage.days)
    return moved[value]


def _birth(value: Any, passage: Passage) -> str | None:
    """The year alone; nothing over 89, and where there is no date at all to tell the age by."""
    match = PARTIAL.fullmatch(value) if isinstance(value, str) else None
    latest = passage.latest_year
    if not match or latest is None or latest - int(match[1]) > OLDEST_SHOWN:
        return None
    return match[1]


def _reference(value: Any, passage: Passage) -> str | None:
    if value.__class__ is not str:
        return None
    if found := passage.leaving.get(value):  # most name no server and no version
        return found
    match = _REFERENCE.fullmatch(value)
    return passage.leaving.get(f"{match[1]}/{match[2]}") if match else None


_VERBS: Mapping[str, Cleaner] = {"date": _date, "birth": _birth, "reference": _reference}
PARTIAL = re.compile(r"(\d{4})(?:-\d{2}(?:-\d{2}(?:T\S+)?)?)?")
"""A date or dateTime of whatever precision; its year is the first group."""
