"""GVHD by the written rules: the day a grade was reached, what competes, who was never looked at."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mappings.facts import AcuteGvhd, ChronicGvhd, Missing
from mappings.registry.course import read
from tests.unit.mappings.registry.grafted import (
    UNKNOWN,
    ZERO,
    acute,
    analysis_of,
    chronic,
    course,
    ended,
    judged,
    looked,
    on,
    relapse,
    words,
)
from tests.unit.mappings.registry.patients import course_of, enrolled, seen

CENSORED, EVENT, COMPETING = 0, 1, 2
BY_ONSET = "GVHD dated by its onset: the day on which the grade was reached is not told"


def test_a_grade_counts_on_the_first_day_of_the_course_on_which_it_was_reached():
    told = course(alive=600, acute_gvhd=[acute(20, "IV", (20, "I"), (31, "III"), (27, "II"), (40, "IV"))])
    assert ended("agvhd-2-4", told) == (27, EVENT)
    assert ended("agvhd-3-4", told) == (31, EVENT)
    assert BY_ONSET not in judged("agvhd-2-4", told).listed


def test_without_a_course_the_onset_counts_and_rows_say_how_many():
    told = course(alive=600, acute_gvhd=[acute(20, "III")])
    assert ended("agvhd-3-4", told) == (20, EVENT)
    assert BY_ONSET in judged("agvhd-3-4", told).listed
    early, late = analysis_of("agvhd-3-4", told, horizons=(19, 20)).rows
    assert (early.more["dated_by_onset"], late.more["dated_by_onset"]) == (0, 1)


def test_a_course_that_does_not_tell_the_day_of_the_worst_grade_leaves_the_onset():
    assert ended("agvhd-3-4", course(alive=600, acute_gvhd=[acute(20, "III", (20, "I"), (25, "II"))])) == (20, EVENT)
    assert ended("agvhd-3-4", course(alive=600, acute_gvhd=[acute(20, "III", (UNKNOWN, "III"))])) == (20, EVENT)
    assert ended("agvhd-3-4", course(alive=600, acute_gvhd=[acute(20, "III", ("2026", "III"))])) == (20, EVENT)
    no_course = AcuteGvhd(on(20), words("III")[0], course=Missing("unknown"))
    assert ended("agvhd-3-4", course(alive=600, acute_gvhd=[no_course])) == (20, EVENT)


def test_a_lower_grade_is_no_event_and_the_first_of_several_episodes_counts():
    told = course(alive=600, acute_gvhd=[acute(20, "I"), acute(150, "II"), acute(90, "II")])
    assert ended("agvhd-2-4", told) == (90, EVENT)
    assert ended("agvhd-3-4", told) == (600, CENSORED)


def test_an_episode_of_a_grade_that_was_not_told_is_not_counted_and_is_listed():
    said = judged("agvhd-2-4", course(alive=600, acute_gvhd=[acute(20, None)]))
    assert (said.days, said.status) == (600, CENSORED)
    assert "acute GVHD of a grade not told: not counted where a grade is asked for" in said.listed


@pytest.mark.parametrize(("of", "when"), [({"relapses": [relapse(15)]}, 15), ({"died": 15}, 15)])
def test_relapse_and_death_before_it_compete(of, when):
    told = course(alive=None if "died" in of else 600, **of)
    assert ended("agvhd-2-4", told) == (when, COMPETING)
    assert ended("cgvhd", told) == (when, COMPETING)


@pytest.mark.parametrize("rival", [{"relapses": [relapse(20)], "alive": 600}, {"died": 20}])
def test_gvhd_comes_before_what_competes_on_the_same_day(rival):
    assert ended("agvhd-2-4", course(acute_gvhd=[acute(20)], **rival)) == (20, EVENT)


def test_in_the_second_table_death_alone_competes():
    told = course(
        alive=600, relapses=[relapse(15)], acute_gvhd=[acute(20, "III")], chronic_gvhd=[chronic(130, "severe")]
    )
    assert [ended(f"agvhd-{grades}-death-alone", told) for grades in ("2-4", "3-4")] == [(20, EVENT)] * 2
    chronic_ones = [ended(f"cgvhd{which}-death-alone", told) for which in ("", "-moderate-severe")]
    assert chronic_ones == [(130, EVENT)] * 2


@pytest.mark.parametrize(
    ("episode", "reason"),
    [
        (acute(-1), "acute GVHD before the transplant"),
        (acute(301), "acute GVHD after death"),
        (acute(UNKNOWN), "acute GVHD without a date"),
        (acute(290, "II", (301, "II")), "acute GVHD after death"),
    ],
)
def test_an_episode_that_cannot_be_is_excluded(episode, reason):
    said = judged("agvhd-2-4", course(died=300, acute_gvhd=[episode]))
    assert (said.days, said.status, said.excluded) == (300, COMPETING, (reason,))


def test_a_grade_reached_after_the_cut_off_is_not_known_yet():
    told = course(alive=600, acute_gvhd=[acute(20, "III", (20, "I"), (40, "III"))])
    assert ended("agvhd-3-4", told, ZERO + timedelta(days=30)) == (30, CENSORED)


class TestWhoWasNeverLookedAt:
    @pytest.mark.parametrize(
        "assessments", [[], [looked(90, None, None)], [looked(-5)], [looked(90, UNKNOWN, UNKNOWN)]]
    )
    def test_stays_at_risk_to_the_last_contact_and_is_listed(self, assessments):
        said = judged("agvhd-2-4", course(alive=600, gvhd_assessments=assessments))
        assert (said.days, said.status) == (600, CENSORED)
        assert "acute GVHD not assessed: at risk until the last day known alive" in said.listed

    def test_is_not_listed_once_looked_at_for_that_kind(self):
        told = course(alive=600, gvhd_assessments=[looked(90, acute=False, chronic=None)])
        assert not any("acute" in rule for rule in judged("agvhd-2-4", told).listed)
        assert "chronic GVHD not assessed: at risk until the last day known alive" in judged("cgvhd", told).listed
        assert "chronic GVHD not assessed: at risk until the last day known alive" in judged("grfs", told).listed


class TestChronic:
    def test_any_counts_from_its_onset_of_whatever_severity(self):
        assert ended("cgvhd", course(alive=600, chronic_gvhd=[chronic(150, None)])) == (150, EVENT)
        told = course(alive=600, chronic_gvhd=[chronic(150, "moderate", (170, "mild"), (200, "moderate"))])
        assert ended("cgvhd", told) == (150, EVENT)
        assert ended("cgvhd-moderate-severe", told) == (200, EVENT)

    def test_a_course_that_begins_with_the_onset_dates_it(self):
        said = judged("cgvhd", course(alive=600, chronic_gvhd=[chronic(150, "mild", (150, "mild"))]))
        assert (said.days, said.marks) == (150, ())

    def test_none_is_none(self):
        assert ended("cgvhd", course(alive=600, chronic_gvhd=[chronic(150, "none")])) == (600, CENSORED)

    def test_a_severity_that_was_not_told_is_not_moderate(self):
        said = judged("cgvhd-moderate-severe", course(alive=600, chronic_gvhd=[chronic(150, None)]))
        assert said.status == CENSORED
        assert "chronic GVHD of a grade not told: not counted where a grade is asked for" in said.listed


class TestGvhdFreeRelapseFreeSurvival:
    @pytest.mark.parametrize(
        ("told", "when"),
        [
            ({"acute_gvhd": [acute(20, "III", (26, "III"))]}, 26),
            ({"acute_gvhd": [acute(20, "II")]}, None),
            ({"chronic_gvhd": [chronic(150, "severe", (150, "mild"), (190, "severe"))]}, 190),
            ({"chronic_gvhd": [chronic(150, "moderate")]}, None),
            ({"chronic_gvhd": [chronic(150, "moderate", systemic_treatment=True)]}, 150),
            ({"chronic_gvhd": [chronic(150, None, systemic_treatment=True)]}, 150),
            ({"chronic_gvhd": [chronic(150, "mild", treatment=words("topical", "systemic-steroids"))]}, 150),
            ({"chronic_gvhd": [chronic(150, "mild", treatment=words("topical", "ecp"))]}, None),
            ({"chronic_gvhd": [chronic(150, "mild", systemic_treatment=False, treatment=words("ruxolitinib"))]}, None),
            ({"chronic_gvhd": [chronic(150, "none", systemic_treatment=True)]}, None),
            ({"chronic_gvhd": [chronic(150, "mild", treatment=UNKNOWN)]}, None),
            ({"relapses": [relapse(300)]}, 300),
        ],
    )
    def test_ends_by_acute_iii_iv_chronic_severe_or_treated_systemically_or_relapse(self, told, when):
        assert ended("grfs", course(alive=600, **told)) == ((600, CENSORED) if when is None else (when, EVENT))

    def test_ends_by_death(self):
        assert ended("grfs", course(died=70)) == (70, EVENT)

    def test_what_is_dated_by_onset_is_said(self):
        told = course(alive=600, chronic_gvhd=[ChronicGvhd(on(150), words("moderate")[0], systemic_treatment=True)])
        (row,) = analysis_of("grfs", told, horizons=(365,)).rows
        assert (row.estimate, row.more) == (0, {"dated_by_onset": 1})


def test_a_grade_leads_to_the_very_observation_that_tells_it_and_an_onset_to_its_condition():
    seen_then = {"date": "2026-06-01", "vital_status": {"status": "alive", "date": "2026-06-01"}}
    steps = [{"date": "2026-04-20", "grade": "I", "skin": 1}, {"date": "2026-04-24", "grade": "II", "skin": 3}]
    episode = {"onset": "2026-04-20", "grade": "II", "skin": 3}
    for course_of_it, kind in ((steps, "Observation"), ([], "Condition")):
        told = {"acute": [episode | ({"course": course_of_it} if course_of_it else {})], "chronic": []}
        resources = course_of(enrolled(), seen("m3", "2026-06-01", gvhd={"assessed": "2026-06-01"} | told) | seen_then)
        (patient,) = read(resources)
        said = judged("agvhd-2-4", patient)
        (source,) = set(said.sources) - set(judged("os", patient).sources)
        (resource,) = (each for each in resources if f"{each['resourceType']}/{each['id']}" == source)
        assert resource["resourceType"] == kind
        assert resource.get("effectiveDateTime", "2026-04-24") == "2026-04-24"
