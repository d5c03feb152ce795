"""Outcomes leave as bundles of who agreed, and become a report, from the store and from files."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from adapter.errors import Invalid, Refused
from adapter.flows.registry import Question, bundles, report_from_directory, report_from_store
from adapter.store import Store
from mappings.r4.wire import encode
from tests.unit.mappings.registry.patients import KEY, M3, course_of, died, enrolled, seen

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


def patients(found):
    return [
        entry["resource"]["id"]
        for bundle in found
        for entry in bundle["entry"]
        if entry["request"]["url"].startswith("Patient/")
    ]


def test_every_patient_who_agrees_has_one_bundle(store):
    found = list(bundles(store, KEY, NOW))
    assert len(found) == len(set(patients(found))) == 2
    assert list(bundles(store, KEY, NOW)) == found


def test_the_order_of_bundles_does_not_tell_the_order_of_enrolment(store):
    orders = {tuple(len(b["entry"]) for b in bundles(store, bytes([n]) * 16, NOW)) for n in range(12)}
    assert len(orders) == 2


def test_one_patient_can_be_asked_for_by_id_identifier_or_number(store):
    identity = next(r["id"] for r in resources_of("P-0002") if r["resourceType"] == "Patient")
    wanted = [identity, f"Patient/{identity}", "P-0002", "FR-037/P-0002"]
    assert len({tuple(patients(bundles(store, KEY, NOW, name))) for name in wanted}) == 1
    assert len(list(bundles(store, KEY, NOW, "P-0002"))) == 1
    assert list(bundles(store, KEY, NOW, "P-0003")) == []
    assert list(bundles(store, KEY, NOW, "P-9999")) == []


def test_a_centre_sees_its_own_bundles_only(store):
    assert len(list(bundles(store, KEY, NOW, centres=["FR-037"]))) == 2
    assert list(bundles(store, KEY, NOW, centres=["FR-038"])) == []


def test_a_withdrawn_consent_stops_the_bundle(store):
    (consent,) = [r for r in resources_of("P-0002") if r["resourceType"] == "Consent"]
    with store.transaction() as tx:
        tx.resources.put(consent | {"status": "inactive"}, centre="FR-037", course="P-0002", sources=[], at=NOW)
    assert len(list(bundles(store, KEY, NOW))) == 1


def test_a_key_that_could_be_guessed_is_refused(store):
    with pytest.raises(Refused, match="at least 16 bytes"):
        list(bundles(store, b"secret", NOW))


def test_the_report_counts_every_patient_also_those_who_did_not_consent(store):
    report = report_from_store(store, Question(horizons=[150, 365]))
    assert [row.horizon_days for row in report.rows] == [150, 365, 730]
    assert (report.rows[0].n, report.rows[1].events) == (4, 1)
    assert report.as_of == date(2026, 9, 9)
    assert report_from_store(store, Question(), centres=["FR-038"]).rows[0].n == 1


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
    with pytest.raises(Invalid, match="lfs is not yet supported"):
        report_from_directory(folder, Question(endpoints=["lfs"]))


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
