"""The shared survival and engraftment cases the whole way: table, forms, `map`, FHIR, `registry report`."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from mappings.r4.wire import encode

DATA = Path(__file__).parents[3] / "data"
SURVIVAL = json.loads((DATA / "survival_cases.json").read_text("utf-8"))
ENGRAFTMENT = json.loads((DATA / "engraftment_cases.json").read_text("utf-8"))["cases"]
ZERO = date(2024, 3, 4)
TABLES: dict[str, dict[str, str]] = {
    "relapse": {"km_any_event": "lfs", "cif1": "relapse"},
    "death": {"km_any_event": "lfs", "cif1": "nrm"},
    "gvhd": {"cif1": "agvhd-2-4"},
}


def on(day):
    return (ZERO + timedelta(days=day)).isoformat()


def enrolment(patient):
    return {
        "centre": "FR-037",
        "patient": patient,
        "protocol": "set-haplo-pdli",
        "transplant": {"date": ZERO.isoformat(), "planned": False, "donor": "haploidentical", "graft": "pbsc"},
    }


def form(patient, day, status="alive", **sections):
    head = {"centre": "FR-037", "patient": patient, "visit": "unscheduled", "date": on(day)}
    return head | {"vital_status": {"status": status, "date": on(day)}} | sections


def events(kind, patient, day, status):
    """Forms of a patient whose time ends by the event (1), by what competes with it (2), or alive (0)."""
    relapse = {"relapse": {"date": on(day), "kind": "haematological"}}
    if status == 0:
        return form(patient, day)
    if kind == "relapse":
        return form(patient, day, **relapse) if status == 1 else form(patient, day, "dead")
    if kind == "death":
        return form(patient, day, "dead") if status == 1 else form(patient, day, **relapse)
    episode = {"acute": [{"onset": on(day), "grade": "II", "skin": 3}], "chronic": []}
    return form(patient, day, gvhd=episode) if status == 1 else form(patient, day, "dead")


@pytest.fixture
def reported(run, tmp_path):
    """`reported(forms, words)`: the report on these patients."""

    def report(enrolments, forms, *words):
        lines = b"".join(encode(one) + b"\n" for one in (*forms, *enrolments))
        (tmp_path / "forms.ndjson").write_bytes(lines)
        result = run("map", "forms.ndjson", "--out", "fhir", "--as-of", "2026-01-01")
        assert result.exit_code == 0, result.stderr
        return json.loads(run("registry", "report", "--from", "fhir", "--json", *words).stdout)["rows"]

    return report


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("name", SURVIVAL)
def test_survival(name, kind, reported):
    case = SURVIVAL[name]
    patients = [f"P-{n:03d}" for n in range(len(case["time"]))]
    told = zip(patients, case["time"], case["status"], strict=True)
    wanted = {column: endpoint for column, endpoint in TABLES[kind].items() if column in case}
    words = [word for endpoint in wanted.values() for word in ("--endpoint", endpoint)]
    days = ",".join(map(str, case["at"]))
    forms = [events(kind, *one) for one in told]
    rows = reported(map(enrolment, patients), forms, *words, "--horizons", days) if words else []
    for column, endpoint in wanted.items():
        names = {"estimate": "surv" if column == "km_any_event" else "cif", "ci_low": "lo", "ci_high": "hi", "se": "se"}
        found = [row for row in rows if row["endpoint"] == endpoint]
        assert [row["horizon_days"] for row in found] == case["at"]
        for ours, theirs in names.items():
            assert [row[ours] for row in found] == expected(case[column], theirs, column)
        if column == "km_any_event":
            assert [row["at_risk"] for row in found] == case[column]["n_risk"]


def expected(figures, name, column):
    """The endpoint definitions leave a survival of 1 without a standard error, where R prints 0."""
    certain = [column == "km_any_event" and name == "se" and value == 0 for value in figures[name]]
    return [
        None if sure or value is None else pytest.approx(value, abs=1e-9)
        for sure, value in zip(certain, figures[name], strict=True)
    ]


def test_engraftment(reported):
    forms, days, patients = [], {}, []
    for number, case in enumerate(ENGRAFTMENT):
        patient, line = f"E-{number}", "platelets" if case["kind"] == "platelets" else "neutrophils"
        counts = [
            {"date": on(int(day)), line: {"value": value, "unit": "10*9/L"}}
            for day, value in case["g_per_l_by_day"].items()
        ]
        given = [on(case["last_platelet_transfusion_day"])] if line == "platelets" else []
        forms.append(form(patient, 60, engraftment={"counts": counts, "platelet_transfusions": given}))
        patients.append(patient)
        days.setdefault(line, []).append(case["expect_day_20" if line == "platelets" else "expect_day_0_5"])
    for line, expected_days in days.items():
        endpoint = f"{line.removesuffix('s')}-engraftment"
        words = ("--endpoint", endpoint, "--horizons", ",".join(map(str, range(31))))
        rows = reported(map(enrolment, patients), forms, *words)
        for row in rows:
            reached = [day for day in expected_days if day is not None and day <= row["horizon_days"]]
            assert (row["events"], row["n"]) == (len(reached), len(patients))
