"""The endpoint report and the analysis table, from the store and from files, in memory and dealt out on disk."""

from __future__ import annotations

import gc
import os
import signal
from datetime import UTC, date, datetime

import pytest

from adapter.errors import Invalid, Refused
from adapter.flows import courses, endpoints
from adapter.flows.endpoints import (
    Question,
    report_from_directory,
    report_from_store,
    table_from_directory,
    table_from_store,
)
from adapter.store import Store
from mappings.canonicals import DEFAULT
from mappings.r4.wire import encode
from tests.unit.mappings.registry.patients import M3, course_of, died, enrolled, seen

NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
COHORT = {
    "P-0001": (enrolled("P-0001"), [M3, died("2026-08-15")]),
    "P-0002": (enrolled("P-0002"), [seen("m6", "2026-09-01", "P-0002")]),
    "P-0003": (
        enrolled("P-0003", consent={"status": "active", "registry": False}),
        [seen("m6", "2026-09-09", "P-0003")],
    ),
    "P-0004": (enrolled("P-0004", consent=None, centre="FR-038"), []),
}


def resources_of(patient):
    enrolment, visits = COHORT[patient]
    return course_of(enrolment, *(visit | {"centre": enrolment["centre"]} for visit in visits))


@pytest.fixture
def store(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/engraft.sqlite")
    store.migrate()
    with store.transaction() as tx:
        for patient in COHORT:
            for resource in resources_of(patient):
                tx.resources.put(resource, centre=COHORT[patient][0]["centre"], course=patient, sources=[], at=NOW)
    yield store
    store.close()


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    for patient in COHORT:
        for resource in resources_of(patient):
            with (folder / f"{resource['resourceType']}.ndjson").open("ab") as file:
                file.write(encode(resource) + b"\n")
    (folder / "rejected.ndjson").write_text('{"line": 3, "reason": "..."}\n')
    return folder


def test_the_report_counts_every_patient_also_those_who_did_not_consent(store):
    report = report_from_store(store, Question(endpoints=["os"], horizons=[150, 365]))
    assert [row.horizon_days for row in report.rows] == [150, 365]
    assert (report.rows[0].n, report.rows[1].events) == (4, 1)
    assert report.as_of == date(2026, 9, 9)
    assert report_from_store(store, Question(), centres=["FR-038"]).rows[0].n == 1


def test_the_database_is_given_back_before_anything_is_reckoned(store):
    with courses.in_store(store, None, DEFAULT) as found:
        assert store._engine.pool.checkedout() == 0
        assert len(list(found)) == 4


def test_the_report_is_the_same_from_files(store, folder):
    question = Question(endpoints=["os"], horizons=[90], as_of=date(2026, 9, 1))
    assert report_from_directory(folder, question).document() == report_from_store(store, question).document()


def test_a_release_is_asked_for(store):
    assert report_from_store(store, Question(release=True)).rows[0].suppressed


def test_a_single_file_can_be_read(folder):
    report = report_from_directory(folder / "Procedure.ndjson", Question())
    assert (report.rows[0].n, report.as_of) == (4, date(2026, 3, 16))


def test_a_folder_without_resources_is_refused(tmp_path):
    (tmp_path / "rejected.ndjson").write_text("{}\n")
    with pytest.raises(Refused, match=r"holds no \.ndjson files"):
        report_from_directory(tmp_path, Question())


def test_an_unknown_endpoint_is_refused(folder):
    with pytest.raises(Invalid, match="no endpoint is called luck"):
        report_from_directory(folder, Question(endpoints=["luck"]))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"resourceType": "Patient", "id": 7}', r"Patient\.ndjson:5: Patient\.id: "),
        (b'{"resourceType": "Patient", ', r"Patient\.ndjson:5: "),
        (b"[1, 2]", r"Patient\.ndjson:5: "),
        (b'{"id": "x"}', r"Patient\.ndjson:5: "),
    ],
)
def test_a_line_that_is_no_fhir_is_refused_with_file_and_line(folder, line, said):
    with (folder / "Patient.ndjson").open("ab") as file:
        file.write(line + b"\n")
    with pytest.raises(Invalid, match=said):
        report_from_directory(folder, Question())


def test_empty_lines_and_types_that_say_nothing_of_a_course_are_passed_over(folder):
    (folder / "CarePlan.ndjson").write_bytes(b'\n{"resourceType": "CarePlan", "odd": true}\n')
    assert report_from_directory(folder, Question()).rows[0].n == 4


def test_what_is_too_much_for_memory_is_dealt_out_on_disk_and_says_the_same(folder, monkeypatch):
    at_once = report_from_directory(folder, Question(trail=False)).document()
    monkeypatch.setattr(courses, "IN_MEMORY_BYTES", 0)
    dealt = report_from_directory(folder, Question(trail=False)).document()
    assert dealt["rows"] == at_once["rows"]
    assert {str(each) for each in dealt["listed"]} == {str(each) for each in at_once["listed"]}


@pytest.fixture
def dealt(folder, monkeypatch):
    """A folder that is too large for memory, in as many shares as patients."""
    monkeypatch.setattr(courses, "IN_MEMORY_BYTES", 0)
    monkeypatch.setattr(courses, "SHARES", (4, 4))
    return folder


def test_several_processes_say_what_one_says(dealt):
    one, several = (report_from_directory(dealt, Question(), jobs=jobs) for jobs in (1, 2))
    assert several.document(curves=True) == one.document(curves=True)
    assert several == one, "with the subjects of each endpoint"
    assert several.rows[0].n == 4


def test_what_is_wrong_is_told_by_file_and_line_whichever_process_reads_it(dealt):
    lines = (dealt / "Procedure.ndjson").read_bytes().splitlines()
    (dealt / "Procedure.ndjson").write_bytes(b"\n".join([*lines, lines[0].replace(b'"completed"', b'"over"')]) + b"\n")
    for jobs in (2, 1):
        with pytest.raises(Invalid, match=rf"Procedure\.ndjson:{len(lines) + 1}: Procedure\.status"):
            report_from_directory(dealt, Question(), jobs=jobs)


@pytest.mark.parametrize(
    "line", [b'{"resourceType": "Patient", ', b'{"resourceType": "Observation", "subject": 7}', b"[1]"]
)
def test_what_names_nobody_is_refused_too(dealt, line):
    with (dealt / "Patient.ndjson").open("ab") as file:
        file.write(line + b"\n")
    with pytest.raises(Invalid, match=r"Patient\.ndjson:5: "):
        report_from_directory(dealt, Question())


def test_more_processes_than_a_small_folder_needs_are_not_begun(folder, monkeypatch):
    monkeypatch.setattr(endpoints, "ProcessPoolExecutor", None)
    assert report_from_directory(folder, Question(), jobs=8).rows[0].n == 4


def test_a_process_that_is_ended_is_told_and_not_waited_for(dealt, monkeypatch):
    monkeypatch.setattr(endpoints, "_of_share", _killed)
    with pytest.raises(Refused, match="too little memory"):
        report_from_directory(dealt, Question(), jobs=2)


def _killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def test_the_collector_is_as_it_was_after_reading(dealt):
    assert gc.isenabled()
    report_from_directory(dealt, Question())
    assert gc.isenabled()
    gc.disable()
    try:
        report_from_directory(dealt, Question())
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_the_analysis_table_has_a_row_for_each_grafted_patient(store, folder):
    columns, *rows = table_from_directory(folder, date(2026, 9, 1))
    told = [dict(zip(columns, row, strict=True)) for row in rows]
    assert len(told) == len(COHORT)
    (dead,) = [one for one in told if one["os_status"] == "1"]
    assert (dead["os_days"], dead["lfs_days"], dead["response_90"], dead["agvhd_2_4_status"]) == (
        "166",
        "166",
        "CR",
        "1",
    )
    assert (dead["agvhd_2_4_dated_by_onset"], dead["immune_cd4_90"], dead["pdli_gvhd_days"]) == ("1", "120.0", "")
    stored = list(table_from_store(store, date(2026, 9, 1)))
    assert stored[0] == columns
    assert sorted(stored[1:]) == sorted(rows)


def test_who_was_not_grafted_by_the_cut_off_has_no_row(folder):
    assert len(list(table_from_directory(folder, date(2026, 3, 1)))) == 1
