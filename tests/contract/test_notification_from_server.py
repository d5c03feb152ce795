"""A hospital's rest-hook Subscription leads to a copy of what changed there."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from adapter.flows import notification
from tests.contract.synthetic import SYSTEM, observation, patient
from tests.lib.webhook import webhook

ACTIVE_SECONDS = 60
COURSE = "6f1c5f0e-0000-5000-8000-000000000009"


def now():
    """The servers' own clock decides what a search by time finds, so ours must be the real one too."""
    return datetime.now(UTC)


def subscription(id_, url, identifier, *, payload=True):
    channel = {"type": "rest-hook", "endpoint": url, "header": ["Authorization: Bearer synthetic"]}
    return {
        "resourceType": "Subscription",
        "id": id_,
        "status": "requested",
        "reason": "contract test",
        "criteria": f"Observation?identifier={SYSTEM}|{identifier}",
        "channel": channel | ({"payload": "application/fhir+json"} if payload else {}),
    }


@pytest.fixture
def hook(server, store):
    if not server.hooks:
        pytest.skip(f"{server.name} sends no rest-hook notifications")

    def take(came):
        notification.take(server.name, came.method, came.kind, came.id, came.headers, came.body, store, now())

    with webhook(take) as hook:
        yield hook


def subscribe(client, hook, id_, identifier, **how):
    client.transact([subscription(id_, hook.url, identifier, **how)])
    deadline = time.monotonic() + ACTIVE_SECONDS
    while client.read("Subscription", id_)["status"] != "active":
        assert time.monotonic() < deadline, "the Subscription never became active"


def link(store, server, id_):
    """Makes a Patient of the hospital one of ours."""
    with store.transaction() as tx:
        tx.links.put(server.name, COURSE, f"Patient/{id_}")


def pull(store, client):
    return notification.pull(store, lambda _: client, worker="w1", now=now, jitter=lambda: 0.5)


def test_a_change_is_told_taken_and_copied(server, client, store, hook, fresh):
    p, o = fresh("p"), fresh("o")
    client.transact([patient(p)])
    link(store, server, p)
    subscribe(client, hook, fresh("s"), o)
    client.transact([observation(o, p, "0.50")])
    client.transact([observation(o, p, "0.60", status="corrected")])
    came = hook.wait_for(lambda came: any(b":0.60" in c.body for c in came))
    assert {(c.method, c.kind, c.id) for c in came} == {("PUT", "Observation", o)}
    assert came[0].headers["Authorization"] == "Bearer synthetic"
    assert pull(store, client).copied == 1
    with store.reading() as tx:
        copy = tx.copies.of(server.name)["Observation", o]
        assert all("authorization" not in row.headers for row in tx.inbox.listing())
    assert (copy.version, str(copy.content["valueQuantity"]["value"])) == ("2", "0.60")


def test_a_ping_without_content_leads_to_a_search(server, client, store, hook, fresh):
    p, o = fresh("p"), fresh("o")
    client.transact([patient(p)])
    link(store, server, p)
    subscribe(client, hook, fresh("s"), o, payload=False)
    client.transact([observation(o, p)])
    assert hook.wait_for(bool)[0].body == b""
    assert pull(store, client).done == 1
    with store.reading() as tx:
        assert tx.copies.of(server.name)["Observation", o].version == "1"


def test_what_a_hospital_had_of_a_patient_before_they_were_ours_is_read_when_they_become_so(
    server, client, store, fresh
):
    p, o = fresh("p"), fresh("o")
    client.transact([patient(p), observation(o, p)])
    notification.take(server.name, "PUT", "Observation", o, {}, b"", store, now())
    assert pull(store, client).copied == 0, "nobody of ours"
    link(store, server, p)
    with store.transaction() as tx:
        notification.meet(tx, server.name, f"Patient/{p}", now())
    assert pull(store, client).copied == 2
    with store.reading() as tx:
        assert set(tx.copies.of(server.name)) == {("Patient", p), ("Observation", o)}
