"""Rows as columns for a terminal, with long words folded.

As tabulate's simple table, which is what the other commands print; to load tabulate takes several times as long as
to make a plan.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from itertools import zip_longest

_GAP, _BESIDE_A_HEADER = "  ", 2


def columns(rows: Iterable[Sequence[str]], headers: Sequence[str], widths: Sequence[int | None]) -> str:
    """One line a row, more where a cell is wider than its width in characters (None: as wide as it likes)."""
    folded = [[_folded(cell, width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    lines = [line for row in folded for line in zip_longest(*row, fillvalue="")]
    heads = [" " * _BESIDE_A_HEADER + head for head in headers]
    wide = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]
    rule = ["-" * width for width in wide]
    return "\n".join(_GAP.join(map(str.ljust, line, wide)).rstrip() for line in (headers, rule, *lines))


def _folded(cell: str, width: int | None) -> list[str]:
    return [cell] if width is None else textwrap.wrap(cell, width) or [""]
