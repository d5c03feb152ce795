"""Where the model classes are R4B, cut or silent, the schemas are R4 4.0.1: one test a patch."""

from __future__ import annotations

import pytest

from mappings.r4.patches import CODES, CONCEPTS, NOT_R4, SIMPLE_QUANTITIES, TARGETS
from mappings.r4.shapes import schema, shape
from mappings.r4.validate import validate
from tests.lib.specimens import specimen


def paths(resource):
    return {(fault.path, fault.code) for fault in validate(resource) if fault.severity == "error"}


def definition(name):
    """The compiled definition of a class, from any resource type that has it."""
    for kind in ("StructureDefinition", "CapabilityStatement", "OperationDefinition", "Task", "ImplementationGuide",
                 "Composition", "SearchParameter", "Questionnaire", "Encounter", "Device", "OperationOutcome",
                 "ActivityDefinition", "Observation", "Condition", "Measure", "MeasureReport", "PlanDefinition",
                 "CarePlan", "MedicationRequest", "MedicationAdministration", "Group", "AuditEvent",
                 "DiagnosticReport"):  # fmt: skip
        document = schema(kind)
        if name in document["$defs"]:
            return document["$defs"][name]
    raise LookupError(name)


def item(place):
    name, wire = place
    found = definition(name)["properties"][wire]
    found = found.get("items", found)
    return found.get("anyOf", [found])[0]


@pytest.mark.parametrize("place", CODES)
def test_code_lists_are_whole(place):
    assert item(place) == {"enum": list(CODES[place])}
    assert "+" not in CODES[place]


def test_no_compiled_list_is_cut():
    def lists(node):
        if isinstance(node, dict):
            yield from [node["enum"]] if "enum" in node else []
            node = list(node.values())
        for inner in node if isinstance(node, list) else ():
            yield from lists(inner)

    from mappings.r4.schema import TYPES

    assert not [codes for kind in TYPES for codes in lists(schema(kind)) if {"+", "etc."} & set(map(str, codes))]


@pytest.mark.parametrize("place", CONCEPTS)
def test_concepts_are_bound(place):
    system, codes = CONCEPTS[place]
    limit = item(place)["allOf"][1]["properties"]["coding"]["contains"]["properties"]
    assert limit == {"system": {"const": system}, "code": {"enum": list(codes)}}


@pytest.mark.parametrize("place", TARGETS)
def test_reference_targets_are_r4s(place):
    assert set(item(place)["allOf"][1]["$comment"].split("|")) == set(TARGETS[place])


@pytest.mark.parametrize("place", SIMPLE_QUANTITIES)
def test_simple_quantities_have_no_comparator(place):
    assert item(place)["allOf"][1] == {"properties": {"comparator": False}}


def test_a_dose_is_never_less_than_something():
    dose = {"doseQuantity": {"value": 5, "unit": "mg", "comparator": "<"}}
    resource = specimen("MedicationRequest") | {"dosageInstruction": [{"doseAndRate": [dose]}]}
    where = "MedicationRequest.dosageInstruction[0].doseAndRate[0].doseQuantity.comparator"
    assert (where, "structure") in paths(resource)


@pytest.mark.parametrize("place", NOT_R4)
def test_elements_of_r4b_are_gone(place):
    name, wire = place
    assert wire not in definition(name)["properties"]


@pytest.mark.parametrize("name", ["Extension", "ElementDefinition", "ElementDefinitionExample"])
def test_types_of_r4b_are_gone_and_meta_is_there(name):
    names = definition(name)["properties"]
    assert not [wire for wire in names if wire.endswith(("CodeableReference", "RatioRange"))]
    assert [wire for wire in names if wire.endswith("Meta")]


def test_any_mime_type_is_a_format_and_any_language_an_expression():
    assert paths(specimen("CapabilityStatement") | {"format": ["application/fhir+json"]}) == set()
    expression = {"language": "text/x-protocol", "expression": "day >= 120"}
    plan = specimen("PlanDefinition") | {"action": [{"condition": [{"kind": "start", "expression": expression}]}]}
    assert paths(plan) == set()


@pytest.mark.parametrize(("currency", "legal"), [("EUR", True), ("euros", False)])
def test_a_currency_is_three_letters(currency, legal):
    extension = [{"url": "http://x", "valueMoney": {"value": 1, "currency": currency}}]
    assert (paths(specimen("Patient") | {"extension": extension}) == set()) is legal


@pytest.mark.parametrize("text", ["a\x00b", "a\x1b", "\x07"])
def test_text_has_no_control_characters(text):
    assert paths(specimen("Patient") | {"name": [{"family": text}]}) == {("Patient.name[0].family", "value")}


@pytest.mark.parametrize(
    ("data", "legal"), [("AAAA", True), ("AA==", True), ("AA A=\n", True), ("AA=A", False), ("A", False)]
)
def test_base64_is_padded_at_its_end_only(data, legal):
    photo = [{"contentType": "image/png", "data": data}]
    assert (paths(specimen("Patient") | {"photo": photo}) == set()) is legal


def test_a_type_without_a_schema_has_no_shape():
    with pytest.raises(LookupError):
        shape("Account")


def test_a_cell_product_is_known():
    assert paths({"resourceType": "BiologicallyDerivedProduct", "productCategory": "cells"}) == set()
