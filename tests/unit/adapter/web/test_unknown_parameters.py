"""A write that is asked for with a parameter that it does not know is not done: a rehearsal is never the real thing."""

from __future__ import annotations

import pytest

from mappings.r4.wire import decode
from tests.unit.adapter.web.applying import enrolled

ANYWHERE = "6f1c5f0e-0000-5000-8000-000000000001"
STOP = {"reason": "relapse", "confirmed_by": "Dr A. Example"}
WRITES = [
    ("POST", "/enrolments", "centre"),
    ("PUT", f"/enrolments/{ANYWHERE}", "centre"),
    ("POST", "/follow-ups", "centre"),
    ("POST", "/follow-ups/redcap", "centre"),
    ("DELETE", f"/follow-ups/{ANYWHERE}", "centre"),
    ("DELETE", f"/follow-ups/batches/{ANYWHERE}", "centre"),
    ("POST", f"/regimens/{ANYWHERE}/validation", "ehr"),
    ("POST", f"/regimens/{ANYWHERE}/validation/withdrawal", "ehr"),
    ("POST", f"/regimens/{ANYWHERE}/redose", "centre"),
    ("POST", f"/regimens/{ANYWHERE}/redose/diff", "centre"),
    ("POST", f"/regimens/{ANYWHERE}/stop", "centre"),
    ("POST", f"/regimens/{ANYWHERE}/tapers/mycophenolate-taper", "centre"),
    ("POST", f"/regimens/{ANYWHERE}/tapers/mycophenolate-taper/diff", "centre"),
    ("POST", f"/regimens/{ANYWHERE}/tapers/mycophenolate-taper/withdrawal", "centre"),
    ("POST", "/fhir", "centre"),
    ("POST", "/fhir/Observation", "centre"),
    ("PUT", "/fhir/Observation/o", "centre"),
    ("DELETE", "/fhir/Observation/o", "centre"),
    ("POST", "/fhir/QuestionnaireResponse", "centre"),
    ("PUT", "/fhir/QuestionnaireResponse/q", "centre"),
    ("DELETE", f"/fhir/$export-job/{ANYWHERE}", "centre"),
]


@pytest.mark.parametrize(("method", "path", "who"), WRITES)
def test_every_write_refuses_it_by_name(ward, method, path, who):
    sent = {} if method == "DELETE" else {"document": {}}
    answer = ward.ask(method, f"{path}?dry_run=1&_format=json", who, **sent)
    assert answer.status_code == 400
    (issue,) = decode(answer.data)["issue"]
    assert (issue["code"], issue["expression"]) == ("not-supported", ["dry_run"])


def test_a_stop_that_was_meant_as_a_rehearsal_stops_nothing(ward):
    enrolled(ward)
    (plan,) = decode(ward.ask("GET", "/fhir/CarePlan", "ehr").data)["entry"]
    course = plan["resource"]["id"]
    assert ward.ask("POST", f"/regimens/{course}/stop?dry_run=1", document=STOP).status_code == 400
    assert decode(ward.ask("GET", f"/regimens/{course}/history").data)["history"][0]["did"] != "stop"
    assert ward.ask("POST", f"/regimens/{course}/stop?_pretty=true", document=STOP).status_code == 200


def test_who_may_not_call_learns_of_no_parameter(ward):
    assert ward.ask("POST", f"/regimens/{ANYWHERE}/stop?dry_run=1", None, document=STOP).status_code == 401


def test_leniency_is_for_searches(ward):
    lenient = {"Prefer": "handling=lenient"}
    answer = ward.ask("POST", "/enrolments?dry_run=1", headers=lenient, document={})
    assert answer.status_code == 400
    assert decode(answer.data)["issue"][0]["expression"] == ["dry_run"]


@pytest.mark.parametrize(("path", "status"), [("/follow-ups/x", 404), ("/fhir/Observation/x", 200)])
def test_a_reason_to_take_back_is_known(ward, path, status):
    """Of what never was there R4 says that it is gone, too."""
    assert ward.ask("DELETE", f"{path}?reason=wrong+patient").status_code == status
