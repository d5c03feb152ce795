"""A laboratory result that a centre's own system pushes to be shown beside the doses.

It is no fact of a visit: no gate, endpoint or registry reads it, and it goes to no hospital. Kept is what is shown and
by what it is known: no notes, no names, no narrative.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from adapter.errors import Conflict
from adapter.flows import course
from adapter.flows.pushed_item import Known
from adapter.store import criteria
from adapter.store.paging import Window
from mappings.facts import PartialDate
from mappings.plan import beside
from mappings.r4.build import Element, Resource, escaped, reference
from mappings.r4.faults import Fault, FaultyInput
from mappings.r4.wire import content_hash
from mappings.registry import pushed
from mappings.registry.elements import observed_in

if TYPE_CHECKING:
    from adapter.config import Settings
    from adapter.store import Tx

ERROR = "entered-in-error"
_SHOWN = ("status", "effectiveDateTime", "effectiveInstant", "valueQuantity")


def is_one(resource: Resource, known: Known, settings: Settings) -> bool:
    """Is it shown beside the doses, and nothing that a form tells?"""
    if resource["resourceType"] != "Observation" or observed_in(resource, known.ids.canonicals):
        return False
    centre = settings.centres.get(known.enrolment.centre)
    wanted = beside.coded(known.ids.canonicals, centre.results if centre else beside.NOTHING)
    return any((one.get("system"), one.get("code")) in wanted for one in _codings(resource))


def keep(tx: Tx, resource: Resource, target: str | None, known: Known, now: datetime) -> tuple[str, bool]:
    """Keeps it; its id, and whether it was not there. What is entered in error stays, and is shown no more.

    Raises FaultyInput with the place of what cannot be shown, Conflict where the id is another's.
    """
    said = pushed.kept(resource)
    # one without a value names everything of its system
    identifiers = [one for one in resource.get("identifier", []) if one.get("value")]
    if faults := _faults(said, now):
        raise FaultyInput(faults)
    id_ = target or _named(tx, identifiers, known) or known.ids("beside", *_marks(identifiers, said))
    before = tx.resources.get("Observation", id_)
    if before is not None and tx.resources.sources_of("Observation", id_) != (course.BESIDE,):
        raise Conflict("this id is not free")
    made = {
        "resourceType": "Observation",
        "id": id_,
        "identifier": identifiers or (before.content.get("identifier", []) if before else []),
        "code": {"coding": _codings(said)},
        "subject": reference(f"Patient/{known.ids('patient')}"),
        **{name: said[name] for name in _SHOWN if name in said},
    }
    made = {name: value for name, value in made.items() if value != []}
    tx.resources.put(made, centre=known.enrolment.centre, course=known.ids.course, sources=[course.BESIDE], at=now)
    return id_, before is None


def _faults(said: Resource, now: datetime) -> list[Fault]:
    faults = []
    if said.get("status") not in (*beside.HOLDS, ERROR):
        known = ", ".join((*sorted(beside.HOLDS), ERROR))
        faults.append(Fault("Observation.status", f"only what stands is taken: {known}", "business-rule"))
    if "value" not in said.get("valueQuantity", {}):
        faults.append(Fault("Observation.value", "is a quantity with a number, for that is what is shown", "required"))
    when = said.get("effectiveDateTime") or said.get("effectiveInstant")
    day = PartialDate(when[:10]).exact if when else None
    if day is None:
        faults.append(Fault("Observation.effective", "needs the day on which it was taken", "required"))
    elif day > course.day_of(now):
        faults.append(Fault("Observation.effective", f"{day} has not come", "value"))
    return faults


def _named(tx: Tx, identifiers: list[Element], known: Known) -> str | None:
    """Id of the patient's Observation that is kept under one of these identifiers."""
    patient = known.ids("patient")
    for one in identifiers:
        token = "|".join(escaped(str(one.get(name, ""))) for name in ("system", "value"))
        wanted = [criteria.read("Observation", "identifier", token), criteria.read("Observation", "patient", patient)]
        page = tx.resources.search("Observation", wanted, Window(1), centres=[known.enrolment.centre])
        if page.matches:
            return page.matches[0].id
    return None


def _marks(identifiers: list[Element], said: Resource) -> tuple[str, ...]:
    if not identifiers:
        return (content_hash(said),)
    return (str(identifiers[0].get("system", "")), str(identifiers[0].get("value", "")))


def _codings(resource: Resource) -> list[Element]:
    """Without their displays, which are nobody's to believe."""
    codings = resource.get("code", {}).get("coding", [])
    return [{name: one[name] for name in ("system", "code") if name in one} for one in codings]
