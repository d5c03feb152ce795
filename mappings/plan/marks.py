"""What a centre said was done: doses given, the graft, donor lymphocytes given or withheld, visits made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from mappings.facts import Administration, Dli, DliWithheld, Enrolment, FollowUp, Measured, Missing, Said, Transplant
from mappings.facts.values import PartialDate
from mappings.plan.reading import as_people_write

T = TypeVar("T")

AMOUNT_OPEN = "given, amount not reported"


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing done (or withheld) for `action`: on protocol day `day` where that was said, else on its date."""

    action: str
    when: PartialDate
    words: str
    day: str = ""

    @property
    def on(self) -> date | None:
        """The day, where it is known."""
        return self.when.exact


def marks(enrolment: Enrolment, follow_ups: Sequence[FollowUp]) -> list[Mark]:
    """Everything done that the documents of one course report, in their order."""
    return [*_graft(enrolment), *(mark for visit in follow_ups for mark in _of(visit))]


def _graft(enrolment: Enrolment) -> Iterator[Mark]:
    transplant = enrolment.transplant
    if isinstance(transplant, Transplant) and transplant.date and not transplant.planned:
        yield Mark("graft", PartialDate(transplant.date.isoformat()), "given")


def _of(visit: FollowUp) -> Iterator[Mark]:
    yield from map(_dose, _listed(visit.administrations))
    yield from map(_cells, _listed(visit.dli))
    yield from map(_withheld, _listed(visit.dli_withheld))
    yield Mark(f"visit-{visit.visit}", visit.date, "reported")


def _listed(section: tuple[T, ...] | Missing | None) -> tuple[T, ...]:
    return section if isinstance(section, tuple) else ()


def _dose(one: Administration) -> Mark:
    return Mark(one.action, PartialDate(one.date.isoformat()), _amount(one.given), as_people_write(one.day or ""))


def _cells(one: Dli) -> Mark:
    return Mark(f"pdli-{one.number}", one.date, _amount(one.cd3_per_kg, "CD3 "))


def _withheld(one: DliWithheld) -> Mark:
    reason = one.reason.text or one.reason.key.replace("-", " ")
    return Mark(f"pdli-{one.number}", one.date, f"withheld: {reason}")


def _amount(said: Said[Measured], what: str = "") -> str:
    if isinstance(said, Measured):
        return f"{what}{said.comparator or ''}{said.value} {said.unit}"
    return f"given, amount missing ({said.reason})" if isinstance(said, Missing) else AMOUNT_OPEN
