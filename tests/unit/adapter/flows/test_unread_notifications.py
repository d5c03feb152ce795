"""What a hospital told and we cannot read keeps nothing else from being read, and is seen."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from adapter.errors import HospitalRefused
from adapter.flows import notification
from adapter.flows.notification import take
from adapter.hospital.answer import Forbidden
from tests.unit.adapter.flows.notified import COURSE, CREATED, NOW, PING, PLACE, at_hospital, came, inbox, known, work


@pytest.fixture(autouse=True)
def linked(store):
    """The Patient of the recorded notifications is one of ours."""
    with store.transaction() as tx:
        tx.links.put("chu-a", COURSE, "Patient/demo-pat")


@pytest.fixture
def hospital(hospital):
    hospital.put({"resourceType": "Patient", "id": "demo-pat"})
    return hospital


def forbids(client, id_):
    """This one resource may not be read; whatever else may."""
    read = client.read

    def reading(kind, asked):
        if asked == id_:
            raise Forbidden("chu-a: 403 not this one")
        return read(kind, asked)

    client.read = reading


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

    def test_what_is_told_anew_while_it_could_not_be_read_is_read_and_not_parked(self, store, client, hospital):
        """The hospital mends its record, and says so, between our look and our note that it is unreadable."""
        search = client.search

        def searched(kind, params):
            if kind != "Observation":
                return search(kind, params)
            hospital.put(at_hospital(id="bad"))
            take("chu-a", "PUT", "Observation", "bad", {}, b"", store, NOW)
            return [at_hospital(id="bad", surname="R4 has none")]

        client.search = searched
        came(PING, store)
        report = work(store, client)
        assert self.parked(store) == []
        assert self.BAD in known(store)
        assert report.parked == 0

    def test_of_several_places_in_one_notification_each_counts_for_itself(self, store, client, hospital):
        hospital.put(at_hospital())
        forbids(client, "bad")
        entries = [{"request": {"method": "PUT", "url": f"Observation/{id_}"}} for id_ in ("bad", "demo-b1")]
        bundle = {"resourceType": "Bundle", "type": "history", "entry": entries}
        take("chu-a", "POST", None, None, {}, json.dumps(bundle).encode(), store, NOW)
        report = work(store, client)
        assert (report.copied, report.parked) == (1, 1)
        assert self.parked(store) == [self.BAD]

    def test_alone_it_is_parked_too_and_asked_for_no_more_until_it_is_told_anew(self, store, client, hospital):
        """It was asked for every quarter of an hour, for ever, and no list showed it."""
        hospital.put(at_hospital(id="bad"))
        read = client.read
        forbids(client, "bad")
        take("chu-a", "PUT", *self.BAD, {}, b"", store, NOW)
        assert work(store, client).parked == 1
        (row,) = inbox(store)
        assert (row.state, row.error) == ("parked", "chu-a: 403 not this one")
        client.read = read
        take("chu-a", "PUT", *self.BAD, {}, b"", store, NOW)
        later = NOW + timedelta(minutes=1)
        assert work(store, client, later).copied == 1
        assert {(row.state, row.finished) for row in inbox(store)} == {("done", later)}

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
        forbids(client, "o1")
        take("chu-a", "PUT", "Observation", "o1", {}, b"", store, NOW)
        came(CREATED, store)
        report = work(store, client)
        assert (report.parked, report.copied) == (1, 1)
