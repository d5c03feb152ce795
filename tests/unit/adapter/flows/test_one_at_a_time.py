"""Whoever changes what is known of a patient holds the patient first, so that on PostgreSQL no two do it at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import update

from adapter.config import Centre, Retention
from adapter.errors import Conflict
from adapter.flows import changes, erasure, renewal, retention, tapers, validation
from adapter.flows.pushed import Change, Withdrawal, take, take_back
from adapter.flows.validation import Signer
from adapter.store import Store, lease
from adapter.store.resources import Resources
from adapter.store.schema import enrolments
from mappings.intake import schema
from tests.lib.centre import ENROLMENT, OURS, SETTINGS, Ward, document
from tests.lib.pushing import anc

PATIENT = f"{OURS}/SYN-0001"
NAMED = {"reason": "seen on the ward", "confirmed_by": "Dr A. Example"}
WEIGHT = {"value": 66, "unit": "kg", "date": "2026-02-16"}


@pytest.fixture
def ward(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/engraft.sqlite")
    store.migrate()
    centre = Centre(OURS, "CHU A", "chu-a", retention=Retention(1, date(2026, 1, 1)))
    made = Ward(store, replace(SETTINGS, centres=SETTINGS.centres | {OURS: centre}))
    made.enrol()
    yield made
    store.close()


@pytest.fixture
def held(monkeypatch):
    """What is held, in its order."""
    names: list[str] = []
    monkeypatch.setattr(lease, "hold", lambda _, *said: names.extend(said))
    return names


def course(ward):
    return ward.stored("Patient")[0].course


def redose(ward):
    changes.redose(course(ward), {**NAMED, "since": "2026-02-17", "weight": WEIGHT}, **ward._with())


def stop(ward):
    changes.stop(course(ward), {**NAMED, "date": "2026-02-17"}, **ward._with())


def taper(ward):
    said = {**NAMED, "first_day": "2026-04-07", "although_unknown": "no sign of GVHD"}
    tapers.confirm(course(ward), "mycophenolate-taper", said, **ward._with())


def sign(ward):
    how = {name: said for name, said in ward._with().items() if name != "sender"}
    validation.validate(course(ward), Signer("Ada Example", "pharmacist", "client:a"), shown=None, centre=OURS, **how)


def erase(ward):
    how = {name: said for name, said in ward._with().items() if name != "sender"}
    erasure.erase(OURS, "SYN-0001", "asked for", who="operator", **how)


def clear(ward):
    ward.now += timedelta(days=100)
    assert retention.clear(ward.store, ward.settings, ward.now, who="retention").erased


def push(ward):
    take([Change("Observation", anc(f"Patient/{ward.stored('Patient')[0].id}"))], **ward._with())


def anew(ward):
    with ward.store.transaction() as tx:
        renewal.anew(tx, course(ward), ward.settings, ward.now)


@pytest.mark.parametrize("deed", [Ward.visit, redose, push, anew], ids=lambda deed: deed.__name__)
def test_what_somebody_changed_until_then_counts(ward, monkeypatch, deed):
    """On PostgreSQL whoever held the patient before has just written: what was read before that is old."""
    lighter = {"value": 66, "unit": "kg", "date": "2026-02-10"}
    corrected = document(ENROLMENT, measurements={**document(ENROLMENT)["measurements"], "weight": lighter})

    def hold(connection, name, *_):
        if name == PATIENT:
            connection.execute(update(enrolments).values(content=corrected))

    read, seen = schema.enrolment, []
    monkeypatch.setattr(lease, "hold", hold)
    monkeypatch.setattr(schema, "enrolment", lambda said, day: seen.append(said) or read(said, day))
    deed(ward)
    assert seen
    assert all(said == corrected for said in seen)


@pytest.mark.parametrize("withdrawn", [False, True])
def test_a_version_that_was_replaced_until_then_is_not_replaced_again(ward, monkeypatch, withdrawn):
    patient = f"Patient/{ward.stored('Patient')[0].id}"
    (kept,) = take([Change("Observation", anc(patient, id="lab-1"), target="lab-1")], **ward._with())
    later = take_back if withdrawn else take
    asked = (
        Withdrawal("", "Observation", "lab-1", expected=1)
        if withdrawn
        else Change("Observation", anc(patient, "0.9", id="lab-1"), target="lab-1", expected=1)
    )

    def hold(connection, name, *_):
        if name == PATIENT:
            said = {**kept.stored.content, "status": "corrected"}
            Resources(connection).put(said, centre=OURS, course=course_, sources=[], at=ward.now)

    course_ = course(ward)
    monkeypatch.setattr(lease, "hold", hold)
    with pytest.raises(Conflict, match="not at version 1"):
        later([asked], **ward._with(), **({"reason": "typed twice"} if withdrawn else {}))


@pytest.mark.parametrize(
    "deed", [Ward.enrol, Ward.visit, redose, stop, taper, sign, erase, clear], ids=lambda deed: deed.__name__
)
def test_the_patient_is_held_before_anything_else(ward, held, deed):
    deed(ward)
    assert held[0] == PATIENT
