"""One record at fault: its patient is set aside whole and named, and everybody else leaves as ever."""

from __future__ import annotations

import pytest

from mappings.r4.validate import validate
from mappings.r4.wire import decode
from tests.lib.logged import logged
from tests.unit.adapter.web.conftest import NOW, OURS
from tests.unit.adapter.web.exporting import AGREES

SECOND = AGREES | {"patient": "P-0009"}
ABSENT = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "unknown"}]}


def spoil(exporting, change):
    """An Observation of our centre's patient becomes what no client could send any more; its id and the patient's."""
    with exporting.ward.store.transaction() as tx:
        found = list(tx.resources.stream(centres=[OURS], kinds=["Observation", "Patient"]))
        patient = next(one.id for one in found if one.kind == "Patient")
        record = next(one for one in found if "valueQuantity" in one.content)
        tx.resources.put(change(record.content), centre=OURS, course=record.course, sources=["test"], at=NOW)
    return record.id, patient


def both_value_and_reason(content):
    return content | {"dataAbsentReason": ABSENT}


def unreadable(content):
    return content | {"subject": ["Patient/Dubois"]}


@pytest.fixture
def spoilt(exporting):
    return spoil(exporting, both_value_and_reason)


def test_a_registrys_export_goes_on_and_says_in_its_manifest_who_is_missing(exporting):
    before = exporting.output(exporting.whole(who="registry"), "registry")
    record, patient = spoil(exporting, both_value_and_reason)
    with logged() as log:
        manifest = exporting.whole(who="registry")
        left = exporting.output(manifest, "registry")
    assert len(left["Patient"]) == len(before["Patient"]) - 1
    (missing,) = {one["id"] for one in before["Patient"]} - {one["id"] for one in left["Patient"]}
    assert missing not in str(left), "nothing of the patient leaves"
    (file,) = manifest["error"]
    assert (file["type"], file["count"]) == ("OperationOutcome", 1)
    (outcome,) = exporting.lines(file["url"], "registry")
    assert [fault for fault in validate(outcome) if fault.severity == "error"] == []
    told = [issue["diagnostics"] for issue in outcome["issue"]]
    assert f"Patient/{missing}" in told[0]
    assert any("Observation/" in one and "obs-6" in one for one in told[1:])
    assert record not in str(outcome)
    assert patient not in str(outcome)
    assert log.of("outcomes-set-aside"), "who runs the server learns of it"
    assert "P-0001" not in log.text


@pytest.mark.parametrize("who", ["registry", "centre"])
@pytest.mark.parametrize("accept", ["application/fhir+ndjson", "application/fhir+json"])
def test_bundles_of_the_others_are_answered_and_an_outcome_names_who_is_missing(exporting, spoilt, who, accept):
    assert exporting.ward.ask("POST", "/enrolments", document=SECOND).status_code == 201
    answer = exporting.ward.ask("GET", "/registry/bundles", who, headers={"Accept": accept})
    assert answer.status_code == 200
    if accept.endswith("ndjson"):
        found = [decode(line) for line in answer.data.splitlines()]
    else:
        assert [fault for fault in validate(decode(answer.data)) if fault.severity == "error"] == []
        found = [entry["resource"] for entry in decode(answer.data)["entry"]]
    bundles, outcomes = found[:-1], found[-1:]
    assert {one["resourceType"] for one in bundles} == {"Bundle"}
    assert len(bundles) == (2 if who == "registry" else 1)
    (outcome,) = outcomes
    assert outcome["resourceType"] == "OperationOutcome"
    assert (spoilt[1] in str(outcome)) is (who == "centre")


def test_what_cannot_even_be_read_is_set_aside_without_a_word_of_it(exporting):
    spoil(exporting, unreadable)
    with logged() as log:
        manifest = exporting.whole(who="registry")
    assert log.of("outcomes-set-aside")
    assert len(exporting.output(manifest, "registry")["Patient"]) == 1
    (outcome,) = exporting.lines(manifest["error"][0]["url"], "registry")
    assert "cannot be read" in outcome["issue"][1]["diagnostics"]
    assert "Dubois" not in str(outcome) + log.text


def test_a_withdrawal_is_told_of_a_record_that_cannot_be_read_too(exporting):
    exporting.output(exporting.whole(who="registry"), "registry")
    spoil(exporting, unreadable)
    with exporting.ward.store.transaction() as tx:
        consent = next(tx.resources.stream(centres=[OURS], kinds=["Consent"]))
        tx.resources.put(
            consent.content | {"status": "inactive"}, centre=OURS, course=consent.course, sources=["test"], at=NOW
        )
    manifest = exporting.whole("/fhir/$export?_since=2026-09-03T09:00:00Z", "registry")
    (bundle,) = exporting.lines(manifest["deleted"][0]["url"], "registry")
    told = {entry["request"]["url"].partition("/")[0] for entry in bundle["entry"]}
    assert {"Patient", "Observation"} <= told
    assert "Consent" not in told
