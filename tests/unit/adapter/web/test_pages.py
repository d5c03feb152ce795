"""The pages: who has signed in sees the own centre's patients, one of them, one plan as a calendar."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from adapter.errors import StoreUnavailable
from adapter.web.html import HEADERS
from mappings.r4.wire import decode
from tests.lib.forms import ENROLMENT
from tests.unit.adapter.web.browsing import give, later, row, signed_in
from tests.unit.adapter.web.conftest import NOW


def test_the_list_has_the_own_patients_and_how_their_plans_stand(ward, course):
    assert "P-0001 Mon 2026-03-02 DRAFT, to be validated nobody Calendar of P-0001" in signed_in(ward).words()
    eve = signed_in(ward, "eve").words()
    assert "P-0001" not in eve
    assert "Nobody of UZ B is enrolled yet." in eve


def test_the_list_says_where_a_plan_is_still_open(ward, course):
    open_ = {key: said for key, said in ENROLMENT.items() if key != "transplant"} | {"patient": "P-0002"}
    ward.ask("POST", "/enrolments", document=open_)
    assert "P-0002 not known No dated plan yet nobody" in signed_in(ward).words()


def test_another_centres_patient_and_plan_are_as_missing_as_none(ward, course):
    eve = signed_in(ward, "eve")
    (patient,) = decode(ward.ask("GET", "/fhir/Patient", "ehr").data)["entry"]
    shown = set()
    for path in (
        f"/regimens/{course}/calendar",
        f"/regimens/{course}/calendar.ics",
        "/regimens/nothing/calendar",
        "/regimens/nothing/calendar.ics",
    ):
        eve.open(path)
        assert eve.answer.status_code == 404
        shown.add(eve.words())
    assert len(shown) == 1
    for id_ in (patient["resource"]["id"], "nothing"):
        assert eve.open(f"/patients/{id_}").answer.status_code == 404
        assert "no patient with this id" in eve.words()
    assert "P-0001" not in eve.text


def test_a_patient_has_a_page_that_leads_to_the_calendar(ward, course):
    ada = signed_in(ward)
    place = re.search(r'href="(/patients/(?!new")[^"]+)"', ada.text)[1]
    words = ada.open(place).words()
    assert "Patient P-0001" in words
    assert "MedicationRequest draft 22" in words
    assert f'href="/regimens/{course}/calendar"' in ada.text
    assert "P-0001" not in place


def test_the_calendar_has_day_date_weekday_drug_amount_route(ward, course):
    ada = signed_in(ward).open(f"/regimens/{course}/calendar")
    assert row(ada, "D-13").startswith("D-13 Tue 2026-02-17 Thiotepa 350 mg not recorded")
    assert "Busulfan 224 mg IV" in row(ada, "D-5")
    assert row(ada, "D-7").startswith("D-7 Mon 2026-02-23 Rest days – kept free")
    assert "Mycophenolate mofetil (MMF) 1000 mg x 2" in row(ada, "D+6")
    assert "nothing planned" in row(ada, "D+4")
    assert "Visit at 3 months" in row(ada, "D+92")
    assert "Immune panel at day 30" in row(ada, "D+30")
    assert "The protocol gives no date for this visit." in ada.words()


def test_the_calendar_tells_gates_in_words(ward, course):
    ada = signed_in(ward).open(f"/regimens/{course}/calendar")
    assert "Taper of mycophenolate , from D+35 to D+56. Only with: no active GVHD." in row(ada, "D+35")
    assert "Until it is confirmed, the full dose goes on" in row(ada, "D+35")
    assert "from D+120. Only with: day 120 or later; immunosuppression stopped for at least 1 month" in row(
        ada, "D+120"
    )


def test_the_calendar_says_how_the_gates_stand_today_and_by_which_facts(ward, course):
    calendar = f"/regimens/{course}/calendar"
    words = signed_in(ward).open(calendar).words()
    assert "Gates on 2026-09-03" in words
    assert "Prophylactic donor lymphocyte infusion 1 : gate unknown Why " in words
    give(ward, course, gvhd={"assessed": "2026-08-01", "acute": [{"onset": "2026-04-20", "grade": "III"}]})
    words = signed_in(ward).open(calendar).words()
    assert "Prophylactic donor lymphocyte infusion 1 : gate not met Why " in words
    assert "Not met: acute GVHD never above grade II (" in words


def test_the_calendar_shows_the_arithmetic_of_each_line_once(ward, course):
    words = signed_in(ward).open(f"/regimens/{course}/calendar").words()
    assert words.count("5 mg/kg x 70 kg (weight 70 kg of 2026-02-10) = 350.0000 mg") == 1
    assert words.count("400 mg/m2 x 1.8447 m2") == 1
    assert "capped from 2100 mg a day" in words


def test_the_calendar_says_what_was_given_and_what_nobody_recorded(ward, course):
    give(ward, course)
    ada = signed_in(ward).open(f"/regimens/{course}/calendar")
    assert "Thiotepa 350 mg ✓ 350 mg" in row(ada, "D-13")
    assert "Cyclophosphamide 737.9 mg not recorded" in row(ada, "D-12")
    assert "✓ given" in row(ada, "D0")
    assert "not yet" in row(ada, "D+365")
    assert "not recorded" not in row(ada, "D+365")


def test_today_is_marked_in_words(ward, course):
    """2 September 2026 is the day of the visit at 6 months."""
    then = NOW - timedelta(days=1)
    with ward.store.transaction() as tx:
        token = tx.people.open_session(tx.people.listing()[0], then)
    ada = later(ward, token, then).open(f"/regimens/{course}/calendar")
    assert "today" in row(ada, "D+184")
    assert ada.text.count("<strong>today</strong>") == 1


def test_results_stand_beside_the_doses_and_blanks_where_there_are_none(ward, course):
    words = signed_in(ward).open(f"/regimens/{course}/calendar").words()
    assert "They change no dose by themselves." in words
    assert "Creatinine clearance no result stored" in words
    level = {
        "resourceType": "Observation",
        "id": "level",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "3520-4"}]},
        "subject": decode(ward.ask("GET", "/fhir/CarePlan", "ehr").data)["entry"][0]["resource"]["subject"],
        "effectiveDateTime": "2026-03-09",
        "valueQuantity": {"value": 212, "unit": "ng/mL"},
        "note": [{"text": "<b>trough</b>"}],
    }
    ward.put(level, course=course)
    ada = signed_in(ward).open(f"/regimens/{course}/calendar")
    assert "Ciclosporin in whole blood 212 ng/mL 2026-03-09 <b>trough</b>" in ada.words()
    assert "&lt;b&gt;trough" in ada.text


def test_a_course_without_a_plan_says_what_is_missing(ward, course):
    open_ = {key: said for key, said in ENROLMENT.items() if key not in ("transplant", "measurements")}
    other = decode(ward.ask("POST", "/enrolments", document=open_ | {"patient": "P-0002"}).data)["course"]
    ada = signed_in(ward).open(f"/regimens/{other}/calendar")
    words = ada.words()
    assert "No dated plan yet" in words
    assert "transplant.date : the date of day zero (Graft infusion) is needed" in words
    assert "Signatures" not in words


def test_a_plan_that_was_called_off_is_not_to_be_carried_out(ward, course):
    ward.ask("POST", "/enrolments", document=ENROLMENT | {"transplant": {"planned": True}})
    words = signed_in(ward).open(f"/regimens/{course}/calendar").words()
    assert "Called off This plan is not to be carried out." in words


def test_what_was_done_without_a_date_or_plan_is_told(ward, course):
    give(ward, course, dli=[{"number": 4, "date": "2026-08"}])
    assert "pdli-4: given, amount not reported, 2026-08" in signed_in(ward).open(f"/regimens/{course}/calendar").words()


@pytest.mark.parametrize("path", ["/sign-in", "/", "/patients/nothing", "/regimens/nothing/calendar"])
def test_every_page_keeps_itself_to_itself(ward, course, path):
    answer = signed_in(ward).open(path).answer
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.content_type == "text/html; charset=utf-8"


def test_pages_have_no_script_no_inline_style_and_nothing_from_elsewhere(ward, course):
    ada = signed_in(ward)
    (patient,) = decode(ward.ask("GET", "/fhir/Patient", "ehr").data)["entry"]
    for path in (
        "/sign-in",
        "/",
        f"/patients/{patient['resource']['id']}",
        f"/regimens/{course}/calendar",
        "/patients/x",
    ):
        text = ada.open(path).text
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:|https?://", text), path
        assert '<html lang="en">' in text
        assert "<title>" in text
        assert text.count("<h1>") == 1
        assert text.count("<main") == 1


def test_every_field_has_a_label(ward, course):
    ada = signed_in(ward)
    for path in ("/sign-in", f"/regimens/{course}/calendar"):
        text = ada.open(path).text
        shown = re.findall(r'<input id="([^"]+)"', text)
        assert shown
        assert all(f'<label for="{id_}">' in text for id_ in shown)
        assert len(re.findall("<input", text)) == len(shown) + len(re.findall('type="hidden"| hidden>', text))


def test_the_style_sheet_is_ours_and_may_be_kept(ward):
    answer = ward.ask("GET", "/static/engraft.css", None)
    assert answer.content_type == "text/css; charset=utf-8"
    assert answer.headers["Cache-Control"].startswith("public")
    assert "@page" in answer.get_data(as_text=True)
    assert "url(" not in answer.get_data(as_text=True)


def test_nothing_of_a_patient_reaches_a_log(ward, course, caplog):
    place = f"/regimens/{course}/calendar"
    signed_in(ward).open(place).send(place, password="wrong")
    assert "P-0001" not in caplog.text
    assert "wrong" not in caplog.text


def test_what_nobody_foresaw_is_a_page_with_a_number(ward, course, monkeypatch):
    ada = signed_in(ward)
    monkeypatch.setattr("adapter.flows.ward.patients", lambda **_: 1 / 0)
    ada.open("/")
    assert ada.answer.status_code == 500
    assert ada.answer.headers["X-Request-Id"] in ada.words()
    assert "ZeroDivisionError" not in ada.text


def test_a_form_that_is_too_large_is_refused_as_a_page(ward, course):
    ada = signed_in(ward)
    answer = ada.client.post("/sign-out", data={"csrf": "x" * 6_000_000}, base_url="https://engraft.test")
    assert answer.status_code == 413
    assert "larger than 5 MB" in answer.get_data(as_text=True)


def test_a_database_that_is_away_is_told_on_a_page(ward, course, monkeypatch):

    ada = signed_in(ward)

    def away(**_):
        raise StoreUnavailable("the database is busy")

    monkeypatch.setattr("adapter.flows.ward.patients", away)
    ada.open("/")
    assert (ada.answer.status_code, ada.answer.headers["Retry-After"]) == (503, "5")
    assert "the database is busy" in ada.words()
