"""Keys of our tables to FHIR codings and back.

A display is sent for our own concepts only: other systems rename theirs between releases, so theirs is never ours to
say, and nothing is ever matched by display.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

from mappings.canonicals import Canonicals
from mappings.r4 import build
from mappings.r4.frozen import frozen
from mappings.terminology.systems import Code, LocalCode
from mappings.terminology.tables import TABLES, Row, table

Coded = tuple[str, str]
"""A system and a code, or a table and a key."""


def concept(table: str, key: str, canonicals: Canonicals, text: str | None = None) -> dict[str, Any]:
    """CodeableConcept with every code of the row; `text` replaces the row's words. Raises KeyError for no such key.

    It never changes, for all who say the same share it.
    """
    found = _known(table, key, canonicals)
    return {"coding": found["coding"], "text": text} if text else found


@lru_cache(maxsize=512)
def together(rows: tuple[Coded, ...], canonicals: Canonicals) -> dict[str, Any]:
    """CodeableConcept with every code of several rows (table, key), in the words of the first; it never changes."""
    found = [coding for table, key in rows for coding in codings(table, key, canonicals)]
    return frozen({"coding": found, "text": text(*rows[0])})


def codings(table: str, key: str, canonicals: Canonicals) -> list[dict[str, Any]]:
    """Codings of one row in the order of the table, never to be changed. Raises KeyError for no such key."""
    found: list[dict[str, Any]] = _known(table, key, canonicals)["coding"]
    return found


@cache
def keys(name: str) -> tuple[str, ...]:
    """Every key of a table, in its order."""
    return tuple(table(name))


def text(table: str, key: str) -> str:
    """The words of one row."""
    return _row(table, key).text


def unit(table: str, key: str) -> str:
    """UCUM unit of one row; empty where the thing is not measured in one."""
    return _row(table, key).unit


def key_of(table: str, concept: dict[str, Any], canonicals: Canonicals, among: str = "") -> str | None:
    """The row that a CodeableConcept means, our own code first; None where no coding belongs to one row alone.

    `among` narrows the question to the keys that begin with it, e.g. `response/`. Displays and `text` are not read.
    """
    found = None
    meanings, local = _meanings(table, canonicals, among)
    for coding in concept.get("coding", ()):
        system = coding.get("system")
        key = meanings.get((str(system), str(coding.get("code"))))
        if key is not None and system == local:
            return key
        found = found or key
    return found


def local_concepts() -> list[tuple[str, str]]:
    """(code, display) of every concept of our own CodeSystem, each once, in the order of the tables."""
    found = {code.value: row.text for name in TABLES for row in table(name).values() for code in _ours(row)}
    return list(found.items())


@cache
def _known(table: str, key: str, canonicals: Canonicals) -> dict[str, Any]:
    row = _row(table, key)
    coded = [build.coding(code.system(canonicals), code.value, _display(code, row)) for code in row.codes]
    return frozen(build.concept(*coded, text=row.text))


def _row(name: str, key: str) -> Row:
    rows = table(name)
    if key not in rows:
        raise KeyError(f"{name}.csv has no key {key!r}")
    return rows[key]


def _display(code: Code, row: Row) -> str | None:
    return row.text if isinstance(code, LocalCode) else None


def _ours(row: Row) -> list[Code]:
    return [code for code in row.codes if isinstance(code, LocalCode)]


@cache
def _meanings(name: str, canonicals: Canonicals, among: str) -> tuple[dict[Coded, str], str]:
    """Each code that belongs to one row alone, with the key of that row; and the system of our own codes."""
    found: dict[Coded, list[str]] = {}
    for row in table(name).values():
        for code in row.codes if row.key.startswith(among) else ():
            found.setdefault((code.system(canonicals), code.value), []).append(row.key)
    return {code: keys[0] for code, keys in found.items() if len(keys) == 1}, canonicals.local
