"""`engraft hospital`: Subscriptions, asking, and whether the hospital has what it should."""

from __future__ import annotations

import json
import signal

import pytest

from adapter.app import open_store
from adapter.config import load
from adapter.flows import enrolment, notification, reconciling
from adapter.hospital.sandbox import Sandbox
from adapter.store.heard import Heard
from tests.lib.centre import ENROLMENT, NOW, document


@pytest.fixture
def hospital():
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def configured(run, tmp_path, hospital):
    """Environment of a deployment with one centre and its hospital."""
    (tmp_path / "hook").write_text("open sesame")
    (tmp_path / "engraft.toml").write_text(
        '[centres.FR-037]\nhospital = "chu-a"\n'
        f'[hospitals.chu-a]\nbase_url = "{hospital.base_url}"\n'
        'webhook = { kind = "bearer", secret = { file = "hook" } }\n'
    )
    environ = {"ENGRAFT_CONFIG": str(tmp_path / "engraft.toml")}
    assert run("init-db", **environ).exit_code == 0
    return environ


@pytest.fixture
def store(configured, tmp_path):
    store = open_store(load(configured | {"ENGRAFT_DATABASE_URL": f"sqlite:///{tmp_path}/var/engraft.sqlite"}))
    yield store
    store.close()


def enrolled(store, configured):
    settings = load(configured)
    enrolment.enrol(document(ENROLMENT), sender=None, store=store, settings=settings, now=NOW)


class TestNotifications:
    def test_subscribing_makes_them_active(self, run, configured, hospital):
        assert run("hospital", "status", "chu-a", **configured).exit_code == 1
        result = run("hospital", "subscribe", "chu-a", **configured)
        assert result.exit_code == 0
        assert "active    Observation" in result.stdout
        assert "open sesame" not in result.stdout + result.stderr
        told = run("hospital", "status", "chu-a", "--json", **configured)
        assert told.exit_code == 0
        assert {one["state"] for one in json.loads(told.stdout)} == {"active"}

    def test_a_numbered_subscription_that_fell_silent_is_told(self, run, configured, store):
        run("hospital", "subscribe", "chu-a", **configured)
        with store.transaction() as tx:
            tx.heard.put(Heard("chu-a", "9", 12, "heartbeat", "active", None, NOW))
        assert run("hospital", "status", "chu-a", **configured).exit_code == 0
        with store.transaction() as tx:
            tx.heard.put(Heard("chu-a", "9", 12, "heartbeat", "active", 60, NOW))
        result = run("hospital", "status", "chu-a", **configured)
        assert result.exit_code == 1
        assert "silent    numbered: event 12, heartbeat at 2026-11-03T12:00:00+00:00" in result.stdout

    def test_repairing_also_asks_for_what_was_missed(self, run, configured, hospital, store):
        assert run("hospital", "repair", "chu-a", **configured).exit_code == 0
        with store.reading() as tx:
            assert tx.inbox.has_ping("chu-a")
        assert {one["status"] for one in hospital.all("Subscription")} == {"active"}

    def test_asking_twice_asks_once(self, run, configured, store):
        assert "asked;" in run("hospital", "poll", "chu-a", **configured).stderr
        assert "asked already" in run("hospital", "poll", "chu-a", **configured).stderr
        assert notification.ask("chu-a", store, NOW) is False
        with store.reading() as tx:
            assert len(tx.inbox.listing()) == 1

    @pytest.mark.parametrize("command", ["subscribe", "status", "repair", "poll", "reconcile"])
    def test_a_hospital_that_nobody_named_is_refused(self, run, configured, command):
        result = run("hospital", command, "chu-b", **configured)
        assert result.exit_code == 1
        assert "known: chu-a" in result.stderr

    def test_a_hospital_that_is_away_is_exit_3(self, run, configured, hospital):
        with hospital.away():
            assert run("hospital", "status", "chu-a", **configured).exit_code == 3


class TestReconcile:
    def test_what_was_never_sent_is_listed_then_queued_then_there(self, run, configured, hospital, store):
        silent = load({})
        enrolment.enrol(document(ENROLMENT), sender=None, store=store, settings=silent, now=NOW)
        listed = run("hospital", "reconcile", "chu-a", **configured)
        assert listed.exit_code == 1
        assert "never-sent Patient/" in listed.stdout
        assert "1 patients compared" in listed.stderr
        mended = run("hospital", "reconcile", "chu-a", "--repair", "--json", **configured)
        assert mended.exit_code == 0
        assert {one["what"] for one in map(json.loads, mended.stdout.splitlines())} == {"never-sent"}
        assert run("deliver", **configured).exit_code == 0
        last = run("hospital", "reconcile", "chu-a", **configured)
        assert (last.exit_code, last.stdout) == (0, "")
        assert "no difference" in last.stderr

    def test_stopped_half_way_it_says_how_to_go_on(self, run, configured, store, monkeypatch):
        enrolled(store, configured)

        def stopped(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(reconciling, "compare", stopped)
        assert (
            "go on with: engraft hospital reconcile chu-a" in run("hospital", "reconcile", "chu-a", **configured).stderr
        )

    def test_told_to_end_it_says_how_to_go_on_too(self, run, configured, store, monkeypatch):
        enrolled(store, configured)
        before = signal.getsignal(signal.SIGTERM)
        monkeypatch.setattr(reconciling, "compare", lambda *_: signal.raise_signal(signal.SIGTERM))
        result = run("hospital", "reconcile", "chu-a", **configured)
        assert result.exit_code == 143
        assert "go on with: engraft hospital reconcile chu-a" in result.stderr
        assert signal.getsignal(signal.SIGTERM) is before

    def test_an_edit_of_the_hospital_is_told_with_its_version(self, run, configured, hospital, store):
        enrolled(store, configured)
        run("deliver", **configured)
        one = hospital.all("Observation")[0]
        hospital.put(one | {"note": [{"text": "synthetic"}]})
        result = run("hospital", "reconcile", "chu-a", "--repair", **configured)
        assert result.exit_code == 1
        assert f"edited     Observation/{one['id']} (version 2 there)" in result.stdout


class TestWhatCouldNotBeRead:
    @pytest.fixture
    def parked(self, store):
        with store.transaction() as tx:
            tx.inbox.park("chu-a", ("Observation", "bad"), "Observation.surname: R4 does not have this element", NOW)
            tx.inbox.add("chu-a", "POST", None, None, {}, b"", NOW)
            tx.inbox.park("chu-b", ("Observation", "other"), "not R4", NOW)
            return [one.id for one in tx.inbox.listing()]

    def test_it_is_listed_with_the_reason(self, run, configured, parked):
        result = run("hospital", "notifications", "chu-a", **configured)
        assert result.exit_code == 0
        assert f"{parked[0]}: parked, Observation/bad" in result.stdout
        assert "R4 does not have this element" in result.stdout
        assert "something changed" in result.stdout
        told = run("hospital", "notifications", "chu-a", "--state", "parked", "--json", **configured)
        (one,) = json.loads(told.stdout)
        assert (one["id"], one["about"], one["state"]) == (parked[0], "Observation/bad", "parked")

    def test_it_can_be_read_again_and_only_of_this_hospital(self, run, configured, parked, store):
        assert run("hospital", "reread", "chu-a", **configured).exit_code == 2
        other = run("hospital", "reread", "chu-a", str(parked[2]), "--json", **configured)
        assert (other.exit_code, json.loads(other.stdout)) == (1, {"reread": [], "refused": [parked[2]]})
        assert run("hospital", "reread", "chu-a", "--all", **configured).exit_code == 0
        with store.reading() as tx:
            assert [one.state for one in tx.inbox.listing()] == ["waiting", "waiting", "parked"]
            deeds = [one for one in tx.audit.listing() if one.action == "reread-notification"]
        assert [one.target for one in deeds] == [f"notification/{parked[0]}"]

    def test_it_can_be_ignored_with_a_reason_that_is_kept(self, run, configured, parked, store):
        assert run("hospital", "ignore", "chu-a", str(parked[0]), "--reason", " ", **configured).exit_code == 2
        assert run("hospital", "ignore", "chu-a", str(parked[2]), "--reason", "a test", **configured).exit_code == 1
        assert run("hospital", "ignore", "chu-a", str(parked[0]), "--reason", "a test", **configured).exit_code == 0
        assert "nothing here" in run("hospital", "notifications", "chu-a", "--state", "parked", **configured).stdout
        with store.reading() as tx:
            deeds = [one for one in tx.audit.listing() if one.action == "ignore-notification"]
        assert [(one.target, one.detail) for one in deeds] == [(f"notification/{parked[0]}", "a test")]

    def test_a_hospital_that_is_not_there_is_refused(self, run, configured):
        result = run("hospital", "notifications", "chu-x", **configured)
        assert result.exit_code == 1
        assert "known: chu-a" in result.stderr
