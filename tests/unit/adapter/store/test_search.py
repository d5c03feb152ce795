"""Search on identifiers, patients, status and codes, by the rules of R4 for tokens and references."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from adapter.errors import Invalid
from adapter.store import search

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
    {"resourceType": "QuestionnaireResponse", "id": "q1", "identifier": {"system": "urn:q", "value": "1"}},
    {"resourceType": "OperationDefinition", "id": "d1", "code": "apply"},
    {"resourceType": "Condition", "id": "k1", "clinicalStatus": concept((LOCAL, "active")), "code": {"text": "AML"}},
]


@pytest.fixture
def find(store, noon):
    with store.transaction() as tx:
        for number, resource in enumerate(RESOURCES):
            centre = "FR-038" if number == 1 else "FR-037"
            tx.resources.put(resource, centre=centre, course="course", sources=[], at=noon)

    def find(kind, *parameters, centres=None, count=50, offset=0):
        with store.reading() as tx:
            page = tx.resources.search(kind, parameters, centres=centres, count=count, offset=offset)
        return page.total, [one.id for one in page.matches]

    return find


@pytest.mark.parametrize(
    ("kind", "parameters", "found"),
    [
        ("Observation", [], ["o1", "o2", "o3", "o4", "o5", "o6"]),
        ("Observation", [("_id", "o2")], ["o2"]),
        ("Observation", [("_id", "o2,o1,zz")], ["o1", "o2"]),
        ("Observation", [("_id", "")], []),
        ("Patient", [("_id", "o2")], []),
        ("Observation", [("identifier", "urn:a|1")], ["o1"]),
        ("Observation", [("identifier", "1")], ["o1"]),
        ("Observation", [("identifier", "urn:a|")], ["o1", "o2"]),
        ("Observation", [("identifier", "|bare")], ["o1"]),
        ("Observation", [("identifier", "|1")], []),
        ("Observation", [("identifier", "urn:masked|")], []),
        ("Observation", [("identifier", "urn:b|1")], []),
        ("Observation", [("identifier", "urn:a|1,urn:a|2")], ["o1", "o2"]),
        ("Observation", [("identifier", ",")], []),
        ("QuestionnaireResponse", [("identifier", "urn:q|1")], ["q1"]),
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
        ("Observation", [("code", "|")], []),
        ("MedicationRequest", [("code", f"{LOCAL}|busulfan")], ["m1"]),
        ("Condition", [("code", "AML")], []),
        ("OperationDefinition", [("code", "apply")], []),
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
        ("Observation", [("identifier", "1\0")], []),
        ("Observation", [("identifier", "' OR 1=1 --")], []),
        ("Nonsense", [], []),
    ],
)
def test_what_is_found(find, kind, parameters, found):
    assert find(kind, *parameters) == (len(found), found)


def test_a_centre_finds_its_own_only(find):
    assert find("Observation", ("identifier", "urn:a|1,urn:a|2"), centres=["FR-038"]) == (1, ["o2"])
    assert find("Observation", ("identifier", "urn:a|1,urn:a|2"), centres=["FR-037", "FR-038"])[0] == 2
    assert find("Observation", centres=[]) == (0, [])


def test_pages_follow_each_other_and_count_every_match(find):
    pages = [find("Observation", count=4, offset=offset) for offset in (0, 4, 8)]
    assert pages == [(6, ["o1", "o2", "o3", "o4"]), (6, ["o5", "o6"]), (6, [])]


@pytest.mark.parametrize(("count", "offset"), [(0, 0), (-1, 0), (5, 2**70)])
def test_a_page_without_entries_still_counts(find, count, offset):
    assert find("Observation", count=count, offset=offset) == (6, [])


def test_a_page_larger_than_any_database(find):
    assert find("Patient", count=2**70, offset=-3) == (1, ["anna"])


def test_a_parameter_that_is_not_indexed_is_refused_by_name(find):
    with pytest.raises(Invalid, match="no such search parameter") as caught:
        find("Observation", ("status", "final"), ("value-quantity", "5"))
    assert [(fault.path, fault.code) for fault in caught.value.faults] == [("value-quantity", "not-supported")]


def test_only_the_newest_version_is_found(find, store, noon):
    corrected = RESOURCES[0] | {"status": "amended", "code": concept((LOINC, "1"))}
    with store.transaction() as tx:
        tx.resources.put(corrected, centre="FR-037", course="course", sources=[], at=noon)
    assert find("Observation", ("code", "cd4")) == (0, [])
    assert find("Observation", ("status", "amended"), ("code", f"{LOINC}|1")) == (1, ["o1"])


def test_searching_reads_the_index_and_not_the_content(store):
    wanted = search.condition("Observation", [("patient", "anna"), ("code", "x|y")], ["FR-037"])
    with store._connected(writes=False) as connection:
        query = search.heads.select().where(wanted).compile(connection, compile_kwargs={"literal_binds": True})
        plan = [row.detail for row in connection.execute(text(f"EXPLAIN QUERY PLAN {query}"))]
    assert [step for step in plan if step.startswith("SCAN")] == []
    assert sum("ix_resource_index_" in step for step in plan) == 2
