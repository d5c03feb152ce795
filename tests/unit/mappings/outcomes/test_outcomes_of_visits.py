"""What a visit tells becomes FHIR that tells the same."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.lib.charts import chart, codes, episode, mapped, of_profile, only, visit, why


class TestEngraftment:
    def test_status_and_date_are_kept_per_cell_line(self):
        said = {
            "neutrophils": {"status": "engrafted", "date": "2026-03-17"},
            "platelets": {"not_done": "not-applicable"},
            "counts": [
                {
                    "date": "2026-03-17",
                    "neutrophils": {"value": Decimal("0.50"), "unit": "10*9/L"},
                    "platelets": {"value": 5, "unit": "10*9/L", "comparator": "<"},
                }
            ],
            "platelet_transfusions": ["2026-03-16"],
        }
        resources = chart(visit("m1", "2026-04-02", engraftment=said))
        neutrophils, platelets = of_profile(resources, "engraftment")
        assert neutrophils["effectiveDateTime"] == "2026-03-17"
        assert codes(neutrophils["valueCodeableConcept"]) == {"engrafted"}
        assert codes(platelets["dataAbsentReason"]) == {"not-applicable"}
        anc, plt = of_profile(resources, "blood-count")
        assert str(anc["valueQuantity"]["value"]) == "0.50"
        assert plt["valueQuantity"]["comparator"] == "<"
        assert only(resources, "transfusion")["performedDateTime"] == "2026-03-16"

    def test_a_section_said_to_be_missing_is_missing_for_each_line(self):
        found = of_profile(chart(visit(engraftment={"not_done": "not-performed", "note": "lost"})), "engraftment")
        assert [codes(f["code"]) for f in found] == [{"engraftment-neutrophils"}, {"engraftment-platelets"}]
        assert all(codes(f["dataAbsentReason"]) == {"not-performed"} for f in found)
        assert all(f["note"] == [{"text": "lost"}] for f in found)

    def test_a_date_said_to_be_missing_keeps_its_reason_and_note(self):
        said = {"neutrophils": {"status": "engrafted", "date": {"not_done": "unknown", "note": "elsewhere"}}}
        found = only(chart(visit(engraftment=said)), "engraftment")
        assert why(found["_effectiveDateTime"]) == "unknown"
        assert found["note"] == [{"text": "elsewhere"}]
        assert codes(found["valueCodeableConcept"]) == {"engrafted"}

    def test_a_month_that_is_named_twice_had_two_days_of_transfusion(self):
        told = visit(engraftment={"platelet_transfusions": ["2026-03", "2026-03-16", "2026-03"]})
        again = visit("m12", "2026-10-30", engraftment={"platelet_transfusions": ["2026-03", "2026-03"]})
        found = [
            entry.resource
            for entry in mapped(told, again)
            if entry.resource["resourceType"] == "Procedure" and "transfusion" in entry.resource["meta"]["profile"][0]
        ]
        assert sorted(one["performedDateTime"] for one in found) == ["2026-03", "2026-03", "2026-03-16"]

    def test_two_transfusions_of_a_day_are_one_day_of_transfusion(self):
        (found,) = [
            entry
            for entry in mapped(visit(engraftment={"platelet_transfusions": ["2026-03-16", "2026-03-16"]}))
            if entry.resource["resourceType"] == "Procedure" and "transfusion" in entry.resource["meta"]["profile"][0]
        ]
        assert found.sources == ("FR-SYN/SYN-0001/m6",)

    def test_only_what_was_counted_becomes_a_count(self):
        said = {"counts": [{"date": "2026-03-17", "platelets": {"value": 23, "unit": "10*9/L"}}]}
        (count,) = of_profile(chart(visit("m1", "2026-04-02", engraftment=said)), "blood-count")
        assert codes(count["code"]) == {"26515-7"}


class TestResponse:
    def test_category_blasts_and_residual_disease(self):
        said = {
            "date": "2026-08-30",
            "category": "CR",
            "marrow_blasts_percent": Decimal("1.5"),
            "mrd": {"result": "negative", "method": "flow"},
        }
        resources = chart(visit(response=said))
        assert "cr" in codes(only(resources, "response")["valueCodeableConcept"])
        assert only(resources, "marrow-blasts")["valueQuantity"]["code"] == "%"
        assert "method" in only(resources, "residual-disease")

    def test_incomplete_remission_is_not_coded_as_full_remission(self):
        found = only(chart(visit(response={"date": "2026-08-30", "category": "CRi"})), "response")
        assert "103338009" not in codes(found["valueCodeableConcept"])

    def test_missing_is_said_at_each_depth(self):
        resources = chart(visit(response={"not_done": "not-performed", "note": "no marrow"}))
        found = only(resources, "response")
        assert (codes(found["dataAbsentReason"]), found["effectiveDateTime"]) == ({"not-performed"}, "2026-09-02")
        inner = {"date": "2026-08-30", "category": "CR", "mrd": {"not_done": "not-performed"}}
        mrd = only(chart(visit(response=inner)), "residual-disease")
        assert "method" not in mrd
        unmethodical = {"date": "2026-08-30", "category": "CR", "mrd": {"result": "positive"}}
        assert "method" not in only(chart(visit(response=unmethodical)), "residual-disease")


class TestAcuteGvhd:
    def test_resolved_episode_is_not_active(self):
        condition = only(chart(episode(grade="II", skin=3, resolved="2026-05-15")), "acute-gvhd")
        assert codes(condition["clinicalStatus"]) == {"resolved"}
        assert condition["abatementDateTime"] == "2026-05-15"

    def test_grade_and_stages_are_both_kept_upper_and_lower_gut_apart(self):
        resources = chart(episode(grade="II", skin=3, liver=0, upper_gi=0, lower_gi=0))
        grade = only(resources, "acute-gvhd-grade")
        assert codes(grade["valueCodeableConcept"]) == {"agvhd-2"}
        organs = {code for part in grade["component"] for code in codes(part["code"])}
        assert {"agvhd-stage-upper-gi", "agvhd-stage-lower-gi"} <= organs
        assert only(resources, "acute-gvhd")["stage"][0]["assessment"] == [{"reference": f"Observation/{grade['id']}"}]

    def test_each_grade_has_the_day_it_was_reached(self):
        steps = [{"date": "2026-04-20", "grade": "I", "skin": 1}, {"date": "2026-04-24", "grade": "II", "skin": 3}]
        resources = chart(episode(grade="II", skin=3, course=steps))
        worst, *grades = of_profile(resources, "acute-gvhd-grade")
        assert [g["effectiveDateTime"] for g in grades] == ["2026-04-20", "2026-04-24"]
        assert [codes(g["valueCodeableConcept"]) for g in grades] == [{"agvhd-1"}, {"agvhd-2"}]
        assert codes(worst["valueCodeableConcept"]) == {"agvhd-2"}

    def test_the_day_of_the_worst_grade_is_not_made_up(self):
        worst = only(chart(episode(grade="III", lower_gi=2, resolved="2026-06-01")), "acute-gvhd-grade")
        assert worst["effectivePeriod"] == {"start": "2026-04-20", "end": "2026-06-01"}
        assert "effectiveDateTime" not in worst
        lasting = only(chart(episode(grade="III", lower_gi=2)), "acute-gvhd-grade")
        assert lasting["effectivePeriod"] == {"start": "2026-04-20"}

    @pytest.mark.parametrize(
        ("onset", "resolved", "period"),
        [
            ("2026-04", "2026-04-20", {"start": "2026-04"}),
            ("2026-04", "2026-04", {"start": "2026-04", "end": "2026-04"}),
            ("2026-04", "2026-05", {"start": "2026-04", "end": "2026-05"}),
        ],
    )
    def test_a_period_never_compares_a_month_with_one_of_its_days(self, onset, resolved, period):
        said = {"onset": onset, "grade": "I", "skin": 1, "resolved": resolved}
        resources = chart(visit(gvhd={"acute": [said]}))
        assert only(resources, "acute-gvhd-grade")["effectivePeriod"] == period
        assert only(resources, "acute-gvhd")["abatementDateTime"] == resolved

    def test_stages_without_a_grade_are_kept(self):
        found = only(chart(episode(skin=2)), "acute-gvhd-grade")
        assert not {"valueCodeableConcept", "dataAbsentReason"} & set(found)
        assert codes(found["component"][0]["valueCodeableConcept"]) == {"agvhd-stage-2"}

    def test_notes_on_stages_are_told_by_the_grade(self):
        found = only(chart(episode(grade="II", skin={"not_done": "unknown", "note": "photo lost"})), "acute-gvhd-grade")
        assert found["note"] == [{"text": "photo lost"}]
        assert "note" not in found["component"][0]

    def test_an_end_said_to_be_unknown_is_no_end(self):
        """R4 con-4: even an abatement without a value would make it abated."""
        said = {"not_done": "asked-unknown", "note": "moved away"}
        condition = only(chart(episode(grade="II", skin=3, resolved=said)), "acute-gvhd")
        assert codes(condition["clinicalStatus"]) == {"active"}
        assert not any("abatement" in name for name in condition)
        assert condition["note"] == [{"text": "End of the episode not known: asked-unknown (moved away)"}]
        silent = only(chart(episode(resolved={"not_done": "asked-unknown"})), "acute-gvhd")
        assert silent["note"] == [{"text": "End of the episode not known: asked-unknown"}]

    def test_the_scale_of_the_stage_is_named(self):
        stage = only(chart(episode(grade="II", skin=3)), "acute-gvhd")["stage"][0]
        assert codes(stage["type"]) == {"agvhd-overall-grade"}

    def test_it_is_due_to_the_graft_that_was_told(self):
        resources = chart(episode(grade="II", skin=3))
        due = only(resources, "acute-gvhd")["extension"][0]["valueReference"]
        assert due == {"reference": f"Procedure/{only(resources, 'transplant')['id']}"}
        assert "extension" not in only(chart(episode(grade="II", skin=3), transplant=None), "acute-gvhd")

    def test_an_episode_told_again_is_the_same_episode(self):
        first = visit("m3", "2026-06-02", gvhd={"acute": [{"onset": "2026-04-20", "grade": "II", "skin": 3}]})
        entries = mapped(first, episode(grade="II", skin=3, resolved="2026-07-01"))
        (condition,) = [e for e in entries if "/engraft-acute-gvhd|" in e.resource["meta"]["profile"][0]]
        assert condition.resource["abatementDateTime"] == "2026-07-01"
        assert condition.sources == ("FR-SYN/SYN-0001/m3", "FR-SYN/SYN-0001/m6")

    @pytest.mark.parametrize(
        ("lists", "value", "kinds"),
        [
            ({"acute": [], "chronic": []}, False, {"402355000": False, "402356004": False}),
            ({"acute": []}, None, {"402355000": False}),
            ({"acute": [{"onset": "2026-04-20"}]}, True, {"402355000": True}),
            ({"acute": [], "chronic": {"not_done": "not-performed"}}, None, {"402355000": False, "402356004": None}),
        ],
    )
    def test_looked_and_none_found_is_said_of_what_was_reported_alone(self, lists, value, kinds):
        found = only(chart(visit(gvhd={"assessed": "2026-09-01", **lists})), "gvhd-assessment")
        assert found["effectiveDateTime"] == "2026-09-01"
        assert found.get("valueBoolean") is value
        assert "dataAbsentReason" not in found
        told = {part["code"]["coding"][0]["code"]: part.get("valueBoolean") for part in found["component"]}
        assert told == kinds
        assert all(("valueBoolean" in part) != ("dataAbsentReason" in part) for part in found["component"])

    @pytest.mark.parametrize(
        ("assessed", "reason", "day"),
        [
            ("2026-09-01", "unknown", "2026-09-01"),
            ({"not_done": "not-performed", "note": "by telephone"}, "not-performed", "2026-09-02"),
        ],
    )
    def test_an_assessment_without_a_result_claims_none(self, assessed, reason, day):
        found = only(chart(visit(gvhd={"assessed": assessed})), "gvhd-assessment")
        assert codes(found["dataAbsentReason"]) == {reason}
        assert found["effectiveDateTime"] == day
        assert "valueBoolean" not in found

    def test_the_day_of_the_assessment_may_be_missing(self):
        found = only(chart(visit(gvhd={"assessed": {"not_done": "unknown"}, "acute": []})), "gvhd-assessment")
        assert why(found["_effectiveDateTime"]) == "unknown"
        assert found["component"][0]["valueBoolean"] is False

    def test_episodes_without_an_assessment_are_told_alone(self):
        assert of_profile(chart(visit(gvhd={"acute": [{"onset": "2026-04-20"}]})), "gvhd-assessment") == []

    def test_not_assessed_is_said_too(self):
        found = only(chart(visit(gvhd={"not_done": "not-performed"})), "gvhd-assessment")
        assert codes(found["dataAbsentReason"]) == {"not-performed"}

    def test_a_list_said_to_be_missing_is_no_list_of_none(self):
        resources = chart(visit(gvhd={"acute": {"not_done": "unknown"}}))
        assert of_profile(resources, "acute-gvhd") == []
        found = only(resources, "gvhd-assessment")
        assert codes(found["component"][0]["dataAbsentReason"]) == {"unknown"}
        assert "valueBoolean" not in found

    def test_treatment_and_refractoriness(self):
        resources = chart(episode(grade="III", lower_gi=2, treatment=["systemic-steroids"], steroid_refractory=True))
        parts = only(resources, "gvhd-treatment")["component"]
        assert [part.get("valueBoolean") for part in parts] == [None, True]

    def test_treatment_and_grade_said_to_be_missing(self):
        said = {"grade": {"not_done": "unknown"}, "skin": {"not_done": "not-performed"}}
        said |= {"treatment": {"not_done": "unknown"}, "steroid_refractory": {"not_done": "not-applicable"}}
        resources = chart(episode(**said))
        grade = only(resources, "acute-gvhd-grade")
        assert codes(grade["dataAbsentReason"]) == {"unknown"}
        assert codes(grade["component"][0]["dataAbsentReason"]) == {"not-performed"}
        assert "summary" not in only(resources, "acute-gvhd")["stage"][0]
        assert len(only(resources, "gvhd-treatment")["component"]) == 2

    def test_an_episode_without_a_grade_has_no_stage(self):
        resources = chart(episode())
        assert "stage" not in only(resources, "acute-gvhd")
        assert of_profile(resources, "gvhd-treatment") == []


class TestVitalStatus:
    def test_alive_and_lost_are_dated_last_contacts(self):
        lost = visit("m12", "2026-10-30", vital_status={"status": "lost", "date": "2026-09-30"})
        alive = visit(vital_status={"status": "alive", "date": "2026-09-02"})
        found = of_profile(chart(alive, lost), "vital-status")
        assert [(f["effectiveDateTime"]) for f in found] == ["2026-09-02", "2026-09-30"]

    def test_a_date_said_to_be_missing_is_told_and_not_replaced_by_the_visits(self):
        lost = visit(vital_status={"status": "lost", "date": {"not_done": "unknown", "note": "abroad"}})
        found = only(chart(lost), "vital-status")
        assert why(found["_effectiveDateTime"]) == "unknown"
        assert "effectiveDateTime" not in found
        assert found["note"] == [{"text": "abroad"}]

    def test_not_asked_is_said(self):
        found = only(chart(visit(vital_status={"not_done": "not-asked"})), "vital-status")
        assert codes(found["dataAbsentReason"]) == {"not-asked"}

    def test_unscheduled_visits_do_not_overwrite_each_other(self):
        one = visit("unscheduled", "2026-05-01", vital_status={"status": "alive", "date": "2026-05-01"})
        two = visit("unscheduled", "2026-05-20", vital_status={"status": "alive", "date": "2026-05-20"})
        assert len(of_profile(chart(one, two), "vital-status")) == 2


class TestImmuneReconstitution:
    def test_counts_keep_unit_precision_and_comparator(self):
        panel = {
            "date": "2026-08-29",
            "cd4": {"value": Decimal("2.50"), "unit": "/uL"},
            "treg": {"value": 5, "unit": "/uL", "comparator": "<"},
        }
        cd4, treg = of_profile(chart(visit(immune_reconstitution=panel)), "immune-subset")
        assert (str(cd4["valueQuantity"]["value"]), cd4["valueQuantity"]["code"]) == ("2.50", "/uL")
        assert treg["valueQuantity"]["comparator"] == "<"
        assert codes(treg["code"]) == {"treg-absolute"}

    def test_a_panel_not_done_is_missing_for_each_subset(self):
        found = of_profile(chart(visit(immune_reconstitution={"not_done": "not-performed"})), "immune-subset")
        assert len(found) == 5
        assert all("valueQuantity" not in f and "dataAbsentReason" in f for f in found)
