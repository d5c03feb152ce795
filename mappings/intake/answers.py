"""One answer of a QuestionnaireResponse as the value that JSON would have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mappings.canonicals import ADMINISTRATIVE_GENDER, CONSENT_STATES, DATA_ABSENT_REASON, Canonicals
from mappings.intake.columns import Column
from mappings.terminology import codes

_KINDS = {
    "text": ("valueString",),
    "number": ("valueDecimal", "valueInteger"),
    "whole": ("valueInteger",),
    "flag": ("valueBoolean",),
    "none": ("valueBoolean",),
    "date": ("valueDate",),
    "word": ("valueCoding", "valueString"),
    "quantity": ("valueQuantity",),
}
_PLAIN = (ADMINISTRATIVE_GENDER, CONSENT_STATES, DATA_ABSENT_REASON)
"""Systems whose codes are the words of the interface."""


def value_of(column: Column, answer: Mapping[str, Any], canonicals: Canonicals) -> Any:
    """The value. Raises ValueError, with a sentence, for an answer of another kind or a code without a word."""
    kinds = _KINDS[column.holds]
    kind = next((name for name in kinds if name in answer), None)
    if kind is None:
        given = next((name for name in answer if name.startswith("value")), "no value")
        raise ValueError(f"is answered by {' or '.join(kinds)}, not by {given}")
    if kind == "valueCoding":
        return _word(column, answer[kind], canonicals)
    return _amount(answer[kind]) if kind == "valueQuantity" else answer[kind]


def _word(column: Column, coding: Mapping[str, Any], canonicals: Canonicals) -> str:
    """By the code's meaning in our tables; a word of ours may be its own code."""
    among = f"{column.group}/"
    key = codes.key_of("answers", {"coding": [coding]}, canonicals, among)
    if key is not None:
        return key.removeprefix(among)
    system, code = coding.get("system"), coding.get("code")
    ours = system is None or system in _PLAIN or str(system).startswith(f"{canonicals.base}/")
    if not ours or not isinstance(code, str):
        raise ValueError("this code means no word of the list here")
    return code


def _amount(quantity: Mapping[str, Any]) -> dict[str, Any]:
    """Value, unit and comparator; the unit is the UCUM code where there is one."""
    unit = quantity.get("code", quantity.get("unit"))
    said = {"value": quantity.get("value"), "unit": unit, "comparator": quantity.get("comparator")}
    return {name: value for name, value in said.items() if value is not None}
