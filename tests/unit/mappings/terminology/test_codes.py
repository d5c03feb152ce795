"""Keys to codings and back: our displays only, and never a guess from a display or a shared code."""

from __future__ import annotations

import pytest

from mappings.canonicals import ATC, DEFAULT, LOINC, RXNORM, SNOMED, Canonicals
from mappings.terminology import codes
from mappings.terminology.tables import TABLES

EVERY = [(name, key) for name in TABLES for key in codes.keys(name)]


def test_a_drug_carries_its_codes_the_european_first():
    assert codes.codings("drugs", "thiotepa", DEFAULT) == [
        {"system": ATC, "code": "L01AC01"},
        {"system": RXNORM, "code": "10473"},
        {"system": SNOMED, "code": "387508004"},
    ]


def test_a_concept_of_ours_is_displayed_and_others_never_are():
    response = codes.concept("observables", "response", DEFAULT)
    assert response == {
        "coding": [
            {"system": LOINC, "code": "97509-4"},
            {"system": DEFAULT.local, "code": "aml-response-eln", "display": "Disease response (ELN 2022)"},
        ],
        "text": "Disease response (ELN 2022)",
    }


def test_the_senders_words_can_replace_ours():
    told = codes.concept("answers", "infection-agent/other", DEFAULT, text="Nocardia")
    assert told["text"] == "Nocardia"
    assert told["coding"][0]["display"] == "Other agent"


@pytest.mark.parametrize(("name", "key"), EVERY)
def test_every_concept_is_read_back_as_its_own_key(name, key):
    assert codes.key_of(name, codes.concept(name, key, DEFAULT), DEFAULT) == key


def test_our_own_code_counts_before_a_foreign_one():
    mixed = {"coding": [{"system": SNOMED, "code": "103338009"}, {"system": DEFAULT.local, "code": "cri"}]}
    assert codes.key_of("answers", mixed, DEFAULT) == "response/CRi"


def test_a_code_that_many_answers_share_decides_only_among_their_list():
    unknown = {"coding": [{"system": SNOMED, "code": "261665006"}]}
    assert codes.key_of("answers", unknown, DEFAULT) is None
    assert codes.key_of("answers", unknown, DEFAULT, among="response/") == "response/unknown"


@pytest.mark.parametrize(
    "concept",
    [
        {},
        {"text": "Complete remission (ELN 2022)"},
        {"coding": [{"display": "Complete remission (ELN 2022)"}]},
        {"coding": [{"system": "urn:other", "code": "cr"}]},
        {"coding": [{"system": LOINC, "code": "103338009"}]},
    ],
)
def test_nothing_is_guessed(concept):
    assert codes.key_of("answers", concept, DEFAULT) is None


def test_concepts_of_another_deployment_are_not_ours():
    elsewhere = Canonicals(base="https://elsewhere.example/fhir")
    treg = codes.concept("observables", "treg", elsewhere)
    assert codes.key_of("observables", treg, DEFAULT) is None
    assert codes.key_of("observables", treg, elsewhere) == "treg"


def test_no_such_key_is_an_error():
    with pytest.raises(KeyError, match=r"drugs\.csv has no key 'aspirin'"):
        codes.concept("drugs", "aspirin", DEFAULT)


def test_text_and_unit_of_a_row():
    assert codes.text("drugs", "atg") == "Anti-thymocyte immunoglobulin (rabbit)"
    assert codes.unit("observables", "neutrophils") == "10*9/L"
    assert codes.unit("observables", "vital-status") == ""


def test_our_code_system_lists_each_concept_once():
    ours = codes.local_concepts()
    assert len({code for code, _ in ours}) == len(ours)
    assert dict(ours)["agvhd-2"] == "Acute GVHD grade II (MAGIC)"
    assert dict(ours)["haplo-hsct"] == "Haploidentical haematopoietic stem cell transplantation"


@pytest.mark.parametrize("text", [None, "in other words"])
def test_a_code_handed_out_is_every_bodys_and_cannot_be_changed(text):
    for found in (
        codes.concept("drugs", "thiotepa", DEFAULT, text)["coding"],
        codes.codings("drugs", "thiotepa", DEFAULT),
    ):
        with pytest.raises(TypeError):
            found[0]["code"] = "X"
        with pytest.raises(TypeError):
            found.append({"code": "X"})
    assert codes.codings("drugs", "thiotepa", DEFAULT)[0]["code"] == "L01AC01"


def test_the_codes_of_several_rows_are_one_concept_in_the_words_of_the_first():
    rows = (("conditions", "infection/cmv"), ("answers", "infection-kind/viral"))
    found = codes.together(rows, DEFAULT)
    assert found["text"] == codes.text(*rows[0])
    assert found["coding"] == codes.codings(*rows[0], DEFAULT) + codes.codings(*rows[1], DEFAULT)
    with pytest.raises(TypeError):
        found["coding"][0]["code"] = "X"
