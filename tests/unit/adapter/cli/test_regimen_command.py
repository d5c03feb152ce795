"""`engraft regimen`: what changed, and what an enrolment would change, without writing it."""

from __future__ import annotations

import pytest

from adapter.config import Settings
from adapter.flows import enrolment
from mappings.r4.wire import decode, encode
from tests.lib.centre import ENROLMENT, document
from tests.unit.adapter.cli.conftest import NOW


@pytest.fixture
def enrolled(database):
    return enrolment.enrol(document(ENROLMENT), sender=None, store=database, settings=Settings(), now=NOW)


@pytest.fixture
def moved(tmp_path):
    file = tmp_path / "moved.json"
    file.write_bytes(encode(document(ENROLMENT, transplant={"date": "2026-03-04", "planned": False})))
    return file


def test_a_diff_shows_each_order_and_writes_nothing(run, enrolled, moved):
    result = run("regimen", "diff", moved)
    assert result.exit_code == 0
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("thiotepa")]
    assert line.split() == ["thiotepa", "D-13", "date", "2026-02-17", "2026-02-19"]
    assert run("regimen", "diff", moved).stdout == result.stdout


def test_the_same_enrolment_would_change_nothing(run, enrolled, tmp_path):
    (tmp_path / "same.json").write_bytes(encode(document(ENROLMENT)))
    assert run("regimen", "diff", "same.json").stdout == "nothing would change\n"
    assert decode(run("regimen", "diff", "same.json", "--json").stdout) == {"changes": []}


def test_history_tells_who_and_what(run, enrolled):
    told = run("regimen", "history", enrolled.course)
    assert told.exit_code == 0
    assert "operator" in told.stdout
    assert "thiotepa" in told.stdout
    (entry,) = decode(run("regimen", "history", enrolled.id, "--json").stdout)["history"]
    assert (entry["who"], entry["did"], entry["why"]) == ("operator", "enrol", None)


def test_a_reason_stands_beside_the_name(run, database, enrolled, moved):
    enrolment.enrol(
        decode(moved.read_bytes()) | {"confirmed_by": "Dr A. Example"},
        sender=None,
        store=database,
        settings=Settings(),
        now=NOW.replace(hour=11),
    )
    assert "operator: Dr A. Example" in run("regimen", "history", enrolled.course).stdout


@pytest.mark.parametrize("text", [b"[]", b'{"centre": "FR-037"}', b"{"])
def test_what_is_no_enrolment_is_refused(run, database, tmp_path, text):
    (tmp_path / "x.json").write_bytes(text)
    assert run("regimen", "diff", "x.json").exit_code == 1


def test_a_regimen_that_is_not_there_is_refused(run, database):
    assert run("regimen", "history", "nobody").exit_code == 1


TAPER = ("--first-day", "2026-04-06", "--confirmed-by", "Dr A. Example")


@pytest.fixture
def tapering(run, enrolled):
    """The command that confirms the taper of mycophenolate; nobody has looked for GVHD."""
    return lambda *more: run("regimen", "taper", enrolled.course, "mycophenolate-taper", *more)


def test_a_taper_under_an_unknown_gate_asks_why(tapering):
    result = tapering(*TAPER)
    assert result.exit_code == 1
    assert "although_unknown" in result.stderr


def test_a_taper_that_began_before_its_days_is_recorded_when_somebody_says_why(tapering):
    early = (*TAPER, "--first-day", "2026-04-01")
    assert "deviation has to say why" in tapering(*early).stderr
    assert "2026-03-31" in tapering(*early, "--deviation", "kidney failure").stdout


def test_a_taper_is_shown_first_and_then_confirmed_and_taken_back(run, enrolled, tapering):
    why = ("--although-unknown", "examined today")
    shown = tapering(*TAPER, *why, "--dry-run")
    assert "2026-04-05" in shown.stdout
    assert "examined today" not in run("regimen", "history", enrolled.course).stdout
    assert tapering(*TAPER, *why).stdout == shown.stdout
    assert "examined today" in run("regimen", "history", enrolled.course).stdout
    assert tapering(*TAPER, *why).stdout == "nothing changed\n"
    back = tapering("--take-back", "--confirmed-by", "Dr A. Example", "--reason", "flare", "--json")
    assert decode(back.stdout)["decision"] == "taper-withdrawn"


def test_a_document_that_cannot_be_read_is_refused(run, database):
    told = run("regimen", "diff", "/proc/self/mem")
    assert told.exit_code == 1
    assert "cannot be read" in told.stderr
