"""Pushed resources beside forms: one item, later words, nothing half-stored, the same to gates and endpoints."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from adapter.errors import Conflict, Invalid, NotAllowed
from adapter.flows import endpoints, gates, pushed
from adapter.flows.pushed import Change
from adapter.store import Store
from adapter.store.clients import Client
from mappings.r4.wire import content_hash
from tests.lib.centre import M1, M3, OURS, SETTINGS, Ward
from tests.lib.pushing import SNOMED, amount, anc, code, gvhd, named, observation

ME = {"subject": {"identifier": {"value": "SYN-0001"}}}


@pytest.fixture
def ward(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/engraft.sqlite")
    store.migrate()
    ward = Ward(store)
    ward.enrol()
    yield ward
    store.close()


def push(ward, *resources, sender=None, **more):
    ward.now += timedelta(minutes=1)
    changes = [Change(one["resourceType"], one | ME, **more) for one in resources]
    return pushed.take(changes, sender=sender or ward.sender, store=ward.store, settings=SETTINGS, now=ward.now)


def put(ward, resource):
    return push(ward, resource, target=resource["id"])


def dose(**more):
    given = {"resourceType": "MedicationAdministration", "status": "completed", "effectiveDateTime": "2026-02-17"}
    drug = {"medicationCodeableConcept": code("L01AC01", "http://www.whocc.no/atc")}
    return given | drug | {"dosage": {"dose": amount("350", "mg")}} | more


def test_it_is_queued_for_the_hospital_with_the_senders_identifier(ward):
    before = len(ward.queued())
    (kept,) = push(ward, anc("x", **named("1")))
    rows = ward.queued()[before:]
    sent = [one for row in rows for one in row.content]
    assert [one["id"] for one in sent] == [kept.stored.id]
    assert named("1")["identifier"][0] in sent[0]["identifier"]


def test_an_older_form_does_not_undo_what_was_pushed(ward):
    (kept,) = push(ward, gvhd("x", "agvhd-3"))
    ward.visit(M3)
    episode = ward.one("acute-gvhd/2026-04-20")
    assert episode.reference == kept.stored.reference
    assert episode.content["stage"][0]["summary"]["coding"][0]["code"] == "agvhd-3"
    assert len(ward.stored("Condition")) == 2


def test_what_is_taken_back_stands_where_a_form_tells_it_too(ward):
    put(ward, gvhd("x", "agvhd-3", id="g1"))
    ward.visit(M3)
    wrong = gvhd("x", id="g1", verificationStatus=code("entered-in-error", VER))
    del wrong["clinicalStatus"]
    (gone,) = put(ward, wrong)
    episode = ward.one("acute-gvhd/2026-04-20")
    assert (episode.id, gone.stored.id) == ("g1", "g1")
    assert episode.content["stage"][0]["summary"]["coding"][0]["code"] == "agvhd-2"


VER = "http://terminology.hl7.org/CodeSystem/condition-ver-status"


def test_a_form_that_is_retracted_leaves_what_was_pushed(ward):
    receipt = ward.visit(M3)
    (kept,) = push(ward, gvhd("x", "agvhd-2"))
    ward.retract(receipt.id)
    episode = ward.one("acute-gvhd/2026-04-20")
    assert (episode.id, episode.content["verificationStatus"]["coding"][0]["code"]) == (kept.stored.id, "confirmed")


def test_a_dose_names_its_order_and_stops_the_graft_from_moving(ward):
    (order,) = [one for one in ward.stored("MedicationRequest") if "/thiotepa/D-13" in str(one.content["identifier"])]
    push(ward, dose(request={"reference": f"MedicationRequest/{order.id}"}))
    given = ward.one("administration/thiotepa/2026-02-17")
    assert given.content["request"]["identifier"]["value"].endswith("/thiotepa/D-13")
    with pytest.raises(Conflict, match="doses have been given"):
        ward.enrol(transplant={"date": "2026-03-04", "planned": False})


def test_a_dose_of_nobodys_order_is_told_by_its_drug(ward):
    push(ward, dose(request={"reference": "MedicationRequest/elsewhere"}))
    assert ward.one("administration/thiotepa/2026-02-17").content["status"] == "completed"


def order_named(value):
    return {"identifier": {"system": "https://engraft.example/fhir/sid/request", "value": value}}


def test_a_dose_by_the_order_of_another_patient_is_refused(ward):
    ours = ward.stored("Patient")[0].course
    for value, message in (
        ("11111111-1111-5111-8111-111111111111/busulfan/D-5", "of another course"),
        ("busulfan", "names no order"),
    ):
        with pytest.raises(Invalid, match=message):
            push(ward, dose(request=order_named(value)))
    assert ward.stored("MedicationAdministration") == []
    push(ward, dose(request=order_named(f"{ours}/thiotepa/D-13")))
    assert ward.one("administration/thiotepa/2026-02-17").content["request"] == {
        "type": "MedicationRequest",
        **order_named(f"{ours}/thiotepa/D-13"),
    }


def test_a_reference_to_an_order_of_another_patient_is_none(ward):
    ward.enrol(patient="P-0002")
    (other,) = [
        one
        for one in ward.stored("MedicationRequest")
        if "/busulfan/D-5" in str(one.content["identifier"]) and one.course != ward.stored("Patient")[0].course
    ]
    push(ward, dose(request={"reference": f"MedicationRequest/{other.id}"}))
    assert (
        ward.one("administration/thiotepa/2026-02-17")
        .content["request"]["identifier"]["value"]
        .endswith("/thiotepa/D-13")
    )


def test_gates_and_the_report_see_what_was_pushed(ward):
    push(ward, gvhd("x", "agvhd-3", recordedDate="2026-04-21"))
    course = ward.stored("Patient")[0].course
    told = gates.told(course, on=date(2026, 7, 10), centre=OURS, store=ward.store, settings=SETTINGS, now=ward.now)
    (first,) = [gate for gate in told["gates"] if gate["action"] == "pdli-1"]
    status = {one["criterion"]: one["status"] for one in first["criteria"]}
    assert (status["active-gvhd"], status["worst-acute-gvhd"]) == ("not-met", "not-met")
    patient = ward.stored("Patient")[0].content
    death = {"resourceType": "Patient", "id": patient["id"], "deceasedDateTime": "2026-08-01"}
    pushed.take(
        [Change("Patient", death, target=patient["id"])],
        sender=ward.sender,
        store=ward.store,
        settings=SETTINGS,
        now=ward.now,
    )
    (row,) = endpoints.report_from_store(ward.store, endpoints.Question(endpoints=["os"])).analyses[0].rows
    assert (row.n, row.events) == (1, 1)


def test_an_id_of_a_form_is_no_place_for_another_day(ward):
    ward.visit(M1)
    cd4 = ward.one("cd4/2026-04-01")
    other = observation("x", code("24467-3", "http://loinc.org"), "2026-04-02", valueQuantity=amount("90", "/uL"))
    with pytest.raises(Conflict, match="a follow-up tells of this"):
        put(ward, other | {"id": cd4.id})
    (same,) = put(ward, other | {"id": cd4.id, "effectiveDateTime": "2026-04-01"})
    assert (same.stored.id, str(same.stored.content["valueQuantity"]["value"])) == (cd4.id, "90")


def test_two_ids_are_not_one_item(ward):
    put(ward, anc("x", id="a"))
    put(ward, anc("x", on="2026-03-18", id="b"))
    with pytest.raises(Conflict, match="already kept as Observation/a"):
        put(ward, anc("x", id="b"))


def test_the_days_of_an_unknown_resource_do_not_matter(ward):
    """Nothing but the resource itself tells it from others: it keeps the id that it was given."""
    taken = {
        "resourceType": "MedicationStatement",
        "status": "active",
        "medicationCodeableConcept": code("387467008", SNOMED),
    }
    (first,) = push(ward, taken | named("m1"))
    (again,) = push(ward, taken | named("m1"))
    (other,) = push(ward, taken | named("m2"))
    assert first.stored.id == again.stored.id != other.stored.id


def test_the_same_content_on_a_later_day_is_the_same_word(ward):
    (first,) = push(ward, gvhd("x", "agvhd-2", **named("g")))
    ward.now += timedelta(days=30)
    (again,) = push(ward, gvhd("x", "agvhd-2", **named("g")))
    assert again.stored.version == first.stored.version
    assert content_hash(again.stored.content) == content_hash(first.stored.content)


def test_one_fault_of_many_leaves_nothing(ward):
    before = ward.rows()
    with pytest.raises(Invalid) as refused:
        push(ward, anc("x"), anc("x", on="2026-03-18", status="preliminary"))
    assert [fault.path for fault in refused.value.faults] == ["Observation.status"]
    assert ward.rows() == before


def test_another_centres_id_is_not_free(ward):
    others = Ward(ward.store, sender=Client("others", "centre", "BE-001"))
    others.enrol(centre="BE-001")
    put(ward, anc("x", id="a"))
    with pytest.raises(Conflict, match="not free"):
        put(others, anc("x", id="a"))


def test_who_belongs_to_no_centre_pushes_nothing(ward):
    with pytest.raises(NotAllowed):
        push(ward, anc("x"), sender=Client("nobody", "centre", None))


def test_every_push_has_its_provenance_and_is_noted(ward):
    (kept,) = push(ward, anc("x", **named("1")))
    keys = {one.content["entity"][0]["what"]["identifier"]["value"]: one for one in ward.origins()}
    origin = keys[f"FR-037/SYN-0001/fhir/Observation/{kept.stored.id}"]
    assert {"reference": kept.stored.reference} in origin.content["target"]
    with ward.store.reading() as tx:
        (row,) = tx.pushed.of_course(kept.stored.course)
        assert [(deed.who, deed.action) for deed in tx.audit.of(row.id)] == [("forms", "push")]
