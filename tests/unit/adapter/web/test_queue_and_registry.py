"""The operator's view of the queue, and what a registry may fetch."""

from __future__ import annotations

import importlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapter.app import create_app
from adapter.config import Settings
from adapter.store import Store
from mappings.r4.validate import validate
from mappings.r4.wire import decode

NOW = datetime(2026, 9, 3, 10, 0, tzinfo=UTC)
ENROLMENT = {
    "centre": "FR-037",
    "patient": "P-0001",
    "protocol": "set-haplo-pdli",
    "birth_date": "1971-05-02",
    "sex": "female",
    "consent": {"status": "active", "date": "2026-01-10", "registry": True},
    "disease": {"diagnosis": "aml", "status": "refractory"},
    "transplant": {"date": "2026-03-02", "planned": False, "donor": "haploidentical", "graft": "pbsc"},
}


class TestQueue:
    def test_it_shows_counts_and_rows_and_no_patients(self, ward):
        assert ward.ask("POST", "/enrolments", document=ENROLMENT).status_code == 201
        answer = ward.ask("GET", "/admin/queue", "admin")
        told = decode(answer.data)
        assert told["deliveries"] == {"waiting": 1}
        assert [row["destination"] for row in told["rows"]] == ["chu-a"]
        assert b"1971" not in answer.data
        assert "content" not in told["rows"][0]

    def test_states_are_chosen(self, ward):
        assert decode(ward.ask("GET", "/admin/queue?state=parked&state=waiting", "admin").data)["rows"] == []
        answer = ward.ask("GET", "/admin/queue?state=lost", "admin")
        assert answer.status_code == 400
        assert decode(answer.data)["issue"][0]["expression"] == ["state"]


@pytest.fixture
def registry(ward, tmp_path):
    """The ward again, now with a pseudonym key."""
    key = tmp_path / "pseudonym.key"
    key.write_text("0f" * 32)
    settings = Settings(public_url="https://engraft.test", privacy_key=key)
    return replace(ward, app=create_app(settings, ward.store, lambda: NOW))


class TestRegistry:
    def test_it_gets_a_de_identified_bundle_of_who_agrees(self, registry):
        registry.ask("POST", "/enrolments", document=ENROLMENT)
        silent = ENROLMENT | {"patient": "P-0002", "consent": {"status": "active", "date": "2026-01-10"}}
        registry.ask("POST", "/enrolments", document=silent)
        answer = registry.ask("GET", "/registry/bundles", "registry")
        assert answer.content_type.startswith("application/fhir+json")
        collection = decode(answer.data)
        assert (collection["resourceType"], collection["type"]) == ("Bundle", "collection")
        assert [entry["resource"]["resourceType"] for entry in collection["entry"]] == ["Bundle"]
        assert [fault for fault in validate(collection) if fault.severity == "error"] == []
        for secret in (b"P-0001", b"P-0002", b"FR-037", b"1971-05-02", b"2026-03-02"):
            assert secret not in answer.data

    def test_it_may_have_them_line_by_line(self, registry):
        registry.ask("POST", "/enrolments", document=ENROLMENT)
        answer = registry.ask("GET", "/registry/bundles", "registry", headers={"Accept": "application/x-ndjson"})
        assert answer.content_type == "application/x-ndjson"
        (line,) = answer.data.splitlines()
        assert decode(line)["resourceType"] == "Bundle"

    def test_nobody_agrees_nothing_leaves(self, registry):
        collection = decode(registry.ask("GET", "/registry/bundles", "registry").data)
        assert collection.get("entry", []) == []

    def test_without_a_key_nothing_leaves(self, ward):
        answer = ward.ask("GET", "/registry/bundles", "registry")
        assert answer.status_code == 503
        assert decode(answer.data)["issue"][0]["code"] == "transient"


class TestApplication:
    def test_it_is_made_from_the_environment(self, tmp_path, monkeypatch):
        from adapter import app

        url = f"sqlite:///{tmp_path}/engraft.sqlite"
        store = Store(url)
        store.migrate()
        store.close()
        monkeypatch.setenv("ENGRAFT_DATABASE_URL", url)
        monkeypatch.delenv("ENGRAFT_CONFIG", raising=False)
        monkeypatch.setattr(app.logging, "basicConfig", lambda **_: None)
        for made in (app.create_app_from_environment(), importlib.import_module("adapter.wsgi").app):
            assert made.test_client().get("/readyz").status_code == 200

    def test_json_of_the_framework_keeps_decimals_too(self, ward):
        assert ward.app.json.dumps(ward.app.json.loads("[2.50]")) == "[2.50]"


def test_a_token_without_a_centre_sees_no_patients(ward, monkeypatch):
    """Such a token cannot be made; should one ever be found, it opens nothing."""
    from adapter.store.clients import Client, Clients

    monkeypatch.setattr(Clients, "find", lambda *_: Client("x", "ehr", None))
    assert ward.ask("GET", "/fhir/Patient", "ehr").status_code == 403
