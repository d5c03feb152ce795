"""Tests of R4's primitive values: the same patterns as in the schemas, compiled once for every place."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

import jsonschema_rs

from mappings.r4.primitives import INTEGERS, PRIMITIVES, Schema

LINEAR = jsonschema_rs.RegexOptions()
"""The engine without backtracking: no text can stall it."""

_RECURRING = frozenset({"uri", "url", "canonical", "code", "date", "dateTime"})
"""What comes again and again is read once. Free text, names and ids are not kept."""


def fits(said: Schema) -> Callable[[Any], bool]:
    """Does a value fit a schema that refers to nothing?"""
    holds: Callable[[Any], bool] = jsonschema_rs.validator_for(said, pattern_options=LINEAR).is_valid
    return holds


@cache
def literal(name: str) -> Callable[[Any], bool]:
    """Is a value of this primitive type? Raises TypeError where it is an object or a list."""
    if name == "boolean":
        return lambda value: value.__class__ is bool
    if name == "decimal":
        return lambda value: value.__class__ is int or (value.__class__ is Decimal and value.is_finite())
    if name in INTEGERS:
        low, high = PRIMITIVES[name]["minimum"], PRIMITIVES[name]["maximum"]
        return lambda value: value.__class__ is int and low <= value <= high
    return lru_cache(maxsize=2048)(fits(PRIMITIVES[name])) if name in _RECURRING else fits(PRIMITIVES[name])
