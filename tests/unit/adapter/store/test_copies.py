"""The newest state of what a hospital had, whatever the order in which it was read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapter.store.copies import Copy

PLACE = ("Observation", "o-1")
EARLY, LATE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)


def copy(version, changed=EARLY, patient="Patient/p"):
    return Copy(str(version), changed, {"resourceType": "Observation", "meta": {"versionId": str(version)}}, patient)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 12), min_size=1, max_size=12))
def test_the_highest_version_remains_in_whatever_order_and_however_often_they_are_read(store, noon, versions):
    name = ("Observation", "-".join(map(str, versions)))
    with store.transaction() as tx:
        news = [tx.copies.keep("chu-a", name, copy(one), noon) for one in versions]
        assert tx.copies.get("chu-a", name) == copy(max(versions))
    assert news == [one > max(versions[:place], default=0) for place, one in enumerate(versions)]


def test_what_is_gone_keeps_its_version_and_whose_it_was_and_comes_back_under_a_higher_one(store, noon):
    with store.transaction() as tx:
        assert tx.copies.keep("chu-a", PLACE, copy(2), noon)
        assert tx.copies.keep("chu-a", PLACE, Copy(None, None, None), noon)
        assert not tx.copies.keep("chu-a", PLACE, Copy(None, None, None), noon)
        assert tx.copies.get("chu-a", PLACE) == Copy("2", EARLY, None, "Patient/p")
        assert tx.copies.of_patient("chu-a", "Patient/p", "Observation") == {}
        assert not tx.copies.keep("chu-a", PLACE, copy(2), noon), "read before it was deleted"
        assert tx.copies.keep("chu-a", PLACE, copy(5), noon), "3 was the deletion, 4 is a hole"


def test_what_was_gone_comes_back_from_a_server_that_counts_anew(store, noon):
    with store.transaction() as tx:
        tx.copies.keep("chu-a", PLACE, copy(7), noon)
        tx.copies.keep("chu-a", PLACE, Copy(None, None, None), noon)
        assert tx.copies.keep("chu-a", PLACE, copy(1, LATE), noon)


def test_copies_are_found_by_hospital_by_patient_and_by_the_latest_change(store, noon):
    with store.transaction() as tx:
        assert tx.copies.newest("chu-a") is None
        tx.copies.keep("chu-a", PLACE, copy(1), noon)
        tx.copies.keep("chu-a", ("Condition", "c-1"), copy(1, LATE), noon)
        tx.copies.keep("chu-a", ("Observation", "o-2"), copy(1, patient="Patient/q"), noon)
        tx.copies.keep("chu-b", PLACE, copy(7, LATE + timedelta(days=1)), noon)
        assert list(tx.copies.of_patient("chu-a", "Patient/p", "Observation")) == ["o-1"]
        assert set(tx.copies.of("chu-a")) == {PLACE, ("Condition", "c-1"), ("Observation", "o-2")}
        assert tx.copies.newest("chu-a") == LATE


class TestWhichCopyIsNewer:
    def test_numbers_decide_also_over_gaps_and_ten_comes_after_nine(self):
        assert Copy("10", EARLY, {}).is_newer_than(Copy("9", LATE, {}))
        assert not Copy("9", EARLY + timedelta(minutes=9), {}).is_newer_than(Copy("10", EARLY, {})), "who overtook"
        assert not Copy("9", None, {}).is_newer_than(Copy("9", None, {}))

    def test_a_server_that_was_built_anew_counts_from_one_again(self):
        assert Copy("1", LATE, {}).is_newer_than(Copy("10", EARLY, {}))
        assert Copy("10", LATE, {}).is_newer_than(Copy("10", EARLY, {}))
        assert not Copy("1", EARLY, {}).is_newer_than(Copy("10", LATE, {}))

    def test_without_numbers_the_time_of_change_decides(self):
        assert Copy("b7", LATE, {}).is_newer_than(Copy("f0", EARLY, {}))
        assert not Copy(None, EARLY, {}).is_newer_than(Copy(None, LATE, {}))

    def test_who_says_nothing_was_read_later(self):
        assert Copy(None, None, {}).is_newer_than(Copy(None, LATE, {}))
