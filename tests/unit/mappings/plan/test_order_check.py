"""Draft orders against the plan of a synthetic patient (70 kg, graft 2026-03-02): what a pharmacist must be told."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from mappings.canonicals import ATC
from mappings.plan.order_check import check
from mappings.plan.tapered import Confirmed, tapered
from tests.lib.drafts import advised, bench, dosage, draft, every_day, keys, mass, on, read
from tests.lib.plans import a_plan
from tests.lib.records import a_record, form

D13, D5, D4, D3 = "2026-02-17", "2026-02-25", "2026-02-26", "2026-03-05"
CONFIRMED = Confirmed(date(2026, 4, 6), None, "Dr A. Example", "Gate met.")
WELL = form("2026-04-02", "m1", gvhd={"assessed": "2026-04-02", "acute": [], "chronic": []})


def test_orders_as_the_plan_has_them_are_not_spoken_of():
    own = [dict(one, id=f"d{n}") for n, one in enumerate(a_plan(intent="plan").orders("MedicationRequest"))]
    assert advised(*own) == []


@pytest.mark.parametrize(
    "request_",
    [
        draft("thiotepa", dosage(mass("350"), on(D13))),
        draft("thiotepa", dosage(mass("0.35", "g"), on(D13))),
        draft("thiotepa", dosage(mass("175"), on(D13, frequency=2, period=1, periodUnit="d"))),
        draft("busulfan", dosage(mass("56"), on(D5, D4, frequency=1, period=6, periodUnit="h"))),
        draft("mycophenolate", dosage(mass("1", "g"), every_day("2026-03-08", frequency=2))),
        draft("ciclosporin", dosage(mass("105"), every_day("2026-03-08", "2026-03-20", frequency=2))),
    ],
)
def test_the_same_day_and_daily_amount_in_other_words_is_the_same(request_):
    assert advised(request_) == []


# wrong dose


@pytest.mark.parametrize(
    ("amount", "summary"),
    [
        (mass("300"), "Thiotepa on 2026-02-17 (D-13): 300 mg a day ordered, the plan has 350 mg a day."),
        (mass("350.1"), "Thiotepa on 2026-02-17 (D-13): 350.1 mg a day ordered, the plan has 350 mg a day."),
        (mass("3.5", "g"), "Thiotepa on 2026-02-17 (D-13): 3500 mg a day ordered, the plan has 350 mg a day."),
    ],
)
def test_any_other_amount_is_told_for_the_protocol_gives_no_tolerance(amount, summary):
    (advice,) = advised(draft("thiotepa", dosage(amount, on(D13))))
    assert (advice.urgency.value, advice.summary) == ("warning", summary)


def test_the_same_difference_on_several_days_is_told_once():
    (advice,) = advised(draft("busulfan", dosage(mass("200"), on(D5, D4))))
    assert advice.summary.startswith("Busulfan on 2026-02-25 (D-5): 200 mg")
    assert advice.detail == "- the same on 2026-02-26 (D-4)"


def test_the_amount_of_the_day_counts_and_not_that_of_the_drug():
    """Cyclophosphamide is in the plan twice: by surface before the graft, by weight after it."""
    (advice,) = advised(draft("cyclophosphamide", dosage(mass("737.9"), on(D3))))
    assert "the plan has 3500 mg a day" in advice.summary


def test_orders_of_one_drug_add_up():
    morning = draft("mycophenolate", dosage(mass("1", "g"), every_day("2026-03-08")), id_="am")
    evening = draft("mycophenolate", dosage(mass("1", "g"), every_day("2026-03-08")), id_="pm")
    assert keys(advised(morning)) == ["wrong-dose/mycophenolate/1000/2000.0"]
    assert advised(morning, evening) == []
    assert advised(morning, evening, chosen=["MedicationRequest/pm"]) == []
    thrice = advised(morning, evening, dict(morning, id="noon"))
    assert keys(thrice) == ["maximum-a-day/mycophenolate", "wrong-dose/mycophenolate/3000/2000.0"]


def test_the_doses_of_a_day_above_the_maximum_are_critical():
    """Mycophenolate mofetil (MMF; 30 mg / kg / day, maximum x2 1g / day from day J + 6)"""
    thrice = draft("mycophenolate", dosage(mass("1", "g"), every_day("2026-03-08", frequency=3)))
    maximum, wrong = advised(thrice)
    assert (maximum.urgency.value, wrong.urgency.value) == ("critical", "warning")
    assert maximum.summary == (
        "Mycophenolate mofetil on 2026-03-08 (D+6): 3000 mg a day is above the maximum of 2000 mg a day."
    )
    without_days = draft(
        "mycophenolate", dosage(mass("1", "g"), {"repeat": {"frequency": 3, "period": 1, "periodUnit": "d"}})
    )
    assert "Mycophenolate mofetil: 3000 mg a day is above" in advised(without_days)[0].summary
    most = draft("mycophenolate", dosage(mass("500"), every_day("2026-03-08", frequency=4)))
    assert "maximum-a-day/mycophenolate" not in keys(advised(most))


def test_only_what_was_chosen_is_spoken_of():
    wrong = draft("thiotepa", dosage(mass("300"), on(D13)), id_="t")
    right = draft("busulfan", dosage(mass("224"), on(D5, D4)), id_="b")
    assert advised(wrong, right, chosen=["MedicationRequest/b"]) == []
    assert len(advised(wrong, right, chosen=["MedicationRequest/t"])) == 1


def test_a_dose_above_the_maximum_is_critical():
    advice = advised(draft("mycophenolate", dosage(mass("1.5", "g"), every_day("2026-03-08", frequency=2))))
    assert [(one.key.partition("/")[0], one.urgency.value) for one in advice] == [
        ("maximum", "critical"),
        ("wrong-dose", "warning"),
    ]
    assert advice[0].summary == "Mycophenolate mofetil: a dose of 1500 mg is above the maximum of 1000 mg."
    once = advised(draft("mycophenolate", dosage(mass("2", "g"), every_day("2026-03-08"))))
    assert keys(once) == ["maximum/mycophenolate"]  # 2 g a day, but in one dose


# wrong day


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (draft("thiotepa", dosage(mass("350"), on("2026-02-18"))), "ordered for 2026-02-18 (D-12)"),
        (
            draft("busulfan", dosage(mass("224"), on("2026-02-24", "2026-02-25"))),
            "ordered for 2026-02-24 (D-6), to be kept free (rest)",
        ),
        (draft("ciclosporin", dosage(mass("210"), every_day("2026-03-07"))), "ordered for 2026-03-07 (D+5)"),
        (
            draft("mycophenolate", dosage(mass("1000"), on("2026-03-07", frequency=2, period=1, periodUnit="d"))),
            "2026-03-07",
        ),
    ],
)
def test_a_day_that_the_plan_has_not_is_told_with_the_days_that_it_has(request_, told):
    (advice,) = advised(request_)
    assert advice.key.startswith("wrong-day/")
    assert advice.urgency.value == "warning"
    assert told in advice.detail
    assert "the plan has it on " in advice.detail


def test_days_in_a_row_are_told_together():
    """Rest days stand apart, for they are to be kept free."""
    (advice,) = advised(draft("etoposide", dosage(mass("184.5"), every_day("2026-02-18", "2026-02-25"))))
    assert advice.summary == "Etoposide on 2026-02-22 (D-8) and 3 more day(s): not a day of the plan."
    assert advice.detail.splitlines() == [
        "- ordered for 2026-02-22 (D-8) to 2026-02-24 (D-6), to be kept free (rest)",
        "- ordered for 2026-02-25 (D-5)",
        "- the plan has it on 2026-02-18 (D-12) to 2026-02-21 (D-9)",
    ]


def test_an_order_without_an_end_for_a_drug_of_some_days():
    (advice,) = advised(draft("etoposide", dosage(mass("184.5"), every_day("2026-02-18"))))
    assert advice.summary == "Etoposide without an end: not a day of the plan."
    assert "- ordered without an end" in advice.detail


def test_without_a_graft_date_days_have_no_number():
    (advice,) = advised(draft("thiotepa", dosage(mass("350"), on("2026-02-18"))), record=a_record(graft=None))
    assert "ordered for 2026-02-18\n" in advice.detail


# what cannot be compared is said


@pytest.mark.parametrize(("signing", "urgency"), [(True, "warning"), (False, "info")])
@pytest.mark.parametrize(
    ("dosages", "gap"),
    [
        ([dosage(mass("35", "mL"), on(D13))], "an amount in mL"),
        ([dosage(mass("5", "mg/kg"), on(D13))], "an amount in mg/kg"),
        ([dosage(None, on(D13))], "no amount"),
        ([], "no dosage"),
        ([dosage(mass("350"))], "how often a day is not told"),
        (
            [dosage(mass("350"), {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}})],
            "on which days is not told",
        ),
        (
            [dosage(mass("350"), {"repeat": {"boundsPeriod": {"start": D13, "end": D13}}})],
            "how often a day is not told",
        ),
    ],
)
def test_a_dose_that_cannot_be_compared_is_never_passed_in_silence(signing, urgency, dosages, gap):
    (advice,) = advised(draft("thiotepa", *dosages), signing=signing)
    assert (advice.key, advice.urgency.value) == ("not-compared/thiotepa", urgency)
    assert advice.summary == f"Thiotepa: not compared with the plan: {gap}."


def test_what_is_surely_too_much_is_told_although_it_is_not_told_how_often():
    often = draft("thiotepa", dosage(mass("400"), {"repeat": {"boundsPeriod": {"start": D13, "end": D13}}}))
    (advice,) = advised(often)
    assert "at least 400 mg a day ordered, the plan has 350 mg a day" in advice.summary
    assert advice.detail == "- not read: how often a day is not told"


def test_an_amount_that_no_day_of_the_plan_has_is_wrong_on_any_day():
    daily = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}
    (wrong,) = advised(draft("cyclophosphamide", dosage(mass("1000"), daily)))
    assert wrong.summary == "Cyclophosphamide: 1000 mg a day ordered, the plan has 3500 mg a day."
    (open_,) = advised(draft("cyclophosphamide", dosage(mass("737.9"), daily)))
    assert open_.key == "not-compared/cyclophosphamide"


def test_an_undosed_plan_says_that_it_has_no_amount():
    undosed = read(*a_plan(intent="plan", draft=True).orders("MedicationRequest"))
    from dataclasses import replace

    from mappings.plan import order_check

    held = replace(bench(), plan=undosed)
    drafts = read(draft("thiotepa", dosage(mass("350"), on(D13))))
    (advice,) = order_check.check(drafts, ["MedicationRequest/d1"], held)
    assert advice.summary == "Thiotepa: not compared with the plan: an amount of the plan."


def test_without_a_plan_nothing_is_compared_and_that_is_said():
    (advice,) = advised(draft("thiotepa", dosage(mass("350"), on(D13))), planned=False)
    assert (advice.key, advice.urgency.value) == ("no-plan", "warning")


# other drugs


def test_a_drug_that_the_plan_has_not_is_an_information_at_most():
    (advice,) = advised(draft("tacrolimus", dosage(mass("2"), on(D13))))
    assert (advice.urgency.value, advice.summary) == ("info", "Tacrolimus is not in the plan.")


def test_another_substance_for_sure_is_none_of_our_business():
    paracetamol = {"coding": [{"system": ATC, "code": "N02BE01"}], "text": "Paracetamol"}
    assert advised(draft("x", dosage(mass("1", "g"), on(D13)), concept=paracetamol)) == []
    assert advised(draft("x", concept=paracetamol), planned=False) == []


def test_drugs_without_a_known_code_are_told_once_for_all():
    house = {"coding": [{"system": "urn:house", "code": "7", "display": "Busulfan 60 mg vial"}]}
    drafts = [draft("x", dosage(mass("224"), on(D5)), concept=house, id_=name) for name in ("a", "b")]
    (advice,) = advised(*drafts)
    assert advice.summary == "Not compared with the plan: 2 order(s) whose drug carries no code that is known here."
    assert advice.detail == "- Without a known code: Busulfan 60 mg vial"
    assert advice.urgency.value == "warning"


# tapers


def taken(day, amount, drug="mycophenolate", frequency=2):
    return draft(drug, dosage(mass(amount), every_day(day, frequency=frequency)))


def test_less_than_the_full_dose_before_the_taper_may_begin_is_a_wrong_dose():
    assert keys(advised(taken("2026-04-05", "500"), record=a_record(WELL)))[0].startswith("wrong-dose/")


def test_less_than_the_full_dose_in_the_window_is_the_centres_where_the_gate_is_met():
    assert advised(taken("2026-04-06", "500"), record=a_record(WELL)) == []


@pytest.mark.parametrize(
    ("record", "verdict"),
    [
        (a_record(), "unknown"),
        (
            a_record(WELL, form("2026-04-05", gvhd={"acute": [{"onset": "2026-04-04", "grade": "I", "skin": 1}]})),
            "not met",
        ),
    ],
)
def test_a_taper_whose_gate_is_not_met_is_a_warning_and_never_more(record, verdict):
    (advice,) = advised(taken("2026-04-06", "500"), record=record)
    assert advice.urgency.value == "warning"
    assert advice.summary == f"Taper of mycophenolate on 2026-04-06 (D+35): its gate is {verdict}."
    assert "The full dose goes on until the taper is confirmed." in advice.detail


def test_the_full_dose_goes_on_until_the_taper_is_confirmed():
    assert advised(taken("2026-04-20", "1000"), record=a_record()) == []
    assert advised(taken("2026-05-20", "105", "ciclosporin"), record=a_record()) == []


def test_more_than_the_full_dose_is_wrong_on_any_day():
    assert keys(advised(taken("2026-04-20", "1000", frequency=3), record=a_record(WELL)))[-1].startswith("wrong-dose/")


def test_ciclosporin_is_not_tapered_before_mycophenolate_is_over():
    (advice,) = advised(taken("2026-05-05", "50", "ciclosporin"), record=a_record(WELL))
    assert advice.summary == "Taper of ciclosporin on 2026-05-05 (D+64): its gate is unknown."


def test_each_verdict_over_the_days_of_an_order_is_told_once():
    order = draft("mycophenolate", dosage(mass("500"), every_day("2026-04-25", "2026-04-30", frequency=2)))
    (advice,) = advised(order, record=a_record(WELL))
    assert advice.summary == "Taper of mycophenolate on 2026-04-28 (D+57): its gate is not met."


def test_a_drug_that_was_stopped_is_an_information():
    off = form("2026-05-10", immunosuppression={"drugs": [{"drug": "mycophenolate", "stopped": "2026-05-05"}]})
    (advice,) = advised(taken("2026-06-01", "500"), record=a_record(WELL, off))
    assert (advice.key, advice.urgency.value) == ("stopped/mycophenolate", "info")
    assert "Mycophenolate mofetil stopped, 2026-05-05" in advice.summary


def test_every_summary_names_no_patient():
    advice = advised(draft("thiotepa", dosage(mass("300"), on(D13))), today=date(2026, 2, 17))
    assert all("SYN" not in one.summary + one.detail for one in advice)


# a taper that a person confirmed


BEGUN = {"mycophenolate-taper": date(2026, 4, 6)}


@pytest.mark.parametrize(
    ("amount", "timing", "told"),
    [
        (mass("500"), every_day("2026-04-06", "2026-04-12", frequency=2), []),
        (mass("500"), every_day("2026-04-06", frequency=2), []),
        (mass("1", "g"), every_day("2026-03-08", "2026-04-05", frequency=2), []),
        (mass("1", "g"), every_day("2026-04-06", frequency=2), ["taper-begun/mycophenolate"]),
        (mass("1", "g"), every_day("2026-04-05", "2026-04-07", frequency=2), ["taper-begun/mycophenolate"]),
        (mass("500"), every_day("2026-04-05", "2026-04-06", frequency=2), ["wrong-dose/mycophenolate/1000/2000.0"]),
        (None, every_day("2026-04-06", "2026-04-07"), ["not-compared/mycophenolate"]),
    ],
)
def test_once_a_taper_was_confirmed_its_days_are_the_centres_below_the_full_dose(amount, timing, told):
    plan = tapered(a_plan(intent="plan").applied.resources, {}, {"mycophenolate-taper": CONFIRMED})
    orders = read(*(one for one in plan if one["resourceType"] == "MedicationRequest"))
    table = replace(bench(a_record(WELL, begun=BEGUN)), plan=orders)
    drafts = read(draft("mycophenolate", dosage(amount, timing)))
    assert keys(check(drafts, [drafts[0].reference], table)) == told


def test_the_full_dose_in_a_taper_is_told_with_its_days():
    plan = tapered(a_plan(intent="plan").applied.resources, {}, {"mycophenolate-taper": CONFIRMED})
    orders = read(*(one for one in plan if one["resourceType"] == "MedicationRequest"))
    table = replace(bench(a_record(WELL, begun=BEGUN)), plan=orders)
    drafts = read(draft("mycophenolate", dosage(mass("1", "g"), every_day("2026-04-05", "2026-04-07", frequency=2))))
    (advice,) = check(drafts, [drafts[0].reference], table)
    assert advice.summary == (
        "Mycophenolate mofetil on 2026-04-06 (D+35): the full dose or more, tapered since 2026-04-06."
    )
    assert advice.detail == ("- the full dose was 2000 mg a day\n- ordered for 2026-04-06 (D+35) to 2026-04-07 (D+36)")


def test_a_taper_of_a_plan_without_its_full_dose_is_not_compared():
    table = bench(a_record(WELL, begun={"mycophenolate-taper": date(2026, 3, 1)}))
    drafts = read(draft("mycophenolate", dosage(mass("1", "g"), every_day("2026-04-06", frequency=2))))
    assert keys(check(drafts, [drafts[0].reference], table)) == []
