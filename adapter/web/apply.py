"""`PlanDefinition/$apply` and `$r5.apply`: the plan for a patient, answered and forgotten. Nothing is stored here."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Any

from flask import Response, request

from adapter.errors import Invalid, NotAllowed, NotFound
from adapter.store import Tx
from adapter.web import apply_operation, auth, enrolled, served
from adapter.web.apply_operation import Asked, Known
from adapter.web.content import FHIR, JSON, fhir, json_body, lenient, unknown_parameters
from adapter.web.refusal import UnsoundAnswer
from adapter.web.routing import CARE, Route
from adapter.web.site import Site
from mappings.canonicals import Canonicals
from mappings.facts.values import PartialDate
from mappings.plan import Applied, Body, Order, apply
from mappings.plan.subject import course_of_subject
from mappings.protocol import Protocol, load, names
from mappings.r4.build import Resource
from mappings.r4.faults import Fault
from mappings.r4.validate import validate

QUERY = {"subject", "_format", "_pretty"}


def routes(site: Site) -> list[Route]:
    out = []
    for operation in served.OPERATIONS:
        name = operation.name
        instance, kind = f"/fhir/{operation.kind}/<id_>/${name}", f"/fhir/{operation.kind}/${name}"
        out += [
            Route(f"{name}-get", instance, partial(by_query, site, name), CARE),
            Route(f"{name}-instance", instance, partial(by_parameters, site, name), CARE, ("POST",)),
            Route(f"{name}-type", kind, partial(by_parameters, site, name, None), CARE, ("POST",)),
        ]
    return out


def by_query(site: Site, operation: str, id_: str) -> Response:
    """For an enrolled subject, whose facts are known."""
    if faults := unknown_parameters(QUERY):
        raise Invalid(faults, status=400)
    subjects = [{"name": "subject", "valueString": said} for said in request.args.getlist("subject")]
    asked = apply_operation.read({"resourceType": "Parameters", "parameter": subjects}, type_level=False)
    return _answer(site, operation, _protocol(site, id_), asked)


def by_parameters(site: Site, operation: str, id_: str | None) -> Response:
    asked = apply_operation.read(json_body(FHIR, JSON), type_level=id_ is None, lenient=lenient())
    protocol = _protocol(site, id_) if id_ is not None else _named(site, asked)
    return _answer(site, operation, protocol, asked)


def _protocol(site: Site, id_: str) -> Protocol:
    if id_ not in names() or site.definitions.get("PlanDefinition", id_) is None:
        raise NotFound("no PlanDefinition with this id")
    return load(id_)


def _named(site: Site, asked: Asked) -> Protocol:
    """The protocol named by id or canonical URL at type level."""
    canonicals = site.settings.canonicals
    for name in names():
        if asked.plan in (name, canonicals.url("PlanDefinition", name)):
            if asked.version not in (None, canonicals.version):
                raise Invalid([Fault("version", f"version {canonicals.version} is served here", "not-found")])
            return load(name)
    raise Invalid([Fault("planDefinition", "only the protocols that are served here can be applied", "not-found")])


def _answer(site: Site, operation: str, protocol: Protocol, asked: Asked) -> Response:
    if operation == "apply" and len(asked.subjects) > 1:
        text = "one subject a call: $r5.apply takes several"
        raise Invalid([Fault("subject", text, "not-supported")])
    with site.store.reading() as tx:
        plans = [apply(_order(site, tx, protocol, asked, subject)) for subject in asked.subjects]
    return fhir(_checked(_shaped(operation, plans)))


def _shaped(operation: str, plans: list[Applied]) -> Resource:
    if operation == "apply":
        return plans[0].care_plan
    if len(plans) == 1:
        return plans[0].bundle
    return {
        "resourceType": "Parameters",
        "parameter": [{"name": "return", "resource": plan.bundle} for plan in plans],
    }


def _checked(resource: Resource) -> Resource:
    if any(fault.severity == "error" for fault in validate(resource)):
        raise UnsoundAnswer("the plan is not valid R4")
    return resource


def _order(site: Site, tx: Tx, protocol: Protocol, asked: Asked, subject: str) -> Order:
    known = enrolled.facts_of(tx, subject, auth.centre(), site.clock()) if asked.server_data else None
    if known is None and subject not in asked.patients:
        raise NotFound("no Patient with this id is known here or stands in data", "subject")
    if asked.facts.get("centre", auth.centre()) != auth.centre():
        raise NotAllowed("centre: this token belongs to another centre")
    same = known is not None and known.protocol == protocol.key
    day_zero = asked.facts.get("day-zero") or (known.day_zero if known and same else None)
    _require_born(day_zero, asked.patients.get(subject) or (known.born if known else None))
    measured = {**(known.measured if known else {}), **asked.measured.get(subject, {}), **_told(asked.facts)}
    weight, height = measured.get("weight"), measured.get("height")
    reference = f"Patient/{subject}"
    return Order(
        protocol=protocol,
        day_zero=day_zero,
        body=Body(
            weight.value if weight else None,
            height.value if height else None,
            weight.taken if weight else None,
            height.taken if height else None,
        ),
        subject=reference,
        course=known.course if known and same else course_of_subject(protocol.key, reference, _canonicals(site)),
        bsa_formula=asked.facts.get("bsa-formula", "mosteller"),
        centre=auth.centre(),
        draft=asked.facts.get("draft", False),
        canonicals=_canonicals(site),
    )


def _require_born(day_zero: date | None, born: PartialDate | None) -> None:
    if day_zero and born and born.earliest > day_zero:
        raise Invalid([Fault("day-zero", "is before the birth of the subject", "business-rule")])


def _told(facts: dict[str, Any]) -> dict[str, Known]:
    """Measures given as parameters; they go before those in `data`, and both before the enrolment's."""
    return {name: Known(facts[name], facts.get(f"{name}-date")) for name in ("weight", "height") if name in facts}


def _canonicals(site: Site) -> Canonicals:
    return site.settings.canonicals
