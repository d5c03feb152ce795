"""Programs that may call us. The token is shown once; only its SHA-256 is kept."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, update

from adapter.errors import Conflict, Invalid, NotFound
from adapter.store.schema import clients
from mappings.r4.faults import Fault

ROLES = ("ehr", "centre", "registry", "hospital", "admin")
OF_A_CENTRE = ("ehr", "centre")


_BY_TOKEN = select(clients).where(clients.c.token_hash == bindparam("shown"), clients.c.revoked.is_(None))
"""Built once: every request asks it."""


@dataclass(frozen=True, slots=True)
class Client:
    """`centre` is there for the roles ehr and centre: they see that centre's patients and nobody else's."""

    name: str
    role: str
    centre: str | None


class Clients:
    """Names are unique among the clients that are not revoked."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, name: str, role: str, centre: str | None, at: datetime) -> str:
        """A new client's token. Raises Invalid for an unknown role or a missing centre, Conflict for a name in use."""
        _check(name, role, centre)
        taken = select(clients.c.id).where(clients.c.name == name, clients.c.revoked.is_(None))
        if self._connection.scalar(taken) is not None:
            raise Conflict(f"a client is called {name} already; revoke it first")
        token = secrets.token_urlsafe(32)
        row = {"name": name, "role": role, "centre": centre, "token_hash": _hash(token), "created": at}
        self._connection.execute(insert(clients).values(**row))
        return token

    def find(self, token: str) -> Client | None:
        """The client of a token that is valid now."""
        row = self._connection.execute(_BY_TOKEN, {"shown": _hash(token)}).one_or_none()
        return Client(row.name, row.role, row.centre) if row else None

    def listing(self) -> list[Client]:
        """Every client whose token is valid now, oldest first."""
        wanted = select(clients).where(clients.c.revoked.is_(None)).order_by(clients.c.id)
        return [Client(row.name, row.role, row.centre) for row in self._connection.execute(wanted)]

    def revoke(self, name: str, at: datetime) -> None:
        """Its token is refused from now on. Raises NotFound where no active client has this name."""
        active = (clients.c.name == name) & clients.c.revoked.is_(None)
        if not self._connection.execute(update(clients).where(active).values(revoked=at)).rowcount:
            raise NotFound(f"no active client is called {name}")


def _check(name: str, role: str, centre: str | None) -> None:
    faults = []
    if not name.strip():
        faults.append(Fault("name", "a client has a name", "required"))
    if role not in ROLES:
        faults.append(Fault("role", f"unknown role {role}; known: {', '.join(ROLES)}", "code-invalid"))
    elif role in OF_A_CENTRE and not centre:
        faults.append(Fault("centre", f"a client of the role {role} belongs to a centre", "required"))
    if faults:
        raise Invalid(faults)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
