"""A part of a resource says that it is one, and never lacks what is mandatory or changes the meaning of the rest."""

from __future__ import annotations

import pytest
from fhir.resources.R4B import get_fhir_model_class

from mappings.r4 import subset
from mappings.r4.schema import NOT_R4, TYPES
from mappings.r4.validate import validate

SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
ORDER = {
    "resourceType": "MedicationRequest",
    "id": "thiotepa",
    "meta": {"versionId": "3", "tag": [{"system": "urn:t", "code": "x"}]},
    "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">Thiotepa</div>'},
    "contained": [{"resourceType": "Practitioner", "id": "who"}],
    "modifierExtension": [{"url": "urn:m", "valueBoolean": True}],
    "status": "draft",
    "intent": "plan",
    "doNotPerform": False,
    "medicationCodeableConcept": {"text": "Thiotepa"},
    "subject": {"reference": "Patient/anna"},
    "authoredOn": "2026-03-02",
    "_authoredOn": {"extension": [{"url": "urn:e", "valueString": "about"}]},
    "dosageInstruction": [{"text": "350 mg"}],
    "note": [{"text": "weighed"}],
}
KEPT = {"resourceType", "id", "meta", "modifierExtension", "status", "intent", "doNotPerform"} | {
    "medicationCodeableConcept",
    "subject",
}
"""What no part of an order may lack."""


@pytest.mark.parametrize(
    ("part", "more"),
    [
        (subset.summary, {"authoredOn", "_authoredOn"}),
        (subset.narrative, {"text"}),
        (subset.data, set(ORDER) - KEPT - {"text"}),
        (lambda order: subset.only(order, ["note"]), {"note"}),
        (lambda order: subset.only(order, ["authoredOn", "id"]), {"authoredOn", "_authoredOn"}),
        (lambda order: subset.only(order, ["medication"]), set()),
    ],
    ids=["summary", "text", "data", "note", "authoredOn", "medication"],
)
def test_a_part_has_what_is_asked_and_what_must_be(part, more):
    found = part(ORDER)
    assert set(found) == KEPT | more
    assert all(found[name] == ORDER[name] for name in found if name != "meta")
    assert found["meta"] == {"versionId": "3", "tag": [{"system": "urn:t", "code": "x"}, SUBSETTED]}
    assert "tag" in ORDER["meta"]
    assert len(ORDER["meta"]["tag"]) == 1, "the whole is not marked"


def test_a_part_is_still_valid_r4():
    whole = {name: said for name, said in ORDER.items() if name not in ("contained", "modifierExtension")}
    for part in (subset.summary(whole), subset.narrative(whole), subset.data(whole), subset.only(whole, ["note"])):
        assert [fault for fault in validate(part) if fault.severity == "error"] == []


def test_it_is_marked_once_and_begins_as_every_resource_does():
    found = subset.summary(subset.summary({"status": "draft", "resourceType": "Task", "note": []}))
    assert list(found) == ["resourceType", "meta", "status"]
    assert found["meta"] == {"tag": [SUBSETTED]}


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("status", True),
        ("medication", True),
        ("medication[x]", True),
        ("medicationReference", True),
        ("text", True),
        ("contained", True),
        ("medicationreference", False),
        ("med", False),
        ("colour", False),
        ("dosageInstruction.text", False),
        ("", False),
    ],
)
def test_which_elements_a_type_has(name, known):
    assert subset.knows("MedicationRequest", name) is known


@pytest.mark.parametrize("kind", TYPES)
def test_the_elements_are_those_of_the_model_classes(kind):
    """The table was taken from R4's structure definitions; the classes are R4B's, which have the same roots."""
    outline = subset.outlines()[kind]
    fields = {
        field.alias or name: field.json_schema_extra or {}
        for name, field in get_fhir_model_class(kind).model_fields.items()
        if not name.endswith("__ext") and name != "fhir_comments"
    }
    known = {
        name: said for name, said in fields.items() if name not in subset.OF_EVERY_TYPE and (kind, name) not in NOT_R4
    }
    choices = {said["one_of_many"] + "[x]" for said in known.values() if "one_of_many" in said}
    plain = {name for name, said in known.items() if "one_of_many" not in said}
    assert outline.elements - subset.OF_EVERY_TYPE == plain | choices
    assert {name for name in plain if known[name].get("summary_element_property")} == outline.summary & plain
    required = {name for name in plain if known[name].get("element_required")}
    assert required <= outline.kept
