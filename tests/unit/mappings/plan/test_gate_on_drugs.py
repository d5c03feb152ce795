"""Immunosuppression stopped for at least one calendar month: every drug, every boundary, every way to be told."""

from __future__ import annotations

from datetime import date

import pytest

from tests.lib.records import OFF, a_record, finding, form, ready, verdict, whats

OFF_DRUGS = "months-off-immunosuppression"
OFF_AGAIN = {"drug": "ciclosporin", "started": "2026-03-08"}


def drugs(*listed, day="2026-06-30"):
    return {"assessed": day, "drugs": list(listed)}


def stopped(day, drug="ciclosporin"):
    return [OFF[0], {"drug": drug, "started": "2026-03-08", "stopped": day}]


@pytest.mark.parametrize(
    ("stop", "on", "said"),
    [
        ("2026-05-31", "2026-06-29", "not-met"),
        ("2026-05-31", "2026-06-30", "met"),
        ("2026-06-15", "2026-07-14", "not-met"),
        ("2026-06-15", "2026-07-15", "met"),
        ("2027-01-31", "2027-02-27", "not-met"),
        ("2027-01-31", "2027-02-28", "met"),
        ("2028-01-31", "2028-02-28", "not-met"),
        ("2028-01-31", "2028-02-29", "met"),
        ("2028-02-29", "2028-03-28", "not-met"),
        ("2028-02-29", "2028-03-29", "met"),
        ("2026-12-15", "2027-01-15", "met"),
    ],
)
def test_one_month_is_a_calendar_month(stop, on, said):
    told = form("2028-12-31", immunosuppression=drugs(*stopped(stop), day="2028-12-31"))
    seen = form(on, immunosuppression=drugs(*stopped(stop), day=on)) if stop <= on else told
    assert verdict(a_record(seen), on=date.fromisoformat(on), criterion=OFF_DRUGS) == said


@pytest.mark.parametrize(
    ("stop", "on", "said"),
    [
        ("2026-05", "2026-06-01", "unknown"),  # the last of April would be another month
        ("2026-05", "2026-05-31", "not-met"),
        ("2026-05", "2026-06-29", "unknown"),
        ("2026-05", "2026-06-30", "met"),
        ("2026", "2026-07-02", "unknown"),
        ("2025", "2026-07-02", "met"),
    ],
)
def test_a_stop_known_to_the_month_decides_when_all_its_days_do(stop, on, said):
    listed = [OFF[0], {"drug": "ciclosporin", "started": "2025", "stopped": stop}]
    record = a_record(form("2026-07-10", immunosuppression=drugs(*listed, day=max(on, "2026-05-31"))))
    assert verdict(record, on=date.fromisoformat(on), criterion=OFF_DRUGS) == said


def test_a_form_tells_of_nothing_after_its_own_day():
    """`2026-06`, told on the second of June, is the first or the second."""
    told = form("2026-06-02", immunosuppression=drugs(*stopped("2026-06"), day="2026-06-02"))
    assert verdict(a_record(told), on=date(2026, 7, 2), criterion=OFF_DRUGS) == "met"
    assert verdict(a_record(told), on=date(2026, 7, 1), criterion=OFF_DRUGS) == "unknown"


@pytest.mark.parametrize("drug", ["steroids", "tacrolimus", "ruxolitinib", "sirolimus", "mycophenolate", "other"])
def test_every_systemic_drug_counts_and_not_only_those_of_the_protocol(drug):
    more = {"drug": drug, "started": "2026-04-20", "stopped": "2026-06-15"}
    more |= {"text": "abatacept"} if drug == "other" else {}
    record = a_record(ready(immunosuppression=drugs(*OFF, more)))
    found = finding(record, "pdli-1", OFF_DRUGS)
    assert found.verdict.value == "not-met"
    assert str(found.facts[2].when) == "2026-06-15"
    assert verdict(record, on=date(2026, 7, 15), criterion=OFF_DRUGS) == "met"


def test_a_drug_without_a_stop_is_still_taken():
    record = a_record(ready(immunosuppression=drugs(*OFF, {"drug": "steroids", "started": "2026-04-20"})))
    found = finding(record, "pdli-1", OFF_DRUGS)
    assert (found.verdict.value, found.missing) == (
        "not-met",
        ("the stop of Systemic corticosteroids started 2026-04-20",),
    )
    assert verdict(record, on=date(2028, 1, 1), criterion=OFF_DRUGS) == "not-met"


def test_a_drug_that_was_not_begun_yet_does_not_count():
    told = form("2026-09-02", immunosuppression=drugs(*OFF, {"drug": "steroids", "started": "2026-08-01"}))
    record = a_record(ready(), told)
    assert verdict(record, on=date(2026, 7, 31), criterion=OFF_DRUGS) == "met"
    assert verdict(record, on=date(2026, 8, 1), criterion=OFF_DRUGS) == "not-met"


def test_a_drug_that_may_not_have_begun_leaves_it_unknown():
    told = form(
        "2026-09-02", immunosuppression=drugs(*OFF, {"drug": "steroids", "started": "2026-08"}, day="2026-07-20")
    )
    assert verdict(a_record(told), on=date(2026, 8, 15), criterion=OFF_DRUGS) == "unknown"


@pytest.mark.parametrize("reason", ["unknown", "not-performed"])
def test_a_stop_said_to_be_missing_is_neither_yes_nor_no(reason):
    record = a_record(ready(immunosuppression=drugs(OFF[0], OFF[1] | {"stopped": {"not_done": reason}})))
    found = finding(record, "pdli-1", OFF_DRUGS)
    assert found.verdict.value == "unknown"
    assert "its stop not known" in whats(found)[1]


def test_a_later_stop_ends_what_an_earlier_form_told_as_taken():
    first = form(
        "2026-04-02",
        "m1",
        immunosuppression=drugs(*({k: d[k] for k in ("drug", "started")} for d in OFF), day="2026-04-02"),
    )
    assert verdict(a_record(first), criterion=OFF_DRUGS) == "not-met"
    assert verdict(a_record(first, ready()), criterion=OFF_DRUGS) == "met"
    gap = form("2026-07-01", immunosuppression=drugs(OFF[0], OFF[1] | {"stopped": {"not_done": "unknown"}}))
    assert verdict(a_record(first, ready(), gap), criterion=OFF_DRUGS) == "met"  # a gap undoes nothing


def test_an_empty_list_of_an_assessment_says_that_none_is_taken():
    """Since when is told by the day of the assessment at the latest."""
    first = form(
        "2026-04-02",
        "m1",
        immunosuppression=drugs({"drug": "mycophenolate"}, {"drug": "ciclosporin"}, day="2026-04-02"),
    )
    none = form("2026-06-02", "m3", immunosuppression=drugs(day="2026-06-02"))
    record = a_record(first, none)
    assert verdict(record, on=date(2026, 7, 1), criterion=OFF_DRUGS) == "unknown"
    assert verdict(record, on=date(2026, 7, 2), criterion=OFF_DRUGS) == "met"


def test_a_drug_told_again_after_an_empty_list_is_taken_again():
    none = form("2026-05-02", immunosuppression=drugs(day="2026-05-02"))
    again = form("2026-06-02", "m3", immunosuppression=drugs(OFF_AGAIN, day="2026-06-02"))
    assert verdict(a_record(none, again), criterion=OFF_DRUGS) == "not-met"


def test_an_absent_section_says_nothing():
    found = finding(a_record(ready(immunosuppression=None)), "pdli-1", OFF_DRUGS)
    assert found.verdict.value == "unknown"
    assert "whether and when Ciclosporin was stopped: no form lists it" in found.missing
    assert verdict(a_record(ready(immunosuppression={"not_done": "unknown"})), criterion=OFF_DRUGS) == "unknown"
    missing = {"assessed": "2026-06-30", "drugs": {"not_done": "unknown"}}
    assert verdict(a_record(ready(immunosuppression=missing)), criterion=OFF_DRUGS) == "unknown"


def test_without_an_assessment_only_what_is_listed_is_known():
    found = finding(a_record(ready(immunosuppression={"drugs": OFF})), "pdli-1", OFF_DRUGS)
    assert found.verdict.value == "unknown"
    assert "(`assessed`)" in found.missing[0]
    early = [OFF[0], OFF[1] | {"stopped": "2026-06-15"}]
    assert verdict(a_record(ready(immunosuppression={"drugs": early})), criterion=OFF_DRUGS) == "not-met"


def test_the_last_look_lies_behind_the_last_stop():
    seen = form("2026-05-10", immunosuppression=drugs(OFF[0], day="2026-05-10"))
    listed = form("2026-06-30", immunosuppression={"drugs": OFF})
    assert verdict(a_record(seen, listed), criterion=OFF_DRUGS) == "unknown"


def test_a_drug_of_the_protocol_that_no_list_names_was_not_told_to_be_stopped():
    """Nobody told of ciclosporin: a whole list without it says that it is over, and not since when."""
    record = a_record(ready(immunosuppression=drugs(OFF[0])))
    assert verdict(record, criterion=OFF_DRUGS) == "unknown"
    assert verdict(record, on=date(2026, 7, 30), criterion=OFF_DRUGS) == "met"
    assert "Ciclosporin in the plan, in no list" in whats(finding(record, "pdli-1", OFF_DRUGS))


def test_an_empty_list_from_before_the_drugs_began_says_nothing_of_them():
    baseline = form("2026-02-20", "baseline", immunosuppression=drugs(day="2026-02-20"))
    assert verdict(a_record(baseline), criterion=OFF_DRUGS) == "unknown"
    assert verdict(a_record(baseline, graft=None), criterion=OFF_DRUGS) == "unknown"


def test_an_assessment_after_the_day_asked_for_is_not_known_then():
    assert verdict(a_record(ready()), on=date(2026, 6, 29), criterion=OFF_DRUGS) == "not-met"
    late = ready(date="2026-07-10", immunosuppression=drugs(*OFF, day="2026-07-10"))
    assert verdict(a_record(late), on=date(2026, 7, 9), criterion=OFF_DRUGS) == "unknown"


@pytest.mark.parametrize(
    ("fact", "on", "said"),
    [
        (
            {"dli_withheld": [{"number": 1, "date": "2026-07-05", "reason": "on-immunosuppression"}]},
            "2026-07-10",
            "not-met",
        ),
        (
            {"dli_withheld": [{"number": 1, "date": "2026-07-05", "reason": "on-immunosuppression"}]},
            "2026-08-05",
            "unknown",
        ),
        ({"administrations": [{"action": "ciclosporin", "date": "2026-07-05"}]}, "2026-07-10", "not-met"),
        ({"administrations": [{"action": "thiotepa", "date": "2026-07-05"}]}, "2026-07-10", "met"),
        (
            {
                "administrations": [
                    {"action": "ciclosporin", "date": "2026-07-05", "given": {"not_done": "not-performed"}}
                ]
            },
            "2026-07-10",
            "met",
        ),
        ({"dli_withheld": [{"number": 1, "date": "2026-07-05", "reason": "donor"}]}, "2026-07-10", "met"),
    ],
)
def test_a_later_word_that_a_drug_was_taken_goes_before_an_older_list(fact, on, said):
    record = a_record(ready(), form("2026-07-05", **fact))
    assert verdict(record, on=date.fromisoformat(on), criterion=OFF_DRUGS) == said


def treated(kind, **said):
    episode = {"onset": "2026-07-05", "resolved": "2026-07-08", **said}
    return form("2026-07-09", gvhd={kind: [episode]})


@pytest.mark.parametrize(
    ("told", "on", "said"),
    [
        (treated("acute", grade="I", treatment=["systemic-steroids"]), "2026-07-10", "not-met"),
        (treated("acute", grade="I", treatment=["systemic-steroids"]), "2026-08-05", "unknown"),
        (treated("chronic", severity="mild", treatment=["ruxolitinib"]), "2026-07-10", "not-met"),
        (treated("chronic", severity="mild", systemic_treatment=True), "2026-07-10", "not-met"),
        (treated("chronic", severity="mild", systemic_treatment=False), "2026-07-10", "met"),
        (treated("acute", grade="I", treatment=["topical", "ecp"]), "2026-07-10", "met"),
        (treated("acute", grade="I", treatment=["systemic-steroids"]), "2026-07-04", "met"),
    ],
)
def test_systemic_treatment_of_gvhd_after_the_last_list_is_immunosuppression_too(told, on, said):
    assert verdict(a_record(ready(), told), on=date.fromisoformat(on), criterion=OFF_DRUGS) == said


def test_a_list_of_a_later_day_decides_again():
    told = treated("acute", grade="I", treatment=["systemic-steroids"])
    later = form("2026-07-12", immunosuppression=drugs(*OFF, day="2026-07-12"))
    assert verdict(a_record(ready(), told, later), on=date(2026, 7, 12), criterion=OFF_DRUGS) == "met"
