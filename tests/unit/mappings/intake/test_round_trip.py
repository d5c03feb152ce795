"""Whatever a centre can say comes back as it was said, and whatever else is sent is refused, never a crash."""

from __future__ import annotations

import copy
from datetime import date
from decimal import Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mappings.intake import schema
from mappings.r4 import wire
from mappings.r4.faults import FaultyInput
from tests.lib.any_document import ENROLMENTS, FOLLOW_UPS, JUNK

AS_OF = date(2026, 9, 2)
HERE = Path(__file__).parent
EXAMPLES = [wire.decode_strict((HERE / f"example_{name}.json").read_bytes()) for name in ("enrolment", "follow_up")]


@given(FOLLOW_UPS)
def test_every_follow_up_comes_back_as_it_was_said(document):
    read = schema.follow_up(document, AS_OF)
    assert schema.to_document(read) == document
    assert wire.encode(schema.to_document(read)).count(b".") == wire.encode(document).count(b".")


@given(ENROLMENTS)
def test_every_enrolment_comes_back_as_it_was_said(document):
    assert schema.to_document(schema.enrolment(document, AS_OF)) == document


def faults(read, *asked):
    try:
        read(*asked)
    except FaultyInput as refused:
        return refused.faults
    return ()


def refused_or_read(document):
    found = [
        *faults(schema.kind_of, document),
        *faults(schema.enrolment, document, AS_OF),
        *faults(schema.follow_up, document, AS_OF),
    ]
    assert all(fault.path and fault.message for fault in found)


@given(JUNK)
def test_junk_is_refused_and_never_a_crash(document):
    refused_or_read(document)


@given(st.sampled_from(EXAMPLES), st.data())
def test_an_example_with_junk_in_one_place_is_read_or_refused_and_never_a_crash(example, data):
    document = copy.deepcopy(example)
    node = document
    while True:
        place = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
        deeper = node[place]
        if not (isinstance(deeper, dict | list) and deeper and data.draw(st.booleans())):
            break
        node = deeper
    node[place] = data.draw(JUNK)
    refused_or_read(document)


def test_digits_survive_the_whole_way():
    written = b'{"centre":"C","patient":"P","visit":"m1","date":"2026-04-02","dli":[{"number":1,"date":"2026-04-01",'
    written += b'"cd3_per_kg":{"value":2.50,"unit":"10*6/kg"}}]}'
    assert wire.encode(schema.to_document(schema.follow_up(wire.decode_strict(written), AS_OF))) == written


def test_looked_and_none_stays_said():
    document = {"centre": "C", "patient": "P", "visit": "m1", "date": "2026-04-02", "infections": []}
    document["gvhd"] = {"assessed": "2026-04-02", "acute": [], "chronic": []}
    assert schema.to_document(schema.follow_up(document, AS_OF)) == document


def test_a_missing_note_is_optional():
    document = {"centre": "C", "patient": "P", "protocol": "set-haplo-pdli", "disease": {"not_done": "masked"}}
    assert schema.to_document(schema.enrolment(document, AS_OF)) == document
    document["measurements"] = {"weight": {"value": Decimal("70.0"), "unit": "kg"}}
    assert schema.to_document(schema.enrolment(document, AS_OF)) == document
