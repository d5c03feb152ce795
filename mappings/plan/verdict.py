"""Met, not met or unknown, with the facts that decided it and what is missing where nothing could.

Three-valued: all met is met, one that is not met decides, anything else is unknown. A fact is a number on a day that is
known within bounds, so that a date known to the month only decides when every day that it can mean decides alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import Enum

from mappings.facts import PartialDate
from mappings.protocol.model import Criterion


class Verdict(Enum):
    """The codes of `gate-status`."""

    MET = "met"
    NOT_MET = "not-met"
    UNKNOWN = "unknown"

    @property
    def words(self) -> str:
        return self.value.replace("-", " ")


@dataclass(frozen=True, slots=True)
class Told:
    """One fact that counted: in words, with its date as it was told.

    `document`: key of the form that told it; `about`: item and occurrence of the resource that it became.
    """

    what: str
    when: PartialDate | date | None = None
    document: str | None = None
    about: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of one fact on one day: a whole number from `low` to `high` (None: no upper bound).

    `as_of`: last day on which it was looked at. `missing`: what would have to be told to know it, or to know it better.
    """

    low: int = 0
    high: int | None = None
    facts: tuple[Told, ...] = ()
    missing: tuple[str, ...] = ()
    as_of: date | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """How one criterion stands. `needs`: the criterion in words."""

    criterion: str
    needs: str
    verdict: Verdict
    facts: tuple[Told, ...] = ()
    missing: tuple[str, ...] = ()
    as_of: date | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How one gated action stands. `done`: the fact that it is over already; its gate then asks for nothing.

    `begun`: its first day, where a person confirmed that it began; `deviation`: why it did against its gate.
    """

    action: str
    title: str
    gate: str
    findings: tuple[Finding, ...]
    done: Told | None = None
    begun: date | None = None
    deviation: str | None = None

    @property
    def verdict(self) -> Verdict:
        return together(finding.verdict for finding in self.findings)


def together(verdicts: Iterable[Verdict]) -> Verdict:
    """All met is met, one not met is not met, else unknown."""
    said = set(verdicts)
    if Verdict.NOT_MET in said:
        return Verdict.NOT_MET
    return Verdict.UNKNOWN if Verdict.UNKNOWN in said else Verdict.MET


def judged(criterion: Criterion, reading: Reading) -> Verdict:
    """Whether every number that the fact can be meets the criterion, or none does. `is: absent` is at most 0."""
    if criterion.at_least is not None:
        return _certain(reading.low >= criterion.at_least, reading.high, below=criterion.at_least)
    most = criterion.at_most or 0
    if reading.low > most:
        return Verdict.NOT_MET
    return Verdict.MET if reading.high is not None and reading.high <= most else Verdict.UNKNOWN


def yes_or_no(reading: Reading) -> Verdict:
    """A reading of 1 is yes, of 0 no."""
    return judged(Criterion("", at_least=1), reading)


def _certain(met: bool, high: int | None, *, below: int) -> Verdict:
    if met:
        return Verdict.MET
    return Verdict.NOT_MET if high is not None and high < below else Verdict.UNKNOWN
