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
    """One thing done (or not done) for `action`: on protocol day `day` where that was said, else on its date.

    `when` None: nobody knows the day.
    """

    action: str
    when: PartialDate | None
    words: str
    day: str = ""

    @property
    def on(self) -> date | None:
        """The day, where it is known."""
        return self.when.exact if self.when else None


def marks(enrolment: Enrolment, follow_ups: Sequence[FollowUp]) -> list[Mark]:
    """Everything done that the documents of one course report, in their order."""
    return [*_graft(enrolment), *(mark for visit in follow_ups for mark in _of(visit))]


def _graft(enrolment: Enrolment) -> Iterator[Mark]:
    transplant = enrolment.transplant
    if isinstance(transplant, Transplant) and transplant.day_zero and transplant.planned is False:
        yield Mark("graft", PartialDate(transplant.day_zero.isoformat()), "given")


def _of(visit: FollowUp) -> Iterator[Mark]:
    yield from (_dose(one, one.action) for one in _listed(visit.administrations) if isinstance(one.action, str))
    yield from (_cells(one) for one in _listed(visit.dli) if isinstance(one.number, int))
    yield from (_withheld(one) for one in _listed(visit.dli_withheld) if isinstance(one.number, int))
    yield Mark(f"visit-{visit.visit}", visit.date, "reported")


def _listed(section: tuple[T, ...] | Missing | None) -> tuple[T, ...]:
    return section if isinstance(section, tuple) else ()


def _dose(one: Administration, action: str) -> Mark:
    day = one.day if isinstance(one.day, str) else ""
    return Mark(action, _known(one.date), _amount(one.given) if one.performed else "not given", as_people_write(day))


def _cells(one: Dli) -> Mark:
    return Mark(f"pdli-{one.number}", _known(one.date), _amount(one.cd3_per_kg, "CD3 "))


def _withheld(one: DliWithheld) -> Mark:
    if one.reason is None:
        return Mark(f"pdli-{one.number}", _known(one.date), "withheld, no reason told")
    if isinstance(one.reason, Missing):
        return Mark(f"pdli-{one.number}", _known(one.date), f"withheld, reason missing ({one.reason.reason})")
    words = one.reason.text if isinstance(one.reason.text, str) else one.reason.key.replace("-", " ")
    return Mark(f"pdli-{one.number}", _known(one.date), f"withheld: {words}")


def _known(when: PartialDate | Missing) -> PartialDate | None:
    return None if isinstance(when, Missing) else when


def _amount(said: Said[Measured], what: str = "") -> str:
    if isinstance(said, Measured):
        return f"{what}{said.comparator or ''}{said.value} {said.unit}"
    return f"given, amount missing ({said.reason})" if isinstance(said, Missing) else AMOUNT_OPEN
