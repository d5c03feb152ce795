"""The number that follows a request: taken from the caller where it is one, else made."""

from __future__ import annotations

import threading
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.trail import correlation
from adapter.trail.correlation import following, told_by, traceparent, veiled

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("headers", "number"),
    [
        ({"X-Request-Id": "a-1", "X-Correlation-Id": "b", "traceparent": PARENT}, "a-1"),
        ({"X-Request-Id": "a b", "X-Correlation-Id": "b", "traceparent": PARENT}, "b"),
        ({"traceparent": PARENT}, TRACE),
    ],
)
def test_the_callers_own_number_is_taken_over(headers, number):
    assert told_by(headers) == number


@given(st.text())
def test_whatever_is_given_only_a_short_word_is_taken_over(given_):
    number = told_by({"X-Request-Id": given_})
    assert number == given_ or UUID(number).version == 4
    assert len(number) <= 64
    assert number.isascii()
    assert not set(number) & set(" \r\n\t\"'<>/\\;,{}")


@pytest.mark.parametrize(
    "given_",
    [
        *("", "00", PARENT.upper(), PARENT[:-1], f"{PARENT}-x", PARENT.replace("00-", "ff-", 1)),
        *(f"00-{'0' * 32}-00f067aa0ba902b7-01", f"00-{TRACE}-{'0' * 16}-01"),
    ],
)
def test_what_is_no_traceparent_is_none(given_):
    assert traceparent({"traceparent": given_}) is None


@pytest.mark.parametrize("given_", [PARENT, PARENT.replace("00-", "cc-", 1) + "-what-comes-later"])
def test_a_traceparent_of_a_later_version_is_one(given_):
    assert traceparent({"traceparent": given_}) == given_


def test_work_within_work_has_its_own_number_and_threads_theirs():
    seen = []
    with following("a"):
        with following("b"):
            assert correlation.current() == "b"
            other = threading.Thread(target=lambda: seen.append(correlation.current()))
            other.start()
            other.join()
        assert correlation.current() == "a"
    assert correlation.current() is None
    assert seen == [None]


def test_a_veiled_number_tells_nothing_of_the_first_and_is_always_the_same():
    assert veiled("P-0001") == veiled("P-0001") != veiled("P-0002")
    assert correlation.FORM.fullmatch(veiled("P-0001"))
    assert "0001" not in veiled("P-0001")
