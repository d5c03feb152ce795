"""[hospitals.NAME] and [registries.NAME]: the servers that we speak to, and how each side shows itself."""

from __future__ import annotations

from adapter.config.reader import Place, Reader, Table
from adapter.config.settings import DEFAULT_TIMEOUT, Auth, Hospital, Registry, Webhook

TIMEOUTS = ("connect_seconds", "read_seconds")


def hospitals(reader: Reader, document: Table) -> dict[str, Hospital]:
    """By name."""
    return {name: _hospital(reader, name, table) for name, table in reader.tables(document, "hospitals")}


def registries(reader: Reader, document: Table) -> dict[str, Registry]:
    """By name."""
    return {name: _registry(reader, name, table) for name, table in reader.tables(document, "registries")}


def _hospital(reader: Reader, name: str, table: Table) -> Hospital:
    at = ("hospitals", name)
    reader.only(table, at, ("base_url", "auth", "identity", "webhook", "conflict", *TIMEOUTS))
    url = reader.url(table, at, "base_url")
    identity = reader.word(table, at, "identity", ("auto", "client-id", "conditional"), "auto")
    conflict = reader.word(table, at, "conflict", ("park", "ours", "theirs"), "park")
    shown = _auth(reader, table, at), identity, _webhook(reader, table, at)
    return Hospital(name, url, *shown, conflict, _timeout(reader, table, at))


def _registry(reader: Reader, name: str, table: Table) -> Registry:
    at = ("registries", name)
    reader.only(table, at, ("base_url", "auth", "dialect", *TIMEOUTS))
    url = reader.url(table, at, "base_url")
    dialect = reader.word(table, at, "dialect", ("fhir", "cibmtr", "ebmt"), "fhir")
    return Registry(name, url, _auth(reader, table, at), dialect, _timeout(reader, table, at))


def _timeout(reader: Reader, table: Table, at: Place) -> tuple[float, float]:
    connect, read = (
        reader.seconds(table, at, key, usual) for key, usual in zip(TIMEOUTS, DEFAULT_TIMEOUT, strict=True)
    )
    return connect, read


def _auth(reader: Reader, table: Table, above: Place) -> Auth:
    at = (*above, "auth")
    said = reader.inline(table, at)
    if said is None:
        return Auth()
    kind = reader.word(said, at, "kind", ("none", "bearer", "basic", "smart-backend"))
    wanted = {"bearer": ("secret",), "basic": ("user", "secret")}.get(kind, ())
    if kind != "smart-backend":
        reader.only(said, at, ("kind", *wanted))
    user = reader.text(said, at, "user") if "user" in wanted else None
    secret = reader.secret(said, (*at, "secret")) if "secret" in wanted else None
    return Auth(kind, user, secret)


def _webhook(reader: Reader, table: Table, above: Place) -> Webhook | None:
    at = (*above, "webhook")
    said = reader.inline(table, at)
    if said is None:
        return None
    reader.only(said, at, ("kind", "secret"))
    kind = reader.word(said, at, "kind", ("bearer", "hmac"))
    secret = reader.secret(said, (*at, "secret"))
    return Webhook(kind, secret) if secret else None
