"""ValueSets of the closed lists: our own concept of each word, or the standard code where a word has no other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mappings.canonicals import DEFAULT
from mappings.intake import words
from mappings.intake.words import WordList
from mappings.terminology import codes
from mappings.terminology.systems import LocalCode
from mappings.terminology.tables import Row, table
from tests.lib.guide.artefact import artefact

SEXES = "http://hl7.org/fhir/ValueSet/administrative-gender"
CONSENT_STATES = "http://hl7.org/fhir/consent-state-codes"

_TITLES = {
    "diagnosis": "Diagnosis",
    "disease-status": "Status of the leukaemia",
    "donor": "Donor",
    "graft": "Source of the graft",
    "vital-status": "Vital status",
    "cause": "Cause of death",
    "engraftment": "Engraftment status",
    "response": "Response (ELN 2022)",
    "mrd": "Result for measurable residual disease",
    "mrd-method": "Method of the residual disease test",
    "relapse": "Kind of relapse",
    "sample": "Sample of the chimerism test",
    "lineage": "Cell fraction of the chimerism test",
    "agvhd-grade": "Overall grade of acute GVHD (MAGIC)",
    "cgvhd-severity": "Severity of chronic GVHD (NIH 2014)",
    "gvhd-treatment": "Treatment of GVHD",
    "infection-kind": "Kind of infection",
    "infection-agent": "Agent of an infection",
    "infection-site": "Site of an infection",
    "infection-severity": "Severity of an infection",
    "immunosuppressant": "Systemic immunosuppressant",
    "dli-withheld": "Reason why a donor lymphocyte infusion was withheld",
    "instrument": "Quality of life instrument",
}
_OTHERS = {
    "visit": "Visit of the follow-up",
    "agvhd-stage": "Organ stage of acute GVHD (MAGIC)",
    "cgvhd-score": "Organ score of chronic GVHD (NIH 2014)",
    "agreement": "Agreement of a derived with a reported result",
    "override-reason": "Reason why a warning was overridden",
}
"""Lists of the tables that are no list of words in intake."""
_OBSERVED = {
    "blood-count": ("What is counted of engraftment", ("neutrophils", "platelets")),
    "body-measure": (
        "What is measured of a body for a dose",
        ("weight", "height", "weight-undated", "height-undated", "bsa"),
    ),
    "cell-dose": ("Cells that are counted in a graft", ("graft-cd34", "graft-cd3")),
    "disease-status": ("What is told of the leukaemia at enrolment", ("disease-status", "blasts")),
    "dli-report": ("What is told of donor lymphocytes at a visit", ("dli-given", "dli-withheld")),
    "engraftment": ("Engraftment as the centre reports it", ("engraftment-neutrophils", "engraftment-platelets")),
    "engraftment-date": ("Engraftment from counts", ("engraftment-neutrophil-date", "engraftment-platelet-date")),
    "immune-subset": ("Lymphocyte subsets", ("cd4", "cd8", "treg", "nk", "b")),
}
"""Profiles of more than one thing, with the observables that they are for."""


def value_sets() -> Iterator[dict[str, Any]]:
    """One of each closed list, of the protocol's drugs and of what a consent may be."""
    for name, title in (_TITLES | _OTHERS).items():
        yield _value_set(name, title, [concept(row) for row in rows(name)])
    for profile, (title, observed) in _OBSERVED.items():
        yield _value_set(
            f"{profile}-code", title, [one for key in observed for one in _codes(table("observables")[key])]
        )
    yield _value_set(
        "consent-status", "Consent to the study", [(CONSENT_STATES, word, None) for word in words.CONSENTS]
    )
    yield _value_set(
        "action", "Drug of the protocol whose dose is given", [(ACTIONS, *_action(key)) for key in words.ACTIONS]
    )


ACTIONS = DEFAULT.url("CodeSystem", "action")
"""System of the protocol's action keys, which the identifiers of orders are made of."""


def actions() -> list[tuple[str, str]]:
    """(code, display) of each action whose dose a centre reports."""
    return [_action(key) for key in words.ACTIONS]


def _action(key: str) -> tuple[str, str]:
    return key, "Cyclophosphamide after the graft" if key == "ptcy" else codes.text("drugs", key)


def url_of(said: WordList | tuple[str, ...], name: str) -> str:
    """Canonical of the ValueSet of a list of words; `name` of the field tells the lists without a name apart."""
    if isinstance(said, WordList):
        return DEFAULT.pinned("ValueSet", said.name)
    plain = {words.SEXES: SEXES, words.VISITS: "visit", words.CONSENTS: "consent-status", words.ACTIONS: "action"}
    found = plain[said]
    return found if found == SEXES else DEFAULT.pinned("ValueSet", found)


def coding(name: str, word: str) -> dict[str, Any]:
    """The answer of one word of a list, as the ValueSet has it."""
    system, code, display = concept(table("answers")[f"{name}/{word}"])
    return {"system": system, "code": code, "display": display}


def rows(name: str) -> list[Row]:
    """The rows of one list of answers."""
    return [row for key, row in table("answers").items() if key.partition("/")[0] == name]


def concept(row: Row) -> tuple[str, str, str]:
    """(system, code, display) of the one concept that stands for a row; ours first, for no other row has it."""
    code = next((code for code in row.codes if isinstance(code, LocalCode)), row.codes[0])
    return code.system(DEFAULT), code.value, row.text


def _codes(row: Row) -> list[tuple[str, str, str | None]]:
    """(system, code, display) of every code of a row; the display of ours only."""
    return [(code.system(DEFAULT), code.value, row.text if isinstance(code, LocalCode) else None) for code in row.codes]


def _value_set(
    name: str, title: str, concepts: list[tuple[str, str, str | None]], told: str | None = None
) -> dict[str, Any]:
    systems = dict.fromkeys(system for system, _, _ in concepts)
    include = [
        {"system": system, "concept": [_concept(code, text) for of, code, text in concepts if of == system]}
        for system in systems
    ]
    head = artefact("ValueSet", name, title, told or f"{title}: the words of the interface, each by its one concept.")
    return head | {"immutable": False, "compose": {"include": include}}


def _concept(code: str, display: str | None) -> dict[str, str]:
    return {"code": code} | ({"display": display} if display else {})
