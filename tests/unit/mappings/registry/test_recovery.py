"""Recovery of neutrophils and platelets: the shared cases, the manual's rules, and both sources together."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.mappings.registry.grafted import (
    UNKNOWN,
    ZERO,
    analysis_of,
    cells,
    course,
    ended,
    judged,
    relapse,
    reported,
    transfused,
)

CASES = json.loads((Path(__file__).parents[3] / "data" / "engraftment_cases.json").read_text("utf-8"))["cases"]
CENSORED, EVENT, COMPETING = 0, 1, 2


def anc(**by_day):
    return [cells("neutrophils", int(day.removeprefix("d")), value) for day, value in by_day.items()]


def plt(**by_day):
    return [cells("platelets", int(day.removeprefix("d")), value) for day, value in by_day.items()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['kind']}: {case.get('note', 'manual')[:40]}")
def test_the_shared_cases(case):
    line = {"anc": "neutrophils"}.get(case["kind"], case["kind"])
    given = [case["last_platelet_transfusion_day"]] if "last_platelet_transfusion_day" in case else []
    expected = case["expect_day_20"] if line == "platelets" else case["expect_day_0_5"]
    told = course(
        alive=600,
        counts=[cells(line, int(day), value) for day, value in case["g_per_l_by_day"].items()],
        transfusions=[transfused(day) for day in given],
    )
    event = (600, CENSORED) if expected is None else (expected, EVENT)
    assert ended(f"{line.removesuffix('s')}-engraftment", told) == event


def test_three_counts_before_the_nadir_do_not_count_even_after_an_earlier_fall():
    told = anc(d1=0.4, d2=0.6, d3=0.7, d4=0.8, d6=0.1, d9=0, d15=0.5, d16=0.6, d17=0.9)
    assert ended("neutrophil-engraftment", course(alive=600, counts=told)) == (15, EVENT)


def test_a_late_fall_is_not_the_nadir():
    told = anc(d14=0.2, d16=0.6, d18=0.9, d21=1.4, d150=0.1)
    assert ended("neutrophil-engraftment", course(alive=600, counts=told)) == (16, EVENT)


def test_of_several_counts_on_a_day_the_lowest_holds_and_a_day_is_one_day():
    told = [*anc(d10=0.1, d15=0.6, d16=0.7, d17=0.8), cells("neutrophils", 16, 0.4)]
    assert ended("neutrophil-engraftment", course(alive=600, counts=told)) == (600, CENSORED)
    twice = [*anc(d10=0.1, d15=0.6, d16=0.7), cells("neutrophils", 16, 0.9)]
    assert ended("neutrophil-engraftment", course(alive=600, counts=twice)) == (600, CENSORED)


def test_units_are_converted_and_what_cannot_be_is_no_count():
    told = [cells("neutrophils", day, 600, "/uL") for day in (15, 16, 17)] + anc(d10=0.1)
    assert ended("neutrophil-engraftment", course(alive=600, counts=told)) == (15, EVENT)
    strange = [cells("neutrophils", day, 600, "mg") for day in (15, 16, 17)]
    assert ended("neutrophil-engraftment", course(alive=600, counts=strange)) == (600, CENSORED)


def test_a_count_known_to_be_less_reaches_no_threshold():
    told = [*anc(d10=0.1, d15=0.6, d16=0.6, d18=0.6), cells("neutrophils", 17, 1, comparator="<")]
    assert ended("neutrophil-engraftment", course(alive=600, counts=told)) == (600, CENSORED)


def test_counts_without_a_day_or_before_the_graft_do_not_count():
    vague = [cells("neutrophils", "2026-03", 0.9), cells("neutrophils", UNKNOWN, 0.9), *anc(d10=0.1, d15=0.6, d16=0.7)]
    before = [cells("neutrophils", -day, 0.9) for day in (3, 2, 1)]
    assert ended("neutrophil-engraftment", course(alive=600, counts=vague)) == (600, CENSORED)
    said = judged("neutrophil-engraftment", course(alive=600, counts=before))
    assert (said.status, said.excluded) == (CENSORED, ())


def test_counts_that_show_no_fall_prove_no_recovery():
    assert ended("neutrophil-engraftment", course(alive=600, counts=anc(d1=0.9, d2=0.6, d3=0.5))) == (600, CENSORED)


def test_counts_after_death_are_excluded():
    said = judged("neutrophil-engraftment", course(died=16, counts=anc(d10=0.1, d15=0.6, d16=0.6, d17=0.7)))
    assert (said.days, said.status, said.excluded) == (16, COMPETING, ("count of neutrophils after death",))


class TestPlatelets:
    def test_each_of_the_three_is_without_transfusion_for_seven_days(self):
        told = plt(d6=5, d14=25, d15=30, d16=40, d23=50, d24=60, d25=70)
        given = course(alive=600, counts=told, transfusions=[transfused(15)])
        assert ended("platelet-engraftment", given) == (23, EVENT)

    def test_a_transfusion_after_the_three_does_not_undo_them(self):
        told = course(
            alive=600,
            counts=plt(d6=5, d14=25, d15=30, d16=40),
            transfusions=[transfused(17), transfused(7), transfused(UNKNOWN), transfused(13, False)],
        )
        assert ended("platelet-engraftment", told) == (14, EVENT)

    def test_counts_before_the_fall_do_not_count(self):
        told = course(alive=600, counts=plt(d0=90, d1=60, d2=40, d6=12, d17=22, d18=30, d20=45))
        assert ended("platelet-engraftment", told) == (17, EVENT)

    def test_exactly_20_counts(self):
        assert ended("platelet-engraftment", course(alive=600, counts=plt(d9=5, d20=20, d21=20, d22=20))) == (20, EVENT)


class TestWhatCompetes:
    def test_death_and_a_second_graft(self):
        assert ended("neutrophil-engraftment", course(died=20)) == (20, COMPETING)
        again = course(alive=600, grafts=(35,), recoveries=[reported("neutrophils", "engrafted", 50)])
        assert ended("neutrophil-engraftment", again) == (35, COMPETING)
        assert "second transplant: competes with engraftment" in judged("neutrophil-engraftment", again).listed
        assert ended("os", again) == (600, CENSORED)

    def test_not_a_relapse(self):
        told = course(alive=600, relapses=[relapse(10)], recoveries=[reported("neutrophils", "engrafted", 18)])
        assert ended("neutrophil-engraftment", told) == (18, EVENT)

    def test_not_a_second_graft_after_the_cut_off(self):
        cut = ZERO + timedelta(days=30)
        assert ended("neutrophil-engraftment", course(alive=600, grafts=(35,)), cut) == (30, CENSORED)
        assert ended("neutrophil-engraftment", course(alive=600, grafts=(30,)), cut) == (30, COMPETING)


class TestWhatTheCentreReports:
    def test_counts_where_there_are_too_few_counts(self):
        told = course(alive=600, counts=anc(d17=0.52), recoveries=[reported("neutrophils", "engrafted", 15)])
        assert ended("neutrophil-engraftment", told) == (15, EVENT)

    def test_gives_way_to_counts_that_say_another_day_and_is_listed(self):
        told = course(
            alive=600,
            counts=anc(d10=0.1, d16=0.6, d17=0.7, d18=0.8),
            recoveries=[reported("neutrophils", "engrafted", 15)],
        )
        said = judged("neutrophil-engraftment", told)
        assert said.days == 16
        assert "neutrophils recovered by the counts on another day than reported: the counts hold" in said.listed

    def test_agrees_without_a_word(self):
        told = course(
            alive=600,
            counts=anc(d10=0.1, d16=0.6, d17=0.7, d18=0.8),
            recoveries=[reported("neutrophils", "engrafted", 16)],
        )
        assert judged("neutrophil-engraftment", told).listed == ()

    @pytest.mark.parametrize("status", ["primary-graft-failure", "not-evaluable", "secondary-graft-failure"])
    def test_of_no_recovery_is_no_event_but_counts_hold(self, status):
        failed = course(alive=600, recoveries=[reported("platelets", status, 28)])
        assert ended("platelet-engraftment", failed) == (600, CENSORED)
        contradicted = course(
            alive=600, counts=plt(d6=5, d14=25, d15=30, d16=40), recoveries=[reported("platelets", status, 28)]
        )
        said = judged("platelet-engraftment", contradicted)
        assert (said.days, said.status) == (14, EVENT)
        assert f"platelets recovered by the counts, though reported as {status}: the counts hold" in said.listed

    def test_of_a_later_loss_does_not_undo_the_engraftment(self):
        both = [reported("platelets", "engrafted", 20), reported("platelets", "secondary-graft-failure", 80)]
        assert ended("platelet-engraftment", course(alive=600, recoveries=both)) == (20, EVENT)

    def test_never_below_has_no_day_of_recovery_and_is_excluded_and_listed(self):
        analysis = analysis_of(
            "platelet-engraftment", course(alive=600, recoveries=[reported("platelets", "never-below")])
        )
        (entry,) = analysis.excluded
        assert (entry.reason, entry.what) == (
            "platelets never below the threshold: there is no day of recovery",
            "patient",
        )
        assert analysis.rows[0].n == 0

    def test_never_below_gives_way_to_counts_that_show_the_fall(self):
        counts = plt(d6=5, d14=25, d15=30, d16=40)
        said = judged(
            "platelet-engraftment", course(alive=600, counts=counts, recoveries=[reported("platelets", "never-below")])
        )
        assert (said.days, said.status) == (14, EVENT)
        assert "platelets recovered by the counts, though reported as never-below: the counts hold" in said.listed

    @pytest.mark.parametrize(
        ("when", "reason"),
        [(-3, "platelets engraftment before the transplant"), (400, "platelets engraftment after death")],
    )
    def test_on_an_impossible_day_is_excluded(self, when, reason):
        said = judged("platelet-engraftment", course(died=300, recoveries=[reported("platelets", "engrafted", when)]))
        assert (said.status, said.excluded) == (COMPETING, (reason,))
