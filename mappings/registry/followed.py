"""One grafted patient as every endpoint sees them: the axis of days, and when the leukaemia came back or never went.

By sequence, not by cause: a death after a relapse is one of the disease, a death without relapse is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from mappings.facts import Relapse, Response, Word
from mappings.registry.course import Course
from mappings.registry.course_facts import CourseFacts
from mappings.registry.day_axis import Axis, Notes, Placed, axis
from mappings.registry.judged import CENSORED, COMPETING, EVENT, MARKS, Excluded, Verdict
from mappings.registry.pieces import Told

REMISSION = frozenset({"CR", "CRh", "CRi"})
"""ELN 2022 categories that are a remission; a morphological leukaemia-free state is reported apart."""

PERSISTENT = frozenset({"no-response", "PR"})
"""Categories that show persistent leukaemia."""

NOT_ASSESSED = frozenset({"not-evaluable", "unknown"})
"""Categories that say that nothing was found out."""

_KINDS = ("haematological", "extramedullary")

REMISSION_BY = 105
"""Last day of the day-90 assessment: 90 and 15 days (endpoint definitions, rule D)."""


@dataclass(frozen=True, slots=True)
class Happened:
    """The first of an event, or None; with what was excluded and listed on the way, and the marks that rows count."""

    first: Placed | None = None
    excluded: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Followed:
    """`relapse` as the relapse endpoint counts it, persistent leukaemia included."""

    axis: Axis
    facts: CourseFacts
    course: Course
    relapse: Happened

    @property
    def relapsed(self) -> int | None:
        return self.relapse.first.day if self.relapse.first else None

    @property
    def died(self) -> int | None:
        return self.axis.died

    def verdict(self, event: Happened, competing: Iterable[int | None], *about: Happened, origin: int = 0) -> Verdict:
        """What came first: the event before what competes on the same day, either before the end of follow-up.

        `about`: judgements whose notes belong here too. Days count from `origin`.
        """
        rivals = [day for day in competing if day is not None]
        other = min(rivals, default=None)
        mine = event.first.day if event.first else None
        if mine is not None and (other is None or mine <= other):
            day, status = mine, EVENT
        elif other is not None:
            day, status = other, COMPETING
        else:
            day, status = self.axis.end, CENSORED
        told = (event, *about)
        marks = event.marks if status == EVENT else ()
        seen = [one.first.source for one in told if one.first and one.first.day <= day]
        return Verdict(
            self.axis.patient,
            day - origin,
            status,
            tuple(dict.fromkeys((*self.axis.sources, *seen))),
            tuple(dict.fromkeys((*self.axis.excluded, *(text for one in told for text in one.excluded)))),
            tuple(
                dict.fromkeys(
                    (*self.axis.listed, *(text for one in told for text in one.listed), *map(MARKS.__getitem__, marks))
                )
            ),
            marks,
        )

    @property
    def death(self) -> Happened:
        """Death as an event; its notes are those of the axis."""
        return Happened(Placed(self.axis.died, self.axis.sources[-1])) if self.axis.died is not None else Happened()


def follow(course: Course, as_of: date) -> Followed | Excluded:
    """A patient up to the cut-off; or why there is nothing to follow."""
    days = axis(course, as_of)
    if isinstance(days, Excluded):
        return days
    return Followed(days, course.facts, course, _relapse(course.facts, days))


def earliest(*judged: Happened) -> Happened:
    """The first of several events; the notes of all."""
    known = [one for one in judged if one.first]
    first = min(known, key=lambda one: one.first or Placed(0, ""), default=Happened())
    return Happened(
        first.first,
        tuple(text for one in judged for text in one.excluded),
        tuple(text for one in judged for text in one.listed),
        first.marks,
    )


def molecular_relapse(followed: Followed) -> Happened:
    """The first relapse that only the residual disease shows."""
    notes = Notes()
    told = (one for one in followed.facts.relapses if kind_of(one.fact) == "molecular")
    days = [followed.axis.place(one.fact.date, "molecular relapse", one.source, notes) for one in told]
    return _happened(days, notes)


def kind_of(said: Relapse) -> str | None:
    return said.kind.key if isinstance(said.kind, Word) else None


def assessments(facts: CourseFacts) -> Iterator[tuple[Told[Response], str]]:
    """Every response that tells something, with its category."""
    for one in facts.responses:
        category = one.fact.category
        if isinstance(category, Word) and category.key not in NOT_ASSESSED:
            yield one, category.key


def _relapse(facts: CourseFacts, days: Axis) -> Happened:
    """Haematological or extramedullary relapse, or leukaemia that never went."""
    notes = Notes()
    told = [one for one in facts.relapses if kind_of(one.fact) != "molecular"]
    found = [days.place(one.fact.date, "relapse", one.source, notes) for one in told]
    vague = [kind_of(one.fact) not in _KINDS for one in told]
    if any(place and unsaid for place, unsaid in zip(found, vague, strict=True)):
        notes.listed.append("relapse of a kind that was not told: counted as a relapse")
    found += [
        days.place(one.fact.date, "relapse", one.source, notes)
        for one, category in assessments(facts)
        if category == "relapse"
    ]
    return earliest(_happened(found, notes), _persistent(facts, days))


def _persistent(facts: CourseFacts, days: Axis) -> Happened:
    """Never in remission by day 105 fails on the first assessment that shows it; a later remission undoes nothing.

    Assessments before the graft or on its day are those of the leukaemia that it is meant for.
    """
    notes = Notes()
    seen = [
        (place, category)
        for one, category in assessments(facts)
        if (place := days.place_after(one.fact.date, "response", one.source, notes))
    ]
    if not seen:
        rule = "no response assessed: not taken to have failed by persistent leukaemia"
        return Happened(None, tuple(notes.excluded), (*notes.listed, rule))
    if any(category in REMISSION and place.day <= REMISSION_BY for place, category in seen):
        return Happened(None, tuple(notes.excluded), tuple(notes.listed))
    first = min((place for place, category in seen if category in PERSISTENT), default=None)
    if first:
        on = days.date_of(first.day)
        notes.listed.append(
            f"never in remission by day {REMISSION_BY}: failed on the first assessment that shows it ({on})"
        )
    return Happened(first, tuple(notes.excluded), tuple(notes.listed))


def _happened(found: Iterable[Placed | None], notes: Notes) -> Happened:
    first = min((place for place in found if place), default=None)
    return Happened(first, tuple(dict.fromkeys(notes.excluded)), tuple(dict.fromkeys(notes.listed)))
