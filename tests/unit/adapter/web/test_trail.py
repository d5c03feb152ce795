"""One number follows a fact from the request that brought it to the hospital's answer."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

import pytest

from adapter.config import Hospital, Registry, Settings
from adapter.flows import notification
from adapter.flows.delivery import Policy, drain
from adapter.hospital.client import HospitalClient
from adapter.hospital.connections import Connections
from adapter.hospital.sandbox import Sandbox
from mappings.r4 import wire
from tests.lib.forms import ENROLMENT, FOLLOW_UP
from tests.lib.logged import logged
from tests.unit.adapter.web.conftest import NOW

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def hospital():
    with Sandbox() as hospital:
        yield hospital


def deliver(ward, hospital, veiled=False):
    client = HospitalClient("chu-a", hospital.base_url, None, veiled=veiled, pause=lambda _: None)
    with closing(client):
        how = {"worker": "w", "now": lambda: NOW + timedelta(minutes=1), "jitter": lambda: 0.5}
        return drain(ward.store, lambda _: client, policies={"chu-a": Policy()}, **how)


def send(ward, path, document, number):
    answer = ward.ask("POST", path, document=document, headers={"X-Request-Id": number})
    assert answer.status_code in (201, 202), answer.text
    assert answer.headers["X-Request-Id"] == number
    return wire.decode(answer.data)


def test_from_the_request_to_the_hospital_and_its_answer(ward, hospital):
    with logged() as log:
        made = send(ward, "/enrolments", ENROLMENT, "ward-7")
        assert deliver(ward, hospital).delivered == 1
    assert set(hospital.request_ids) == {"ward-7"}
    mine = [line for line in log.lines if line.get("correlation") == "ward-7"]
    assert mine == log.lines
    events = [line["event"] for line in mine]
    order = ["queued", "gates-evaluated", "intake-accepted", "request", "exchange", "delivery"]
    assert [event for event in dict.fromkeys(events) if event in order] == order
    (queued,), (delivered,) = log.of("queued"), log.of("delivery")
    assert delivered["delivery"] == queued["delivery"]
    assert (delivered["became"], delivered["attempts"], delivered["request"]) == ("delivered", 1, "ward-7")
    (asked,) = log.of("request")
    assert (asked["method"], asked["endpoint"], asked["status"]) == ("POST", "enrol", 201)
    assert (asked["caller"], asked["role"], asked["centre"]) == ("centre", "centre", "FR-037")
    told = wire.decode(ward.ask("GET", f"/enrolments/{made['id']}").data)
    assert told["correlation"] == "ward-7"
    assert [one["correlation"] for one in told["deliveries"]] == ["ward-7"]


def test_two_facts_that_travel_together_keep_each_its_own_number(ward, hospital):
    send(ward, "/enrolments", ENROLMENT, "first")
    send(ward, "/follow-ups", FOLLOW_UP, "second")
    with logged() as log:
        assert deliver(ward, hospital).delivered == 2
    assert [(line["correlation"], line["request"]) for line in log.of("delivery")] == [
        ("first", "first"),
        ("second", "first"),
    ]
    with ward.store.reading() as tx:
        assert [row.source for row in tx.outbox.listing(correlation="second")] == ["FR-037/P-0001/m3"]
        assert tx.outbox.listing(correlation="third") == []


def test_the_number_of_a_trace_is_taken_where_the_caller_gives_no_other(ward):
    headers = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    assert ward.ask("GET", "/healthz", None, headers=headers).headers["X-Request-Id"] == TRACE


def test_the_same_content_again_stays_with_the_request_that_brought_it(ward):
    send(ward, "/enrolments", ENROLMENT, "first")
    with logged() as log:
        made = wire.decode(ward.ask("POST", "/enrolments", document=ENROLMENT, headers={"X-Request-Id": "b"}).data)
    assert [line["changed"] for line in log.of("intake-accepted")] == [False]
    assert wire.decode(ward.ask("GET", f"/enrolments/{made['id']}").data)["correlation"] == "first"


def test_what_is_refused_at_the_door_is_told_by_issue_types(ward):
    with logged() as log:
        assert ward.ask("POST", "/enrolments", document=ENROLMENT | {"sex": "Zquatl"}).status_code == 422
        assert ward.ask("POST", "/follow-ups", document=FOLLOW_UP).status_code == 404
    assert [(line["kind"], line["error"]) for line in log.of("intake-refused")] == [
        ("enrolment", "Invalid"),
        ("follow-up", "NotFound"),
    ]
    assert [line["codes"] for line in log.of("request")] == [["code-invalid"], ["not-found"]]
    assert "Zquatl" not in log.text


def test_each_refused_document_of_a_batch_has_its_line(ward):
    send(ward, "/enrolments", ENROLMENT, "first")
    body = b"\n".join([wire.encode(FOLLOW_UP), wire.encode(FOLLOW_UP | {"visit": "m99"}), b"{"])
    with logged() as log:
        answer = ward.ask("POST", "/follow-ups", data=body, content_type="application/x-ndjson")
    assert answer.status_code == 202
    assert len(log.of("intake-accepted")) == 1
    assert len(log.of("intake-refused")) == 2
    assert len({line["correlation"] for line in log.lines}) == 1


def test_a_refusal_of_the_hospital_is_told_by_its_status_and_types(ward, hospital):
    send(ward, "/enrolments", ENROLMENT, "ward-7")
    hospital.fail(next=20, status=422, says="HAPI-0418: the name Zquatl is not known")
    with logged() as log:
        assert deliver(ward, hospital).parked == 1
    (line,) = log.of("delivery")
    assert (line["level"], line["became"], line["status"]) == ("warning", "parked", 422)
    assert line["codes"] == ["processing", "HAPI-0418"]
    assert "Zquatl" not in log.text


def test_a_hospital_that_is_away_is_told_by_what_happened(ward, hospital):
    send(ward, "/enrolments", ENROLMENT, "ward-7")
    hospital.fail(next=20, status=503)
    with logged() as log:
        assert deliver(ward, hospital).retried == 1
    (line,) = log.of("delivery")
    assert (line["level"], line["became"], line["error"]) == ("info", "retried", "HospitalSilent")


def test_a_registry_never_learns_the_number_that_is_known_where_the_patient_is(ward, hospital):
    send(ward, "/enrolments", ENROLMENT, "P-0001")
    with logged() as log:
        assert deliver(ward, hospital, veiled=True).delivered == 1
    (sent,) = set(hospital.request_ids)
    assert "P-0001" not in sent
    (line,) = log.of("delivery")
    assert (line["correlation"], line["request"]) == ("P-0001", sent)


def test_registries_are_spoken_to_so_and_hospitals_are_not():
    settings = Settings(
        hospitals={"chu-a": Hospital("chu-a", "http://h.example")},
        registries={"national": Registry("national", "http://r.example")},
    )
    from adapter.trail import correlation

    with closing(Connections(settings)) as known, correlation.following("a-1"):
        assert known("chu-a").request_id == "a-1"
        assert known("national").request_id not in ("a-1", None)


def test_a_notification_is_followed_to_what_is_read_because_of_it(ward, hospital):
    headers = {"Authorization": "Bearer open sesame", "X-Request-Id": "their-9"}
    with logged() as log, closing(HospitalClient("chu-a", hospital.base_url, None)) as client:
        assert ward.ask("PUT", "/webhook/chu-a/Observation/o1", None, headers=headers).status_code == 204
        assert ward.ask("POST", "/webhook/chu-a", None, headers=headers).status_code == 204
        now = NOW + timedelta(minutes=1)
        notification.pull(ward.store, lambda _: client, worker="w", now=lambda: now, jitter=lambda: 0.5)
    assert [line["notification"] for line in log.of("notification")] == [1, 2]
    assert [(line["became"], line["correlation"]) for line in log.of("reread")] == [("done", "their-9")] * 2
    assert set(hospital.request_ids) == {"their-9"}


def test_reads_of_patients_data_and_machines_that_look_in(ward):
    with logged(level="info") as log:
        ward.ask("GET", "/fhir/Patient?identifier=Zquatl")
        ward.ask("GET", "/healthz", None)
    assert [(line["event"], line["endpoint"]) for line in log.lines] == [("access", "search"), ("request", "search")]
    assert "Zquatl" not in log.text


def test_what_is_only_tried_out_leaves_no_line(ward):
    send(ward, "/enrolments", ENROLMENT, "first")
    with logged() as log, ward.store.rehearsing() as rehearsal, rehearsal.transaction() as tx:
        tx.outbox.add("chu-a", "c", [], source="s", at=NOW)
    assert log.of("queued") == []


def test_what_is_done_together_is_told_once_all_of_it_is_durable(ward):
    with logged() as log:
        with ward.store.together() as one, one.transaction() as tx:
            tx.outbox.add("chu-a", "c", [], source="s", at=NOW)
            assert log.lines == []
        assert [line["destination"] for line in log.of("queued")] == ["chu-a"]


def test_what_was_undone_together_leaves_no_line(ward):
    def broken() -> None:
        with ward.store.together() as one:
            with one.transaction() as tx:
                tx.outbox.add("chu-a", "c", [], source="s", at=NOW)
            raise LookupError

    with logged() as log, pytest.raises(LookupError):
        broken()
    assert log.lines == []


def test_what_was_undone_leaves_no_line(ward):
    def broken() -> None:
        with ward.store.transaction() as tx:
            tx.outbox.add("chu-a", "c", [], source="s", at=NOW)
            raise LookupError

    with logged() as log, pytest.raises(LookupError):
        broken()
    assert log.lines == []
