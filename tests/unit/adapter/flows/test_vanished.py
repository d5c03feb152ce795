"""A deletion that a ping tells of like any other change is found, and what is gone is no longer offered."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapter.errors import HospitalRefused, HospitalUnavailable
from adapter.flows.vanished import AGAIN
from tests.unit.adapter.flows.notified import COURSE, NOW, PING, PLACE, at_hospital, came, known, work


@pytest.fixture(autouse=True)
def copied(store, client, hospital):
    """The Patient of the recorded notifications is one of ours, and two Observations are copied."""
    with store.transaction() as tx:
        tx.links.put("chu-a", COURSE, "Patient/demo-pat")
    hospital.put({"resourceType": "Patient", "id": "demo-pat"})
    hospital.put(at_hospital(), at_hospital(id="stays"))
    came(PING, store)
    assert work(store, client).copied == 3


def delete(hospital, client, place=PLACE):
    assert client._session.delete(f"{hospital.base_url}/{'/'.join(place)}").status_code == 204


def gone(store):
    return {place for place, copy in known(store).items() if copy.content is None}


def ping(store, client, now=NOW):
    came(PING, store, now)
    return work(store, client, now)


def without_histories(client, error):
    def refused(kind, since):
        raise error

    client.deleted = refused


def test_it_stands_in_the_history_of_its_type(store, client, hospital):
    delete(hospital, client)
    assert ping(store, client).gone == 1
    assert gone(store) == {PLACE}
    assert ping(store, client).gone == 0


def test_a_patient_who_is_deleted_is_a_question_as_by_any_other_way(store, client, hospital):
    for place in (PLACE, ("Observation", "stays"), ("Patient", "demo-pat")):
        delete(hospital, client, place)
    heard = []
    came(PING, store)
    work(store, client, heard=lambda tx, hospital, place, content: heard.append((place, content)))
    assert (("Patient", "demo-pat"), None) in heard


def test_what_was_deleted_and_written_again_is_there(store, client, hospital):
    delete(hospital, client)
    hospital.put(at_hospital(status="amended"))
    ping(store, client)
    assert gone(store) == set()
    assert known(store)[PLACE].content["status"] == "amended"


def test_what_never_concerned_us_leaves_no_trace(store, client, hospital):
    hospital.put(at_hospital(id="nobodys", subject={"display": "somebody"}))
    delete(hospital, client, ("Observation", "nobodys"))
    ping(store, client)
    assert ("Observation", "nobodys") not in known(store)


@pytest.mark.parametrize(
    "error", [HospitalRefused(405, "no such interaction"), HospitalUnavailable("chu-a: 500 over this request")]
)
def test_where_there_is_no_such_history_it_is_missed_within_the_hour(store, client, hospital, error):
    without_histories(client, error)
    ping(store, client)
    delete(hospital, client)
    assert ping(store, client, NOW + AGAIN - timedelta(minutes=1)).gone == 0, "not at each ping: it asks for every copy"
    report = ping(store, client, NOW + AGAIN)
    assert (report.done, report.gone) == (1, 1)
    assert gone(store) == {PLACE}


def test_a_server_that_finds_nothing_by_id_loses_us_nothing(store, client):
    without_histories(client, HospitalRefused(405, "no such interaction"))
    search = client.search
    client.search = lambda kind, params: [] if params[0][0] == "_id" else search(kind, params)
    assert (ping(store, client).done, gone(store)) == (1, set())

    def refused(kind, params):
        if params[0][0] == "_id":
            raise HospitalRefused(400, "no such parameter")
        return search(kind, params)

    client.search = refused
    assert (ping(store, client, NOW + AGAIN).done, gone(store)) == (1, set())
