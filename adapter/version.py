"""Name and version of this software, as a Provenance or a CapabilityStatement says it."""

from __future__ import annotations

VERSION = "0.1.0"
"""Its one place. Packaging reads it here: to ask what is installed takes longer than to make a plan."""


def software() -> str:
    """`Engraft 0.1.0`."""
    return f"Engraft {VERSION}"
