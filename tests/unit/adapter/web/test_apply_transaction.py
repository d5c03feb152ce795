"""`$apply` and the reads of the FHIR server: token and patient in one transaction, which ends with the request."""

from __future__ import annotations

from contextlib import contextmanager
from io import BytesIO

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from adapter.store.resources import Resources
from adapter.web.content import FORM
from mappings.r4.wire import encode
from tests.unit.adapter.web.applying import PLAN, ask, parameters
from tests.unit.adapter.web.conftest import NOW


@contextmanager
def transactions(ward):
    """Those that are begun within the block."""
    begun = []

    def note(connection):
        begun.append(connection)

    event.listen(ward.store._engine, "begin", note)
    try:
        yield begun
    finally:
        event.remove(ward.store._engine, "begin", note)


def open_now(ward):
    return ward.store._engine.pool.checkedout()


@pytest.mark.parametrize("path", [f"{PLAN}/$apply", f"{PLAN}/$r5.apply"])
def test_a_plan_costs_one_transaction_and_leaves_none_open(ward, path):
    with transactions(ward) as begun:
        assert ask(ward, parameters(), path).status_code == 200
    assert len(begun) == 1
    assert open_now(ward) == 0


@pytest.mark.parametrize(
    ("document", "status"),
    [({"resourceType": "Parameters"}, 400), (parameters("Patient/nobody", data=()), 404), ({"resourceType": "X"}, 422)],
)
def test_a_refusal_leaves_none_open(ward, document, status):
    assert ask(ward, document).status_code == status
    assert open_now(ward) == 0


@pytest.mark.parametrize("who", ["hospital", "registry", "admin"])
def test_another_role_is_refused_and_leaves_none_open(ward, who):
    assert ask(ward, parameters(), who=who).status_code == 403
    assert open_now(ward) == 0


def test_a_token_that_was_taken_back_is_refused_at_once(ward):
    assert ask(ward, parameters()).status_code == 200
    with ward.store.transaction() as tx:
        tx.clients.revoke("ehr", NOW)
    assert ask(ward, parameters()).status_code == 401
    assert open_now(ward) == 0


def test_a_database_that_fails_while_the_patient_is_looked_up_is_told_as_one(ward, monkeypatch):
    def fail(*_):
        raise OperationalError("SELECT", {}, Exception("disk I/O error"))

    monkeypatch.setattr(Resources, "get", fail)
    assert ask(ward, parameters()).status_code == 503
    assert open_now(ward) == 0


def test_who_sends_slowly_holds_no_connection(ward):
    held = []

    class Slow(BytesIO):
        def readinto(self, into):
            held.append(open_now(ward))
            return super().readinto(into)

    sent = encode(parameters())
    answer = ward.ask(
        "POST",
        f"{PLAN}/$apply",
        "ehr",
        input_stream=Slow(sent),
        content_length=len(sent),
        content_type="application/fhir+json",
    )
    assert answer.status_code == 200
    assert held
    assert set(held) == {0}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(
            ("GET", "/fhir/Patient/nobody"),
            ("GET", "/fhir/Patient/nobody/_history"),
            ("GET", "/fhir/Observation?code=1"),
        ),
        *(("GET", "/fhir/Patient/nobody/_history/1"), ("POST", "/fhir/Observation/_search")),
    ],
)
def test_a_read_costs_one_transaction_once_it_is_written_down(ward, method, path):
    sent = {"data": "code=1", "content_type": FORM} if method == "POST" else {}
    for expected in (3, 1):
        with transactions(ward) as begun:
            assert ward.ask(method, path, "ehr", **sent).status_code in (200, 404)
        assert len(begun) == expected
        assert open_now(ward) == 0


@pytest.mark.parametrize(
    "path", ["/fhir/Patient", "/fhir/Patient/nobody", "/fhir/PlanDefinition", "/fhir/Patient/nobody/x"]
)
@pytest.mark.parametrize("who", ["registry", "hospital", "ehr", None])
def test_whoever_reads_leaves_none_open(ward, path, who):
    ward.ask("GET", path, who)
    assert open_now(ward) == 0


def test_who_asks_by_query_is_read_apart(ward):
    """Such a call is written down first: who reads while he waits to write could keep others from writing."""
    with transactions(ward) as begun:
        assert ward.ask("GET", f"{PLAN}/$apply?subject=Patient/nobody", "ehr").status_code == 404
    assert len(begun) == 3
    assert open_now(ward) == 0
