"""The regimen, clause by clause: each test's docstring begins with the protocol's own sentence."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.lib.plans import a_plan, calculated, ordered


def test_thiotepa_is_given_once_thirteen_days_before_the_graft():
    """Thiotepa 5 mg / kg / day for 1 day (D-13)"""
    plan = a_plan(weight_kg="70")
    assert plan.days("thiotepa") == ["D-13"]
    assert plan.on("D-13", "thiotepa").date == "2026-02-17"
    assert plan.on("D-13", "thiotepa").daily_mg == "350.0"
    order = plan.order("thiotepa", "D-13")
    assert (calculated(order), ordered(order)) == (Decimal(350), (Decimal(5), "mg/kg"))


def test_cyclophosphamide_before_transplant_is_by_surface_on_four_days():
    """Cyclophosphamide 400 mg / m² / day for 4 days (J-12 to J-9)"""
    plan = a_plan(weight_kg="70", height_cm="175")
    assert plan.days("cyclophosphamide") == ["D-12", "D-11", "D-10", "D-9"]
    assert plan.on("D-12", "cyclophosphamide").exact_mg == "737.8648"
    assert plan.on("D-9", "cyclophosphamide").daily_mg == "737.9"
    assert ordered(plan.order("cyclophosphamide", "D-9")) == (Decimal(400), "mg/m2")


def test_etoposide_runs_on_the_same_four_days():
    """Etoposide 100 mg / m² / day for 4 days (J-12 to J-9)"""
    plan = a_plan(weight_kg="70", height_cm="175")
    assert plan.days("etoposide") == ["D-12", "D-11", "D-10", "D-9"]
    assert plan.on("D-11", "etoposide").daily_mg == "184.5"


def test_sequential_chemotherapy_is_three_drugs():
    """1- sequential Packaging (SET): 1. sequential chemotherapy"""
    (group,) = [a for a in _actions(a_plan()) if a["id"] == "sequential-chemotherapy"]
    assert [line["id"] for line in group["action"]] == ["thiotepa", "cyclophosphamide", "etoposide"]


def test_rest_days_are_three_and_kept_free():
    """Rest days J-8 and J-6 | 2. Rest days J-8 and J-6"""
    plan = a_plan()
    assert plan.days("rest") == ["D-8", "D-7", "D-6"]
    rest = plan.order("rest", "D-8")
    assert rest["restriction"]["period"] == {"start": "2026-02-22", "end": "2026-02-24"}
    drug_days = {row.day for row in plan.applied.rows if row.daily_mg}
    assert not drug_days & {"D-8", "D-7", "D-6"}


def test_reduced_intensity_conditioning_is_three_drugs():
    """3. Reduced-intensity conditioning (RIC)"""
    (group,) = [a for a in _actions(a_plan()) if a["id"] == "conditioning"]
    assert [line["id"] for line in group["action"]] == ["fludarabine", "busulfan", "atg"]


def test_fludarabine_is_by_surface_on_five_days():
    """Fludarabine 30 mg / m² / day for 5 days (J-5 to D-1)"""
    plan = a_plan(weight_kg="70", height_cm="175")
    assert plan.days("fludarabine") == ["D-5", "D-4", "D-3", "D-2", "D-1"]
    assert plan.on("D-1", "fludarabine").daily_mg == "55.3"


def test_busulfan_is_intravenous_on_two_days():
    """Busulfan IV 3.2 mg / kg / day for 2 days (J-5 and J-4)"""
    plan = a_plan(weight_kg="70")
    assert plan.days("busulfan") == ["D-5", "D-4"]
    assert plan.on("D-4", "busulfan").daily_mg == "224.0"
    (dosage,) = plan.order("busulfan", "D-5")["dosageInstruction"]
    assert dosage["route"]["coding"][0]["code"] == "47625008"


def test_thymoglobuline_is_the_rabbit_product_on_two_days():
    """Anti-lymphocyte serum (Thymoglobuline) 2.5 mg / kg / day for 2 days (J-3 and J-2)"""
    plan = a_plan(weight_kg="70")
    assert plan.days("atg") == ["D-3", "D-2"]
    assert plan.on("D-2", "atg").daily_mg == "175.0"
    atc = {c["code"] for c in plan.order("atg", "D-3")["medicationCodeableConcept"]["coding"]}
    assert "L04AA04" in atc
    assert "L04AA03" not in atc


def test_graft_is_day_zero():
    """2 Graft transfusion: the day D0. A graft of peripheral stem cells is preferred. | 2 Graft transfusion: the day D0."""  # noqa: E501  the protocol's sentence
    plan = a_plan()
    order = plan.order("graft", "D0")
    assert order["occurrenceDateTime"] == "2026-03-02"
    assert {"haplo-hsct", "50223000", "234336002"} == {c["code"] for c in order["code"]["coding"]}
    assert plan.on("D0", "graft").date == "2026-03-02"


def test_cyclophosphamide_after_transplant_is_on_days_three_and_five_only():
    """Cyclophosphamide 50mg / kg / day on days D + 3 and D + 5"""
    plan = a_plan(weight_kg="70")
    assert plan.days("ptcy") == ["D+3", "D+5"]
    assert plan.on("D+3", "ptcy").daily_mg == "3500.0"
    assert plan.order("ptcy", "D5")["dosageInstruction"][0]["timing"]["event"] == ["2026-03-07"]


def test_gvhd_prevention_is_ptcy_ciclosporin_and_mycophenolate():
    """3- Prevention of GVHD:"""
    (group,) = [a for a in _actions(a_plan()) if a["id"] == "gvhd-prophylaxis"]
    assert [line["id"] for line in group["action"]] == ["ptcy", "ciclosporin", "mycophenolate"]


def test_ciclosporin_is_one_order_that_no_date_ends():
    """Cyclosporine A (CSA; 3 mg / kg / day IV from D + 6)"""
    plan = a_plan(weight_kg="70")
    order = plan.order("ciclosporin", "D6")
    (dosage,) = order["dosageInstruction"]
    assert dosage["timing"]["repeat"]["boundsPeriod"] == {"start": "2026-03-08"}
    assert "until tapered" in dosage["text"]
    assert (calculated(order), ordered(order)) == (Decimal(210), (Decimal(3), "mg/kg"))
    days = plan.days("ciclosporin")
    assert (days[0], days[-1], len(days)) == ("D+6", "D+61", 56)


@pytest.mark.parametrize(
    ("weight", "per_dose", "capped"),
    [("70", "1000", True), ("66.6", "999", False), ("66.7", "1000", True), ("35", "525", False)],
)
def test_mycophenolate_is_capped_at_one_gram_twice_a_day(weight, per_dose, capped):
    """Mycophenolate mofetil (MMF; 30 mg / kg / day, maximum x2 1g / day from day J + 6)"""
    plan = a_plan(weight_kg=weight)
    order = plan.order("mycophenolate", "D6")
    (dosage,) = order["dosageInstruction"]
    repeat = dosage["timing"]["repeat"]
    assert (repeat["frequency"], repeat["period"], repeat["periodUnit"]) == (2, 1, "d")
    assert repeat["boundsPeriod"] == {"start": "2026-03-08"}
    assert calculated(order) == Decimal(per_dose)
    assert ("capped from" in dosage["text"]) is capped
    assert dosage["maxDosePerAdministration"]["value"] == 1
    assert ordered(order) == (Decimal(30), "mg/kg/d")
    days = plan.days("mycophenolate")
    assert (days[0], days[-1], len(days)) == ("D+6", "D+34", 29)


def test_supportive_care_is_left_to_the_centre():
    """4- Care supports: according to the protocols of each center"""
    drugs = {row.action for row in a_plan().applied.rows if row.daily_mg}
    assert drugs == {
        *("thiotepa", "cyclophosphamide", "etoposide", "fludarabine"),
        *("busulfan", "atg", "ptcy", "ciclosporin", "mycophenolate"),
    }


def test_tapers_wait_for_absence_of_gvhd_and_carry_no_dose():
    """In the absence of clinical contraindication(GVHD), tapering MMF between days D + 35 and D + 56, then tapering CSA between D + 62 and D + 90 | In the absence of clinical contraindication(GVHD)"""  # noqa: E501  the protocol's sentence
    plan = a_plan()
    mmf, csa = plan.order("mycophenolate-taper"), plan.order("ciclosporin-taper")
    assert mmf["restriction"]["period"] == {"start": "2026-04-06", "end": "2026-04-27"}
    assert csa["restriction"]["period"] == {"start": "2026-05-03", "end": "2026-05-31"}
    assert {mmf["resourceType"], csa["resourceType"]} == {"Task"}
    assert all(row.daily_mg == "" and "open" in row.status for row in plan.rows("mycophenolate-taper"))
    action = _leaves(plan)["ciclosporin-taper"]
    assert "no active GVHD" in action["condition"][0]["expression"]["description"]
    assert {"actionId": "mycophenolate-taper", "relationship": "after-end"} in action["relatedAction"]


def test_three_gated_infusions_none_before_day_120():
    """pDLI: 3 injections from the D + 120 in patients who discontinued immunosuppressive therapy for ≥ 1 month and having no active GVHD or history of acute GVHD grade> II."""  # noqa: E501  the protocol's sentence
    plan = a_plan()
    leaves = _leaves(plan)
    for key in ("pdli-1", "pdli-2", "pdli-3"):
        assert plan.order(key)["occurrencePeriod"] == {"start": "2026-06-30"}
        assert plan.order(key)["status"] == "draft"
        (condition,) = leaves[key]["condition"]
        assert condition["kind"] == "start"
        gate = condition["expression"]["expression"]
        assert gate == (
            "%day >= 120 and %monthsOffImmunosuppression >= 1 and %activeGvhd = false and %worstAcuteGvhd <= 2"
        )
        assert plan.rows(key)[0].daily_mg == ""


def test_pdli_scheme_is_a_proposal_to_the_centres():
    """5- lymphocyte injection of prophylactic donor (pDLI): according to the protocols of each center. The following scheme is proposed:"""  # noqa: E501  the protocol's sentence
    plan = a_plan()
    assert "centre" in plan.order("pdli-1")["note"][0]["text"]
    assert _leaves(plan)["pdli-1"]["requiredBehavior"] == "could"


def _actions(plan):
    (group,) = plan.orders("RequestGroup")
    return group["action"]


def _leaves(plan):
    def walk(actions):
        for action in actions:
            if "action" in action:
                yield from walk(action["action"])
            else:
                yield action["id"], action

    return dict(walk(_actions(plan)))
