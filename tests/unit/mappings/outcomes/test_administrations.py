"""Doses as given: the drug, the amount as written, and the order by its name and never by its place."""

from __future__ import annotations

from decimal import Decimal

import pytest

from adapter.hospital import r4_gate
from mappings.r4.validate import validate
from tests.lib.charts import chart, codes, mapped, of_profile, only, visit, why
from tests.lib.plans import a_plan

D_MINUS_13 = {"action": "thiotepa", "day": "D-13", "date": "2026-02-17", "given": {"value": 350, "unit": "mg"}}


def doses(*said, name="m1", date="2026-04-02"):
    return of_profile(chart(visit(name, date, administrations=list(said))), "administration")


def dose(**said):
    """The thiotepa of D-13, with other values or (None) without them."""
    (found,) = doses({key: value for key, value in (D_MINUS_13 | said).items() if value is not None})
    return found


def test_a_dose_is_completed_on_its_day_with_what_was_given():
    found = dose(given={"value": Decimal("350.50"), "unit": "mg"})
    assert (found["status"], found["effectiveDateTime"]) == ("completed", "2026-02-17")
    assert "L01AC01" in codes(found["medicationCodeableConcept"])
    assert str(found["dosage"]["dose"]["value"]) == "350.50"
    assert found["dosage"]["dose"]["code"] == "mg"


COURSE = only(chart(), "transplant")["identifier"][0]["value"].split("/")[0]
ORDERS = {
    (order["resourceType"], order["identifier"][0]["value"])
    for order in a_plan(intent="plan", course=COURSE).applied.resources
}
"""Type and identifier of every order of the regimen of the course that `chart` maps."""


@pytest.mark.parametrize(
    ("action", "day", "order"),
    [
        ("thiotepa", "D-13", "thiotepa/D-13"),
        ("cyclophosphamide", "D-10", "cyclophosphamide/D-10"),
        ("ptcy", "D+5", "ptcy/D5"),
        ("ciclosporin", "D+20", "ciclosporin/D6"),
        ("mycophenolate", None, "mycophenolate/D6"),
        ("thiotepa", None, "thiotepa/D-13"),
    ],
)
def test_it_names_its_order_as_the_regimen_does(action, day, order):
    request = dose(action=action, day=day)["request"]
    assert request["identifier"]["value"] == f"{COURSE}/{order}"
    assert (request["type"], request["identifier"]["value"]) in ORDERS


def test_an_order_is_never_pointed_at():
    """Orders are pulled and not delivered: a hospital that keeps referential integrity would refuse the dose."""
    assert "reference" not in dose()["request"]


@pytest.mark.parametrize("day", [None, "D-2", {"not_done": "unknown"}])
def test_which_of_several_days_it_was_is_not_guessed(day):
    """Not from its date either: day zero may have moved since."""
    found = dose(action="cyclophosphamide", day=day, date="2026-02-18")
    assert "request" not in found
    (definition,) = found["instantiates"]
    assert definition.endswith("/ActivityDefinition/set-haplo-pdli-cyclophosphamide|0.1.0")


def test_the_same_drug_in_two_lines_is_told_apart():
    before, after = doses(
        {"action": "cyclophosphamide", "date": "2026-02-18"}, {"action": "ptcy", "date": "2026-03-05"}
    )
    assert codes(before["medicationCodeableConcept"]) == codes(after["medicationCodeableConcept"])
    assert before["instantiates"] != after["instantiates"]


def test_an_amount_that_is_not_exact_is_told_in_words():
    """R4 sqty-1: a dose has no comparator."""
    found = dose(given={"value": 350, "unit": "mg", "comparator": "<"})
    assert "dosage" not in found
    assert found["note"] == [{"text": "Given: < 350 mg"}]


def test_an_amount_said_to_be_missing():
    found = dose(given={"not_done": "unknown", "note": "chart lost"})
    assert found["status"] == "completed"
    assert why(found["dosage"]["dose"]) == "unknown"
    assert found["note"] == [{"text": "chart lost"}]
    assert "dosage" not in dose(given=None)


def test_a_dose_that_was_not_performed_was_not_given():
    found = dose(given={"not_done": "not-performed", "note": "fever"})
    assert (found["status"], codes(found["statusReason"][0])) == ("not-done", {"not-performed"})
    assert "dosage" not in found
    assert found["note"] == [{"text": "fever"}]


def test_what_was_given_and_when_may_be_missing():
    unknown = {"not_done": "unknown", "note": "chart lost"}
    found = dose(action=unknown, date=unknown, day=unknown)
    assert codes(found["medicationCodeableConcept"]) == {"unknown"}
    assert why(found["effectivePeriod"]) == "unknown"
    assert not {"request", "instantiates"} & set(found)
    assert len(found["note"]) == 3
    assert [fault for fault in validate(found) if fault.severity == "error"] == []
    r4_gate.read(found)


def test_a_dose_told_again_is_the_same_dose():
    again = {"action": "thiotepa", "date": "2026-02-17", "given": {"not_done": "unknown"}}
    entries = mapped(
        visit("m1", "2026-04-02", administrations=[D_MINUS_13]), visit("m3", "2026-06-02", administrations=[again])
    )
    (found,) = [e for e in entries if e.resource["resourceType"] == "MedicationAdministration"]
    assert found.resource["dosage"]["dose"]["value"] == 350
    assert len(found.sources) == 2


def test_a_section_said_to_be_missing():
    found = only(chart(visit(administrations={"not_done": "not-asked", "note": "paper"})), "administration-report")
    assert (codes(found["dataAbsentReason"]), found["effectiveDateTime"]) == ({"not-asked"}, "2026-09-02")
    assert found["note"] == [{"text": "paper"}]


def test_a_drug_that_the_protocol_does_not_have_is_told_by_its_words(monkeypatch):
    monkeypatch.setattr("mappings.outcomes.administrations.line_of", lambda *_: None)
    found = dose()
    assert found["medicationCodeableConcept"] == {"text": "thiotepa"}
    assert "request" not in found


def test_a_dose_of_which_the_month_is_known_is_of_that_month():
    found = dose(date="2026-02")
    assert (found["effectiveDateTime"], found["request"]["identifier"]["value"]) == (
        "2026-02",
        f"{COURSE}/thiotepa/D-13",
    )
    assert validate(found) == []


def test_doses_of_one_month_are_told_apart_by_the_days_of_the_protocol():
    told = [{"action": "etoposide", "day": f"D-{day}", "date": "2026-02"} for day in (12, 11, 10)]
    assert len({found["id"] for found in doses(*told)}) == 3
    again = [visit("m1", "2026-04-02", administrations=told[:1]), visit("m3", "2026-06-02", administrations=told[1:2])]
    assert len(of_profile(chart(*again), "administration")) == 2
