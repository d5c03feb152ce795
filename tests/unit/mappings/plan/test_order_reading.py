"""A MedicationRequest as drug, milligrams and days; exactly converted, or said not to be comparable."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mappings.canonicals import ATC, DEFAULT, DOSE_RATE_TYPE
from mappings.plan.order_reading import daily
from tests.lib.drafts import UCUM, dosage, draft, every_day, mass, on, read
from tests.lib.plans import a_plan

D13 = "2026-02-17"


def only(order):
    (portion,) = order.portions
    return portion


@pytest.mark.parametrize(
    ("value", "unit", "mg"),
    [
        ("350", "mg", "350"),
        ("0.35", "g", "350"),
        ("350000", "ug", "350"),
        ("0.00035", "kg", "350"),
        ("1.5", "g", "1500"),
    ],
)
def test_masses_are_converted_exactly(value, unit, mg):
    (order,) = read(draft("thiotepa", dosage(mass(value, unit), on(D13))))
    assert only(order).mg == Decimal(mg)
    assert order.gaps == ()


@pytest.mark.parametrize(
    ("amount", "gap"),
    [
        (mass("5", "mL"), "an amount in mL"),
        (mass("5", "mg/kg"), "an amount in mg/kg"),
        ({"value": 1, "unit": "tablet"}, "an amount in tablet"),
        ({"value": 5}, "an amount in no unit"),
        ({"unit": "mg", "system": UCUM, "code": "mg"}, "an amount in mg"),
        (mass("5") | {"comparator": "<"}, "an amount in mg"),
        (mass("5") | {"value": True}, "an amount in mg"),
        ({"value": 350, "unit": "mg", "system": "urn:house", "code": "mg"}, "an amount in no unit"),
        ({"value": 350, "unit": "mcg"}, "an amount in mcg"),
    ],
)
def test_what_is_no_mass_is_not_taken_for_one(amount, gap):
    (order,) = read(draft("thiotepa", dosage(amount, on(D13))))
    assert (only(order).mg, order.gaps) == (None, (gap,))


def test_a_printed_unit_counts_where_there_is_no_code():
    (order,) = read(draft("thiotepa", dosage({"value": 350, "unit": "mg"}, on(D13))))
    assert only(order).daily == 350


@pytest.mark.parametrize(
    ("dose_and_rate", "gap"),
    [
        ([], "no amount"),
        ("350 mg", "no amount"),
        ([{"rateQuantity": mass("5")}], "given as a rate"),
        ([{"rateRatio": {}, "doseQuantity": mass("5")}], "given as a rate"),
        ([{"doseRange": {"low": mass("5")}}], "a range of amounts"),
        ([{"doseQuantity": mass("5")}, {"doseQuantity": mass("6")}], "several amounts beside each other"),
    ],
)
def test_other_ways_to_say_an_amount_are_told(dose_and_rate, gap):
    (order,) = read(draft("thiotepa", {"timing": on(D13), "doseAndRate": dose_and_rate}))
    assert order.gaps == (gap,)


def test_the_calculated_amount_is_the_patients():
    def kind(code):
        return {"coding": [{"system": DOSE_RATE_TYPE, "code": code}]}

    amounts = [
        {"type": kind("ordered"), "doseQuantity": mass("5", "mg/kg")},
        {"type": kind("calculated"), "doseQuantity": mass("350")},
    ]
    (order,) = read(draft("thiotepa", {"timing": on(D13), "doseAndRate": amounts}))
    assert only(order).mg == 350


def test_what_is_left_open_is_told():
    (as_needed,) = read(draft("thiotepa", dosage(mass("350"), on(D13), asNeededBoolean=True)))
    assert (only(as_needed).daily, as_needed.gaps) == (None, ("given as needed",))
    (reason,) = read(draft("thiotepa", dosage(mass("350"), on(D13), asNeededCodeableConcept={"text": "pain"})))
    assert reason.gaps == ("given as needed",)
    (bare,) = read(draft("thiotepa", dosage(mass("350"))))
    assert bare.gaps == ("how often a day is not told", "on which days is not told")
    (empty,) = read(draft("thiotepa"))
    assert empty.gaps == ("no dosage",)
    (odd,) = read(draft("thiotepa", dosageInstruction="350 mg"))
    assert odd.gaps == ("no dosage",)


def test_portions_of_a_day_add_up():
    two = [dosage(mass("1", "g"), every_day("2026-03-08")), dosage(mass("500"), every_day("2026-03-08", "2026-03-09"))]
    (order,) = read(draft("mycophenolate", *two))
    assert daily(order.on(order.days[0])) == 1500
    assert (order.largest, order.endless, len(order.days)) == (1000, True, 2)
    assert daily([]) is None


@pytest.mark.parametrize(
    ("concept", "drug", "foreign", "name"),
    [
        ({"coding": [{"system": ATC, "code": "L01AC01"}]}, "thiotepa", False, "Thiotepa"),
        ({"coding": [{"system": ATC, "code": "N02BE01"}], "text": "Paracetamol"}, None, True, "Paracetamol"),
        (
            {"coding": [{"system": "urn:house", "code": "7", "display": "Thiotepa 100 mg"}]},
            None,
            False,
            "Thiotepa 100 mg",
        ),
        ({"text": "Thiotepa"}, None, False, "Thiotepa"),
        ({}, None, False, "a drug without a name"),
        ({"coding": "L01AC01"}, None, False, "a drug without a name"),
    ],
)
def test_a_drug_is_known_by_its_code_and_never_by_its_name(concept, drug, foreign, name):
    (order,) = read(draft("thiotepa", concept=concept or {"x": 1}))
    assert (order.drug, order.foreign, order.name) == (drug, foreign, name)


def test_a_drug_by_reference_is_looked_up():
    medication = {"resourceType": "Medication", "id": "m1", "code": {"coding": [{"system": ATC, "code": "L01AB01"}]}}
    request = draft("thiotepa") | {"medicationReference": {"reference": "Medication/m1"}}
    request.pop("medicationCodeableConcept")
    assert read(request)[0].drug is None
    assert read(request, linked={"Medication/m1": medication})[0].drug == "busulfan"
    inside = request | {"contained": [medication], "medicationReference": {"reference": "#m1"}}
    assert read(inside)[0].drug == "busulfan"


def test_the_orders_of_our_own_plan_are_read_whole():
    for order in read(*a_plan(intent="plan").orders("MedicationRequest")):
        assert order.drug is not None
        assert order.gaps == ()
        assert order.days
        assert all(portion.daily for portion in order.portions)
    (mycophenolate,) = [
        o for o in read(*a_plan(intent="plan").orders("MedicationRequest")) if o.action == "mycophenolate"
    ]
    assert (mycophenolate.most_mg, only(mycophenolate).daily, mycophenolate.endless) == (1000, 2000, True)
    assert mycophenolate.most_a_day_mg == 2000


@pytest.mark.parametrize(
    ("denominator", "most"),
    [(("d", 1), 2000), (("d", 2), None), (("wk", 1), None), (None, None)],
)
def test_a_maximum_of_another_period_than_a_day_is_not_compared(denominator, most):
    ratio = {"numerator": {"value": 2, "unit": "g"}}
    if denominator:
        ratio["denominator"] = {"value": denominator[1], "unit": denominator[0]}
    (order,) = read({"resourceType": "MedicationRequest", "dosageInstruction": [{"maxDosePerPeriod": ratio}]})
    assert order.most_a_day_mg == most


@pytest.mark.parametrize(
    "identifier",
    [
        [{"system": "urn:other", "value": "c/thiotepa/D-13"}],
        [{"system": DEFAULT.sid("request"), "value": "c"}],
        [{"system": DEFAULT.sid("request")}],
        "c/thiotepa",
    ],
)
def test_an_order_of_somebody_else_has_no_action_of_ours(identifier):
    assert read(draft("thiotepa", identifier=identifier))[0].action == ""
