"""The search parameters that are served, as data: one row of `search_parameters.csv` for each parameter of a type.

What is indexed, how it is asked for, what the CapabilityStatement claims and the table in docs/api.md come from these
rows, so that another type is served by adding its rows. The columns:

type        the resource type; `*` for every type
name, kind  as R4 names the parameter, and R4's kind of it: token, reference, date, string, uri or quantity
path        where a resource says it (see `paths.py`), several places between blanks
of          of a code: the system that R4 implies; of a reference: the types among ours that it may lead to, or `any`;
            `canonical` where it leads to a canonical URL
definition  the last part of R4's own SearchParameter.url
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

KINDS = ("token", "reference", "date", "string", "uri", "quantity")
EVERY = "*"
READING = 1
"""Counts up when the code reads a resource in another way than before: what is stored is then indexed anew."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One row."""

    type: str
    name: str
    kind: str
    paths: tuple[str, ...]
    of: tuple[str, ...]
    definition: str

    @property
    def canonical(self) -> bool:
        """Does it hold `url|version`?"""
        return self.of == ("canonical",)

    @property
    def system(self) -> str:
        """The system that R4 implies for a code, or nothing."""
        return self.of[0] if self.kind == "token" and self.of else ""

    @property
    def only(self) -> str | None:
        """The one type of reference that counts: of `patient`, a Patient."""
        return self.paths[0].partition(":")[2] or None if self.paths else None

    @property
    def leads_to(self) -> tuple[str, ...]:
        """Types that an include can bring, none where it leads to nothing of ours."""
        return () if self.kind != "reference" or self.canonical else self.of


def _text() -> str:
    return files("adapter.store").joinpath("search_parameters.csv").read_text("ascii")


def read(text: str) -> dict[str, dict[str, Parameter]]:
    """The parameters in a CSV, by type and name; those of `*` come first in every type."""
    found: dict[str, dict[str, Parameter]] = {}
    for row in csv.DictReader(text.splitlines()):
        name, kind, paths = row["name"], row["kind"], tuple(row["path"].split())
        one = Parameter(row["type"], name, kind, paths, tuple(row["of"].split()), row["definition"])
        if found.setdefault(one.type, {}).setdefault(one.name, one) is not one or one.kind not in KINDS:
            raise ValueError(f"search_parameters.csv: {one.type} {one.name} is there twice, or of an unknown kind")
    common = found.pop(EVERY)
    return {kind: common | own for kind, own in found.items()} | {EVERY: common}


@cache
def table() -> Mapping[str, Mapping[str, Parameter]]:
    """Everything that is served."""
    return read(_text())


def types() -> tuple[str, ...]:
    """Types with a row."""
    return tuple(sorted(kind for kind in table() if kind != EVERY))


def of(kind: str) -> Mapping[str, Parameter]:
    """Parameters of a type by name; of a type without a row those that every type has."""
    return table().get(kind, table()[EVERY])


@cache
def fingerprint() -> str:
    """Changes whenever an index made before would no longer do."""
    return sha256(f"{READING}\n{_text()}".encode()).hexdigest()
