"""Gates of the protocol as FHIR conditions of kind `start`.

They are not evaluated when a plan is made: their facts lie months ahead. They travel on the action, in words and as a
FHIRPath over named variables (`%day`, `%monthsOffImmunosuppression` ...), for whoever starts the action.
"""

from __future__ import annotations

from mappings.protocol.model import Criterion, Gate
from mappings.r4.build import Element

_WORDS = {
    "day": "day {} or later",
    "months-off-immunosuppression": "immunosuppression stopped for at least {} month",
    "active-gvhd": "no active GVHD",
    "worst-acute-gvhd": "acute GVHD never above grade {}",
}
GRADES = ("0", "I", "II", "III", "IV")
"""Grades of acute GVHD (MAGIC); gates count with their places."""

AGEING = tuple(fact for fact in _WORDS if fact != "day")
"""Facts that are known as of the day on which somebody looked."""


def condition(gate: Gate) -> Element:
    """`condition` of an action that waits for `gate`."""
    expression = {
        "description": in_words(gate),
        "language": "text/fhirpath",
        "expression": " and ".join(_fhirpath(criterion) for criterion in gate.criteria),
    }
    return {"kind": "start", "expression": expression}


def in_words(gate: Gate) -> str:
    """The gate for a person, e.g. `Only with: day 120 or later; no active GVHD`."""
    return "Only with: " + "; ".join(needs(criterion) for criterion in gate.criteria)


def needs(criterion: Criterion) -> str:
    """One criterion for a person, e.g. `day 120 or later`."""
    limit = criterion.at_least if criterion.at_least is not None else criterion.at_most
    graded = criterion.fact == "worst-acute-gvhd" and limit is not None
    return _WORDS.get(criterion.fact, criterion.fact).format(GRADES[limit] if graded and limit is not None else limit)


def _fhirpath(criterion: Criterion) -> str:
    first, *rest = criterion.fact.split("-")
    variable = "%" + first + "".join(word.capitalize() for word in rest)
    if criterion.absent:
        return f"{variable} = false"
    if criterion.at_least is not None:
        return f"{variable} >= {criterion.at_least}"
    return f"{variable} <= {criterion.at_most}"
