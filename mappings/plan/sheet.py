"""What every part of one plan shares: the patient's facts, the doses of the day, ids, and how parts are referred to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from mappings.canonicals import Canonicals
from mappings.plan.dosing import PLAIN, Body, Dose, Rounding, dose
from mappings.plan.timeline import Step, day_date
from mappings.protocol.model import Line, Protocol
from mappings.protocol.overlay import NOTHING, Overlay
from mappings.r4.build import Element, Ids, reference


@dataclass(frozen=True, slots=True)
class Sheet:
    """`intent` is that of the leaves; `live` allows status active; `contained`: all of it goes into the CarePlan."""

    protocol: Protocol
    ids: Ids
    subject: Element
    intent: str
    live: bool
    day_zero: date | None
    body: Body
    formula: str
    dosed: bool
    contained: bool = False
    overlay: Overlay = NOTHING
    flags: tuple[str, ...] = ()
    doses: Mapping[str, Dose] = field(default_factory=dict)
    """Of each line a day, by its key; none in a draft."""

    @property
    def canonicals(self) -> Canonicals:
        return self.ids.canonicals

    @property
    def by_surface(self) -> bool:
        """Is any line dosed by body surface?"""
        return any(line.dose.per == "m2" for line in self.protocol.lines)

    @property
    def weight_reference(self) -> Element:
        return self._measure(self.body.weight_source, "plan-weight", self.body.weight_kg)

    @property
    def height_reference(self) -> Element:
        return self._measure(self.body.height_source, "plan-height", self.body.height_cm)

    @property
    def surface_of(self) -> str:
        """What tells one reckoned surface of this course from another."""
        return f"{self.formula}-{self.body.weight_kg}-{self.body.height_cm}"

    @property
    def surface_reference(self) -> Element:
        return self.to("Observation", "plan-bsa", self.surface_of)

    def _measure(self, source: str | None, item: str, value: object) -> Element:
        return reference(source) if source else self.to("Observation", item, value)

    def place(self, step: Step) -> date | None:
        """Date of a step; the centre's day for a visit to which the protocol gives none."""
        found = step.on(self.day_zero)
        day = self.overlay.visits[step.action].day if step.action in self.overlay.visits else None
        return day_date(self.day_zero, day) if found is None and day is not None and self.day_zero else found

    def to(self, kind: str, item: str, *occurrence: object) -> Element:
        """Reference to another part of this plan."""
        id_ = self.ids(item, *occurrence)
        return {"reference": f"#{id_}" if self.contained else f"{kind}/{id_}"}

    def based_on(self) -> Element:
        """`basedOn` the CarePlan; what is contained in it needs none."""
        return {} if self.contained else {"basedOn": [self.to("CarePlan", "care-plan")]}


def doses(protocol: Protocol, body: Body, formula: str, overlay: Overlay) -> dict[str, Dose]:
    """One day's amount of every line; `body` has passed `inputs.check`."""
    return {line.key: _of(line, body, formula, overlay) for line in protocol.lines}


def _of(line: Line, body: Body, formula: str, overlay: Overlay) -> Dose:
    detail = overlay.line(line.key)
    rounding = Rounding(detail.step_mg, each_dose=True) if detail.step_mg else PLAIN
    return dose(line, body, formula, rounding, detail.doses_per_day)
