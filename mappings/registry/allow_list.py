"""deid-rules.toml as typed rules, read once. Its head explains the grammar; a slip in it raises ValueError."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias

from mappings.canonicals import Canonicals
from mappings.terminology import codes, tables

VERBS = frozenset({"coding", "ucum", "date", "birth", "reference", "profile", "boolean", "integer", "decimal"})

_OF_THE_TABLE = ("needs", "changes", "spans")
"""What a table says of itself; the rest are its elements."""

_VERSION = re.compile(r"\d+\.\d+\.\d+")

Rule: TypeAlias = "str | frozenset[str] | Table"
"""A verb, the codes of a closed list, or the rules of a data type."""


@dataclass(frozen=True, slots=True)
class Table:
    """What may leave of one element, by the names of its parts. `spans`: its first date and its last."""

    rules: Mapping[str, Rule]
    needs: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    spans: tuple[str, ...] = ()


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


@cache
def allow_list() -> AllowList:
    """The packaged rules."""
    return parse(files("mappings.registry").joinpath("deid-rules.toml").read_text("utf-8"))


@cache
def admitted(canonicals: Canonicals) -> frozenset[tuple[str, str]]:
    """(system, code) of every coding that may leave."""
    rows = ((table, key) for table in tables.TABLES for key in codes.keys(table))
    ours = (coding for table, key in rows for coding in codes.codings(table, key, canonicals))
    listed = ((system, code) for system, several in allow_list().codings.items() for code in several)
    return frozenset((coding["system"], coding["code"]) for coding in ours).union(listed)


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


def known_profile(url: str, canonicals: Canonicals) -> bool:
    """Is this a profile of ours, of whatever version?"""
    name, _, version = url.removeprefix(canonicals.extension("")).partition("|")
    return name in _profiles() and (not version or _VERSION.fullmatch(version) is not None)


def _type(name: str, said: Mapping[str, Any], types: dict[str, Table]) -> Table:
    if name not in types:
        types[name] = _table(name, said[name], said, types)
    return types[name]


def _table(name: str, rules: Mapping[str, Any], said: Mapping[str, Any], types: dict[str, Table]) -> Table:
    elements = {element: rule for element, rule in rules.items() if element not in _OF_THE_TABLE}
    parsed = {element: _rule(f"{name}.{element}", rule, said, types) for element, rule in elements.items()}
    needs, changes, spans = (tuple(rules.get(each, ())) for each in _OF_THE_TABLE)
    if lost := {*needs, *spans} - set(parsed):
        raise ValueError(f"{name} needs {', '.join(sorted(lost))}, which it has no rule for")
    return Table(parsed, needs, changes, spans)


def _rule(path: str, rule: Any, said: Mapping[str, Any], types: dict[str, Table]) -> Rule:
    if isinstance(rule, list):
        return frozenset(rule)
    if rule in VERBS:
        return str(rule)
    if rule in said:
        return _type(rule, said, types)
    raise ValueError(f"{path}: {rule!r} is no rule")


@cache
def _profiles() -> frozenset[str]:
    head, tail = "StructureDefinition-", ".json"
    names = (file.name for file in files("profiles").iterdir())
    return frozenset(name[len(head) : -len(tail)] for name in names if name.startswith(head) and name.endswith(tail))
