"""Draft orders of an EHR held against the stored plan: wrong dose, wrong day, above the maximum, not to be compared.

All drafts of one drug are read together, because two orders of 1 g are one day of 2 g. Any difference of amount is
told: the protocol gives no tolerance. Below the full dose, from the first day on which its taper may begin, an amount
is the centre's, and the gate of that taper is told instead. Once a person confirmed that the taper began, any amount
below the full dose is the centre's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby

from mappings.plan import gate_status
from mappings.plan.advice import Advice, Urgency, bullets, dated, milligrams
from mappings.plan.order_reading import Order, Portion, daily
from mappings.plan.record import Record
from mappings.plan.verdict import Standing, Verdict
from mappings.protocol.model import Taper

_A_DAY = timedelta(days=1)
Standings = Callable[[date], Sequence[Standing]]
"""How every gated action stands on a day."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What drafts are held against: the plan's orders, the record, the standings. `signing`: it is the last moment."""

    plan: Sequence[Order]
    record: Record
    standings: Standings
    today: date
    signing: bool

    def of(self, drug: str) -> list[Order]:
        return [order for order in self.plan if order.drug == drug]

    def taper(self, drug: str) -> Taper | None:
        """The taper of a drug of the plan."""
        lines = {line.key: line.drug for line in self.record.protocol.lines}
        return next((taper for taper in self.record.protocol.tapers if lines[taper.of] == drug), None)

    def begun(self, drug: str) -> date | None:
        """The first day of its taper, where a person confirmed it."""
        taper = self.taper(drug)
        return self.record.begun.get(taper.key) if taper else None

    @property
    def doubt(self) -> Urgency:
        """How urgent it is that something cannot be compared: details may still come, unless it is signed."""
        return Urgency.WARNING if self.signing else Urgency.INFO


@dataclass(frozen=True, slots=True)
class _Difference:
    """`told`: milligrams a day of the draft (`least`: at least), `planned` those of the plan."""

    told: Decimal
    planned: Decimal
    least: bool = False


def check(drafts: Sequence[Order], chosen: Sequence[str], bench: Bench) -> list[Advice]:
    """What is to be said about the drafts. `chosen`: references of those asked about; the others count along."""
    picked = [one for one in drafts if one.reference in chosen]
    strangers = [one for one in picked if one.drug is None and not one.foreign]
    found = [_unknown(strangers, bench)] if strangers else []
    drugs = list(dict.fromkeys(one.drug for one in picked if one.drug is not None))
    if drugs and not bench.plan:
        return [*found, Advice("no-plan", bench.doubt, "This patient has no dated plan: nothing was compared.")]
    return [*found, *(advice for drug in drugs for advice in _of_drug(_joined(drug, drafts), bench))]


def concerned(drafts: Sequence[Order], chosen: Sequence[str], bench: Bench) -> list[Order]:
    """Those of the chosen drafts whose drug stands in the plan."""
    return [one for one in drafts if one.reference in chosen and one.drug and bench.of(one.drug)]


def _joined(drug: str, drafts: Sequence[Order]) -> Order:
    first, *more = [one for one in drafts if one.drug == drug]
    return replace(first, portions=(*first.portions, *(portion for one in more for portion in one.portions)))


def _unknown(drafts: Sequence[Order], bench: Bench) -> Advice:
    names = ", ".join(dict.fromkeys(one.name for one in drafts))
    summary = f"Not compared with the plan: {len(drafts)} order(s) whose drug carries no code that is known here."
    return Advice("unknown-drug", bench.doubt, summary, bullets([f"Without a known code: {names}"]))


def _of_drug(draft: Order, bench: Bench) -> Iterator[Advice]:
    assert draft.drug is not None
    planned = bench.of(draft.drug)
    if not planned:
        yield Advice(f"not-in-plan/{draft.drug}", Urgency.INFO, f"{draft.name} is not in the plan.")
        return
    yield from _maximum(draft, planned, bench)
    yield from _days(draft, planned, bench)
    yield from _stopped(draft, bench)
    yield from _amounts(draft, planned, bench)
    yield from _full_again(draft, planned, bench)


def _maximum(draft: Order, planned: Sequence[Order], bench: Bench) -> Iterator[Advice]:
    """A dose, or else all doses of a day together, above what the protocol allows."""
    most = min((order.most_mg for order in planned if order.most_mg is not None), default=None)
    if most is not None and draft.largest is not None and draft.largest > most:
        summary = f"{draft.name}: a dose of {milligrams(draft.largest)} is above the maximum of {milligrams(most)}."
        yield Advice(f"maximum/{draft.drug}", Urgency.CRITICAL, summary, "The maximum for one dose is the protocol's.")
    else:
        yield from _maximum_a_day(draft, planned, bench)


def _maximum_a_day(draft: Order, planned: Sequence[Order], bench: Bench) -> Iterator[Advice]:
    most = min((order.most_a_day_mg for order in planned if order.most_a_day_mg is not None), default=None)
    if most is None:
        return
    on = {f" on {dated(day, bench.record)}": daily(draft.on(day)) for day in draft.days} or {"": daily(draft.portions)}
    above = [(when, amount) for when, amount in on.items() if amount is not None and amount > most]
    for when, amount in above[:1]:
        summary = f"{draft.name}{when}: {milligrams(amount)} a day is above the maximum of {milligrams(most)} a day."
        yield Advice(
            f"maximum-a-day/{draft.drug}", Urgency.CRITICAL, summary, "The maximum for a day is the protocol's."
        )


def _days(draft: Order, planned: Sequence[Order], bench: Bench) -> Iterator[Advice]:
    begun = bench.begun(draft.drug or "")
    wrong = [day for day in draft.days if not (any(order.on(day) for order in planned) or (begun and day >= begun))]
    endless = draft.endless and not (any(order.endless for order in planned) or begun)
    if not wrong and not endless:
        return
    lines = [f"ordered for {_run(run, bench)}" for run in _runs(wrong, bench)]
    lines += ["ordered without an end"] if endless else []
    lines.append(f"the plan has it on {_planned_days(planned, bench)}")
    where = f"on {dated(wrong[0], bench.record)}" if wrong else "without an end"
    more = f" and {len(wrong) - 1} more day(s)" if len(wrong) > 1 else ""
    summary = f"{draft.name} {where}{more}: not a day of the plan."
    yield Advice(f"wrong-day/{draft.drug}", Urgency.WARNING, summary, bullets(lines))


def _runs(days: Sequence[date], bench: Bench) -> list[list[date]]:
    """Days in a row together, rest days apart."""
    found: list[list[date]] = []
    for day in sorted(days):
        if found and day - found[-1][-1] == _A_DAY and _rests(day, bench) == _rests(found[-1][-1], bench):
            found[-1].append(day)
        else:
            found.append([day])
    return found


def _run(days: Sequence[date], bench: Bench) -> str:
    span = dated(days[0], bench.record) + (f" to {dated(days[-1], bench.record)}" if len(days) > 1 else "")
    return span + (", to be kept free (rest)" if _rests(days[0], bench) else "")


def _rests(day: date, bench: Bench) -> bool:
    number = bench.record.day(day)
    return any(number in rest.days.listed for phase in bench.record.protocol.phases for rest in phase.rests)


def _planned_days(planned: Sequence[Order], bench: Bench) -> str:
    endless = [order.days[0] for order in planned if order.endless]
    listed = [day for order in planned if not order.endless for day in order.days]
    parts = [_run(run, bench) for run in _runs(listed, bench)]
    return ", ".join([*parts, *(f"every day from {dated(day, bench.record)} until it is tapered" for day in endless)])


def _stopped(draft: Order, bench: Bench) -> Iterator[Advice]:
    """A drug of which the centre told the stop is ordered again."""
    taper, day = bench.taper(draft.drug or ""), min(draft.days, default=bench.today)
    for standing in bench.standings(day):
        if taper and standing.action == taper.key and standing.done:
            summary = f"{draft.name}: the plan has it no longer ({gate_status.fact(standing.done)})."
            yield Advice(f"stopped/{draft.drug}", Urgency.INFO, summary)


def _amounts(draft: Order, planned: Sequence[Order], bench: Bench) -> Iterator[Advice]:
    """Wrong amounts, tapers that may not begin, and what could not be compared."""
    differences: dict[_Difference, list[date]] = {}
    tapered: list[date] = []
    gaps = list(draft.gaps)
    for day in draft.days:
        lines = [portion for order in planned for portion in order.on(day)]
        found = _difference(draft.on(day), daily(lines))
        if lines and daily(lines) is None:
            gaps.append("an amount of the plan")
        elif found and found.told < found.planned and _may_be_tapered(draft, day, bench):
            tapered.append(day)
        elif lines and found:
            differences.setdefault(found, []).append(day)
    if not draft.days and (found := _nowhere(draft, planned)):
        differences[found] = []
    yield from (_wrong(draft, found, days, gaps, bench) for found, days in differences.items())
    yield from _taper(draft, tapered, bench)
    if gaps and not differences:
        summary = f"{draft.name}: not compared with the plan: {gaps[0]}."
        yield Advice(f"not-compared/{draft.drug}", bench.doubt, summary, bullets(dict.fromkeys(gaps)))


def _full_again(draft: Order, planned: Sequence[Order], bench: Bench) -> Iterator[Advice]:
    """The full dose, or more, on a day on which it is tapered."""
    begun = bench.begun(draft.drug or "")
    full = daily([portion for order in planned for portion in order.on(begun - _A_DAY)]) if begun else None
    if begun is None or full is None:
        return
    days = [day for day in draft.days if day >= begun and (told := daily(draft.on(day))) is not None and told >= full]
    if days:
        summary = f"{draft.name} on {dated(days[0], bench.record)}: the full dose or more, tapered since {begun}."
        lines = [
            f"the full dose was {milligrams(full)} a day",
            *(f"ordered for {_run(r, bench)}" for r in _runs(days, bench)),
        ]
        yield Advice(f"taper-begun/{draft.drug}", Urgency.WARNING, summary, bullets(lines))


def _difference(portions: Sequence[Portion], planned: Decimal | None) -> _Difference | None:
    told, least = daily(portions), False
    if told is None:
        # how often a day is not told, but every dose is given at least once
        told, least = sum((one.mg for one in portions if one.mg is not None), Decimal(0)), True
    if planned is None or (told <= planned if least else told == planned):
        return None
    return _Difference(told, planned, least)


def _nowhere(draft: Order, planned: Sequence[Order]) -> _Difference | None:
    """An order without days: an amount that the plan has on none of its days."""
    amounts = {amount for order in planned if (amount := daily(order.portions)) is not None}
    found = [_difference(draft.portions, amount) for amount in sorted(amounts)]
    return found[-1] if found and all(found) else None


def _may_be_tapered(draft: Order, day: date, bench: Bench) -> bool:
    taper, number = bench.taper(draft.drug or ""), bench.record.day(day)
    return taper is not None and number is not None and number >= taper.first


def _wrong(draft: Order, found: _Difference, days: Sequence[date], gaps: Sequence[str], bench: Bench) -> Advice:
    told, planned = milligrams(found.told), milligrams(found.planned)
    on = f" on {dated(days[0], bench.record)}" if days else ""
    least = "at least " if found.least else ""
    summary = f"{draft.name}{on}: {least}{told} a day ordered, the plan has {planned} a day."
    lines = [f"the same on {_run(run, bench)}" for run in _runs(days[1:], bench)]
    lines += [f"not read: {gap}" for gap in dict.fromkeys(gaps)]
    key = f"wrong-dose/{draft.drug}/{found.told}/{found.planned}"
    return Advice(key, Urgency.WARNING, summary, bullets(lines))


def _taper(draft: Order, days: Sequence[date], bench: Bench) -> Iterator[Advice]:
    """Less than the full dose once the taper may begin: its amounts are the centre's, its gate is the protocol's."""
    taper = bench.taper(draft.drug or "")
    judged = [(day, one) for day in days for one in bench.standings(day) if taper and one.action == taper.key]
    for (verdict, _), same in groupby(judged, key=lambda pair: (pair[1].verdict, pair[1].done is not None)):
        (day, standing), *_ = same
        if verdict is not Verdict.MET and not standing.done:
            summary = f"{standing.title} on {dated(day, bench.record)}: its gate is {verdict.words}."
            detail = f"{gate_status.sentence(standing)}\n\nThe full dose goes on until the taper is confirmed."
            yield Advice(f"taper/{draft.drug}/{verdict.value}", Urgency.WARNING, summary, detail)
