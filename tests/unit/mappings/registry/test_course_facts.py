"""What `outcomes` writes is read back as the facts that it was given."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace

from hypothesis import assume, given

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
    Missing,
    PartialDate,
)
from mappings.intake import schema
from mappings.outcomes import map_course
from mappings.outcomes.chart import in_order
from mappings.protocol import load
from mappings.r4.build import Ids
from mappings.r4.faults import FaultyInput
from mappings.registry.course import read
from tests.lib.charts import AS_OF, ENROLMENT, visit
from tests.lib.plans import COURSE
from tests.lib.told import SECTIONS

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


@given(SECTIONS["relapse"])
def test_relapse(section):
    form = follow_up(relapse=section)
    assert told(facts_of(form).relapses) == expected([form.relapse])


@given(SECTIONS["chimerism"])
def test_chimerism(section):
    form = follow_up(chimerism=section)
    silent = [one for one in form.chimerism if one == Chimerism(one.date, one.donor_percent, id=one.id)]
    nothing = [one for one in silent if isinstance(one.donor_percent, Missing)]
    assert told(facts_of(form).chimerism) == expected(one for one in form.chimerism if one not in nothing)


@given(SECTIONS["gvhd"])
def test_gvhd(section):
    form = follow_up(gvhd=section)
    facts = facts_of(form)
    lists = {kind: getattr(form.gvhd, kind) for kind in ("acute", "chronic")}
    for kind, read_back in (("acute", facts.acute_gvhd), ("chronic", facts.chronic_gvhd)):
        assert told(read_back) == expected(lists[kind] if isinstance(lists[kind], tuple) else ())
    for entry in facts.gvhd_assessments:
        for kind, section_of in lists.items():
            found = bool(section_of) if isinstance(section_of, tuple) else plain(section_of)
            unsaid = isinstance(getattr(entry.fact, kind), Missing) and section_of is None
            assert getattr(entry.fact, kind) == found or unsaid


@given(SECTIONS["infections"])
def test_infections(section):
    form = follow_up(infections=section)
    assert told(facts_of(form).infections) == expected(form.infections)


@given(SECTIONS["quality_of_life"])
def test_quality_of_life(section):
    form = follow_up(quality_of_life=section)
    assert told(facts_of(form).quality_of_life) == expected([form.quality_of_life])


@given(SECTIONS["immunosuppression"])
def test_immunosuppression(section):
    form = follow_up(immunosuppression=section)
    drugs = form.immunosuppression.drugs
    assert told(facts_of(form).immunosuppressants) == expected(drugs if isinstance(drugs, tuple) else ())


@given(SECTIONS["administrations"])
def test_doses(section):
    form = follow_up(administrations=section)
    assert told(facts_of(form).doses) == expected(form.administrations)


@given(SECTIONS["dli"], SECTIONS["dli_withheld"])
def test_donor_lymphocytes(given_ones, withheld):
    form = follow_up(dli=given_ones, dli_withheld=withheld)
    facts = facts_of(form)
    assert told(facts.infusions) == expected(form.dli)
    assert told(facts.withheld) == expected(form.dli_withheld)
