"""An EHR asks while a clinician works: how does this patient stand, and does this order fit the plan? (CDS Hooks 2.0.1)

Nothing is fetched from the EHR: what it needs to send is in the discovery, and what it does not send is not assumed.
Whoever is not enrolled here gets no cards.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from adapter.config import Settings
from adapter.errors import Invalid, NotFound
from adapter.flows import course, gates, hook_patient, regimen, renewal
from adapter.flows.regimen import Known
from mappings.facts import Enrolment
from mappings.intake import schema
from mappings.plan import (
    Body,
    cards,
    gate_advice,
    hook_call,
    hook_feedback,
    order_check,
    order_reading,
    readiness,
    view_advice,
    weight_advice,
)
from mappings.plan.advice import Advice
from mappings.plan.elements import text
from mappings.plan.hook_call import HookCall
from mappings.plan.order_check import Bench
from mappings.plan.order_reading import Order
from mappings.plan.record import Record
from mappings.plan.verdict import Standing
from mappings.plan.weight_advice import Watch
from mappings.protocol.model import Protocol
from mappings.r4.build import Element, Ids
from mappings.r4.faults import Fault, FaultyInput

if TYPE_CHECKING:
    from adapter.store import Store, Tx
    from adapter.store.clients import Client
    from adapter.store.submissions import Submission

VIEW = "patient-view"
NO_PATIENT = (
    "prefetch.patient: this id of the patient was not told at enrolment; without the Patient nobody can be found"
)
_WITHDRAWN = order_reading.CALLED_OFF - {"completed"}


@dataclass(frozen=True, slots=True)
class _Chart:
    """What is known here of the patient in question."""

    enrolment: Enrolment
    record: Record
    ids: Ids
    orders: tuple[Order, ...]
    status: str | None
    known: Known
    today: date
    settings: Settings

    def bench(self, *, signing: bool) -> Bench:
        @cache
        def standings(day: date) -> tuple[Standing, ...]:
            return readiness.standings(self.record, day, self.settings.gate_max_age)

        return Bench(self.orders, self.record, standings, self.today, signing)


def require_service(service: str) -> None:
    """Raises NotFound for a service that the discovery does not list."""
    if not hook_call.known(service):
        raise NotFound("no such service; GET /cds-services lists them")


def advise(
    service: str, document: Any, *, sender: Client, centre: str, store: Store, settings: Settings, now: datetime
) -> dict[str, Any]:
    """The cards of one call, as JSON; none for a patient who is not enrolled at the centre.

    Raises Invalid (400) for a call that cannot be read, Conflict (412) where it does not say enough to tell whom it is
    about.
    """
    with _refusing():
        call = hook_call.read(document, service)
    with store.reading() as tx:
        enrolled = hook_patient.enrolled(tx, call, centre, settings)
        chart = _chart(tx, enrolled, settings, now) if enrolled else None
    if chart is None:
        return cards.response((), call.instance, "", settings.canonicals)
    advice = list(_of_view(chart) if call.hook == VIEW else _of_orders(chart, call))
    if advice:
        with store.transaction() as tx:
            told = " ".join(f"{cards.id_of(one, call.instance)}={one.key}" for one in advice)
            tx.audit.add(
                at=now, who=sender.name, action=f"advise {call.hook}", target=call.instance, centre=centre, detail=told
            )
    return cards.response(advice, call.instance, _label(chart.record.protocol), settings.canonicals)


def feedback(document: Any, *, sender: Client, centre: str, store: Store, now: datetime) -> int:
    """Keeps what became of cards; how many entries there were. Raises Invalid (400) for one that cannot be read."""
    with _refusing():
        told = hook_feedback.read(document)
    with store.transaction() as tx:
        for one in told:
            said = {name: getattr(one, name) for name in ("at", "suggestions", "reason", "comment")}
            detail = json.dumps({name: value for name, value in said.items() if value}, ensure_ascii=False)
            tx.audit.add(
                at=now, who=sender.name, action=f"card {one.outcome}", target=one.card, centre=centre, detail=detail
            )
    return len(told)


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except FaultyInput as error:
        raise Invalid(error.faults, status=400) from error


def _of_view(chart: _Chart) -> Iterator[Advice]:
    missing: Sequence[Fault] = () if chart.status else regimen.plan(chart.known).issues
    yield from view_advice.plan(chart.status, missing, chart.record.protocol.title)
    yield from gate_advice.of_view(chart.bench(signing=False))
    yield from view_advice.visits(chart.record, chart.today)


def _of_orders(chart: _Chart, call: HookCall) -> Iterator[Advice]:
    bench, canonicals = chart.bench(signing=call.hook == "order-sign"), chart.settings.canonicals
    requests = {key: one for key, one in call.drafts.items() if one["resourceType"] == "MedicationRequest"}
    drafts = [
        order_reading.read(one | {"id": key.partition("/")[2]}, canonicals, call.linked)
        for key, one in requests.items()
        if text(one.get("status")) not in order_reading.CALLED_OFF and one.get("doNotPerform") is not True
    ]
    yield from order_check.check(drafts, call.chosen, bench)
    services = [one for key, one in call.drafts.items() if key in call.chosen and key.startswith("ServiceRequest/")]
    yield from gate_advice.of_orders(services, chart.ids, bench)
    concerned = order_check.concerned(drafts, call.chosen, bench)
    if concerned:
        day = max((draft.days[0] for draft in concerned if draft.days), default=chart.today)
        yield from weight_advice.advise(
            _dosed_by(chart, day), _weighed(chart, call), day, chart.record, _watch(chart.settings)
        )


def _weighed(chart: _Chart, call: HookCall) -> list[weight_advice.Weighed]:
    """Weights that are known here or that the EHR sent along."""
    sent: Element = call.fetched("weight") or {}
    return [*weight_advice.of_visits(chart.record.visits), *weight_advice.of_resource(sent, call.patient)]


def _dosed_by(chart: _Chart, day: date) -> Body:
    """The measures that held for an order of a day: the enrolment's, or those of the last redosing."""
    held = [body for since, body in regimen.bodies(chart.known) if since is None or since <= day]
    return held[-1]


def _watch(settings: Settings) -> Watch:
    """From which age and difference on a weight is worth a word."""
    return Watch(settings.limits.weight_days, settings.limits.redose_percent)


def _label(protocol: Protocol) -> str:
    return f"Engraft ({protocol.key})"


def _chart(tx: Tx, enrolled: Submission, settings: Settings, now: datetime) -> _Chart:
    today = course.day_of(now)
    enrolment = schema.enrolment(enrolled.content, today)
    ids = course.ids_of(enrolment, settings)
    stored = tx.resources.from_source(ids.course, regimen.SOURCE)
    plan = next((one.content["status"] for one in stored if one.kind == "CarePlan"), None)
    orders = tuple(
        order_reading.read(one.content, settings.canonicals)
        for one in stored
        if one.kind == "MedicationRequest" and one.content["status"] not in _WITHDRAWN
    )
    visits = course.follow_ups_of(tx, ids.course, today)
    known = renewal.known_of(tx, enrolment, visits, settings, now)
    return _Chart(enrolment, gates.record_of(tx, enrolment, visits, ids), ids, orders, plan, known, today, settings)
