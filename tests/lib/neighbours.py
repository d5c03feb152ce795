"""Valid R4 next door to each breach of `breaches`: the least that makes it whole again, by the key of the rule."""

from __future__ import annotations

from decimal import Decimal

from tests.lib.breaches import (
    AUDIT_EVENT,
    CC,
    ENTRY,
    HOLDS,
    IN_PATIENT,
    TWO,
    able,
    asking,
    bundled,
    consenting,
    drawn,
    element,
    expanded,
    extended,
    guide,
    item,
    laid,
    listed,
    mapped,
    naming,
    needing,
    operation,
    planned,
    searched,
    serving,
    snapped,
    structure,
    timed,
    without,
)
from tests.lib.specimens import CODE, PATIENT, UCUM, specimen

HERE = {"patient": PATIENT}
TYPED = [{"code": "string"}]
ITEMS = [{"linkId": "2", "type": "string"}]
OPTIONS = [{"valueString": "x"}]
OF_THE_SPECIFICATION = {"url": "http://hl7.org/fhir/StructureDefinition/x"}
PERSON = IN_PATIENT | {"id": "1"}
TEXT = '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'


def rooted(**more):
    """A differential of a root alone."""
    return structure(differential={"element": [{"id": "Patient", "path": "Patient", **more}]})


def when(count, **more):
    asked = [{"question": "2", "operator": "=", "answerString": "x"}] * count
    return asking(item(enableWhen=asked, **more), {"linkId": "2", "type": "string"})


def document(**more):
    entry = {"fullUrl": "urn:uuid:0b7c9d6e-6f0e-5f0a-9b1e-3a5d1c2b4f60", "resource": specimen("Composition")}
    made = {"identifier": {"system": "urn:ietf:rfc:3986", "value": "urn:uuid:0b7c9d6e-6f0e-5f0a-9b1e-3a5d1c2b4f61"}}
    return bundled("document", entry, timestamp="2026-03-02T10:00:00Z", **made, **more)


DATA_TYPES = {
    "ext-1": extended(extension=[{"url": "http://y", "valueString": "b"}]),
    "ele-1": IN_PATIENT | {"name": [{"id": "x", "text": "x"}]},
    "qty-3": extended(valueQuantity={"unit": "mg"}),
    "age-1": extended(valueAge={"value": Decimal("0.5"), "system": UCUM, "code": "a"}),
    "dis-1": extended(valueDistance={"value": 3, "system": UCUM, "code": "m"}),
    "cnt-3": extended(valueCount={"value": 3, "system": UCUM, "code": "1"}),
    "drt-1": extended(valueDuration={"value": 3, "system": UCUM, "code": "d"}),
    "per-1": extended(valuePeriod={"start": "2026-02-01", "end": "2026-02-01"}),
    "rng-2": extended(valueRange={"low": {"value": 2}, "high": {"value": 2}}),
    "rat-1": extended(valueRatio={"numerator": {"value": 1}, "denominator": {"value": 2}}),
    "att-1": extended(valueAttachment={"data": "AAAA", "contentType": "text/plain"}),
    "cpt-2": extended(valueContactPoint={"rank": 1}),
    "exp-1": extended(valueExpression={"language": "text/cql", "reference": "http://x"}),
    "tim-1": timed(duration=1, durationUnit="d"),
    "tim-2": timed(period=1, periodUnit="d"),
    "tim-4": timed(duration=0, durationUnit="d"),
    "tim-5": timed(period=0, periodUnit="d"),
    "tim-6": timed(period=1, periodMax=2, periodUnit="d"),
    "tim-7": timed(duration=1, durationMax=2, durationUnit="d"),
    "tim-8": timed(count=1, countMax=2),
    "tim-9": timed(offset=30, when=["ACM"]),
    "tim-10": timed(timeOfDay=["10:00:00"]),
    "trd-1": planned(trigger=[{"type": "data-added", "data": [{"type": "Patient"}]}]),
    "trd-2": planned(trigger=[{"type": "data-added", "data": [{"type": "Patient"}],
                               "condition": {"language": "text/cql", "expression": "x"}}]),
    "trd-3": planned(trigger=[{"type": "named-event", "name": "x"}, {"type": "periodic", "timingDate": "2026"}]),
    "drq-1": needing(codeFilter=[{"searchParam": "code"}]),
    "drq-2": needing(dateFilter=[{"path": "date", "valueDateTime": "2026"}]),
    "txt-1": IN_PATIENT | {"text": {"status": "generated", "div": TEXT}},
    "txt-2": IN_PATIENT | {"text": {"status": "generated", "div": TEXT.replace("x</", '<img src="#a"/></')}},
}  # fmt: skip

CLINICAL = {
    "cpl-3": without(specimen("CarePlan"), "contained") | {"activity": [{"detail": {"status": "scheduled"}}]},
    "rqg-1": specimen("RequestGroup") | {"action": [{"resource": {"reference": "Task/1"}}]},
    "gol-1": specimen("Goal") | {"target": [{"dueDate": "2026"}]},
    "obs-3": specimen("Observation") | {"referenceRange": [{"low": {"value": 1}}]},
    "obs-6": without(specimen("Observation"), "valueQuantity") | {"dataAbsentReason": CC[0]},
    "obs-7": without(specimen("Observation"), "valueQuantity") | {"component": [{"code": CODE, "valueInteger": 3}]},
    "con-1": specimen("Condition") | {"stage": [{"assessment": [{"reference": "Observation/1"}]}]},
    "con-2": specimen("Condition") | {"evidence": [{"detail": [{"reference": "Observation/1"}]}]},
    "con-3": specimen("Condition") | {"category": [{"coding": [{"system": "http://x", "code": "problem-list-item"}]}]},
    "con-4": without(without(specimen("Condition"), "clinicalStatus"), "abatementDateTime"),
    "con-5": without(without(specimen("Condition"), "clinicalStatus"), "abatementDateTime") | {
        "verificationStatus": {"coding": [
            {"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "entered-in-error"}]}},
    "mad-1": specimen("MedicationAdministration") | {"dosage": {"rateQuantity": {"value": 1, "unit": "mg/h"}}},
    "prr-1": without(specimen("ServiceRequest"), "orderDetail"),
    "inv-1": specimen("Task") | {"authoredOn": "2026-03-02", "lastModified": "2026-03-02"},
    "ppc-1": without(specimen("Consent"), "policyRule") | {"policy": [{"uri": "http://x"}]},
    "ppc-2": consenting("patient-privacy", **HERE),
    "ppc-3": consenting("research", **HERE),
    "ppc-4": consenting("adr", **HERE),
    "ppc-5": consenting("treatment", **HERE),
    "ctm-1": {"resourceType": "CareTeam", "participant": [
        {"member": {"reference": "Practitioner/1"}, "onBehalfOf": {"reference": "Organization/2"}},
        {"member": {"display": "Dr Who"}, "onBehalfOf": {"reference": "Organization/2"}},
        {"member": {"reference": "Organization/1"}}]},
    "sev-1": AUDIT_EVENT | {"entity": [{"query": "eA=="}]},
    "grp-1": without(specimen("Group"), "member") | {"actual": False},
    "org-1": {"resourceType": "Organization", "identifier": [{"value": "1"}]},
    "org-2": {"resourceType": "Organization", "name": "H", "address": [{"use": "work"}]},
    "org-3": {"resourceType": "Organization", "name": "H", "telecom": [{"use": "work"}]},
    "pat-1": IN_PATIENT | {"contact": [{"organization": {"reference": "Organization/1"}}]},
    "lst-1": without(listed(emptyReason=CC[0]), "entry"),
    "lst-2": listed(mode="changes", entry=[ENTRY | {"deleted": True}]),
    "lst-3": listed(mode="working", entry=[ENTRY | {"date": "2026"}]),
    "mrp-1": without(specimen("MeasureReport"), "group") | {"type": "data-collection"},
    "mrp-2": specimen("MeasureReport") | {"group": [{"stratifier": [{"stratum": [
        {"component": [{"code": CC[0], "value": CC[0]}]}]}]}]},
    "qrs-1": {"resourceType": "QuestionnaireResponse", "status": "completed", "item": [
        {"linkId": "1", "answer": [{"valueInteger": 1, "item": [{"linkId": "2"}]}]}]},
    "cmp-1": specimen("Composition") | {"section": [{"text": {"status": "generated", "div": TEXT}}]},
    "cmp-2": specimen("Composition") | {"section": [{"emptyReason": CC[0], "text": {
        "status": "generated", "div": TEXT}}]},
}  # fmt: skip

DEFINITIONS = {
    "que-1": asking(item("group", item=ITEMS)),
    "que-2": asking(item("group", item=ITEMS)),
    "que-3": asking(item(code=[{"system": "http://x", "code": "x"}])),
    "que-4": asking(item("choice", answerValueSet="http://x")),
    "que-5": asking(item("choice", answerOption=OPTIONS)),
    "que-6": asking(item("display", text="x")),
    "que-7": asking(item(enableWhen=[{"question": "2", "operator": "exists", "answerBoolean": True}]), *ITEMS),
    "que-8": asking(item(initial=OPTIONS)),
    "que-9": asking(item(readOnly=True)),
    "que-10": asking(item(maxLength=3)),
    "que-11": asking(item("choice", answerOption=[{"valueString": "x", "initialSelected": True}])),
    "que-12": when(3, enableBehavior="all"),
    "que-13": asking(item(repeats=True, initial=[{"valueString": "x"}, {"valueString": "y"}])),
    "cpb-1": without(able(document=[{"mode": "producer", "profile": "http://x"}]), "rest"),
    "cpb-2": without(able(kind="requirements", description="x"), "implementation"),
    "cpb-3": able(messaging=[{"endpoint": [{"protocol": {"code": "http"}, "address": "http://x"}]}]),
    "cpb-7": able(document=[{"mode": mode, "profile": "http://x"} for mode in ("producer", "consumer")]),
    "cpb-9": serving({"type": "Patient"}, {"type": "Observation"}),
    "cpb-12": serving({"type": "Patient", "searchParam": [{"name": name, "type": "token"} for name in "ab"]}),
    "cpb-14": able(),
    "cpb-15": without(able(kind="capability", software={"name": "x"}), "implementation"),
    "cpb-16": without(able(kind="requirements", description="x"), "implementation"),
    "sdf-1": snapped(laid("Patient.x"), laid("Patient.x", id="Patient.x:y"), derivation="constraint"),
    "sdf-2": structure(mapping=[{"identity": "x", "uri": "http://x"}]),
    "sdf-3": snapped(laid("Patient.x")),
    "sdf-4": without(structure(abstract=True), "baseDefinition"),
    "sdf-5": structure(type="Extension", differential={"element": [{"id": "Extension", "path": "Extension"}]},
                       context=[{"type": "element", "expression": "Patient"}]),
    "sdf-6": snapped(laid("Patient.x")),
    "sdf-8": snapped(laid("Other"), laid("Other.x"), kind="logical"),
    "sdf-8a": structure(differential={"element": [{"id": "Patient.x", "path": "Patient.x"}]}),
    "sdf-8b": snapped(laid("Patient.x")),
    "sdf-9": element(label="x", requirements="y", code=[{"code": "z"}]),
    "sdf-10": snapped(laid("Patient.x", binding={"strength": "example", "description": "x"})),
    "sdf-11": snapped(laid("Other"), kind="logical"),
    "sdf-14": structure({"id": "Patient.x", "path": "Patient.x"}),
    "sdf-15": snapped(laid("Other", type=TYPED), kind="logical"),
    "sdf-15a": element(type=TYPED),
    "sdf-16": snapped(laid("Patient.x"), laid("Patient.x", id="Patient.x:y")),
    "sdf-17": structure({"id": "Patient.x", "path": "Patient.x"}, {"id": "Patient.x:y", "path": "Patient.x"}),
    "sdf-18": structure(type="Extension", differential={"element": [{"id": "Extension", "path": "Extension"}]},
                        context=[{"type": "element", "expression": "Patient"}], contextInvariant=["true"]),
    "sdf-19": element(type=[{"code": "http://hl7.org/fhirpath/System.String"}]) | OF_THE_SPECIFICATION,
    "sdf-20": element(slicing={"description": "x", "rules": "open"}),
    "sdf-21": element(defaultValueCode="x") | {"derivation": "specialization"},
    "sdf-22": element(defaultValueCode="x") | {"derivation": "specialization"},
    "sdf-23": element(sliceName="x"),
    "eld-1": element(slicing={"rules": "open", "discriminator": [{"type": "value", "path": "url"}]}),
    "eld-2": element(min=1, max="1"),
    "eld-3": element(max="12"),
    "eld-4": element(type=[{"code": "canonical", "aggregation": ["bundled"]}]),
    "eld-5": element(contentReference="#x", min=1),
    "eld-6": element(fixedCode="x", type=TYPED),
    "eld-7": element(patternCode="x", type=TYPED),
    "eld-8": element(patternCode="x"),
    "eld-11": element(binding={"strength": "example", "description": "x"}, type=[{"code": "Period"}, {"code": "code"}]),
    "eld-12": element(binding={"strength": "required", "valueSet": "urn:oid:1.2.3"}, type=[{"code": "code"}]),
    "eld-13": element(type=TWO),
    "eld-14": element(constraint=[{"key": key, "severity": "error", "human": "x", "expression": "true"}
                                  for key in ("a-1", "a-2")]),
    "eld-15": element(meaningWhenMissing="y"),
    "eld-16": element(sliceName="a/b-c_d[x]@e"),
    "eld-17": element(type=[{"code": "Reference", "targetProfile": ["http://x"]}]),
    "eld-18": element(isModifier=True, isModifierReason="x"),
    "eld-19": structure({"id": "x", "path": "Patient.value[x].b:c"}),
    "eld-20": structure({"id": "x", "path": "Patient.value[x].b"}),
    "eld-21": element(constraint=[{"key": "a-1", "severity": "error", "human": "x", "expression": "true"}]),
    "eld-22": element(sliceName="x", sliceIsConstraining=True),
    "csd-1": {"resourceType": "CodeSystem", "name": "C", "status": "draft", "content": "complete",
              "concept": [{"code": "a", "concept": [{"code": "b"}]}]},
    "vsd-1": drawn(valueSet=["http://x"]),
    "vsd-2": drawn(system="http://x", concept=[{"code": "a"}]),
    "vsd-3": drawn(system="http://x", filter=[{"property": "a", "op": "=", "value": "b"}]),
    "vsd-6": expanded(abstract=True, display="x"),
    "vsd-9": expanded(abstract=True, display="x"),
    "vsd-10": expanded(code="x", system="http://x"),
    "cmd-1": mapped(element=[{"code": "a", "target": [{"code": "b", "equivalence": "narrower", "comment": "x"}]}]),
    "cmd-2": mapped(unmapped={"mode": "fixed", "code": "x"}),
    "cmd-3": mapped(unmapped={"mode": "other-map", "url": "http://x"}),
    "opd-1": operation(part=[{"name": "b", "use": "in", "min": 0, "max": "1", "type": "code"}]),
    "opd-2": operation(type="string", searchType="token"),
    "opd-3": operation(type="canonical", targetProfile=["http://x"]),
    "spd-1": searched(xpath="x", xpathUsage="normal"),
    "spd-2": searched(type="reference", chain=["x"]),
    "mea-1": {"resourceType": "Measure", "name": "M", "status": "draft", "group": [{"stratifier": [
        {"component": [{"description": "x", "criteria": {"language": "text/cql", "expression": "x"}}]}]}]},
    "nsd-1": naming({"type": "uuid", "value": "x"}) | {"kind": "identifier"},
    "nsd-2": naming({"type": "uri", "value": "http://x", "preferred": True}, {"type": "uri", "value": "http://y"},
                    {"type": "oid", "value": "1.2", "preferred": True}),
    "ig-1": guide({"groupingId": "b"}, {"id": "b", "name": "b"}),
    "ig-2": guide({"fhirVersion": ["4.0.1"]}),
    "pdf-0": planned(title="x") | {"name": "SetHaplo"},
}  # fmt: skip

BUNDLES = {
    "bdl-1": without(bundled("searchset", total=0), "entry"),
    "bdl-2": bundled("searchset", {"resource": PERSON, "search": {"mode": "match"}}),
    "bdl-3": specimen("Bundle"),
    "bdl-4": bundled("batch-response", {"resource": PERSON, "response": {"status": "200"}}),
    "bdl-5": bundled("transaction", {"request": {"method": "DELETE", "url": "Patient/1"}}),
    "bdl-7": bundled("collection", *[{"fullUrl": f"urn:x:{x}", "resource": PERSON} for x in "yz"]),
    "bdl-8": bundled("collection", {"fullUrl": "http://x/Patient/1", "resource": PERSON}),
    "bdl-9": document(),
    "bdl-10": document(),
    "bdl-11": document(),
    "bdl-12": bundled("collection", {"resource": PERSON}),
}

CONTAINED = {
    "dom-2": specimen("CarePlan"),
    "dom-3": specimen("CarePlan"),
    "dom-4": specimen("CarePlan") | {"contained": [HOLDS | {"meta": {"profile": ["http://x"]}}]},
    "dom-5": specimen("CarePlan") | {"contained": [HOLDS | {"meta": {"tag": [{"code": "R"}]}}]},
    "ref-1": IN_PATIENT | {"generalPractitioner": [{"reference": "#z"}],
                           "contained": [{"resourceType": "Practitioner", "id": "z"}]},
}  # fmt: skip

ALL = DATA_TYPES | CLINICAL | DEFINITIONS | BUNDLES | CONTAINED
