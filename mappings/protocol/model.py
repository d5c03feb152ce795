"""A treatment protocol as plain frozen values. Days count from the anchor (day 0); amounts are Decimals as written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any, TypeVar

MILLIGRAMS = {"mg": Decimal(1), "g": Decimal(1000)}


@dataclass(frozen=True, slots=True)
class Clause:
    """What every part of a protocol carries: the trial's own sentence, and what we had to read into it."""

    key: str
    source: str
    title: str
    interpretation: str | None = None


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `amount` `unit` per dose, `times_a_day` times."""

    amount: Decimal
    unit: str
    times_a_day: int

    @property
    def per_dose_mg(self) -> Decimal:
        return self.amount * MILLIGRAMS[self.unit]

    @property
    def per_day_mg(self) -> Decimal:
        return self.per_dose_mg * self.times_a_day


FIXED = "fixed"
"""Basis of an amount that no measure of the patient changes."""


@dataclass(frozen=True, slots=True)
class DoseBasis:
    """`amount` `unit` a day: per kg of body weight, per m2 of body surface, or `fixed` for every patient.

    `times_a_day`: in how many equal doses, where the protocol says so without a cap.
    """

    amount: Decimal
    unit: str
    per: str
    at_most: Cap | None = None
    times_a_day: int | None = None

    @property
    def ucum(self) -> str:
        """`mg/kg`, `mg/m2` or `mg`."""
        return self.unit if self.per == FIXED else f"{self.unit}/{self.per}"

    @property
    def open(self) -> bool:
        """Is it a daily amount alone, whose doses a day are the centre's?"""
        return self.at_most is None and self.times_a_day is None

    @property
    def doses_per_day(self) -> int:
        """As many as the protocol says; where it gives a daily amount only, one."""
        return self.times_a_day or (self.at_most.times_a_day if self.at_most else 1)


@dataclass(frozen=True, slots=True)
class Days:
    """Days of a line: a closed list, or (`until` a taper) open-ended from the first day."""

    first: int
    listed: tuple[int, ...] = ()
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Cycles:
    """`count` cycles of `days` days, counted from 1. Day 1 of cycle 1 is day zero."""

    count: int
    days: int

    def unfold(self, listed: tuple[int, ...]) -> tuple[int, ...]:
        """Days of a cycle as days from day zero, in every cycle."""
        return tuple(cycle * self.days + day - 1 for cycle in range(self.count) for day in listed)

    def folded(self, days: tuple[int, ...]) -> tuple[int, ...]:
        """Days from day zero as the days of one cycle, the inverse of `unfold`."""
        return tuple(day + 1 for day in days if day < self.days)

    def number(self, day: int) -> int:
        """In which cycle, from 1, a day from day zero lies."""
        return day // self.days + 1

    def day(self, day: int) -> int:
        """Which day of its cycle, from 1, a day from day zero is."""
        return day % self.days + 1

    def name(self, day: int) -> str:
        """A day from day zero as people write it: `C1D1`, `C2D8`."""
        return f"C{self.number(day)}D{self.day(day)}"


@dataclass(frozen=True, slots=True)
class Total:
    """A sum that the protocol states, e.g. 1600 `mg/m2`."""

    amount: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class Totals:
    """What the protocol states of one line: a day's, a cycle's, the whole course's amount. Checked, never derived."""

    day: Total | None = None
    cycle: Total | None = None
    course: Total | None = None


@dataclass(frozen=True, slots=True)
class Line(Clause):
    """One drug line. `route` and `over_minutes` (one infusion a day) only where the protocol says so."""

    drug: str = ""
    dose: DoseBasis = DoseBasis(Decimal(0), "mg", "kg")
    days: Days = Days(0)
    route: str | None = None
    over_minutes: int | None = None
    total: Totals = Totals()


@dataclass(frozen=True, slots=True)
class OpenLine(Clause):
    """A drug line with a `dose` that is not calculated here, in the protocol's words (`AUC 5`); `open` says why not."""

    drug: str = ""
    dose: str = ""
    days: Days = Days(0)
    open: str = ""
    route: str | None = None
    over_minutes: int | None = None


@dataclass(frozen=True, slots=True)
class Rest(Clause):
    """Days that are kept free."""

    procedure: str = ""
    days: Days = Days(0)


@dataclass(frozen=True, slots=True)
class Anchor(Clause):
    """Day zero: a procedure, or the first day of a drug `line`.

    `kind_of`: wider procedures, for readers who do not know our own code.
    """

    procedure: str = ""
    kind_of: tuple[str, ...] = ()
    line: str | None = None


@dataclass(frozen=True, slots=True)
class Taper(Clause):
    """The end of a line: may begin in the window, behind its gate, after another taper; its steps are open."""

    of: str = ""
    procedure: str = ""
    first: int = 0
    last: int = 0
    gate: str = ""
    open: str = ""
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Infusions(Clause):
    """`count` infusions, none before day `first`, each behind the gate; the cell dose is open."""

    procedure: str = ""
    count: int = 0
    first: int = 0
    gate: str = ""
    open: str = ""

    def numbered(self) -> tuple[str, ...]:
        """Action keys: `pdli-1`, `pdli-2`, ..."""
        return tuple(f"{self.key}-{number}" for number in range(1, self.count + 1))


@dataclass(frozen=True, slots=True)
class Phase(Clause):
    """A part of the regimen. `centre_decides` says in a sentence that the protocol leaves it to the centre.

    Where it has `cycles`, the days of its lines are unfolded already: they count from day zero like all others.
    """

    cycles: Cycles | None = None
    lines: tuple[Line, ...] = ()
    open_lines: tuple[OpenLine, ...] = ()
    rests: tuple[Rest, ...] = ()
    anchor: Anchor | None = None
    tapers: tuple[Taper, ...] = ()
    infusions: tuple[Infusions, ...] = ()
    centre_decides: str | None = None


@dataclass(frozen=True, slots=True)
class Criterion:
    """One fact of a gate and what it must be."""

    fact: str
    at_least: int | None = None
    at_most: int | None = None
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Gate(Clause):
    """All criteria must be met before a gated action may start."""

    criteria: tuple[Criterion, ...] = ()


@dataclass(frozen=True, slots=True)
class Objective(Clause):
    """A study objective; the primary one carries the goal that it sets for a patient."""

    primary: bool = False
    goal: str | None = None
    due_months: int | None = None


@dataclass(frozen=True, slots=True)
class Visit(Clause):
    """A follow-up visit by calendar months after day zero; None: the protocol gives no date."""

    months: int | None = None


@dataclass(frozen=True, slots=True)
class Assay(Clause):
    """An immune panel by days after day zero."""

    day: int = 0


@dataclass(frozen=True, slots=True)
class Panel:
    """Cell subsets that each assay counts."""

    subsets: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True)
class FollowUpPlan(Clause):
    """Visits, what is asked at each, assays and their panel."""

    items: tuple[Clause, ...] = ()
    visits: tuple[Visit, ...] = ()
    assays: tuple[Assay, ...] = ()
    panel: Panel | None = None


@dataclass(frozen=True, slots=True)
class Horizon:
    """A time after day zero, in days or in calendar months."""

    days: int | None = None
    months: int | None = None


@dataclass(frozen=True, slots=True)
class Endpoint(Clause):
    """A study endpoint: the ids of the measures that answer it, and when."""

    measures: tuple[str, ...] = ()
    at: tuple[Horizon, ...] = ()


@dataclass(frozen=True, slots=True)
class Term:
    """A drug or procedure that the terminology does not have, with its codes (`RXNORM:12574`) and where they stand."""

    key: str
    text: str
    codes: tuple[str, ...]
    found_in: str


@dataclass(frozen=True, slots=True)
class Terms:
    """The protocol's own additions to the tables of the same names."""

    drugs: tuple[Term, ...] = ()
    procedures: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Protocol:
    """A whole protocol. `key` names its PlanDefinition. `headings`: words of its text that only name what follows.

    Compared by identity: a cheap key to look up.
    """

    key: str
    name: str
    title: str
    purpose: str
    setting: tuple[Clause, ...]
    objectives: tuple[Objective, ...]
    phases: tuple[Phase, ...]
    gates: tuple[Gate, ...]
    endpoints: tuple[Endpoint, ...]
    follow_up: FollowUpPlan = FollowUpPlan("follow-up", "", "Follow-up")
    codes: Terms = Terms()
    headings: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[Line, ...]:
        return _lines(self)

    @property
    def open_lines(self) -> tuple[OpenLine, ...]:
        return tuple(line for phase in self.phases for line in phase.open_lines)

    @property
    def drug_lines(self) -> tuple[Line | OpenLine, ...]:
        """Every line that gives a drug, dosed here or not."""
        return (*self.lines, *self.open_lines)

    @property
    def tapers(self) -> tuple[Taper, ...]:
        return tuple(taper for phase in self.phases for taper in phase.tapers)

    @property
    def anchor(self) -> Anchor:
        return next(phase.anchor for phase in self.phases if phase.anchor)

    def gate(self, key: str) -> Gate:
        return next(gate for gate in self.gates if gate.key == key)

    def last_full_day(self, line: Line) -> int:
        """Last day of a line; for one that goes on until its taper, the nominal day before the taper may begin."""
        if line.days.until is None:
            return line.days.listed[-1]
        return next(taper.first for taper in self.tapers if taper.key == line.days.until) - 1


Part = TypeVar("Part", bound=Clause)


def placed(protocol: Protocol, kind: type[Part]) -> Iterator[tuple[str, Part]]:
    """Every clause of one kind with its path in the YAML, in the order of the YAML."""
    for path, value in _walk(protocol, ""):
        if isinstance(value, kind):
            yield path, value


def _walk(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, tuple):
        for place, item in enumerate(value):
            yield from _walk(item, f"{path}.{place}")
    elif names := _parts(value.__class__):
        yield path, value
        for name in names:
            yield from _walk(getattr(value, name), f"{path}.{name}".lstrip("."))


@lru_cache(maxsize=64)
def _lines(protocol: Protocol) -> tuple[Line, ...]:
    """Put together once: a plan asks for them seven times."""
    return tuple(line for phase in protocol.phases for line in phase.lines)


@cache
def _parts(kind: type[Any]) -> tuple[str, ...]:
    """Fields of a model class; nothing for any other type."""
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()
