"""The dated and dosed regimen of an enrolled patient, kept for EHRs to pull.

It is a draft until a person validates it. It is reckoned anew whenever the enrolment, a visit or a decision changes;
what was not yet given follows, an order of which a dose is on record stays as it was, and so does its place in the
RequestGroup. Nothing new is written where nothing changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from adapter.config import Settings
from adapter.flows import decided, signature
from adapter.overlays import overlay_of
from adapter.store.decisions import REDOSE, STOP, Decision
from adapter.store.hospital_doses import HospitalDose
from adapter.version import software
from mappings.facts import (
    Administration,
    BodyMeasure,
    Enrolment,
    FollowUp,
    Measurements,
    Missing,
    PartialDate,
    Transplant,
    VitalStatus,
    Word,
)
from mappings.plan import Body, Order, apply, revision
from mappings.plan.inputs import Measurement, Patient
from mappings.plan.tapered import tapered
from mappings.protocol import load
from mappings.r4.build import Ids, Resource
from mappings.r4.faults import Fault, FaultyInput
from mappings.r4.validate import require_valid
from mappings.terminology.units import to_unit

if TYPE_CHECKING:
    from adapter.store import Tx

SOURCE = "regimen"
"""What the resources of a regimen name as their source; no document has this key."""

_IN_THE_DOCUMENT = {
    "day-zero": "transplant.date",
    "weight": "measurements.weight",
    "height": "measurements.height",
    "birth-date": "birth_date",
}


@dataclass(frozen=True, slots=True)
class Known:
    """Everything that a regimen is reckoned from."""

    enrolment: Enrolment
    follow_ups: tuple[FollowUp, ...]
    decisions: tuple[Decision, ...]
    hospital_doses: tuple[HospitalDose, ...]
    ids: Ids
    settings: Settings
    now: datetime
    hospital_weights: tuple[Measurement, ...] = ()
    """In kg, as the hospital's own record has them: they say that a dose should be looked at, and nothing else."""


@dataclass(frozen=True, slots=True)
class Planned:
    """The regimen's stand-alone resources; or none, and the facts that it still needs."""

    resources: tuple[Resource, ...]
    issues: tuple[Fault, ...]


def settle(tx: Tx, known: Known, planned: Planned) -> None:
    """Stores what of the regimen changed: what was begun stays, a stopped course ends."""
    before = {
        one.reference: one.content for one in tx.resources.from_source(known.ids.course, SOURCE) if not one.deleted
    }
    kept = revision.begun(before, doses(known))
    why = "; ".join(f"{fault.path}: {fault.message}" for fault in planned.issues) or "no longer in the plan"
    standing = revision.revise(before, planned.resources, kept, why)
    standing = tapered(standing, before, decided.tapers(known.decisions))
    ended = next((one for one in known.decisions if one.kind == STOP), None)
    if ended:
        standing = revision.stop(standing, kept, ended.reason, date.fromisoformat(ended.content["date"]))
    named = {revision.reference_of(one): one for one in standing}
    _store(tx, list(signature.upheld(tx, named, course=known.ids.course, now=known.now).values()), known)


def plan(known: Known) -> Planned:
    """Applies the protocol to what is known. Missing, stale or implausible facts are issues, never an error."""
    faults = list(of_unknown_age(known.enrolment).values())
    try:
        applied = [(since, apply(_order(body, known)).resources) for since, body in bodies(known)]
    except FaultyInput as found:
        faults += found.faults
    if faults:
        return Planned((), tuple(_in_the_document(fault) for fault in faults))
    return Planned(tuple(revision.effective(applied)), ())


def bodies(known: Known) -> list[tuple[date | None, Body]]:
    """The measures that doses are reckoned by, each with the first day that it holds for.

    The enrolment's first, then each weight that somebody decided to redose by.
    """
    out: list[tuple[date | None, Body]] = [(None, body_of(known.enrolment, known.ids))]
    for decision in known.decisions:
        if decision.kind == REDOSE:
            said = decision.content
            body = replace(
                out[-1][1],
                weight_kg=Decimal(said["weight_kg"]),
                weight_date=PartialDate(said["date"]).exact if "date" in said else None,
                weight_source=said.get("source"),
            )
            out.append((date.fromisoformat(said["since"]), body))
    return out


def _order(body: Body, known: Known) -> Order:
    enrolment, settings = known.enrolment, known.settings
    transplant = enrolment.transplant if isinstance(enrolment.transplant, Transplant) else Transplant()
    changed = _changed(body, known)
    return Order(
        protocol=load(enrolment.protocol),
        day_zero=transplant.day_zero,
        body=body,
        subject=f"Patient/{known.ids('patient')}",
        course=known.ids.course,
        centre=enrolment.centre,
        intent="plan",
        canonicals=known.ids.canonicals,
        overlay=overlay_of(settings, enrolment.centre, enrolment.protocol),
        limits=settings.limits,
        patient=patient_of(enrolment, known.follow_ups),
        made=known.now,
        software=software(),
        flags=(_flag(changed, body, known),) if changed else (),
        flagged_from=changed.taken if changed else None,
    )


def doses(known: Known) -> list[Administration]:
    """Every dose that is on record: by the centre's visits, or by the hospital's own record."""
    heard = [
        Administration(one.action, PartialDate(one.date), one.day, id=f"{one.hospital}/{one.id}")
        for one in known.hospital_doses
    ]
    return [*given(known.follow_ups), *heard]


def given(follow_ups: Sequence[FollowUp]) -> list[Administration]:
    """Every dose that the visits tell to have been given."""
    sections = (visit.administrations for visit in follow_ups)
    return [one for section in sections if isinstance(section, tuple) for one in section if one.performed]


def body_of(enrolment: Enrolment, ids: Ids) -> Body:
    """Weight and height that an enrolment gives for dosing; None for each that it does not give exactly.

    Each points to the Observation that `outcomes.measurements` makes of it.
    """
    weight, height = _measured(enrolment.measurements)
    return Body(
        weight_kg=_amount(weight, "kg"),
        height_cm=_amount(height, "cm"),
        weight_date=_day(weight),
        height_date=_day(height),
        weight_source=_observation("weight", weight, ids),
        height_source=_observation("height", height, ids),
    )


def of_unknown_age(enrolment: Enrolment) -> dict[str, Fault]:
    """Weight and height of which only the month or the year is told: such a one may be too old to dose by."""
    measures = zip(("weight", "height"), _measured(enrolment.measurements), strict=True)
    told = {name: one.date for name, one in measures if one and isinstance(one.date, PartialDate)}
    return {
        name: Fault(name, f"{name} is dated {day}: the day is needed, because an old one doses nobody", "value")
        for name, day in told.items()
        if day.exact is None
    }


def patient_of(enrolment: Enrolment, follow_ups: Sequence[FollowUp]) -> Patient:
    """Birth and death, as far as they are known."""
    deaths = [
        (said.date, visit.date)
        for visit in follow_ups
        if isinstance(said := visit.vital_status, VitalStatus) and said.status == Word("dead")
    ]
    born = enrolment.birth_date
    return Patient(born if isinstance(born, PartialDate) else None, _died(deaths))


def _died(deaths: Sequence[tuple[object, PartialDate]]) -> PartialDate | None:
    """The day as it was told last; where none was told, or less exactly than that, the visit that knew of the death."""
    told = [min(said, visit, key=lambda day: day.latest) for said, visit in deaths if isinstance(said, PartialDate)]
    return next(iter([*reversed(told), *(visit for _, visit in reversed(deaths))]), None)


def latest_weight(known: Known) -> Measurement | None:
    """The newest weight with a day that a visit or the hospital's own record told of, in kg.

    Of one day the visit's counts.
    """
    found = []
    for visit in known.follow_ups:
        weight, _ = _measured(visit.measurements)
        amount = _amount(weight, "kg")
        day = _day(weight) or (visit.date.exact if weight and weight.date is None else None)
        if amount is not None and day is not None:
            when = weight.date if weight and weight.date else visit.date
            found.append(Measurement(amount, day, f"Observation/{known.ids('weight', when)}"))
    found += known.hospital_weights
    return max(found, key=lambda one: one.taken or known.now.date(), default=None)


def _changed(body: Body, known: Known) -> Measurement | None:
    """The newest weight, where what is given from its day on may need another dose."""
    newest = latest_weight(known)
    if newest is None or newest.taken is None or not body.weight_kg:
        return None
    if body.weight_date and newest.taken <= body.weight_date:
        return None
    return newest if _percent(newest, body.weight_kg) > known.settings.limits.redose_percent else None


def _flag(newest: Measurement, body: Body, known: Known) -> str:
    where = f" by the hospital's record ({newest.source})" if newest in known.hospital_weights else ""
    return (
        f"Weight {newest.value} kg of {newest.taken}{where} differs by {_percent(newest, body.weight_kg):.1f} % "
        f"from the {body.weight_kg} kg dosed by: to be redosed?"
    )


def _percent(newest: Measurement, dosed_by: Decimal | None) -> Decimal:
    return abs(newest.value - dosed_by) * 100 / dosed_by if dosed_by else Decimal(0)


def _store(tx: Tx, standing: Sequence[Resource], known: Known) -> None:
    """The Provenance is written where, and only where, something that it speaks of was."""
    where = {"centre": known.enrolment.centre, "course": known.ids.course}
    news = tx.resources.news([(one, [SOURCE]) for one in standing], **where)
    for resource, _ in news:
        require_valid(resource)
    said = [row for row in news if row[0]["resourceType"] != "Provenance"]
    if any(tx.resources.put_all(said, **where, at=known.now)):
        tx.resources.put_all([row for row in news if row not in said], **where, at=known.now)


def _measured(section: object) -> tuple[BodyMeasure | None, BodyMeasure | None]:
    said = section if isinstance(section, Measurements) else Measurements()
    weight, height = (one if isinstance(one, BodyMeasure) else None for one in (said.weight, said.height))
    return weight, height


def _amount(said: BodyMeasure | None, unit: str) -> Decimal | None:
    """None for what is no exact amount: nobody is dosed by `< 70 kg`."""
    if said is None or isinstance(said.value, Missing) or said.value.comparator:
        return None
    return to_unit(said.value, unit).value


def _day(said: BodyMeasure | None) -> date | None:
    return said.date.exact if said and isinstance(said.date, PartialDate) else None


def _observation(name: str, said: BodyMeasure | None, ids: Ids) -> str | None:
    if said is None:
        return None
    return f"Observation/{ids(name, *([said.date] if said.date else []))}"


def _in_the_document(fault: Fault) -> Fault:
    return Fault(_IN_THE_DOCUMENT.get(fault.path, fault.path), fault.message, fault.code, fault.severity)
