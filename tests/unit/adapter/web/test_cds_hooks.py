"""CDS Hooks 2.0.1 over HTTP: discovery, services, feedback, and whom they are about."""

from __future__ import annotations

import json

import pytest

from mappings.r4.wire import decode
from tests.lib.cds_shapes import DISCOVERY, RESPONSE, misfits
from tests.lib.drafts import dosage, draft, every_day, mass, on
from tests.lib.forms import ENROLMENT, FOLLOW_UP

INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"
NATIONAL = {"system": "urn:oid:1.2.250.1.213.1.4.8", "value": "271"}
PATIENT = {"resourceType": "Patient", "id": "ehr-1", "birthDate": "1971-05-02", "identifier": [NATIONAL]}
WRONG = draft("thiotepa", dosage(mass("300"), on("2026-02-17")), id_="m1")
RIGHT = draft("thiotepa", dosage(mass("350"), on("2026-02-17")), id_="m2")


@pytest.fixture
def enrolled(ward):
    """The patient whom the EHR calls `ehr-1`."""
    answer = ward.ask("POST", "/enrolments", document=ENROLMENT | {"hospital_patient": "Patient/ehr-1"})
    assert answer.status_code == 201
    return ward


def ask(ward, document, service="regimen-standing", who="ehr", **sent):
    return ward.ask("POST", f"/cds-services/{service}", who, document=document, **sent)


def call(hook="patient-view", patient="ehr-1", **more):
    context = {"userId": "Practitioner/1", "patientId": patient, **more.pop("context", {})}
    return {"hook": hook, "hookInstance": INSTANCE, "context": context, **more}


def orders(*requests, hook="order-sign", **more):
    context = {"draftOrders": {"resourceType": "Bundle", "entry": [{"resource": one} for one in requests]}}
    if hook == "order-select":
        context["selections"] = more.pop("selections")
    return call(hook, context=context, **more)


def cards(answer):
    document = decode(answer.data)
    assert answer.status_code == 200, document
    assert misfits(json.loads(answer.data), RESPONSE) == []
    return document["cards"]


def summaries(answer):
    return [card["summary"] for card in cards(answer)]


def issue(answer):
    (found,) = decode(answer.data)["issue"]
    return found


# discovery


def test_anyone_may_discover_the_services_from_any_origin(ward):
    answer = ward.ask("GET", "/cds-services", who=None)
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert misfits(json.loads(answer.data), DISCOVERY) == []
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    preflight = ward.ask("OPTIONS", "/cds-services", who=None, headers={"Origin": "https://ehr.example"})
    assert (preflight.status_code, preflight.headers["Access-Control-Allow-Methods"]) == (200, "GET, OPTIONS")


def test_the_shapes_are_as_strict_as_the_specification():
    card = {"summary": "x" * 140, "indicator": "hard-stop", "source": {}, "suggestions": [], "selectionBehavior": "any"}
    assert len(misfits({"cards": [card]}, RESPONSE)) == 4
    assert misfits({"cards": []}, RESPONSE) == []
    assert misfits({}, RESPONSE) != []
    assert misfits({"services": [{"id": "a", "hook": "x", "description": ""}]}, DISCOVERY) != []


# opening the chart


def test_opening_the_chart_shows_plan_and_due_visits(enrolled):
    shown = cards(ask(enrolled, call()))
    assert [(card["indicator"], card["summary"]) for card in shown] == [
        ("warning", "The plan is a draft: no pharmacist or physician has validated it."),
        ("info", "Prophylactic donor lymphocyte infusion 1: the gate is unknown on 2026-09-03 (D+185)."),
        ("info", "Follow-up not told yet: Visit at 1 month, Visit at 3 months, Visit at 6 months."),
    ]
    assert all(card["source"] == {"label": "Engraft (set-haplo-pdli)"} for card in shown)


def test_an_outcome_that_arrived_is_seen_at_once(enrolled):
    enrolled.ask("POST", "/follow-ups", document=FOLLOW_UP)
    assert any("the gate is not met" in summary for summary in summaries(ask(enrolled, call())))


def test_a_patient_without_a_dated_plan_is_told_of(ward):
    ward.ask("POST", "/enrolments", document=ENROLMENT | {"measurements": None, "hospital_patient": "Patient/ehr-1"})
    document = {key: said for key, said in ENROLMENT.items() if key != "measurements"}
    ward.ask("POST", "/enrolments", document=document | {"hospital_patient": "Patient/ehr-1"})
    shown = cards(ask(ward, call()))
    (none,) = [card for card in shown if "no dated plan" in card["summary"]]
    assert "measurements.weight" in none["detail"]
    (nothing,) = cards(ask(ward, orders(RIGHT), "order-check"))
    assert nothing["summary"] == "This patient has no dated plan: nothing was compared."


# orders


def test_a_draft_is_held_against_the_stored_plan(enrolled):
    (card,) = cards(ask(enrolled, orders(WRONG), "order-check"))
    assert card["indicator"] == "warning"
    assert card["summary"] == "Thiotepa on 2026-02-17 (D-13): 300 mg a day ordered, the plan has 350 mg a day."
    assert cards(ask(enrolled, orders(RIGHT), "order-check")) == []


def test_only_the_selected_orders_are_spoken_of(enrolled):
    busulfan = draft("busulfan", dosage(mass("200"), on("2026-02-25", "2026-02-26")), id_="m3")
    select = orders(RIGHT, busulfan, hook="order-select", selections=["MedicationRequest/m2"])
    assert cards(ask(enrolled, select, "order-check")) == []
    select["context"]["selections"] = ["MedicationRequest/m3"]
    assert summaries(ask(enrolled, select, "order-check"))[0].startswith("Busulfan on 2026-02-25 (D-5): 200 mg")


def test_an_order_that_is_called_off_is_not_compared(enrolled):
    for change in ({"status": "stopped"}, {"doNotPerform": True}):
        assert cards(ask(enrolled, orders(WRONG | change), "order-check")) == []


def test_a_drug_named_by_reference_is_looked_up_in_the_drafts(enrolled):
    medication = {"resourceType": "Medication", "id": "m", "code": WRONG["medicationCodeableConcept"]}
    request = {key: said for key, said in WRONG.items() if key != "medicationCodeableConcept"}
    request["medicationReference"] = {"reference": "Medication/m"}
    assert len(cards(ask(enrolled, orders(request, medication), "order-check"))) == 1


def test_donor_lymphocytes_are_ordered_under_their_gate(enrolled):
    code = {"coding": [{"system": "https://engraft.example/fhir/CodeSystem/engraft", "code": "prophylactic-dli"}]}
    request = {"resourceType": "ServiceRequest", "id": "s1", "status": "draft", "intent": "order", "code": code}
    (unknown,) = cards(ask(enrolled, orders(request), "order-check"))
    assert unknown["indicator"] == "warning"
    enrolled.ask("POST", "/follow-ups", document=FOLLOW_UP)
    (not_met,) = cards(ask(enrolled, orders(request), "order-check"))
    assert not_met["indicator"] == "critical"
    assert "acute GVHD from 2026-04-20, no end told" in not_met["detail"]


def test_an_old_or_changed_weight_is_told_beside_an_order(enrolled):
    request = draft("mycophenolate", dosage(mass("1", "g"), every_day("2026-03-08", frequency=2)))
    (stale,) = cards(ask(enrolled, orders(request), "order-check"))
    assert stale["summary"] == "The last weight is of 2026-02-10, 26 days before 2026-03-08 (D+6)."
    weight = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "subject": {"reference": "Patient/ehr-1"},
        "effectiveDateTime": "2026-02-16",
        "valueQuantity": {"value": 62, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
    }
    told = summaries(ask(enrolled, orders(RIGHT, prefetch={"weight": weight}), "order-check"))
    assert told == ["62 kg on 2026-02-16, 11.4 % less than the 70 kg by which the plan is dosed."]
    failed = {"weight": {"resourceType": "OperationOutcome"}}
    assert cards(ask(enrolled, orders(RIGHT, prefetch=failed), "order-check")) == []


# whom is it about?


def test_our_own_id_of_the_patient_is_known(enrolled):
    receipt = decode(
        enrolled.ask("POST", "/enrolments", document=ENROLMENT | {"hospital_patient": "Patient/ehr-1"}).data
    )
    (own,) = [one.partition("/")[2] for one in receipt["resources"] if one.startswith("Patient/")]
    assert cards(ask(enrolled, call(patient=own)))


def test_so_is_the_one_under_which_the_hospital_was_delivered_to(ward):
    course = decode(ward.ask("POST", "/enrolments", document=ENROLMENT).data)["course"]
    with ward.store.transaction() as tx:
        tx.links.put("chu-a", course, "Patient/ehr-9")
    assert cards(ask(ward, call(patient="ehr-9")))


def test_a_patient_is_found_by_an_identifier_that_the_ehr_sends(ward):
    ward.ask("POST", "/enrolments", document=ENROLMENT | {"identifiers": [NATIONAL]})
    assert cards(ask(ward, call(prefetch={"patient": PATIENT})))
    stranger = PATIENT | {"identifier": [NATIONAL | {"value": "272"}, {"value": "271"}]}
    assert cards(ask(ward, call(prefetch={"patient": stranger}))) == []


@pytest.mark.parametrize(
    ("prefetch", "status"),
    [
        ({}, 412),
        ({"patient": {"resourceType": "OperationOutcome", "issue": []}}, 412),
        ({"patient": None}, 200),
        ({"patient": {"resourceType": "Patient", "id": "nobody"}}, 200),
    ],
)
def test_a_stranger_gets_no_cards_and_who_cannot_be_told_is_not_guessed(enrolled, prefetch, status):
    answer = ask(enrolled, call(patient="nobody", prefetch=prefetch))
    assert answer.status_code == status
    if status == 412:
        assert issue(answer)["diagnostics"].startswith("prefetch.patient: is needed")
    else:
        assert decode(answer.data) == {"cards": []}


def test_another_centre_learns_nothing(enrolled):
    theirs = ask(enrolled, call(), who="other-ehr")
    nobodys = ask(enrolled, call(patient="nobody"), who="other-ehr")
    assert (theirs.status_code, theirs.data) == (nobodys.status_code, nobodys.data)
    ours = decode(enrolled.ask("POST", "/enrolments", document=ENROLMENT | {"hospital_patient": "Patient/ehr-1"}).data)
    (own,) = [one.partition("/")[2] for one in ours["resources"] if one.startswith("Patient/")]
    assert ask(enrolled, call(patient=own), who="other-ehr").status_code == 412


def test_a_patient_born_on_another_day_is_somebody_else(enrolled):
    born = PATIENT | {"birthDate": "1971-05-03"}
    answer = ask(enrolled, call(prefetch={"patient": born}))
    assert answer.status_code == 412
    assert "born on another day" in issue(answer)["diagnostics"]
    assert cards(ask(enrolled, call(prefetch={"patient": PATIENT | {"birthDate": "1971-05"}})))


def test_an_identifier_of_two_patients_decides_nothing(ward):
    for number in ("P-0001", "P-0002"):
        ward.ask("POST", "/enrolments", document=ENROLMENT | {"patient": number, "identifiers": [NATIONAL]})
    assert ask(ward, call(prefetch={"patient": PATIENT})).status_code == 412


# what cannot be answered


def test_a_service_that_is_not_listed_is_not_found(ward):
    for path in ("another", "another/feedback"):
        answer = ward.ask("POST", f"/cds-services/{path}", "ehr", data=b"{", content_type="application/json")
        assert answer.status_code == 404


@pytest.mark.parametrize(
    ("service", "document", "path"),
    [
        ("regimen-standing", call() | {"hookInstance": "1"}, "hookInstance"),
        ("regimen-standing", call("order-sign"), "hook"),
        ("order-check", call("order-sign"), "context.draftOrders"),
    ],
)
def test_a_call_that_cannot_be_read_is_refused_with_its_member(enrolled, service, document, path):
    answer = ask(enrolled, document, service)
    assert answer.status_code == 400
    assert decode(answer.data)["issue"][0]["expression"] == [path]


def test_what_is_not_json_is_refused(enrolled):
    answer = enrolled.ask("POST", "/cds-services/order-check", "ehr", data=b"{", content_type="application/json")
    assert answer.status_code == 400
    form = enrolled.ask("POST", "/cds-services/order-check", "ehr", data=b"a=b", content_type="text/plain")
    assert form.status_code == 415


# what became of it


def test_what_was_said_and_what_became_of_it_is_kept(enrolled):
    (card,) = cards(ask(enrolled, orders(WRONG), "order-check"))
    reason = card["overrideReasons"][0]
    told = {
        "card": card["uuid"],
        "outcome": "overridden",
        "overrideReason": {"reason": reason, "userComment": "agreed with the pharmacist"},
        "outcomeTimestamp": "2026-02-16T10:05:31Z",
    }
    answer = enrolled.ask("POST", "/cds-services/order-check/feedback", "ehr", document={"feedback": [told]})
    assert (answer.status_code, decode(answer.data)) == (200, {"kept": 1})
    with enrolled.store.reading() as tx:
        (said,) = tx.audit.of(INSTANCE)
        (kept,) = tx.audit.of(card["uuid"])
    assert (said.who, said.action) == ("ehr", "advise order-sign")
    assert said.detail == f"{card['uuid']}=wrong-dose/thiotepa/300/350.0"
    assert (kept.who, kept.action, kept.centre) == ("ehr", "card overridden", "FR-037")
    assert "agreed with the pharmacist" in kept.detail
    assert reason["code"] in kept.detail


def test_feedback_that_cannot_be_read_is_refused_and_none_of_it_kept(enrolled):
    good = {"card": INSTANCE, "outcome": "overridden", "outcomeTimestamp": "2026-02-16T10:05:31Z"}
    document = {"feedback": [good, good | {"outcome": "ignored"}]}
    answer = enrolled.ask("POST", "/cds-services/order-check/feedback", "ehr", document=document)
    assert (answer.status_code, issue(answer)["expression"]) == (400, ["feedback[1].outcome"])
    with enrolled.store.reading() as tx:
        assert tx.audit.of(INSTANCE) == []


def test_no_advice_leaves_no_trace(enrolled):
    cards(ask(enrolled, orders(RIGHT), "order-check"))
    with enrolled.store.reading() as tx:
        assert tx.audit.of(INSTANCE) == []
