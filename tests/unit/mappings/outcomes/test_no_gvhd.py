"""An episode whose worst grade is none was none: nobody counts it, and the assessment says that none was found."""

from __future__ import annotations

import pytest

from mappings.registry.course import read
from tests.lib.charts import chart, codes, only, visit

STAGES = {"skin": 0, "liver": 0, "upper_gi": 0, "lower_gi": 0}
ACUTE = {"onset": "2026-04-20", "grade": "0", **STAGES}
CHRONIC = {"onset": "2026-07-30", "severity": "none", "organs": {"mouth": 0}}


def section(kind, *episodes):
    other = "chronic" if kind == "acute" else "acute"
    return visit(gvhd={"assessed": "2026-09-02", kind: list(episodes), other: []})


@pytest.mark.parametrize(("kind", "episode"), [("acute", ACUTE), ("chronic", CHRONIC)])
class TestGradeNone:
    def test_the_condition_is_refuted(self, kind, episode):
        found = only(chart(section(kind, episode)), f"{kind}-gvhd")
        assert codes(found["verificationStatus"]) == {"refuted"}
        assert codes(found["clinicalStatus"]) == {"inactive"}

    def test_the_end_of_what_was_none_is_kept(self, kind, episode):
        found = only(chart(section(kind, episode | {"resolved": "2026-08-15"})), f"{kind}-gvhd")
        assert (codes(found["clinicalStatus"]), found["abatementDateTime"]) == ({"resolved"}, "2026-08-15")

    def test_it_is_no_episode_of_the_course(self, kind, episode):
        (course,) = read(chart(section(kind, episode)))
        assert (course.facts.acute_gvhd, course.facts.chronic_gvhd) == ((), ())

    def test_the_assessment_found_none(self, kind, episode):
        assessment = only(chart(section(kind, episode)), "gvhd-assessment")
        assert assessment["valueBoolean"] is False
        (course,) = read(chart(section(kind, episode)))
        (looked,) = course.facts.gvhd_assessments
        assert (looked.fact.acute, looked.fact.chronic) == (False, False)


def test_beside_a_real_episode_the_assessment_found_one():
    real = {"onset": "2026-05-20", "grade": "II", "skin": 3}
    resources = chart(section("acute", ACUTE, real))
    assert only(resources, "gvhd-assessment")["valueBoolean"] is True
    (course,) = read(resources)
    assert [one.fact.grade.key for one in course.facts.acute_gvhd] == ["II"]


def test_a_grade_that_nobody_knows_may_be_gvhd():
    resources = chart(section("acute", {"onset": "2026-05-20", "grade": {"not_done": "unknown"}}))
    assert codes(only(resources, "acute-gvhd")["verificationStatus"]) == {"confirmed"}
    assert only(resources, "gvhd-assessment")["valueBoolean"] is True


def test_without_the_day_of_a_look_an_empty_list_does_not_say_none():
    """What is said to be missing is told; the other list is silent, because only `assessed` makes it a look."""
    resources = chart(visit(gvhd={"acute": {"not_done": "not-performed"}, "chronic": []}))
    (part,) = only(resources, "gvhd-assessment")["component"]
    assert codes(part["dataAbsentReason"]) == {"not-performed"}
    (course,) = read(resources)
    (looked,) = course.facts.gvhd_assessments
    assert looked.fact.chronic is None
