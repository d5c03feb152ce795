"""No active GVHD, and acute GVHD never above grade II: what was looked for, found, ended, and what was not told."""

from __future__ import annotations

from datetime import date

import pytest

from mappings.plan import readiness
from mappings.plan.gates import AGEING
from tests.lib.records import D119, D120, a_record, finding, form, ready, standing, verdict, whats

GVHD, WORST = "active-gvhd", "worst-acute-gvhd"


def looked(day="2026-06-30", acute=(), chronic=()):
    return {"assessed": day, "acute": list(acute), "chronic": list(chronic)}


def test_looked_for_and_not_found_is_a_fact_of_its_day():
    found = finding(a_record(ready()), "pdli-1", GVHD)
    assert (found.verdict.value, found.as_of) == ("met", date(2026, 6, 30))
    assert whats(found) == ["acute GVHD looked for: none", "chronic GVHD looked for: none"]


@pytest.mark.parametrize(
    ("section", "missing"),
    [
        (None, ["acute", "chronic"]),
        ({"not_done": "unknown"}, ["acute", "chronic"]),
        ({"assessed": "2026-06-30"}, ["acute", "chronic"]),
        ({"assessed": "2026-06-30", "acute": []}, ["chronic"]),
        ({"assessed": "2026-06-30", "chronic": []}, ["acute"]),
        ({"acute": [], "chronic": []}, ["acute", "chronic"]),
        ({"assessed": {"not_done": "unknown"}, "acute": [], "chronic": []}, ["acute", "chronic"]),
        ({"assessed": "2026-06-30", "acute": {"not_done": "unknown"}, "chronic": []}, ["acute"]),
    ],
)
def test_what_was_not_looked_for_is_unknown(section, missing):
    found = finding(a_record(ready(gvhd=section)), "pdli-1", GVHD)
    assert found.verdict.value == "unknown"
    assert [words.split(" on which ")[1].split()[0] for words in found.missing] == missing


def test_the_two_kinds_may_be_looked_for_at_two_visits():
    acute = form("2026-06-02", "m3", gvhd={"assessed": "2026-06-02", "acute": []})
    chronic = form("2026-06-30", gvhd={"assessed": "2026-06-30", "chronic": []})
    found = finding(a_record(acute, chronic), "pdli-1", GVHD)
    assert (found.verdict.value, found.as_of) == ("met", date(2026, 6, 2))


@pytest.mark.parametrize("kind", ["acute", "chronic"])
@pytest.mark.parametrize(
    ("onset", "end", "on", "said"),
    [
        ("2026-06-20", None, "2026-06-30", "not-met"),
        ("2026-06-20", None, "2028-06-30", "not-met"),
        ("2026-06-20", "2026-06-30", "2026-06-30", "met"),
        ("2026-06-20", "2026-07-01", "2026-06-30", "not-met"),
        ("2026-06-20", {"not_done": "unknown"}, "2026-06-30", "unknown"),
        ("2026-06-20", "2026-06", "2026-06-30", "met"),
        ("2026-06-20", "2026-07", "2026-07-15", "unknown"),
        ("2026-07-01", None, "2026-06-30", "met"),
        ("2026-07-01", None, "2026-07-01", "not-met"),
        ("2026-07", None, "2026-07-15", "unknown"),
        ("2026-07", None, "2026-06-30", "met"),
    ],
)
def test_an_episode_is_active_from_its_onset_to_its_end(kind, onset, end, on, said):
    grade = {"grade": "I", "skin": 1} if kind == "acute" else {"severity": "mild", "organs": {"skin": 1}}
    episode = {"onset": onset, **grade} | ({"resolved": end} if end else {})
    told = form("2026-08-01", gvhd={kind: [episode]})
    record = a_record(ready(gvhd=looked("2026-06-30")), told)
    assert verdict(record, on=date.fromisoformat(on), criterion=GVHD) == said


def test_an_episode_reported_again_with_its_end_is_over():
    first = form("2026-06-02", "m3", gvhd=looked("2026-06-02", [{"onset": "2026-04-20", "grade": "I", "skin": 1}]))
    again = ready(gvhd=looked("2026-06-30", [{"onset": "2026-04-20", "resolved": "2026-05-15"}]))
    assert verdict(a_record(first), criterion=GVHD) == "not-met"
    found = finding(a_record(first, again), "pdli-1", GVHD)
    assert found.verdict.value == "met"
    assert "acute GVHD from 2026-04-20, ended 2026-05-15" in whats(found)


def test_an_episode_is_known_by_the_centres_own_id():
    first = form("2026-06-02", "m3", gvhd={"acute": [{"id": "e1", "onset": "2026-04", "grade": "I"}]})
    again = ready(gvhd=looked("2026-06-30", [{"id": "e1", "onset": "2026-04-20", "resolved": "2026-05-15"}]))
    assert verdict(a_record(first, again), criterion=GVHD) == "met"


def test_none_found_later_does_not_end_an_episode_of_which_no_end_was_told():
    """The later form may have left it out: who says that it is over says when."""
    first = form("2026-06-02", "m3", gvhd=looked("2026-06-02", [{"onset": "2026-04-20", "grade": "I", "skin": 1}]))
    found = finding(a_record(first, ready()), "pdli-1", GVHD)
    assert found.verdict.value == "not-met"
    assert "the end of acute GVHD from 2026-04-20" in found.missing[0]
    assert "looked for on 2026-06-30" in found.missing[0]


def test_an_end_on_an_unknown_day_lies_before_a_later_look_that_found_nothing():
    episode = {"onset": "2026-04-20", "grade": "I", "skin": 1, "resolved": {"not_done": "unknown"}}
    first = form("2026-06-02", "m3", gvhd=looked("2026-06-02", [episode]))
    assert verdict(a_record(first), criterion=GVHD) == "unknown"
    assert verdict(a_record(first, ready()), criterion=GVHD) == "met"
    same = form("2026-06-30", "m3", gvhd=looked("2026-06-30", [episode]))
    assert verdict(a_record(same), criterion=GVHD) == "unknown"


@pytest.mark.parametrize(
    ("episode", "said"),
    [
        ({"grade": "0"}, "met"),
        ({"grade": "0", "course": [{"date": "2026-06-21", "grade": "0"}]}, "met"),
        ({"grade": "unknown"}, "not-met"),
        ({}, "not-met"),
        ({"grade": {"not_done": "unknown"}}, "not-met"),
    ],
)
def test_an_episode_of_grade_0_is_none(episode, said):
    record = a_record(ready(gvhd=looked("2026-06-30", [{"onset": "2026-06-20", **episode}])))
    assert verdict(record, criterion=GVHD) == said


def test_how_old_a_look_may_be_is_not_the_protocols():
    """The protocol gives no number: the age is told and limits nothing, unless a deployment sets a limit."""
    record, late = a_record(ready()), date(2027, 6, 30)
    assert verdict(record, on=late) == "met"
    assert finding(record, "pdli-1", GVHD, late).as_of == date(2026, 6, 30)
    for days, said in ((364, "unknown"), (365, "met")):
        aged = standing(record, "pdli-1", late, {GVHD: days})
        assert aged.verdict.value == said
    assert "365 days old" in standing(record, "pdli-1", late, {GVHD: 364}).findings[2].missing[0]
    assert standing(record, "pdli-1", D119, {GVHD: 0}).findings[2].verdict.value == "unknown"


def test_every_fact_that_ages_has_a_reader():
    assert {*AGEING, "day"} == set(readiness._READERS)


@pytest.mark.parametrize(("look", "said"), [(None, "not-met"), ("2026-07-05", "not-met"), ("2026-07-06", "met")])
def test_an_injection_withheld_for_active_gvhd_says_so_until_the_next_look(look, said):
    held = form("2026-07-05", dli_withheld=[{"number": 1, "date": "2026-07-05", "reason": "active-gvhd"}])
    looks = [form(look, "m6", gvhd=looked(look))] if look else []
    assert verdict(a_record(ready(), held, *looks), on=date(2026, 7, 10), criterion=GVHD) == said
    assert verdict(a_record(ready(), held, *looks), on=date(2026, 7, 4), criterion=GVHD) == "met"


@pytest.mark.parametrize(
    ("grade", "said"),
    [("0", "met"), ("I", "met"), ("II", "met"), ("III", "not-met"), ("IV", "not-met"), ("unknown", "unknown")],
)
def test_acute_gvhd_never_above_grade_ii(grade, said):
    episode = {"onset": "2026-04-20", "grade": grade, "resolved": "2026-05-15"}
    record = a_record(ready(gvhd=looked("2026-06-30", [episode])))
    assert verdict(record, criterion=WORST) == said


def test_grade_iii_anywhere_ever_is_not_met_for_ever():
    """A later form that tells the same episode as II does not undo it: who told III by mistake corrects that form."""
    third = form("2026-05-02", gvhd={"acute": [{"onset": "2026-04-20", "grade": "III", "liver": 2}]})
    second = ready(
        gvhd=looked("2026-06-30", [{"onset": "2026-04-20", "grade": "II", "skin": 3, "resolved": "2026-05-15"}])
    )
    for on in (D120, date(2029, 1, 1)):
        found = finding(a_record(third, second), "pdli-1", WORST, on)
        assert found.verdict.value == "not-met"
        assert str(found.facts[0].when) == "2026-04-20"


def test_a_grade_of_the_course_counts_from_its_day():
    course = [{"date": "2026-06-20", "grade": "II", "skin": 3}, {"date": "2026-07-10", "grade": "III", "liver": 2}]
    told = form(
        "2026-08-01", gvhd={"acute": [{"onset": "2026-06-20", "grade": "III", "liver": 2, "skin": 3, "course": course}]}
    )
    record = a_record(ready(), told)
    assert verdict(record, on=date(2026, 7, 9), criterion=WORST) == "met"
    assert verdict(record, on=date(2026, 7, 10), criterion=WORST) == "not-met"


def test_the_worst_of_an_episode_was_reached_between_its_onset_and_its_end():
    told = form("2026-08-01", gvhd={"acute": [{"onset": "2026-06-20", "grade": "III", "resolved": "2026-07-10"}]})
    record = a_record(ready(), told)
    for on, said in (("2026-06-30", "unknown"), ("2026-07-09", "unknown"), ("2026-07-10", "not-met")):
        assert verdict(record, on=date.fromisoformat(on), criterion=WORST) == said
    assert (
        verdict(
            a_record(ready(date="2026-06-15", gvhd=looked("2026-06-15"), immunosuppression=None), told),
            on=date(2026, 6, 19),
            criterion=WORST,
        )
        == "met"
    )


@pytest.mark.parametrize(
    ("episode", "said"),
    [
        ({}, "unknown"),
        ({"course": [{"date": "2026-04-20", "grade": "I"}, {"date": "2026-04-24", "grade": "II"}]}, "met"),
        ({"course": [{"date": "2026-04-20", "grade": "I"}, {"date": "2026-04-24", "grade": "unknown"}]}, "unknown"),
        ({"course": [{"date": "2026-04-20", "grade": "III"}]}, "not-met"),
        ({"grade": {"not_done": "unknown"}}, "unknown"),
    ],
)
def test_an_episode_whose_grade_was_not_told_may_have_been_any(episode, said):
    record = a_record(ready(gvhd=looked("2026-06-30", [{"onset": "2026-04-20", "resolved": "2026-05-15", **episode}])))
    assert verdict(record, criterion=WORST) == said


def test_chronic_gvhd_has_no_acute_grade():
    severe = {"onset": "2026-05-20", "severity": "severe", "resolved": "2026-06-10"}
    record = a_record(ready(gvhd=looked("2026-06-30", chronic=[severe])))
    assert verdict(record, criterion=WORST) == "met"
    assert verdict(record, criterion=GVHD) == "met"


def test_that_it_was_never_worse_needs_a_look():
    record = a_record(
        ready(gvhd={"acute": [{"onset": "2026-04-20", "grade": "I", "skin": 1, "resolved": "2026-05-15"}]})
    )
    found = finding(record, "pdli-1", WORST)
    assert found.verdict.value == "unknown"
    assert "acute GVHD was looked for" in found.missing[0]


def test_every_day_on_which_it_was_looked_for_is_told():
    looks = [form(day, name, gvhd=looked(day)) for day, name in (("2026-04-02", "m1"), ("2026-06-02", "m3"))]
    found = finding(a_record(*looks), "pdli-1", WORST)
    assert [str(fact.when) for fact in found.facts] == ["2026-04-02", "2026-06-02"]


def test_an_injection_withheld_for_the_history_says_so_for_ever():
    held = form("2026-07-05", dli_withheld=[{"number": 1, "date": "2026-07-05", "reason": "prior-agvhd-over-ii"}])
    later = form("2026-09-02", "m6", gvhd=looked("2026-09-02"))
    assert verdict(a_record(ready(), held, later), on=date(2026, 9, 2), criterion=WORST) == "not-met"
