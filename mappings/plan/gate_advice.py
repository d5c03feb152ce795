"""Gates at the bedside: how the gated actions stand, and an order for one of them whose gate is not met."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from mappings.plan import gate_status
from mappings.plan.advice import Advice, Urgency, bullets, dated
from mappings.plan.elements import element, elements, text, values
from mappings.plan.order_check import Bench
from mappings.plan.readiness import WINDOW, beside
from mappings.plan.timing_reading import day_of
from mappings.plan.verdict import Standing, Verdict
from mappings.protocol.model import Infusions
from mappings.r4.build import Ids, Resource
from mappings.terminology import codes

_WIDER = {"prophylactic-dli": ("dli",)}
"""Codes that may mean the gated thing without saying so: a lymphocyte infusion that does not say what for."""


def of_orders(requests: Sequence[Resource], ids: Ids, bench: Bench) -> list[Advice]:
    """One advice for each order of a gated infusion."""
    phases = bench.record.protocol.phases
    found = (
        _ordered(request, infusions, ids, bench)
        for request in requests
        for phase in phases
        for infusions in phase.infusions
        if _means(request, infusions, ids, bench)
    )
    return [advice for advice in found if advice]


def of_view(bench: Bench) -> list[Advice]:
    """Every gated action that is not over and whose days have come; of several infusions the next one."""
    standings = {one.action: one for one in bench.standings(bench.today)}
    protocol = bench.record.protocol
    rows: list[tuple[str, ...]] = [(taper.key,) for taper in protocol.tapers]
    rows += [infusions.numbered() for phase in protocol.phases for infusions in phase.infusions]
    asked = [next((one for key in row if not (one := standings[key]).done), None) for row in rows]
    return [_standing(one, bench) for one in asked if one and _has_come(one)]


def _has_come(standing: Standing) -> bool:
    if standing.begun:
        return True
    timed = (one for one in standing.findings if one.criterion in ("day", WINDOW))
    return all(one.verdict is not Verdict.NOT_MET for one in timed)


def _standing(standing: Standing, bench: Bench) -> Advice:
    summary = f"{standing.title}: the gate is {standing.verdict.words} on {dated(bench.today, bench.record)}."
    return Advice(f"gate/{standing.action}", Urgency.INFO, summary, _told(standing, bench.today, bench))


def _told(standing: Standing, on: date, bench: Bench) -> str:
    remarks = [f"Beside the gate: {gate_status.fact(told)}" for told in beside(bench.record, on)]
    ages = [
        f"{one.needs}: known as of {one.as_of}, {(on - one.as_of).days} day(s) before"
        for one in standing.findings
        if one.as_of is not None and one.verdict is Verdict.MET
    ]
    return "\n\n".join(filter(None, [gate_status.sentence(standing), bullets([*ages, *remarks])]))


def _ordered(request: Resource, infusions: Infusions, ids: Ids, bench: Bench) -> Advice | None:
    day = _day(request) or bench.today
    standings = [one for one in bench.standings(day) if one.action in infusions.numbered()]
    named = [one for one in standings if ids(one.action) in _names(request, ids)]
    (standing, *_) = [*named, *(one for one in standings if not one.done), *standings[-1:]]
    key = f"gate/{standing.action}/{request.get('id', '')}"
    if standing.done:
        return Advice(key, Urgency.INFO, f"{standing.title}: {gate_status.fact(standing.done)} already.")
    urgency = {Verdict.MET: Urgency.INFO, Verdict.UNKNOWN: Urgency.WARNING, Verdict.NOT_MET: Urgency.CRITICAL}
    summary = f"{standing.title} on {dated(day, bench.record)}: its gate is {standing.verdict.words}."
    return Advice(key, urgency[standing.verdict], summary, _told(standing, day, bench))


def _means(request: Resource, infusions: Infusions, ids: Ids, bench: Bench) -> bool:
    """An order that is of ours, follows our definition, or carries the code of the infusion."""
    concept = {"coding": elements(element(request.get("code")).get("coding"))}
    wanted = (infusions.procedure, *_WIDER.get(infusions.procedure, ()))
    if codes.key_of("procedures", concept, ids.canonicals) in wanted:
        return True
    definition = ids.canonicals.url("ActivityDefinition", f"{bench.record.protocol.key}-{infusions.key}")
    followed = [text(one).partition("|")[0] for one in values(request.get("instantiatesCanonical"))]
    return definition in followed or any(ids(key) in _names(request, ids) for key in infusions.numbered())


def _names(request: Resource, ids: Ids) -> Iterator[str]:
    """Ids of requests of ours that an order names: by being it, by its identifier, or as what it is based on."""
    yield text(request.get("id"))
    for one in elements(request.get("basedOn")):
        yield text(one.get("reference")).rpartition("/")[2]
    for one in elements(request.get("identifier")):
        if one.get("system") == ids.canonicals.sid("request"):
            yield ids(*text(one.get("value")).split("/")[1:] or ("",))


def _day(request: Resource) -> date | None:
    period = element(request.get("occurrencePeriod"))
    return day_of(request.get("occurrenceDateTime")) or day_of(period.get("start"))
