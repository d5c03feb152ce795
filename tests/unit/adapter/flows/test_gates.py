"""Gates are judged anew when a document of the course changes, and a RequestGroup says so only when that is news."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from adapter.errors import NotFound
from adapter.flows import follow_up, gates
from mappings.r4.validate import validate
from tests.lib.centre import ENROLMENT, M1, M3, OTHERS, OURS, SETTINGS, document
from tests.lib.records import READY

D122 = date(2026, 7, 2)


def told_of(ward, **sections):
    """A form between two visits."""
    said = {"centre": OURS, "patient": "SYN-0001", "visit": "unscheduled", **sections}
    return follow_up.record(said, **ward._with())


def group(ward):
    (stored,) = ward.stored("RequestGroup")
    return stored


def leaves(actions):
    return [leaf for one in actions for leaf in (leaves(one["action"]) if "action" in one else [one])]


def status(ward, action="pdli-1"):
    (leaf,) = [one for one in leaves(group(ward).content["action"]) if one["id"] == action]
    (extension,) = leaf["extension"]
    found = {}
    for part in extension["extension"]:
        (value,) = [said for key, said in part.items() if key.startswith("value")]
        found.setdefault(part["url"], []).append(value)
    return found


def told(ward, on=D122, id_=None, centre=OURS, settings=SETTINGS):
    course = group(ward).course
    return gates.told(id_ or course, on=on, centre=centre, store=ward.store, settings=settings, now=ward.now)


def gate(answer, action="pdli-1"):
    (found,) = [one for one in answer["gates"] if one["action"] == action]
    return found


def criterion(answer, name, action="pdli-1"):
    (found,) = [one for one in gate(answer, action)["criteria"] if one["criterion"] == name]
    return found


def test_an_enrolled_patient_has_a_standing_from_the_first_day(enrolled):
    assert (group(enrolled).version, status(enrolled)["status"]) == (1, ["unknown"])
    assert status(enrolled)["asOf"] == ["2026-11-03"]


def test_an_outcome_that_arrives_is_judged_and_published(enrolled):
    enrolled.visit(M3, gvhd={"assessed": "2026-06-02", "acute": [{"onset": "2026-04-20", "grade": "III", "liver": 2}]})
    assert (group(enrolled).version, status(enrolled)["status"]) == (2, ["not-met"])
    episode = enrolled.one("acute-gvhd/2026-04-20", "Condition")
    assert {"reference": episode.reference} in status(enrolled)["fact"]
    assert "acute GVHD grade III" in status(enrolled)["text"][0]
    assert [fault for fault in validate(group(enrolled).content) if fault.severity == "error"] == []


def test_what_is_taken_back_no_longer_counts(enrolled):
    receipt = enrolled.visit(M3)
    assert status(enrolled)["status"] == ["not-met"]
    enrolled.retract(receipt.id)
    assert status(enrolled)["status"] == ["unknown"]


def test_a_visit_without_news_for_the_gates_writes_no_version(enrolled):
    enrolled.visit(M1)
    assert group(enrolled).version == 1


def test_neither_does_a_later_day_alone(enrolled):
    enrolled.now += timedelta(days=30)
    enrolled.visit(M1)
    enrolled.enrol(sex="male")
    assert (group(enrolled).version, status(enrolled)["asOf"]) == (1, ["2026-11-03"])


def test_a_moved_graft_is_judged_in_the_same_version_that_moves_it(enrolled):
    known = document(ENROLMENT)
    measured = {name: said | {"date": "2026-08-10"} for name, said in known["measurements"].items()}
    enrolled.enrol(transplant=known["transplant"] | {"date": "2026-09-01"}, measurements=measured)
    assert group(enrolled).version == 2
    assert status(enrolled)["status"] == ["not-met"]
    assert "2026-09-01" in status(enrolled)["text"][0]


def test_a_gate_that_everything_meets_is_met(enrolled):
    told_of(enrolled, **READY)
    assert status(enrolled)["status"] == ["met"]
    assert status(enrolled, "mycophenolate-taper")["done"] == ["2026-04-27"]


def test_what_decided_is_named_with_the_resource_that_it_became(enrolled):
    said = {"number": 1, "date": "2026-06-30", "cd3_per_kg": {"value": 1, "unit": "10*6/kg"}}
    told_of(enrolled, **READY, dli=[said])
    stops = {
        fact["what"]: fact["resource"] for fact in criterion(told(enrolled), "months-off-immunosuppression")["facts"]
    }
    drug, statement = next((what, where) for what, where in stops.items() if "iclosporin" in what)
    assert "stopped" in drug
    assert statement == enrolled.one("immunosuppressant/ciclosporin/2026-03-08").reference
    looked = enrolled.one("immunosuppression/2026-06-30")
    assert looked.reference in stops.values()
    assert gate(told(enrolled))["done"]["resource"] == enrolled.one("dli/1").reference


def test_a_plan_that_is_called_off_is_left_alone(enrolled):
    enrolled.enrol(transplant={"planned": True})
    before = group(enrolled)
    enrolled.visit(M3)
    assert (group(enrolled).version, group(enrolled).content["status"]) == (before.version, "revoked")


def test_a_patient_without_a_dated_plan_can_be_asked_for_all_the_same(ward):
    receipt = ward.enrol(measurements=None)
    ward.visit(M3)
    assert ward.stored("RequestGroup") == []
    answer = gates.told(receipt.course, on=D122, centre=OURS, store=ward.store, settings=SETTINGS, now=ward.now)
    assert gate(answer)["status"] == "not-met"
    ward.enrol(transplant=None, measurements=None)
    answer = gates.told(receipt.course, on=None, centre=OURS, store=ward.store, settings=SETTINGS, now=ward.now)
    assert (answer["day_zero"], answer["day"], answer["on"]) == (None, None, "2026-11-03")
    assert gate(answer)["criteria"][0]["status"] == "unknown"


def test_the_answer_has_each_criterion_with_facts_dates_and_ages(enrolled):
    told_of(enrolled, **READY)
    answer = told(enrolled)
    assert (answer["day_zero"], answer["day"], answer["on"]) == ("2026-03-02", 122, "2026-07-02")
    assert gate(answer)["status"] == "met"
    looked = criterion(answer, "active-gvhd")
    assert (looked["needs"], looked["as_of"], looked["age_days"]) == ("no active GVHD", "2026-06-30", 2)
    (acute, _) = looked["facts"]
    assert acute == {
        "what": "acute GVHD looked for: none",
        "date": "2026-06-30",
        "age_days": 2,
        "document": "FR-037/SYN-0001/unscheduled/2026-06-30",
        "resource": enrolled.one("gvhd-assessment/2026-06-30").reference,
    }
    assert gate(answer, "mycophenolate-taper")["done"]["date"] == "2026-04-27"
    graft = criterion(answer, "day")["facts"][0]
    assert (graft["resource"], graft["age_days"]) == (enrolled.one("transplant").reference, 122)


def test_what_stands_beside_the_gates_is_told(enrolled):
    told_of(enrolled, **READY, relapse={"date": "2026-06", "kind": "molecular"})
    (relapse,) = told(enrolled)["beside"]
    assert (relapse["what"], relapse["date"], relapse["age_days"]) == ("relapse, molecular", "2026-06", None)


def test_the_plan_names_a_course_too(enrolled):
    plan = enrolled.stored("CarePlan")[0]
    assert told(enrolled, id_=plan.id) == told(enrolled)


@pytest.mark.parametrize("id_", ["nobody", "0b7c9d6e-6f0e-5f0a-9b1e-3a5d1c2b4f60"])
def test_there_is_nothing_to_tell_of_a_stranger(enrolled, id_):
    with pytest.raises(NotFound):
        told(enrolled, id_=id_)


def test_another_centres_patient_is_a_stranger(enrolled):
    with pytest.raises(NotFound):
        told(enrolled, centre=OTHERS)


def test_a_deployment_may_limit_the_age_of_a_look(enrolled):
    told_of(enrolled, **READY)
    limited = replace(SETTINGS, gate_max_age={"active-gvhd": 1})
    assert gate(told(enrolled, settings=limited))["status"] == "unknown"


def test_every_fact_names_the_resource_that_it_became(enrolled):
    told_of(enrolled, **READY)
    told_of(
        enrolled,
        date="2026-07-02",
        gvhd={
            "acute": [{"onset": "2026-06-10", "grade": "II", "skin": 3, "resolved": "2026-06-20"}],
            "chronic": [{"onset": "2026-06-20", "severity": "mild", "organs": {"mouth": 1}, "resolved": "2026-06-28"}],
        },
        dli=[{"number": 1, "date": "2026-07-01"}],
        dli_withheld=[{"number": 2, "date": "2026-07-02", "reason": "on-immunosuppression"}],
        relapse={"date": "2026-06-28", "kind": "molecular"},
        response={"date": "2026-06-28", "category": "relapse"},
        vital_status={"status": "lost", "date": "2026-07-02"},
    )
    answer = told(enrolled)
    facts = [fact for one in answer["gates"] for found in one["criteria"] for fact in found["facts"]]
    facts += [one["done"] for one in answer["gates"] if one["done"]] + answer["beside"]
    named = {fact["what"]: fact["resource"] for fact in facts}
    assert [what for what, resource in named.items() if resource is None] == ["injection 2 not told as given"]
    kinds = {what.split(",")[0]: resource.partition("/")[0] for what, resource in named.items() if resource}
    assert kinds["injection 1 given"] == kinds["injection 2 withheld: on-immunosuppression"] == "Procedure"
    assert kinds["Ciclosporin stopped"] == "MedicationStatement"
    assert kinds["chronic GVHD from 2026-06-20"] == "Condition"
    assert kinds["vital status: lost"] == kinds["disease response: relapse"] == "Observation"
    with enrolled.store.reading() as tx:
        wanted = [resource for resource in named.values() if resource]
        assert {one.reference for one in tx.resources.get_many(wanted)} == set(wanted)
