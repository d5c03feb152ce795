"""Tokens of the programs that may call us, links to the hospitals' patients, and the audit."""

from __future__ import annotations

from datetime import timedelta, timezone

import pytest
from sqlalchemy import exc, insert, text
from sqlalchemy.dialects import postgresql

from adapter.errors import Conflict, Invalid, NotFound
from adapter.store import columns, schema
from adapter.store.audit import Deed
from adapter.store.clients import Client


def test_a_token_shows_who_calls(store, noon):
    with store.transaction() as tx:
        token = tx.clients.add("forms", "centre", "FR-037", noon)
    with store.reading() as tx:
        assert tx.clients.find(token) == Client("forms", "centre", "FR-037")


@pytest.mark.parametrize("token", ["", "guess", "\ud800", "x" * 10_000])
def test_any_other_token_shows_nobody(store, noon, token):
    with store.transaction() as tx:
        tx.clients.add("forms", "centre", "FR-037", noon)
        assert tx.clients.find(token) is None


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_the_token_itself_is_not_kept(store, noon, tmp_path):
    with store.transaction() as tx:
        token = tx.clients.add("forms", "centre", "FR-037", noon)
    assert len(token) >= 40
    kept = b"".join(path.read_bytes() for path in (tmp_path / "var").iterdir())
    assert b"forms" in kept
    assert token.encode() not in kept


def test_a_revoked_token_shows_nobody_and_its_name_is_free_again(store, noon):
    with store.transaction() as tx:
        old = tx.clients.add("forms", "centre", "FR-037", noon)
        tx.clients.revoke("forms", noon)
        assert tx.clients.find(old) is None
        assert tx.clients.listing() == []
        new = tx.clients.add("forms", "ehr", "FR-037", noon)
        assert tx.clients.find(new) == Client("forms", "ehr", "FR-037")
        assert tx.clients.find(old) is None


def test_a_name_in_use_is_refused(store, noon):
    with store.transaction() as tx:
        tx.clients.add("forms", "centre", "FR-037", noon)
        with pytest.raises(Conflict, match="forms"):
            tx.clients.add("forms", "admin", None, noon)
        assert [client.role for client in tx.clients.listing()] == ["centre"]


def test_the_database_itself_keeps_active_names_apart(store, noon):
    row = {"name": "forms", "role": "admin", "created": noon}
    both = [row | {"token_hash": token} for token in "ab"]
    with store.transaction() as tx, pytest.raises(exc.IntegrityError):
        tx._connection.execute(insert(schema.clients), both)


def test_revoking_nobody(store, noon):
    with store.transaction() as tx, pytest.raises(NotFound, match="forms"):
        tx.clients.revoke("forms", noon)


@pytest.mark.parametrize(
    ("name", "role", "centre", "fields"),
    [
        ("forms", "doctor", None, ["role"]),
        ("forms", "centre", None, ["centre"]),
        ("forms", "ehr", "", ["centre"]),
        ("  ", "king", None, ["name", "role"]),
    ],
)
def test_a_client_that_could_not_be_guarded_is_refused(store, noon, name, role, centre, fields):
    with store.transaction() as tx, pytest.raises(Invalid) as caught:
        tx.clients.add(name, role, centre, noon)
    assert [fault.path for fault in caught.value.faults] == fields


def test_a_hospitals_patient_of_a_course(store):
    with store.transaction() as tx:
        assert tx.links.get("chu-a", "course") is None
        tx.links.put("chu-a", "course", "Patient/1")
        tx.links.put("chu-b", "course", "Patient/9")
        tx.links.put("chu-a", "course", "Patient/2")
        assert tx.links.get("chu-a", "course") == "Patient/2"
        assert tx.links.get("chu-b", "course") == "Patient/9"


def test_the_audit_tells_who_did_what_in_order(store, noon):
    later = noon + timedelta(hours=1)
    with store.transaction() as tx:
        tx.audit.add(at=noon, who="forms", action="record", target="f1", centre="FR-037")
        tx.audit.add(at=noon, who="forms", action="record", target="f2", centre="FR-037")
        tx.audit.add(at=later, who="forms", action="retract", target="f1", centre="FR-037", detail="wrong patient")
    with store.reading() as tx:
        assert tx.audit.of("f1") == [
            Deed(noon, "forms", "record", "f1", "FR-037", None),
            Deed(later, "forms", "retract", "f1", "FR-037", "wrong patient"),
        ]


def test_postgresql_holds_a_course_by_an_advisory_lock(store):
    """SQLite has one writer at a time; there `hold` asks the database nothing."""
    with store.transaction() as tx:
        tx.hold("course")
        asked = []
        tx._connection = _PostgresqlStandIn(asked)
        tx.hold("course")
        tx.hold("course")
        tx.hold("another")
    assert all("pg_advisory_xact_lock" in sql for sql, _ in asked)
    first, again, other = (number for _, number in asked)
    assert first == again != other
    assert -(2**63) <= first < 2**63


class _PostgresqlStandIn:
    dialect = postgresql.dialect()

    def __init__(self, asked):
        self._asked = asked

    def execute(self, statement):
        compiled = statement.compile()
        self._asked.append((str(compiled), *compiled.params.values()))


def test_an_instant_comes_back_in_utc_whatever_the_database_says(noon):
    """PostgreSQL gives instants in the zone of its session."""
    paris = noon.astimezone(timezone(timedelta(hours=2)))
    assert columns.Instant().process_result_value(paris, None).utcoffset() == timedelta(0)
    assert columns.Instant().process_result_value(paris, None) == noon


def test_instants_from_any_zone_are_one_moment(store, noon):
    paris = noon.astimezone(timezone(timedelta(hours=2)))
    with store.transaction() as tx:
        tx.audit.add(at=paris, who="x", action="y", target="z", centre=None)
        kept = tx._connection.execute(text("SELECT at FROM audit")).scalar()
        assert kept in ("2026-09-03 12:00:00.000000", noon)
        assert tx.audit.of("z")[0].at == noon
