"""A refusal is told in the sender's words: where, what stood there, why it cannot be, how to mend it."""

from __future__ import annotations

from datetime import date

import pytest

from mappings.intake import schema, table
from mappings.intake.columns import column, kind_by
from mappings.intake.entries import Entry
from mappings.r4.faults import Fault, FaultyInput

AS_OF = date(2026, 9, 2)
HEAD = "centre;patient;visit;date;"
WHO = "FR-037;P-1;m3;2026-04-13;"


def told(columns, cells, who=WHO):
    """Refusals of one row, by column."""
    data = f"{HEAD}{columns}\n{who}{cells}\n".encode()
    layout = table.survey(lambda: [*data.splitlines(keepends=True)])
    (entry,) = table.read(lambda: [*data.splitlines(keepends=True)], layout)
    with pytest.raises(FaultyInput) as error:
        schema.follow_up(entry.document, AS_OF)
    return {one.column: one for one in entry.refusals(error.value.faults)}


@pytest.mark.parametrize(
    ("columns", "cells", "name", "reason", "mend"),
    [
        ("relapse.date;relapse.kind", "soon;molecular", "relapse.date", "no date of the calendar", "YYYY-MM-DD"),
        ("relapse.date;relapse.kind", "2026-04-01;bad", "relapse.kind", "not known here", "haematological, molecular"),
        ("measurements.karnofsky", "85", "measurements.karnofsky", "by steps of 10", "correct the value"),
        ("chimerism.1.date;chimerism.1.donor_percent", "2026-04-01;x", "chimerism.1.donor_percent", "a number", "0.52"),
        (
            "gvhd.acute.1.onset;gvhd.acute.1.steroid_refractory",
            "2026-04-01;si",
            "gvhd.acute.1.steroid_refractory",
            "true or false",
            "true or false",
        ),
        (
            "immune_reconstitution.date;immune_reconstitution.cd4",
            "2026-04-01;120",
            "immune_reconstitution.cd4",
            "'120' is no value with a unit",
            "as 120 /uL",
        ),
        (
            "immune_reconstitution.date;immune_reconstitution.cd4",
            "2026-04-01;5 mg",
            "immune_reconstitution.cd4",
            "not known here",
            "one of",
        ),
        ("chimerism.1.donor_percent", "99", "chimerism.1.date", "this is needed", "chimerism.1.date.not_done"),
        ("infections.none", "maybe", "infections.none", "expected a list", "write true where the list is empty"),
        (
            "gvhd.acute.1.onset;gvhd.acute.1.resolved",
            "2026-04-01;2026-03-01",
            "gvhd.acute.1.resolved",
            "before the onset",
            "correct whichever",
        ),
        (
            "dli.1.number;dli.1.date;dli.2.number;dli.2.date",
            "1;2026-04-01;1;2026-04-01",
            "dli.2",
            "the same as item 1",
            "its own id",
        ),
        ("relapse.date;relapse.kind;relapse.text", "2026-04-01;other;", "relapse.text", "needs a text", "fill it in"),
    ],
)
def test_reason_and_mending_stand_by_the_cell(columns, cells, name, reason, mend):
    found = told(columns, cells)[name]
    assert reason in found.reason
    assert mend in (found.mend or "")
    assert found.row == 2


def test_a_date_that_can_be_read_two_ways_is_told_as_such():
    found = told("relapse.date;relapse.kind", "03/04/2026;molecular")["relapse.date"]
    assert "does not tell the day from the month" in found.reason
    assert found.mend == "write YYYY-MM-DD"


def test_a_needed_key_is_to_be_filled_in():
    found = told("response.note", "x", ";P-1;m3;2026-04-13;")["centre"]
    assert (found.value, found.mend) == ("", "fill it in")


def test_what_is_known_is_told_and_nothing_else():
    found = told("relapse.date;relapse.kind", "2026-04-01;bad")["relapse.kind"].document()
    assert list(found) == ["line", "row", "column", "path", "value", "reason", "mend"]
    assert (found["line"], found["row"], found["value"]) == (2, 2, "bad")


def test_a_json_document_has_its_line_and_its_path():
    document = {"visit": "m3", "gvhd": {"acute": [{"skin": 9}]}}
    entry = Entry(7, document, kind="follow-up")
    faults = [
        Fault("gvhd.acute.1.skin", "9 is not from 0 to 4"),
        Fault("gvhd.acute", "x"),
        Fault("mood", "unknown key"),
    ]
    skin, acute, mood = (one.document() for one in entry.refusals(faults))
    assert skin == {
        "line": 7,
        "path": "gvhd.acute.1.skin",
        "value": "9",
        "reason": "9 is not from 0 to 4",
        "mend": "correct the value",
    }
    assert "value" not in acute
    assert mood["mend"] == "name it as the list says"


@pytest.mark.parametrize(
    ("path", "message", "mend"),
    [
        ("mood", "unknown key; allowed here: centre", "name it as the list says"),
        ("mood", "this key stands twice in one object", "say it once"),
        ("resourceType", "this is a FHIR Bundle; a transaction or batch goes to POST /fhir", None),
    ],
)
def test_a_name_is_mended_where_a_list_tells_how(path, message, mend):
    (told,) = Entry(1, {}, kind="follow-up").refusals([Fault(path, message, "structure")])
    assert told.mend == mend


@pytest.mark.parametrize(
    ("path", "mend"),
    [
        ("date", "fill it in"),
        ("visit", "fill it in"),
        ("QuestionnaireResponse.status", "fill it in"),
        ("response.date", "fill it in, or say why it is missing in response.date.not_done"),
    ],
)
def test_only_what_may_be_missing_is_said_to_be_missing(path, mend):
    (told,) = Entry(1, {}, kind="follow-up").refusals([Fault(path, "missing: this is needed", "required")])
    assert told.mend == mend


def test_what_is_no_document_at_all_needs_no_mending_of_a_cell():
    (told,) = Entry(3, faults=(Fault("$", "not valid JSON", "structure"),)).refusals(
        [Fault("$", "not valid JSON", "structure")]
    )
    assert told.document() == {"line": 3, "path": "$", "reason": "not valid JSON"}


@pytest.mark.parametrize(
    ("path", "holds"),
    [
        ("date", "date"),
        ("GVHD.Acute.12.Onset", "date"),
        ("gvhd.acute.1.treatment.2", "word"),
        ("gvhd.acute.1.treatment", "list"),
        ("gvhd.acute.none", "none"),
        ("gvhd.acute.1.course.3.grade.not_done", "word"),
        ("gvhd.acute.1.note", None),
        ("gvhd.acute.0.onset", None),
        ("gvhd.acute.x.onset", None),
        ("gvhd.acute.1.onset.day", None),
        ("gvhd.chronic.1.organs", "group"),
        ("gvhd.chronic.1.organs.skin", "whole"),
        ("gvhd.chronic.1.organs.nose", None),
        ("quality_of_life.scores.PWB", "number"),
        ("quality_of_life.scores.a/b", None),
        ("measurements.weight", "quantity"),
        ("measurements.weight.value", "number"),
        ("engraftment.platelet_transfusions.1", "date"),
        ("engraftment", "group"),
        ("dli.1.number", "whole"),
        ("visit", "word"),
        ("centre", "text"),
        ("sex", None),
        ("", None),
    ],
)
def test_what_stands_at_a_path_is_told_by_the_form(path, holds):
    found = column("follow-up", path)
    assert (found and found.holds) == holds


def test_columns_know_their_words():
    grade = column("follow-up", "gvhd.acute.1.grade")
    assert (grade.path, grade.group, grade.words[0]) == ("gvhd.acute.1.grade", "agvhd-grade", "0")
    assert column("enrolment", "sex").words == ("male", "female", "other", "unknown")
    assert "not-performed" in column("follow-up", "relapse.not_done").words


def test_visit_makes_a_follow_up():
    assert kind_by({"visit"}) == "follow-up"
    assert kind_by({"gvhd"}) == "follow-up"
    assert kind_by({"sex", "gvhd"}) == "enrolment"
    assert kind_by(set()) == "enrolment"
