"""Graft-versus-host disease: when a grade was first reached, and survival free of it and of relapse.

Grades are MAGIC's for acute and NIH 2014's for chronic GVHD. The day is the first of the episode's course on which the
grade was reached; an episode whose course does not tell it is dated by its onset, and rows say how many were. Relapse
and death compete. Who was never looked at stays at risk and is listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mappings.facts import AcuteGvhd, AcuteStep, ChronicGvhd, Missing, PartialDate, Said, Word
from mappings.registry.day_axis import Notes
from mappings.registry.followed import Followed, Happened, earliest
from mappings.registry.judged import BY_ONSET, Verdict
from mappings.registry.pieces import Told

ACUTE = ("0", "I", "II", "III", "IV")
CHRONIC = ("none", "mild", "moderate", "severe")
SYSTEMIC = frozenset({"systemic-steroids", "ruxolitinib", "calcineurin-inhibitor", "mycophenolate"})
"""Treatments of GVHD that are systemic immunosuppression."""

Episode = AcuteGvhd | ChronicGvhd
Step = tuple[Said[PartialDate], Said[Word]]
_ANY = 1
_NAMES: dict[type[Episode], str] = {AcuteGvhd: "acute GVHD", ChronicGvhd: "chronic GVHD"}


def acute(followed: Followed, grade: str) -> Verdict:
    """Event: acute GVHD of `grade` or worse. Relapse and death without it compete."""
    event = earliest(reached(followed, followed.facts.acute_gvhd, ACUTE.index(grade)), not_looked(followed, "acute"))
    return followed.verdict(event, (followed.relapsed, followed.died), followed.relapse)


def chronic(followed: Followed, severity: str) -> Verdict:
    """Event: chronic GVHD of `severity` or worse. Relapse and death without it compete."""
    at_least = CHRONIC.index(severity)
    event = earliest(reached(followed, followed.facts.chronic_gvhd, at_least), not_looked(followed, "chronic"))
    return followed.verdict(event, (followed.relapsed, followed.died), followed.relapse)


def acute_death_alone(followed: Followed, grade: str) -> Verdict:
    """The second table: death alone competes."""
    return followed.verdict(reached(followed, followed.facts.acute_gvhd, ACUTE.index(grade)), (followed.died,))


def chronic_death_alone(followed: Followed, severity: str) -> Verdict:
    """The second table: death alone competes."""
    return followed.verdict(reached(followed, followed.facts.chronic_gvhd, CHRONIC.index(severity)), (followed.died,))


def relapse_free_survival(followed: Followed) -> Verdict:
    """Event: acute GVHD III-IV, chronic GVHD that needs systemic therapy or is severe, relapse, or death.

    Sources: Holtan, Blood 2015;125:1333 (systemic therapy); Ruggeri 2016 (EBMT: severe).
    """
    facts = followed.facts
    event = earliest(
        reached(followed, facts.acute_gvhd, ACUTE.index("III")),
        reached(followed, facts.chronic_gvhd, CHRONIC.index("severe")),
        _systemically_treated(followed),
        followed.relapse,
        followed.death,
        *(not_looked(followed, kind) for kind in ("acute", "chronic")),
    )
    return followed.verdict(event, ())


def reached(followed: Followed, episodes: Sequence[Told[Any]], at_least: int) -> Happened:
    """The first day on which any of the episodes had reached a grade, counted by its place in ACUTE or CHRONIC."""
    return earliest(*(_episode_reached(followed, one, at_least) for one in episodes))


def not_looked(followed: Followed, kind: str) -> Happened:
    """A note on who was never looked at for this kind of GVHD."""
    episodes = followed.facts.acute_gvhd if kind == "acute" else followed.facts.chronic_gvhd
    looked = any(
        isinstance(getattr(one.fact, kind), bool)
        and (place := followed.axis.place(one.fact.date, "", one.source, Notes())) is not None
        and place.day >= 0
        for one in followed.facts.gvhd_assessments
    )
    if episodes or looked:
        return Happened()
    return Happened(listed=(f"{kind} GVHD not assessed: at risk until the last day known alive",))


def height(word: Said[Word], scale: Sequence[str]) -> int | None:
    """Place of a grade in its scale; None where it was not told."""
    return scale.index(word.key) if isinstance(word, Word) and word.key in scale else None


def worst(episode: Episode) -> int | None:
    """The worst grade that is told of an episode, as its place in ACUTE or CHRONIC."""
    scale, said, steps = _told(episode)
    known = [place for word in (said, *(step[1] for step in steps)) if (place := height(word, scale)) is not None]
    return max(known, default=None)


def needs_systemic_therapy(episode: ChronicGvhd) -> bool:
    """As the centre says; where it does not, by the treatments that it names."""
    if isinstance(episode.systemic_treatment, bool):
        return episode.systemic_treatment
    named = episode.treatment if isinstance(episode.treatment, tuple) else ()
    return any(isinstance(word, Word) and word.key in SYSTEMIC for word in named)


def _told(episode: Episode) -> tuple[Sequence[str], Said[Word], list[Step]]:
    """Scale, worst grade, and the grades of the course with their dates."""
    steps = () if isinstance(episode.course, Missing) else episode.course
    graded: list[Step] = [(step.date, step.grade if isinstance(step, AcuteStep) else step.severity) for step in steps]
    if isinstance(episode, AcuteGvhd):
        return ACUTE, episode.grade, graded
    return CHRONIC, episode.severity, graded


def _episode_reached(followed: Followed, one: Told[Any], at_least: int) -> Happened:
    """By the dated grades of the course where they tell it; any GVHD at all begins with its onset."""
    episode: Episode = one.fact
    name, top = _NAMES[type(episode)], worst(episode)
    if top is None and at_least > _ANY:
        return Happened(listed=(f"{name} of a grade not told: not counted where a grade is asked for",))
    if top is not None and top < at_least:
        return Happened()
    scale, _, steps = _told(episode)
    notes = Notes()
    # what is dated by a step leads to the Observation of that step, where it is a resource of its own
    told = zip(steps, one.parts or [one.source] * len(steps), strict=True)
    days = [
        (day, source)
        for (day, word), source in told
        if (height(word, scale) or 0) >= at_least and followed.axis.day_or_middle(day)
    ]
    found = [followed.axis.place(day, name, source, notes) for day, source in days]
    marks: tuple[str, ...] = ()
    if not days or at_least == _ANY:
        onset = followed.axis.place(episode.onset, name, one.source, notes)
        marks = (BY_ONSET,) if onset and all(place is None or place > onset for place in found) else ()
        found.append(onset)
    first = min((place for place in found if place), default=None)
    return Happened(first, tuple(dict.fromkeys(notes.excluded)), tuple(dict.fromkeys(notes.listed)), marks)


def _systemically_treated(followed: Followed) -> Happened:
    """Chronic GVHD that needs systemic therapy, by its onset: the day of the first dose is not told."""
    notes = Notes()
    found = [
        followed.axis.place(one.fact.onset, _NAMES[ChronicGvhd], one.source, notes)
        for one in followed.facts.chronic_gvhd
        if worst(one.fact) != CHRONIC.index("none") and needs_systemic_therapy(one.fact)
    ]
    first = min((place for place in found if place), default=None)
    return Happened(first, tuple(notes.excluded), tuple(notes.listed), (BY_ONSET,))
