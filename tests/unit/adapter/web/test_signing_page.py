"""A pharmacist or physician validates a plan on its page."""

from __future__ import annotations

import re

import pytest

from mappings.r4.wire import decode
from tests.lib.forms import ENROLMENT
from tests.unit.adapter.web.browsing import row, signed_in
from tests.unit.adapter.web.conftest import PASSWORD


def test_a_draft_says_so_and_has_places_for_both_signatures(ward, course):
    ada = signed_in(ward).open(f"/regimens/{course}/calendar")
    assert "DRAFT Not validated." in ada.words()
    assert "watermark" in ada.text
    for role in ("Pharmacist", "Physician"):
        assert f"{role} Name Date, time Signature" in ada.words()


def test_a_pharmacist_signs_on_the_page_with_the_password_once_more(ward, course):
    place = f"/regimens/{course}/calendar"
    ada = signed_in(ward).open(place)
    ada.send(place, password=PASSWORD).follow()
    words = ada.words()
    assert "Validated by Ada Example, pharmacist, 2026-09-03 10:00 UTC" in words
    assert "Pharmacist Ada Example 2026-09-03 10:00 UTC, signed in Engraft" in words
    assert "Physician Name Date, time Signature" in words
    assert "watermark" not in ada.text
    assert "Validate this plan" not in words
    told = decode(ward.ask("GET", f"/regimens/{course}").data)
    assert (told["status"], told["validations"][0]["by"]) == ("active", "user:ada")


def test_a_physician_signs_beside(ward, course):
    place = f"/regimens/{course}/calendar"
    signed_in(ward).open(place).send(place, password=PASSWORD)
    ben = signed_in(ward, "ben").open(place)
    ben.send(place, password=PASSWORD).follow()
    assert "Physician Dr Ben Example 2026-09-03 10:00 UTC" in ben.words()


@pytest.mark.parametrize("password", ["", "wrong"])
def test_without_the_password_nothing_is_signed(ward, course, password):
    place = f"/regimens/{course}/calendar"
    ada = signed_in(ward).open(place).send(place, password=password)
    assert ada.answer.status_code == 403
    assert "name or password is wrong" in ada.words()
    assert decode(ward.ask("GET", f"/regimens/{course}").data)["status"] == "draft"


def test_what_changed_since_it_was_shown_is_not_signed(ward, course):
    place = f"/regimens/{course}/calendar"
    ada = signed_in(ward).open(place)
    measures = ENROLMENT["measurements"] | {"weight": {"value": 80, "unit": "kg", "date": "2026-02-10"}}
    ward.ask("POST", "/enrolments", document=ENROLMENT | {"measurements": measures})
    ada.send(place, password=PASSWORD)
    assert ada.answer.status_code == 409
    assert "the plan is not the one that was shown" in ada.words()
    assert decode(ward.ask("GET", f"/regimens/{course}").data)["status"] == "draft"


def test_a_data_manager_sees_and_does_not_sign(ward, course):
    place = f"/regimens/{course}/calendar"
    dana = signed_in(ward, "dana").open(place)
    assert "A pharmacist or physician of this centre signs here" in dana.words()
    assert "Validate this plan" not in dana.words()
    csrf = re.search(r'name="csrf" value="([^"]+)"', dana.text)[1]
    sent = {"csrf": csrf, "password": PASSWORD}
    answer = dana.client.post(place, data=sent, base_url="https://engraft.test")
    assert answer.status_code == 403
    assert "a plan is signed by a pharmacist or a physician" in answer.get_data(as_text=True)


def test_a_signature_is_taken_back_on_the_page_and_stands_in_the_history(ward, course):
    place = f"/regimens/{course}/calendar"
    ada = signed_in(ward).open(place).send(place, password=PASSWORD).follow()
    ada.send(f"{place}/withdrawal", reason="busulfan <to be> discussed", password=PASSWORD).follow()
    words = ada.words()
    assert "DRAFT Not validated." in words
    assert "Ada Example, pharmacist, taken back: busulfan <to be> discussed" in words
    assert "Validate this plan" in words


def test_a_signature_that_a_change_ended_stands_in_the_history(ward, course):
    place = f"/regimens/{course}/calendar"
    ada = signed_in(ward).open(place).send(place, password=PASSWORD).follow()
    graft = ENROLMENT["transplant"] | {"date": "2026-03-09"}
    ward.ask("POST", "/enrolments", document=ENROLMENT | {"transplant": graft})
    assert "ended: a dose or date of the plan changed" in ada.open(place).words()
    assert row(ada, "D-13").startswith("D-13 Tue 2026-02-24")
