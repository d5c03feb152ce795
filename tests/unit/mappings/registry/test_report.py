"""The report as JSON, as a table, as FHIR, and what of it may leave the centre."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from mappings.canonicals import DEFAULT
from mappings.r4.faults import FaultyInput
from mappings.r4.validate import validate
from mappings.r4.wire import decode, encode
from mappings.registry.course import read
from mappings.registry.measure_report import TIME_POINT, measure_reports
from mappings.registry.report import COLUMNS, compile_report
from tests.unit.mappings.registry.patients import plain_contact, plain_patient, plain_transplant

ZERO = date(2026, 3, 2)
NOW = datetime(2029, 6, 1, 12, tzinfo=UTC)
MEASURE = json.loads((Path(__file__).parents[4] / "profiles" / "Measure-os.json").read_text("utf-8"))


def courses(*days, died=()):
    """Patients followed to these days, those at the places `died` until death."""
    resources = []
    for n, day in enumerate(days):
        on = (ZERO + timedelta(days=day)).isoformat()
        end = plain_patient(f"p{n}", deceasedDateTime=on) if n in died else plain_contact(f"p{n}", on)
        resources += [plain_transplant(f"p{n}", ZERO.isoformat()), end]
    return read(resources)


def os_of(of, **asked):
    return compile_report(of, endpoints=["os"], **asked)


SIX = courses(100, 200, 400, 800, 800, 900, died=(0, 2))


def test_the_document_is_the_contracts():
    said = compile_report(SIX, endpoints=["os"], horizons=[365, 730]).document()
    assert list(said) == ["as_of", "rows", "excluded", "listed"]
    assert said["as_of"] == str(ZERO + timedelta(days=900))
    assert [row["horizon_days"] for row in said["rows"]] == [365, 730]
    assert list(said["rows"][0]) == ("endpoint horizon_days n at_risk events estimate se ci_low ci_high method".split())
    assert said["rows"][1]["estimate"] == pytest.approx(5 / 6 * 3 / 4)


def test_numbers_keep_twelve_digits_on_the_wire_and_what_is_not_is_null():
    row = decode(encode(os_of(SIX).document()))["rows"][0]
    assert len(row["estimate"].as_tuple().digits) <= len("0625")
    assert len(row["se"].as_tuple().digits) >= 12
    beyond = json.loads(encode(os_of(SIX, horizons=[1000]).document()))["rows"][0]
    assert (beyond["estimate"], beyond["se"], beyond["ci_low"], beyond["ci_high"]) == (None, None, None, None)


def test_the_cut_off_can_be_asked_for():
    report = os_of(SIX, as_of=ZERO + timedelta(days=150))
    assert report.document()["as_of"] == "2026-07-30"
    assert report.rows[0].events == 1


def test_who_is_excluded_or_listed_is_named():
    odd = read([plain_patient("x"), plain_transplant("y", "2026-03-02"), plain_patient("y", deceasedBoolean=True)])
    said = compile_report(odd, endpoints=["os"]).document()
    assert said["excluded"] == [
        {"patient": "x", "reason": "no transplant with a date", "what": "patient", "endpoints": ["os"]},
        {"patient": "y", "reason": "death without a date", "what": "event", "endpoints": ["os"]},
    ]
    rule = "death without a date: counted as alive until 2026-03-02"
    assert said["listed"] == [{"patient": "y", "rule": rule, "endpoints": ["os"]}]


def test_nothing_known_makes_a_report_of_nobody():
    report = os_of([])
    assert (report.as_of, report.since, report.rows[0].n, report.rows[0].estimate) == (None, None, 0, None)
    (measured,) = measure_reports(report, NOW)
    assert measured["period"] == {"start": "2029-06-01", "end": "2029-06-01"}
    assert validate(measured) == []


def test_a_transplant_after_the_cut_off_does_not_begin_the_period():
    late = read(
        [plain_transplant("a", "2026-03-02"), plain_transplant("b", "2025-01-01"), plain_contact("b", "2026-01-01")]
    )
    assert compile_report(late, as_of=date(2026, 1, 1)).since == date(2025, 1, 1)


def test_an_unknown_endpoint_is_refused():
    with pytest.raises(FaultyInput, match=r"no endpoint is called nonsense; known: os, response"):
        compile_report(SIX, endpoints=["os", "nonsense"])


def test_the_table_is_for_people():
    plain = os_of(SIX, horizons=[730, 1000]).table()
    assert [len(line) for line in plain] == [len(COLUMNS)] * 2
    assert plain[0] == ("os", "730", "6", "3", "2", "62.5%", "14.2% to 89.3%", "kaplan-meier")
    assert plain[1] == ("os", "1000", "6", "0", "2", "", "", "kaplan-meier")


def test_a_release_names_nobody_and_says_what_it_hides():
    odd = [resource for n in range(5) for resource in (plain_patient(f"x{n}"),)]
    said = os_of([*SIX, *read(odd)], release=True).document()
    assert said["rows"][0]["suppressed"] == ["at_risk", "events", "estimate", "se", "ci_low", "ci_high"]
    assert said["excluded"] == [{"reason": "no transplant with a date", "count": 5}]
    assert os_of(SIX, release=True).table()[0][3:6] == ("hidden", "hidden", "")


def test_a_release_tells_rules_without_dates_and_hides_how_few_they_met():
    said = os_of(
        read([plain_transplant("y", "2026-03"), plain_patient("y", deceasedDateTime="2026-08")]), release=True
    ).document()
    assert said["listed"] == [
        {"rule": "death known to the month", "count": None},
        {"rule": "transplant known to the month", "count": None},
    ]


def uncertainty(score):
    (found,) = [e for e in score["extension"] if e["url"] == DEFAULT.extension("statistic-uncertainty")]
    return {part["url"]: next(v for k, v in part.items() if k != "url") for part in found["extension"]}


def test_the_measure_report_has_score_counts_and_how_sure_they_are():
    (said,) = measure_reports(os_of(SIX, horizons=[365, 730]), NOW)
    assert validate(said) == []
    assert (said["status"], said["type"], said["date"]) == ("complete", "summary", "2029-06-01T12:00:00+00:00")
    assert said["period"] == {"start": "2026-03-02", "end": "2028-08-18"}
    (group,) = said["group"]
    assert group["measureScore"]["value"] == Decimal("62.5")
    assert (group["measureScore"]["code"], group["measureScore"]["unit"]) == ("%", "%")
    assert [(p["code"]["coding"][0]["code"], p["count"]) for p in group["population"]] == [
        ("initial-population", 6),
        ("numerator", 2),
    ]
    sure = uncertainty(group["measureScore"])
    assert (sure["method"], sure["confidenceLevel"], sure["atRisk"]) == ("kaplan-meier", Decimal("0.95"), 3)
    assert sure["low"]["value"] < 62.5 < sure["high"]["value"]
    assert sure["standardError"]["code"] == "%"
    strata = group["stratifier"][0]["stratum"]
    assert [stratum["value"]["text"] for stratum in strata] == ["day 365", "day 730"]
    assert [uncertainty(stratum["measureScore"])["horizonDays"] for stratum in strata] == [365, 730]


def test_the_measure_report_refers_to_what_it_was_made_from():
    (said,) = measure_reports(os_of(SIX), NOW)
    assert {"reference": "Procedure/p0-graft"} in said["evaluatedResource"]
    assert {"reference": "Patient/p0"} in said["evaluatedResource"]
    (released,) = measure_reports(os_of(SIX, release=True), NOW)
    assert "evaluatedResource" not in released
    assert released["meta"]["security"][0]["code"] == "AGGRED"
    assert released["period"]["start"] == "2026"
    assert validate(released) == []


def test_a_score_that_does_not_exist_says_so_and_one_that_is_hidden_says_that():
    (beyond,) = measure_reports(os_of(courses(100)), NOW)
    (hidden,) = measure_reports(os_of(SIX, release=True), NOW)
    reasons = [said["group"][0]["measureScore"]["extension"][0]["valueCode"] for said in (beyond, hidden)]
    assert reasons == ["not-applicable", "masked"]
    assert "count" not in hidden["group"][0]["population"][1]
    assert not {"low", "high", "standardError"} & uncertainty(beyond["group"][0]["measureScore"]).keys()


def test_the_same_report_has_the_same_id_and_another_cut_off_another():
    (once,), (again,) = (measure_reports(os_of(SIX), NOW) for _ in range(2))
    (other,) = measure_reports(os_of(SIX, as_of=date(2027, 1, 1)), NOW)
    assert once["id"] == again["id"] != other["id"]


def test_the_measure_is_the_one_that_the_report_cites():
    (said,) = measure_reports(os_of(SIX), NOW)
    assert said["measure"] == f"{MEASURE['url']}|{MEASURE['version']}"
    assert validate(MEASURE) == []
    assert said["improvementNotation"] == MEASURE["improvementNotation"]
    (group,) = MEASURE["group"]
    codes = [population["code"]["coding"][0]["code"] for population in group["population"]]
    assert codes == [population["code"]["coding"][0]["code"] for population in said["group"][0]["population"]]
    assert group["stratifier"][0]["code"]["text"] == TIME_POINT


def of_every_kind(n=6):
    """Patients with a remission and a CD4 count on day 90."""
    resources = []
    for number in range(n):
        patient, on = f"p{number}", (ZERO + timedelta(days=90)).isoformat()
        loinc = {"system": "http://loinc.org"}
        remission = {"coding": [{"system": "http://snomed.info/sct", "code": "103338009"}]}
        code = {"coding": [loinc | {"code": "97509-4"}]}
        count = {"value": Decimal(10 * number), "code": "/uL", "system": "http://unitsofmeasure.org", "unit": "/uL"}
        resources += [
            plain_transplant(patient, ZERO.isoformat()),
            plain_contact(patient, on, id=f"{patient}-cr", code=code, valueCodeableConcept=remission),
            plain_contact(
                patient, on, id=f"{patient}-cd4", code={"coding": [loinc | {"code": "24467-3"}]}, valueQuantity=count
            ),
        ]
    return read(resources)


def test_rows_of_other_kinds_carry_what_is_theirs():
    rows = compile_report(of_every_kind(), endpoints=["response", "immune-cd4"], horizons=[90]).document()["rows"]
    assert [list(row)[:7] for row in rows[:2]] == [
        ["endpoint", "horizon_days", "count", "of", "estimate", "ci_low", "ci_high"]
    ] * 2
    assert (rows[0]["count"], rows[0]["of"], rows[0]["complete"]) == (6, 6, 6)
    assert rows[2].items() >= {"n": 6, "median": 25.0, "q1": 12.5, "q3": 37.5, "min": 0.0, "max": 50.0}.items()


def test_the_table_has_a_line_of_every_kind():
    lines = compile_report(
        of_every_kind(), endpoints=["response", "immune-cd4", "pdli-feasibility"], horizons=[90]
    ).table()
    assert lines[0][:7] == ("response", "90", "6", "", "6", "100.0%", "54.1% to 100.0%")
    assert lines[2][:7] == ("immune-cd4", "90", "6", "", "", "25 /uL", "12.5 to 37.5 (quartiles)")
    assert lines[3][:3] == ("pdli-feasibility", "", "6")
    (empty,) = compile_report([], endpoints=["immune-cd4"], horizons=[90]).table()
    assert empty[5:7] == ("", "")


def test_curves_are_told_step_by_step_where_they_are_asked_for():
    said = os_of(SIX).document(curves=True)
    (curve,) = said["curves"]
    assert (curve["endpoint"], curve["n"], curve["start"]) == ("os", 6, 1.0)
    assert [point["day"] for point in curve["points"]] == [100, 200, 400, 800, 900]
    assert list(curve["points"][0]) == ["day", "at_risk", "events", "estimate", "se", "ci_low", "ci_high"]
    assert os_of(SIX, release=True).document(curves=True)["curves"] == []


def test_the_measure_report_of_every_kind_is_valid_and_says_what_a_row_says():
    report = compile_report(of_every_kind(), horizons=[90])
    made = {said["measure"].rpartition("/")[2].partition("|")[0]: said for said in measure_reports(report, NOW)}
    assert [fault for said in made.values() for fault in validate(said)] == []
    strata = made["response"]["group"][0]["stratifier"][0]["stratum"]
    assert strata[0]["value"]["text"] == "day 90: CR or PR, of grafted"
    assert strata[0]["measureScore"]["value"] == 100
    (cd4,) = made["immune-cd4"]["group"][0]["stratifier"][0]["stratum"]
    assert (cd4["measureScore"]["value"], cd4["measureScore"]["code"]) == (25, "/uL")
    assert uncertainty(cd4["measureScore"])["low"]["value"] == Decimal("12.5")
    feasible = made["pdli-feasibility"]["group"][0]["stratifier"][0]["stratum"][0]
    assert feasible["value"]["text"] == "to the cut-off: given, of grafted"
    assert "horizonDays" not in uncertainty(feasible["measureScore"])


def test_a_report_says_what_is_better():
    made = {
        said["measure"].rpartition("/")[2].partition("|")[0]: said for said in measure_reports(compile_report([]), NOW)
    }
    better = {name: said["improvementNotation"]["coding"][0]["code"] for name, said in made.items()}
    assert (better["os"], better["response"], better["nrm"], better["cgvhd"]) == (
        "increase",
        "increase",
        "decrease",
        "decrease",
    )
