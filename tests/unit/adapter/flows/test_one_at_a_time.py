"""Whoever changes what is known of a patient holds the patient first, so that on PostgreSQL no two do it at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from adapter.config import Centre, Retention
from adapter.flows import changes, erasure, retention, tapers, validation
from adapter.flows.validation import Signer
from adapter.store import Store, lease
from tests.lib.centre import OURS, SETTINGS, Ward

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


@pytest.mark.parametrize(
    "deed", [Ward.enrol, Ward.visit, redose, stop, taper, sign, erase, clear], ids=lambda deed: deed.__name__
)
def test_the_patient_is_held_before_anything_else(ward, held, deed):
    deed(ward)
    assert held[0] == PATIENT
