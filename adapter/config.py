"""
What a deployment says about itself: two environment variables and one TOML file.

Every fault of the file is told at once, each with file and line. A secret never stands in the file: it is named by
`{ file = "..." }` (relative to the TOML's own folder) or `{ env = "..." }` and read when it is needed, so that a
rotated secret counts without a restart.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from adapter.errors import Invalid, Refused
from adapter.toml_lines import line_of
from mappings.canonicals import DEFAULT, DEFAULT_BASE, Canonicals
from mappings.facts.plausible import DEFAULT_LIMITS, Limits
from mappings.plan.gates import AGEING
from mappings.r4.faults import Fault

DEFAULT_DATABASE_URL = "sqlite:///var/engraft.sqlite"
DEFAULT_PUBLIC_URL = "http://127.0.0.1:8080"
SETTINGS = {
    "ENGRAFT_DATABASE_URL": f"where things are kept; default {DEFAULT_DATABASE_URL}",
    "ENGRAFT_CONFIG": "the TOML file; without it there are no hospitals or registries and every centre is accepted",
    "ENGRAFT_PUBLIC_URL": f"where others reach this server; default {DEFAULT_PUBLIC_URL}",
}
"""Every environment variable that is read, with its meaning."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NOT_YET = {"smart-backend": "hospitals.auth", "cibmtr": "registries.dialect", "ebmt": "registries.dialect"}


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret is kept; `read` fetches it."""

    file: Path | None = None
    env: str | None = None
    environ: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def read(self) -> str:
        """The secret without surrounding white space. Raises Refused where there is none."""
        text = self._text().strip()
        if not text:
            raise Refused(f"the secret in {self} is empty")
        return text

    def _text(self) -> str:
        if self.file is None:
            return self.environ.get(self.env or "", "")
        try:
            return self.file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(f"the secret in {self} cannot be read: {_why(error)}") from error

    def __str__(self) -> str:
        return f"file {self.file}" if self.file else f"environment variable {self.env}"


@dataclass(frozen=True, slots=True)
class Centre:
    """`hospital`: where this centre's resources are delivered; None: they are stored only.

    `overlays`: what the centre adds to protocols, one file each.
    """

    code: str
    name: str
    hospital: str | None = None
    overlays: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Auth:
    """How we show ourselves to another server: `kind` none, bearer (`secret`) or basic (`user`, `secret`)."""

    kind: str = "none"
    user: str | None = None
    secret: Secret | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """How a hospital shows itself to us: `kind` bearer (the secret itself) or hmac (SHA-256 of the body)."""

    kind: str
    secret: Secret


@dataclass(frozen=True, slots=True)
class Hospital:
    """A hospital's FHIR server. `identity`: auto, client-id or conditional."""

    name: str
    base_url: str
    auth: Auth = Auth()
    identity: str = "auto"
    webhook: Webhook | None = None


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry's FHIR server."""

    name: str
    base_url: str
    auth: Auth = Auth()
    dialect: str = "fhir"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a deployment can choose."""

    database_url: str = DEFAULT_DATABASE_URL
    public_url: str = DEFAULT_PUBLIC_URL
    canonicals: Canonicals = DEFAULT
    centres: Mapping[str, Centre] = field(default_factory=dict)
    hospitals: Mapping[str, Hospital] = field(default_factory=dict)
    registries: Mapping[str, Registry] = field(default_factory=dict)
    privacy_key: Path | None = None
    file: Path | None = None
    limits: Limits = DEFAULT_LIMITS
    gate_max_age: Mapping[str, int] = field(default_factory=dict)
    """Days after which a fact of a gate, by its name in the protocol, no longer meets it. Nobody gives a number."""

    def pseudonym_key(self) -> bytes:
        """The key that pseudonyms are made from. Raises Refused where there is none."""
        if self.privacy_key is None:
            raise Refused("no pseudonym key is configured: engraft config init, then ENGRAFT_CONFIG=engraft.toml")
        try:
            return bytes.fromhex(Secret(file=self.privacy_key).read())
        except ValueError:
            raise Refused(
                f"{self.privacy_key} is not a key of hexadecimal digits, as engraft config init makes it"
            ) from None

    def secrets(self) -> dict[str, Secret]:
        """Every secret that the file names, by its dotted key."""
        named: dict[str, Secret | None] = {}
        for hospital in self.hospitals.values():
            named[f"hospitals.{hospital.name}.auth.secret"] = hospital.auth.secret
            named[f"hospitals.{hospital.name}.webhook.secret"] = hospital.webhook.secret if hospital.webhook else None
        for registry in self.registries.values():
            named[f"registries.{registry.name}.auth.secret"] = registry.auth.secret
        return {key: secret for key, secret in named.items() if secret}


def load(environ: Mapping[str, str]) -> Settings:
    """Settings of the environment and of the TOML that it names. Raises Refused, every fault with file and line."""
    database = environ.get("ENGRAFT_DATABASE_URL") or DEFAULT_DATABASE_URL
    public = _environment_url(environ.get("ENGRAFT_PUBLIC_URL") or DEFAULT_PUBLIC_URL)
    named = environ.get("ENGRAFT_CONFIG")
    if not named:
        return Settings(database_url=database, public_url=public)
    path = Path(named)
    reader = _Reader(path, _text_of(path), environ)
    return reader.settings(database, public)


def _environment_url(text: str) -> str:
    if not _is_url(text):
        raise Invalid([Fault("ENGRAFT_PUBLIC_URL", "is not an absolute http or https URL")])
    return text.rstrip("/")


def _why(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or "no reason given") if isinstance(error, OSError) else "it is not UTF-8"


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid([Fault(str(path), f"the file of ENGRAFT_CONFIG cannot be read: {_why(error)}")]) from error


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query and not parts.fragment


class _Reader:
    """One reading of one file: collects faults instead of stopping at the first."""

    def __init__(self, path: Path, text: str, environ: Mapping[str, str]) -> None:
        self.path, self.text, self.environ = path, text, environ
        self.faults: list[Fault] = []

    def settings(self, database: str, public: str) -> Settings:
        document = self._parsed()
        known = ("canonical_base", "centres", "hospitals", "registries", "privacy", "dosing", "gates")
        self._only(document, (), known)
        base = self._canonical_base(document)
        hospitals = {name: self._hospital(name, t) for name, t in self._tables(document, "hospitals")}
        registries = {name: self._registry(name, t) for name, t in self._tables(document, "registries")}
        for name in sorted(hospitals.keys() & registries.keys()):
            self._fault(("registries", name), "a hospital has the same name; deliveries are told apart by it")
        centres = {code: self._centre(code, t, hospitals) for code, t in self._tables(document, "centres")}
        key, limits, ages = self._privacy_key(document), self._limits(document), self._gate_ages(document)
        if self.faults:
            raise Invalid(self.faults)
        places = (centres, hospitals, registries)
        return Settings(database, public, Canonicals(base), *places, key, self.path, limits, ages)

    def _parsed(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            # tomllib ends its sentence with the place, or with "at end of document"
            place = re.search(r"\(at line (\d+), column \d+\)", str(error))
            line = int(place.group(1)) if place else self.text.count("\n") + 1
            said = re.sub(r" \(at .*\)$", "", str(error))
            raise Invalid([Fault(f"{self.path}:{line}", f"not valid TOML: {said}")]) from error

    def _canonical_base(self, document: Mapping[str, Any]) -> str:
        base = self._url(document, (), "canonical_base", DEFAULT_BASE)
        return base or DEFAULT_BASE

    def _hospital(self, name: str, table: dict[str, Any]) -> Hospital:
        at = ("hospitals", name)
        self._only(table, at, ("base_url", "auth", "identity", "webhook"))
        url = self._url(table, at, "base_url")
        identity = self._word(table, at, "identity", ("auto", "client-id", "conditional"), "auto")
        return Hospital(name, url, self._auth(table, at), identity, self._webhook(table, at))

    def _registry(self, name: str, table: dict[str, Any]) -> Registry:
        at = ("registries", name)
        self._only(table, at, ("base_url", "auth", "dialect"))
        url = self._url(table, at, "base_url")
        dialect = self._word(table, at, "dialect", ("fhir", "cibmtr", "ebmt"), "fhir")
        return Registry(name, url, self._auth(table, at), dialect)

    def _centre(self, code: str, table: dict[str, Any], hospitals: Mapping[str, Hospital]) -> Centre:
        at = ("centres", code)
        self._only(table, at, ("name", "hospital", "overlays"))
        hospital = self._text(table, at, "hospital") if "hospital" in table else None
        if hospital and hospital not in hospitals:
            known = ", ".join(hospitals) or "none"
            self._fault((*at, "hospital"), f"no hospital is called {hospital}; known: {known}")
        name = self._text(table, at, "name") if "name" in table else code
        return Centre(code, name, hospital, self._files(table, (*at, "overlays")))

    def _files(self, table: Mapping[str, Any], at: tuple[str, ...]) -> tuple[Path, ...]:
        said = table.get(at[-1], [])
        if not isinstance(said, list) or not all(isinstance(name, str) and name for name in said):
            self._fault(at, 'is a list of files: ["chu-a.yaml"]')
            return ()
        return tuple(self.path.parent / name for name in said)

    def _limits(self, document: dict[str, Any]) -> Limits:
        """Our own defaults, each of which a deployment may set."""
        said = self._inline(document, ("dosing",)) or {}
        self._only(said, ("dosing",), tuple(each.name for each in fields(Limits)))
        wanted = {each.name: type(getattr(DEFAULT_LIMITS, each.name)) for each in fields(Limits)}
        found: dict[str, Any] = {}
        for name in said.keys() & wanted.keys():
            value, whole = said[name], wanted[name] is int
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or value < 0:
                self._fault(("dosing", name), f"is a {'whole ' if whole else ''}number, 0 or more")
            else:
                found[name] = wanted[name](str(value))
        return replace(DEFAULT_LIMITS, **found)

    def _auth(self, table: dict[str, Any], above: tuple[str, ...]) -> Auth:
        at = (*above, "auth")
        said = self._inline(table, at)
        if said is None:
            return Auth()
        kind = self._word(said, at, "kind", ("none", "bearer", "basic", "smart-backend"))
        wanted = {"bearer": ("secret",), "basic": ("user", "secret")}.get(kind, ())
        if kind != "smart-backend":
            self._only(said, at, ("kind", *wanted))
        user = self._text(said, at, "user") if "user" in wanted else None
        secret = self._secret(said, (*at, "secret")) if "secret" in wanted else None
        return Auth(kind, user, secret)

    def _webhook(self, table: dict[str, Any], above: tuple[str, ...]) -> Webhook | None:
        at = (*above, "webhook")
        said = self._inline(table, at)
        if said is None:
            return None
        self._only(said, at, ("kind", "secret"))
        kind = self._word(said, at, "kind", ("bearer", "hmac"))
        secret = self._secret(said, (*at, "secret"))
        return Webhook(kind, secret) if secret else None

    def _privacy_key(self, document: dict[str, Any]) -> Path | None:
        said = self._inline(document, ("privacy",))
        if said is None:
            return None
        self._only(said, ("privacy",), ("key",))
        secret = self._secret(said, ("privacy", "key"))
        if secret and secret.file is None:
            self._fault(("privacy", "key"), 'the pseudonym key is kept in a file: { file = "pseudonym.key" }')
        return secret.file if secret else None

    def _gate_ages(self, document: dict[str, Any]) -> dict[str, int]:
        table = self._inline(document, ("gates",)) or {}
        self._only(table, ("gates",), ("max_age_days",))
        said = self._inline(table, ("gates", "max_age_days")) or {}
        self._only(said, ("gates", "max_age_days"), AGEING)
        for fact, days in said.items():
            if not isinstance(days, int) or isinstance(days, bool) or days < 0:
                self._fault(("gates", "max_age_days", fact), "is a whole number of days, 0 or more")
        return dict(said)

    def _secret(self, table: Mapping[str, Any], at: tuple[str, ...]) -> Secret | None:
        said = table.get(at[-1])
        if said is None:
            self._fault(at, 'is needed: { file = "..." } or { env = "..." }')
        elif isinstance(said, str):
            self._fault(at, 'a secret never stands in this file: write { file = "..." } or { env = "..." }')
        elif not isinstance(said, dict) or len(said) != 1 or not said.keys() <= {"file", "env"}:
            self._fault(at, 'write either { file = "..." } or { env = "..." }')
        elif not isinstance(name := next(iter(said.values())), str) or not name:
            self._fault(at, "the name of the file or variable is a text")
        elif "file" in said:
            return Secret(file=self.path.parent / name)
        else:
            return Secret(env=name, environ=self.environ)
        return None

    def _tables(self, document: Mapping[str, Any], section: str) -> list[tuple[str, dict[str, Any]]]:
        said = document.get(section, {})
        if not isinstance(said, dict):
            self._fault((section,), f"is a set of tables: [{section}.NAME]")
            return []
        for name, table in said.items():
            if not isinstance(table, dict):
                self._fault((section, name), f"is a table: [{section}.{name}]")
            elif not _NAME.fullmatch(name):
                self._fault((section, name), "a name has letters, digits, '.', '_' and '-', at most 64")
        return [(name, table) for name, table in said.items() if isinstance(table, dict)]

    def _inline(self, table: Mapping[str, Any], at: tuple[str, ...]) -> dict[str, Any] | None:
        said = table.get(at[-1])
        if said is None or isinstance(said, dict):
            return said
        self._fault(at, "is a table: { ... }")
        return None

    def _only(self, table: Mapping[str, Any], at: tuple[str, ...], known: tuple[str, ...]) -> None:
        for key in sorted(table.keys() - set(known)):
            top = " (it belongs above the first [table])" if key == "canonical_base" else ""
            self._fault((*at, key), f"unknown key{top}; known here: {', '.join(known)}")

    def _text(self, table: Mapping[str, Any], at: tuple[str, ...], key: str) -> str:
        said = table.get(key)
        if isinstance(said, str) and said.strip():
            return said
        self._fault((*at, key), "is needed" if said is None else "is a text that is not empty")
        return ""

    def _url(self, table: Mapping[str, Any], at: tuple[str, ...], key: str, default: str | None = None) -> str:
        if default is not None and key not in table:
            return default
        said = self._text(table, at, key)
        if said and not _is_url(said):
            self._fault((*at, key), "is not an absolute http or https URL")
        elif said and urlsplit(said).username is not None:
            self._fault((*at, key), "carries credentials: a secret never stands in this file")
        return said.rstrip("/")

    def _word(
        self,
        table: Mapping[str, Any],
        at: tuple[str, ...],
        key: str,
        words: tuple[str, ...],
        default: str | None = None,
    ) -> str:
        if default is not None and key not in table:
            return default
        said = self._text(table, at, key)
        if said and said not in words:
            self._fault((*at, key), f"unknown word {said}; known: {', '.join(words)}")
        elif said in _NOT_YET:
            self._fault((*at, key), f"{said} is not yet supported")
        return said

    def _fault(self, at: tuple[str, ...], message: str) -> None:
        self.faults.append(Fault(f"{self.path}:{line_of(self.text, at)}: {'.'.join(at)}", message))
