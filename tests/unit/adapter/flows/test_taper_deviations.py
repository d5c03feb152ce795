"""A taper that began against its gate is recorded as it was, and shown as a deviation."""

from __future__ import annotations

from datetime import date

import pytest

from adapter.errors import Invalid
from adapter.flows import changes
from tests.unit.adapter.flows.tapering import CSA, DR, MMF, WELL, back, confirm, course, full, gate, looked, sound, task


@pytest.fixture
def well(enrolled):
    """Grafted on 2026-03-02; no GVHD was found on 2026-04-02 (D+31)."""
    looked(enrolled, "2026-04-02", WELL)
    return enrolled


WHY = "the patient had been discharged, seen on 5 May"


@pytest.fixture
def late(well):
    """Mycophenolate tapered from 2026-05-05, D+64: the protocol's days end on 2026-04-27, D+56."""
    return well, confirm(well, first_day="2026-05-05", deviation=WHY)


def test_what_began_after_the_protocols_days_is_recorded_as_a_deviation(late):
    ward, told = late
    assert (told["first_day"], told["deviation"], told["gate"]["status"]) == ("2026-05-05", WHY, "not-met")
    assert full(ward) == ("completed", "2026-03-08", "2026-05-04")
    assert task(ward) == ("in-progress", {"start": "2026-05-05"})
    said = ward.one(MMF).content
    assert said["businessStatus"] == {"text": f"DEVIATION from the protocol: {WHY}"}
    assert f"Confirmed by {DR}. DEVIATION from the protocol: {WHY}. Gate not met" in said["statusReason"]["text"]
    assert "day D+35 to D+56 (2026-04-06 to 2026-04-27)" in said["statusReason"]["text"]
    assert said["restriction"]["period"] == {"start": "2026-04-06", "end": "2026-04-27"}
    order = ward.one("mycophenolate/D6").content
    assert order["statusReason"]["text"].endswith(f"confirmed by {DR}. DEVIATION from the protocol: {WHY}")
    newest = changes.history(course(ward), sender=ward.sender, store=ward.store)["history"][0]
    assert WHY in newest["why"]
    assert sound(ward)


def test_a_deviation_is_told_with_the_gate_and_from_its_real_day(late):
    ward, _ = late
    told = gate(ward, MMF, date(2026, 5, 10))
    assert (told["begun"], told["deviation"], told["status"]) == ("2026-05-05", WHY, "not-met")
    assert told["text"].startswith(f"Confirmed to have begun on 2026-05-05. DEVIATION from the protocol: {WHY}. ")
    assert gate(ward, MMF, date(2026, 5, 4))["deviation"] is None
    confirm(ward, last_day="2026-05-20")
    assert gate(ward, CSA, date(2026, 5, 19))["status"] == "unknown"
    assert gate(ward, CSA, date(2026, 5, 20))["status"] == "met"
    assert ward.one(MMF).content["businessStatus"] == {"text": f"DEVIATION from the protocol: {WHY}"}


def test_taken_back_nothing_of_the_deviation_is_left(late):
    ward, _ = late
    back(ward)
    assert "businessStatus" not in ward.one(MMF).content
    assert full(ward) == ("draft", "2026-03-08", None)


def test_ciclosporin_that_was_tapered_first_is_recorded_too(well):
    confirm(well, CSA, first_day="2026-05-04", deviation="kidney failure")
    assert full(well, "ciclosporin") == ("completed", "2026-03-08", "2026-05-03")
    assert full(well) == ("draft", "2026-03-08", None)


def test_the_same_deviation_again_writes_nothing(late):
    ward, _ = late
    before = ward.rows()
    assert confirm(ward, first_day="2026-05-05", deviation=WHY)["changes"] == []
    assert ward.rows() == before


def test_what_the_protocol_allows_is_no_deviation(well):
    for said in ({"first_day": "2026-04-06"}, {"last_day": "2026-04-20"}):
        with pytest.raises(Invalid) as refused:
            confirm(well, **said, deviation="out of habit")
        assert [fault.path for fault in refused.value.faults] == ["deviation"]
        if "first_day" in said:
            confirm(well, **said)
