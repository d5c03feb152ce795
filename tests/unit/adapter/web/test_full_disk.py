"""A full disk and a locked database: told to come back, and nothing half-written. SQLite; synthetic patients only."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from datetime import date, timedelta

import pytest
from sqlalchemy import event

from mappings.r4 import wire
from mappings.r4.wire import decode
from tests.lib.forms import ENROLMENT, FOLLOW_UP

ROOM = (0, 1, 3)
"""Pages that are left on the disk: it gets full at another point of the same transaction."""
MOST = 60
"""Small things that fit into the room which half-filled pages have."""
SESAME = {"Authorization": "Bearer open sesame"}
DEEDS = {
    "an enrolment": lambda n: ("/enrolments", {"document": ENROLMENT | {"patient": f"P-1{n:03}"}}),
    "a corrected enrolment": lambda n: ("/enrolments", {"document": ENROLMENT | {"birth_date": f"{1940 + n}-05-02"}}),
    "a visit": lambda n: ("/follow-ups", {"document": FOLLOW_UP | {"visit": "unscheduled", "date": str(day(n))}}),
    "a corrected visit": lambda n: ("/follow-ups", {"document": FOLLOW_UP | {"date": str(day(n))}}),
    "a notification": lambda n: ("/webhook/chu-a", {"headers": SESAME, "data": wire.encode(observation(n))}),
}


def day(n):
    return date(2026, 6, 3) + timedelta(n)


def observation(n):
    return {"resourceType": "Observation", "id": f"o-{n}", "note": [{"text": "Synthetic. " * 100}]}


@pytest.fixture
def patient(ward):
    """Enrolled, with a visit."""
    assert ward.ask("POST", "/enrolments", document=ENROLMENT).status_code == 201
    assert ward.ask("POST", "/follow-ups", document=FOLLOW_UP).status_code == 202
    return ward


def database(ward):
    return ward.store._engine.url.database


@contextmanager
def under(ward, pragma):
    """Every connection obeys it while the block lasts."""

    def obey(connection, _):
        connection.execute(f"PRAGMA {pragma}")

    ward.store.close()
    event.listen(ward.store._engine, "connect", obey)
    yield
    event.remove(ward.store._engine, "connect", obey)
    ward.store.close()


@contextmanager
def almost_full(ward, pages):
    with closing(sqlite3.connect(database(ward))) as disk:
        disk.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (used,) = disk.execute("PRAGMA page_count").fetchone()
        (free,) = disk.execute("PRAGMA freelist_count").fetchone()
    with under(ward, f"max_page_count={used - free + pages}"):
        yield


def everything(ward):
    """Every row of every table; only who asked for what is noted whatever comes of it."""
    with closing(sqlite3.connect(database(ward))) as disk:
        return [line for line in disk.iterdump() if not line.startswith('INSERT INTO "access')]


def do(ward, deed, number):
    path, sent = DEEDS[deed](number)
    return ward.ask("POST", path, "centre" if "document" in sent else None, **sent)


def told_to_come_back(answer):
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["Retry-After"]) > 0
    assert decode(answer.data)["issue"][0]["code"] == "transient"


@pytest.mark.parametrize("deed", DEEDS)
def test_a_disk_that_gets_full_at_any_point_leaves_nothing_half_written(patient, deed):
    numbers = iter(range(len(ROOM) * MOST))
    for pages in ROOM:
        with almost_full(patient, pages):
            answer = before = None
            while answer is None or answer.status_code < 300:
                before, number = everything(patient), next(numbers)
                answer = do(patient, deed, number)
            told_to_come_back(answer)
            assert everything(patient) == before
        assert do(patient, deed, number).status_code < 300  # there is room again


@pytest.mark.parametrize("deed", DEEDS)
def test_a_database_that_somebody_has_locked_is_waited_for_and_then_told(patient, deed):
    before = everything(patient)
    with closing(sqlite3.connect(database(patient), isolation_level=None)) as other, under(patient, "busy_timeout=20"):
        other.execute("BEGIN IMMEDIATE")
        told_to_come_back(do(patient, deed, 0))
        other.execute("ROLLBACK")
        assert everything(patient) == before
        assert do(patient, deed, 0).status_code < 300


def test_what_was_read_is_still_told_while_nothing_can_be_written(patient):
    with almost_full(patient, 0):
        (enrolled,) = decode(patient.ask("GET", "/fhir/Patient").data)["entry"]
    assert enrolled["resource"]["resourceType"] == "Patient"
