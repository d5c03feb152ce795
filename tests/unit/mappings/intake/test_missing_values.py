"""Any section, and any single value in it, can be said to be missing: of every field that the forms have."""

from __future__ import annotations

import copy
from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mappings.facts import Missing
from mappings.intake import schema
from mappings.intake.words import REASONS_MISSING
from mappings.r4.faults import FaultyInput
from tests.lib.leaves import UNKNOWN, at, dotted, full, keys, leaves, without

AS_OF = date(2026, 9, 2)
KINDS = ("enrolment", "follow_up")
LEAVES = [(kind, path) for kind in KINDS for path in leaves(kind)]
NAMED = [(kind, path) for kind in KINDS for path in keys(kind)]
READ = {"enrolment": schema.enrolment, "follow_up": schema.follow_up}


def ids(said):
    return dotted(said) if isinstance(said, tuple) else str(said)


def refused(kind, document):
    """Path -> code of each fault."""
    with pytest.raises(FaultyInput) as found:
        READ[kind](document, AS_OF)
    return {fault.path: fault.code for fault in found.value.faults}


def test_the_forms_know_every_place_of_the_interface():
    found = {kind: {dotted(path) for path in leaves(kind)} for kind in KINDS}
    assert found["enrolment"] >= {
        *("birth_date", "sex", "hospital_patient", "identifiers", "identifiers.1.value", "consent", "consent.status"),
        *("consent.registry", "disease.diagnosis", "disease.text", "measurements.weight.date", "transplant.date"),
        *("transplant.planned", "transplant.cd34_per_kg.value"),
    }
    assert found["follow_up"] >= {
        *("vital_status.status", "engraftment.neutrophils.status", "engraftment.counts", "engraftment.counts.1.date"),
        *("engraftment.platelet_transfusions", "engraftment.platelet_transfusions.1", "response.date"),
        *("response.category", "response.mrd.result", "response.mrd.method", "relapse.date", "relapse.kind"),
        *("chimerism.1.sample", "gvhd.acute.1.onset", "gvhd.acute.1.treatment.1", "gvhd.acute.1.course.1.grade"),
        *("gvhd.chronic.1.organs", "gvhd.chronic.1.organs.lungs", "gvhd.chronic.1.course.1.organs.skin"),
        *("infections.1.kind", "quality_of_life.scores.total", "immunosuppression.drugs.1.drug"),
        *("administrations.1.action", "administrations.1.date", "dli.1.number", "dli_withheld.1.reason"),
    }
    assert {dotted(path) for _, path in NAMED if len(path) == 1} == {"centre", "patient", "protocol", "visit", "date"}


@pytest.mark.parametrize(("kind", "path"), LEAVES, ids=ids)
def test_every_value_can_be_said_to_be_missing_and_comes_back_so(kind, path):
    document = without(full(kind), path)
    said = schema.to_document(READ[kind](document, AS_OF))
    whole = path[:-1] if path[-1] == "value" and at(said, path[:-1]) == UNKNOWN else path
    assert at(said, whole) == UNKNOWN, "a quantity without a value is missing as a whole"
    rest = without(full(kind), whole, None)
    at(said, whole[:-1])[whole[-1]] = None
    if path == ("transplant", "date"):
        assert said["transplant"]["planned"] is False
    assert said == rest


@pytest.mark.parametrize(("kind", "path"), NAMED, ids=ids)
def test_what_gives_the_rest_its_meaning_cannot_be_missing(kind, path):
    assert refused(kind, without(full(kind), path)) == {dotted(path): "value"}


@pytest.mark.parametrize(
    "path", [("infections", 0), ("gvhd", "acute", 0), ("gvhd", "acute", 0, "course", 0), ("dli", 0)], ids=ids
)
def test_an_item_of_a_list_is_left_out_instead(path):
    assert refused("follow_up", without(full("follow_up"), path)) == {dotted(path): "value"}


def test_the_reason_is_one_of_r4_and_the_rest_is_a_note():
    said = {"not_done": "lost", "note": 1, "value": 2}
    assert refused("follow_up", without(full("follow_up"), ("response", "category"), said)) == {
        "response.category.not_done": "code-invalid",
        "response.category.note": "structure",
        "response.category.value": "structure",
    }


@st.composite
def thinned(draw, kind):
    """The whole example with any number of its values said to be missing."""
    document = full(kind)
    paths = draw(st.lists(st.sampled_from([path for each, path in LEAVES if each == kind]), unique=True))
    for path in paths:
        try:
            at(document, path)
        except (KeyError, TypeError, IndexError):
            continue  # not in the example, or it went with what it stood in
        at(document, path[:-1])[path[-1]] = {"not_done": draw(st.sampled_from(REASONS_MISSING))}
    return document


def whole(node):
    """The canonical form: a quantity without a value is missing, and a body measure has its unit all the same."""
    if isinstance(node, list):
        return [whole(item) for item in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("value"), dict) and "unit" in node and node["unit"] not in ("kg", "cm"):
        return node["value"]
    return {key: whole(value) for key, value in node.items()}


def twins(document):
    """Two drugs, or two steps of one course, of which nothing is left to tell them apart by."""
    drugs = document.get("immunosuppression", {}).get("drugs", [])
    course = document.get("gvhd", {}).get("acute", [{}])
    steps = course[0].get("course", []) if isinstance(course, list) else []
    return any(
        isinstance(items, list)
        and len(items) > 1
        and all(isinstance(item[key], dict) for item in items for key in names)
        for items, names in ((drugs, ("drug", "started")), (steps, ("date", "grade")))
    )


@given(st.sampled_from(KINDS).flatmap(lambda kind: st.tuples(st.just(kind), thinned(kind))))
def test_however_much_is_missing_it_is_read_and_comes_back(said):
    """Nothing contradicts a gap; only two items that nothing tells apart any more are refused."""
    kind, document = said
    assume(not twins(document))
    read = READ[kind](document, AS_OF)
    assert schema.to_document(read) == whole(document)
    assert READ[kind](schema.to_document(read), AS_OF) == read


class TestWhatBelongsTogether:
    def test_nobody_is_dead_or_alive_by_a_status_that_is_missing(self, follow_up, faults):
        follow_up["vital_status"] = {"status": UNKNOWN, "date": "2026-03-01"}
        assert faults(follow_up) == {}, "no death bounds the dates after it"
        follow_up["vital_status"]["cause"] = "relapse"
        assert "the status is said to be missing" in faults(follow_up)["vital_status.cause"].message

    @pytest.mark.parametrize("status", ["alive", "lost", "dead", UNKNOWN])
    def test_a_missing_cause_contradicts_no_status(self, follow_up, faults, status):
        follow_up["vital_status"] = {"status": status, "date": "2026-09-02", "cause": {"not_done": "not-applicable"}}
        assert faults(follow_up) == {}

    def test_a_missing_birth_bounds_nothing(self, enrolment, faults):
        enrolment |= {"birth_date": UNKNOWN, "disease": {"diagnosis": "aml", "diagnosed": "1900"}}
        assert faults(enrolment) == {}

    def test_a_grade_is_judged_by_the_stages_that_are_known(self, follow_up, faults):
        acute = follow_up["gvhd"]["acute"][0] | {"grade": "I", "skin": 3, "liver": UNKNOWN, "course": UNKNOWN}
        follow_up["gvhd"]["acute"] = [acute]
        assert "contradicts skin 3" in faults(follow_up)["gvhd.acute.1.grade"].message

    def test_a_severity_is_judged_by_the_organs_that_are_known(self, follow_up, faults):
        chronic = {"onset": UNKNOWN, "severity": "mild", "organs": {"lungs": 1, "skin": UNKNOWN}, "course": UNKNOWN}
        follow_up["gvhd"]["chronic"] = [chronic]
        assert "contradicts lungs 1" in faults(follow_up)["gvhd.chronic.1.severity"].message
        chronic["organs"] = {"lungs": UNKNOWN, "skin": UNKNOWN}
        assert faults(follow_up) == {}

    def test_the_course_is_judged_by_the_days_that_are_known(self, follow_up, faults):
        steps = [
            {"date": "2026-05-02", "grade": "I"},
            {"date": UNKNOWN, "grade": "II"},
            {"date": "2026-05-01", "grade": "0"},
        ]
        follow_up["gvhd"]["acute"] = [{"onset": UNKNOWN, "course": steps}]
        assert list(faults(follow_up)) == ["gvhd.acute.1.course.3.date"]

    def test_a_missing_grade_may_have_been_the_worst(self, follow_up, faults):
        steps = [{"date": "2026-05-01", "grade": "I"}, {"date": "2026-05-02", "grade": UNKNOWN}]
        follow_up["gvhd"]["acute"] = [{"onset": "2026-04-20", "grade": "III", "course": steps}]
        assert faults(follow_up) == {}

    def test_a_comparator_belongs_to_a_value(self, follow_up, faults):
        follow_up["immune_reconstitution"]["cd4"] = {"value": UNKNOWN, "unit": "/uL", "comparator": "<"}
        assert faults(follow_up)["immune_reconstitution.cd4.comparator"].code == "invariant"

    def test_a_text_that_explains_nothing_is_refused_though_it_is_missing(self, follow_up, faults):
        follow_up["relapse"]["text"] = UNKNOWN
        assert faults(follow_up)["relapse.text"].code == "structure"


class TestTransplant:
    @pytest.mark.parametrize(
        ("said", "planned"),
        [
            ({"date": UNKNOWN}, Missing("unknown")),
            ({"date": UNKNOWN, "planned": False}, False),
            ({"date": UNKNOWN, "planned": True}, True),
            ({"date": "2026-03-02", "planned": UNKNOWN}, Missing("unknown", "file lost")),
            ({"planned": UNKNOWN}, Missing("unknown", "file lost")),
        ],
    )
    def test_a_graft_of_which_nobody_knows_the_day_is_neither_done_nor_planned_by_us(self, enrolment, said, planned):
        enrolment["transplant"] = said
        read = schema.enrolment(enrolment, AS_OF).transplant
        assert read.planned == planned
        assert read.day_zero == (date(2026, 3, 2) if said.get("date") == "2026-03-02" else None)

    def test_a_graft_that_lies_ahead_is_said_to_be_planned(self, enrolment, faults):
        enrolment["transplant"] = {"date": "2026-12-24", "planned": UNKNOWN}
        assert 'needs "planned": true' in faults(enrolment)["transplant.date"].message


TWINS = {
    "infections": [{"onset": UNKNOWN, "kind": "viral"}, {"onset": {"not_done": "masked"}, "kind": "viral"}],
    "chimerism": [{"date": UNKNOWN, "donor_percent": 98}, {"date": UNKNOWN, "donor_percent": 99}],
    "administrations": [{"action": "thiotepa", "date": UNKNOWN}, {"action": "thiotepa", "date": UNKNOWN}],
    "dli": [{"number": UNKNOWN, "date": "2026-07-01"}, {"number": UNKNOWN, "date": "2026-08-01"}],
    "dli_withheld": [{"number": 2, "date": UNKNOWN, "reason": r} for r in ("donor", "patient")],
}


class TestTwins:
    @pytest.mark.parametrize("section", TWINS)
    def test_two_items_that_nothing_tells_apart_need_ids(self, follow_up, faults, section):
        follow_up[section] = copy.deepcopy(TWINS[section])
        found = faults(follow_up)
        assert {path: fault.code for path, fault in found.items()} == {f"{section}.2": "duplicate"}
        assert "give each its own id" in found[f"{section}.2"].message
        follow_up[section][1]["id"] = "b"
        assert faults(follow_up) == {}

    def test_one_item_without_its_first_date_needs_no_id(self, follow_up, faults):
        follow_up["infections"] = [*TWINS["infections"][:1], {"onset": "2026-04-02", "kind": "viral"}]
        assert faults(follow_up) == {}

    def test_doses_without_a_date_are_told_apart_by_their_day(self, follow_up, faults):
        follow_up["administrations"] = [
            {"action": "etoposide", "day": day, "date": UNKNOWN} for day in ("D-12", "D-11")
        ]
        assert faults(follow_up) == {}

    def test_steps_without_a_date_are_told_apart_by_their_grade(self, follow_up, faults):
        steps = [{"date": UNKNOWN, "grade": grade} for grade in ("I", "II", "unknown", UNKNOWN)]
        follow_up["gvhd"]["acute"] = [{"onset": "2026-04-20", "course": steps}]
        assert {path: fault.code for path, fault in faults(follow_up).items()} == {
            "gvhd.acute.1.course.4.date": "duplicate"
        }
