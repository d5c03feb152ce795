"""What an operator would look at, and what to do about it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import responses

from adapter import keys
from adapter.config import Auth, Hospital, Registry, Secret, Settings, Tls, Webhook
from adapter.flows import batch_job, subscribing
from adapter.flows.doctor import AWAY, ILL, LOOK, WELL, Finding, examine
from adapter.flows.uploads import BODY, LINES, Upload
from adapter.hospital.connections import Connections
from adapter.hospital.sandbox import Sandbox
from adapter.store import Store
from adapter.store.clients import Client
from adapter.store.exports import Export
from adapter.store.heard import Heard
from tests.lib.certificates import Authority, tls_server
from tests.lib.servers import free_port

NOW = datetime(2026, 9, 3, 10, 0, tzinfo=UTC)
BASE = "http://hospital.example/fhir"
R4 = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}


@pytest.fixture
def store(tmp_path):
    with closing(Store(f"sqlite:///{tmp_path}/engraft.sqlite")) as store:
        store.migrate()
        yield store


def found(settings: Settings, store: Store | None, now: datetime = NOW) -> dict[str, list[Finding]]:
    connections = Connections(settings)
    by_what: dict[str, list[Finding]] = {}
    try:
        for one in examine(settings, store, connections, lambda: now):
            by_what.setdefault(one.what, []).append(one)
    finally:
        connections.close()
    return by_what


def states(findings: list[Finding]) -> list[str]:
    return [one.state for one in findings]


def one_hospital(**changes) -> Settings:
    return Settings(hospitals={"chu-a": Hospital("chu-a", BASE, **changes)})


def answering(web, capability=R4, date="Thu, 03 Sep 2026 10:00:20 GMT", status=200) -> None:
    web.get(f"{BASE}/metadata", json=capability, headers={"Date": date})
    bundle = {"resourceType": "Bundle", "type": "searchset", "total": 0}
    web.post(f"{BASE}/Patient/_search", json=bundle, status=status, headers={"Date": date})


def test_a_sound_deployment_has_nothing_to_do(store):
    with Sandbox() as hospital:
        settings = Settings(hospitals={"chu-a": Hospital("chu-a", hospital.base_url)})
        all_ = found(settings, store, datetime.now(UTC))
    assert {one.state for findings in all_.values() for one in findings} == {WELL}
    assert not any(one.advice for findings in all_.values() for one in findings)


@pytest.mark.parametrize("prepared", [False, True])
def test_a_database_that_is_not_prepared_is_told_with_the_command_that_does_it(tmp_path, prepared):
    store = Store(f"sqlite:///{tmp_path}/other.sqlite") if prepared else None
    (one,) = found(Settings(), store)["database"]
    assert (one.state, one.advice) == (AWAY, "engraft init-db")
    if store:
        store.close()


def test_a_database_that_does_not_answer_is_told_with_its_reason_and_not_to_be_prepared():
    with closing(Store(f"postgresql://engraft@127.0.0.1:{free_port()}/engraft", busy_seconds=2)) as away:
        (one,) = found(Settings(), away)["database"]
    assert one.state == AWAY
    assert "Connection refused" in one.says
    assert "does it run" in one.advice


def test_a_database_that_goes_away_meanwhile_is_told(store, monkeypatch):
    from adapter.errors import StoreUnavailable

    def broken():
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(store, "reading", broken)
    monkeypatch.setattr(store, "ready", lambda: True)
    (one,) = found(Settings(), store)["database"]
    assert (one.state, one.says) == (AWAY, "the disk is full")


def test_what_is_parked_or_waits_for_long_is_worth_a_look(store):
    with store.transaction() as tx:
        tx.outbox.add("chu-a", "c-1", [{"resourceType": "Patient", "id": "p"}], source="s", at=NOW - timedelta(hours=3))
    (late,) = found(Settings(), store)["queue"]
    assert late.state == LOOK
    assert "chu-a" in late.says
    assert "3 hours" in late.says
    from adapter.store.delivery import Said

    with store.transaction() as tx:
        row = tx.outbox.lease("w", at=NOW, lease_seconds=60, destination="chu-a")
        tx.outbox.park(row.id, "w", Said("refused"))
    parked, _ = found(Settings(), store)["queue"]
    assert (parked.state, parked.advice) == (LOOK, "engraft queue list --state parked")


def test_a_batch_that_nobody_takes_up_is_worth_a_look(store):
    client, upload = Client("forms", "centre", "FR-037"), Upload(LINES, {BODY: b"{}"})
    id_ = batch_job.ask(upload, store=store, client=client, centre="FR-037", now=NOW).id
    assert "batches" not in found(Settings(), store, NOW + timedelta(minutes=4))
    (one,) = found(Settings(), store, NOW + timedelta(minutes=6))["batches"]
    assert (one.state, one.says) == (
        LOOK,
        "1 wait and nobody works on them, the oldest for 6 minutes",
    )
    assert "Celery's workers run?" in one.advice
    with store.transaction() as tx:
        tx.batches.claim(id_, "elsewhere/1/x", NOW + timedelta(minutes=6))
    assert "batches" not in found(Settings(), store, NOW + timedelta(minutes=6))


def test_a_secret_or_key_that_cannot_be_read_is_told(tmp_path, store):
    there = tmp_path / "there"
    there.write_text("secret")
    bad = Auth("bearer", secret=Secret(file=tmp_path / "absent"))
    good = Auth("bearer", secret=Secret(file=there))
    settings = Settings(
        hospitals={"chu-a": Hospital("chu-a", BASE, bad)}, registries={"national": Registry("national", BASE, good)}
    )
    with responses.RequestsMock(assert_all_requests_are_fired=False) as web:
        answering(web)
        told = found(settings, store)
    assert states(told["hospitals.chu-a.auth.secret"]) == states(told["chu-a"]) == [ILL]
    assert states(told["registries.national.auth.secret"]) == [WELL]
    assert states(told["privacy.key"]) == [ILL]
    (tmp_path / "key").write_text("0f" * 32)
    assert states(found(Settings(privacy_key=tmp_path / "key"), store)["privacy.key"]) == [WELL]


def test_a_public_address_without_tls_is_worth_a_look(store):
    assert states(found(Settings(public_url="http://engraft.chu-a.example"), store)["ENGRAFT_PUBLIC_URL"]) == [LOOK]
    assert states(found(Settings(public_url="https://engraft.chu-a.example"), store)["ENGRAFT_PUBLIC_URL"]) == [WELL]


def test_a_hospital_that_cannot_be_reached_is_away(store):
    with responses.RequestsMock():
        (one,) = found(one_hospital(), store)["chu-a"]
    assert (one.state, BASE in one.advice) == (AWAY, True)


def test_who_is_given_no_token_is_told_to_look_at_the_registration(store, tmp_path):
    (tmp_path / "key.pem").write_text(keys.new("ES384"))
    auth = Auth("smart-backend", client_id="stranger", scope="s", token_url="https://login.example/token")
    smart = replace(one_hospital(auth=auth), signing_keys=(Secret(file=tmp_path / "key.pem"),))
    (tmp_path / "secret").write_text("secret")
    auth = replace(auth, kind="oauth", secret=Secret(file=tmp_path / "secret"))
    for settings, advice in (
        (smart, "is stranger registered there with http://127.0.0.1:8080/.well-known/jwks.json"),
        (one_hospital(auth=auth), "are token_url, client_id and the secrets of hospitals.chu-a.auth right"),
    ):
        with responses.RequestsMock() as web:
            web.post("https://login.example/token", status=401, json={"error": "invalid_client"})
            (one,) = found(settings, store)["chu-a"]
        assert (one.state, one.says) == (AWAY, "chu-a: no token: invalid_client")
        assert advice in one.advice


def test_who_does_not_trust_whom_is_told_with_the_setting_to_look_at(store, tmp_path):
    authority = Authority(tmp_path)
    with tls_server(authority.signed("server", timedelta(days=-1))) as url:
        tls = Tls(ca=authority.file)
        (one,) = found(Settings(hospitals={"chu-a": Hospital("chu-a", url, tls=tls)}), store)["chu-a"]
    assert (one.state, one.says) == (AWAY, "chu-a: no TLS: certificate has expired")
    assert one.advice.startswith("hospitals.chu-a.tls: ca is the authority that signed its certificate")


@pytest.mark.parametrize(
    ("days", "state", "words"),
    [(100, WELL, "our certificate holds until"), (20, LOOK, "our certificate ends on"), (-1, ILL, "ended on")],
)
def test_our_own_certificate_is_worth_a_look_before_it_ends(store, tmp_path, days, state, words):
    now = datetime.now(UTC)
    ours = Authority(tmp_path).signed("engraft", timedelta(days=days))
    with responses.RequestsMock():
        (one,) = found(one_hospital(tls=Tls(ours.certificate, ours.key)), store, now)["hospitals.chu-a.tls"]
    assert (one.state, words in one.says) == (state, True)


def test_files_for_tls_that_cannot_be_used_are_told(store, tmp_path):
    settings = one_hospital(tls=Tls(ca=tmp_path / "absent.pem"))
    all_ = found(settings, store)
    assert states(all_["hospitals.chu-a.tls.ca"]) == states(all_["chu-a"]) == [ILL]


def test_a_server_of_another_fhir_is_not_ours_to_speak_to(store):
    with responses.RequestsMock() as web:
        answering(web, {"resourceType": "CapabilityStatement", "fhirVersion": "3.0.2"})
        first, _ = found(one_hospital(), store)["chu-a"]
    assert (first.state, "3.0.2" in first.says) == (ILL, True)


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Thu, 03 Sep 2026 10:00:59 GMT", [WELL]),
        ("Thu, 03 Sep 2026 12:00:00 GMT", [LOOK, WELL]),
        ("Thu, 03 Sep 2026 09:58:00 GMT", [LOOK, WELL]),
        ("", [WELL]),
    ],
)
def test_clocks_that_differ_are_worth_a_look(store, date, expected):
    with responses.RequestsMock() as web:
        answering(web, date=date)
        assert states(found(one_hospital(), store)["chu-a"]) == expected


@pytest.mark.parametrize(("status", "state"), [(401, ILL), (403, ILL), (400, LOOK), (200, WELL)])
def test_credentials_are_tried_by_a_search_that_brings_no_patient(store, status, state):
    with responses.RequestsMock() as web:
        answering(web, status=status)
        assert states(found(one_hospital(), store)["chu-a"]) == [state]
        assert "_count=0" in str(web.calls[-1].request.body)


def test_questions_about_patients_are_worth_a_look(store):
    with store.transaction() as tx:
        tx.questions.settle("chu-a", "c-1", "Patient/1", {"deceased": {}}, NOW)
        tx.questions.settle("chu-a", "c-2", "Patient/2", {"deceased": {}, "merged": {}}, NOW)
    (asked,) = found(Settings(), store)["questions"]
    assert asked.state == LOOK
    assert asked.says.endswith(": 2 deceased, 1 merged")
    assert asked.advice.startswith("engraft queue questions")


def test_registries_that_could_match_their_patients_are_worth_a_look(store, tmp_path):
    (tmp_path / "key").write_text("0f" * 32)
    two = {name: Registry(name, BASE) for name in ("a", "b")}
    own = {"a": two["a"], "b": Registry("b", BASE, key=tmp_path / "absent")}
    with responses.RequestsMock(assert_all_requests_are_fired=False) as web:
        answering(web)
        shared = found(Settings(registries=two, privacy_key=tmp_path / "key", shared_pseudonyms=True), store)
        apart = found(Settings(registries=two, privacy_key=tmp_path / "key"), store)
        one = found(Settings(registries=own, privacy_key=tmp_path / "key", shared_pseudonyms=True), store)
    assert states(shared["privacy.registries"]) == [LOOK]
    assert "privacy.registries" not in apart.keys() | one.keys()
    assert states(one["registries.b.key"]) == [ILL]


def test_an_export_that_nobody_takes_up_is_worth_a_look(store):
    """With a broker and no worker it waits for ever, and its client is told to come back."""
    with store.transaction() as tx:
        tx.exports.add(export("e-1", NOW + timedelta(hours=24)))
        tx.exports.add(export("over", NOW))
    assert "exports" not in found(Settings(), store, NOW + timedelta(minutes=4))
    (one,) = found(Settings(), store, NOW + timedelta(minutes=6))["exports"]
    assert one.state == LOOK
    assert one.says == "1 wait and nobody works on them, the oldest for 6 minutes"
    assert "Celery's workers" in one.advice
    with store.transaction() as tx:
        tx.exports.claim("e-1", "elsewhere/1/x", NOW + timedelta(minutes=6))
    assert "exports" not in found(Settings(), store, NOW + timedelta(minutes=6))


def export(id_, expires):
    return Export(id_, "forms", "FR-037", {}, "http://x/", NOW, expires, "waiting", 0, 0, [], None)


def test_notifications_that_could_not_be_read_or_wait_for_long_are_worth_a_look(store):
    with store.transaction() as tx:
        tx.inbox.add("chu-a", "PUT", "Patient", "x", {}, b"", NOW)
        tx.inbox.park("chu-b", ("Observation", "bad"), "not R4", NOW)
    all_ = found(Settings(), store, NOW + timedelta(minutes=30))
    assert "chu-a" not in all_
    (one,) = all_["chu-b"]
    assert (one.state, one.says) == (LOOK, "1 of its notifications could not be read")
    assert one.advice.startswith("engraft hospital notifications chu-b")
    (late,) = found(Settings(), store, NOW + timedelta(hours=2))["chu-a"]
    assert (late.state, late.says) == (LOOK, "1 of its notifications wait to be read, the oldest for 2 hours")


class TestSubscriptions:
    """A server may have dropped them without a word, and then nothing comes in."""

    @pytest.fixture
    def hospital(self):
        with Sandbox() as hospital:
            yield hospital

    @pytest.fixture
    def settings(self, hospital, tmp_path):
        (tmp_path / "hook").write_text("open sesame")
        hook = Webhook("bearer", Secret(file=tmp_path / "hook"))
        return Settings(hospitals={"chu-a": Hospital("chu-a", hospital.base_url, webhook=hook)})

    def looked_at(self, settings, store):
        (one,) = found(settings, store, datetime.now(UTC))["chu-a subscriptions"]
        return one

    def subscribe(self, settings):
        with closing(Connections(settings)) as connections:
            ours = subscribing.wanted(settings.hospitals["chu-a"], settings)
            subscribing.subscribe(connections("chu-a"), ours, datetime.now(UTC))

    def test_missing_ones_are_told_with_the_command_that_mends_them(self, store, settings):
        one = self.looked_at(settings, store)
        assert (one.state, one.advice) == (LOOK, "engraft hospital repair chu-a")
        assert "engraft-observation is missing" in one.says
        self.subscribe(settings)
        assert self.looked_at(settings, store).state == WELL

    def test_one_that_the_server_switched_off_is_told(self, store, settings, hospital):
        self.subscribe(settings)
        (stored,) = [one for one in hospital.all("Subscription") if one["id"] == "engraft-patient"]
        hospital.put(stored | {"status": "off"})
        assert "engraft-patient is off" in self.looked_at(settings, store).says

    def test_what_a_hospital_set_up_itself_stands_for_ours_until_it_falls_silent(self, store, settings):
        with store.transaction() as tx:
            tx.heard.put(Heard("chu-a", "9", 4, "heartbeat", "active", 60, datetime.now(UTC)))
        assert self.looked_at(settings, store).state == WELL
        with store.transaction() as tx:
            tx.heard.put(Heard("chu-a", "8", 4, "heartbeat", "active", 60, datetime.now(UTC) - timedelta(hours=1)))
        assert "numbered 8 is silent" in self.looked_at(settings, store).says

    def test_a_secret_that_cannot_be_read_hides_nothing_else(self, store, settings, tmp_path):
        (tmp_path / "hook").unlink()
        one = self.looked_at(settings, store)
        assert one.state == LOOK
        assert "cannot be looked at" in one.says

    def test_a_hospital_that_signs_has_none_of_ours(self, store, hospital, tmp_path):
        (tmp_path / "hook").write_text("open sesame")
        hook = Webhook("hmac", Secret(file=tmp_path / "hook"))
        settings = Settings(hospitals={"chu-a": Hospital("chu-a", hospital.base_url, webhook=hook)})
        assert "chu-a subscriptions" not in found(settings, store, datetime.now(UTC))
