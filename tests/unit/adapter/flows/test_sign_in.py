"""Signing in: wrong names and wrong passwords are told apart by nobody, and guessing is slow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from adapter.errors import NotAllowed, TooOften
from adapter.flows import sign_in
from adapter.store import Store
from adapter.store.people import GUESSES, WINDOW
from tests.lib.logged import logged

NOW = datetime(2026, 9, 3, 10, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"


@pytest.fixture
def store(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/engraft.sqlite")
    store.migrate()
    with store.transaction() as tx:
        tx.people.add("ada", "Ada Example", "pharmacist", "FR-037", PASSWORD, NOW)
    yield store
    store.close()


def test_who_signs_in_has_a_session_and_the_audit_knows(store):
    token = sign_in.sign_in(" ada ", PASSWORD, store=store, now=NOW)
    with store.reading() as tx:
        person, _ = tx.people.of_session(token, NOW)
        (deed,) = tx.audit.of("user:ada")
    assert person.full_name == "Ada Example"
    assert (deed.action, deed.centre) == ("sign-in", "FR-037")


@pytest.mark.parametrize(("name", "password"), [("ada", "wrong"), ("bob", PASSWORD), ("", "")])
def test_wrong_name_and_wrong_password_are_answered_alike(store, name, password):
    with pytest.raises(NotAllowed, match=r"^name or password is wrong$"):
        sign_in.sign_in(name, password, store=store, now=NOW)


@pytest.mark.parametrize("name", ["ada", "bob"])
def test_after_several_wrong_tries_even_the_right_password_has_to_wait(store, name):
    for _ in range(GUESSES):
        with pytest.raises(NotAllowed):
            sign_in.sign_in(name, "wrong", store=store, now=NOW)
    with pytest.raises(TooOften, match="wait 15 min") as caught:
        sign_in.sign_in(name, PASSWORD, store=store, now=NOW)
    assert (caught.value.status, caught.value.retry_after) == (429, WINDOW.total_seconds())


def test_the_log_tells_of_guessing_and_not_of_the_name(store):
    with logged() as log:
        for _ in range(GUESSES + 1):
            with pytest.raises((NotAllowed, TooOften)):
                sign_in.sign_in("hunter2-by-mistake", "wrong", store=store, now=NOW)
    assert [line["waits"] for line in log.of("sign-in-refused")] == [False] * GUESSES + [True]
    assert "hunter2" not in log.text


def test_waiting_helps_and_others_need_not_wait(store):
    for _ in range(GUESSES):
        with pytest.raises(NotAllowed):
            sign_in.sign_in("bob", "wrong", store=store, now=NOW)
    assert sign_in.sign_in("ada", PASSWORD, store=store, now=NOW)
    with pytest.raises(NotAllowed):
        sign_in.sign_in("bob", "wrong", store=store, now=NOW + WINDOW + timedelta(seconds=1))
