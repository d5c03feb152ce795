"""`engraft map`: enrolments and follow-ups to FHIR, offline and in any order of the files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from adapter.cli.documents import Place, Rejected, read, reasons
from adapter.cli.refusal import json_option
from adapter.cli.surroundings import environment, known_store, today
from adapter.config import load
from adapter.errors import Refused
from mappings import outcomes
from mappings.canonicals import Canonicals
from mappings.facts import Enrolment, FollowUp
from mappings.facts.plausible import Limits
from mappings.intake import lifetime, schema
from mappings.r4 import wire
from mappings.r4.build import Ids, Resource, course_id, transaction
from mappings.r4.faults import Fault, FaultyInput
from mappings.r4.validate import require_valid

REJECTED = "rejected.ndjson"


@dataclass(slots=True)
class Taken:
    """What could be read, by centre/patient, and what could not."""

    as_of: date
    limits: Limits
    enrolments: dict[str, tuple[Place, Enrolment]] = field(default_factory=dict)
    follow_ups: dict[str, tuple[Place, FollowUp]] = field(default_factory=dict)
    documents: dict[str, Any] = field(default_factory=dict)
    disputed: set[str] = field(default_factory=set)
    """Keys under which documents say different things."""
    rejected: list[Rejected] = field(default_factory=list)


@click.command()
@click.argument("inputs", metavar="FILE...", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for <ResourceType>.ndjson.")
@click.option("--format", "shape", type=click.Choice(["ndjson", "bundle"]), default="ndjson", show_default=True)
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Later dates are refused; default today.")
@json_option
@click.pass_context
def map_(
    ctx: click.Context, inputs: tuple[Path, ...], out: Path | None, shape: str, as_of: datetime | None, as_json: bool
) -> None:
    """Map enrolments and follow-ups (JSON, JSON arrays, NDJSON) to FHIR.

    \b
    With --out: DIR/<ResourceType>.ndjson (or DIR/bundle.json); what was there from an earlier call is replaced.
    What is refused goes to DIR/rejected.ndjson and stderr, the rest is still written; exit 1 if any was refused.

    \b
    Example: engraft map enrolments.ndjson m1.json m3.json --out fhir/
    """
    settings = load(environment())
    taken = Taken(as_of.date() if as_of else today(), settings.limits)
    for file in inputs:
        for place, document in read(file, taken.rejected):
            _take(taken, place, document)
    resources = list(_resources(taken, settings.canonicals))
    order = {file: at for at, file in enumerate(inputs)}
    taken.rejected.sort(key=lambda one: (order[one.place.file], one.place.line))
    texts = _files(resources, shape)
    if out:
        _write(out, texts, taken.rejected)
    else:
        for text in texts.values():
            click.echo(text, nl=False)
    _tell(resources, taken, out, as_json=as_json)
    if taken.rejected:
        ctx.exit(1)


def _take(taken: Taken, place: Place, document: Any) -> None:
    try:
        if schema.kind_of(document) == "enrolment":
            enrolment = schema.enrolment(document, taken.as_of)
            if faults := lifetime.faults(enrolment, taken.as_of, taken.limits):
                raise FaultyInput(faults)
            _keep(taken, taken.enrolments, place, enrolment, document)
        else:
            follow_up = schema.follow_up(document, taken.as_of)
            _keep(taken, taken.follow_ups, place, follow_up, document)
    except FaultyInput as error:
        taken.rejected += reasons(place, error.faults)


def _keep(taken: Taken, among: dict[str, Any], place: Place, fact: Any, document: Any) -> None:
    """Keeps a fact once. Where documents say different things under one key none of them is taken: the order of the
    files tells nobody which is right.
    """
    other, _ = among.setdefault(fact.key, (place, fact))
    if taken.documents.setdefault(fact.key, wire.content_hash(document)) == wire.content_hash(document):
        return
    if fact.key not in taken.disputed:
        taken.disputed.add(fact.key)
        taken.rejected += reasons(other, [_dispute(fact.key, place)])
    raise FaultyInput([_dispute(fact.key, other)])


def _dispute(key: str, other: Place) -> Fault:
    return Fault("$", f"{key} is said differently at {other.file}:{other.line}: neither is taken", "conflict")


def _resources(taken: Taken, canonicals: Canonicals) -> Iterator[Resource]:
    """Every course's resources, patients in order of their key, whatever the order of the files."""
    courses: dict[str, list[tuple[Place, FollowUp]]] = defaultdict(list)
    for key in taken.disputed:
        taken.follow_ups.pop(key, None)
    for _, (place, follow_up) in sorted(taken.follow_ups.items()):
        courses[f"{follow_up.centre}/{follow_up.patient}"].append((place, follow_up))
    for key in sorted({*taken.enrolments, *courses}):
        if key in taken.disputed:
            known = None
        else:
            known = taken.enrolments[key][1] if key in taken.enrolments else _stored(courses[key][0][1], taken.as_of)
        if known is None:
            for place, _ in courses[key]:
                message = f"no enrolment of {key} is known: send it in the same call"
                taken.rejected += reasons(place, [Fault("patient", message, "not-found")])
        else:
            yield from _course(known, courses[key], taken, canonicals)


def _course(
    enrolment: Enrolment, visits: Iterable[tuple[Place, FollowUp]], taken: Taken, canonicals: Canonicals
) -> Iterator[Resource]:
    sound = []
    for place, follow_up in visits:
        faults = [fault for fault in schema.cross_check(follow_up, enrolment) if fault.severity == "error"]
        taken.rejected += reasons(place, faults)
        if not faults:
            sound.append(follow_up)
    course = course_id(canonicals, enrolment.centre, enrolment.patient, enrolment.protocol)
    for mapped in outcomes.map_course(enrolment, sound, Ids(course, canonicals)):
        require_valid(mapped.resource)
        yield mapped.resource


def _stored(follow_up: FollowUp, as_of: date) -> Enrolment | None:
    """The enrolment that the database knows, where there is a database."""
    with known_store() as store:
        if store is None:
            return None
        with store.reading() as tx:
            found = tx.enrolments.of(follow_up.centre, follow_up.patient)
    return schema.enrolment(found.content, as_of) if found else None


def _files(resources: list[Resource], shape: str) -> dict[str, str]:
    if shape == "bundle":
        return {"bundle.json": wire.pretty(transaction(resources)) + "\n"} if resources else {}
    kinds: dict[str, list[str]] = defaultdict(list)
    for resource in resources:
        kinds[resource["resourceType"]].append(wire.encode(resource).decode())
    return {f"{kind}.ndjson": "\n".join(lines) + "\n" for kind, lines in sorted(kinds.items())}


def _write(out: Path, texts: dict[str, str], rejected: list[Rejected]) -> None:
    if rejected:
        texts = texts | {REJECTED: "".join(wire.encode(one.document()).decode() + "\n" for one in rejected)}
    try:
        out.mkdir(parents=True, exist_ok=True)
        for old in (*out.glob("[A-Z]*.ndjson"), out / "bundle.json", out / REJECTED):
            old.unlink(missing_ok=True)
        for name, text in texts.items():
            (out / name).write_text(text, "utf-8")
    except OSError as error:
        raise Refused(f"{out} cannot be written: {error.strerror}") from error


def _tell(resources: list[Resource], taken: Taken, out: Path | None, *, as_json: bool) -> None:
    for one in taken.rejected:
        click.echo(f"{one.place.file}:{one.place.line}: {one.path}: {one.reason}", err=True)
    if out and as_json:
        counts: dict[str, int] = defaultdict(int)
        for resource in resources:
            counts[resource["resourceType"]] += 1
        told = {"resources": dict(sorted(counts.items())), "rejected": [one.document() for one in taken.rejected]}
        click.echo(wire.pretty(told))
    else:
        places = {one.place for one in taken.rejected}
        click.echo(f"{len(resources)} resources; {len(places)} documents refused", err=True)
