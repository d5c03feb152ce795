"""Gates, weight, plan and visits as a clinician is told of them; cards in the shape of CDS Hooks."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from mappings.canonicals import DEFAULT
from mappings.facts import BodyMeasure, FollowUp, Measured, Measurements, Missing, PartialDate
from mappings.plan import Body, cards, gate_advice, order_check, view_advice, weight_advice
from mappings.plan.advice import Advice, Urgency
from mappings.plan.weight_advice import Watch, Weighed
from mappings.r4.build import Ids
from mappings.r4.faults import Fault
from mappings.terminology import codes
from tests.lib.drafts import bench, dosage, draft, keys, mass, on, read
from tests.lib.plans import COURSE
from tests.lib.records import D119, D122, a_record, form, ready

IDS = Ids(COURSE)
SICK = form("2026-07-01", gvhd={"acute": [{"onset": "2026-06-20", "grade": "III", "liver": 2}]})
GIVEN = form("2026-07-02", dli=[{"number": 1, "date": "2026-07-01"}])


def infusion(**more):
    return {
        "resourceType": "ServiceRequest",
        "id": "s1",
        "status": "draft",
        "intent": "order",
        "code": codes.concept("procedures", "prophylactic-dli", DEFAULT),
        "occurrenceDateTime": "2026-07-02",
        **more,
    }


def ordered(request, *forms, today=D122):
    return gate_advice.of_orders([request], IDS, bench(a_record(*forms), today=today))


# an order for donor lymphocytes


@pytest.mark.parametrize(
    ("forms", "urgency", "verdict"),
    [((ready(),), "info", "met"), ((), "warning", "unknown"), ((ready(), SICK), "critical", "not met")],
)
def test_an_infusion_is_ordered_under_its_gate(forms, urgency, verdict):
    """What is not known is a warning and never critical."""
    (advice,) = ordered(infusion(), *forms)
    assert (advice.key, advice.urgency.value) == ("gate/pdli-1/s1", urgency)
    assert advice.summary == f"Prophylactic donor lymphocyte infusion 1 on 2026-07-02 (D+122): its gate is {verdict}."


def test_a_gate_that_is_met_tells_how_old_its_looks_are():
    (advice,) = ordered(infusion(), ready())
    assert "- no active GVHD: known as of 2026-06-30, 2 day(s) before" in advice.detail


def test_relapse_stands_beside_the_gate():
    relapse = form("2026-07-01", relapse={"date": "2026-06-28", "kind": "molecular"})
    (advice,) = ordered(infusion(), ready(), relapse)
    assert advice.urgency is Urgency.INFO
    assert "- Beside the gate: relapse, molecular, 2026-06-28" in advice.detail


@pytest.mark.parametrize(
    ("when", "verdict"),
    [
        ({"occurrenceDateTime": "2026-06-29T10:00:00+02:00"}, "not met"),
        ({"occurrenceDateTime": "2026-06-30"}, "met"),
        ({"occurrenceDateTime": None, "occurrencePeriod": {"start": "2026-06-29"}}, "not met"),
        ({"occurrenceDateTime": None}, "met"),
    ],
)
def test_the_gate_is_judged_for_the_day_of_the_order(when, verdict):
    (advice,) = ordered(infusion(**when), ready())
    assert advice.summary.endswith(f"its gate is {verdict}.")


def test_the_next_injection_is_meant_unless_the_order_says_which():
    (second,) = ordered(infusion(), ready(), GIVEN)
    assert second.key == "gate/pdli-2/s1"
    (first,) = ordered(infusion(basedOn=[{"reference": f"ServiceRequest/{IDS('pdli-1')}"}]), ready(), GIVEN)
    assert (first.urgency.value, first.summary) == (
        "info",
        "Prophylactic donor lymphocyte infusion 1: injection 1 given, 2026-07-01 already.",
    )
    (third,) = ordered(infusion(identifier=[IDS.identifier("pdli-3", system="request")]), ready(), GIVEN)
    assert (third.key, third.urgency.value) == ("gate/pdli-3/s1", "critical")


def test_after_three_injections_there_is_no_next_one():
    three = form("2026-07-02", dli=[{"number": n, "date": f"2026-07-0{n - 1 or 1}"} for n in (1, 2, 3)])
    (advice,) = ordered(infusion(), ready(), three)
    assert "infusion 3: injection 3 given" in advice.summary


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"code": codes.concept("procedures", "dli", DEFAULT)}, True),  # does not say what for: it may be this one
        ({"code": None, "instantiatesCanonical": [DEFAULT.pinned("ActivityDefinition", "set-haplo-pdli-pdli")]}, True),
        ({"code": None, "id": IDS("pdli-2")}, True),
        ({"code": codes.concept("procedures", "platelet-transfusion", DEFAULT)}, False),
        ({"code": {"text": "Donor lymphocyte infusion"}}, False),
        ({"code": None, "identifier": [{"system": DEFAULT.sid("request"), "value": "c"}]}, False),
        ({"code": None, "identifier": [{"system": "urn:other", "value": "c/pdli-1"}], "basedOn": "x"}, False),
    ],
)
def test_which_order_is_for_donor_lymphocytes(said, meant):
    assert bool(ordered(infusion(**said), ready())) is meant


# opening the chart


@pytest.mark.parametrize(
    ("today", "shown"),
    [
        (date(2026, 3, 1), []),
        (date(2026, 4, 6), ["gate/mycophenolate-taper"]),
        (date(2026, 5, 10), ["gate/ciclosporin-taper"]),
        (D119, []),
        (D122, ["gate/pdli-1"]),
    ],
)
def test_gates_are_shown_when_their_days_have_come(today, shown):
    assert keys(gate_advice.of_view(bench(a_record(ready()), today=today))) == shown


def test_a_taper_that_began_late_is_shown_for_what_it_is():
    """D+62 is five days after the protocol's last day for mycophenolate."""
    begun = {"begun": {"mycophenolate-taper": date(2026, 5, 3)}, "deviations": {"mycophenolate-taper": "seen late"}}
    shown = gate_advice.of_view(bench(a_record(**begun), today=date(2026, 5, 5)))
    (advice,) = [one for one in shown if one.key == "gate/mycophenolate-taper"]
    assert "DEVIATION from the protocol: seen late" in advice.detail


def test_of_several_injections_the_next_one_is_shown():
    assert keys(gate_advice.of_view(bench(a_record(ready(), GIVEN)))) == ["gate/pdli-2"]
    (advice,) = gate_advice.of_view(bench(a_record(ready())))
    assert advice.urgency is Urgency.INFO
    assert advice.summary == "Prophylactic donor lymphocyte infusion 1: the gate is met on 2026-07-02 (D+122)."


def test_without_a_graft_date_every_gate_is_shown_as_unknown():
    shown = gate_advice.of_view(bench(a_record(graft=None)))
    assert keys(shown) == ["gate/mycophenolate-taper", "gate/ciclosporin-taper", "gate/pdli-1"]
    assert all("is unknown" in one.summary for one in shown)


@pytest.mark.parametrize(
    ("status", "key", "urgency"),
    [
        ("draft", "plan/draft", "warning"),
        ("active", "plan/active", "info"),
        ("revoked", "plan/revoked", "warning"),
        (None, "plan/none", "info"),
    ],
)
def test_whether_the_plan_is_validated(status, key, urgency):
    missing = [Fault("measurements.weight", "weight in kg is needed to dose this protocol", "required")]
    (advice,) = view_advice.plan(status, missing, "SET")
    assert (advice.key, advice.urgency.value) == (key, urgency)
    assert ("measurements.weight" in advice.detail) is (status is None)


def test_visits_whose_day_has_come_are_due_until_they_are_told():
    m1 = form("2026-04-02", "m1", vital_status={"status": "alive"})
    (due,) = view_advice.visits(a_record(m1), date(2026, 6, 2))
    assert due.summary == "Follow-up not told yet: Visit at 3 months."
    assert due.detail == "- Visit at 3 months: 2026-06-02 (D+92)"
    assert list(view_advice.visits(a_record(m1), date(2026, 6, 1))) == []
    assert list(view_advice.visits(a_record(graft=None), D122)) == []


def test_nothing_is_due_of_a_patient_who_died():
    died = form("2026-05-10", vital_status={"status": "dead", "date": "2026-05-09"})
    assert list(view_advice.visits(a_record(died), D122)) == []
    lost = form("2026-05-10", vital_status={"status": "lost", "date": "2026-05-09"})
    assert len(list(view_advice.visits(a_record(lost), D122))) == 1
    seen = form("2026-06-20", vital_status={"status": "alive", "date": "2026-06-20"})
    assert len(list(view_advice.visits(a_record(died, seen), D122))) == 1


# the weight


BODY = Body(Decimal(70), Decimal(175), date(2026, 2, 10), date(2026, 2, 10))


def weighed(body=BODY, newer=(), day=date(2026, 2, 17), watch=None):
    return [
        (one.key, one.urgency.value) for one in weight_advice.advise(body, newer, day, a_record(), watch or Watch())
    ]


@pytest.mark.parametrize(
    ("day", "told"), [("2026-02-24", []), ("2026-02-25", [("weight/stale", "warning")]), ("2026-02-01", [])]
)
def test_a_weight_is_old_two_weeks_before_the_order(day, told):
    assert weighed(day=date.fromisoformat(day)) == told
    assert weighed(day=date.fromisoformat(day), watch=Watch(oldest_days=30)) == []


def test_a_newer_weight_of_the_same_kilograms_makes_it_young_again():
    assert weighed(newer=[Weighed(Decimal(70), date(2026, 2, 20))], day=date(2026, 3, 5)) == []
    assert weighed(newer=[Weighed(Decimal(70), date(2026, 2, 18))], day=date(2026, 3, 5)) == [
        ("weight/stale", "warning")
    ]


def test_a_weight_without_a_day_is_told():
    assert weighed(Body(Decimal(70), None)) == [("weight/undated", "info")]
    assert weighed(Body(None, None)) == []


@pytest.mark.parametrize(
    ("newer", "limit", "told"),
    [
        ([Weighed(Decimal("70.0"), date(2026, 2, 16))], None, []),
        ([Weighed(Decimal(62), date(2026, 2, 16))], None, [("weight/changed", "info")]),
        ([Weighed(Decimal(62), date(2026, 2, 9))], None, []),
        ([Weighed(Decimal("62.9"), date(2026, 2, 16))], "10", [("weight/changed", "warning")]),
        ([Weighed(Decimal(63), date(2026, 2, 16))], "10", []),
        ([Weighed(Decimal(62), date(2026, 2, 12)), Weighed(Decimal(70), date(2026, 2, 16))], None, []),
    ],
)
def test_a_newer_weight_that_differs_is_told(newer, limit, told):
    """From how much on it is a warning is for the deployment to say."""
    watch = Watch(differs_percent=Decimal(limit) if limit else None)
    assert weighed(newer=newer, watch=watch) == told


def test_the_difference_is_told_in_per_cent():
    newer = [Weighed(Decimal("62.5"), date(2026, 2, 16))]
    (advice,) = weight_advice.advise(BODY, newer, date(2026, 2, 17), a_record(), Watch())
    assert advice.summary == "62.5 kg on 2026-02-16, 10.7 % less than the 70 kg by which the plan is dosed."
    (more,) = weight_advice.advise(
        BODY, [Weighed(Decimal(77), date(2026, 2, 16))], date(2026, 2, 17), a_record(), Watch()
    )
    assert "10.0 % more" in more.summary


def observed(**changes):
    said = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "subject": {"reference": "Patient/ehr-1"},
        "effectiveDateTime": "2026-02-16T07:30:00+01:00",
        "valueQuantity": {"value": 62, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
    }
    return said | changes


def test_a_prefetched_weight_is_read_alone_or_from_a_bundle():
    wanted = [Weighed(Decimal(62), date(2026, 2, 16))]
    assert list(weight_advice.of_resource(observed(), "ehr-1")) == wanted
    bundle = {"resourceType": "Bundle", "entry": [{"resource": observed()}, {"resource": None}, 7]}
    assert list(weight_advice.of_resource(bundle, "ehr-1")) == wanted
    grams = {"value": 62000, "unit": "g", "system": "http://unitsofmeasure.org", "code": "g"}
    assert list(weight_advice.of_resource(observed(valueQuantity=grams), "ehr-1")) == wanted


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "entered-in-error"},
        {"subject": {"reference": "Patient/another"}},
        {"subject": None},
        {"effectiveDateTime": "2026-02"},
        {"code": {"coding": [{"system": "http://loinc.org", "code": "8302-2"}]}},
        {"valueQuantity": {"value": 62, "unit": "stone"}},
        {"valueQuantity": {"value": 0, "unit": "kg"}},
        {"valueQuantity": {"value": 62, "unit": "kg", "comparator": ">"}},
        {"valueQuantity": {"value": "62", "unit": "kg"}},
        {"valueQuantity": {"value": 62, "unit": "kg", "system": "urn:house", "code": "stone"}},
        {"status": "unknown"},
    ],
)
def test_an_observation_that_is_no_weight_of_the_patient_is_none(changes):
    assert list(weight_advice.of_resource(observed(**changes), "ehr-1")) == []


def test_weights_of_visits_have_their_own_day_or_the_visits():
    def visit(weight, day="2026-06-02"):
        return FollowUp("C", "P", "m3", PartialDate(day), measurements=Measurements(weight))

    own = BodyMeasure(Measured(Decimal("66500"), "g"), PartialDate("2026-06-01"))
    visits = [
        visit(own),
        visit(BodyMeasure(Measured(Decimal(66), "kg"))),
        visit(BodyMeasure(Measured(Decimal(66), "kg")), "2026-06"),
        visit(BodyMeasure(Measured(Decimal(66), "kg", "<"))),
        visit(Missing("unknown")),
        FollowUp("C", "P", "m3", PartialDate("2026-06-02")),
    ]
    assert [(str(one.kg), one.on.day) for one in weight_advice.of_visits(visits)] == [("66.500", 1), ("66", 2)]


def test_a_weight_is_spoken_of_only_where_the_plan_has_the_drug():
    drafts = read(draft("thiotepa", dosage(mass("350"), on("2026-02-17"))), draft("tacrolimus", id_="d2"))
    assert [one.drug for one in order_check.concerned(drafts, [one.reference for one in drafts], bench())] == [
        "thiotepa"
    ]
    assert order_check.concerned(drafts, [], bench()) == []


# cards


INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"


def test_cards_come_with_the_most_urgent_first_and_ids_of_their_own():
    advice = [
        Advice("a", Urgency.INFO, "A."),
        Advice("b", Urgency.CRITICAL, "B.", "why"),
        Advice("c", Urgency.WARNING, "C."),
    ]
    made = cards.response(advice, INSTANCE, "Engraft", DEFAULT)["cards"]
    assert [card["indicator"] for card in made] == ["critical", "warning", "info"]
    assert len({card["uuid"] for card in made}) == 3
    assert cards.response(advice, INSTANCE, "Engraft", DEFAULT)["cards"] == made
    again = cards.response(advice, INSTANCE.replace("d1", "d2"), "Engraft", DEFAULT)["cards"]
    assert {card["uuid"] for card in made} & {card["uuid"] for card in again} == set()
    assert made[0]["detail"] == "why"
    assert "detail" not in made[2]


def test_a_warning_can_be_set_aside_for_a_reason_and_an_information_needs_none():
    made = cards.response([Advice("a", Urgency.INFO, "A."), Advice("c", Urgency.WARNING, "C.")], INSTANCE, "x", DEFAULT)
    warning, information = made["cards"]
    assert all(reason["display"] and reason["system"] == DEFAULT.local for reason in warning["overrideReasons"])
    assert len(warning["overrideReasons"]) == 3
    assert "overrideReasons" not in information


@pytest.mark.parametrize(("length", "clipped"), [(139, False), (140, True), (400, True)])
def test_a_summary_has_less_than_140_characters_and_the_rest_is_not_lost(length, clipped):
    text = "x" * length
    (card,) = cards.response([Advice("a", Urgency.INFO, text, "more")], INSTANCE, "x", DEFAULT)["cards"]
    assert len(card["summary"]) < 140
    assert card["summary"].endswith("…") is clipped
    assert card["detail"] == (f"{text}\n\nmore" if clipped else "more")
    (bare,) = cards.response([Advice("a", Urgency.INFO, text)], INSTANCE, "x", DEFAULT)["cards"]
    assert bare.get("detail") == (text if clipped else None)
