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
