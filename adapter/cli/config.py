"""`engraft config`: is the configuration sound, and a first one to start from."""

from __future__ import annotations

import os
import secrets
from importlib.resources import files
from pathlib import Path

import click

from adapter.cli.refusal import json_option, json_refusals, show
from adapter.cli.surroundings import environment
from adapter.config import SETTINGS, Settings, load, read_key
from adapter.errors import Invalid, Refused
from mappings.r4.faults import Fault

KEY_BYTES = 32
DEFAULT_FILE = Path("engraft.toml")


@click.group()
def config() -> None:
    """Check the settings, or write a first file.

    Example: engraft config init && ENGRAFT_CONFIG=engraft.toml engraft config check
    """


@config.command()
@json_option
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Explain every fault of the file of ENGRAFT_CONFIG, with its line, and try to read every secret, key, certificate.

    Example: ENGRAFT_CONFIG=engraft.toml engraft config check
    """
    settings = load(environment())
    found = (_secret_faults(settings), _tls_faults(settings), _key_set_faults(settings), _overlay_faults(settings))
    faults = [fault for some in found for fault in some]
    if faults:
        show(faults, as_json=as_json)
        ctx.exit(1)
    if as_json:
        show([Fault("", "the configuration is sound", "informational", "information")], as_json=True)
        return
    click.echo(f"{settings.file or 'no file (ENGRAFT_CONFIG is not set)'}: sound")
    for name, meaning in SETTINGS.items():
        click.echo(f"  {name}: {'set' if environment().get(name) else 'not set'}; {meaning}")
    for kind, names in (
        ("centres", settings.centres),
        ("hospitals", settings.hospitals),
        ("registries", settings.registries),
        ("ehrs", settings.ehrs),
    ):
        click.echo(f"  {kind}: {', '.join(names) or 'none'}")


def _secret_faults(settings: Settings) -> list[Fault]:
    faults = []
    for key, secret in settings.secrets().items():
        try:
            secret.read()
        except Refused as error:
            faults.append(Fault(f"{settings.file}: {key}", str(error), "not-found"))
    for name, file in settings.key_files().items():
        try:
            read_key(file)
        except Refused as error:
            faults.append(Fault(f"{settings.file}: {name}", str(error), "not-found"))
    if settings.signing_keys:
        # here, because it brings cryptography
        from adapter.keys import published

        try:
            published(settings.signing_keys)
        except Refused as error:
            faults.append(Fault(f"{settings.file}: smart.keys", str(error), "invalid"))
    return faults


def _tls_faults(settings: Settings) -> list[Fault]:
    named = settings.tls()
    if not named:
        return []
    # here, because it brings requests
    from adapter.hospital.origin import tls_faults

    return [
        Fault(f"{settings.file}: {place}.{key}", why, "not-found")
        for place, tls in named.items()
        for key, why in tls_faults(tls).items()
    ]


def _key_set_faults(settings: Settings) -> list[Fault]:
    """Of the EHRs' public keys that stand in a file; what stands at a URL is not asked for here."""
    files_ = {name: ehr.jwks_file for name, ehr in settings.ehrs.items() if ehr.jwks_file}
    if not files_:
        return []
    # here, because it brings requests
    from adapter.hospital.jwks import read

    faults = []
    for name, file in files_.items():
        try:
            why = None if read(file.read_bytes()) else "it holds no key"
        except OSError as error:
            why = str(error.strerror)
        except ValueError as error:
            why = str(error)
        if why:
            faults.append(Fault(f"{settings.file}: ehrs.{name}.jwks", f"{file} cannot be read: {why}", "not-found"))
    return faults


def _overlay_faults(settings: Settings) -> list[Fault]:
    # here, because most deployments have none
    from adapter.overlays import overlay_of
    from mappings.protocol import names

    faults: list[Fault] = []
    for code, centre in settings.centres.items():
        try:
            for protocol in names() if centre.overlays else ():
                overlay_of(settings, code, protocol)
        except Invalid as error:
            faults += error.faults
    return faults


@config.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@json_refusals
def init(file: Path | None) -> None:
    """Write a commented FILE (default: that of ENGRAFT_CONFIG, else engraft.toml) and the pseudonym keys that it names.

    Nothing that is there is ever overwritten: a new key would give every patient a new pseudonym.

    Example: engraft config init
    """
    named = environment().get("ENGRAFT_CONFIG")
    target = file or (Path(named) if named else DEFAULT_FILE)
    made = []
    if not target.exists():
        _create(target, files("adapter.cli").joinpath("starter.toml").read_text("utf-8"), 0o644)
        made.append(target)
    for key in load({**environment(), "ENGRAFT_CONFIG": str(target)}).key_files().values():
        if not key.exists():
            _create(key, secrets.token_hex(KEY_BYTES) + "\n", 0o600)
            made.append(key)
    if not made:
        raise Refused(f"{target} and its key are there already; nothing was written")
    for path in made:
        click.echo(f"wrote {path}")


@config.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--algorithm", type=click.Choice(("ES384", "RS384")), default="ES384", show_default=True)
@json_refusals
def key(file: Path, algorithm: str) -> None:
    """Write a new private key to FILE, for [smart] keys; its public half is served at /.well-known/jwks.json.

    Example: engraft config key /etc/engraft/es384-2026.pem
    """
    # here, because it brings cryptography
    from adapter.keys import new

    _create(file, new(algorithm), 0o600)
    click.echo(f"wrote {file}")


def _create(path: Path, text: str, mode: int) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as out:
            out.write(text)
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}") from error
