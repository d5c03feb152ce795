"""What is past the period for which a centre keeps records: listed, and erased where somebody, or the setting, says so.

A period is the centre's own and there is none by default: law, contract and the archive of the study decide it. It
begins with the last document that the centre handed in about a patient, and not before a day that the centre may name,
such as the end of the study.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from adapter.config import Retention, Settings
from adapter.errors import Conflict, NotFound
from adapter.flows.course import day_of
from adapter.flows.erasure import Erased, erase_course

if TYPE_CHECKING:
    from adapter.store import Store, Tx


@dataclass(frozen=True, slots=True)
class Past:
    """`last`: the day of the last document; `until`: the last day of the period."""

    centre: str
    patient: str
    course: str
    last: date
    until: date


@dataclass(frozen=True, slots=True)
class Cleared:
    """`held`: courses of which something is being sent; the next time is for them."""

    erased: tuple[Erased, ...]
    held: tuple[str, ...]


def past(store: Store, settings: Settings, on: date, centre: str | None = None) -> list[Past]:
    """What is past its period on that day, by centre, longest ago first. Raises NotFound for an unknown centre."""
    if centre is not None and centre not in settings.centres:
        raise NotFound(f"no centre {centre} in the configuration")
    with store.reading() as tx:
        return [
            one
            for code, each in settings.centres.items()
            if each.retention and centre in (None, code)
            for one in _of_centre(tx, code, each.retention)
            if one.until < on
        ]


def clear(store: Store, settings: Settings, now: datetime, *, who: str, centre: str | None = None) -> Cleared:
    """Erases what is past its period, each patient in a transaction, with a line in the audit for each."""
    found = past(store, settings, day_of(now), centre)
    done, held = [], []
    for one in found:
        try:
            erased = _erase(store, settings, one, now, who)
        except Conflict:
            held.append(one.course)
        else:
            done += [erased] if erased else []
    return Cleared(tuple(done), tuple(held))


def automatic(settings: Settings) -> list[str]:
    """Centres whose records are erased without anybody asking."""
    return [code for code, each in settings.centres.items() if each.retention and each.retention.automatic]


def end_of(last: date, retention: Retention) -> date:
    """The last day of the period: the same day of the month, or the last one of a shorter month."""
    begins = max(last, retention.starts or last)
    year, month = divmod(begins.month - 1 + retention.months, 12)
    year, month = begins.year + year, month + 1
    return date(year, month, min(begins.day, monthrange(year, month)[1]))


def _of_centre(tx: Tx, centre: str, retention: Retention, course: str | None = None) -> Iterator[Past]:
    for told in tx.last_told(centre, course):
        last = day_of(told.at)
        yield Past(centre, told.patient, told.course, last, end_of(last, retention))


def _erase(store: Store, settings: Settings, one: Past, now: datetime, who: str) -> Erased | None:
    """None where something was handed in meanwhile. Raises Conflict while something of the patient is being sent."""
    retention = settings.centres[one.centre].retention
    with store.transaction() as tx:
        tx.hold(f"{one.centre}/{one.patient}")
        tx.hold(one.course)
        again = list(_of_centre(tx, one.centre, retention, one.course)) if retention else []
        if not retention or again != [one]:
            return None
        reason = f"retention of {retention.months} months, over on {one.until}"
        return erase_course(tx, one.centre, one.course, reason, settings=settings, now=now, who=who)
