"""Which gated actions of the protocol may start on a day, judged from the facts that its centre told.

The criteria are the protocol's own: what a gate asks for stands in the model, and this module only knows how each fact
is read. To them come what the model says beside the gate: a taper's window, and what an action has to wait for. A fact
that no reader knows is unknown, never met.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeAlias

from mappings.facts import FollowUp, Relapse, Response, VitalStatus
from mappings.plan import drug_history, gates, gvhd_history, injections
from mappings.plan.record import Record, day_of, span, word_of
from mappings.plan.timeline import label
from mappings.plan.verdict import Finding, Reading, Standing, Told, Verdict, judged, yes_or_no
from mappings.protocol.model import Criterion, Gate, Infusions, Taper

Reader: TypeAlias = Callable[[Record, date, date | None], Reading]
MaxAge: TypeAlias = Mapping[str, int]
"""Days after which a fact, by its name in the protocol, is too old to meet a criterion. The protocol names none."""

WINDOW, AFTER = "window", "after"
"""Criteria that the model gives beside a gate."""


def standings(record: Record, on: date, max_age: MaxAge | None = None) -> tuple[Standing, ...]:
    """Every gated action of the protocol as it stands on that day, in the protocol's order."""
    asked = _Asked(record, on, max_age or {})
    tapers = [_of_taper(taper, asked) for taper in record.protocol.tapers]
    infusions = [infusion for phase in record.protocol.phases for infusion in phase.infusions]
    return (*tapers, *(one for infusion in infusions for one in _of_infusions(infusion, asked)))


def beside(record: Record, on: date) -> tuple[Told, ...]:
    """Facts that no gate asks for and that nobody should overlook: relapse, death."""
    return tuple(
        told
        for visit in record.visits
        for told in _remarkable(visit)
        if told.when is None or span(day_of(told.when) or visit.date, visit).by(on) is not False
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    record: Record
    on: date
    max_age: MaxAge


def _of_taper(taper: Taper, asked: _Asked) -> Standing:
    record, on = asked.record, asked.on
    begun = record.begun.get(taper.key)
    if begun is not None and begun > on:
        begun = None
    # the window bounds the day on which it may begin
    window = _window(taper.first, taper.last, replace(asked, on=begun) if begun else asked)
    findings = [window, *_of_gate(record.protocol.gate(taper.gate), asked, None)]
    if taper.after is not None:
        before = next(one for one in record.protocol.tapers if one.key == taper.after)
        reading = _over(before, record, on)
        findings.append(_finding(AFTER, f"{before.title} over", yes_or_no(reading), reading))
    own = _over(taper, record, on)
    done = next(iter(own.facts), None) if yes_or_no(own) is Verdict.MET else None
    deviation = record.deviations.get(taper.key) if begun else None
    return Standing(taper.key, taper.title, taper.gate, tuple(findings), done, begun, deviation)


def _of_infusions(infusions: Infusions, asked: _Asked) -> Iterator[Standing]:
    record, on = asked.record, asked.on
    gate = record.protocol.gate(infusions.gate)
    for number, key in enumerate(infusions.numbered(), 1):
        findings = [*_of_gate(gate, asked, injections.latest(record, number - 1, on))]
        if not any(criterion.fact == "day" for criterion in gate.criteria):
            findings.insert(0, _window(infusions.first, None, asked))
        if number > 1:
            reading = injections.was_given(record, number - 1, on)
            findings.append(_finding(AFTER, f"injection {number - 1} given", yes_or_no(reading), reading))
        done = injections.given(record, number, on)
        title = f"{infusions.title} {number}"
        yield Standing(key, title, gate.key, tuple(findings), done.told if done else None)


def _over(taper: Taper, record: Record, on: date) -> Reading:
    """A taper is over when a person said so, or when its drug is no longer taken."""
    confirmed = record.confirmed.get(taper.key)
    if confirmed is not None and confirmed <= on:
        return Reading(1, 1, (Told(f"{taper.title} confirmed to be over", confirmed),))
    line = next(line for line in record.protocol.lines if line.key == taper.of)
    return drug_history.is_over(record, line.drug, on)


def _of_gate(gate: Gate, asked: _Asked, since: date | None) -> Iterator[Finding]:
    for criterion in gate.criteria:
        reader = _READERS.get(criterion.fact)
        if reader is None:
            missing = (f"this program cannot read the fact {criterion.fact}",)
            yield Finding(criterion.fact, gates.needs(criterion), Verdict.UNKNOWN, missing=missing)
            continue
        reading = reader(asked.record, asked.on, since)
        finding = _finding(criterion.fact, gates.needs(criterion), judged(criterion, reading), reading)
        yield _aged(finding, criterion, asked)


def _finding(criterion: str, needs: str, verdict: Verdict, reading: Reading) -> Finding:
    missing = () if verdict is Verdict.MET else reading.missing
    return Finding(criterion, needs, verdict, reading.facts, missing, reading.as_of)


def _aged(finding: Finding, criterion: Criterion, asked: _Asked) -> Finding:
    """What was met on a day too long ago is not known to be met now. Only where a limit is configured."""
    limit = asked.max_age.get(criterion.fact)
    if limit is None or finding.as_of is None or finding.verdict is not Verdict.MET:
        return finding
    age = (asked.on - finding.as_of).days
    if age <= limit:
        return finding
    missing = (f"a look since {finding.as_of}: it is {age} days old, and this deployment allows {limit}",)
    return replace(finding, verdict=Verdict.UNKNOWN, missing=missing)


def _window(first: int, last: int | None, asked: _Asked) -> Finding:
    record = asked.record
    name = f"day {label(first)}" + (" or later" if last is None else f" to {label(last)}")
    start, end = record.date_of(first), None if last is None else record.date_of(last)
    if start:
        name += f" ({start}{f' to {end}' if end else ''})"
    reading = _day(record, asked.on, None)
    met = judged(Criterion(WINDOW, at_least=first), reading)
    if met is Verdict.MET and last is not None:
        met = judged(Criterion(WINDOW, at_most=last), reading)
    return _finding(WINDOW, name, met, reading)


def _day(record: Record, on: date, _: date | None) -> Reading:
    day = record.day(on)
    if day is None or record.day_zero is None:
        return Reading(0, None, missing=("day zero, the date of the graft",))
    told = Told(f"graft {'planned' if record.planned else 'given'}", record.day_zero, record.enrolment, ("transplant",))
    if record.planned:
        missing = "that the graft was given: the enrolment still tells it as planned"
        return Reading(min(day, 0), max(day, 0), (told,), (missing,), record.day_zero)
    return Reading(day, day, (told,))


def _remarkable(visit: FollowUp) -> Iterator[Told]:
    relapse, response, vital = visit.relapse, visit.response, visit.vital_status
    if isinstance(relapse, Relapse):
        day = day_of(relapse.date)
        kind = word_of(relapse.kind) or "of a kind not told"
        yield Told(f"relapse, {kind}", day, visit.key, ("relapse-kind", str(day)))
    if isinstance(response, Response) and word_of(response.category) == "relapse":
        day = day_of(response.date)
        yield Told("disease response: relapse", day, visit.key, ("response", str(day)))
    if isinstance(vital, VitalStatus) and word_of(vital.status) in ("dead", "lost"):
        about = ("vital-status", visit.occasion)
        yield Told(f"vital status: {word_of(vital.status)}", day_of(vital.date), visit.key, about)


_READERS: dict[str, Reader] = {
    "day": _day,
    "months-off-immunosuppression": lambda record, on, _: drug_history.months_off(record, on),
    "active-gvhd": gvhd_history.active,
    "worst-acute-gvhd": gvhd_history.worst_acute,
}
"""How each fact that a gate can name is read. The third argument: looks up to that day no longer count."""
