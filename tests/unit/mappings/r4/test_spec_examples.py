"""The R4 specification's own examples pass; where one does not, the specification broke its own rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from mappings.r4 import wire
from mappings.r4.schema import TYPES
from mappings.r4.validate import validate

LINES = [
    wire.decode(line) for line in (Path(__file__).parents[3] / "data" / "r4_examples.ndjson").read_bytes().splitlines()
]
EXAMPLES = {line["example"]: line["resource"] for line in LINES}

DEFECTS = {
    "activitydefinition-servicerequest-example": ("ActivityDefinition.text.div", "txt-2: the narrative is empty"),
    "activitydefinition-supplyrequest-example": ("ActivityDefinition.text.div", "txt-2: the narrative is empty"),
    "codesystem-extensions-CodeSystem-author": ("SearchParameter.base", "mandatory, and left out"),
    "medicationrequest0301": (
        "MedicationRequest.dispenseRequest.performer.reference",
        "an Organization dispenses, and a Practitioner is named",
    ),
    "medicationrequest0304": (
        "MedicationRequest.dosageInstruction[0].doseAndRate[0].doseQuantity.code",
        "drop is no unit of UCUM ([drp] is)",
    ),
    "medicationrequest0314": (
        "MedicationRequest.dosageInstruction[0].doseAndRate[0].doseQuantity.code",
        "mcg is no unit of UCUM (ug is)",
    ),
    "medicationrequest0319": (
        "MedicationRequest.dosageInstruction[0].doseAndRate[0].rateQuantity.code",
        "ml/hr is no unit of UCUM (mL/h is)",
    ),
    "medicationrequest0325": (
        "MedicationRequest.dosageInstruction[0].doseAndRate[0].doseQuantity.code",
        "ea is no unit of UCUM",
    ),
    "observation-example-clinical-gender": (
        "Observation.performer[0].reference",
        "a person or organization performs, and an Encounter is named",
    ),
    "questionnaireresponse-extensions-QuestionnaireResponse-item-subject": (
        "SearchParameter.id",
        "an id has 64 characters at most, and this one has more",
    ),
}
"""Where the specification's example breaks the specification's rule, and which."""


def errors(resource):
    return [fault for fault in validate(resource) if fault.severity == "error"]


@pytest.mark.parametrize("name", sorted(EXAMPLES.keys() - DEFECTS.keys()))
def test_an_example_of_the_specification_passes(name):
    assert errors(EXAMPLES[name]) == []


@pytest.mark.parametrize("name", DEFECTS)
def test_an_example_that_breaks_its_own_rule_is_told_so(name):
    assert [fault.path for fault in errors(EXAMPLES[name])] == [DEFECTS[name][0]]


def test_every_type_has_an_example():
    assert {resource["resourceType"] for resource in EXAMPLES.values()} == set(TYPES)
    assert len(EXAMPLES) >= 150
