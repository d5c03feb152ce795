"""What a centre says becomes FHIR that says the same: no more, no less, and missing where it is missing."""

from __future__ import annotations

import itertools
import random
from decimal import Decimal

import pytest

from mappings.facts import FollowUp, PartialDate, VitalStatus, Word
from mappings.facts.synthetic import documents
from mappings.intake import schema
from mappings.outcomes import map_course
from mappings.r4.build import Ids
from mappings.r4.validate import validate
from tests.lib.charts import AS_OF, ENROLMENT, chart, codes, episode, mapped, of_profile, only, visit, why
from tests.lib.plans import COURSE


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

    def test_cells_of_a_graft_that_lies_ahead_are_not_said_to_be_infused(self):
        ahead = {"date": "2027-03-02", "planned": True, "cd34_per_kg": {"value": 5, "unit": "10*6/kg"}}
        dose = only(chart(transplant=ahead), "cell-dose")
        assert dose["status"] == "preliminary"
        assert "effectiveDateTime" not in dose

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
        assert codes(found["code"]) == {"body-weight-undated"}
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


def test_the_order_of_the_visits_does_not_matter_and_everything_is_valid():
    for enrolment, forms in documents(8, random.Random(7), as_of=AS_OF, full=True):
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
