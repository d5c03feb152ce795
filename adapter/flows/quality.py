"""Is what centres told complete, in time, and free of contradictions? Each finding leads to the visit to mend.

Of what is stored the visits themselves are known: which are overdue, and what each leaves out. Of a folder of resources
what it tells is used: the centre and number of a patient, and, where it holds the Provenance of the documents, which
visits were told and which to mend. What a visit leaves out, and which are overdue, it cannot tell; the answer says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapter.config import Settings
from adapter.flows import course, courses, gates, origins
from adapter.flows.origins import Origins
from adapter.flows.visit import name_of
from adapter.overlays import overlay_of
from mappings.facts import Enrolment, FollowUp
from mappings.intake import schema
from mappings.outcomes.lowered import Lowered, lowered
from mappings.plan.attendance import Attendance, State, attendances
from mappings.registry.contradictions import ERROR, WARNING, contradictions
from mappings.registry.course import Course, read

if TYPE_CHECKING:
    from adapter.store import Store, Tx

OVERDUE = "visit-overdue"


@dataclass(frozen=True, slots=True)
class Place:
    """Where to mend it: a document (`<centre>/<patient>/<visit>`) and its form, where it has one."""

    document: str
    form: str | None


@dataclass(frozen=True, slots=True)
class Finding:
    """`patient`: the centre's number, or the id of the Patient where only resources are known. `sources`: `Type/id`."""

    centre: str | None
    patient: str
    rule: str
    severity: str
    text: str
    sources: tuple[str, ...] = ()
    mend: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Completeness:
    """One item of one centre, over the `of` visits that were told: told, said to be missing, or left out."""

    centre: str | None
    item: str
    of: int
    told: int
    said_missing: int
    left_out: int


@dataclass(frozen=True, slots=True)
class Quality:
    """`visits`: of each centre, how many visits stand how."""

    patients: int
    findings: tuple[Finding, ...]
    completeness: tuple[Completeness, ...]
    visits: Mapping[str, Mapping[str, int]]
    not_known: tuple[str, ...] = ()
    """What this source cannot tell, in sentences."""

    @property
    def wrong(self) -> bool:
        """Is any finding an error?"""
        return any(one.severity == ERROR for one in self.findings)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "patients": self.patients,
            "findings": [asdict(one) for one in self.findings],
            "completeness": [asdict(one) for one in self.completeness],
            "visits": {centre: dict(states) for centre, states in self.visits.items()},
        } | ({"not_known": list(self.not_known)} if self.not_known else {})


def of_store(store: Store, settings: Settings, now: datetime, *, centres: Collection[str] | None = None) -> Quality:
    """Of everything stored, one course in memory at a time. `centres` None: of every centre."""
    findings: list[Finding] = []
    tally = _Tally()
    with store.reading() as tx:
        patients = tx.resources.stream(centres=centres, kinds=["Patient"])
        names = sorted((one.centre or "", one.course, one.id) for one in patients if one.course)
    for centre, name, patient in names:
        with store.reading() as tx:
            one = _Chart.of(tx, centre, name, patient, settings, now)
        if one:
            findings += one.findings()
            tally.add(centre, one.visits)
    return Quality(len(names), tuple(findings), tuple(tally.completeness()), tally.visits)


def of_directory(path: Path, settings: Settings) -> Quality:
    """Of the NDJSON files of a folder or of one file. Raises Refused, Invalid."""
    findings: list[Finding] = []
    told: dict[str | None, Counter[str]] = {}
    with courses.in_directory(path, settings.canonicals) as found:
        numbers = origins.numbers_in(path, settings.canonicals)
        for one in found:
            centre, number = numbers.get(one.patient, (None, one.patient))
            findings += (
                Finding(centre, number, each.rule, each.severity, each.text, each.sources)
                for each in contradictions(one)
            )
            told.setdefault(centre, Counter()).update([PATIENTS, *_parts(one)])
    behind = origins.origins_in(
        path, {source for finding in findings for source in finding.sources}, settings.canonicals
    )
    return Quality(
        sum(parts[PATIENTS] for parts in told.values()),
        tuple(replace(one, mend=tuple(_documents(one, behind))) for one in findings),
        tuple(_completeness(told)),
        {centre: {State.DONE.value: number} for centre, number in sorted(behind.visits.items()) if number},
        tuple(_not_known(told, behind)),
    )


PATIENTS = "patients"


def _completeness(told: Mapping[str | None, Counter[str]]) -> Iterator[Completeness]:
    for centre in sorted(told, key=lambda code: code or ""):
        of, parts = told[centre][PATIENTS], told[centre]
        yield from (Completeness(centre, part, of, parts[part], 0, of - parts[part]) for part in PARTS)


def _documents(finding: Finding, behind: Origins) -> Iterator[Place]:
    """Each once; a folder has no forms."""
    keys = (key for source in finding.sources for key in behind.documents.get(source, ()))
    yield from (Place(key, None) for key in dict.fromkeys(keys))


def _not_known(told: Mapping[str | None, Counter[str]], behind: Origins) -> Iterator[str]:
    yield "which visits are due or overdue, what each left out, and which grades a later one lowers: ask the database"
    if not behind.known:
        yield "which visits were told: this folder has no Provenance of documents (engraft export writes it)"
    if None in told:
        yield f"the centre of {told[None][PATIENTS]} patients, who have no number of ours"


PARTS = {
    "transplant": "day_zero",
    "vital status": "vital_status",
    "response": "responses",
    "engraftment": "recoveries",
    "immune reconstitution": "subsets",
    "chimerism": "chimerism",
    "GVHD": "gvhd_assessments",
    "quality of life": "quality_of_life",
}
"""Parts of a course, and where they stand in it. No infection and no relapse are no gaps."""


def _parts(one: Course) -> Iterator[str]:
    for part, name in PARTS.items():
        if one.day_zero if name == "day_zero" else getattr(one.facts, name):
            yield part


@dataclass(frozen=True, slots=True)
class _Chart:
    """One stored patient."""

    enrolment: Enrolment
    patient: str
    course: Course | None
    follow_ups: tuple[FollowUp, ...]
    visits: tuple[Attendance, ...]
    sources: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, tx: Tx, centre: str, name: str, patient: str, settings: Settings, now: datetime) -> _Chart | None:
        today = course.day_of(now)
        enrolled = tx.enrolments.of_course(name)
        if not enrolled:
            return None
        enrolment = schema.enrolment(enrolled[-1].content, today)
        follow_ups = course.follow_ups_of(tx, name, today)
        record = gates.record_of(tx, enrolment, follow_ups, course.ids_of(enrolment, settings))
        visits = attendances(record, overlay_of(settings, centre, enrolment.protocol), today)
        found = read((one.content for one in tx.resources.of_course(name)), settings.canonicals)
        return cls(
            enrolment,
            patient,
            next((one for one in found if one.patient == patient), None),
            follow_ups,
            visits,
            tx.resources.sources_of_course(name),
        )

    def findings(self) -> Iterator[Finding]:
        number = self.enrolment.patient
        for each in contradictions(self.course) if self.course else ():
            places = tuple(self._mend(each.sources))
            yield Finding(self.enrolment.centre, number, each.rule, each.severity, each.text, each.sources, places)
        for fall in lowered(sorted(self.follow_ups, key=lambda visit: (visit.date.latest, visit.key))):
            yield self._fallen(fall)
        for visit in self.visits:
            if visit.state is State.OVERDUE and visit.times:
                text = f"{visit.title}: due on {visit.times.due}, not told by {visit.times.last}."
                place = Place(f"{self.enrolment.key}/{visit.visit}", self._form(visit.visit))
                yield Finding(self.enrolment.centre, number, OVERDUE, WARNING, text, (), (place,))

    def _fallen(self, fall: Lowered) -> Finding:
        """A worst grade cannot fall; where the episode may be going on the rule is that of a course that falls."""
        (_, before), (_, after) = told = (fall.before, fall.after)
        end = "." if fall.resolved else ", and its end is not told."
        text = (
            f"{fall.kind.capitalize()} GVHD from {fall.onset} is {before} at its worst as one visit tells it, "
            f"{after} as a later one does{end}"
        )
        rule = f"{fall.kind}-gvhd-{'worst' if fall.resolved else 'falling'}"
        forms = self._forms()
        places = tuple(Place(key, forms[key]) for key, _ in told)
        return Finding(self.enrolment.centre, self.enrolment.patient, rule, ERROR, text, (), places)

    def _mend(self, sources: Collection[str]) -> Iterator[Place]:
        """The documents that say it, newest last; the enrolment where no visit does."""
        named = {key for source in sources for key in self.sources.get(source, ())}
        visits = [Place(key, form) for key, form in self._forms().items() if key in named]
        yield from visits or ([Place(self.enrolment.key, None)] if self.enrolment.key in named else [])

    def _forms(self) -> dict[str, str]:
        return {visit.key: self._form(name_of(visit.visit, str(visit.date))) for visit in self.follow_ups}

    def _form(self, name: str) -> str:
        return f"/patients/{self.patient}/visits/{name}"


class _Tally:
    """Visits and what they tell, counted by centre."""

    def __init__(self) -> None:
        self.visits: dict[str, Counter[str]] = {}
        self._items: dict[tuple[str, str], Counter[str]] = {}

    def add(self, centre: str, visits: Collection[Attendance]) -> None:
        """The visits of one patient."""
        self.visits.setdefault(centre, Counter()).update(one.state.value for one in visits)
        for visit in visits:
            if visit.state is State.DONE:
                for item in visit.asked:
                    how = "left_out" if item in visit.missing else "said_missing" if item in visit.said else "told"
                    self._items.setdefault((centre, item), Counter())[how] += 1

    def completeness(self) -> Iterator[Completeness]:
        """In the order of centres, and of the items as the protocol asks for them."""
        for (centre, item), how in sorted(self._items.items(), key=lambda each: each[0][0]):
            yield Completeness(centre, item, how.total(), how["told"], how["said_missing"], how["left_out"])
