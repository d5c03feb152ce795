"""`engraft registry`: what leaves the centre, and the endpoints of the trial."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from adapter.cli import registry_crid, registry_forms, registry_push, registry_quality, registry_table
from adapter.cli.acting import acting
from adapter.cli.refusal import json_option, json_refusals
from adapter.cli.surroundings import environment, now, store_of
from adapter.config import Settings, load
from adapter.errors import Invalid, Refused
from adapter.flows import access
from adapter.flows import endpoints as endpoint_flow
from adapter.flows import registry as flow
from adapter.flows.endpoints import Question
from adapter.flows.registry import Aside
from mappings.r4 import wire
from mappings.r4.build import Resource, collection
from mappings.r4.validate import require_valid
from mappings.registry import report_page
from mappings.registry.group_observations import group_observations
from mappings.registry.measure_report import measure_reports
from mappings.registry.report import COLUMNS, Report

BUNDLES = "outcome-bundles"
_OURS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.json")


@click.group()
def registry() -> None:
    """De-identified outcome bundles, and endpoint reports.

    Example: engraft registry report --from fhir/ --endpoint os
    """


registry.add_command(registry_push.push)
registry.add_command(registry_quality.quality)
registry.add_command(registry_forms.export)
registry.add_command(registry_table.table)
registry.add_command(registry_crid.crid)


@registry.command()
@click.option("--patient", metavar="ID", help="Only this one: id, identifier or number at the centre.")
@click.option("--registry", "name", metavar="NAME", help="For this [registries.NAME], under its own pseudonyms.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for one file a patient.")
@acting
@json_refusals
def bundle(patient: str | None, name: str | None, out: Path | None, who: str) -> None:
    """De-identified bundles of the patients who agree today, with what each of them is missing.

    Without --out one bundle a line. Bundles that an earlier call left in the folder are replaced. Who is set aside
    because of a record at fault is named on stderr, and the command exits 1. Without --registry the pseudonyms are
    those of the centre's one key: give files of one call to one recipient only.

    Example: ENGRAFT_CONFIG=engraft.toml engraft registry bundle --out registry/
    """
    settings = load(environment())
    if name and name not in settings.registries:
        raise Refused(f"no registry is called {name}; known: {', '.join(sorted(settings.registries)) or 'none'}")
    key = settings.pseudonym_key(name)
    aside: list[Aside] = []
    with store_of(settings) as store:
        asked = "one patient" if patient else "all who agree"
        access.taken_out(store, BUNDLES, now(), f"{asked}, for {name}" if name else asked, who=who)
        made = flow.bundles(store, key, now(), patient, aside=aside, canonicals=settings.canonicals)
        written = _write(out, made) if out else _echo(made)
        access.done(store, BUNDLES, now(), written, "bundles", who=who)
    click.echo(f"{written} bundles", err=True)
    if aside:
        raise Invalid([fault for one in aside for fault in one.for_the_centre()])
    if patient and not written:
        raise Refused("no such patient, or none who agrees to registries today")


def _echo(made: Iterable[Resource]) -> int:
    written = 0
    for one in made:
        click.echo(wire.encode(one).decode())
        written += 1
    return written


def _write(out: Path, made: Iterable[Resource]) -> int:
    """The files of an earlier call go when the new ones are whole; how many there are."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".engraft-", dir=out) as folder:
            for one in made:
                (Path(folder) / f"{one['id']}.json").write_text(wire.pretty(one) + "\n", "utf-8")
            new = {file.name: file for file in Path(folder).iterdir()}
            for name, file in new.items():
                file.replace(out / name)
            for old in out.iterdir():
                if _OURS.fullmatch(old.name) and old.name not in new:
                    old.unlink()
    except OSError as error:
        raise Refused(f"{out} cannot be written: {error.strerror}") from error
    return len(new)


@registry.command()
@click.option("--from", "folder", type=click.Path(path_type=Path), help="Folder of NDJSON, as engraft map writes it.")
@click.option("--database", is_flag=True, help="Everything that is stored.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Cut-off; default: the last date in the data.")
@click.option("--endpoint", "endpoints", metavar="ID", multiple=True, help="Repeatable; default: all.")
@click.option("--horizons", metavar="DAYS,...", default="", help="Days after the transplant, e.g. 90,365,730.")
@click.option(
    "--format", "shape", type=click.Choice(["table", "json", "fhir", "html"]), default="table", show_default=True
)
@click.option("--curve", is_flag=True, help="Every step of the curves too, as json; html draws them anyway.")
@click.option("--release", is_flag=True, help="It leaves the centre: small counts are hidden, nobody is named.")
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that read --from.")
@acting
@json_option
def report(
    folder: Path | None,
    database: bool,
    as_of: datetime | None,
    endpoints: tuple[str, ...],
    horizons: str,
    shape: str,
    curve: bool,
    release: bool,
    jobs: int,
    who: str,
    as_json: bool,
) -> None:
    """Endpoints of the trial from FHIR resources.

    Example: engraft registry report --from fhir/ --endpoint os --horizons 365,730 --json
    """
    if (folder is None) == (not database):
        raise click.UsageError("say where from: --from DIR or --database")
    settings = load(environment())
    question = Question(endpoints, _days(horizons), as_of.date() if as_of else None, release, shape in ("fhir", "html"))
    made = _report(folder, question, settings, jobs, who)
    click.echo(_shaped(made, "json" if as_json or (curve and shape == "table") else shape, settings, curve=curve))


def _days(text: str) -> list[int]:
    if not re.fullmatch(r"(\d{1,6}(,\d{1,6})*)?", text, re.ASCII):
        raise click.UsageError("--horizons is days with commas between, e.g. 90,365")
    return [int(part) for part in text.split(",") if part]


def _report(folder: Path | None, question: Question, settings: Settings, jobs: int, who: str) -> Report:
    if folder:
        return endpoint_flow.report_from_directory(folder, question, jobs=jobs, canonicals=settings.canonicals)
    with store_of(settings) as store:
        made = endpoint_flow.report_from_store(store, question, canonicals=settings.canonicals)
        what = f"endpoint-report: {', '.join(question.endpoints) or 'all'}{' (released)' if question.release else ''}"
        access.looked_at(store, what, now(), made.patients, "patients", who=who)
    return made


def _shaped(made: Report, shape: str, settings: Settings, *, curve: bool = False) -> str:
    if shape == "json":
        return wire.pretty(made.document(curves=curve))
    if shape == "html":
        return report_page.document(made)
    if shape == "fhir":
        at, canonicals = now(), settings.canonicals
        reports, mirrored = measure_reports(made, at, canonicals), group_observations(made, at, canonicals)
        resources = collection([*reports, *mirrored])
        require_valid(resources)
        return wire.pretty(resources)
    # here, because only people need it
    from tabulate import tabulate

    said = made.document()
    named = [name for name in ("excluded", "listed") if said[name]]
    return "\n\n".join(
        [
            f"as of {made.as_of}",
            tabulate(made.table(), headers=COLUMNS, disable_numparse=True),
            *(f"{name}\n{tabulate(_flat(said[name]), headers='keys', disable_numparse=True)}" for name in named),
        ]
    )


def _flat(entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: ", ".join(v) if isinstance(v, list) else v for name, v in one.items()} for one in entries]
