"""A Measure for each endpoint, and the Library that says where their logic is, from the definitions in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mappings.canonicals import DEFAULT, MEASURE_IMPROVEMENT, MEASURE_POPULATION
from mappings.r4.build import coding, concept
from mappings.registry.definitions import DEFINITIONS, RULES, VERSION
from mappings.registry.endpoints import ENDPOINTS
from mappings.registry.measure_report import TIME_POINT, improvement
from mappings.registry.tallies import AALEN_JOHANSEN, Counted, TimeToEvent
from tests.lib.guide.artefact import artefact

LIBRARY = "endpoints"
_TYPE = "http://terminology.hl7.org/CodeSystem/measure-type"
_LIBRARY_TYPE = "http://terminology.hl7.org/CodeSystem/library-type"
_GRAFTED = "Patients with a transplant that took place, on a known date not after the cut-off."
_NOT_A_SHARE = (
    "The score is an estimate from censored follow-up: it is not the numerator divided by the initial population."
)


def measures() -> Iterator[dict[str, Any]]:
    """In the order of the protocol, the Library last."""
    for endpoint, said in ENDPOINTS.items():
        yield _measure(endpoint, said)
    yield artefact("Library", LIBRARY, "How endpoints are computed", " ".join(RULES)) | {
        "type": concept(coding(_LIBRARY_TYPE, "logic-library")),
        "purpose": "The logic of the Measures is code: one function an endpoint. It is told in words in each Measure.",
    }


def _measure(endpoint: str, said: TimeToEvent | Counted) -> dict[str, Any]:
    head = artefact("Measure", endpoint, said.title, DEFINITIONS[endpoint])
    estimated = {"disclaimer": _NOT_A_SHARE} if isinstance(said, TimeToEvent) else {}
    populations = [("initial-population", _whole(endpoint), _transplanted())]
    if not endpoint.startswith("immune-") or endpoint == "immune-cd4-recovered":
        populations.append(("numerator", _counted(said), _logic()))
    return head | {
        "subjectCodeableConcept": concept(coding("http://hl7.org/fhir/resource-types", "Patient")),
        **estimated,
        "library": [DEFAULT.pinned("Library", LIBRARY)],
        "type": [concept(coding(_TYPE, "outcome"))],
        "improvementNotation": concept(coding(MEASURE_IMPROVEMENT, improvement(endpoint))),
        "definition": [f"Version {VERSION} of the definitions.", *RULES],
        "group": [
            {
                "description": _whole(endpoint),
                "population": [
                    {"code": concept(coding(MEASURE_POPULATION, code)), "description": told, "criteria": criteria}
                    for code, told, criteria in populations
                ],
                "stratifier": [{"code": {"text": TIME_POINT}, "description": _days(said)}],
            }
        ],
    }


def _whole(endpoint: str) -> str:
    return "Patients with an infusion." if endpoint == "pdli-gvhd" else _GRAFTED


def _counted(said: TimeToEvent | Counted) -> str:
    if isinstance(said, Counted):
        return "Those of them who were counted by that date."
    competing = " before anything that competes" if said.method == AALEN_JOHANSEN else ""
    return f"Those of them who had the event by the horizon{competing}."


def _days(said: TimeToEvent | Counted) -> str:
    days = ", ".join(str(day) for day in said.horizons if day is not None)
    return f"Days at which it is told: {days}." if days else "To the cut-off."


def _transplanted() -> dict[str, str]:
    return {
        "language": "text/fhirpath",
        "expression": "Procedure.where(status = 'completed' and performed.exists())",
    }


def _logic() -> dict[str, str]:
    """No expression language of FHIR knows censoring: the logic is code, and the Library says so (exp-1).

    R4 has a language for three expression languages only and needs one of them; there is no expression to evaluate.
    """
    return {"language": "text/fhirpath", "reference": DEFAULT.pinned("Library", LIBRARY)}
