"""Whatever the network does to a delivery, it has one effect at a real server: a first one, and a correction."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from adapter.flows.delivery import drain
from adapter.hospital import client as client_module
from adapter.hospital.client import HospitalClient
from tests.contract.synthetic import observation, patient
from tests.lib.faults import Fault, line

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)


def queue(store, *resources):
    with store.transaction() as tx:
        tx.outbox.add("hospital", "course", resources, source="m1", at=NOW)


def deliver(store, client, at=NOW):
    return drain(store, lambda _: client, worker="w1", now=lambda: at, jitter=lambda: 0.5)


def said(client, id_):
    """What the server remembers of it, oldest first."""
    return [str(one["valueQuantity"]["value"]) for one in client.history("Observation", id_)]


@pytest.mark.parametrize("fault", Fault)
def test_a_line_that_breaks_has_one_effect(store, server, client, fresh, monkeypatch, fault):
    p, old, new = fresh("p"), fresh("old"), fresh("new")
    queue(store, patient(p), observation(old, p, "1"))
    assert deliver(store, client).delivered == 1
    queue(store, observation(old, p, "2"), observation(new, p, "7"))
    monkeypatch.setattr(client_module, "LONGEST", 3)
    with line(server.base_url, fault) as url:
        broken = HospitalClient("hospital", url, server.auth, timeout=(1, 2), pause=lambda _: None)
        assert deliver(store, broken).retried == 1
        broken.close()
    assert deliver(store, client, NOW + timedelta(hours=1)).delivered == 1
    assert said(client, old) == ["1", "2"]
    assert said(client, new) == ["7"]
    assert len(client.search("Observation", [("patient", p)])) == 2
