"""Bytes in, the same content out; what is no honest JSON is refused without quoting it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.r4 import wire
from mappings.r4.faults import FaultyInput


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,20})\.[0-9]{1,20}", fullmatch=True))
def test_decimals_keep_every_digit(number):
    (value,) = wire.decode(f"[{number}]")
    written = wire.encode([value]).decode()
    assert Decimal(written[1:-1]).as_tuple() == Decimal(number).as_tuple()
    if abs(value) >= Decimal("0.000001"):
        assert written == f"[{number}]"


def test_whole_numbers_stay_whole_and_decimals_are_decimals():
    assert wire.decode(b'[1, 2.50, "x", null, true]') == [1, Decimal("2.50"), "x", None, True]
    assert wire.pretty({"a": Decimal("2.50")}) == '{\n  "a": 2.50\n}'


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": "\xff"}',
        b'{"a": 1e999}',
        b'{"a": 1' + b"0" * 5000 + b"}",
        b'{"a": 1e99999999999999999999}',
        b'{"a": 1.' + b"0" * 100 + b"}",
        b"[" * 2000 + b"]" * 2000,
        b"[" * 150 + b"]" * 150,
        b'"\\ud800"',
        b"{'a': 1}",
        b"\xff" + b"[" * 5000,
    ],
)
def test_what_is_no_json_is_refused(data):
    with pytest.raises(FaultyInput) as refused:
        wire.decode_strict(data)
    assert [fault.code for fault in refused.value.faults] == ["structure"]


def test_as_many_digits_as_anybody_measures_are_read():
    longest = "1." + "7" * (wire.MOST_DIGITS - 1)
    assert wire.encode(wire.decode_strict(f"[{longest}]".encode())).decode() == f"[{longest}]"
    with pytest.raises(FaultyInput, match="too long to be read"):
        wire.decode_strict(f"[{longest}7]".encode())


def test_malformed_json_is_told_by_line_and_column():
    with pytest.raises(FaultyInput, match="line 2, column"):
        wire.decode_strict(b'{"a": 1,\n "b" 2}')
    with pytest.raises(FaultyInput, match="NaN"):
        wire.decode('{"a": NaN}')


def test_malformed_text_with_broken_bytes_is_told_too():
    with pytest.raises(FaultyInput, match="UTF-8"):
        wire.decode(b'{"a" \xff')


def test_a_key_given_twice_is_refused_by_its_name():
    with pytest.raises(FaultyInput) as refused:
        wire.decode_strict(b'{"weight": {"value": 70, "value": 7}}')
    assert [fault.path for fault in refused.value.faults] == ["value"]


def test_a_byte_order_mark_is_skipped():
    assert wire.decode_strict(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


def test_the_hash_is_of_what_a_resource_says():
    plain = {"resourceType": "Patient", "id": "1", "meta": {"profile": ["p"]}}
    stamped = {"meta": {"profile": ["p"], "versionId": "3", "lastUpdated": "2026-03-02T10:00:00Z"}} | plain
    stamped["meta"] = {"profile": ["p"], "versionId": "3", "lastUpdated": "2026-03-02T10:00:00Z"}
    assert wire.content_hash(plain) == wire.content_hash(stamped)
    assert wire.content_hash({"id": "1"}) == wire.content_hash({"id": "1", "meta": {"versionId": "2"}})
    assert wire.content_hash({"id": "1"}) != wire.content_hash({"id": "2"})
    assert wire.content_hash({"value": Decimal("1.0")}) != wire.content_hash({"value": Decimal("1.00")})


def test_nesting_is_limited_to_the_level():
    assert wire.decode_strict(b"[" * wire.DEEPEST + b"1" + b"]" * wire.DEEPEST)
    with pytest.raises(FaultyInput):
        wire.decode_strict(b"[" * (wire.DEEPEST + 1) + b"]" * (wire.DEEPEST + 1))
