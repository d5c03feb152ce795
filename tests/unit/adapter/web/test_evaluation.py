"""`$evaluate-measure`: a centre is led to its patients, a registry gets numbers of who agrees and no more."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from adapter.flows.evaluation import Evaluation
from mappings.r4.validate import validate
from mappings.r4.wire import decode, encode
from tests.lib.forms import ENROLMENT
from tests.unit.adapter.web.conftest import OTHERS

ZERO = date(2026, 3, 2)
YEAR = "periodStart=2026-01-01&periodEnd=2026-12-31"
OS = "/fhir/Measure/os/$evaluate-measure"


def on(day):
    return (ZERO + timedelta(days=day)).isoformat()


def enrol(ward, patient, days, *, who="centre", died=False, consent=True, **sections):
    """A patient followed to that day, or to death on it."""
    centre = OTHERS if who == "other-centre" else ENROLMENT["centre"]
    known = {"centre": centre, "patient": patient}
    said = {"status": "active", "date": "2026-01-10", "registry": consent}
    graft = {"date": ZERO.isoformat(), "planned": False, "donor": "haploidentical", "graft": "pbsc"}
    head = {key: value for key, value in ENROLMENT.items() if key != "transplant"}
    answer = ward.ask("POST", "/enrolments", who, document=head | known | {"consent": said, "transplant": graft})
    assert answer.status_code == 201, answer.data
    status = {"status": "dead" if died else "alive", "date": on(days)}
    form = known | {"visit": "unscheduled", "date": on(days), "vital_status": status} | sections
    assert ward.ask("POST", "/follow-ups", who, document=form).status_code == 202


def asked(ward, path, who="centre", **sent):
    answer = ward.ask("POST" if sent else "GET", path, who, **sent)
    return answer.status_code, decode(answer.data)


def faults(said):
    return {issue["expression"][0]: issue["code"] for issue in said["issue"]}


@pytest.fixture
def followed(ward):
    enrol(ward, "P-0001", 100, died=True, response={"date": on(90), "category": "CR"})
    enrol(ward, "P-0002", 150)
    enrol(ward, "P-0003", 120, who="other-centre")
    return ward


def test_a_centre_is_told_of_its_own_patients_and_led_to_what_was_counted(followed):
    status, report = asked(followed, f"{OS}?{YEAR}")
    assert (status, report["type"], report["measure"]) == (
        200,
        "summary",
        "https://engraft.example/fhir/Measure/os|0.1.0",
    )
    assert [part["count"] for part in report["group"][0]["population"]] == [2, 1]
    assert {one["reference"].partition("/")[0] for one in report["evaluatedResource"]} >= {"Patient", "Procedure"}
    for one in report["evaluatedResource"]:
        assert followed.ask("GET", f"/fhir/{one['reference']}").status_code == 200
    assert validate(report) == []
    _, other = asked(followed, f"{OS}?{YEAR}", "other-centre")
    assert [part["count"] for part in other["group"][0]["population"]] == [1, 0]


def test_a_subject_has_days_and_status_and_the_resources_that_say_so(followed):
    _, listed = asked(followed, f"{OS}?{YEAR}&reportType=subject-list")
    dead = next(
        one
        for one in listed["contained"]
        if one.get("group", [{}])[0].get("code", {}).get("text", "").endswith(": event")
    )
    subject = dead["subject"]["reference"]
    status, report = asked(followed, f"{OS}?{YEAR}&subject={subject}")
    assert (status, report["type"], report["subject"]["reference"]) == (200, "individual", subject)
    assert report["group"][0]["measureScore"] == {
        "value": 100,
        "unit": "d",
        "system": "http://unitsofmeasure.org",
        "code": "d",
    }
    assert subject in {one["reference"] for one in report["evaluatedResource"]}
    assert validate(report) == []
    status, _ = asked(followed, f"{OS}?{YEAR}&subject={subject}", "other-centre")
    assert status == 404


def test_a_subject_list_leads_from_each_population_to_its_patients(followed):
    status, report = asked(followed, f"{OS}?{YEAR}&reportType=subject-list")
    assert (status, report["type"]) == (200, "subject-list")
    lists = {
        one["id"]: [entry["item"]["reference"] for entry in one["entry"]]
        for one in report["contained"]
        if "entry" in one
    }
    assert (len(lists["initial-population"]), len(lists["numerator"])) == (2, 1)
    assert set(lists["numerator"]) < set(lists["initial-population"])
    assert validate(report) == []
    _, nobody = asked(followed, f"{OS}?periodStart=2020-01-01&periodEnd=2020-12-31&reportType=subject-list")
    assert "contained" not in nobody


@pytest.mark.parametrize("measure", ["response", "pdli-feasibility", "chimerism", "immune-cd4"])
def test_what_is_counted_at_dates_has_a_subject_report_too(followed, measure):
    status, report = asked(followed, f"/fhir/Measure/{measure}/$evaluate-measure?{YEAR}&reportType=subject-list")
    assert status == 200
    assert validate(report) == []


def test_the_period_is_of_transplants_and_of_knowledge(followed):
    _, early = asked(followed, f"{OS}?periodStart=2026-01-01&periodEnd={on(99)}")
    assert [part["count"] for part in early["group"][0]["population"]] == [2, 0]
    _, later = asked(followed, f"{OS}?periodStart={on(1)}&periodEnd=2026-12-31")
    assert later["group"][0]["population"][0]["count"] == 0
    assert later["period"] == {"start": on(1), "end": "2026-12-31"}
    _, whole = asked(followed, f"{OS}?{YEAR}")
    assert whole["id"] != later["id"]


@pytest.mark.parametrize(
    ("asked_for", "start", "end"),
    [
        ("periodStart=2026&periodEnd=2026", "2026-01-01", "2026-12-31"),
        ("periodStart=2026-03&periodEnd=2028-02", "2026-03-01", "2028-02-29"),
        ("periodStart=2026-03-02&periodEnd=2026-06", "2026-03-02", "2026-06-30"),
    ],
)
def test_a_year_or_a_month_is_the_whole_of_it(followed, asked_for, start, end):
    """R4's definition of the operation: a value of 2014 starts on 1 January and ends on 31 December."""
    status, report = asked(followed, f"{OS}?{asked_for}")
    assert (status, report["period"]) == (200, {"start": start, "end": end})
    assert report["group"][0]["population"][0]["count"] == 2


def test_a_registry_gets_numbers_of_who_agrees_without_small_ones_and_by_whole_years(followed):
    for number in range(4, 10):
        enrol(followed, f"P-{number:04d}", 100 + number)
    enrol(followed, "P-9999", 100, consent=False)
    status, report = asked(followed, f"{OS}?periodStart=2026-03-01&periodEnd={on(101)}", "registry")
    assert (status, report["type"]) == (200, "summary")
    whole, dead = report["group"][0]["population"]
    assert (whole["count"], "count" in dead) == (9, False)
    assert report["meta"]["security"][0]["code"] == "AGGRED"
    assert report["period"] == {"start": "2026-01-01", "end": "2026-12-31"}
    assert not {"evaluatedResource", "contained"} & report.keys()
    assert b"P-000" not in encode(report)


@pytest.mark.parametrize("kind", ["subject-list", "subject&subject=Patient/x"])
def test_a_registry_is_never_told_of_a_subject(followed, kind):
    status, said = asked(followed, f"{OS}?{YEAR}&reportType={kind}", "registry")
    assert (status, said["resourceType"]) == (403, "OperationOutcome")


def test_it_is_asked_by_post_and_at_type_level(followed):
    said = {"periodStart": "2026-01-01", "periodEnd": "2026-12-31"}
    parts = [{"name": name, "valueDate": value} for name, value in said.items()]
    parameters = {"resourceType": "Parameters", "parameter": parts}
    assert asked(followed, OS, document=parameters)[0] == 200
    for name in ("os", "Measure/os", "https://engraft.example/fhir/Measure/os|0.1.0"):
        more = {**parameters, "parameter": [*parts, {"name": "measure", "valueString": name}]}
        status, report = asked(followed, "/fhir/Measure/$evaluate-measure", document=more)
        assert (status, report["resourceType"]) == (200, "MeasureReport")


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("", {"periodStart": "required", "periodEnd": "required"}),
        ("periodStart=26&periodEnd=soon", {"periodStart": "value", "periodEnd": "value"}),
        ("periodStart=2026-13&periodEnd=2026", {"periodStart": "value"}),
        ("periodStart=2026-12&periodEnd=2026-11", {"periodEnd": "value"}),
        ("periodStart=2026-01-01T00:00:00Z&periodEnd=2026", {"periodStart": "value"}),
        ("periodStart=2026-02-30&periodEnd=2026-12-31", {"periodStart": "value"}),
        ("periodStart=2026-12-31&periodEnd=2026-01-01", {"periodEnd": "value"}),
        (f"{YEAR}&reportType=summary", {"reportType": "code-invalid"}),
        (f"{YEAR}&reportType=subject", {"subject": "value"}),
        (f"{YEAR}&reportType=population&subject=x", {"subject": "value"}),
        (
            f"{YEAR}&practitioner=x&lastReceivedOn=x",
            {"practitioner": "not-supported", "lastReceivedOn": "not-supported"},
        ),
        (f"{YEAR}&periodEnd=2026-12-30", {"periodEnd": "value"}),
    ],
)
def test_what_cannot_be_met_is_refused_by_name(ward, query, named):
    status, said = asked(ward, f"{OS}?{query}")
    assert (status, faults(said)) == (400, named)


def test_what_stands_in_the_address_of_a_post_is_asked_too(followed):
    part = {"name": "periodStart", "valueDate": "2026-01-01"}
    parameters = {"resourceType": "Parameters", "parameter": [part]}
    status, report = asked(followed, f"{OS}?periodEnd=2026&reportType=subject-list", document=parameters)
    assert (status, report["type"]) == (200, "subject-list")
    status, said = asked(followed, f"{OS}?{YEAR}&luck=1", document=parameters)
    assert (status, faults(said)) == (400, {"periodStart": "value", "luck": "not-supported"})


@pytest.mark.parametrize(
    "document",
    [
        {"resourceType": "Patient"},
        [],
        {"resourceType": "Parameters", "parameter": {}},
        {"resourceType": "Parameters", "parameter": ["x"]},
        {"resourceType": "Parameters", "parameter": [{"name": "periodStart"}]},
        {"resourceType": "Parameters", "parameter": [{"name": "periodStart", "valueInteger": 3}]},
        {"resourceType": "Parameters", "parameter": [{"name": 3, "valueDate": "2026-01-01"}]},
    ],
)
def test_a_body_that_is_no_parameters_is_refused(ward, document):
    assert asked(ward, OS, document=document)[0] == 400


def test_what_is_not_there_is_404_and_a_measure_is_named(ward):
    assert asked(ward, f"/fhir/Measure/luck/$evaluate-measure?{YEAR}")[0] == 404
    assert asked(ward, f"/fhir/Measure/luck/$evaluate-measure?{YEAR}", "registry")[0] == 404
    assert asked(ward, f"{OS}?{YEAR}&subject=Patient/nobody")[0] == 404
    status, said = asked(ward, f"/fhir/Measure/$evaluate-measure?{YEAR}")
    assert (status, faults(said)) == (400, {"measure": "required"})
    assert ward.ask("GET", f"{OS}?{YEAR}", "ehr").status_code == 403


def test_whole_years_reach_outward():
    narrow = Evaluation("os", date(2025, 6, 1), date(2026, 2, 3))
    assert (narrow.of_whole_years().start, narrow.of_whole_years().end) == (date(2025, 1, 1), date(2026, 12, 31))
