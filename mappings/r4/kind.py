"""A type of R4 as the first look at a resource (`glance`) sees it: what its objects are asked, as one expression.

Objects with the same keys come again and again. For each set of keys an expression is written once, from the first
object that has them: it asks what the keys leave open (`by_keys`). An object within that is like the first one's is
asked on the spot, by the same expression; every other by the expression of its own type.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from mappings.canonicals import UCUM
from mappings.r4 import by_keys, codes, units
from mappings.r4.datatype_rules import TIME_UNITS
from mappings.r4.expression import Words
from mappings.r4.frozen import Frozen
from mappings.r4.literals import literal
from mappings.r4.primitives import Schema
from mappings.r4.rule import Node
from mappings.r4.shapes import COMPANION

Check = Callable[[Any], bool]
Look = Callable[[Any, "Around"], bool]

MANY = 512
"""Sets of keys that are remembered of a type, whatever others send; what we write has a handful."""

_DEEPEST = 1
"""Objects in objects that are asked on the spot."""


class Test(NamedTuple):
    """What a value is asked: `check`, where it alone decides, or `look`, or what its type (`kind`) asks.

    `each`: the same of a list. `plain`: of a reference and nothing else, what lets it pass without a look.
    """

    check: Check | None = None
    look: Look | None = None
    kind: Kind | None = None
    each: Look | None = None
    plain: Check | None = None


@dataclass(slots=True)
class Around:
    """What stands around an element: the resource, what it contains, and the `#` references met on the way.

    `passed`: the extensions that passed, and where, of a resource that contains others: the days of one drug hold the
    very same one.
    """

    resource: Node
    contained: dict[str, str]
    seen: set[str]
    passed: set[tuple[int, str, str]] | None


class _LooksAround(Exception):
    """Something asks what stands around it."""


class _Nowhere:
    """Stands for what stands around an element, and tells who asks for it."""

    def __getattr__(self, name: str) -> Any:
        raise _LooksAround


_NOWHERE: Any = _Nowhere()


_PLAIN = {
    literal("boolean"): "{here}.__class__ is bool",
    literal("decimal"): "(({one} := {here}).__class__ is int or {one}.__class__ is Decimal and {one}.is_finite())",
}
"""What is asked of a value without a call."""

_LOOKED_AT = "(({one} := {here}).__class__ is Frozen and {look} in {one}.passed or {look}({one}, around))"
_REFERENCE = (
    "(({one} := {here}).__class__ is dict and len({one}) == 1 and 'reference' in {one}"
    " and {plain}({one}['reference']) or {asked})"
)
_ALONE = "(({one} := {here}).__class__ is {list} and len({one}) == 1 and {asked} or {each}({one}, around))"
_STILL = "{here}.__class__ is Frozen and ({kind} in {one}.passed or {kind}.settled({one}))"
_AFRESH = "({plans}.get(tuple({one})) or {kind}.plan({one}))({one}, around)"


@dataclass(slots=True, eq=False)
class Kind:
    """One type. `choices`: the elements of which one may stand, and whether one must."""

    name: str
    resource_type: str
    properties: dict[str, Schema]
    required: frozenset[str]
    choices: tuple[tuple[frozenset[str], bool], ...]
    rules: tuple[Check, ...]
    made: Callable[[Kind, str], Test]
    """The test of an element."""
    plans: dict[tuple[str, ...], Look] = field(default_factory=dict)
    tests: dict[str, Test] = field(default_factory=dict)

    def plan(self, node: Any) -> Look:
        """What an object with such keys is asked; a no where they are not those of a sound one, or of a rare one."""
        if not isinstance(node, dict) or not self.may_have(frozenset(node)):
            return never
        if len(self.plans) >= MANY:
            self.plans.clear()
        words = Words()
        self.plans[tuple(node)] = plan = words.function("node, around", self.asked(node, "node", words))
        return plan

    def settled(self, node: Frozen) -> bool:
        """Is what never changes sound for this type, whatever stands around it? Remembered where it is."""
        try:
            holds = (self.plans.get(tuple(node)) or self.plan(node))(node, _NOWHERE)
        except _LooksAround:
            return False
        if holds:
            node.passed |= {self}
        return bool(holds)

    def may_have(self, keys: frozenset[str]) -> bool:
        if not keys or not keys <= self.properties.keys() or not keys >= self.required:
            return False
        if keys == {"id"} and self.name != COMPANION:  # ele-1
            return False
        return all(len(keys & names) in ((1,) if must else (0, 1)) for names, must in self.choices)

    def asked(self, node: Node, here: str, words: Words, within: int = 0) -> list[str]:
        """What objects with the keys of this one are asked; `here`: what they are called in the expression."""
        coded = _coded(self.name, tuple(node))
        said = [f"{words(coded)}({here}['system'], {here}['code'])"] if coded else []
        for key, value in node.items():
            if not coded or key not in ("system", "code"):
                said.append(self._value(key, value, f"{here}[{key!r}]", words, within))
        for broken in () if coded else self.rules:
            settled = by_keys.answer(broken, node)
            if settled is not False:
                said.append("False" if settled else f"not {words(broken)}({here})")
        return said

    def _value(self, key: str, value: Any, here: str, words: Words, within: int) -> str:
        """What is asked of the value of one element; of a list with one item, it is asked on the spot."""
        test, one = self._test(key), words.another()
        if test.check:
            return _PLAIN.get(test.check, "{check}({here})").format(here=here, one=one, check=words(test.check))
        if not test.each:
            return _single(test, value, here, words, within)
        each = words(test.each)
        if not isinstance(value, list) or len(value) != 1:
            return f"{each}({here}, around)"
        asked, kind = _single(test, value[0], f"{one}[0]", words, within), words(value.__class__)
        return _ALONE.format(here=here, one=one, list=kind, asked=asked, each=each)

    def _test(self, key: str) -> Test:
        """What is asked of the value of one element, made once."""
        if key not in self.tests:
            self.tests[key] = self.made(self, key)
        return self.tests[key]


def _single(test: Test, value: Any, here: str, words: Words, within: int) -> str:
    """What is asked of one value; one that is like this one is asked on the spot, with what is in it."""
    one, kind = words.another(), test.kind
    if not kind:
        asked = _LOOKED_AT.format(here=here, one=one, look=words(test.look))
        is_plain = test.plain and value.__class__ is dict and value.keys() == {"reference"}
        return _REFERENCE.format(here=here, one=one, plain=words(test.plain), asked=asked) if is_plain else asked
    said = {"one": one, "kind": words(kind), "plans": words(kind.plans)}
    afresh, there = _AFRESH.format(**said), f"({one} := {here})"
    if value.__class__ is not dict or within == _DEEPEST or not kind.may_have(frozenset(value)):
        return f"({_STILL.format(here=there, **said)} or {afresh})"
    alike = [f"{there}.__class__ is dict and len({one}) == {len(value)}", *(f"{key!r} in {one}" for key in value)]
    alike += kind.asked(value, one, words, within + 1)
    return f"({' and '.join(alike)} or {_STILL.format(here=one, **said)} or {afresh})"


def never(_: Any, __: Around) -> bool:
    return False


# ---- what types are asked that have few forms and stand everywhere


def _coded(name: str, keys: tuple[str, ...]) -> Callable[[Any, Any], bool] | None:
    """What settles the system and the code of such an element, and all rules of it; None where the rules are asked."""
    wanted = {"system", "code", "value"} if name == "Duration" else {"system", "code"}
    return _CODED.get(name) if wanted <= set(keys) and "version" not in keys else None


@lru_cache(maxsize=4096)
def _is_code(system: Any, code: Any) -> bool:
    return _are_literals(system, code) and not codes.RULE.broken({"system": system, "code": code})


@lru_cache(maxsize=1024)
def _is_unit(system: Any, code: Any) -> bool:
    return _are_literals(system, code) and not units.RULE.broken({"system": system, "code": code})


def _is_time(system: Any, code: Any) -> bool:
    return bool(system == UCUM and code in TIME_UNITS)


def _are_literals(system: Any, code: Any) -> bool:
    return literal("uri")(system) and literal("code")(code)


_CODED: dict[str, Callable[[Any, Any], bool]] = {"Coding": _is_code, "Quantity": _is_unit, "Duration": _is_time}
