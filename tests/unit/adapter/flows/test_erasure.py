"""A patient is erased: nothing of them is in any table, registries are told, and the audit says who did it and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import insert, select

from adapter.config import Registry
from adapter.errors import Conflict, Invalid, NotFound
from adapter.flows.delivery import Post
from adapter.flows.erasure import erase
from adapter.flows.push import Submission, push
from adapter.flows.registry import whole
from adapter.hospital.client import HospitalClient
from adapter.hospital.sandbox import Sandbox
from adapter.store import Store
from adapter.store.erased import ERASED
from adapter.store.inbound_schema import hospital_copies
from adapter.store.schema import metadata
from mappings.r4.wire import encode
from tests.lib.centre import M1, M3, OURS, SETTINGS, Ward
from tests.unit.mappings.registry.patients import KEY

NAME = "national"
SECRET = "271057512345678"


@pytest.fixture
def ward(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/engraft.sqlite")
    store.migrate()
    settings = replace(SETTINGS, registries={NAME: Registry(NAME, "http://127.0.0.1:9/fhir")})
    made = Ward(store, settings)
    made.enrol(identifiers=[{"system": "urn:oid:1.2.250.1.213.1.4.8", "value": SECRET}])
    made.visit(M1)
    made.visit(M3)
    yield made
    store.close()


def everything(store):
    """All that is in the database, but for the audit, as text."""
    with store._connected(writes=False) as connection:
        rows = [
            (table.name, [encode(value).decode() if isinstance(value, dict | list) else str(value) for value in row])
            for table in metadata.sorted_tables
            if table.name != "audit"
            for row in connection.execute(select(table))
        ]
    return "\n".join(str(row) for row in rows)


def erased(ward, patient="SYN-0001", reason="request of 3 May"):
    ward.now += timedelta(minutes=1)
    return erase(OURS, patient, reason, store=ward.store, settings=ward.settings, now=ward.now, who="operator")


def pushed(ward):
    def outcomes(resources, _):
        made = whole(resources, KEY, date(2026, 11, 3))
        return Submission([made] if made else ())

    return push(ward.store, NAME, outcomes, ward.now, who="operator")


def deliver(ward, registry):
    client = HospitalClient(NAME, registry.base_url, None, timeout=(2, 5), pause=lambda _: None)
    try:
        return Post(ward.store, lambda: ward.now, lambda: 0.5).work(NAME, lambda _: client, "w")
    finally:
        client.close()


def test_nothing_of_the_patient_is_left(ward):
    ward.enrol(patient="SYN-0002")
    before = everything(ward.store)
    assert SECRET in before
    (id_,) = [one.id for one in ward.stored("Patient") if SECRET in str(one.content)]
    done = erased(ward)
    assert done.resources > 10
    after = everything(ward.store)
    assert [word for word in (SECRET, "SYN-0001", id_) if word in after] == []
    assert "SYN-0002" in after
    assert len(ward.stored("Patient")) == 1


def test_what_was_read_from_the_hospital_goes_too(ward):
    copy = {"hospital": "chu-a", "kind": "Observation", "gone": False, "at": ward.now, "content": {"id": "theirs"}}
    (patient,) = ward.stored("Patient")
    with ward.store.transaction() as tx:
        tx.links.put("chu-a", patient.course, "Patient/theirs")
        for id_, whose in (("a", "Patient/theirs"), ("b", "theirs"), ("c", "Patient/of-somebody-else")):
            tx._connection.execute(insert(hospital_copies).values(**copy, id=id_, patient=whose))
    erased(ward)
    with ward.store.reading() as tx:
        assert list(tx._connection.scalars(select(hospital_copies.c.id))) == ["c"]


def test_what_the_hospital_told_of_the_patient_goes_and_of_nobody_else(ward):
    copy = {"hospital": "chu-a", "kind": "Observation", "gone": False, "at": ward.now, "content": {"id": "theirs"}}
    (patient,) = ward.stored("Patient")
    told = [
        *(("chu-a", "Patient", "7"), ("chu-a", "Observation", "12"), ("chu-a", "Patient", patient.id)),
        *(("chu-b", "Patient", "7"), ("chu-b", "Observation", "12"), ("chu-a", "Observation", "7")),
    ]
    with ward.store.transaction() as tx:
        tx.links.put("chu-a", patient.course, "Patient/7")
        tx._connection.execute(insert(hospital_copies).values(**copy, id="12", patient="Patient/7"))
        for hospital, kind, id_ in told:
            tx.inbox.add(hospital, "PUT", kind, id_, {}, b"{}", ward.now)
    erased(ward)
    with ward.store.reading() as tx:
        assert [(one.hospital, one.kind, one.resource_id) for one in tx.inbox.listing()] == told[3:]


def test_what_the_hospital_told_before_anything_was_sent_there_goes_too(ward):
    """By the Patient that the enrolment names, and by the reference in what was not read yet."""
    ward.enrol(hospital_patient="Patient/7")
    told = {
        "by its address": ("chu-a", "Patient", "7", b"{}"),
        "by its subject": ("chu-a", "Observation", "12", b'{"subject":{"reference":"Patient/7"}}'),
        "escaped": ("chu-a", "Observation", "13", b'{"subject":{"reference":"http:\\/\\/h\\/Patient\\/7"}}'),
        "a Bundle": ("chu-a", None, None, b'{"entry":[{"fullUrl":"http://h/Patient/7/_history/2"}]}'),
        "another's": ("chu-a", "Observation", "14", b'{"subject":{"reference":"Patient/70"}}'),
        "another's still": ("chu-a", "Observation", "15", b'{"subject":{"reference":"Patient/7-1"}}'),
        "another hospital's": ("chu-b", "Observation", "12", b'{"subject":{"reference":"Patient/7"}}'),
    }
    with ward.store.transaction() as tx:
        for hospital, kind, id_, body in told.values():
            tx.inbox.add(hospital, "PUT", kind, id_, {}, body, ward.now)
    erased(ward)
    with ward.store.reading() as tx:
        left = {(one.hospital, one.kind, one.resource_id) for one in tx.inbox.listing()}
    assert {name for name, said in told.items() if said[:3] in left} == {name for name in told if "another" in name}


def test_what_stays_is_who_did_what(ward):
    done = erased(ward)
    with ward.store.reading() as tx:
        (deed,) = tx.audit.of(done.course)
        assert len(tx.audit.listing()) > 3
    assert (deed.who, deed.action, deed.centre) == ("operator", "erase", OURS)
    assert deed.detail == f"request of 3 May; {done.resources} resources; registries told: none"


def test_registries_are_told(ward):
    with Sandbox() as registry:
        pushed(ward)
        assert deliver(ward, registry) == {"delivered": 1}
        assert any("valueQuantity" in one for one in registry.all("Observation"))
        assert erased(ward).retractions == (NAME,)
        assert deliver(ward, registry) == {"delivered": 1}
        assert all(one["status"] == "entered-in-error" for one in registry.all("Observation"))
        assert not any("valueQuantity" in one for one in registry.all("Observation"))


def test_what_registries_were_told_goes_when_they_were_told(ward):
    """Else our name of the course, which can be computed, would stand beside the registry's."""
    with Sandbox() as registry:
        pushed(ward)
        deliver(ward, registry)
        erased(ward)
        with ward.store.reading() as tx:
            assert any(row.content for row in tx.outbox.listing(destination=NAME))
        assert deliver(ward, registry) == {"delivered": 1}
        with ward.store.reading() as tx:
            rows = tx.outbox.listing(destination=NAME)
        assert {(row.state, len(row.content), row.error) for row in rows} == {("delivered", 0, ERASED)}
        ward.enrol()
        pushed(ward)
        assert deliver(ward, registry) == {"delivered": 1}
        assert {one.get("active", True) for one in registry.all("Patient")} == {True}


def test_deliveries_stay_on_record_without_their_content(ward):
    pushed(ward)
    erased(ward)
    with ward.store.reading() as tx:
        rows = tx.outbox.listing()
    assert rows
    assert {(row.state, len(row.content)) for row in rows} == {("discarded", 0)}


def test_not_while_something_is_being_sent(ward):
    with ward.store.transaction() as tx:
        assert tx.outbox.lease("w", at=ward.now, lease_seconds=60)
    before = everything(ward.store)
    with pytest.raises(Conflict, match="being sent"):
        erased(ward)
    assert everything(ward.store) == before


def test_the_patient_and_a_reason_are_needed(ward):
    with pytest.raises(NotFound):
        erased(ward, patient="SYN-0009")
    with pytest.raises(Invalid, match="reason"):
        erased(ward, reason=" ")


def test_who_was_erased_can_be_enrolled_again(ward):
    erased(ward)
    assert ward.enrol().created
