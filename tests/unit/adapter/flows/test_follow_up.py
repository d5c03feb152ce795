"""A centre hands in visits, corrects them, takes them back, and asks what became of them."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from itertools import count, pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import exc

from adapter.errors import Invalid, NotAllowed, NotFound
from adapter.flows import course
from adapter.hospital.references import local_targets
from adapter.store.clients import Client
from adapter.store.delivery import Said
from mappings.intake import schema
from mappings.outcomes import map_course
from mappings.outcomes.retract import standing
from mappings.r4.faults import FaultyInput
from mappings.r4.wire import content_hash
from tests.lib.centre import M1, M3, OTHERS, OURS, SETTINGS, Ward, document
from tests.lib.databases import refuse_inserts

NUMBERS = count(1)


@pytest.fixture
def others(ward):
    return Ward(ward.store, sender=Client("formulaires", "centre", OTHERS))


def test_a_visit_becomes_resources_of_the_patient(enrolled):
    receipt = enrolled.visit(M1)
    cd4 = enrolled.one("cd4/2026-04-01")
    assert (receipt.version, receipt.created, receipt.changed) == (1, True, True)
    assert cd4.reference in receipt.resources
    assert str(cd4.content["valueQuantity"]["value"]) == "120.50"
    assert cd4.content["subject"]["reference"] == enrolled.stored("Patient")[0].reference


def test_what_changed_is_queued_behind_the_enrolment(enrolled):
    receipt = enrolled.visit(M1)
    first, second = enrolled.queued()
    assert (second.destination, second.course, second.source) == ("chu-a", first.course, "FR-037/SYN-0001/m1")
    assert {f"{one['resourceType']}/{one['id']}" for one in second.content} == set(receipt.resources)


def test_drugs_and_doses_go_to_the_hospital_behind_what_they_could_point_to(enrolled):
    drug = {"drug": "ciclosporin", "started": "2026-03-08"}
    dose = {"action": "thiotepa", "day": "D-13", "date": "2026-02-17"}
    enrolled.visit(M1, immunosuppression={"drugs": [drug]}, administrations=[dose])
    sent = [one["resourceType"] for one in enrolled.queued()[-1].content]
    assert sent == sorted(sent, key=course.DELIVERED.index)
    assert {"MedicationStatement", "MedicationAdministration"} < set(sent)
    orders = {one.reference for one in enrolled.stored("MedicationRequest")}
    assert orders
    assert not orders & {f"{kind}/{id_}" for one in enrolled.queued()[-1].content for kind, id_ in local_targets(one)}


def test_the_same_visit_again_writes_nothing(enrolled):
    first = enrolled.visit(M1)
    before = enrolled.rows()
    second = enrolled.visit(M1)
    assert enrolled.rows() == before
    assert (second.id, second.version, second.resources) == (first.id, first.version, first.resources)
    assert (second.created, second.changed) == (False, False)


def test_a_corrected_visit_is_a_new_version_that_touches_only_what_changed(enrolled):
    first = enrolled.visit(M1)
    before = enrolled.versions()
    corrected = document(M1)["immune_reconstitution"] | {"cd4": {"value": 130, "unit": "/uL"}}
    second = enrolled.visit(M1, immune_reconstitution=corrected)
    cd4 = enrolled.one("cd4/2026-04-01")
    assert (second.id, second.version, second.created) == (first.id, 2, False)
    assert enrolled.versions() == before | {cd4.reference: 2}
    assert [one["id"] for one in enrolled.queued()[-1].content] == [cd4.id]


def test_what_a_correction_no_longer_says_becomes_entered_in_error(enrolled):
    enrolled.visit(M1)
    enrolled.visit(M1, immune_reconstitution=None)
    cd4 = enrolled.one("cd4/2026-04-01")
    assert cd4.content["status"] == "entered-in-error"
    assert [one["id"] for one in enrolled.queued()[-1].content] == [cd4.id]


def test_a_retracted_visit_never_vanishes(enrolled):
    receipt = enrolled.visit(M3)
    back = enrolled.retract(receipt.id, "form of another patient")
    assert (back.version, back.created, back.changed) == (2, False, True)
    assert back.resources == receipt.resources
    gone = [one for one in enrolled.stored() if one.reference in receipt.resources]
    assert {standing(one.content) for one in gone} == {"entered-in-error"}
    sent = {f"{one['resourceType']}/{one['id']}" for one in enrolled.queued()[-1].content}
    assert sent == set(receipt.resources)


def test_retracting_again_writes_nothing(enrolled):
    receipt = enrolled.visit(M1)
    enrolled.retract(receipt.id)
    before = enrolled.rows()
    again = enrolled.retract(receipt.id, "another reason")
    assert (again.version, again.changed) == (2, False)
    assert enrolled.rows() == before


def test_a_retracted_visit_can_be_handed_in_again(enrolled):
    receipt = enrolled.visit(M1)
    enrolled.retract(receipt.id)
    assert enrolled.visit(M1).version == 3
    assert enrolled.one("cd4/2026-04-01").content["status"] == "final"


def test_what_another_visit_still_says_holds(enrolled):
    episode = document(M3)["gvhd"]
    enrolled.visit(M3)
    later = enrolled.visit(M3, visit="m6", date="2026-09-02", gvhd=episode | {"assessed": "2026-09-02"})
    enrolled.retract(later.id)
    assert standing(enrolled.one("acute-gvhd/2026-04-20").content) != "entered-in-error"
    assert enrolled.one("gvhd-assessment/2026-09-02").content["status"] == "entered-in-error"


def test_death_is_taken_back_with_the_visit_that_told_it(enrolled):
    dead = {"status": "dead", "date": "2026-04-02", "cause": "infection"}
    receipt = enrolled.visit(M1, vital_status=dead)
    assert enrolled.stored("Patient")[0].content["deceasedDateTime"] == "2026-04-02"
    enrolled.retract(receipt.id)
    assert "deceasedDateTime" not in enrolled.stored("Patient")[0].content


def test_the_regimen_is_not_touched_by_visits(enrolled):
    before = {reference: n for reference, n in enrolled.versions().items() if reference.startswith("MedicationRequest")}
    enrolled.retract(enrolled.visit(M1).id)
    assert enrolled.versions().items() >= before.items()


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_retraction_says_why(enrolled, reason):
    receipt = enrolled.visit(M1)
    with pytest.raises(Invalid) as caught:
        enrolled.retract(receipt.id, reason)
    assert [fault.path for fault in caught.value.faults] == ["reason"]
    assert enrolled.state(receipt.id)["status"] == "recorded"


def test_unscheduled_visits_are_told_apart_by_their_date(enrolled):
    only = {"visit": "unscheduled", "engraftment": None, "immune_reconstitution": None}
    first = enrolled.visit(M1, **only, date="2026-05-02")
    second = enrolled.visit(M1, **only, date="2026-05-03")
    again = enrolled.visit(M1, **only, date="2026-05-03")
    assert len({first.id, second.id}) == 2
    assert again.id == second.id


def test_a_patient_who_is_not_enrolled_is_unknown(enrolled):
    before = enrolled.rows()
    with pytest.raises(NotFound):
        enrolled.visit(M1, patient="SYN-0002")
    assert enrolled.rows() == before


def test_a_centre_reports_for_itself_only(enrolled, others):
    before = enrolled.rows()
    with pytest.raises(NotAllowed):
        others.visit(M1)
    assert enrolled.rows() == before


def test_another_centres_patient_is_as_unknown_as_nobody(enrolled, others):
    said = []
    for patient in ("SYN-0001", "SYN-9999"):
        with pytest.raises(NotFound) as caught:
            others.visit(M1, centre=OTHERS, patient=patient)
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_another_centres_visit_is_as_unknown_as_none(enrolled, others):
    receipt = enrolled.visit(M1)
    before = enrolled.rows()
    said = []
    for id_ in (receipt.id, "nobody"):
        for ask in (others.state, others.retract):
            with pytest.raises(NotFound) as caught:
                ask(id_)
            said.append(str(caught.value))
    assert len(set(said)) == 1
    assert enrolled.rows() == before


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"shoe_size": 42}, "shoe_size"),
        ({"date": "1960-01-01", "engraftment": None, "immune_reconstitution": None, "vital_status": None}, "date"),
        ({"protocol": "another-trial"}, "protocol"),
        ({"gvhd": {"assessed": "2026-04-02", "acute": [{"onset": "2026-03-20", "grade": "I", "skin": 4}]}}, "gvhd"),
    ],
)
def test_faults_are_named_and_nothing_is_stored(enrolled, changes, path):
    before = enrolled.rows()
    with pytest.raises(Invalid) as caught:
        enrolled.visit(M1, **changes)
    assert [fault for fault in caught.value.faults if fault.path.startswith(path)]
    assert enrolled.rows() == before


def test_a_day_that_has_not_come_is_refused(enrolled):
    with pytest.raises(Invalid):
        enrolled.visit(M1, date="2026-11-05")


def test_all_or_nothing(enrolled):
    refuse_inserts(enrolled.store, "outbox")
    before = enrolled.rows()
    with pytest.raises(exc.IntegrityError, match="broken"):
        enrolled.visit(M1)
    assert enrolled.rows() == before


def test_what_would_not_be_r4_is_not_stored(enrolled, monkeypatch):
    def refuse(resource):
        raise FaultyInput([])

    monkeypatch.setattr(course, "require_valid", refuse)
    before = enrolled.rows()
    with pytest.raises(Invalid):
        enrolled.visit(M1)
    assert enrolled.rows() == before


def test_what_became_of_a_visit(enrolled):
    receipt = enrolled.visit(M1)
    state = enrolled.state(receipt.id)
    assert (state["status"], state["version"], state["reason"]) == ("recorded", 1, None)
    assert (state["centre"], state["patient"], state["visit"], state["date"]) == (OURS, "SYN-0001", "m1", "2026-04-02")
    assert {one["reference"] for one in state["resources"]} == set(receipt.resources)
    assert {one["status"] for one in state["resources"]} == {"final"}
    (delivery,) = state["deliveries"]
    assert (delivery["destination"], delivery["state"], delivery["attempts"]) == ("chu-a", "waiting", 0)


def test_a_failed_delivery_shows_its_error(enrolled):
    receipt = enrolled.visit(M1)
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "invalid"}]}
    with enrolled.store.transaction() as tx:
        first, second = tx.outbox.listing()
        for _ in range(2):
            tx.outbox.lease("w", at=enrolled.now, lease_seconds=60)
            tx.outbox.delivered(first.id, "w", enrolled.now)
        tx.outbox.park(second.id, "w", Said("422: unknown code", 422, outcome))
    (told,) = enrolled.state(receipt.id)["deliveries"]
    assert [told[key] for key in ("state", "status", "error", "outcome")] == [
        "parked",
        422,
        "422: unknown code",
        outcome,
    ]


def test_a_retracted_visit_tells_its_reason(enrolled):
    receipt = enrolled.visit(M1)
    enrolled.retract(receipt.id, "form of another patient")
    state = enrolled.state(receipt.id)
    assert (state["status"], state["reason"], state["version"]) == ("retracted", "form of another patient", 2)
    assert {one["status"] for one in state["resources"]} == {"entered-in-error"}


def test_the_audit_names_who_recorded_and_who_retracted(enrolled):
    receipt = enrolled.visit(M1)
    enrolled.retract(receipt.id, "form of another patient")
    with enrolled.store.reading() as tx:
        deeds = [(deed.who, deed.action, deed.detail) for deed in tx.audit.of(receipt.id)]
    assert deeds == [("forms", "record", None), ("forms", "retract", "form of another patient")]


BLANK = {"engraftment": None, "immune_reconstitution": None, "vital_status": None}
PANEL = {"date": "2026-04-01", "cd4": {"value": 99, "unit": "/uL"}, "nk": {"value": 7, "unit": "/uL"}}
EPISODE = {"onset": "2026-04-20", "grade": "I", "skin": 1, "resolved": "2026-05-15"}
DRUG = {"drug": "ciclosporin", "started": "2026-03-08"}
MORE = {
    "immunosuppression": {"assessed": "2026-06-02", "drugs": [DRUG | {"stopped": "2026-05-31"}]},
    "infections": [{"onset": "2026-04-10", "kind": "viral", "agent": "cmv"}],
    "dli": [{"number": 1, "date": "2026-05-20", "cd3_per_kg": {"value": 1, "unit": "10*6/kg"}}],
    "relapse": {"date": "2026-05-30", "kind": "haematological"},
}
DEEDS = {
    "m1": (M1, {}),
    "m1 corrected": (M1, {"immune_reconstitution": PANEL}),
    "m1 blank": (M1, BLANK),
    "m1 dead": (M1, {"vital_status": {"status": "dead", "date": "2026-04-01"}}),
    "m1 drug": (
        M1,
        {"immunosuppression": {"drugs": [DRUG]}, "administrations": [{"action": "atg", "date": "2026-02-27"}]},
    ),
    "m3": (M3, {}),
    "m3 more": (M3, MORE),
    "m3 resolved": (M3, {"gvhd": {"assessed": "2026-06-02", "acute": [EPISODE]}}),
    "m3 panel of m1": (M3, {"immune_reconstitution": PANEL}),
}


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.sampled_from([*DEEDS, "retract m1", "retract m3", "enrol again", "enrol without disease"]), max_size=8)
)
def test_whatever_is_said_and_taken_back_the_store_and_the_hospital_agree(ward, deeds):
    """The newest versions are what the documents say now; whatever else was ever said is entered-in-error; histories
    have no gaps and no repetitions; and a hospital that takes every row in order ends with the same resources."""
    patient = f"SYN-{next(NUMBERS):04}"
    ward.enrol(patient=patient)
    visits: dict[str, str] = {}
    for deed in deeds:
        if deed in DEEDS:
            source, changes = DEEDS[deed]
            visits[deed[:2]] = ward.visit(source, patient=patient, **changes).id
        elif deed == "enrol again":
            ward.enrol(patient=patient)
        elif deed == "enrol without disease":
            ward.enrol(patient=patient, disease=None)
        elif visit := visits.get(deed.removeprefix("retract ")):
            ward.retract(visit)
    _agree(ward, patient)


def _agree(ward, patient):
    with ward.store.reading() as tx:
        submitted = tx.enrolments.of(OURS, patient)
        facts = schema.enrolment(submitted.content, date(2026, 11, 4))
        said = [schema.follow_up(one.content, date(2026, 11, 4)) for one in tx.follow_ups.of_course(submitted.course)]
        holds = {one.resource["id"]: one for one in map_course(facts, said, course.ids_of(facts, SETTINGS))}
        beside = [one for key in ("regimen", "origin") for one in tx.resources.from_source(submitted.course, key)]
        regimen = {one.reference for one in beside}
        stored = [one for one in tx.resources.of_course(submitted.course) if one.reference not in regimen]
        histories = [tx.resources.history(one.kind, one.id) for one in stored]
        rows = [row for row in tx.outbox.listing() if row.course == submitted.course]
        assert {one.id for one in stored} >= holds.keys()
        for one in stored:
            if one.id in holds:
                assert content_hash(one.content) == content_hash(holds[one.id].resource)
                assert set(tx.resources.sources_of(one.kind, one.id)) == set(holds[one.id].sources)
            else:
                assert standing(one.content) == "entered-in-error"
    for history in histories:
        assert [one.version for one in history] == list(range(len(history), 0, -1))
        assert all(content_hash(a.content) != content_hash(b.content) for a, b in pairwise(history))
    hospital = defaultdict(str, {r["id"]: content_hash(r) for row in rows for r in row.content})
    delivered = [one for one in stored if one.kind in course.DELIVERED]
    assert {one.id: content_hash(one.content) for one in delivered} == hospital
