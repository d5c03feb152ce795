"""A person signs in to the pages, or shows once more that it is them before they sign a plan."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from adapter.errors import NotAllowed, TooOften
from adapter.trail import journal

if TYPE_CHECKING:
    from adapter.store import Store
    from adapter.store.people import Person

WRONG = "name or password is wrong"


def sign_in(name: str, password: str, *, store: Store, now: datetime) -> str:
    """Token of a new session. Raises NotAllowed, and TooOften after several wrong tries for one name."""
    person = check(name.strip(), password, store=store, now=now)
    with store.transaction() as tx:
        tx.audit.add(at=now, who=who(person), action="sign-in", target=who(person), centre=person.centre)
        return tx.people.open_session(person, now)


def check(name: str, password: str, *, store: Store, now: datetime) -> Person:
    """Whose name and password these are. Raises as `sign_in`; a wrong try is remembered, whoever exists."""
    with store.reading() as tx:  # the slow hash is computed while nobody waits for us to write
        wait = tx.people.wait(name, now)
        person = None if wait else tx.people.check(name, password)
    if wait or person is None:
        journal.warn("sign-in-refused", waits=wait is not None)  # without the name, which may be a password by mistake
    if wait:
        minutes = -(-int(wait.total_seconds()) // 60)
        raise TooOften(f"too many wrong tries for this name: wait {minutes} min", wait.total_seconds())
    if person is None:
        with store.transaction() as tx:
            tx.people.failed(name, now)
        raise NotAllowed(WRONG)
    return person


def who(person: Person) -> str:
    """How the audit and a signature name an account."""
    return f"user:{person.name}"
