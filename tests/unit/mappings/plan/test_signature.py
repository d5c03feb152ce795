"""What is signed are doses and dates: every change of one changes the digest, and nothing else does."""

from __future__ import annotations

import copy
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.plan.reading import read
from mappings.plan.signature import Signature, digest, drafted, lines, provenance, signed, unsigned
from mappings.r4.build import Ids
from mappings.r4.validate import require_valid
from tests.lib.plans import COURSE, GRAFT, a_plan

PLAN = a_plan(intent="plan").applied.resources


def changed(path, value, action="thiotepa"):
    """The plan with one element of one order changed, by its path."""
    resources = copy.deepcopy(list(PLAN))
    node = next(r for r in resources if r["identifier"][0]["value"].split("/")[1] == action)
    *above, last = path
    for part in above:
        node = node[part]
    node[last] = value
    return resources


DOSAGE = ("dosageInstruction", 0)


def test_anybody_can_compute_the_digest_of_what_stands_there():
    told = lines(read(PLAN))
    assert "thiotepa|D-13|2026-02-17||350|1|" in told
    assert "mycophenolate|D+6|2026-03-08||1000|2|" in told
    assert "busulfan|D-5|2026-02-25||224|1|IV" in told
    assert "ciclosporin-taper||2026-05-03|2026-05-31|||" in told
    assert digest(PLAN) == hashlib.sha256("\n".join(sorted(told)).encode()).hexdigest()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((*DOSAGE, "doseAndRate", 1, "doseQuantity", "value"), 351),
        ((*DOSAGE, "timing", "event", 0), "2026-02-18"),
        ((*DOSAGE, "route"), {"text": "oral"}),
        (("status",), "cancelled"),
        (("identifier", 0, "value"), f"{COURSE}/thiotepa/D-12"),
    ],
)
def test_another_dose_date_day_or_route_is_another_digest(path, value):
    assert digest(changed(path, value)) != digest(PLAN)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("status",), "active"),
        (("meta",), {}),
        ((*DOSAGE, "text"), "in other words"),
        ((*DOSAGE, "doseAndRate", 1, "doseQuantity", "value"), 350),
        (("medicationCodeableConcept", "coding"), []),
    ],
)
def test_what_is_no_dose_and_no_date_leaves_the_digest_alone(path, value):
    assert digest(changed(path, value)) == digest(PLAN)


def test_a_dose_more_a_day_is_another_digest():
    frequency = (*DOSAGE, "timing", "repeat", "frequency")
    assert digest(changed(frequency, 3, "mycophenolate")) != digest(PLAN)


def test_the_order_in_which_resources_come_does_not_count():
    assert digest(reversed(PLAN)) == digest(PLAN)


@given(st.integers(1, 3000), st.booleans())
def test_every_other_graft_date_is_another_digest(days, earlier):
    moved = GRAFT + timedelta(days=-days if earlier else days)
    assert digest(a_plan(day_zero=moved, intent="plan").applied.resources) != digest(PLAN)


@given(st.decimals(min_value=40, max_value=150, places=1))
def test_two_weights_have_one_digest_only_if_every_dose_is_the_same(weight):
    other = a_plan(str(weight), intent="plan").applied.resources
    assert (digest(other) == digest(PLAN)) == (lines(read(other)) == lines(read(PLAN)))


def test_a_signed_plan_is_active_where_it_is_dated_dosed_and_waits_for_no_gate():
    status = {r["identifier"][0]["value"].split("/", 1)[1]: r.get("status") for r in signed(list(PLAN))}
    assert status["care-plan"] == status["request-group"] == "active"
    assert status["thiotepa/D-13"] == status["mycophenolate/D6"] == status["graft/D0"] == status["visit-m3"] == "active"
    assert status["rest/D-8"] == "requested"
    waiting = {item for item, said in status.items() if said == "draft"}
    assert waiting == {"mycophenolate-taper", "ciclosporin-taper", "pdli-1", "pdli-2", "pdli-3", "visit-baseline"}
    assert {r["intent"] for r in signed(list(PLAN)) if "intent" in r} == {"plan"}


def test_signing_changes_statuses_and_nothing_else():
    for before, after in zip(PLAN, signed(list(PLAN)), strict=True):
        assert {k: v for k, v in after.items() if k != "status"} == {k: v for k, v in before.items() if k != "status"}
        require_valid(after)
    assert digest(signed(list(PLAN))) == digest(PLAN)


def test_what_was_given_keeps_its_status():
    resources = signed(changed(("status",), "completed"))
    (thiotepa,) = [r for r in resources if r["identifier"][0]["value"].endswith("/thiotepa/D-13")]
    assert thiotepa["status"] == "completed"


def test_an_undosed_order_never_becomes_active():
    draft = a_plan(None, None, intent="plan", draft=True).applied.resources
    drugs = [r for r in signed(list(draft)) if r["resourceType"] == "MedicationRequest"]
    assert {r["status"] for r in drugs} == {"draft"}


def test_taking_a_signature_back_undoes_what_it_did():
    assert [drafted(one) for one in signed(list(PLAN))] == list(PLAN)
    completed = {"resourceType": "MedicationRequest", "status": "completed"}
    assert drafted(completed) == completed
    goal = {"resourceType": "Goal", "lifecycleStatus": "proposed"}
    assert drafted(goal) == goal


def test_a_dated_and_dosed_plan_can_be_signed():
    assert unsigned(PLAN) == []


def test_a_draft_cannot_be_signed_and_every_drug_says_why():
    faults = unsigned(a_plan(None, None, day_zero=None, intent="plan", draft=True).applied.resources)
    assert ("thiotepa/D-13", "has no date") in {(fault.path, fault.message) for fault in faults}
    assert {fault.path for fault in faults} == {
        "/".join(filter(None, (item.action, item.day))) for item in read(PLAN) if item.drug
    }
    assert len(faults) == 2 * 22


def test_a_plan_without_a_drug_cannot_be_signed():
    assert [fault.path for fault in unsigned([r for r in PLAN if r["resourceType"] != "MedicationRequest"])] == [
        "regimen"
    ]


def test_the_provenance_names_person_role_version_and_digest():
    at = datetime(2026, 2, 12, 9, 30, 15, 250, tzinfo=UTC)
    one = Signature(1, "Ada Example", "pharmacist", at, digest(PLAN))
    resource = provenance(one, "CarePlan/x/_history/2", Ids(COURSE))
    require_valid(resource)
    assert resource["target"] == [{"reference": "CarePlan/x/_history/2"}]
    assert resource["recorded"] == "2026-02-12T09:30:15+00:00"
    (agent,) = resource["agent"]
    assert agent["type"]["coding"][0]["code"] == "verifier"
    assert agent["who"] == {"display": "Ada Example, pharmacist"}
    assert agent["role"] == [{"text": "pharmacist"}]
    assert resource["entity"][0]["what"]["identifier"]["value"] == digest(PLAN)


def test_each_signature_of_a_course_has_a_provenance_of_its_own():
    made = [
        provenance(Signature(n, "Ada Example", "pharmacist", datetime(2026, 2, 12, tzinfo=UTC), "d"), "CarePlan/x", ids)
        for n, ids in ((1, Ids(COURSE)), (2, Ids(COURSE)), (1, Ids(COURSE)))
    ]
    assert made[0]["id"] == made[2]["id"] != made[1]["id"]
