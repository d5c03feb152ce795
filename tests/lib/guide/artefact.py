"""The head that every conformance artefact of ours has, and the small parts that they are built from."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from mappings.canonicals import ARTEFACT_VERSION, DEFAULT

EXT = "http://hl7.org/fhir/StructureDefinition"
SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition"
PUBLISHER = "Engraft"
PUBLISHED = "2026-11-30"
"""Day on which this version of the artefacts was settled; R4 demands one of a NamingSystem."""


def artefact(kind: str, id_: str, title: str, description: str) -> dict[str, Any]:
    """Type, id, canonical, version, name, title, status and description."""
    return {
        "resourceType": kind,
        "id": id_,
        "url": DEFAULT.url(kind, id_),
        "version": ARTEFACT_VERSION,
        "name": "Engraft" + "".join(word.capitalize() for word in id_.replace("_", "-").split("-")),
        "title": title,
        "status": "active",
        "experimental": False,
        "publisher": PUBLISHER,
        "description": description,
    }


def extension(url: str, kind: str, value: Any) -> dict[str, Any]:
    """One extension with one value; whole decimals are written as integers."""
    if isinstance(value, Decimal) and value == value.to_integral_value():
        value = int(value)
    return {"url": url, kind: value}
