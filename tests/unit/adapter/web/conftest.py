"""A server with two centres, two hospitals that may notify, and a token of every role."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from flask import Flask
from werkzeug.security import generate_password_hash
from werkzeug.test import TestResponse

from adapter.app import create_app
from adapter.config import Centre, Hospital, Secret, Settings, Webhook
from adapter.store import Store, people
from mappings.r4 import wire
from tests.lib.forms import ENROLMENT

NOW = datetime(2026, 9, 3, 10, 0, tzinfo=UTC)
OURS, OTHERS = "FR-037", "BE-001"
PASSWORD = "correct horse battery"
PEOPLE = {
    "ada": ("Ada Example", "pharmacist", OURS),
    "ben": ("Dr Ben Example", "physician", OURS),
    "dana": ("Dana Example", "data-manager", OURS),
    "eve": ("Eve Example", "pharmacist", OTHERS),
}


@dataclass
class Ward:
    """The server under test, spoken to as somebody."""

    app: Flask
    store: Store
    tokens: dict[str, str] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)

    def ask(self, method: str, path: str, who: str | None = "centre", **sent) -> TestResponse:
        headers = dict(sent.pop("headers", {}))
        if who:
            headers["Authorization"] = f"Bearer {self.tokens[who]}"
        if "document" in sent:
            sent |= {
                "data": wire.encode(sent.pop("document")),
                "content_type": sent.get("content_type", "application/json"),
            }
        return self.app.test_client().open(path, method=method, headers=headers, **sent)

    def put(self, resource: dict, centre: str | None = OURS, course: str | None = "c-1") -> None:
        with self.store.transaction() as tx:
            tx.resources.put(resource, centre=centre, course=course, sources=["test"], at=NOW)

    def counts(self) -> dict[str, int]:
        """How much is stored, by kind of thing."""
        with self.store.reading() as tx:
            resources = list(tx.resources.stream(centres=None))
            deliveries, notices = tx.outbox.listing(), tx.inbox.listing()
            courses = {one.course for one in resources if one.course}
            follow_ups = [one for course in courses for one in tx.follow_ups.of_course(course)]
        return {
            "resources": len(resources),
            "deliveries": len(deliveries),
            "notifications": len(notices),
            "follow-ups": len(follow_ups),
        }


@pytest.fixture
def ward(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/engraft.sqlite")
    store.migrate()
    secrets = {"HOOK_A": "open sesame", "HOOK_B": "shared key"}
    settings = Settings(
        public_url="https://engraft.test",
        centres={OURS: Centre(OURS, "CHU A", "chu-a"), OTHERS: Centre(OTHERS, "UZ B")},
        hospitals={
            "chu-a": Hospital("chu-a", "http://127.0.0.1:9/fhir", webhook=_hook("bearer", "HOOK_A", secrets)),
            "chu-b": Hospital("chu-b", "http://127.0.0.1:9/fhir", webhook=_hook("hmac", "HOOK_B", secrets)),
            "mute": Hospital("mute", "http://127.0.0.1:9/fhir"),
            "lost": Hospital("lost", "http://127.0.0.1:9/fhir", webhook=_hook("bearer", "NOT_SET", secrets)),
        },
    )
    ward = Ward(create_app(settings, store, lambda: NOW), store, settings=settings)
    with store.transaction() as tx:
        for role in ("ehr", "centre"):
            ward.tokens[role] = tx.clients.add(role, role, OURS, NOW)
            ward.tokens[f"other-{role}"] = tx.clients.add(f"other-{role}", role, OTHERS, NOW)
        for role in ("registry", "hospital", "admin"):
            ward.tokens[role] = tx.clients.add(role, role, None, NOW)
    yield ward
    store.close()


def _hook(kind: str, name: str, environ: dict[str, str]) -> Webhook:
    return Webhook(kind, Secret(env=name, environ=environ))


@pytest.fixture
def course(ward, monkeypatch) -> str:
    """A patient with a dated plan; and the people of both centres, whose passwords are hashed less slowly here."""
    monkeypatch.setattr(people, "_slow_hash", lambda said: generate_password_hash(said, method="scrypt:1024:8:1"))
    people._hash_of_nobody.cache_clear()
    with ward.store.transaction() as tx:
        for name, (full_name, role, centre) in PEOPLE.items():
            tx.people.add(name, full_name, role, centre, PASSWORD, NOW)
    return wire.decode(ward.ask("POST", "/enrolments", document=ENROLMENT).data)["course"]


@pytest.fixture
def exporting(ward, tmp_path, monkeypatch):
    """The ward, whose exports are written when the test says so."""
    from tests.unit.adapter.web.exporting import prepared

    return prepared(ward, tmp_path, monkeypatch)
