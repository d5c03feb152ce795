"""`engraft registry crid`: the numbers under which CIBMTR knows our patients."""

from __future__ import annotations

import csv
from dataclasses import asdict
from pathlib import Path

import click

from adapter.cli.acting import acting
from adapter.cli.refusal import REFUSED, json_option
from adapter.cli.surroundings import environment, now, store_of
from adapter.config import Registry, Settings, load
from adapter.errors import Invalid, Refused
from mappings.r4.faults import Fault
from mappings.r4.wire import pretty
from mappings.registry.crid import OPTIONAL, REQUIRED

COLUMNS = ("centre", "patient", *REQUIRED)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option("--registry", "name", help="Which [registries.NAME], where several have the dialect cibmtr.")
@acting
@json_option
@click.pass_context
def crid(ctx: click.Context, file: Path, name: str | None, who: str, as_json: bool) -> None:
    """Ask CIBMTR for the CRID of each patient in FILE and keep it with the enrolment. It sends names.

    FILE is a CSV (UTF-8) with the columns centre, patient, first_name, last_name and, where known, ssn,
    mothers_maiden_name, race, ethnicity, nmdp_rid, ebmt_cic, ebmt_id, cibmtr_team, cibmtr_iubmid. Date of birth and
    sex are those of the enrolment. Only of patients who agree today; who has a CRID is not asked for. Nothing of FILE
    is kept: delete it afterwards. Exit 1 where a row got no number; the others have theirs, and asking again is safe.

    Example: engraft registry crid names.csv --registry cibmtr --as "Data manager"
    """
    # here, because only who speaks to a registry needs it
    from adapter.flows import crid as flow
    from adapter.hospital.connections import Connections

    settings = load(environment())
    registry, rows = _registry(settings, name), _rows(file)
    connections = Connections(settings)
    found = []
    try:
        with store_of(settings) as store:
            service = connections(registry.name).put_plain
            for one in flow.assign(rows, registry, service, store=store, settings=settings, now=now, who=who):
                found.append(one)
                if not as_json:
                    said = f"CRID {one.crid}{'' if one.new else ' (known before)'}" if one.crid else one.why
                    click.echo(f"{one.centre}/{one.patient}: {said}")
    finally:
        connections.close()
    if as_json:
        click.echo(pretty([asdict(one) for one in found]))
    ctx.exit(0 if all(one.crid for one in found) else REFUSED)


def _registry(settings: Settings, name: str | None) -> Registry:
    found = [one for one in settings.registries.values() if one.dialect == "cibmtr" and name in (None, one.name)]
    if len(found) != 1:
        raise Refused(f"{len(found)} registries have the dialect cibmtr: configure one, or name it by --registry")
    return found[0]


def _rows(file: Path) -> list[dict[str, str]]:
    """Raises Invalid naming a column that is missing or unknown."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            table = csv.DictReader(lines, restval="")
            named = tuple(table.fieldnames or ())
            faults = [Fault(column, "this column is needed", "required") for column in COLUMNS if column not in named]
            strangers = [column for column in named if column not in (*COLUMNS, *OPTIONAL)]
            faults += [Fault(column, "no such column", "structure") for column in strangers]
            if faults:
                raise Invalid(faults)
            rows = list(table)
    except UnicodeDecodeError as error:
        raise Refused(f"{file} is not UTF-8") from error
    except (csv.Error, OSError) as error:  # its words quote nothing of the file
        raise Refused(f"{file} cannot be read as CSV: {error}") from error
    if any(None in row for row in rows):
        raise Refused(f"{file}: a row has more cells than there are columns")
    return rows
