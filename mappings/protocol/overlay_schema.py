"""From a centre's overlay, as YAML or TOML, to the model; what it may not say is refused with its path.

An example stands in docs/overlays.md. A dose or a day of the protocol has no place here but under `deviations`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate

from mappings.protocol import overlay as model
from mappings.protocol.check import look_over
from mappings.protocol.document import Document, read
from mappings.protocol.fields import ROUTE, WORDS, Part, Text, day_field
from mappings.protocol.model import Protocol, Taper, Visit
from mappings.protocol.schema import DaysSchema, DoseSchema
from mappings.r4.faults import Fault, FaultyInput


class _Code(Schema):
    system = fields.Url(required=True, schemes={"http", "https", "urn"}, require_tld=False)
    code = fields.String(required=True, validate=WORDS)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> tuple[str, str]:
        return data["system"], data["code"]


class _Product(Part):
    into = model.Product
    text = Text(required=True, validate=WORDS)
    codes = fields.List(fields.Nested(_Code()))


class _LineDetail(Part):
    into = model.LineDetail
    step_mg = fields.Decimal(validate=validate.Range(min=0, min_inclusive=False))
    doses_per_day = fields.Integer(strict=True, validate=validate.Range(min=1, max=24))
    infusion = Text(validate=WORDS)
    route = fields.String(validate=ROUTE)
    product = fields.Nested(_Product())


class _TaperStep(Schema):
    first = day_field(data_key="from", required=True)
    last = day_field(data_key="to", required=True)
    percent = fields.Decimal(validate=validate.Range(min=0, max=100))
    text = Text(validate=WORDS)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> model.TaperStep:
        if "percent" not in data and "text" not in data:
            raise ValidationError("a step says a percent of the full dose, or in a text what is done")
        return model.TaperStep(data["first"], data["last"], data.get("percent"), data.get("text"))


class _CellDose(Part):
    into = model.CellDose
    amount = fields.Decimal(required=True, validate=validate.Range(min=0, min_inclusive=False))
    unit = fields.String(required=True, validate=validate.OneOf(["10*6/kg"]))


class _VisitPlace(Part):
    into = model.VisitPlace
    day = day_field()
    first = day_field(data_key="from")
    last = day_field(data_key="to")


class _Deviation(Part):
    into = model.Deviation
    line = fields.String(required=True)
    reason = Text(required=True, validate=WORDS)
    dose = fields.Nested(DoseSchema())
    days = fields.Nested(DaysSchema())


_NAMED = ("lines", "tapers", "infusions", "visits")
"""Sections whose parts have names of the protocol."""


def _named(schema: Schema) -> fields.Dict:
    return fields.Dict(keys=fields.String(), values=fields.Nested(schema))


class _Overlay(Part):
    into = model.Overlay
    centre = fields.String(required=True, validate=WORDS)
    protocol = fields.String(required=True, validate=WORDS)
    supportive_care = fields.List(Text(validate=WORDS))
    lines = _named(_LineDetail())
    tapers = fields.Dict(keys=fields.String(), values=fields.List(fields.Nested(_TaperStep()), validate=WORDS))
    infusions = _named(_CellDose())
    visits = _named(_VisitPlace())
    deviations = fields.List(fields.Nested(_Deviation()))


def parse(text: str, protocol: Protocol, *, toml: bool = False) -> model.Overlay:
    """The overlay that a text defines for `protocol`. Items of lists count from one in paths.

    Raises FaultyInput with the path of every fault, and its line where the text is YAML.
    """
    document = _document(text, toml=toml)
    try:
        made: model.Overlay = _Overlay().load(document.value)
    except ValidationError as error:
        raise FaultyInput([_placed(fault, document) for fault in _faults(error.messages)]) from None
    wrong = [*_unknown(made, protocol), *_misplaced(made, protocol)] or list(_deviating(made, protocol))
    if wrong:
        raise FaultyInput([_placed(fault, document) for fault in wrong])
    return made


def named_protocol(text: str, *, toml: bool = False) -> str:
    """The protocol that an overlay says it is for. Raises FaultyInput where it names none."""
    named = _document(text, toml=toml).value.get("protocol")
    if not isinstance(named, str):
        raise FaultyInput([Fault("protocol", "is needed: the protocol that this adds to", "required")])
    return named


def _document(text: str, *, toml: bool) -> Document:
    """YAML is read as narrowly as that of a protocol: a key stands once, and `010` is no eight."""
    document = Document(_toml(text), {}) if toml else read(text)
    if not isinstance(document.value, dict):
        raise FaultyInput([Fault("", "an overlay is a mapping of keys", "structure")])
    return document


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text, parse_float=str)
    except tomllib.TOMLDecodeError as error:
        raise FaultyInput([Fault("", f"not TOML: {error}", "structure")]) from None


def _placed(fault: Fault, document: Document) -> Fault:
    """The fault with its line. A document counts the items of lists from zero."""
    steps = (str(int(step) - 1) if step.isdigit() else step for step in fault.path.split("."))
    return replace(fault, line=document.line(".".join(steps)) if document.lines else None)


def _unknown(made: model.Overlay, protocol: Protocol) -> Iterator[Fault]:
    if made.protocol != protocol.key:
        yield Fault("protocol", f"is of {made.protocol}, not of {protocol.key}", "not-found")
    infusions = [key for phase in protocol.phases for one in phase.infusions for key in one.numbered()]
    lines = [line.key for line in protocol.lines]
    named = (
        ("lines", made.lines, lines),
        ("tapers", made.tapers, [taper.key for taper in protocol.tapers]),
        ("infusions", made.infusions, infusions),
        ("visits", made.visits, [*_visits(protocol), *(assay.key for assay in protocol.follow_up.assays)]),
    )
    for section, said, known in named:
        for key in said:
            if key not in known:
                yield Fault(f"{section}.{key}", f"the protocol has no such; known: {', '.join(known)}", "not-found")
    for number, deviation in enumerate(made.deviations, 1):
        if deviation.line not in lines:
            told = f"no line is called {deviation.line}; known: {', '.join(lines)}"
            yield Fault(f"deviations.{number}.line", told, "not-found")
        if deviation.line in [one.line for one in made.deviations[: number - 1]]:
            yield Fault(f"deviations.{number}.line", "has a deviation already: say both in one", "duplicate")


def _visits(protocol: Protocol) -> dict[str, Visit]:
    return {visit.key: visit for visit in protocol.follow_up.visits}


def _misplaced(made: model.Overlay, protocol: Protocol) -> Iterator[Fault]:
    tapers = {taper.key: taper for taper in protocol.tapers}
    for key, steps in made.tapers.items():
        if key in tapers:
            yield from _steps(f"tapers.{key}", steps, tapers[key])
    for key, place in made.visits.items():
        yield from _place(f"visits.{key}", place, _visits(protocol).get(key))
    for key, detail in made.lines.items():
        line = next((one for one in protocol.lines if one.key == key), None)
        if line and not line.dose.open and detail.doses_per_day:
            yield Fault(f"lines.{key}.doses_per_day", "the protocol gives it: it is no centre's to choose")
        if line and line.route and detail.route and detail.route != line.route:
            yield Fault(f"lines.{key}.route", f"the protocol says {line.route}")


def _steps(path: str, steps: tuple[model.TaperStep, ...], taper: Taper) -> Iterator[Fault]:
    before = taper.first - 1
    for number, step in enumerate(steps, 1):
        if step.last < step.first or step.first <= before or step.last > taper.last:
            told = f"steps follow each other from day {taper.first} to day {taper.last}, the window of the protocol"
            yield Fault(f"{path}.{number}", told)
        before = step.last


def _place(path: str, place: model.VisitPlace, visit: Visit | None) -> Iterator[Fault]:
    if (place.first is None) != (place.last is None):
        yield Fault(path, "a window has from and to")
    elif place.first is not None and place.last is not None and place.last < place.first:
        yield Fault(path, "the window ends before it begins")
    if place.day is not None and (visit is None or visit.months is not None):
        yield Fault(f"{path}.day", "the protocol gives the day: it is no centre's to choose")


def _deviating(made: model.Overlay, protocol: Protocol) -> Iterator[Fault]:
    """A deviation changes something, and what comes of it is as sound as the protocol was."""
    lines = {line.key: line for line in protocol.lines}
    places = {one.line: f"deviations.{number}" for number, one in enumerate(made.deviations, 1)}
    for number, one in enumerate(made.deviations, 1):
        line = lines[one.line]
        if one.dose in (None, line.dose) and one.days in (None, line.days):
            yield Fault(f"deviations.{number}", "says what the protocol says: it deviates in nothing")
    before = {(found.path, found.message) for found in look_over(protocol)}
    for found in look_over(made.laid_over(protocol)):
        if found.severity == "error" and (found.path, found.message) not in before:
            yield Fault(places.get(found.key, "deviations"), f"{found.key}: {found.message}", found.code)


def _faults(messages: Any, path: tuple[str, ...] = ()) -> Iterator[Fault]:
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            # of what is named (`lines.busulfan`) marshmallow tells the value apart from its name, and nobody else does
            unsaid = key == "_schema" or (key == "value" and len(path) == 2 and path[0] in _NAMED)
            step = str(key + 1) if isinstance(key, int) else key
            yield from _faults(inner, path if unsaid else (*path, step))
    else:
        for message in messages:
            yield Fault(".".join(path), str(message), "structure")
