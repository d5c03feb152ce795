"""The name of an EHR's JWT is taken once, and forgotten when nobody can show it any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from adapter.store.schema import hook_tokens

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
UNTIL = NOW + timedelta(minutes=5)


def take(store, ehr, jti, now=NOW):
    with store.transaction() as tx:
        return tx.hook_tokens.take(ehr, jti, max(UNTIL, now), now)


def kept(store):
    with store.reading() as tx:
        return tx.hook_tokens._connection.scalar(select(func.count()).select_from(hook_tokens))


def test_each_ehr_has_names_of_its_own(store):
    told = [("a", "x"), ("b", "x"), ("a", "X"), ("a", "x"), ("b", "x")]
    assert [take(store, ehr, jti) for ehr, jti in told] == [True, True, True, False, False]


def test_signs_that_no_database_holds_are_a_name_too(store):
    assert [take(store, "a", "\x00\ud800") for _ in range(2)] == [True, False]


def test_what_cannot_be_shown_any_more_is_forgotten(store):
    take(store, "a", "x")
    assert not take(store, "a", "x", UNTIL)
    assert take(store, "a", "x", UNTIL + timedelta(seconds=1))
    assert kept(store) == 1
