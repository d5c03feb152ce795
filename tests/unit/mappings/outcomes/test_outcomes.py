"""What a centre says becomes FHIR that says the same: no more, no less, and missing where it is missing."""

from __future__ import annotations

import itertools
import random
from decimal import Decimal

import pytest

from mappings.facts import FollowUp, PartialDate, VitalStatus, Word
from mappings.facts.synthetic import documents
from mappings.intake import schema
from mappings.outcomes import map_course, unsupported
from mappings.r4.build import Ids
from mappings.r4.validate import validate
from tests.lib.charts import AS_OF, ENROLMENT, chart, codes, mapped, of_profile, visit
from tests.lib.plans import COURSE


def only(resources, profile):
    (found,) = of_profile(resources, profile)
    return found


def why(primitive):
    """The reason in the place of a primitive that is said to be missing."""
    (extension,) = primitive["extension"]
    assert extension["url"] == "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
    return extension["valueCode"]


def episode(**said):
    return visit(gvhd={"assessed": "2026-09-02", "acute": [{"onset": "2026-04-20", **said}]})


class TestPatient:
    def test_has_a_number_and_no_name(self):
        patient = only(chart(identifiers=[{"system": "urn:oid:1.2.3", "value": "42"}]), "patient")
        assert [i["value"] for i in patient["identifier"]] == ["FR-SYN/SYN-0001", "42"]
        assert not {"name", "telecom", "address"} & set(patient)

    def test_birth_is_as_precise_as_it_was_said(self):
        assert only(chart(birth_date="1971"), "patient")["birthDate"] == "1971"
        assert "birthDate" not in only(chart(birth_date=None, sex=None), "patient")

    def test_death_has_its_date(self):
        dead = visit(vital_status={"status": "dead", "date": "2026-08", "cause": "infection"})
        resources = chart(dead)
        assert only(resources, "patient")["deceasedDateTime"] == "2026-08"
        assert "cause-infection" in str(codes(only(resources, "cause-of-death")["valueCodeableConcept"]))

    def test_death_on_an_unknown_date_is_still_a_death(self):
        dead = visit(vital_status={"status": "dead", "date": {"not_done": "unknown"}})
        patient = only(chart(dead), "patient")
        assert patient["deceasedBoolean"] is True
        assert patient["_deceasedBoolean"]["extension"][0]["valueCode"] == "unknown"

    def test_death_of_which_nothing_more_is_known_is_still_a_death(self):
        enrolled = schema.enrolment(ENROLMENT, AS_OF)
        dead = FollowUp("FR-SYN", "SYN-0001", "m6", PartialDate("2026-09-02"), vital_status=VitalStatus(Word("dead")))
        patient = map_course(enrolled, [dead], Ids(COURSE))[0].resource
        assert patient["deceasedBoolean"] is True

    def test_the_latest_word_on_life_counts(self):
        alive = visit("m3", "2026-06-02", vital_status={"status": "alive", "date": "2026-06-02"})
        dead = visit("m6", vital_status={"status": "dead", "date": "2026-08-30"})
        seen = visit("m12", "2026-10-30", vital_status={"status": "alive", "date": "2026-10-30"})
        assert "deceasedDateTime" in only(chart(dead, alive), "patient")
        assert "deceasedDateTime" not in only(chart(alive), "patient")
        assert "deceasedDateTime" not in only(chart(dead, seen), "patient")

    @pytest.mark.parametrize(
        "later",
        [
            {"status": "lost", "date": "2026-06-02"},
            {"status": "unknown"},
            {"not_done": "not-asked"},
            {"status": "dead", "date": {"not_done": "unknown"}},
            {"status": "alive", "date": "2026-06-02"},
        ],
    )
    def test_only_being_seen_alive_afterwards_undoes_a_death(self, later):
        dead = visit("m6", vital_status={"status": "dead", "date": "2026-08-30"})
        patient, *_ = mapped(dead, visit("m12", "2026-10-30", vital_status=later))
        assert patient.resource["deceasedDateTime"] == "2026-08-30"
        assert patient.sources == ("FR-SYN/SYN-0001", "FR-SYN/SYN-0001/m6")

    def test_an_undated_death_is_undone_by_any_later_sight(self):
        dead = visit("m6", vital_status={"status": "dead", "date": {"not_done": "unknown"}})
        seen = visit("m12", "2026-10-30", vital_status={"status": "alive", "date": "2026-10-30"})
        assert "deceasedBoolean" not in only(chart(dead, seen), "patient")


class TestConsent:
    @pytest.mark.parametrize(
        ("said", "status", "provision"),
        [
            ({"status": "active", "registry": True}, "active", "permit"),
            ({"status": "active", "registry": False}, "active", "deny"),
            ({"status": "active"}, "active", "deny"),
            ({"status": "inactive", "registry": True}, "inactive", "deny"),
            ({"status": "rejected"}, "rejected", "deny"),
        ],
    )
    def test_permits_only_what_was_permitted(self, said, status, provision):
        consent = only(chart(consent=said), "consent")
        assert (consent["status"], consent["provision"]["type"]) == (status, provision)

    def test_that_was_not_reported_is_not_made_up(self):
        assert of_profile(chart(consent=None), "consent") == []


class TestDisease:
    def test_relapsed_disease_is_in_relapse(self):
        disease = {"diagnosis": "aml", "status": "relapsed", "diagnosed": "2025-03", "blasts_percent": 34}
        resources = chart(disease=disease)
        aml = only(resources, "aml")
        assert codes(aml["clinicalStatus"]) == {"relapse"}
        assert {"91861009", "C92.0"} <= codes(aml["code"])
        assert aml["onsetDateTime"] == "2025-03"
        assert len(of_profile(resources, "disease-status")) == 2

    def test_refractory_disease_is_active(self):
        aml = only(chart(disease={"diagnosis": "aml", "status": "refractory"}), "aml")
        assert codes(aml["clinicalStatus"]) == {"active"}

    def test_another_diagnosis_is_never_coded_as_aml(self):
        aml = only(chart(disease={"diagnosis": "other", "text": "biphenotypic"}), "aml")
        assert "91861009" not in codes(aml["code"])
        assert aml["code"]["text"] == "biphenotypic"

    def test_a_diagnosis_date_said_to_be_missing_leaves_its_note(self):
        disease = {"diagnosis": "aml", "diagnosed": {"not_done": "unknown", "note": "file lost"}}
        assert only(chart(disease=disease), "aml")["note"] == [{"text": "file lost"}]
        silent = {"diagnosis": "aml", "diagnosed": {"not_done": "unknown"}}
        assert "note" not in only(chart(disease=silent), "aml")

    def test_a_diagnosis_date_said_to_be_missing_keeps_its_reason(self):
        aml = only(chart(disease={"diagnosis": "aml", "diagnosed": {"not_done": "masked"}}), "aml")
        assert why(aml["_onsetDateTime"]) == "masked"
        assert "onsetDateTime" not in aml

    def test_disease_said_to_be_missing_is_told_but_claims_no_leukaemia(self):
        resources = chart(disease={"not_done": "unknown", "note": "file lost"})
        assert of_profile(resources, "aml") == []
        status = only(resources, "disease-status")
        assert (codes(status["dataAbsentReason"]), status["note"]) == ({"unknown"}, [{"text": "file lost"}])


class TestTransplant:
    def test_given_graft_is_completed_on_day_zero(self):
        graft = only(chart(), "transplant")
        assert (graft["status"], graft["performedDateTime"]) == ("completed", "2026-03-02")
        assert {"haplo-hsct", "50223000", "234336002"} <= codes(graft["code"])
        assert len(graft["extension"]) == 2

    def test_planned_graft_is_in_preparation(self):
        graft = only(chart(transplant={"date": "2027-01-02", "planned": True}), "transplant")
        assert graft["status"] == "preparation"
        assert "extension" not in graft

    def test_graft_of_a_matched_donor_is_not_called_haploidentical(self):
        graft = only(
            chart(transplant={"date": "2026-03-02", "planned": False, "donor": "matched-related"}), "transplant"
        )
        assert "haplo-hsct" not in codes(graft["code"])

    def test_cell_doses_keep_their_precision_and_belong_to_the_graft(self):
        dose = {"value": Decimal("5.10"), "unit": "10*6/kg"}
        said = {
            "date": "2026-03-02",
            "planned": False,
            "cd34_per_kg": dose,
            "cd3_per_kg": {"not_done": "not-performed"},
        }
        cd34, cd3 = of_profile(chart(transplant=said), "cell-dose")
        assert str(cd34["valueQuantity"]["value"]) == "5.10"
        assert cd34["partOf"][0]["reference"].startswith("Procedure/")
        assert codes(cd3["dataAbsentReason"]) == {"not-performed"}

    def test_graft_without_a_date_or_said_to_be_missing(self):
        undated = {"planned": True, "cd34_per_kg": {"value": 5, "unit": "10*6/kg"}}
        resources = chart(transplant=undated)
        graft = only(resources, "transplant")
        assert "performedDateTime" not in graft
        assert why(graft["_performedDateTime"]) == "temp-unknown"
        assert "effectiveDateTime" not in only(resources, "cell-dose")

    @pytest.mark.parametrize(("reason", "status"), [("not-performed", "not-done"), ("asked-unknown", "unknown")])
    def test_graft_said_to_be_missing_is_told_and_is_no_graft(self, reason, status):
        graft = only(chart(transplant={"not_done": reason, "note": "died before"}), "transplant")
        assert (graft["status"], codes(graft["statusReason"])) == (status, {reason})
        assert why(graft["_performedDateTime"]) == reason
        assert graft["note"] == [{"text": "died before"}]

    def test_donor_and_source_said_to_be_missing_are_told(self):
        said = {"planned": True, "donor": {"not_done": "unknown", "note": "search runs"}, "graft": "pbsc"}
        graft = only(chart(transplant=said), "transplant")
        assert [codes(e["valueCodeableConcept"]) for e in graft["extension"]] == [{"unknown"}, {"pbsc"}]
        assert graft["note"] == [{"text": "search runs"}]
        assert "note" not in only(chart(transplant=said | {"donor": {"not_done": "unknown"}}), "transplant")

    def test_the_graft_is_given_for_the_leukaemia_where_that_was_told(self):
        told = chart(disease={"diagnosis": "aml"})
        reason = only(told, "transplant")["reasonReference"]
        assert reason == [{"reference": f"Condition/{only(told, 'aml')['id']}"}]
        assert "reasonReference" not in only(chart(), "transplant")


class TestMeasurements:
    def test_weight_is_a_dated_vital_sign(self):
        weight = {"value": Decimal("66.50"), "unit": "kg", "date": "2026-09-01"}
        found = only(chart(visit(measurements={"weight": weight})), "body-measure")
        assert codes(found["code"]) == {"29463-7"}
        assert found["effectiveDateTime"] == "2026-09-01"
        assert str(found["valueQuantity"]["value"]) == "66.50"

    def test_weight_not_taken_at_a_visit_says_so_on_the_visit(self):
        said = {"weight": {"not_done": "not-performed", "note": "bed-bound"}, "karnofsky": 80}
        resources = chart(visit(measurements=said))
        weight = only(resources, "body-measure")
        assert weight["effectiveDateTime"] == "2026-09-02"
        assert weight["note"] == [{"text": "bed-bound"}]
        assert only(resources, "performance")["valueInteger"] == 80

    def test_karnofsky_said_to_be_missing(self):
        found = only(chart(visit(measurements={"karnofsky": {"not_done": "not-asked"}})), "performance")
        assert codes(found["dataAbsentReason"]) == {"not-asked"}

    @pytest.mark.parametrize("date", [{}, {"date": "2026-08"}, {"date": "2026"}])
    def test_a_weight_without_an_exact_day_is_kept_but_is_no_vital_sign(self, date):
        """R4 vs-1: effective[x] of a vital sign is precise to the day; a strict server refuses the whole delivery."""
        found = only(chart(measurements={"weight": {"value": 66, "unit": "kg", **date}}), "body-measure")
        assert found["code"] == {"text": "Body weight"}
        assert codes(found["category"][0]) == {"exam"}
        assert found["valueQuantity"]["value"] == 66
        assert found.get("effectiveDateTime") == date.get("date")

    def test_what_has_no_date_at_all_is_not_dated_by_us(self):
        found = only(chart(measurements={"weight": {"not_done": "unknown"}}), "body-measure")
        assert codes(found["dataAbsentReason"]) == {"unknown"}
        assert "effectiveDateTime" not in found

    def test_a_section_said_to_be_missing_is_missing_in_each_part(self):
        resources = chart(visit(measurements={"not_done": "not-performed", "note": "by telephone"}))
        found = [*of_profile(resources, "body-measure"), *of_profile(resources, "performance")]
        assert len(found) == 3
        assert all(codes(f["dataAbsentReason"]) == {"not-performed"} for f in found)
        assert all(f["note"] == [{"text": "by telephone"}] for f in found)


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


def test_sections_that_are_not_mapped_are_named_and_not_dropped():
    form = visit(
        chimerism=[{"date": "2026-09-01", "donor_percent": 99}],
        gvhd={"chronic": [{"onset": "2026-07-30", "severity": "mild", "organs": {"mouth": 1}}]},
    )
    faults = unsupported(schema.follow_up(form, AS_OF))
    assert {fault.path for fault in faults} == {"chimerism", "gvhd.chronic"}
    assert all(fault.code == "not-supported" and "not yet supported" in fault.message for fault in faults)
    assert unsupported(schema.follow_up(visit(gvhd={"not_done": "unknown"}), AS_OF)) == []


def test_the_order_of_the_visits_does_not_matter_and_everything_is_valid():
    for enrolment, forms in documents(8, random.Random(7), as_of=AS_OF):
        enrolled = schema.enrolment(enrolment, AS_OF)
        visits = [schema.follow_up(form, AS_OF) for form in forms]
        ids = Ids(COURSE)
        expected = map_course(enrolled, visits, ids)
        for shuffled in itertools.islice(itertools.permutations(visits), 6):
            assert map_course(enrolled, shuffled, ids) == expected
        assert [f for e in expected for f in validate(e.resource) if f.severity == "error"] == []


def test_every_resource_has_an_identifier_our_profile_and_our_source():
    for resource in chart(episode(grade="II", skin=3)):
        assert resource["identifier"]
        assert resource["meta"]["source"].endswith("/engraft")
        assert len(resource["meta"]["profile"]) == 1
