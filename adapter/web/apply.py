"""`PlanDefinition/$apply` and `$r5.apply`: the plan for a patient, answered and forgotten. Nothing is stored here."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from flask import Response, request

from adapter.errors import Invalid, NotAllowed, NotFound
from adapter.overlays import overlay_of
from adapter.store import Tx
from adapter.version import software
from adapter.web import access_log, apply_operation, auth, enrolled, served
from adapter.web.apply_operation import Asked
from adapter.web.content import FHIR, JSON, fhir, json_body, lenient, unknown_parameters
from adapter.web.enrolled import Facts
from adapter.web.routing import CARE, Route
from adapter.web.site import Site
from mappings.canonicals import Canonicals
from mappings.plan import Applied, Body, Order, apply
from mappings.plan.inputs import NOTHING_KNOWN, Measurement, latest
from mappings.plan.subject import course_of_subject
from mappings.protocol import Protocol, load, names
from mappings.r4.build import Resource
from mappings.r4.faults import Fault, FaultyInput, Unsound
from mappings.r4.validate import validate

QUERY = {"subject", "_format", "_pretty"}


def routes(site: Site) -> list[Route]:
    out = []
    for operation in served.OPERATIONS:
        name = operation.name
        instance, kind = f"/fhir/{operation.kind}/<id_>/${name}", f"/fhir/{operation.kind}/${name}"
        out += [
            Route(f"{name}-get", instance, partial(by_query, site, name), CARE),
            Route(f"{name}-instance", instance, partial(by_parameters, site, name), CARE, ("POST",), reads=True),
            Route(f"{name}-type", kind, partial(by_parameters, site, name, None), CARE, ("POST",), reads=True),
        ]
    return out


def by_query(site: Site, operation: str, id_: str) -> Response:
    """For an enrolled subject, whose facts are known."""
    if faults := unknown_parameters(QUERY):
        raise Invalid(faults, status=400)
    subjects = [{"name": "subject", "valueString": said} for said in request.args.getlist("subject")]
    asked = _read(site, {"resourceType": "Parameters", "parameter": subjects}, type_level=False)
    return _answer(site, operation, _protocol(site, id_), asked)


def by_parameters(site: Site, operation: str, id_: str | None) -> Response:
    asked = _read(site, json_body(FHIR, JSON), type_level=id_ is None)
    protocol = _protocol(site, id_) if id_ is not None else _named(site, asked)
    return _answer(site, operation, protocol, asked)


def _read(site: Site, document: Any, *, type_level: bool) -> Asked:
    """What was asked. A call without a subject is no call at all (400); one with a wrong input cannot be met (422)."""
    try:
        return apply_operation.read(
            document, type_level=type_level, lenient=lenient(), base=f"{site.settings.public_url}/fhir/"
        )
    except FaultyInput as error:
        absent = any(fault.path == "subject" and fault.code == "required" for fault in error.faults)
        raise Invalid(error.faults, status=400 if absent else 422) from error


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
            _require_ours(site, name, asked.inline or {})
            return load(name)
    raise Invalid([Fault("planDefinition", "only the protocols that are served here can be applied", "not-found")])


def _require_ours(site: Site, name: str, inline: Resource) -> None:
    """A plan that was sent whole says what ours says: nobody is answered with other doses than those that they sent."""
    ours = site.definitions.get("PlanDefinition", name) or {}
    for element, said in inline.items():
        if element not in ("id", "meta", "text") and ours.get(element) != said:
            told = f"its {element} is not that of the plan served under this url: send the url alone"
            raise Invalid([Fault("planDefinition", told, "conflict")])


def _answer(site: Site, operation: str, protocol: Protocol, asked: Asked) -> Response:
    if operation == "apply" and len(asked.subjects) > 1:
        text = "one subject a call: $r5.apply takes several"
        raise Invalid([Fault("subject", text, "not-supported")])
    read: list[str] = []
    try:
        with auth.reading(site) as tx:
            plans = [_planned(site, tx, protocol, asked, subject, read) for subject in asked.subjects]
    finally:
        access_log.also(read)  # where it was refused too: the refusal may say what is known of them
    return fhir(_checked(_shaped(operation, plans)))


def _planned(site: Site, tx: Tx, protocol: Protocol, asked: Asked, subject: str, read: list[str]) -> Applied:
    """`read` gets the address of the Patient whose record it needed."""
    try:
        return apply(_order(site, tx, protocol, asked, subject, read))
    except FaultyInput as error:
        if len(asked.subjects) == 1:
            raise
        raise FaultyInput(
            [replace(one, message=f"of Patient/{subject}: {one.message}") for one in error.faults]
        ) from error


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
        raise Unsound([Fault("", "the plan that was made is not valid R4", "exception")])
    return resource


def _order(site: Site, tx: Tx, protocol: Protocol, asked: Asked, subject: str, read: list[str]) -> Order:
    now, canonicals = site.clock(), _canonicals(site)
    known = enrolled.facts_of(tx, subject, auth.centre(), now, canonicals) if asked.server_data else None
    if known is None and subject not in asked.patients:
        raise NotFound("no Patient with this id is known here or stands in data", "subject")
    if asked.facts.get("centre", auth.centre()) != auth.centre():
        raise NotAllowed("centre: this token belongs to another centre")
    same = known is not None and known.protocol == protocol.key
    reference = f"Patient/{subject}"
    if known is not None:
        read.append(f"/fhir/{reference}")
    return Order(
        protocol=protocol,
        day_zero=asked.facts.get("day-zero") or (known.day_zero if known and same else None),
        body=_body(asked, subject, known, site),
        subject=reference,
        course=known.course if known and same else course_of_subject(protocol.key, reference, canonicals),
        bsa_formula=asked.facts.get("bsa-formula", "mosteller"),
        centre=auth.centre(),
        draft=asked.facts.get("draft", False),
        canonicals=canonicals,
        overlay=overlay_of(site.settings, auth.centre(), protocol.key),
        limits=site.settings.limits,
        patient=asked.patients.get(subject) or (known.patient if known else NOTHING_KNOWN),
        made=now,
        software=software(),
    )


def _body(asked: Asked, subject: str, known: Facts | None, site: Site) -> Body:
    """Raises FaultyInput where a dose would rest on a measure of which nobody knows how old it is."""
    called = {name: _called(name, asked, subject, site) for name in ("weight", "height")}
    doubts = [fault for name, fault in known.doubtful.items() if called[name] is None] if known else []
    if doubts and not asked.facts.get("draft", False):
        raise FaultyInput(doubts)
    weight, height = (one or (known.measured.get(name) if known else None) for name, one in called.items())
    return Body(
        weight.value if weight else None,
        height.value if height else None,
        weight.taken if weight else None,
        height.taken if height else None,
        weight.source if weight else None,
        height.source if height else None,
    )


def _called(name: str, asked: Asked, subject: str, site: Site) -> Measurement | None:
    """What the call itself says, which goes before what the enrolment said; within the call nothing may disagree."""
    told = [Measurement(asked.facts[name], asked.facts.get(f"{name}-date"))] if name in asked.facts else []
    return latest(name, [*told, *asked.measured.get(subject, {}).get(name, [])], site.settings.limits)


def _canonicals(site: Site) -> Canonicals:
    return site.settings.canonicals
