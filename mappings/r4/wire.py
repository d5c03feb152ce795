"""Bytes to plain dicts and back, with every decimal as it was written: 2.50 stays 2.50.

FHIR decimals carry their precision, and a dose carries its digits; so numbers with a point or an exponent are
`decimal.Decimal`, whole numbers are `int`, and nothing ever becomes a binary float.
Plain notation comes back letter for letter; an exponent, and what lies below a millionth, comes back with a normalised
exponent (`1e5` as `1E+5`) and its precision.
"""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal, InvalidOperation
from typing import Any, Never

import msgspec

from mappings.r4.build import Resource
from mappings.r4.faults import Fault, FaultyInput

DEEPEST = 100
"""Levels of arrays and objects that we read from others; real resources stay below 30."""

LARGEST_EXPONENT = 400
"""A number beyond 10^400 is no measurement, and writing it out would cost memory."""

MOST_DIGITS = 100
"""R4 asks for 18; a number with thousands is no measurement either, and Python cannot write one as a fraction."""

DOCUMENT = "$"
"""Path of a fault that concerns the whole document."""

_UTF8_BOM = b"\xef\xbb\xbf"


def decode(data: bytes | str) -> Any:
    """JSON to plain values. Raises FaultyInput (code `structure`), which never quotes the content."""
    try:
        return _DECODER.decode(data)
    except msgspec.ValidationError:
        _refuse("a whole number is too large to be read")
    except (InvalidOperation, OverflowError):
        _refuse("a number is too large, too small or too long to be read")
    except UnicodeError:
        _refuse("the text is not valid UTF-8")
    except RecursionError:
        _refuse("arrays and objects are nested too deeply")
    except msgspec.DecodeError:
        _refuse(_where_malformed(data))


def decode_strict(data: bytes) -> Any:
    """`decode` for what others send: a UTF-8 byte order mark is skipped, a key given twice is refused by its name."""
    data = data.removeprefix(_UTF8_BOM)
    value = decode(data)
    _refuse_depth(value)
    json.loads(data.decode(), object_pairs_hook=_refuse_duplicates, parse_float=str, parse_int=str)
    return value


def pretty(value: Any) -> str:
    """JSON for people, indented by two blanks, decimals as they were written."""
    return msgspec.json.format(_ENCODER.encode(value), indent=2).decode()


def content_hash(resource: Resource) -> str:
    """SHA-256 in hex of what the resource says: keys sorted, without `meta.versionId` and `meta.lastUpdated`.

    1.0 and 1.00 differ (precision is content); the order of keys does not count.
    """
    meta = resource.get("meta")
    if meta:
        said = {key: item for key, item in meta.items() if key not in ("versionId", "lastUpdated")}
        resource = {key: item for key, item in resource.items() if key != "meta"} | ({"meta": said} if said else {})
    return hashlib.sha256(_SORTING_ENCODER.encode(resource)).hexdigest()


def _decimal(text: str) -> Decimal:
    value = Decimal(text)
    if abs(value.adjusted()) > LARGEST_EXPONENT:
        raise OverflowError
    if len(text) > MOST_DIGITS and len(value.as_tuple().digits) > MOST_DIGITS:  # to count them costs as much as to read
        raise OverflowError
    return value


_DECODER = msgspec.json.Decoder(float_hook=_decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")
encode = _ENCODER.encode
"""Compact JSON, keys in the order of the dict, decimals as they were written."""

_SORTING_ENCODER = msgspec.json.Encoder(decimal_format="number", order="deterministic")


def _refuse(message: str, path: str = DOCUMENT) -> Never:
    raise FaultyInput([Fault(path, message, code="structure")])


def _where_malformed(data: bytes | str) -> str:
    """The place by the standard library's parser, which counts lines; msgspec only says that something is wrong."""
    try:
        text = data.decode() if isinstance(data, bytes) else data
        json.loads(text, parse_constant=_refuse_constant, parse_int=str)
    except json.JSONDecodeError as error:
        return f"not valid JSON at line {error.lineno}, column {error.colno}: {error.msg}"
    except (UnicodeError, RecursionError):
        return "not valid JSON: the text is not valid UTF-8 or is nested too deeply"
    return "not valid JSON: half of a \\u character pair stands alone"


def _refuse_constant(_: str) -> Never:
    _refuse("not valid JSON: NaN and Infinity are not numbers")


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            _refuse("this key stands twice in one object", path=key[:80])
        seen.add(key)


def _refuse_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST):
        level = [child for node in level for child in _children(node) if isinstance(child, dict | list)]
        if not level:
            return
    _refuse("arrays and objects are nested too deeply")


def _children(node: Any) -> Any:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()
