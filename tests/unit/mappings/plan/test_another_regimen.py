"""Other protocols than the trial, as YAML only: cycles, a day zero that is no graft, a dose that is not calculated.

The facts of kdn5.yaml are those of the R4 specification's example PlanDefinition KDN5.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from adapter.hospital import r4_gate
from mappings.canonicals import DEFAULT
from mappings.plan import Body, Order, apply, inputs
from mappings.plan.definition import definitions
from mappings.protocol import parse
from mappings.protocol.check import check
from mappings.r4.faults import FaultyInput
from mappings.r4.validate import validate
from tests.lib.plans import COURSE, Plan, calculated
from tests.lib.tree import ROOT

TEXT = (ROOT / "tests" / "protocols" / "kdn5.yaml").read_text("utf-8")
KDN5 = parse(TEXT)
START = date(2026, 3, 2)


def a_plan(protocol=KDN5, weight="70", height="175", day_zero=START, **asked):
    body = Body(*(None if measure is None else Decimal(measure) for measure in (weight, height)))
    return Plan(apply(Order(protocol, day_zero, body, "Patient/synthetic", COURSE, **asked)))


def errors(resource):
    return [fault for fault in validate(resource) if fault.severity == "error"]


def leaves(actions):
    for action in actions:
        yield from leaves(action["action"]) if "action" in action else [action]


def test_a_dose_by_weight_asks_for_no_height_and_says_so():
    """KDN5 with another basis, made up for this test."""
    by_weight = parse(TEXT.replace("per: m2", "per: kg"))
    made = datetime(2026, 3, 1, tzinfo=UTC)
    plan = a_plan(by_weight, height=None, made=made, software="Engraft (test)")
    assert calculated(plan.order("gemcitabine", "C1D1")) == 1250 * 70
    (origin,) = [one for one in plan.applied.resources if one["resourceType"] == "Provenance"]
    assert len(origin["entity"]) == 3  # the protocol, day zero and the weight


def test_where_nothing_is_dosed_by_the_body_no_measure_is_needed():
    """KDN5 without gemcitabine, made up for this test."""
    start, end = TEXT.index("    lines:"), TEXT.index("    open_lines:")
    infusions = parse(TEXT[:start].replace("line: gemcitabine", "line: carboplatin") + TEXT[end:])
    assert inputs.check(infusions, START, Body(None, None), "mosteller") == []


class TestKdn5:
    def test_gemcitabine_is_given_on_days_1_and_8_of_six_cycles_of_21_days(self):
        rows = a_plan().rows("gemcitabine")
        wanted = [(f"C{c}D{d}", START + timedelta(21 * (c - 1) + d - 1)) for c in range(1, 7) for d in (1, 8)]
        assert [(row.day, row.date) for row in rows] == [(day, when.isoformat()) for day, when in wanted]
        assert rows[-1].date == "2026-06-22"

    def test_gemcitabine_is_1250_mg_per_m2_as_one_infusion_of_half_an_hour(self):
        order = a_plan().order("gemcitabine", "C2D8")
        assert calculated(order) == Decimal("2305.8")  # 1250 x sqrt(70 x 175 / 3600)
        (dosage,) = order["dosageInstruction"]
        assert dosage["timing"] == {"event": ["2026-03-30"], "repeat": {"duration": 30, "durationUnit": "min"}}
        assert dosage["text"].startswith("Gemcitabine, C2D8 (2026-03-30): 1250 mg/m2 x 1.8447 m2")
        assert dosage["text"].endswith("; one infusion over 30 minutes.")
        assert "the centre's" not in dosage["text"]
        assert order["medicationCodeableConcept"]["coding"] == [
            {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "12574"}
        ]

    def test_carboplatin_is_never_given_milligrams(self):
        plan = a_plan()
        ordered = {m["medicationCodeableConcept"]["text"] for m in plan.orders("MedicationRequest")}
        assert ordered == {"Gemcitabine"}
        rows = plan.rows("carboplatin")
        assert [row.day for row in rows] == [f"C{cycle}D1" for cycle in range(1, 7)]
        assert {(r.basis_value, r.basis_unit, r.exact_mg, r.daily_mg, r.mg_per_dose) for r in rows} == {
            ("", "AUC 5", "", "", "")
        }
        assert all(row.status.startswith("open: ") for row in rows)

    def test_carboplatin_is_a_task_that_says_drug_dose_and_day(self):
        task = a_plan().order("carboplatin", "C3D1")
        assert (task["resourceType"], task["status"]) == ("Task", "requested")
        assert task["restriction"]["period"] == {"start": "2026-04-13", "end": "2026-04-13"}
        assert task["code"]["coding"][0] == {
            "system": DEFAULT.local,
            "code": "open-dose",
            "display": "Dose that is not calculated here",
        }
        drug, dose = task["input"]
        assert drug["valueCodeableConcept"]["coding"][0]["code"] == "40048"
        assert dose["valueString"] == "AUC 5, IV, over 30 minutes"
        assert "a pharmacist works out a dose by AUC" in task["note"][0]["text"]
        assert "AUC 5" in task["description"]

    def test_a_draft_or_a_stored_course_asks_nothing_of_a_pharmacist_yet(self):
        assert a_plan(intent="plan").order("carboplatin", "C1D1")["status"] == "draft"
        draft = a_plan(weight=None, height=None, day_zero=None, draft=True).order("carboplatin", "C1D1")
        assert draft["status"] == "draft"
        assert "restriction" not in draft

    def test_cycles_are_groups_with_their_days_in_order(self):
        (group,) = a_plan().orders("RequestGroup")
        (phase,) = group["action"]
        assert [cycle["title"] for cycle in phase["action"]] == [f"Cycle {number}" for number in range(1, 7)]
        for number, cycle in enumerate(phase["action"], 1):
            days = [f"gemcitabine-C{number}D1", f"carboplatin-C{number}D1", f"gemcitabine-C{number}D8"]
            assert [leaf["id"] for leaf in cycle["action"]] == days

    def test_a_day_of_a_cycle_is_r4s_own_extension_on_its_action(self):
        """As in the specification's example: gemcitabine on days 1 and 8, carboplatin on day 1, of 21 days."""
        plan, *_ = definitions(KDN5)
        (group,) = a_plan().orders("RequestGroup")
        for actions in (plan["action"], group["action"]):
            (phase,) = actions
            for cycle in phase["action"]:
                assert cycle["timingTiming"] == {"repeat": {"count": 1, "duration": 21, "durationUnit": "d"}}
                told = [one["extension"] for leaf in cycle["action"] for one in leaf["extension"]]
                assert [[day["valueInteger"] for day in one] for one in told] == [[1], [1], [8]]
                assert {one["url"] for leaf in cycle["action"] for one in leaf["extension"]} == {
                    "http://hl7.org/fhir/StructureDefinition/timing-daysOfCycle"
                }
        for order in a_plan().orders("MedicationRequest"):
            assert "timing-daysOfCycle" not in str(order)  # its contexts are actions

    def test_everything_hangs_on_the_first_gemcitabine(self):
        """In the specification's own example carboplatin starts with gemcitabine, too."""
        plan, *_ = definitions(KDN5)
        related = {leaf["id"]: leaf.get("relatedAction", []) for leaf in leaves(plan["action"])}
        assert related.pop("gemcitabine-C1D1") == []
        assert related["carboplatin-C1D1"] == [
            {"actionId": "gemcitabine-C1D1", "relationship": "concurrent-with-start"}
        ]
        for leaf, (relation,) in related.items():
            assert relation["actionId"] == "gemcitabine-C1D1", leaf
        assert related["gemcitabine-C6D8"][0]["offsetDuration"]["value"] == 112

    def test_everything_is_valid_and_read_back_by_r4_models(self):
        applied = a_plan().applied
        for resource in (applied.care_plan, applied.bundle, *definitions(KDN5)):
            assert errors(resource) == []
        for resource in (*applied.resources, applied.care_plan, *definitions(KDN5)):
            r4_gate.read(resource)

    def test_definitions_say_what_is_not_calculated(self):
        plan, gemcitabine, carboplatin = definitions(KDN5)
        assert "purpose" not in plan
        assert (gemcitabine["kind"], carboplatin["kind"]) == ("MedicationRequest", "Task")
        assert gemcitabine["dosage"][0]["text"] == "1250 mg/m2/day, one infusion over 30 minutes"
        assert "dosage" not in carboplatin
        assert carboplatin["usage"].startswith("Engraft doses by weight and by body surface only")
        assert carboplatin["title"] == "Carboplatin"

    def test_no_visit_goal_or_gate_is_made_up(self):
        plan = a_plan()
        assert {r["resourceType"] for r in plan.applied.resources} == {
            *("CarePlan", "RequestGroup", "MedicationRequest", "Task", "Observation")
        }
        assert "condition" not in str(plan.applied.care_plan)

    def test_a_missing_day_zero_is_asked_for_by_what_it_is(self):
        with pytest.raises(FaultyInput) as refused:
            a_plan(day_zero=None)
        (fault,) = refused.value.faults
        assert fault.message == "the date of day zero (Day 1 of cycle 1) is needed to date this protocol"


TINY = """
key: boost
name: Boost
title: A made-up regimen for this test
purpose: {source: "One drug by weight around an infusion of cells."}
codes:
  procedures:
    - {key: cell-boost, text: Infusion of more cells, found_in: "made up for this test"}
phases:
  - key: boost
    title: Boost
    source: "Busulfan 3.2 mg/kg over 120 min on day 0, before the cells."
    anchor:
      key: cells
      title: Infusion of cells
      procedure: cell-boost
      source: "Busulfan 3.2 mg/kg over 120 min on day 0, before the cells."
    lines:
      - key: busulfan
        title: Busulfan
        drug: busulfan
        dose: {amount: 3.2, unit: mg, per: kg, each: day}
        days: {each_of: [0]}
        over_minutes: 120
        source: "Busulfan 3.2 mg/kg over 120 min on day 0, before the cells."
      - key: long
        title: Ciclosporin
        drug: ciclosporin
        dose: {amount: 3, unit: mg, per: kg, each: day}
        days: {from: 1, until: end}
        over_minutes: 240
        source: "Ciclosporin 3 mg/kg over 240 min from day 1 until tapered from day 10 to day 20, in absence of GVHD."
    tapers:
      - key: end
        title: Taper
        of: long
        procedure: csa-taper
        window: {from: 10, to: 20}
        gate: fine
        open: Steps are open.
        source: "Ciclosporin 3 mg/kg over 240 min from day 1 until tapered from day 10 to day 20, in absence of GVHD."
gates:
  - key: fine
    title: No GVHD
    all: [{fact: active-gvhd, is: absent}]
    source: "in absence of GVHD"
"""


OPEN = """
    open_lines:
      - key: targeted
        title: Another drug
        drug: busulfan
        dose: to AUC 9
        days: {each_of: [0]}
        open: not calculated
        source: "Busulfan to AUC 9 on day 0"
"""


class TestByWeightAroundAProcedure:
    """A third regimen: no cycles, a day zero of its own in words, no surface needed."""

    def test_it_is_sound_but_for_what_has_no_code(self):
        told = {(fault.severity, fault.path): fault.message for fault in check(TINY)}
        assert {severity for severity, _ in told} == {"warning"}
        assert "cell-boost has no code" in told["warning", "cells"]

    def test_day_zero_is_a_procedure_in_words_and_no_graft(self):
        plan = a_plan(parse(TINY), height=None)
        assert plan.order("cells", "D0")["code"] == {"text": "Infusion of more cells"}
        assert plan.on("D0", "cells").status == "infusion of cells"

    def test_amounts_keep_their_digits_and_need_no_height(self):
        plan = a_plan(parse(TINY), height=None)
        assert plan.on("D0", "busulfan").daily_mg == "224.0"
        assert calculated(plan.order("busulfan", "D0")) == Decimal("224.0")
        repeat = plan.order("long", "D1")["dosageInstruction"][0]["timing"]["repeat"]
        assert (repeat["duration"], repeat["durationUnit"], repeat["frequency"]) == (240, "min", 1)

    @pytest.mark.parametrize(("line", "first"), [("busulfan", "busulfan-D0"), ("long", "long")])
    def test_day_zero_may_be_the_first_day_of_any_line(self, line, first):
        """Also of one without a last day, and of one whose dose is not calculated."""
        text = TINY.replace("procedure: cell-boost", f"line: {line}").replace("{from: 1,", "{from: 0,")
        plan, *_ = definitions(parse(text))
        hang = {r["actionId"] for leaf in leaves(plan["action"]) for r in leaf.get("relatedAction", [])}
        assert hang == {first}
        assert [leaf["id"] for leaf in leaves(plan["action"]) if "relatedAction" not in leaf] == [first]

    def test_an_open_dose_needs_no_cycles(self):
        text = TINY.replace("    lines:\n", OPEN + "    lines:\n", 1).replace("procedure: cell-boost", "line: targeted")
        plan = a_plan(parse(text), height=None)
        assert plan.order("targeted", "D0")["input"][1]["valueString"] == "to AUC 9"
        assert plan.on("D0", "targeted").route == ""
        assert errors(plan.applied.care_plan) == []

    def test_it_is_valid(self):
        applied = a_plan(parse(TINY), height=None).applied
        for resource in (applied.care_plan, applied.bundle, *definitions(parse(TINY))):
            assert errors(resource) == []
