"""What the schemas of a protocol are made of: amounts, days, sentences, clauses."""

from __future__ import annotations

import re
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate

from mappings.protocol import model

FARTHEST, MOST_CYCLES, LONGEST_CYCLE, LONGEST_INFUSION = 3660, 60, 120, 10_080
"""Our own limits against slips: days from day zero (ten years), cycles, days of a cycle, minutes (a week)."""

KEY = validate.Regexp(r"^[a-z0-9]+(-[a-z0-9]+)*$", error="keys are words in lower case joined by '-'")
WORDS = validate.Length(min=1)
ROUTE = validate.OneOf(["intravenous", "oral"])


class Text(fields.String):
    """Prose of one clause, folded to one line."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return " ".join(super()._deserialize(value, attr, data, **kwargs).split())


class Amount(fields.Decimal):
    """A positive number in plain decimals, with the digits that were written."""

    def __init__(self) -> None:
        super().__init__(required=True, validate=validate.Range(min=0, min_inclusive=False))

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,9}(\.[0-9]{1,9})?", value):
            raise ValidationError("write a plain decimal number such as 3.2")
        return super()._deserialize(value, attr, data, **kwargs)


def day_field(**options: Any) -> fields.Integer:
    return fields.Integer(strict=True, validate=validate.Range(-FARTHEST, FARTHEST), **options)


def count_field(most: int) -> fields.Integer:
    return fields.Integer(required=True, strict=True, validate=validate.Range(1, most))


def months_field(**options: Any) -> fields.Integer:
    return fields.Integer(strict=True, validate=validate.Range(1, FARTHEST // 30), **options)


def minutes_field() -> fields.Integer:
    return fields.Integer(strict=True, validate=validate.Range(1, LONGEST_INFUSION))


def list_of(schema: type[Schema]) -> fields.List[Any]:
    return fields.List(fields.Nested(schema()), load_default=())


class Part(Schema):
    """Loads into a model class, lists as tuples."""

    into: type[Any]

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Any:
        return self.into(**{key: tuple(value) if isinstance(value, list) else value for key, value in data.items()})


class ClauseSchema(Part):
    into = model.Clause
    key = fields.String(required=True, validate=KEY)
    source = Text(required=True, validate=WORDS)
    title = Text(load_default="")
    interpretation = Text()
