"""`engraft protocol`: is a definition sound, and what does it say?"""

from __future__ import annotations

from pathlib import Path

import click

from adapter.cli.refusal import json_option, show
from adapter.cli.surroundings import environment, write
from adapter.config import load
from adapter.errors import Refused
from mappings import protocol as protocols
from mappings.protocol.model import Clause, Protocol
from mappings.r4.faults import Fault


@click.group()
def protocol() -> None:
    """Check or show a protocol definition.

    Example: engraft protocol show set-haplo-pdli
    """


@protocol.command()
@click.argument("name", required=False)
@json_option
@click.pass_context
def check(ctx: click.Context, name: str | None, as_json: bool) -> None:
    """Check a shipped protocol NAME or a YAML FILE; without either, every shipped one.

    Example: engraft protocol check set-haplo-pdli
    """
    names = [name] if name else list(protocols.names())
    faults = [fault for one in names for fault in _faults(one)]
    if faults:
        show(faults, as_json=as_json)
        ctx.exit(1)
    if as_json:
        show([Fault("", f"{', '.join(names)}: sound", "informational", "information")], as_json=True)
    else:
        for one in names:
            click.echo(f"{one}: sound")


def _faults(name: str) -> list[Fault]:
    # here, because the check is not needed to show
    from mappings.protocol.check import check as check_protocol

    return [f for f in check_protocol(_parsed(name)) if f.severity == "error"]


def _parsed(name: str) -> Protocol:
    path = Path(name)
    if name in protocols.names() or not path.suffix:
        return protocols.load(name)
    try:
        return protocols.parse(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{name} cannot be read: {type(error).__name__}") from error


@protocol.command(name="show")
@click.argument("name")
@click.option("--format", "shape", type=click.Choice(["table", "fhir"]), default="table", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file, not to stdout.")
@json_option
def show_(name: str, shape: str, out: Path | None, as_json: bool) -> None:
    """The protocol NAME for a person, or PlanDefinition and ActivityDefinitions as a Bundle.

    Example: engraft protocol show set-haplo-pdli --format fhir --out protocol.json
    """
    found = protocols.load(name)
    if as_json or shape == "fhir":
        write(_fhir(found), out)
    else:
        write(_table(found), out)


def _fhir(found: Protocol) -> str:
    # here, because a table needs neither
    from mappings.plan.definition import definitions
    from mappings.r4.build import collection
    from mappings.r4.validate import require_valid
    from mappings.r4.wire import pretty

    bundle = collection(definitions(found, load(environment()).canonicals))
    require_valid(bundle)
    return pretty(bundle)


def _table(found: Protocol) -> str:
    # here, because only people need it
    from tabulate import tabulate

    lines = [[_days(line.days.listed, line.days.first, line.days.until), line.title] for line in found.lines]
    lines += [[_days(r.days.listed, r.days.first, None), r.title] for p in found.phases for r in p.rests]
    lines += [[f"D+{t.first}..D+{t.last}", f"{t.title} (open: {t.open})"] for t in found.tapers]
    lines += [["D0", found.anchor.title]]
    lines += [[f"from D+{i.first}", f"{i.title}, {i.count} times"] for p in found.phases for i in p.infusions]
    lines += [["", f"{phase.title}: {phase.centre_decides}"] for phase in found.phases if phase.centre_decides]
    visits = [[f"month {visit.months}" if visit.months else "no date", visit.title] for visit in found.follow_up.visits]
    visits += [[f"D+{assay.day}", assay.title] for assay in found.follow_up.assays]
    parts = [
        found.title,
        found.purpose,
        tabulate(lines, headers=("days", "what"), disable_numparse=True),
        tabulate(visits, headers=("when", "follow-up"), disable_numparse=True),
        _list("Gates", found.gates),
        _list("Endpoints", found.endpoints),
    ]
    return "\n\n".join(parts)


def _days(listed: tuple[int, ...], first: int, until: str | None) -> str:
    if until:
        return f"{_day(first)} until tapered"
    if len(listed) > 2 and listed == tuple(range(listed[0], listed[-1] + 1)):
        return f"{_day(listed[0])}..{_day(listed[-1])}"
    return ", ".join(map(_day, listed))


def _day(number: int) -> str:
    return f"D+{number}" if number > 0 else f"D{number}"


def _list(head: str, clauses: tuple[Clause, ...]) -> str:
    return "\n".join([head, *(f"  {clause.key}: {clause.source}" for clause in clauses)])
