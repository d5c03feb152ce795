"""`Measure/<id>/$evaluate-measure`: one endpoint as a MeasureReport, by GET or POST."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Response, request

from adapter.errors import Invalid, NotAllowed
from adapter.flows import evaluation
from adapter.flows.evaluation import Evaluation
from adapter.web import auth
from adapter.web.content import FHIR, JSON, fhir, json_body
from adapter.web.routing import OUTCOMES, Role, Route
from adapter.web.site import Site
from mappings.facts import PartialDate
from mappings.r4.build import Element
from mappings.r4.faults import Fault

OPERATION: Element = {
    "name": "evaluate-measure",
    "definition": "http://hl7.org/fhir/OperationDefinition/Measure-evaluate-measure",
}
"""As the CapabilityStatement names it."""

NEEDED = ("periodStart", "periodEnd")
KINDS = ("subject", "subject-list", "population")
PARAMETERS = (*NEEDED, "measure", "reportType", "subject")
"""R4 has `practitioner` and `lastReceivedOn` as well, which mean nothing here and are refused."""

_OF_THE_ANSWER = ("_format", "_pretty")
_PATIENT = "Patient/"


def routes(site: Site) -> list[Route]:
    instance, kind = "/fhir/Measure/<id_>/$evaluate-measure", "/fhir/Measure/$evaluate-measure"
    view, methods = partial(evaluate, site), ("GET", "POST")
    return [
        Route("evaluate-measure-instance", instance, view, OUTCOMES, methods, query=None),
        Route("evaluate-measure-type", kind, view, OUTCOMES, methods, query=None),
    ]


def evaluate(site: Site, id_: str | None = None) -> Response:
    """For a centre its own patients, for a registry numbers of who agrees."""
    asked = _read([*_by_query(), *(_by_body() if request.method == "POST" else ())], id_, site)
    now, canonicals = site.clock(), site.settings.canonicals
    if auth.caller().role == Role.CENTRE.value:
        return fhir(evaluation.for_centre(site.store, asked, auth.centre(), now, canonicals=canonicals))
    if asked.kind != "population":
        raise NotAllowed("a registry is told of the population, never of a subject")
    return fhir(evaluation.for_registry(site.store, asked, now, canonicals=canonicals))


def _by_query() -> list[tuple[str, Any]]:
    return [pair for pair in request.args.items(multi=True) if pair[0] not in _OF_THE_ANSWER]


def _by_body() -> list[tuple[str, Any]]:
    """Names and values of Parameters; each has one value of a plain type."""
    document = json_body(FHIR, JSON)
    parts = document.get("parameter", []) if isinstance(document, dict) else None
    if parts is None or document.get("resourceType") != "Parameters" or not isinstance(parts, list):
        raise Invalid([Fault("", "send a Parameters resource", "structure")], status=400)
    return [_part(part, place) for place, part in enumerate(parts)]


def _part(part: Any, place: int) -> tuple[str, Any]:
    values = [value for name, value in part.items() if name.startswith("value")] if isinstance(part, dict) else []
    if len(values) != 1 or not isinstance(part.get("name"), str) or not isinstance(values[0], str):
        raise Invalid([Fault(f"parameter[{place}]", "a name and one date, code or string", "structure")], status=400)
    return part["name"], values[0]


def _read(said: list[tuple[str, Any]], id_: str | None, site: Site) -> Evaluation:
    names = [name for name, _ in said]
    faults = [
        Fault(name, "means nothing here", "not-supported") for name in dict.fromkeys(names) if name not in PARAMETERS
    ]
    faults += [Fault(name, "is asked for once", "value") for name in PARAMETERS if names.count(name) > 1]
    told = dict(said)
    faults += [Fault(name, "is needed", "required") for name in NEEDED if name not in told]
    dates = {name: said_date for name in NEEDED if name in told and (said_date := _date(told[name]))}
    faults += [
        Fault(name, "is a date, as 2026-12-31", "value") for name in NEEDED if name in told and name not in dates
    ]
    if len(dates) == len(NEEDED) and dates["periodStart"].earliest > dates["periodEnd"].latest:
        faults.append(Fault("periodEnd", "lies before periodStart", "value"))
    kind = told.get("reportType", "subject" if "subject" in told else "population")
    if kind not in KINDS:
        faults.append(Fault("reportType", f"is one of {', '.join(KINDS)}", "code-invalid"))
    if (kind == "subject") != ("subject" in told):
        faults.append(Fault("subject", "goes with the reportType subject, and only with it", "value"))
    measure = id_ or _measure(told.get("measure", ""), site)
    if not measure:
        faults.append(Fault("measure", "names the Measure by its id or canonical", "required"))
    if faults:
        raise Invalid(faults, status=400)
    subject = told.get("subject", "").removeprefix(_PATIENT) or None
    # of a year or a month the whole is meant (R4's definition of the operation)
    return Evaluation(measure, dates["periodStart"].earliest, dates["periodEnd"].latest, kind, subject)


def _measure(said: str, site: Site) -> str:
    """Its id, of `Measure/os`, of our canonical with or without its version, or of the id alone."""
    return said.partition("|")[0].removeprefix(site.settings.canonicals.url("Measure", "")).removeprefix("Measure/")


def _date(said: str) -> PartialDate | None:
    try:
        return PartialDate(said)
    except ValueError:
        return None
