"""Every code of the artefacts was seen in two places, or is ours, or says that it waits and why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from mappings import canonicals
from mappings.canonicals import DEFAULT
from mappings.terminology import codes
from mappings.terminology.systems import SYSTEMS
from mappings.terminology.tables import TABLES, table, units, unvalidated
from tests.lib.guide.concept_maps import NCIT
from tests.lib.guide.definitions import definition_of
from tests.lib.guide.naming_systems import SYSTEMS as NAMED
from tests.lib.guide.package import artefacts
from tests.lib.tree import python

ACTIONS = DEFAULT.url("CodeSystem", "action")
HL7 = re.compile(r"https?://(terminology\.)?hl7\.org/(fhir/|CodeSystem/)\S*")
URI = {kind.name: kind.uri for kind in SYSTEMS.values()} | {"LOCAL": DEFAULT.local, "NCIT": NCIT}
CLINICAL = {canonicals.ICD_10, canonicals.ICD_10_CM}
"""Under hl7.org, and still other people's codes."""

Pair = tuple[str, str]


def seen_twice() -> set[Pair]:
    rows = [row for name in TABLES for row in table(name).values()]
    return {(code.system(DEFAULT), code.value) for row in rows for code in row.codes} | {
        (canonicals.UCUM, unit) for unit in units()
    }


def waiting() -> dict[Pair, list[str]]:
    found: dict[Pair, list[str]] = {}
    for one in unvalidated():
        found.setdefault((URI.get(one.system, one.system), one.code), []).append(one.reason)
    return found


def pairs(node: Any) -> Iterator[Pair]:
    """(system, code) of everything coded: codings, concepts of value sets, both sides of maps."""
    if isinstance(node, list):
        for one in node:
            yield from pairs(one)
    if not isinstance(node, dict):
        return
    if isinstance(node.get("system"), str) and "code" in node:
        yield node["system"], node["code"]
    if "system" in node and "concept" in node:
        yield from ((node["system"], one["code"]) for one in node["concept"])
    if "source" in node and "element" in node:
        yield from ((node["source"], one["code"]) for one in node["element"])
        yield from ((node["target"], target["code"]) for one in node["element"] for target in one["target"])
    for value in node.values():
        yield from pairs(value)


@pytest.fixture(scope="module")
def made() -> dict[str, dict[str, Any]]:
    return {f"{one['resourceType']}/{one['id']}": one for one in artefacts()}


def test_every_code_is_seen_twice_or_ours_or_waits_in_a_draft(made):
    known, waits = seen_twice(), waiting()
    for name, artefact in made.items():
        for system, code in pairs(artefact):
            if system == ACTIONS or (HL7.fullmatch(system) and system not in CLINICAL):
                continue
            draft = artefact["resourceType"] == "ConceptMap" and artefact["status"] == "draft"
            assert (system, code) in known or (draft and (system, code) in waits), (name, system, code)


def test_a_target_that_waits_says_why(made):
    waits = waiting()
    found = 0
    for id_ in ("unconfirmed", "to-ncit"):
        for group in made[f"ConceptMap/{id_}"]["group"]:
            for target in (target for element in group["element"] for target in element["target"]):
                assert target["comment"] in waits[group["target"], target["code"]]
                assert target["equivalence"] == "relatedto"
                found += 1
    assert found > 20


def test_what_must_never_be_sent_is_no_target_at_all(made):
    """Horse globulin for rabbit, the recipient's share for the donor's, a ratio for a count, another disease."""
    maps = [one for name, one in made.items() if name.startswith("ConceptMap/")]
    targets = {target["code"] for one in maps for g in one["group"] for e in g["element"] for target in e["target"]}
    assert targets & {"1011", "103154-1", "102113-8", "49025-0", "93022-2", "409330005", "81956-5", "3140-1"} == set()


def test_a_remission_is_wider_than_that_of_eln_and_dead_is_dead(made):
    (group,) = made["ConceptMap/to-snomed"]["group"]
    said = {element["code"]: element["target"] for element in group["element"]}
    assert said["cr"] == [{"code": "103338009", "equivalence": "wider"}]
    assert said["pr"] == [{"code": "103337004", "equivalence": "wider"}]
    assert said["dead"] == [{"code": "419099009", "equivalence": "equivalent"}]
    assert said["relapse-unknown"] == [{"code": "261665006", "equivalence": "wider"}]


def test_drugs_go_to_cibmtr_by_the_ingredient(made):
    (group,) = made["ConceptMap/to-cibmtr"]["group"]
    assert {element["code"]: element["target"][0]["code"] for element in group["element"]} == {
        "L01AC01": "10473",
        "L01AA01": "3002",
        "L01CB01": "4179",
        "L01BB05": "24698",
        "L01AB01": "1828",
        "L04AA04": "225741",
        "L04AD01": "3008",
        "L04AA06": "68149",
    }


def test_every_concept_of_ours_has_a_definition_that_says_more_than_its_name(made):
    for id_ in ("engraft", "action"):
        for concept in made[f"CodeSystem/{id_}"]["concept"]:
            assert concept["definition"].endswith(".")
            assert len(concept["definition"]) > len(concept["display"])
    assert "never the recipient" in definition_of("donor-chimerism-percent")
    assert "ELN 2022" in definition_of("crh")


def test_every_word_of_the_tables_answers_is_in_one_value_set(made):
    local = {
        code: name
        for name, one in made.items()
        if name.startswith("ValueSet/") and not name.endswith("-code")
        for code in pairs(one)
        if code[0] == DEFAULT.local
    }
    answers = {code.value for row in table("answers").values() for code in row.codes if code.name == "LOCAL"}
    assert {code for _, code in local} == answers
    assert {DEFAULT.local} == {system for system, _ in local}


def test_every_binding_names_a_value_set_of_ours_in_this_version(made):
    bound = [
        element["binding"]["valueSet"]
        for one in made.values()
        if one["resourceType"] == "StructureDefinition"
        for element in one["differential"]["element"]
        if "binding" in element
    ]
    known = {f"{one['url']}|{one['version']}" for one in made.values() if one["resourceType"] == "ValueSet"}
    assert len(bound) > 15
    assert set(bound) <= known


def test_every_identifier_system_of_the_code_has_its_naming_system(made):
    used = {
        name
        for path in python("adapter", "mappings")
        for name in re.findall(r'\bsid\("([a-z-]+)"\)|\bsystem: str = "([a-z]+)"', path.read_text("utf-8"))
        for name in name
        if name
    }
    assert used - set(NAMED) == set()
    assert {f"NamingSystem/{name}" for name in NAMED} <= set(made)


def test_a_confirmed_row_names_two_sources():
    thin = [
        f"{name}:{row.key}"
        for name in TABLES
        for row in table(name).values()
        if row.status == "V2" and len([s for s in row.source.split("; ") if s != "local"]) < 2
    ]
    assert thin == []


def test_the_code_system_says_what_the_tables_say(made):
    system = made["CodeSystem/engraft"]
    assert [(one["code"], one["display"]) for one in system["concept"]] == sorted(codes.local_concepts())
    assert system["count"] == len(system["concept"])
