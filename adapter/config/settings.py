"""Everything that a deployment can choose, with its defaults. A new section adds its dataclass and its field here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from adapter.config.secrets import Secret
from adapter.errors import Refused
from mappings.canonicals import CIBMTR_CENTRE, CIBMTR_CRID, DEFAULT, Canonicals
from mappings.facts.plausible import DEFAULT_LIMITS, Limits
from mappings.protocol import Protocol
from mappings.registry.pseudonyms import key_for, require_long

DEFAULT_DATABASE_URL = "sqlite:///var/engraft.sqlite"
DEFAULT_PUBLIC_URL = "http://127.0.0.1:8080"
DEFAULT_TIMEOUT = (5.0, 30.0)
"""Seconds to connect to another server, and between two pieces of its answer."""


@dataclass(frozen=True, slots=True)
class Retention:
    """For how many whole `months` a centre keeps a patient's record after its last document about the patient.

    `starts`: the period begins no earlier. `automatic`: what is past it is erased by `engraft deliver --watch`.
    """

    months: int
    starts: date | None = None
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class Centre:
    """`hospital`: where this centre's resources are delivered; None: they are stored only.

    `overlays`: what the centre adds to protocols, one file each. `results`: (system, code) of its laboratory, by what
    is shown beside the doses.
    """

    code: str
    name: str
    hospital: str | None = None
    overlays: tuple[Path, ...] = ()
    results: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    retention: Retention | None = None
    """None: nothing is erased by itself, and nothing is past a period."""


@dataclass(frozen=True, slots=True)
class Auth:
    """How we show ourselves to another server.

    `kind`: none, bearer (`secret`), basic (`user`, `secret`), smart-backend or oauth. In both `client_id` is our name
    and `scope` what we may ask for. smart-backend: `algorithm` ES384 or RS384 where the server takes only one of them,
    `token_url` where its tokens come from if it does not say so itself. oauth: `token_url`, the client's `secret`, and
    `user` and `password` where the other side wants an account too.
    """

    kind: str = "none"
    user: str | None = None
    secret: Secret | None = None
    client_id: str | None = None
    scope: str | None = None
    algorithm: str | None = None
    token_url: str | None = None
    password: Secret | None = None


@dataclass(frozen=True, slots=True)
class Tls:
    """What TLS is spoken with: our own `certificate` and `key` (mutual TLS), and the `ca` that signs the server's."""

    certificate: Path | None = None
    key: Path | None = None
    ca: Path | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """How a hospital shows itself to us: `kind` bearer (the secret itself) or hmac (SHA-256 of the body)."""

    kind: str
    secret: Secret


@dataclass(frozen=True, slots=True)
class Hospital:
    """A hospital's FHIR server. `identity`: auto, client-id or conditional.

    `conflict`: whose version counts where the hospital changed what we sent: park (a person says), ours or theirs.
    `timeout`: seconds to connect and to read.
    """

    name: str
    base_url: str
    auth: Auth = Auth()
    identity: str = "auto"
    webhook: Webhook | None = None
    tls: Tls = Tls()
    conflict: str = "park"
    timeout: tuple[float, float] = DEFAULT_TIMEOUT
    poll_minutes: int | None = None
    """How often it is asked what changed, because a notification can be lost; None: never."""


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry: its FHIR server, or (dialect ebmt) the forms that it is filled in by.

    `dates`: shifted, or days-from-graft; `windows`: days around each form that belong to it (both ebmt).
    `ccn`: the number of each centre at CIBMTR; `centre_system` and `crid_system`: how CIBMTR writes a centre, and its
    number of a patient.
    """

    name: str
    base_url: str
    auth: Auth = Auth()
    dialect: str = "fhir"
    tls: Tls = Tls()
    timeout: tuple[float, float] = DEFAULT_TIMEOUT
    identity: str = "auto"
    dates: str = "shifted"
    windows: Mapping[str, int] = field(default_factory=dict)
    ccn: Mapping[str, str] = field(default_factory=dict)
    centre_system: str = CIBMTR_CENTRE
    crid_system: str = CIBMTR_CRID
    key: Path | None = None
    """The file of its own pseudonym key; None: a key made from the centre's one."""
    crid_url: str | None = None
    """Where CIBMTR gives a patient's CRID for a name; None: it is not asked."""


@dataclass(frozen=True, slots=True)
class Ehr:
    """An EHR that calls CDS Hooks with JWTs of its own: `issuer` and, where it has several, `tenant` as they name it.

    Its public keys are at `jwks_url` or in `jwks_file`. It calls for one `centre`.
    """

    name: str
    issuer: str
    centre: str
    tenant: str | None = None
    jwks_url: str | None = None
    jwks_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Exports:
    """Where the files of bulk exports lie, and for how many hours. A day is our own default."""

    folder: Path = Path("var/exports")
    hours: int = 24


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole of it. `file`: the TOML that it was read from. `log_format`, `log_level` None: as is usual there."""

    database_url: str = DEFAULT_DATABASE_URL
    public_url: str = DEFAULT_PUBLIC_URL
    broker_url: str | None = None
    log_format: str | None = None
    log_level: str | None = None
    canonicals: Canonicals = DEFAULT
    centres: Mapping[str, Centre] = field(default_factory=dict)
    hospitals: Mapping[str, Hospital] = field(default_factory=dict)
    registries: Mapping[str, Registry] = field(default_factory=dict)
    ehrs: Mapping[str, Ehr] = field(default_factory=dict)
    """Once one is named, CDS Hooks take nothing but their JWTs."""
    privacy_key: Path | None = None
    shared_pseudonyms: bool = False
    """All registries see the same pseudonyms, under the one key: they could match their patients."""
    file: Path | None = None
    limits: Limits = DEFAULT_LIMITS
    protocols: tuple[Protocol, ...] = ()
    """Protocols of the deployment's own, beside those that ship."""
    gate_max_age: Mapping[str, int] = field(default_factory=dict)
    """Days after which a fact of a gate, by its name in the protocol, no longer meets it. Nobody gives a number."""
    exports: Exports = Exports()
    signing_keys: tuple[Secret, ...] = ()
    """Private keys for SMART Backend Services, the one to use first; the public half of each is published."""

    def pseudonym_key(self, registry: str | None = None) -> bytes:
        """The key that pseudonyms for this registry are made from; None: for no registry in particular.

        Its own file where it has one, else made from the one key and its name, unless all share that one. Raises
        Refused where there is none, or one that could be guessed.
        """
        known = self.registries.get(registry or "")
        if known and known.key:
            return read_key(known.key)
        if self.privacy_key is None:
            raise Refused("no pseudonym key is configured: engraft config init, then ENGRAFT_CONFIG=engraft.toml")
        key = read_key(self.privacy_key)
        return key if registry is None or self.shared_pseudonyms else key_for(registry, key)

    def key_files(self) -> dict[str, Path]:
        """Every file of a pseudonym key, by its dotted key; `read_key` reads it."""
        named = {f"registries.{one.name}.key": one.key for one in self.registries.values()}
        return {key: file for key, file in {"privacy.key": self.privacy_key, **named}.items() if file}

    def secrets(self) -> dict[str, Secret]:
        """Every secret that the file names, by its dotted key."""
        named: dict[str, Secret | None] = {}
        for hospital in self.hospitals.values():
            named[f"hospitals.{hospital.name}.auth.secret"] = hospital.auth.secret
            named[f"hospitals.{hospital.name}.auth.password"] = hospital.auth.password
            named[f"hospitals.{hospital.name}.webhook.secret"] = hospital.webhook.secret if hospital.webhook else None
        for registry in self.registries.values():
            named[f"registries.{registry.name}.auth.secret"] = registry.auth.secret
            named[f"registries.{registry.name}.auth.password"] = registry.auth.password
        return {key: secret for key, secret in named.items() if secret}

    def tls(self) -> dict[str, Tls]:
        """What TLS is spoken with, by its dotted key, where the file says any of it."""
        named = {f"hospitals.{one.name}.tls": one.tls for one in self.hospitals.values()}
        named |= {f"registries.{one.name}.tls": one.tls for one in self.registries.values()}
        return {key: tls for key, tls in named.items() if tls != Tls()}


def read_key(file: Path) -> bytes:
    """A pseudonym key. Raises Refused where there is none, or one that could be guessed."""
    try:
        key = bytes.fromhex(Secret(file=file).read())
    except ValueError:
        raise Refused(f"{file} is not a key of hexadecimal digits, as engraft config init makes it") from None
    try:
        require_long(key)
    except ValueError as error:
        raise Refused(f"{file}: {error}") from error
    return key
