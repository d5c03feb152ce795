"""How the tests of `$apply` ask: Parameters with subjects, facts and data, and what to look at in the answer."""

from __future__ import annotations

from decimal import Decimal

from mappings.r4.wire import decode
from tests.lib.forms import ENROLMENT

PLAN = "/fhir/PlanDefinition/set-haplo-pdli"
FACTS = {
    "day-zero": {"valueDate": "2026-03-02"},
    "weight": {"valueQuantity": {"value": 70, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}},
    "height": {"valueQuantity": {"value": 175, "unit": "cm"}},
}
ADA = {"resource": {"resourceType": "Patient", "id": "ada"}}
BEA = {"resource": {"resourceType": "Patient", "id": "bea"}}


def measured(patient, code, value, unit, day="2026-02-10", **more):
    quantity = {"value": Decimal(value), "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}
    return {
        "resource": {
            "resourceType": "Observation",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "subject": {"reference": f"Patient/{patient}"},
            "effectiveDateTime": day,
            "valueQuantity": quantity,
            **more,
        }
    }


def weight(patient, value, day="2026-02-10", **more):
    return measured(patient, "29463-7", value, "kg", day, **more)


def height(patient, value, day="2026-02-10", **more):
    return measured(patient, "8302-2", value, "cm", day, **more)


def parameters(*subjects, facts=FACTS, data=(ADA,), **more):
    items = [{"name": "subject", "valueString": one} for one in subjects or ("Patient/ada",)]
    if facts:
        nested = [{"name": name, **value} for name, value in facts.items()]
        items.append({"name": "parameters", "resource": {"resourceType": "Parameters", "parameter": nested}})
    if data:
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": list(data)}
        items.append({"name": "data", "resource": bundle})
    items += [{"name": name.replace("_", "-"), **value} for name, value in more.items()]
    return {"resourceType": "Parameters", "parameter": items}


def ask(ward, document, path=f"{PLAN}/$apply", who="ehr", **sent):
    return ward.ask("POST", path, who, document=document, content_type="application/fhir+json", **sent)


def named(answer):
    """Parameters that a refusal names."""
    outcome = decode(answer.data)
    assert outcome["resourceType"] == "OperationOutcome"
    return [issue["expression"][0] for issue in outcome["issue"]]


def amounts(plan):
    """Milligrams ordered, by action."""
    found = {}
    for resource in plan.get("contained", ()) or [entry["resource"] for entry in plan["entry"]]:
        if resource["resourceType"] == "MedicationRequest":
            doses = resource["dosageInstruction"][0].get("doseAndRate", ())
            action = resource["identifier"][0]["value"].split("/")[1]
            for dose in doses:
                if dose["type"]["coding"][0]["code"] == "calculated":
                    found[action] = dose["doseQuantity"]["value"]
    return found


def enrolled(ward):
    answer = ward.ask("POST", "/enrolments", document=ENROLMENT)
    assert answer.status_code == 201
    (patient,) = [one for one in decode(answer.data)["resources"] if one.startswith("Patient/")]
    return patient
