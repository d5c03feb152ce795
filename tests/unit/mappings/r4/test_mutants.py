"""Every planted fault is caught at its place, and by a sentence that a person understands."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from mappings.r4.validate import validate
from tests.lib.mutants import OPERATORS, mutants, subjects
from tests.lib.rivals import caught_by_models

PLACE = re.compile(r"\$|[A-Z]\w*(\.\w+(\[x\])?(\[\d+\])*)*")
"""FHIRPath of an element: `Observation.component[1].valueQuantity.code`."""


def errors(resource):
    return [fault for fault in validate(resource) if fault.severity == "error"]


def within(place, other):
    """Is one place the other, or inside or around it?"""
    first, second = (re.findall(r"\w+", text) for text in (place, other))
    return first[: len(second)] == second[: len(first)]


def test_what_is_mutated_is_whole_before():
    assert [(source, validate(resource)) for source, resource in subjects() if validate(resource)] == []


def test_there_are_many_of_every_kind():
    numbers = Counter(mutant.operator for mutant in mutants())
    assert sum(numbers.values()) >= 300
    assert numbers.keys() == OPERATORS.keys()


@pytest.mark.parametrize("operator", OPERATORS)
def test_every_mutant_is_caught(operator):
    missed = [mutant.name for mutant in mutants() if mutant.operator == operator and not errors(mutant.resource)]
    assert missed == []


def test_every_fault_has_a_place_and_a_sentence():
    faults = [fault for mutant in mutants() for fault in errors(mutant.resource)]
    assert [fault.path for fault in faults if not PLACE.fullmatch(fault.path)] == []
    assert [fault.message for fault in faults if not 12 < len(fault.message) < 200] == []


def test_a_fault_is_told_where_it_was_planted():
    """Or around it: what is missing, and what contradicts, is told of the whole that it is in."""
    astray = [
        (mutant.name, [fault.path for fault in errors(mutant.resource)])
        for mutant in mutants()
        if mutant.operator != "type unknown"
        and not any(within(fault.path, mutant.site) for fault in errors(mutant.resource))
    ]
    assert astray == []


def test_more_is_caught_than_by_the_models_of_fhir_resources():
    """issue 5: quicker, and catching more. What the models refuse is refused here too."""
    theirs = [mutant for mutant in mutants() if caught_by_models(mutant.resource)]
    assert len(theirs) < len(mutants()) / 2
    assert all(errors(mutant.resource) for mutant in theirs)
