"""Amounts: the sums that the protocol states, orders of magnitude, and caps that can bind.

The limits of magnitude are this project's own: they catch a slip between g, mg and ug, are no medicine, and only warn.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from mappings.facts.plausible import HEIGHT, WEIGHT
from mappings.protocol.check.finding import Finding, warning
from mappings.protocol.model import FIXED, MILLIGRAMS, Line, Phase, Protocol, Total, placed

MAGNITUDES = {"kg": (Decimal("0.01"), Decimal(2000)), "m2": (Decimal("0.1"), Decimal(15000))} | {
    FIXED: (Decimal("0.001"), Decimal(30000))
}
"""Our own limits of a daily amount in mg: per kg, per m2, and for everybody."""


def stated_totals(protocol: Protocol) -> Iterator[Finding]:
    """Each total that the protocol states, recomputed from the days and the daily amount."""
    for phase_path, phase in placed(protocol, Phase):
        for place, line in enumerate(phase.lines):
            path = f"{phase_path}.lines.{place}.total"
            days = len(line.days.listed)
            if line.total.day:
                yield from _total(f"{path}.day", line, line.total.day, "a day's", 1)
            if line.total.cycle and phase.cycles:
                yield from _total(f"{path}.cycle", line, line.total.cycle, "a cycle's", days // phase.cycles.count)
            elif line.total.cycle:
                yield Finding(f"{path}.cycle", line.key, "states a cycle's total, but its phase has no cycles")
            if line.total.course and days:
                yield from _total(f"{path}.course", line, line.total.course, "the course's", days)
            elif line.total.course:
                yield Finding(f"{path}.course", line.key, "states a course's total, but has no last day of its own")


def sane_magnitudes(protocol: Protocol) -> Iterator[Finding]:
    """A daily amount far outside what drugs are given in."""
    for path, line in placed(protocol, Line):
        low, high = MAGNITUDES[line.dose.per]
        if not low <= line.dose.amount <= high:
            limits = f"{low} to {high} {line.dose.ucum} (our own limits)"
            message = f"{line.dose.amount} {line.dose.ucum} a day lies outside {limits}: is the unit right?"
            yield warning(f"{path}.dose.amount", line.key, message, "value")


def caps_can_bind(protocol: Protocol) -> Iterator[Finding]:
    """A cap that binds for nobody, or for everybody, whom we would dose at all was mistyped."""
    for path, line in placed(protocol, Line):
        cap = line.dose.at_most
        if cap is None:
            continue
        lightest, heaviest = (line.dose.amount * measure for measure in _measures(line.dose.per))
        told = f"{cap.amount} {cap.unit} {cap.times_a_day} times a day"
        if cap.per_day_mg >= heaviest:
            message = f"{told} never binds: even the heaviest patient gets {heaviest:.0f} mg a day"
            yield warning(f"{path}.dose.at_most", line.key, message, "value")
        elif cap.per_day_mg <= lightest:
            message = f"{told} always binds: even the lightest patient would get {lightest:.0f} mg a day"
            yield warning(f"{path}.dose.at_most", line.key, message, "value")


def _total(path: str, line: Line, total: Total, whose: str, days: int) -> Iterator[Finding]:
    unit, _, per = total.unit.partition("/")
    per = per or FIXED
    if per != line.dose.per:
        told, meant = (f"per {one}" if one != FIXED else "for everybody" for one in (per, line.dose.per))
        yield Finding(path, line.key, f"{whose} total is stated {told}, but the line is dosed {meant}")
        return
    stated, summed = total.amount * MILLIGRAMS[unit], days * line.dose.amount * MILLIGRAMS[line.dose.unit]
    if stated != summed:
        said = f"{whose} total is stated as {total.amount} {total.unit}"
        sum_ = f"{days} x {line.dose.amount} {line.dose.ucum} are {summed} mg" + (f"/{per}" if per != FIXED else "")
        yield Finding(path, line.key, f"{said}, but {sum_}", "value")


def _measures(per: str) -> tuple[Decimal, Decimal]:
    """Smallest and largest measure of a body that is not refused; the surface by Mosteller, for its magnitude only."""
    if per == FIXED:
        return Decimal(1), Decimal(1)
    if per == "kg":
        return WEIGHT.low, WEIGHT.high
    return (WEIGHT.low * HEIGHT.low / 3600).sqrt(), (WEIGHT.high * HEIGHT.high / 3600).sqrt()
