"""An array is taken apart into its items, wherever its text is cut; what is no array is told after what was one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.canonicals import DEFAULT
from mappings.intake import json_array, lines
from mappings.r4.faults import FaultyInput

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=6)
    | st.sampled_from(['"', "\\", "[", "},{", '\\"', ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def cut(text, size):
    return [text[at : at + size] for at in range(0, len(text), size)]


def told(*chunks):
    """(line, text) of each item, and what was wrong with the array."""
    found, wrong = [], ""
    try:
        found.extend((item.line, item.text) for item in json_array.items(chunks))
    except FaultyInput as error:
        (fault,) = error.faults
        wrong = fault.message
    return found, wrong


@settings(max_examples=60)
@given(st.lists(VALUES, max_size=4), st.integers(1, 9), st.sampled_from([None, 1]), st.booleans())
def test_every_array_comes_apart_into_its_items(values, size, indent, plain):
    text = json.dumps(values, indent=indent, ensure_ascii=plain).encode()
    found = list(json_array.items(cut(b"\xef\xbb\xbf \n" + text + b"\n", size)))
    assert [json.loads(one.text) for one in found] == values
    assert [one.number for one in found] == list(range(1, len(values) + 1))


def test_an_item_has_the_line_on_which_it_begins():
    found, wrong = told(b'[\n {"a": 1},\n\n {"a":\n', b'2}, {"b": "\\n,"}\n]\n')
    assert (found, wrong) == ([(2, b'{"a": 1}'), (4, b'{"a":\n2}'), (5, b'{"b": "\\n,"}')], "")


@pytest.mark.parametrize("text", [b"[]", b" [ ] \n", b"[\n]"])
def test_an_empty_array_has_no_items(text):
    assert told(text) == ([], "")


@pytest.mark.parametrize(
    ("text", "items", "wrong"),
    [
        (b'[{"a": 1}, {"a": 2', [b'{"a": 1}'], "breaks off after 1 items"),
        (b'[{"a": 1}, {"a": "2', [b'{"a": 1}'], "breaks off after 1 items"),
        (b"[1] 2", [b"1"], "something follows the end"),
        (b"[1]]", [b"1"], "something follows the end"),
        (b"[1,]", [b"1", b""], ""),
        (b"[,]", [b"", b""], ""),
        (b"[{]}", [b"{]"], ""),
        (b"  ", [], "breaks off after 0 items"),
    ],
)
def test_what_is_wrong_is_told_after_what_is_right(text, items, wrong):
    found, message = told(text)
    assert [one for _, one in found] == items
    assert wrong in message


def test_only_what_begins_with_a_bracket_is_an_array():
    assert json_array.begins(b"\xef\xbb\xbf\n [")
    assert not json_array.begins(b'{"a": [')
    assert not json_array.begins(b"")


def test_an_item_that_is_no_json_holds_back_no_other():
    text = b'[{"visit": "m1"}, {"visit": m3}, {"resourceType": "QuestionnaireResponse"}, 5,]'
    entries = list(lines.of_array([text], DEFAULT))
    assert [(one.line, one.row) for one in entries] == [(1, number) for number in range(1, 6)]
    assert entries[0].document == {"visit": "m1"}
    assert [bool(one.faults) for one in entries] == [False, True, True, False, True]
    assert entries[3].document == 5


def test_an_array_that_breaks_off_says_so():
    first, last = lines.of_array([b'[{"visit": "m1"},\n', b'{"visit": "m3"'], DEFAULT)
    assert (first.document, last.document) == ({"visit": "m1"}, None)
    assert "breaks off after 1 items" in last.faults[0].message
    assert (last.row, [one.row for one in lines.of_array([b"[3"], DEFAULT)]) == (2, [1])
