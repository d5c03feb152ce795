"""What is R4 passes, what is not is refused at its place, and no fault quotes what it found there."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from fhir.resources.R4B import get_fhir_model_class

from mappings.r4.faults import FaultyInput
from mappings.r4.validate import require_valid, validate
from tests.lib.specimens import SPECIMENS, specimen

GONE = object()


def at(resource, path, value):
    """The resource with `value` at a dotted path; GONE removes."""
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    node = resource
    for step in steps:
        node = node[step]
    if value is GONE:
        del node[last]
    elif isinstance(node, list) and last == len(node):
        node.append(value)
    else:
        node[last] = value
    return resource


def faults(resource):
    return {(fault.path, fault.code) for fault in validate(resource) if fault.severity == "error"}


@pytest.mark.parametrize("kind", SPECIMENS)
def test_valid_resources_pass(kind):
    assert faults(specimen(kind)) == set()


SHAPE = [
    # (type, path, value, where the fault is told, its code)
    ("Observation", "status", "nope", "Observation.status", "code-invalid"),
    ("Observation", "status", GONE, "Observation.status", "required"),
    ("Observation", "code", GONE, "Observation.code", "required"),
    ("Observation", "foo", 1, "Observation", "structure"),
    ("Observation", "valueString", "x", "Observation", "structure"),
    ("Observation", "_valueString", {"id": "x"}, "Observation", "structure"),
    ("Observation", "component", [], "Observation.component", "structure"),
    ("Observation", "component.0.valueInteger", Decimal("1.5"), "Observation.component[0].valueInteger", "value"),
    ("Observation", "component.0.valueInteger", 2147483648, "Observation.component[0].valueInteger", "value"),
    ("Observation", "effectiveDateTime", "2026-02-30", "Observation.effectiveDateTime", "value"),
    ("Observation", "effectiveDateTime", "2025-02-29", "Observation.effectiveDateTime", "value"),
    ("Observation", "effectiveDateTime", "2026-03-02T10:00", "Observation.effectiveDateTime", "value"),
    ("Observation", "effectiveDateTime", "2026-03-02T10:00:00", "Observation.effectiveDateTime", "value"),
    ("Observation", "subject.reference", "Medication/1", "Observation.subject.reference", "value"),
    ("Observation", "subject.reference", "Patient/a b", "Observation.subject.reference", "value"),
    ("Observation", "id", "a" * 65, "Observation.id", "value"),
    ("Observation", "id", "a_b", "Observation.id", "value"),
    ("Observation", "valueQuantity.comparator", "about", "Observation.valueQuantity.comparator", "code-invalid"),
    ("Observation", "valueQuantity.value", "2.5", "Observation.valueQuantity.value", "value"),
    ("Observation", "valueQuantity", "much", "Observation.valueQuantity", "value"),
    ("Observation", "referenceRange.0.text", "  ", "Observation.referenceRange[0].text", "value"),
    ("Observation", "meta", {}, "Observation.meta", "structure"),
    ("Observation", "extension", [{"url": "http://x", "valueRatioRange": {}}], "Observation.extension[0]", "structure"),
    ("Condition", "subject", GONE, "Condition.subject", "required"),
    ("Condition", "clinicalStatus.coding.0.code", "ill", "Condition.clinicalStatus.coding", "code-invalid"),
    ("Condition", "clinicalStatus.coding.0.system", "http://x", "Condition.clinicalStatus.coding", "code-invalid"),
    ("Patient", "gender", "f", "Patient.gender", "code-invalid"),
    ("Patient", "birthDate", "02/05/1971", "Patient.birthDate", "value"),
    ("Patient", "deceasedDateTime", "2026", "Patient", "structure"),
    ("Patient", "name", [{"given": [1]}], "Patient.name[0].given[0]", "value"),
    ("Patient", "_birthDate", "x", "Patient._birthDate", "value"),
    ("Patient", "active", "true", "Patient.active", "value"),
    ("MedicationRequest", "medicationCodeableConcept", GONE, "MedicationRequest", "structure"),
    ("MedicationRequest", "intent", "directive", "MedicationRequest.intent", "code-invalid"),
    ("MedicationRequest", "dosageInstruction.0.timing.event", [None], "MedicationRequest.dosageInstruction[0].timing._event", "required"),
    ("CarePlan", "intent", "directive", "CarePlan.intent", "code-invalid"),
    ("PlanDefinition", "subjectCanonical", "http://x", "PlanDefinition", "structure"),
    ("PlanDefinition", "action.0.relatedAction.0.relationship", "sometime", "PlanDefinition.action[0].relatedAction[0].relationship", "code-invalid"),
    ("Task", "status", "done", "Task.status", "code-invalid"),
    ("Bundle", "entry.0.resource.gender", "f", "Bundle.entry[0].resource.gender", "code-invalid"),
    ("Bundle", "entry.0.resource.resourceType", "Pat", "Bundle.entry[0].resource", "structure"),
    ("CarePlan", "contained.0.status", "done", "CarePlan.contained[0].status", "code-invalid"),
]  # fmt: skip

RULES = [
    ("MedicationRequest", "dosageInstruction.0.timing.repeat", {"period": -1, "periodUnit": "d"}, "MedicationRequest.dosageInstruction[0].timing.repeat.period", "tim-5"),
    ("MedicationRequest", "dosageInstruction.0.timing.repeat", {"timeOfDay": ["10:00:00"], "when": ["HS"]}, "MedicationRequest.dosageInstruction[0].timing.repeat.when", "tim-10"),
    ("Bundle", "entry.0", {"fullUrl": "urn:uuid:0b7c9d6e-6f0e-5f0a-9b1e-3a5d1c2b4f60"}, "Bundle.entry[0]", "bdl-5"),
    ("Observation", "dataAbsentReason", {"text": "no"}, "Observation", "obs-6"),
    ("Observation", "component.0.dataAbsentReason", {"text": "no"}, "Observation.component[0]", "obs-6"),
    ("Observation", "component.0.code", {"coding": [{"system": "http://loinc.org", "code": "26499-4"}]}, "Observation", "obs-7"),
    ("Observation", "referenceRange.0", {"appliesTo": [{"text": "all"}]}, "Observation.referenceRange[0]", "obs-3"),
    ("Observation", "component.0.referenceRange", [{"age": {"low": {"value": 1}}}], "Observation.component[0].referenceRange[0]", "obs-3"),
    ("Observation", "valueQuantity.system", GONE, "Observation.valueQuantity.system", "qty-3"),
    ("Condition", "clinicalStatus.coding.0.code", "active", "Condition.clinicalStatus", "con-4"),
    ("Condition", "verificationStatus", {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "entered-in-error"}]}, "Condition.clinicalStatus", "con-5"),
    ("Condition", "stage.0", {"type": {"text": "x"}}, "Condition.stage[0]", "con-1"),
    ("Condition", "evidence.0", {"id": "e"}, "Condition.evidence[0]", "con-2"),
    ("Consent", "policyRule", GONE, "Consent", "ppc-1"),
    ("MedicationRequest", "dosageInstruction.0.timing.repeat.boundsPeriod.end", "2026-02-01", "MedicationRequest.dosageInstruction[0].timing.repeat.boundsPeriod", "per-1"),
    ("MedicationRequest", "dosageInstruction.0.timing.repeat.period", 1, "MedicationRequest.dosageInstruction[0].timing.repeat.periodUnit", "tim-2"),
    ("MedicationRequest", "dosageInstruction.0.timing.repeat.countMax", 2, "MedicationRequest.dosageInstruction[0].timing.repeat.countMax", "tim-8"),
    ("MedicationRequest", "dosageInstruction.0.doseAndRate.0.doseRange.low.value", 3, "MedicationRequest.dosageInstruction[0].doseAndRate[0].doseRange", "rng-2"),
    ("MedicationRequest", "dosageInstruction.0.maxDosePerPeriod.denominator", GONE, "MedicationRequest.dosageInstruction[0].maxDosePerPeriod", "rat-1"),
    ("MedicationAdministration", "dosage", {"text": "as usual"}, "MedicationAdministration.dosage", "mad-1"),
    ("ServiceRequest", "code", GONE, "ServiceRequest.orderDetail", "prr-1"),
    ("Task", "lastModified", "2026-02-01", "Task.lastModified", "inv-1"),
    ("Goal", "target.0.measure", GONE, "Goal.target[0]", "gol-1"),
    ("Goal", "target.0.dueDuration.code", GONE, "Goal.target[0].dueDuration.code", "drt-1"),
    ("CarePlan", "activity.0.detail", {"status": "scheduled"}, "CarePlan.activity[0]", "cpl-3"),
    ("CarePlan", "contained.0.contained", [{"resourceType": "Patient"}], "CarePlan.contained[0]", "dom-2"),
    ("CarePlan", "contained.0.meta", {"versionId": "1"}, "CarePlan.contained[0].meta", "dom-4"),
    ("CarePlan", "contained.0.meta", {"security": [{"code": "R"}]}, "CarePlan.contained[0].meta", "dom-5"),
    ("CarePlan", "activity.0.reference.reference", "Task/9", "CarePlan.contained[0]", "dom-3"),
    ("CarePlan", "activity.0.reference.reference", "#u", "CarePlan.activity[0].reference.reference", "ref-1"),
    ("RequestGroup", "action.0.action.0", {"title": "x"}, "RequestGroup.action[0].action[0]", "rqg-1"),
    ("RequestGroup", "action.0.resource", {"reference": "Task/2"}, "RequestGroup.action[0]", "rqg-1"),
    ("PlanDefinition", "action.0.condition.0.expression.expression", GONE, "PlanDefinition.action[0].condition[0].expression", "exp-1"),
    ("Questionnaire", "item.0.item.0.linkId", "1", "Questionnaire.item[0].item[0].linkId", "que-2"),
    ("Questionnaire", "item.0.item.0.item", [{"linkId": "9", "type": "string"}], "Questionnaire.item[0].item[0]", "que-1"),
    ("Questionnaire", "item.1.answerValueSet", "http://x", "Questionnaire.item[1]", "que-4"),
    ("Group", "actual", False, "Group.member", "grp-1"),
    ("MeasureReport", "type", "data-collection", "MeasureReport.group", "mrp-1"),
    ("MeasureReport", "group.0.stratifier.0.stratum.0.component", [{"code": {"text": "a"}, "value": {"text": "b"}}], "MeasureReport.group[0].stratifier[0].stratum[0]", "mrp-2"),
    ("Composition", "section.0.section.0.entry", GONE, "Composition.section[0].section[0]", "cmp-1"),
    ("Composition", "section.0.section.0.emptyReason", {"text": "none"}, "Composition.section[0].section[0]", "cmp-2"),
    ("CapabilityStatement", "rest", GONE, "CapabilityStatement", "cpb-1"),
    ("CapabilityStatement", "implementation", GONE, "CapabilityStatement.implementation", "cpb-14"),
    ("Parameters", "parameter.0.part", [{"name": "x", "valueCode": "y"}], "Parameters.parameter[0]", "inv-1"),
    ("Parameters", "parameter.1.part.0.valueCode", GONE, "Parameters.parameter[1].part[0]", "inv-1"),
    ("Bundle", "total", 1, "Bundle.total", "bdl-1"),
    ("Bundle", "entry.0.request", GONE, "Bundle.entry[0].request", "bdl-3"),
    ("Bundle", "entry.0.response", {"status": "200"}, "Bundle.entry[0].response", "bdl-4"),
    ("Bundle", "entry.0.search", {"mode": "match"}, "Bundle.entry[0].search", "bdl-2"),
    ("Bundle", "entry.0.fullUrl", "http://x/Patient/1/_history/2", "Bundle.entry[0].fullUrl", "bdl-8"),
    ("Bundle", "entry.1", {"fullUrl": "urn:uuid:0b7c9d6e-6f0e-5f0a-9b1e-3a5d1c2b4f60", "resource": {"resourceType": "Patient"}, "request": {"method": "PUT", "url": "Patient/2"}}, "Bundle.entry[1].fullUrl", "bdl-7"),
    ("Bundle", "type", "document", "Bundle.entry[0]", "bdl-11"),
    ("Bundle", "type", "message", "Bundle.entry[0]", "bdl-12"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "path", "value", "where", "code"), SHAPE)
def test_wrong_shape_is_told_at_its_place(kind, path, value, where, code):
    assert (where, code) in faults(at(specimen(kind), path, value))


@pytest.mark.parametrize(("kind", "path", "value", "where", "rule"), RULES)
def test_a_broken_invariant_is_told_at_its_place(kind, path, value, where, rule):
    found = [f for f in validate(at(specimen(kind), path, value)) if f.code == "invariant"]
    assert where in {f.path for f in found if f"({rule})" in f.message}


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("Patient", "_birthDate", {"extension": [{"url": "http://x", "valueTime": "10:00:00"}]}),
        ("Patient", "extension", [{"url": "http://x", "valueMeta": {"versionId": "1"}}]),
        ("Patient", "extension", [{"url": "http://x", "_valueDateTime": {"id": "x"}}]),
        ("Patient", "text", {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'}),
        ("Observation", "effectiveDateTime", "2024-02-29"),
        ("Observation", "effectiveDateTime", "2026-03-02T10:00:00.123+14:00"),
        ("Observation", "effectiveDateTime", "2026"),
        ("Observation", "subject.reference", "https://h.example/fhir/Patient/1/_history/2"),
        ("Observation", "subject.reference", "urn:uuid:0b7c9d6e-6f0e-5f0a-9b1e-3a5d1c2b4f60"),
        ("Observation", "subject.reference", "Patient?identifier=a|b"),
        ("Observation", "valueQuantity.value", Decimal("1E-7")),
        ("Observation", "hasMember", [{"reference": "QuestionnaireResponse/1"}]),
        ("MedicationRequest", "dosageInstruction.0.timing.event", [None, "2026"]),
        ("Bundle", "type", "batch"),
        ("CapabilityStatement", "format", ["application/fhir+json"]),
        ("MedicationAdministration", "dosage", {"rateQuantity": {"value": 1, "unit": "mg/h"}}),
    ],
)
def test_what_is_odd_but_legal_passes(kind, path, value):
    resource = at(specimen(kind), path, value)
    if path.endswith("event"):
        resource["dosageInstruction"][0]["timing"]["_event"] = [{"id": "x"}, None]
    assert faults(resource) == set()


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ([], ("$", "structure")),
        ({}, ("resourceType", "required")),
        ({"resourceType": "Nonsense"}, ("Nonsense", "structure")),
        ({"resourceType": "DomainResource", "id": "x"}, ("DomainResource", "structure")),
        ({"resourceType": "Account", "status": "active"}, ("Account", "not-supported")),
        ({"resourceType": "Bundle", "type": "batch-response", "entry": [{"response": {"status": "400", "outcome": {}}}]},
         ("Bundle.entry[0].response.outcome.resourceType", "required")),
        ({"resourceType": "Parameters", "parameter": [{"name": "a", "resource": []}]},
         ("Parameters.parameter[0].resource", "structure")),
    ],
)  # fmt: skip
def test_what_is_no_resource_is_refused(value, fault):
    assert fault in faults(value)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("subject.reference", "must be a reference to Device, Group, Location, Patient, as Type/id"),
        ("focus.0.reference", "must be a reference, as Type/id"),
    ],
)
def test_a_reference_says_what_it_may_lead_to(path, words):
    resource = specimen("Observation") | {"focus": [{"reference": "Patient/1"}]}
    (fault,) = validate(at(resource, path, "patient/a_b"))
    assert fault.message == words


def test_a_malformed_bundle_or_parameter_does_not_stop_the_look_inside():
    resource = {"resourceType": "Bundle", "type": "collection", "entry": ["x", {"resource": {"resourceType": "Nope"}}]}
    assert "Bundle.entry[1].resource" in {path for path, _ in faults(resource)}
    parameters = {"resourceType": "Parameters", "parameter": ["x"], "contained": "x"}
    assert "Parameters.parameter[0]" in {path for path, _ in faults(parameters)}


@pytest.mark.parametrize("contained", ["x", [], ["x"]])
def test_what_is_contained_is_a_list_of_resources(contained):
    assert faults(specimen("Observation") | {"contained": contained})


def test_require_valid_names_every_error():
    resource = at(at(specimen("Observation"), "status", "nope"), "foo", 1)
    with pytest.raises(FaultyInput) as refused:
        require_valid(resource)
    assert len(refused.value.faults) == 2
    require_valid(specimen("Observation"))


def test_no_fault_quotes_what_it_found():
    secret = "Marguerite-Dupont-1971"
    resource = specimen("Observation") | {
        "status": secret,
        "effectiveDateTime": secret,
        "subject": {"reference": secret},
    }
    assert validate(resource)
    assert not any(secret in fault.message or secret in fault.path for fault in validate(resource))


@pytest.mark.parametrize(("kind", "path", "value", "where", "code"), SHAPE)
def test_what_the_typed_models_refuse_is_refused_here_too(kind, path, value, where, code):
    """fhir.resources is the oracle: it knows less, so it may pass what we refuse, never the other way round."""
    resource = at(specimen(kind), path, value)
    text = json.dumps(resource, default=float)
    try:
        get_fhir_model_class(kind).model_validate_json(text)
    except (ValueError, KeyError):  # KeyError: a type that it does not know
        assert faults(resource)


def test_a_document_that_begins_with_its_composition_passes():
    entry = {"fullUrl": "urn:uuid:0b7c9d6e-6f0e-5f0a-9b1e-3a5d1c2b4f60", "resource": specimen("Composition")}
    made = {"identifier": {"system": "urn:ietf:rfc:3986", "value": "urn:uuid:x"}, "timestamp": "2026-03-02T10:00:00Z"}
    assert faults({"resourceType": "Bundle", "type": "document", "entry": [entry], **made}) == set()
