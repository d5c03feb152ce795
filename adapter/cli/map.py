"""`engraft map`: enrolments and follow-ups to FHIR, offline and in any order of the files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from adapter.cli import documents
from adapter.cli.acting import acting
from adapter.cli.progress import bar
from adapter.cli.refusal import json_option
from adapter.cli.shelf import Shelf, shelf
from adapter.cli.spool import Kept, Spool, spool
from adapter.cli.surroundings import environment, known_store, now, today
from adapter.config import load
from adapter.errors import Refused
from adapter.flows import access
from mappings import outcomes
from mappings.canonicals import Canonicals
from mappings.facts import Enrolment, FollowUp
from mappings.facts.plausible import Limits
from mappings.intake import lifetime, redcap, schema
from mappings.intake.entries import Entry
from mappings.intake.redcap import Project
from mappings.r4 import wire
from mappings.r4.build import Ids, course_id
from mappings.r4.faults import Fault, FaultyInput
from mappings.r4.validate import require_valid

if TYPE_CHECKING:
    from adapter.store import Store


class Call(NamedTuple):
    """What one call is about."""

    files: tuple[Path, ...]
    as_of: date
    canonicals: Canonicals
    limits: Limits
    project: Project | None
    spool: Spool
    who: str

    def place(self, kept: Kept) -> str:
        return f"{self.files[kept.file]}:{kept.entry.line}"

    def refuse(self, kept: Kept, faults: list[Fault] | tuple[Fault, ...]) -> None:
        self.spool.refuse(kept.file, kept.entry.refusals(faults))


@click.command()
@click.argument("inputs", metavar="FILE...", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for <ResourceType>.ndjson.")
@click.option("--format", "shape", type=click.Choice(["ndjson", "bundle"]), default="ndjson", show_default=True)
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Later dates are refused; default today.")
@click.option(
    "--redcap",
    "mapping",
    type=click.Path(dir_okay=False, path_type=Path),
    help="TOML that maps a REDCap project to our items; the tables among the files are its exports.",
)
@acting
@json_option
@click.pass_context
def map_(
    ctx: click.Context,
    inputs: tuple[Path, ...],
    out: Path | None,
    shape: str,
    as_of: datetime | None,
    mapping: Path | None,
    who: str,
    as_json: bool,
) -> None:
    """Map enrolments and follow-ups (JSON, NDJSON, CSV, QuestionnaireResponse, REDCap export) to FHIR.

    \b
    With --out: DIR/<ResourceType>.ndjson (or DIR/bundle.json); what was there from an earlier call is replaced.
    What is refused goes to DIR/rejected.ndjson and stderr, the rest is still written; exit 1 if any was refused.
    Two documents that differ under one key are both refused: nobody says which one holds.

    \b
    Example: engraft map enrolments.ndjson m1.json visits.csv --out fhir/
    """
    project = _project(mapping) if mapping else None
    settings = load(environment())
    with spool() as kept, shelf(out, shape) as made:
        on = as_of.date() if as_of else today()
        call = Call(inputs, on, settings.canonicals, settings.limits, project, kept, who)
        found = _read_all(call)
        _map_all(call, made)
        if out:
            made.reject({"file": str(inputs[file])} | told for file, told in kept.refusals())
        made.close()
        if out:
            made.show(out)
        else:
            for chunk in made.chunks():
                click.echo(chunk, nl=False)
        _tell(call, made, found, as_json=as_json and out is not None)
        if kept.refused():
            ctx.exit(1)


def _project(mapping: Path) -> Project:
    """The mapping with its dictionary, which stands beside it. Raises Refused or FaultyInput."""
    try:
        text = mapping.read_text("utf-8")
        named = redcap.dictionary_of(text, str(mapping))
        dictionary = (mapping.parent / named).read_bytes() if named else None
    except OSError as error:
        raise Refused(f"{error.filename} cannot be read: {error.strerror}") from error
    except UnicodeError as error:
        raise Refused(f"{mapping} is not UTF-8") from error
    return redcap.project(text, dictionary, str(mapping))


def _read_all(call: Call) -> dict[str, list[str]]:
    """Puts every document down, by patient. What was found out of each table, in sentences."""
    found: dict[str, list[str]] = {}
    with bar("reading", _size(call.files)) as tick:
        for number, file in enumerate(call.files):
            notes: list[str] = []
            for entry in documents.read(file, call.canonicals, notes, call.project, tick):
                _take(call, number, entry)
            if notes:
                found[str(file)] = notes
    return found


def _size(files: tuple[Path, ...]) -> int:
    return sum(file.stat().st_size for file in files if file.exists())


def _take(call: Call, file: int, entry: Entry) -> None:
    """Its patient's documents are read together later; what names no patient is refused at once."""
    try:
        if entry.document is None and entry.faults:
            raise FaultyInput(entry.faults)
        kind = schema.kind_of(entry.document)
        centre, patient = (entry.document.get(name) for name in ("centre", "patient"))
        if isinstance(centre, str) and isinstance(patient, str):
            call.spool.keep(file, entry, kind, centre, patient)
        elif kind == "enrolment":
            schema.enrolment(entry.document, call.as_of)
        else:
            schema.follow_up(entry.document, call.as_of)
    except FaultyInput as error:
        call.spool.refuse(file, entry.refusals(error.faults))


def _map_all(call: Call, made: Shelf) -> None:
    """Every course's resources, patients in order of their names, whatever the order of the files."""
    with _database(call.who) as stored, bar("mapping", call.spool.patients(), items=True) as tick:
        for centre, patient, kept in call.spool.by_patient():
            _map_course(call, made, kept, partial(stored, centre, patient, call.as_of))
            tick(1)


def _map_course(call: Call, made: Shelf, kept: list[Kept], stored: Callable[[], Enrolment | None]) -> None:
    enrolments = _one_each(call, [one for one in kept if one.kind == "enrolment"], partial(_enrolment, call.limits))
    visits = _one_each(call, [one for one in kept if one.kind == "follow-up"], schema.follow_up)
    enrolment = next((fact for _, fact in enrolments), None) or (stored() if visits else None)
    if enrolment is None:
        for one, visit in visits:
            message = f"no enrolment of {visit.centre}/{visit.patient} is known: send it in the same call"
            call.refuse(one, [Fault("patient", message, "not-found")])
        return
    sound = list(_sound(call, enrolment, visits))
    course = course_id(call.canonicals, enrolment.centre, enrolment.patient, enrolment.protocol)
    for mapped in outcomes.map_course(enrolment, sound, Ids(course, call.canonicals)):
        require_valid(mapped.resource)
        made.put(mapped.resource)


def _enrolment(limits: Limits, document: Any, as_of: date) -> Enrolment:
    """Raises FaultyInput, also for an age that nobody can have."""
    found = schema.enrolment(document, as_of)
    if faults := lifetime.faults(found, as_of, limits):
        raise FaultyInput(faults)
    return found


def _one_each(call: Call, kept: list[Kept], read: Callable[[Any, date], Any]) -> list[tuple[Kept, Any]]:
    """Each fact once. Where documents differ under one key none of them is preferred, whatever their order."""
    by_key: dict[str, list[tuple[Kept, Any]]] = defaultdict(list)
    for one in kept:
        try:
            fact = read(one.entry.document, call.as_of)
        except FaultyInput as error:
            call.refuse(one, error.faults)
            continue
        by_key[fact.key].append((one, fact))
    out = []
    for key, said in by_key.items():
        if len({wire.content_hash(one.entry.document) for one, _ in said}) == 1:
            out.append(said[0])
            continue
        for one, _ in said:
            others = ", ".join(call.place(other) for other, _ in said if other is not one)
            call.refuse(one, [Fault("$", f"{key} is said differently at {others}; neither is taken", "conflict")])
    return out


def _sound(call: Call, enrolment: Enrolment, visits: list[tuple[Kept, FollowUp]]) -> Iterator[FollowUp]:
    for one, visit in visits:
        faults = [fault for fault in schema.cross_check(visit, enrolment) if fault.severity == "error"]
        if faults:
            call.refuse(one, faults)
        else:
            yield visit


@contextmanager
def _database(who: str) -> Iterator[Callable[[str, str, date], Enrolment | None]]:
    """What finds the enrolment that the database knows; it is opened when it is first asked for."""
    with ExitStack() as stack:
        opened: list[Store | None] = []
        number = 0

        def stored(centre: str, patient: str, as_of: date) -> Enrolment | None:
            nonlocal number
            if not opened:
                opened.append(stack.enter_context(known_store()))
            if opened[0] is None:
                return None
            with opened[0].reading() as tx:
                found = tx.enrolments.of(centre, patient)
            number += found is not None
            return schema.enrolment(found.content, as_of) if found else None

        yield stored
        if number and opened[0]:
            access.looked_at(opened[0], "map", now(), number, "enrolments", who=who)


def _tell(call: Call, made: Shelf, found: dict[str, list[str]], *, as_json: bool) -> None:
    for name, notes in found.items():
        click.echo(f"{name}: {'; '.join(notes)}", err=True)
    for file, told in call.spool.refusals():
        click.echo(f"{call.files[file]}:{_line(told)}", err=True)
    if as_json:
        rejected = [{"file": str(call.files[file])} | told for file, told in call.spool.refusals()]
        read = [{"file": name, "found": notes} for name, notes in found.items()]
        counts = dict(sorted(made.counts.items()))
        click.echo(wire.pretty({"resources": counts, "rejected": rejected} | ({"read": read} if read else {})))
    else:
        click.echo(f"{made.counts.total()} resources; {call.spool.refused()} documents refused", err=True)


def _line(told: dict[str, Any]) -> str:
    row = f"row {told['row']}: " if "row" in told else ""
    mend = f" ({told['mend']})" if "mend" in told else ""
    return f"{told['line']}: {row}{told.get('column', told['path'])}: {told['reason']}{mend}"
