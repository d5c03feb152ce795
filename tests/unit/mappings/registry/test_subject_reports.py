"""One patient's part in an endpoint as FHIR, for each kind of endpoint."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mappings.canonicals import Canonicals
from mappings.r4.validate import validate
from mappings.registry.endpoints import ENDPOINTS
from mappings.registry.measure_report import measure_reports
from mappings.registry.report import compile_report
from mappings.registry.subject_reports import individual, subject_list
from tests.unit.mappings.registry.grafted import ZERO, acute, cells, course, dli, donor, drug, looked, relapse, response

NOW = datetime(2029, 6, 1, 12, tzinfo=UTC)


def part(endpoint, of, **asked):
    report = compile_report([of], endpoints=[endpoint], as_of=ZERO + timedelta(days=900), **asked)
    (analysis,) = report.analyses
    made = individual(analysis.subjects[0], analysis, report, NOW)
    assert validate(made) == []
    return made


@pytest.mark.parametrize(
    ("of", "status", "days", "happened"),
    [
        (course(died=300), "competing event", 300, 0),
        (course(alive=500), "censored", 500, 0),
        (course(alive=500, relapses=[relapse(90)]), "event", 90, 1),
    ],
)
def test_a_time_has_its_days_and_what_ended_it(of, status, days, happened):
    made = part("relapse", of)
    (group,) = made["group"]
    assert group["code"]["text"] == f"Relapse incidence: {status}"
    assert (group["measureScore"]["value"], group["measureScore"]["code"]) == (days, "d")
    assert [each["count"] for each in group["population"]] == [1, happened]
    assert made["evaluatedResource"][0] == {"reference": "Procedure/graft"}


@pytest.mark.parametrize(
    ("endpoint", "of", "said", "happened"),
    [
        ("response", course(alive=500, responses=[response(90, "CR")]), "day 90: CR", 1),
        ("response", course(alive=500), "day 90: not assessed", 0),
        (
            "chimerism",
            course(alive=500, chimerism=[donor(90, 99), donor(90, 40, "t-cell")]),
            "day 90: full, t-cell mixed",
            1,
        ),
        ("chimerism", course(alive=500), "day 90: not assessed", 0),
        ("immune-cd4", course(alive=500, subsets=[cells("cd4", 90, 120, "/uL")]), "day 90: 120.0", 1),
        ("pdli-feasibility", course(alive=500, infusions=[dli(1, 130)]), "to the cut-off: 1 given", 1),
        (
            "pdli-feasibility",
            course(alive=500, immunosuppressants=[drug(6, 60)], gvhd_assessments=[looked(90)]),
            "to the cut-off: 0 given",
            0,
        ),
    ],
)
def test_what_is_told_at_dates_has_a_word_for_each(endpoint, of, said, happened):
    (group,) = part(endpoint, of, horizons=[90])["group"]
    assert [each["value"]["text"] for each in group["stratifier"][0]["stratum"]] == [said]
    assert [each["count"] for each in group["population"]] == [1, happened]


def listed(*cohort):
    report = compile_report(cohort, endpoints=["os"], as_of=ZERO + timedelta(days=900))
    report = replace(report, start=ZERO)
    (summary,) = measure_reports(report, NOW)
    made = subject_list(summary, report.analyses[0], report, NOW)
    assert validate(made) == []
    return made


def test_a_subject_list_has_a_list_for_each_population_that_has_somebody():
    made = listed(course("a", died=10), course("b", alive=500))
    assert (made["type"], made["period"]["start"]) == ("subject-list", ZERO.isoformat())
    populations = {each["subjectResults"]["reference"]: each["count"] for each in made["group"][0]["population"]}
    assert populations == {"#initial-population": 2, "#numerator": 1}
    lists = {one["id"]: len(one["entry"]) for one in made["contained"] if one["resourceType"] == "List"}
    assert lists == {"initial-population": 2, "numerator": 1}


COHORT = [
    course("a", died=800, responses=[response(90, "CR")], chimerism=[donor(90, 99), donor(90, 40, "t-cell")]),
    course("b", died=100, responses=[response(90, "no-response")], infusions=[dli(1, 85)], chimerism=[donor(90, 50)]),
    course("c", alive=850, responses=[response(90, "PR"), response(360, "CR")], subsets=[cells("cd4", 90, 120, "/uL")]),
    course("d", alive=100, relapses=[relapse(80)], chimerism=[donor(90, 40, "t-cell")], acute_gvhd=[acute(20, "III")]),
]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_each_number_has_the_list_of_those_whom_it_counts(endpoint):
    """As many as the summary says, and each with a report of its own that leads to what was counted."""
    report = replace(compile_report(COHORT, endpoints=[endpoint], as_of=ZERO + timedelta(days=900)), start=ZERO)
    canonicals = Canonicals("https://hospital.example/fhir")
    (summary,) = measure_reports(report, NOW, canonicals)
    made = subject_list(summary, report.analyses[0], report, NOW, canonicals)
    assert validate(made) == []
    held = {one["id"]: one for one in made.get("contained", [])}
    assert {one["measure"] for one in held.values() if "measure" in one} <= {summary["measure"]}
    for said, counted in zip(counts(made), counts(summary), strict=True):
        for code, part in said.items():
            members = held[part["subjectResults"]["reference"][1:]]["entry"] if "subjectResults" in part else []
            assert part.get("count") == len(members) == counted.get(code, part).get("count"), (endpoint, code)
            assert {entry["item"]["reference"][1:] for entry in members} <= held.keys()


def counts(report):
    """Populations by their code, of the whole and of each stratum."""
    (group,) = report["group"]
    parts = [group, *(one for each in group.get("stratifier", []) for one in each["stratum"])]
    return [{one["code"]["coding"][0]["code"]: one for one in part.get("population", [])} for part in parts]


def test_a_subject_list_of_nobody_has_none():
    made = listed()
    assert "contained" not in made
    assert [each.keys() & {"subjectResults"} for each in made["group"][0]["population"]] == [set(), set()]
