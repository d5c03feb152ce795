"""items.csv: what each path of the interface is called in a form, where its answer lands, and by which code."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

COLUMNS = ("path", "text", "lands", "code")
_FILE = Path(__file__).with_name("items.csv")


class Described(NamedTuple):
    """One path; a list is written by its first item (`gvhd.acute.1`).

    `lands`: `<profile>#<element>`; `code`: a row of our terminology, `<table>/<key>`.
    """

    path: str
    text: str
    lands: str
    code: str


@cache
def described() -> dict[str, Described]:
    """Every row by its path. Raises ValueError for a path that stands twice."""
    head, *rows = csv.reader(_FILE.read_text("utf-8").splitlines())
    if tuple(head) != COLUMNS:
        raise ValueError(f"{_FILE.name}: the columns are {','.join(COLUMNS)}")
    found = {row[0]: Described(*row) for row in rows}
    if len(found) < len(rows):
        raise ValueError(f"{_FILE.name}: a path stands twice")
    return found
