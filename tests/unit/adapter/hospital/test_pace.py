"""How many writers a hospital gets, and when nobody asks it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from adapter.hospital.pace import BESIDE, BROKEN_OVER, ENTRIES, FIRST, MOST_LANES, RUN, Pace

START = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)


class Clock:
    now = START

    def __call__(self):
        return self.now

    def pass_(self, seconds):
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pace(clock):
    """Of a hospital that has taken eight at once."""
    pace = Pace(8, clock, lambda: 0.5)
    answered(pace, 8 - FIRST)
    return pace


def until(condition):
    pause = threading.Event()
    for _ in range(6000):
        if condition():
            return
        pause.wait(0.005)
    raise AssertionError("it never came")


def answered(pace, times):
    for _ in range(times):
        pace.answered()
    return pace.writers


def test_it_begins_with_two_and_soon_everybody_may_until_the_hospital_says_otherwise(clock):
    pace = Pace(8, clock, lambda: 0.5)
    assert [answered(pace, times) for times in (0, 1, 1, 4, 99)] == [2, 3, 4, 8, 8]
    assert Pace(1, clock, lambda: 0.5).writers == 1


def test_a_hospital_that_likes_one_is_found_out_by_one_refusal_and_asked_again_less_and_less(clock):
    pace, refused, before = Pace(8, clock, lambda: 0.5), [], 0
    for number in range(2000):
        if pace.writers > 1:
            pace.crowded()
            refused.append(number - before)
            before = number
        pace.answered()
    assert refused == [0, 2 * RUN, 4 * RUN, 8 * RUN, 16 * RUN, 32 * RUN, 64 * RUN][: len(refused)]
    assert len(refused) <= 7


def test_a_person_may_have_it_asked_at_once_and_what_is_not_answered_counts_as_before(pace, clock):
    assert pace.silent_since is None
    waits = []
    for _ in range(3):
        waits.append((pace.silent(None) - clock.now).total_seconds())
        assert pace.silent_since == clock.now
        clock.pass_(0.1)
        pace.probe()
        assert (pace.until, pace.silent_since, pace.writers) == (None, None, 1), "one, and not all of them"
    assert waits == [1.0, 2.0, 4.0], "twice as long each time, with chance at a half"
    answered(pace, 1)
    assert pace.writers == 2


def test_too_many_are_halved_and_come_back_slowly(pace):
    pace.crowded()
    assert pace.writers == 4
    assert answered(pace, 2 * RUN - 1) == 4
    assert answered(pace, 1) == 5
    pace.crowded()
    assert pace.writers == 2
    assert answered(pace, 4 * RUN - 1) == 2, "each time that it is too many, the next try waits longer"
    assert answered(pace, 1) == 3


def test_those_who_are_told_together_that_they_are_too_many_count_once(pace):
    with pace.turn() as one, pace.turn() as two, pace.turn() as three:
        for turn in (one, two, three):
            turn.crowded()
        with pace.turn() as later:
            later.crowded()
    assert pace.writers == 2, "4 for the three, 2 for the one that came after"


def test_patients_are_claimed_together_as_long_as_the_books_would_cost_more_than_a_twentieth(pace):
    assert pace.lanes == 1
    pace.took(1, books=0.00125, sending=0.100, asking=0.100)
    assert pace.lanes == 2, "a slow hospital: 10 ms of eight writers for each 200 ms"
    for lanes, then in ((1, 4), (4, 16), (16, MOST_LANES), (32, MOST_LANES)):
        pace.took(lanes, books=0.020, sending=0.003 * lanes, asking=0.003 * lanes)
        assert pace.lanes == then
    pace.took(32, books=0.010, sending=64.0, asking=64.0)
    assert pace.lanes == 1, "never more than is needed"
    pace.took(16, books=9.0, sending=3.2, asking=3.2)
    assert pace.lanes == 20, "not more than are sent in four seconds, whatever the books cost"
    pace.took(1, books=0.010, sending=0.0, asking=0.0)
    pace.silent(None)
    assert pace.lanes == 1, "who may be away is asked about one patient"


def test_the_books_of_all_who_write_side_by_side_count(clock):
    alone, many = (Pace(writers, clock, lambda: 0.0) for writers in (1, 8))
    answered(many, 6)
    for pace in (alone, many):
        pace.took(4, books=0.005, sending=0.800, asking=0.800)
    assert (alone.lanes, many.lanes) == (1, 4)


def test_who_waits_long_for_a_turn_is_not_taken_for_a_slow_hospital(clock):
    pace = Pace(1, clock, lambda: 0.0)
    pace.took(16, books=0.010, sending=0.960, asking=0.064)
    assert pace.lanes == 32, "10 ms of books for 4 ms of each request"
    pace.took(16, books=0.010, sending=0.960, asking=0.960)
    assert pace.lanes == 4


def test_no_more_workers_are_at_it_than_the_writers_can_use(clock):
    pace = Pace(8, clock, lambda: 0.5)
    pace.crowded()
    assert (pace.writers, pace.workers) == (1, 1 + BESIDE)
    came, go = [], threading.Event()

    def work(number):
        with pace.place() as wanted:
            came.append((number, wanted))
            go.wait(30)

    threads = [threading.Thread(target=work, args=[n]) for n in range(4)]
    for n, thread in enumerate(threads):
        thread.start()
        until(lambda n=n: len(came) == min(n + 1, pace.workers))
    assert len(came) == pace.workers
    pace.silent(60)
    until(lambda: len(came) == 4)
    assert came[-1] == (3, False), "nobody waits where nobody will be asked"
    go.set()
    for thread in threads:
        thread.join(30)


def test_one_always_may(pace):
    for _ in range(20):
        pace.crowded()
    assert pace.writers == 1
    assert answered(pace, 10_000) > 1


def test_a_silent_hospital_is_left_alone_and_then_asked_by_one(pace, clock):
    until = pace.silent(None)
    assert until == START + timedelta(seconds=1)
    with pace.turn() as mine:
        assert not mine
    clock.pass_(1)
    assert (pace.until, pace.writers) == (None, 1)
    with pace.turn() as mine:
        assert mine
    assert answered(pace, 7) == 8, "once it answers, all come back one after the other"


def test_waits_grow_to_a_quarter_of_an_hour_and_begin_anew(pace, clock):
    waits = []
    for _ in range(12):
        waits.append((pace.silent(None) - clock.now).total_seconds())
        clock.pass_(waits[-1])
    assert waits[:4] == [1, 2, 4, 8]
    assert waits[-1] == 450
    pace.answered()
    assert (pace.silent(None) - clock.now).total_seconds() == 1


def test_those_who_were_under_way_together_count_once(pace, clock):
    assert pace.silent(None) == pace.silent(None) == START + timedelta(seconds=1)
    clock.pass_(1)
    assert pace.silent(None) == START + timedelta(seconds=3)


def test_what_it_asks_for_is_kept(pace):
    assert pace.silent(300) == START + timedelta(seconds=301)


def test_a_server_that_breaks_over_many_patients_is_down(pace):
    assert [pace.broke("anna") for _ in range(9)] == [False] * 9
    others = [pace.broke(f"p{n}") for n in range(1, BROKEN_OVER)]
    assert others == [False] * (BROKEN_OVER - 2) + [True]
    pace.answered()
    assert not pace.broke("bela")


def test_what_is_too_large_is_remembered(pace):
    assert pace.entries == ENTRIES
    pace.too_large(18)
    assert pace.entries == 9
    pace.too_large(400)
    assert pace.entries == 9
    pace.too_large(1)
    assert pace.entries == 1


def test_who_waits_for_a_place_gets_it_when_one_is_free(clock):
    pace, order = Pace(1, clock, lambda: 0.5), []
    waiting = threading.Event()

    def second():
        waiting.set()
        with pace.turn() as mine:
            order.append(("second", bool(mine)))

    thread = threading.Thread(target=second)
    with pace.turn():
        thread.start()
        waiting.wait(5)
        order.append(("first", True))
    thread.join(5)
    assert order == [("first", True), ("second", True)]


def test_who_waits_for_a_place_is_sent_home_when_the_hospital_falls_silent(clock):
    pace, got = Pace(1, clock, lambda: 0.5), []

    def second():
        with pace.turn() as mine:
            got.append(bool(mine))

    thread = threading.Thread(target=second)
    with pace.turn():
        thread.start()
        pace.silent(60)
    thread.join(5)
    assert got == [False]
