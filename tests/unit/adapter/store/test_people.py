"""Accounts of people, their sessions, wrong passwords, and what they signed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import exc, insert, select

from adapter.errors import Conflict, Invalid, NotFound
from adapter.store import schema
from adapter.store.people import GUESSES, IDLE, LASTS, WINDOW, Person
from adapter.store.validations import LAPSED, SIGNED, WITHDRAWN, Event

PASSWORD = "correct horse battery"
MINUTE = timedelta(minutes=1)


def add(tx, at, name="ada", **changed):
    said = {"full_name": "Ada Example", "role": "pharmacist", "centre": "FR-037", "password": PASSWORD} | changed
    tx.people.add(name, at=at, **said)


@pytest.fixture
def ada(store, noon):
    with store.transaction() as tx:
        add(tx, noon)
        return tx.people.listing()[0]


def test_name_and_password_show_who_it_is(store, ada):
    assert ada == Person(ada.id, "ada", "Ada Example", "pharmacist", "FR-037")
    with store.reading() as tx:
        assert tx.people.check("ada", PASSWORD) == ada


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ada", "wrong horse battery"),
        ("ada", ""),
        ("Ada", PASSWORD),
        ("bob", PASSWORD),
        ("", ""),
        ("ada", "x" * 10_000),
    ],
)
def test_anything_else_shows_nobody(store, ada, name, password):
    with store.reading() as tx:
        assert tx.people.check(name, password) is None


def test_a_longer_password_than_the_longest_is_not_cut_to_fit(store, noon):
    with store.transaction() as tx:
        add(tx, noon, password="x" * 256)
        assert tx.people.check("ada", "x" * 256)
        assert tx.people.check("ada", "x" * 257) is None


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_of_a_password_only_a_slow_salted_hash_is_kept(store, noon, tmp_path):
    with store.transaction() as tx:
        add(tx, noon)
        add(tx, noon, name="bob")
        hashes = tx._connection.scalars(select(schema.people.c.password_hash)).all()
    assert all(one.startswith("scrypt:") for one in hashes)
    assert hashes[0] != hashes[1], "the same password is salted differently"
    kept = b"".join(path.read_bytes() for path in (tmp_path / "var").iterdir())
    assert b"Ada Example" in kept
    assert PASSWORD.encode() not in kept


def test_a_name_is_taken_until_it_is_revoked(store, ada, noon):
    with store.transaction() as tx:
        with pytest.raises(Conflict, match="ada"):
            add(tx, noon)
        tx.people.revoke("ada", noon)
        assert (tx.people.listing(), tx.people.check("ada", PASSWORD)) == ([], None)
        add(tx, noon, centre="BE-001")
        assert [one.centre for one in tx.people.listing()] == ["BE-001"]


def test_the_database_itself_keeps_two_active_accounts_of_one_name_apart(store, ada, noon):
    twin = {"name": "ada", "full_name": "x", "role": "physician", "centre": "c", "password_hash": "h", "created": noon}
    with store.transaction() as tx, pytest.raises(exc.IntegrityError):
        tx._connection.execute(insert(schema.people), twin)


def test_revoking_nobody(store, noon):
    with store.transaction() as tx, pytest.raises(NotFound, match="ada"):
        tx.people.revoke("ada", noon)


@pytest.mark.parametrize(
    ("changed", "fields"),
    [
        ({"name": ""}, ["name"]),
        ({"name": " ada"}, ["name"]),
        ({"name": "a\nda"}, ["name"]),
        ({"full_name": " "}, ["full-name"]),
        ({"role": "admin"}, ["role"]),
        ({"centre": ""}, ["centre"]),
        ({"password": "eleven char"}, ["password"]),
        ({"password": "x" * 257}, ["password"]),
        ({"name": "", "full_name": "", "role": "", "centre": "", "password": ""}, None),
    ],
)
def test_an_account_that_could_not_be_guarded_is_refused(store, noon, changed, fields):
    with store.transaction() as tx, pytest.raises(Invalid) as caught:
        add(tx, noon, **changed)
    assert [fault.path for fault in caught.value.faults] == (
        fields or ["name", "full-name", "role", "centre", "password"]
    )


def test_a_session_shows_who_it_is_until_it_is_closed(store, ada, noon):
    with store.transaction() as tx:
        token, other = tx.people.open_session(ada, noon), tx.people.open_session(ada, noon)
        assert len(token) >= 40
        assert tx.people.of_session(token, noon) == (ada, False)
        tx.people.close_session(token)
        assert tx.people.of_session(token, noon) is None
        assert tx.people.of_session(other, noon)


@pytest.mark.parametrize("token", ["", "guess", "\ud800"])
def test_a_token_that_was_guessed_shows_nobody(store, ada, noon, token):
    with store.transaction() as tx:
        tx.people.open_session(ada, noon)
        assert tx.people.of_session(token, noon) is None


def test_the_token_of_a_session_is_not_kept(store, ada, noon):
    with store.transaction() as tx:
        token = tx.people.open_session(ada, noon)
        assert tx._connection.scalars(select(schema.sessions.c.token_hash)).all() != [token]


def test_a_session_ends_when_nobody_uses_it(store, ada, noon):
    with store.transaction() as tx:
        token = tx.people.open_session(ada, noon)
        assert tx.people.of_session(token, noon + IDLE) == (ada, True)
        assert tx.people.of_session(token, noon + IDLE + MINUTE) is None
        tx.people.touch(token, noon + IDLE)
        assert tx.people.of_session(token, noon + IDLE + MINUTE / 2) == (ada, False)
        assert tx.people.of_session(token, noon + IDLE + MINUTE) == (ada, True)


def test_a_session_ends_after_a_shift_however_much_it_is_used(store, ada, noon):
    with store.transaction() as tx:
        token = tx.people.open_session(ada, noon)
        tx.people.touch(token, noon + LASTS)
        assert tx.people.of_session(token, noon + LASTS)
        tx.people.touch(token, noon + LASTS + MINUTE)
        assert tx.people.of_session(token, noon + LASTS + MINUTE) is None


def test_sessions_that_ran_out_are_forgotten(store, ada, noon):
    with store.transaction() as tx:
        tx.people.open_session(ada, noon)
        tx.people.open_session(ada, noon + LASTS + MINUTE)
        assert len(tx._connection.execute(select(schema.sessions)).all()) == 1


def test_revoking_an_account_ends_its_sessions_at_once(store, ada, noon):
    with store.transaction() as tx:
        token = tx.people.open_session(ada, noon)
        tx.people.revoke("ada", noon)
        assert tx.people.of_session(token, noon) is None
        too_late = tx.people.open_session(ada, noon)
        assert tx.people.of_session(too_late, noon) is None, "the password was checked just before"


def test_after_several_wrong_passwords_a_name_has_to_wait(store, noon):
    with store.transaction() as tx:
        for number in range(GUESSES):
            assert tx.people.wait("ada", noon + number * MINUTE) is None
            tx.people.failed("ada", noon + number * MINUTE)
        last = noon + (GUESSES - 1) * MINUTE
        assert tx.people.wait("ada", last) == WINDOW - (GUESSES - 1) * MINUTE
        assert tx.people.wait("bob", last) is None
        assert tx.people.wait("ada", noon + WINDOW) is None, "the oldest no longer counts"


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_wrong_tries_are_forgotten_and_do_not_keep_what_was_typed(store, noon, tmp_path):
    with store.transaction() as tx:
        tx.people.failed("my secret, typed into the wrong field", noon)
        tx.people.failed("ada", noon + WINDOW)
        rows = tx._connection.scalars(select(schema.failed_sign_ins.c.name)).all()
    assert len(rows) == 1
    assert b"my secret" not in b"".join(path.read_bytes() for path in (tmp_path / "var").iterdir())


def event(deed, at, course="c-1", digest="d"):
    return Event(at, course, deed, digest, "Ada Example", "pharmacist", "user:ada", None)


def test_signatures_hold_until_something_ends_them(store, noon):
    deeds = [SIGNED, LAPSED, SIGNED, SIGNED, WITHDRAWN, SIGNED]
    with store.transaction() as tx:
        held = []
        for number, deed in enumerate(deeds):
            tx.validations.add(event(deed, noon + number * MINUTE))
            held.append(len(tx.validations.holding("c-1")))
        tx.validations.add(event(SIGNED, noon, course="c-2"))
    assert held == [1, 0, 1, 2, 0, 1]
    with store.reading() as tx:
        assert [one.deed for one in tx.validations.of("c-1")] == deeds
        assert tx.validations.of("c-1")[0] == event(SIGNED, noon)
        assert tx.validations.of("c-3") == tx.validations.holding("c-3") == []
