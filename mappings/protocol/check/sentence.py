"""Each number and name of a clause against the clause's own sentence: most wrong prescriptions begin with a slip here.

A number must stand in `source`, or in the `interpretation` beside it: what the sentence says in words is said there in
figures. An amount must have its unit (`400 mg / m²`), a day with a sign that sign (`D-13`, `J + 6`); the drug and its
route must be named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from mappings.protocol.check.finding import Finding
from mappings.protocol.check.vocabulary import GRADE
from mappings.protocol.model import (
    FIXED,
    Assay,
    Clause,
    Cycles,
    Days,
    Endpoint,
    Gate,
    Infusions,
    Line,
    Objective,
    OpenLine,
    Phase,
    Protocol,
    Rest,
    Taper,
    Total,
    Visit,
    placed,
)
from mappings.protocol.terms import code_of, text

_SIGNED = re.compile(r"\b[DJ]\s?([-+−–])\s?(\d+)\b")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_GRADES = ("0", "I", "II", "III", "IV")
_ROUTES = {"intravenous": r"\bi\.?v\b|intraven|vein", "oral": r"\boral|\bp\.?o\b|mouth"}
_SPELLINGS = (("y", "i"), ("ph", "f"), ("th", "t"))
_PER = {"kg": r"kg\b", "m2": r"(?:m²|m2\b|m\^2)"}


class Claim(NamedTuple):
    """One thing that a clause says: where it stands in it, how it is told, and whether its sentence says it."""

    at: str
    told: str
    said: bool


class Words:
    """A clause's sentence, with what was read into it."""

    def __init__(self, clause: Clause) -> None:
        self.text = f"{clause.source} {clause.interpretation or ''}"
        self.days = {int(number) if sign == "+" else -int(number) for sign, number in _SIGNED.findall(self.text)}
        self.numbers = _readings(_NUMBER.findall(_SIGNED.sub(" ", self.text)))

    def day(self, at: str, day: int) -> Claim:
        """A day from day zero; without a D before it, its sign is not told (`days 1 and 8`)."""
        return Claim(at, f"day {day:+d}" if day else "day 0", day in self.days or Decimal(abs(day)) in self.numbers)

    def number(self, at: str, number: int, what: str) -> Claim:
        """A count."""
        return Claim(at, f"{number} {what}".strip(), Decimal(number) in self.numbers)

    def amount(self, at: str, amount: Decimal, unit: str, per: str | None = None) -> Claim:
        """An amount with its unit: `400 mg / m²`, `1g`."""
        told = f"{amount} {unit}/{per}" if per else f"{amount} {unit}"
        pattern = rf"({_NUMBER.pattern})\s*{unit}" + (rf"\s*(?:/|per)\s*{_PER[per]}" if per else r"\b")
        return Claim(at, told, amount in _readings(re.findall(pattern, self.text)))

    def minutes(self, at: str, minutes: int) -> Claim:
        """A time in minutes, written out or not."""
        return Claim(
            at, f"{minutes} min", Decimal(minutes) in _readings(re.findall(rf"({_NUMBER.pattern})\s*min", self.text))
        )

    def drug(self, at: str, names: str) -> Claim:
        """A drug by a word of its names, however it is spelt: ciclosporin is cyclosporine."""
        text, words = _spelt(self.text), [_spelt(word) for word in re.findall(r"[^\W\d_]{4,}", names)]
        return Claim(at, names, any(word in text for word in words))

    def route(self, at: str, route: str) -> Claim:
        """A route by one of its usual words."""
        return Claim(at, f"that it is {route}", bool(re.search(_ROUTES[route], self.text, re.IGNORECASE)))

    def months(self, at: str, months: int) -> Claim:
        """Months, or years where they are whole."""
        years = {Decimal(months // 12)} if months % 12 == 0 else set()
        return Claim(at, f"{months} months", bool(self.numbers & ({Decimal(months)} | years)))

    def grade(self, at: str, grade: int) -> Claim:
        """A grade in Roman numerals."""
        return Claim(at, f"grade {_GRADES[grade]}", bool(re.search(rf"\b{_GRADES[grade]}\b", self.text)))


def sentences_say_it(protocol: Protocol) -> Iterator[Finding]:
    """Every amount, day, count, time, drug and route of a clause is in its own sentence."""
    for path, clause in placed(protocol, Clause):
        words = Words(clause)
        claims = [*_claims(clause, words, _cycles_of(protocol, path)), *_drug(clause, words, protocol)]
        for claim in claims:
            if not claim.said:
                message = f"its sentence does not say {claim.told}: correct it, or say how it is read (interpretation)"
                yield Finding(f"{path}.{claim.at}", clause.key, message, "value")


def _cycles_of(protocol: Protocol, path: str) -> Cycles | None:
    """The cycles that a clause at `path` counts its days in."""
    place = path.split(".")
    return protocol.phases[int(place[1])].cycles if place[0] == "phases" else None


def _claims(clause: Clause, words: Words, cycles: Cycles | None) -> Iterator[Claim]:
    match clause:
        case Line():
            yield from _dose(clause, words)
            yield from _given(clause, words, cycles)
        case OpenLine():
            yield Claim("dose", f"`{clause.dose}`", clause.dose in words.text)
            yield from _given(clause, words, cycles)
        case Rest():
            yield from _days(clause.days, words, None)
        case Phase(cycles=Cycles() as counted):
            yield words.number("cycles.count", counted.count, "cycles")
            yield words.number("cycles.days", counted.days, "days")
        case Taper():
            yield words.day("window.from", clause.first)
            yield words.day("window.to", clause.last)
        case Infusions():
            yield words.number("count", clause.count, "times")
            yield words.day("from", clause.first)
        case Gate():
            yield from _criteria(clause, words)
        case Visit(months=int() as months):
            yield words.months("months", months)
        case Assay():
            yield words.day("day", clause.day)
        case Objective(due_months=int() as months):
            yield words.months("due", months)
        case Endpoint():
            yield from _horizons(clause, words)
        case _:
            pass


def _drug(clause: Clause, words: Words, protocol: Protocol) -> Iterator[Claim]:
    """A drug that nothing knows is another check's."""
    if isinstance(clause, Line | OpenLine):
        if code_of(protocol, "drugs", clause.drug) is not None:
            yield words.drug("drug", f"{clause.drug} ({text(protocol, 'drugs', clause.drug)})")
        if clause.route:
            yield words.route("route", clause.route)


def _dose(line: Line, words: Words) -> Iterator[Claim]:
    dose, cap = line.dose, line.dose.at_most
    times = dose.times_a_day or 1
    yield words.amount("dose.amount", dose.amount / times, dose.unit, _per(dose.per))
    if dose.times_a_day:
        yield words.number("dose.times_a_day", times, "times a day")
    if cap:
        yield words.amount("dose.at_most.amount", cap.amount, cap.unit)
        yield words.number("dose.at_most.times_a_day", cap.times_a_day, "times a day")
    for name in ("day", "cycle", "course"):
        total: Total | None = getattr(line.total, name)
        if total:
            yield words.amount(f"total.{name}", total.amount, *total.unit.split("/"))


def _per(per: str) -> str | None:
    return None if per == FIXED else per


def _given(line: Line | OpenLine, words: Words, cycles: Cycles | None) -> Iterator[Claim]:
    yield from _days(line.days, words, cycles)
    if line.over_minutes:
        yield words.minutes("over_minutes", line.over_minutes)


def _days(days: Days, words: Words, cycles: Cycles | None) -> Iterator[Claim]:
    """The days that somebody wrote: every one of a list with gaps, else the first and the last."""
    if cycles:
        yield from (words.number("days", day, "as a day of the cycle") for day in _ends(cycles.folded(days.listed)))
    else:
        yield from (words.day("days", day) for day in _ends(days.listed or (days.first,)))


def _ends(days: tuple[int, ...]) -> tuple[int, ...]:
    unbroken = days == tuple(range(days[0], days[-1] + 1))
    return tuple(dict.fromkeys((days[0], days[-1]))) if unbroken else days


def _criteria(gate: Gate, words: Words) -> Iterator[Claim]:
    for place, criterion in enumerate(gate.criteria):
        bound = criterion.at_least if criterion.at_least is not None else criterion.at_most
        if bound is None:
            continue
        if criterion.fact == "day":
            yield words.day(f"all.{place}", bound)
        elif criterion.fact == GRADE and 0 <= bound < len(_GRADES):
            yield words.grade(f"all.{place}", bound)
        else:
            yield words.number(f"all.{place}", bound, f"for {criterion.fact}")


def _horizons(endpoint: Endpoint, words: Words) -> Iterator[Claim]:
    for place, horizon in enumerate(endpoint.at):
        if horizon.months is not None:
            yield words.months(f"at.{place}", horizon.months)
        if horizon.days is not None:
            yield words.day(f"at.{place}", horizon.days)


def _readings(written: list[str]) -> set[Decimal]:
    """What numbers may mean: a comma is a decimal sign for some and parts thousands for others."""
    return {Decimal(one.replace(",", to)) for one in written for to in (".", "")}


def _spelt(words: str) -> str:
    """One spelling for what languages write in several; an e at the end is dropped."""
    told = words.lower()
    for one, other in _SPELLINGS:
        told = told.replace(one, other)
    return re.sub(r"e\b", "", told)
