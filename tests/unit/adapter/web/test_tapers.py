"""A taper is confirmed by a program over HTTP, and by a pharmacist or physician on the calendar page."""

from __future__ import annotations

import re

import pytest

from mappings.r4.wire import decode
from tests.lib.forms import ENROLMENT
from tests.unit.adapter.web.browsing import row, signed_in
from tests.unit.adapter.web.conftest import PASSWORD

MMF = "mycophenolate-taper"
SAID = {"first_day": "2026-04-06", "confirmed_by": "Dr A. Example"}


def looked(ward, found=()):
    """The form of a look for GVHD, on 2 April."""
    gvhd = {"assessed": "2026-04-02", "acute": list(found), "chronic": []}
    form = {"centre": "FR-037", "patient": ENROLMENT["patient"], "visit": "unscheduled", "date": "2026-04-02"}
    assert ward.ask("POST", "/follow-ups", document=form | {"gvhd": gvhd}).status_code == 202


@pytest.fixture
def well(ward, course):
    looked(ward)
    return course


def full_dose(ward):
    found = decode(ward.ask("GET", "/fhir/MedicationRequest?_count=100", "ehr").data)["entry"]
    (order,) = [e["resource"] for e in found if e["resource"]["identifier"][0]["value"].endswith("/mycophenolate/D6")]
    return order["status"], order["dosageInstruction"][0]["timing"]["repeat"]["boundsPeriod"].get("end")


def deed(ward, course):
    """What was done last to the enrolment of a course."""
    with ward.store.reading() as tx:
        return list(tx.audit.of(tx.enrolments.of_course(course)[-1].id))[-1]


def test_a_diff_shows_what_confirming_then_does(ward, well):
    shown = ward.ask("POST", f"/regimens/{well}/tapers/{MMF}/diff", document=SAID)
    assert shown.status_code == 200
    assert full_dose(ward) == ("draft", None)
    done = ward.ask("POST", f"/regimens/{well}/tapers/{MMF}", document=SAID)
    assert decode(done.data)["changes"] == decode(shown.data)["changes"]
    assert full_dose(ward) == ("completed", "2026-04-05")
    assert (deed(ward, well).who, deed(ward, well).action) == ("centre", "taper")


def test_taken_back_it_goes_on(ward, well):
    ward.ask("POST", f"/regimens/{well}/tapers/{MMF}", document=SAID)
    said = {"reason": "a typing error", "confirmed_by": "Dr A. Example"}
    assert ward.ask("POST", f"/regimens/{well}/tapers/{MMF}/withdrawal", document=said).status_code == 200
    assert full_dose(ward) == ("draft", None)


@pytest.mark.parametrize("path", ["", "/diff", "/withdrawal"])
def test_a_refusal_names_the_field_and_strangers_find_nothing(ward, well, path):
    place = f"/regimens/{well}/tapers/{MMF}{path}"
    answer = ward.ask("POST", place, document={"reason": "x"})
    assert answer.status_code == 422
    assert decode(answer.data)["issue"][0]["expression"] == ["confirmed_by"]
    assert ward.ask("POST", place, "other-centre", document={"reason": "x", "confirmed_by": "y"}).status_code == 404
    nothing = f"/regimens/{well}/tapers/nothing{path}"
    assert ward.ask("POST", nothing, document={"reason": "x", "confirmed_by": "y"}).status_code == 404


def test_a_gate_that_is_not_met_is_a_conflict(ward, course):
    looked(ward, [{"onset": "2026-03-20", "grade": "II", "skin": 3}])
    answer = ward.ask("POST", f"/regimens/{course}/tapers/{MMF}", document=SAID | {"although_unknown": "x"})
    assert answer.status_code == 409
    assert "acute GVHD" in decode(answer.data)["issue"][0]["diagnostics"]


def test_what_began_against_its_gate_is_recorded_when_somebody_says_why(ward, well):
    late = SAID | {"first_day": "2026-05-05"}
    refused = ward.ask("POST", f"/regimens/{well}/tapers/{MMF}", document=late)
    assert refused.status_code == 409
    assert "deviation has to say why" in decode(refused.data)["issue"][0]["diagnostics"]
    done = ward.ask("POST", f"/regimens/{well}/tapers/{MMF}", document=late | {"deviation": "seen late"})
    assert (done.status_code, decode(done.data)["deviation"]) == (200, "seen late")
    assert full_dose(ward) == ("completed", "2026-05-04")


# on the page


@pytest.fixture
def place(ward, course):
    """The clock of these tests is on 3 September: the window of the taper is over, so its day is told afterwards."""
    looked(ward)
    return f"/regimens/{course}/calendar"


def confirmed(ward, place, who="ben"):
    page = signed_in(ward, who).open(place)
    return page.send(f"{place}/tapers/{MMF}", first_day="2026-04-06", password=PASSWORD)


def test_a_physician_confirms_and_the_page_shows_it(ward, place):
    page = confirmed(ward, place).follow()
    assert "begun on 2026-04-06" in page.words()
    assert "1000 mg x 2" in row(page, "D+34")
    assert "as tapered" in row(page, "D+35")
    assert "1000 mg" not in row(page, "D+35")
    told = deed(ward, place.split("/")[2])
    assert told.who == "user:ben"
    assert told.detail.endswith("(confirmed by Dr Ben Example, physician)")


def test_a_deviation_stands_on_the_page_where_the_taper_does(ward, place):
    page = signed_in(ward, "ben").open(place)
    page.send(f"{place}/tapers/{MMF}", first_day="2026-05-05", deviation="seen late", password=PASSWORD).follow()
    assert "begun on 2026-05-05, a deviation from the protocol" in page.words()
    assert "DEVIATION from the protocol: seen late" in row(page, "D+64")
    assert "1000 mg x 2" in row(page, "D+63")


def test_its_end_and_its_withdrawal_are_forms_of_the_page(ward, place):
    page = confirmed(ward, place).follow()
    page.send(f"{place}/tapers/{MMF}", last_day="2026-04-27", password=PASSWORD).follow()
    assert "Tapering of mycophenolate: done" in page.words() or ": done" in page.words()
    page.send(f"{place}/tapers/{MMF}/withdrawal", reason="flare", password=PASSWORD).follow()
    assert "begun on" not in page.words()
    assert full_dose(ward) == ("draft", None)


def test_without_the_password_nothing_is_confirmed(ward, place):
    page = signed_in(ward, "ada").open(place)
    page.send(f"{place}/tapers/{MMF}", first_day="2026-04-06", password="wrong")
    assert page.answer.status_code == 403
    assert full_dose(ward) == ("draft", None)


@pytest.mark.parametrize(("who", "status"), [("dana", 403), ("eve", 404)])
def test_neither_a_data_manager_nor_another_centre_confirms(ward, place, who, status):
    page = signed_in(ward, who).open(place).open("/")
    csrf = re.search(r'name="csrf" value="([^"]+)"', page.text)[1]
    data = {"csrf": csrf, "password": PASSWORD, "first_day": "2026-04-06"}
    answer = page.client.post(f"{place}/tapers/{MMF}", data=data, base_url="https://engraft.test")
    assert answer.status_code == status
    assert full_dose(ward) == ("draft", None)
    assert "Confirm that it" not in page.open(place).words()
