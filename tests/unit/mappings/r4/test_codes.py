"""Codes of the systems that are known here, and units by UCUM's grammar; the first look and the second agree."""

from __future__ import annotations

import pytest

from mappings.canonicals import (
    CONDITION_CLINICAL,
    DATA_ABSENT_REASON,
    DEFAULT_BASE,
    DOSE_RATE_TYPE,
    OBSERVATION_CATEGORY,
)
from mappings.r4 import codes, glance, units
from mappings.r4.artefacts import artefact, named
from mappings.r4.validate import validate
from tests.lib.specimens import UCUM, specimen


def told(**more):
    """(place, code) of each fault of an Observation; a clean one passes the first look, and only then."""
    resource = specimen("Observation") | more
    found = [(fault.path, fault.code) for fault in validate(resource)]
    quick = glance.sound(resource)
    assert not (quick and found)
    return found


@pytest.mark.parametrize(
    ("coding", "known"),
    [
        ({"system": OBSERVATION_CATEGORY, "code": "laboratory"}, True),
        ({"system": OBSERVATION_CATEGORY, "code": "lab"}, False),
        ({"system": OBSERVATION_CATEGORY, "code": "lab", "version": "9.9"}, True),
        ({"system": OBSERVATION_CATEGORY}, True),
        ({"system": f"{DEFAULT_BASE}/CodeSystem/engraft", "code": "haplo-hsct"}, True),
        ({"system": f"{DEFAULT_BASE}/CodeSystem/engraft", "code": "haplo-hstc"}, False),
        ({"system": "https://fhir.hospital.example/CodeSystem/engraft", "code": "haplo-hstc"}, False),
        ({"system": "https://fhir.hospital.example/CodeSystem/own", "code": "anything"}, True),
        ({"system": "http://snomed.info/sct", "code": "anything"}, True),
        ({"code": "anything"}, True),
    ],
)
def test_a_code_of_a_known_system_is_one_of_its_codes(coding, known):
    found = told(category=[{"coding": [coding]}])
    assert found == ([] if known else [("Observation.category[0].coding[0].code", "code-invalid")])


def test_the_lists_are_those_of_r4():
    assert codes.listed()[CONDITION_CLINICAL] == {
        "active",
        "recurrence",
        "relapse",
        "inactive",
        "remission",
        "resolved",
    }
    assert codes.listed()[DOSE_RATE_TYPE] == {"calculated", "ordered"}
    assert {"unknown", "masked", "not-performed", "not-a-number"} < codes.listed()[DATA_ABSENT_REASON]


UNITS = """% 1 10*9/L 10^9/L mg mg/kg/d mg/(kg.d) ug mL/min/{1.73_m2} {copies}/mL mm[Hg] [iU]/mL /uL Cel kg/m2
10*6/kg s-1 ng/mL/h cm[H2O] dB[SPL] mmol/L meq/L 1/{tot} /(10.g) wk mo a [drp] m2.K/W ((mg)) mosm/kg"""
NO_UNITS = "mcg cc furlong per|cent mg/ /mg/ mg// mg..kg Mg/KG/D (mg mg) () ea hr ml/hr [unknown] 1.x mg{ {x x} µg x10"


@pytest.mark.parametrize("unit", UNITS.split())
def test_a_unit_of_ucum(unit):
    assert units.is_unit(unit)
    assert told(valueQuantity={"value": 1, "system": UCUM, "code": unit}) == []


@pytest.mark.parametrize("unit", [*NO_UNITS.split(), "1" * 65, "(" * 40 + "g" + ")" * 40])
def test_no_unit_of_ucum(unit):
    assert not units.is_unit(unit)
    (fault,) = told(valueQuantity={"value": 1, "system": UCUM, "code": unit})
    assert fault == ("Observation.valueQuantity.code", "code-invalid")


def test_a_unit_of_another_system_and_a_quantity_without_code_are_not_judged():
    assert told(valueQuantity={"value": 1, "system": "http://x", "code": "furlong"}) == []
    assert told(valueQuantity={"value": 1, "system": UCUM}) == []


def test_the_common_units_are_units():
    assert [unit for unit in units.COMMON if not units.follows_grammar(unit)] == []


@pytest.mark.parametrize("name", ["../profiles/x", "no-such", "", "Engraft"])
def test_what_is_no_artefact_of_ours_is_none(name):
    assert artefact("StructureDefinition", name) is None


def test_an_artefact_reads_under_the_base_of_its_deployment():
    base = 'https://fhir.hospital.example/"quoted"'
    found = artefact("StructureDefinition", "engraft-patient", base)
    assert found["url"] == f"{base}/StructureDefinition/engraft-patient"
    assert named(f"{found['url']}|0.1.0", "StructureDefinition", base) == "engraft-patient"
    assert named(found["url"], "StructureDefinition", DEFAULT_BASE) is None
