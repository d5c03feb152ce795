"""GVHD as gates ask for it: is any active on a day, and how bad was acute GVHD ever?

An episode is active until its end is told. That GVHD was looked for and not found is a fact of its own day; it does not
end an episode of which no end was told. What is over is told by the form; what was said to be missing stays unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from mappings.facts import AcuteGvhd, AcuteStep, ChronicGvhd, ChronicStep, FollowUp, Gvhd, Missing, PartialDate
from mappings.plan.gates import GRADES
from mappings.plan.injections import WITHHELD_FOR_GVHD, WITHHELD_FOR_HISTORY, withheld
from mappings.plan.record import Record, Span, day_of, items, span, word_of
from mappings.plan.verdict import Reading, Told

_KINDS: dict[str, type[AcuteGvhd] | type[ChronicGvhd]] = {"acute": AcuteGvhd, "chronic": ChronicGvhd}
_NO_DISEASE = {"0", "none"}
_WORST = len(GRADES) - 1


@dataclass(frozen=True, slots=True)
class Look:
    """A day on which one kind of GVHD was looked for."""

    when: Span
    told: Told


@dataclass(slots=True)
class Episode:
    """What all visits tell of one episode. `end`: the days it can have ended on, or why none is known, or None."""

    kind: str
    key: str
    onset: PartialDate | None
    begun: Span
    end: Span | Missing | None = None
    ended: PartialDate | None = None
    document: str = ""
    words: list[str | None] = field(default_factory=list)
    last_told: date = date.min

    @property
    def told(self) -> Told:
        state = f"ended {self.ended}" if self.ended else "no end told"
        since = f"from {self.onset}" if self.onset else "without a day of onset"
        return Told(f"{self.kind} GVHD {since}, {state}", self.onset, self.document, (f"{self.kind}-gvhd", self.key))

    @property
    def disease(self) -> bool:
        """An episode whose every grade is 0, or none, is none."""
        return not self.words or any(word not in _NO_DISEASE for word in self.words)


@dataclass(frozen=True, slots=True)
class Reached:
    """A grade (None: not told), and the days on which it can have been reached."""

    grade: int | None
    when: Span
    told: Told

    @property
    def height(self) -> int:
        """The worst that it can be."""
        return _WORST if self.grade is None else self.grade

    def doubt(self, on: date) -> str:
        """What would have to be told."""
        return f"the grade: {self.told.what}" if self.grade is None else f"whether by {on}: {self.told.what}"


def active(record: Record, on: date, since: date | None = None) -> Reading:
    """1 where GVHD is active on that day, 0 where not. `since`: looks up to that day no longer count."""
    episodes = [one for one in _episodes(record) if one.disease]
    looks = {kind: _looks(record, kind, on, since) for kind in _KINDS}
    states = [(one, _active(one, looks[one.kind], on)) for one in episodes]
    if found := [one for one, state in states if state]:
        return Reading(1, 1, tuple(one.told for one in found), _contradictions(found, looks))
    if said := _still_withheld(record, looks, on):
        return Reading(1, 1, (said,))
    unsure = [one for one, state in states if state is None]
    newest = [max(days, key=lambda look: look.when.last) for days in looks.values() if days]
    missing = [f"whether {one.told.what.removesuffix(', no end told')} had ended by {on}" for one in unsure]
    missing += [_not_looked(kind, since) for kind, days in looks.items() if not days]
    over = [one.told for one, state in states if state is False and one.begun.by(on)]
    facts = (*(one.told for one in unsure), *over, *(look.told for look in newest))
    as_of = min((look.when.last for look in newest), default=None)
    return Reading(0, 1 if missing else 0, facts, tuple(missing), as_of)


def worst_acute(record: Record, on: date, since: date | None = None) -> Reading:
    """The worst grade of acute GVHD that was ever reached, as its place in 0, I, II, III, IV."""
    reached = [one for one in _grades(record) if one.when.by(on) is not False]
    sure = [one for one in reached if one.when.by(on) and one.grade is not None]
    low = max((one.height for one in sure), default=0)
    facts = [one.told for one in sure if one.height == low]
    if said := next(iter(withheld(record, WITHHELD_FOR_HISTORY, on)), None):
        low, facts = max(low, GRADES.index("II") + 1), [*facts, said.told]
    unsure = [one for one in reached if one not in sure and one.height > low]
    looks = _looks(record, "acute", on, since)
    missing = [one.doubt(on) for one in unsure] + ([] if looks else [_not_looked("acute", since)])
    high = max([low, *(one.height for one in unsure), *([] if looks else [_WORST])])
    facts += [one.told for one in unsure] + [look.told for look in looks]
    return Reading(low, high, tuple(facts), tuple(missing), max((one.when.last for one in looks), default=None))


def _not_looked(kind: str, since: date | None) -> str:
    after = f" after the injection of {since}" if since else ""
    return f"a day on which {kind} GVHD was looked for{after} (`gvhd.assessed` with the list of episodes)"


def _sections(record: Record) -> Iterator[tuple[FollowUp, Gvhd]]:
    return ((visit, visit.gvhd) for visit in record.visits if isinstance(visit.gvhd, Gvhd))


def _looks(record: Record, kind: str, on: date, since: date | None) -> list[Look]:
    """Days up to `on` on which this kind was looked for: an assessment whose list was told."""
    found = []
    for visit, section in _sections(record):
        day, listed = day_of(section.assessed), getattr(section, kind)
        if day is None or not isinstance(listed, tuple):
            continue
        when = span(day, visit)
        if when.by(on) and (since is None or when.first > since):
            state = "episodes listed" if listed else "none"
            told = Told(f"{kind} GVHD looked for: {state}", day, visit.key, ("gvhd-assessment", str(day)))
            found.append(Look(when, told))
    return found


def _episodes(record: Record) -> list[Episode]:
    found: dict[tuple[str, str], Episode] = {}
    for visit, section in _sections(record):
        for kind, of in _KINDS.items():
            for place, said in enumerate(items(getattr(section, kind), of)):
                onset, key = day_of(said.onset), _key(said, visit, place)
                begun = span(onset, visit) if onset else Span(date.min, visit.date.latest)
                one = found.setdefault((kind, key), Episode(kind, key, onset, begun))
                _retold(one, said, visit)
    return list(found.values())


def _key(said: AcuteGvhd | ChronicGvhd, visit: FollowUp, place: int) -> str:
    """The centre's own id, else the onset; one that has neither is told by its place in its form alone."""
    return said.id or str(day_of(said.onset) or f"{visit.key}/{place}")


def _retold(one: Episode, said: AcuteGvhd | ChronicGvhd, visit: FollowUp) -> None:
    """A later word counts; that something is missing does not undo what was known."""
    one.document, one.last_told = visit.key, visit.date.latest
    if onset := day_of(said.onset):
        one.onset, one.begun = onset, span(onset, visit)
    if end := day_of(said.resolved):
        one.end, one.ended = span(end, visit), end
    elif isinstance(said.resolved, Missing) and one.end is None:
        one.end = said.resolved
    if isinstance(said, AcuteGvhd):
        steps, worst = [step.grade for step in items(said.course, AcuteStep)], said.grade
    else:
        steps, worst = [step.severity for step in items(said.course, ChronicStep)], said.severity
    one.words += [word_of(word) for word in (worst, *steps) if word is not None]


def _active(one: Episode, looks: Sequence[Look], on: date) -> bool | None:
    begun = one.begun.by(on)
    if begun is False:
        return False
    if isinstance(one.end, Span):
        over = one.end.by(on)
        return False if over else (begun if over is False else None)
    if isinstance(one.end, Missing):
        # it has an end whose day is not known; a later look that does not find it tells that it lies behind
        later = any(look.when.first >= one.last_told and look.told.document != one.document for look in looks)
        return False if later and begun else None
    return begun


def _contradictions(found: Sequence[Episode], looks: dict[str, list[Look]]) -> tuple[str, ...]:
    """An episode without an end, though GVHD was looked for later and the episode not told again."""
    return tuple(
        f"the end of {one.told.what.removesuffix(', no end told')}"
        + (", which was not told again when GVHD was looked for on " + str(later.told.when) if later else "")
        for one in found
        if one.end is None
        for later in [next((look for look in looks[one.kind] if look.when.first > one.last_told), None)]
    )


def _still_withheld(record: Record, looks: dict[str, list[Look]], on: date) -> Told | None:
    """An injection withheld for active GVHD, and since then it was not looked for again."""
    said = withheld(record, WITHHELD_FOR_GVHD, on)
    newest = min(max((look.when.first for look in days), default=date.min) for days in looks.values())
    return next((one.told for one in reversed(said) if one.when.last >= newest), None)


def _grades(record: Record) -> Iterator[Reached]:
    """Every grade that any form tells, a grade of the course with its day, another with the days it can have had."""
    for visit, section in _sections(record):
        for place, said in enumerate(items(section.acute, AcuteGvhd)):
            onset = day_of(said.onset)
            about = ("acute-gvhd", _key(said, visit, place))
            steps = items(said.course, AcuteStep)
            dated = {_height(step.grade): day for step in reversed(steps) if (day := day_of(step.date))}
            for grade, day in dated.items():
                yield Reached(grade, span(day, visit), Told(_graded(grade), day, visit.key, about))
            worst = _height(said.grade)
            told_by_its_course = worst in dated if worst is not None else bool(steps) and None not in dated
            if not told_by_its_course or len(dated) < len({_height(step.grade) for step in steps}):
                name = f"{_graded(worst)} of the episode from {onset or 'a day not told'}"
                yield Reached(worst, _course(said, visit), Told(name, onset, visit.key, about))


def _graded(grade: int | None) -> str:
    return "acute GVHD" + (" of a grade not told" if grade is None else f" grade {GRADES[grade]}")


def _course(said: AcuteGvhd, visit: FollowUp) -> Span:
    """From the onset to the end, or to the day of the form that tells of it."""
    onset, end = day_of(said.onset), day_of(said.resolved)
    last = min(visit.date.latest, span(end, visit).last) if end else visit.date.latest
    first = onset.earliest if onset else date.min
    return Span(first, max(first, last))


def _height(said: object) -> int | None:
    word = word_of(said)
    return GRADES.index(word) if word in GRADES else None
