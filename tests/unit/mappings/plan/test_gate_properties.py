"""What holds of every gate, whatever was told: knowing more never takes back what was decided."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from mappings.facts import (
    AcuteGvhd,
    AcuteStep,
    Dli,
    FollowUp,
    Gvhd,
    Immunosuppressant,
    Immunosuppression,
    Missing,
    PartialDate,
    Word,
)
from mappings.plan.readiness import standings
from mappings.plan.verdict import Verdict, together
from tests.lib.records import D122, a_record, form, ready, standing, verdict

ZERO = date(2026, 3, 2)
DAYS = st.integers(1, 200)
PRECISION = st.sampled_from([4, 7, 10])
GRADES = ["0", "I", "II", "III", "IV"]
DRUGS = ["ciclosporin", "mycophenolate", "steroids", "tacrolimus"]


@st.composite
def spells(draw, what):
    """Something that began, and perhaps ended, on days after the graft."""
    first = draw(DAYS)
    return draw(st.sampled_from(what)), first, draw(st.none() | st.integers(first, 230))


COURSES = st.fixed_dictionaries(
    {
        "episodes": st.lists(spells(GRADES), max_size=3),
        "drugs": st.lists(spells(DRUGS), max_size=3),
        "visits": st.lists(st.integers(30, 230), min_size=1, max_size=3, unique=True),
        "infusions": st.lists(st.integers(115, 200), max_size=3).map(sorted),
    }
)


def told(course, cut=lambda day: day):
    """The forms of a course; `cut` says how exactly each date is told. Each form tells what had happened by its day."""
    return [form(iso(day), **sections(course, day, cut)) for day in course["visits"]]


def iso(day):
    return (ZERO + timedelta(days=day)).isoformat()


def sections(course, day, cut):
    episodes = [
        {"id": f"e{number}", "grade": grade, **spell(first, last, day, cut, "onset", "resolved")}
        for number, (grade, first, last) in enumerate(course["episodes"])
        if first <= day
    ]
    drugs = [
        {"id": f"d{number}", "drug": drug, **spell(first, last, day, cut, "started", "stopped")}
        for number, (drug, first, last) in enumerate(course["drugs"])
        if first <= day
    ]
    given_ = [{"number": n, "date": cut(iso(when))} for n, when in enumerate(course["infusions"], 1) if when <= day]
    looked = cut(iso(day))
    return {
        "gvhd": {"assessed": looked, "acute": episodes, "chronic": []},
        "immunosuppression": {"assessed": looked, "drugs": drugs},
        "dli": given_,
    }


def spell(first, last, day, cut, begin, end):
    out = {begin: cut(iso(first))}
    return out | ({end: cut(iso(last))} if last is not None and last <= day else {})


def verdicts(forms, on):
    return {
        (one.action, finding.criterion): finding.verdict
        for one in standings(a_record(*forms), on)
        for finding in one.findings
    }


@given(COURSES, st.integers(0, 260), st.data())
def test_a_date_told_more_exactly_never_changes_what_was_decided(course, day, data):
    on = ZERO + timedelta(days=day)
    vague = verdicts(told(course, lambda said: said[: data.draw(PRECISION)]), on)
    exact = verdicts(told(course), on)
    for which, before in vague.items():
        assert before in (Verdict.UNKNOWN, exact[which]), which


@given(COURSES, st.integers(0, 260), st.randoms())
def test_the_order_in_which_forms_came_does_not_matter(course, day, random):
    forms = told(course)
    before = verdicts(forms, ZERO + timedelta(days=day))
    random.shuffle(forms)
    assert verdicts(forms, ZERO + timedelta(days=day)) == before


SICK = {"gvhd": {"acute": [{"id": "more", "onset": "2026-04-20", "grade": "III", "liver": 2}]}}
DRUGGED = {"immunosuppression": {"drugs": [{"id": "more", "drug": "ruxolitinib", "started": "2026-04-20"}]}}


@given(COURSES, st.integers(60, 260), st.sampled_from([SICK, DRUGGED]))
def test_a_fact_against_a_gate_never_opens_it(course, day, more):
    on = ZERO + timedelta(days=day)
    before = verdicts(told(course), on)
    after = verdicts([*told(course), form("2026-05-01", **more)], on)
    for which, verdict_ in before.items():
        if which[1] != "after":
            assert not (verdict_ is Verdict.NOT_MET and after[which] is not Verdict.NOT_MET), which
            assert not (verdict_ is not Verdict.MET and after[which] is Verdict.MET), which


@given(COURSES, st.integers(0, 230))
def test_grade_iii_once_told_is_never_met_again(course, day):
    third = form("2026-03-31", gvhd={"acute": [{"onset": "2026-03-20", "grade": "III"}]})
    on = max(ZERO + timedelta(days=day), date(2026, 3, 31))
    for number in (1, 2, 3):
        assert verdict(a_record(third, *told(course)), f"pdli-{number}", on, "worst-acute-gvhd") == "not-met"


@given(COURSES, st.integers(0, 260))
def test_a_form_that_tells_nothing_of_the_gates_changes_nothing(course, day):
    on = ZERO + timedelta(days=day)
    beside = form("2026-05-01", "m1", vital_status={"status": "alive", "date": "2026-05-01"})
    assert verdicts([*told(course), beside], on) == verdicts(told(course), on)


BEGUN_LATER = {
    "episodes": [],
    "drugs": [("ciclosporin", 31, None), ("mycophenolate", 31, None)],
    "visits": [30, 31],
    "infusions": [],
}


@given(COURSES, st.integers(0, 260))
@example(BEGUN_LATER, 30)
def test_every_verdict_has_its_facts_or_says_what_is_missing(course, day):
    for one in standings(a_record(*told(course)), ZERO + timedelta(days=day)):
        assert one.verdict is together(finding.verdict for finding in one.findings)
        for finding in one.findings:
            assert finding.facts or finding.missing
            assert finding.missing or finding.verdict is not Verdict.UNKNOWN


def test_what_no_item_can_do_without_may_be_said_to_be_missing_too():
    """Nothing is taken for told: the worst that it can mean counts, and a day not told is at most that of the form."""
    gap, day = Missing("unknown"), PartialDate("2026-06-30")
    step = AcuteStep(date=gap, grade=Word("III"))
    untold = AcuteGvhd(onset=gap, grade=gap, course=gap)
    stepped = AcuteGvhd(onset=gap, grade=gap, course=(step,), resolved=day)
    looked = FollowUp(
        "C",
        "P",
        "m6",
        day,
        gvhd=Gvhd(day, (untold, stepped), ()),
        immunosuppression=Immunosuppression(day, (Immunosuppressant(drug=gap),)),
        dli=(Dli(number=1, date=gap), Dli(number=gap, date=day)),
    )
    record = a_record()
    record = type(record)(record.protocol, record.day_zero, (looked,))
    findings = {one.criterion: one for one in standing(record, "pdli-1", D122).findings}
    assert findings["active-gvhd"].facts[0].what == "acute GVHD without a day of onset, no end told"
    assert findings["active-gvhd"].verdict is Verdict.NOT_MET
    assert findings["worst-acute-gvhd"].verdict is Verdict.UNKNOWN
    assert findings["months-off-immunosuppression"].facts[0].what == "a drug taken"
    assert findings["months-off-immunosuppression"].verdict is Verdict.NOT_MET
    assert str(standing(record, "pdli-1", D122).done.when) == "2026-06-30"
    assert verdict(record, "pdli-1", date(2026, 6, 29), "active-gvhd") == "unknown"


def test_an_unnamed_drug_is_told_by_its_word():
    listed = [{"drug": "unknown", "started": "2026-04-20"}]
    record = a_record(ready(immunosuppression={"assessed": "2026-06-30", "drugs": listed}))
    (found,) = [f for f in standing(record, "pdli-1", D122).findings if f.criterion == "months-off-immunosuppression"]
    assert found.facts[0].what == "a drug (unknown) taken"
