"""What of a server's OperationOutcome may stand in a log."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.hospital.words import codes
from mappings.r4.faults import ISSUE_TYPES
from mappings.r4.validate import validate

SENT = [{"resourceType": "Patient", "id": "p", "identifier": [{"value": "P-0001"}], "name": [{"family": "Zquatl"}]}]


def said(**issue):
    return {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "processing"} | issue]}


def test_the_issue_types_are_those_of_r4():
    assert all(validate(said(code=code, diagnostics="x")) == [] for code in ISSUE_TYPES)
    assert len(ISSUE_TYPES) == 31


def test_types_numbers_and_paths_are_told_once():
    one = said(code="invariant", diagnostics="HAPI-0418: Zquatl", expression=["Patient.name[0].family"])
    assert codes({**one, "issue": one["issue"] * 2}, SENT) == ["invariant", "HAPI-0418", "Patient.name[0].family"]
    text = said(details={"text": "HAPI-1821: of Zquatl"}, location=["Patient.identifier"])
    assert codes(text, SENT) == ["processing", "HAPI-1821", "Patient.identifier"]


@pytest.mark.parametrize(
    "path",
    ["Patient.Zquatl", "Zquatl", "Patient.name.where(family='Zquatl')", "Patient/p", "/f:Patient/f:name", 7, None],
)
def test_a_path_of_something_that_we_did_not_send_is_left_out(path):
    assert codes(said(expression=[path], location=path), SENT) == ["processing"]


@pytest.mark.parametrize("outcome", [None, {}, {"issue": "Zquatl"}, said(code="Zquatl"), said(code=["processing"])])
def test_what_is_no_outcome_says_nothing(outcome):
    assert codes(outcome, SENT) == []


@given(st.text(), st.text(), st.text())
def test_no_word_of_a_sentence_is_told(code, sentence, path):
    told = codes(said(code=code, diagnostics=sentence, details={"text": sentence}, expression=[path]), SENT)
    assert {word for word in told if not word.startswith("HAPI-")} <= ISSUE_TYPES | {
        *("Patient", "resourceType", "id", "identifier", "value", "name", "family")
    }


def test_a_server_that_says_very_much_is_cut_short():
    many = {"resourceType": "OperationOutcome", "issue": [{"code": code} for code in ISSUE_TYPES]}
    assert len(codes(many, SENT)) == 10
