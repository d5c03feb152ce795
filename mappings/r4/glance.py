"""A first look at a resource that tells only whether all is well; `validate` explains where it is not.

Most resources are sound, and a sound one needs no paths and no sentences. The same schemas and rules are asked. What
an object may hold is told by its keys, and objects with the same keys come again and again: for each set of keys it is
worked out once which of its values have to be looked at, and how. What can never change (`frozen`) and was found sound,
whatever stands around it, is not looked at again.

A "no" here is no verdict: it sends the resource to the whole validation. So what is rare is a no: a required element
that is given by its `_name` only, a null among texts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from mappings.canonicals import UCUM
from mappings.r4 import codes, containment, extensions, units
from mappings.r4.datatype_rules import TIME_UNITS
from mappings.r4.frozen import Frozen
from mappings.r4.literals import fits, literal
from mappings.r4.primitives import PRIMITIVES, Schema
from mappings.r4.rule import Node
from mappings.r4.shapes import COMPANION, definitions, rules_of

Check = Callable[[Any], bool]
Look = Callable[[Any, "Around"], bool]
Test = tuple[Check | None, "Look | Kind | None"]
"""One of the two: what the value alone decides, or what it decides with what stands around it, or its type for that."""

_EXTENSIONS = ("extension", "modifierExtension")
_MANY = 512
"""Sets of keys that are remembered of a type, whatever others send; what we write has a handful."""


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


@dataclass(slots=True, eq=False)
class Kind:
    """One type. `choices`: the elements of which one may stand, and whether one must."""

    name: str
    resource_type: str
    properties: dict[str, Schema]
    required: frozenset[str]
    choices: tuple[tuple[frozenset[str], bool], ...]
    rules: tuple[Check, ...]
    plans: dict[tuple[str, ...], Look] = field(default_factory=dict)

    def plan(self, node: Any) -> Look:
        """What an object with such keys is asked; a no where they are not those of a sound one, or of a rare one."""
        if not isinstance(node, dict) or not self._may_have(frozenset(node)):
            return _never
        if len(self.plans) >= _MANY:
            self.plans.clear()
        self.plans[tuple(node)] = plan = self._compiled(tuple(node))
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

    def _may_have(self, keys: frozenset[str]) -> bool:
        if not keys or not keys <= self.properties.keys() or not keys >= self.required:
            return False
        if keys == {"id"} and self.name != COMPANION:  # ele-1
            return False
        return all(len(keys & names) in ((1,) if must else (0, 1)) for names, must in self.choices)

    def _compiled(self, keys: tuple[str, ...]) -> Look:
        """One expression for all that is asked: a loop would cost more than what it asks."""
        coded = _coded(self.name, keys)
        names: dict[str, Any] = {"coded": coded}
        said = ["coded(node['system'], node['code'])"] if coded else []
        for index, key in enumerate(key for key in keys if not (coded and key in ("system", "code"))):
            check, look = _test(self, key)
            value = f"node[{key!r}]"
            if isinstance(look, Kind):  # what `_each_of` does with one, without a call of its own
                names |= {f"kind{index}": look, f"plans{index}": look.plans, "Frozen": Frozen}
                said.append(_ONE.format(i=index, key=key))
            else:
                names[f"test{index}"] = check or look
                said.append(f"test{index}({value})" if check else f"test{index}({value}, around)")
        for index, broken in enumerate(() if coded or _one_value(self.name, keys) else self.rules):
            names[f"broken{index}"] = broken
            said.append(f"not broken{index}(node)")
        plan: Look = eval(f"lambda node, around: {' and '.join(said)}", names)  # noqa: S307  the keys are the schema's
        return plan


def sound(resource: Node) -> bool:
    """Is the resource R4, with what it contains? `resourceType` names a type of R4."""
    try:
        if "contained" in resource:
            return _holding_sound(resource)
        return _fits(resource, Around(resource, _NOTHING, _NONE, None))
    except TypeError:  # an object or a list stands where a text should
        return False


_NOTHING: dict[str, str] = {}
_NONE: set[str] = set()
"""Of a resource that contains nothing; nothing is added, for nothing can be seen."""


def _holding_sound(resource: Node) -> bool:
    contained = resource["contained"]
    if not _containable(contained):
        return False
    around = Around(resource, {f"#{one.get('id')}": one["resourceType"] for one in contained}, set(), set())
    for one in contained:
        if not _fits(one, around):
            return False
    return _fits(resource, around) and around.contained.keys() <= around.seen


def _fits(resource: Node, around: Around) -> bool:
    kind = kind_of(resource["resourceType"])
    return kind is not None and (kind.plans.get(tuple(resource)) or kind.plan(resource))(resource, around)


def _containable(contained: Any) -> bool:
    if not isinstance(contained, list):
        return False
    for one in contained:
        if not isinstance(one, dict) or "contained" in one or not isinstance(one.get("resourceType"), str):
            return False
        meta = one.get("meta")
        if isinstance(meta, dict) and not meta.keys().isdisjoint(("versionId", "lastUpdated", "security")):
            return False
    return True


@lru_cache(maxsize=256)
def kind_of(resource_type: str) -> Kind | None:
    """A resource type; None where there is no schema of it."""
    try:
        return _kind(resource_type, resource_type)
    except LookupError:
        return None


@cache
def _kind(name: str, resource_type: str) -> Kind:
    """`name` as the schema of a resource type knows it."""
    said = definitions(resource_type)[name]
    required, choices = set(said.get("required", ())), []
    for rule in said.get("allOf", ()):
        if "oneOf" in rule:
            members = [_first(one) for one in rule["oneOf"] if "not" not in one]
            choices.append((frozenset(members), len(members) == len(rule["oneOf"])))
        else:
            required.add(_first(rule))
    companions = {f"_{member}" for members, _ in choices for member in members}
    return Kind(
        name,
        resource_type,
        {key: item for key, item in said["properties"].items() if key not in companions},
        frozenset(required),
        tuple(choices),
        tuple(one.broken for one in rules_of(name)),
    )


def _first(rule: Schema) -> str:
    """Of an element that is required, itself or by its `_name`: itself."""
    name: str = rule.get("anyOf", [rule])[0]["required"][0]
    return name


# ---- what types are asked that have few forms and stand everywhere


_ONE = (
    "((one := node[{key!r}]).__class__ is Frozen and (kind{i} in one.passed or kind{i}.settled(one))"
    " or (plans{i}.get(tuple(one)) or kind{i}.plan(one))(one, around))"
)


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


def _one_value(name: str, keys: tuple[str, ...]) -> bool:
    """An extension with its URL and one thing more keeps ext-1."""
    return name == "Extension" and len(keys) == 2 and not any(key == "id" or key[0] == "_" for key in keys)


# ---- the tests of single elements


def _never(_: Any, __: Around) -> bool:
    return False


def _holder(kind: Kind) -> Look:
    plans, plan = kind.plans, kind.plan
    return lambda node, around: (plans.get(tuple(node)) or plan(node))(node, around)


def _test(kind: Kind, key: str) -> Test:
    """What is asked of the value of one element."""
    item = kind.properties[key]
    if "items" not in item:
        return _one(kind, key, item)
    check, look = _one(kind, key, item["items"])
    if isinstance(look, Kind):
        return None, _each_of(look)
    return (_each(check) if check else None), (_each_around(look) if look else None)


def _one(kind: Kind, key: str, item: Schema) -> Test:
    match item:
        case {"anyOf": [first, _]}:  # or null, which stands beside a `_name` only
            return _one(kind, key, first)
        case {"$ref": ref}:
            return _typed(kind, key, ref.rpartition("/")[2])
        case {"allOf": [_, {"$comment": targets} as limit]}:
            return None, _reference(kind, frozenset(targets.split("|")), limit["properties"]["reference"])
        case {"allOf": [{"$ref": ref}, limit]}:
            inner, more = _holder(_kind(ref.rpartition("/")[2], kind.resource_type)), fits(limit)
            return None, lambda value, around: inner(value, around) and more(value)
        case {"enum": allowed}:
            return frozenset(allowed).__contains__, None
        case {"const": only}:
            return frozenset([only]).__contains__, None
    return (lambda value: isinstance(value, dict)), None  # a resource, which is looked at by its own type


def _typed(kind: Kind, key: str, name: str) -> Test:
    if name.startswith("p-"):
        return literal(name.removeprefix("p-")), None
    inner = _kind(name, kind.resource_type)
    if key in _EXTENSIONS and kind.name != "Extension":
        return None, _extension(_holder(inner), kind.name, key)
    return None, inner


def _extension(holds: Look, carrier: str, key: str) -> Look:
    keeps = extensions.sound

    def passes(node: Any, around: Around) -> bool:
        if around.passed is None:
            return holds(node, around) and keeps(node, carrier, key, around.resource)
        this = id(node), carrier, key
        if this not in around.passed:
            if not holds(node, around) or not keeps(node, carrier, key, around.resource):
                return False
            around.passed.add(this)
        return True

    return passes


def _each(check: Check) -> Check:
    def each(values: Any) -> bool:
        if not isinstance(values, list) or not values:
            return False
        for one in values:  # noqa: SIM110  a generator costs three times as much
            if not check(one):
                return False
        return True

    return each


def _each_of(kind: Kind) -> Look:
    plans, plan, settled = kind.plans, kind.plan, kind.settled

    def each(values: Any, around: Around) -> bool:
        if not isinstance(values, list) or not values:
            return False
        for one in values:
            if one.__class__ is Frozen and (kind in one.passed or settled(one)):
                continue
            if not (plans.get(tuple(one)) or plan(one))(one, around):
                return False
        return True

    return each


def _each_around(look: Look) -> Look:
    def each(values: Any, around: Around) -> bool:
        if not isinstance(values, list) or not values:
            return False
        for one in values:  # noqa: SIM110  as above
            if not look(one, around):
                return False
        return True

    return each


def _reference(kind: Kind, targets: frozenset[str], said: Schema) -> Look:
    """A Reference that may lead to these types. `said`: the pattern of a literal one."""
    readable = lru_cache(maxsize=256)(fits({"allOf": [PRIMITIVES["string"], said]}))
    holds, any_ = _holder(_kind("Reference", kind.resource_type)), "Resource" in targets

    def leads(node: Any, around: Around) -> bool:
        if (len(node) != 1 or "reference" not in node) and not holds(node, around):
            return False
        if "reference" not in node:
            return True
        target = node["reference"]
        if target in around.contained:
            around.seen.add(target)
            return any_ or around.contained[target] in targets
        if target == "#":
            return any_ or around.resource["resourceType"] in targets
        if not readable(target) or target[0] == "#":
            return False
        return ":" not in target or containment.misplaced(target, targets, around.resource) is None

    return leads
