"""The shape of a protocol's YAML: from plain values to the model. Unknown keys and wrong types are refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates

from mappings.protocol import model
from mappings.protocol.document import Document
from mappings.protocol.fields import (
    KEY,
    LONGEST_CYCLE,
    MOST_CYCLES,
    ROUTE,
    WORDS,
    Amount,
    ClauseSchema,
    Part,
    Text,
    count_field,
    day_field,
    list_of,
    minutes_field,
    months_field,
)
from mappings.r4.faults import Fault, FaultyInput
from mappings.terminology import systems


class _Cap(Part):
    into = model.Cap
    amount = Amount()
    unit = fields.String(required=True, validate=validate.OneOf(model.MILLIGRAMS))
    times_a_day = count_field(24)


class DoseSchema(Schema):
    """An amount per kg, per m2 or for everybody (`fixed`): each day, or each dose of so many a day."""

    amount = Amount()
    unit = fields.String(required=True, validate=validate.OneOf(["mg"]))
    per = fields.String(required=True, validate=validate.OneOf(["kg", "m2", model.FIXED]))
    each = fields.String(required=True, validate=validate.OneOf(["day", "dose"]))
    times_a_day = fields.Integer(strict=True, validate=validate.Range(min=1, max=24))
    at_most = fields.Nested(_Cap())

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> model.DoseBasis:
        times, cap = data.get("times_a_day"), data.get("at_most")
        if (times is None) is (data["each"] == "dose"):
            raise ValidationError("times_a_day says how many doses `each: dose` means, and stands with nothing else")
        if times and cap and times != cap.times_a_day:
            raise ValidationError(f"at_most is for {cap.times_a_day} doses a day, and the dose for {times}")
        return model.DoseBasis(data["amount"] * (times or 1), data["unit"], data["per"], cap, times)


class DaysSchema(Schema):
    """The days of a line, in one of three ways."""

    first = day_field(data_key="from")
    last = day_field(data_key="to")
    count = fields.Integer(strict=True, validate=validate.Range(min=1))
    each_of = fields.List(day_field(), validate=WORDS)
    until = fields.String(validate=KEY)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> model.Days:
        said = set(data)
        if said == {"each_of"}:
            return _each(tuple(data["each_of"]))
        if said == {"first", "until"}:
            return model.Days(data["first"], until=data["until"])
        if said == {"first", "last", "count"}:
            return _span(data["first"], data["last"], data["count"])
        raise ValidationError("days are {each_of: [..]}, {from, to, count} or {from, until}")


def _span(first: int, last: int, count: int) -> model.Days:
    listed = tuple(range(first, last + 1))
    if len(listed) != count:
        raise ValidationError(f"{first} to {last} are {len(listed)} days, but the protocol counts {count}")
    return model.Days(first, listed)


def _each(days: tuple[int, ...]) -> model.Days:
    if list(days) != sorted(set(days)):
        raise ValidationError("days stand in order, each once")
    return model.Days(days[0], days)


class _Total(Part):
    into = model.Total
    amount = Amount()
    unit = fields.String(required=True, validate=validate.OneOf(["mg/kg", "g/kg", "mg/m2", "g/m2", "mg", "g"]))


class _Totals(Part):
    into = model.Totals
    day = fields.Nested(_Total())
    cycle = fields.Nested(_Total())
    course = fields.Nested(_Total())


class _Line(ClauseSchema):
    into = model.Line
    drug = fields.String(required=True, validate=KEY)
    dose = fields.Nested(DoseSchema(), required=True)
    days = fields.Nested(DaysSchema(), required=True)
    route = fields.String(validate=ROUTE)
    over_minutes = minutes_field()
    total = fields.Nested(_Totals())

    @post_load
    def make(self, data: dict[str, Any], **options: Any) -> Any:
        line: model.Line = super().make(data, **options)
        if line.over_minutes and line.dose.doses_per_day > 1:
            raise ValidationError("is for one infusion a day, and the dose makes it several", "over_minutes")
        return line


class _OpenLine(ClauseSchema):
    into = model.OpenLine
    drug = fields.String(required=True, validate=KEY)
    dose = Text(required=True, validate=WORDS)
    days = fields.Nested(DaysSchema(), required=True)
    open = Text(required=True, validate=WORDS)
    route = fields.String(validate=ROUTE)
    over_minutes = minutes_field()


class _Rest(ClauseSchema):
    into = model.Rest
    procedure = fields.String(required=True, validate=KEY)
    days = fields.Nested(DaysSchema(), required=True)


class _Anchor(ClauseSchema):
    into = model.Anchor
    procedure = fields.String(validate=KEY)
    line = fields.String(validate=KEY)
    kind_of = fields.List(fields.String(validate=KEY), load_default=())

    @post_load
    def make(self, data: dict[str, Any], **options: Any) -> Any:
        if ("procedure" in data) == ("line" in data):
            raise ValidationError("day zero is a procedure, or the first day of a line: say one of the two")
        if "line" in data and data["kind_of"]:
            raise ValidationError("goes with a procedure", "kind_of")
        return super().make(data, **options)


class _Window(Schema):
    first = day_field(data_key="from", required=True)
    last = day_field(data_key="to", required=True)


class _Taper(ClauseSchema):
    into = model.Taper
    of = fields.String(required=True, validate=KEY)
    procedure = fields.String(required=True, validate=KEY)
    window = fields.Nested(_Window(), required=True)
    gate = fields.String(required=True, validate=KEY)
    open = Text(required=True)
    after = fields.String(validate=KEY)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Any:
        window = data.pop("window")
        return model.Taper(**data, **window)


class _Infusions(ClauseSchema):
    into = model.Infusions
    procedure = fields.String(required=True, validate=KEY)
    count = count_field(100)
    first = day_field(data_key="from", required=True)
    gate = fields.String(required=True, validate=KEY)
    open = Text(required=True)


class _Cycles(Part):
    into = model.Cycles
    count = count_field(MOST_CYCLES)
    days = count_field(LONGEST_CYCLE)


class _Phase(ClauseSchema):
    into = model.Phase
    cycles = fields.Nested(_Cycles())
    lines = list_of(_Line)
    open_lines = list_of(_OpenLine)
    rests = list_of(_Rest)
    anchor = fields.Nested(_Anchor())
    tapers = list_of(_Taper)
    infusions = list_of(_Infusions)
    centre_decides = Text()

    @post_load
    def make(self, data: dict[str, Any], **options: Any) -> Any:
        phase: model.Phase = super().make(data, **options)
        _listed_only("rests", [rest.days for rest in phase.rests])
        _listed_only("open_lines", [line.days for line in phase.open_lines])
        return _unfolded(phase, phase.cycles) if phase.cycles else phase


def _listed_only(where: str, days: list[model.Days]) -> None:
    """Only a line of milligrams a day can go on until its taper."""
    wrong: dict[Any, Any] = {
        place: {"days": ["days that have no end"]} for place, one in enumerate(days) if one.until is not None
    }
    if wrong:
        raise ValidationError({where: wrong})


def _unfolded(phase: model.Phase, cycles: model.Cycles) -> model.Phase:
    """The phase with the days of all its cycles, counted from day zero."""
    if phase.rests or phase.tapers or phase.infusions:
        raise ValidationError("a phase with cycles has lines only", "cycles")
    lines = tuple(replace(one, days=_in_cycles(one.days, cycles, "lines", i)) for i, one in enumerate(phase.lines))
    return replace(
        phase,
        lines=lines,
        open_lines=tuple(
            replace(one, days=_in_cycles(one.days, cycles, "open_lines", i)) for i, one in enumerate(phase.open_lines)
        ),
    )


def _in_cycles(days: model.Days, cycles: model.Cycles, where: str, place: int) -> model.Days:
    if not days.listed or days.first < 1 or days.listed[-1] > cycles.days:
        message = f"days of a cycle are listed and lie between 1 and {cycles.days}"
        raise ValidationError({where: {place: {"days": [message]}}})
    listed = cycles.unfold(days.listed)
    return model.Days(listed[0], listed)


class _Criterion(Schema):
    fact = fields.String(required=True, validate=KEY)
    at_least = fields.Integer(strict=True)
    at_most = fields.Integer(strict=True)
    is_ = fields.String(data_key="is", validate=validate.OneOf(["absent"]))

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> model.Criterion:
        if len(data) != 2:
            raise ValidationError("a criterion is a fact and one of at_least, at_most, is")
        return model.Criterion(data["fact"], data.get("at_least"), data.get("at_most"), "is_" in data)


class _Gate(ClauseSchema):
    into = model.Gate
    criteria = fields.List(fields.Nested(_Criterion()), data_key="all", required=True, validate=WORDS)


class _Horizon(Part):
    into = model.Horizon
    days = day_field()
    months = months_field()


class _Due(Schema):
    months = months_field(required=True)


class _Objective(ClauseSchema):
    into = model.Objective
    primary = fields.Boolean()
    goal = Text()
    due = fields.Nested(_Due())

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Any:
        due = data.pop("due", {})
        return model.Objective(**data, due_months=due.get("months"))


class _Visit(ClauseSchema):
    into = model.Visit
    months = months_field()


class _Assay(ClauseSchema):
    into = model.Assay
    day = day_field(required=True)


class _Panel(Part):
    into = model.Panel
    subsets = fields.List(fields.String(validate=KEY), required=True)
    source = Text(required=True)


class _FollowUp(ClauseSchema):
    into = model.FollowUpPlan
    items = list_of(ClauseSchema)
    visits = list_of(_Visit)
    assays = list_of(_Assay)
    panel = fields.Nested(_Panel())


class _Endpoint(ClauseSchema):
    into = model.Endpoint
    measures = fields.List(fields.String(validate=KEY), required=True)
    at = fields.List(fields.Nested(_Horizon()), required=True)


class _Purpose(Schema):
    source = Text(required=True, validate=WORDS)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> str:
        return str(data["source"])


class _Term(Part):
    into = model.Term
    key = fields.String(required=True, validate=KEY)
    text = Text(required=True, validate=WORDS)
    codes = fields.List(fields.String(), load_default=())
    found_in = Text(required=True, validate=WORDS)

    @validates("codes")
    def resolve(self, value: list[str], **_: Any) -> None:
        for code in value:
            try:
                parsed = systems.parse(code)
            except ValueError as error:
                raise ValidationError(str(error)) from None
            if isinstance(parsed, systems.LocalCode | systems.UcumCode):
                raise ValidationError(f"{code} is no code of a drug or procedure that others know")


class _Terms(Part):
    into = model.Terms
    drugs = list_of(_Term)
    procedures = list_of(_Term)


class _Protocol(Part):
    into = model.Protocol
    key = fields.String(required=True, validate=KEY)
    name = fields.String(required=True, validate=validate.Regexp(r"^[A-Z][A-Za-z0-9_]{0,254}$"))
    title = Text(required=True)
    purpose = fields.Nested(_Purpose(), required=True)
    setting = list_of(ClauseSchema)
    objectives = list_of(_Objective)
    phases = fields.List(fields.Nested(_Phase()), required=True, validate=WORDS)
    gates = list_of(_Gate)
    follow_up = fields.Nested(_FollowUp())
    endpoints = list_of(_Endpoint)
    codes = fields.Nested(_Terms())
    headings = fields.List(Text(), load_default=())


_SCHEMA: list[_Protocol] = []


def shape(document: Document) -> model.Protocol:
    """The protocol that a document's values make. Raises FaultyInput with the path and line of every fault."""
    if not isinstance(document.value, dict):
        raise FaultyInput([document.fault("", "a protocol is a mapping of keys")])
    if not _SCHEMA:
        _SCHEMA.append(_Protocol())
    try:
        protocol: model.Protocol = _SCHEMA[0].load(document.value)
    except ValidationError as error:
        raise FaultyInput(list(_faults(document, error.messages))) from None
    return protocol


def _faults(document: Document, messages: Any, path: str = "") -> Iterator[Fault]:
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            yield from _faults(document, inner, path if key == "_schema" else f"{path}.{key}".lstrip("."))
    else:
        for message in messages:
            yield document.fault(path, str(message))
