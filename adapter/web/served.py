"""What the FHIR side serves: types, search parameters and includes. Routes and metadata come from here.

All of it follows from the table of search parameters: a type with a row there is served.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from adapter.store import parameters
from adapter.store.parameters import Parameter
from adapter.web import definitions
from mappings.registry import pushed

DEFINED = frozenset(definitions.KINDS)
"""Types that describe the protocol and no patient."""

STORED = frozenset(parameters.types()) - DEFINED
"""Types of patient data."""

CONTROLS = ("_after", "_count", "_elements", "_include", "_revinclude", "_sort", "_summary", "_total")
"""Parameters that shape the answer and find nothing themselves."""

SHAPES = ("_format", "_pretty")
"""Parameters that every request may carry, for how the answer is written."""


PUSHED = frozenset(pushed.KINDS)
"""Types that a centre's own system may create, update and take back; of a Patient it may tell the death."""

BY_FORM = "QuestionnaireResponse"
"""A form that was filled in: created, corrected and taken back as the visit that it says."""


class Operation(NamedTuple):
    """An operation on a type: its name without `$`, and the id of our OperationDefinition in `profiles/`."""

    name: str
    kind: str
    definition: str


OPERATIONS = (
    Operation("apply", "PlanDefinition", "plandefinition-apply"),
    Operation("r5.apply", "PlanDefinition", "plandefinition-r5-apply"),
)


@cache
def searched(kind: str) -> Mapping[str, Parameter]:
    """Search parameters of a served type, by name. A definition has no `_lastUpdated`: it changes with a release."""
    found = parameters.of(kind)
    return {name: one for name, one in sorted(found.items()) if kind in STORED or name != "_lastUpdated"}


def sorted_by(kind: str) -> tuple[str, ...]:
    """What a search of this type can be sorted by."""
    return tuple(name for name, one in searched(kind).items() if name == "_id" or one.kind == "date")


@cache
def leads_to(kind: str, parameter: str) -> tuple[str, ...]:
    """Types of patient data that a reference parameter leads to; none for another parameter."""
    one = searched(kind).get(parameter)
    if one is None or kind not in STORED:
        return ()
    return tuple(sorted(STORED)) if one.leads_to == ("any",) else tuple(of for of in one.leads_to if of in STORED)


@cache
def includes(kind: str) -> tuple[str, ...]:
    """Values of `_include` for a type, `<Type>:<parameter>`."""
    return tuple(f"{kind}:{name}" for name in searched(kind) if leads_to(kind, name))


@cache
def revincludes(kind: str) -> tuple[str, ...]:
    """Values of `_revinclude` for a type: what of the others refers to it."""
    sources = ((source, name) for source in sorted(STORED) for name in searched(source))
    return tuple(f"{source}:{name}" for source, name in sources if kind in leads_to(source, name))
