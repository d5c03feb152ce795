"""The table of search parameters says what R4 says, and a new type needs rows and nothing else."""

from __future__ import annotations

import csv
import re

import pytest

from adapter.store import index, parameters
from adapter.store.parameters import read
from adapter.store.paths import values
from mappings.r4.subset import outlines
from tests.lib.tree import ROOT

HEAD = "type,name,kind,path,of,definition\n*,_id,token,,,Resource-id\n"
R4 = {
    (row["type"], row["name"]): row
    for row in csv.DictReader((ROOT / "tests/data/r4_search_parameters.csv").read_text("ascii").splitlines())
}
"""R4's own search parameters (4.0.1) of the types that we serve or shall serve."""

ROWS = [one for found in parameters.table().values() for one in found.values() if one.type != parameters.EVERY]
COMMON = list(parameters.of(parameters.EVERY).values())
OURS = {
    ("PlanDefinition", "definition"): "action*.definition[x]",  # R4 looks at the outermost actions only
    ("Observation", "value-quantity"): "valueQuantity",  # we hold no sampled data
}
"""Where we look in another place than R4's expression, and why."""


def named(one):
    return f"{one.type}.{one.name}"


@pytest.mark.parametrize("one", [*ROWS, *COMMON], ids=named)
def test_a_parameter_has_the_name_the_kind_and_the_definition_of_r4(one):
    theirs = R4["Resource" if one.type == parameters.EVERY else one.type, one.name]
    assert (one.kind, one.definition) == (theirs["kind"], theirs["definition"])


@pytest.mark.parametrize("one", ROWS, ids=named)
def test_a_parameter_is_read_where_r4_reads_it(one):
    ours = OURS.get((one.type, one.name))
    assert " ".join(one.paths) == (ours or paths(one.type, R4[one.type, one.name]["expression"]))


def paths(kind, expression):
    """R4's FHIRPath, in the few words of our paths."""
    return " ".join(_path(kind, part.strip().strip("()")) for part in expression.split(" | "))


def _path(kind, part):
    said = re.fullmatch(rf"{kind}\.([\w.]+?)(?: as (\w+)|\.as\((\w+)\)?|\.where\(resolve\(\) is (\w+)\)?)?", part)
    assert said, part
    path, cast, also_cast, only = said.groups()
    if cast := cast or also_cast:
        return path + cast[0].upper() + cast[1:]
    choice = f"{path}[x]" if f"{path}[x]" in outlines()[kind].elements else path
    return f"{choice}:{only}" if only else choice


@pytest.mark.parametrize("one", [one for one in ROWS if one.kind == "reference"], ids=named)
def test_a_reference_leads_to_types_that_r4_allows(one):
    theirs = R4[one.type, one.name]["targets"]
    assert theirs == "any" or one.canonical or set(one.of) <= {*theirs.split()} & {*parameters.types()}


@pytest.mark.parametrize("one", [one for one in ROWS if one.system], ids=named)
def test_only_a_code_has_an_implied_system(one):
    assert one.paths in {("status",), ("intent",), ("lifecycleStatus",), ("gender",)}
    # R4 took this one code list from elsewhere
    elsewhere = "http://terminology.hl7.org/CodeSystem/medication-admin-status"
    assert one.system.startswith("http://hl7.org/fhir/") or one.system == elsewhere


PLANNED = (
    HEAD
    + """\
Provenance,target,reference,target,any,Provenance-target
Provenance,patient,reference,target:Patient,Patient,Provenance-patient
Provenance,recorded,date,recorded,,Provenance-recorded
Provenance,agent,reference,agent.who,,Provenance-agent
QuestionnaireResponse,questionnaire,reference,questionnaire,canonical,QuestionnaireResponse-questionnaire
QuestionnaireResponse,identifier,token,identifier,,QuestionnaireResponse-identifier
QuestionnaireResponse,authored,date,authored,,QuestionnaireResponse-authored
MedicationAdministration,effective-time,date,effective[x],,MedicationAdministration-effective-time
MedicationAdministration,code,token,medicationCodeableConcept,,clinical-code
ResearchStudy,title,string,title,,ResearchStudy-title
Patient,active,token,active,,Patient-active
"""
)
RESOURCES = [
    {
        "resourceType": "Provenance",
        "id": "v",
        "target": [{"reference": "CarePlan/p"}, {"reference": "Patient/anna"}],
        "recorded": "2026-03-02T10:00:00Z",
        "agent": [{"who": {"identifier": {"value": "1234"}}}],
    },
    {
        "resourceType": "QuestionnaireResponse",
        "id": "q",
        "questionnaire": "urn:follow-up|0.1.0",
        "identifier": {"system": "urn:q", "value": "1"},
        "authored": "2026-03",
    },
    {
        "resourceType": "MedicationAdministration",
        "id": "m",
        "effectivePeriod": {"start": "2026-02-17"},
        "medicationCodeableConcept": {"coding": [{"system": "urn:atc", "code": "L01"}, {"display": "only words"}]},
    },
    {"resourceType": "ResearchStudy", "id": "s", "title": "Étude"},
    {"resourceType": "Patient", "id": "anna", "active": True},
]


def test_a_new_type_is_served_by_its_rows_alone(monkeypatch):
    table = read(PLANNED)
    monkeypatch.setattr(parameters, "table", lambda: table)
    found = {}
    for resource in RESOURCES:
        for rows in index.rows(resource).values():
            for row in rows:
                said = [str(row[name]) for name in ("system", "value", "folded", "low") if name in row]
                found.setdefault(f"{resource['resourceType']}.{row['parameter']}", []).append("|".join(said))
    assert found == {
        "Provenance.target": ["CarePlan|p", "Patient|anna"],
        "Provenance.patient": ["Patient|anna"],
        "Provenance.recorded": ["2026-03-02 10:00:00"],
        "Provenance.agent": ["|"],
        "QuestionnaireResponse.questionnaire": ["0.1.0|urn:follow-up"],
        "QuestionnaireResponse.identifier": ["urn:q|1"],
        "QuestionnaireResponse.authored": ["2026-03-01 00:00:00"],
        "MedicationAdministration.effective-time": ["2026-02-17 00:00:00"],
        "MedicationAdministration.code": ["urn:atc|L01"],
        "ResearchStudy.title": ["Étude|etude"],
        "Patient.active": ["http://terminology.hl7.org/CodeSystem/special-values|true"],
    }
    assert parameters.types() == tuple(sorted({resource["resourceType"] for resource in RESOURCES}))


@pytest.mark.parametrize("row", ["Patient,active,token,active,,Patient-active\n" * 2, "Patient,near,special,a,,x\n"])
def test_a_row_that_is_there_twice_or_of_an_unknown_kind_stops_the_program(row):
    with pytest.raises(ValueError, match=r"search_parameters.csv: Patient (active|near)"):
        read(HEAD + row)


def test_nothing_is_read_from_what_is_not_there_or_not_of_its_kind():
    strange = {"resourceType": "Observation", "id": "o", "status": None, "code": [5], "effectiveDateTime": 7}
    strange |= {"subject": "Patient/anna", "valueQuantity": {"value": "many"}}
    assert [row for rows in index.rows(strange).values() for row in rows] == []
    strange = {"resourceType": "PlanDefinition", "id": "p", "name": {"text": "x"}, "url": {}, "action": {"action": []}}
    assert [row for rows in index.rows(strange).values() for row in rows] == []


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a", [1]),
        ("b.c", [2, 3]),
        ("b.c:Patient", [2, 3]),
        ("d*.e", [4, 5, 6]),
        ("value[x]", ["x", "y"]),
        ("values", ["no choice"]),
        ("a.b", []),
        ("z", []),
    ],
)
def test_a_path(path, found):
    node = {
        "a": 1,
        "b": [{"c": 2}, {"c": [3]}, {}],
        "d": [{"e": 4, "d": [{"e": 5, "d": [{"e": 6}]}]}],
        "valueString": "x",
        "valueCode": "y",
        "values": "no choice",
    }
    assert sorted(map(str, values(node, path))) == sorted(map(str, found))
