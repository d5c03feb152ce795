"""Drugs and procedures of a protocol as FHIR concepts: by the terminology, or by the protocol's own `codes`."""

from __future__ import annotations

from mappings.canonicals import Canonicals
from mappings.protocol.model import Protocol, Term
from mappings.r4.build import Element, coding
from mappings.r4.build import concept as build_concept
from mappings.terminology import codes
from mappings.terminology.systems import Code, parse
from mappings.terminology.tables import table as shipped


def concept(protocol: Protocol, table: str, key: str, canonicals: Canonicals) -> Element:
    """CodeableConcept of a key in `drugs` or `procedures`. Raises KeyError for a key that neither has."""
    return build_concept(*codings(protocol, table, key, canonicals), text=text(protocol, table, key))


def codings(protocol: Protocol, table: str, key: str, canonicals: Canonicals) -> list[Element]:
    """Codings of a key; a term of the protocol's own may have none."""
    term = _own(protocol, table, key)
    if term is None:
        return codes.codings(table, key, canonicals)
    return [coding(code.system(canonicals), code.value) for code in map(parse, term.codes)]


def text(protocol: Protocol, table: str, key: str) -> str:
    """The words of a key."""
    term = _own(protocol, table, key)
    return codes.text(table, key) if term is None else term.text


def code_of(protocol: Protocol, table: str, key: str) -> tuple[Code, ...] | None:
    """The typed codes of a key; None for one that neither the terminology nor the protocol has."""
    term = _own(protocol, table, key)
    if term is not None:
        return tuple(map(parse, term.codes))
    row = shipped(table).get(key)
    return row.codes if row else None


def _own(protocol: Protocol, table: str, key: str) -> Term | None:
    terms = protocol.codes.drugs if table == "drugs" else protocol.codes.procedures
    return next((term for term in terms if term.key == key), None)
