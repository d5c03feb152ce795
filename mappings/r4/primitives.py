"""R4's primitive types as JSON Schema, after the regular expressions of the 4.0.1 data types page."""

from __future__ import annotations

import re
from typing import Any

Schema = dict[str, Any]

ID = r"[A-Za-z0-9\-.]{1,64}"
_YEAR = r"(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_LEAP_YEAR = r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
_MONTH = r"(?:0[1-9]|1[0-2])"
_MONTH_DAY = (
    r"(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    r"|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_DAY = rf"(?:{_YEAR}-{_MONTH_DAY}|{_LEAP_YEAR}-02-29)"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
_ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_PARTIAL = rf"{_YEAR}(?:-{_MONTH})?|{_DAY}"
_LARGEST = 2_147_483_647


def text(pattern: str) -> Schema:
    return {"type": "string", "pattern": pattern}


def _whole(low: int) -> Schema:
    return {"type": "integer", "minimum": low, "maximum": _LARGEST}


def _unless(*prefixes: str) -> str:
    """Text without blanks that begins with none of these; the linear engine cannot look ahead."""
    if "" in prefixes:
        return ""
    heads = sorted({prefix[0] for prefix in prefixes})
    inner = (
        f"|{re.escape(head)}{rest}"
        for head in heads
        if (rest := _unless(*(prefix[1:] for prefix in prefixes if prefix[0] == head)))
    )
    return rf"(?:|[^\s{re.escape(''.join(heads))}]\S*{''.join(inner)})"


# Some character that is no blank; of the control characters only tab and line ends.
_SOMETHING = text(r"^[\t\n\r ]*[^\x00-\x20][^\x00-\x08\x0B\x0C\x0E-\x1F]*$")
_OID = r"[0-2](?:\.(?:0|[1-9][0-9]*))+"
_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_URI = {
    "type": "string",
    "minLength": 1,
    "pattern": rf"^(?:{_unless('urn:oid:', 'urn:uuid:')}|(?:urn:oid:{_OID}|urn:uuid:{_UUID})(?:[|#]\S*)?)$",
}
"""No blanks; where it says to be an OID or a UUID, it is one."""
_SIX_BITS = r"(?:[A-Za-z0-9+/]\s*)"

PRIMITIVES: dict[str, Schema] = {
    "string": _SOMETHING,
    "markdown": _SOMETHING,
    "xhtml": text(r"^\s*<div[\s>]"),
    "code": text(r"^\S+( \S+)*$"),
    "id": text(rf"^{ID}$"),
    "uri": _URI,
    "url": _URI,
    "canonical": _URI,
    "oid": text(r"^urn:oid:[0-2](\.(0|[1-9][0-9]*))+$"),
    "uuid": text(r"^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"),
    "base64Binary": text(
        rf"^\s*(?:{_SIX_BITS}{{4}})*(?:{_SIX_BITS}{{2}}=\s*=\s*|{_SIX_BITS}{{3}}=\s*|{_SIX_BITS}{{4}})$"
    ),
    "boolean": {"type": "boolean"},
    "decimal": {"type": "number"},
    "integer": _whole(-_LARGEST - 1),
    "unsignedInt": _whole(0),
    "positiveInt": _whole(1),
    "date": text(rf"^(?:{_PARTIAL})$"),
    "dateTime": text(rf"^(?:{_PARTIAL}|{_DAY}T{_CLOCK}{_ZONE})$"),
    "instant": text(rf"^{_DAY}T{_CLOCK}{_ZONE}$"),
    "time": text(rf"^{_CLOCK}$"),
    # Money.currency is bound to ISO 4217: its form is checked, not the list.
    "currency": text(r"^[A-Z]{3}$"),
}

WORDS = {
    "string": "text that is not blank and has no control characters",
    "markdown": "text that is not blank and has no control characters",
    "xhtml": "an XHTML div",
    "code": "a code without stray spaces",
    "id": "1 to 64 letters, digits, - and .",
    "uri": "a URI without spaces, and a whole OID or UUID where it begins as one",
    "url": "a URL without spaces, and a whole OID or UUID where it begins as one",
    "canonical": "a canonical URL without spaces, and a whole OID or UUID where it begins as one",
    "oid": "an OID as urn:oid:...",
    "uuid": "a UUID as urn:uuid:...",
    "base64Binary": "base64",
    "boolean": "true or false",
    "decimal": "a number",
    "integer": "a whole number",
    "unsignedInt": "a whole number, 0 or more",
    "positiveInt": "a whole number, 1 or more",
    "date": "a date: YYYY, YYYY-MM or YYYY-MM-DD",
    "dateTime": "a date, or a date and time with its zone",
    "instant": "a date and time to the second, with its zone",
    "time": "a time as hh:mm:ss",
    "currency": "a currency as three capital letters",
}
"""What each type must be, for the sentence of a fault."""

INTEGERS = frozenset({"integer", "unsignedInt", "positiveInt"})
"""Whole numbers: JSON Schema takes 1.0 for one, R4 does not."""
