"""What a bulk export is asked for, by the parameters of its URL or by a Parameters resource."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import request

from adapter.errors import Invalid
from adapter.flows.bulk import Asked
from adapter.web import served, type_filters
from adapter.web.content import FHIR, FORM, JSON, asked, body, json_body, lenient, prefers
from mappings.r4 import subset
from mappings.r4.faults import Fault

FORMATS = ("application/fhir+ndjson", "application/ndjson", "ndjson")
KNOWN = ("_outputFormat", "_since", "_until", "_type", "_typeFilter", "_elements", "patient", "_format", "_pretty")
UNSERVED = frozenset({"includeAssociatedData", "organizeOutputBy", "allowPartialManifests"})
"""What Bulk Data foresees and we do not do."""

MOST_PATIENTS = 10_000

_PATIENT = re.compile(r"Patient/([A-Za-z0-9.-]{1,64})")


def read(base: str, *, of_patients: bool, dates_moved: bool, group: str | None) -> Asked:
    """What is asked for. Raises Invalid with every fault.

    `base`: our own FHIR base. `of_patients`: single ones can be asked for. `dates_moved`: the caller does not see when
    something changed.
    """
    faults: list[Fault] = []
    if not prefers("respond-async"):
        faults.append(Fault("Prefer", "an export is asked for with Prefer: respond-async", "required"))
    said: dict[str, list[str]] = {}
    for name, value in _parameters(faults):
        said.setdefault(name, []).append(value)
    if not lenient():
        for name in sorted(said.keys() - set(KNOWN)):
            words = "is not done here" if name in UNSERVED else f"is no parameter of $export; known: {', '.join(KNOWN)}"
            faults.append(Fault(name, words, "not-supported"))
    if any(one.replace(" ", "+") not in FORMATS for one in said.get("_outputFormat", [])):
        faults.append(Fault("_outputFormat", f"is one of {', '.join(FORMATS)}", "not-supported"))
    kinds = _kinds(said, faults)
    found = Asked(
        kinds,
        since=_instant(said, "_since", faults),
        until=_instant(said, "_until", faults),
        elements=_elements(said, kinds, faults),
        patients=_patients(said, of_patients, base, faults),
        group=group,
        filters=type_filters.read(said.get("_typeFilter", []), kinds, base, dates_moved=dates_moved, faults=faults),
    )
    if faults:
        raise Invalid(faults, status=400)
    return found


def _parameters(faults: list[Fault]) -> list[tuple[str, str]]:
    """Of the URL, and of a form or a Parameters resource in the body: one that is not read must not mean everything."""
    found = asked()
    if request.method != "POST" or request.mimetype == FORM or not body():
        return found
    sent = json_body(FHIR, JSON)
    parts = sent.get("parameter", []) if isinstance(sent, Mapping) else None
    if not isinstance(sent, Mapping) or sent.get("resourceType") != "Parameters" or not isinstance(parts, list):
        faults.append(Fault("Parameters", "the body is a Parameters resource", "structure"))
        return found
    for number, part in enumerate(parts):
        name, value = _named(part)
        if name is None or (value is None and name in KNOWN):
            faults.append(Fault(f"Parameters.parameter[{number}]", "has a name and one value, a text", "structure"))
        else:
            found.append((name, value or ""))
    return found


def _named(part: Any) -> tuple[str | None, str | None]:
    """Its name, and its value where it is one text or reference; what we do not know may be of any kind."""
    if not isinstance(part, Mapping) or not isinstance(part.get("name"), str):
        return None, None
    values = [said for key, said in part.items() if key.startswith("value")]
    value = values[0] if len(values) == 1 else None
    if isinstance(value, Mapping):
        value = value.get("reference", "")
    return part["name"], value if isinstance(value, str) else None


def _kinds(said: Mapping[str, list[str]], faults: list[Fault]) -> tuple[str, ...]:
    named = {kind.strip() for value in said.get("_type", []) for kind in value.split(",") if kind.strip()}
    unknown = sorted(named - served.STORED)
    if unknown and not lenient():
        known = ", ".join(sorted(served.STORED))
        faults.append(Fault("_type", f"{', '.join(unknown)} is not stored here; known: {known}", "not-supported"))
    return tuple(sorted(named & served.STORED if named else served.STORED))


def _instant(said: Mapping[str, list[str]], name: str, faults: list[Fault]) -> str | None:
    values = said.get(name, [])
    if not values:
        return None
    try:
        found = datetime.fromisoformat(values[0].replace(" ", "+"))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or len(values) > 1:
        faults.append(Fault(name, "is one instant with its zone, e.g. 2026-03-02T10:00:00Z", "value"))
        return None
    return found.isoformat()


def _patients(
    said: Mapping[str, list[str]], of_patients: bool, base: str, faults: list[Fault]
) -> tuple[str, ...] | None:
    """Ids; in a body only, for addresses are written down on their way. None: nobody is named."""
    values = said.get("patient", [])
    if not values:
        return None
    matches = [_PATIENT.fullmatch(value.removeprefix(f"{base}/")) for value in values]
    if not of_patients:
        faults.append(Fault("patient", "is asked for by Patient/$export and Group/<id>/$export", "not-supported"))
    elif "patient" in request.args or request.mimetype not in (FHIR, JSON):
        faults.append(Fault("patient", "is sent by POST, as valueReference in a Parameters resource", "not-supported"))
    elif not all(matches):
        faults.append(Fault("patient", "is a reference to a patient of this server, e.g. Patient/123", "value"))
    elif len(values) > MOST_PATIENTS:
        faults.append(Fault("patient", f"at most {MOST_PATIENTS} in one export", "too-costly"))
    return tuple(sorted({match[1] for match in matches if match}))


def _elements(
    said: Mapping[str, list[str]], kinds: tuple[str, ...], faults: list[Fault]
) -> dict[str, list[str]] | None:
    found: dict[str, list[str]] = {}
    for path in (each.strip() for value in said.get("_elements", []) for each in value.split(",")):
        kind, dot, element = path.partition(".")
        if not dot:
            kind, element = "*", path
        of = kinds if kind == "*" else (kind,)
        if not all(one in served.STORED and subset.knows(one, element) for one in of):
            faults.append(Fault("_elements", f"{path[:64]} is no element at the root of what is exported", "value"))
        found.setdefault(kind, []).append(element)
    return found or None
