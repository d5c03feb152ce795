"""How much of each resource is sent: `_summary` and `_elements`, for searches and reads alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mappings.r4 import subset
from mappings.r4.build import Resource
from mappings.r4.faults import Fault

NAMES = ("_summary", "_elements")
SUMMARIES: Mapping[str, Callable[[Resource], Resource] | None] = {
    "true": subset.summary,
    "text": subset.narrative,
    "data": subset.data,
    "count": None,
    "false": None,
}


@dataclass(frozen=True, slots=True)
class Shape:
    """`summary` as R4 names it, or the `elements` wanted; neither: the whole resource."""

    summary: str = ""
    elements: tuple[str, ...] = ()

    @property
    def counts_only(self) -> bool:
        return self.summary == "count"

    @property
    def said(self) -> list[tuple[str, str]]:
        """As parameters."""
        return [("_summary", self.summary), ("_elements", ",".join(self.elements))]

    def of(self, resource: Resource) -> Resource:
        """The wanted part, marked as a part."""
        return subset.only(resource, self.elements) if self.elements else self.of_included(resource)

    def of_included(self, resource: Resource) -> Resource:
        """The same for what was included: `_elements` names elements of the searched type only."""
        part = SUMMARIES.get(self.summary)
        return part(resource) if part else resource


WHOLE = Shape()


def read(kind: str, said: Mapping[str, str], faults: list[Fault], *, search: bool = True) -> Shape:
    """The shape that the parameters ask for; what is not understood goes to `faults`. Only a search can count."""
    summary, elements = said.get("_summary", ""), tuple(filter(None, said.get("_elements", "").split(",")))
    known = [one for one in SUMMARIES if search or one != "count"]
    if summary and summary not in known:
        faults.append(Fault("_summary", f"is one of {', '.join(known)}", "value"))
    if summary and elements:
        faults.append(Fault("_elements", "is asked for without _summary", "invalid"))
    strange = [name for name in elements if not subset.knows(kind, name)]
    if strange:
        faults.append(Fault("_elements", f"{kind} has no element {', '.join(strange)} at its root", "value"))
    return Shape(summary, () if strange else elements)
