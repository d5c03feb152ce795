"""`engraft backup`: a copy of a running SQLite database."""

from __future__ import annotations

import os
from pathlib import Path

import click

from adapter.cli.refusal import json_refusals
from adapter.cli.surroundings import environment, store_of
from adapter.config import load
from adapter.errors import Refused


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@json_refusals
def backup(file: Path) -> None:
    """Copy the SQLite database into a new FILE, whole and as of one moment, while others write to the database.

    Only this account may read the copy. PostgreSQL is copied by pg_dump (docs/operations.md).

    Example: engraft backup /backup/engraft-2026-12-01.sqlite
    """
    if file.exists():
        raise Refused(f"{file} exists; a backup is never written over another")
    part = file.with_name(f"{file.name}.part")
    with store_of(load(environment())) as store:
        try:
            part.unlink(missing_ok=True)
            os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            store.copy(part)
            part.rename(file)
        except OSError as error:
            raise Refused(f"{file} cannot be written: {error.strerror}") from error
        finally:
            part.unlink(missing_ok=True)
    click.echo(f"wrote {file}, {file.stat().st_size} bytes", err=True)
