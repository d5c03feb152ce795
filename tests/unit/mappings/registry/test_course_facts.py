"""What `outcomes` writes is read back as the facts that it was given."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace

from hypothesis import assume, given, settings

from mappings.facts import (
    AcuteGvhd,
    Administration,
    Chimerism,
    ChronicGvhd,
    ChronicStep,
    Dli,
    DliWithheld,
    Immunosuppressant,
    Infection,
    Measured,
    MinimalResidualDisease,
    Missing,
    PartialDate,
    Response,
    VitalStatus,
)
from mappings.intake import schema
from mappings.outcomes import map_course
from mappings.outcomes.chart import in_order
from mappings.protocol import load
from mappings.r4.build import Ids
from mappings.r4.faults import FaultyInput
from mappings.registry.blood_facts import COUNTS, SUBSETS, Reported, Result, Transfusion
from mappings.registry.course import read
from mappings.registry.status_facts import Performance
from tests.lib.charts import AS_OF, ENROLMENT, visit
from tests.lib.plans import COURSE
from tests.lib.told import FORMS

ONE_ORDER = {"thiotepa": "D-13", "ciclosporin": "D6", "mycophenolate": "D6"}
LINES = {line.key: line.days.listed for line in load("set-haplo-pdli").lines}


def follow_up(**sections):
    """The facts of one form; drawn sections may contradict themselves, and then nobody takes them."""
    try:
        return schema.follow_up(visit(**sections), AS_OF)
    except FaultyInput:
        assume(False)


def facts_of(*visits):
    enrolment = schema.enrolment(ENROLMENT, AS_OF)
    (course,) = read(entry.resource for entry in map_course(enrolment, visits, Ids(COURSE)))
    return course.facts


def said_missing(section):
    return isinstance(section, Missing)


def items(section):
    return section if isinstance(section, tuple) else ()


def told(entries):
    return sorted((in_any_order(entry.fact) for entry in entries), key=repr)


def expected(items):
    return sorted(map(plain, items), key=repr)


def plain(said):
    """A fact without what FHIR has no place for, or only words: notes, the centre's ids, ends that are not known."""
    if isinstance(said, Missing):
        return Missing(said.reason)
    if isinstance(said, tuple):
        return tuple(plain(part) for part in said)
    if not is_dataclass(said):
        return said
    out = replace(said, **{field.name: plain(getattr(said, field.name)) for field in fields(said)})
    return _plain(replace(out, id=None) if hasattr(out, "id") else out)


def _plain(said):
    match said:
        case AcuteGvhd() | ChronicGvhd() | Infection():
            said = replace(said, resolved=known(said.resolved))
    match said:
        case AcuteGvhd() | ChronicGvhd():
            steps = () if isinstance(said.course, Missing) else said.course
            one = said.treatment if isinstance(said.treatment, tuple) and len(said.treatment) == 1 else ()
            alone = one[0] if one and isinstance(one[0], Missing) else said.treatment or None
            said = in_any_order(replace(said, course=steps, treatment=alone))
    match said:
        case ChronicGvhd() | ChronicStep():
            return replace(said, organs=known(said.organs) or ())
        case Immunosuppressant(started=PartialDate() as start, stopped=PartialDate() as stop):
            return said if in_order(start, stop) else replace(said, started=None)
        case Administration(action=str() as action):
            listed = said.day if isinstance(said.day, str) and int(said.day[1:]) in LINES[action] else None
            return replace(said, day=ONE_ORDER.get(action, listed), given=exact(said.given))
        case Administration():
            return replace(said, day=None, given=exact(said.given))
        case Dli() | DliWithheld():
            return replace(said, number=known(said.number))
    return said


def in_any_order(said):
    """Steps without a day follow no other."""
    return replace(said, course=tuple(sorted(said.course, key=repr))) if hasattr(said, "course") else said


def known(said):
    return None if isinstance(said, Missing) else said


def exact(given):
    return None if isinstance(given, Measured) and given.comparator else given


# What a form tells, as the facts of a course, domain by domain.


def measures(form):
    said = form.measurements
    weight = said if said_missing(said) else said and said.weight
    height = said if said_missing(said) else None
    for of, one in (("weight", weight), ("height", height)):
        if one is not None:
            value, when = (one, None) if said_missing(one) else (one.value, one.date)
            yield Result(of, when or form.date, value)


def performance(form):
    said = form.measurements
    score = said if said_missing(said) else said and said.karnofsky
    return [] if score is None else [Performance(form.date, score)]


def recoveries(form):
    said = form.engraftment
    for line in COUNTS:
        one = said if said_missing(said) else said and getattr(said, line)
        if one is not None:
            yield Reported(line, one) if said_missing(one) else Reported(line, one.status, one.date)


def counts(form):
    told_of = form.engraftment.counts if form.engraftment and not said_missing(form.engraftment) else ()
    if said_missing(told_of):
        return [Result(line, form.date, told_of) for line in COUNTS]
    return [Result(line, one.date, value) for one in told_of for line in COUNTS if (value := getattr(one, line))]


def transfusions(form):
    days = form.engraftment.platelet_transfusions if form.engraftment and not said_missing(form.engraftment) else ()
    if said_missing(days):
        return [Transfusion(days, False if days.reason == "not-performed" else days)]
    return [Transfusion(day, not (said_missing(day) and day.reason == "not-performed")) for day in set_of(days)]


def set_of(days):
    """A day that is told twice is one."""
    return [*dict.fromkeys(day for day in days if not said_missing(day)), *(day for day in days if said_missing(day))]


def responses(form):
    said = form.response
    if said is None or said_missing(said):
        return [] if said is None else [replace(NO_RESPONSE, date=form.date, category=said)]
    mrd = MinimalResidualDisease(said.mrd) if said_missing(said.mrd) else said.mrd
    return [replace(said, mrd=mrd)]


def subsets(form):
    panel = form.immune_reconstitution
    for subset in SUBSETS if panel is not None else ():
        value, when = (panel, form.date) if said_missing(panel) else (getattr(panel, subset), panel.date)
        if value is not None:
            yield Result(subset, when, value)


def vital_status(form):
    said = form.vital_status
    return [] if said is None else [VitalStatus(said, form.date)] if said_missing(said) else [said]


def relapses(form):
    return [form.relapse] if form.relapse and not said_missing(form.relapse) else []


def chimerism(form):
    """A result of which nothing at all is known is none."""
    silent = (Chimerism(one.date, one.donor_percent, id=one.id) for one in items(form.chimerism))
    nothing = [one for one in silent if isinstance(one.donor_percent, Missing)]
    return [one for one in items(form.chimerism) if one not in nothing]


def episodes(form, kind):
    """An episode of grade 0, or none, was none."""
    section = getattr(form.gvhd, kind, None)
    return [one for one in items(section) if worst(one) not in ("0", "none")]


def worst(episode):
    return getattr(episode.grade if isinstance(episode, AcuteGvhd) else episode.severity, "key", "")


def quality_of_life(form):
    return [form.quality_of_life] if form.quality_of_life and not said_missing(form.quality_of_life) else []


EXPECTED = {
    "measures": measures,
    "performance": performance,
    "recoveries": recoveries,
    "counts": counts,
    "transfusions": transfusions,
    "responses": responses,
    "subsets": subsets,
    "vital_status": vital_status,
    "relapses": relapses,
    "chimerism": chimerism,
    "acute_gvhd": lambda form: episodes(form, "acute"),
    "chronic_gvhd": lambda form: episodes(form, "chronic"),
    "infections": lambda form: items(form.infections),
    "quality_of_life": quality_of_life,
    "immunosuppressants": lambda form: items(getattr(form.immunosuppression, "drugs", None)),
    "doses": lambda form: items(form.administrations),
    "infusions": lambda form: items(form.dli),
    "withheld": lambda form: items(form.dli_withheld),
}
NO_RESPONSE = Response(PartialDate("2026-09-02"), None)


@settings(max_examples=150)
@given(FORMS)
def test_a_whole_follow_up_comes_back_as_the_facts_that_it_told(sections):
    form = follow_up(**sections)
    facts = facts_of(form)
    for domain, of in EXPECTED.items():
        assert told(getattr(facts, domain)) == expected(of(form)), domain
    assert assessments(facts) == expected_assessments(form)


def assessments(facts):
    return [(one.fact.date, one.fact.acute, one.fact.chronic) for one in facts.gvhd_assessments]


def expected_assessments(form):
    said = form.gvhd
    if said is None:
        return []
    if said_missing(said):
        return [(form.date, plain(said), plain(said))]
    lists = {kind: plain(told_of) for kind in ("acute", "chronic") if (told_of := getattr(said, kind)) is not None}
    if not lists:
        return unlooked(form)
    if said.assessed is None and not any(map(said_missing, lists.values())):
        return []
    found = {kind: one if said_missing(one) else bool(episodes(form, kind)) for kind, one in lists.items()}
    return [(plain(said.assessed) or form.date, found.get("acute"), found.get("chronic"))]


def unlooked(form):
    """Only the day, or why there is none: nothing was said of what was found."""
    assessed = form.gvhd.assessed
    if assessed is None:
        return []
    why = plain(assessed) if said_missing(assessed) else Missing("unknown")
    return [(form.date if said_missing(assessed) else assessed, why, why)]


@settings(max_examples=50)
@given(FORMS)
def test_whether_immunosuppression_goes_on_comes_back(sections):
    form = follow_up(**sections)
    section = form.immunosuppression
    read_back = [one.fact.ongoing for one in facts_of(form).immunosuppression]
    if isinstance(section, Missing) or isinstance(getattr(section, "drugs", None), Missing):
        assert read_back == [plain(section if isinstance(section, Missing) else section.drugs)]
    elif section is None or section.assessed is None:
        assert read_back == []
    elif section.drugs == ():
        assert read_back == [False]
    else:
        assert len(read_back) == 1


def test_what_the_centre_says_later_of_another_day_is_another_fact():
    first = schema.follow_up(
        visit(response={"date": "2026-06-01", "category": "PR", "marrow_blasts_percent": 9}), AS_OF
    )
    second = schema.follow_up(
        visit("m12", "2026-10-01", response={"date": "2026-09-01", "category": "CR", "mrd": {"result": "negative"}}),
        AS_OF,
    )
    read_back = [one.fact for one in facts_of(first, second).responses]
    assert read_back == [first.response, second.response]
