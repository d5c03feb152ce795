"""The Subscriptions that we write are taken by a real server, lead to a ping, and the ping to a copy."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from adapter.config import Hospital, Secret, Settings, Webhook
from adapter.flows import notification
from adapter.flows.subscribing import ACTIVE, MISSING, standings, subscribe, wanted
from tests.contract.synthetic import observation, patient
from tests.lib.webhook import webhook

ACTIVE_SECONDS = 60


def now():
    return datetime.now(UTC)


def test_they_become_active_and_a_change_leads_to_a_copy(server, client, session, store, fresh):
    if not server.hooks:
        pytest.skip(f"{server.name} sends no rest-hook notifications")
    p, o, course = fresh("p"), fresh("o"), "6f1c5f0e-0000-5000-8000-000000000019"
    client.transact([patient(p)])
    with store.transaction() as tx:
        tx.links.put(server.name, course, f"Patient/{p}")

    def take(came):
        notification.take(server.name, came.method, came.kind, came.id, came.headers, came.body, store, now())

    with webhook(take) as hook:
        secret = Webhook("bearer", Secret(env="S", environ={"S": "synthetic"}))
        there = Hospital(server.name, server.base_url, webhook=secret)
        subscriptions = wanted(there, Settings(public_url="http://127.0.0.1"))
        for one in subscriptions:
            one["channel"]["endpoint"] = hook.url
            one["id"] = fresh(one["id"])
        assert {one.state for one in subscribe(client, subscriptions, now())} == {MISSING}
        deadline = time.monotonic() + ACTIVE_SECONDS
        while {one.state for one in standings(client, subscriptions, now())} != {ACTIVE}:
            assert time.monotonic() < deadline, standings(client, subscriptions, now())
        client.transact([observation(o, p)])
        came = hook.wait_for(lambda came: bool(came))
        assert came[0].body == b""
        assert came[0].headers["Authorization"] == "Bearer synthetic"
        assert pull(store, client).copied >= 1
        with store.reading() as tx:
            assert o in tx.copies.there(server.name)["Observation"]
        told = len(hook.wait_for(lambda came: bool(came)))
        assert session.delete(f"{server.base_url}/Observation/{o}").ok
        came = hook.wait_for(lambda came: len(came) > told)
        assert (came[-1].method, came[-1].body) == ("POST", b""), "a ping like any other: it names nothing"
        for one in subscriptions:
            client.transact([one | {"status": "off"}])
    assert pull(store, client).gone == 1
    with store.reading() as tx:
        assert o not in tx.copies.there(server.name).get("Observation", set())


def pull(store, client):
    return notification.pull(store, lambda _: client, worker="w1", now=now, jitter=lambda: 0.5)
