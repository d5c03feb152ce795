"""A person says that a silent hospital be asked at once: one request, then the usual pace. Synthetic patients only."""

from __future__ import annotations

import pytest

from adapter.errors import NotFound
from adapter.flows import queue
from adapter.flows.delivery import Post
from tests.lib.post import THERE, observation, patient, post

PATIENTS, TRIES = 5, 12


@pytest.fixture
def office(store):
    with post(store) as office:
        for n in range(PATIENTS):
            office.queue(patient(f"p{n}"), observation(f"o{n}", of=f"p{n}"), course=f"c{n}")
        yield office


def crew(office):
    """A process of its own, with the longest wait that chance gives."""
    return Post(office.store, lambda: office.now, lambda: 0.999, writers=4, workers=4)


def deliver(crew, office):
    return crew.work(THERE, lambda _: office.client, "w")


def out_for_half_an_hour(crew, office):
    """The hospital answers nobody, and nobody asks for a quarter of an hour now."""
    office.hospital.fail(next=TRIES + 1, status=503, retry_after=1)
    for _ in range(TRIES):
        deliver(crew, office)
        office.now = crew.pace(THERE).until
    deliver(crew, office)
    assert (crew.pace(THERE).until - office.now).total_seconds() > 800
    office.later(seconds=5)
    office.sent()


def say(office):
    return queue.try_now(office.store, THERE, who="operator:test", centre=None, now=office.now)


def test_it_is_asked_at_once_by_one_and_when_it_answers_everything_follows(office):
    one = crew(office)
    out_for_half_an_hour(one, office)
    assert not deliver(one, office), "it is not its turn yet"
    assert office.sent() == []
    assert say(office) == PATIENTS
    assert deliver(one, office) == {"delivered": PATIENTS}
    assert office.hospital.desk.most == 1
    assert set(office.versions().values()) == {"1"}


def test_when_it_does_not_answer_one_request_was_made_and_the_wait_goes_on(office):
    one = crew(office)
    out_for_half_an_hour(one, office)
    office.hospital.fail(next=2, status=503, retry_after=1)
    say(office)
    deliver(one, office)
    deliver(one, office)
    assert len(office.sent()) == 1
    assert (one.pace(THERE).until - office.now).total_seconds() > 800
    office.later(seconds=5)
    say(office)
    deliver(one, office)
    assert len(office.sent()) == 1, "said again, it is asked again"


def test_of_several_processes_one_asks(office):
    crews = [crew(office) for _ in range(3)]
    for one in crews:
        one.pace(THERE).silent(600)
    office.later(seconds=5)
    office.hospital.fail(next=99, status=503, retry_after=1)
    say(office)
    for one in crews:
        deliver(one, office)
    assert len(office.sent()) == 1


def test_what_was_said_before_it_fell_silent_is_no_word_about_that(office):
    say(office)
    office.later(seconds=5)
    one = crew(office)
    office.hospital.fail(next=1, status=503, retry_after=60)
    deliver(one, office)
    office.sent()
    assert not deliver(one, office)
    assert office.sent() == []


def test_it_is_on_record_and_nothing_is_asked_of_who_has_nothing(office):
    say(office)
    with office.store.reading() as tx:
        (deed,) = tx.audit.of(THERE)
    assert (deed.who, deed.action) == ("operator:test", "try-now")
    for name, centre in (("elsewhere", None), (THERE, "BE-001")):
        with pytest.raises(NotFound, match="nothing waits for"):
            queue.try_now(office.store, name, who="x", centre=centre, now=office.now)
