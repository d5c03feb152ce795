"""`engraft apply`: the protocol dated and dosed for one patient, without a database."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from adapter.cli import definitions
from adapter.cli.columns import columns
from adapter.cli.refusal import json_option
from adapter.cli.surroundings import environment, now, write
from adapter.config import Settings, load
from adapter.overlays import overlay_of
from adapter.version import software
from mappings.canonicals import Canonicals
from mappings.facts.values import PartialDate
from mappings.plan import COLUMNS, Applied, Body, Order, Row
from mappings.plan import apply as apply_protocol
from mappings.plan.calendar import Span, amount, spans, weekday
from mappings.plan.inputs import Patient, check
from mappings.plan.reading import read
from mappings.plan.subject import course_of_inputs, course_of_subject, placeholder
from mappings.r4.build import Resource
from mappings.r4.faults import Fault, FaultyInput

_SUBJECT = re.compile(r"(?:https?://\S+/)?Patient/[A-Za-z0-9.-]{1,64}")
_SHOWN = ("day", "date", "weekday", "drug or procedure", "amount", "route", "note")
_WIDTHS = (None, None, None, 40, None, None, 50)
"""Characters of a column, where its words are folded."""


@dataclass(frozen=True, slots=True)
class Said:
    """The options as they were typed."""

    day_zero: str | None
    weight: str | None
    height: str | None
    weight_date: str | None
    subject: str | None
    bsa_formula: str
    sex: str | None
    birth_date: str | None
    centre: str | None
    draft: bool


@click.command()
@click.argument("name", metavar="NAME|FILE")
@click.option("--day-zero", metavar="DATE", help="Day zero: the graft, or what the protocol counts from.")
@click.option("--weight", metavar="KG", help="Actual body weight in kg.")
@click.option("--height", metavar="CM", help="Height in cm.")
@click.option("--weight-date", metavar="DATE", help="When the weight was taken.")
@click.option("--subject", metavar="REF", help="Patient/<id> of your server; else a marked placeholder.")
@click.option("--bsa-formula", type=click.Choice(["mosteller", "dubois"]), default="mosteller", show_default=True)
@click.option("--sex", type=click.Choice(["male", "female"]), help="Of the placeholder patient.")
@click.option("--birth-date", metavar="DATE", help="Of the placeholder patient.")
@click.option("--centre", metavar="CODE", help="The centre that asks.")
@click.option("--draft", is_flag=True, help="A marked draft without doses, for inputs that are not there yet.")
@click.option(
    "--format", "shape", type=click.Choice(["table", "csv", "fhir", "r5"]), default="table", show_default=True
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file, not to stdout.")
@json_option
def apply(name: str, shape: str, out: Path | None, as_json: bool, **options: Any) -> None:
    """Date and dose the protocol NAME, or one's own in a YAML FILE, for one patient. Nothing is stored.

    \b
    csv: one row per administration day and line.   fhir: a CarePlan with everything contained.
    r5: a transaction Bundle of stand-alone resources.   --json: fhir, and refusals as an OperationOutcome.

    \b
    Example: engraft apply set-haplo-pdli --day-zero 2026-03-02 --weight 70 --height 175 --format csv
    """
    if as_json and shape in ("csv", "table") and _shape_was_said():
        raise click.UsageError(f"--json is FHIR, and --format {shape} is not: leave one of them out")
    order = _order(name, Said(**options), load(environment()))
    applied = apply_protocol(order)
    write(_written(applied, order, "fhir" if as_json and shape == "table" else shape), out)


def _shape_was_said() -> bool:
    """Was the format chosen, and not just the default?"""
    source = click.get_current_context().get_parameter_source("shape")
    return source is not ParameterSource.DEFAULT


def _order(name: str, said: Said, settings: Settings) -> Order:
    canonicals = settings.canonicals
    faults: list[Fault] = []
    day_zero = _date("day-zero", said.day_zero, faults)
    body = Body(
        _number("weight", said.weight, "kg", faults),
        _number("height", said.height, "cm", faults),
        _date("weight-date", said.weight_date, faults),
    )
    if said.subject is not None and not _SUBJECT.fullmatch(said.subject):
        faults.append(Fault("subject", "write Patient/<id>", "value"))
    _check_birth_date(said.birth_date, faults)
    _check_centre(said.centre, settings, faults)
    protocol = definitions.named(name)
    if faults:
        named = {fault.path for fault in faults}
        others = [] if said.draft else check(protocol, day_zero, body, said.bsa_formula)
        raise FaultyInput([*faults, *(fault for fault in others if fault.path not in named)])
    course = (
        course_of_subject(protocol.key, said.subject, canonicals)
        if said.subject
        else course_of_inputs(protocol.key, day_zero, body, said.bsa_formula, canonicals)
    )
    patient = None if said.subject else _placeholder(course, said, canonicals)
    return Order(
        protocol=protocol,
        day_zero=day_zero,
        body=body,
        subject=said.subject or f"Patient/{patient['id'] if patient else ''}",
        course=course,
        bsa_formula=said.bsa_formula,
        centre=said.centre,
        draft=said.draft,
        canonicals=canonicals,
        subject_resource=patient,
        overlay=overlay_of(settings, said.centre, protocol.key),
        limits=settings.limits,
        patient=Patient(born=_born(said.birth_date)),
        made=now(),
        software=software(),
    )


def _placeholder(course: str, said: Said, canonicals: Canonicals) -> Resource:
    return placeholder(course, sex=said.sex, birth_date=said.birth_date, canonicals=canonicals)


def _date(name: str, text: str | None, faults: list[Fault]) -> date | None:
    if text is None:
        return None
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            return date.fromisoformat(text)
    except ValueError:
        faults.append(Fault(name, f"{text} is not a day of the calendar", "value"))
        return None
    faults.append(Fault(name, f"{text[:40]} is not a date: write YYYY-MM-DD", "value"))
    return None


def _number(name: str, text: str | None, unit: str, faults: list[Fault]) -> Decimal | None:
    if text is None:
        return None
    if re.fullmatch(r"[+-]?\d{1,9}(\.\d{1,9})?", text, re.ASCII):
        return Decimal(text)
    faults.append(Fault(name, f"{text[:40]} is not a number: write it in {unit} without the unit", "value"))
    return None


def _check_birth_date(text: str | None, faults: list[Fault]) -> None:
    try:
        _born(text)
    except ValueError as error:
        faults.append(Fault("birth-date", str(error), "value"))


def _check_centre(code: str | None, settings: Settings, faults: list[Fault]) -> None:
    """Once one centre is named in the settings, the others are refused; its overlay would be missed in silence."""
    known = settings.centres
    if code is not None and (not code.strip() or (known and code not in known)):
        words = f"; known: {', '.join(known)}" if known else ""
        faults.append(Fault("centre", f"no centre is called {code[:40]!r}{words}", "not-found"))


def _born(text: str | None) -> PartialDate | None:
    return None if text is None else PartialDate(text)


def _written(applied: Applied, order: Order, shape: str) -> str:
    if shape == "csv":
        return _csv(applied.rows)
    if shape == "table":
        return _table(applied, order)
    # here, because the validator is not needed for the other shapes
    from mappings.r4.validate import require_valid
    from mappings.r4.wire import pretty

    resource = applied.care_plan if shape == "fhir" else applied.bundle
    require_valid(resource)
    return pretty(resource)


def _csv(rows: Iterable[Row]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(astuple(row) for row in rows)
    return out.getvalue().rstrip("\n")


def _table(applied: Applied, order: Order) -> str:
    """The calendar of the pages in a terminal: days in a row on which the same is done are one line."""
    body = order.body
    facts = [
        f"day zero {order.day_zero}" if order.day_zero else "no day zero yet",
        f"{body.weight_kg} kg" if body.weight_kg else "no weight yet",
        f"{body.height_cm} cm" if body.height_cm else "no height yet",
        f"{order.bsa_formula} surface",
    ]
    mark = "DRAFT, NOT DOSED. " if order.draft else ""
    head = f"{order.protocol.title}\n{mark}{', '.join(facts)}; {order.subject}"
    status = {(row.action, row.day): row.status for row in applied.rows}
    found = spans(read(applied.resources))
    if order.day_zero is None:
        found = _by_rows(found, applied.rows)
    lines = [_line(span, status) for span in found]
    return f"{head}\n\n{columns(lines, _SHOWN, _WIDTHS)}"


def _by_rows(found: list[Span], rows: Iterable[Row]) -> list[Span]:
    """Without dates an order does not say how long it goes on; the rows count its days."""
    days: dict[str, list[str]] = {}
    for row in rows:
        days.setdefault(row.action, []).append(row.day)
    often = Counter(span.item.action for span in found)
    out = []
    for span in found:
        listed = days.get(span.item.action) if often[span.item.action] == 1 else None
        out.append(replace(span, first_day=listed[0], last_day=listed[-1]) if listed else span)
    return out


def _line(span: Span, status: Mapping[tuple[str, str], str]) -> tuple[str, ...]:
    item = span.item
    first, last = (day.isoformat() if day else "" for day in (span.first, span.last))
    said = status.get((item.action, item.day), "").removeprefix("dosed").removeprefix("; ")
    return (
        _span(span.first_day, span.last_day, is_open=item.gate != ""),
        _span(first, last),
        _weekdays(span),
        item.title,
        amount(item) or ("not dosed" if item.drug else ""),
        item.route,
        said if item.drug else item.text,
    )


def _weekdays(span: Span) -> str:
    first, last = (weekday(day) if day else "" for day in (span.first, span.last))
    return first if span.last in (None, span.first) else f"{first}..{last}"


def _span(first: str, last: str, *, is_open: bool = False) -> str:
    if last in ("", first):
        return f"from {first}" if is_open else first
    return f"{first}..{last}"
