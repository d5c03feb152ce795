"""Outcomes leave as bundles of who agreed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapter.errors import Refused
from adapter.flows.registry import bundles
from adapter.store import Store
from tests.unit.mappings.registry.patients import KEY, M3, course_of, died, enrolled, seen

NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
COHORT = {
    "P-0001": (enrolled("P-0001"), [M3, died("2026-08-15")]),
    "P-0002": (enrolled("P-0002"), [seen("m6", "2026-09-01", "P-0002")]),
    "P-0003": (
        enrolled("P-0003", consent={"status": "active", "registry": False}),
        [seen("m6", "2026-09-09", "P-0003")],
    ),
    "P-0004": (enrolled("P-0004", consent=None, centre="FR-038"), []),
}


def resources_of(patient):
    enrolment, visits = COHORT[patient]
    return course_of(enrolment, *(visit | {"centre": enrolment["centre"]} for visit in visits))


@pytest.fixture
def store(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/engraft.sqlite")
    store.migrate()
    with store.transaction() as tx:
        for patient in COHORT:
            for resource in resources_of(patient):
                tx.resources.put(resource, centre=COHORT[patient][0]["centre"], course=patient, sources=[], at=NOW)
    yield store
    store.close()


def patients(found):
    return [
        entry["resource"]["id"]
        for bundle in found
        for entry in bundle["entry"]
        if entry["request"]["url"].startswith("Patient/")
    ]


def test_every_patient_who_agrees_has_one_bundle(store):
    found = list(bundles(store, KEY, NOW, aside=[]))
    assert len(found) == len(set(patients(found))) == 2
    assert list(bundles(store, KEY, NOW, aside=[])) == found


def test_the_order_of_bundles_does_not_tell_the_order_of_enrolment(store):
    orders = {tuple(len(b["entry"]) for b in bundles(store, bytes([n]) * 16, NOW, aside=[])) for n in range(12)}
    assert len(orders) == 2


def test_one_patient_can_be_asked_for_by_id_identifier_or_number(store):
    identity = next(r["id"] for r in resources_of("P-0002") if r["resourceType"] == "Patient")
    wanted = [identity, f"Patient/{identity}", "P-0002", "FR-037/P-0002"]
    assert len({tuple(patients(bundles(store, KEY, NOW, name, aside=[]))) for name in wanted}) == 1
    assert len(list(bundles(store, KEY, NOW, "P-0002", aside=[]))) == 1
    assert list(bundles(store, KEY, NOW, "P-0003", aside=[])) == []
    assert list(bundles(store, KEY, NOW, "P-9999", aside=[])) == []


def test_a_centre_sees_its_own_bundles_only(store):
    assert len(list(bundles(store, KEY, NOW, aside=[], centres=["FR-037"]))) == 2
    assert list(bundles(store, KEY, NOW, aside=[], centres=["FR-038"])) == []


def test_a_withdrawn_consent_stops_the_bundle(store):
    (consent,) = [r for r in resources_of("P-0002") if r["resourceType"] == "Consent"]
    with store.transaction() as tx:
        tx.resources.put(consent | {"status": "inactive"}, centre="FR-037", course="P-0002", sources=[], at=NOW)
    assert len(list(bundles(store, KEY, NOW, aside=[]))) == 1


def test_a_key_that_could_be_guessed_is_refused(store):
    with pytest.raises(Refused, match="at least 16 bytes"):
        list(bundles(store, b"secret", NOW, aside=[]))
