"""An EHR written with fhirclient pulls a patient's plan: its R4 models, its searches and its paging, as they are."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from fhirclient.client import FHIRClient
from fhirclient.models.careplan import CarePlan
from fhirclient.models.goal import Goal
from fhirclient.models.medicationrequest import MedicationRequest
from fhirclient.models.patient import Patient
from fhirclient.models.plandefinition import PlanDefinition
from fhirclient.models.servicerequest import ServiceRequest
from fhirclient.server import FHIRNotFoundException, FHIRPermissionDeniedException

from tests.lib.forms import ENROLMENT
from tests.lib.serving import serving

ORDERS = {"MedicationRequest", "ServiceRequest", "Task", "RequestGroup"}
"""Of the SET protocol: drug days, the graft with visits and assays, rest and tapers, and how they hang together."""


@pytest.fixture(scope="module")
def engraft(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("engraft")) as served:
        yield served


@pytest.fixture(scope="module")
def patient(engraft):
    return engraft.enrol(ENROLMENT)["Patient"]


def connect(engraft, token):
    client = FHIRClient(settings={"app_id": "ehr", "api_base": engraft.base_url})
    client.server.session.headers["Authorization"] = f"Bearer {token}"
    assert client.prepare()
    return client.server


@pytest.fixture
def server(engraft):
    server = connect(engraft, engraft.token)
    yield server
    server.session.close()


def kinds(resources):
    found = [one.resource_type for one in resources]
    return {kind: found.count(kind) for kind in found}


def test_it_knows_what_is_served(server):
    (rest,) = server.capabilityStatement.rest
    served = {one.type: {parameter.name for parameter in one.searchParam or ()} for one in rest.resource}
    assert {"patient", "date", "activity-reference"} <= served["CarePlan"]


def test_one_search_brings_the_plan_with_every_order(server, patient):
    asked = CarePlan.where({"patient": patient, "_include": "CarePlan:activity-reference"})
    plan, *orders = asked.perform_resources_iter(server)
    assert (plan.status, plan.intent, plan.subject.reference) == ("draft", "plan", f"Patient/{patient}")
    assert set(kinds(orders)) == ORDERS
    assert len(orders) > 30
    named = [activity.reference.reference for activity in plan.activity]
    assert named == [order.relativePath() for order in orders]


def test_its_own_includes_bring_goals(server, patient):
    found = list(CarePlan.where({"patient": patient}).include("goal").perform_resources_iter(server))
    assert kinds(found) == {"CarePlan": 1, "Goal": 1}
    back = list(Patient.where({"_id": patient}).include("subject", Goal, reverse=True).perform_resources_iter(server))
    assert kinds(back) == {"Patient": 1, "Goal": 1}


def test_every_page_is_followed_to_the_last(server, patient):
    asked = MedicationRequest.where({"patient": patient, "_count": "5", "_sort": "date"})
    orders = list(asked.perform_resources_iter(server))
    (plan,) = CarePlan.where({"patient": patient}).perform_resources_iter(server)
    planned = {activity.reference.reference for activity in plan.activity}
    pulled = [order.relativePath() for order in orders]
    assert sorted(pulled) == sorted(one for one in planned if one.startswith("MedicationRequest/"))
    assert len(pulled) > 15
    days = [order.dosageInstruction[0].timing.event for order in orders]
    first = [event[0].isostring[:10] for event in days if event]
    assert first == sorted(first)
    assert first[0] == "2026-02-17"


def test_what_is_due_on_a_day_is_found(server, patient):
    due = MedicationRequest.where({"patient": patient, "date": "2026-02-17", "status": "draft,active"})
    (order,) = due.perform_resources_iter(server)
    dose = order.dosageInstruction[0].doseAndRate[1].doseQuantity
    assert (order.medicationCodeableConcept.text, dose.value, dose.unit) == ("Thiotepa", 350, "mg")
    visits = ServiceRequest.where({"patient": patient, "occurrence": {"$and": ["ge2026-03-02", "le2026-03-02"]}})
    assert [one.code.coding[0].code for one in visits.perform_resources_iter(server)] == ["haplo-hsct"]


def test_a_reference_of_the_plan_is_resolved_and_its_protocol_found(server, patient):
    (plan,) = CarePlan.where({"patient": patient}).perform_resources_iter(server)
    order = plan.activity[1].reference.resolved(MedicationRequest)
    assert order.subject.reference == f"Patient/{patient}"
    url, _, version = plan.instantiatesCanonical[0].partition("|")
    (protocol,) = PlanDefinition.where({"url": url, "version": version}).perform_resources_iter(server)
    assert protocol.id == "set-haplo-pdli"


def test_another_centres_ehr_sees_nothing_of_it(engraft, server, patient):
    stranger = connect(engraft, engraft.others)
    try:
        assert list(CarePlan.where({"patient": patient}).perform_resources_iter(stranger)) == []
        with pytest.raises(FHIRNotFoundException):
            Patient.read(patient, stranger)
    finally:
        stranger.session.close()
    assert Patient.read(patient, server).gender == "female"


def test_who_only_sends_notifications_reads_no_patient(engraft, patient):
    with engraft.store.transaction() as tx:
        token = tx.clients.add("chu-a", "hospital", None, datetime(2026, 9, 3, tzinfo=UTC))
    hospital = connect(engraft, token)
    try:
        with pytest.raises(FHIRPermissionDeniedException):
            Patient.read(patient, hospital)
    finally:
        hospital.session.close()
