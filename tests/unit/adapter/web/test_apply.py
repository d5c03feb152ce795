"""`$apply` over HTTP: what goes in by which name, what comes out, and what is refused by the name of its parameter."""

from __future__ import annotations

from decimal import Decimal

import pytest

from adapter.web import apply
from mappings.plan.recheck import Disagreement
from mappings.r4.validate import validate
from mappings.r4.wire import decode, encode
from tests.lib.forms import ENROLMENT
from tests.unit.adapter.web.applying import (
    ADA,
    BEA,
    FACTS,
    PLAN,
    amounts,
    ask,
    enrolled,
    height,
    named,
    parameters,
    weight,
)


def test_a_stranger_brought_along_gets_a_dated_and_dosed_plan_and_nothing_is_stored(ward):
    before = ward.counts()
    answer = ask(ward, parameters())
    assert answer.status_code == 200
    plan = decode(answer.data)
    assert (plan["resourceType"], plan["status"], plan["intent"]) == ("CarePlan", "active", "proposal")
    assert plan["subject"] == {"reference": "Patient/ada"}
    assert plan["period"]["start"] == "2026-02-17"
    assert amounts(plan)["thiotepa"] == 350
    assert amounts(plan)["mycophenolate"] == 1000
    assert [fault for fault in validate(plan) if fault.severity == "error"] == []
    assert ward.counts() == before


def test_the_same_question_has_the_same_answer(ward):
    assert ask(ward, parameters()).data == ask(ward, parameters()).data


def test_r5_apply_answers_a_transaction_of_stand_alone_resources(ward):
    bundle = decode(ask(ward, parameters(), f"{PLAN}/$r5.apply").data)
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "transaction")
    for entry in bundle["entry"]:
        resource = entry["resource"]
        assert entry["request"] == {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"}
        assert "contained" not in resource
    assert amounts(bundle)["thiotepa"] == 350


def test_the_latest_sound_measures_of_the_data_are_taken(ward):
    data = [
        ADA,
        weight("ada", "60", "2026-02-11T08:00:00+01:00"),
        weight("ada", "90", "2026-01-01"),
        weight("ada", "99", "2026-02-20", status="entered-in-error"),
        weight("bea", "50", "2026-02-21"),
        height("ada", "175"),
        {"resource": {"resourceType": "Observation", "status": "final", "code": {"text": "mood"}}},
        {"fullUrl": "urn:uuid:1"},
    ]
    day_zero = {"day-zero": FACTS["day-zero"]}
    assert amounts(decode(ask(ward, parameters(facts=day_zero, data=data)).data))["thiotepa"] == 300
    newer = {"weight": FACTS["weight"], "weight-date": {"valueDate": "2026-02-12"}} | day_zero
    assert amounts(decode(ask(ward, parameters(facts=newer, data=data)).data))["thiotepa"] == 350


@pytest.mark.parametrize(
    ("told", "data"),
    [
        ({}, [weight("ada", "70", "2026-02-10"), weight("ada", "71", "2026-02-10")]),
        ({}, [weight("ada", "70", "2026-02-10"), weight("ada", "154", "2026-02-12")]),
        ({"weight": FACTS["weight"]}, [weight("ada", "60", "2026-02-11")]),
        ({"weight": FACTS["weight"], "weight-date": {"valueDate": "2026-02-11"}}, [weight("ada", "60", "2026-02-11")]),
    ],
)
def test_measurements_that_disagree_are_refused(ward, told, data):
    facts = {"day-zero": FACTS["day-zero"], "height": FACTS["height"]} | told
    answer = ask(ward, parameters(facts=facts, data=[ADA, *data]))
    assert answer.status_code == 422
    assert named(answer) == ["weight"]
    assert "disagree" in answer.text


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"weight-date": {"valueDate": "2026-02-02"}}, "weight"),
        ({"weight-date": {"valueDate": "2026-12-24"}}, "weight"),
        ({"height-date": {"valueDate": "2025-02-02"}}, "height"),
        ({"height": {"valueQuantity": {"value": Decimal("1.75"), "unit": "cm"}}}, "height"),
        ({"weight": {"valueQuantity": {"value": 154, "unit": "lb"}}}, "weight"),
        ({"weight": {"valueQuantity": {"value": 300, "unit": "kg"}}}, "weight"),
    ],
)
def test_a_stale_or_implausible_measure_is_refused_by_name(ward, changed, fault):
    answer = ask(ward, parameters(facts=FACTS | changed))
    assert answer.status_code == 422
    assert named(answer) == [fault]


@pytest.mark.parametrize("said", [{"birthDate": "2026-03-03"}, {"deceasedDateTime": "2026-02-01"}])
def test_day_zero_lies_within_the_life_of_the_patient(ward, said):
    answer = ask(ward, parameters(data=[{"resource": ADA["resource"] | said}]))
    assert answer.status_code == 422
    assert named(answer) == ["day-zero"]


def test_an_order_points_to_the_observations_that_were_sent(ward):
    data = [ADA, weight("ada", "70", id="w1"), height("ada", "175", id="h1")]
    plan = decode(ask(ward, parameters(facts={"day-zero": FACTS["day-zero"]}, data=data)).data)
    orders = [one for one in plan["contained"] if one["resourceType"] == "MedicationRequest"]
    told = {
        one["reference"] for order in orders for one in order["supportingInformation"] if "#" not in one["reference"]
    }
    assert told == {"Observation/w1", "Observation/h1"}
    (origin,) = [one for one in plan["contained"] if one["resourceType"] == "Provenance"]
    assert origin["recorded"].startswith("2026-")


def test_the_answer_of_a_disagreeing_recheck_is_our_fault_and_carries_no_plan(ward, monkeypatch):
    def disagree(*_):
        raise Disagreement(["thiotepa on day -13: 3500 mg a dose stands there, 350 mg was reckoned again"])

    monkeypatch.setattr("mappings.plan.recheck.require_agreement", disagree)
    answer = ask(ward, parameters())
    assert answer.status_code == 500
    outcome = decode(answer.data)
    assert outcome["resourceType"] == "OperationOutcome"
    assert "3500 mg a dose stands there, 350 mg was reckoned again" in outcome["issue"][0]["diagnostics"]


def test_nor_is_anything_stored_of_a_course_that_disagrees(ward, monkeypatch):
    def disagree(*_):
        raise Disagreement(["thiotepa on day -13: 3500 mg a dose stands there, 350 mg was reckoned again"])

    monkeypatch.setattr("mappings.plan.recheck.require_agreement", disagree)
    assert ward.ask("POST", "/enrolments", document=ENROLMENT).status_code == 500
    assert set(ward.counts().values()) == {0}


def test_an_enrolled_subject_needs_no_more_than_its_name(ward):
    patient = enrolled(ward)
    for answer in (
        ward.ask("GET", f"{PLAN}/$apply?subject={patient}", "ehr"),
        ask(ward, parameters(patient, facts={}, data=())),
    ):
        plan = decode(answer.data)
        assert (plan["resourceType"], plan["status"]) == ("CarePlan", "active")
        assert amounts(plan)["thiotepa"] == 350
    bundle = decode(ward.ask("GET", f"{PLAN}/$r5.apply?subject={patient}", "ehr").data)
    assert bundle["type"] == "transaction"


def test_a_whole_url_of_this_server_names_a_subject_too(ward):
    assert ask(ward, parameters("https://engraft.test/fhir/Patient/ada")).data == ask(ward, parameters()).data
    assert ask(ward, parameters("https://elsewhere.test/fhir/Patient/ada")).status_code == 422


def test_an_enrolled_subjects_orders_have_the_ids_of_its_course(ward):
    patient = enrolled(ward)
    proposed = decode(ask(ward, parameters(patient, facts={}, data=()), f"{PLAN}/$r5.apply").data)
    stored = decode(ward.ask("GET", f"/fhir/MedicationRequest?patient={patient}", "ehr").data)
    ids = {e["resource"]["id"] for e in proposed["entry"] if e["resource"]["resourceType"] == "MedicationRequest"}
    assert ids == {entry["resource"]["id"] for entry in stored["entry"]}
    assert len(ids) > 10


def test_a_fact_that_is_named_goes_before_the_enrolments(ward):
    patient = enrolled(ward)
    lighter = {"weight": {"valueQuantity": {"value": 60, "code": "kg"}}}
    assert amounts(decode(ask(ward, parameters(patient, facts=lighter, data=())).data))["thiotepa"] == 300


def test_what_the_server_knows_may_be_left_aside(ward):
    patient = enrolled(ward)
    alone = {"useServerData": {"valueBoolean": False}}
    assert ask(ward, parameters(patient, facts={}, data=(), **alone)).status_code == 404
    brought = {"resource": {"resourceType": "Patient", "id": patient.removeprefix("Patient/")}}
    answer = ask(ward, parameters(patient, facts={}, data=[brought], **alone))
    assert named(answer) == ["day-zero", "weight", "height"]


@pytest.mark.parametrize("who", ["other-ehr", "other-centre"])
def test_another_centres_patient_is_as_unknown_as_nobody(ward, who):
    patient = enrolled(ward)
    there = ward.ask("GET", f"{PLAN}/$apply?subject={patient}", who)
    nowhere = ward.ask("GET", f"{PLAN}/$apply?subject=Patient/nobody", who)
    assert there.status_code == nowhere.status_code == 404
    assert there.data == nowhere.data


def test_a_draft_carries_no_dose_and_says_so(ward):
    draft = {"draft": {"valueBoolean": True}}
    plan = decode(ask(ward, parameters(facts=draft)).data)
    assert plan["status"] == "draft"
    assert "DRAFT" in plan["title"]
    assert amounts(plan) == {}


def test_the_surface_may_be_reckoned_by_du_bois(ward):
    dubois = FACTS | {"bsa-formula": {"valueCode": "dubois"}, "centre": {"valueString": "FR-037"}}
    assert amounts(decode(ask(ward, parameters(facts=dubois)).data)) != amounts(decode(ask(ward, parameters()).data))


def test_another_centre_is_not_applied_for(ward):
    assert ask(ward, parameters(facts=FACTS | {"centre": {"valueString": "BE-001"}})).status_code == 403


def test_several_subjects_get_a_bundle_each(ward):
    data = [
        ADA,
        BEA,
        *(
            make(p, v)
            for p, w, h in (("ada", "70", "175"), ("bea", "50", "160"))
            for make, v in ((weight, w), (height, h))
        ),
    ]
    several = parameters("Patient/ada", "Patient/bea", facts={"day-zero": FACTS["day-zero"]}, data=data)
    answer = decode(ask(ward, several, f"{PLAN}/$r5.apply").data)
    assert answer["resourceType"] == "Parameters"
    assert [one["name"] for one in answer["parameter"]] == ["return", "return"]
    assert [amounts(one["resource"])["thiotepa"] for one in answer["parameter"]] == [350, 250]
    refused = ask(ward, several)
    assert (refused.status_code, named(refused)) == (422, ["subject"])
    assert decode(refused.data)["issue"][0]["code"] == "not-supported"


def test_one_weight_is_not_for_several_subjects(ward):
    answer = ask(ward, parameters("Patient/ada", "Patient/bea", data=[ADA, BEA]), f"{PLAN}/$r5.apply")
    assert (answer.status_code, named(answer)) == (422, ["weight", "height"])


URL = "https://engraft.example/fhir/PlanDefinition/set-haplo-pdli"


@pytest.mark.parametrize(
    "plan",
    [
        {"url": {"valueUri": URL}},
        {"url": {"valueString": f"{URL}|0.1.0"}},
        {"canonical": {"valueCanonical": URL}, "version": {"valueString": "0.1.0"}},
        {"planDefinition": {"resource": {"resourceType": "PlanDefinition", "id": "set-haplo-pdli"}}},
        {"planDefinition": {"resource": {"resourceType": "PlanDefinition", "url": URL, "version": "0.1.0"}}},
    ],
)
def test_at_type_level_the_plan_is_named(ward, plan):
    answer = ask(ward, parameters(**plan), "/fhir/PlanDefinition/$apply")
    assert answer.status_code == 200
    assert decode(answer.data)["resourceType"] == "CarePlan"


@pytest.mark.parametrize(
    ("plan", "name"),
    [
        ({}, "planDefinition"),
        ({"url": {"valueUri": "https://elsewhere.example/PlanDefinition/x"}}, "planDefinition"),
        ({"url": {"valueUri": f"{URL}|9.9.9"}}, "version"),
        ({"planDefinition": {"resource": {"resourceType": "Patient"}}}, "planDefinition"),
    ],
)
def test_a_plan_that_is_not_served_is_refused(ward, plan, name):
    answer = ask(ward, parameters(**plan), "/fhir/PlanDefinition/$apply")
    assert answer.status_code == 422
    assert name in named(answer)


def test_an_unknown_plan_is_missing(ward):
    assert ask(ward, parameters(), "/fhir/PlanDefinition/nothing/$apply").status_code == 404


def test_a_plan_of_ours_that_is_not_valid_is_our_fault_and_never_sent(ward, monkeypatch):
    from mappings.r4.faults import Fault

    monkeypatch.setattr(apply, "validate", lambda _: [Fault("CarePlan", "is broken")])
    assert ask(ward, parameters()).status_code == 500


def test_a_body_of_another_kind_is_refused(ward):
    answer = ward.ask("POST", f"{PLAN}/$apply", "ehr", data=encode(parameters()), content_type="application/xml")
    assert answer.status_code == 415


def test_a_patient_of_another_document_has_no_facts(ward):
    """A Patient that is stored without an enrolment is known, and everything about it has to be said."""
    ward.put({"resourceType": "Patient", "id": "lone"})
    assert named(ask(ward, parameters("Patient/lone", facts={}, data=()))) == ["day-zero", "weight", "height"]
    assert ask(ward, parameters("Patient/lone", data=())).status_code == 200
