"""The enrolment's form: asked, checked, corrected beside its fields, handed in; the calendar comes next."""

from __future__ import annotations

import re
from html import unescape

import pytest

from mappings.r4.wire import decode
from tests.lib.forms import ENROLMENT, FOLLOW_UP
from tests.unit.adapter.web.browsing import Browser, give, signed_in
from tests.unit.adapter.web.conftest import OURS
from tests.unit.adapter.web.test_visit_pages import shown_in

NEW = "/patients/new"
SAID = {
    "patient": "P-0002",
    "protocol": "set-haplo-pdli",
    "birth_date": "1971-05",
    "sex": "female",
    "consent.status": "active",
    "consent.date": "2026-01-10",
    "consent.registry": "true",
    "disease.diagnosis": "aml",
    "disease.status": "refractory",
    "measurements.weight.value": "70,50",
    "measurements.weight.date": "2026-08-28",
    "measurements.height.value": "175",
    "measurements.height.date": "2026-08-28",
    "transplant.date": "2026-09-20",
    "transplant.planned": "true",
    "transplant.donor": "haploidentical",
}


@pytest.fixture
def dana(ward, course) -> Browser:
    return signed_in(ward, "dana")


@pytest.fixture
def place(ward, course) -> str:
    """The enrolment of the patient who is there already."""
    (patient,) = decode(ward.ask("GET", "/fhir/Patient", "ehr").data)["entry"]
    return f"/patients/{patient['resource']['id']}/enrolment"


def press(browser: Browser, path: str, do: str, said: dict[str, str]) -> Browser:
    browser.answer = browser.client.post(
        path, data=shown_in(browser) | said | {"do": do}, base_url="https://engraft.test"
    )
    browser.text = browser.answer.get_data(as_text=True)
    return browser


def beside(browser: Browser) -> dict[str, str]:
    found = re.findall(r'id="([^"]+)-wrong\d*"><span class="hidden">Error: </span>([^<]*)', browser.text)
    return {name: unescape(message) for name, message in found}


def test_the_way_leads_from_the_patients_to_the_calendar(ward, dana):
    assert f'href="{NEW}"' in dana.open("/").text
    press(dana.open(NEW), NEW, "send", SAID).follow()
    words = dana.words()
    assert "Patient P-0002 is enrolled" in words
    assert "DRAFT, to be validated" in words
    assert "Body weight 2026-08-28 70.50 kg" in words
    calendar = re.search(r'class="button" href="(/regimens/[^"]+/calendar)"', dana.text)[1]
    assert "Thiotepa" in dana.open(calendar).words()
    with ward.store.reading() as tx:
        told = tx.enrolments.of(OURS, "P-0002").content
    assert str(told["measurements"]["weight"]["value"]) == "70.50"
    assert told["centre"] == OURS


def test_the_form_asks_what_the_questionnaire_asks_and_no_name(dana):
    words = dana.open(NEW).words()
    for label in (
        "Patient number at the centre (needed)",
        "Administrative sex",
        "Day of the graft (day zero)",
        "Donor",
    ):
        assert label in words
    for absent in ("<script", " style=", 'name="centre"', "confirmed_by"):
        assert absent not in dana.text
    assert '<option value="set-haplo-pdli">' in dana.text
    assert '<option value="female">female</option>' in dana.text
    assert "Patient/&lt;id&gt;" in dana.text, "how a reference is written is told beside its field"
    ids = re.findall(r' id="([^"]+)"', dana.text)
    assert len(ids) == len(set(ids))
    labelled = set(re.findall(r'<label for="([^"]+)"', dana.text))
    fields = set(re.findall(r'<(?:input|select|textarea) (?:type="checkbox" )?id="([^"]+)"', dana.text))
    assert fields - labelled == set()


def test_faults_stand_beside_their_fields_and_nothing_typed_is_lost(ward, dana):
    before = ward.counts()
    wrong = SAID | {"patient": "", "transplant.date": "2026-13-40", "measurements.height.value": "1.75", "sex": ""}
    press(dana.open(NEW), NEW, "send", wrong | {"consent.note": "lost"})
    assert dana.answer.status_code == 422
    assert dana.text.startswith("<!doctype html>")
    told = beside(dana)
    assert set(told) >= {"consent.note"}, "what contradicts itself is told first"
    press(dana, NEW, "send", {"consent.note": ""})
    told = beside(dana)
    assert "needed" in told["patient"]
    assert "no date of the calendar" in told["transplant.date"]
    assert "no plausible height" in told["measurements.height.value"]
    assert re.search(r'<input id="patient"[^>]* aria-invalid="true"[^>]* autofocus', dana.text)
    assert dana.text.count(" autofocus") == 1
    assert shown_in(dana)["measurements.height.value"] == "1.75"
    assert ward.counts() == before


def test_the_enter_key_checks_and_keeps_nothing(ward, dana):
    before = ward.counts()
    dana.open(NEW)
    first = re.search(r'<button name="do" value="([^"]+)"', dana.text[dana.text.index('class="visit"') :])[1]
    assert first == "check"
    press(dana, NEW, first, SAID)
    assert "Nothing is wrong with it. It has not been handed in yet." in dana.words()
    assert shown_in(dana)["patient"] == "P-0002"
    assert ward.counts() == before
    press(dana, NEW, first, {"sex": "other one"})
    assert "is not known here" in beside(dana)["sex"]


def test_a_number_that_is_enrolled_already_is_not_corrected_unseen(ward, dana):
    before = ward.counts()
    press(dana.open(NEW), NEW, "send", SAID | {"patient": "P-0001"})
    assert (dana.answer.status_code, beside(dana)["patient"]) == (422, "is enrolled already: correct that enrolment")
    assert ward.counts() == before


def test_identifiers_are_added_and_taken_away(ward, dana):
    press(dana.open(NEW), NEW, "add:identifiers", SAID)
    assert re.search(r'id="identifiers.1.system"[^>]* autofocus', dana.text)
    press(dana, NEW, "add:identifiers", {"identifiers.1.value": "one"})
    press(dana, NEW, "drop:identifiers.1", {"identifiers.2.system": "urn:oid:1.2", "identifiers.2.value": "two"})
    assert shown_in(dana)["identifiers.1.value"] == "two"
    press(dana, NEW, "send", {}).follow()
    with ward.store.reading() as tx:
        told = tx.enrolments.of(OURS, "P-0002").content
    assert told["identifiers"] == [{"system": "urn:oid:1.2", "value": "two"}]


def test_a_plan_that_is_not_dated_says_what_is_missing(dana):
    left = {name: text for name, text in SAID.items() if not name.startswith("measurements")}
    press(dana.open(NEW), NEW, "send", left | {"measurements.weight.not_done": "not-performed"}).follow()
    words = dana.words()
    assert "These are still missing before the plan can be" in words
    assert "weight" in words
    assert "/enrolment" in dana.text


def test_an_enrolment_is_shown_and_corrected(ward, dana, place):
    assert f'href="{place}"' in dana.open(place.rpartition("/")[0]).text
    shown = shown_in(dana.open(place))
    assert shown["measurements.weight.value"] == str(ENROLMENT["measurements"]["weight"]["value"])
    assert "patient" not in shown, "the number says who it is"
    press(dana, place, "send", {"disease.blasts_percent": "12.50"}).follow()
    assert "version 2" in dana.words()
    press(dana.open(place), place, "send", {}).follow()
    assert "version 2" in dana.words(), "the same again writes nothing"


def test_two_people_do_not_correct_over_each_other_unseen(ward, dana, place):
    ben = signed_in(ward, "ben").open(place)
    press(dana.open(place), place, "send", {"disease.blasts_percent": "12"})
    press(ben, place, "send", {"disease.blasts_percent": "13"})
    assert ben.answer.status_code == 409
    assert "was corrected meanwhile" in ben.words()
    assert shown_in(ben)["disease.blasts_percent"] == "13"
    assert press(ben, place, "send", {}).answer.status_code == 303


def test_a_new_graft_date_after_a_dose_is_confirmed_by_name(ward, course, dana, place):
    give(ward, course)
    press(dana.open(place), place, "send", {"transplant.date": "2026-03-04"})
    assert dana.answer.status_code == 409
    assert "name in confirmed_by who confirmed the change" in dana.words()
    assert '<label for="confirmed_by">' in dana.text
    press(dana, place, "send", {"confirmed_by": "Dr Ben Example"}).follow()
    assert "version 2" in dana.words()


def test_what_a_visit_contradicts_says_which(ward, dana, place):
    ward.ask("POST", "/follow-ups", document=FOLLOW_UP)
    undated = ("consent.date", "measurements.weight.date", "measurements.height.date", "transplant.date")
    later = {"birth_date": "2026-05", "transplant.planned": "true"} | dict.fromkeys(undated, "")
    press(dana.open(place), place, "send", later)
    assert dana.answer.status_code == 422
    assert "follow-up m3.gvhd.acute.1.onset" in dana.words()


def test_what_the_form_cannot_show_is_not_lost_by_it(ward, dana, place):
    """Blanks around a text are no part of a field."""
    disease = {"diagnosis": "other", "text": " as in the letter "}
    ward.ask("POST", "/enrolments", document=ENROLMENT | {"disease": disease})
    assert dana.open(place).answer.status_code == 409


def test_other_centres_patients_are_as_missing_as_none(ward, place):
    eve = signed_in(ward, "eve")
    for path in (place, f"{place}/stored", "/patients/nobody/enrolment"):
        assert eve.open(path).answer.status_code == 404


def test_nobody_fills_in_a_form_without_its_token(ward, dana):
    before = ward.counts()
    press(dana.open(NEW), NEW, "send", SAID | {"csrf": "forged"})
    assert (dana.answer.status_code, ward.counts()) == (403, before)


@pytest.mark.parametrize("do", ["", "jump", "add:", "add:../x", "drop:identifiers", "drop:identifiers.x", "send:now"])
def test_no_button_that_nobody_made_breaks_anything(dana, do):
    press(dana.open(NEW), NEW, do, {"shown:identifiers": "999999", "seen": "²", "patient": "<b>"})
    assert dana.answer.status_code in (200, 422)
    assert "<b>" not in dana.text
