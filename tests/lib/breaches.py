"""Resources that break one invariant of R4 each: (key, resource, place where it is told)."""

from __future__ import annotations

from decimal import Decimal

from tests.lib.specimens import CODE, UCUM, specimen

LISTED = {"coding": [{"system": "http://x", "code": "problem-list-item"}]}
CONFIRMED = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "confirmed"}]}
ENTRY = {"item": {"reference": "Observation/1"}}
IN_PATIENT = {"resourceType": "Patient"}


def extended(**value):
    """A patient with an extension of that value: the way to a data type."""
    return IN_PATIENT | {"extension": [{"url": "http://x", **value}]}


def timed(**repeat):
    return specimen("MedicationRequest") | {"dosageInstruction": [{"timing": {"repeat": repeat}}]}


def asking(*items):
    return {"resourceType": "Questionnaire", "name": "Q", "status": "draft", "item": list(items)}


def item(kind="string", **more):
    return {"linkId": "1", "type": kind, **more}


def able(**more):
    return specimen("CapabilityStatement") | more


def serving(*resources):
    return able(rest=[{"mode": "server", "resource": list(resources)}])


def structure(*elements, **more):
    return {
        "resourceType": "StructureDefinition", "url": "http://x", "name": "S", "status": "draft", "kind": "resource",
        "abstract": False, "type": "Patient", "derivation": "constraint",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
        "differential": {"element": [{"id": "Patient", "path": "Patient"}, *elements]},
    } | more  # fmt: skip


def element(**more):
    return structure({"id": "Patient.x", "path": "Patient.x", **more})


def snapped(*elements, **more):
    """A structure with a snapshot; its root is given where `elements` have none."""
    root = [] if elements and "." not in elements[0]["path"] else [laid("Patient")]
    return without(structure(snapshot={"element": [*root, *elements]}), "differential") | more


def laid(path, **more):
    """An element as a snapshot has it."""
    base = {"path": path, "min": 0, "max": "*"}
    return {"id": path, "path": path, "definition": "d", "min": 0, "max": "*", "base": base, **more}


AUDIT_EVENT = {
    "resourceType": "AuditEvent", "type": {"code": "rest"}, "recorded": "2026-03-02T10:00:00Z",
    "agent": [{"requestor": True}], "source": {"observer": {"reference": "Device/1"}},
}  # fmt: skip


def without(resource, name):
    return {key: value for key, value in resource.items() if key != name}


def drawn(**include):
    return {"resourceType": "ValueSet", "name": "V", "status": "draft", "compose": {"include": [include]}}


def expanded(**contains):
    expansion = {"timestamp": "2026", "contains": [contains]}
    return {"resourceType": "ValueSet", "name": "V", "status": "draft", "expansion": expansion}


def mapped(**group):
    return {
        "resourceType": "ConceptMap",
        "name": "C",
        "status": "draft",
        "group": [{"element": [{"code": "a"}], **group}],
    }


def operation(**parameter):
    asked = {"name": "a", "use": "in", "min": 0, "max": "1", **parameter}
    return {"resourceType": "OperationDefinition", "name": "O", "status": "draft", "kind": "operation", "code": "o",
            "system": False, "type": True, "instance": False, "parameter": [asked]}  # fmt: skip


def searched(**more):
    return {"resourceType": "SearchParameter", "url": "http://x", "name": "S", "status": "draft", "description": "d",
            "code": "s", "base": ["Patient"], "type": "token", **more}  # fmt: skip


def planned(**action):
    return {"resourceType": "PlanDefinition", "name": "P", "status": "draft", "action": [action]}


def needing(**requirement):
    return {"resourceType": "Library", "name": "L", "status": "draft", "type": {"text": "x"},
            "dataRequirement": [{"type": "Patient", **requirement}]}  # fmt: skip


def bundled(kind, *entries, **more):
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries), **more}


def listed(**more):
    return {"resourceType": "List", "status": "current", "mode": "snapshot", "entry": [ENTRY], **more}


def guide(resource, *groupings):
    defined = {"grouping": list(groupings), "resource": [{"reference": {"reference": "Patient/1"}, **resource}]}
    return {"resourceType": "ImplementationGuide", "url": "http://x", "name": "G", "status": "draft", "packageId": "g",
            "fhirVersion": ["4.0.1"], "definition": defined if groupings else without(defined, "grouping")}  # fmt: skip


def consenting(scope, **more):
    coded = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": scope}]}
    return specimen("Consent") | {"scope": coded, **more}


def naming(*ids):
    return {"resourceType": "NamingSystem", "name": "N", "status": "draft", "kind": "root", "date": "2026",
            "uniqueId": list(ids)}  # fmt: skip


EXT = "Patient.extension[0]"
REPEAT = "MedicationRequest.dosageInstruction[0].timing.repeat"
ITEM = "Questionnaire.item[0]"
ELEMENT = "StructureDefinition.differential.element[1]"
SNAPSHOT = "StructureDefinition.snapshot.element"
INCLUDE = "ValueSet.compose.include[0]"
CONTAINS = "ValueSet.expansion.contains[0]"
PARAMETER = "OperationDefinition.parameter[0]"
TRIGGER = "PlanDefinition.action[0].trigger[0]"
NEED = "Library.dataRequirement[0]"
CC = [{"text": "x"}]
TWO = [{"code": "string"}, {"code": "code"}]

DATA_TYPES = [
    ("ext-1", extended(valueString="a", extension=[{"url": "y", "valueString": "b"}]), EXT),
    ("ext-1", extended(), EXT),
    ("ele-1", IN_PATIENT | {"name": [{"id": "x"}]}, "Patient.name[0]"),
    ("qty-3", extended(valueQuantity={"code": "mg"}), f"{EXT}.valueQuantity.system"),
    ("age-1", extended(valueAge={"value": 3}), f"{EXT}.valueAge.code"),
    ("age-1", extended(valueAge={"value": 0, "system": UCUM, "code": "a"}), f"{EXT}.valueAge.value"),
    ("dis-1", extended(valueDistance={"value": 3, "system": "http://x", "code": "m"}), f"{EXT}.valueDistance.system"),
    ("cnt-3", extended(valueCount={"value": 3, "system": UCUM, "code": "mg"}), f"{EXT}.valueCount.code"),
    ("cnt-3", extended(valueCount={"value": Decimal("1.5"), "system": UCUM, "code": "1"}), f"{EXT}.valueCount.value"),
    ("drt-1", extended(valueDuration={"value": 3, "unit": "days"}), f"{EXT}.valueDuration.code"),
    ("drt-1", extended(valueDuration={"system": UCUM, "code": "d"}), f"{EXT}.valueDuration"),
    ("drt-1", extended(valueDuration={"value": 3, "system": UCUM, "code": "mg"}), f"{EXT}.valueDuration.code"),
    ("per-1", extended(valuePeriod={"start": "2026-02", "end": "2026-01-31"}), f"{EXT}.valuePeriod"),
    ("rng-2", extended(valueRange={"low": {"value": 2}, "high": {"value": 1}}), f"{EXT}.valueRange"),
    ("rat-1", extended(valueRatio={"numerator": {"value": 1}}), f"{EXT}.valueRatio"),
    ("rat-1", extended(valueRatio={"id": "x"}), f"{EXT}.valueRatio"),
    ("att-1", extended(valueAttachment={"data": "AAAA"}), f"{EXT}.valueAttachment.contentType"),
    ("cpt-2", extended(valueContactPoint={"value": "1"}), f"{EXT}.valueContactPoint.system"),
    ("exp-1", extended(valueExpression={"language": "text/cql"}), f"{EXT}.valueExpression"),
    ("tim-1", timed(duration=1), f"{REPEAT}.durationUnit"),
    ("tim-2", timed(period=1), f"{REPEAT}.periodUnit"),
    ("tim-4", timed(duration=-1, durationUnit="d"), f"{REPEAT}.duration"),
    ("tim-5", timed(period=-1, periodUnit="d"), f"{REPEAT}.period"),
    ("tim-6", timed(periodMax=2), f"{REPEAT}.periodMax"),
    ("tim-7", timed(durationMax=2), f"{REPEAT}.durationMax"),
    ("tim-8", timed(countMax=2), f"{REPEAT}.countMax"),
    ("tim-9", timed(offset=30), f"{REPEAT}.offset"),
    ("tim-9", timed(offset=30, when=["CM"]), f"{REPEAT}.offset"),
    ("tim-10", timed(when=["HS"], timeOfDay=["10:00:00"]), f"{REPEAT}.when"),
    ("trd-1", planned(trigger=[{"type": "data-added", "data": [{"type": "Patient"}], "timingDate": "2026"}]), TRIGGER),
    ("trd-2", planned(trigger=[{"type": "periodic", "timingDate": "2026",
     "condition": {"language": "text/cql", "expression": "x"}}]), f"{TRIGGER}.condition"),
    ("trd-3", planned(trigger=[{"type": "named-event"}]), TRIGGER),
    ("trd-3", planned(trigger=[{"type": "periodic"}]), TRIGGER),
    ("trd-3", planned(trigger=[{"type": "data-added"}]), TRIGGER),
    ("drq-1", needing(codeFilter=[{"path": "code", "searchParam": "code"}]), f"{NEED}.codeFilter[0]"),
    ("drq-2", needing(dateFilter=[{"valueDateTime": "2026"}]), f"{NEED}.dateFilter[0]"),
    ("txt-1", IN_PATIENT | {"text": {"status": "empty", "div": "<div>x</div>"}}, "Patient.text.div"),
    ("txt-2", IN_PATIENT | {"text": {"status": "empty", "div": '<div xmlns="http://www.w3.org/1999/xhtml"/>'}},
     "Patient.text.div"),
]  # fmt: skip

CLINICAL = [
    ("cpl-3", specimen("CarePlan") | {
        "activity": [{"reference": {"reference": "#t"}, "detail": {"status": "scheduled"}}]},
     "CarePlan.activity[0]"),
    ("rqg-1", specimen("RequestGroup") | {"action": [{"title": "x"}]}, "RequestGroup.action[0]"),
    ("gol-1", specimen("Goal") | {"target": [{"detailInteger": 1}]}, "Goal.target[0]"),
    ("obs-3", specimen("Observation") | {"referenceRange": [{"appliesTo": CC}]}, "Observation.referenceRange[0]"),
    ("obs-6", specimen("Observation") | {"dataAbsentReason": CC[0]}, "Observation"),
    ("obs-7", specimen("Observation") | {"component": [{"code": CODE, "valueInteger": 3}]}, "Observation"),
    ("con-1", specimen("Condition") | {"stage": [{"type": CC[0]}]}, "Condition.stage[0]"),
    ("con-2", specimen("Condition") | {"evidence": [{"extension": [{"url": "x", "valueCode": "y"}]}]},
     "Condition.evidence[0]"),
    ("con-3", {"resourceType": "Condition", "subject": {"reference": "Patient/1"}, "category": [LISTED],
               "verificationStatus": CONFIRMED}, "Condition.clinicalStatus"),
    ("con-4", without(specimen("Condition"), "clinicalStatus"), "Condition.clinicalStatus"),
    ("con-5", specimen("Condition") | {"verificationStatus": {"coding": [
        CONFIRMED["coding"][0] | {"code": "entered-in-error"}]}}, "Condition.clinicalStatus"),
    ("mad-1", specimen("MedicationAdministration") | {"dosage": {"text": "x"}}, "MedicationAdministration.dosage"),
    ("prr-1", without(specimen("ServiceRequest"), "code"), "ServiceRequest.orderDetail"),
    ("inv-1", specimen("Task") | {"authoredOn": "2026-03-02T10:00:00Z", "lastModified": "2026-03-02T09:00:00Z"},
     "Task.lastModified"),
    ("inv-1", {"resourceType": "Parameters", "parameter": [{"name": "a"}]}, "Parameters.parameter[0]"),
    ("ppc-1", without(specimen("Consent"), "policyRule"), "Consent"),
    ("ppc-2", consenting("patient-privacy"), "Consent.patient"),
    ("ppc-3", consenting("research"), "Consent.patient"),
    ("ppc-4", consenting("adr"), "Consent.patient"),
    ("ppc-5", consenting("treatment"), "Consent.patient"),
    ("ctm-1", {"resourceType": "CareTeam", "participant": [
        {"member": {"reference": "Organization/1"}, "onBehalfOf": {"reference": "Organization/2"}}]},
     "CareTeam.participant[0].onBehalfOf"),
    ("sev-1", AUDIT_EVENT | {"entity": [{"name": "a list", "query": "eA=="}]}, "AuditEvent.entity[0]"),
    ("grp-1", specimen("Group") | {"actual": False}, "Group.member"),
    ("org-1", {"resourceType": "Organization", "active": True}, "Organization"),
    ("org-2", {"resourceType": "Organization", "name": "H", "address": [{"use": "work"}, {"use": "home"}]},
     "Organization.address[1].use"),
    ("org-3", {"resourceType": "Organization", "name": "H", "telecom": [{"use": "home"}]},
     "Organization.telecom[0].use"),
    ("pat-1", IN_PATIENT | {"contact": [{"gender": "male"}]}, "Patient.contact[0]"),
    ("lst-1", listed(emptyReason=CC[0]), "List.emptyReason"),
    ("lst-2", listed(entry=[ENTRY | {"deleted": True}]), "List.entry[0].deleted"),
    ("lst-3", listed(entry=[ENTRY | {"date": "2026"}]), "List.entry[0].date"),
    ("mrp-1", specimen("MeasureReport") | {"type": "data-collection"}, "MeasureReport.group"),
    ("mrp-2", specimen("MeasureReport") | {"group": [{"stratifier": [{"stratum": [{"population": [{"count": 1}]}]}]}]},
     "MeasureReport.group[0].stratifier[0].stratum[0]"),
    ("qrs-1", {"resourceType": "QuestionnaireResponse", "status": "completed", "item": [
        {"linkId": "1", "answer": [{"valueInteger": 1}], "item": [{"linkId": "2"}]}]}, "QuestionnaireResponse.item[0]"),
    ("cmp-1", specimen("Composition") | {"section": [{"title": "x"}]}, "Composition.section[0]"),
    ("cmp-2", specimen("Composition") | {"section": [{"emptyReason": CC[0], "entry": [{"reference": "Patient/1"}]}]},
     "Composition.section[0]"),
]  # fmt: skip

DEFINITIONS = [
    ("que-1", asking(item("group")), ITEM),
    ("que-1", asking(item("display", item=[{"linkId": "2", "type": "string"}])), ITEM),
    ("que-2", asking(item("group", item=[item()])), f"{ITEM}.item[0].linkId"),
    ("que-3", asking(item("display", code=[{"code": "x"}])), f"{ITEM}.code"),
    ("que-4", asking(item("choice", answerOption=[{"valueString": "x"}], answerValueSet="http://x")), ITEM),
    ("que-5", asking(item("boolean", answerValueSet="http://x")), ITEM),
    ("que-6", asking(item("display", required=True)), ITEM),
    ("que-7", asking(item(enableWhen=[{"question": "2", "operator": "exists", "answerString": "x"}])),
     f"{ITEM}.enableWhen[0]"),
    ("que-8", asking(item("display", initial=[{"valueString": "x"}])), f"{ITEM}.initial"),
    ("que-9", asking(item("display", readOnly=True)), f"{ITEM}.readOnly"),
    ("que-10", asking(item("date", maxLength=3)), f"{ITEM}.maxLength"),
    ("que-11", asking(item("choice", answerOption=[{"valueString": "x"}], initial=[{"valueString": "x"}])),
     f"{ITEM}.initial"),
    ("que-12", asking(item(enableWhen=[{"question": "2", "operator": "=", "answerString": "x"}] * 3)),
     f"{ITEM}.enableBehavior"),
    ("que-12", asking(item(enableWhen=[{"question": "2", "operator": "=", "answerString": "x"}] * 2)),
     f"{ITEM}.enableBehavior"),
    ("que-13", asking(item(initial=[{"valueString": "x"}, {"valueString": "y"}])), f"{ITEM}.initial"),
    ("cpb-1", without(able(), "rest"), "CapabilityStatement"),
    ("cpb-2", without(able(), "implementation"), "CapabilityStatement"),
    ("cpb-3", able(kind="requirements", messaging=[{"endpoint": [{"protocol": {"code": "http"}, "address": "http://x"}]}]),
     "CapabilityStatement.messaging[0].endpoint"),
    ("cpb-7", able(document=[{"mode": "producer", "profile": "http://x"}] * 2), "CapabilityStatement.document[1]"),
    ("cpb-9", serving({"type": "Patient"}, {"type": "Patient"}), "CapabilityStatement.rest[0].resource[1]"),
    ("cpb-12", serving({"type": "Patient", "searchParam": [{"name": "a", "type": "token"}] * 2}),
     "CapabilityStatement.rest[0].resource[0].searchParam[1]"),
    ("cpb-14", without(able(description="x"), "implementation"), "CapabilityStatement.implementation"),
    ("cpb-15", able(kind="capability"), "CapabilityStatement"),
    ("cpb-16", able(kind="requirements"), "CapabilityStatement"),
    ("sdf-1", snapped(laid("Patient.x"), laid("Patient.x", id="y"), derivation="specialization"),
     f"{SNAPSHOT}[2].path"),
    ("sdf-2", structure(mapping=[{"identity": "x"}]), "StructureDefinition.mapping[0]"),
    ("sdf-3", snapped(without(laid("Patient.x"), "min")), f"{SNAPSHOT}[1]"),
    ("sdf-3", snapped(without(laid("Patient.x"), "definition")), f"{SNAPSHOT}[1]"),
    ("sdf-4", without(structure(), "baseDefinition"), "StructureDefinition.baseDefinition"),
    ("sdf-5", structure(type="Extension", differential={"element": [{"id": "Extension", "path": "Extension"}]}),
     "StructureDefinition.context"),
    ("sdf-6", without(structure(), "differential"), "StructureDefinition"),
    ("sdf-8", snapped(laid("Group.x")), f"{SNAPSHOT}[1].path"),
    ("sdf-8", snapped(laid("Group"), laid("Group.x")), f"{SNAPSHOT}[0].path"),
    ("sdf-8a", structure({"id": "Group.x", "path": "Group.x"}), f"{ELEMENT}.path"),
    ("sdf-8a", structure(differential={"element": [{"id": "Group", "path": "Group"}]}),
     "StructureDefinition.differential.element[0].path"),
    ("sdf-8a", structure({"id": "y", "path": "Other.x"}, kind="logical"), f"{ELEMENT}.path"),
    ("sdf-8b", snapped(without(laid("Patient.x"), "base")), f"{SNAPSHOT}[1].base"),
    ("sdf-9", snapped(laid("Patient", label="x")), f"{SNAPSHOT}[0]"),
    ("sdf-9", structure(differential={"element": [{"id": "p", "path": "Patient", "requirements": "x"}]}),
     "StructureDefinition.differential.element[0]"),
    ("sdf-10", snapped(laid("Patient.x", binding={"strength": "example"})), f"{SNAPSHOT}[1].binding"),
    ("sdf-11", snapped(laid("Group")), f"{SNAPSHOT}[0].path"),
    ("sdf-14", structure({"path": "Patient.x"}), f"{ELEMENT}.id"),
    ("sdf-15", snapped(laid("Patient", type=[{"code": "Patient"}])), f"{SNAPSHOT}[0].type"),
    ("sdf-15a", structure(differential={"element": [{"id": "p", "path": "Patient", "type": [{"code": "Patient"}]}]}),
     "StructureDefinition.differential.element[0].type"),
    ("sdf-16", snapped(laid("Patient.x"), laid("Patient.y", id="Patient.x")), f"{SNAPSHOT}[2].id"),
    ("sdf-17", structure({"id": "Patient", "path": "Patient.x"}), f"{ELEMENT}.id"),
    ("sdf-18", structure(contextInvariant=["true"]), "StructureDefinition.contextInvariant"),
    ("sdf-19", element(type=[{"code": "http://x/y"}]) | {"url": "http://hl7.org/fhir/StructureDefinition/x"},
     f"{ELEMENT}.type[0].code"),
    ("sdf-19", element(type=[{"code": "a.b"}]) | {"url": "http://hl7.org/fhir/StructureDefinition/x"},
     f"{ELEMENT}.type[0].code"),
    ("sdf-20", structure(differential={"element": [
        {"id": "p", "path": "Patient", "slicing": {"description": "x", "rules": "open"}}]}),
     "StructureDefinition.differential.element[0].slicing"),
    ("sdf-21", element(defaultValueCode="x"), ELEMENT),
    ("sdf-22", element(defaultValueCode="x") | {"url": "http://hl7.org/fhir/StructureDefinition/x"}, ELEMENT),
    ("sdf-23", snapped(laid("Patient", sliceName="x")), f"{SNAPSHOT}[0].sliceName"),
    ("eld-1", element(slicing={"rules": "open"}), f"{ELEMENT}.slicing"),
    ("eld-2", element(min=2, max="1"), ELEMENT),
    ("eld-3", element(max="many"), f"{ELEMENT}.max"),
    ("eld-4", element(type=[{"code": "string", "aggregation": ["bundled"]}]), f"{ELEMENT}.type[0].aggregation"),
    ("eld-5", element(contentReference="#x", type=[{"code": "string"}]), ELEMENT),
    ("eld-5", element(contentReference="#x", maxValueInteger=3), ELEMENT),
    ("eld-6", element(fixedCode="x", type=TWO), ELEMENT),
    ("eld-7", element(patternCode="x", type=TWO), ELEMENT),
    ("eld-8", element(patternCode="x", fixedCode="x"), ELEMENT),
    ("eld-11", element(binding={"strength": "example", "description": "x"}, type=[{"code": "Period"}]),
     f"{ELEMENT}.binding"),
    ("eld-12", element(binding={"strength": "required", "valueSet": "x"}), f"{ELEMENT}.binding.valueSet"),
    ("eld-12", element(binding={"strength": "required", "valueSet": "#x"}), f"{ELEMENT}.binding.valueSet"),
    ("eld-13", element(type=[{"code": "code"}] * 2), f"{ELEMENT}.type[1]"),
    ("eld-14", element(constraint=[{"key": "a-1", "severity": "error", "human": "x", "expression": "true"}] * 2),
     f"{ELEMENT}.constraint[1]"),
    ("eld-15", element(defaultValueCode="x", meaningWhenMissing="y"), ELEMENT),
    ("eld-16", element(sliceName="a b"), f"{ELEMENT}.sliceName"),
    ("eld-17", element(type=[{"code": "string", "targetProfile": ["http://x"]}]), f"{ELEMENT}.type[0].targetProfile"),
    ("eld-18", element(isModifier=True), f"{ELEMENT}.isModifierReason"),
    ("eld-19", structure({"id": "x", "path": "Patient.a(b)"}), f"{ELEMENT}.path"),
    ("eld-19", structure({"id": "x", "path": f"Patient.{'a' * 65}"}), f"{ELEMENT}.path"),
    ("eld-20", structure({"id": "x", "path": "Patient.a_b"}), f"{ELEMENT}.path"),
    ("eld-21", element(constraint=[{"key": "a-1", "severity": "error", "human": "x"}]),
     f"{ELEMENT}.constraint[0].expression"),
    ("eld-22", element(sliceIsConstraining=True), ELEMENT),
    ("csd-1", {"resourceType": "CodeSystem", "name": "C", "status": "draft", "content": "complete",
               "concept": [{"code": "a", "concept": [{"code": "a"}]}]}, "CodeSystem.concept[0].concept[0].code"),
    ("vsd-1", drawn(version="1"), INCLUDE),
    ("vsd-2", drawn(valueSet=["http://x"], concept=[{"code": "a"}]), f"{INCLUDE}.system"),
    ("vsd-3", drawn(system="http://x", concept=[{"code": "a"}], filter=[{"property": "a", "op": "=", "value": "b"}]),
     INCLUDE),
    ("vsd-6", expanded(abstract=True, system="http://x"), CONTAINS),
    ("vsd-9", expanded(display="x"), CONTAINS),
    ("vsd-10", expanded(code="x"), f"{CONTAINS}.system"),
    ("cmd-1", mapped(element=[{"code": "a", "target": [{"code": "b", "equivalence": "narrower"}]}]),
     "ConceptMap.group[0].element[0].target[0].comment"),
    ("cmd-2", mapped(unmapped={"mode": "fixed"}), "ConceptMap.group[0].unmapped.code"),
    ("cmd-3", mapped(unmapped={"mode": "other-map"}), "ConceptMap.group[0].unmapped.url"),
    ("opd-1", operation(), PARAMETER),
    ("opd-2", operation(type="code", searchType="token"), f"{PARAMETER}.searchType"),
    ("opd-3", operation(type="code", targetProfile=["http://x"]), f"{PARAMETER}.targetProfile"),
    ("spd-1", searched(xpath="x"), "SearchParameter.xpathUsage"),
    ("spd-2", searched(chain=["x"]), "SearchParameter.chain"),
    ("mea-1", {"resourceType": "Measure", "name": "M", "status": "draft", "group": [{"stratifier": [
        {"extension": [{"url": "x", "valueCode": "y"}]}]}]}, "Measure.group[0].stratifier[0]"),
    ("nsd-1", naming({"type": "uri", "value": "http://x"}, {"type": "uuid", "value": "x"}),
     "NamingSystem.uniqueId[1].type"),
    ("nsd-2", naming(*[{"type": "uri", "value": f"http://{x}", "preferred": True} for x in "xy"]),
     "NamingSystem.uniqueId[1].preferred"),
    ("ig-1", guide({"groupingId": "a"}, {"id": "b", "name": "b"}),
     "ImplementationGuide.definition.resource[0].groupingId"),
    ("ig-2", guide({"fhirVersion": ["4.0.1", "3.0.1"]}), "ImplementationGuide.definition.resource[0].fhirVersion[1]"),
    ("pdf-0", planned(title="x") | {"name": "set haplo"}, "PlanDefinition.name"),
]  # fmt: skip

BUNDLES = [
    ("bdl-1", bundled("collection", total=1), "Bundle.total"),
    ("bdl-2", bundled("collection", {"resource": IN_PATIENT, "search": {"mode": "match"}}), "Bundle.entry[0].search"),
    ("bdl-3", bundled("transaction", {"resource": IN_PATIENT}), "Bundle.entry[0].request"),
    ("bdl-4", bundled("batch-response", {"resource": IN_PATIENT}), "Bundle.entry[0].response"),
    ("bdl-5", bundled("collection", {"fullUrl": "urn:x:y"}), "Bundle.entry[0]"),
    ("bdl-7", bundled("collection", *[{"fullUrl": "urn:x:y", "resource": IN_PATIENT}] * 2), "Bundle.entry[1].fullUrl"),
    ("bdl-8", bundled("collection", {"fullUrl": "http://x/Patient/1/_history/1", "resource": IN_PATIENT}),
     "Bundle.entry[0].fullUrl"),
    ("bdl-9", bundled("document"), "Bundle.identifier"),
    ("bdl-10", bundled("document"), "Bundle.timestamp"),
    ("bdl-11", bundled("document", {"resource": IN_PATIENT}), "Bundle.entry[0]"),
    ("bdl-12", bundled("message", {"resource": IN_PATIENT}), "Bundle.entry[0]"),
]  # fmt: skip
for _, bundle, _ in BUNDLES:
    if not bundle["entry"]:
        del bundle["entry"]

HOLDS = specimen("CarePlan")["contained"][0]
CONTAINED = [
    ("dom-2", specimen("CarePlan") | {"contained": [HOLDS | {"contained": [IN_PATIENT]}]}, "CarePlan.contained[0]"),
    ("dom-3", specimen("CarePlan") | {"activity": [{"reference": {"reference": "Task/9"}}]}, "CarePlan.contained[0]"),
    ("dom-4", specimen("CarePlan") | {"contained": [HOLDS | {"meta": {"versionId": "1"}}]},
     "CarePlan.contained[0].meta"),
    ("dom-5", specimen("CarePlan") | {"contained": [HOLDS | {"meta": {"security": [{"code": "R"}]}}]},
     "CarePlan.contained[0].meta"),
    ("ref-1", IN_PATIENT | {"generalPractitioner": [{"reference": "#z"}]}, "Patient.generalPractitioner[0].reference"),
]  # fmt: skip

ALL = DATA_TYPES + CLINICAL + DEFINITIONS + BUNDLES + CONTAINED
