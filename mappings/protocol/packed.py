"""A protocol that ships as plain data: its model is read from JSON in a tenth of the time that its YAML takes.

The YAML stays the source. The packed form names the YAML that it was made from by its hash; where that has changed
since, the YAML is read. `make protocols` packs anew.
"""

from __future__ import annotations

import hashlib

import msgspec

from mappings.protocol.model import Protocol


class _Packed(msgspec.Struct):
    """`of`: SHA-256 of the YAML text."""

    of: str
    protocol: Protocol


def pack(protocol: Protocol, text: str) -> bytes:
    """The packed form of what `text` defines."""
    packed = msgspec.json.encode(_Packed(_hash(text), protocol))
    return msgspec.json.format(packed, indent=1) + b"\n"


def unpack(packed: bytes, text: str) -> Protocol | None:
    """The protocol; None where it was packed from another text."""
    found = msgspec.json.decode(packed, type=_Packed)
    return found.protocol if found.of == _hash(text) else None


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
