"""A laboratory result that a centre pushes is shown beside the doses, and tells nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapter.app import create_app
from adapter.config import Centre, Hospital, Settings
from adapter.flows import reconciling
from adapter.store.outbox import UNFINISHED
from mappings.registry.bundle import outgoing
from tests.lib.forms import ENROLMENT
from tests.lib.pushing import amount, anc, bundle, code, entry, named, observation
from tests.unit.adapter.web.browsing import signed_in
from tests.unit.adapter.web.conftest import NOW, OTHERS, OURS
from tests.unit.adapter.web.test_fhir_writing import expressions, place_of, push, told

LABCODES = "https://lab.example/codes"


@pytest.fixture
def lab(ward):
    """The ward whose laboratory writes bilirubin by a code of its own, and delivers to a hospital."""
    own = {"bilirubin": ((LABCODES, "BILI"),)}
    settings = Settings(
        public_url="https://engraft.test",
        centres={OURS: Centre(OURS, "CHU A", "chu-a", results=own), OTHERS: Centre(OTHERS, "UZ B")},
        hospitals={"chu-a": Hospital("chu-a", "http://127.0.0.1:9/fhir")},
    )
    return replace(ward, app=create_app(settings, ward.store, lambda: NOW))


def bilirubin(subject, value="12", on="2026-03-09", **more):
    return observation(subject, code("BILI", LABCODES), on, **{"valueQuantity": amount(value, "umol/L"), **more})


def patient_of(ward):
    (one,) = told(ward.ask("GET", "/fhir/Patient"))["entry"]
    return f"Patient/{one['resource']['id']}"


def shown(ward, course):
    return signed_in(ward).open(f"/regimens/{course}/calendar").words()


def test_it_is_kept_read_and_shown_on_the_calendar(lab, course):
    patient = patient_of(lab)
    answer = push(lab, "POST", "/fhir/Observation", bilirubin(patient, **named("b1"), note=[{"text": "Mr Secret"}]))
    assert answer.status_code == 201
    read = told(lab.ask("GET", f"/fhir/{place_of(answer)}"))
    assert (read["subject"]["reference"], read["identifier"]) == (patient, named("b1")["identifier"])
    assert "Secret" not in str(read)
    assert "Bilirubin 12 umol/L 2026-03-09 the laboratory's code BILI" in shown(lab, course)


def test_the_same_again_is_the_same_and_a_correction_is_a_new_version(lab, course):
    patient = patient_of(lab)
    first = push(lab, "POST", "/fhir/Observation", bilirubin(patient, **named("b1")))
    again = push(lab, "POST", "/fhir/Observation", bilirubin(patient, **named("b1")))
    assert (again.status_code, again.headers["ETag"], place_of(again)) == (200, 'W/"1"', place_of(first))
    better = push(lab, "PUT", f"/fhir/{place_of(first)}", bilirubin(patient, "14", id=place_of(first)[12:]))
    assert (better.status_code, better.headers["ETag"]) == (200, 'W/"2"')
    assert told(better)["identifier"] == named("b1")["identifier"]
    assert "Bilirubin 14 umol/L" in shown(lab, course)
    stale = push(
        lab, "PUT", f"/fhir/{place_of(first)}", bilirubin(patient, id=place_of(first)[12:]), **{"If-Match": 'W/"1"'}
    )
    assert stale.status_code == 412


def test_entered_in_error_it_is_shown_no_more(lab, course):
    patient = patient_of(lab)
    push(lab, "POST", "/fhir/Observation", bilirubin(patient, **named("b1")))
    back = push(lab, "POST", "/fhir/Observation", bilirubin(patient, status="entered-in-error", **named("b1")))
    assert (back.status_code, told(back)["status"]) == (200, "entered-in-error")
    assert "Bilirubin no result stored" in shown(lab, course)


def test_without_an_identifier_its_content_tells_which_it_is(lab, course):
    patient = patient_of(lab)
    places = [
        place_of(push(lab, "POST", "/fhir/Observation", bilirubin(patient, value))) for value in ("12", "13", "12")
    ]
    assert places[0] == places[2] != places[1]


def test_an_identifier_without_a_value_names_nothing(lab, course):
    system = {"identifier": [{"system": "urn:oid:1.2.250.1.213.9.1"}]}
    sent = [push(lab, "POST", "/fhir/Observation", bilirubin(patient_of(lab), one, **system)) for one in ("12", "13")]
    assert place_of(sent[0]) != place_of(sent[1])


def test_it_goes_to_no_hospital_and_leaves_for_no_registry(lab, course):
    lab.ask("POST", "/enrolments", document=ENROLMENT)
    push(lab, "POST", "/fhir/Observation", bilirubin(patient_of(lab), **named("b1")))
    push(lab, "POST", "/fhir/Observation", anc(patient_of(lab), **named("n1")))
    with lab.store.reading() as tx:
        queued = [row.content for row in tx.outbox.of_course("chu-a", course, UNFINISHED)]
        stored = [one.content for one in tx.resources.of_course(course)]
    assert "BILI" not in str(queued)
    assert "neutrophils" in str(queued)
    assert "BILI" in str(stored)
    assert "BILI" not in str(outgoing(stored, b"k" * 32, NOW.date()))
    assert "BILI" not in str(reconciling.compare(lab.store, _Nowhere(), "chu-a", course))


class _Nowhere:
    """A hospital that has nothing."""

    def read(self, *_):
        return None


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"status": "cancelled"}, "Observation.status"),
        ({"valueQuantity": {"unit": "umol/L"}}, "Observation.value"),
        ({"effectiveDateTime": "2026-03"}, "Observation.effective"),
        ({"effectiveDateTime": "2030-03-09"}, "Observation.effective"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_its_place(lab, course, change, place):
    counts = lab.counts()
    answer = push(lab, "POST", "/fhir/Observation", bilirubin(patient_of(lab)) | change)
    assert (answer.status_code, expressions(answer)) == (422, [place])
    assert lab.counts() == counts


def test_one_without_a_time_is_refused(lab, course):
    answer = push(lab, "POST", "/fhir/Observation", bilirubin(patient_of(lab), on=None))
    assert expressions(answer) == ["Observation.effective"]


def test_an_id_of_something_else_is_not_free(lab, course):
    patient = patient_of(lab)
    count = place_of(push(lab, "POST", "/fhir/Observation", anc(patient, **named("n1"))))
    taken = push(lab, "PUT", f"/fhir/{count}", bilirubin(patient, id=count[12:]))
    assert taken.status_code == 409
    assert push(lab, "POST", "/fhir/Observation", bilirubin(patient, **named("n1"))).status_code == 409


def test_in_a_bundle_it_comes_with_the_rest_or_not_at_all(lab, course):
    patient = patient_of(lab)
    sent = bundle(
        "transaction",
        entry("POST", "Observation", bilirubin(patient, **named("b1"))),
        entry("POST", "Observation", anc(patient, on="2030-01-01", **named("n1"))),
    )
    assert push(lab, "POST", "/fhir", sent).status_code == 422
    assert "Bilirubin no result stored" in shown(lab, course)
    sent["entry"][1] = entry("POST", "Observation", anc(patient, **named("n1")))
    assert push(lab, "POST", "/fhir", sent).status_code == 200
    assert "Bilirubin 12 umol/L" in shown(lab, course)


def test_the_code_of_one_centre_means_nothing_to_another(ward, course):
    """Nobody named it here."""
    answer = push(ward, "POST", "/fhir/Observation", bilirubin(patient_of(ward)))
    assert (answer.status_code, expressions(answer)) == (422, ["Observation.code"])


def test_a_code_that_everybody_knows_needs_no_naming(ward, course):
    creatinine = observation(
        patient_of(ward), code("14682-9", "http://loinc.org"), valueQuantity=amount("95", "umol/L")
    )
    assert push(ward, "POST", "/fhir/Observation", creatinine).status_code == 201
    assert "Creatinine in serum or plasma 95 umol/L 2026-03-17" in shown(ward, course)
