"""People who sign in to the pages: their accounts, their sessions, and how often somebody guessed wrong.

Of a password only a slow salted hash is kept, of a session only the SHA-256 of its token.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from adapter.errors import Conflict, Invalid, NotFound
from adapter.store.schema import failed_sign_ins, people, sessions
from mappings.r4.faults import Fault

ROLES = ("pharmacist", "physician", "data-manager")
DEFAULT_ROLE = "data-manager"

SHORTEST, LONGEST = 12, 256
"""Characters of a password; our own limits."""

LASTS = timedelta(hours=10)
IDLE = timedelta(minutes=30)
"""A session ends after a long shift, and when nobody used it for half an hour: ward computers are shared."""

GUESSES = 5
WINDOW = timedelta(minutes=15)
"""So many wrong passwords for one name within this time, and the name has to wait."""

_TOUCH = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Person:
    """`name` signs in, `full_name` signs plans. They see the patients of `centre` and nobody else's."""

    id: int
    name: str
    full_name: str
    role: str
    centre: str


class People:
    """Names are unique among the accounts that are not revoked."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, name: str, full_name: str, role: str, centre: str, password: str, at: datetime) -> None:
        """Raises Invalid naming each wrong field, Conflict for a name in use."""
        _check(name, full_name, role, centre, password)
        if self._active(name) is not None:
            raise Conflict(f"a user is called {name} already; revoke it first")
        row = {"name": name, "full_name": full_name, "role": role, "centre": centre, "created": at}
        self._connection.execute(insert(people).values(**row, password_hash=_slow_hash(password)))

    def listing(self) -> list[Person]:
        """Every account that is not revoked, oldest first."""
        wanted = select(people).where(people.c.revoked.is_(None)).order_by(people.c.id)
        return [_person(row) for row in self._connection.execute(wanted)]

    def revoke(self, name: str, at: datetime) -> None:
        """Ends the account and its sessions. Raises NotFound where no active user has this name."""
        row = self._active(name)
        if row is None:
            raise NotFound(f"no active user is called {name}")
        self._connection.execute(update(people).where(people.c.id == row.id).values(revoked=at))
        self._connection.execute(delete(sessions).where(sessions.c.person == row.id))

    def check(self, name: str, password: str) -> Person | None:
        """The account with this name and password. It takes as long for a name that nobody has."""
        # here, because few who open the store check a password, and werkzeug is slow to load
        from werkzeug.security import check_password_hash

        row = self._active(name)
        right = check_password_hash(row.password_hash if row else _hash_of_nobody(), password[: LONGEST + 1])
        return _person(row) if row and right else None

    def open_session(self, person: Person, at: datetime) -> str:
        """Token of a new session; sessions that ran out are forgotten."""
        self._connection.execute(
            delete(sessions).where((sessions.c.created < at - LASTS) | (sessions.c.seen < at - IDLE))
        )
        token = secrets.token_urlsafe(32)
        row = {"token_hash": _hash(token), "person": person.id, "created": at, "seen": at}
        self._connection.execute(insert(sessions).values(**row))
        return token

    def of_session(self, token: str, at: datetime) -> tuple[Person, bool] | None:
        """Whose session this is, and whether it is time to `touch` it; None where it ran out or never was."""
        wanted = (
            select(people, sessions.c.seen)
            .join_from(sessions, people)
            .where(sessions.c.token_hash == _hash(token), people.c.revoked.is_(None))
            .where(sessions.c.created >= at - LASTS, sessions.c.seen >= at - IDLE)
        )
        row = self._connection.execute(wanted).one_or_none()
        return (_person(row), at - row.seen >= _TOUCH) if row else None

    def touch(self, token: str, at: datetime) -> None:
        """The session was used."""
        self._connection.execute(update(sessions).where(sessions.c.token_hash == _hash(token)).values(seen=at))

    def close_session(self, token: str) -> None:
        self._connection.execute(delete(sessions).where(sessions.c.token_hash == _hash(token)))

    def wait(self, name: str, at: datetime) -> timedelta | None:
        """How long this name has to wait after too many wrong passwords; None: it may try now."""
        mine = (failed_sign_ins.c.name == _hash(name)) & (failed_sign_ins.c.at > at - WINDOW)
        count, oldest = self._connection.execute(select(func.count(), func.min(failed_sign_ins.c.at)).where(mine)).one()
        return oldest + WINDOW - at if count >= GUESSES else None

    def failed(self, name: str, at: datetime) -> None:
        """One more wrong password for this name; those that no longer count are forgotten."""
        self._connection.execute(delete(failed_sign_ins).where(failed_sign_ins.c.at <= at - WINDOW))
        self._connection.execute(insert(failed_sign_ins).values(name=_hash(name), at=at))

    def _active(self, name: str) -> Row[tuple[object, ...]] | None:
        wanted = select(people).where(people.c.name == name, people.c.revoked.is_(None))
        return self._connection.execute(wanted).one_or_none()


def _check(name: str, full_name: str, role: str, centre: str, password: str) -> None:
    faults = []
    if not name or name != name.strip() or not name.isprintable():
        faults.append(Fault("name", "a user has a name, without blanks around it", "value"))
    if not full_name.strip():
        faults.append(Fault("full-name", "what stands under a signed plan is not empty", "required"))
    if role not in ROLES:
        faults.append(Fault("role", f"unknown role {role}; known: {', '.join(ROLES)}", "code-invalid"))
    if not centre:
        faults.append(Fault("centre", "a user belongs to a centre", "required"))
    if not SHORTEST <= len(password) <= LONGEST:
        faults.append(Fault("password", f"a password has {SHORTEST} to {LONGEST} characters", "value"))
    if faults:
        raise Invalid(faults)


def _slow_hash(password: str) -> str:
    """Salted scrypt, with the parameters that werkzeug recommends."""
    # here for the same reason
    from werkzeug.security import generate_password_hash

    return generate_password_hash(password, method="scrypt")


@cache
def _hash_of_nobody() -> str:
    """What a wrong name is compared with, so that the time taken does not tell which names exist."""
    return _slow_hash(secrets.token_urlsafe())


def _person(row: Row[tuple[object, ...]]) -> Person:
    return Person(**{name: getattr(row, name) for name in Person.__slots__})


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
