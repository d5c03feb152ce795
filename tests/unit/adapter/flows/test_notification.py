"""Notifications as HAPI 8.8 sent them, and what a hospital may send besides."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from adapter.errors import HospitalRefused, Invalid, Refused
from adapter.flows import notification, whose
from adapter.flows.notification import pull, take
from adapter.store.copies import Copy
from tests.unit.adapter.flows.notified import (
    COURSE,
    CREATED,
    DELETED,
    NOW,
    PING,
    PLACE,
    RECORDED,
    UPDATED,
    at_hospital,
    came,
    inbox,
    known,
    work,
)


@pytest.fixture(autouse=True)
def linked(store):
    """The Patient of the recorded notifications is one of ours."""
    with store.transaction() as tx:
        tx.links.put("chu-a", COURSE, "Patient/demo-pat")


@pytest.fixture
def hospital(hospital):
    hospital.put({"resourceType": "Patient", "id": "demo-pat"})
    return hospital


class TestTaking:
    def test_a_recorded_notification_is_kept_before_anything_else(self, store):
        number = came(CREATED, store)
        (row,) = inbox(store)
        assert (row.id, row.hospital, row.method, row.kind, row.resource_id) == (number, "chu-a", "PUT", *PLACE)
        assert row.state == "waiting"
        assert json.loads(row.body) == CREATED["body"]

    def test_no_secret_is_written_down(self, store):
        take(
            "chu-a",
            "POST",
            None,
            None,
            {"Authorization": "Bearer x", "IF-MATCH": 'W/"2"', "Cookie": "y"},
            b"",
            store,
            NOW,
        )
        assert inbox(store)[0].headers == {"if-match": 'W/"2"'}

    @pytest.mark.parametrize(
        ("method", "kind", "id_", "body"),
        [
            ("PUT", "Observation", "1", b"{not json"),
            ("PUT", "Observation", "1", b'{"a": NaN}'),
            ("PUT", "Observation", "1", b"\xff\xfe"),
            ("PUT", "Observation", "1", b'{"id": "1", "id": "2"}'),
            ("PUT", "Observation", "1", b"[]"),
            ("PUT", "Observation", "1", b'{"resourceType": "Patient", "id": "1"}'),
            ("PUT", "Observation", "1", b'{"resourceType": "Observation", "id": "2"}'),
            ("PUT", "Observation", "../secret", b""),
            ("PUT", "observation", "1", b""),
            ("DELETE", "Observation", None, b""),
            ("POST", None, None, b'{"resourceType": 5}'),
            ("COPIED", "Observation", "1", b""),
            ("PATCH", "Observation", "1", b""),
        ],
    )
    def test_what_is_no_notification_is_refused_and_not_kept(self, store, method, kind, id_, body):
        with pytest.raises(Invalid) as refused:
            take("chu-a", method, kind, id_, {}, body, store, NOW)
        assert refused.value.status == 400
        assert inbox(store) == []


class TestPulling:
    def test_what_counts_is_what_the_hospital_has_and_not_what_the_notification_carried(self, store, client, hospital):
        hospital.put(at_hospital(), at_hospital(status="corrected"))
        came(CREATED, store)
        report = work(store, client)
        assert (report.done, report.copied, report.gone) == (1, 1, 0)
        copy = known(store)[PLACE]
        assert (copy.version, copy.content["status"]) == ("2", "corrected")

    def test_the_same_event_twice_is_one_copy(self, store, client, hospital):
        hospital.put(at_hospital())
        came(CREATED, store)
        came(UPDATED, store)
        assert (work(store, client).done, len(known(store))) == (2, 1)
        came(UPDATED, store)
        assert work(store, client).copied == 0

    def test_copies_survive_and_are_not_worked_on_again(self, store, client, hospital):
        hospital.put(at_hospital())
        came(CREATED, store)
        work(store, client)
        assert {row.state for row in inbox(store)} == {"done"}
        assert work(store, client) == notification.PullReport(0, 0, 0, 0, 0)
        assert known(store)[PLACE].version == "1"

    def test_an_order_of_arrival_as_recorded_ends_at_the_newest_versions(self, store):
        """320 notifications, in whose order one resource's versions go back, whatever is read twice or late."""
        arrivals = RECORDED["sequences"][0]["arrivals"]
        assert len(arrivals) == 320
        newest, reversals = {}, 0
        for _, id_, version in arrivals:
            reversals += version < newest.get(id_, 0)
            newest[id_] = max(version, newest.get(id_, 0))
        assert reversals > 0
        again = [*arrivals, *reversed(arrivals)]
        with store.transaction() as tx:
            for _, id_, version in again:
                copy = Copy(str(version), NOW - timedelta(seconds=version % 7), {"v": version})
                tx.copies.keep("chu-a", ("Observation", id_), copy, NOW)
        assert {place[1]: copy.content["v"] for place, copy in known(store).items()} == newest

    def test_what_is_gone_is_recorded_once_and_can_come_back(self, store, client, hospital):
        hospital.put(at_hospital())
        came(CREATED, store)
        work(store, client)
        assert client._session.delete(f"{hospital.base_url}/Observation/demo-b1").status_code == 204
        for expected in (1, 0):
            take("chu-a", "DELETE", *PLACE, {}, b"", store, NOW)
            assert work(store, client).gone == expected
        assert known(store)[PLACE].content is None
        hospital.put(at_hospital(status="amended"))
        came(CREATED, store)
        assert work(store, client).copied == 1
        assert known(store)[PLACE].content["status"] == "amended"

    def test_a_patient_of_ours_that_never_was_there_is_gone_too(self, store, client):
        with store.transaction() as tx:
            tx.links.put("chu-a", COURSE, "Patient/never")
        take("chu-a", "DELETE", "Patient", "never", {}, b"", store, NOW)
        assert work(store, client).gone == 1
        assert known(store)["Patient", "never"] == Copy(None, None, None)

    def test_what_was_never_known_and_is_gone_leaves_no_trace(self, store, client):
        came(DELETED, store)
        report = work(store, client)
        assert (report.done, report.gone, known(store)) == (1, 0, {})

    def test_nothing_is_kept_of_a_patient_who_is_not_ours(self, store, client, hospital):
        stranger = {"reference": "Patient/stranger"}
        hospital.put({"resourceType": "Patient", "id": "stranger"}, at_hospital(subject=stranger))
        hospital.put({key: value for key, value in at_hospital(id="nobodys").items() if key != "subject"})
        for place in (PLACE, ("Patient", "stranger"), ("Observation", "nobodys")):
            take("chu-a", "PUT", *place, {}, b"", store, NOW)
        report = work(store, client)
        assert (report.done, report.copied, known(store)) == (3, 0, {})

    @pytest.mark.parametrize(
        "reference",
        ["Patient/demo-pat", "https://chu-a.example/fhir/Patient/demo-pat", "Patient/demo-pat/_history/2"],
    )
    @pytest.mark.parametrize("told", ["by its place", "by a ping"])
    def test_a_patient_who_says_to_be_the_same_as_ours_is_kept(self, store, client, hospital, told, reference):
        link = [{"type": "replaces", "other": {"reference": reference}}]
        strange = [{"type": "replaces", "other": {"reference": "Patient/stranger"}}]
        hospital.put({"resourceType": "Patient", "id": "stranger"})
        hospital.put({"resourceType": "Patient", "id": "new", "link": link})
        hospital.put({"resourceType": "Patient", "id": "newer", "link": strange})
        for id_ in ("new", "newer"):
            take("chu-a", "PUT", "Patient", id_, {}, b"", store, NOW) if told == "by its place" else came(PING, store)
        work(store, client)
        assert set(known(store)) - {("Patient", "demo-pat")} == {("Patient", "new")}

    def test_what_is_taken_from_our_patient_is_gone_and_the_other_ones_value_is_not_kept(self, store, client, hospital):
        """A result that was filed under the wrong patient, and put right."""
        hospital.put(at_hospital())
        came(CREATED, store)
        work(store, client)
        hospital.put({"resourceType": "Patient", "id": "stranger"})
        hospital.put(at_hospital(subject={"reference": "Patient/stranger"}))
        came(UPDATED, store)
        report = work(store, client)
        assert (report.copied, report.gone, known(store)[PLACE].content) == (0, 1, None)
        hospital.put(at_hospital())
        came(CREATED, store)
        assert work(store, client).copied == 1
        assert known(store)[PLACE].content["subject"] == {"reference": "Patient/demo-pat"}

    def test_an_outage_delays_and_loses_nothing(self, store, client, hospital):
        hospital.put(at_hospital())
        came(CREATED, store)
        with hospital.away():
            assert work(store, client).retried == 1
        assert work(store, client).done == 0, "not due yet"
        assert work(store, client, NOW + timedelta(minutes=1)).copied == 1

    @pytest.mark.parametrize("trouble", [LookupError("chu-a"), Refused("the secret cannot be read")])
    def test_a_hospital_that_is_not_configured_is_tried_later(self, store, trouble):
        def nobody(_):
            raise trouble

        came(CREATED, store)
        report = pull(store, nobody, worker="w1", now=lambda: NOW, jitter=lambda: 0.5)
        assert (report.retried, report.parked) == (1, 0)
        assert "not configured" in inbox(store)[0].error

    def test_what_is_not_r4_is_not_copied(self, store, client):
        client.read = lambda kind, id_: at_hospital(surname="R4 has none")
        came(CREATED, store)
        assert work(store, client).parked == 1
        assert "Observation.surname" in inbox(store)[0].error
        assert known(store) == {}

    def test_a_refusal_for_good_is_parked(self, store, client, hospital):
        came(CREATED, store)
        hospital.fail(status=400, says="synthetic refusal")
        assert work(store, client).parked == 1
        assert "synthetic refusal" in inbox(store)[0].error

    def test_a_few_can_be_asked_for(self, store, client):
        for recorded in (DELETED, CREATED, UPDATED):
            came(recorded, store)
        assert work(store, client, limit=2).done == 2

    def test_a_redelivery_is_kept_once_while_the_first_waits_and_again_once_that_was_begun(self, store, client):
        first = came(CREATED, store)
        again = CREATED | {"headers": CREATED["headers"] | {"If-Match": 'W/"9"'}}
        assert came(again, store) == first
        assert came(UPDATED, store) != first
        assert work(store, client).done == 2
        assert came(CREATED, store) not in (first, first + 1), "what changed after the reading has to be read"

    def test_what_waits_for_a_hospital_that_was_down_does_not_swallow_its_next_word(self, store, client, hospital):
        hospital.put(at_hospital())
        first = came(CREATED, store)
        with hospital.away():
            assert work(store, client).retried == 1
        assert came(CREATED, store) != first
        assert work(store, client).copied == 1


class TestSearchingAfterAPing:
    def test_only_what_concerns_our_patients_is_kept(self, store, client, hospital):
        hospital.put({"resourceType": "Patient", "id": "stranger"})
        hospital.put(at_hospital(), at_hospital(id="other", subject={"reference": "Patient/stranger"}))
        hospital.put({key: value for key, value in at_hospital(id="nobodys").items() if key != "subject"})
        came(PING, store)
        assert work(store, client).copied == 2
        assert set(known(store)) == {PLACE, ("Patient", "demo-pat")}

    def test_five_pings_of_one_transaction_are_one_search(self, store, client, hospital):
        for number in range(5):
            ping = {"resourceType": "Basic", "extension": [{"url": f"urn:synthetic:{number}"}]}
            take("chu-a", "POST", None, None, {}, json.dumps(ping).encode(), store, NOW)
        assert work(store, client).done == 5
        searches = [path for _, path in hospital.requests if path == "Observation/_search"]
        assert len(searches) == 1

    @pytest.fixture
    def asked(self, client):
        asked = []
        client.search = lambda kind, params: asked.append(dict(params)["_lastUpdated"]) or []
        return lambda: datetime.fromisoformat(asked.pop().removeprefix("ge")) + notification.OVERLAP

    def test_the_first_search_begins_before_the_newest_change_that_is_known(self, store, client, hospital, asked):
        hospital.put(at_hospital())
        came(CREATED, store)
        work(store, client)
        came(PING, store)
        work(store, client)
        assert asked() == known(store)[PLACE].changed

    def test_the_next_one_begins_where_the_last_began_whatever_came_between(self, store, client, hospital, asked):
        """A notification after an outage tells of a later change than those that the outage swallowed."""
        came(PING, store)
        work(store, client)
        hospital.put(at_hospital())
        came(CREATED, store, NOW + timedelta(hours=5))
        came(PING, store, NOW + timedelta(hours=5))
        work(store, client, NOW + timedelta(hours=5))
        assert abs(asked() - NOW) < timedelta(milliseconds=1)

    def test_a_busy_hospital_is_asked_for_large_pages(self, store, client):
        asked = []
        client.search = lambda kind, params: asked.append(dict(params)["_count"]) or []
        came(PING, store)
        assert work(store, client).done == 1
        assert set(asked) == {str(whose.PAGE)}

    def test_a_search_that_failed_does_not_move_the_mark(self, store, client, hospital):
        came(PING, store)
        with hospital.away():
            work(store, client)
        with store.reading() as tx:
            assert tx.sent.trait("chu-a", notification.SEARCHED_TO) is None


def test_news_are_told_with_the_copy_and_only_once(store, hospital, client):
    told = []

    def heard(tx, *what):
        told.append(what[:2])

    hospital.put(at_hospital())
    came(CREATED, store)
    work(store, client, heard=heard)
    came(CREATED, store)
    work(store, client, heard=heard)
    client._session.delete(f"{hospital.base_url}/Observation/demo-b1")
    take("chu-a", "DELETE", *PLACE, {}, b"", store, NOW)
    work(store, client, heard=heard)
    assert told == [("chu-a", PLACE), ("chu-a", PLACE)]


def test_a_time_without_a_zone_is_universal_and_nonsense_is_none():
    assert whose.instant("2026-01-01T00:00:00") == datetime(2026, 1, 1, tzinfo=UTC)
    assert whose.instant("yesterday") is None


class TestMeeting:
    """A Patient of the hospital has become one of ours: what was told before was not kept, so it is looked for now."""

    def test_all_that_the_hospital_has_of_them_is_read_once(self, store, client, hospital):
        hospital.put({"resourceType": "Patient", "id": "new"}, at_hospital(subject={"reference": "Patient/new"}))
        hospital.put(at_hospital(id="other"))
        came(CREATED, store)
        assert work(store, client).copied == 0
        with store.transaction() as tx:
            tx.links.put("chu-a", COURSE, "Patient/new")
            for _ in range(2):
                notification.meet(tx, "chu-a", "Patient/new", NOW)
        report = work(store, client)
        assert (report.done, report.copied) == (1, 2)
        assert set(known(store)) == {PLACE, ("Patient", "new")}

    def test_a_type_that_a_hospital_does_not_have_hides_nothing_of_the_others(self, store, client, hospital):
        hospital.put(at_hospital())
        search = client.search

        def without_statements(kind, params):
            if kind == "MedicationStatement":
                raise HospitalRefused(404, "Unknown resource type MedicationStatement")
            return search(kind, params)

        client.search = without_statements
        client.capability = lambda: {"rest": [{"resource": [{"type": "Observation"}]}]}
        with store.transaction() as tx:
            notification.meet(tx, "chu-a", "Patient/demo-pat", NOW)
        assert work(store, client).copied == 2
        client.capability = lambda: {"rest": [{"resource": [{"type": "MedicationStatement"}]}]}
        came(PING, store)
        assert work(store, client).parked == 1

    def test_no_hospital_can_send_the_word(self, store):
        with pytest.raises(Invalid):
            take("chu-a", notification.MEET, "Patient", "demo-pat", {}, b"", store, NOW)
