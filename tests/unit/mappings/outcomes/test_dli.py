"""Donor lymphocytes: given with their cells, or withheld with the reason; each named by its order in the regimen."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.lib.charts import chart, codes, of_profile, only, visit, why
from tests.lib.plans import a_plan

CELLS = {"value": Decimal("0.10"), "unit": "10*6/kg"}
COURSE = only(chart(), "transplant")["identifier"][0]["value"].split("/")[0]
ORDERS = {
    (order["resourceType"], order["identifier"][0]["value"])
    for order in a_plan(intent="plan", course=COURSE).applied.resources
}


def procedures(name="m6", date="2026-09-02", **said):
    return of_profile(chart(visit(name, date, **said)), "dli")


def test_an_infusion_is_completed_on_its_day_with_its_number():
    (found,) = procedures(dli=[{"number": 1, "date": "2026-07-01"}])
    assert (found["status"], found["performedDateTime"]) == ("completed", "2026-07-01")
    assert codes(found["code"]) == {"dli"}
    (number,) = found["extension"]
    assert (number["url"].rpartition("/")[2], number["valueInteger"]) == ("dli-number", 1)


def test_its_cells_keep_their_precision_and_belong_to_it():
    resources = chart(visit(dli=[{"number": 1, "date": "2026-07-01", "cd3_per_kg": CELLS}]))
    cells, infusion = only(resources, "dli-cell-dose"), only(resources, "dli")
    assert str(cells["valueQuantity"]["value"]) == "0.10"
    assert cells["partOf"] == [{"reference": f"Procedure/{infusion['id']}"}]
    assert cells["effectiveDateTime"] == "2026-07-01"


def test_cells_that_were_not_counted_are_said_to_be_missing():
    missing = {"not_done": "not-performed", "note": "bag lost"}
    found = only(chart(visit(dli=[{"number": 1, "date": "2026-07-01", "cd3_per_kg": missing}])), "dli-cell-dose")
    assert codes(found["dataAbsentReason"]) == {"not-performed"}


def test_it_is_given_for_the_leukaemia_and_after_the_graft_as_far_as_these_were_told():
    dli = visit(dli=[{"number": 1, "date": "2026-07-01"}])
    resources = chart(dli, disease={"diagnosis": "aml"})
    reasons = [each["reference"] for each in only(resources, "dli")["reasonReference"]]
    assert reasons == [f"Condition/{only(resources, 'aml')['id']}", f"Procedure/{only(resources, 'transplant')['id']}"]
    assert "reasonReference" not in only(chart(dli, transplant=None), "dli")


@pytest.mark.parametrize("number", [1, 2, 3])
def test_one_that_the_protocol_plans_names_its_order(number):
    (found,) = procedures(dli=[{"number": number, "date": "2026-07-01"}])
    (order,) = found["basedOn"]
    assert (order["type"], order["identifier"]["value"]) in ORDERS
    assert order["identifier"]["value"] == f"{COURSE}/pdli-{number}"
    assert "reference" not in order


def test_one_more_than_the_protocol_plans_names_none():
    (found,) = procedures(dli=[{"number": 4, "date": "2026-07-01"}])
    assert "basedOn" not in found


def test_one_withheld_is_not_done_with_its_reason():
    (found,) = procedures(dli_withheld=[{"number": 2, "date": "2026-08-05", "reason": "active-gvhd"}])
    assert (found["status"], codes(found["statusReason"])) == ("not-done", {"withheld-active-gvhd"})
    assert found["performedDateTime"] == "2026-08-05"


def test_one_withheld_for_no_reason_told_has_none():
    (found,) = procedures(dli_withheld=[{"number": 2, "date": "2026-08-05"}])
    assert (found["status"], "statusReason" in found) == ("not-done", False)


def test_another_reason_is_told_in_its_words():
    said = {"number": 2, "date": "2026-08-05", "reason": "other", "text": "holiday"}
    (found,) = procedures(dli_withheld=[said])
    assert found["statusReason"]["text"] == "holiday"


def test_one_withheld_and_given_later_is_both():
    withheld = visit("m6", dli_withheld=[{"number": 1, "date": "2026-08-05", "reason": "infection"}])
    given = visit("m12", "2026-10-30", dli=[{"number": 1, "date": "2026-10-01"}])
    assert {one["status"] for one in of_profile(chart(withheld, given), "dli")} == {"not-done", "completed"}


def test_told_again_it_is_the_same_infusion_by_its_number():
    first = visit("m6", dli=[{"number": 1, "date": "2026-07-01"}])
    later = visit("m12", "2026-10-30", dli=[{"number": 1, "date": {"not_done": "unknown"}, "cd3_per_kg": CELLS}])
    resources = chart(first, later)
    assert only(resources, "dli")["performedDateTime"] == "2026-07-01"
    assert only(resources, "dli-cell-dose")["effectiveDateTime"] == "2026-07-01"


def test_missing_is_said_in_each_place():
    unknown = {"not_done": "asked-unknown", "note": "elsewhere"}
    given, withheld = procedures(
        dli=[{"number": unknown, "date": unknown}],
        dli_withheld=[{"number": unknown, "date": unknown, "reason": unknown}],
    )
    for found in (given, withheld):
        assert why(found["_performedDateTime"]) == "asked-unknown"
        assert {"text": "Number of the infusion not known: asked-unknown (elsewhere)"} in found["note"]
        assert "extension" not in found
    assert codes(withheld["statusReason"]) == {"asked-unknown"}


@pytest.mark.parametrize(("section", "item"), [("dli", "dli-given"), ("dli_withheld", "dli-withheld-reason")])
def test_a_section_said_to_be_missing_is_told_and_is_no_infusion(section, item):
    resources = chart(visit(**{section: {"not_done": "not-asked", "note": "paper"}}))
    assert of_profile(resources, "dli") == []
    found = only(resources, "dli-report")
    assert (codes(found["code"]), codes(found["dataAbsentReason"])) == ({item}, {"not-asked"})
