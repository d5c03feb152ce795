"""/queue: a centre sees and decides what of its own patients is not delivered, and nothing of another's."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from adapter.store.delivery import Said
from tests.unit.adapter.web.browsing import Browser, signed_in


@pytest.fixture
def refused(ward, course):
    """A delivery of the centre that the hospital refused; its number."""
    with ward.store.transaction() as tx:
        (row,) = [one for one in tx.outbox.listing() if one.course == course]
        tx.outbox.lease("w", at=row.created, lease_seconds=60)
        tx.outbox.park(row.id, "w", Said("422: HAPI-1821 <b>no such status</b>", 422))
    return row.id


def state(ward, id_):
    with ward.store.reading() as tx:
        return tx.outbox.show(id_).state


def test_it_says_what_was_refused_in_the_servers_words_and_nothing_of_the_content(ward, refused):
    page = signed_in(ward).open("/queue")
    words = page.words()
    assert "HAPI-1821 <b>no such status</b>" in words, "escaped, as the other server wrote it"
    assert "P-0001" in words
    assert "refused: please decide" in words
    assert "1 Patient," in words
    assert re.search(r"\b([2-9]|\d{2,}) Observations\b", words)
    with ward.store.reading() as tx:
        assert tx.outbox.show(refused).correlation in words, "what somebody tells the operator or the hospital"
    assert "1971" not in page.text


def test_another_centre_sees_and_decides_nothing(ward, refused):
    page = signed_in(ward, "eve").open("/queue")
    assert "UZ B has no hospital server" in page.words(), "nobody may believe that it was sent"
    assert "P-0001" not in page.text
    mine = signed_in(ward, "eve").open("/")
    for action, said in (("retry", {}), ("discard", {"reason": "not mine"})):
        csrf = mine.text.split('name="csrf" value="')[1].split('"')[0]
        mine.client.post(
            f"/queue/{action}", data={"csrf": csrf, "id": refused, **said}, base_url="https://engraft.test"
        )
    assert state(ward, refused) == "parked"


def test_one_is_tried_again(ward, refused):
    page = signed_in(ward).open("/queue").send("/queue/retry", id=str(refused)).follow()
    assert state(ward, refused) == "waiting"
    assert "waits" in page.words()
    with ward.store.reading() as tx:
        (deed,) = tx.audit.of(f"delivery/{refused}")
    assert (deed.who, deed.action, deed.centre) == ("user:ada", "retry-delivery", "FR-037")


@pytest.fixture
def silent(ward, course):
    """A delivery that waits because the hospital did not answer; its number."""
    with ward.store.transaction() as tx:
        (row,) = [one for one in tx.outbox.listing() if one.course == course]
        tx.outbox.lease("w", at=row.created, lease_seconds=60)
        tx.outbox.retry(row.id, "w", Said("silent"), due=row.created + timedelta(minutes=15))
    return row


def test_a_hospital_that_did_not_answer_is_asked_at_once(ward, silent):
    page = signed_in(ward).open("/queue")
    assert "Ask chu-a now" in page.words()
    page.send("/queue/try-now").follow()
    with ward.store.reading() as tx:
        assert tx.outbox.show(silent.id).due == silent.created
        (deed,) = tx.audit.of("chu-a")
    assert (deed.who, deed.action, deed.centre) == ("user:ada", "try-now", "FR-037")


def test_people_of_another_centre_have_nobody_asked(ward, silent):
    mine = signed_in(ward, "eve").open("/")
    csrf = mine.text.split('name="csrf" value="')[1].split('"')[0]
    said = {"csrf": csrf, "destination": "chu-a"}
    assert mine.client.post("/queue/try-now", data=said, base_url="https://engraft.test").status_code == 404
    with ward.store.reading() as tx:
        assert tx.outbox.show(silent.id).due > silent.created


def test_nobody_is_to_be_asked_at_once_who_was_not_asked_yet(ward, course):
    assert "now" not in signed_in(ward).open("/queue").words().split()


def test_all_are_tried_again(ward, refused):
    signed_in(ward).open("/queue").send("/queue/retry").follow()
    assert state(ward, refused) == "waiting"


def test_one_is_given_up_with_a_reason(ward, refused):
    page = signed_in(ward).open("/queue").send("/queue/discard", reason="entered by hand at the hospital").follow()
    assert state(ward, refused) == "discarded"
    assert "Everything of CHU A is delivered" in page.words()
    with ward.store.reading() as tx:
        (deed,) = tx.audit.of(f"delivery/{refused}")
    assert (deed.action, deed.detail) == ("discard-delivery", "entered by hand at the hospital")


@pytest.mark.parametrize(
    ("action", "said", "status", "words"),
    [
        ("/queue/discard", {"reason": "  "}, 422, "say why"),
        ("/queue/discard", {"reason": "x", "id": "1e9"}, 422, "number of a delivery"),
        ("/queue/discard", {"reason": "x", "id": "999"}, 404, "no delivery 999"),
        ("/queue/retry", {"id": "9" * 40}, 422, "number of a delivery"),
    ],
)
def test_what_cannot_be_meant_is_refused(ward, refused, action, said, status, words):
    page = signed_in(ward).open("/queue").send(action, **said)
    assert (page.answer.status_code, words in page.words()) == (status, True)
    assert state(ward, refused) == "parked"


def test_it_is_for_people_who_signed_in(ward):
    assert Browser(ward.app).open("/queue").answer.status_code == 303
    assert ward.app.test_client().post("/queue/retry", base_url="https://engraft.test").status_code == 303


def test_the_navigation_leads_there(ward, course):
    assert 'href="/queue"' in signed_in(ward).open("/").text
