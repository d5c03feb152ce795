"""Courses as odd as centres can make them, each with the transaction that they become: the same ones every time.

For other people's validators: what is drawn has passed intake and our own validator.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisWarning

from mappings.canonicals import DEFAULT
from mappings.intake import schema, words
from mappings.outcomes import map_course
from mappings.outcomes.origin import Document, provenance
from mappings.r4.build import Ids, Resource, course_id, transaction
from mappings.r4.faults import FaultyInput
from mappings.r4.validate import require_valid
from tests.lib.told import DATES, MISSING, SECTIONS, TEXTS, a_word, amount, an_object, measured, said

SEED = 20260302
AS_OF = date(2027, 12, 31)
RECORDED = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
VISITS = {"m6": "2026-09-02", "m12": "2027-03-02", "unscheduled": "2026-11-20", "baseline": "2026-09-01"}
MOST_VISITS = 3

NAMES = st.sampled_from(["FR-037", "0", "Hôpital d'Été & Cie", "<b>", "a/b?c=d#e|f", "\U0001fa78" * 20, "x" * 300])
REGISTERS = st.sampled_from(["urn:oid:1.2.250.1.213.1.4.8", "https://hospital.example/mrn"])
ENROLLED = st.fixed_dictionaries(
    {"centre": NAMES, "patient": NAMES, "protocol": st.just("set-haplo-pdli")},
    optional={
        "birth_date": said(st.sampled_from(["1971", "1971-05", "1971-05-02"])),
        "sex": said(st.sampled_from(words.SEXES)),
        "hospital_patient": said(st.sampled_from(["Patient/abc", "Patient/" + "z" * 64])),
        "identifiers": said(st.lists(st.fixed_dictionaries({"system": REGISTERS, "value": said(NAMES)}), max_size=2)),
        "consent": said(
            st.fixed_dictionaries(
                {"status": said(st.sampled_from(words.CONSENTS))},
                optional={"date": said(DATES), "registry": said(st.booleans())},
            )
        ),
        "disease": said(
            an_object(
                {"diagnosis": a_word(words.DIAGNOSIS)},
                status=a_word(words.DISEASE_STATUS),
                diagnosed=said(st.sampled_from(["2025", "2025-03", "2025-03-07"])),
                blasts_percent=said(st.integers(0, 100)),
            )
        ),
        "measurements": said(
            st.fixed_dictionaries(
                {},
                optional={
                    "weight": measured("kg", 40, 120),
                    "height": measured("cm", 140, 200),
                    "karnofsky": said(st.sampled_from([0, 90, 100])),
                },
            )
        ),
        "transplant": said(
            st.builds(
                lambda told, when: told | when,
                an_object(
                    {},
                    donor=a_word(words.DONOR),
                    graft=a_word(words.GRAFT),
                    cd34_per_kg=amount("10*6/kg"),
                    cd3_per_kg=amount("10*6/kg"),
                ),
                st.sampled_from([{"date": "2026-03-02", "planned": False}, {"planned": True}, {"date": "2026-03-02"}])
                | st.builds(lambda why: {"date": why}, MISSING),
            )
        ),
    },
)


def _taken(name: str) -> st.SearchStrategy[Any]:
    """What intake takes of a section: dates of one thing that contradict each other it does not."""

    def admitted(section: Any) -> bool:
        return _read({"centre": "C", "patient": "P", "visit": "m6", "date": VISITS["m6"], name: section})

    return said(SECTIONS[name]).filter(admitted)


def _read(document: dict[str, Any]) -> bool:
    try:
        schema.follow_up(document, AS_OF)
    except FaultyInput:
        return False
    return True


def _counted(first: int, last: int) -> dict[str, Any]:
    """Counts of a recovery, a day each."""
    return {
        "counts": [
            {
                "date": f"2026-03-{day:02}",
                "neutrophils": {"value": Decimal("0.62"), "unit": "10*9/L"},
                "platelets": {"value": 31000, "unit": "/uL"},
            }
            for day in range(first, last)
        ],
        "platelet_transfusions": [],
    }


DRAWN = {name: _taken(name) for name in SECTIONS}
DRAWN["engraftment"] |= st.builds(_counted, st.integers(14, 16), st.integers(17, 30))
EVERY_SECTION = st.fixed_dictionaries(DRAWN)
SOME_SECTIONS = st.fixed_dictionaries({}, optional=DRAWN)
TOLD = st.dictionaries(st.sampled_from(sorted(VISITS)), EVERY_SECTION | SOME_SECTIONS, min_size=1, max_size=MOST_VISITS)


@dataclass(frozen=True)
class Course:
    """The documents of one patient, and what they are in FHIR."""

    enrolment: dict[str, Any]
    follow_ups: list[dict[str, Any]]
    resources: list[Resource]

    @property
    def bundle(self) -> Resource:
        return transaction(self.resources)


def courses(follow_ups: int) -> list[Course]:
    """Courses that have so many follow-ups together, and a Provenance of each document."""
    found: list[Course] = []
    left = follow_ups

    @seed(SEED)
    @settings(
        max_examples=follow_ups,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(ENROLLED, TOLD, TEXTS)
    def draw(enrolment: dict[str, Any], told: dict[str, Any], reason: str) -> None:
        nonlocal left
        told = dict(list(told.items())[:left])
        if told:
            found.append(_course(enrolment, told, reason))
            left -= len(told)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)  # that a long text among the choices has a long repr
        draw()
    assert left == 0
    return found


def _course(enrolment: dict[str, Any], told: dict[str, Any], reason: str) -> Course:
    key = {"centre": enrolment["centre"], "patient": enrolment["patient"]}
    documents = [{**key, "visit": name, "date": VISITS[name], **sections} for name, sections in told.items()]
    try:
        enrolled = schema.enrolment(enrolment, AS_OF)
        visits = [schema.follow_up(document, AS_OF) for document in documents]
    except FaultyInput:
        assume(False)
    assume(not any(fault.severity == "error" for one in visits for fault in schema.cross_check(one, enrolled)))
    ids = Ids(course_id(DEFAULT, enrolled.centre, enrolled.patient, enrolled.protocol))
    mapped = map_course(enrolled, visits, ids)
    made = [one.resource for one in mapped]
    for number, one in enumerate((enrolled, *visits)):
        targets = [f"{m.resource['resourceType']}/{m.resource['id']}" for m in mapped if one.key in m.sources]
        document = Document(one.key, number + 1, enrolled.centre, reason if number > 1 else None)
        made += filter(None, [provenance(document, targets, ids, recorded=RECORDED, software="engraft 0")])
    for resource in made:
        require_valid(resource)
    return Course(enrolment, documents, made)
