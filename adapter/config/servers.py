"""[hospitals.NAME] and [registries.NAME]: the servers that we speak to, and how each side shows itself."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from adapter.config.privacy import key_file
from adapter.config.reader import Place, Reader, Table
from adapter.config.settings import DEFAULT_TIMEOUT, Auth, Hospital, Registry, Tls, Webhook
from mappings.canonicals import CIBMTR_CENTRE, CIBMTR_CRID

SCOPE = "system/*.cruds"
"""Asked for where the configuration names no scope; a server grants what was agreed, and says so."""

_KEYS = {
    "none": (),
    "bearer": ("secret",),
    "basic": ("user", "secret"),
    "smart-backend": ("client_id", "scope", "algorithm", "token_url"),
    "oauth": ("client_id", "secret", "scope", "token_url", "user", "password"),
}
POLL_MINUTES = 15
"""How often a hospital that notifies us is asked all the same. Our own default."""

_OF_DIALECT = {"cibmtr": ("ccn", "centre_system", "crid_system", "crid_url"), "ebmt": ("dates", "windows")}

FORMS = ("day-100", "month-6", "year-1", "year-2")
"""What EBMT asks for after the graft, by our names of the forms."""

_CCN = re.compile(r"[0-9]{5}")

TIMEOUTS = ("connect_seconds", "read_seconds")


def hospitals(reader: Reader, document: Table) -> dict[str, Hospital]:
    """By name."""
    return {name: _hospital(reader, name, table) for name, table in reader.tables(document, "hospitals")}


def registries(reader: Reader, document: Table) -> dict[str, Registry]:
    """By name."""
    return {name: _registry(reader, name, table) for name, table in reader.tables(document, "registries")}


def _hospital(reader: Reader, name: str, table: Table) -> Hospital:
    at = ("hospitals", name)
    reader.only(table, at, ("base_url", "auth", "identity", "webhook", "tls", "conflict", "poll_minutes", *TIMEOUTS))
    url = reader.url(table, at, "base_url")
    identity = reader.word(table, at, "identity", ("auto", "client-id", "conditional"), "auto")
    conflict = reader.word(table, at, "conflict", ("park", "ours", "theirs"), "park")
    shown = _auth(reader, table, at), identity, _webhook(reader, table, at)
    poll = _poll_minutes(reader, table, at)
    return Hospital(name, url, *shown, _tls(reader, table, at), conflict, _timeout(reader, table, at), poll)


def _registry(reader: Reader, name: str, table: Table) -> Registry:
    at = ("registries", name)
    dialect = reader.word(table, at, "dialect", ("fhir", "cibmtr", "ebmt"), "fhir")
    reader.only(
        table, at, ("base_url", "auth", "dialect", "tls", "identity", "key", *TIMEOUTS, *_OF_DIALECT.get(dialect, ()))
    )
    base_url = reader.url(table, at, "base_url", "" if dialect == "ebmt" else None)
    return Registry(
        name,
        base_url,
        _auth(reader, table, at),
        dialect,
        _tls(reader, table, at),
        _timeout(reader, table, at),
        identity=reader.word(table, at, "identity", ("auto", "client-id", "conditional"), "auto"),
        dates=reader.word(table, at, "dates", ("shifted", "days-from-graft"), "shifted"),
        windows=_windows(reader, table, at) if dialect == "ebmt" else {},
        ccn=_ccn(reader, table, at) if dialect == "cibmtr" else {},
        centre_system=reader.url(table, at, "centre_system", CIBMTR_CENTRE),
        crid_system=reader.url(table, at, "crid_system", CIBMTR_CRID),
        crid_url=_crid_url(reader, table, at, base_url),
        key=key_file(reader, table, (*at, "key")) if "key" in table else None,
    )


def _windows(reader: Reader, table: Table, above: Place) -> dict[str, int]:
    at = (*above, "windows")
    said = reader.inline(table, at) or {}
    reader.only(said, at, FORMS)
    if not said:
        reader.fault(at, "days around each form are needed, for nobody else gives them: { day-100 = 15 }")
    for form, days in said.items():
        if isinstance(days, bool) or not isinstance(days, int) or days < 0:
            reader.fault((*at, form), "is a whole number of days, 0 or more")
    return dict(said)


def _ccn(reader: Reader, table: Table, above: Place) -> dict[str, str]:
    at = (*above, "ccn")
    said = reader.inline(table, at) or {}
    if not said:
        reader.fault(at, 'the number of each centre at CIBMTR is needed: { FR-037 = "12345" }')
    for centre, number in said.items():
        if not isinstance(number, str) or not _CCN.fullmatch(number):
            reader.fault((*at, centre), 'a number at CIBMTR is five digits in quotation marks: "12345"')
    return {centre: str(number) for centre, number in said.items()}


def _poll_minutes(reader: Reader, table: Table, at: Place) -> int | None:
    said = table.get("poll_minutes", POLL_MINUTES if "webhook" in table else None)
    if said is not None and (isinstance(said, bool) or not isinstance(said, int) or said < 1):
        reader.fault((*at, "poll_minutes"), "is a whole number of minutes, 1 or more")
        return None
    return said


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
    kind = reader.word(said, at, "kind", tuple(_KEYS))
    wanted = _KEYS.get(kind, ())
    if kind in _KEYS:
        reader.only(said, at, ("kind", *wanted))
    if kind == "smart-backend":
        return _backend(reader, said, at)
    if kind == "oauth":
        return _oauth(reader, said, at, str(table.get("base_url", "")))
    user = reader.text(said, at, "user") if "user" in wanted else None
    secret = reader.secret(said, (*at, "secret"), bearer=kind == "bearer") if "secret" in wanted else None
    return Auth(kind, user, secret)


def _backend(reader: Reader, said: Table, at: Place) -> Auth:
    return Auth(
        "smart-backend",
        client_id=reader.text(said, at, "client_id"),
        scope=reader.text(said, at, "scope") if "scope" in said else SCOPE,
        algorithm=reader.word(said, at, "algorithm", ("ES384", "RS384")) if "algorithm" in said else None,
        token_url=reader.url(said, at, "token_url") if "token_url" in said else None,
    )


def _oauth(reader: Reader, said: Table, at: Place, base_url: str) -> Auth:
    """A client secret, and an account where both of its parts are named. They do not travel in the clear."""
    token_url = reader.url(said, at, "token_url")
    if base_url.startswith("https:") and token_url and not token_url.startswith("https:"):
        reader.fault((*at, "token_url"), "is without TLS, and the server's own address is not")
    account = "user" in said or "password" in said
    return Auth(
        "oauth",
        reader.text(said, at, "user") if account else None,
        reader.secret(said, (*at, "secret")),
        client_id=reader.text(said, at, "client_id"),
        scope=reader.text(said, at, "scope"),
        token_url=token_url,
        password=reader.secret(said, (*at, "password")) if account else None,
    )


def _crid_url(reader: Reader, table: Table, at: Place, base_url: str) -> str | None:
    """On the server of `base_url`, because our credentials go there and nowhere else."""
    if "crid_url" not in table:
        return None
    url = reader.url(table, at, "crid_url")
    if url and urlsplit(url)[:2] != urlsplit(base_url)[:2]:
        reader.fault((*at, "crid_url"), "is not on the server of base_url")
    return url


def _tls(reader: Reader, table: Table, above: Place) -> Tls:
    at = (*above, "tls")
    said = reader.inline(table, at)
    if said is None:
        return Tls()
    reader.only(said, at, ("certificate", "key", "ca"))
    named = {
        key: reader.path.parent / reader.text(said, at, key) for key in ("certificate", "key", "ca") if key in said
    }
    if "key" in named and "certificate" not in named:
        reader.fault((*at, "certificate"), "is needed beside the key")
    return Tls(named.get("certificate"), named.get("key"), named.get("ca"))


def _webhook(reader: Reader, table: Table, above: Place) -> Webhook | None:
    at = (*above, "webhook")
    said = reader.inline(table, at)
    if said is None:
        return None
    reader.only(said, at, ("kind", "secret"))
    kind = reader.word(said, at, "kind", ("bearer", "hmac"))
    secret = reader.secret(said, (*at, "secret"), bearer=kind == "bearer")
    return Webhook(kind, secret) if secret else None
