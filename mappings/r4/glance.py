"""A first look at a resource that tells only whether all is well; `validate` explains where it is not.

Most resources are sound, and a sound one needs no paths and no sentences. The same schemas and rules are asked. What
an object may hold is told by its keys, and for each set of keys it is worked out once what is left to ask (`kind`).
What can never change (`frozen`) and was found sound,
whatever stands around it, is not looked at again.

A "no" here is no verdict: it sends the resource to the whole validation. So what is rare is a no: a required element
that is given by its `_name` only, a null among texts.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from mappings.r4 import containment, extensions, profile
from mappings.r4.expression import Words
from mappings.r4.frozen import Frozen
from mappings.r4.inside import HOLDERS, inside
from mappings.r4.kind import MANY, Around, Check, Kind, Look, Test, never
from mappings.r4.literals import fits, literal
from mappings.r4.primitives import PRIMITIVES, Schema
from mappings.r4.rule import Node
from mappings.r4.shapes import definitions, rules_of
from mappings.r4.typenames import RESOURCE_TYPES

_EXTENSIONS = ("extension", "modifierExtension")


def sound(resource: Any) -> bool:
    """Is the resource R4, with what is within it, and does each keep to the profiles of ours that it names?"""
    try:
        if "contained" in resource:
            return _holding_sound(resource)
        return _plan(resource)(resource, Around(resource, _NOTHING, _NONE, None))
    except (AttributeError, LookupError, TypeError):  # something else than what should stand there
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
        if not _plan(one)(one, around):
            return False
    return _plan(resource)(resource, around) and around.contained.keys() <= around.seen


_PLANS: dict[tuple[str, ...], Look] = {}
"""What a resource is asked, by its type, the first profile that it names, and its keys."""


def _plan(resource: Node) -> Look:
    meta = resource.get("meta")
    named = meta["profile"][0] if meta and "profile" in meta else ""
    return _PLANS.get((resource["resourceType"], named, *resource)) or _made(resource, named)


def _made(resource: Node, named: str) -> Look:
    kind, words = kind_of(resource["resourceType"]), Words()
    if kind is None or not kind.may_have(frozenset(resource)):
        return never
    if len(_PLANS) >= MANY:
        _PLANS.clear()
    said = kind.asked(resource, "node", words)
    if named != "":
        said.append(profile.put(resource, named, words))
    if kind.name in HOLDERS:
        said.append(f"{words(_inside_sound)}(node)")
    _PLANS[resource["resourceType"], named, *resource] = plan = words.function("node, around", said)
    return plan


def _inside_sound(holder: Node) -> bool:
    return all(sound(inner) for _, inner in inside(holder, ""))


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
def kind_of(resource_type: Any) -> Kind | None:
    """A resource type; None where it is none, or there is no schema of it."""
    try:
        return _kind(resource_type, resource_type) if resource_type in RESOURCE_TYPES else None
    except LookupError:
        return None


def _kind(name: str, resource_type: str) -> Kind:
    """A type that the schema of `resource_type` knows; every schema that knows it says the same of it."""
    return _KINDS.get(name) or _KINDS.setdefault(name, _read(name, resource_type))


_KINDS: dict[str, Kind] = {}


def _read(name: str, resource_type: str) -> Kind:
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
        _test,
    )


def _first(rule: Schema) -> str:
    """Of an element that is required, itself or by its `_name`: itself."""
    name: str = rule.get("anyOf", [rule])[0]["required"][0]
    return name


# ---- the tests of single elements


def _holder(kind: Kind) -> Look:
    plans, plan = kind.plans, kind.plan
    return lambda node, around: (plans.get(tuple(node)) or plan(node))(node, around)


def _test(kind: Kind, key: str) -> Test:
    """What is asked of the value of one element."""
    item = kind.properties[key]
    if "items" not in item:
        return _one(kind, key, item)
    one = _one(kind, key, item["items"])
    if one.kind:
        return one._replace(each=_each_of(one.kind))
    return one._replace(each=_each_around(one.look)) if one.look else Test(one.check and _each(one.check))


def _one(kind: Kind, key: str, item: Schema) -> Test:
    match item:
        case {"anyOf": [first, _]}:  # or null, which stands beside a `_name` only
            return _one(kind, key, first)
        case {"$ref": ref}:
            return _typed(kind, key, ref.rpartition("/")[2])
        case {"allOf": [_, {"$comment": targets} as limit]}:
            return _reference(kind, frozenset(targets.split("|")), limit["properties"]["reference"])
        case {"allOf": [{"$ref": ref}, limit]}:
            return Test(look=_limited(_kind(ref.rpartition("/")[2], kind.resource_type), fits(limit)))
        case {"enum": allowed}:
            return Test(frozenset(allowed).__contains__)
        case {"const": only}:
            return Test(frozenset([only]).__contains__)
    return Test(lambda value: isinstance(value, dict))  # a resource, which is looked at by its own type


def _typed(kind: Kind, key: str, name: str) -> Test:
    if name.startswith("p-"):
        return Test(literal(name.removeprefix("p-")))
    inner = _kind(name, kind.resource_type)
    if key in _EXTENSIONS and kind.name != "Extension":
        return Test(look=_extension(_holder(inner), kind.name, key))
    return Test(kind=inner)


def _limited(kind: Kind, more: Check) -> Look:
    """What the type asks, and more, which the value alone decides."""
    holds = _holder(kind)

    def look(node: Any, around: Around) -> bool:
        if not holds(node, around) or not more(node):
            return False
        if node.__class__ is Frozen and kind.settled(node):
            node.passed |= {look}
        return True

    return look


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


def _reference(kind: Kind, targets: frozenset[str], said: Schema) -> Test:
    """A Reference that may lead to these types. `said`: the pattern of a literal one."""
    readable = fits({"allOf": [PRIMITIVES["string"], said]})
    holds, any_ = _holder(_kind("Reference", kind.resource_type)), "Resource" in targets

    @lru_cache(maxsize=256)
    def plain(target: str) -> bool:
        """Is it by a type and an id? Then nothing is asked of what stands around it."""
        return target[:1] != "#" and ":" not in target and readable(target)

    def leads(node: Any, around: Around) -> bool:
        if (len(node) != 1 or "reference" not in node) and not holds(node, around):
            return False
        if "reference" not in node:
            return True
        target = node["reference"]
        if plain(target):
            if node.__class__ is Frozen and len(node) == 1:
                node.passed |= {leads}
            return True
        if target in around.contained:
            around.seen.add(target)
            return any_ or around.contained[target] in targets
        if target == "#":
            return any_ or around.resource["resourceType"] in targets
        return ":" in target and readable(target) and containment.misplaced(target, targets, around.resource) is None

    return Test(look=leads, plain=plain)
