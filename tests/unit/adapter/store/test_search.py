"""Search on identifiers, patients, status and codes, by the rules of R4 for tokens, references and URIs."""

from __future__ import annotations

import pytest

from adapter.store.criteria import read
from adapter.store.paging import Window

LOINC, LOCAL = "http://loinc.org", "https://engraft.example/fhir/CodeSystem/engraft"


def concept(*codings):
    return {"coding": [{"system": system, "code": code} if system else {"code": code} for system, code in codings]}


RESOURCES = [
    {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "identifier": [
            {"system": "urn:a", "value": "1"},
            {"value": "bare"},
            {"system": "urn:masked"},
            {"extension": []},
        ],
        "code": concept((LOINC, "24467-3"), (LOCAL, "cd4")),
        "subject": {"reference": "Patient/anna"},
    },
    {
        "resourceType": "Observation",
        "id": "o2",
        "status": "entered-in-error",
        "identifier": [{"system": "urn:a", "value": "2"}],
        "code": concept((LOINC, "26499-4")),
        "subject": {"reference": "Patient/bela/_history/3"},
    },
    {
        "resourceType": "Observation",
        "id": "o3",
        "status": "final",
        "code": concept((None, "26499-4")),
        "subject": {"reference": "http://hospital/fhir/Patient/anna"},
    },
    {"resourceType": "Observation", "id": "o4", "status": "final", "subject": {"reference": "Group/anna"}},
    {"resourceType": "Observation", "id": "o5", "status": "final", "subject": {"reference": "#contained"}},
    {"resourceType": "Observation", "id": "o6", "status": "final", "subject": {"display": "somebody"}},
    {"resourceType": "Task", "id": "t1", "status": "draft", "for": {"reference": "Patient/anna"}},
    {"resourceType": "Consent", "id": "c1", "status": "active", "patient": {"reference": "Patient/anna"}},
    {
        "resourceType": "MedicationRequest",
        "id": "m1",
        "status": "draft",
        "medicationCodeableConcept": concept((LOCAL, "busulfan")),
        "subject": {"reference": "Patient/anna"},
    },
    {"resourceType": "Patient", "id": "anna", "identifier": [{"system": "urn:p", "value": "a|b,c"}]},
    {"resourceType": "RequestGroup", "id": "r1", "groupIdentifier": {"system": "urn:g", "value": "1"}},
    {"resourceType": "OperationDefinition", "id": "d1", "code": "apply"},
    {"resourceType": "Condition", "id": "k1", "clinicalStatus": concept((LOCAL, "active")), "code": {"text": "AML"}},
    {
        "resourceType": "CarePlan",
        "id": "p1",
        "meta": {
            "profile": ["urn:profile|1"],
            "tag": [{"system": LOCAL, "code": "x"}],
            "security": [{"system": LOCAL, "code": "R"}],
        },
        "status": "draft",
        "instantiatesCanonical": ["https://engraft.example/fhir/PlanDefinition/set|0.1.0", "urn:unversioned"],
        "activity": [
            {"reference": {"reference": "MedicationRequest/m1"}},
            {"reference": {"reference": "https://hospital/fhir/Task/t9"}},
            {"detail": {"status": "unknown"}},
        ],
    },
    {"resourceType": "CarePlan", "id": "p2", "status": "draft"},
]


@pytest.fixture
def find(store, noon):
    with store.transaction() as tx:
        for number, resource in enumerate(RESOURCES):
            centre = "FR-038" if number == 1 else "FR-037"
            tx.resources.put(resource, centre=centre, course="course", sources=[], at=noon)

    def find(kind, *parameters, centres=None, count=50):
        criteria = [read(kind, name, value) for name, value in parameters]
        with store.reading() as tx:
            page = tx.resources.search(kind, criteria, Window(count), centres=centres)
        return page.total, [one.id for one in page.matches]

    return find


@pytest.mark.parametrize(
    ("kind", "parameters", "found"),
    [
        ("Observation", [], ["o1", "o2", "o3", "o4", "o5", "o6"]),
        ("Observation", [("_id", "o2")], ["o2"]),
        ("Observation", [("_id", "o2,o1,zz")], ["o1", "o2"]),
        ("Observation", [("_id", "o1"), ("_id", "o1,o2"), ("patient", "anna")], ["o1"]),
        ("Observation", [("patient", "anna"), ("_id", "o2")], []),
        ("Patient", [("_id", "o2")], []),
        ("Observation", [("identifier", "urn:a|1")], ["o1"]),
        ("Observation", [("identifier", "1")], ["o1"]),
        ("Observation", [("identifier", "urn:a|")], ["o1", "o2"]),
        ("Observation", [("identifier", "|bare")], ["o1"]),
        ("Observation", [("identifier", "|1")], []),
        ("Observation", [("identifier", "urn:masked|")], []),
        ("Observation", [("identifier", "urn:b|1")], []),
        ("Observation", [("identifier", "urn:a|1,urn:a|2")], ["o1", "o2"]),
        ("Observation", [("identifier", "urn:a|2,,urn:a|1")], ["o1", "o2"]),
        ("RequestGroup", [("group-identifier", "urn:g|1")], ["r1"]),
        ("Patient", [("identifier", r"urn:p|a\|b\,c")], ["anna"]),
        ("Patient", [("identifier", "urn:p|a|b,c")], []),
        ("Observation", [("status", "final")], ["o1", "o3", "o4", "o5", "o6"]),
        ("Observation", [("status", "final,entered-in-error")], ["o1", "o2", "o3", "o4", "o5", "o6"]),
        ("Observation", [("status", "final"), ("status", "entered-in-error")], []),
        ("Observation", [("code", f"{LOINC}|24467-3")], ["o1"]),
        ("Observation", [("code", "cd4")], ["o1"]),
        ("Observation", [("code", "26499-4")], ["o2", "o3"]),
        ("Observation", [("code", "|26499-4")], ["o3"]),
        ("Observation", [("code", f"{LOCAL}|")], ["o1"]),
        ("Observation", [("code", "CD4")], []),
        ("MedicationRequest", [("code", f"{LOCAL}|busulfan")], ["m1"]),
        ("Condition", [("code", "AML")], []),
        ("Condition", [("code:missing", "false")], ["k1"]),
        ("Condition", [("code:missing", "true")], []),
        ("Condition", [("stage:missing", "true")], ["k1"]),
        ("Condition", [("clinical-status", "active")], ["k1"]),
        ("OperationDefinition", [("_id", "d1")], ["d1"]),
        ("Observation", [("patient", "anna")], ["o1"]),
        ("Observation", [("patient", "Patient/anna")], ["o1"]),
        ("Observation", [("patient", "http://hospital/fhir/Patient/anna")], ["o3"]),
        ("Observation", [("patient", "Patient/bela")], ["o2"]),
        ("Observation", [("patient", "Group/anna")], []),
        ("Observation", [("subject", "anna")], ["o1", "o3", "o4"]),
        ("Observation", [("subject", "Group/anna")], ["o4"]),
        ("Observation", [("subject", "contained")], []),
        ("Task", [("patient", "anna")], ["t1"]),
        ("Consent", [("patient", "anna"), ("status", "active")], ["c1"]),
        ("Observation", [("patient", "anna"), ("code", "cd4"), ("status", "final")], ["o1"]),
        ("Observation", [("subject:Patient", "anna")], ["o1"]),
        ("Observation", [("subject:Group", "anna")], ["o4"]),
        ("Observation", [("patient:Patient", "anna")], ["o1"]),
        ("Observation", [("patient", "anna,bela")], ["o1", "o2"]),
        ("Observation", [("patient", "Patient/anna/_history/2")], ["o1"]),
        ("Observation", [("subject:missing", "true")], []),
        ("Observation", [("patient:missing", "true")], ["o4", "o5", "o6"]),
        ("Observation", [("identifier:missing", "true,false"), ("code", "26499-4")], ["o2", "o3"]),
        ("Observation", [("identifier", "1\0")], []),
        ("Observation", [("identifier", "1\0,urn:a|2")], ["o2"]),
        ("Observation", [("identifier", "' OR 1=1 --")], []),
        ("Observation", [("status", "http://hl7.org/fhir/observation-status|entered-in-error")], ["o2"]),
        ("Observation", [("status", "urn:other|entered-in-error")], []),
        ("Observation", [("status", "|entered-in-error")], []),
        ("Observation", [("status:not", "final")], ["o2"]),
        ("Observation", [("code:not", f"{LOINC}|26499-4")], ["o1", "o3", "o4", "o5", "o6"]),
        ("Observation", [("code:not", "26499-4,24467-3")], ["o4", "o5", "o6"]),
        ("Observation", [("code:not", "1\0"), ("patient", "anna")], ["o1"]),
        ("Observation", [("_id:missing", "true")], []),
        ("Patient", [("_id:missing", "false"), ("_lastUpdated:missing", "false")], ["anna"]),
        ("CarePlan", [("_profile", "urn:profile")], ["p1"]),
        ("CarePlan", [("_profile", "urn:profile|1")], ["p1"]),
        ("CarePlan", [("_profile", "urn:profile|2")], []),
        ("CarePlan", [("_tag", f"{LOCAL}|x"), ("_security", "R")], ["p1"]),
        ("CarePlan", [("_tag:not", "x")], ["p2"]),
        ("CarePlan", [("instantiates-canonical", "https://engraft.example/fhir/PlanDefinition/set")], ["p1"]),
        ("CarePlan", [("instantiates-canonical", "https://engraft.example/fhir/PlanDefinition/set|0.1.0")], ["p1"]),
        ("CarePlan", [("instantiates-canonical", "https://engraft.example/fhir/PlanDefinition/set|9")], []),
        ("CarePlan", [("instantiates-canonical", "urn:unversioned|1")], []),
        ("CarePlan", [("activity-reference", "MedicationRequest/m1")], ["p1"]),
        ("CarePlan", [("activity-reference", "m1")], ["p1"]),
        ("CarePlan", [("activity-reference:Task", "m1")], []),
        ("CarePlan", [("activity-reference", "https://hospital/fhir/Task/t9")], ["p1"]),
        ("CarePlan", [("activity-reference:missing", "true")], ["p2"]),
        ("Nonsense", [], []),
    ],
)
def test_what_is_found(find, kind, parameters, found):
    assert find(kind, *parameters) == (len(found), found)


def test_a_centre_finds_its_own_only(find):
    assert find("Observation", ("identifier", "urn:a|1,urn:a|2"), centres=["FR-038"]) == (1, ["o2"])
    assert find("Observation", ("identifier", "urn:a|1,urn:a|2"), centres=["FR-037", "FR-038"])[0] == 2
    assert find("Observation", centres=[]) == (0, [])


@pytest.mark.parametrize("count", [0, -1])
def test_a_page_without_entries_still_counts(find, count):
    assert find("Observation", count=count) == (6, [])


def test_a_page_larger_than_any_database(find):
    assert find("Patient", count=2**70) == (1, ["anna"])


def test_only_the_newest_version_is_found(find, store, noon):
    corrected = RESOURCES[0] | {"status": "amended", "code": concept((LOINC, "1"))}
    with store.transaction() as tx:
        tx.resources.put(corrected, centre="FR-037", course="course", sources=[], at=noon)
    assert find("Observation", ("code", "cd4")) == (0, [])
    assert find("Observation", ("status", "amended"), ("code", f"{LOINC}|1")) == (1, ["o1"])


def test_what_is_deleted_is_found_by_nothing_not_even_by_what_it_lacks(find, store, noon):
    with store.transaction() as tx:
        tx.resources.delete("CarePlan", "p2", noon)
    assert find("CarePlan", ("_tag:not", "x")) == (0, [])
    assert find("CarePlan", ("activity-reference:missing", "true")) == (0, [])
    assert find("CarePlan", ("_id", "p2")) == (0, [])
