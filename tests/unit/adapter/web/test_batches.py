"""Batches at POST /follow-ups: each row is kept or refused by itself, and what was kept before stays one."""

from __future__ import annotations

import json

import pytest

from adapter.flows import batch
from mappings.r4.wire import decode
from tests.lib import flat
from tests.lib.forms import ENROLMENT, FOLLOW_UP

OTHER = ENROLMENT | {"patient": "P-0002"}
M6 = FOLLOW_UP | {"visit": "m6", "date": "2026-09-02"}
HEAD = "centre;patient;visit;date;chimerism.1.date;chimerism.1.donor_percent\r\n"


def ndjson(*documents):
    return b"\n".join(json.dumps(one).encode() for one in documents) + b"\n"


@pytest.fixture
def send(ward):
    """Posts a batch; (status, answer)."""

    def posted(data, kind="application/x-ndjson", who="centre"):
        answer = ward.ask("POST", "/follow-ups", who, data=data, content_type=kind)
        return answer.status_code, decode(answer.data)

    return posted


@pytest.mark.parametrize("kind", ["application/x-ndjson", "application/ndjson", "text/ndjson"])
def test_a_batch_holds_enrolments_and_visits_in_any_order(ward, send, kind):
    status, told = send(ndjson(FOLLOW_UP, M6, ENROLMENT), kind)
    assert (status, told["rejected"]) == (202, [])
    assert [(one["line"], one["kind"], one["version"]) for one in told["accepted"]] == [
        (1, "follow-up", 1),
        (2, "follow-up", 1),
        (3, "enrolment", 1),
    ]
    for one in told["accepted"]:
        assert ward.ask("GET", one["location"]).status_code == 200


def test_a_row_that_is_refused_holds_back_no_other(ward, send):
    bad = M6 | {"mood": "good"}
    status, told = send(ndjson(ENROLMENT, bad, FOLLOW_UP) + b'{"centre": \n')
    assert status == 202
    assert [one["line"] for one in told["accepted"]] == [1, 3]
    assert [(one["line"], one["path"]) for one in told["rejected"]] == [(2, "mood"), (4, "$")]
    assert ward.counts()["follow-ups"] == 1


def test_the_mended_batch_again_doubles_nothing(ward, send):
    send(ndjson(ENROLMENT, M6 | {"mood": "good"}, FOLLOW_UP))
    before = ward.counts()
    status, told = send(ndjson(ENROLMENT, M6, FOLLOW_UP))
    assert status == 202
    assert [(one["changed"], one["version"]) for one in told["accepted"]] == [(False, 1), (True, 1), (False, 1)]
    assert ward.counts()["follow-ups"] == before["follow-ups"] + 1


def test_a_table_is_told_how_it_was_read_and_where_it_is_wrong(send):
    send(ndjson(ENROLMENT))
    rows = "FR-037;P-0001;m3;13/06/2026;13/06/2026;98,50\r\n"
    rows += "FR-037;P-0001;m6;13/07/2026;hier;98,5\r\nFR-037;P-9;m3;13/06/2026;;\r\n"
    status, told = send((HEAD + rows).encode("cp1252"), "text/csv; charset=windows-1252")
    assert status == 202
    assert told["found"] == [
        *("windows-1252", "semicolons", "decimal comma, as in 98,50", "dates are dd/mm/yyyy, as in 13/06/2026")
    ]
    assert [(one["row"], one["kind"]) for one in told["accepted"]] == [(2, "follow-up")]
    day, nobody = told["rejected"]
    assert (day["row"], day["column"], day["value"]) == (3, "chimerism.1.date", "hier")
    assert "YYYY-MM-DD" in day["mend"]
    assert (nobody["row"], nobody["column"]) == (4, "patient")
    assert "enrolled no such patient" in nobody["reason"]


def test_digits_of_a_table_reach_the_resource(ward, send):
    send(ndjson(ENROLMENT))
    send((HEAD + "FR-037;P-0001;m3;2026-06-13;2026-06-13;98,50\r\n").encode(), "text/csv")
    found = decode(ward.ask("GET", "/fhir/Observation?date=2026-06-13").data)
    (donor,) = [one["resource"] for one in found["entry"] if "valueQuantity" in one["resource"]]
    assert str(donor["valueQuantity"]["value"]) == "98.50"


def test_a_table_of_enrolments_and_visits(send):
    status, told = send(flat.table(ENROLMENT, OTHER, FOLLOW_UP), "text/csv; charset=utf-8")
    assert status == 202
    assert [one["kind"] for one in told["accepted"]] == ["enrolment", "enrolment", "follow-up"]


def test_when_every_row_is_refused_the_batch_is(ward, send):
    before = ward.counts()
    status, outcome = send((HEAD + "FR-037;P-0001;m3;hier;;\r\n").encode(), "text/csv")
    assert (status, outcome["resourceType"]) == (422, "OperationOutcome")
    issue, *notes = outcome["issue"]
    assert issue["expression"] == ["date"]
    assert [(note["severity"], note["diagnostics"]) for note in notes] == [
        ("information", "utf-8"),
        ("information", "semicolons"),
    ]
    assert "row 2 ('hier'): 'hier' is no date of the calendar" in issue["diagnostics"]
    assert ward.counts() == before


def test_dates_that_can_be_read_two_ways_are_told_as_such(send):
    send(ndjson(ENROLMENT))
    status, outcome = send((HEAD + "FR-037;P-0001;m3;02/06/2026;01/06/2026;98,5\r\n").encode(), "text/csv")
    assert status == 422
    assert "does not tell the day from the month; write YYYY-MM-DD" in outcome["issue"][0]["diagnostics"]


def test_lines_that_are_all_refused_name_their_line(send):
    status, outcome = send(ndjson(M6 | {"mood": "x"}))
    assert status == 422
    assert "line 1" in outcome["issue"][0]["diagnostics"]


@pytest.mark.parametrize(("data", "kind"), [(b"\n\n", "application/x-ndjson"), (HEAD.encode(), "text/csv")])
def test_a_batch_without_a_document_is_refused(send, data, kind):
    status, outcome = send(data, kind)
    assert status == 422
    assert "holds no document" in outcome["issue"][0]["diagnostics"]


@pytest.mark.parametrize(
    ("data", "kind", "told"),
    [
        (b"centre,mood\nA,good\n", "text/csv", "row 1: no such column"),
        (b"a,b\n1,2\n", "text/csv", "names no column that is known"),
        (b"centre\nd\xe9c\xe9d\xe9\n", "text/csv; charset=utf-8", "is not utf-8, as was said"),
        (b"centre\nA\n", "text/csv; charset=utf-7", "charset utf-7 is not read"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_whole(send, data, kind, told):
    status, outcome = send(data, kind)
    assert status == 422
    assert told in outcome["issue"][0]["diagnostics"]


def test_another_centres_rows_are_refused(send):
    status, told = send(ndjson(ENROLMENT, ENROLMENT | {"centre": "BE-001"}))
    assert status == 202
    (row,) = told["rejected"]
    assert (row["line"], row["path"]) == (2, "centre")


def test_what_a_course_does_not_allow_is_told_in_its_row(send):
    send(ndjson(ENROLMENT))
    given = FOLLOW_UP | {"administrations": [{"action": "thiotepa", "day": "D-13", "date": "2026-02-17"}]}
    moved = ENROLMENT | {"transplant": ENROLMENT["transplant"] | {"date": "2026-03-03"}}
    send(ndjson(given))
    status, told = send(ndjson(moved, given))
    assert status == 202
    assert "doses have been given" in told["rejected"][0]["reason"]


def test_more_than_one_call_takes_is_refused_with_words(send, monkeypatch):
    monkeypatch.setattr(batch, "MOST", 2)
    status, outcome = send(ndjson(ENROLMENT, FOLLOW_UP, M6))
    assert status == 413
    assert "more than 2 documents in one call: split the file" in outcome["issue"][0]["diagnostics"]


def test_what_is_not_reached_in_time_is_told_and_taken_the_next_time(send, monkeypatch):
    monkeypatch.setattr(batch, "PATIENCE", -1.0)
    status, told = send(ndjson(ENROLMENT, FOLLOW_UP))
    assert status == 202
    assert [one["line"] for one in told["accepted"]] == [1]
    assert "was not reached in time: send the file again" in told["rejected"][0]["reason"]
    monkeypatch.setattr(batch, "PATIENCE", 60.0)
    status, told = send(ndjson(ENROLMENT, FOLLOW_UP))
    assert [(one["line"], one["changed"]) for one in told["accepted"]] == [(1, False), (2, True)]


def test_a_body_that_is_too_large_is_refused_with_words(ward, send):
    status, outcome = send(HEAD.encode() + b" " * (6 * 1024 * 1024), "text/csv")
    assert status == 413
    assert "larger than 5 MB" in outcome["issue"][0]["diagnostics"]


def test_a_visitor_may_not_send_batches(ward):
    assert ward.ask("POST", "/follow-ups", "ehr", data=b"", content_type="text/csv").status_code == 403
