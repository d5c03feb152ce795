"""From marshmallow's tree of messages to faults with dotted paths; list items count from one, as in the CSV columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from mappings.intake.fields import NULL, REQUIRED
from mappings.r4.faults import Fault

DOCUMENT = "$"
"""Path of a fault that concerns the whole document."""

_LONGEST_KEY = 80
_CODES = {REQUIRED: "required", NULL: "structure"}


def faults(messages: Any, path: str = "") -> Iterator[Fault]:
    """Every message as a Fault, in the order of the form."""
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            yield from faults(inner, _below(path, key))
        return
    for message in messages:
        if isinstance(message, Fault):
            yield replace(message, path=path or DOCUMENT)
        else:
            yield Fault(path or DOCUMENT, message, _CODES.get(message, "structure"))


def _below(path: str, key: str | int) -> str:
    if key in ("_schema", ""):
        return path
    name = str(key + 1) if isinstance(key, int) else key[:_LONGEST_KEY]
    return f"{path}.{name}" if path else name
