"""`engraft export`: everything that is stored as NDJSON, a file a type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import IO

import click

from adapter.cli.acting import acting
from adapter.cli.refusal import json_option
from adapter.cli.surroundings import environment, now, store_of
from adapter.config import load
from adapter.errors import Refused
from adapter.flows import access
from adapter.flows import export as flow
from mappings.r4 import wire
from mappings.r4.build import Resource
from mappings.r4.typenames import RESOURCE_TYPES

UNFINISHED = ".part"


@click.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="<ResourceType>.ndjson.")
@click.option("--type", "types", metavar="T,...", default="", help="Only these resource types.")
@click.option("--since", metavar="INSTANT", help="Only what changed then or later, e.g. 2026-03-02T10:00:00Z.")
@click.option("--deidentified", is_flag=True, help="As a registry may see it: who agrees today, without identity.")
@acting
@json_option
def export(out: Path, types: str, since: str | None, deidentified: bool, who: str, as_json: bool) -> None:
    """Write everything that is stored to a folder, a file a type. What an earlier call left there is replaced.

    Without --deidentified the files hold patients' data of every centre: keep them as you keep the database.

    \b
    Example: engraft export --out bulk/ --type Patient,Observation --since 2026-03-02T10:00:00Z
    """
    kinds, instant, begun = _types(types), _instant(since), now()
    settings = load(environment())
    key = settings.pseudonym_key() if deidentified else b""
    with store_of(settings) as store:
        if deidentified:
            found = flow.deidentified(store, key, begun, kinds=kinds, since=instant, canonicals=settings.canonicals)
        else:
            found = flow.identified(store, kinds=kinds, since=instant)
        what = "de-identified" if deidentified else "identified"
        access.taken_out(store, what, begun, types or "every type", who=who)
        counts = _written(found, out)
        access.done(store, what, now(), counts.total(), "resources", who=who)
    if as_json:
        click.echo(wire.pretty({"transaction_time": begun.isoformat(), "resources": dict(sorted(counts.items()))}))
    click.echo(f"{counts.total()} resources in {out}", err=True)


def _types(text: str) -> frozenset[str] | None:
    named = frozenset(part.strip() for part in text.split(",") if part.strip())
    if unknown := sorted(named - RESOURCE_TYPES):
        raise click.BadParameter(f"no resource type of R4: {', '.join(unknown)}", param_hint="--type")
    return named or None


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        said = datetime.fromisoformat(text)
    except ValueError:
        said = None
    if said is None or said.tzinfo is None:
        raise click.BadParameter("write an instant with its zone, e.g. 2026-03-02T10:00:00Z", param_hint="--since")
    return said


def _written(found: Iterable[Resource], out: Path) -> Counter[str]:
    """How many of each type. The files of an earlier call go only when the new ones are whole."""
    counts: Counter[str] = Counter()
    try:
        out.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            files: dict[str, IO[bytes]] = {}
            for resource in found:
                kind = resource["resourceType"]
                if kind not in files:
                    files[kind] = stack.enter_context((out / f"{kind}.ndjson{UNFINISHED}").open("wb"))
                files[kind].write(wire.encode(resource) + b"\n")
                counts[kind] += 1
        for old in out.glob("[A-Z]*.ndjson"):
            old.unlink()
        for kind in counts:
            (out / f"{kind}.ndjson{UNFINISHED}").rename(out / f"{kind}.ndjson")
    except OSError as error:
        raise Refused(f"{out} cannot be written: {error.strerror}") from error
    return counts
