"""R5 Backport on R4: a number that is missing is looked for, and a Subscription that fell silent is seen."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from adapter.errors import HospitalRefused, HospitalUnavailable
from adapter.flows import notification, numbered
from adapter.flows.notification import take
from adapter.hospital.subscriptions import Numbered
from adapter.hospital.subscriptions import numbered as said_in
from adapter.store import Store

NOW = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)


class Server:
    """A hospital of which each Observation is there, that counts the events of Subscription 9."""

    base_url = "https://h/fhir"

    def __init__(self):
        self.reads, self.asked, self.searches = [], [], 0
        self.answer = HospitalRefused(404, "no such operation")
        self.subscription = {"channel": {"extension": [{"url": numbered.HEARTBEAT, "valueUnsignedInt": 60}]}}

    def read(self, kind, id_):
        if kind == "Subscription":
            if isinstance(self.subscription, Exception):
                raise self.subscription
            return self.subscription
        self.reads.append(id_)
        return {
            "resourceType": kind,
            "id": id_,
            "meta": {"versionId": "1"},
            "status": "final",
            "code": {"text": "synthetic"},
        }

    def events(self, subscription, first, last):
        self.asked.append((subscription, first, last))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def search(self, kind, params):
        self.searches += kind == "Observation"
        return []

    def deleted(self, kind, since):
        return set()


def bundle(*numbers, kind="event-notification", total=None, subscription="https://h/fhir/Subscription/9"):
    parameters = [
        {"name": "subscription", "valueReference": {"reference": subscription}},
        {"name": "status", "valueCode": "active"},
        {"name": "type", "valueCode": kind},
    ]
    if total is not None:
        parameters.append({"name": "events-since-subscription-start", "valueString": str(total)})
    for number in numbers:
        focus = {"name": "focus", "valueReference": {"reference": f"Observation/o{number}"}}
        part = [{"name": "event-number", "valueString": str(number)}, focus]
        parameters.append({"name": "notification-event", "part": part})
    status = {"resource": {"resourceType": "Parameters", "parameter": parameters}}
    return {"resourceType": "Bundle", "type": "history", "entry": [status]}


@pytest.fixture
def store(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/engraft.sqlite")
    store.migrate()
    yield store
    store.close()


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def hear(store, server):
    def hear(*numbers, **how):
        take("chu-a", "POST", None, None, {}, json.dumps(bundle(*numbers, **how)).encode(), store, NOW)
        return notification.pull(store, lambda _: server, worker="w", now=lambda: NOW, jitter=lambda: 0.5)

    return hear


def standing(store):
    with store.reading() as tx:
        (one,) = tx.heard.of("chu-a")
    return one


def test_a_handshake_and_a_heartbeat_are_recorded_and_ask_for_nothing(store, server, hear):
    hear(kind="handshake", total=0)
    assert (standing(store).said, standing(store).last, standing(store).heartbeat_seconds) == ("handshake", 0, 60)
    hear(kind="heartbeat", total=0)
    assert (standing(store).said, standing(store).status) == ("heartbeat", "active")
    assert (server.reads, server.asked, server.searches) == ([], [], 0)


def test_numbers_in_a_row_are_only_read(store, server, hear):
    hear(1, total=1)
    hear(2, 3, total=3)
    assert (server.reads, server.asked, server.searches) == (["o1", "o2", "o3"], [], 0)
    assert standing(store).last == 3


def test_what_is_missing_is_asked_for_by_number(store, server, hear):
    hear(1, total=1)
    server.answer = bundle(2, 3, kind="query-event", total=4)
    hear(4, total=4)
    assert server.asked == [("9", 2, 3)]
    assert (server.reads, server.searches) == (["o1", "o4", "o2", "o3"], 0)
    hear(2, total=2)
    assert server.asked == [("9", 2, 3)], "it came late, and nothing is missing"
    assert standing(store).last == 4


def test_what_a_notification_itself_leaves_out_is_asked_for_too(store, server, hear):
    hear(1, total=1)
    server.answer = bundle(3, kind="query-event", total=5)
    hear(2, 4, 5, total=5)
    assert server.asked == [("9", 3, 3)]
    assert server.reads == ["o1", "o2", "o4", "o5", "o3"]


def test_a_heartbeat_tells_of_an_event_that_never_came(store, server, hear):
    hear(1, total=1)
    server.answer = bundle(2, kind="query-event", total=2)
    hear(kind="heartbeat", total=2)
    assert (server.asked, server.reads) == ([("9", 2, 2)], ["o1", "o2"])


@pytest.mark.parametrize(
    "answer",
    [
        HospitalRefused(501, "not supported"),
        bundle(2, kind="query-event", total=4),
        {"resourceType": "Bundle", "type": "history", "entry": []},
    ],
)
def test_where_the_server_does_not_give_every_number_everything_is_searched(store, server, hear, answer):
    hear(1, total=1)
    server.answer = answer
    hear(4, total=4)
    assert server.searches == 1
    assert standing(store).last == 4


def test_a_very_wide_gap_is_searched(store, server, hear):
    hear(5000, total=5000)
    assert (server.asked, server.searches) == ([], 1)


def test_an_empty_event_is_searched_and_its_total_counts(store, server, hear):
    hear(total=1)
    assert (server.searches, server.asked, standing(store).last) == (1, [], 1)


def test_nothing_counts_as_heard_while_the_hospital_is_away(store, server, hear):
    hear(1, total=1)
    server.answer = HospitalUnavailable("down")
    assert hear(4, total=4).retried == 1
    assert standing(store).last == 1


@pytest.mark.parametrize(
    "subscription",
    [{}, HospitalRefused(403, "no"), {"channel": "x"}, {"channel": {"extension": [{"url": numbered.HEARTBEAT}]}}],
)
def test_a_subscription_that_promises_no_heartbeat_is_never_silent(store, server, hear, subscription):
    server.subscription = subscription
    hear(kind="handshake", total=0)
    assert standing(store).heartbeat_seconds is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", None),
        (b"[]", None),
        (b'{"resourceType": "Bundle", "entry": []}', None),
        (json.dumps(bundle(1, subscription="https://h/fhir/Basic/9")).encode(), None),
        (json.dumps(bundle(kind="heartbeat")).encode(), Numbered("9", "heartbeat", "active", (), None)),
        (
            json.dumps(bundle("x", "10", 9**30, total="²")).encode(),
            Numbered("9", "event-notification", "active", (10,), None),
        ),
    ],
)
def test_what_is_no_number_is_not_counted(body, expected):
    assert said_in(body) == expected
