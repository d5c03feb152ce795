"""What changes a regimen over HTTP: guarded, previewed, refused by name."""

from __future__ import annotations

import pytest

from mappings.r4.wire import decode
from tests.unit.adapter.web.applying import enrolled

REDOSE = {
    "weight": {"value": 64, "unit": "kg", "date": "2026-02-16"},
    "since": "2026-02-17",
    "reason": "lost weight",
    "confirmed_by": "Dr A. Example",
}


@pytest.fixture
def course(ward):
    enrolled(ward)
    (plan,) = decode(ward.ask("GET", "/fhir/CarePlan", "ehr").data)["entry"]
    return plan["resource"]["id"]


def dose(ward):
    found = decode(ward.ask("GET", "/fhir/MedicationRequest?_count=100", "ehr").data)["entry"]
    (order,) = [e["resource"] for e in found if e["resource"]["identifier"][0]["value"].endswith("/thiotepa/D-13")]
    return order["dosageInstruction"][0]["doseAndRate"][1]["doseQuantity"]["value"]


def test_a_diff_shows_what_redosing_then_does(ward, course):
    shown = ward.ask("POST", f"/regimens/{course}/redose/diff", document=REDOSE)
    assert shown.status_code == 200
    assert dose(ward) == 350
    done = ward.ask("POST", f"/regimens/{course}/redose", document=REDOSE)
    assert done.status_code == 200
    assert decode(done.data)["changes"] == decode(shown.data)["changes"]
    assert dose(ward) == 320


def test_history_can_be_read_by_those_who_care(ward, course):
    ward.ask("POST", f"/regimens/{course}/stop", document={"reason": "relapse", "confirmed_by": "Dr A. Example"})
    for who in ("ehr", "centre"):
        told = decode(ward.ask("GET", f"/regimens/{course}/history", who).data)
        assert told["history"][0]["did"] == "stop"


@pytest.mark.parametrize("path", ["redose", "redose/diff", "stop"])
def test_a_refusal_names_the_field(ward, course, path):
    answer = ward.ask("POST", f"/regimens/{course}/{path}", document={"reason": "x"})
    assert answer.status_code == 422
    assert decode(answer.data)["issue"][0]["expression"] == ["confirmed_by"]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "history"), ("POST", "redose"), ("POST", "redose/diff"), ("POST", "stop")]
)
def test_another_centre_finds_nothing(ward, course, method, path):
    sent = (
        {"document": REDOSE if "redose" in path else {"reason": "x", "confirmed_by": "y"}} if method == "POST" else {}
    )
    answer = ward.ask(method, f"/regimens/{course}/{path}", "other-centre", **sent)
    assert answer.status_code == 404
