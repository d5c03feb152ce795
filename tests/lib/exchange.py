"""Small resources to send to a FHIR server, and how its refusals are read."""

from __future__ import annotations

from adapter.hospital import r4_gate

JSON = {"Content-Type": "application/fhir+json"}
SYSTEM = "urn:oid:1.2.3"


def patient(id_=None, **more):
    return {"resourceType": "Patient", **({"id": id_} if id_ else {})} | more


def observation(id_, subject, **more):
    content = {"resourceType": "Observation", "id": id_, "status": "final", "code": {"text": "synthetic"}}
    return content | {"subject": {"reference": subject}} | more


def identified(value, **more):
    return patient(identifier=[{"system": SYSTEM, "value": value}], **more)


def says(answer):
    """(status, first issue code), after checking that the body is an R4 OperationOutcome."""
    assert r4_gate.read(answer.json()).resource_type == "OperationOutcome"
    assert answer.headers["Content-Type"].startswith("application/fhir+json")
    return answer.status_code, answer.json()["issue"][0]["code"]
