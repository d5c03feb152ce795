"""fhirclient's R4 models as the second reader."""

from __future__ import annotations

from decimal import Decimal

import pytest

from adapter.hospital import r4_gate
from mappings.r4.faults import FaultyInput

OBSERVATION = {
    "resourceType": "Observation",
    "id": "synthetic-1",
    "status": "final",
    "code": {"text": "Synthetic CD4 count"},
    "effectiveDateTime": "2026-08-29",
    "valueQuantity": {"value": Decimal("2.50"), "unit": "/uL"},
}


def faults_of(resource):
    with pytest.raises(FaultyInput) as refused:
        r4_gate.read(resource)
    return {fault.path: fault.message for fault in refused.value.faults}


def test_reads_an_observation_as_r4():
    model = r4_gate.read(OBSERVATION)
    assert (model.resource_type, model.valueQuantity.value) == ("Observation", 2.5)


def test_the_resource_itself_keeps_its_decimals():
    r4_gate.read(OBSERVATION)
    assert OBSERVATION["valueQuantity"]["value"].as_tuple().exponent == -2


def test_what_only_r4b_or_r5_has_is_not_r4():
    faults = faults_of({"resourceType": "ActivityDefinition", "status": "draft", "subjectCanonical": "http://x"})
    assert faults == {"ActivityDefinition.subjectCanonical": "R4 does not have this element"}


def test_every_fault_is_told_with_its_fhirpath():
    entry = {"resource": {"resourceType": "Observation", "code": {"text": "x"}, "valueQuantity": {"value": "2"}}}
    faults = faults_of({"resourceType": "Bundle", "type": "collection", "entry": [entry]})
    assert faults == {
        "Bundle.entry[0].resource.status": "is required in R4 and missing",
        "Bundle.entry[0].resource.valueQuantity.value": "has another type in R4",
    }


def test_an_element_that_is_there_but_wrong_is_not_called_missing():
    assert set(faults_of(OBSERVATION | {"code": {"text": "x", "grade": 1}})) == {"Observation.code.grade"}


def test_a_date_that_is_none_names_its_field_and_not_its_content():
    faults = faults_of(OBSERVATION | {"effectiveDateTime": "Mrs Example's birthday"})
    assert faults == {"Observation.effectiveDateTime": "is not written as R4 writes it"}


def test_something_that_is_no_object_where_one_belongs():
    assert faults_of({"resourceType": "Bundle", "type": "batch", "entry": [7]}) == {
        "Bundle.entry": "cannot be read as R4"
    }


@pytest.mark.parametrize("kind", ["Nothing", "Address", "DomainResource", "MetadataResource", "Resource", ""])
def test_types_that_r4_does_not_keep_are_refused(kind):
    assert "resourceType" in faults_of({"resourceType": kind, "id": "x"})


@pytest.mark.parametrize("thing", [None, [], "Patient", {}, {"resourceType": 4}])
def test_what_names_no_type_is_refused(thing):
    assert faults_of(thing) == {"resourceType": "a resource names its type"}


def test_the_null_that_stands_for_an_extended_element_is_r4():
    name = {"given": [None, "Synthetic"], "_given": [{"extension": [{"url": "http://x", "valueString": "y"}]}, None]}
    assert r4_gate.read({"resourceType": "Patient", "name": [name]}).name[0].given == [None, "Synthetic"]


def test_a_required_primitive_may_be_an_extension_that_says_why_it_is_missing():
    why = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]}
    said = {
        "resourceType": "Composition",
        "status": "entered-in-error",
        "type": {"text": "Synthetic"},
        "author": [{"display": "Engraft"}],
        "title": "Synthetic",
    }
    assert r4_gate.read(said | {"_date": why}).resource_type == "Composition"
    assert faults_of(said) == {"Composition.date": "is required in R4 and missing"}
    given = {"resourceType": "MedicationAdministration", "status": "entered-in-error"}
    given |= {"medicationCodeableConcept": {"text": "Synthetic"}, "subject": {"reference": "Patient/p"}}
    assert r4_gate.read(given | {"_effectiveDateTime": why}).resource_type == "MedicationAdministration"
    assert faults_of(given) == {"MedicationAdministration.effective": "is required in R4 and missing"}
    assert faults_of(said | {"_date": why, "colour": "red"}) == {"Composition.colour": "R4 does not have this element"}


class TestWhatHasAFormThatWasRead:
    """The second reader judges elements; so each form of a resource is read once, whatever it says."""

    @pytest.fixture(autouse=True)
    def nothing_was_read(self, monkeypatch):
        monkeypatch.setattr(r4_gate, "_READ", set())

    def forms(self, *resources):
        for one in resources:
            r4_gate.require(one)
        return len(r4_gate._READ)

    def test_is_not_read_again(self, monkeypatch):
        r4_gate.require(OBSERVATION)
        monkeypatch.setattr(r4_gate, "read", lambda _: pytest.fail("was read again"))
        other = {"value": Decimal("1250.0"), "unit": 'cells, "per": [1,2] µL'}
        r4_gate.require(OBSERVATION | {"id": "synthetic-2", "valueQuantity": other})

    @pytest.mark.parametrize(
        "other",
        [
            {"valueQuantity": {"value": 2, "unit": "/uL"}},
            {"valueQuantity": {"value": "2.50", "unit": "/uL"}},
            {"valueQuantity": {"value": Decimal("2.50"), "unit": True}},
            {"valueQuantity": {"value": Decimal("2.50")}},
            {"note": [{"text": "x"}]},
            {"note": [{"text": "x"}, {"text": "y"}]},
            {"contained": [{"resourceType": "Patient", "id": "a"}]},
            {"contained": [{"resourceType": "Device", "id": "a"}]},
        ],
    )
    def test_another_form_is_another(self, other, monkeypatch):
        asked = []
        monkeypatch.setattr(r4_gate, "read", asked.append)
        first = OBSERVATION | {"contained": [{"resourceType": "Group", "id": "a"}], "note": []}
        r4_gate.require(first)
        r4_gate.require(first | other)
        assert len(asked) == 2

    def test_holds_no_value(self):
        r4_gate.require(OBSERVATION)
        (form,) = r4_gate._READ
        assert b"Synthetic" not in form
        assert b"2" not in form

    def test_what_was_refused_is_read_again_and_refused_again(self):
        for _ in range(2):
            with pytest.raises(FaultyInput):
                r4_gate.require(OBSERVATION | {"surname": "not R4"})

    def test_the_memory_is_bounded(self, monkeypatch):
        monkeypatch.setattr(r4_gate, "MOST_FORMS", 2)
        notes = [OBSERVATION | {"note": [{"text": "x"}] * number} for number in (1, 2, 3)]
        assert self.forms(*notes) == 1
