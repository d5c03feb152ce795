"""EBMT's form of day 0, from what the enrolment told and the graft: of one de-identified record, resource by resource.

The other forms are read from a Course, which holds what happened after the graft; this one is of before and of the day
itself. A planned graft is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mappings.canonicals import DEFAULT, Canonicals
from mappings.facts import Measured, PartialDate, Word
from mappings.r4.build import Element, Resource
from mappings.registry.course import Course
from mappings.registry.ebmt import Line, filled
from mappings.registry.elements import answer, measured, moment, observed_in, reference, word
from mappings.registry.pieces import holds
from mappings.terminology.codes import key_of

FORM = "day-0"
BODY = {"weight": "kg", "height": "cm"}
CELLS = ("graft-cd34", "graft-cd3")
EXTENSIONS = {"transplant-donor": ("donor", "donor"), "graft-source": ("graft", "cell_source")}
"""Our extensions of the Procedure, whose words they hold, and the fact that they are."""


def line(course: Course, resources: Sequence[Resource], dates: str, canonicals: Canonicals = DEFAULT) -> Line | None:
    """The form, None where the graft has no exact day. `resources`: those that `course` was read from."""
    graft = course.day_zero
    if graft is None or graft.imputed:
        return None
    mine = [one for one in resources if one["resourceType"] not in ("Condition", "Observation") or holds(one)]
    facts = {
        "patient": course.patient,
        "form": FORM,
        "scheduled": PartialDate(graft.day.isoformat()),
        "graft": PartialDate(graft.day.isoformat()),
        **_person(mine),
        **_leukaemia(mine, canonicals),
        **_graft([one for one in mine if reference(one) == graft.source], canonicals),
        **_measures(mine, graft.written, canonicals),
    }
    return dict(filled(FORM, facts, graft.day, dates))


def _person(resources: Iterable[Resource]) -> dict[str, Any]:
    said: Resource = next((one for one in resources if one["resourceType"] == "Patient"), {})
    return {"birth_year": said.get("birthDate"), "sex": said.get("gender", "")}


def _leukaemia(resources: Iterable[Resource], canonicals: Canonicals) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in resources:
        if one["resourceType"] == "Condition" and key_of("conditions", one.get("code", {}), canonicals) == "aml":
            found |= {"diagnosis": "acute myeloid leukaemia", "diagnosed": _date(moment(one, "onset"))}
        elif _observed(one, canonicals) == "disease-status":
            found["disease_status"] = _told(answer(one, "disease-status", canonicals))
    return found


def _graft(procedures: Iterable[Resource], canonicals: Canonicals) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in procedures:
        extensions: list[Element] = one.get("extension", [])
        for name, (group, fact) in EXTENSIONS.items():
            concepts = (
                each["valueCodeableConcept"] for each in extensions if each["url"] == canonicals.extension(name)
            )
            found[fact] = _told(word(next(concepts, None), group, canonicals))
    return found


def _measures(resources: Iterable[Resource], until: str, canonicals: Canonicals) -> dict[str, Any]:
    """Cells of the graft; the last weight and height up to its day; blasts without a day, as enrolments tell them."""
    found: dict[str, Any] = {}
    last: dict[str, str] = {}
    for one in resources:
        name, value, when = _observed(one, canonicals), measured(one), _date(moment(one, "effective"))
        if name is None or not isinstance(value, Measured):
            continue
        written = str(when) if when else ""
        if name in CELLS or (name == "blasts" and not when):
            found[name] = _amount(value)
        elif name in BODY and value.unit == BODY[name] and last.get(name, "") <= written <= until:
            found[name], last[name] = _amount(value), written
    return found


def _observed(resource: Resource, canonicals: Canonicals) -> str | None:
    return observed_in(resource, canonicals) if resource["resourceType"] == "Observation" else None


def _amount(value: Measured) -> str:
    """As it was written, `<` and `>` too."""
    return f"{value.comparator or ''}{value.value}"


def _date(said: Any) -> PartialDate | None:
    return said if isinstance(said, PartialDate) else None


def _told(said: Any) -> str:
    return said.key if isinstance(said, Word) else ""
