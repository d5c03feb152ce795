"""The gate of a prophylactic donor lymphocyte infusion, criterion by criterion, around each of its boundaries."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from mappings.plan import readiness
from mappings.plan.gates import AGEING
from tests.lib.records import D119, D120, D122, OFF, a_record, finding, form, ready, standing, verdict, whats

OFF_DRUGS, GVHD, WORST = "months-off-immunosuppression", "active-gvhd", "worst-acute-gvhd"

OFF_AGAIN = {"drug": "ciclosporin", "started": "2026-03-08"}


def looked(day="2026-06-30", acute=(), chronic=()):
    return {"assessed": day, "acute": list(acute), "chronic": list(chronic)}


def drugs(*listed, day="2026-06-30"):
    return {"assessed": day, "drugs": list(listed)}


def stopped(day, drug="ciclosporin"):
    return [OFF[0], {"drug": drug, "started": "2026-03-08", "stopped": day}]


def test_a_patient_who_meets_every_criterion_may_have_the_first_injection():
    found = standing(a_record(ready()), "pdli-1", D120)
    assert found.verdict.value == "met"
    assert [one.criterion for one in found.findings] == ["day", OFF_DRUGS, GVHD, WORST]
    assert all(one.facts and not one.missing for one in found.findings)


# day 120


@pytest.mark.parametrize(("on", "said"), [(D119, "not-met"), (D120, "met"), (date(2027, 3, 2), "met")])
def test_none_before_day_120(on, said):
    assert verdict(a_record(ready()), on=on, criterion="day") == said


def test_without_a_graft_date_the_day_is_unknown():
    found = finding(a_record(ready(), graft=None), "pdli-1", "day")
    assert (found.verdict.value, found.missing) == ("unknown", ("day zero, the date of the graft",))


@pytest.mark.parametrize(("on", "said"), [(D119, "not-met"), (D120, "unknown")])
def test_a_graft_that_is_only_planned_meets_no_day(on, said):
    record = a_record(ready(), planned=True)
    assert verdict(record, on=on, criterion="day") == said
    assert "planned" in finding(record, "pdli-1", "day", on).missing[0]


def test_days_are_counted_over_a_leap_day():
    record = a_record(graft="2027-11-01")
    assert verdict(record, on=date(2028, 2, 28), criterion="day") == "not-met"
    assert verdict(record, on=date(2028, 2, 29), criterion="day") == "met"


# immunosuppression stopped for at least one calendar month


@pytest.mark.parametrize(
    ("stop", "on", "said"),
    [
        ("2026-05-31", "2026-06-29", "not-met"),
        ("2026-05-31", "2026-06-30", "met"),
        ("2026-06-15", "2026-07-14", "not-met"),
        ("2026-06-15", "2026-07-15", "met"),
        ("2027-01-31", "2027-02-27", "not-met"),
        ("2027-01-31", "2027-02-28", "met"),
        ("2028-01-31", "2028-02-28", "not-met"),
        ("2028-01-31", "2028-02-29", "met"),
        ("2028-02-29", "2028-03-28", "not-met"),
        ("2028-02-29", "2028-03-29", "met"),
        ("2026-12-15", "2027-01-15", "met"),
    ],
)
def test_one_month_is_a_calendar_month(stop, on, said):
    told = form("2028-12-31", immunosuppression=drugs(*stopped(stop), day="2028-12-31"))
    seen = form(on, immunosuppression=drugs(*stopped(stop), day=on)) if stop <= on else told
    assert verdict(a_record(seen), on=date.fromisoformat(on), criterion=OFF_DRUGS) == said


@pytest.mark.parametrize(
    ("stop", "on", "said"),
    [
        ("2026-05", "2026-06-01", "unknown"),  # the last of April would be another month
        ("2026-05", "2026-05-31", "not-met"),
        ("2026-05", "2026-06-29", "unknown"),
        ("2026-05", "2026-06-30", "met"),
        ("2026", "2026-07-02", "unknown"),
        ("2025", "2026-07-02", "met"),
    ],
)
def test_a_stop_known_to_the_month_decides_when_all_its_days_do(stop, on, said):
    listed = [OFF[0], {"drug": "ciclosporin", "started": "2025", "stopped": stop}]
    record = a_record(form("2026-07-10", immunosuppression=drugs(*listed, day=max(on, "2026-05-31"))))
    assert verdict(record, on=date.fromisoformat(on), criterion=OFF_DRUGS) == said


def test_a_form_tells_of_nothing_after_its_own_day():
    """`2026-06`, told on the second of June, is the first or the second."""
    told = form("2026-06-02", immunosuppression=drugs(*stopped("2026-06"), day="2026-06-02"))
    assert verdict(a_record(told), on=date(2026, 7, 2), criterion=OFF_DRUGS) == "met"
    assert verdict(a_record(told), on=date(2026, 7, 1), criterion=OFF_DRUGS) == "unknown"


@pytest.mark.parametrize("drug", ["steroids", "tacrolimus", "ruxolitinib", "sirolimus", "mycophenolate", "other"])
def test_every_systemic_drug_counts_and_not_only_those_of_the_protocol(drug):
    more = {"drug": drug, "started": "2026-04-20", "stopped": "2026-06-15"}
    more |= {"text": "abatacept"} if drug == "other" else {}
    record = a_record(ready(immunosuppression=drugs(*OFF, more)))
    found = finding(record, "pdli-1", OFF_DRUGS)
    assert found.verdict.value == "not-met"
    assert str(found.facts[2].when) == "2026-06-15"
    assert verdict(record, on=date(2026, 7, 15), criterion=OFF_DRUGS) == "met"


def test_a_drug_without_a_stop_is_still_taken():
    record = a_record(ready(immunosuppression=drugs(*OFF, {"drug": "steroids", "started": "2026-04-20"})))
    found = finding(record, "pdli-1", OFF_DRUGS)
    assert (found.verdict.value, found.missing) == (
        "not-met",
        ("the stop of Systemic corticosteroids started 2026-04-20",),
    )
    assert verdict(record, on=date(2028, 1, 1), criterion=OFF_DRUGS) == "not-met"


def test_a_drug_that_was_not_begun_yet_does_not_count():
    told = form("2026-09-02", immunosuppression=drugs(*OFF, {"drug": "steroids", "started": "2026-08-01"}))
    record = a_record(ready(), told)
    assert verdict(record, on=date(2026, 7, 31), criterion=OFF_DRUGS) == "met"
    assert verdict(record, on=date(2026, 8, 1), criterion=OFF_DRUGS) == "not-met"


def test_a_drug_that_may_not_have_begun_leaves_it_unknown():
    told = form(
        "2026-09-02", immunosuppression=drugs(*OFF, {"drug": "steroids", "started": "2026-08"}, day="2026-07-20")
    )
    assert verdict(a_record(told), on=date(2026, 8, 15), criterion=OFF_DRUGS) == "unknown"


@pytest.mark.parametrize("reason", ["unknown", "not-performed"])
def test_a_stop_said_to_be_missing_is_neither_yes_nor_no(reason):
    record = a_record(ready(immunosuppression=drugs(OFF[0], OFF[1] | {"stopped": {"not_done": reason}})))
    found = finding(record, "pdli-1", OFF_DRUGS)
    assert found.verdict.value == "unknown"
    assert "its stop not known" in whats(found)[1]


def test_a_later_stop_ends_what_an_earlier_form_told_as_taken():
    first = form(
        "2026-04-02",
        "m1",
        immunosuppression=drugs(*({k: d[k] for k in ("drug", "started")} for d in OFF), day="2026-04-02"),
    )
    assert verdict(a_record(first), criterion=OFF_DRUGS) == "not-met"
    assert verdict(a_record(first, ready()), criterion=OFF_DRUGS) == "met"
    gap = form("2026-07-01", immunosuppression=drugs(OFF[0], OFF[1] | {"stopped": {"not_done": "unknown"}}))
    assert verdict(a_record(first, ready(), gap), criterion=OFF_DRUGS) == "met"  # a gap undoes nothing


def test_an_empty_list_of_an_assessment_says_that_none_is_taken():
    """Since when is told by the day of the assessment at the latest."""
    first = form(
        "2026-04-02",
        "m1",
        immunosuppression=drugs({"drug": "mycophenolate"}, {"drug": "ciclosporin"}, day="2026-04-02"),
    )
    none = form("2026-06-02", "m3", immunosuppression=drugs(day="2026-06-02"))
    record = a_record(first, none)
    assert verdict(record, on=date(2026, 7, 1), criterion=OFF_DRUGS) == "unknown"
    assert verdict(record, on=date(2026, 7, 2), criterion=OFF_DRUGS) == "met"


def test_a_drug_told_again_after_an_empty_list_is_taken_again():
    none = form("2026-05-02", immunosuppression=drugs(day="2026-05-02"))
    again = form("2026-06-02", "m3", immunosuppression=drugs(OFF_AGAIN, day="2026-06-02"))
    assert verdict(a_record(none, again), criterion=OFF_DRUGS) == "not-met"


def test_an_absent_section_says_nothing():
    found = finding(a_record(ready(immunosuppression=None)), "pdli-1", OFF_DRUGS)
    assert found.verdict.value == "unknown"
    assert "whether and when Ciclosporin was stopped: no form lists it" in found.missing
    assert verdict(a_record(ready(immunosuppression={"not_done": "unknown"})), criterion=OFF_DRUGS) == "unknown"
    missing = {"assessed": "2026-06-30", "drugs": {"not_done": "unknown"}}
    assert verdict(a_record(ready(immunosuppression=missing)), criterion=OFF_DRUGS) == "unknown"


def test_without_an_assessment_only_what_is_listed_is_known():
    found = finding(a_record(ready(immunosuppression={"drugs": OFF})), "pdli-1", OFF_DRUGS)
    assert found.verdict.value == "unknown"
    assert "(`assessed`)" in found.missing[0]
    early = [OFF[0], OFF[1] | {"stopped": "2026-06-15"}]
    assert verdict(a_record(ready(immunosuppression={"drugs": early})), criterion=OFF_DRUGS) == "not-met"


def test_the_last_look_lies_behind_the_last_stop():
    seen = form("2026-05-10", immunosuppression=drugs(OFF[0], day="2026-05-10"))
    listed = form("2026-06-30", immunosuppression={"drugs": OFF})
    assert verdict(a_record(seen, listed), criterion=OFF_DRUGS) == "unknown"


def test_a_drug_of_the_protocol_that_no_list_names_was_not_told_to_be_stopped():
    """Nobody told of ciclosporin: a whole list without it says that it is over, and not since when."""
    record = a_record(ready(immunosuppression=drugs(OFF[0])))
    assert verdict(record, criterion=OFF_DRUGS) == "unknown"
    assert verdict(record, on=date(2026, 7, 30), criterion=OFF_DRUGS) == "met"
    assert "Ciclosporin in the plan, in no list" in whats(finding(record, "pdli-1", OFF_DRUGS))


def test_an_empty_list_from_before_the_drugs_began_says_nothing_of_them():
    baseline = form("2026-02-20", "baseline", immunosuppression=drugs(day="2026-02-20"))
    assert verdict(a_record(baseline), criterion=OFF_DRUGS) == "unknown"
    assert verdict(a_record(baseline, graft=None), criterion=OFF_DRUGS) == "unknown"


def test_an_assessment_after_the_day_asked_for_is_not_known_then():
    assert verdict(a_record(ready()), on=date(2026, 6, 29), criterion=OFF_DRUGS) == "not-met"
    late = ready(date="2026-07-10", immunosuppression=drugs(*OFF, day="2026-07-10"))
    assert verdict(a_record(late), on=date(2026, 7, 9), criterion=OFF_DRUGS) == "unknown"


@pytest.mark.parametrize(
    ("fact", "on", "said"),
    [
        (
            {"dli_withheld": [{"number": 1, "date": "2026-07-05", "reason": "on-immunosuppression"}]},
            "2026-07-10",
            "not-met",
        ),
        (
            {"dli_withheld": [{"number": 1, "date": "2026-07-05", "reason": "on-immunosuppression"}]},
            "2026-08-05",
            "unknown",
        ),
        ({"administrations": [{"action": "ciclosporin", "date": "2026-07-05"}]}, "2026-07-10", "not-met"),
        ({"administrations": [{"action": "thiotepa", "date": "2026-07-05"}]}, "2026-07-10", "met"),
        ({"dli_withheld": [{"number": 1, "date": "2026-07-05", "reason": "donor"}]}, "2026-07-10", "met"),
    ],
)
def test_a_later_word_that_a_drug_was_taken_goes_before_an_older_list(fact, on, said):
    record = a_record(ready(), form("2026-07-05", **fact))
    assert verdict(record, on=date.fromisoformat(on), criterion=OFF_DRUGS) == said


# no active GVHD


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


# never acute GVHD above grade II


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


# the next injections


def test_the_second_injection_waits_for_the_first():
    assert verdict(a_record(ready()), "pdli-2", criterion="after") == "unknown"
    none = form("2026-07-01", dli=[])
    found = finding(a_record(ready(), none), "pdli-2", "after")
    assert (found.verdict.value, whats(found)) == ("not-met", ["injection 1 not told as given"])


def injected(day="2026-07-01", number=1, told="2026-07-10"):
    return form(told, dli=[{"number": number, "date": day}])


@pytest.mark.parametrize(
    ("day", "on", "said"),
    [
        ("2026-07-01", "2026-07-01", "met"),
        ("2026-07-01", "2026-06-30", "unknown"),
        ("2026-07", "2026-07-05", "unknown"),
    ],
)
def test_an_injection_counts_from_its_day(day, on, said):
    record = a_record(ready(), injected(day))
    assert verdict(record, "pdli-2", date.fromisoformat(on), "after") == said


def test_for_the_next_injection_the_same_holds_again():
    """GVHD is what an injection can bring: a look from before it says nothing for the next one."""
    record, on = a_record(ready(), injected()), date(2026, 8, 5)
    assert standing(record, "pdli-1", on).done is not None
    found = finding(record, "pdli-2", GVHD, on)
    assert found.verdict.value == "unknown"
    assert "after the injection of 2026-07-01" in found.missing[0]
    assert verdict(record, "pdli-2", on, WORST) == "unknown"
    again = form("2026-08-04", gvhd=looked("2026-08-04"))
    assert verdict(a_record(ready(), injected(), again), "pdli-2", on) == "met"
    assert verdict(a_record(ready(), injected(), again), "pdli-3", on) == "not-met"


def test_gvhd_after_an_injection_shuts_the_gate_of_the_next():
    sick = form("2026-08-04", gvhd=looked("2026-08-04", [{"onset": "2026-07-20", "grade": "II", "skin": 3}]))
    record = a_record(ready(), injected(), sick)
    assert verdict(record, "pdli-2", date(2026, 8, 5)) == "not-met"


def test_three_injections_are_asked_for():
    asked = {one.action for one in readiness.standings(a_record(), D122)}
    assert {"pdli-1", "pdli-2", "pdli-3"} <= asked


# beside the gate


def test_relapse_and_death_are_told_beside_the_gate_and_are_no_criterion():
    """endpoints.md counts 'no relapse' for its own eligibility; the protocol's gate does not name relapse."""
    more = form(
        "2026-07-01",
        relapse={"date": "2026-06-20", "kind": "molecular"},
        response={"date": "2026-06-21", "category": "relapse"},
        vital_status={"status": "dead", "date": "2026-07-01"},
    )
    record = a_record(ready(), more)
    assert verdict(record) == "met"
    assert [fact.what for fact in readiness.beside(record, D122)] == [
        "relapse, molecular",
        "disease response: relapse",
        "vital status: dead",
    ]
    assert readiness.beside(record, date(2026, 6, 19)) == ()


def test_ordinary_follow_up_has_nothing_beside_it():
    well = form("2026-07-01", response={"date": "2026-06-21", "category": "CR"}, vital_status={"status": "alive"})
    assert readiness.beside(a_record(well), D122 + timedelta(days=9)) == ()
