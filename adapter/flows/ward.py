"""What the people of a centre look at: their patients, one patient, one plan day by day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from adapter.config import Settings
from adapter.errors import NotFound
from adapter.flows import course, gates, hospital_facts, validation
from adapter.flows.validation import OPEN, Standing
from adapter.store import criteria
from adapter.store.paging import Window
from mappings.facts import PartialDate, Transplant
from mappings.intake import schema
from mappings.outcomes import retract
from mappings.plan import beside
from mappings.plan.beside import Result
from mappings.plan.calendar import Calendar, calendar
from mappings.plan.marks import AMOUNT_OPEN, Mark, marks
from mappings.plan.reading import Item, as_people_write, read
from mappings.r4.build import escaped

if TYPE_CHECKING:
    from adapter.store import Store, Tx
    from adapter.store.stored import Stored
    from adapter.store.submissions import Submission

MOST_RESULTS = 500


@dataclass(frozen=True, slots=True)
class Patient:
    """One patient of the list. `number` is the centre's own; `status` that of the plan, `signed_by` who signed it."""

    number: str
    id: str
    course: str
    protocol: str
    graft: date | None
    status: str
    signed_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A plan laid out for the ward, with what was done and what is known beside it. `at`: when the plan was stored.

    `gates`: how each gated action stands today, as `gates.told` tells it.
    """

    standing: Standing
    calendar: Calendar
    items: tuple[Item, ...]
    results: tuple[Result, ...]
    version: int
    at: datetime | None
    gates: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that is stored of a patient: the documents that came, and (type, status, how many) of resources."""

    patient: Patient
    documents: tuple[Submission, ...]
    resources: tuple[tuple[str, str, int], ...]


def patients(*, centre: str, store: Store, settings: Settings, now: datetime) -> list[Patient]:
    """Every enrolled patient of the centre, by number."""
    with store.reading() as tx:
        return [_patient(tx, one, settings, now) for one in tx.enrolments.of_centre(centre)]


def chart(id_: str, *, centre: str, store: Store, settings: Settings, now: datetime) -> Chart:
    """One patient, by the id of the Patient. Raises NotFound, also for another centre's."""
    with store.reading() as tx:
        known = enrolled(tx, id_, centre)
        return Chart(
            _patient(tx, known, settings, now),
            (known, *sorted(tx.follow_ups.of_course(known.course), key=lambda one: str(one.content["date"]))),
            tuple(_counted(tx.resources.of_course(known.course))),
        )


def enrolled(tx: Tx, id_: str, centre: str | None) -> Submission:
    """The enrolment of a patient, by the id of the Patient. Raises NotFound, also for another centre's."""
    stored = tx.resources.get("Patient", id_)
    found = tx.enrolments.of_course(stored.course) if stored and stored.course else []
    if not found or centre not in (None, found[-1].centre):
        raise NotFound("no patient with this id")
    return found[-1]


def sheet(id_: str, *, centre: str, store: Store, settings: Settings, now: datetime) -> Sheet:
    """One plan, by the course's uuid or the CarePlan's id. Raises NotFound, also for another centre's."""
    with store.reading() as tx:
        standing = validation.standing(tx, course.enrolled_as(tx, id_, centre), settings, now)
        today, ids = course.day_of(now), standing.ids
        visits = course.follow_ups_of(tx, ids.course, today)
        record = gates.record_of(tx, standing.enrolment, visits, ids)
        items = read(standing.resources)
        plan = tx.resources.get("CarePlan", standing.ids("care-plan"))
        return Sheet(
            standing,
            calendar(items, [*marks(standing.enrolment, visits), *_heard(tx, standing.ids.course)]),
            items,
            tuple(_results(tx, standing, settings)),
            plan.version if plan else 0,
            plan.at if plan else None,
            tuple(gates.standing(tx, record, today, ids, settings)["gates"]),
        )


def _heard(tx: Tx, of: str) -> Iterator[Mark]:
    """Doses that the hospital's own record tells of."""
    for one in tx.hospital_doses.of(of):
        given = one.given or {}
        amount = f"{given['value']} {given.get('unit', '')}".strip() if "value" in given else AMOUNT_OPEN
        yield Mark(one.action, PartialDate(one.date), amount, as_people_write(one.day or ""))


def _patient(tx: Tx, enrolled: Submission, settings: Settings, now: datetime) -> Patient:
    enrolment = schema.enrolment(enrolled.content, course.day_of(now))
    ids = course.ids_of(enrolment, settings)
    plan = tx.resources.get("CarePlan", ids("care-plan"))
    transplant = enrolment.transplant
    return Patient(
        number=enrolment.patient,
        id=ids("patient"),
        course=ids.course,
        protocol=enrolment.protocol,
        graft=transplant.day_zero if isinstance(transplant, Transplant) else None,
        status=plan.content["status"] if plan else OPEN,
        signed_by=tuple(f"{one.name}, {one.role}" for one in tx.validations.holding(ids.course)),
    )


def _results(tx: Tx, standing: Standing, settings: Settings) -> list[Result]:
    """Of what is stored of the patient and of what the hospital has."""
    canonicals, enrolment = standing.ids.canonicals, standing.enrolment
    centre = settings.centres.get(enrolment.centre)
    own = centre.results if centre else beside.NOTHING
    coded = beside.coded(canonicals, own)
    tokens = ",".join(f"{escaped(system)}|{escaped(code)}" for system, code in coded)
    wanted = [criteria.read("Observation", *one) for one in (("patient", standing.ids("patient")), ("code", tokens))]
    window = Window(count=MOST_RESULTS, total=False)
    page = tx.resources.search("Observation", wanted, window, centres=[enrolment.centre])
    stored = (one.content for one in page.matches)
    return beside.results([*hospital_facts.observations(tx, enrolment, settings), *stored], canonicals, own)


def _counted(resources: list[Stored]) -> Iterator[tuple[str, str, int]]:
    counts: dict[tuple[str, str], int] = {}
    for one in resources:
        key = (one.kind, retract.standing(one.content) or "")
        counts[key] = counts.get(key, 0) + 1
    return ((kind, status, count) for (kind, status), count in sorted(counts.items()))
