"""The plan as an iCalendar file: all-day events under ids that stay, and no patient's name."""

from __future__ import annotations

from datetime import date

import pytest
from icalendar import Calendar

from mappings.r4.wire import decode
from tests.lib.forms import ENROLMENT
from tests.unit.adapter.web.browsing import signed_in
from tests.unit.adapter.web.conftest import PASSWORD


@pytest.fixture
def ada(ward, course):
    return signed_in(ward)


def file(browser, course):
    answer = browser.open(f"/regimens/{course}/calendar.ics").answer
    assert answer.status_code == 200
    assert answer.content_type == "text/calendar; charset=utf-8"
    return answer.data


def events(browser, course):
    """Events by the end of their id, `<action>/<day>`."""
    found = Calendar.from_ical(file(browser, course)).walk("VEVENT")
    return {str(event["uid"]).split("/", 1)[1].removesuffix("@engraft"): event for event in found}


def moved(ward, when="2026-03-09"):
    graft = ENROLMENT["transplant"] | {"date": when}
    assert ward.ask("POST", "/enrolments", document=ENROLMENT | {"transplant": graft}).status_code == 200


def test_every_dated_item_is_an_all_day_event(ada, course):
    found = events(ada, course)
    assert len(found) == 37
    thiotepa = found["thiotepa/D-13"]
    assert (thiotepa["dtstart"].dt, thiotepa["dtend"].dt) == (date(2026, 2, 17), date(2026, 2, 18))
    assert str(thiotepa["dtstart"].params["VALUE"]) == "DATE"
    assert "5 mg/kg x 70 kg" in thiotepa["description"]
    assert found["visit-m24/open"]["dtstart"].dt == date(2028, 3, 2)


def test_an_event_says_day_drug_amount_and_route_and_that_it_is_a_draft(ada, course):
    found = events(ada, course)
    assert str(found["busulfan/D-5"]["summary"]) == "DRAFT D-5 Busulfan 224 mg IV"
    assert str(found["busulfan/D-5"]["status"]) == "TENTATIVE"


def test_a_course_is_one_event_to_the_day_before_its_taper(ada, course):
    mycophenolate = events(ada, course)["mycophenolate/D6"]
    assert (mycophenolate["dtstart"].dt, mycophenolate["dtend"].dt) == (date(2026, 3, 8), date(2026, 4, 6))
    assert str(mycophenolate["summary"]) == "DRAFT D+6 to D+34 Mycophenolate mofetil (MMF) 1000 mg x 2"


def test_a_signed_plan_is_confirmed_but_for_what_waits_for_a_gate(ward, ada, course):
    place = f"/regimens/{course}/calendar"
    ada.open(place).send(place, password=PASSWORD)
    found = events(ada, course)
    assert str(found["busulfan/D-5"]["summary"]) == "D-5 Busulfan 224 mg IV"
    tentative = {item for item, event in found.items() if str(event["status"]) == "TENTATIVE"}
    assert {item.split("/")[0] for item in tentative} == {
        "mycophenolate-taper", "ciclosporin-taper", "pdli-1", "pdli-2", "pdli-3"
    }  # fmt: skip
    assert "no active GVHD" in found["pdli-1/open"]["description"]


def test_when_the_graft_moves_the_same_events_move(ward, ada, course):
    before = events(ada, course)
    moved(ward)
    after = events(ada, course)
    assert after.keys() == before.keys()
    assert after["thiotepa/D-13"]["dtstart"].dt == date(2026, 2, 24)
    assert int(after["thiotepa/D-13"]["sequence"]) > int(before["thiotepa/D-13"]["sequence"])


def test_what_is_called_off_is_cancelled_in_the_calendars_that_took_it_in(ward, ada, course):
    before = events(ada, course)
    answer = ward.ask("POST", "/enrolments", document=ENROLMENT | {"transplant": {"planned": True}})
    assert answer.status_code == 200
    after = events(ada, course)
    assert after.keys() == before.keys()
    assert {str(event["status"]) for event in after.values()} == {"CANCELLED"}
    assert str(after["busulfan/D-5"]["summary"]) == "CANCELLED D-5 Busulfan 224 mg IV"
    assert int(after["busulfan/D-5"]["sequence"]) > int(before["busulfan/D-5"]["sequence"])


def test_the_same_plan_is_the_same_file(ada, course):
    assert file(ada, course) == file(ada, course)


def test_it_names_no_patient(ward, ada, course):
    text = file(ada, course).decode()
    assert "P-0001" not in text
    assert "1971" not in text
    patient = decode(ward.ask("GET", "/fhir/Patient", "ehr").data)["entry"][0]["resource"]["id"]
    assert patient not in text


def test_ids_are_the_courses_own(ada, course):
    found = Calendar.from_ical(file(ada, course)).walk("VEVENT")
    assert all(str(event["uid"]).startswith(f"{course}/") for event in found)
    assert len({str(event["uid"]) for event in found}) == len(found)


def test_a_course_without_a_plan_is_a_file_without_events(ward, ada, course):
    open_ = {key: said for key, said in ENROLMENT.items() if key != "transplant"} | {"patient": "P-0002"}
    other = decode(ward.ask("POST", "/enrolments", document=open_).data)["course"]
    assert events(ada, other) == {}
