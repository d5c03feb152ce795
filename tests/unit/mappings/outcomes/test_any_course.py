"""What holds of every course, however much of it is missing, in whatever order it was told."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from adapter.hospital import r4_gate
from adapter.hospital.references import local_targets
from mappings.facts.synthetic import documents
from mappings.intake import schema
from mappings.intake.words import REASONS_MISSING
from mappings.outcomes import map_course
from mappings.r4 import wire
from mappings.r4.build import Ids
from mappings.r4.faults import FaultyInput
from mappings.r4.validate import validate
from tests.lib.charts import AS_OF
from tests.lib.plans import COURSE

ENROLMENT: dict[str, Any] = {
    "centre": "FR-SYN",
    "patient": "SYN-0001",
    "protocol": "set-haplo-pdli",
    "birth_date": "1971-05",
    "sex": "female",
    "hospital_patient": "Patient/abc",
    "identifiers": [{"system": "urn:oid:1.2.3", "value": "42"}],
    "consent": {"status": "active", "date": "2026-01-10", "registry": True},
    "disease": {"diagnosis": "aml", "status": "relapsed", "diagnosed": "2025-03", "blasts_percent": 34},
    "measurements": {
        "weight": {"value": 70, "unit": "kg", "date": "2026-02"},
        "height": {"value": 175, "unit": "cm"},
        "karnofsky": 90,
    },
    "transplant": {
        "date": "2026-03-02",
        "planned": False,
        "donor": "haploidentical",
        "graft": "pbsc",
        "cd34_per_kg": {"value": 5, "unit": "10*6/kg"},
        "cd3_per_kg": {"value": 180, "unit": "10*6/kg"},
    },
}
FOLLOW_UP: dict[str, Any] = {
    "centre": "FR-SYN",
    "patient": "SYN-0001",
    "visit": "m6",
    "date": "2026-09-02",
    "vital_status": {"status": "dead", "date": "2026-09-01", "cause": "gvhd"},
    "measurements": {"weight": {"value": 66, "unit": "kg", "date": "2026-08-30"}, "karnofsky": 40},
    "engraftment": {
        "neutrophils": {"status": "engrafted", "date": "2026-03-17"},
        "platelets": {"status": "secondary-graft-failure", "date": "2026-07"},
        "counts": [
            {
                "date": "2026-03-17",
                "neutrophils": {"value": 1, "unit": "10*9/L"},
                "platelets": {"value": 23, "unit": "10*9/L", "comparator": "<"},
            }
        ],
        "platelet_transfusions": ["2026-03-16"],
    },
    "response": {
        "date": "2026-08-30",
        "category": "CRi",
        "marrow_blasts_percent": 1,
        "mrd": {"result": "negative", "method": "flow"},
    },
    "immune_reconstitution": {
        "date": "2026-08-29",
        **{cells: {"value": 120, "unit": "/uL"} for cells in ("cd4", "cd8", "treg", "nk", "b")},
    },
    "gvhd": {
        "assessed": "2026-08-31",
        "acute": [
            {
                "onset": "2026-04-20",
                "grade": "III",
                "skin": 3,
                "liver": 0,
                "upper_gi": 1,
                "lower_gi": 2,
                "resolved": "2026-06",
                "treatment": ["systemic-steroids"],
                "steroid_refractory": True,
                "course": [
                    {"date": "2026-04-20", "grade": "II", "skin": 3, "liver": 0},
                    {"date": "2026-05-02", "grade": "III", "lower_gi": 2},
                ],
            }
        ],
        "chronic": [
            {
                "onset": "2026-07-10",
                "severity": "moderate",
                "organs": {"skin": 2, "mouth": 1},
                "resolved": "2026-08-20",
                "systemic_treatment": True,
                "treatment": ["systemic-steroids"],
                "after_dli": 1,
                "course": [
                    {"date": "2026-07-10", "severity": "mild", "organs": {"mouth": 1}},
                    {"date": "2026-07-20", "severity": "moderate", "organs": {"skin": 2}},
                ],
            }
        ],
    },
    "relapse": {"date": "2026-08-25", "kind": "haematological"},
    "chimerism": [{"date": "2026-08-28", "sample": "blood", "lineage": "t-cell", "donor_percent": 97}],
    "infections": [
        {
            "onset": "2026-04-02",
            "kind": "viral",
            "agent": "cmv",
            "site": "blood",
            "severity": "moderate",
            "resolved": "2026-04-30",
        }
    ],
    "quality_of_life": {
        "date": "2026-08-30",
        "instrument": "EQ-5D-5L",
        "version": "1.0",
        "scores": {"index": 1, "own scale": 7},
    },
    "immunosuppression": {
        "assessed": "2026-08-31",
        "drugs": [{"drug": "ciclosporin", "started": "2026-03-08", "stopped": "2026-05-31"}],
    },
    "administrations": [
        {"action": "busulfan", "day": "D-5", "date": "2026-02-25", "given": {"value": 224, "unit": "mg"}}
    ],
    "dli": [{"number": 1, "date": "2026-07-01", "cd3_per_kg": {"value": 1, "unit": "10*6/kg"}}],
    "dli_withheld": [{"number": 2, "date": "2026-08-05", "reason": "active-gvhd"}],
}


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return (
        [path, *(place for key, value in inner for place in places(value, (*path, key)))]
        if path
        else [place for key, value in inner for place in places(value, (key,))]
    )


def at(node: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        node = node[step]
    return node


PLACES = {"enrolment": places(ENROLMENT), "follow-up": places(FOLLOW_UP)}


@st.composite
def courses(draw: Any) -> tuple[Any, Any, set[tuple[str, str]]]:
    """Enrolment, follow-up, and the (reason, note) that stand in them; each place may be missing or left out."""
    forms = {"enrolment": copy.deepcopy(ENROLMENT), "follow-up": copy.deepcopy(FOLLOW_UP)}
    said: set[tuple[str, str]] = set()
    for name, form in forms.items():
        for path in draw(st.lists(st.sampled_from(PLACES[name]), max_size=8, unique=True)):
            try:
                at(form, path)
            except (KeyError, IndexError, TypeError):
                continue  # it went with what it stood in
            where, before = at(form, path[:-1]), copy.deepcopy(form)
            if draw(st.booleans()):
                note = f"note {len(said)} of the {name}"
                where[path[-1]] = {"not_done": draw(st.sampled_from(REASONS_MISSING)), "note": note}
            else:
                del where[path[-1]]
            if not accepted(name, form):
                forms[name] = form = before
    for form in forms.values():
        told = (path for path in places(form) if not untold(form, path))
        said |= {(node["not_done"], node["note"]) for path in told if is_missing(node := at(form, path))}
    return forms["enrolment"], forms["follow-up"], said


def untold(form: Any, path: tuple[Any, ...]) -> bool:
    """Is this a part of something that R4 cannot tell without what is missing, or of nothing at all?"""
    match path:
        case ("hospital_patient",):
            return True
        case ("consent", *_):
            return is_missing(form["consent"]) or is_missing(form["consent"]["status"])
        case ("vital_status", "cause"):
            return bool(form["vital_status"]["status"] != "dead")
        case ("immune_reconstitution" | "response", "date") | ("engraftment", "counts", 0, "date"):
            return len(at(form, path[:-1])) == 1
    return False


def is_missing(node: Any) -> bool:
    return isinstance(node, dict) and "not_done" in node


def accepted(name: str, form: Any) -> bool:
    try:
        (schema.enrolment if name == "enrolment" else schema.follow_up)(form, AS_OF)
    except FaultyInput:
        return False
    return True


def mapping(enrolment: Any, *forms: Any) -> Any:
    visits = [schema.follow_up(form, AS_OF) for form in forms]
    return map_course(schema.enrolment(enrolment, AS_OF), visits, Ids(COURSE))


@given(courses())
def test_whatever_is_missing_is_said_with_its_reason_and_its_note(course):
    enrolment, follow_up, said = course
    written = wire.encode([entry.resource for entry in mapping(enrolment, follow_up)]).decode()
    for reason, note in said:
        assert note in written
        assert reason in written


@settings(max_examples=50)
@given(courses())
def test_every_resource_is_r4_for_both_readers_and_points_to_nothing_that_is_not_there(course):
    enrolment, follow_up, _ = course
    resources = [entry.resource for entry in mapping(enrolment, follow_up)]
    there = {(resource["resourceType"], resource["id"]) for resource in resources}
    assert len(there) == len(resources)
    for resource in resources:
        assert [fault for fault in validate(resource) if fault.severity == "error"] == []
        r4_gate.read(resource)
        assert {place for place in local_targets(resource) if place[0] != "ResearchStudy"} <= there
        assert not ("dataAbsentReason" in resource and any(name.startswith("value") for name in resource))


@settings(max_examples=50)
@given(courses(), courses(), st.randoms(use_true_random=False))
def test_the_order_in_which_the_forms_came_does_not_matter(one, other, chance):
    forms = [one[1] | {"visit": "m3", "date": "2026-09-01"}, one[1], other[1] | {"visit": "m12", "date": "2026-10-30"}]
    assume(all(accepted("follow-up", form) for form in forms))
    expected = mapping(one[0], *forms)
    chance.shuffle(forms)
    assert mapping(one[0], *forms) == expected


ANOTHER_WORD = {
    ("engraftment", "counts", 0, "platelets", "comparator"),
    ("gvhd", "acute", 0),
    ("gvhd", "acute", 0, "treatment", 0),
    ("gvhd", "chronic", 0),
    ("gvhd", "chronic", 0, "treatment", 0),
}
"""Without these a form says something else (23 instead of below 23, none instead of one), not less."""


def without(path: tuple[Any, ...]) -> Any:
    """The same form, later, with one place left out."""
    form = copy.deepcopy(FOLLOW_UP) | {"date": "2026-10-30"}
    del at(form, path[:-1])[path[-1]]
    return form


ANOTHER_EVENT = {("relapse", "date")}
"""A relapse without its date may be a new one: it is told as such."""

THINNER = [
    path
    for path in PLACES["follow-up"]
    if path not in ANOTHER_WORD | ANOTHER_EVENT and accepted("follow-up", without(path))
]


@pytest.mark.parametrize("visit", ["m12", "unscheduled"])
@pytest.mark.parametrize("path", [path for path in THINNER if path != ("visit",)], ids=str)
def test_a_thinner_form_later_on_takes_nothing_back(path, visit):
    """The same things told once more with one of them left out: everything of the first form still stands."""
    thinner = without(path) | {"visit": visit}
    first = {entry.resource["id"]: entry.resource for entry in mapping(ENROLMENT, FOLLOW_UP)}
    both = {entry.resource["id"]: entry.resource for entry in mapping(ENROLMENT, FOLLOW_UP, thinner)}
    assert {name: undated(resource) for name, resource in both.items() if name in first} == {
        name: undated(resource) for name, resource in first.items()
    }


def undated(resource: Any) -> Any:
    """A drug that is told again is asserted again, on another day."""
    return {name: said for name, said in resource.items() if name != "dateAsserted"}


def missing(path: tuple[Any, ...]) -> Any:
    """The same form, later, with one place said to be missing."""
    form = copy.deepcopy(FOLLOW_UP) | {"date": "2026-10-30"}
    at(form, path[:-1])[path[-1]] = {"not_done": "unknown", "note": "file lost"}
    return form


FORGETFUL = [path for path in PLACES["follow-up"] if path not in ANOTHER_EVENT and accepted("follow-up", missing(path))]


@pytest.mark.parametrize("visit", ["m12", "unscheduled"])
@pytest.mark.parametrize("path", FORGETFUL, ids=str)
def test_a_form_that_no_longer_knows_something_takes_nothing_back(path, visit):
    """A value that nobody knows any more is no news: what the first form said still stands, but for remarks."""
    forgetful = missing(path) | {"visit": visit}
    first = {entry.resource["id"]: entry.resource for entry in mapping(ENROLMENT, FOLLOW_UP)}
    both = {entry.resource["id"]: entry.resource for entry in mapping(ENROLMENT, FOLLOW_UP, forgetful)}
    for name, resource in first.items():
        told = {key: said for key, said in undated(both[name]).items() if key != "note"}
        assert told == undated(resource)


@pytest.mark.parametrize("seed", range(3))
def test_every_synthetic_course_is_valid(seed):
    for enrolment, forms in documents(12, random.Random(seed), as_of=AS_OF, full=True):
        for entry in mapping(enrolment, *forms):
            assert [fault for fault in validate(entry.resource) if fault.severity == "error"] == []
