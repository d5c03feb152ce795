"""What follows from news of a hospital, in the transaction that keeps the copy."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from adapter.flows import administered, hospital_facts, hospital_patients, renewal
from adapter.hospital.subscriptions import Place
from mappings.canonicals import Canonicals
from mappings.r4.build import Resource
from mappings.registry.elements import observed_in

if TYPE_CHECKING:
    from adapter.config import Settings
    from adapter.store import Tx


def hear(tx: Tx, hospital: str, place: Place, resource: Resource | None, *, settings: Settings, now: datetime) -> None:
    """Takes in what a hospital has at a place now, None: nothing any more."""
    kind, id_ = place
    if kind == administered.KIND:
        administered.hear(tx, hospital, place, resource, settings=settings, now=now)
    elif kind == "Patient":
        hospital_patients.hear(tx, hospital, id_, resource, now)
    elif kind == "Observation" and _may_weigh(resource, settings.canonicals):
        copy = tx.copies.get(hospital, place)
        for course in hospital_facts.courses_of(tx, hospital, copy.patient) if copy and copy.patient else ():
            renewal.anew(tx, course, settings, now)


def _may_weigh(resource: Resource | None, canonicals: Canonicals) -> bool:
    """A weight, or something that is gone and may have been one."""
    return resource is None or observed_in(resource, canonicals) == "weight"
