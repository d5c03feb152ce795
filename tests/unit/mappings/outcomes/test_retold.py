"""What several visits tell of one thing: the later word counts, and silence or not knowing undoes nothing."""

from __future__ import annotations

import itertools

import pytest

from mappings.registry.course import read
from tests.lib.charts import chart, codes, mapped, of_profile, visit

ONSET = "2026-04-20"


def told(name, date, **said):
    return visit(name, date, gvhd={"acute": [{"onset": ONSET, **said}]})


def conditions(*visits):
    return of_profile(chart(*visits), "acute-gvhd")


def grades(*visits):
    """Each grade with its day, the worst with the word `worst`."""
    found = of_profile(chart(*visits), "acute-gvhd-grade")
    return {
        g.get("effectiveDateTime", "worst"): codes(g.get("valueCodeableConcept") or g["dataAbsentReason"])
        for g in found
    }


WITH_COURSE = told(
    "m3",
    "2026-06-02",
    grade="II",
    skin=3,
    course=[{"date": ONSET, "grade": "I", "skin": 1}, {"date": "2026-04-24", "grade": "II", "skin": 3}],
)


class TestEpisode:
    def test_told_again_without_its_course_keeps_the_days_of_its_grades(self):
        again = told("m6", "2026-09-02", grade="II", skin=3, resolved="2026-05-15")
        expected = {"worst": {"agvhd-2"}, ONSET: {"agvhd-1"}, "2026-04-24": {"agvhd-2"}}
        assert grades(WITH_COURSE, again) == expected
        (condition,) = conditions(WITH_COURSE, again)
        assert codes(condition["clinicalStatus"]) == {"resolved"}
        assert len(condition["stage"][0]["assessment"]) == 3

    def test_told_again_by_its_end_alone_keeps_its_grade(self):
        (condition,) = conditions(WITH_COURSE, told("m6", "2026-09-02", resolved="2026-05-15"))
        assert codes(condition["stage"][0]["summary"]) == {"agvhd-2"}
        assert condition["abatementDateTime"] == "2026-05-15"

    @pytest.mark.parametrize(("later", "counts"), [("2026-05", "2026-05-15"), ("2026-06", "2026-06")])
    def test_a_month_does_not_undo_the_day_in_it(self, later, counts):
        first = told("m3", "2026-06-02", grade="I", skin=1, resolved="2026-05-15")
        (condition,) = conditions(first, told("m6", "2026-09-02", resolved=later))
        assert condition["abatementDateTime"] == counts

    def test_told_again_without_its_end_stays_resolved(self):
        first = told("m3", "2026-06-02", grade="I", skin=1, resolved="2026-05-15")
        (condition,) = conditions(first, told("m6", "2026-09-02", grade="I", skin=1))
        assert codes(condition["clinicalStatus"]) == {"resolved"}

    def test_not_knowing_later_undoes_nothing(self):
        unknown = {"not_done": "unknown"}
        later = told("m6", "2026-09-02", grade=unknown, skin=unknown, resolved=unknown, treatment=unknown)
        first = told("m3", "2026-06-02", grade="II", skin=3, resolved="2026-05-15", treatment=["topical"])
        resources = chart(first, later)
        (condition,) = of_profile(resources, "acute-gvhd")
        assert codes(condition["stage"][0]["summary"]) == {"agvhd-2"}
        assert codes(condition["clinicalStatus"]) == {"resolved"}
        (treatment,) = of_profile(resources, "gvhd-treatment")
        assert "dataAbsentReason" not in treatment["component"][0]

    def test_the_word_that_nobody_knows_undoes_nothing_either(self):
        first = told("m3", "2026-06-02", grade="III", lower_gi=2, treatment=["systemic-steroids"])
        resources = chart(first, told("m6", "2026-09-02", grade="unknown", treatment=["unknown"]))
        (condition,) = of_profile(resources, "acute-gvhd")
        assert codes(condition["stage"][0]["summary"]) == {"agvhd-3"}
        (treatment,) = of_profile(resources, "gvhd-treatment")
        assert "gvhd-treatment-systemic-steroids" in codes(treatment["component"][0]["valueCodeableConcept"])

    def test_said_to_be_missing_and_then_left_out_stays_said(self):
        first = told("m3", "2026-06-02", grade={"not_done": "unknown"})
        assert grades(first, told("m6", "2026-09-02")) == {"worst": {"unknown"}}

    def test_the_later_grade_counts(self):
        later = told("m6", "2026-09-02", grade="III", skin=1, lower_gi=2)
        assert grades(told("m3", "2026-06-02", grade="I", skin=1), later) == {"worst": {"agvhd-3"}}

    def test_a_lower_one_does_not_because_it_is_the_worst_of_the_episode(self):
        """With the stages that made it; what else the later form tells counts."""
        first = told("m3", "2026-06-02", grade="III", skin=1, lower_gi=2)
        again = told("m6", "2026-09-02", grade="I", skin=2, resolved="2026-08-15")
        assert grades(first, again) == {"worst": {"agvhd-3"}}
        resources = chart(first, again)
        (condition,) = of_profile(resources, "acute-gvhd")
        assert condition["abatementDateTime"] == "2026-08-15"
        (course,) = read(resources)
        (episode,) = [one.fact for one in course.facts.acute_gvhd]
        assert (episode.skin, episode.lower_gi) == (1, 2)

    def test_chronic_gvhd_keeps_its_worst_too(self):
        forms = [
            visit(*when, gvhd={"chronic": [{"onset": ONSET, "severity": severity, "organs": organs}]})
            for when, severity, organs in (
                (("m6", "2026-09-02"), "severe", {"lungs": 2}),
                (("unscheduled", "2026-10-02"), "mild", {"mouth": 1}),
            )
        ]
        (course,) = read(chart(*forms))
        (episode,) = [one.fact for one in course.facts.chronic_gvhd]
        assert (episode.severity.key, dict(episode.organs)) == ("severe", {"lungs": 2})

    def test_that_it_was_none_refutes_it(self):
        first = told("m3", "2026-06-02", grade="II", skin=3)
        (condition,) = conditions(first, told("m6", "2026-09-02", grade="0"))
        assert codes(condition["verificationStatus"]) == {"refuted"}

    def test_a_step_of_the_same_day_told_again_is_corrected_and_new_steps_are_added(self):
        later = told(
            "m6",
            "2026-09-02",
            grade="III",
            lower_gi=2,
            course=[
                {"date": "2026-04-24", "grade": "II", "lower_gi": 1},
                {"date": "2026-05-02", "grade": "III", "lower_gi": 2},
            ],
        )
        assert list(grades(WITH_COURSE, later)) == ["worst", ONSET, "2026-04-24", "2026-05-02"]
        step = of_profile(chart(WITH_COURSE, later), "acute-gvhd-grade")[2]
        assert len(step["component"]) == 2

    def test_the_centres_id_holds_where_the_onset_is_corrected(self):
        first = visit("m3", "2026-06-02", gvhd={"acute": [{"id": "a", "onset": "2026-04-20", "grade": "I"}]})
        later = visit("m6", "2026-09-02", gvhd={"acute": [{"id": "a", "onset": "2026-04-18", "grade": "I"}]})
        (condition,) = conditions(first, later)
        assert condition["onsetDateTime"] == "2026-04-18"

    def test_another_onset_is_another_episode(self):
        other = visit("m6", "2026-09-02", gvhd={"acute": [{"onset": "2026-08-01", "grade": "I", "skin": 1}]})
        assert len(conditions(WITH_COURSE, other)) == 2

    def test_every_visit_that_told_of_it_is_a_source(self):
        again = told("m6", "2026-09-02", resolved="2026-05-15")
        entries = [e for e in mapped(again, WITH_COURSE) if "/engraft-acute-gvhd" in e.resource["meta"]["profile"][0]]
        assert len(entries) == 4
        assert {e.sources for e in entries} == {("FR-SYN/SYN-0001/m3", "FR-SYN/SYN-0001/m6")}


def recovery(name, date, said):
    return visit(name, date, engraftment={"neutrophils": said})


M1 = recovery("m1", "2026-04-02", {"status": "engrafted", "date": "2026-03-17"})


class TestRecovery:
    @pytest.mark.parametrize(
        "later",
        [
            {"status": "engrafted"},
            {"status": "engrafted", "date": {"not_done": "unknown"}},
            {"status": "engrafted", "date": "2026-03"},
            {"status": "engrafted", "date": "2026"},
            {"not_done": "not-performed"},
        ],
    )
    def test_the_day_of_engraftment_is_not_lost(self, later):
        (found,) = of_profile(chart(M1, recovery("m3", "2026-06-02", later)), "engraftment")
        assert found["effectiveDateTime"] == "2026-03-17"
        assert "note" not in found
        assert codes(found["valueCodeableConcept"]) == {"engrafted"}

    def test_a_later_status_does_not_inherit_the_day_of_another(self):
        early = recovery("m1", "2026-04-02", {"status": "not-evaluable", "date": "2026-04-01"})
        (found,) = of_profile(chart(early, recovery("m3", "2026-06-02", {"status": "engrafted"})), "engraftment")
        assert codes(found["valueCodeableConcept"]) == {"engrafted"}
        assert "effectiveDateTime" not in found

    def test_a_graft_that_was_lost_had_engrafted(self):
        lost = recovery("m6", "2026-09-02", {"status": "secondary-graft-failure", "date": "2026-08-01"})
        found = of_profile(chart(M1, lost), "engraftment")
        assert [f["effectiveDateTime"] for f in found] == ["2026-03-17", "2026-08-01"]

    def test_a_section_without_a_line_leaves_it_as_it_was(self):
        counts = visit("m3", "2026-06-02", engraftment={"platelet_transfusions": ["2026-05-01"]})
        entries = [e for e in mapped(M1, counts) if "/engraft-engraftment" in e.resource["meta"]["profile"][0]]
        assert [e.sources for e in entries] == [("FR-SYN/SYN-0001/m1",)]


def test_a_panel_not_done_does_not_undo_one_of_the_same_day():
    done = visit("m3", "2026-06-02", immune_reconstitution={"date": "2026-06-02", "cd4": {"value": 120, "unit": "/uL"}})
    not_done = visit("unscheduled", "2026-06-02", immune_reconstitution={"not_done": "not-performed"})
    for order in itertools.permutations([done, not_done]):
        cd4 = of_profile(chart(*order), "immune-subset")[0]
        assert cd4["valueQuantity"]["value"] == 120


def test_what_was_missing_is_filled_in_by_a_later_word():
    later = recovery("m3", "2026-06-02", {"status": "engrafted", "date": "2026-03-17"})
    (found,) = of_profile(chart(recovery("m1", "2026-04-02", {"not_done": "temp-unknown"}), later), "engraftment")
    assert codes(found["valueCodeableConcept"]) == {"engrafted"}
    assert "dataAbsentReason" not in found


def test_an_assessment_told_twice_keeps_what_each_form_reported():
    acute = visit("m3", "2026-06-02", gvhd={"assessed": "2026-06-01", "acute": []})
    chronic = visit("unscheduled", "2026-06-10", gvhd={"assessed": "2026-06-01", "chronic": []})
    (found,) = of_profile(chart(acute, chronic), "gvhd-assessment")
    assert {part["code"]["text"]: part["valueBoolean"] for part in found["component"]} == {
        "Acute graft-versus-host disease": False,
        "Chronic graft-versus-host disease": False,
    }


def test_a_cause_of_death_told_again_keeps_its_day():
    first = visit("m6", vital_status={"status": "dead", "date": "2026-08-30", "cause": "infection"})
    again = visit(
        "m12", "2026-10-30", vital_status={"status": "dead", "date": {"not_done": "unknown"}, "cause": "infection"}
    )
    (cause,) = of_profile(chart(first, again), "cause-of-death")
    assert cause["effectiveDateTime"] == "2026-08-30"
    assert "_effectiveDateTime" not in cause


@pytest.mark.parametrize("turned", [False, True])
def test_an_assessment_that_took_place_after_all_is_not_missing(turned):
    forms = [
        visit("m3", "2026-06-02", gvhd={"not_done": "not-performed"}),
        visit("unscheduled", "2026-06-02", gvhd={"assessed": "2026-06-02", "acute": []}),
    ]
    if turned:
        forms[0]["visit"], forms[1]["visit"] = forms[1]["visit"], forms[0]["visit"]
    (found,) = of_profile(chart(*forms), "gvhd-assessment")
    assert "dataAbsentReason" not in found
    assert found["component"][0]["valueBoolean"] is False
