"""What cannot all be true of one patient. Nothing is judged by likelihood: each rule compares two things told.

An `error` is certain, whatever the days that are not known; a `warning` may have an explanation that nobody told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

from mappings.facts import AcuteGvhd, ChronicGvhd, PartialDate, Said, Word
from mappings.registry.blood_facts import COUNTS, shown_recovery
from mappings.registry.course import Course, Dated
from mappings.registry.followed import PERSISTENT, REMISSION
from mappings.registry.gvhd_endpoints import SYSTEMIC
from mappings.registry.pieces import Told

ERROR, WARNING = "error", "warning"

_RANKS = {
    "acute": {"0": 0, "I": 1, "II": 2, "III": 3, "IV": 4},
    "chronic": {"none": 0, "mild": 1, "moderate": 2, "severe": 3},
}
_AGAINST_RECOVERY = {
    "primary-graft-failure": "never to have recovered",
    "never-below": "never to have been below the threshold",
}
_BLASTS_OF_REMISSION = 5
"""Per cent: with as many in the marrow there is neither remission nor a leukaemia-free state (ELN 2022)."""

_WITHOUT_BLASTS = REMISSION | {"MLFS"}
_OF_DISEASE = "relapse"
"""The cause of a death that relapse, or leukaemia that never went, has led to."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """`rule` names the kind, `text` says it in a sentence; `sources` (`Type/id`) are what does not go together."""

    rule: str
    severity: str
    text: str
    sources: tuple[str, ...]


def contradictions(course: Course) -> list[Contradiction]:
    """Everything that contradicts itself in one course, in the order of the rules."""
    rules = (
        *(_deaths, _after_death, _before_graft, _gvhd, _treated, _recoveries, _responses),
        *(_infusions, _withheld, _cause),
    )
    return [found for rule in rules for found in rule(course)]


def _deaths(course: Course) -> Iterator[Contradiction]:
    if course.death_undated:
        yield Contradiction(
            "death-undated", WARNING, "The patient died, and the day is not known.", (course.death_undated,)
        )
    told = [one for one in course.facts.vital_status if _key(one.fact.status) == "dead"]
    days = {one.fact.date.text: one.source for one in told if isinstance(one.fact.date, PartialDate)}
    known = [PartialDate(text) for text in sorted(days)]
    if known and max(day.earliest for day in known) > min(day.latest for day in known):
        text = f"Death is told on different days: {', '.join(sorted(days))}."
        yield Contradiction("two-deaths", ERROR, text, tuple(days[text] for text in sorted(days)))


def _after_death(course: Course) -> Iterator[Contradiction]:
    if course.death is None:
        return
    last = _possible(course.death).latest
    alive = [one for one in course.facts.vital_status if _key(one.fact.status) in ("alive", "lost")]
    seen = [one for one in alive if isinstance(one.fact.date, PartialDate) and one.fact.date.earliest > last]
    for one in seen:
        text = f"Seen alive on {one.fact.date}, after the death on {course.death.written}."
        yield Contradiction("alive-after-death", ERROR, text, (one.source, course.death.source))
    told = {one.source for one in seen}
    for contact in course.contacts:
        if contact.source not in told and _possible(contact).earliest > last:
            text = f"Dated {contact.written}, after the death on {course.death.written}."
            yield Contradiction("fact-after-death", ERROR, text, (contact.source, course.death.source))


def _before_graft(course: Course) -> Iterator[Contradiction]:
    graft = course.day_zero
    if graft is None:
        return
    first = _possible(graft).earliest
    facts = course.facts
    told: list[tuple[str, Said[PartialDate], str]] = [
        ("Death", _possible(course.death), course.death.source) for _ in [0] if course.death
    ]
    told += [("Relapse", one.fact.date, one.source) for one in facts.relapses]
    told += [("Acute GVHD", one.fact.onset, one.source) for one in facts.acute_gvhd]
    told += [("Chronic GVHD", one.fact.onset, one.source) for one in facts.chronic_gvhd]
    told += [(f"Recovery of {one.fact.line}", one.fact.date, one.source) for one in facts.recoveries]
    told += [("An infusion of donor lymphocytes", one.fact.date, one.source) for one in facts.infusions]
    for what, when, source in told:
        if isinstance(when, PartialDate) and when.latest < first:
            rule = f"{what.lower().replace(' ', '-')}-before-graft"
            text = f"{what} on {when}, before the transplant on {graft.written}."
            yield Contradiction(rule, ERROR, text, (source, graft.source))


def _gvhd(course: Course) -> Iterator[Contradiction]:
    acute = [(one, _steps(one.fact, "grade"), _key(one.fact.grade)) for one in course.facts.acute_gvhd]
    chronic = [(one, _steps(one.fact, "severity"), _key(one.fact.severity)) for one in course.facts.chronic_gvhd]
    for kind, found in (("acute", acute), ("chronic", chronic)):
        ranks = _RANKS[kind]
        for one, steps, worst in found:
            yield from _falling(kind, one, [step for step in steps if step[1] in ranks], worst, ranks)
            yield from _resolved(kind, one)
        yield from _overlapping(kind, [one for one, _, _ in found])


def _falling(
    kind: str,
    one: Told[Any],
    steps: Sequence[tuple[PartialDate, str]],
    worst: str | None,
    ranks: dict[str, int],
) -> Iterator[Contradiction]:
    """`steps` tell when each grade was first reached, so while an episode goes on none is below an earlier one."""
    for before, after in pairwise(steps):
        if ranks[after[1]] < ranks[before[1]] and not isinstance(one.fact.resolved, PartialDate):
            text = (
                f"{kind.capitalize()} GVHD falls from {before[1]} to {after[1]} on {after[0]}, and its end is not told."
            )
            yield Contradiction(f"{kind}-gvhd-falling", ERROR, text, (one.source,))
    highest = max((ranks[word] for _, word in steps), default=0)
    if worst in ranks and ranks[worst] < highest:
        name = next(word for word, rank in ranks.items() if rank == highest)
        text = f"{kind.capitalize()} GVHD is {worst} at its worst, and reached {name}."
        yield Contradiction(f"{kind}-gvhd-worst", ERROR, text, (one.source,))


def _resolved(kind: str, one: Told[Any]) -> Iterator[Contradiction]:
    onset, resolved = one.fact.onset, one.fact.resolved
    if isinstance(onset, PartialDate) and isinstance(resolved, PartialDate) and resolved.latest < onset.earliest:
        text = f"{kind.capitalize()} GVHD ended on {resolved}, before it began on {onset}."
        yield Contradiction(f"{kind}-gvhd-ends-first", ERROR, text, (one.source,))


def _overlapping(kind: str, episodes: Sequence[Told[Any]]) -> Iterator[Contradiction]:
    for before, after in pairwise(episodes):
        began, ended = after.fact.onset, before.fact.resolved
        if isinstance(began, PartialDate) and not (isinstance(ended, PartialDate) and ended.earliest <= began.latest):
            text = f"{kind.capitalize()} GVHD began again on {began}, and the end of the episode before is not told."
            yield Contradiction(f"{kind}-gvhd-overlaps", WARNING, text, (after.source, before.source))


def _treated(course: Course) -> Iterator[Contradiction]:
    """Survival free of GVHD and relapse rests on whether systemic therapy was needed."""
    for one in course.facts.chronic_gvhd:
        named = one.fact.treatment if isinstance(one.fact.treatment, tuple) else ()
        systemic = sorted({key for key in map(_key, named) if key in SYSTEMIC})
        if one.fact.systemic_treatment is False and systemic:
            text = f"Chronic GVHD is told to have needed no systemic treatment, and was treated with {systemic[0]}."
            yield Contradiction("chronic-gvhd-treatment", WARNING, text, (one.source,))


def _responses(course: Course) -> Iterator[Contradiction]:
    relapses = {one.fact.date: one.source for one in course.facts.relapses if _key(one.fact.kind) != "molecular"}
    for one in course.facts.responses:
        category, blasts = _key(one.fact.category), one.fact.marrow_blasts_percent
        if category not in _WITHOUT_BLASTS:
            continue
        if isinstance(blasts, Decimal) and blasts >= _BLASTS_OF_REMISSION:
            text = f"{category} is told on {one.fact.date}, with {blasts} % of blasts in the marrow."
            yield Contradiction("remission-with-blasts", WARNING, text, (one.source,))
        if one.fact.date in relapses and isinstance(one.fact.date, PartialDate) and one.fact.date.exact:
            text = f"{category} and a relapse are told on {one.fact.date}."
            yield Contradiction("remission-with-relapse", WARNING, text, (one.source, relapses[one.fact.date]))


def _recoveries(course: Course) -> Iterator[Contradiction]:
    graft = course.day_zero
    if graft is None or graft.imputed:
        return
    for line in COUNTS:
        shown = shown_recovery(line, course.facts.counts, course.facts.transfusions, graft.day)
        for one in course.facts.recoveries:
            if shown is None or one.fact.line != line:
                continue
            status, when = _key(one.fact.status), one.fact.date
            if (
                status == "engrafted"
                and isinstance(when, PartialDate)
                and not when.earliest <= shown.day <= when.latest
            ):
                text = f"{line.capitalize()} are told to have recovered on {when}; the counts show {shown.day}."
                yield Contradiction("recovery-against-counts", WARNING, text, (one.source,))
            if status in _AGAINST_RECOVERY:
                told = _AGAINST_RECOVERY[status]
                text = f"{line.capitalize()} are told {told}; the counts show a fall, and recovery on {shown.day}."
                yield Contradiction("recovery-against-counts", WARNING, text, (one.source,))


def _infusions(course: Course) -> Iterator[Contradiction]:
    dated = [one for one in course.facts.infusions if isinstance(one.fact.date, PartialDate)]
    for before, after in pairwise(dated):
        first, second = before.fact.number, after.fact.number
        if isinstance(first, int) and isinstance(second, int) and second < first:
            text = f"Infusion {second} of donor lymphocytes is dated {after.fact.date}, after infusion {first}."
            yield Contradiction("infusions-out-of-order", ERROR, text, (after.source, before.source))


def _withheld(course: Course) -> Iterator[Contradiction]:
    """One infusion on one day was given or was not."""
    given = {(one.fact.number, one.fact.date): one.source for one in course.facts.infusions}
    for one in course.facts.withheld:
        number, on = one.fact.number, one.fact.date
        if isinstance(number, int) and isinstance(on, PartialDate) and (number, on) in given:
            text = f"Infusion {number} of donor lymphocytes on {on} is told as given and as withheld."
            yield Contradiction("infusion-given-and-withheld", ERROR, text, (one.source, given[number, on]))


def _cause(course: Course) -> Iterator[Contradiction]:
    facts = course.facts
    persistent = any(_key(one.fact.category) in PERSISTENT for one in facts.responses)
    if facts.relapses or persistent:
        return
    for one in facts.vital_status:
        if _key(one.fact.cause) == _OF_DISEASE:
            text = "Died of relapse, and neither a relapse nor persistent leukaemia is told."
            yield Contradiction("relapse-death-without-relapse", WARNING, text, (one.source,))


def _steps(episode: AcuteGvhd | ChronicGvhd, grade: str) -> list[tuple[PartialDate, str]]:
    """Dated steps with the word of their grade, by date."""
    steps: Iterable[Any] = episode.course if isinstance(episode.course, tuple) else ()
    said = ((step.date, _key(getattr(step, grade))) for step in steps)
    found = [(when, word) for when, word in said if isinstance(when, PartialDate) and word]
    return sorted(found, key=lambda step: step[0].earliest)


def _possible(when: Dated) -> PartialDate:
    return PartialDate(when.written)


def _key(said: Any) -> str | None:
    return said.key if isinstance(said, Word) else None
