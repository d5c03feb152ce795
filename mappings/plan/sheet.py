"""What every part of one plan shares: the patient's facts, the doses of the day, ids, and how parts are referred to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property

from mappings.canonicals import Canonicals
from mappings.plan.dosing import PLAIN, Body, Dose, Rounding, measure, of_measure
from mappings.plan.timeline import Step, day_date
from mappings.protocol.model import Line, Protocol
from mappings.protocol.overlay import NOTHING, Overlay
from mappings.r4.build import Element, Ids
from mappings.r4.frozen import frozen


@dataclass(frozen=True, slots=True)
class Shared:
    """What the orders of one line have in common, made once for a plan: its days point to the same parts.

    `words`: the arithmetic; `remarks`: what must not be overlooked; `basis`: by what a dose is reckoned;
    `calculation`, `ordered`, `how`, `limits`: parts of the dosage; `amount` None: not dosed.
    """

    words: str
    remarks: tuple[str, ...]
    amount: Dose | None
    times: int
    calculation: list[Element]
    ordered: Element
    how: Element
    limits: Element
    basis: list[Element]


@dataclass(frozen=True)
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
    flagged_from: date | None = None
    doses: Mapping[str, Dose] = field(default_factory=dict)
    """Of each line a day, by its key; none in a draft."""
    shared: dict[str, Shared] = field(default_factory=dict)
    """What the days of each line have in common, by its key, once it was asked for."""
    known: dict[tuple[object, ...], str] = field(default_factory=dict)
    """Ids that were made, by item and occurrence."""

    @cached_property
    def request_system(self) -> str:
        return self.canonicals.sid("request")

    @cached_property
    def group(self) -> Element:
        """What ties all requests of one course together; they share it, so that it never changes."""
        return frozen({"system": self.canonicals.sid("course"), "value": self.ids.course})

    @cached_property
    def canonicals(self) -> Canonicals:
        return self.ids.canonicals

    @cached_property
    def by_surface(self) -> bool:
        """Is any line dosed by body surface?"""
        return any(line.dose.per == "m2" for line in self.protocol.lines)

    @cached_property
    def bmi(self) -> Decimal | None:
        """kg/m2 of the patient, where both measures are known."""
        return self.body.bmi

    @cached_property
    def weight(self) -> str:
        """Reference to the weight that was used, and (below) the height and the surface."""
        return self.body.weight_source or self._place("Observation", "plan-weight", self.body.weight_kg)

    @cached_property
    def height(self) -> str:
        return self.body.height_source or self._place("Observation", "plan-height", self.body.height_cm)

    @cached_property
    def surface(self) -> str:
        return self._place("Observation", "plan-bsa", self.surface_of)

    @property
    def surface_of(self) -> str:
        """What tells one reckoned surface of this course from another."""
        return f"{self.formula}-{self.body.weight_kg}-{self.body.height_cm}"

    def place(self, step: Step) -> date | None:
        """Date of a step; the centre's day for a visit to which the protocol gives none."""
        found = step.on(self.day_zero)
        day = self.overlay.visits[step.action].day if step.action in self.overlay.visits else None
        return day_date(self.day_zero, day) if found is None and day is not None and self.day_zero else found

    def to(self, kind: str, item: str, *occurrence: object) -> Element:
        """Reference to another part of this plan."""
        return {"reference": self._place(kind, item, *occurrence)}

    def id(self, item: str, *occurrence: object) -> str:
        """Id of a part of this plan; it is asked for by the part and by who refers to it."""
        key = (item, *occurrence)
        known = self.known.get(key)
        if known is None:
            known = self.known[key] = self.ids(item, *occurrence)
        return known

    def _place(self, kind: str, item: str, *occurrence: object) -> str:
        return self.link(kind, self.id(item, *occurrence))

    def link(self, kind: str, id_: str) -> str:
        """How another part of this plan is referred to."""
        return f"#{id_}" if self.contained else f"{kind}/{id_}"

    def based_on(self) -> Element:
        """`basedOn` the CarePlan; what is contained in it needs none."""
        return {} if self.contained else {"basedOn": [{"reference": self._plan}]}

    @cached_property
    def _plan(self) -> str:
        return self._place("CarePlan", "care-plan")


def doses(protocol: Protocol, body: Body, formula: str, overlay: Overlay) -> dict[str, Dose]:
    """One day's amount of every line; `body` has passed `inputs.check`."""
    measures = {per: measure(per, body, formula) for per in {line.dose.per for line in protocol.lines}}
    return {line.key: _of(line, measures[line.dose.per], overlay) for line in protocol.lines}


def _of(line: Line, measured: Decimal, overlay: Overlay) -> Dose:
    detail = overlay.line(line.key)
    rounding = Rounding(detail.step_mg, each_dose=True) if detail.step_mg else PLAIN
    return of_measure(line, measured, rounding, detail.doses_per_day)
