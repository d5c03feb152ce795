"""Spans where somebody collects them, and nothing at all where nobody does."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from adapter.app import create_app
from adapter.config import Centre, Settings
from adapter.errors import Refused
from adapter.flows.delivery import drain
from adapter.hospital.client import HospitalClient
from adapter.hospital.sandbox import Sandbox
from adapter.store import Store
from adapter.trail import spans
from mappings.r4 import wire
from tests.lib.forms import ENROLMENT
from tests.lib.logged import logged
from tests.lib.tree import ROOT

NOW = datetime(2026, 9, 3, 10, 0, tzinfo=UTC)
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture
def collected():
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    spans.use(provider)
    yield exporter.get_finished_spans
    spans.use(None)
    provider.shutdown()


def enrol(store, headers=()):
    settings = Settings(centres={"FR-037": Centre("FR-037", "CHU A", "chu-a")})
    with store.transaction() as tx:
        token = tx.clients.add("forms", "centre", "FR-037", NOW)
    sent = {"Authorization": f"Bearer {token}", **dict(headers)}
    ward = create_app(settings, store, lambda: NOW).test_client()
    answer = ward.post("/enrolments", data=wire.encode(ENROLMENT), content_type="application/json", headers=sent)
    assert answer.status_code == 201


@pytest.fixture
def store(tmp_path):
    with closing(Store(f"sqlite:///{tmp_path}/engraft.sqlite")) as store:
        store.migrate()
        yield store


def deliver(store, hospital, veiled=False):
    with closing(HospitalClient("chu-a", hospital.base_url, None, veiled=veiled, pause=lambda _: None)) as client:
        return drain(store, lambda _: client, worker="w", now=lambda: NOW, jitter=lambda: 0.5)


def test_one_trace_from_the_callers_own_span_to_the_hospital(store, collected):
    with Sandbox() as hospital, logged() as log:
        enrol(store, {"traceparent": PARENT})
        assert deliver(store, hospital).delivered == 1
        assert hospital.traceparents[-1].split("-")[1] == TRACE
    by_name = {span.name: span for span in collected()}
    web, intake, delivery, sent = (by_name[name] for name in ("POST /enrolments", "intake", "delivery", "POST"))
    assert {span.context.trace_id for span in collected()} == {int(TRACE, 16)}
    assert (web.kind, sent.kind) == (SpanKind.SERVER, SpanKind.CLIENT)
    assert intake.parent.span_id == web.context.span_id
    assert delivery.parent.span_id in {web.context.span_id, intake.context.span_id}
    assert sent.parent.span_id == delivery.context.span_id
    assert hospital.traceparents[-1].split("-")[2] == f"{sent.context.span_id:016x}"
    assert web.attributes["http.response.status_code"] == 201
    assert sent.attributes["http.response.status_code"] == 200
    assert delivery.attributes["engraft.delivered"] == 1
    assert {line["trace"] for line in log.lines} == {TRACE}


def test_nothing_of_a_patient_is_in_a_span(store, collected):
    with Sandbox() as hospital:
        enrol(store)
        hospital.fail(next=9, status=422, says="the name Zquatl is not known")
        assert deliver(store, hospital).parked == 1
    text = "".join(span.to_json() for span in collected())
    assert len(collected()) >= 4
    for word in ("Zquatl", "P-0001", "1971", "2026-03-02"):
        assert word not in text
    with store.reading() as tx:
        for stored in tx.resources.stream(centres=None):
            assert stored.id not in text


def test_an_exception_is_told_by_its_type(collected):
    with pytest.raises(LookupError), spans.span("tried", {}):
        raise LookupError("Zquatl")
    (span,) = collected()
    assert (span.attributes["error.type"], span.status.is_ok, span.status.description) == ("LookupError", False, None)
    assert "Zquatl" not in span.to_json()


def test_a_registry_gets_no_trace(store, collected):
    with Sandbox() as hospital:
        enrol(store, {"traceparent": PARENT})
        assert deliver(store, hospital, veiled=True).delivered == 1
        assert set(hospital.traceparents) == {None}
        assert TRACE not in str(hospital.request_ids)


def test_where_nobody_collects_nothing_is_sent_or_kept(store):
    with Sandbox() as hospital:
        enrol(store, {"traceparent": PARENT})
        assert deliver(store, hospital).delivered == 1
        assert set(hospital.traceparents) == {None}
    with store.reading() as tx:
        assert [row.trace for row in tx.outbox.listing()] == [None]
    spans.flush()


def test_the_packages_are_loaded_only_where_an_exporter_is_named(tmp_path):
    """And what is exported is what was done, with the name of the service."""
    script = (
        "import os, sys\n"
        "from adapter.app import create_app_from_environment\n"
        "app = create_app_from_environment()\n"
        "app.test_client().get('/healthz')\n"
        "print(*(name for name in sys.modules if name.startswith('opentelemetry')), file=sys.stderr)\n"
    )
    seen = {}
    for exporter in ("", "none", "console"):
        environ = {"PATH": "/usr/bin", "ENGRAFT_DATABASE_URL": f"sqlite:///{tmp_path}/e.sqlite"}
        environ |= {"OTEL_TRACES_EXPORTER": exporter, "ENGRAFT_LOG_LEVEL": "error"}
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, env=environ, capture_output=True, text=True, check=True
        )
        seen[exporter] = (done.stdout, done.stderr)
    assert seen[""] == seen["none"] == ("", "\n")
    told = json.loads(seen["console"][0])
    assert told["name"] == "GET /healthz"
    assert told["resource"]["attributes"]["service.name"] == "engraft"


@pytest.fixture
def off(monkeypatch):
    monkeypatch.setattr(spans, "_tracer", None)
    monkeypatch.setattr(spans, "_provider", None)


def test_they_are_switched_on_once_and_handed_over_when_asked(off, monkeypatch):
    exporter = InMemorySpanExporter()
    assert type(spans._exporter("console")).__name__ == "ConsoleSpanExporter"
    monkeypatch.setattr(spans, "_exporter", lambda name: exporter)
    for _ in range(2):
        spans.begin({"OTEL_TRACES_EXPORTER": "none, anything", "OTEL_SERVICE_NAME": "ours"})
    with spans.span("tried", {}):
        pass
    spans.flush()
    assert [span.name for span in exporter.get_finished_spans()] == ["tried"]
    spans._provider.shutdown()


def test_an_exporter_that_is_not_installed_is_named(off):
    with pytest.raises(Refused, match="names carrier-pigeon, which no installed package offers"):
        spans.begin({"OTEL_TRACES_EXPORTER": "carrier-pigeon"})


def test_without_the_extra_it_is_named(off, monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    with pytest.raises(Refused, match=r"engraft-fhir\[telemetry\]"):
        spans.begin({"OTEL_TRACES_EXPORTER": "console"})
