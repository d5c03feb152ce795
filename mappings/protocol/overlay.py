"""What a centre adds to a protocol where the protocol leaves it open, and where it deviates, with its reason.

An overlay never changes a number of the protocol by itself: only a `Deviation` does, and it shows on each order that
it touches. Days count from day zero; amounts are Decimals as written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache

from mappings.protocol.model import Days, DoseBasis, Line, Phase, Protocol


@dataclass(frozen=True, slots=True)
class Product:
    """A product of the centre's formulary."""

    text: str
    codes: tuple[tuple[str, str], ...] = ()
    """(system URI, code)."""


@dataclass(frozen=True, slots=True)
class LineDetail:
    """How a centre gives a line. `step_mg`: each dose is rounded half up to it. `infusion`: in words."""

    step_mg: Decimal | None = None
    doses_per_day: int | None = None
    infusion: str | None = None
    route: str | None = None
    product: Product | None = None


@dataclass(frozen=True, slots=True)
class TaperStep:
    """`percent` of the full dose from `first` to `last`; or words alone."""

    first: int
    last: int
    percent: Decimal | None
    text: str | None


@dataclass(frozen=True, slots=True)
class CellDose:
    """CD3 cells per kg of body weight in one donor lymphocyte infusion, `10*6/kg`."""

    amount: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class VisitPlace:
    """When a visit may take place: `first` to `last` day; `day` where the protocol gives none."""

    day: int | None = None
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Deviation:
    """A number of the protocol that the centre replaces for a line, and why."""

    line: str
    reason: str
    dose: DoseBasis | None = None
    days: Days | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """One centre's additions to one protocol; `centre` None: there are none."""

    centre: str | None = None
    protocol: str = ""
    supportive_care: tuple[str, ...] = ()
    lines: Mapping[str, LineDetail] = field(default_factory=dict)
    tapers: Mapping[str, tuple[TaperStep, ...]] = field(default_factory=dict)
    infusions: Mapping[str, CellDose] = field(default_factory=dict)
    visits: Mapping[str, VisitPlace] = field(default_factory=dict)
    deviations: tuple[Deviation, ...] = ()

    def line(self, key: str) -> LineDetail:
        return self.lines.get(key, _PLAIN)

    def deviation(self, key: str) -> Deviation | None:
        return next((one for one in self.deviations if one.line == key), None)

    def laid_over(self, protocol: Protocol) -> Protocol:
        """The protocol with the centre's deviations in place of its numbers."""
        return _deviated(self, protocol) if self.deviations else protocol


_PLAIN = LineDetail()
NOTHING = Overlay()


@lru_cache(maxsize=64)
def _deviated(overlay: Overlay, protocol: Protocol) -> Protocol:
    """Once for each pair, so that what is cached by protocol is found again."""
    return replace(protocol, phases=tuple(_phase(overlay, phase) for phase in protocol.phases))


def _phase(overlay: Overlay, phase: Phase) -> Phase:
    return replace(phase, lines=tuple(_line(overlay, line) for line in phase.lines))


def _line(overlay: Overlay, line: Line) -> Line:
    found = overlay.deviation(line.key)
    return replace(line, dose=found.dose or line.dose, days=found.days or line.days) if found else line
