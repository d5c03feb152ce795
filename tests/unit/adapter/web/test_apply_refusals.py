"""What `$apply` refuses, by the name of the parameter that is wrong or missing."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mappings.r4.wire import decode
from tests.lib.forms import ENROLMENT
from tests.unit.adapter.web.applying import (
    ADA,
    BEA,
    FACTS,
    PLAN,
    ask,
    measured,
    named,
    parameters,
    weight,
)


def quantity(value, unit="kg"):
    return {"valueQuantity": {"value": value, "unit": unit}}


WRONG = [
    ("day-zero", {"valueDate": "02/03/2026"}),
    ("day-zero", {"valueDate": "2026-02-30"}),
    ("day-zero", {"valueDate": "2026-03"}),
    ("day-zero", {"valueString": "2026-03-02"}),
    ("day-zero", {"valueDate": "2026-03-02", "valueString": "x"}),
    ("weight", quantity(0)),
    ("weight", quantity(-5)),
    ("weight", quantity(700)),
    ("weight", {"valueString": "70 kg"}),
    ("weight", {"valueDecimal": 70}),
    ("weight", quantity("70")),
    ("weight", quantity(True)),
    ("weight", quantity(70, "[lb_av]")),
    ("weight", {"valueQuantity": {"value": 70}}),
    ("weight", {"valueQuantity": {"value": 70, "comparator": "<", "unit": "kg"}}),
    ("weight", {"valueQuantity": {"value": 70, "system": "urn:x", "code": "kg"}}),
    ("height", quantity(Decimal("1.75"), "cm")),
    ("height", quantity(Decimal("1.75"), "m")),
    ("weight-date", {"valueDate": "yesterday"}),
    ("bsa-formula", {"valueCode": "haycock"}),
    ("bsa-formula", {"valueString": "mosteller"}),
    ("draft", {"valueString": "true"}),
    ("centre", {"valueCode": "FR-037"}),
    ("dose", quantity(1)),
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=[f"{name} {value}" for name, value in WRONG])
def test_a_wrong_fact_is_refused_by_its_name(ward, name, value):
    before = ward.counts()
    answer = ask(ward, parameters(facts=FACTS | {name: value}))
    assert (answer.status_code, named(answer)) == (422, [name])
    assert ward.counts() == before


@pytest.mark.parametrize("missing", ["day-zero", "weight", "height"])
def test_a_missing_fact_is_refused_by_its_name(ward, missing):
    answer = ask(ward, parameters(facts={name: value for name, value in FACTS.items() if name != missing}))
    assert (answer.status_code, named(answer)) == (422, [missing])


def test_every_fault_is_told_at_once(ward):
    facts = {"day-zero": {"valueDate": "x"}, "weight": {"valueString": "x"}, "colour": {"valueString": "x"}}
    answer = ask(ward, parameters("Group/g", facts=facts))
    assert sorted(named(answer)) == ["colour", "day-zero", "subject", "weight"]


@pytest.mark.parametrize(
    ("document", "status", "name"),
    [
        (parameters("Group/g"), 422, "subject"),
        (parameters("ada"), 422, "subject"),
        (parameters("Patient/ada", "Patient/ada"), 422, "subject"),
        ({"resourceType": "Parameters"}, 400, "subject"),
        ({"resourceType": "Parameters", "parameter": [{"valueString": "x"}]}, 400, "parameter.name"),
        ({"resourceType": "Patient"}, 422, "Parameters"),
        ([], 422, "Parameters"),
        (parameters(practitioner={"valueString": "Practitioner/1"}), 422, "practitioner"),
        (parameters(url={"valueUri": "x"}), 422, "url"),
        (parameters(useServerData={"valueString": "no"}), 422, "useServerData"),
        (parameters(data=[ADA, weight("ada", "70", "2026")]), 422, "weight"),
        (parameters(data=[ADA, weight("ada", "70", "2026-13-01")]), 422, "weight"),
        (parameters(data=[ADA, measured("ada", "29463-7", "70", "g")]), 422, "weight"),
    ],
)
def test_a_wrong_call_is_refused_by_the_name_of_its_parameter(ward, document, status, name):
    answer = ask(ward, document)
    assert answer.status_code == status
    assert name in named(answer)


def test_a_parameter_given_twice_is_refused(ward):
    document = parameters()
    document["parameter"].append(document["parameter"][1])
    answer = ask(ward, document)
    assert (answer.status_code, named(answer)) == (422, ["parameters"])


def test_parameters_and_data_are_resources_of_their_type(ward):
    document = parameters(data=(), facts={})
    document["parameter"] += [{"name": "data", "valueString": "x"}, {"name": "parameters", "resource": {}}]
    assert named(ask(ward, document)) == ["parameters", "data"]


def test_who_asks_for_leniency_may_name_what_changes_nothing(ward):
    document = parameters(practitioner={"valueString": "Practitioner/1"})
    for said in ("handling=lenient", "HANDLING=Lenient", 'return=minimal; handling="lenient"'):
        assert ask(ward, document, headers={"Prefer": said}).status_code == 200


def test_a_subject_nobody_knows_is_missing(ward):
    answer = ask(ward, parameters(data=()))
    assert (answer.status_code, named(answer)) == (404, ["subject"])


def born(date):
    return {"resource": ADA["resource"] | {"birthDate": date}}


@pytest.mark.parametrize("date", ["2026-03-03", "2027", "2026-04"])
@pytest.mark.parametrize("draft", [{}, {"draft": {"valueBoolean": True}}], ids=["plan", "draft"])
def test_nobody_is_transplanted_before_birth(ward, date, draft):
    answer = ask(ward, parameters(facts=FACTS | draft, data=(born(date),)))
    assert (answer.status_code, named(answer)) == (422, ["day-zero"])


@pytest.mark.parametrize("date", ["2026-02-17", "2026-02", "2026", "1971-05-02"])
def test_what_may_be_a_birth_before_the_first_dose_is_taken(ward, date):
    assert ask(ward, parameters(data=(born(date),))).status_code == 200


@pytest.mark.parametrize("date", ["02/05/1971", "1971-02-30", 1971, ""])
def test_a_birth_date_that_is_none_is_refused(ward, date):
    answer = ask(ward, parameters(data=(born(date),)))
    assert (answer.status_code, named(answer)) == (422, ["data"])


def test_an_enrolled_patient_is_not_transplanted_before_birth_either(ward):
    ward.ask("POST", "/enrolments", document=ENROLMENT)
    (entry,) = decode(ward.ask("GET", "/fhir/Patient", "ehr").data)["entry"]
    subject = f"Patient/{entry['resource']['id']}"
    early = FACTS | {"day-zero": {"valueDate": "1971-05-01"}}
    answer = ask(ward, parameters(subject, facts=early, data=()))
    assert (answer.status_code, named(answer)) == (422, ["day-zero"])


def test_a_subject_may_be_given_as_a_reference(ward):
    document = parameters()
    document["parameter"][0] = {"name": "subject", "valueReference": {"reference": "Patient/ada"}}
    assert ask(ward, document).status_code == 200


@pytest.mark.parametrize(
    ("query", "name"),
    [("subject=Patient/x&weight=70", "weight"), ("", "subject"), ("subject=x", "subject")],
)
def test_get_takes_an_enrolled_subject_and_nothing_else(ward, query, name):
    answer = ward.ask("GET", f"{PLAN}/$apply?{query}", "ehr")
    assert answer.status_code in (400, 422)
    assert named(answer) == [name]


def test_a_number_of_thousands_of_digits_is_refused_and_not_our_fault(ward):
    answer = ask(ward, parameters(facts=FACTS | {"height": quantity(Decimal("175." + "1" * 5000), "cm")}))
    assert answer.status_code == 400


def test_a_measure_of_unknown_age_doses_nobody(ward):
    told = {"value": 70, "unit": "kg", "date": "2025"}
    document = ENROLMENT | {"measurements": ENROLMENT["measurements"] | {"weight": told}}
    (patient,) = [
        one for one in decode(ward.ask("POST", "/enrolments", document=document).data)["resources"] if "Patient" in one
    ]
    by_query = ward.ask("GET", f"{PLAN}/$apply?subject={patient}", "ehr")
    assert (by_query.status_code, named(by_query)) == (422, ["weight"])
    newer = {"weight": FACTS["weight"], "weight-date": {"valueDate": "2026-02-10"}}
    assert ask(ward, parameters(patient, facts=newer, data=())).status_code == 200
    assert ask(ward, parameters(patient, facts={"draft": {"valueBoolean": True}}, data=())).status_code == 200


@pytest.mark.parametrize(
    ("patient", "name"),
    [
        ({"deceasedBoolean": True}, "subject"),
        ({"deceasedDateTime": "2026-02-20"}, "day-zero"),
        ({"birthDate": "2026-02-20"}, "day-zero"),
        ({"birthDate": "1850-05-02"}, "birth-date"),
    ],
)
def test_nobody_is_dosed_outside_of_a_life(ward, patient, name):
    data = [{"resource": ADA["resource"] | patient}, BEA_IS_DEAD]
    answer = ask(ward, parameters(data=data))
    assert (answer.status_code, named(answer)) == (422, [name])


BEA_IS_DEAD = {"resource": {"resourceType": "Patient", "id": "bea", "deceasedBoolean": True}}


def test_who_is_said_to_live_or_is_not_asked_for_stands_in_nobodys_way(ward):
    alive = {"resource": ADA["resource"] | {"deceasedBoolean": False}}
    assert ask(ward, parameters(data=[alive, BEA_IS_DEAD])).status_code == 200


def test_a_patient_told_twice_is_told_alike(ward):
    assert ask(ward, parameters(data=[ADA, ADA])).status_code == 200
    answer = ask(ward, parameters(data=[ADA, {"resource": ADA["resource"] | {"birthDate": "1971"}}]))
    assert (answer.status_code, named(answer)) == (422, ["data"])


@pytest.mark.parametrize("status", ["registered", "preliminary", "cancelled", "entered-in-error", "unknown"])
def test_no_dose_is_reckoned_by_an_observation_that_does_not_stand(ward, status):
    facts = {name: FACTS[name] for name in ("day-zero", "height")}
    answer = ask(ward, parameters(facts=facts, data=[ADA, weight("ada", "70", status=status)]))
    assert (answer.status_code, named(answer)) == (422, ["weight"])
    answer = ask(ward, parameters(facts=facts, data=[ADA, weight("ada", "70"), weight("ada", "71", status=status)]))
    assert answer.status_code == 200


@pytest.mark.parametrize("status", ["done", None])
def test_a_status_that_r4_does_not_know_is_refused(ward, status):
    answer = ask(ward, parameters(data=[ADA, weight("ada", "70", status=status)]))
    assert (answer.status_code, named(answer)) == (422, ["weight"])


@pytest.mark.parametrize("name", ["weight", "height"])
def test_a_day_of_a_measure_that_is_not_there_is_refused(ward, name):
    facts = {key: value for key, value in FACTS.items() if key != name} | {f"{name}-date": {"valueDate": "2026-02-10"}}
    data = [ADA, weight("ada", "70"), measured("ada", "8302-2", "175", "cm")]
    answer = ask(ward, parameters(facts=facts, data=data))
    assert (answer.status_code, named(answer)) == (422, [f"{name}-date"])


def test_whose_measure_is_missing_is_told(ward):
    data = [ADA, BEA, weight("ada", "70"), measured("ada", "8302-2", "175", "cm"), weight("bea", "50")]
    several = parameters("Patient/ada", "Patient/bea", facts={"day-zero": FACTS["day-zero"]}, data=data)
    answer = ask(ward, several, f"{PLAN}/$r5.apply")
    assert (answer.status_code, named(answer)) == (422, ["height"])
    assert "Patient/bea" in decode(answer.data)["issue"][0]["diagnostics"]


def test_another_plan_is_not_answered_with_ours(ward):
    ours = decode(ward.ask("GET", PLAN, "ehr").data)
    answer = ask(ward, parameters(planDefinition={"resource": ours}), "/fhir/PlanDefinition/$apply")
    assert answer.status_code == 200
    altered = ours | {"action": ours["action"][:1]}
    answer = ask(ward, parameters(planDefinition={"resource": altered}), "/fhir/PlanDefinition/$apply")
    assert (answer.status_code, named(answer)) == (422, ["planDefinition"])
    assert "its action is not" in decode(answer.data)["issue"][0]["diagnostics"]
