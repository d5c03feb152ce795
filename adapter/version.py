"""Name and version of this software, as a Provenance or a CapabilityStatement says it."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def number() -> str:
    """The installed version."""
    try:
        return version("engraft-fhir")
    except PackageNotFoundError:
        return "checkout"  # run from a source tree that nobody installed


def software() -> str:
    """`Engraft 0.1.0`."""
    return f"Engraft {number()}"
