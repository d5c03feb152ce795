"""`GET /regimens/<id>/gates`: how gated actions stand, for the own centre, on any day."""

from __future__ import annotations

import pytest

from mappings.r4.wire import decode
from tests.lib.forms import ENROLMENT, FOLLOW_UP


@pytest.fixture
def course(ward):
    ward.ask("POST", "/enrolments", document=ENROLMENT)
    answer = ward.ask("POST", "/follow-ups", document=FOLLOW_UP)
    assert answer.status_code == 202
    return decode(answer.data)["course"]


@pytest.mark.parametrize("who", ["centre", "ehr"])
def test_gates_as_of_today(ward, course, who):
    answer = ward.ask("GET", f"/regimens/{course}/gates", who)
    told = decode(answer.data)
    assert (answer.status_code, told["on"], told["day"]) == (200, "2026-09-03", 185)
    assert [gate["action"] for gate in told["gates"]] == [
        "mycophenolate-taper",
        "ciclosporin-taper",
        "pdli-1",
        "pdli-2",
        "pdli-3",
    ]
    assert {gate["status"] for gate in told["gates"]} == {"not-met"}


def test_gates_as_of_another_day(ward, course):
    told = decode(ward.ask("GET", f"/regimens/{course}/gates?on=2026-04-19").data)
    (mycophenolate, *_) = told["gates"]
    assert [(one["criterion"], one["status"]) for one in mycophenolate["criteria"]] == [
        ("window", "met"),
        ("active-gvhd", "unknown"),
    ]


@pytest.mark.parametrize(
    "query", ["on=today", "on=2026-06", "on=2026-02-30", "on=", "on=2026-06-30&on=2026-07-01", "at=2026-06-30"]
)
def test_a_question_that_cannot_be_read_is_refused(ward, course, query):
    answer = ward.ask("GET", f"/regimens/{course}/gates?{query}")
    (issue,) = decode(answer.data)["issue"]
    assert (answer.status_code, issue["expression"]) == (400, [query.partition("=")[0]])


@pytest.mark.parametrize("who", ["other-centre", "other-ehr"])
def test_another_centre_learns_nothing(ward, course, who):
    theirs = ward.ask("GET", f"/regimens/{course}/gates", who)
    nobodys = ward.ask("GET", "/regimens/nobody/gates", who)
    assert theirs.status_code == nobodys.status_code == 404
    assert decode(theirs.data) == decode(nobodys.data)
