"""What a check says of one part of a protocol, before it is told with file and line."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """`path`: where it stands in the YAML; `key`: the clause as people know it."""

    path: str
    key: str
    message: str
    code: str = "business-rule"
    severity: str = "error"


def warning(path: str, key: str, message: str, code: str = "business-rule") -> Finding:
    """Something to look at, which may well be right."""
    return Finding(path, key, message, code, "warning")
