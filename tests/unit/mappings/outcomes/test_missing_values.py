"""A value that is said to be missing leaves FHIR that says so, and says nothing in its place."""

from __future__ import annotations

from typing import Any

import pytest

from adapter.hospital import r4_gate
from adapter.hospital.references import local_targets
from mappings.intake import schema
from mappings.outcomes import map_course
from mappings.r4 import wire
from mappings.r4.build import Ids, Resource
from mappings.r4.validate import require_valid
from tests.lib.charts import AS_OF, chart, codes, episode, of_profile, only, visit, why
from tests.lib.leaves import UNKNOWN, dotted, full, leaves, without
from tests.lib.plans import COURSE

SILENT = {"hospital_patient", "consent", "consent.status"}
"""The first names a resource of the hospital. R4 has no Consent of which the status is not known."""


def mapped(enrolment: Any, follow_up: Any) -> list[Resource]:
    facts = schema.enrolment(enrolment, AS_OF), [schema.follow_up(follow_up, AS_OF)]
    return [entry.resource for entry in map_course(*facts, Ids(COURSE))]


EXAMPLES = {kind: full(kind) for kind in ("enrolment", "follow_up")}
PLACES = [(kind, path) for kind in EXAMPLES for path in leaves(kind)]


@pytest.mark.parametrize(("kind", "path"), PLACES, ids=lambda said: dotted(said) if isinstance(said, tuple) else said)
def test_whatever_one_value_is_missing_the_course_is_r4_and_says_so(kind, path):
    documents = EXAMPLES | {kind: without(EXAMPLES[kind], path)}
    resources = mapped(documents["enrolment"], documents["follow_up"])
    names = {(resource["resourceType"], resource["id"]) for resource in resources}
    assert len(names) == len(resources)
    for resource in resources:
        require_valid(resource)
        r4_gate.read(resource)
        assert {place for place in local_targets(resource) if place[0] != "ResearchStudy"} <= names
    silent = dotted(path) in SILENT or path == ("vital_status", "cause")
    assert ("file lost" in wire.encode(resources).decode()) is not silent


class TestPatient:
    def test_birth_and_sex_have_their_reasons_and_the_notes_beside_them(self):
        patient = only(chart(birth_date=UNKNOWN, sex={"not_done": "asked-declined"}), "patient")
        assert "birthDate" not in patient
        assert patient["gender"] == "unknown", "HL7's validator refuses a gender without one of the four words"
        reason, note = patient["_birthDate"]["extension"]
        assert reason["valueCode"] == "unknown"
        assert note == {"url": "http://hl7.org/fhir/StructureDefinition/originalText", "valueString": "file lost"}
        assert why(patient["_gender"]) == "asked-declined"

    def test_an_identifier_without_its_value_keeps_its_system(self):
        said = [{"system": "urn:oid:1.2.3", "value": {"not_done": "masked"}}]
        masked = only(chart(identifiers=said), "patient")["identifier"][1]
        assert (masked["system"], why(masked["_value"])) == ("urn:oid:1.2.3", "masked")

    def test_identifiers_that_nobody_knows_are_said_so_beside_the_centres_own(self):
        own, unknown = only(chart(identifiers={"not_done": "unknown"}), "patient")["identifier"]
        assert (own["value"], why(unknown)) == ("FR-SYN/SYN-0001", "unknown")


class TestVitalStatus:
    def test_a_missing_status_asserts_neither_death_nor_life(self):
        said = {"status": UNKNOWN, "date": "2026-08-01", "cause": {"not_done": "unknown"}}
        resources = chart(visit(vital_status=said))
        assert not [key for key in only(resources, "patient") if "deceased" in key]
        status = only(resources, "vital-status")
        assert codes(status["dataAbsentReason"]) == {"unknown"}
        assert (status["effectiveDateTime"], status["note"]) == ("2026-08-01", [{"text": "file lost"}])
        assert of_profile(resources, "cause-of-death") == []

    def test_a_missing_status_undoes_no_death(self):
        dead = visit("m6", vital_status={"status": "dead", "date": "2026-08-30"})
        later = visit("m12", "2026-10-30", vital_status={"status": UNKNOWN, "date": "2026-10-30"})
        assert only(chart(dead, later), "patient")["deceasedDateTime"] == "2026-08-30"

    def test_the_missing_cause_of_somebody_alive_is_none(self):
        said = {"status": "alive", "date": "2026-09-02", "cause": {"not_done": "not-applicable"}}
        assert of_profile(chart(visit(vital_status=said)), "cause-of-death") == []


class TestConsent:
    @pytest.mark.parametrize(
        "said",
        [UNKNOWN, {"status": UNKNOWN}, {"status": {"not_done": "masked"}, "date": "2026-01-10", "registry": True}],
    )
    def test_without_a_status_is_no_consent(self, said):
        assert of_profile(chart(consent=said), "consent") == []

    def test_a_yes_on_an_unknown_day_is_a_yes_and_says_so(self):
        consent = only(chart(consent={"status": "active", "registry": True, "date": UNKNOWN}), "consent")
        assert consent["provision"]["type"] == "permit"
        assert why({"extension": consent["_dateTime"]["extension"][:1]}) == "unknown"

    def test_an_unknown_answer_on_registries_is_denied_and_told_apart_from_a_no(self):
        unknown = only(chart(consent={"status": "active", "registry": {"not_done": "not-asked"}}), "consent")
        assert (unknown["provision"]["type"], why(unknown["provision"])) == ("deny", "not-asked")
        no = only(chart(consent={"status": "active", "registry": False}), "consent")
        assert "extension" not in no["provision"]


class TestDisease:
    def test_a_missing_diagnosis_is_not_coded_and_not_confirmed(self):
        aml = only(chart(disease={"diagnosis": UNKNOWN, "status": "relapsed"}), "aml")
        assert codes(aml["code"]) == {"unknown"}
        assert aml["code"]["coding"][0]["system"].endswith("/data-absent-reason")
        assert "verificationStatus" not in aml
        assert aml["note"] == [{"text": "file lost"}]

    def test_another_diagnosis_that_nobody_explains_is_still_another_one(self):
        aml = only(chart(disease={"diagnosis": "other", "text": UNKNOWN}), "aml")
        assert codes(aml["code"]) == {"diagnosis-other"}
        assert "text" not in aml["code"]
        assert why({"extension": aml["code"]["_text"]["extension"][:1]}) == "unknown"


class TestTransplant:
    def test_a_graft_given_on_an_unknown_day_was_given(self):
        said = {"date": UNKNOWN, "planned": False, "cd34_per_kg": {"value": 5, "unit": "10*6/kg"}}
        resources = chart(transplant=said)
        graft = only(resources, "transplant")
        assert (graft["status"], why(graft["_performedDateTime"])) == ("completed", "unknown")
        assert graft["note"] == [{"text": "file lost"}]
        assert why(only(resources, "cell-dose")["_effectiveDateTime"]) == "unknown"

    @pytest.mark.parametrize("said", [{"date": UNKNOWN}, {"planned": UNKNOWN}])
    def test_where_nobody_knows_whether_it_was_given_its_status_is_unknown(self, said):
        graft = only(chart(transplant=said), "transplant")
        assert (graft["status"], codes(graft["statusReason"])) == ("unknown", {"unknown"})
        assert why(graft["_performedDateTime"]) == "unknown"
        assert graft["note"] == [{"text": "file lost"}]

    def test_a_day_without_a_status_stays(self):
        graft = only(chart(transplant={"date": "2026-03-02", "planned": UNKNOWN}), "transplant")
        assert (graft["status"], graft["performedDateTime"]) == ("unknown", "2026-03-02")


class TestMeasurements:
    @pytest.mark.parametrize("at_enrolment", [True, False])
    def test_a_weight_on_an_unknown_day_is_kept_and_is_no_vital_sign(self, at_enrolment):
        said = {"weight": {"value": 66, "unit": "kg", "date": UNKNOWN}}
        resources = chart(measurements=said) if at_enrolment else chart(visit(measurements=said))
        weight = only(resources, "body-measure")
        assert (weight["valueQuantity"]["value"], why(weight["_effectiveDateTime"])) == (66, "unknown")
        assert codes(weight["code"]) == {"body-weight-undated"}

    def test_a_weight_that_was_not_taken_keeps_the_day_on_which_it_was_not(self):
        said = {"weight": {"value": {"not_done": "not-performed"}, "unit": "kg", "date": "2026-09-01"}}
        weight = only(chart(visit(measurements=said)), "body-measure")
        assert (weight["effectiveDateTime"], codes(weight["dataAbsentReason"])) == ("2026-09-01", {"not-performed"})

    def test_an_undated_weight_does_not_replace_another_visits(self):
        one = visit("m3", "2026-06-02", measurements={"weight": {"value": 66, "unit": "kg", "date": UNKNOWN}})
        other = visit("m6", measurements={"weight": {"value": 70, "unit": "kg", "date": UNKNOWN}})
        assert len(of_profile(chart(one, other), "body-measure")) == 2


class TestEngraftment:
    def test_a_missing_status_keeps_its_date_and_claims_no_engraftment(self):
        said = {"neutrophils": {"status": UNKNOWN, "date": "2026-03-17"}}
        found = only(chart(visit(engraftment=said)), "engraftment")
        assert (codes(found["dataAbsentReason"]), found["effectiveDateTime"]) == ({"unknown"}, "2026-03-17")

    def test_counts_that_nobody_has_are_missing_for_each_line_on_the_visits_date(self):
        found = of_profile(chart(visit(engraftment={"counts": {"not_done": "not-performed"}})), "blood-count")
        assert [codes(f["dataAbsentReason"]) for f in found] == [{"not-performed"}] * 2
        assert {f["effectiveDateTime"] for f in found} == {"2026-09-02"}

    def test_a_count_on_an_unknown_day_belongs_to_its_visit(self):
        count = {"date": UNKNOWN, "platelets": {"value": 23, "unit": "10*9/L"}}
        forms = [visit("m1", "2026-04-02", engraftment={"counts": [count]}), visit(engraftment={"counts": [count]})]
        found = of_profile(chart(*forms), "blood-count")
        assert [why(f["_effectiveDateTime"]) for f in found] == ["unknown", "unknown"]
        named = [form | {"engraftment": {"counts": [count | {"id": "a"}]}} for form in forms]
        assert len(of_profile(chart(*named), "blood-count")) == 1

    @pytest.mark.parametrize(("reason", "status"), [("not-performed", "not-done"), ("unknown", "unknown")])
    def test_transfusions_that_nobody_knows_of_are_none_that_took_place(self, reason, status):
        found = only(chart(visit(engraftment={"platelet_transfusions": {"not_done": reason}})), "transfusion")
        assert (found["status"], codes(found["statusReason"])) == (status, {reason})
        assert why(found["_performedDateTime"]) == reason

    def test_a_transfusion_on_an_unknown_day_took_place(self):
        days = ["2026-03-16", {"not_done": "unknown"}, {"not_done": "unknown"}, {"not_done": "not-performed"}]
        found = of_profile(chart(visit(engraftment={"platelet_transfusions": days})), "transfusion")
        assert [f["status"] for f in found] == ["completed", "completed", "completed", "not-done"]
        assert [f.get("performedDateTime") for f in found] == ["2026-03-16", None, None, None]
        assert len({f["id"] for f in found}) == 4


class TestResponse:
    def test_a_missing_category_is_no_response(self):
        found = only(chart(visit(response={"date": "2026-08-30", "category": UNKNOWN})), "response")
        assert codes(found["dataAbsentReason"]) == {"unknown"}
        assert "valueCodeableConcept" not in found

    def test_an_assessment_on_an_unknown_day_is_each_visits_own(self):
        said = {"date": UNKNOWN, "category": "CR", "marrow_blasts_percent": 1, "mrd": {"result": "negative"}}
        resources = chart(visit("m3", "2026-06-02", response=said), visit(response=said))
        for profile in ("response", "marrow-blasts", "residual-disease"):
            assert [why(f["_effectiveDateTime"]) for f in of_profile(resources, profile)] == ["unknown", "unknown"]

    def test_result_and_method_of_residual_disease_are_missing_each_by_itself(self):
        said = {"date": "2026-08-30", "category": "CR", "mrd": {"result": "negative", "method": UNKNOWN}}
        found = only(chart(visit(response=said)), "residual-disease")
        assert (codes(found["method"]), found["note"]) == ({"unknown"}, [{"text": "file lost"}])
        assert "valueCodeableConcept" in found
        said["mrd"] = {"result": {"not_done": "not-performed"}, "method": "flow"}
        found = only(chart(visit(response=said)), "residual-disease")
        assert (codes(found["method"]), codes(found["dataAbsentReason"])) == ({"mrd-method-flow"}, {"not-performed"})

    def test_a_method_that_nobody_knows_any_more_stays_known(self):
        said = {"date": "2026-08-30", "category": "CR", "mrd": {"result": "negative", "method": "flow"}}
        again = said | {"mrd": {"result": "negative", "method": UNKNOWN}}
        found = only(chart(visit(response=said), visit("m12", "2026-10-30", response=again)), "residual-disease")
        assert codes(found["method"]) == {"mrd-method-flow"}


def test_a_panel_on_an_unknown_day_is_each_visits_own():
    panel = {"date": UNKNOWN, "cd4": {"value": 120, "unit": "/uL"}}
    forms = visit("m3", "2026-06-02", immune_reconstitution=panel), visit(immune_reconstitution=panel)
    found = of_profile(chart(*forms), "immune-subset")
    assert [why(f["_effectiveDateTime"]) for f in found] == ["unknown", "unknown"]


def test_a_component_without_a_value_does_not_undo_one():
    looked = visit("m3", "2026-06-02", gvhd={"assessed": "2026-06-01", "acute": [], "chronic": UNKNOWN})
    forgot = visit("unscheduled", "2026-06-10", gvhd={"assessed": "2026-06-01", "acute": UNKNOWN, "chronic": UNKNOWN})
    acute, chronic = only(chart(looked, forgot), "gvhd-assessment")["component"]
    if "dataAbsentReason" in acute:
        acute, chronic = chronic, acute
    assert acute["valueBoolean"] is False
    assert "valueBoolean" not in chronic


class TestAcuteGvhd:
    def test_an_episode_of_unknown_onset_is_an_episode(self):
        resources = chart(episode(onset=UNKNOWN, grade="II", skin=3, resolved="2026-05-15", treatment=["topical"]))
        condition, grade = only(resources, "acute-gvhd"), only(resources, "acute-gvhd-grade")
        assert why(condition["_onsetDateTime"]) == "unknown"
        assert condition["note"] == [{"text": "file lost"}]
        assert why(grade["effectivePeriod"]["_start"]) == "unknown"
        assert grade["effectivePeriod"]["end"] == "2026-05-15"
        assert codes(grade["valueCodeableConcept"]) == {"agvhd-2"}

    def test_without_an_onset_nobody_knows_that_two_visits_mean_the_same_episode(self):
        first, later = episode(onset=UNKNOWN, grade="III", liver=2), episode(onset=UNKNOWN, grade="I", skin=1)
        later |= {"visit": "m12", "date": "2026-10-30"}
        found = of_profile(chart(first, later), "acute-gvhd")
        assert [codes(f["stage"][0]["summary"]) for f in found] == [{"agvhd-3"}, {"agvhd-1"}]

    def test_the_centres_id_says_that_they_do(self):
        first, later = episode(id="a", onset=UNKNOWN, grade="II"), episode(id="a", resolved="2026-10-01")
        later |= {"visit": "m12", "date": "2026-10-30"}
        condition = only(chart(first, later), "acute-gvhd")
        assert (condition["onsetDateTime"], condition["abatementDateTime"]) == ("2026-04-20", "2026-10-01")
        assert codes(condition["stage"][0]["summary"]) == {"agvhd-2"}

    def test_a_course_that_nobody_knows_is_told_by_a_note(self):
        condition = only(chart(episode(grade="II", course=UNKNOWN)), "acute-gvhd")
        assert condition["note"] == [{"text": "Course of the grades not known: unknown (file lost)"}]

    def test_a_step_without_its_date_or_its_grade_is_a_step(self):
        course = [{"date": UNKNOWN, "grade": "I", "skin": 1}, {"date": "2026-04-24", "grade": UNKNOWN}]
        _, first, second = of_profile(chart(episode(grade="II", course=course)), "acute-gvhd-grade")
        if "effectiveDateTime" in first:
            first, second = second, first
        assert (why(first["_effectiveDateTime"]), codes(first["valueCodeableConcept"])) == ("unknown", {"agvhd-1"})
        assert (second["effectiveDateTime"], codes(second["dataAbsentReason"])) == ("2026-04-24", {"unknown"})

    def test_treated_with_what_nobody_knows_is_treated(self):
        resources = chart(episode(treatment=["topical", UNKNOWN]))
        topical, other = only(resources, "gvhd-treatment")["component"]
        assert "valueCodeableConcept" in topical
        assert codes(other["dataAbsentReason"]) == {"unknown"}


def told(*courses: Any) -> list[Resource]:
    """One episode, its course told anew at each visit; the Observations of its steps."""
    names = zip(("m3", "m6", "m12"), ("2026-06-02", "2026-09-02", "2026-10-30"), strict=True)
    forms = [
        visit(name, date, gvhd={"acute": [{"onset": "2026-04-20", "course": course}]})
        for (name, date), course in zip(names, courses, strict=False)
    ]
    return of_profile(chart(*forms), "acute-gvhd-grade")


class TestCourseToldAgain:
    def test_the_day_of_a_grade_that_becomes_known_fills_the_gap(self):
        (step,) = told([{"date": UNKNOWN, "grade": "II", "skin": 3}], [{"date": "2026-04-24", "grade": "II"}])
        assert (step["effectiveDateTime"], len(step["component"])) == ("2026-04-24", 1)

    def test_the_day_of_a_grade_that_nobody_knows_any_more_stays(self):
        (step,) = told([{"date": "2026-04-24", "grade": "II"}], [{"date": UNKNOWN, "grade": "II", "skin": 3}])
        assert (step["effectiveDateTime"], len(step["component"])) == ("2026-04-24", 1)

    def test_a_step_of_the_same_day_goes_before_one_of_the_same_grade(self):
        first = [{"date": UNKNOWN, "grade": "II"}, {"date": "2026-04-24", "grade": "I"}]
        steps = told(first, [{"date": "2026-04-24", "grade": "II", "skin": 3}])
        assert sorted(step.get("effectiveDateTime", "unknown") for step in steps) == ["2026-04-24", "unknown"]

    def test_a_course_that_becomes_known_is_told(self):
        assert len(told(UNKNOWN, [{"date": "2026-04-24", "grade": "II"}], UNKNOWN)) == 1
        assert told(UNKNOWN, []) == []
