"""Nobody works out a hidden number of a release, from sums, parts, time points or the patients at risk."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, date, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mappings.r4.wire import encode
from mappings.registry.endpoints import ENDPOINTS
from mappings.registry.estimators import aalen_johansen, kaplan_meier
from mappings.registry.group_observations import group_observations
from mappings.registry.judged import Analysis, CountRow, Row, SpreadRow
from mappings.registry.measure_report import measure_reports
from mappings.registry.pdli_endpoints import Lymphocytes, feasibility_rows
from mappings.registry.report import Report, row_document
from mappings.registry.report_page import document
from mappings.registry.response_endpoints import chimerism_rows, response_rows
from mappings.registry.suppression import SMALLEST, suppress
from mappings.registry.tallies import KAPLAN_MEIER
from tests.lib.adversary import DAYS, WITHIN, differences, pinned

NOW = datetime(2029, 6, 1, tzinfo=UTC)
NEVER = 10_000
KINDS = st.sampled_from(["none", "relapse", "relapse-death", "death"])
EVENT_DAYS = st.sampled_from([20, 35, 60, 95, 120, 200, 400, 800])
"""None of them is a horizon, so that who is at risk then is who had nothing before."""

patients = st.fixed_dictionaries(
    {
        "kind": KINDS,
        "first": EVENT_DAYS,
        "later": st.integers(1, 400),
        "grade": st.sampled_from([0, 0, 0, 2, 3]),
        "gvhd": st.sampled_from([25, 50, 110]),
        "lost": st.sampled_from([NEVER] * 9 + [150]),
        "engrafted": st.sampled_from([15, 15, 15, 33, NEVER, -1]),
    }
)
groups = st.lists(st.tuples(patients, st.integers(1, 30)), min_size=1, max_size=7)
"""Some courses, and how many patients had each: small groups beside large ones."""


def course(kind: str, first: int = 20) -> dict:
    return {"kind": kind, "first": first, "later": 1, "grade": 0, "gvhd": 25, "lost": NEVER, "engrafted": 15}


def times(one: dict, endpoint: str, lost: int) -> tuple[int, int] | None:
    """(day, status) of one patient; None where the endpoint leaves the patient out."""
    relapse = one["first"] if one["kind"].startswith("relapse") else NEVER
    death = {"death": one["first"], "relapse-death": one["first"] + one["later"]}.get(one["kind"], NEVER)
    death += death in DAYS
    failed, graded = min(relapse, death), one["gvhd"] if one["grade"] else NEVER
    bad = one["gvhd"] if one["grade"] == 3 else NEVER
    after, without = (death if relapse < NEVER else NEVER), (death if relapse == NEVER else NEVER)
    event, competing = {
        "os": (death, NEVER),
        "lfs": (failed, NEVER),
        "grfs": (min(failed, bad), NEVER),
        "relapse": (relapse, without),
        "nrm": (without, relapse),
        "disease-death": (after, without),
        "agvhd-2-4": (graded, failed),
        "agvhd-3-4": (bad, failed),
        "neutrophil-engraftment": (one["engrafted"], death),
    }[endpoint]
    if endpoint == "neutrophil-engraftment" and one["engrafted"] < 0:
        return None
    end = min(lost, 1000)
    first = min(event, competing, end)
    return first, 1 if first == event else 2 if first == competing else 0


def analysis_of(endpoint: str, cohort: list[tuple[dict, int]], *, censored: bool) -> Analysis:
    definition = ENDPOINTS[endpoint]
    seen: Counter[tuple[int, int]] = Counter()
    for one, number in cohort:
        if (told := times(one, endpoint, one["lost"] if censored else NEVER)) is not None:
            seen[told] += number
    curve = (kaplan_meier if definition.method == KAPLAN_MEIER else aalen_johansen)(seen)
    rows = []
    for day in definition.horizons:
        at = curve.at(day)
        told = (at.at_risk, at.events, at.estimate, at.se, at.low, at.high)
        rows.append(Row(endpoint, day, curve.n, *told, definition.method, {"competing": 3}))
    return Analysis(endpoint, endpoint, tuple(rows), rows[-1], curve, (), (), ())


TIMED = (
    *("os", "lfs", "grfs", "relapse", "nrm", "disease-death"),
    *("agvhd-2-4", "agvhd-3-4", "neutrophil-engraftment"),
)


def reported(cohort, *, censored=False):
    return [analysis_of(endpoint, cohort, censored=censored) for endpoint in TIMED]


@settings(max_examples=30, deadline=None)
@given(groups)
@example([(course("none"), 5), (course("relapse"), 1), (course("relapse-death"), 5)])
@example([(course("none"), 60), (course("relapse"), 3)])
def test_where_nobody_was_lost_no_hidden_number_of_events_can_be_worked_out(cohort):
    assert pinned(suppress(reported(cohort)), nobody_lost=True) == set()


@settings(max_examples=30, deadline=None)
@given(groups)
def test_nor_where_somebody_was(cohort):
    assert pinned(suppress(reported(cohort, censored=True)), nobody_lost=False) == set()


@settings(max_examples=30, deadline=None)
@given(groups)
def test_no_two_numbers_that_are_shown_differ_by_few(cohort):
    released = suppress(reported(cohort))
    assert [told for told in differences(released, WITHIN) if 0 < told[3] < SMALLEST] == []
    sizes = {one.endpoint: one.rows[0].n for one in released}
    if None not in (sizes["os"], sizes["neutrophil-engraftment"]):
        assert not 0 < sizes["os"] - sizes["neutrophil-engraftment"] < SMALLEST


words = st.sampled_from(["CR", "PR", "MLFS", "no-response", None])
classes = st.sampled_from(
    [(("", "full"),), (("", "mixed"),), (("", "absent"),), (), (("", "full"), ("t-cell", "mixed"))]
)


@st.composite
def lymphocytes(draw):
    on_120 = draw(st.booleans())
    return Lymphocytes(draw(st.integers(0, 3)), draw(st.booleans()), on_120, ())


@settings(max_examples=30, deadline=None)
@given(
    st.dictionaries(words, st.integers(1, 30), min_size=1),
    st.dictionaries(classes, st.integers(1, 30), min_size=1),
    st.dictionaries(lymphocytes(), st.integers(1, 30), min_size=1),
)
def test_no_hidden_share_can_be_worked_out(answers, donors, given_):
    rows = {
        "response": response_rows("response", 90, Counter(answers)),
        "chimerism": chimerism_rows("chimerism", 90, Counter(donors)),
        "pdli-feasibility": feasibility_rows("pdli-feasibility", None, Counter(given_)),
    }
    size = sum(given_.values())
    whole = Row("os", 730, size, size, 0, 1.0, None, None, None, "kaplan-meier")
    made = [Analysis("os", "os", (whole,), None, None, (), (), ())]
    made += [Analysis(name, name, tuple(found), None, None, (), (), ()) for name, found in rows.items()]
    assert pinned(suppress(made), nobody_lost=True) == set()


@pytest.mark.parametrize(
    ("given_", "n", "shown"), [(20, 20, 20), (20, 18, None), (20, 12, 12), (3, 3, None), (98, 96, None)]
)
def test_who_left_the_analysis_of_those_given_lymphocytes_is_not_told_by_its_size(given_, n, shown):
    said = Counter({Lymphocytes(1, True, True, ()): given_, Lymphocytes(0, False, True, ()): 100 - given_})
    after = Row("pdli-gvhd", 365, n, n, 0, 0.0, 0.0, None, None, "aalen-johansen")
    made = [
        Analysis(name, name, tuple(rows), None, None, (), (), ())
        for name, rows in (
            ("pdli-feasibility", feasibility_rows("pdli-feasibility", None, said)),
            ("pdli-gvhd", [after]),
        )
    ]
    assert suppress(made)[1].rows[0].n == shown


@settings(max_examples=30, deadline=None)
@given(groups)
def test_no_form_of_a_release_says_more_than_its_rows(cohort):
    """JSON, table, MeasureReport, Observations and page are made of the same released rows; no figure is drawn."""
    released = suppress([*reported(cohort), immune()])
    made = Report(date(2029, 5, 31), date(2026, 3, 2), released, release=True, patients=500)
    assert all(one.curve is None and one.subjects == () for one in released)
    for row in made.rows:
        assert set(row.more) <= {"lineage"}
        assert all(getattr(row, name) is None for name in row.suppressed)
        assert set(row_document(row)) >= {"suppressed"} if row.suppressed else True
    shown = numbers(made)
    for report in measure_reports(made, NOW):
        for group in report["group"]:
            strata = [one for each in group.get("stratifier", []) for one in each["stratum"]]
            for part in (group, *strata):
                counts = {one["count"] for one in part.get("population", []) if "count" in one}
                assert counts <= shown
    for one in group_observations(made, NOW)[1:]:
        assert {part["valueInteger"] for part in one["component"] if "valueInteger" in part} <= shown
    page = document(made)
    assert "<svg" not in page
    told = {int(cell) for cell in re.findall(r"<td>(\d+)</td>", page)}
    assert told <= shown | {row.horizon_days for row in made.rows if row.horizon_days}
    assert {int(cell) for line in made.table() for cell in line[2:5] if cell.isdigit()} <= shown
    everything = (
        encode(made.document()).decode() + page + str([*measure_reports(made, NOW), *group_observations(made, NOW)])
    )
    assert "2026-03-02" not in everything


def immune() -> Analysis:
    row = SpreadRow("immune-cd4", 90, 30, 50.5, 40.5, 60.5, 1.25, 400.75, "quartiles", "/uL")
    return Analysis("immune-cd4", "CD4", (row,), None, None, (), (), ())


def numbers(made: Report) -> set[int]:
    names = {Row: ("n", "at_risk", "events"), CountRow: ("count", "of"), SpreadRow: ("n",)}
    told = {getattr(row, name) for row in made.rows for name in names[type(row)]}
    return {each for each in told if each is not None}
