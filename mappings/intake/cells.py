"""What a cell of a table says, as the value that JSON would have; and in which style a file writes numbers and dates.

A style is a matter of the whole file: `0,52` and `03/04/2026` say nothing by themselves. What cannot be told for
certain is not converted, so that the form refuses the cell by its name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from mappings.intake.columns import Column

FLAGS = {
    **dict.fromkeys(("true", "vrai", "yes", "oui", "1"), True),
    **dict.fromkeys(("false", "faux", "no", "non", "0"), False),
}

_POINT = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?")
_COMMA = re.compile(r"[+-]?[0-9]{1,40},[0-9]{1,40}")
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3},[0-9]{3}")
_GROUPED = re.compile("(?<![0-9,.])[0-9]{1,3}(?:[\u00a0\u202f][0-9]{3})+(?![0-9])")
_QUANTITY = re.compile(r"(<=|>=|<|>)?\s*([^\s<>=]+)\s+(\S+)")
_SLASHED = re.compile(r"(?:([0-9]{1,2})/)?([0-9]{1,2})/([0-9]{4})")


@dataclass(frozen=True, slots=True)
class Style:
    """`comma`: decimals are written with one; `day_first`: dates are dd/mm/yyyy."""

    comma: bool = False
    day_first: bool = False


@dataclass(slots=True)
class Evidence:
    """What the cells of one file say about its style; counts and a specimen of each kind."""

    commas: int = 0
    points: int = 0
    thousands: int = 0
    slashed: int = 0
    days: int = 0
    months: int = 0
    specimens: dict[str, str] = field(default_factory=dict)

    def see(self, column: Column, text: str) -> None:
        """Takes note of one cell that is not empty."""
        if column.holds in ("number", "quantity"):
            match = _QUANTITY.fullmatch(_closed(text))
            self._number(match[2] if match else _closed(text))
        elif column.holds == "date":
            self._date(text)

    def style(self, delimiter: str) -> tuple[Style, list[str]]:
        """The style, with a sentence for each thing that was found out or could not be."""
        comma, told_of_numbers = self._comma(delimiter)
        day_first, told_of_dates = self._day_first()
        return Style(comma, day_first), [*told_of_numbers, *told_of_dates]

    def _number(self, text: str) -> None:
        if _COMMA.fullmatch(text):
            self.commas += 1
            self.thousands += bool(_THOUSANDS.fullmatch(text))
            self.specimens.setdefault("number", text)
        elif "." in text and _POINT.fullmatch(text):
            self.points += 1

    def _date(self, text: str) -> None:
        if match := _SLASHED.fullmatch(text):
            self.specimens.setdefault("date", text)
            self.slashed += 1
            if match[1]:
                self.days += int(match[1]) > _MONTHS
                self.months += int(match[2]) > _MONTHS

    def _comma(self, delimiter: str) -> tuple[bool, list[str]]:
        if not self.commas:
            return False, []
        shown = self.specimens["number"]
        if self.points:
            return False, [f"numbers are written both as {shown} and with a point: those with a comma are refused"]
        if delimiter != ";" and self.commas == self.thousands:
            return False, [f"{shown} can mean thousands or decimals: write a decimal point"]
        return True, [f"decimal comma, as in {shown}"]

    def _day_first(self) -> tuple[bool, list[str]]:
        if not self.slashed:
            return False, []
        shown = self.specimens["date"]
        if self.months or not self.days:
            unclear = "no date of the file tells the day from the month"
            why = "the month stands first in some" if self.months else unclear
            return False, [f"dates as {shown} are refused, because {why}: write YYYY-MM-DD"]
        return True, [f"dates are dd/mm/yyyy, as in {shown}"]


_MONTHS = 12


def value_of(column: Column, text: str, style: Style) -> Any:
    """The value that JSON would have; the text itself where it is none, for the form to refuse."""
    match column.holds:
        case "number" | "whole":
            return _number(_closed(text), style)
        case "flag" | "none":
            return FLAGS.get(text.lower(), text)
        case "date":
            return _date(text, style)
        case "quantity":
            return _quantity(_closed(text), style)
    return text


def _closed(text: str) -> str:
    """The same without the hard blanks that French Excel puts between thousands."""
    return _GROUPED.sub(lambda match: match[0].replace("\u00a0", "").replace("\u202f", ""), text)


def _number(text: str, style: Style) -> Any:
    plain = text.replace(",", ".") if style.comma and _COMMA.fullmatch(text) else text
    if not _POINT.fullmatch(plain):
        return text
    return int(plain) if plain.lstrip("+-").isdigit() else Decimal(plain)


def _quantity(text: str, style: Style) -> Any:
    match = _QUANTITY.fullmatch(text)
    if not match:
        return text
    comparator, number, unit = match.groups()
    return {"value": _number(number, style), "unit": unit} | ({"comparator": comparator} if comparator else {})


def _date(text: str, style: Style) -> str:
    match = _SLASHED.fullmatch(text) if style.day_first else None
    if not match:
        return text
    day, month, year = match.groups()
    return "-".join(part.zfill(2) for part in (year, month, day) if part)
