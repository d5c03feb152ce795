"""Notifications as HAPI 8.8 sent them, taken in and worked on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from adapter.flows.notification import pull, take

RECORDED = json.loads((Path(__file__).parents[3] / "data" / "hapi_notifications.json").read_text())
CREATED, UPDATED, DELETED, PING = RECORDED["notifications"]
PLACE = ("Observation", "demo-b1")
NOW = datetime.now(UTC)


COURSE = "6f1c5f0e-0000-5000-8000-000000000001"


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
