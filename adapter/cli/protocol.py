"""`engraft protocol`: is a definition sound, and what does it say?"""

from __future__ import annotations

from pathlib import Path

import click

from adapter.cli import definitions
from adapter.cli.refusal import json_option, show
from adapter.cli.surroundings import environment, write
from adapter.config import load
from mappings import protocol as protocols
from mappings.protocol.model import Clause, Cycles, Line, OpenLine, Protocol
from mappings.r4.faults import Fault


@click.group()
def protocol() -> None:
    """Check or show a protocol definition.

    Example: engraft protocol show set-haplo-pdli
    """


@protocol.command()
@click.argument("name", required=False, metavar="[NAME|FILE]")
@json_option
@click.pass_context
def check(ctx: click.Context, name: str | None, as_json: bool) -> None:
    """Check a shipped protocol NAME or a YAML FILE; without either, every shipped one.

    What a FILE quotes is compared with the trial's own text, if that stands beside it under the same name with .txt.
    Errors exit 1; warnings are something to look at and exit 0.

    Example: engraft protocol check set-haplo-pdli
    """
    names = list(protocols.shipped()) if name is None else [name]
    found = {one: definitions.check(one) for one in names}
    faults = [fault for some in found.values() for fault in some]
    sound = not any(fault.severity == "error" for fault in faults)
    if as_json:
        summary = Fault("", f"{', '.join(names)}: sound", "informational", "information")
        show([*faults, *([summary] if sound else [])], as_json=True)
    else:
        show(faults, as_json=False)
        for one, some in found.items():
            if sound:
                click.echo(f"{one}: sound" + (f", {len(some)} to look at" if some else ""))
    if not sound:
        ctx.exit(1)


@protocol.command(name="show")
@click.argument("name", metavar="NAME|FILE")
@click.option("--format", "shape", type=click.Choice(["table", "fhir"]), default="table", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file, not to stdout.")
@json_option
def show_(name: str, shape: str, out: Path | None, as_json: bool) -> None:
    """The protocol NAME (or a YAML FILE) for a person, or PlanDefinition and ActivityDefinitions as a Bundle.

    Example: engraft protocol show set-haplo-pdli --format fhir --out protocol.json
    """
    found = definitions.named(name)
    if as_json or shape == "fhir":
        write(_fhir(found), out)
    else:
        write(_table(found), out)


def _fhir(found: Protocol) -> str:
    # here, because a table needs neither
    from mappings.plan.definition import definitions as as_fhir
    from mappings.r4.build import collection
    from mappings.r4.validate import require_valid
    from mappings.r4.wire import pretty

    bundle = collection(as_fhir(found, load(environment()).canonicals))
    require_valid(bundle)
    return pretty(bundle)


def _table(found: Protocol) -> str:
    # here, because only people need it
    from tabulate import tabulate

    visits = [[f"month {visit.months}" if visit.months else "no date", visit.title] for visit in found.follow_up.visits]
    visits += [[f"D+{assay.day}", assay.title] for assay in found.follow_up.assays]
    parts = [
        found.title,
        found.purpose,
        tabulate(_regimen(found), headers=("days", "what", "dose"), disable_numparse=True),
        tabulate(visits, headers=("when", "follow-up"), disable_numparse=True) if visits else "",
        _list("Gates", found.gates),
        _list("Endpoints", found.endpoints),
    ]
    return "\n\n".join(filter(None, parts))


def _regimen(found: Protocol) -> list[list[str]]:
    rows = []
    for phase in found.phases:
        rows += [[_given(line, phase.cycles), line.title, _dose(line)] for line in phase.lines]
        rows += [
            [_given(line, phase.cycles), f"{line.title} (open: {line.open})", line.dose] for line in phase.open_lines
        ]
    rows += [[_days(r.days.listed), r.title, ""] for p in found.phases for r in p.rests]
    rows += [[f"D+{t.first}..D+{t.last}", f"{t.title} (open: {t.open})", ""] for t in found.tapers]
    rows += [["D0", found.anchor.title, ""]]
    rows += [[f"from D+{i.first}", f"{i.title}, {i.count} times", ""] for p in found.phases for i in p.infusions]
    return rows + [["", f"{phase.title}: {phase.centre_decides}", ""] for phase in found.phases if phase.centre_decides]


def _given(line: Line | OpenLine, cycles: Cycles | None) -> str:
    if line.days.until:
        return f"{_day(line.days.first)} until tapered"
    if cycles:
        days = ", ".join(f"D{day}" for day in cycles.folded(line.days.listed))
        return f"{days} of {cycles.count} cycles of {cycles.days} days"
    return _days(line.days.listed)


def _dose(line: Line) -> str:
    # here, because a Bundle has its own words
    from mappings.plan.dosage import in_protocol_words

    return in_protocol_words(line)


def _days(listed: tuple[int, ...]) -> str:
    if len(listed) > 2 and listed == tuple(range(listed[0], listed[-1] + 1)):
        return f"{_day(listed[0])}..{_day(listed[-1])}"
    return ", ".join(map(_day, listed))


def _day(number: int) -> str:
    return f"D+{number}" if number > 0 else f"D{number}"


def _list(head: str, clauses: tuple[Clause, ...]) -> str:
    return "\n".join([head, *(f"  {clause.key}: {clause.source}" for clause in clauses)]) if clauses else ""
