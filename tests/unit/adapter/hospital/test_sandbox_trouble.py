"""The sandbox hospital in trouble, and how it tells others what changed."""

from __future__ import annotations

import socket
import struct
import threading

import pytest
import requests

from adapter.errors import HospitalRefused, HospitalUnavailable
from adapter.hospital import r4_gate
from adapter.hospital.answer import HospitalSilent
from adapter.hospital.client import HospitalClient
from adapter.hospital.sandbox import Sandbox, hooks
from tests.lib.webhook import webhook


@pytest.fixture
def hospital():
    with Sandbox(hook_wait=0.01) as sandbox:
        yield sandbox


@pytest.fixture
def client(hospital):
    client = HospitalClient("sandbox", hospital.base_url, None, timeout=(2, 0.2))
    yield client
    client.close()


def patient(id_="p1", **more):
    return {"resourceType": "Patient", "id": id_} | more


def subscription(hook, criteria="Patient?", *, payload=True, deletes=False, **channel):
    said = {"type": "rest-hook", "endpoint": hook.url} | ({"payload": "application/fhir+json"} if payload else {})
    if deletes:
        said["extension"] = [{"url": hooks.SENDS_DELETES, "valueBoolean": True}]
    content = {"resourceType": "Subscription", "id": "s1", "status": "requested", "reason": "test"}
    return content | {"criteria": criteria, "channel": said | channel}


class TestTrouble:
    def test_some_requests_fail_and_then_it_is_well_again(self, hospital, client):
        hospital.fail(next=2, status=503, retry_after=7)
        for _ in range(2):
            with pytest.raises(HospitalSilent) as silent:
                client.transact([patient()])
            assert silent.value.retry_after == 7
        client.transact([patient()])
        assert len(hospital.all("Patient")) == 1

    def test_troubles_come_one_after_the_other(self, hospital, client):
        hospital.fail(status=422, says="synthetic refusal")
        hospital.fail(status=500)
        with pytest.raises(HospitalRefused) as refused:
            client.read("Patient", "p1")
        assert r4_gate.read(refused.value.outcome).issue[0].diagnostics == "synthetic refusal"
        with pytest.raises(HospitalUnavailable):
            client.read("Patient", "p1")

    @pytest.mark.parametrize("applied", [True, False])
    def test_an_answer_gets_lost(self, hospital, client, applied):
        hospital.drop(applied=applied)
        with pytest.raises(HospitalSilent):
            client.transact([patient()])
        assert len(hospital.all("Patient")) == applied

    def test_an_outage_keeps_what_was_stored_and_the_address(self, hospital, client):
        client.transact([patient()])
        address = hospital.base_url
        with hospital.away(), pytest.raises(HospitalSilent):
            client.read("Patient", "p1")
        assert hospital.base_url == address
        assert client.read("Patient", "p1")["id"] == "p1"

    def test_a_server_that_hangs_is_not_waited_for(self, hospital, client):
        with hospital.held(), pytest.raises(HospitalSilent):
            client.transact([patient()])
        assert client.read("Patient", "nobody") is None

    def test_a_client_that_left_without_waiting_harms_nobody(self, hospital):
        host, port = hospital.base_url.removeprefix("http://").removesuffix("/fhir").split(":")
        with hospital.held():
            for _ in range(3):
                with socket.create_connection((host, int(port)), timeout=5) as gone:
                    gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    gone.sendall(b"GET /fhir/metadata HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        assert requests.get(f"{hospital.base_url}/Patient/nobody", timeout=30).status_code == 404

    def test_stopping_frees_whoever_is_held_and_can_be_repeated(self, hospital):
        answered = threading.Event()

        def ask():
            with pytest.raises(requests.RequestException):
                requests.get(f"{hospital.base_url}/nothing", timeout=5).raise_for_status()
            answered.set()

        asking = threading.Thread(target=ask)
        with hospital.held():
            asking.start()
            hospital.stop()
        assert answered.wait(5)
        asking.join()
        hospital.stop()

    def test_a_port_that_is_taken_is_told(self, hospital):
        port = int(hospital.base_url.split(":")[2].partition("/")[0])
        with pytest.raises(OSError, match="in use"):
            Sandbox(port).start()

    def test_staff_cannot_store_what_the_server_refuses(self, hospital):
        lost = {"resourceType": "Observation", "id": "o1", "status": "final", "code": {"text": "synthetic"}}
        with pytest.raises(ValueError, match="Patient/nobody, which is not here"):
            hospital.put(lost | {"subject": {"reference": "Patient/nobody"}})


class TestHooks:
    def test_the_resource_is_put_as_hapi_does(self, hospital):
        with webhook() as hook:
            hospital.put(subscription(hook, header=["X-Test-Token: abc"]))
            hospital.put(patient(), patient(active=True))
            came = hook.wait_for(lambda came: len(came) == 2)
            assert hospital.settled()
        assert [(c.method, c.kind, c.id) for c in came] == [("PUT", "Patient", "p1")] * 2
        assert [c.headers["If-Match"] for c in came] == ['W/"1"', 'W/"2"']
        assert came[0].headers["X-Test-Token"] == "abc"
        assert b'"versionId":"2"' in came[1].body

    def test_without_payload_there_is_an_empty_post(self, hospital):
        with webhook() as hook:
            hospital.put(subscription(hook, payload=False), patient())
            (came,) = hook.wait_for(bool)
            assert hospital.settled()
        assert (came.method, came.kind, came.body) == ("POST", None, b"")
        assert came.headers["Content-Type"].startswith("application/x-www-form-urlencoded")

    def test_nothing_is_sent_for_what_does_not_match_or_did_not_change(self, hospital):
        with webhook() as hook:
            hospital.put(subscription(hook, "Patient?identifier=wanted"))
            other = {"resourceType": "Group", "id": "g1", "type": "person", "actual": True}
            hospital.put(patient("other"), other)
            wanted = patient("wanted", identifier=[{"value": "wanted"}])
            hospital.put(wanted, wanted)
            came = hook.wait_for(bool)
            assert hospital.settled()
        assert [c.id for c in came] == ["wanted"]

    @pytest.mark.parametrize("deletes", [True, False])
    def test_deletions_are_told_only_where_the_extension_asks_for_it(self, hospital, deletes):
        with webhook() as hook:
            hospital.put(subscription(hook, deletes=deletes), patient())
            assert requests.delete(f"{hospital.base_url}/Patient/p1", timeout=5).status_code == 204
            assert hospital.settled()
        assert [c.method for c in hook.came] == (["PUT", "DELETE"] if deletes else ["PUT"])

    def test_a_deletion_of_what_did_not_match_is_not_told(self, hospital):
        with webhook() as hook:
            hospital.put(subscription(hook, "Patient?identifier=wanted", deletes=True), patient())
            requests.delete(f"{hospital.base_url}/Patient/p1", timeout=5)
            assert hospital.settled()
        assert hook.came == []

    def test_a_receiver_in_trouble_is_tried_again(self, hospital):
        with webhook() as hook:
            hook.statuses += [500, 503]
            hospital.put(subscription(hook), patient())
            assert len(hook.wait_for(lambda came: len(came) == 3)) == 3
            assert hospital.settled()

    def test_a_receiver_that_never_answers_is_given_up_as_hapi_does(self, hospital, monkeypatch):
        monkeypatch.setattr(hooks, "TRIES", 3)
        with webhook() as hook:
            gone = hook
        hospital.put(subscription(gone), patient())
        assert hospital.settled()
        assert [call.url for call in hospital._hooks.dropped] == [f"{gone.url}/Patient/p1"]

    def test_a_subscription_that_is_off_is_silent(self, hospital):
        with webhook() as hook:
            hospital.put(subscription(hook) | {"status": "off"}, patient())
            assert hospital.settled()
        assert hook.came == []

    def test_an_event_that_waits_survives_an_outage_of_the_sender(self, hospital):
        with webhook() as hook:
            hospital.put(subscription(hook))
            hospital._hooks.stop()
            hospital.put(patient())
            assert not hospital.settled(0)
            hospital._hooks.start()
            assert hook.wait_for(bool)[0].id == "p1"
            assert hospital.settled()

    @pytest.mark.parametrize(
        "channel", [{"type": "email"}, {"endpoint": "mailto:somebody"}, {"endpoint": None}], ids=["type", "url", "none"]
    )
    def test_only_rest_hooks_are_served(self, hospital, channel):
        with webhook() as hook:
            wish = subscription(hook, **channel)
        wish["channel"] = {key: value for key, value in wish["channel"].items() if value is not None}
        with pytest.raises(ValueError, match="rest-hook"):
            hospital.put(wish)

    def test_a_criteria_that_cannot_be_searched_is_refused(self, hospital):
        with webhook() as hook, pytest.raises(ValueError, match="unknown search parameter"):
            hospital.put(subscription(hook, "Patient?favourite=blue"))
