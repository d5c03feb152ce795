"""Forms of EBMT filled in from a de-identified course: one line for each form, field by field as ebmt-fields.csv maps.

EBMT's own code lists are not public: a coded field stays blank for the centre to choose, and what was told stands
beside it in `<field>_told`, in our words. An assessment is the nearest one in the window that the deployment gives,
with its own date; where there is none the field is blank, and nothing is taken from another day.
"""

from __future__ import annotations

import csv
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from mappings.facts import AcuteGvhd, ChronicGvhd, PartialDate, Word
from mappings.registry.blood_facts import COUNTS
from mappings.registry.course import Course
from mappings.registry.gvhd_endpoints import ACUTE, CHRONIC
from mappings.registry.pieces import Told

FORMS = {"day-100": ("days", 100), "month-6": ("months", 6), "year-1": ("months", 12), "year-2": ("months", 24)}
"""Each form, and when after the graft it is due: in days, or in calendar months."""

SHIFTED, FROM_GRAFT = "shifted", "days-from-graft"

Line = dict[str, str]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form. `kind`: text, date, number, coded (blank, with `_told` beside) or blank."""

    form: str
    name: str
    fact: str
    kind: str


@cache
def fields() -> tuple[Field, ...]:
    """The packaged mapping."""
    text = files("mappings.registry").joinpath("ebmt-fields.csv").read_text("utf-8")
    return tuple(
        Field(row["form"], row["field"], row["fact"], row["kind"]) for row in csv.DictReader(text.splitlines())
    )


def columns(form: str) -> list[str]:
    """Names of the columns of a form."""
    asked = (one for one in fields() if _asks(one, form))
    return [name for one in asked for name in ([one.name, f"{one.name}_told"] if one.kind == "coded" else [one.name])]


def _asks(field: Field, form: str) -> bool:
    """`*` is every form, `after` every one after day 0."""
    return field.form in ("*", form) or (field.form == "after" and form in FORMS)


def lines(course: Course, windows: Mapping[str, int], dates: str) -> dict[str, Line]:
    """The forms of one patient that had come due by the last day known of them, by the name of the form.

    `windows`: days before and after that belong to a form. None where the graft has no exact day.
    """
    graft = course.day_zero
    if graft is None or graft.imputed or course.latest is None:
        return {}
    found = {}
    for form in FORMS:
        due = _due(form, graft.day)
        if form in windows and due - timedelta(days=windows[form]) <= course.latest:
            facts = _facts(course, form, graft.day, due, windows[form])
            found[form] = dict(filled(form, facts, graft.day, dates))
    return found


def filled(form: str, facts: Mapping[str, Any], graft: date, dates: str) -> Iterator[tuple[str, str]]:
    """(field, what is written into it) of a form, as the mapping says; blank where no fact is known."""
    for field in fields():
        if _asks(field, form):
            said = facts.get(field.fact)
            if field.kind == "coded":
                yield field.name, ""
                yield f"{field.name}_told", said or ""
            else:
                yield (
                    field.name,
                    _written(said, graft, dates) if field.kind == "date" else "" if said is None else str(said),
                )


def _written(said: Any, graft: date, dates: str) -> str:
    """A date as told, or the days from the graft, which a month or a year does not tell."""
    if said is None:
        return ""
    if dates == SHIFTED or not isinstance(said, PartialDate):
        return str(said)
    return str((said.exact - graft).days) if said.exact else ""


def _facts(course: Course, form: str, graft: date, due: date, window: int) -> dict[str, Any]:
    """What is known of the time up to the end of the form's window."""
    facts, until = course.facts, due + timedelta(days=window)
    died = course.death if course.death and course.death.day <= until else None
    contacts = [one.written for one in course.contacts if one.day <= until]
    response = _nearest([one for one in facts.responses if _word(one.fact.category)], due, window)
    measured = [one for one in facts.chimerism if isinstance(one.fact.donor_percent, Decimal)]
    chimerism = _nearest(measured, due, window)
    causes = [_word(one.fact.cause) for one in facts.vital_status if _word(one.fact.status) == "dead"]
    acute, chronic = _until(facts.acute_gvhd, "onset", until), _until(facts.chronic_gvhd, "onset", until)
    relapses, recoveries = _until(facts.relapses, "date", until), _until(facts.recoveries, "date", until)
    recovered = {one.fact.line: one.fact.date for one in recoveries if _word(one.fact.status) == "engrafted"}
    return {
        "patient": course.patient,
        "form": form,
        "scheduled": PartialDate(due.isoformat()),
        "graft": PartialDate(graft.isoformat()),
        "status": "dead" if died else "alive" if contacts else "",
        "contact": PartialDate(contacts[-1]) if contacts else None,
        "death": PartialDate(died.written) if died else None,
        "cause": next(filter(None, causes), "") if died else "",
        **{line: recovered.get(line) for line in COUNTS},
        "response": _word(response.fact.category) if response else "",
        "response_date": response.fact.date if response else None,
        "relapse": relapses[0].fact.date if relapses else None,
        "acute_onset": acute[0].fact.onset if acute else None,
        "acute_worst": ", ".join(filter(None, (_worst(one.fact, until) for one in acute))),
        "chronic_onset": chronic[0].fact.onset if chronic else None,
        "chronic_worst": ", ".join(filter(None, (_worst(one.fact, until) for one in chronic))),
        "chimerism": chimerism.fact.donor_percent if chimerism else None,
        "chimerism_date": chimerism.fact.date if chimerism else None,
    }


def _due(form: str, graft: date) -> date:
    unit, number = FORMS[form]
    if unit == "days":
        return graft + timedelta(days=number)
    year, month = divmod(graft.month - 1 + number, 12)
    year, month = graft.year + year, month + 1
    return date(year, month, min(graft.day, monthrange(year, month)[1]))


def _nearest(told: Iterable[Told[Any]], due: date, window: int) -> Told[Any] | None:
    """By the exact day, of two equally near the earlier."""
    days = [
        (one.fact.date.exact, one) for one in told if isinstance(one.fact.date, PartialDate) and one.fact.date.exact
    ]
    near = [(abs((day - due).days), day, one) for day, one in days if abs((day - due).days) <= window]
    return min(near, key=lambda each: each[:2])[2] if near else None


def _until(told: Sequence[Told[Any]], when: str, until: date) -> list[Told[Any]]:
    dated = [(getattr(one.fact, when), one) for one in told]
    return [one for day, one in dated if isinstance(day, PartialDate) and day.latest <= until]


def _worst(episode: AcuteGvhd | ChronicGvhd, until: date) -> str:
    """As the episode tells it; where its course goes on after that day, what it had reached by then."""
    scale, name = (ACUTE, "grade") if isinstance(episode, AcuteGvhd) else (CHRONIC, "severity")
    steps: Sequence[Any] = episode.course if isinstance(episode.course, tuple) else ()
    by_then = [step for step in steps if not (isinstance(step.date, PartialDate) and step.date.latest > until)]
    if len(by_then) == len(steps):
        return _word(getattr(episode, name))
    reached = [word for step in by_then if (word := _word(getattr(step, name))) in scale]
    return max(reached, key=scale.index, default="")


def _word(said: Any) -> str:
    return said.key if isinstance(said, Word) else ""
