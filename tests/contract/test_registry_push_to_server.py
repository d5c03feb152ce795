"""A registry is pushed to: the second push changes nothing, and a withdrawal empties what it has."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from uuid import uuid4

from adapter.config import Registry
from adapter.flows.delivery import Post
from adapter.flows.push import Submission, push
from adapter.flows.registry import whole
from tests.lib.centre import M1, M3, SETTINGS, Ward

NAME = "registry"
AGREED = {"status": "active", "date": "2026-01-10", "registry": True}


def test_pushed_twice_it_is_there_once_and_withdrawn_it_is_empty(store, client):
    key = uuid4().bytes + uuid4().bytes  # other pseudonyms than those of any earlier run on the same server
    ward = Ward(store, replace(SETTINGS, registries={NAME: Registry(NAME, client.base_url)}))
    for document in (ward.enrol, ward.visit, lambda: ward.visit(M3)):
        document()

    def outcomes(resources, _):
        made = whole(resources, key, date(2026, 11, 3))
        return Submission([made] if made else ())

    def deliver():
        return Post(store, lambda: ward.now, lambda: 0.5).work(NAME, lambda _: client, "w")

    done = push(store, NAME, outcomes, ward.now, who="operator")
    assert done.queued == 1
    assert deliver() == {"delivered": 1}
    with store.reading() as tx:
        (row,) = tx.outbox.listing(destination=NAME)
    names = [(one["resourceType"], one["id"]) for one in row.content]
    versions = {name: client.read(*name)["meta"]["versionId"] for name in names}
    assert push(store, NAME, outcomes, ward.now, who="operator").unchanged == 1
    assert not deliver()
    assert {name: client.read(*name)["meta"]["versionId"] for name in names} == versions
    ward.visit(M1, immune_reconstitution={"date": "2026-04-01", "cd4": {"value": 130, "unit": "/uL"}})
    assert push(store, NAME, outcomes, ward.now, who="operator").resources == 1
    assert deliver() == {"delivered": 1}
    ward.enrol(consent=AGREED | {"status": "inactive"})
    assert deliver() == {"delivered": 1}
    for name in names:
        left = client.read(*name)
        assert left.get("status", "entered-in-error") == "entered-in-error"
        assert "valueQuantity" not in left
        assert "birthDate" not in left
