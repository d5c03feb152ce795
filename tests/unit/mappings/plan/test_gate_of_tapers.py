"""The tapers: each in its window, only without GVHD, and ciclosporin's after that of mycophenolate."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from mappings.plan import readiness
from mappings.protocol import load
from mappings.protocol.model import Criterion
from tests.lib.records import D122, a_record, finding, form, ready, standing, verdict, whats

MMF, CSA = "mycophenolate-taper", "ciclosporin-taper"
WELL = form("2026-04-02", "m1", gvhd={"assessed": "2026-04-02", "acute": [], "chronic": []})


def stop(drug, day, told="2026-05-10"):
    return form(told, immunosuppression={"drugs": [{"drug": drug, "started": "2026-03-08", "stopped": day}]})


@pytest.mark.parametrize(
    ("action", "on", "said"),
    [
        (MMF, "2026-04-05", "not-met"),  # D+34
        (MMF, "2026-04-06", "met"),  # D+35
        (MMF, "2026-04-27", "met"),  # D+56
        (MMF, "2026-04-28", "not-met"),  # D+57
        (CSA, "2026-05-02", "not-met"),  # D+61
        (CSA, "2026-05-03", "met"),  # D+62
        (CSA, "2026-05-31", "met"),  # D+90
        (CSA, "2026-06-01", "not-met"),  # D+91
    ],
)
def test_each_taper_has_its_window(action, on, said):
    assert verdict(a_record(WELL), action, date.fromisoformat(on), "window") == said


def test_the_window_is_told_with_its_dates():
    assert finding(a_record(WELL), MMF, "window").needs == "day D+35 to D+56 (2026-04-06 to 2026-04-27)"
    assert finding(a_record(WELL, graft=None), MMF, "window").needs == "day D+35 to D+56"


def test_mycophenolate_is_tapered_in_the_absence_of_gvhd():
    assert verdict(a_record(WELL), MMF, date(2026, 4, 6)) == "met"
    assert verdict(a_record(), MMF, date(2026, 4, 6)) == "unknown"
    sick = form("2026-04-05", gvhd={"acute": [{"onset": "2026-04-04", "grade": "I", "skin": 1}]})
    assert verdict(a_record(WELL, sick), MMF, date(2026, 4, 6)) == "not-met"


@pytest.mark.parametrize(
    ("told", "on", "said"),
    [
        ([], "2026-05-05", "unknown"),
        ([stop("mycophenolate", "2026-05-05")], "2026-05-04", "not-met"),
        ([stop("mycophenolate", "2026-05-05")], "2026-05-05", "met"),
        ([stop("mycophenolate", "2026-05")], "2026-05-05", "unknown"),
        ([stop("ciclosporin", "2026-05-05")], "2026-05-06", "unknown"),
        ([], "2026-03-07", "not-met"),  # not begun yet
    ],
)
def test_ciclosporin_waits_for_the_end_of_mycophenolate(told, on, said):
    assert verdict(a_record(WELL, *told), CSA, date.fromisoformat(on), "after") == said


def test_mycophenolate_that_goes_on_holds_ciclosporin():
    taken = form("2026-04-02", "m1", immunosuppression={"drugs": [{"drug": "mycophenolate", "started": "2026-03-08"}]})
    found = finding(a_record(taken), CSA, "after", date(2026, 5, 5))
    assert (found.verdict.value, whats(found)) == ("not-met", ["Mycophenolate mofetil taken"])
    assert found.missing == ("the stop of Mycophenolate mofetil started 2026-03-08",)


def test_mycophenolate_begun_again_holds_ciclosporin():
    again = form("2026-05-10", immunosuppression={"drugs": [{"drug": "mycophenolate", "started": "2026-05-08"}]})
    record = a_record(WELL, stop("mycophenolate", "2026-05-05", "2026-05-06"), again)
    assert verdict(record, CSA, date(2026, 5, 7), "after") == "met"
    assert verdict(record, CSA, date(2026, 5, 8), "after") == "not-met"


def test_a_taper_that_a_person_confirmed_is_over_counts_from_that_day():
    record = a_record(WELL, confirmed={MMF: date(2026, 5, 5)})
    assert verdict(record, CSA, date(2026, 5, 4), "after") == "unknown"
    found = finding(record, CSA, "after", date(2026, 5, 5))
    assert (found.verdict.value, whats(found)) == ("met", ["Taper of mycophenolate confirmed to be over"])


def test_a_taper_that_began_against_its_gate_is_a_deviation_from_its_first_day_on():
    record = a_record(WELL, begun={MMF: date(2026, 5, 3)}, deviations={MMF: "seen late"})
    assert standing(record, MMF, date(2026, 5, 2)).deviation is None
    found = standing(record, MMF, date(2026, 5, 3))
    assert (found.deviation, found.verdict.value) == ("seen late", "not-met")
    assert finding(record, MMF, "window", date(2026, 6, 1)).verdict.value == "not-met"


def test_a_taper_whose_drug_is_stopped_is_done():
    record = a_record(ready())
    assert standing(record, MMF, date(2026, 4, 26)).done is None
    assert standing(record, MMF, D122).done.what == "Mycophenolate mofetil stopped"
    assert standing(record, CSA, D122).done.when.text == "2026-05-30"


def test_criteria_come_from_the_definition():
    """Another protocol may ask for less, for other numbers, or for a fact that this program cannot read."""
    protocol = load("set-haplo-pdli")
    (no_gvhd, pdli) = protocol.gates
    gate = replace(pdli, criteria=(Criterion("active-gvhd", absent=True), Criterion("cd3-count", at_least=200)))
    record = a_record(ready(), protocol=replace(protocol, gates=(no_gvhd, gate)))
    found = standing(record, "pdli-1", D122)
    assert [(one.criterion, one.verdict.value) for one in found.findings] == [
        ("window", "met"),
        ("active-gvhd", "met"),
        ("cd3-count", "unknown"),
    ]
    assert found.findings[0].needs == "day D+120 or later (2026-06-30)"
    assert found.findings[2].missing == ("this program cannot read the fact cd3-count",)
    assert found.verdict.value == "unknown"
    two = replace(pdli, criteria=(Criterion("months-off-immunosuppression", at_least=2),))
    record = a_record(ready(), protocol=replace(protocol, gates=(no_gvhd, two)))
    assert verdict(record, on=date(2026, 7, 29)) == "not-met"
    assert verdict(record, on=date(2026, 7, 30)) == "met"
    most = replace(pdli, criteria=(Criterion("months-off-immunosuppression", at_most=1),))
    record = a_record(ready(), protocol=replace(protocol, gates=(no_gvhd, most)))
    assert verdict(record, on=date(2026, 7, 29)) == "met"
    assert verdict(record, on=date(2026, 7, 30)) == "not-met"


def test_a_protocol_without_long_lines_counts_from_the_first_whole_list():
    protocol = load("set-haplo-pdli")
    phases = tuple(replace(one, lines=(), tapers=()) for one in protocol.phases)
    none = [form(d, immunosuppression={"assessed": d, "drugs": []}) for d in ("2026-06-02", "2026-07-01")]
    record = a_record(*none, protocol=replace(protocol, phases=phases))
    assert verdict(record, on=date(2026, 7, 1), criterion="months-off-immunosuppression") == "unknown"
    assert verdict(record, on=date(2026, 7, 2), criterion="months-off-immunosuppression") == "met"
    assert {one.action for one in readiness.standings(record, D122)} == {"pdli-1", "pdli-2", "pdli-3"}
