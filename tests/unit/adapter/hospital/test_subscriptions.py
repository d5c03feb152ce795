"""Where each kind of notification tells us to look, as HAPI 8.8 sent them and as others may."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapter.hospital.subscriptions import Meaning, read
from mappings.r4.faults import FaultyInput

RECORDED = json.loads((Path(__file__).parents[3] / "data" / "hapi_notifications.json").read_text())
CREATED, UPDATED, _, _ = RECORDED["notifications"]
PLACE = ("Observation", "demo-b1")

BACKPORT = {
    "resourceType": "Bundle",
    "type": "history",
    "entry": [
        {
            "resource": {
                "resourceType": "Parameters",
                "parameter": [
                    {"name": "subscription", "valueReference": {"reference": "https://h/fhir/Subscription/9"}},
                    {"name": "type", "valueCode": "event-notification"},
                    {"name": "events-since-subscription-start", "valueString": "10"},
                    {
                        "name": "notification-event",
                        "part": [
                            {"name": "event-number", "valueString": "10"},
                            {"name": "focus", "valueReference": {"reference": "https://h/fhir/Observation/1"}},
                            {"name": "focus", "valueReference": {"reference": "Observation/2/_history/7"}},
                            {"name": "focus", "valueReference": {"display": "nothing to follow"}},
                            {"name": "focus", "valueString": "odd"},
                        ],
                    },
                ],
            }
        },
        {"resource": {"resourceType": "Observation", "id": "1"}, "request": {"method": "PUT", "url": "Observation/1"}},
    ],
}


def backport(kind, *, foci=True, entries=True):
    bundle = json.loads(json.dumps(BACKPORT))
    parameters = bundle["entry"][0]["resource"]["parameter"]
    parameters[1]["valueCode"] = kind
    if not foci:
        parameters.pop()
    return bundle if entries else bundle | {"entry": bundle["entry"][:1]}


class TestDialects:
    """Where each kind of notification tells us to look."""

    @pytest.mark.parametrize("recorded", [CREATED, UPDATED])
    def test_hapi_puts_the_resource(self, recorded):
        body = json.dumps(recorded["body"]).encode()
        assert read("PUT", *PLACE, body) == Meaning((PLACE,))

    def test_hapi_deletes_without_a_body(self):
        assert read("DELETE", "Observation", "demo-x1", b"") == Meaning((("Observation", "demo-x1"),))

    def test_hapi_pings_without_saying_where(self):
        assert read("POST", None, None, b"") == Meaning(search=True)

    def test_an_address_without_content_is_enough(self):
        assert read("POST", *PLACE, b" \n") == Meaning((PLACE,))

    def test_other_servers_post_the_resource_to_the_bare_address(self):
        assert read("POST", None, None, b'{"resourceType": "Condition", "id": "7"}') == Meaning((("Condition", "7"),))

    def test_a_resource_without_an_id_leads_to_a_search(self):
        assert read("POST", None, None, b'{"resourceType": "Condition"}') == Meaning(search=True)

    def test_a_delete_of_the_bare_address_leads_to_a_search(self):
        assert read("DELETE", None, None, b"") == Meaning(search=True)

    def test_a_backport_event_names_its_foci(self):
        body = json.dumps(BACKPORT).encode()
        assert read("POST", None, None, body) == Meaning((("Observation", "1"), ("Observation", "2")))

    def test_a_backport_event_with_content_only(self):
        body = json.dumps(backport("event-notification", foci=False)).encode()
        assert read("POST", None, None, body) == Meaning((("Observation", "1"),))

    def test_an_empty_backport_event_leads_to_a_search(self):
        body = json.dumps(backport("event-notification", foci=False, entries=False)).encode()
        assert read("POST", None, None, body) == Meaning(search=True)

    @pytest.mark.parametrize("kind", ["handshake", "heartbeat"])
    def test_a_handshake_or_heartbeat_asks_for_nothing(self, kind):
        assert read("POST", None, None, json.dumps(backport(kind)).encode()) == Meaning()

    def test_a_transaction_names_what_it_carries_and_what_it_deletes(self):
        entries = [
            {
                "resource": {"resourceType": "Observation", "id": "1"},
                "request": {"method": "PUT", "url": "Observation/1"},
            },
            {"request": {"method": "DELETE", "url": "Condition/2"}},
            {"request": {"method": "POST", "url": "Observation"}, "resource": {"resourceType": "Observation"}},
            {"resource": {"resourceType": "Parameters", "parameter": []}},
            "odd",
        ]
        body = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()
        assert read("POST", None, None, body) == Meaning((("Observation", "1"), ("Condition", "2")))

    def test_garbage_is_told_by_its_field(self):
        with pytest.raises(FaultyInput) as refused:
            read("POST", None, None, b'"text"')
        assert refused.value.faults[0].path == "resourceType"
