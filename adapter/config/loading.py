"""From the environment and the TOML that it names to Settings. A new section has its reader called here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from adapter.config.centres import centres
from adapter.config.clinic import gate_ages, limits
from adapter.config.ehrs import ehrs
from adapter.config.exports import exports
from adapter.config.privacy import check_apart, privacy
from adapter.config.protocols import protocols
from adapter.config.reader import Reader, Table, is_url, server_of
from adapter.config.secrets import Secret, why
from adapter.config.servers import hospitals, registries
from adapter.config.settings import DEFAULT_DATABASE_URL, DEFAULT_PUBLIC_URL, Hospital, Registry, Settings
from adapter.config.smart import keys
from adapter.errors import Invalid
from adapter.trail import FORMATS, LEVELS
from mappings.canonicals import DEFAULT_BASE, Canonicals
from mappings.protocol import know
from mappings.r4.faults import Fault

SETTINGS = {
    "ENGRAFT_DATABASE_URL": f"where things are kept; default {DEFAULT_DATABASE_URL}",
    "ENGRAFT_CONFIG": "the TOML file; without it there are no hospitals or registries and every centre is accepted",
    "ENGRAFT_PUBLIC_URL": f"where others reach this server; default {DEFAULT_PUBLIC_URL}",
    "ENGRAFT_BROKER_URL": "RabbitMQ or Redis, where delivery is spread by Celery; default none",
    "ENGRAFT_LOG_FORMAT": "json or text; default json, text in the commands for trying out",
    "ENGRAFT_LOG_LEVEL": "debug, info, warning or error; default info, warning in commands that do one thing and end",
}
"""Every environment variable that is read, with its meaning."""

SECTIONS = (
    *("canonical_base", "centres", "hospitals", "registries", "privacy", "protocols"),
    *("dosing", "gates", "smart", "exports", "ehrs"),
)
"""Every key at the top of the file."""


def load(environ: Mapping[str, str]) -> Settings:
    """Settings of the environment and of the TOML that it names. Raises Refused, every fault with file and line."""
    database = environ.get("ENGRAFT_DATABASE_URL") or DEFAULT_DATABASE_URL
    public = _environment_url(environ.get("ENGRAFT_PUBLIC_URL") or DEFAULT_PUBLIC_URL)
    named = environ.get("ENGRAFT_CONFIG")
    plain = Settings(
        database_url=database,
        public_url=public,
        broker_url=environ.get("ENGRAFT_BROKER_URL") or None,
        log_format=_environment_word(environ, "ENGRAFT_LOG_FORMAT", FORMATS),
        log_level=_environment_word(environ, "ENGRAFT_LOG_LEVEL", tuple(LEVELS)),
    )
    if not named:
        know(())
        return plain
    path = Path(named)
    settings = _settings(Reader(path, _text_of(path), environ), plain)
    know(settings.protocols)
    return settings


def _settings(reader: Reader, plain: Settings) -> Settings:
    document = reader.parsed()
    reader.only(document, (), SECTIONS)
    base = reader.url(document, (), "canonical_base", DEFAULT_BASE)
    named_hospitals, named_registries = hospitals(reader, document), registries(reader, document)
    for name in sorted(named_hospitals.keys() & named_registries.keys()):
        reader.fault(("registries", name), "a hospital has the same name; deliveries are told apart by it")
    _require_apart(reader, named_hospitals, named_registries)
    check_apart(reader, named_registries)
    named_centres = centres(reader, document, named_hospitals)
    privacy_key, shared = privacy(reader, document)
    settings = replace(
        plain,
        canonicals=Canonicals(base or DEFAULT_BASE),
        centres=named_centres,
        hospitals=named_hospitals,
        registries=named_registries,
        ehrs=ehrs(reader, document, named_centres),
        privacy_key=privacy_key,
        shared_pseudonyms=shared,
        file=reader.path,
        limits=limits(reader, document),
        gate_max_age=gate_ages(reader, document),
        exports=exports(reader, document),
        protocols=protocols(reader, document),
        signing_keys=_signing_keys(reader, document, named_hospitals, named_registries),
    )
    if reader.faults:
        raise Invalid(reader.faults)
    return settings


def _require_apart(reader: Reader, hospitals: Mapping[str, Hospital], registries: Mapping[str, Registry]) -> None:
    """One server under two names would get each change twice, and each would take the other's for its own edit."""
    known: dict[tuple[str, str], str] = {}
    for section, servers in (("hospitals", hospitals), ("registries", registries)):
        for name, server in servers.items():
            if not is_url(server.base_url):
                continue
            place, there = server_of(server.base_url), f"{section}.{name}"
            if place in known:
                reader.fault((section, name, "base_url"), f"is the server of {known[place]} too: name it once")
            known.setdefault(place, there)


def _signing_keys(
    reader: Reader, document: Table, hospitals: Mapping[str, Hospital], registries: Mapping[str, Registry]
) -> tuple[Secret, ...]:
    found = keys(reader, document)
    for section, servers in (("hospitals", hospitals), ("registries", registries)):
        for name, server in servers.items():
            if server.auth.kind == "smart-backend" and not found:
                reader.fault(
                    (section, name, "auth"), "smart-backend signs with a key: [smart] keys; engraft config key"
                )
    return found


def _environment_word(environ: Mapping[str, str], name: str, known: tuple[str, ...]) -> str | None:
    said = environ.get(name) or None
    if said is not None and said not in known:
        raise Invalid([Fault(name, f"unknown: {said}; known: {', '.join(known)}")])
    return said


def _environment_url(text: str) -> str:
    if not is_url(text):
        raise Invalid([Fault("ENGRAFT_PUBLIC_URL", "is not an absolute http or https URL")])
    return text.rstrip("/")


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid([Fault(str(path), f"the file of ENGRAFT_CONFIG cannot be read: {why(error)}")]) from error
