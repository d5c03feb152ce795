"""From the protocol's YAML to the model. Unknown keys, wrong types and dangling names are refused with their path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from marshmallow import Schema, ValidationError, fields, post_load, validate

from mappings.protocol import model
from mappings.r4.faults import Fault, FaultyInput

_KEY = validate.Regexp(r"^[a-z0-9]+(-[a-z0-9]+)*$", error="keys are words in lower case joined by '-'")
_WORDS = validate.Length(min=1)


class _Text(fields.String):
    """Prose of one clause, folded to one line."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return " ".join(super()._deserialize(value, attr, data, **kwargs).split())


def _amount() -> fields.Decimal:
    return fields.Decimal(required=True, validate=validate.Range(min=0, min_inclusive=False))


def _listed(schema: type[Schema]) -> fields.List[Any]:
    return fields.List(fields.Nested(schema()), load_default=())


class _Part(Schema):
    """Loads into a model class, lists as tuples."""

    into: type[Any]

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Any:
        return self.into(**{key: tuple(value) if isinstance(value, list) else value for key, value in data.items()})


class _Clause(_Part):
    into = model.Clause
    key = fields.String(required=True, validate=_KEY)
    source = _Text(required=True, validate=_WORDS)
    title = _Text(load_default="")
    interpretation = _Text()


class _Cap(_Part):
    into = model.Cap
    amount = _amount()
    unit = fields.String(required=True, validate=validate.OneOf(model.MILLIGRAMS))
    times_a_day = fields.Integer(required=True, strict=True, validate=validate.Range(min=1))


class _Dose(Schema):
    amount = _amount()
    unit = fields.String(required=True, validate=validate.OneOf(["mg"]))
    per = fields.String(required=True, validate=validate.OneOf(["kg", "m2"]))
    each = fields.String(required=True, validate=validate.OneOf(["day"]))
    at_most = fields.Nested(_Cap())

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> model.DoseBasis:
        return model.DoseBasis(data["amount"], data["unit"], data["per"], data.get("at_most"))


class _Days(Schema):
    first = fields.Integer(data_key="from", strict=True)
    last = fields.Integer(data_key="to", strict=True)
    count = fields.Integer(strict=True)
    each_of = fields.List(fields.Integer(strict=True), validate=_WORDS)
    until = fields.String(validate=_KEY)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> model.Days:
        said = set(data)
        if said == {"each_of"}:
            return model.Days(data["each_of"][0], tuple(data["each_of"]))
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


class _Line(_Clause):
    into = model.Line
    drug = fields.String(required=True, validate=_KEY)
    dose = fields.Nested(_Dose(), required=True)
    days = fields.Nested(_Days(), required=True)
    route = fields.String(validate=validate.OneOf(["intravenous", "oral"]))


class _Rest(_Clause):
    into = model.Rest
    procedure = fields.String(required=True, validate=_KEY)
    days = fields.Nested(_Days(), required=True)


class _Anchor(_Clause):
    into = model.Anchor
    procedure = fields.String(required=True, validate=_KEY)
    kind_of = fields.List(fields.String(validate=_KEY), load_default=())


class _Window(Schema):
    first = fields.Integer(data_key="from", required=True, strict=True)
    last = fields.Integer(data_key="to", required=True, strict=True)


class _Taper(_Clause):
    into = model.Taper
    of = fields.String(required=True, validate=_KEY)
    procedure = fields.String(required=True, validate=_KEY)
    window = fields.Nested(_Window(), required=True)
    gate = fields.String(required=True, validate=_KEY)
    open = _Text(required=True)
    after = fields.String(validate=_KEY)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Any:
        window = data.pop("window")
        return model.Taper(**data, **window)


class _Infusions(_Clause):
    into = model.Infusions
    procedure = fields.String(required=True, validate=_KEY)
    count = fields.Integer(required=True, strict=True, validate=validate.Range(min=1))
    first = fields.Integer(data_key="from", required=True, strict=True)
    gate = fields.String(required=True, validate=_KEY)
    open = _Text(required=True)


class _Phase(_Clause):
    into = model.Phase
    lines = _listed(_Line)
    rests = _listed(_Rest)
    anchor = fields.Nested(_Anchor())
    tapers = _listed(_Taper)
    infusions = _listed(_Infusions)
    centre_decides = _Text()


class _Criterion(Schema):
    fact = fields.String(required=True, validate=_KEY)
    at_least = fields.Integer(strict=True)
    at_most = fields.Integer(strict=True)
    is_ = fields.String(data_key="is", validate=validate.OneOf(["absent"]))

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> model.Criterion:
        if len(data) != 2:
            raise ValidationError("a criterion is a fact and one of at_least, at_most, is")
        return model.Criterion(data["fact"], data.get("at_least"), data.get("at_most"), "is_" in data)


class _Gate(_Clause):
    into = model.Gate
    criteria = fields.List(fields.Nested(_Criterion()), data_key="all", required=True, validate=_WORDS)


class _Horizon(_Part):
    into = model.Horizon
    days = fields.Integer(strict=True)
    months = fields.Integer(strict=True)


class _Objective(_Clause):
    into = model.Objective
    primary = fields.Boolean()
    goal = _Text()
    due = fields.Nested(_Horizon())

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Any:
        due = data.pop("due", None)
        return model.Objective(**data, due_months=due.months if due else None)


class _Visit(_Clause):
    into = model.Visit
    months = fields.Integer(strict=True)


class _Assay(_Clause):
    into = model.Assay
    day = fields.Integer(required=True, strict=True)


class _Panel(_Part):
    into = model.Panel
    subsets = fields.List(fields.String(validate=_KEY), required=True)
    source = _Text(required=True)


class _FollowUp(_Clause):
    into = model.FollowUpPlan
    items = _listed(_Clause)
    visits = _listed(_Visit)
    assays = _listed(_Assay)
    panel = fields.Nested(_Panel())


class _Endpoint(_Clause):
    into = model.Endpoint
    measures = fields.List(fields.String(validate=_KEY), required=True)
    at = fields.List(fields.Nested(_Horizon()), required=True)


class _Purpose(Schema):
    source = _Text(required=True, validate=_WORDS)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> str:
        return str(data["source"])


class _Protocol(_Part):
    into = model.Protocol
    key = fields.String(required=True, validate=_KEY)
    name = fields.String(required=True, validate=validate.Regexp(r"^[A-Z][A-Za-z0-9_]{0,254}$"))
    title = _Text(required=True)
    purpose = fields.Nested(_Purpose(), required=True)
    setting = _listed(_Clause)
    objectives = _listed(_Objective)
    phases = fields.List(fields.Nested(_Phase()), required=True, validate=_WORDS)
    gates = _listed(_Gate)
    follow_up = fields.Nested(_FollowUp(), required=True)
    endpoints = _listed(_Endpoint)


_SCHEMA: list[_Protocol] = []


def parse(text: str) -> model.Protocol:
    """The protocol that a YAML text defines.

    Raises FaultyInput with the path of every fault: not YAML, unknown key, wrong type, or a name that nothing bears.
    """
    try:
        document = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise FaultyInput([Fault("", f"not YAML: {error}", "structure")]) from None
    if not isinstance(document, dict):
        raise FaultyInput([Fault("", "a protocol is a mapping of keys", "structure")])
    try:
        protocol: model.Protocol = _schema().load(document)
    except ValidationError as error:
        raise FaultyInput(list(_faults(error.messages))) from None
    dangling = list(_dangling(protocol))
    if dangling:
        raise FaultyInput(dangling)
    return protocol


def _schema() -> _Protocol:
    if not _SCHEMA:
        _SCHEMA.append(_Protocol())
    return _SCHEMA[0]


def _faults(messages: Any, path: str = "") -> Iterator[Fault]:
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            yield from _faults(inner, path if key == "_schema" else f"{path}.{key}".lstrip("."))
    else:
        for message in messages:
            yield Fault(path, str(message), "structure")


def _dangling(protocol: model.Protocol) -> Iterator[Fault]:
    lines = {line.key for line in protocol.lines}
    tapers = {taper.key for taper in protocol.tapers}
    gates = {gate.key for gate in protocol.gates}
    if sum(1 for phase in protocol.phases if phase.anchor) != 1:
        yield Fault("phases", "one phase, and only one, carries the anchor (day zero)", "structure")
    for line in protocol.lines:
        if line.days.until is not None and line.days.until not in tapers:
            yield Fault(f"{line.key}.days.until", f"no taper is called {line.days.until}", "not-found")
    for taper in protocol.tapers:
        if taper.of not in lines:
            yield Fault(f"{taper.key}.of", f"no line is called {taper.of}", "not-found")
        if taper.after is not None and taper.after not in tapers:
            yield Fault(f"{taper.key}.after", f"no taper is called {taper.after}", "not-found")
    infusions = [infusion for phase in protocol.phases for infusion in phase.infusions]
    for key, gate in [(gated.key, gated.gate) for gated in protocol.tapers] + [(i.key, i.gate) for i in infusions]:
        if gate not in gates:
            yield Fault(f"{key}.gate", f"no gate is called {gate}", "not-found")
