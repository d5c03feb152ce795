"""How each type of resource takes itself back, within R4's rules."""

from __future__ import annotations

import pytest

from mappings.outcomes import retract
from mappings.r4.validate import validate
from tests.lib.charts import chart, visit

EPISODE = {"onset": "2026-04-20", "grade": "II", "skin": 3, "resolved": "2026-05-15"}
CHART = chart(
    visit(
        gvhd={"assessed": "2026-09-02", "acute": [EPISODE], "chronic": []},
        relapse={"date": "2026-08-30", "kind": "haematological"},
        infections=[{"onset": "2026-04-02", "kind": "viral", "resolved": "2026-04-30"}],
        immunosuppression={"drugs": [{"drug": "ciclosporin", "started": "2026-03-08", "stopped": "2026-05-31"}]},
        administrations=[{"action": "thiotepa", "date": "2026-02-17", "given": {"value": 350, "unit": "mg"}}],
        dli=[{"number": 1, "date": "2026-07-01"}],
        dli_withheld=[{"number": 2, "date": "2026-08-05", "reason": "infection"}],
    ),
    disease={"diagnosis": "aml", "status": "refractory", "diagnosed": "2025-03"},
)


KINDS = ["Condition", "Consent", "Observation", "Procedure", "MedicationAdministration", "MedicationStatement"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_never_true_says_so_and_stays_r4(kind):
    found = [resource for resource in CHART if resource["resourceType"] == kind]
    assert found
    for resource in found:
        back = retract.entered_in_error(resource)
        assert retract.standing(back) == "entered-in-error"
        assert [fault for fault in validate(back) if fault.severity == "error"] == []
        assert (back["id"], back["identifier"]) == (resource["id"], resource["identifier"])


OF_EACH_ENROLMENT = {"Patient", "ResearchSubject"}
"""There as long as the enrolment is, so that nothing takes them back."""


def test_every_type_that_a_centre_can_take_back_is_known():
    kinds = {resource["resourceType"] for resource in CHART} - OF_EACH_ENROLMENT
    assert kinds <= retract.WITH_STATUS | {"Condition"}


def test_a_condition_loses_what_only_holds_of_a_true_one():
    """con-5: no clinicalStatus; con-4: without it no abatement."""
    resolved = [resource for resource in CHART if "abatementDateTime" in resource]
    assert resolved
    for resource in resolved:
        back = retract.entered_in_error(resource)
        assert "clinicalStatus" not in back
        assert not any(name.startswith("abatement") for name in back)
        assert back["code"] == resource["code"]


def test_a_patient_cannot_be_taken_back():
    with pytest.raises(ValueError, match="Patient"):
        retract.entered_in_error({"resourceType": "Patient", "id": "anna"})


def test_taking_back_twice_is_taking_back_once():
    for resource in CHART:
        if resource["resourceType"] not in OF_EACH_ENROLMENT:
            once = retract.entered_in_error(resource)
            assert retract.entered_in_error(once) == once


def test_what_a_server_said_of_the_version_is_left_out():
    stored = {"resourceType": "Observation", "id": "a", "meta": {"versionId": "3", "source": "x"}, "status": "final"}
    assert retract.entered_in_error(stored)["meta"] == {"source": "x"}
    assert "meta" not in retract.unversioned(stored | {"meta": {"versionId": "3", "lastUpdated": "now"}})
    assert retract.unversioned({"resourceType": "Observation"}) == {"resourceType": "Observation"}
    assert stored["meta"]["versionId"] == "3"


@pytest.mark.parametrize(
    ("resource", "word"),
    [
        ({"resourceType": "Observation", "status": "final"}, "final"),
        ({"resourceType": "Goal", "lifecycleStatus": "proposed"}, "proposed"),
        ({"resourceType": "Condition", "verificationStatus": {"coding": [{"code": "confirmed"}]}}, "confirmed"),
        ({"resourceType": "Condition"}, None),
        ({"resourceType": "Patient"}, None),
    ],
)
def test_how_a_resource_stands(resource, word):
    assert retract.standing(resource) == word
