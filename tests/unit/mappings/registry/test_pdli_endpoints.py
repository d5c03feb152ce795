"""Prophylactic donor lymphocytes: when the gate was met, who got them, why others did not, and GVHD after them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from mappings.registry.followed import Followed, follow
from mappings.registry.pdli_gate import a_month_after, gate
from tests.unit.mappings.registry.grafted import (
    FAR,
    UNKNOWN,
    ZERO,
    acute,
    analysis_of,
    chronic,
    course,
    dli,
    drug,
    ended,
    judged,
    looked,
    off_drugs,
    relapse,
    withheld,
    words,
)

CENSORED, EVENT, COMPETING = 0, 1, 2
OFF = {"immunosuppressants": [drug(6, 60)], "gvhd_assessments": [looked(100)]}


def met_on(alive=None, died=None, as_of=FAR, **told):
    followed = follow(course(alive=None if died else alive or 600, died=died, **OFF | told), as_of)
    assert isinstance(followed, Followed)
    return gate(followed).met_on


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-01-31", "2026-02-28"),
        ("2028-01-31", "2028-02-29"),
        ("2026-12-15", "2027-01-15"),
        ("2026-03-02", "2026-04-02"),
    ],
)
def test_a_month_is_a_calendar_month(start, end):
    assert a_month_after(date.fromisoformat(start)) == date.fromisoformat(end)


class TestTheGate:
    def test_opens_on_day_120_at_the_earliest(self):
        assert met_on() == 120
        assert met_on(alive=119) is None

    def test_waits_a_calendar_month_after_the_last_drug_was_stopped(self):
        last = (date(2026, 7, 31) - ZERO).days
        opened = (date(2026, 8, 31) - ZERO).days
        assert met_on(immunosuppressants=[drug(6, 60), drug(6, last, "mycophenolate")]) == opened
        assert met_on(immunosuppressants=[drug(6, "2026-07")]) == (date(2026, 8, 15) - ZERO).days

    def test_stays_shut_while_a_drug_is_taken(self):
        assert met_on(immunosuppressants=[drug(6, 60), drug(6, None, "steroids")]) is None
        assert met_on(as_of=ZERO + timedelta(days=130), immunosuppressants=[drug(6, 140)]) is None

    def test_a_later_course_of_a_drug_does_not_undo_an_earlier_opening(self):
        assert met_on(immunosuppressants=[drug(6, 60), drug(200, None, "steroids")]) == 120

    def test_a_stop_of_which_the_day_is_not_told_lies_before_an_assessment_that_finds_none(self):
        unknown = [drug(6, UNKNOWN)]
        assert met_on(immunosuppressants=unknown) is None
        found_none = (date(2026, 8, 1) - ZERO).days
        assert (
            met_on(immunosuppressants=unknown, immunosuppression=[off_drugs(found_none)])
            == (date(2026, 9, 1) - ZERO).days
        )

    def test_nor_before_a_look_that_found_it_taken_still(self):
        """An early list was not whole: what it left out was taken on day 108, and nothing else had begun by then."""
        looks = [off_drugs(38), off_drugs(108, ongoing=True), off_drugs(177)]
        opened = (date(2026, 9, 26) - ZERO).days
        assert met_on(immunosuppressants=[drug(6, UNKNOWN)], immunosuppression=looks) == opened
        another = drug(90, 110, "steroids")
        begun = met_on(immunosuppressants=[drug(6, UNKNOWN), another], immunosuppression=looks)
        assert begun == (date(2026, 7, 20) - ZERO).days

    def test_no_drug_ever_told_opens_a_month_after_an_assessment_that_finds_none(self):
        assert met_on(immunosuppressants=[], immunosuppression=[off_drugs(60), off_drugs(50, ongoing=True)]) == 120
        assert met_on(immunosuppressants=[]) is None

    def test_waits_for_the_end_of_gvhd_of_either_kind(self):
        assert met_on(acute_gvhd=[acute(100, "II", resolved=None)]) is None
        resolved = acute(100, "II")
        assert met_on(acute_gvhd=[type(resolved)(resolved.onset, resolved.grade, resolved=acute(150).onset)]) == 150
        ongoing = chronic(110, "mild")
        assert met_on(chronic_gvhd=[ongoing]) is None
        assert met_on(chronic_gvhd=[chronic(110, "none")]) == 120
        assert met_on(chronic_gvhd=[chronic(150, None)]) == 120

    def test_never_opens_after_acute_gvhd_above_grade_ii(self):
        severe = acute(30, "III", resolved=acute(60).onset)
        assert met_on(acute_gvhd=[severe]) is None
        assert met_on(acute_gvhd=[acute(30, "II", resolved=acute(60).onset)]) == 120
        assert met_on(acute_gvhd=[acute(300, "III")]) == 120

    def test_is_not_met_by_what_is_not_known(self):
        assert met_on(gvhd_assessments=[]) is None
        assert met_on(acute_gvhd=[acute(30, None, resolved=acute(60).onset)]) is None

    def test_needs_a_patient_alive_and_without_relapse(self):
        assert met_on(died=120) is None
        assert met_on(died=121) == 120
        assert met_on(relapses=[relapse(120)]) is None
        assert met_on(relapses=[relapse(121)]) == 120


class TestFeasibility:
    def test_is_counted_of_all_grafted_and_of_who_was_alive_and_relapse_free_on_day_120(self):
        cohort = [
            course(alive=600, infusions=[dli(1, 125), dli(2, 160)], **OFF),
            course(alive=600, withheld=[withheld(1, 125, "donor")], **OFF),
            course(alive=600, infusions=[dli(1, 110)], relapses=[relapse(118)], **OFF),
            course(died=60),
            course(alive=100, **OFF),
            course(died=120, **OFF),
        ]
        rows = analysis_of("pdli-feasibility", *cohort, horizons=(90,)).rows
        said = [(row.category, row.among, row.count, row.of, row.horizon_days) for row in rows]
        assert said == [
            ("given", "grafted", 2, 6, None),
            ("given", "alive and relapse-free on day 120", 1, 2, None),
            ("given", "pDLI possible", 1, 2, None),
            ("possible", "grafted", 2, 6, None),
            ("possible", "alive and relapse-free on day 120", 2, 2, None),
        ]
        assert rows[0].more == {"infusions": {"0": 4, "1": 1, "2": 1, "3": 0}, "reasons_not_given": {"donor": 1}}
        assert rows[0].estimate == 2 / 6
        assert rows[0].ci_low < 2 / 6 < rows[0].ci_high

    def test_the_same_number_told_twice_is_one_infusion(self):
        said = judged(
            "pdli-feasibility", course(alive=600, infusions=[dli(1, 125), dli(1, 126), dli(None, 160)], **OFF)
        )
        assert said.values[None].given == 2

    def test_what_was_given_though_the_gate_was_not_met_is_listed(self):
        said = judged("pdli-feasibility", course(alive=600, infusions=[dli(1, 125)]))
        assert "pDLI given though its gate is not known to have been met: counted as given" in said.listed
        reasons = "immunosuppression not told; acute GVHD not assessed; chronic GVHD not assessed"
        assert f"pDLI not taken to have been possible: {reasons}" in said.listed

    def test_an_infusion_on_an_impossible_day_is_excluded(self):
        said = judged("pdli-feasibility", course(died=300, infusions=[dli(1, -3), dli(2, 301)]))
        assert (said.values[None].given, said.excluded) == (0, ("pDLI before the transplant", "pDLI after death"))

    def test_after_a_relapse_only_a_number_of_the_protocol_makes_it_prophylactic(self):
        told = course(alive=600, relapses=[relapse(200)], infusions=[dli(1, 210), dli(None, 230)], **OFF)
        said = judged("pdli-feasibility", told)
        assert said.values[None].given == 1
        assert "pDLI after a relapse: counted, because it has a number of the protocol" in said.listed
        assert "donor lymphocytes after a relapse: not prophylactic, not counted" in said.listed

    def test_a_reason_that_is_not_told_is_counted_as_such(self):
        said = judged("pdli-feasibility", course(alive=600, withheld=[withheld(1, 125, None)]))
        assert said.values[None].reasons == ("not told",)

    def test_a_reason_of_after_the_cut_off_is_not_known_yet(self):
        told = course(
            alive=600,
            withheld=[withheld(1, 125, "donor"), withheld(2, 160, "infection"), withheld(3, UNKNOWN, "patient")],
        )
        said = judged("pdli-feasibility", told, ZERO + timedelta(days=130))
        assert said.values[None].reasons == ("donor", "patient")


class TestGvhdAfterTheFirst:
    def test_counts_from_the_day_of_the_first_infusion(self):
        told = course(alive=600, infusions=[dli(2, 160), dli(1, 125)], chronic_gvhd=[chronic(200)], **OFF)
        assert ended("pdli-gvhd", told) == (75, EVENT)
        assert ended("pdli-gvhd", course(alive=600, infusions=[dli(1, 125)], **OFF)) == (475, CENSORED)

    def test_is_not_what_was_there_before(self):
        told = course(alive=600, infusions=[dli(1, 125)], acute_gvhd=[acute(40), acute(125)], **OFF)
        assert ended("pdli-gvhd", told) == (475, CENSORED)

    def test_on_the_very_day_counts_where_the_centre_says_it_is_due_to_the_lymphocytes(self):
        told = course(alive=600, infusions=[dli(1, 125)], chronic_gvhd=[chronic(125, "mild", after_dli=1)], **OFF)
        assert ended("pdli-gvhd", told) == (0, EVENT)

    def test_grade_0_is_none(self):
        told = course(alive=600, infusions=[dli(1, 125)], acute_gvhd=[acute(140, "0")], **OFF)
        assert ended("pdli-gvhd", told) == (475, CENSORED)

    @pytest.mark.parametrize("rival", [{"died": 150}, {"alive": 600, "relapses": [relapse(150)]}])
    def test_competes_with_relapse_and_death(self, rival):
        assert (
            ended("pdli-gvhd", course(infusions=[dli(1, 125)], acute_gvhd=[acute(160)], **OFF, **rival))[1] == COMPETING
        )

    def test_means_nobody_without_an_infusion_and_nobody_who_had_relapsed_before_it(self):
        cohort = [
            course(alive=600, **OFF),
            course(alive=600, infusions=[dli(1, 125)], relapses=[relapse(100)], **OFF),
            course(alive=600, infusions=[dli(1, 125)], relapses=[relapse(125)], **OFF),
        ]
        analysis = analysis_of("pdli-gvhd", *cohort)
        assert [(one.days, one.status) for one in analysis.subjects] == [(0, COMPETING)]

    def test_rows_tell_the_worst_grade_and_the_treatment_of_those_who_had_it(self):
        cohort = [
            course(
                alive=600,
                infusions=[dli(1, 125)],
                acute_gvhd=[acute(140, "II", treatment=words("systemic-steroids")), acute(30, "III")],
                chronic_gvhd=[chronic(220, "severe", treatment=words("systemic-steroids", "ruxolitinib"))],
                **OFF,
            ),
            course(alive=600, infusions=[dli(1, 125)], chronic_gvhd=[chronic(150, None, treatment=UNKNOWN)], **OFF),
        ]
        early, late = analysis_of("pdli-gvhd", *cohort, horizons=(10, 90)).rows
        assert (early.events, early.more) == (0, {"competing": 0})
        assert late.events == 2
        assert late.more == {
            "competing": 0,
            "worst_acute": {"II": 1},
            "worst_chronic": {"severe": 1},
            "treatment": {"ruxolitinib": 1, "systemic-steroids": 1},
        }
