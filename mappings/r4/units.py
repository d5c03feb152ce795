"""UCUM units, by the grammar of UCUM and its table of units (`ucum.csv`, version 1.9).

The table contains content from UCUM (unitsofmeasure.org), copyright Regenstrief Institute, Inc. and the UCUM
Organization, under its terms of use.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib.resources import files

from mappings.canonicals import UCUM
from mappings.r4.rule import Node, Rule

_ANNOTATION = r"\{[!-z|~]*\}"


@cache
def _grammar() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A unit of the table with its prefix, exponent and annotation, or a number; and a group in parentheses."""
    rows = csv.DictReader(files("mappings.r4").joinpath("ucum.csv").read_text("ascii").splitlines())
    table = {row["kind"]: row["codes"].split() for row in rows}
    symbol = rf"(?:(?:{_any(table['prefix'])})?(?:{_any(table['metric'])})|{_any(table['plain'])})"
    one = rf"(?:{symbol}(?:[+-]?[0-9]+)?(?:{_ANNOTATION})?|{_ANNOTATION}|[0-9]+(?:{_ANNOTATION})?)"
    term = rf"/?{one}(?:[./]{one})*"
    return re.compile(term), re.compile(rf"\({term}\)")


def _any(symbols: Iterable[str]) -> str:
    return "|".join(re.escape(symbol) for symbol in sorted(symbols, key=len, reverse=True))


@lru_cache(maxsize=1024)
def is_unit(code: str) -> bool:
    """Is this a unit of UCUM, in its case-sensitive form? Groups in parentheses count as one unit each."""
    term, group = _grammar()
    inner = code if len(code) <= 64 else ""
    while "(" in inner and (flat := group.sub("1", inner)) != inner:
        inner = flat
    return term.fullmatch(inner) is not None


def _unknown(quantity: Node) -> bool:
    return quantity.get("system") == UCUM and not is_unit(quantity.get("code", "1"))


RULE = Rule("", "is no unit of UCUM", lambda n: ("code",) if _unknown(n) else (), quick=_unknown, code="code-invalid")
