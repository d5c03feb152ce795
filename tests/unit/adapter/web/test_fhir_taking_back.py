"""A centre's own system takes back what it pushed, and corrects or takes back a form that was filled in."""

from __future__ import annotations

import pytest

from mappings.r4.wire import decode
from tests.lib import flat
from tests.lib.forms import ENROLMENT, FOLLOW_UP
from tests.lib.pushing import anc, bundle, entry, named
from tests.unit.adapter.web.conftest import Ward

FHIR = "application/fhir+json"
COUNT = "/fhir/Observation/lab-77"
FORM = "QuestionnaireResponse"


@pytest.fixture
def patient(ward: Ward) -> str:
    told = decode(ward.ask("POST", "/enrolments", document=ENROLMENT).data)
    return next(one for one in told["resources"] if one.startswith("Patient/"))


@pytest.fixture
def count(ward, patient):
    """A neutrophil count under the sender's own id."""
    return push(ward, "PUT", COUNT, anc(patient, id="lab-77", **named("77")))


def push(ward, method, path, resource, who="centre", **headers):
    return ward.ask(method, path, who, document=resource, content_type=FHIR, headers=headers)


def told(answer):
    return decode(answer.data)


def delete(ward, path, who="centre", **headers):
    return ward.ask("DELETE", path, who, headers=headers)


def issue(answer):
    (found,) = told(answer)["issue"]
    return found["severity"], found["diagnostics"]


def status_of(ward, path):
    return told(ward.ask("GET", path))["status"]


def test_what_was_pushed_becomes_entered_in_error_and_stays_readable(ward, count):
    answer = delete(ward, f"{COUNT}?reason=another patient's tube")
    assert (answer.status_code, answer.headers["ETag"]) == (200, 'W/"2"')
    assert "entered-in-error" in issue(answer)[1]
    assert status_of(ward, COUNT) == "entered-in-error"
    assert status_of(ward, f"{COUNT}/_history/1") == "final"
    with ward.store.reading() as tx:
        reasons = [one.reason for one in tx.pushed.ever_of_course(tx.resources.get("Observation", "lab-77").course)]
    assert reasons == ["another patient's tube"]


def test_taking_back_again_writes_nothing(ward, patient, count):
    delete(ward, COUNT)
    counts = ward.counts()
    again = delete(ward, COUNT)
    assert (again.status_code, again.headers["ETag"]) == (200, 'W/"2"')
    assert ward.counts() == counts
    once_more = push(ward, "PUT", COUNT, anc(patient, id="lab-77", **named("77")))
    assert once_more.status_code == 201, "it may be told again"


def test_what_a_form_tells_as_well_stands(ward, patient):
    section = {"counts": [{"date": "2026-03-17", "neutrophils": {"value": 0.6, "unit": "10*9/L"}}]}
    push(ward, "PUT", COUNT, anc(patient, id="lab-77"))
    ward.ask("POST", "/follow-ups", document=FOLLOW_UP | {"engraftment": section})
    assert issue(delete(ward, COUNT)) == ("warning", "a follow-up tells this too, and what it says stands")
    assert status_of(ward, COUNT) == "final"


def test_what_only_a_form_tells_is_taken_back_there(ward, patient):
    visit = told(ward.ask("POST", "/follow-ups", document=FOLLOW_UP))["id"]
    (episode,) = told(ward.ask("GET", "/fhir/Condition?code=http://snomed.info/sct|402355000"))["entry"]
    place = f"/fhir/Condition/{episode['resource']['id']}"
    answer = delete(ward, place)
    assert answer.status_code == 409
    assert "it is told by FR-037/P-0001/m3" in issue(answer)[1]
    ward.ask("DELETE", f"/follow-ups/{visit}?reason=wrong patient")
    assert delete(ward, place).status_code == 200, "it is gone already"


def test_another_centre_learns_nothing_and_takes_nothing_back(ward, count):
    others, nobody = (delete(ward, path, "other-centre") for path in (COUNT, "/fhir/Observation/nobody"))
    assert (others.status_code, others.data) == (200, nobody.data)
    assert issue(others)[0] == "warning"
    assert status_of(ward, COUNT) == "final"
    assert delete(ward, COUNT, "ehr").status_code == 403
    assert delete(ward, COUNT, None).status_code == 401


def test_only_the_version_that_is_meant(ward, count):
    assert delete(ward, COUNT, **{"If-Match": 'W/"7"'}).status_code == 412
    minimal = delete(ward, COUNT, **{"If-Match": 'W/"1"', "Prefer": "return=minimal"})
    assert (minimal.status_code, minimal.data) == (204, b"")


def test_by_an_identifier_where_one_has_it(ward, patient, count):
    search = "/fhir/Observation?identifier=urn:oid:1.2.250.1.213.9.1|77&reason=doubled"
    assert delete(ward, search).status_code == 200
    assert status_of(ward, COUNT) == "entered-in-error"
    assert issue(delete(ward, search))[0] == "warning", "there is none any more"
    for number in ("1", "2"):
        push(ward, "POST", "/fhir/Observation", anc(patient, **named(number)))
    assert delete(ward, "/fhir/Observation?status=final").status_code == 412
    for bare in ("/fhir/Observation", "/fhir/Observation?reason=all", f"{COUNT}?status=final"):
        assert delete(ward, bare).status_code == 400
    assert delete(ward, "/fhir/Patient/x").status_code == 405


def filled(ward):
    found = told(ward.ask("GET", f"/fhir/{FORM}"))
    return [one["resource"] for one in found.get("entry", ())]


def test_a_form_is_corrected_under_its_id(ward, patient):
    first = push(ward, "POST", f"/fhir/{FORM}", flat.response(FOLLOW_UP))
    assert first.status_code == 201
    conditions = told(ward.ask("GET", "/fhir/Condition"))["total"]
    (kept,) = filled(ward)
    later = flat.response(FOLLOW_UP | {"relapse": {"date": "2026-06-01", "kind": "haematological"}}, id=kept["id"])
    answer = push(ward, "PUT", f"/fhir/{FORM}/{kept['id']}", later, **{"If-Match": 'W/"1"'})
    assert (answer.status_code, answer.headers["ETag"]) == (200, 'W/"2"')
    (kept,) = filled(ward)
    assert kept["item"] == later["item"]
    assert told(ward.ask("GET", "/fhir/Condition"))["total"] == conditions + 1, "the relapse"
    assert push(ward, "PUT", f"/fhir/{FORM}/{kept['id']}", later, **{"If-Match": 'W/"1"'}).status_code == 412


def test_a_correction_is_of_the_same_visit_and_of_what_is_there(ward, patient):
    push(ward, "POST", f"/fhir/{FORM}", flat.response(FOLLOW_UP))
    (kept,) = filled(ward)
    before = ward.counts()
    place = f"/fhir/{FORM}/{kept['id']}"
    other = push(ward, "PUT", place, flat.response(FOLLOW_UP | {"visit": "m6"}, id=kept["id"]))
    assert (other.status_code, ward.counts()) == (409, before)
    assert push(ward, "PUT", place, flat.response(FOLLOW_UP, id="x")).status_code == 400
    unknown = push(ward, "PUT", f"/fhir/{FORM}/x", flat.response(FOLLOW_UP, id="x"))
    others = push(ward, "PUT", place, flat.response(FOLLOW_UP, id=kept["id"]), "other-centre")
    assert (unknown.status_code, others.status_code, others.data) == (404, 404, unknown.data)
    wrong = flat.response(FOLLOW_UP | {"gvhd": {"acute": [{"onset": "2026-04-20", "skin": 9}]}}, id=kept["id"])
    assert told(push(ward, "PUT", place, wrong))["issue"][0]["expression"] == ["gvhd.acute.1.skin"]


def test_a_form_is_taken_back_with_what_it_said(ward, patient):
    push(ward, "POST", f"/fhir/{FORM}", flat.response(FOLLOW_UP))
    (kept,) = filled(ward)
    place = f"/fhir/{FORM}/{kept['id']}"
    assert delete(ward, place, **{"If-Match": 'W/"7"'}).status_code == 412
    assert delete(ward, f"{place}?reason=wrong patient").status_code == 200
    assert filled(ward)[0]["status"] == "entered-in-error"
    assert told(ward.ask("GET", "/fhir/Condition?verification-status=entered-in-error"))["total"] == 1
    assert delete(ward, place).status_code == 200
    assert issue(delete(ward, f"/fhir/{FORM}/nobody"))[0] == "warning"
    again = push(ward, "PUT", place, flat.response(FOLLOW_UP, id=kept["id"]))
    assert (again.status_code, filled(ward)[0]["status"]) == (200, "completed")


def test_the_answers_of_an_enrolment_are_corrected_and_not_taken_back(ward, patient):
    ward.ask("POST", "/enrolments", document=flat.response(ENROLMENT), content_type=FHIR)
    (kept,) = filled(ward)
    assert delete(ward, f"/fhir/{FORM}/{kept['id']}").status_code == 409
    visit = flat.response(FOLLOW_UP, id=kept["id"])
    assert push(ward, "PUT", f"/fhir/{FORM}/{kept['id']}", visit).status_code == 409


def send(ward, *entries, kind="transaction", **headers):
    return push(ward, "POST", "/fhir", bundle(kind, *entries), **headers)


def test_a_transaction_takes_back_before_it_tells(ward, patient, count):
    """R4, 3.1.0.11.2: DELETE, POST, PUT, GET, whatever the order of the entries."""
    answer = send(
        ward,
        entry("GET", "Observation?status=final&date=2026-03-17"),
        entry("POST", "Observation", anc(patient, "0.9", **named("78")), ifNoneExist="date=2026-03-17&status=final"),
        entry("DELETE", "Observation/lab-77"),
    )
    seen, created, gone = told(answer)["entry"]
    assert [one["response"]["status"] for one in (seen, created, gone)] == ["200 OK", "201 Created", "200 OK"]
    assert "entered-in-error" in gone["response"]["outcome"]["issue"][0]["diagnostics"]
    (found,) = seen["resource"]["entry"]
    assert str(found["resource"]["valueQuantity"]["value"]) == "0.9"


def test_nothing_of_a_transaction_happens_where_one_entry_cannot(ward, patient, count):
    before = ward.counts()
    form = flat.response(FOLLOW_UP)
    wrong = flat.response(FOLLOW_UP | {"visit": "m6", "gvhd": {"acute": [{"onset": "2026-04-20", "skin": 9}]}})
    gone = entry("DELETE", "Observation/lab-77")
    for first, last, status, where in (
        (gone, entry("GET", "Observation/nowhere"), 404, "Bundle.entry[2].request.url"),
        (gone, entry("GET", "Observation?colour=red"), 400, "Bundle.entry[2].request.url"),
        (gone, entry("DELETE", "Observation/x", ifMatch="x"), 400, "Bundle.entry[2].request.ifMatch"),
        (
            entry("DELETE", "Observation/lab-77", ifMatch='W/"7"'),
            entry("GET", "Patient"),
            412,
            "Bundle.entry[0].request.url",
        ),
        (gone, entry("POST", FORM, wrong), 422, "Bundle.entry[2].resource.item.where(linkId='gvhd.acute.1.skin')"),
        (gone, entry("POST", FORM, form | {"status": "in-progress"}), 422, "Bundle.entry[2].resource.status"),
        (gone, entry("PUT", f"{FORM}/x", form | {"id": "x"}), 404, "Bundle.entry[2].resource"),
        (
            gone,
            entry("POST", "Observation", anc(patient, status="preliminary")),
            422,
            "Bundle.entry[2].resource.status",
        ),
    ):
        answer = send(ward, first, entry("POST", FORM, form), last)
        places = [place for one in told(answer)["issue"] for place in one["expression"]]
        assert (answer.status_code, where in places) == (status, True), (where, told(answer))
        assert ward.counts() == before
        assert status_of(ward, COUNT) == "final"


def test_what_a_form_of_the_same_transaction_tells_is_read_in_it(ward, patient):
    push(ward, "POST", f"/fhir/{FORM}", flat.response(FOLLOW_UP))
    (kept,) = filled(ward)
    delete(ward, f"/fhir/{FORM}/{kept['id']}")
    again = entry("PUT", f"{FORM}/{kept['id']}", flat.response(FOLLOW_UP, id=kept["id"]))
    confirmed = "Condition?verification-status=confirmed"
    answer = send(ward, entry("GET", f"{FORM}/{kept['id']}"), again, entry("GET", confirmed))
    assert [one["response"]["status"] for one in told(answer)["entry"]] == ["200 OK"] * 3
    assert told(answer)["entry"][0]["resource"]["status"] == "completed"
    assert told(answer)["entry"][2]["resource"]["total"] == 2


def test_a_batch_reads_tells_and_takes_back_each_by_itself(ward, patient, count):
    answer = send(
        ward,
        entry("DELETE", "Observation/lab-77"),
        entry("DELETE", "Observation/nobody"),
        entry("POST", FORM, flat.response(FOLLOW_UP)),
        entry("POST", FORM, flat.response(FOLLOW_UP | {"patient": "nobody"})),
        entry("GET", "Observation/lab-77"),
        kind="batch",
    )
    entries = told(answer)["entry"]
    assert [one["response"]["status"][:3] for one in entries] == ["200", "200", "201", "404", "200"]
    assert entries[1]["response"]["outcome"]["issue"][0]["severity"] == "warning"
    assert entries[4]["resource"]["status"] == "entered-in-error"


def test_one_resource_is_changed_once(ward, patient, count):
    answer = send(
        ward,
        entry("DELETE", "Observation/lab-77"),
        entry("PUT", "Observation/lab-77", anc(patient, id="lab-77")),
    )
    places = [place for one in told(answer)["issue"] for place in one["expression"]]
    assert (answer.status_code, places) == (400, ["Bundle.entry[0].request.url", "Bundle.entry[1].resource.id"])
