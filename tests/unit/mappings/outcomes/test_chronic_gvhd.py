"""Chronic GVHD: one Condition an episode, NIH 2014 severity and organ scores, what it needed and what it came after."""

from __future__ import annotations

import pytest

from tests.lib.charts import chart, codes, mapped, of_profile, only, visit, why

ONSET = "2026-07-30"
DLI = {"number": 1, "date": "2026-07-01"}
COURSE = [
    {"date": "2026-07-30", "severity": "mild", "organs": {"mouth": 1}},
    {"date": "2026-08-20", "severity": "moderate", "organs": {"mouth": 1, "skin": 2}},
]


def episode(name="m6", date="2026-09-02", **said):
    return visit(name, date, gvhd={"assessed": date, "chronic": [{"onset": ONSET, **said}]})


def severities(*forms):
    found = of_profile(chart(*forms), "chronic-gvhd-severity")
    return {f.get("effectiveDateTime", "worst"): codes(f["valueCodeableConcept"]) for f in found}


def scores(observation):
    return {part["code"]["coding"][0]["code"]: codes(part["valueCodeableConcept"]) for part in observation["component"]}


def test_severity_and_scores_are_both_kept():
    resources = chart(episode(severity="moderate", organs={"mouth": 1, "skin": 2}))
    found = only(resources, "chronic-gvhd-severity")
    assert codes(found["valueCodeableConcept"]) == {"cgvhd-moderate"}
    assert scores(found) == {"cgvhd-score-mouth": {"cgvhd-score-1"}, "cgvhd-score-skin": {"cgvhd-score-2"}}
    assert found["effectivePeriod"] == {"start": ONSET}
    condition = only(resources, "chronic-gvhd")
    assert found["focus"] == [{"reference": f"Condition/{condition['id']}"}]
    assert condition["stage"][0]["assessment"] == [{"reference": f"Observation/{found['id']}"}]
    assert codes(condition["stage"][0]["summary"]) == {"cgvhd-moderate"}
    assert codes(condition["stage"][0]["type"]) == {"cgvhd-nih-severity"}


def test_it_is_chronic_and_never_acute_whatever_its_day():
    early = visit(gvhd={"chronic": [{"onset": "2026-04-20"}]})
    assert codes(only(chart(early), "chronic-gvhd")["code"]) == {"402356004", "D89.811"}


def test_a_resolved_episode_is_not_active():
    condition = only(chart(episode(severity="mild", organs={"mouth": 1}, resolved="2026-08-30")), "chronic-gvhd")
    assert codes(condition["clinicalStatus"]) == {"resolved"}
    assert condition["abatementDateTime"] == "2026-08-30"


def test_each_severity_has_the_day_it_was_reached():
    said = episode(severity="moderate", organs={"mouth": 1, "skin": 2}, course=COURSE)
    expected = {"worst": {"cgvhd-moderate"}, "2026-07-30": {"cgvhd-mild"}, "2026-08-20": {"cgvhd-moderate"}}
    assert severities(said) == expected


def test_told_again_by_its_end_alone_keeps_its_course_its_scores_and_its_treatment():
    said = {"severity": "moderate", "organs": {"mouth": 1, "skin": 2}, "course": COURSE, "systemic_treatment": True}
    again = episode("m12", "2026-10-30", resolved="2026-10-01")
    first, both = chart(episode(**said)), chart(episode(**said), again)
    assert severities(episode(**said), again) == severities(episode(**said))
    assert codes(only(both, "chronic-gvhd")["clinicalStatus"]) == {"resolved"}
    assert only(both, "gvhd-treatment")["component"] == only(first, "gvhd-treatment")["component"]


def test_an_organ_told_later_joins_the_others():
    later = episode("m12", "2026-10-30", severity="moderate", organs={"skin": 2})
    found = only(chart(episode(severity="mild", organs={"mouth": 1}), later), "chronic-gvhd-severity")
    assert set(scores(found)) == {"cgvhd-score-mouth", "cgvhd-score-skin"}


def test_a_score_that_is_no_longer_known_does_not_undo_one():
    unknown = {"not_done": "unknown"}
    later = episode("m12", "2026-10-30", organs={"mouth": unknown, "eyes": unknown})
    found = only(chart(episode(severity="mild", organs={"mouth": 1}), later), "chronic-gvhd-severity")
    mouth, eyes = found["component"]
    assert codes(mouth["valueCodeableConcept"]) == {"cgvhd-score-1"}
    assert codes(eyes["dataAbsentReason"]) == {"unknown"}


def test_what_it_needed_and_after_which_infusion_are_told():
    said = episode(systemic_treatment=True, treatment=["systemic-steroids", "ecp"], after_dli=2)
    parts = only(chart(said), "gvhd-treatment")["component"]
    assert [part.get("valueBoolean", part.get("valueInteger")) for part in parts] == [None, None, True, 2]


def test_an_episode_after_an_infusion_that_was_told_is_due_to_it():
    dli = visit("unscheduled", "2026-07-02", dli=[DLI])
    resources = chart(dli, episode(after_dli=1))
    due = only(resources, "chronic-gvhd")["extension"][0]["valueReference"]
    assert due == {"reference": f"Procedure/{only(resources, 'dli')['id']}"}


@pytest.mark.parametrize("after", [{}, {"after_dli": 2}, {"after_dli": {"not_done": "unknown"}}])
def test_any_other_episode_is_due_to_the_graft(after):
    """A reference to an infusion of which nobody told would point to nothing."""
    resources = chart(visit("unscheduled", "2026-07-02", dli=[DLI]), episode(**after))
    due = only(resources, "chronic-gvhd")["extension"][0]["valueReference"]
    assert due == {"reference": f"Procedure/{only(resources, 'transplant')['id']}"}


def test_missing_is_said_in_each_place():
    unknown = {"not_done": "asked-unknown", "note": "moved away"}
    said = {"severity": unknown, "organs": unknown, "resolved": unknown, "course": unknown, "treatment": unknown}
    resources = chart(visit(gvhd={"chronic": [{"onset": unknown, **said, "systemic_treatment": unknown}]}))
    condition, found = only(resources, "chronic-gvhd"), only(resources, "chronic-gvhd-severity")
    assert why(condition["_onsetDateTime"]) == "asked-unknown"
    assert {note["text"] for note in condition["note"]} == {
        "moved away",
        "End of the episode not known: asked-unknown (moved away)",
        "Course of the grades not known: asked-unknown (moved away)",
    }
    assert codes(found["dataAbsentReason"]) == {"asked-unknown"}
    assert {"text": "Scores of the organs not known: asked-unknown (moved away)"} in found["note"]
    assert why(found["effectivePeriod"]["_start"]) == "asked-unknown"
    assert len(only(resources, "gvhd-treatment")["component"]) == 2


def test_an_acute_and_a_chronic_episode_of_one_name_are_two():
    """Both may begin on one day, or bear the centre's id `1`."""
    said = {"id": "1", "onset": ONSET, "treatment": ["topical"]}
    resources = chart(visit(gvhd={"acute": [said], "chronic": [said]}))
    assert len({resource["id"] for resource in resources}) == len(resources)
    assert len(of_profile(resources, "gvhd-treatment")) == 2


def test_episodes_on_unknown_days_without_an_id_are_each_visits_own():
    unknown = {"chronic": [{"onset": {"not_done": "unknown"}, "severity": "mild", "organs": {"mouth": 1}}]}
    entries = mapped(visit("m6", gvhd=unknown), visit("m12", "2026-10-30", gvhd=unknown))
    assert len([e for e in entries if "/engraft-chronic-gvhd|" in e.resource["meta"]["profile"][0]]) == 2
