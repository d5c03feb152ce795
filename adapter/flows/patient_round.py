"""What waits for one patient at one hospital, leased by one worker, on its way; and what is then written of it.

Nothing is written while it is on its way: who sends tells how it ended, and the ends of several patients are written
together (`delivery.py`). A crash before that leaves the rows leased, and the next one looks for what arrived.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from adapter.errors import HospitalUnavailable, Refused, StoreUnavailable
from adapter.flows.restored import coming, is_in_doubt
from adapter.flows.sending import Sending, outcome
from adapter.hospital import identity
from adapter.hospital.answer import HospitalBroke, LeftAlone
from adapter.hospital.client import HospitalClient
from adapter.hospital.pace import ENTRIES, Pace
from adapter.hospital.references import local_targets
from adapter.hospital.turn import Asking
from adapter.store import Store, Tx
from adapter.store.delivery import Delivery, Said, references
from adapter.store.sent import Given
from adapter.trail import correlation, journal, spans
from mappings.r4.build import Resource
from mappings.r4.faults import Fault

BREAKS = 10
"""How often a server may break over the same row before it is the row: about half an hour of tries."""

Lane = Sequence[Delivery]
"""Rows of one patient for one destination, in their order."""


@dataclass(frozen=True, slots=True)
class Policy:
    """`ids`: auto, client-id or conditional. `conflict`: ours, theirs or park. `entries`: most of one bundle."""

    ids: str = "auto"
    conflict: str = "park"
    entries: int = ENTRIES


@dataclass(slots=True)
class Known:
    """What is known of a destination and of the patients claimed for it, read once for all of them.

    `links`: its Patient (`Patient/abc`) by course. `patients`: (id, centre) of ours by course. `sent`: what it has of
    what is to be sent and of what that refers to, by our reference; `ids`: whose ids it takes (`Policy.ids`).
    `doubt`: it may have more of us than we know, also of what is `coming` later (hashes by reference): `restored.py`.
    """

    links: dict[str, str] = field(default_factory=dict)
    patients: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    sent: dict[str, Given] = field(default_factory=dict)
    ids: str = "auto"
    doubt: bool = False
    coming: dict[str, set[str]] = field(default_factory=dict)


Became = tuple[Delivery, str, Said | None]
"""A row; what became of it: delivered, parked, retried, held, or lost to another worker; and why."""


@dataclass(frozen=True, slots=True)
class End:
    """How it ended for one patient: `write` writes what became of the rows, and tells it.

    `given`: what the destination was given on the way. `under`: the Patient there, as far as this decided it, and
    whether it is `ours`. `whole`: every row went through as it is. `likely`: how many rows became what, unless another
    worker has them by now. `error`: the type of the trouble. `request`: what the other server was given as
    `X-Request-Id`.
    """

    rows: Lane
    write: Callable[[Tx, datetime], list[Became]]
    given: Sequence[Given] = ()
    under: str | None = None
    ours: bool = False
    whole: bool = False
    learned: str | None = None
    likely: Mapping[str, int] = field(default_factory=dict)
    error: str | None = None
    request: str | None = None


def known(tx: Tx, destination: str, lanes: Sequence[Lane], policy: Policy) -> Known:
    """Of these patients; six questions however many they are."""
    courses = [rows[0].course for rows in lanes]
    links, patients = tx.links.of(destination, courses), tx.resources.patients_of(courses)
    names = {name for rows in lanes for row in rows for one in row.content for name in _concerned(one)}
    names |= {("Patient", own) for own, _ in patients.values()}
    names |= {("Patient", one.removeprefix("Patient/")) for one in links.values()}
    ids = policy.ids if policy.ids != "auto" else tx.sent.trait(destination, "ids") or "auto"
    sent, doubt = tx.sent.known(destination, names), is_in_doubt(tx, destination, [rows[0] for rows in lanes])
    return Known(links, patients, sent, ids, doubt, coming(tx, destination, courses) if doubt else {})


@dataclass(frozen=True, slots=True)
class Later:
    """A trouble that may pass, when the row is tried again, and whether it counts as a strike against it."""

    error: HospitalUnavailable
    due: datetime
    struck: bool


class LeaseLost(Exception):
    """Another worker has the rows now; its word counts."""


@dataclass(slots=True)
class PatientRound:
    """`asking` is entered for each request; `known` is shared with the patients claimed together, one after the other.

    `later` says when rows are tried again after a trouble.
    """

    store: Store
    pace: Pace
    client: HospitalClient
    worker: str
    policy: Policy
    known: Known
    asking: Asking
    later: Callable[[HospitalUnavailable, Lane], Later]
    rows: Lane

    def deliver(self) -> End:
        """Sends; what is sent carries the number of the first row. Raises StoreUnavailable.

        What nobody foresaw is of this patient alone: it is logged without content, and tried again later.
        """
        first = self.rows[0]
        about: dict[str, spans.Attribute] = {"engraft.destination": first.destination, "engraft.rows": len(self.rows)}
        with (
            correlation.following(first.correlation or correlation.new()),
            spans.span("delivery", about, parent=first.trace) as mark,
        ):
            try:
                end = self._deliver()
            except StoreUnavailable:
                raise
            except Exception as error:  # it is logged, and the row says so: the other patients need not wait for it
                journal.unforeseen(error, delivery=first.id, destination=first.destination)
                end = self._again(HospitalUnavailable(f"unforeseen here: {type(error).__name__}; the log says where"))
            mark({f"engraft.{became}": number for became, number in end.likely.items()})
            return replace(end, request=self.client.request_id)

    def _deliver(self) -> End:
        try:
            resources, under = self.about_theirs(self._find)
        except LeftAlone:
            return untried(self.rows, self.worker)
        except HospitalUnavailable as error:
            return self._again(error)
        except LeaseLost:
            return End(self.rows, lambda *_: [])
        except Refused as error:
            return self._doubtful(Said(str(error), None, outcome([Fault("", str(error), "business-rule")])))
        sending = self.sending()
        try:
            sending.send(resources)
        except LeftAlone:
            return untried(self.rows, self.worker, tuple(sending.given.values()))
        except HospitalUnavailable as error:
            return self._again(error, tuple(sending.given.values()))
        except LeaseLost:
            return End(self.rows, lambda *_: [])
        self.pace.answered()
        self.known.ids = sending.ids
        return self._through(sending, under)

    def about_theirs(self, find: Callable[[identity.Wanted], str | None]) -> tuple[list[Resource], str | None]:
        """The resources about the hospital's own Patient, and which it is, where they are about one of ours."""
        course = self.rows[0].course
        resources = [one for row in self.rows for one in row.content]
        own, centre = self.known.patients.get(course, (None, None))
        if own is None or centre is None or not identity.concerns(resources, own):
            return resources, None
        linked, ours = self.known.links.get(course), self.known.sent.get(f"Patient/{own}")
        if linked and ours and linked == f"Patient/{ours.there}":
            return resources, None
        theirs = linked.removeprefix("Patient/") if linked else find(self._wanted(own, centre)) or own
        return identity.refer(resources, own, theirs), f"Patient/{theirs}"

    def sending(self) -> Sending:
        """Of these rows."""
        first = self.rows[0]
        decided = first.attempts == 1 and first.error is not None  # a person looked at why it is parked: try it again
        return Sending(
            client=self.client,
            pace=self.pace,
            known=self.known.sent,
            ids=self.known.ids,
            policy=self.policy.conflict,
            again=any(row.attempts > 1 for row in self.rows) or (self.known.doubt and not decided),
            coming=self.known.coming,
            final=any(row.strikes >= BREAKS for row in self.rows),
            asking=self.asking,
        )

    def _find(self, patient: identity.Wanted) -> str | None:
        with self.asking():
            return identity.find(self.client, patient)

    def _wanted(self, own: str, centre: str) -> identity.Wanted:
        with self.store.reading() as tx:
            for key in tx.resources.sources_of("Patient", own):  # an enrolment's key is <centre>/<patient>
                enrolment = tx.enrolments.of(centre, key.removeprefix(f"{centre}/"))
                if enrolment:
                    return identity.wanted(own, enrolment.content)
        return identity.Wanted(own)

    def _through(self, sending: Sending, under: str | None) -> End:
        def write(tx: Tx, at: datetime) -> list[Became]:
            return [
                (row, _settled(tx, row, self.rows, self.worker, sending, at), refusal(row, sending))
                for row in self.rows
            ]

        # decided once: what was delivered under a Patient is never followed by another one
        ours = sending.given.get(under) if under else None
        return End(
            self.rows,
            write,
            tuple(sending.given.values()),
            f"Patient/{ours.there}" if ours else under,
            ours is not None,
            not sending.refused and not sending.left,
            sending.ids if sending.learned else None,
            Counter("parked" if refusal(row, sending) else "delivered" for row in self.rows),
        )

    def _again(self, error: HospitalUnavailable, given: Sequence[Given] = ()) -> End:
        return again(self.later(error, self.rows), self.rows, self.worker, given)

    def _doubtful(self, said: Said) -> End:
        """The patient is in doubt: nothing of it goes before a person has looked."""

        def write(tx: Tx, at: datetime) -> list[Became]:
            first, *others = self.rows
            tx.outbox.park(first.id, self.worker, said)
            for row in others:
                tx.outbox.retry(row.id, self.worker, said, due=at)
            return [(first, "parked", said)]

        return End(self.rows, write, likely=Counter(parked=1))


def again(later: Later, rows: Lane, worker: str, given: Sequence[Given] = ()) -> End:
    """It may work another time."""
    error = later.error
    said = Said(str(error))
    if isinstance(error, HospitalBroke):
        said = Said(str(error), error.status, error.outcome)

    def write(tx: Tx, _: datetime) -> list[Became]:
        for row in rows:
            tx.outbox.retry(row.id, worker, said, due=later.due, struck=later.struck)
        return [(row, "retried", said) for row in rows]

    return End(rows, write, given, likely=Counter(retried=len(rows)), error=type(error).__name__)


def untried(rows: Lane, worker: str, given: Sequence[Given] = ()) -> End:
    """The hospital was not asked: nobody shall count it as a try."""

    def write(tx: Tx, at: datetime) -> list[Became]:
        tx.outbox.give_back(rows[0].destination, {rows[0].course: [row.id for row in rows]}, worker, at)
        return []

    return End(rows, write, given)


def refusal(row: Delivery, sending: Sending) -> Said | None:
    """Of the first of its resources that was refused."""
    return next((sending.refused[name] for name in references(row.content) if name in sending.refused), None)


def _settled(tx: Tx, row: Delivery, rows: Lane, worker: str, sending: Sending, at: datetime) -> str:
    """What became of a row: delivered, parked, held, or lost to another worker."""
    names = references(row.content)
    refused = [one for one, name in zip(row.content, names, strict=True) if name in sending.refused]
    through = set(names) - sending.refused.keys()
    if not refused:
        kept = ", ".join(sorted(sending.left & set(names)))
        note = f"the hospital keeps its own later version of {kept}" if kept else None
        mine, became = tx.outbox.delivered(row.id, worker, at, note), "delivered"
    else:
        said = refusal(row, sending) or Said("")
        if through:
            tx.outbox.split(row, refused, at)
        elif any(_holds(earlier.content, sending) for earlier in rows[: rows.index(row)]):
            tx.outbox.retry(row.id, worker, said, due=at)
            return "held"
        mine = tx.outbox.park(row.id, worker, said, holds=_holds(refused, sending))
        became = "parked"
    if mine and through:
        tx.outbox.supersede(row.destination, row.course, through, by=row.id, at=at)
    return became if mine else "lost"


def _concerned(resource: Resource) -> list[tuple[str, str]]:
    """(type, id) of the resource and of what it refers to."""
    return [(resource["resourceType"], resource["id"]), *local_targets(resource)]


def _holds(resources: Sequence[Resource], sending: Sending) -> bool:
    """Is the Patient refused, to whom everything else of the course refers?"""
    return any(one["resourceType"] == "Patient" and f"Patient/{one['id']}" in sending.refused for one in resources)
