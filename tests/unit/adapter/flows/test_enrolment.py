"""A centre enrols a patient: what is stored, what is queued, what is refused."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import exc

from adapter.config import Centre, Settings
from adapter.errors import Conflict, Invalid, NotAllowed, NotFound
from adapter.flows import enrolment
from adapter.store.clients import Client
from mappings.registry.deidentify import release
from tests.lib.centre import ENROLMENT, M1, OTHERS, OURS, SETTINGS, Ward, document
from tests.lib.databases import refuse_inserts


@pytest.fixture
def others(ward):
    """The other centre, with no hospital of its own, on the same store."""
    return Ward(ward.store, sender=Client("formulaires", "centre", OTHERS))


def test_an_enrolment_is_acknowledged(ward):
    receipt = ward.enrol()
    assert (receipt.version, receipt.created, receipt.changed) == (1, True, True)
    assert set(receipt.resources) == {one.reference for one in ward.stored()}
    assert receipt.regimen_issues == ()


def test_what_the_centre_said_is_stored_as_fhir(ward):
    ward.enrol()
    items = ward.items()
    assert {"consent", "disease", "transplant", "graft-cd34", "weight/2026-02-10"} <= items.keys()
    assert str(items["graft-cd34"].content["valueQuantity"]["value"]) == "5.10"
    assert {(one.centre, one.course) for one in items.values()} == {(OURS, items["disease"].course)}


def test_the_hospital_gets_facts_but_neither_consent_nor_plan(ward):
    ward.enrol()
    (row,) = ward.queued()
    kinds = [resource["resourceType"] for resource in row.content]
    assert (row.destination, row.state, row.source) == ("chu-a", "waiting", "FR-037/SYN-0001")
    assert kinds[0] == "Patient"
    assert set(kinds) == {"Patient", "Condition", "Procedure", "Observation"}
    assert not any("versionId" in resource["meta"] for resource in row.content)


def test_a_centre_without_a_hospital_keeps_its_resources_here(others):
    others.enrol(centre=OTHERS)
    assert others.stored("Patient")
    assert others.queued() == []


def test_the_same_content_again_writes_nothing(ward):
    first = ward.enrol()
    before = ward.rows()
    second = ward.enrol(sex="female")
    assert ward.rows() == before
    assert (second.id, second.version, second.course) == (first.id, first.version, first.course)
    assert second.resources == first.resources
    assert (second.created, second.changed) == (False, False)


def test_changed_content_is_a_new_version_of_the_same_enrolment(ward):
    first = ward.enrol()
    before = ward.versions()
    second = ward.enrol(sex="male")
    assert (second.id, second.version, second.created) == (first.id, 2, False)
    patient = ward.stored("Patient")[0]
    assert patient.content["gender"] == "male"
    assert ward.versions() == before | {patient.reference: 2}


def test_only_what_changed_is_queued(ward):
    ward.enrol()
    ward.enrol(sex="male")
    kinds = [[resource["resourceType"] for resource in row.content] for row in ward.queued()]
    assert kinds[1] == ["Patient"]


def test_a_change_that_no_hospital_needs_queues_nothing(ward):
    ward.enrol()
    ward.enrol(consent={"status": "inactive", "date": "2026-10-01"})
    assert ward.one("consent").content["status"] == "inactive"
    assert len(ward.queued()) == 1


def test_a_consent_that_nobody_knows_any_more_is_taken_back(ward):
    unknown = {"not_done": "unknown", "note": "form lost"}
    ward.enrol()
    receipt = ward.enrol(consent={"status": unknown, "date": "2026-01-10", "registry": True})
    assert ward.one("consent").content["status"] == "entered-in-error"
    kept = enrolment.state(receipt.id, sender=ward.sender, store=ward.store)["document"]
    assert kept["consent"]["status"] == unknown
    with ward.store.reading() as tx:
        resources = [one.content for one in tx.resources.of_course(receipt.course)]
    assert release(resources, bytes(32), ward.now.date()).resources == ()


def test_what_is_no_longer_said_becomes_entered_in_error(ward):
    ward.enrol()
    ward.enrol(disease=None)
    disease = ward.one("disease").content
    assert disease["verificationStatus"]["coding"][0]["code"] == "entered-in-error"
    assert "clinicalStatus" not in disease  # con-5
    assert ward.one("blasts").content["status"] == "entered-in-error"
    sent = {resource["id"]: resource for resource in ward.queued()[1].content}
    assert disease["id"] in sent
    assert "versionId" not in sent[disease["id"]]["meta"]


def test_what_is_said_again_holds_again(ward):
    ward.enrol()
    ward.enrol(disease=None)
    ward.enrol()
    assert ward.one("blasts").content["status"] == "final"
    assert ward.one("blasts").version == 3


def test_a_hospital_configured_later_gets_the_whole_patient_first(ward):
    alone = replace(SETTINGS, centres={OURS: Centre(OURS, "CHU A")})
    Ward(ward.store, settings=alone).enrol()
    assert ward.queued() == []
    ward.visit(M1)
    kinds = [resource["resourceType"] for resource in ward.queued()[0].content]
    assert kinds[0] == "Patient"
    assert {"Condition", "Procedure"} <= set(kinds)


def test_a_centre_enrols_its_own_patients_only(ward, others):
    ward.enrol()
    before = ward.rows()
    with pytest.raises(NotAllowed) as caught:
        others.enrol()
    assert caught.value.status == 403
    assert ward.rows() == before


def test_two_centres_may_use_the_same_number(ward, others):
    assert ward.enrol().id != others.enrol(centre=OTHERS).id
    assert len(ward.stored("Patient")) == 2


def test_the_operator_speaks_for_every_centre(ward):
    operator = Ward(ward.store, sender=None)
    operator.enrol()
    operator.enrol(centre=OTHERS)
    assert len(ward.stored("Patient")) == 2


def test_a_centre_that_is_not_configured_is_named(ward):
    with pytest.raises(Invalid) as caught:
        Ward(ward.store, sender=None).enrol(centre="XX-999")
    assert [(fault.path, fault.code) for fault in caught.value.faults] == [("centre", "code-invalid")]


def test_without_a_configuration_every_centre_is_known(ward):
    Ward(ward.store, settings=Settings(), sender=None).enrol(centre="XX-999")
    assert len(ward.stored("Patient")) == 1
    assert ward.queued() == []


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"transplant": {"date": "2026-02-30"}}, "transplant.date"),
        ({"birth_date": "2027-01-01"}, "birth_date"),
        ({"shoe_size": 42}, "shoe_size"),
        ({"centre": None}, "centre"),
        ({"protocol": "another-trial"}, "protocol"),
    ],
)
def test_faults_are_named_and_nothing_is_stored(ward, changes, path):
    before = ward.rows()
    with pytest.raises(Invalid) as caught:
        ward.enrol(**changes)
    assert path in [fault.path for fault in caught.value.faults]
    assert ward.rows() == before


@pytest.mark.parametrize("sent", [[], "text", None, 5, {"resourceType": "Patient"}])
def test_what_is_no_enrolment_is_refused(ward, sent):
    with pytest.raises(Invalid):
        enrolment.enrol(sent, **ward._with())


def test_a_correction_that_contradicts_a_visit_names_the_visit(ward):
    ward.enrol()
    ward.visit(M1)
    before = ward.rows()
    with pytest.raises(Invalid) as caught:
        ward.enrol(birth_date="2026-04-15", consent=None, disease=None, measurements=None, transplant=None)
    assert caught.value.faults
    assert all(fault.path.startswith("follow-up m1.") for fault in caught.value.faults)
    assert ward.rows() == before


def test_a_version_that_is_not_the_newest_is_not_replaced(ward):
    ward.enrol()
    assert ward.enrol(sex="male", expected={"expected_version": 1}).version == 2
    with pytest.raises(Conflict, match="at version 2, not at version 1") as caught:
        ward.enrol(expected={"expected_version": 1})
    assert caught.value.status == 412
    assert ward.stored("Patient")[0].content["gender"] == "male"


def test_an_enrolment_that_is_not_there_has_no_version(ward):
    with pytest.raises(Conflict, match="not there"):
        ward.enrol(expected={"expected_version": 1})


def test_a_document_goes_to_its_own_enrolment_only(ward):
    receipt = ward.enrol()
    assert ward.enrol(sex="male", expected={"expected_id": receipt.id}).version == 2
    other = ward.enrol(patient="SYN-0003")
    for patient in ("SYN-0002", "SYN-0003"):  # one that is enrolled nowhere, one that is enrolled elsewhere
        with pytest.raises(Invalid) as refused:
            ward.enrol(patient=patient, sex="male", expected={"expected_id": receipt.id})
        assert [fault.path for fault in refused.value.faults] == ["patient"]
    with pytest.raises(NotFound):
        ward.enrol(expected={"expected_id": other.course})
    assert len(ward.stored("Patient")) == 2


def test_a_patient_is_in_one_protocol(ward, monkeypatch):
    ward.enrol()
    before = ward.rows()
    elsewhere = replace(ward.settings, canonicals=ward.settings.canonicals._replace(base="https://other.example/fhir"))
    with pytest.raises(Conflict, match="another protocol"):
        Ward(ward.store, settings=elsewhere).enrol()
    assert ward.rows() == before


def test_all_or_nothing(ward):
    """The last thing to be written fails: the document, its resources and its audit are not there either."""
    refuse_inserts(ward.store, "outbox")
    before = ward.rows()
    with pytest.raises(exc.IntegrityError, match="broken"):
        ward.enrol()
    assert ward.rows() == before
    assert sum(before.values()) == 0


def test_two_at_once_make_one_version(ward):
    start = threading.Barrier(4)

    def enrol(_: int) -> bool:
        mine = Ward(ward.store)
        start.wait()
        return mine.enrol().created

    with ThreadPoolExecutor(4) as pool:
        created = list(pool.map(enrol, range(4)))
    assert sorted(created) == [False, False, False, True]
    assert ward.rows()["enrolments"] == 1


def test_what_became_of_an_enrolment(ward):
    receipt = ward.enrol()
    state = enrolment.state(receipt.id, sender=ward.sender, store=ward.store)
    assert (state["id"], state["version"], state["status"]) == (receipt.id, 1, "recorded")
    assert state["document"] == document(ENROLMENT)
    assert {one["reference"] for one in state["resources"]} == set(receipt.resources)
    assert {one["status"] for one in state["resources"]} >= {"draft", "proposed", "final", "confirmed", "active"}
    assert [one["state"] for one in state["deliveries"]] == ["waiting"]


@pytest.mark.parametrize("id_", ["nobody", ""])
def test_an_enrolment_that_is_not_there(ward, id_):
    with pytest.raises(NotFound):
        enrolment.state(id_, sender=ward.sender, store=ward.store)


def test_another_centres_enrolment_looks_like_none(ward, others):
    receipt = ward.enrol()
    said = []
    for id_ in (receipt.id, "nobody"):
        with pytest.raises(NotFound) as caught:
            enrolment.state(id_, sender=others.sender, store=others.store)
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_the_audit_names_who_enrolled(ward):
    receipt = ward.enrol()
    Ward(ward.store, sender=None).enrol(sex="male")
    ward.enrol(sex="male")
    with ward.store.reading() as tx:
        deeds = tx.audit.of(receipt.id)
    assert [(deed.who, deed.action, deed.centre) for deed in deeds] == [
        ("forms", "enrol", OURS),
        ("operator", "enrol", OURS),
    ]


@pytest.mark.parametrize(("born", "sound"), [("1850", False), ("1914", False), ("1915", True), ("1850-01-01", False)])
def test_nobody_is_enrolled_who_is_too_old_to_be_true(ward, born, sound):
    """The clock stands in 2026; 110 years are our own limit, and a year may mean its last day."""
    if sound:
        assert ward.enrol(birth_date=born).created
        return
    with pytest.raises(Invalid) as refused:
        ward.enrol(birth_date=born)
    assert [fault.path for fault in refused.value.faults] == ["birth_date"]
    assert ward.stored() == []


def test_a_deployment_sets_the_limit_of_age(ward):
    ward.settings = replace(ward.settings, limits=replace(ward.settings.limits, oldest_years=200))
    assert ward.enrol(birth_date="1850").created
