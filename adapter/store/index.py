"""What a resource can be found by: a row for each thing that it says at the path of a search parameter.

The index holds the newest version of what is not deleted, and can be made anew from the resources at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select

from adapter.errors import StoreUnavailable
from adapter.store import parameters
from adapter.store.amounts import amount
from adapter.store.criteria import folded
from adapter.store.parameters import Parameter
from adapter.store.paths import values
from adapter.store.schema import (
    resource_dates,
    resource_heads,
    resource_index,
    resource_index_state,
    resource_quantities,
    resource_strings,
    resource_versions,
)
from adapter.store.spans import spans
from mappings.r4.build import Resource

AT_ONCE = 500
"""Resources in memory while everything is indexed anew."""

TRUTH = "http://terminology.hl7.org/CodeSystem/special-values"
UNSAID = {"system": "", "value": ""}
"""Something is there, and no code or literal reference: for `:missing`, and found by nothing else."""

Columns = dict[str, Any]


def rows(resource: Resource) -> dict[Table, list[Columns]]:
    """Of each table of the index, what stands there for the resource, without its key and type."""
    found: dict[Table, list[Columns]] = {}
    for parameter in parameters.of(resource["resourceType"]).values():
        table, said = TABLES[parameter.kind], _unique(_read(parameter, resource))
        if "number" in table.c:
            said = [{"number": number} | one for number, one in enumerate(said)]
        found.setdefault(table, []).extend({"parameter": parameter.name} | one for one in said)
    return found


def write(connection: Connection, resources: Mapping[int, Resource], known: Collection[int]) -> None:
    """Puts the rows of resources, by key, in the place of those that the `known` of them had."""
    if known:
        remove(connection, known)
    _insert(connection, resources.items())


def remove(connection: Connection, keys: Collection[int]) -> None:
    """Nothing finds these resources any more."""
    for table in set(TABLES.values()):
        connection.execute(delete(table).where(table.c.key.in_(keys)))


def stale(connection: Connection) -> bool:
    """Was the index made by another table of parameters than this program has?"""
    made_by = resource_index_state.c.fingerprint
    return connection.scalar(select(made_by).where(made_by == parameters.fingerprint())) is None


def require_fresh(connection: Connection) -> None:
    """Raises StoreUnavailable for a stale index: a search on it would answer without what it does not know."""
    if stale(connection):
        raise StoreUnavailable("the search index is not that of this program: run engraft init-db")


def renew(connection: Connection) -> None:
    """Makes the whole index anew where it is stale."""
    if not stale(connection):
        return
    for table in (*set(TABLES.values()), resource_index_state):
        connection.execute(delete(table))
    key = 0
    while batch := _after(connection, key):
        _insert(connection, batch)
        key = batch[-1][0]
    connection.execute(insert(resource_index_state).values(fingerprint=parameters.fingerprint()))


def references(resource: Resource, parameter: Parameter) -> list[tuple[str, str]]:
    """(type, id) of everything that the resource refers to by this parameter, in its own order."""
    found = ((one["system"], one["value"]) for one in _read(parameter, resource))
    return [pair for pair in dict.fromkeys(found) if all(pair)]


def _after(connection: Connection, key: int) -> list[tuple[int, Resource]]:
    newest = (resource_versions.c.key == resource_heads.c.key) & (
        resource_versions.c.version == resource_heads.c.version
    )
    wanted = select(resource_heads.c.key, resource_versions.c.content).join_from(
        resource_heads, resource_versions, newest
    )
    there = (resource_heads.c.key > key) & resource_versions.c.deleted.is_(False)
    found = connection.execute(wanted.where(there).order_by(resource_heads.c.key).limit(AT_ONCE))
    return [(row.key, row.content) for row in found]


def _insert(connection: Connection, batch: Iterable[tuple[int, Resource]]) -> None:
    collected: dict[Table, list[Columns]] = {}
    for key, resource in batch:
        of_head = {"key": key, "kind": resource["resourceType"]}
        for table, found in rows(resource).items():
            collected.setdefault(table, []).extend(of_head | one for one in found)
    for table, found in collected.items():
        if found:
            connection.execute(insert(table), found)


def _read(parameter: Parameter, resource: Resource) -> Iterator[Columns]:
    for path in parameter.paths:
        for value in values(resource, path):
            yield from READ[parameter.kind](value, parameter)


def _unique(found: Iterable[Columns]) -> list[Columns]:
    return list({tuple(one.values()): one for one in found}.values())


def _tokens(value: Any, parameter: Parameter) -> Iterator[Columns]:
    """Of a code, a Coding, a CodeableConcept, an Identifier or a boolean."""
    if isinstance(value, str):
        yield {"system": parameter.system, "value": value}
    elif isinstance(value, bool):
        yield {"system": TRUTH, "value": str(value).lower()}
    elif isinstance(value, dict):
        codings = value.get("coding", [value])
        pairs = ((one.get("system", ""), one.get("code", one.get("value", ""))) for one in codings)
        said = [{"system": system, "value": code} for system, code in pairs if code]
        yield from said or [UNSAID]


def _references(value: Any, parameter: Parameter) -> Iterator[Columns]:
    if parameter.canonical:
        yield from _canonicals(value, parameter)
    elif isinstance(value, dict):
        target = str(value.get("reference", "")).partition("/_history/")[0]
        kind, _, id_ = target.rpartition("/")
        literal = bool(target) and not target.startswith("#")
        if parameter.only is None:
            yield {"system": kind, "value": id_} if literal else UNSAID
        elif literal and kind.rpartition("/")[2] == parameter.only:
            yield {"system": kind, "value": id_}


def _canonicals(value: Any, _: Parameter) -> Iterator[Columns]:
    if isinstance(value, str):
        url, _bar, version = value.partition("|")
        yield {"system": version, "value": url}


def _uris(value: Any, parameter: Parameter) -> Iterator[Columns]:
    if parameter.canonical:
        yield from _canonicals(value, parameter)
    elif isinstance(value, str):
        yield {"system": "", "value": value}


def _dates(value: Any, _: Parameter) -> Iterator[Columns]:
    if when := spans(value):
        yield {"low": when.low, "high": when.high, "low_at": when.low_at, "high_at": when.high_at}


def _strings(value: Any, _: Parameter) -> Iterator[Columns]:
    if isinstance(value, str):
        yield {"value": value, "folded": folded(value)}


def _quantities(value: Any, _: Parameter) -> Iterator[Columns]:
    if how_much := amount(value):
        yield {name: getattr(how_much, name) for name in how_much.__slots__}


TABLES: dict[str, Table] = {
    "token": resource_index,
    "reference": resource_index,
    "uri": resource_index,
    "date": resource_dates,
    "string": resource_strings,
    "quantity": resource_quantities,
}
READ: dict[str, Callable[[Any, Parameter], Iterator[Columns]]] = {
    "token": _tokens,
    "reference": _references,
    "uri": _uris,
    "date": _dates,
    "string": _strings,
    "quantity": _quantities,
}
"""By a parameter's kind: the table of its rows, and how a value becomes rows."""
