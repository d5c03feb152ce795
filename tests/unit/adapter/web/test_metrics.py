"""What a monitoring system reads: what waits, how long requests take, and nothing of a patient."""

from __future__ import annotations

from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapter.web import background
from tests.lib.forms import ENROLMENT
from tests.unit.adapter.web.conftest import NOW

WAITS_FOR_NOBODY = {"Prefer": "respond-async"}


def told(ward) -> dict[tuple[str, ...], float]:
    answer = ward.ask("GET", "/metrics", "admin")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain")
    families = text_string_to_metric_families(answer.text)
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def test_what_waits_is_told_for_each_destination_with_its_age(ward):
    assert ward.ask("POST", "/enrolments", document=ENROLMENT).status_code == 201
    with ward.store.transaction() as tx:
        tx.outbox.add("chu-b", "c-1", [{"resourceType": "Patient", "id": "p"}], source="s", at=NOW - timedelta(hours=2))
    found = told(ward)
    assert found["engraft_deliveries", "waiting"] == 2
    assert found["engraft_deliveries_unfinished", "chu-a"] == 1
    assert found["engraft_deliveries_oldest_seconds", "chu-b"] == 7200


def test_requests_are_counted_by_endpoint_and_status_and_never_by_address(ward):
    before = told(ward)
    ward.ask("GET", "/fhir/Patient/synthetic-secret")
    ward.ask("GET", "/synthetic-secret")
    ward.ask("BREW", "/healthz", None)
    after = told(ward)

    def more(*labels: str) -> float:
        name = "engraft_http_request_seconds_count"
        return after.get((name, *labels), 0) - before.get((name, *labels), 0)

    assert more("read", "GET", "404") == 1
    assert more("nothing", "GET", "404") == 1
    assert more("nothing", "other", "405") == 1
    assert "synthetic-secret" not in str(after)


def test_a_folder_in_which_several_processes_add_up_is_read(ward, tmp_path, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    assert tuple(key for key, *_ in told(ward))[:1] == ("engraft_build",)


@pytest.mark.parametrize("who", ["centre", "registry", "ehr"])
def test_only_an_operator_sees_them(ward, who):
    assert ward.ask("GET", "/metrics", who).status_code == 403


def test_batches_that_wait_are_counted(ward, monkeypatch):
    monkeypatch.setattr(background, "in_a_thread", lambda _: None)
    ward.ask("POST", "/follow-ups", data=b"{}\n", content_type="application/x-ndjson", headers=WAITS_FOR_NOBODY)
    assert told(ward)["engraft_batches", "waiting"] == 1


def test_questions_that_nobody_has_answered_are_counted_by_kind(ward):
    with ward.store.transaction() as tx:
        tx.questions.settle("chu-a", "c-1", "Patient/1", {"deceased": {}, "merged": {}}, NOW)
        tx.questions.settle("chu-a", "c-2", "Patient/2", {"merged": {}}, NOW)
        tx.questions.settle("chu-a", "c-3", "Patient/3", {"gone": {}}, NOW)
        (gone,) = tx.questions.open_of(["c-3"])
        tx.questions.answer(gone.id, who="ada", answer="seen to", at=NOW)
    found = told(ward)
    assert {key: value for key, value in found.items() if key[0] == "engraft_questions"} == {
        ("engraft_questions", "deceased"): 1,
        ("engraft_questions", "merged"): 2,
    }
