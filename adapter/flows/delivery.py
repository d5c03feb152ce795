"""Change sets go from the outbox to the hospitals: at least once, in order for each patient, never half.

A row is leased, its patient found at the hospital, its content checked a last time, sent as one transaction of PUTs on
stable ids, and marked. A crash anywhere leaves the row leased; when the lease runs out the same PUTs are sent again
and change nothing. What may work later is tried again, what cannot work is parked with the server's own words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from adapter.errors import HospitalRefused, HospitalUnavailable, Refused
from adapter.hospital import identity, r4_gate, retry
from adapter.hospital.answer import HospitalSilent
from adapter.hospital.client import HospitalClient
from adapter.store import Store, Tx
from adapter.store.outbox import Delivery
from mappings.r4.build import Resource
from mappings.r4.faults import Fault, FaultyInput
from mappings.r4.validate import require_valid

LEASE_SECONDS = 600.0
"""Longer than one row can take: the look-ups and the transaction, each with the client's own limits."""

ClientOf = Callable[[str], HospitalClient]
"""Client for a destination; LookupError or Refused where the configuration does not give one."""


@dataclass(frozen=True, slots=True)
class DrainReport:
    """What one drain did, and what is left: rows that wait, and when the next one is due."""

    delivered: int
    retried: int
    parked: int
    waiting: int
    next_due: datetime | None


@dataclass(slots=True)
class _Round:
    """One worker going through the outbox."""

    store: Store
    client_of: ClientOf
    worker: str
    now: Callable[[], datetime]
    jitter: Callable[[], float]
    silent: dict[str, datetime] = field(default_factory=dict)
    """Destinations that do not answer, and until when nobody else needs to try."""


def drain(
    store: Store,
    client_of: ClientOf,
    *,
    worker: str,
    now: Callable[[], datetime],
    jitter: Callable[[], float],
    limit: int | None = None,
    until_empty: bool = True,
) -> DrainReport:
    """Delivers what is due: every row (`until_empty`), at most `limit` rows, or just one.

    `worker` names this process among others; `jitter` gives random numbers in [0, 1). Raises StoreUnavailable.
    """
    this = _Round(store, client_of, worker, now, jitter)
    most = limit if until_empty else 1
    done: Counter[str] = Counter()
    while most is None or done.total() < most:
        with store.transaction() as tx:
            row = tx.outbox.lease(worker, at=now(), lease_seconds=LEASE_SECONDS)
        if row is None:
            break
        done[_deliver(row, this)] += 1
    with store.reading() as tx:
        waiting, next_due = tx.outbox.counts().get("waiting", 0), tx.outbox.next_due()
    return DrainReport(done["delivered"], done["retried"], done["parked"], waiting, next_due)


def _deliver(row: Delivery, this: _Round) -> str:
    """What became of the row: delivered, retried or parked."""
    until = this.silent.get(row.destination)
    if until and this.now() < until:
        return _retry(row, this, until, "the hospital did not answer others either")
    try:
        client = this.client_of(row.destination)
    except (LookupError, Refused) as error:
        return _later(row, this, HospitalSilent(f"{row.destination} is not configured: {error}"))
    try:
        patient = _send(row, this, client)
    except HospitalUnavailable as error:
        return _later(row, this, error)
    except HospitalRefused as error:
        return _park(row, this, str(error), error.status, error.outcome)
    except FaultyInput as error:
        return _park(row, this, str(error), None, _outcome(error.faults))
    except Refused as error:
        return _park(row, this, str(error), None, _outcome([Fault("", str(error), "business-rule")]))
    with this.store.transaction() as tx:
        mine = tx.outbox.delivered(row.id, this.worker, this.now())
        if mine and patient:  # decided once: what was delivered under a Patient is never followed by another one
            tx.links.put(row.destination, row.course, patient)
    return "delivered"


def _send(row: Delivery, this: _Round, client: HospitalClient) -> str | None:
    """Sends the row; returns the Patient that it was sent under, as `Patient/<id>`, where it is about one of ours."""
    with this.store.reading() as tx:
        linked = tx.links.get(row.destination, row.course)
        patient = _wanted(tx, row.course)
    resources, under = row.content, None
    if patient and identity.concerns(resources, patient.own):
        theirs = linked.removeprefix("Patient/") if linked else identity.find(client, patient) or patient.own
        resources, under = identity.refer(resources, patient.own, theirs), f"Patient/{theirs}"
    for resource in resources:
        require_valid(resource)
        r4_gate.read(resource)
    if resources:
        client.transact(resources)
    return under


def _wanted(tx: Tx, course: str) -> identity.Wanted | None:
    """None for a course without a Patient of ours."""
    patient = next((stored for stored in tx.resources.of_course(course) if stored.kind == "Patient"), None)
    if patient is None or patient.centre is None:
        return None
    for key in tx.resources.sources_of("Patient", patient.id):  # an enrolment's key is <centre>/<patient>
        enrolment = tx.enrolments.of(patient.centre, key.removeprefix(f"{patient.centre}/"))
        if enrolment:
            return identity.wanted(patient.id, enrolment.content)
    return identity.Wanted(patient.id)


def _later(row: Delivery, this: _Round, error: HospitalUnavailable) -> str:
    wait = retry.delay(max(row.attempts, 1), this.jitter(), asked=error.retry_after)
    due = this.now() + timedelta(seconds=wait)
    if isinstance(error, HospitalSilent):
        this.silent[row.destination] = due
    return _retry(row, this, due, str(error))


def _retry(row: Delivery, this: _Round, due: datetime, error: str) -> str:
    with this.store.transaction() as tx:
        tx.outbox.retry(row.id, this.worker, due=due, error=error, status=None, outcome=None)
    return "retried"


def _park(row: Delivery, this: _Round, error: str, status: int | None, outcome: Resource | None) -> str:
    with this.store.transaction() as tx:
        tx.outbox.park(row.id, this.worker, error=error, status=status, outcome=outcome)
    return "parked"


def _outcome(faults: list[Fault] | tuple[Fault, ...]) -> Resource:
    issues = [
        {"severity": fault.severity, "code": "processing", "diagnostics": fault.message}
        | ({"expression": [fault.path]} if fault.path else {})
        for fault in faults
    ]
    return {"resourceType": "OperationOutcome", "issue": issues}
