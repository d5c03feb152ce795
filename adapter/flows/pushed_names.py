"""What a pushed resource names: the episode or infusion that it is about, and the order that a dose follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from adapter.flows.pushed_subject import Places, local
from mappings.outcomes.retract import standing
from mappings.r4.build import Ids, Resource
from mappings.r4.faults import Fault, FaultyInput
from mappings.registry import pushed
from mappings.registry.pushed_checks import may_be_of_another, tells_of

if TYPE_CHECKING:
    from adapter.config import Settings
    from adapter.store import Tx
    from adapter.store.submissions import Submission

_POINTS = ("focus", "partOf")
_ELSE = "is about something that is not known here as this patient's"


def resolved(
    tx: Tx, resource: Resource, ids: Ids, rows: Mapping[str, Submission], places: Places, settings: Settings
) -> tuple[Resource, list[Resource], str | None]:
    """What is kept of a resource, with references of ours; what it names; and by what the centre knows that item.

    Raises FaultyInput for an order of another course.
    """
    said, about = pushed.kept(resource), []
    own: str | None = None
    for element in _POINTS:
        named = said.pop(element, [])
        for reference in (one.get("reference", "") for one in named):
            place = local(reference, places, settings)
            found = _context(tx, *place, ids, rows) if place else None
            if found and tells_of(resource, found[0], ids.canonicals):
                said[element] = [{"reference": f"{found[0]['resourceType']}/{found[0]['id']}"}]
                about.append(found[0])
                own = found[1] or own
            elif element == "focus" and may_be_of_another(resource, ids.canonicals) and not _own(found, place, ids):
                raise FaultyInput([Fault("Observation.focus", _ELSE, "not-supported")])
    if "request" in said:
        said["request"] = _order(tx, said["request"], ids, places, settings)
    return said, about, own


def _own(found: tuple[Resource, str | None] | None, place: tuple[str, str] | None, ids: Ids) -> bool:
    """The patient, or a disease of theirs: such a focus changes nothing. A donor's count is no count of the patient."""
    return place == ("Patient", ids("patient")) or (found is not None and found[0]["resourceType"] == "Condition")


def _context(
    tx: Tx, kind: str, id_: str, ids: Ids, rows: Mapping[str, Submission]
) -> tuple[Resource, str | None] | None:
    """The resource that is named, where it is one of this course, and what tells its item from others."""
    row = rows.get(ids("pushed", kind, id_))
    if row is not None and row.status == "recorded":
        return pushed.context(row.content["resource"] | {"id": id_}), row.content.get("own")
    stored = tx.resources.get(kind, id_)
    if stored is None or stored.course != ids.course or standing(stored.content) == "entered-in-error":
        return None
    marks = (one for one in stored.content.get("identifier", []) if one.get("system") == ids.canonicals.sid("fact"))
    told = next((str(one["value"]).split("/", 2) for one in marks), [])
    # what a course has once, as its disease or its graft, is known by its kind alone
    return pushed.context(stored.content), told[2] if len(told) > 2 else None


def _order(tx: Tx, request: Resource, ids: Ids, places: Places, settings: Settings) -> Resource:
    """An order of this course by its identifier, however it was named. Raises FaultyInput for that of another."""
    if "identifier" in request:
        named = request["identifier"]
        course, slash, _ = str(named.get("value", "")).partition("/")
        if slash and named.get("system") == ids.canonicals.sid("request") and course != ids.course:
            told = "names an order of another course"
            raise FaultyInput([Fault("MedicationAdministration.request.identifier", told, "business-rule")])
        return {"identifier": named}
    place = local(str(request.get("reference", "")), places, settings)
    stored = tx.resources.get(*place) if place and place[0] == "MedicationRequest" else None
    return {"identifier": stored.content["identifier"][0]} if stored and stored.course == ids.course else {}
