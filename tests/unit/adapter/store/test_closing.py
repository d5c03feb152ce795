"""A store that is closed leaves no connection open, whoever still works with one."""

from __future__ import annotations

import sqlite3
import threading

import pytest


def is_open(driver) -> bool:
    if not isinstance(driver, sqlite3.Connection):
        return not driver.closed
    try:
        driver.execute("SELECT 1")
    except sqlite3.ProgrammingError:
        return False
    return True


def driver_of(tx):
    return tx._connection.connection.driver_connection


def test_what_lies_in_the_pool_is_closed(store):
    with store.reading() as tx:
        driver = driver_of(tx)
    assert is_open(driver)
    store.close()
    assert not is_open(driver)


def test_what_another_thread_works_with_is_closed_when_it_is_given_back(store):
    at_work, closed, drivers = threading.Event(), threading.Event(), []

    def work() -> None:
        with store.reading() as tx:
            drivers.append(driver_of(tx))
            at_work.set()
            closed.wait(60)
            assert tx.links.get("chu-a", "course") is None, "what was begun is ended"

    thread = threading.Thread(target=work)
    thread.start()
    assert at_work.wait(60)
    store.close()
    assert is_open(drivers[0])
    closed.set()
    thread.join()
    assert not is_open(drivers[0])


@pytest.mark.parametrize("writes", [False, True])
def test_who_comes_later_gets_a_connection_that_is_closed_after_it(store, writes):
    store.close()
    with store._connected(writes=writes) as connection:
        driver = connection.connection.driver_connection
        assert is_open(driver)
    assert not is_open(driver)
