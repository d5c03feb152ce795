"""NamingSystems of the identifiers that Engraft gives: what one of them is made of, and what it tells apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mappings.canonicals import DEFAULT
from tests.lib.guide.artefact import PUBLISHED, PUBLISHER

SYSTEMS = {
    "course": "One patient's course by one protocol; ties the requests of a plan together.",
    "definition": "A definition of a protocol by its key.",
    "document": "What a centre sent: centre, patient and visit, or the id of a pushed resource, joined by a slash.",
    "fact": "One thing that a centre told of: course, item and what tells it from others, joined by a slash.",
    "measure-report": "One result of an endpoint.",
    "patient": "A patient as the centre numbers them: centre and patient, joined by a slash; never for a registry.",
    "plan-digest": "What a pharmacist or physician was shown and signed: a hash of every dose and date.",
    "pseudonym": "What a registry knows a patient or a resource by: a keyed hash.",
    "request": "One order of a course: course, action and day, joined by a slash; the day written D-13, D0, D3.",
    "study": "A trial by the key of its protocol.",
}
"""Name in `<canonical base>/sid/<name>` to what it says."""


def naming_systems() -> Iterator[dict[str, Any]]:
    """One for each identifier system. R4 gives a NamingSystem neither canonical nor version."""
    for name, told in SYSTEMS.items():
        yield {
            "resourceType": "NamingSystem",
            "id": name,
            "name": "Engraft" + "".join(word.capitalize() for word in name.split("-")),
            "status": "active",
            "kind": "identifier",
            "date": PUBLISHED,
            "publisher": PUBLISHER,
            "description": told,
            "uniqueId": [{"type": "uri", "value": DEFAULT.sid(name), "preferred": True}],
        }
