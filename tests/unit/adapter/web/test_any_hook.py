"""Whatever an EHR sends to a service, the answer is cards of the right shape or a refusal of ours: never a 500."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from mappings.r4.wire import decode
from tests.lib.cds_shapes import RESPONSE, misfits
from tests.lib.drafts import dosage, draft, every_day, mass, on
from tests.lib.forms import ENROLMENT
from tests.unit.adapter.web.test_any_content import CAREFUL, anything, judged, spoilt

INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"
WEIGHT = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
    "subject": {"reference": "Patient/ehr-1"},
    "effectiveDateTime": "2026-02-16",
    "valueQuantity": {"value": 62, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
}
SERVICE_REQUEST = {
    "resourceType": "ServiceRequest",
    "id": "s1",
    "status": "draft",
    "intent": "order",
    "code": {"coding": [{"system": "https://engraft.example/fhir/CodeSystem/engraft", "code": "prophylactic-dli"}]},
    "occurrencePeriod": {"start": "2026-07-02"},
    "basedOn": [{"reference": "ServiceRequest/x"}],
}
DRAFTS = [
    draft("thiotepa", dosage(mass("350"), on("2026-02-17")), id_="m1"),
    draft("mycophenolate", dosage(mass("1", "g"), every_day("2026-03-08", "2026-03-20", frequency=2)), id_="m2"),
    SERVICE_REQUEST,
]
CALL = {
    "hook": "order-select",
    "hookInstance": INSTANCE,
    "context": {
        "userId": "Practitioner/1",
        "patientId": "ehr-1",
        "selections": ["MedicationRequest/m1", "MedicationRequest/m2", "ServiceRequest/s1"],
        "draftOrders": {"resourceType": "Bundle", "entry": [{"fullUrl": "urn:x", "resource": one} for one in DRAFTS]},
    },
    "prefetch": {
        "weight": WEIGHT,
        "patient": {"resourceType": "Patient", "id": "ehr-1", "identifier": [{"system": "urn:x", "value": "1"}]},
    },
}
FEEDBACK = {
    "feedback": [
        {
            "card": INSTANCE,
            "outcome": "overridden",
            "overrideReason": {"reason": {"system": "urn:x", "code": "y"}, "userComment": "z"},
            "outcomeTimestamp": "2026-07-02T10:05:31Z",
        }
    ]
}


@CAREFUL
@given(document=anything | spoilt(CALL), signing=st.booleans())
def test_any_call(ward, document, signing):
    ward.ask("POST", "/enrolments", document=ENROLMENT | {"hospital_patient": "Patient/ehr-1"})
    if signing and isinstance(document, dict):
        document["hook"] = "order-sign"
    for service in ("order-check", "regimen-standing"):
        answer = ward.ask("POST", f"/cds-services/{service}", "ehr", document=document)
        judged(answer)
        if answer.status_code == 200:
            assert misfits(json.loads(answer.data), RESPONSE) == []


def test_the_call_that_is_spoilt_is_a_sound_one(ward):
    ward.ask("POST", "/enrolments", document=ENROLMENT | {"hospital_patient": "Patient/ehr-1"})
    answer = ward.ask("POST", "/cds-services/order-check", "ehr", document=CALL)
    assert answer.status_code == 200
    assert len(decode(answer.data)["cards"]) == 3


@CAREFUL
@given(document=anything | spoilt(FEEDBACK))
def test_any_feedback(ward, document):
    judged(ward.ask("POST", "/cds-services/order-check/feedback", "ehr", document=document))
