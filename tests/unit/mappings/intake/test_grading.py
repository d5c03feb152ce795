"""A grade fits its organs, its course and its time, or is refused with both shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.intake import grading
from mappings.intake.words import ACUTE_GRADE, ACUTE_ORGANS, CHRONIC_ORGANS, CHRONIC_SEVERITY

ORGANS = ("skin", "liver", "upper_gi", "lower_gi")
STAGES = st.fixed_dictionaries({organ: st.integers(0, top) for organ, top in ACUTE_ORGANS.items()})
SCORES = st.fixed_dictionaries({organ: st.integers(0, 3) for organ in CHRONIC_ORGANS})


@pytest.mark.parametrize(
    ("stages", "grade"),
    [
        ((0, 0, 0, 0), "0"),
        ((1, 0, 0, 0), "I"),
        ((2, 0, 0, 0), "I"),
        ((3, 0, 0, 0), "II"),
        ((0, 1, 0, 0), "II"),
        ((0, 0, 1, 0), "II"),
        ((0, 0, 0, 1), "II"),
        ((2, 1, 1, 1), "II"),
        ((0, 0, 0, 2), "III"),
        ((3, 2, 0, 0), "III"),
        ((0, 3, 1, 3), "III"),
        ((4, 0, 0, 0), "IV"),
        ((0, 4, 0, 0), "IV"),
        ((1, 0, 0, 4), "IV"),
    ],
)
def test_magic_grade(stages, grade):
    """Harris 2016: I skin 1-2 alone; II skin 3, liver 1, upper or lower gut 1; III liver or lower gut 2-3; IV at 4."""
    given = dict(zip(ORGANS, stages, strict=True))
    assert grading.acute_grade(given) == grade
    assert grading.possible_grades(given) == {grade}


@pytest.mark.parametrize(
    ("scores", "severity"),
    [
        ({}, "none"),
        ({"mouth": 1}, "mild"),
        ({"mouth": 1, "skin": 1}, "mild"),
        ({"mouth": 1, "skin": 1, "eyes": 1}, "moderate"),
        ({"liver": 2}, "moderate"),
        ({"lungs": 1}, "moderate"),
        ({"joints": 3}, "severe"),
        ({"lungs": 2}, "severe"),
    ],
)
def test_nih_severity(scores, severity):
    """Jagasia 2015: mild 1-2 organs at 1; moderate 3 at 1, one at 2 or lungs 1; severe one at 3 or lungs 2."""
    every = dict.fromkeys(CHRONIC_ORGANS, 0) | scores
    assert grading.chronic_severity(scores) == severity
    assert grading.possible_severities(every) == {severity}


@pytest.mark.parametrize(
    ("stages", "possible"),
    [
        ({}, {"0", "I", "II", "III", "IV"}),
        ({"skin": 1, "liver": 0, "lower_gi": 0}, {"I", "II"}),
        ({"skin": 3}, {"II", "III", "IV"}),
        ({"liver": 4}, {"IV"}),
    ],
)
def test_an_organ_that_was_not_reported_can_have_any_stage(stages, possible):
    assert grading.possible_grades(stages) == possible


@pytest.mark.parametrize(
    ("open_organs", "possible"),
    [(["lungs"], {"none", "moderate", "severe"}), (["skin"], {"none", "mild", "moderate", "severe"})],
)
def test_a_score_that_was_not_reported_can_be_any(open_organs, possible):
    known = {organ: 0 for organ in CHRONIC_ORGANS if organ not in open_organs}
    assert grading.possible_severities(known) == possible


@given(STAGES, st.sets(st.sampled_from(ORGANS)))
def test_what_is_left_out_never_makes_the_true_grade_impossible(stages, left_out):
    known = {organ: stage for organ, stage in stages.items() if organ not in left_out}
    assert grading.acute_grade(stages) in grading.possible_grades(known)


@given(SCORES, st.sets(st.sampled_from(CHRONIC_ORGANS)))
def test_what_is_left_out_never_makes_the_true_severity_impossible(scores, left_out):
    known = {organ: score for organ, score in scores.items() if organ not in left_out}
    assert grading.chronic_severity(scores) in grading.possible_severities(known)


def acute(**said):
    return {"onset": "2026-04-20", **said}


def form(**gvhd):
    return {"centre": "FR-037", "patient": "P-1", "visit": "m6", "date": "2026-09-02", "gvhd": gvhd}


def steps(key, *said):
    return [{"date": day, key: word} for day, word in said]


@pytest.mark.parametrize(
    ("said", "path", "told"),
    [
        (
            {"grade": "III", "skin": 3, "liver": 0, "upper_gi": 0, "lower_gi": 0},
            "grade",
            "grade III contradicts skin 3, liver 0, upper_gi 0, lower_gi 0: by MAGIC these make II",
        ),
        ({"grade": "II", "lower_gi": 2}, "grade", "grade II contradicts lower_gi 2: by MAGIC these make III or IV"),
        ({"grade": "0", "skin": 1}, "grade", "make I or II or III or IV"),
        ({"course": [{"date": "2026-04-21", "grade": "I", "skin": 4}]}, "course.1.grade", "make IV"),
        ({"course": steps("grade", ("2026-04-19", "I"))}, "course.1.date", "before the onset of 2026-04-20"),
        ({"resolved": "2026-05", "course": steps("grade", ("2026-06-01", "I"))}, "course.1.date", "after the end"),
        ({"course": steps("grade", ("2026-05-02", "I"), ("2026-05-01", "II"))}, "course.2.date", "does not follow"),
        ({"course": steps("grade", ("2026-05-02", "I"), ("2026-05-02", "II"))}, "course.2.date", "does not follow"),
        ({"grade": "II", "course": steps("grade", ("2026-05-02", "III"))}, "grade", "not the worst of the course"),
        ({"grade": "II", "course": steps("grade", ("2026-05-02", "I"))}, "grade", "the course, which is I"),
        ({"skin": 1, "course": [{"date": "2026-05-02", "grade": "I", "skin": 2}]}, "skin", "course, which is 2"),
    ],
)
def test_an_acute_episode_that_contradicts_itself_is_refused(faults, said, path, told):
    found = faults(form(acute=[acute(**said)]))
    assert list(found) == [f"gvhd.acute.1.{path}"]
    assert found[f"gvhd.acute.1.{path}"].code == "invariant"
    assert told in found[f"gvhd.acute.1.{path}"].message


@pytest.mark.parametrize(
    "said",
    [
        {"grade": "III", "skin": 3},
        {"grade": "unknown", "skin": 3},
        {"grade": {"not_done": "unknown"}, "skin": 3},
        {"skin": 4, "liver": {"not_done": "not-performed"}},
        {"grade": "II", "course": steps("grade", ("2026-05-02", "I"), ("2026-05-03", "unknown"))},
        {"grade": "II", "course": steps("grade", ("2026-05-02", "unknown"))},
        {"course": steps("grade", ("2026-05", "I"), ("2026-05-01", "II"))},
        {"grade": "II", "skin": 3, "course": [{"date": "2026-05-02", "grade": "II", "skin": {"not_done": "masked"}}]},
    ],
)
def test_what_may_be_true_is_taken(faults, said):
    assert faults(form(acute=[acute(**said)])) == {}


@pytest.mark.parametrize(
    ("said", "path", "told"),
    [
        (
            {"severity": "mild", "organs": {"lungs": 1}},
            "severity",
            "lungs 1: by NIH 2014 these make moderate or severe",
        ),
        ({"severity": "none", "organs": {"mouth": 1}}, "severity", "make mild or moderate or severe"),
        ({"severity": "mild", "course": steps("severity", ("2026-05-02", "severe"))}, "severity", "which is severe"),
        (
            {"course": [{"date": "2026-05-02", "severity": "mild", "organs": {"skin": 3}}]},
            "course.1.severity",
            "severe",
        ),
        ({"resolved": "2026-03"}, "resolved", "before the onset"),
    ],
)
def test_a_chronic_episode_that_contradicts_itself_is_refused(faults, said, path, told):
    found = faults(form(chronic=[acute(**said)]))
    assert list(found) == [f"gvhd.chronic.1.{path}"]
    assert told in found[f"gvhd.chronic.1.{path}"].message


def test_a_chronic_episode_without_scores_can_have_any_severity(faults):
    for severity in (*CHRONIC_SEVERITY.words, "unknown"):
        assert faults(form(chronic=[acute(severity=severity)])) == {}


def test_worst_of_nothing_is_the_least():
    assert grading.worst([], ACUTE_GRADE.words) == "0"
