"""A hospital is asked to tell us what changes, and what is broken of that is mended."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from adapter.config import Hospital, Secret, Settings, Webhook
from adapter.errors import Refused
from adapter.flows.subscribing import (
    ACTIVE,
    CHANGED,
    ENDING,
    MISSING,
    SENDS_DELETES,
    STUCK,
    standings,
    subscribe,
    wanted,
)
from adapter.hospital.client import HospitalClient
from adapter.hospital.sandbox import Sandbox
from mappings.r4.validate import validate

NOW = datetime.now(UTC)
SETTINGS = Settings(public_url="https://engraft.example")


def hospital(kind="bearer") -> Hospital:
    return Hospital(
        "chu-a", "http://h/fhir", webhook=Webhook(kind, Secret(env="HOOK", environ={"HOOK": "open sesame"}))
    )


@pytest.fixture
def there():
    with Sandbox() as sandbox:
        client = HospitalClient("chu-a", sandbox.base_url, None)
        yield sandbox, client
        client.close()


def test_the_subscriptions_carry_our_secret_and_no_content():
    subscriptions = wanted(hospital(), SETTINGS)
    assert {one["criteria"] for one in subscriptions} >= {"Patient?", "Observation?", "MedicationAdministration?"}
    for one in subscriptions:
        channel = one["channel"]
        assert channel["endpoint"] == "https://engraft.example/webhook/chu-a"
        assert channel["header"] == ["Authorization: Bearer open sesame"]
        assert "payload" not in channel
        assert channel["extension"] == [{"url": SENDS_DELETES, "valueBoolean": True}]
        assert [fault for fault in validate(one) if fault.severity == "error"] == []


def test_without_a_webhook_that_a_subscription_can_serve_there_is_none():
    with pytest.raises(Refused, match=r"hospitals\.chu-a\.webhook is not configured"):
        wanted(Hospital("chu-a", "http://h/fhir"), SETTINGS)
    with pytest.raises(Refused, match="hmac"):
        wanted(hospital("hmac"), SETTINGS)


def test_no_hospital_elsewhere_is_told_to_call_itself():
    """The default of ENGRAFT_PUBLIC_URL is for trying out; by it nothing would ever come."""
    with pytest.raises(Refused, match=r"ENGRAFT_PUBLIC_URL is http://127\.0\.0\.1:8080, where chu-a would call itself"):
        wanted(hospital(), Settings())
    here = replace(hospital(), base_url="http://localhost:8090/fhir")
    assert wanted(here, Settings())


def test_they_are_written_once(there):
    sandbox, client = there
    subscriptions = wanted(hospital(), SETTINGS)
    assert {one.state for one in subscribe(client, subscriptions, NOW)} == {MISSING}
    assert {one.state for one in standings(client, subscriptions, NOW)} == {ACTIVE}
    versions = {one["id"]: one["meta"]["versionId"] for one in sandbox.all("Subscription")}
    assert {one.state for one in subscribe(client, subscriptions, NOW)} == {ACTIVE}
    assert {one["id"]: one["meta"]["versionId"] for one in sandbox.all("Subscription")} == versions


@pytest.mark.parametrize(
    ("change", "state", "says"),
    [
        ({"status": "off"}, "off", ""),
        ({"status": "error", "error": "gave up"}, "error", "gave up"),
        ({"end": (NOW - timedelta(days=1)).isoformat()}, ENDING, "the hospital ends it at"),
        ({"end": (NOW + timedelta(days=6)).isoformat()}, ENDING, "the hospital ends it at"),
        ({"end": (NOW + timedelta(days=8)).isoformat()}, ACTIVE, ""),
        ({"criteria": "Observation?code=x"}, CHANGED, "criteria"),
        ({"channel": {"type": "rest-hook", "endpoint": "https://elsewhere.example"}}, CHANGED, "endpoint"),
    ],
)
def test_one_that_is_off_broken_over_or_changed_is_told_and_mended(there, change, state, says):
    sandbox, client = there
    subscriptions = wanted(hospital(), SETTINGS)
    subscribe(client, subscriptions, NOW)
    ours = next(one for one in subscriptions if one["criteria"] == "Observation?")
    sandbox.put(ours | change)
    told = {one.kind: one for one in standings(client, subscriptions, NOW)}
    assert (told["Observation"].state, says in told["Observation"].says) == (state, True)
    subscribe(client, subscriptions, NOW)
    assert {one.state for one in standings(client, subscriptions, NOW)} == {ACTIVE}


@pytest.mark.parametrize(("minutes", "state"), [(9, "requested"), (11, STUCK)])
def test_one_that_is_asked_for_and_never_made_active_is_told(there, minutes, state):
    """No server says that it will not; it only never does."""
    _, client = there
    subscriptions = wanted(hospital(), SETTINGS)
    asked = {"status": "requested", "meta": {"lastUpdated": NOW.isoformat()}}
    client.read = lambda kind, id_: next(one | asked for one in subscriptions if one["id"] == id_)
    client.clock = lambda: None
    found = standings(client, subscriptions, NOW + timedelta(minutes=minutes))
    assert {one.state for one in found} == {state}
