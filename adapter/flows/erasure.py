"""A patient is erased: from the store for good, from registries by a retraction. The hospital's record is its own."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from adapter.config import Settings
from adapter.errors import NotFound, Refused
from adapter.flows import bulk, export, push, sentence
from adapter.flows.registry import keyed
from mappings.r4.build import Resource
from mappings.registry.retraction import is_emptied

if TYPE_CHECKING:
    from adapter.store import Store, Tx


@dataclass(frozen=True, slots=True)
class Erased:
    """`retractions`: registries that are told; `resources` that were stored."""

    course: str
    resources: int
    retractions: tuple[str, ...]


def erase(
    centre: str, patient: str, reason: str, *, store: Store, settings: Settings, now: datetime, who: str
) -> Erased:
    """By the centre's own number of the patient, all in one transaction, with a line in the audit that names no number.
    Then the files of exports that were ended go from this machine.

    Raises NotFound, Invalid without a reason, Conflict while something of the patient is being sent.
    """
    reason = sentence.required(reason, "reason", "say why the patient is erased")
    with store.transaction() as tx:
        tx.hold(f"{centre}/{patient}")  # nothing is handed in meanwhile, which would make the record anew
        enrolment = tx.enrolments.of(centre, patient)
        if enrolment is None:
            raise NotFound(f"no patient of {centre} has this number")
        tx.hold(enrolment.course)
        done = erase_course(tx, centre, enrolment.course, reason, settings=settings, now=now, who=who)
    bulk.sweep(store=store, now=now, settings=settings)
    return done


def erase_course(
    tx: Tx, centre: str, course: str, reason: str, *, settings: Settings, now: datetime, who: str
) -> Erased:
    """In the caller's transaction, which holds the patient and the course. Exports that may hold it can be fetched no
    longer.

    Raises Conflict while something of it is being sent.
    """
    told = [name for name in sorted(settings.registries) if push.retract(tx, name, course, now)]
    _note_names(tx, course, settings, now)
    known = settings.centres.get(centre)
    number = tx.erase(course, _is_retraction, known.hospital if known else None)
    tx.note("exports-ended", exports=sum(tx.exports.end(now, whose) for whose in (None, centre)))
    detail = f"{reason}; {number} resources; registries told: {', '.join(told) or 'none'}"
    tx.audit.add(at=now, who=who, action="erase", target=course, centre=centre, detail=detail)
    return Erased(course, number, tuple(told))


def _note_names(tx: Tx, course: str, settings: Settings, now: datetime) -> None:
    """How those who fetch know what goes, for the deletions of their next export."""
    found = tx.resources.of_course(course)
    for key in _keys_of_who_fetches(tx, settings):
        pseudonyms, leaving = keyed(key), export.Leaving(key, now, settings.canonicals)
        place = pseudonyms.id("course", course)
        tx.erased.add(export.recipient(pseudonyms), place, export.names(found, leaving), now)


def _keys_of_who_fetches(tx: Tx, settings: Settings) -> set[bytes]:
    keys = set()
    for one in tx.clients.listing():
        with suppress(Refused):  # without a key nobody was shown anything
            keys |= {settings.pseudonym_key(one.name)} if one.role == "registry" else set()
    return keys


def _is_retraction(content: list[Resource]) -> bool:
    return bool(content) and all(map(is_emptied, content))
