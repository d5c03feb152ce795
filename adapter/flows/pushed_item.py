"""Which item of a course a pushed resource tells of, and what is kept of it.

The item is known by its kind and first date, as a form's is, so that whoever tells it later tells the same one. The
resource keeps the id under which it was first stored; where the item was not known before and the sender chose an id,
the item takes that id.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from adapter.errors import Conflict
from adapter.flows import course, pushed_names
from adapter.flows.pushed_subject import Places
from mappings.facts import Enrolment, FollowUp
from mappings.intake import schema
from mappings.outcomes import map_course
from mappings.outcomes.retract import standing
from mappings.r4.build import Element, Ids, Resource
from mappings.r4.faults import Fault, FaultyInput
from mappings.r4.wire import content_hash
from mappings.registry import pushed
from mappings.registry.elements import observed_in

if TYPE_CHECKING:
    from adapter.config import Settings
    from adapter.store import Tx
    from adapter.store.submissions import Submission

_WHEN: dict[str, dict[str, str]] = {
    "Observation": dict.fromkeys(("date", "assessed", "onset"), "effective"),
    "Condition": {"onset": "onset", "date": "onset", "resolved": "abatement"},
    "Procedure": {"date": "performed"},
    "MedicationAdministration": {"date": "effective"},
    "MedicationStatement": {"started": "effective.start", "stopped": "effective.end", "date": "dateAsserted"},
    "Patient": {"date": "deceased"},
}
_AMOUNT = {"MedicationAdministration": "dosage.dose"}
_VALUES = {"grade", "severity", "marrow_blasts_percent", "donor_percent", "karnofsky", "category", "kind"}


@dataclass(slots=True)
class Known:
    """What is known of one course: its enrolment, its ids, and everything that was ever pushed, by row id."""

    enrolment: Enrolment
    ids: Ids
    rows: dict[str, Submission] = field(default_factory=dict)

    def row_id(self, kind: str, id_: str) -> str:
        return self.ids("pushed", kind, id_)

    def keep(self, row: Submission) -> None:
        """A row as it stands now."""
        self.rows[row.id] = row
        said = row.content
        self.ids = replace(self.ids, adopted={**self.ids.adopted, said["item"]: said["id"]})

    def named(self, kind: str, identifiers: list[Element]) -> str | None:
        """Id of what was pushed under one of these identifiers."""
        marks = {_mark(one) for one in identifiers}
        found = (said for said in self._of(kind) if marks & {_mark(one) for one in said["identifiers"]})
        return next((said["id"] for said in found), None)

    def claims(self, kind: str, item: str) -> list[Element]:
        """Identifiers of what was pushed of an item."""
        return [one for said in self._of(kind) if said["item"] == item for one in said["identifiers"]]

    def _of(self, kind: str) -> list[dict[str, Any]]:
        held = (row for row in self.rows.values() if row.status == "recorded")
        return [row.content for row in held if row.content["resource"]["resourceType"] == kind]


@dataclass(frozen=True, slots=True)
class Understood:
    """`id`: of the resource; `content`: what is kept of it."""

    id: str
    content: dict[str, Any]


def understood(
    tx: Tx,
    resource: Resource,
    target: str | None,
    identifiers: list[Element],
    known: Known,
    places: Places,
    settings: Settings,
    now: datetime,
) -> Understood:
    """Raises FaultyInput with what is not understood, by its place in the resource; Conflict for another's id."""
    kind = resource["resourceType"]
    said, about, own = pushed_names.resolved(tx, resource, known.ids, known.rows, places, settings)
    id_ = target or known.named(kind, identifiers)
    row = known.rows.get(known.row_id(kind, id_)) if id_ else None
    content = {
        "resource": said,
        "about": about,
        "on": pushed.told_on(resource, course.day_of(now)).isoformat(),
        "base": known.ids.canonicals.base,
        "identifiers": identifiers or (row.content["identifiers"] if row else []),
    } | ({"own": own} if own else {})
    if row is not None and all(row.content[name] == content[name] for name in ("resource", "about")):
        content |= {name: row.content[name] for name in ("on", "own") if name in row.content}
    name = id_ or known.ids("pushed-as", kind, _mark(identifiers[0]) if identifiers else content_hash(said))
    require_sound(visit_of(content, kind, name, known), kind, known, now)
    item = _item(content, kind, name, known)
    if _is_another(kind, item, id_, identifiers, known):
        content["own"] = str(identifiers[0].get("value", ""))
        before, item = item, _item(content, kind, name, known)
        if item == before:
            raise Conflict(f"another {kind} of this day is kept under another identifier")
    if id_ is None and item != _item(content, kind, "?", known):
        # nothing but the resource itself tells it from others of its kind
        return Understood(name, content | {"id": name, "item": item})
    id_ = _identity(tx, kind, id_, item, known)
    return Understood(id_, content | {"id": id_, "item": item})


def _identity(tx: Tx, kind: str, wanted: str | None, item: str, known: Known) -> str:
    """The id that the item has, or else the one that is wanted for it."""
    current = known.ids.adopted.get(item, item)
    if wanted in (None, current):
        return current
    there, before = tx.resources.get(kind, current), tx.resources.get(kind, str(wanted))
    if there is not None and standing(there.content) != "entered-in-error":
        if before is None:
            return current
        raise Conflict(f"this is already kept as {kind}/{current}")
    if before is not None and any("/fhir/" not in source for source in tx.resources.sources_of(kind, before.id)):
        raise Conflict("a follow-up tells of this, on another day: correct it there")
    return str(wanted)


def of_patient(resource: Resource, known: Known, now: datetime) -> dict[str, Any]:
    """What is kept of a Patient: the death alone."""
    id_ = known.ids("patient")
    content = {
        "resource": pushed.kept(resource),
        "about": [],
        "on": course.day_of(now).isoformat(),
        "base": known.ids.canonicals.base,
        "identifiers": [],
        "id": id_,
        "item": id_,
    }
    row = known.rows.get(known.row_id("Patient", id_))
    if row is not None and row.content["resource"] == content["resource"]:
        content["on"] = row.content["on"]
    require_sound(visit_of(content, "Patient", id_, known), "Patient", known, now)
    return content


def visit_of(content: dict[str, Any], kind: str, id_: str, known: Known) -> FollowUp:
    """The facts that such content tells."""
    enrolment = known.enrolment
    return pushed.visit_of(
        content["resource"],
        content["about"],
        key=(enrolment.centre, enrolment.patient, f"fhir/{kind}/{id_}"),
        on=date.fromisoformat(content["on"]),
        canonicals=known.ids.canonicals,
        own=content.get("own"),
    )


def require_sound(visit: FollowUp, kind: str, known: Known, now: datetime) -> None:
    """A form with these facts would be accepted. Raises FaultyInput with the places in the resource."""
    document = schema.to_document(replace(visit, visit="unscheduled"))
    faults = schema.cross_check(visit, known.enrolment)
    try:
        schema.follow_up(document, course.day_of(now))
    except FaultyInput as error:
        faults += [fault for fault in error.faults if fault.code != "required"]
    if faults:
        raise FaultyInput([replace(fault, path=_place(kind, fault.path)) for fault in faults])


def _place(kind: str, path: str) -> str:
    """Where in the resource a form's field stands."""
    name = path.rpartition(".")[2]
    if name in ("unit", "value", "comparator"):
        return f"{kind}.{_AMOUNT.get(kind, 'value')}.{name}"
    when = _WHEN.get(kind, {}).get(name)
    if when:
        return f"{kind}.{when}"
    return f"{kind}.value" if kind == "Observation" and name in _VALUES else kind


def _item(content: dict[str, Any], kind: str, name: str, known: Known) -> str:
    """Id that the course gives the thing of which the resource tells, before anything is adopted."""
    visit, plain = visit_of(content, kind, name, known), Ids(known.ids.course, known.ids.canonicals)
    mapped = (one.resource for one in map_course(known.enrolment, [visit], plain) if visit.key in one.sources)
    same = [one for one in mapped if one["resourceType"] == kind]
    observed = observed_in(content["resource"], known.ids.canonicals) if kind == "Observation" else None
    same = [one for one in same if observed is None or observed_in(one, known.ids.canonicals) == observed]
    dated = "effectiveDateTime" in content["resource"]
    like = [one for one in same if ("effectiveDateTime" in one) == dated] or same
    if not like:
        raise FaultyInput([Fault(kind, "tells nothing that is kept here", "not-supported")])
    id_: str = like[0]["id"]
    return id_


def _is_another(kind: str, item: str, id_: str | None, identifiers: list[Element], known: Known) -> bool:
    """Is the item told already by a resource that the same system names otherwise?"""
    if id_ is not None or not identifiers:
        return False
    claims = {_mark(one) for one in known.claims(kind, item)}
    systems = {mark.partition("|")[0] for mark in claims}
    return any(str(one.get("system", "")) in systems and _mark(one) not in claims for one in identifiers)


def _mark(identifier: Element) -> str:
    return f"{identifier.get('system', '')}|{identifier.get('value', '')}"
