"""A ward whose exports are written when the test says so."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from flask import Flask

from adapter.app import create_app
from adapter.config import Exports, Settings
from adapter.web import background
from mappings.r4.wire import decode
from tests.lib.forms import ENROLMENT, FOLLOW_UP
from tests.unit.adapter.web.conftest import NOW, OTHERS

ASYNC = {"Prefer": "respond-async"}
AGREES = ENROLMENT | {"consent": {"status": "active", "date": "2026-01-10", "registry": True}}


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Exporting:
    """The ward, with work that is done when the test says so."""

    ward: object
    folder: Path
    clock: Clock
    waiting: list = field(default_factory=list)
    settings: Settings = field(default_factory=Settings)

    def begin(self, path="/fhir/$export", who="centre", **sent) -> str:
        answer = self.ward.ask(sent.pop("method", "GET"), path, who, headers=ASYNC | sent.pop("headers", {}), **sent)
        assert answer.status_code == 202, answer.text
        return answer.headers["Content-Location"].removeprefix("https://engraft.test")

    def work(self) -> None:
        while self.waiting:
            self.waiting.pop()()

    def whole(self, path="/fhir/$export", who="centre", **sent) -> dict:
        """The manifest of a finished export."""
        job = self.begin(path, who, **sent)
        self.work()
        answer = self.ward.ask("GET", job, who)
        assert answer.status_code == 200, answer.text
        return answer.json

    def lines(self, url: str, who="centre") -> list[dict]:
        answer = self.ward.ask("GET", url.removeprefix("https://engraft.test"), who)
        assert answer.status_code == 200, answer.text
        assert answer.content_type.startswith("application/fhir+ndjson")
        return [decode(line) for line in body_of(answer).splitlines()]

    def output(self, manifest: dict, who="centre") -> dict[str, list[dict]]:
        found = {one["type"]: self.lines(one["url"], who) for one in manifest["output"]}
        assert {one["type"]: one["count"] for one in manifest["output"]} == {
            kind: len(all_) for kind, all_ in found.items()
        }
        return found


def body_of(answer) -> bytes:
    """The body, and its file closed, as a server does when it has sent it."""
    data = answer.data
    answer.close()
    return data


def prepared(ward, tmp_path, monkeypatch) -> Exporting:
    """Two centres with a patient each, who agree to registries."""
    key = tmp_path / "pseudonym.key"
    key.write_text("0f" * 32)
    clock, waiting = Clock(), []
    monkeypatch.setattr(background, "in_a_thread", waiting.append)
    exports = Exports(tmp_path / "exports", 24)
    settings = Settings(public_url="https://engraft.test", privacy_key=key, exports=exports)
    app: Flask = create_app(settings, ward.store, clock)
    served = replace(ward, app=app)
    for document, who in ((AGREES, "centre"), (AGREES | {"centre": OTHERS, "patient": "P-0002"}, "other-centre")):
        assert served.ask("POST", "/enrolments", who, document=document).status_code == 201
    assert served.ask("POST", "/follow-ups", document=FOLLOW_UP).status_code == 202
    return Exporting(served, exports.folder, clock, waiting, settings)
