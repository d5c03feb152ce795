"""What a centre adds is read, placed and marked as the centre's; only a deviation changes a number."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from mappings.plan import Body, Order, apply
from mappings.protocol import load
from mappings.protocol import parse as parse_protocol
from mappings.protocol.check import look_over
from mappings.protocol.overlay_schema import named_protocol, parse
from mappings.r4.faults import FaultyInput
from mappings.r4.validate import validate
from tests.lib.plans import COURSE, Plan, calculated
from tests.lib.tree import ROOT

SET = load("set-haplo-pdli")
PAGE = Path(__file__).parents[4] / "docs" / "overlays.md"
EXAMPLE = re.search(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)[1]


def overlay(**said):
    return parse(yaml.safe_dump({"centre": "FR-037", "protocol": "set-haplo-pdli", **said}), SET)


def plan_with(overlay, /, **more):
    facts = {"day_zero": date(2026, 3, 2), "body": Body(Decimal(70), Decimal(175))} | more
    return Plan(apply(Order(SET, subject="Patient/synthetic", course=COURSE, overlay=overlay, **facts)))


@pytest.fixture(scope="module")
def plan():
    return plan_with(parse(EXAMPLE, SET))


def notes(order):
    return " ".join(note["text"] for note in order.get("note", ()))


def test_the_example_of_the_docs_is_an_overlay_and_its_plan_is_valid_r4(plan):
    assert named_protocol(EXAMPLE) == "set-haplo-pdli"
    for shape in (plan.applied.care_plan, plan.applied.bundle):
        assert [fault for fault in validate(shape) if fault.severity == "error"] == []


def test_each_dose_is_rounded_to_the_centres_step(plan):
    """3.2 mg/kg x 70 kg = 224 mg a day, four doses of 56 mg."""
    row = plan.on("D-5", "busulfan")
    assert (row.exact_mg, row.daily_mg, row.doses_per_day, row.mg_per_dose) == ("224.0000", "224", "4", "56")
    assert "4 doses a day: FR-037's" in row.status
    order = plan.order("busulfan", "D-5")
    (dosage,) = order["dosageInstruction"]
    assert calculated(order) == 56
    assert dosage["timing"] == {"event": ["2026-02-25"], "repeat": {"frequency": 4, "period": 1, "periodUnit": "d"}}
    assert dosage["additionalInstruction"] == [{"text": "over 2 hours (as FR-037 gives it)"}]
    assert "rounded half up to 1 mg a dose (as FR-037 gives it)" in dosage["text"]


def test_rounding_never_passes_the_protocols_cap():
    """1 g twice a day; by 300 mg the nearest is 900, although 1000 / 300 is nearer to 3 than to 4 only just."""
    capped = plan_with(overlay(lines={"mycophenolate": {"step_mg": 300}})).on("D+6", "mycophenolate")
    assert (capped.mg_per_dose, capped.daily_mg) == ("900", "1800")
    near = plan_with(overlay(lines={"mycophenolate": {"step_mg": 550}})).on("D+6", "mycophenolate")
    assert near.mg_per_dose == "550"
    below = plan_with(overlay(lines={"mycophenolate": {"step_mg": 250}}), body=Body(Decimal(60), Decimal(175)))
    assert below.on("D+6", "mycophenolate").mg_per_dose == "1000"


def test_three_doses_of_a_centre_without_a_step_are_each_rounded_to_a_tenth():
    """737.8648 mg a day: a third of 737.9 has no end, three doses of 246.0 have."""
    plan = plan_with(overlay(lines={"cyclophosphamide": {"doses_per_day": 3}}))
    row = plan.on("D-12", "cyclophosphamide")
    assert (row.exact_mg, row.daily_mg, row.mg_per_dose) == ("737.8648", "738.0", "246.0")
    assert "3 doses a day: FR-037's; each dose to 0.1 mg" in row.status
    assert calculated(plan.order("cyclophosphamide", "D-12")) == Decimal("246.0")


def test_a_product_stands_beside_the_substance(plan):
    drug = plan.order("etoposide", "D-12")["medicationCodeableConcept"]
    assert {"system": "https://formulary.example/codes", "code": "E-100"} in drug["coding"]
    assert any(coding["code"] == "L01CB01" for coding in drug["coding"])
    assert "product of FR-037" in drug["text"]
    assert plan.on("D-12", "etoposide").route == "IV"


def test_steps_of_a_taper_carry_the_centre_and_wait_for_the_gate(plan):
    task = plan.order("mycophenolate-taper")
    assert task["status"] == "draft"
    assert "Steps of FR-037, once the taper is confirmed: D+35 to D+41 75 % of the full dose, 1500.0 mg a day" in notes(
        task
    )
    first, last = plan.on("D+35", "mycophenolate-taper"), plan.on("D+56", "mycophenolate-taper")
    assert (first.daily_mg, first.exact_mg) == ("1500.0", "")
    assert first.status == "step of FR-037: 75 % of the full dose; once the taper is confirmed"
    assert last.daily_mg == ""
    assert "stop when the level" in last.status
    assert "open" in plan.on("D+62", "ciclosporin-taper").status


def test_a_cell_dose_stands_on_its_infusion_only(plan):
    first, second = plan.order("pdli-1"), plan.order("pdli-2")
    assert (first["quantityQuantity"]["value"], first["quantityQuantity"]["code"]) == (Decimal("0.1"), "10*6/kg")
    assert "as FR-037 gives it" in notes(first)
    assert "quantityQuantity" not in second
    assert "FR-037's" in plan.on("D+120", "pdli-1").status


def test_windows_and_a_day_for_the_undated_visit(plan):
    visit, baseline = plan.order("visit-m3"), plan.order("visit-baseline")
    assert visit["occurrenceDateTime"] == "2026-06-02"
    assert notes(visit) == "Window of FR-037: D+76 to D+104 (2026-05-17 to 2026-06-14)."
    assert baseline["occurrenceDateTime"] == "2026-02-10"
    assert "D-20 is FR-037's" in notes(baseline)
    (group,) = plan.orders("RequestGroup")
    (action,) = [a for part in group["action"] for a in part["action"] if a["id"] == "visit-m3"]
    (window,) = action["relatedAction"][0]["extension"]
    assert (window["valueRange"]["low"]["value"], window["valueRange"]["high"]["value"]) == (76, 104)
    undated = plan_with(overlay(visits={"visit-m3": {"from": 76, "to": 104}}), day_zero=None, draft=True)
    assert notes(undated.order("visit-m3")) == "Window of FR-037: D+76 to D+104."


def test_supportive_care_is_told_on_the_plan(plan):
    (care_plan,) = plan.orders("CarePlan")
    assert notes(care_plan) == "Supportive care of FR-037: Prophylaxis as in ward standard 12"


def test_a_deviation_shows_its_reason_on_every_order_of_the_line(plan):
    order, row = plan.order("thiotepa", "D-13"), plan.on("D-13", "thiotepa")
    assert (row.basis_value, row.daily_mg) == ("10", "700.0")
    told = "DEVIATION of FR-037 from the protocol: Decision of the pharmacy board, example only"
    assert told in order["dosageInstruction"][0]["text"]
    assert told in notes(order)
    assert told in row.status
    assert "DEVIATION" not in plan.order("etoposide", "D-12")["dosageInstruction"][0]["text"]


def test_what_was_strange_in_the_protocol_before_is_no_fault_of_a_deviation():
    kdn5 = parse_protocol((ROOT / "tests" / "protocols" / "kdn5.yaml").read_text("utf-8"))
    assert list(look_over(kdn5))
    reason = {"line": "gemcitabine", "days": {"each_of": [1, 8, 15]}, "reason": "example only"}
    said = {"centre": "FR-037", "protocol": kdn5.key, "deviations": [reason]}
    made = parse(yaml.safe_dump(said), kdn5)
    assert [one.line for one in made.deviations] == ["gemcitabine"]


def test_the_provenance_of_a_plan_names_the_centre_of_the_overlay():
    made = plan_with(parse(EXAMPLE, SET), made=datetime(2026, 2, 12, tzinfo=UTC), software="Engraft (test)")
    (origin,) = [one for one in made.applied.resources if one["resourceType"] == "Provenance"]
    assert {"display": "overlay of centre FR-037"} in [one["what"] for one in origin["entity"]]


def test_days_may_deviate_too():
    made = overlay(deviations=[{"line": "ptcy", "days": {"each_of": [3, 4]}, "reason": "example"}])
    assert plan_with(made).days("ptcy") == ["D+3", "D+4"]
    assert made.laid_over(SET) is made.laid_over(SET)


def test_a_draft_shows_the_steps_without_amounts():
    draft = plan_with(parse(EXAMPLE, SET), body=Body(None, None), draft=True)
    assert draft.on("D+35", "mycophenolate-taper").daily_mg == ""


def test_toml_says_the_same():
    text = 'centre = "FR-037"\nprotocol = "set-haplo-pdli"\n[lines.busulfan]\nstep_mg = 0.5\n'
    assert parse(text, SET, toml=True).line("busulfan").step_mg == Decimal("0.5")
    assert named_protocol(text, toml=True) == "set-haplo-pdli"


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"foo": 1}, "foo"),
        ({"protocol": "another"}, "protocol"),
        ({"centre": ""}, "centre"),
        ({"lines": {"thiotepa": {"dose": {"amount": 10}}}}, "lines.thiotepa.dose"),
        ({"lines": {"nobody": {"step_mg": 1}}}, "lines.nobody"),
        ({"lines": {"busulfan": {"step_mg": 0}}}, "lines.busulfan.step_mg"),
        ({"lines": {"busulfan": {"route": "oral"}}}, "lines.busulfan.route"),
        ({"lines": {"mycophenolate": {"doses_per_day": 3}}}, "lines.mycophenolate.doses_per_day"),
        ({"tapers": {"nobody": [{"from": 35, "to": 36, "percent": 50}]}}, "tapers.nobody"),
        ({"tapers": {"mycophenolate-taper": [{"from": 34, "to": 36, "percent": 50}]}}, "tapers.mycophenolate-taper.1"),
        ({"tapers": {"mycophenolate-taper": [{"from": 50, "to": 57, "percent": 50}]}}, "tapers.mycophenolate-taper.1"),
        ({"tapers": {"mycophenolate-taper": [{"from": 40, "to": 39, "percent": 50}]}}, "tapers.mycophenolate-taper.1"),
        ({"tapers": {"mycophenolate-taper": [{"from": 40, "to": 41}]}}, "tapers.mycophenolate-taper.1"),
        ({"infusions": {"pdli-4": {"amount": 1, "unit": "10*6/kg"}}}, "infusions.pdli-4"),
        ({"infusions": {"pdli-1": {"amount": 1, "unit": "mg"}}}, "infusions.pdli-1.unit"),
        ({"visits": {"visit-m9": {"from": 1, "to": 2}}}, "visits.visit-m9"),
        ({"visits": {"visit-m3": {"from": 100}}}, "visits.visit-m3"),
        ({"visits": {"visit-m3": {"from": 100, "to": 90}}}, "visits.visit-m3"),
        ({"visits": {"visit-m3": {"day": 90}}}, "visits.visit-m3.day"),
        ({"visits": {"assay-d30": {"day": 31}}}, "visits.assay-d30.day"),
        ({"deviations": [{"line": "thiotepa", "reason": "nothing"}]}, "deviations.1"),
        ({"deviations": [{"line": "nobody", "reason": "x"}]}, "deviations.1.line"),
        ({"deviations": [{"line": "thiotepa"}]}, "deviations.1.reason"),
        (
            {
                "deviations": [
                    {"line": "thiotepa", "days": {"each_of": [-14]}, "reason": "one"},
                    {
                        "line": "thiotepa",
                        "dose": {"amount": 4, "unit": "mg", "per": "kg", "each": "day"},
                        "reason": "two",
                    },
                ]
            },
            "deviations.2.line",
        ),
        ({"visits": {"visit-baseline": {"day": -4000}}}, "visits.visit-baseline.day"),
        ({"visits": {"visit-m3": {"from": 76, "to": 99999999}}}, "visits.visit-m3.to"),
        (
            {"deviations": [{"line": "thiotepa", "days": {"each_of": [-7]}, "reason": "on a rest day"}]},
            "deviations.1",
        ),
    ],
)
def test_what_an_overlay_may_not_say_is_refused_with_its_path(said, path):
    with pytest.raises(FaultyInput) as refused:
        overlay(**said)
    assert path in [fault.path for fault in refused.value.faults]


def test_a_fault_is_told_with_its_line():
    text = "centre: FR-037\nprotocol: set-haplo-pdli\nlines:\n  busulfan: {step_mg: 1}\n  nobody: {step_mg: 1}\n"
    text += "deviations:\n  - line: thiotepa\n    reason: none\n"
    with pytest.raises(FaultyInput) as refused:
        parse(text, SET)
    assert [(fault.path, fault.line) for fault in refused.value.faults] == [("lines.nobody", 5)]
    with pytest.raises(FaultyInput) as refused:
        parse(text.replace("  nobody: {step_mg: 1}\n", ""), SET)
    assert [(fault.path, fault.line) for fault in refused.value.faults] == [("deviations.1", 6)]


@pytest.mark.parametrize("slip", ["step_mg: 1, step_mg: 10", "doses_per_day: 010", "step_mg: 1:30", "step_mg: 0x10"])
def test_a_slip_of_the_pen_changes_no_number_unseen(slip):
    """YAML takes the later of two keys, reads 010 as eight and 1:30 as ninety."""
    with pytest.raises(FaultyInput):
        parse(f"centre: FR-037\nprotocol: set-haplo-pdli\nlines:\n  busulfan: {{{slip}}}\n", SET)


@pytest.mark.parametrize(("text", "toml"), [("- 1", False), ("a: [", False), ("a = ", True), ("centre: x", False)])
def test_what_is_no_overlay_at_all_is_refused(text, toml):
    with pytest.raises(FaultyInput):
        named_protocol(text, toml=toml)
    with pytest.raises(FaultyInput):
        parse(text, SET, toml=toml)
