"""Each invariant of R4 is broken once, and told at its place with its key."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mappings.r4 import bundle_rules, clinical_rules, containment, datatype_rules, definition_rules, structure_rules
from mappings.r4.validate import validate
from tests.lib import neighbours
from tests.lib.breaches import ALL, IN_PATIENT, asking, bundled, element, extended, item, structure, timed, without
from tests.lib.specimens import CODE, UCUM, specimen


@pytest.mark.parametrize(("key", "resource", "where"), ALL)
def test_a_broken_invariant_is_told_at_its_place(key, resource, where):
    found = [fault for fault in validate(resource) if f"({key})" in fault.message]
    assert where in {fault.path for fault in found}
    assert {fault.code for fault in found} == {"invariant"}


def test_every_rule_is_broken_once():
    modules = (clinical_rules, definition_rules, structure_rules, bundle_rules, datatype_rules)
    tables = [module.RULES for module in modules]
    rules = [rule for table in tables for rules in table.values() for rule in rules] + list(containment.RULES)
    named = {rule.key for rule in rules if not rule.key.endswith("-0")}
    assert named == {key for key, _, _ in ALL} - {"ele-1", "ref-1", "pdf-0"}


@pytest.mark.parametrize(("key", "resource"), neighbours.ALL.items())
def test_the_valid_neighbour_of_a_breach_passes(key, resource):
    found = validate(resource)
    assert not [fault for fault in found if f"({key})" in fault.message or fault.severity == "error"]


def test_every_breach_has_a_valid_neighbour():
    assert neighbours.ALL.keys() == {key for key, _, _ in ALL}


ADVICE = {"pdf-0", "con-3", "ppc-2", "ppc-3", "ppc-4", "ppc-5", "eld-11", "eld-20", "eld-21"}
"""R4's warnings, and where its sentence asks what its expression never does."""


@pytest.mark.parametrize("key", sorted(ADVICE))
def test_advice_is_a_warning(key):
    resource = next(resource for known, resource, _ in ALL if known == key)
    assert {fault.severity for fault in validate(resource)} == {"warning"}


@pytest.mark.parametrize("key", sorted({key for key, _, _ in ALL} - ADVICE))
def test_everything_else_is_an_error(key):
    severities = [f.severity for known, r, _ in ALL if known == key for f in validate(r) if f"({key})" in f.message]
    assert "error" in severities


@pytest.mark.parametrize(("count", "severity"), [(2, "warning"), (3, "error")])
def test_two_conditions_without_a_word_on_how_they_join_are_advised_and_three_refused(count, severity):
    """que-12: R4's sentence says more than one, its expression more than two."""
    asked = [{"question": "2", "operator": "=", "answerString": "x"}] * count
    assert [fault.severity for fault in validate(asking(item(enableWhen=asked)))] == [severity]


@pytest.mark.parametrize(
    "resource",
    [
        extended(valueRange={"low": {"value": 5, "unit": "d"}, "high": {"value": 1, "unit": "wk"}}),
        extended(valueRatio={"extension": [{"url": "http://x", "valueString": "a"}]}),
        extended(valuePeriod={"start": "2026-01-02T01:00:00+05:00", "end": "2026-01-01T23:00:00Z"}),
        extended(valueDuration={"value": 3, "system": UCUM, "code": "wk"}),
        timed(offset=30, when=["ACM"]),
        asking(item(), item("boolean") | {"linkId": "2", "enableWhen": [
            {"question": "1", "operator": "exists", "answerBoolean": True}]}),
        asking(item("choice", repeats=True, initial=[{"valueString": "x"}, {"valueString": "y"}])),
        bundled("history", *[{"fullUrl": "urn:x:y", "resource": IN_PATIENT, "request": {"method": "PUT", "url": "x"},
                              "response": {"status": "200"}}] * 2),
        bundled("collection", *[{"fullUrl": "urn:x:y", "resource": IN_PATIENT | {"meta": {"versionId": version}}}
                                for version in "12"]),
        structure(kind="logical", type="http://x/y"),
        without(specimen("Observation"), "valueQuantity") | {"component": [{"code": CODE, "valueInteger": 3}]},
        element(min=1, max="*", type=[{"code": "Reference", "targetProfile": ["http://x"]}]),
        specimen("Task") | {"authoredOn": "2026-01-02T01:00:00+05:00", "lastModified": "2026-01-01T23:00:00Z"},
        {"resourceType": "QuestionnaireResponse", "status": "completed", "questionnaire": "#q",
         "contained": [asking(item()) | {"id": "q"}]},
        specimen("Observation") | {"contained": [
            {"resourceType": "Provenance", "target": [{"reference": "#"}], "recorded": "2026-01-01T00:00:00Z",
             "agent": [{"who": {"reference": "Device/1"}}]}]},
    ],
)  # fmt: skip
def test_what_is_odd_but_whole_passes(resource):
    assert [fault for fault in validate(resource) if fault.severity == "error"] == []


@pytest.mark.parametrize(
    ("reference", "legal"),
    [
        ("Patient/1", True),
        ("Practitioner/1", False),
        ("https://h.example/fhir/Patient/1/_history/2", True),
        ("https://h.example/fhir/Practitioner/1", False),
        ("https://h.example/Somewhere/else", True),
        ("https://h.example/?id=1", True),
        ("urn:uuid:0b7c9d6e-6f0e-5f0a-9b1e-3a5d1c2b4f60", True),
        ("#p", True),
        ("#d", False),
        ("#", False),
    ],
)
def test_a_reference_leads_to_a_type_that_may_stand_there(reference, legal):
    contained = [
        {"resourceType": "Patient", "id": "p"},
        {"resourceType": "Practitioner", "id": "d"},
    ]
    asking_of = {"hasMember": [{"reference": "Observation/2"}], "focus": [{"reference": "#p"}, {"reference": "#d"}]}
    resource = specimen("Observation") | {"contained": contained, "subject": {"reference": reference}, **asking_of}
    assert {fault.path for fault in validate(resource)} == (set() if legal else {"Observation.subject.reference"})


def test_a_contained_resource_that_is_none_is_told_and_stops_nothing():
    resource = specimen("Observation") | {"contained": [{"resourceType": [], "id": "p"}, {"id": "q", "meta": 5}]}
    found = validate(resource | {"subject": {"reference": "#p"}})
    assert {"Observation.contained[0].resourceType", "Observation.contained[1].resourceType"} <= {f.path for f in found}


def test_a_whole_number_is_written_as_one():
    request = specimen("MedicationRequest") | {"dispenseRequest": {"numberOfRepeatsAllowed": Decimal("1.0")}}
    (fault,) = validate(request)
    assert fault.path == "MedicationRequest.dispenseRequest.numberOfRepeatsAllowed"


def test_what_is_nested_beyond_reading_is_refused():
    extension = {"url": "http://x", "valueCode": "y"}
    for _ in range(2000):
        extension = {"url": "http://x", "extension": [extension]}
    assert [fault.code for fault in validate(IN_PATIENT | {"extension": [extension]})] == ["structure"]
