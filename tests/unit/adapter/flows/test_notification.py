"""Notifications as HAPI 8.8 sent them, and what a hospital may send besides."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapter.errors import HospitalRefused, Invalid, Refused
from adapter.flows import notification, whose
from adapter.flows.notification import pull, take
from adapter.hospital.answer import Forbidden
from adapter.hospital.client import HospitalClient
from adapter.hospital.sandbox import Sandbox
from adapter.store.copies import Copy

RECORDED = json.loads((Path(__file__).parents[3] / "data" / "hapi_notifications.json").read_text())
CREATED, UPDATED, DELETED, PING = RECORDED["notifications"]
PLACE = ("Observation", "demo-b1")
NOW = datetime.now(UTC)


COURSE = "6f1c5f0e-0000-5000-8000-000000000001"


@pytest.fixture(autouse=True)
def linked(store):
    """The Patient of the recorded notifications is one of ours."""
    with store.transaction() as tx:
        tx.links.put("chu-a", COURSE, "Patient/demo-pat")


@pytest.fixture
def hospital():
    with Sandbox() as sandbox:
        sandbox.put({"resourceType": "Patient", "id": "demo-pat"})
        yield sandbox


@pytest.fixture
def client(hospital):
    client = HospitalClient("chu-a", hospital.base_url, None, timeout=(2, 2))
    yield client
    client.close()


def came(recorded, store, now=NOW):
    kind, _, id_ = recorded["path"].removeprefix("/hook/").partition("/")[2].partition("/")
    body = json.dumps(recorded["body"]).encode() if recorded["body"] else b""
    return take("chu-a", recorded["method"], kind or None, id_ or None, recorded["headers"], body, store, now)


def work(store, client, now=NOW, **how):
    def client_of(_):
        return client

    return pull(store, client_of, worker="w1", now=lambda: now, jitter=lambda: 0.5, **how)


def inbox(store):
    with store.reading() as tx:
        return tx.inbox.listing()


def known(store):
    with store.reading() as tx:
        return tx.copies.of("chu-a")


def at_hospital(**changed):
    return {key: value for key, value in CREATED["body"].items() if key != "meta"} | changed


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

    @pytest.mark.parametrize("reference", ["Patient/demo-pat", "https://chu-a.example/fhir/Patient/demo-pat"])
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

    def test_a_search_that_failed_does_not_move_the_mark(self, store, client, hospital):
        came(PING, store)
        with hospital.away():
            work(store, client)
        with store.reading() as tx:
            assert tx.sent.trait("chu-a", notification.SEARCHED_TO) is None


class TestWhatCannotBeRead:
    """One record that we cannot read, or may not, keeps nothing else from being read, and is seen."""

    BAD = ("Observation", "bad")

    @pytest.fixture
    def half_bad(self, client, hospital):
        """The hospital has a good Observation and one with an element that R4 does not have."""
        hospital.put(at_hospital())
        search = client.search

        def searched(kind, params):
            bad = [at_hospital(id="bad", surname="R4 has none")] if kind == "Observation" else []
            return bad + search(kind, params)

        client.search = searched

    def parked(self, store):
        return [(row.kind, row.resource_id) for row in inbox(store) if row.state == "parked"]

    def test_it_is_parked_alone_and_the_search_goes_on_and_does_not_begin_there_again(self, store, client, half_bad):
        came(PING, store)
        report = work(store, client)
        assert (report.done, report.parked, report.copied) == (1, 1, 2)
        assert set(known(store)) == {PLACE, ("Patient", "demo-pat")}
        assert self.parked(store) == [self.BAD]
        with store.reading() as tx:
            assert tx.sent.trait("chu-a", notification.SEARCHED_TO) is not None
            (row,) = tx.inbox.listing(["parked"], "chu-a")
            assert tx.inbox.listing(["parked"], "chu-b") == []
        assert "Observation.surname" in row.error

    def test_it_is_told_once_however_often_it_is_found(self, store, client, half_bad):
        for _ in range(3):
            came(PING, store)
            work(store, client)
        assert self.parked(store) == [self.BAD]

    def test_once_it_can_be_read_it_is_parked_no_more(self, store, client, hospital, half_bad):
        came(PING, store)
        work(store, client)
        hospital.put(at_hospital(id="bad"))
        take("chu-a", "PUT", *self.BAD, {}, b"", store, NOW)
        assert work(store, client).copied == 1
        assert self.parked(store) == []

    def test_nor_once_it_is_gone(self, store, client, half_bad):
        came(PING, store)
        work(store, client)
        take("chu-a", "DELETE", *self.BAD, {}, b"", store, NOW)
        work(store, client)
        assert self.parked(store) == []

    def test_a_person_can_have_it_read_again_or_ignored(self, store, client, half_bad):
        came(PING, store)
        work(store, client)
        with store.transaction() as tx:
            (row,) = tx.inbox.listing(["parked"])
            assert tx.inbox.reread([row.id, 99], NOW) == [row.id]
            assert not tx.inbox.ignore(row.id, NOW), "it waits"
            assert tx.inbox.reread([], NOW) == []
        client.read = lambda kind, id_: at_hospital(id=id_, surname="R4 has none")
        assert work(store, client).parked == 1
        with store.transaction() as tx:
            assert tx.inbox.ignore(row.id, NOW)
        assert self.parked(store) == []

    def test_of_several_places_in_one_notification_each_counts_for_itself(self, store, client, hospital):
        hospital.put(at_hospital())
        read = client.read

        def reading(kind, id_):
            if id_ == "bad":
                raise Forbidden("chu-a: 403 not this one")
            return read(kind, id_)

        client.read = reading
        entries = [{"request": {"method": "PUT", "url": f"Observation/{id_}"}} for id_ in ("bad", "demo-b1")]
        bundle = {"resourceType": "Bundle", "type": "history", "entry": entries}
        take("chu-a", "POST", None, None, {}, json.dumps(bundle).encode(), store, NOW)
        report = work(store, client)
        assert (report.copied, report.parked) == (1, 1)
        assert self.parked(store) == [self.BAD]

    @pytest.mark.parametrize("error", [Forbidden("chu-a: 403 scope"), HospitalRefused(400, "synthetic refusal", None)])
    def test_a_type_that_may_not_be_searched_lags_behind_and_the_others_do_not(self, store, client, hospital, error):
        hospital.put(at_hospital())
        search, asked = client.search, []

        def searched(kind, params):
            asked.append((kind, params[0][1]))
            if kind == "Condition" and error:
                raise error
            return search(kind, params)

        client.search = searched
        client.capability = lambda: {"rest": [{"resource": [{"type": "Condition"}]}]}
        later = [NOW + timedelta(hours=hour) for hour in (0, 3, 6, 9)]
        for moment in later[:2]:
            came(PING, store, moment)
            report = work(store, client, moment)
            assert report.parked == 1
        assert set(known(store)) == {PLACE, ("Patient", "demo-pat")}
        (row,) = [row for row in inbox(store) if row.state == "parked"]
        assert "Condition: " in row.error
        error = None
        for moment in later[2:]:
            came(PING, store, moment)
            assert work(store, client, moment).parked == 0
        assert self.parked(store) == []
        begun = [stamp for kind, stamp in asked if kind == "Condition"]
        assert begun[0] == begun[1] == begun[2], "nothing of it was seen yet"
        assert begun[3] > begun[2]
        assert begun[3] == [stamp for kind, stamp in asked if kind == "Observation"][3]

    def test_where_no_type_may_be_searched_it_is_tried_again_with_the_same_mark(self, store, client):
        def forbidden(*_):
            raise Forbidden("chu-a: 403 scope")

        client.search = forbidden
        came(PING, store)
        assert work(store, client).retried == 1
        with store.reading() as tx:
            assert tx.sent.trait("chu-a", notification.SEARCHED_TO) is None


class TestASilentHospital:
    def test_one_request_finds_out_and_the_others_wait_with_it(self, store, client, hospital):
        for number in range(5):
            take("chu-a", "PUT", "Observation", f"o{number}", {}, b"", store, NOW)
        take("chu-b", "PUT", "Observation", "o", {}, b"", store, NOW)
        with hospital.away():
            assert work(store, client, hospital="chu-a").retried == 1
        with store.reading() as tx:
            assert tx.inbox.hospitals_due(NOW) == ["chu-b"]
        assert work(store, client, NOW + timedelta(seconds=5), hospital="chu-a").done == 5

    def test_who_may_not_read_one_thing_is_not_silent(self, store, client, hospital):
        hospital.put(at_hospital())
        read = client.read

        def reading(kind, id_):
            if id_ == "o1":
                raise Forbidden("chu-a: 403 not this one")
            return read(kind, id_)

        client.read = reading
        take("chu-a", "PUT", "Observation", "o1", {}, b"", store, NOW)
        came(CREATED, store)
        report = work(store, client)
        assert (report.retried, report.copied) == (1, 1)


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
