"""More than a thousand names, numbers and days, by every way in and out: none of them is in the log or in a span.

Synthetic. What cannot be understood is refused, what can be is stored and sent to a hospital that quotes it all back,
and everything that can break breaks with the content in its message. `test_ways_out.py` looks at what registries get.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from contextlib import closing
from datetime import timedelta

import pytest
import responses

from adapter.config import Hospital, Settings
from adapter.errors import HospitalUnavailable, StoreUnavailable
from adapter.flows import notification
from adapter.flows.crew import Crew
from adapter.flows.delivery import Policy, drain
from adapter.hospital.client import HospitalClient
from adapter.store import Store
from adapter.store.outbox import Outbox
from mappings.r4 import wire
from tests.lib.forms import ENROLMENT, FOLLOW_UP
from tests.lib.logged import logged
from tests.unit.adapter.web.conftest import NOW
from tests.unit.mappings.registry.test_leaks import MARK, leaves, planted_record, with_planted

BASE = "http://hospital.example/fhir"
PERSONAL = ("P-0001", "1971-05-02", "2026-03-02", "2026-09-02", "FR-037/P-")


@pytest.fixture
def enrolled(ward):
    answer = ward.ask("POST", "/enrolments", document=ENROLMENT)
    assert answer.status_code == 201
    return wire.decode(answer.data)


@pytest.fixture
def log():
    with logged() as log:
        yield log


def require_silent(log, *more):
    assert log.lines, "nothing was logged, so nothing was tried"
    for word in (MARK, *PERSONAL, *more):
        assert word not in log.text, word


def spoilt(document):
    """The document with a mark in the place of each of its words and days, and as a key, one after another."""
    for number, path in enumerate(leaves(document)):
        yield with_planted(document, path, f"{MARK}{number:05d}")
    yield document | {f"{MARK}-key": 1}


def test_what_forms_say_taken_or_refused(ward, enrolled, log):
    statuses = Counter()
    for path, document in (("/enrolments", ENROLMENT), ("/follow-ups", FOLLOW_UP)):
        lines = [wire.encode(one) for one in spoilt(document)]
        for line in lines[::4]:
            statuses[ward.ask("POST", path, data=line, content_type="application/json").status_code] += 1
        answer = ward.ask("POST", "/follow-ups", data=b"\n".join(lines), content_type="application/x-ndjson")
        statuses[answer.status_code] += 1
    assert statuses.keys() >= {202, 422}
    assert len(log.of("intake-accepted")) >= 2
    assert len(log.of("intake-refused")) > 30
    require_silent(log)


def test_what_resources_say_pushed_searched_and_notified(ward, enrolled, log):
    planter, record = planted_record()
    assert len(planter.texts) + len(planter.dates) > 1000
    headers = {"Authorization": "Bearer open sesame"}
    for resource in record:
        kind, body = resource["resourceType"], wire.encode(resource)
        ward.ask("POST", f"/fhir/{kind}", data=body, content_type="application/fhir+json")
        ward.ask("PUT", f"/webhook/chu-a/{kind}/{MARK}", None, data=body, headers=headers)
        ward.ask("GET", f"/fhir/{kind}/{MARK}")
        ward.ask("GET", f"/fhir/{kind}?identifier={MARK}|{MARK}&{MARK}=1&_id={MARK}")
        ward.ask("POST", f"/fhir/{kind}/_search", data={"identifier": MARK, "subject": MARK})
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": one} for one in record]}
    ward.ask("POST", "/fhir", data=wire.encode(bundle), content_type="application/fhir+json")
    ward.ask(MARK.upper(), f"/{MARK}/{MARK}", None)
    require_silent(log, MARK.upper(), *planter.dates)


def test_numbers_that_are_no_words_are_not_taken_over(ward, log):
    for name in ("X-Request-Id", "X-Correlation-Id", "traceparent"):
        ward.ask("GET", "/fhir/Patient", headers={name: f"{MARK} Example, 1971-05-02"})
    require_silent(log)


def quoting(request):
    """A server that refuses, and quotes all that it was sent, wherever an OperationOutcome has room for it."""
    said = request.body.decode() if isinstance(request.body, bytes) else str(request.body)
    issue = {"severity": "error", "code": MARK, "diagnostics": said, "details": {"text": said}}
    issue |= {"expression": [f"Patient.{MARK}", said, "Patient.identifier"], "location": [MARK]}
    return 422, {"X-Request-Id": MARK}, json.dumps({"resourceType": "OperationOutcome", "issue": [issue, issue]})


def test_what_a_hospital_quotes_of_what_it_was_sent(ward, enrolled, log):
    planter, record = planted_record()
    for number, resource in enumerate(record):
        ward.put(resource | {"id": f"{MARK}{number}"})
        with ward.store.transaction() as tx:
            tx.outbox.add("chu-a", f"course-{MARK}-{number}", [resource], source=f"FR-037/{MARK}", at=NOW)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as web, closing(client()) as there:
        web.add_callback("POST", f"{BASE}/", quoting)
        web.add_callback("POST", BASE, quoting)
        web.add_callback("POST", f"{BASE}/Patient/_search", quoting)
        drain(ward.store, lambda _: there, policies={"chu-a": Policy()}, **workers())
    parked = [line for line in log.of("delivery") if line["became"] == "parked"]
    assert parked
    assert any("Patient.identifier" in line["codes"] for line in parked)
    require_silent(log, *planter.dates)


def test_what_a_hospital_answers_when_it_breaks_or_is_read(ward, enrolled, log):
    headers = {"Authorization": "Bearer open sesame"}
    assert ward.ask("PUT", "/webhook/chu-a/Observation/o1", None, headers=headers).status_code == 204
    with responses.RequestsMock(assert_all_requests_are_fired=False) as web, closing(client()) as there:
        web.add("POST", BASE, status=500, body=MARK)
        web.add("POST", f"{BASE}/Patient/_search", status=503, body=MARK, headers={"Retry-After": MARK})
        web.add("GET", f"{BASE}/Observation/o1", json={"resourceType": MARK, "id": "o1", MARK: MARK})
        drain(ward.store, lambda _: there, policies={"chu-a": Policy()}, **workers())
        notification.pull(ward.store, lambda _: there, **workers())
    assert {line["became"] for line in log.of("reread")} == {"retried"}
    require_silent(log)


def test_what_is_in_the_message_of_an_exception(ward, enrolled, log, monkeypatch):
    def broken(*_, **__):
        raise KeyError(f"{MARK} {ENROLMENT}")

    monkeypatch.setattr(Outbox, "add", broken)
    assert ward.ask("POST", "/follow-ups", document=FOLLOW_UP).status_code == 500
    for error in (HospitalUnavailable, StoreUnavailable):
        monkeypatch.setattr(Store, "reading", lambda _, error=error: broken_by(error))
        assert ward.ask("GET", "/fhir/Patient").status_code == 503
    crew = Crew(ward.store, Settings(hospitals={"chu-a": Hospital("chu-a", BASE)}), 1, lambda _: None)
    crew._patiently(broken)
    with closing(crew):
        assert [line["error"] for line in log.of("unforeseen")] == ["KeyError", "KeyError"]
    require_silent(log)


def broken_by(error):
    raise error(MARK if error is HospitalUnavailable else "the database cannot be used: disk I/O error")


def test_the_traceback_of_a_command(tmp_path):
    """The database refuses, and SQLAlchemy's own message would hold the statement's parameters."""
    script = (
        "import adapter.cli.queue as q, sys\n"
        f"def broken(*a, **k): raise LookupError('{MARK} of 1971-05-02')\n"
        "q.load = broken\n"
        "from adapter.cli import main\n"
        "main(['queue', 'list'])\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert run.returncode == 1
    assert "unforeseen" in run.stderr
    assert "error=LookupError" in run.stderr
    assert MARK not in run.stderr + run.stdout
    assert "1971" not in run.stderr + run.stdout


def test_marks_would_be_found(log):
    """Else the tests above would prove nothing."""
    from adapter.trail import journal

    journal.note("tried", word=MARK)
    with pytest.raises(AssertionError, match=MARK):
        require_silent(log)


def client():
    return HospitalClient("chu-a", BASE, None, pause=lambda _: None)


def workers():
    return {"worker": "w", "now": lambda: NOW + timedelta(minutes=1), "jitter": lambda: 0.5}
