"""What a Bundle reads is what the same read by itself answers, and of the own centre only."""

from __future__ import annotations

import pytest

from mappings.r4.wire import decode
from tests.lib.forms import ENROLMENT
from tests.lib.pushing import bundle, entry
from tests.unit.adapter.web.conftest import NOW


@pytest.fixture
def patient(ward) -> str:
    told = decode(ward.ask("POST", "/enrolments", document=ENROLMENT).data)
    return next(one for one in told["resources"] if one.startswith("Patient/"))


def read(ward, *urls, who="centre", kind="batch", **asked):
    document = bundle(kind, *(entry("GET", url, **asked) for url in urls))
    answer = ward.ask("POST", "/fhir", who, document=document, content_type="application/fhir+json")
    assert answer.status_code == 200, answer.data
    return decode(answer.data)["entry"]


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_it_is_what_the_address_answers(ward, patient, kind):
    paths = [
        patient,
        f"{patient}?_elements=gender",
        f"{patient}/_history/1",
        f"{patient}/_history?_count=1",
        "Patient?gender=female&_include=*",
        f"Observation?patient={patient}&_count=1&_sort=-date",
        "PlanDefinition/set-haplo-pdli",
        "PlanDefinition/set-haplo-pdli/_history",
        "PlanDefinition?status=active&_summary=true",
    ]
    for path, one in zip(paths, read(ward, *paths, kind=kind), strict=True):
        by_itself = ward.ask("GET", f"/fhir/{path}")
        assert by_itself.status_code == 200, path
        assert one["resource"] == decode(by_itself.data), path
        assert one["response"]["status"] == "200 OK"
        assert one["response"].get("etag") == by_itself.headers.get("ETag")


def test_addresses_are_whole_or_begin_with_a_slash(ward, patient):
    whole, slashed = read(ward, f"https://engraft.test/fhir/{patient}", f"/{patient}")
    assert whole == slashed
    assert whole["resource"]["id"] == patient.partition("/")[2]


def test_what_one_has_already_is_not_sent_again(ward, patient):
    (known,) = read(ward, patient, ifNoneMatch='W/"1"')
    assert (known["response"]["status"], "resource" in known) == ("304 Not Modified", False)
    (changed,) = read(ward, patient, ifNoneMatch='W/"2"')
    assert changed["response"]["status"] == "200 OK"


def test_what_is_not_there_or_not_understood_is_told_as_by_its_address(ward, patient):
    wrong = {
        "Patient/nobody": "404",
        "Patient/nobody/_history": "404",
        f"{patient}/_history/9": "404",
        f"{patient}/_history/x": "404",
        "PlanDefinition/nothing": "404",
        "PlanDefinition/set-haplo-pdli/_history/x": "404",
        f"{patient}?colour=red": "400",
        "Patient?colour=red": "400",
    }
    for (path, status), one in zip(wrong.items(), read(ward, *wrong), strict=True):
        by_itself = ward.ask("GET", f"/fhir/{path}")
        assert one["response"]["status"][:3] == status == str(by_itself.status_code), path
        assert "resource" not in one


def test_what_was_erased_is_gone(ward, patient):
    with ward.store.transaction() as tx:
        tx.resources.delete("Patient", patient.partition("/")[2], at=NOW)
    (one,) = read(ward, patient)
    assert one["response"]["status"] == "410 Gone"


def test_another_centre_sees_nothing_of_it(ward, patient):
    one, found = read(ward, patient, "Patient", who="other-centre")
    (nobody,) = read(ward, "Patient/nobody", who="other-centre")
    assert one == nobody
    assert found["resource"]["total"] == 0
