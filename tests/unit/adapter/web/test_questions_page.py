"""What a hospital says of a patient is asked on the queue page and on the patient's, and answered by people."""

from __future__ import annotations

import pytest

from adapter.config import Settings
from adapter.flows import hearing
from tests.unit.adapter.web.browsing import signed_in
from tests.unit.adapter.web.conftest import NOW

MERGED = {"link": [{"type": "replaced-by", "other": {"reference": "Patient/new"}}]}


@pytest.fixture
def asked(ward, course):
    """Asks what the hospital's Patient gives cause for."""

    def hear(**said):
        settings = Settings()
        with ward.store.transaction() as tx:
            tx.links.put("chu-a", course, "Patient/abc")
            resource = {"resourceType": "Patient", "id": "abc", **said}
            hearing.hear(tx, "chu-a", ("Patient", "abc"), resource, settings=settings, now=NOW)

    return hear


def patient_page(ward, course, who="ada"):
    with ward.store.reading() as tx:
        (patient,) = [one for one in tx.resources.of_course(course) if one.kind == "Patient"]
    return signed_in(ward, who).open(f"/patients/{patient.id}")


def test_a_death_is_asked_on_both_pages_and_goes_with_its_answer(ward, course, asked):
    asked(deceasedDateTime="2026-08-30")
    words = "Patient/abc of chu-a is marked as deceased on 2026-08-30"
    assert words in patient_page(ward, course).words()
    page = signed_in(ward).open("/queue")
    assert words in page.words()
    assert "P-0001" in page.words()
    page = page.send("/queue/answer", reason="told by the visit").follow()
    assert words not in page.words()
    assert words not in patient_page(ward, course).words()
    with ward.store.reading() as tx:
        assert tx.links.get("chu-a", course) == "Patient/abc"


def test_a_merged_record_is_followed_where_a_person_ticks_it(ward, course, asked):
    asked(**MERGED)
    signed_in(ward).open("/queue").send("/queue/answer", reason="same person", relink="yes").follow()
    with ward.store.reading() as tx:
        assert tx.links.get("chu-a", course) == "Patient/new"


def test_an_answer_has_words_and_other_centres_see_nothing(ward, course, asked):
    asked(**MERGED)
    assert "Patient/new" not in signed_in(ward, "eve").open("/queue").text
    page = signed_in(ward).open("/queue").send("/queue/answer", reason="  ")
    assert (page.answer.status_code, "say what came of it" in page.words()) == (422, True)
    mine = signed_in(ward, "eve").open("/")
    csrf = mine.text.split('name="csrf" value="')[1].split('"')[0]
    said = {"csrf": csrf, "id": "1", "reason": "not mine"}
    assert mine.client.post("/queue/answer", data=said, base_url="https://engraft.test").status_code == 404
    assert "Patient/new" in signed_in(ward).open("/queue").text
