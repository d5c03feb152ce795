"""A Questionnaire that is answered as its items prescribe is read as the very document that it says."""

from __future__ import annotations

import random
from datetime import date

import pytest

from mappings.canonicals import DEFAULT
from mappings.facts.synthetic import documents
from mappings.intake import questionnaire, schema
from mappings.r4 import wire
from mappings.r4.validate import validate
from tests.lib.guide.answered import answered
from tests.lib.guide.written import FOLDER
from tests.lib.leaves import full, leaves, without
from tests.lib.tree import ROOT

AS_OF = date(2026, 11, 1)
CASES = sorted(path.parent.name for path in ROOT.glob("tests/golden/*/0-documents.json"))


def form_of(document):
    name = f"follow-up-{document['visit']}" if "visit" in document else "enrolment"
    return wire.decode(FOLDER.joinpath(f"Questionnaire-{name}.json").read_bytes())


def read(document):
    response = answered(form_of(document), document, "2026-11-01T10:00:00Z")
    assert [fault for fault in validate(response) if fault.severity == "error"] == []
    entry = questionnaire.entry(response, DEFAULT)
    assert entry.document is not None, entry.faults
    return entry.document


def sayable(value):
    """In the order of the answers (decision 43): values of a list that are missing stand after the others."""
    if isinstance(value, list):
        return sorted(map(sayable, value), key=lambda one: isinstance(one, dict) and "not_done" in one)
    return {key: sayable(inner) for key, inner in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize("case", CASES)
def test_every_golden_document_is_read_back_as_the_same_facts(case):
    told = wire.decode_strict((ROOT / "tests" / "golden" / case / "0-documents.json").read_bytes())
    enrolment = sayable(told["enrolment"])
    assert schema.enrolment(read(enrolment), AS_OF) == schema.enrolment(enrolment, AS_OF)
    for visit in map(sayable, told["follow_ups"]):
        assert schema.follow_up(read(visit), AS_OF) == schema.follow_up(visit, AS_OF), visit["visit"]


def test_whole_synthetic_courses_are_read_back_as_the_same_facts():
    for enrolment, visits in documents(4, random.Random(5), as_of=AS_OF, full=True):
        assert schema.enrolment(read(enrolment), AS_OF) == schema.enrolment(enrolment, AS_OF)
        for visit in visits:
            assert schema.follow_up(read(visit), AS_OF) == schema.follow_up(visit, AS_OF)


@pytest.mark.parametrize("kind", ["enrolment", "follow_up"])
def test_whatever_json_can_say_to_be_missing_the_questionnaire_can(kind):
    facts = {"enrolment": schema.enrolment, "follow_up": schema.follow_up}[kind]
    for path in leaves(kind):
        document = sayable(without(full(kind), path))
        assert facts(read(document), AS_OF) == facts(document, AS_OF), path


def test_values_of_a_list_that_are_missing_stand_after_the_others():
    treated = [{"not_done": "unknown", "note": "abroad"}, "topical", {"not_done": "masked"}]
    whose = {"centre": "FR-037", "patient": "P-0001", "visit": "m6", "date": "2026-09-02"}
    document = whose | {"gvhd": {"acute": [{"onset": "2026-04"}, {"onset": "2026-05", "treatment": treated}]}}
    said = read(document)["gvhd"]["acute"][1]["treatment"]
    assert said == ["topical", {"not_done": "unknown", "note": "abroad"}, {"not_done": "masked"}]


def test_scores_of_any_scale_and_what_is_missing_are_read_back():
    document = {
        "centre": "FR-037",
        "patient": "P-0001",
        "visit": "m6",
        "date": "2026-09-02",
        "quality_of_life": {
            "date": "2026-09",
            "instrument": "EORTC-QLQ-C30",
            "scores": {"global health": 66, "fatigue": {"not_done": "not-performed", "note": "tired"}},
        },
        "gvhd": {"assessed": "2026-09-02", "acute": [], "chronic": {"not_done": "unknown"}},
        "dli": [],
        "relapse": {"not_done": "asked-unknown", "note": "asked the family"},
    }
    assert read(document) == document
