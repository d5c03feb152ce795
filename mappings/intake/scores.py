"""Scores by their names: organs of chronic GVHD, scales of a questionnaire. Each one can be said to be missing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError

from mappings.facts import Missing
from mappings.intake.fields import NULL, Number, Scalar, Whole, expected, refusal
from mappings.intake.form import Said

SCALE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,63}")


class Organs(Scalar[tuple[tuple[str, int | Missing], ...]]):
    """Scores 0 to 3 by organ, in the order of the interface."""

    def __init__(self, organs: tuple[str, ...], highest: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.organs, self.score = organs, Said(Whole(0, highest))

    def read(self, value: Any) -> tuple[tuple[str, int | Missing], ...]:
        scores = _each(value, self.score, lambda key: key in self.organs, f"organs are {', '.join(self.organs)}")
        return tuple((organ, scores[organ]) for organ in self.organs if organ in scores)


class Scores(Scalar[tuple[tuple[str, Decimal | Missing], ...]]):
    """Numbers by the name of a scale, in the order that they were sent in."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.score = Said(Number())

    def read(self, value: Any) -> tuple[tuple[str, Decimal | Missing], ...]:
        named = "name a scale by letters, digits, blank, - or _, at most 64"
        return tuple(_each(value, self.score, lambda key: bool(SCALE.fullmatch(key)), named).items())


def _each(value: Any, score: Said, admits: Callable[[str], bool], told: str) -> dict[str, Any]:
    """Every value of an object read by one field; all faults at once, with their keys."""
    if not isinstance(value, Mapping):
        raise expected("an object", value)
    out: dict[str, Any] = {}
    wrong: dict[str, Any] = {}
    for key, item in value.items():
        try:
            if item is None:
                raise refusal(NULL, "structure")
            if not admits(key):
                raise refusal(f"unknown key: {told}", "structure")
            out[key] = score.read(item)
        except ValidationError as error:
            wrong[key] = error.messages
    if wrong:
        raise ValidationError(wrong)
    return out
