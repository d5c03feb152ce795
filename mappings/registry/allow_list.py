"""deid-rules.toml as typed rules, read once. Its head explains the grammar; a slip in it raises ValueError."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias

from mappings.canonicals import Canonicals
from mappings.terminology import tables
from mappings.terminology.codes import local_concepts
from mappings.terminology.systems import SYSTEMS, LocalCode, UcumCode

VERBS = frozenset({"coding", "ucum", "date", "birth", "reference", "profile", "boolean", "integer", "decimal"})

Rule: TypeAlias = "str | frozenset[str] | Table"
"""A verb, the codes of a closed list, or the rules of a data type."""


@dataclass(frozen=True, slots=True)
class Table:
    """What may leave of one element, by the names of its parts."""

    rules: Mapping[str, Rule]
    needs: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AllowList:
    """Everything that may leave; `extensions` by URL or by our own short name, `codings` by system."""

    resources: Mapping[str, Table]
    meta: Table
    extensions: Mapping[str, Table]
    codings: Mapping[str, frozenset[str]]

    def extension(self, url: Any, canonicals: Canonicals) -> Table | None:
        """Rules of one extension; None where it does not leave."""
        ours = canonicals.extension("")
        name = url.removeprefix(ours) if isinstance(url, str) else ""
        return self.extensions.get(name)

    def admits(self, system: str, code: str, canonicals: Canonicals) -> bool:
        """May this coding leave?"""
        if system == canonicals.local:
            return code in _local()
        if system in self.codings:
            return code in self.codings[system]
        return system in _FORMS and _well_formed(system, code)


@cache
def allow_list() -> AllowList:
    """The packaged rules."""
    return parse(files("mappings.registry").joinpath("deid-rules.toml").read_text("utf-8"))


def parse(text: str) -> AllowList:
    """Raises ValueError naming the table and element of a rule that is none."""
    said = tomllib.loads(text)
    types: dict[str, Table] = {}
    for name in said["types"]:
        _type(name, said["types"], types)
    resources = {kind: _table(kind, rules, said["types"], types) for kind, rules in said["resources"].items()}
    extensions = {url: _type(name, said["types"], types) for url, name in said["extensions"].items()}
    codings = {system: frozenset(codes) for system, codes in said["codings"].items()}
    return AllowList(resources, types["Meta"], extensions, codings)


def known_unit(code: Any) -> bool:
    """Is this a unit that we know?"""
    return isinstance(code, str) and code in tables.units()


def _type(name: str, said: Mapping[str, Any], types: dict[str, Table]) -> Table:
    if name not in types:
        types[name] = _table(name, said[name], said, types)
    return types[name]


def _table(name: str, rules: Mapping[str, Any], said: Mapping[str, Any], types: dict[str, Table]) -> Table:
    elements = {element: rule for element, rule in rules.items() if element not in ("needs", "changes")}
    parsed = {element: _rule(f"{name}.{element}", rule, said, types) for element, rule in elements.items()}
    needs, changes = tuple(rules.get("needs", ())), tuple(rules.get("changes", ()))
    if lost := set(needs) - set(parsed):
        raise ValueError(f"{name} needs {', '.join(sorted(lost))}, which it has no rule for")
    return Table(parsed, needs, changes)


def _rule(path: str, rule: Any, said: Mapping[str, Any], types: dict[str, Table]) -> Rule:
    if isinstance(rule, list):
        return frozenset(rule)
    if rule in VERBS:
        return str(rule)
    if rule in said:
        return _type(rule, said, types)
    raise ValueError(f"{path}: {rule!r} is no rule")


_FORMS = {kind.uri: kind for kind in SYSTEMS.values() if kind not in (LocalCode, UcumCode)}


def _well_formed(system: str, code: str) -> bool:
    try:
        _FORMS[system](code)
    except ValueError:
        return False
    return True


@cache
def _local() -> frozenset[str]:
    return frozenset(code for code, _ in local_concepts())
