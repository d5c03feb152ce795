"""How the gated actions of a course stand: judged anew whenever a document of it changes, and on request for any day.

What is published on the RequestGroup is how they stood when the facts last changed. Time alone changes nothing there:
who needs to know how they stand on a day asks for that day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from adapter.config import Settings
from adapter.flows import course, decided
from adapter.flows.regimen import Planned
from mappings.facts import Enrolment, FollowUp, Transplant
from mappings.intake import schema
from mappings.plan import gate_status, readiness
from mappings.plan.gate_status import Where
from mappings.plan.record import Record, day_of, in_order
from mappings.plan.verdict import Finding, Standing, Told
from mappings.protocol import load
from mappings.r4.build import Ids, Resource

if TYPE_CHECKING:
    from adapter.store import Store, Tx


def published(
    tx: Tx, planned: Planned, enrolment: Enrolment, visits: Sequence[FollowUp], settings: Settings, now: datetime
) -> Planned:
    """The regimen about to be stored, with the standing of each gated action on its RequestGroup."""
    ids = course.ids_in(tx, enrolment, settings)
    groups = [one for one in planned.resources if one["resourceType"] == "RequestGroup"]
    marked = {one["id"]: _marked(tx, one, enrolment, visits, ids, settings, now) for one in groups}
    return replace(planned, resources=tuple(marked.get(one["id"], one) for one in planned.resources))


def record_of(tx: Tx, enrolment: Enrolment, visits: Sequence[FollowUp], ids: Ids) -> Record:
    """The course as gates read it."""
    transplant = enrolment.transplant if isinstance(enrolment.transplant, Transplant) else Transplant()
    tapers = decided.tapers(tx.decisions.of(ids.course))
    return Record(
        protocol=load(enrolment.protocol),
        day_zero=transplant.date if isinstance(transplant.date, date) else None,
        visits=in_order(visits),
        planned=transplant.planned is not False,
        enrolment=enrolment.key,
        begun={key: one.first for key, one in tapers.items()},
        confirmed={key: one.last for key, one in tapers.items() if one.last},
        deviations={key: one.deviation for key, one in tapers.items() if one.deviation},
    )


def told(id_: str, *, on: date | None, centre: str, store: Store, settings: Settings, now: datetime) -> dict[str, Any]:
    """How the gated actions of a course stand on a day (default: today), as JSON.

    `id_` is the course's uuid or the CarePlan's id. Raises NotFound, also for another centre's.
    """
    today = course.day_of(now)
    with store.reading() as tx:
        enrolled = course.enrolled_as(tx, id_, centre)
        enrolment = schema.enrolment(enrolled.content, today)
        ids = course.ids_in(tx, enrolment, settings)
        record = record_of(tx, enrolment, course.follow_ups_of(tx, ids.course, today), ids)
        return {
            "course": ids.course,
            "protocol": enrolment.protocol,
            **standing(tx, record, on or today, ids, settings),
        }


def standing(tx: Tx, record: Record, day: date, ids: Ids, settings: Settings) -> dict[str, Any]:
    """How the gated actions of a record stand on a day, within a transaction: what `told` tells of it."""
    where = _where(tx, ids)
    return {
        "on": day.isoformat(),
        "day_zero": record.day_zero.isoformat() if record.day_zero else None,
        "day": record.day(day),
        "gates": [_standing(one, day, where) for one in readiness.standings(record, day, settings.gate_max_age)],
        "beside": [_fact(one, day, where) for one in readiness.beside(record, day)],
    }


def _marked(
    tx: Tx,
    group: Resource,
    enrolment: Enrolment,
    visits: Sequence[FollowUp],
    ids: Ids,
    settings: Settings,
    now: datetime,
) -> Resource:
    today, url = course.day_of(now), ids.canonicals.extension(gate_status.NAME)
    where = _where(tx, ids)
    judged = readiness.standings(record_of(tx, enrolment, visits, ids), today, settings.gate_max_age)
    tx.note("gates-evaluated", gates=len(judged))
    status = {one.action: gate_status.extension(one, today, where, url) for one in judged}
    stored = tx.resources.get("RequestGroup", group["id"])
    return gate_status.published(group, stored.content if stored else None, status, url)


def _where(tx: Tx, ids: Ids) -> Where:
    """What each fact became, of what is stored of the course."""
    known = {reference.partition("/")[2]: reference for reference in tx.resources.sources_of_course(ids.course)}
    return lambda fact: known.get(ids(*fact.about)) if fact.about else None


def _standing(one: Standing, on: date, where: Where) -> dict[str, Any]:
    return {
        "action": one.action,
        "title": one.title,
        "gate": one.gate,
        "status": one.verdict.value,
        "text": gate_status.sentence(one),
        "begun": one.begun.isoformat() if one.begun else None,
        "deviation": one.deviation,
        "done": _fact(one.done, on, where) if one.done else None,
        "criteria": [_finding(finding, on, where) for finding in one.findings],
    }


def _finding(one: Finding, on: date, where: Where) -> dict[str, Any]:
    return {
        "criterion": one.criterion,
        "needs": one.needs,
        "status": one.verdict.value,
        "as_of": one.as_of.isoformat() if one.as_of else None,
        "age_days": (on - one.as_of).days if one.as_of else None,
        "facts": [_fact(fact, on, where) for fact in one.facts],
        "missing": list(one.missing),
    }


def _fact(one: Told, on: date, where: Where) -> dict[str, Any]:
    partial = day_of(one.when)
    day = partial.exact if partial else one.when
    return {
        "what": one.what,
        "date": str(one.when) if one.when else None,
        "age_days": (on - day).days if isinstance(day, date) else None,
        "document": one.document,
        "resource": where(one),
    }
