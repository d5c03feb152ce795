"""Waiting: never longer than the cap, never earlier than the hospital asked, never a busy loop."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapter.hospital import retry

ATTEMPTS = st.integers(1, 10_000)
JITTER = st.floats(0, 1, exclude_max=True)


@given(ATTEMPTS, JITTER)
def test_no_wait_of_our_own_leaves_its_bounds(attempt, jitter):
    assert retry.LEAST <= retry.delay(attempt, jitter) <= retry.CAP


def test_waits_grow_twofold_until_the_cap():
    longest = [round(retry.delay(attempt, 0.999999)) for attempt in range(1, 12)]
    assert longest == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_jitter_is_full_so_that_workers_spread_over_the_whole_wait():
    assert retry.delay(8, 0.5) == 128
    assert retry.delay(8, 0.25) == 64


@given(ATTEMPTS, JITTER, st.floats(0, 86_400))
def test_nobody_comes_back_before_the_server_asked_for_it(attempt, jitter, asked):
    assert retry.delay(attempt, jitter, asked=asked) >= asked


def test_a_retry_after_of_a_year_is_cut_to_a_day():
    assert retry.delay(1, 0, asked=365 * 86_400.0) == 86_400


def test_a_short_retry_after_does_not_shorten_our_own_wait():
    assert retry.delay(8, 0.5, asked=1) == 128


def test_retry_after_in_seconds():
    assert retry.retry_after("120") == 120
    assert retry.retry_after(" 0 ") == 0


def test_retry_after_as_a_date_counts_from_the_answers_own_date_not_from_our_clock():
    sent, until = "Tue, 24 Nov 2026 06:00:00 GMT", "Tue, 24 Nov 2026 06:02:00 GMT"
    assert retry.retry_after(until, sent) == 120
    assert retry.retry_after(sent, until) == 0, "a moment that is past"


def test_what_cannot_be_understood_says_nothing():
    assert retry.retry_after(None) is None
    assert retry.retry_after("soon") is None
    assert retry.retry_after("-5") is None
    assert retry.retry_after("٣") is None, "a digit, but not an ASCII one"
    assert retry.retry_after("Tue, 24 Nov 2026 06:02:00 GMT") is None, "no Date to count from"
    assert retry.retry_after("Tue, 24 Nov 2026 06:02:00 GMT", "yesterday") is None
    assert retry.retry_after("Tue, 99 Nov 2026 06:02:00 GMT", "Tue, 24 Nov 2026 06:00:00 GMT") is None


def test_a_date_without_a_zone_is_read_as_universal_time():
    assert retry.retry_after("Tue, 24 Nov 2026 06:02:00 -0000", "Tue, 24 Nov 2026 06:00:00 GMT") == 120
