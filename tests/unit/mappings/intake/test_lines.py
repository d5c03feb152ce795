"""JSON texts of a batch: each line stands alone, whatever it holds."""

from __future__ import annotations

import json

import pytest

from mappings.canonicals import DEFAULT
from mappings.intake import lines
from tests.lib import flat

WHO = {"centre": "FR-037", "patient": "P-1", "visit": "m3", "date": "2026-04-13"}


def read(*texts):
    return list(lines.read([text if isinstance(text, bytes) else json.dumps(text).encode() for text in texts], DEFAULT))


def test_each_line_is_a_document_and_blank_ones_are_none():
    found = read(WHO, b"\n", WHO | {"visit": "m6"})
    assert [(one.line, one.document["visit"], one.kind) for one in found] == [
        (1, "m3", "follow-up"),
        (3, "m6", "follow-up"),
    ]


def test_a_line_that_is_no_json_is_refused_alone():
    first, second = read(b'{"centre": ', WHO)
    assert (first.document, first.faults[0].code) == (None, "structure")
    assert second.document == WHO


def test_an_array_is_each_of_its_documents():
    assert [one.document for one in read([WHO, WHO])] == [WHO, WHO]


def test_a_response_is_the_document_that_it_says():
    (entry,) = read(flat.response(WHO))
    assert (entry.document, entry.response["resourceType"]) == (WHO, "QuestionnaireResponse")


@pytest.mark.parametrize("document", [None, 1, "text", {"resourceType": "Patient"}, {"resourceType": ["x"]}])
def test_whatever_else_it_is_the_forms_refuse(document):
    (entry,) = read(document)
    assert (entry.document, entry.kind) == (document, None)
