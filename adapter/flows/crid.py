"""A patient gets the number under which CIBMTR knows them: asked for by name, kept as an identifier of the enrolment.

The one thing of Engraft that sends a name. It goes from the centre's own file to CIBMTR's service for it, where a
consent to registries holds, and stays nowhere here: not in the store, not in the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from adapter.config import Registry, Settings
from adapter.errors import EngraftError, HospitalRefused, Refused, Unavailable
from adapter.flows import enrolment
from mappings.r4.build import Element
from mappings.r4.faults import FaultyInput
from mappings.registry import crid
from mappings.registry.consent import permits

if TYPE_CHECKING:
    from adapter.store import Store
    from adapter.store.submissions import Submission

ASKED, RECEIVED = "crid-asked", "crid-received"

Service = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
"""PUTs a body at an address, and gives the answer. Raises HospitalRefused, HospitalUnavailable."""


@dataclass(frozen=True, slots=True)
class Answered:
    """`crid` None: `why` says what stood in the way. `new`: it was asked for now."""

    centre: str
    patient: str
    crid: str | None
    new: bool = False
    why: str = ""


def assign(
    rows: Iterable[Mapping[str, str]],
    registry: Registry,
    service: Service,
    *,
    store: Store,
    settings: Settings,
    now: Callable[[], datetime],
    who: str,
) -> Iterator[Answered]:
    """For each row (`centre`, `patient` and the names of `mappings.registry.crid`) its number, as it comes.

    A row that cannot be asked for, or that CIBMTR refuses, stops no other. Raises Refused where the registry has no
    such service, Unavailable while it cannot be reached: what was answered before is kept, and asking again is safe.
    """
    if registry.crid_url is None:
        raise Refused(f"{registry.name} is not asked for numbers: set registries.{registry.name}.crid_url")
    for row in rows:
        said = row.get("centre", ""), row.get("patient", "")
        try:
            yield _one(row, registry, service, store, settings, now, who)
        except Unavailable:
            raise
        except HospitalRefused as error:  # its words may quote the name
            yield Answered(*said, None, why=f"{registry.name} refused it with status {error.status}")
        except FaultyInput as error:
            yield Answered(*said, None, why="; ".join(f"{fault.path}: {fault.message}" for fault in error.faults))
        except EngraftError as error:
            yield Answered(*said, None, why=str(error))


def _one(
    row: Mapping[str, str],
    registry: Registry,
    service: Service,
    store: Store,
    settings: Settings,
    now: Callable[[], datetime],
    who: str,
) -> Answered:
    centre, patient = row.get("centre", ""), row.get("patient", "")
    known, ccn = _known(store, centre, patient, now()), registry.ccn.get(centre)
    if held := _held(known.content, registry):
        return Answered(centre, patient, held)
    if ccn is None:
        raise Refused(f"centre {centre} has no number at {registry.name}")
    body = crid.asked(row, str(known.content.get("birth_date", "")), str(known.content.get("sex", "")), ccn)
    sent = ", ".join(sorted(body["patient"]))
    _note(store, ASKED, known, now(), who, f"{registry.name}: {sent}")
    number = crid.assigned(service(registry.crid_url or "", body))
    _keep(store, settings, known, {"system": registry.crid_system, "value": number}, now())
    _note(store, RECEIVED, known, now(), who, registry.name)
    return Answered(centre, patient, number, new=True)


def _known(store: Store, centre: str, patient: str, now: datetime) -> Submission:
    """The enrolment of somebody who agrees today."""
    with store.reading() as tx:
        known = tx.enrolments.of(centre, patient)
        consents = (
            [one.content for one in tx.resources.of_course(known.course) if one.kind == "Consent"] if known else []
        )
    if known is None:
        raise Refused("no such patient")
    if not permits(consents, now.date()):
        raise Refused("the patient does not agree to registries, or no longer")
    return known


def _held(document: Mapping[str, Any], registry: Registry) -> str | None:
    return next((one["value"] for one in _identifiers(document) if one.get("system") == registry.crid_system), None)


def _identifiers(document: Mapping[str, Any]) -> list[Element]:
    """None of what is said to be missing."""
    said = document.get("identifiers")
    return list(said) if isinstance(said, list) else []


def _keep(store: Store, settings: Settings, known: Submission, identifier: Element, now: datetime) -> None:
    """A new version of the enrolment. Raises Conflict where somebody changed it meanwhile: ask again."""
    document = known.content | {"identifiers": [*_identifiers(known.content), identifier]}
    enrolment.enrol(
        document,
        sender=None,
        store=store,
        settings=settings,
        now=now,
        expected_id=known.id,
        expected_version=known.version,
    )


def _note(store: Store, action: str, known: Submission, now: datetime, who: str, detail: str) -> None:
    """Which fields were sent, never what they said."""
    with store.transaction() as tx:
        tx.audit.add(at=now, who=who, action=action, target=known.course, centre=known.centre, detail=detail)
