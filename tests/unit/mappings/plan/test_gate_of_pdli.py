"""The gate of a prophylactic donor lymphocyte infusion: its days, the next injections, and what stands beside it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from mappings.plan import readiness
from tests.lib.records import D119, D120, D122, a_record, finding, form, ready, standing, verdict, whats

OFF_DRUGS, GVHD, WORST = "months-off-immunosuppression", "active-gvhd", "worst-acute-gvhd"


def looked(day="2026-06-30", acute=(), chronic=()):
    return {"assessed": day, "acute": list(acute), "chronic": list(chronic)}


def test_a_patient_who_meets_every_criterion_may_have_the_first_injection():
    found = standing(a_record(ready()), "pdli-1", D120)
    assert found.verdict.value == "met"
    assert [one.criterion for one in found.findings] == ["day", OFF_DRUGS, GVHD, WORST]
    assert all(one.facts and not one.missing for one in found.findings)


@pytest.mark.parametrize(("on", "said"), [(D119, "not-met"), (D120, "met"), (date(2027, 3, 2), "met")])
def test_none_before_day_120(on, said):
    assert verdict(a_record(ready()), on=on, criterion="day") == said


def test_without_a_graft_date_the_day_is_unknown():
    found = finding(a_record(ready(), graft=None), "pdli-1", "day")
    assert (found.verdict.value, found.missing) == ("unknown", ("day zero, the date of the graft",))


@pytest.mark.parametrize(("on", "said"), [(D119, "not-met"), (D120, "unknown")])
def test_a_graft_that_is_only_planned_meets_no_day(on, said):
    record = a_record(ready(), planned=True)
    assert verdict(record, on=on, criterion="day") == said
    assert "planned" in finding(record, "pdli-1", "day", on).missing[0]


def test_days_are_counted_over_a_leap_day():
    record = a_record(graft="2027-11-01")
    assert verdict(record, on=date(2028, 2, 28), criterion="day") == "not-met"
    assert verdict(record, on=date(2028, 2, 29), criterion="day") == "met"


def test_the_second_injection_waits_for_the_first():
    assert verdict(a_record(ready()), "pdli-2", criterion="after") == "unknown"
    none = form("2026-07-01", dli=[])
    found = finding(a_record(ready(), none), "pdli-2", "after")
    assert (found.verdict.value, whats(found)) == ("not-met", ["injection 1 not told as given"])


def injected(day="2026-07-01", number=1, told="2026-07-10"):
    return form(told, dli=[{"number": number, "date": day}])


@pytest.mark.parametrize(
    ("day", "on", "said"),
    [
        ("2026-07-01", "2026-07-01", "met"),
        ("2026-07-01", "2026-06-30", "unknown"),
        ("2026-07", "2026-07-05", "unknown"),
    ],
)
def test_an_injection_counts_from_its_day(day, on, said):
    record = a_record(ready(), injected(day))
    assert verdict(record, "pdli-2", date.fromisoformat(on), "after") == said


def test_for_the_next_injection_the_same_holds_again():
    """GVHD is what an injection can bring: a look from before it says nothing for the next one."""
    record, on = a_record(ready(), injected()), date(2026, 8, 5)
    assert standing(record, "pdli-1", on).done is not None
    found = finding(record, "pdli-2", GVHD, on)
    assert found.verdict.value == "unknown"
    assert "after the injection of 2026-07-01" in found.missing[0]
    assert verdict(record, "pdli-2", on, WORST) == "unknown"
    again = form("2026-08-04", gvhd=looked("2026-08-04"))
    assert verdict(a_record(ready(), injected(), again), "pdli-2", on) == "met"
    assert verdict(a_record(ready(), injected(), again), "pdli-3", on) == "not-met"


def test_gvhd_after_an_injection_shuts_the_gate_of_the_next():
    sick = form("2026-08-04", gvhd=looked("2026-08-04", [{"onset": "2026-07-20", "grade": "II", "skin": 3}]))
    record = a_record(ready(), injected(), sick)
    assert verdict(record, "pdli-2", date(2026, 8, 5)) == "not-met"


def test_three_injections_are_asked_for():
    asked = {one.action for one in readiness.standings(a_record(), D122)}
    assert {"pdli-1", "pdli-2", "pdli-3"} <= asked


def test_relapse_and_death_are_told_beside_the_gate_and_are_no_criterion():
    """endpoints.md counts 'no relapse' for its own eligibility; the protocol's gate does not name relapse."""
    more = form(
        "2026-07-01",
        relapse={"date": "2026-06-20", "kind": "molecular"},
        response={"date": "2026-06-21", "category": "relapse"},
        vital_status={"status": "dead", "date": "2026-07-01"},
    )
    record = a_record(ready(), more)
    assert verdict(record) == "met"
    assert [fact.what for fact in readiness.beside(record, D122)] == [
        "relapse, molecular",
        "disease response: relapse",
        "vital status: dead",
    ]
    assert readiness.beside(record, date(2026, 6, 19)) == ()


def test_ordinary_follow_up_has_nothing_beside_it():
    well = form("2026-07-01", response={"date": "2026-06-21", "category": "CR"}, vital_status={"status": "alive"})
    assert readiness.beside(a_record(well), D122 + timedelta(days=9)) == ()
