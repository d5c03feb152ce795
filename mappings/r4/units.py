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

COMMON = frozenset(
    "% 1 10*12/L 10*3/uL 10*6 10*6/L 10*6/kg 10*6/uL 10*8/kg 10*9/L /uL /L Cel L L/min U/L [IU]/L [IU]/mL a cm cm2 "
    "cm[H2O] d fL g g/L g/dL g/kg h kPa kg kg/m2 m m2 mL mL/h mL/kg mL/min mL/min/{1.73_m2} meq/L mg mg/L mg/dL mg/d "
    "mg/kg mg/kg/d mg/kg/h mg/m2 mg/m2/d min mm mm[Hg] mmol mmol/L mmol/mol mo ms nmol/L ng/L ng/mL pg pg/mL pmol/L "
    "s ug ug/L ug/dL ug/kg ug/mL umol/L wk {score} /min kat/L ukat/L m[IU]/L m[IU]/mL".split()
)
"""Units of our field, known without the grammar: to read that costs as much as a plan."""

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


def is_unit(code: str) -> bool:
    """Is this a unit of UCUM, in its case-sensitive form?"""
    return code in COMMON or follows_grammar(code)


@lru_cache(maxsize=1024)
def follows_grammar(code: str) -> bool:
    """The same by the grammar and the table; groups in parentheses count as one unit each."""
    term, group = _grammar()
    inner = code if len(code) <= 64 else ""
    while "(" in inner and (flat := group.sub("1", inner)) != inner:
        inner = flat
    return term.fullmatch(inner) is not None


def _unknown(quantity: Node) -> bool:
    return quantity.get("system") == UCUM and not is_unit(quantity.get("code", "1"))


RULE = Rule("", "is no unit of UCUM", lambda n: ("code",) if _unknown(n) else (), quick=_unknown, code="code-invalid")
