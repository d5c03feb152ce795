"""Fields that take what the interface says and nothing near it: no text for a number, no truth value for a count."""

from __future__ import annotations

import re
import unicodedata
from abc import abstractmethod
from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from marshmallow import ValidationError, fields

from mappings.facts import PartialDate, Word
from mappings.intake import limits
from mappings.intake.words import WordList
from mappings.r4.faults import Fault

T = TypeVar("T")

LONGEST_TEXT = 1000
"""Characters of one string; our own limit."""

LARGEST = 2_147_483_647
"""The largest whole number of R4."""

REQUIRED = "missing: this is needed"
NULL = "null says nothing: leave the key out, or say not_done with a reason"

NO_DATE = "is no date of the calendar"

_SHOWN = 40
_NUMBERS = (int, Decimal)
_LINE_BREAKS = "\t\r\n"
_UNSEEN = ("Zs", "Zl", "Zp", "Cc", "Cf", "Cs")


def refusal(message: str, code: str = "value") -> ValidationError:
    """One fault of the field or object that is being read; `code` is an R4 issue type."""
    return ValidationError([Fault("", message, code)])


def is_missing(value: Any) -> bool:
    """Does it say why there is no value?"""
    return isinstance(value, Mapping) and "not_done" in value


def shown(value: Any) -> str:
    """What was sent, short enough for a message; only the kind of a list or object."""
    if isinstance(value, str):
        return repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "...")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        text = str(value) if not isinstance(value, int) or abs(value) < 10**_SHOWN else "a very large number"
        return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
    return "an object" if isinstance(value, Mapping) else "a list" if isinstance(value, list) else "something else"


def expected(what: str, value: Any) -> ValidationError:
    """Refusal of a value of the wrong kind."""
    if is_missing(value):
        return refusal("this cannot be said to be missing: without it nobody knows what is meant by the rest")
    if isinstance(value, float):
        return refusal(
            f"{shown(value)} has lost the digits that were written: read JSON with exact decimals", "structure"
        )
    return refusal(f"expected {what}, not {shown(value)}", "structure")


class Strict(fields.Field[T]):
    """Any field of ours, with our words for what is missing."""

    default_error_messages = {"required": REQUIRED, "null": NULL}  # noqa: RUF012  marshmallow merges it along the classes


class Scalar(Strict[T]):
    """A field that needs nothing but the value."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> T:
        return self.read(value)

    @abstractmethod
    def read(self, value: Any) -> T:
        """The value as a fact. Raises ValidationError with a Fault."""
        ...


class Text(Scalar[str]):
    """Words that can be seen, at most 1,000 characters."""

    forbidden = "control"

    def read(self, value: Any) -> str:
        if not isinstance(value, str):
            raise expected("text", value)
        if not shows(value):
            raise refusal("is empty")
        if len(value) > LONGEST_TEXT:
            raise refusal(f"is longer than {LONGEST_TEXT} characters")
        if not value.isprintable() and any(map(self.forbids, value)):
            raise refusal(f"holds {self.forbidden} characters")
        return value

    def forbids(self, character: str) -> bool:
        return unicodedata.category(character) in ("Cc", "Cs") and character not in _LINE_BREAKS


class Name(Text):
    """What somebody or something is known by: one line, no blanks around it; `form` where it has one.

    Nothing in it is invisible: two names that look alike are one.
    """

    forbidden = "control or invisible"

    def __init__(self, form: str = "", told: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.form, self.told = re.compile(form), told

    def read(self, value: Any) -> str:
        name = super().read(value)
        if name != name.strip():
            raise refusal("has blanks before or after it")
        if self.form.pattern and not self.form.fullmatch(name):
            raise refusal(f"{shown(name)} does not look like {self.told}")
        return name

    def forbids(self, character: str) -> bool:
        return unicodedata.category(character) in ("Cc", "Cs", "Cf")


class Flag(Scalar[bool]):
    """true or false."""

    def read(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise expected("true or false", value)
        return value


class Number(Scalar[Decimal]):
    """A number with the digits that were written, from `low` to `high`."""

    def __init__(self, low: int | None = None, high: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.low, self.high = low, high

    def read(self, value: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, _NUMBERS):
            raise expected("a number", value)
        number = Decimal(value)
        if not number.is_finite():
            raise expected("a number", value)
        if (self.low is not None and number < self.low) or (self.high is not None and number > self.high):
            raise refusal(f"{shown(value)} is not {between(self.low, self.high)}")
        return number


class Whole(Scalar[int]):
    """A whole number from `low` to `high` by `step`."""

    def __init__(self, low: int, high: int | None = None, step: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.low, self.high, self.step = low, high, step

    def read(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise expected("a whole number", value)
        if value < self.low or (self.high is not None and value > self.high) or value % self.step:
            steps = f" by steps of {self.step}" if self.step > 1 else ""
            raise refusal(f"{shown(value)} is not {between(self.low, self.high)}{steps}")
        if value > LARGEST:
            raise refusal(f"{shown(value)} is larger than {LARGEST}, the largest whole number of FHIR")
        return value


class OneOf(Scalar[str]):
    """One of these words, as it stands."""

    def __init__(self, words: Collection[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.words = words
        self.known = {word: word for word in words}

    def read(self, value: Any) -> str:
        return one_of(self.words, value)


class Chosen(Scalar[Word]):
    """One word of a closed list; the text of `other` stands beside it and is joined by the form."""

    def __init__(self, words: WordList, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.words, self.admitted = words, words.admitted
        self.known = {key: Word(key) for key in words.admitted}

    def read(self, value: Any) -> Word:
        return self.known[one_of(self.admitted, value)]


class When(Scalar[PartialDate]):
    """A date to the day, month or year; not after the visit or a death unless these do not bound it."""

    def __init__(self, *, visit: bool = True, death: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.visit, self.death = visit, death

    def read(self, value: Any) -> PartialDate:
        said = partial_date(value)
        if wrong := limits.current().wrong(said, visit=self.visit, death=self.death):
            raise refusal(f"{said} {wrong}")
        return said


class DayZero(Scalar[date]):
    """The day of the graft, to the day; it lies ahead while it is planned."""

    def read(self, value: Any) -> date:
        said = partial_date(value)
        wrong = self.wrong(said)
        if wrong:
            raise refusal(f"{said} {wrong}")
        if said.exact is None:
            raise refusal(f"{said} is not exact: the day is needed here, as YYYY-MM-DD")
        return said.exact

    def wrong(self, said: PartialDate) -> str | None:
        known = limits.current()
        if said.earliest <= known.as_of:
            return known.wrong(said)
        return None if known.planned else f'is after {known.as_of}; a graft that lies ahead needs "planned": true'


def partial_date(value: Any) -> PartialDate:
    """A date to the day, month or year, or a refusal that says how to write one."""
    if not isinstance(value, str):
        raise expected("a date as text, like 2026-03-02, 2026-03 or 2026", value)
    said = limits.read(value)
    if said is None:
        raise refusal(f"{shown(value)} {NO_DATE}: write YYYY-MM-DD, YYYY-MM or YYYY")
    return said


def one_of(words: Collection[str], value: Any) -> str:
    """`value` where it is one of the words, or a refusal that names them all."""
    if not isinstance(value, str):
        raise expected(f"one of the words {', '.join(words)}", value)
    if value not in words:
        raise refusal(f"{shown(value)} is not known here; admitted: {', '.join(words)}", "code-invalid")
    return value


def shows(text: str) -> bool:
    """Can anybody see something of it? No blank, no control, no zero-width mark shows."""
    if text.isprintable():
        return bool(text.strip())
    return any(unicodedata.category(character) not in _UNSEEN for character in text)


def between(low: int | None, high: int | None) -> str:
    """A range in words."""
    if high is None:
        return f"{low} or more"
    return f"from {low} to {high}"
