"""Which Patient of the hospital is ours? The one that the centre named, or the only one with the patient's identifier.

A wrong answer puts one patient's results into another's record, so every doubt is told to a person instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adapter.errors import Conflict
from adapter.hospital.answer import dicts
from adapter.hospital.client import HospitalClient
from adapter.hospital.references import local, local_targets, rewritten
from mappings.r4.build import Resource, escaped

_PATIENT = re.compile(r"(?:.*/)?Patient/([A-Za-z0-9\-.]{1,64})")


@dataclass(frozen=True, slots=True)
class Wanted:
    """`own`: id of our Patient; `named`: what the centre called the hospital's; identifiers as (system, value)."""

    own: str
    named: str | None = None
    identifiers: tuple[tuple[str, str], ...] = ()
    birth_date: str | None = None


def wanted(own: str, enrolment: dict[str, Any]) -> Wanted:
    """What the enrolment, as the centre sent it, says of the patient at the hospital; what is missing is not said."""
    named = enrolment.get("hospital_patient")
    said = _PATIENT.fullmatch(named) if isinstance(named, str) else None
    pairs = [(i.get("system"), i.get("value")) for i in dicts(enrolment.get("identifiers"))]
    born = enrolment.get("birth_date")
    return Wanted(
        own,
        said[1] if said else None,
        tuple((system, value) for system, value in pairs if isinstance(system, str) and isinstance(value, str)),
        born if isinstance(born, str) else None,
    )


def find(client: HospitalClient, patient: Wanted) -> str | None:
    """Id of the hospital's Patient, or None: the hospital has none and ours is to be sent.

    Raises Conflict where several match, where the match was born on another day or was merged into another.
    """
    found = {match["id"]: match for match in _named(client, patient) or _identified(client, patient)}
    if len(found) > 1:
        raise Conflict(f"{len(found)} patients of {client.name} carry this patient's identifiers")
    for match in found.values():
        _check(match, patient, client.name)
        return str(match["id"])
    return None


def concerns(resources: Sequence[Resource], own: str) -> bool:
    """Whether any of them is our Patient or refers to it. De-identified content does not, and asks no hospital."""
    return any(_is_patient(resource, own) or ("Patient", own) in local_targets(resource) for resource in resources)


def refer(resources: Sequence[Resource], own: str, theirs: str) -> list[Resource]:
    """The resources about the hospital's Patient `theirs` instead of ours, which is left out."""
    if theirs == own:
        return list(resources)

    def rewrite(reference: str) -> str:
        return f"Patient/{theirs}" if local(reference) == ("Patient", own) else reference

    return [rewritten(resource, rewrite) for resource in resources if not _is_patient(resource, own)]


def _is_patient(resource: Resource, id_: str) -> bool:
    return bool(resource["resourceType"] == "Patient" and resource["id"] == id_)


def _named(client: HospitalClient, patient: Wanted) -> list[Resource]:
    match = client.read("Patient", patient.named) if patient.named else None
    return [match] if match else []


def _identified(client: HospitalClient, patient: Wanted) -> list[Resource]:
    """A server may ignore a parameter that it does not know and answer with everybody: each match is looked at."""
    found: list[Resource] = []
    for system, value in patient.identifiers:
        matches = client.search("Patient", [("identifier", f"{escaped(system)}|{escaped(value)}")])
        found += [match for match in matches if _carries(match, system, value)]
    return found


def _carries(match: Resource, system: str, value: str) -> bool:
    return any((i.get("system"), i.get("value")) == (system, value) for i in dicts(match.get("identifier")))


def _check(match: Resource, patient: Wanted, name: str) -> None:
    if any(link.get("type") == "replaced-by" for link in dicts(match.get("link"))):
        raise Conflict(f"the patient of {name} was merged into another one: name that one in the enrolment")
    theirs, ours = str(match.get("birthDate") or ""), patient.birth_date or ""
    known = min(len(theirs), len(ours))
    if theirs[:known] != ours[:known]:
        raise Conflict(f"the patient of {name} that the enrolment points to was born on another day")
