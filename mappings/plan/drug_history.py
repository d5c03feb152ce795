"""Systemic immunosuppression as gates ask for it: since how many whole months is the patient off every drug?

Counted from the stop of the drug that was stopped last, of all that any form ever listed, and of those that the
protocol itself gives until they are tapered. A drug is taken until its stop is told, or until an empty list of an
assessment says that none is taken any more. A stop that is said to be missing is not known, neither yes nor no.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from mappings.facts import (
    AcuteGvhd,
    Administration,
    ChronicGvhd,
    FollowUp,
    Gvhd,
    Immunosuppressant,
    Immunosuppression,
    Missing,
    PartialDate,
    Word,
)
from mappings.plan.injections import WITHHELD_FOR_DRUGS, Event, withheld
from mappings.plan.record import Record, Span, day_of, items, span, word_of
from mappings.plan.timeline import months_after
from mappings.plan.verdict import Reading, Told
from mappings.protocol import terms
from mappings.terminology import codes

_SYSTEMIC = {"systemic-steroids", "ruxolitinib", "calcineurin-inhibitor", "mycophenolate"}
"""Treatments of GVHD that are systemic immunosuppressive drugs."""


@dataclass(frozen=True, slots=True)
class Look:
    """A form that tells which drugs were taken on a day; `place`: its place among the visits."""

    place: int
    when: Span
    empty: bool
    drugs: frozenset[str]
    told: Told


@dataclass(frozen=True, slots=True)
class Use:
    """One drug from its start; `end`: the days it can have been stopped on. `open`: it has no end for certain."""

    drug: str
    begun: Span
    end: Span | None
    open: bool
    facts: tuple[Told, ...]
    missing: tuple[str, ...] = ()


def months_off(record: Record, on: date) -> Reading:
    """Whole calendar months off every systemic drug on that day."""
    uses = [use for use in _uses(record, on) if use.begun.by(on) is not False]
    looks = _looks(record, on)
    last = max((look.when.last for look in looks), default=None)
    facts = tuple(told for use in uses for told in use.facts)
    missing = tuple(words for use in uses for words in use.missing)
    low, high = min((_least(use, on) for use in uses), default=0), _most(uses, on)
    if not uses and looks:
        low = whole_months(looks[0].when.last, on)  # no drug has begun by then, and none is the protocol's own
        missing += (f"a day before {looks[0].when.last} on which immunosuppression was looked at (`assessed`)",)
    stops = [use.end.last for use in uses if use.end and use.end.by(on)]
    if last is None or (stops and last < max(stops)):
        missing += ("a day since the last stop on which immunosuppression was looked at (`assessed`)",)
        low = 0
    for event in _taken(record, on, last):
        facts, low = (*facts, event.told), 0
        missing += ("a later day on which immunosuppression was looked at (`assessed`)",)
        high = _lower(high, whole_months(event.when.first, on))
    newest = tuple(look.told for look in looks[-1:])
    return Reading(low, high, (*facts, *newest), missing, last)


def is_over(record: Record, drug: str, on: date) -> Reading:
    """1 where the drug is no longer taken on that day, 0 where it is."""
    uses = [use for use in _uses(record, on) if use.drug == drug and use.begun.by(on) is not False]
    facts, missing = tuple(t for use in uses for t in use.facts), tuple(m for use in uses for m in use.missing)
    name = terms.text(record.protocol, "drugs", drug)
    if any(_ongoing(use, on) for use in uses):
        return Reading(0, 0, facts, missing or (f"the stop of {name}",))
    if not uses:
        return Reading(0, 0, missing=(f"the stop of {name}, which has not begun",))
    over = all(use.end and use.end.by(on) for use in uses)
    return Reading(1 if over else 0, 1, facts, missing)


def whole_months(since: date, on: date) -> int:
    """Whole calendar months between two days: up to the same day of the month, or the last of a shorter one."""
    months = (on.year - since.year) * 12 + on.month - since.month
    return max(months - (1 if months_after(since, months) > on else 0), 0)


def _ongoing(use: Use, on: date) -> bool:
    """Taken on that day for certain."""
    ended = use.end.by(on) is False if use.end else use.open
    return bool(use.begun.by(on) and ended)


def _least(use: Use, on: date) -> int:
    return whole_months(use.end.last, on) if use.end and use.end.by(on) else 0


def _most(uses: list[Use], on: date) -> int | None:
    """No more than since the first day on which each can have been stopped; none at all while one is taken."""
    most: int | None = None
    for use in uses:
        if _ongoing(use, on):
            return 0
        if use.begun.by(on) and use.end:
            most = _lower(most, whole_months(min(use.end.first, on), on))
    return most


def _lower(one: int | None, other: int) -> int:
    return other if one is None else min(one, other)


def _sections(record: Record) -> Iterator[tuple[int, FollowUp, Immunosuppression]]:
    for place, visit in enumerate(record.visits):
        if isinstance(visit.immunosuppression, Immunosuppression):
            yield place, visit, visit.immunosuppression


def _looks(record: Record, on: date) -> list[Look]:
    """Assessments up to `on` whose list was told, oldest first: as of its day such a list is whole."""
    found = []
    for place, visit, section in _sections(record):
        day = day_of(section.assessed)
        if day is None or not isinstance(section.drugs, tuple) or not span(day, visit).by(on):
            continue
        drugs = frozenset(word_of(one.drug) or "" for one in items(section.drugs, Immunosuppressant))
        state = "no drug taken" if not section.drugs else "every drug listed"
        told = Told(f"immunosuppression looked at: {state}", day, visit.key, ("immunosuppression", str(day)))
        found.append(Look(place, span(day, visit), not section.drugs, drugs, told))
    return sorted(found, key=lambda look: (look.when.last, look.place))


def _uses(record: Record, on: date) -> list[Use]:
    looks = _looks(record, on)
    listed: dict[str, tuple[int, FollowUp, Immunosuppressant]] = {}
    for place, visit, section in _sections(record):
        for one in items(section.drugs, Immunosuppressant):
            key = _key(one, visit)
            listed[key] = (place, visit, _over(listed[key][2], one) if key in listed else one)
    uses = [_listed(key, *said, looks) for key, said in listed.items()]
    named = {use.drug for use in uses}
    lines = [line for line in record.protocol.lines if line.days.until is not None and line.drug not in named]
    names = [terms.text(record.protocol, "drugs", line.drug) for line in lines]
    starts = [record.date_of(line.days.first) for line in lines]
    planned = zip(lines, names, starts, strict=True)
    return [*uses, *(_planned(line.drug, name, first, looks) for line, name, first in planned)]


def _key(one: Immunosuppressant, visit: FollowUp) -> str:
    return one.id or f"{_spelled(one.drug)}/{day_of(one.started) or visit.key}"


def _spelled(drug: object) -> str:
    """The word, with what `other` means."""
    if not isinstance(drug, Word):
        return ""
    return f"{drug.key}:{drug.text}" if isinstance(drug.text, str) else drug.key


def _name(drug: object) -> str:
    if not isinstance(drug, Word):
        return "a drug"
    if isinstance(drug.text, str):
        return drug.text
    return codes.text("drugs", drug.key) if drug.key in codes.keys("drugs") else f"a drug ({drug.key})"


def _over(before: Immunosuppressant, after: Immunosuppressant) -> Immunosuppressant:
    """The later word, but a gap does not undo what was known."""
    started = after.started if day_of(after.started) else before.started or after.started
    stopped = after.stopped if day_of(after.stopped) else before.stopped or after.stopped
    return replace(after, started=started, stopped=stopped)


def _listed(key: str, place: int, visit: FollowUp, said: Immunosuppressant, looks: list[Look]) -> Use:
    word, started, stopped = word_of(said.drug), day_of(said.started), day_of(said.stopped)
    name = _name(said.drug)
    begun = span(started, visit) if started else Span(date.min, visit.date.latest)
    about = ("immunosuppressant", key)
    if stopped:
        told = Told(f"{name} stopped", stopped, visit.key, about)
        return Use(word or "", begun, span(stopped, visit), False, (told,))
    told = Told(f"{name} taken" + ("" if said.stopped is None else ", its stop not known"), started, visit.key, about)
    if none := next((look for look in looks if look.empty and look.place > place), None):
        return Use(word or "", begun, Span(begun.first, none.when.last), False, (told, none.told))
    missing = (f"the stop of {name}" + (f" started {started}" if started else ""),)
    return Use(word or "", begun, None, not isinstance(said.stopped, Missing), (told,), missing)


def _planned(drug: str, name: str, first: date | None, looks: list[Look]) -> Use:
    """A drug of the protocol that no form tells of: over once a whole list, after its first day, is without it."""
    missing = (f"whether and when {name} was stopped: no form lists it",)
    if first is None:
        return Use(drug, Span(date.min, date.max), None, False, (), missing)
    begun = Span(first, first)
    told = Told(f"{name} in the plan, in no list", PartialDate(first.isoformat()))
    if none := next((look for look in looks if look.when.first >= first), None):
        return Use(drug, begun, Span(first, none.when.last), False, (told, none.told), missing)
    return Use(drug, begun, None, False, (told,), missing)


def _taken(record: Record, on: date, looked: date | None) -> list[Event]:
    """Drugs that something else than a list tells of, later than the last list: that one decides nothing of them."""
    found = [*withheld(record, WITHHELD_FOR_DRUGS, on), *_given(record, on), *_against_gvhd(record, on)]
    return [event for event in found if looked is None or event.when.last > looked]


def _given(record: Record, on: date) -> Iterator[Event]:
    """Doses on record of the drugs that the protocol gives until they are tapered."""
    long = (line for line in record.protocol.lines if line.days.until is not None)
    lines = {line.key: terms.text(record.protocol, "drugs", line.drug) for line in long}
    for visit in record.visits:
        for dose in items(visit.administrations, Administration):
            dated = dose.date if isinstance(dose.date, PartialDate) else None
            if dose.performed and dose.action in lines and dated and dated.earliest <= on:
                told = Told(f"{lines[dose.action]} given", dated, visit.key)
                yield Event(span(dated, visit), told)


def _against_gvhd(record: Record, on: date) -> Iterator[Event]:
    """Systemic treatment of an episode: some day from its onset to its end, or to the form that tells of it."""
    for visit in record.visits:
        section = visit.gvhd if isinstance(visit.gvhd, Gvhd) else Gvhd()
        episodes: list[AcuteGvhd | ChronicGvhd] = [*items(section.acute, AcuteGvhd)]
        episodes += items(section.chronic, ChronicGvhd)
        for one in episodes:
            onset, end = day_of(one.onset), day_of(one.resolved)
            systemic = {word.key for word in items(one.treatment, Word)} & _SYSTEMIC
            if not onset or onset.earliest > on or not (systemic or getattr(one, "systemic_treatment", None) is True):
                continue
            last = min(on, span(end, visit).last if end else visit.date.latest)
            words = ", ".join(sorted(systemic)) or "systemic treatment"
            about = ("acute-gvhd" if isinstance(one, AcuteGvhd) else "chronic-gvhd", one.id or str(onset))
            told = Told(f"GVHD from {onset} treated: {words}", onset, visit.key, about)
            yield Event(Span(onset.earliest, max(onset.earliest, last)), told)
