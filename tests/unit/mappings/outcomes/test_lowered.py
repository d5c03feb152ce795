"""A later visit that tells less of an episode at its worst contradicts the earlier one."""

from __future__ import annotations

import pytest

from mappings.intake import schema
from mappings.outcomes.lowered import Lowered, lowered
from tests.lib import charts

ONSET = "2026-03-20"
M1, M3, M6 = ("m1", "2026-04-02"), ("m3", "2026-06-02"), ("m6", "2026-09-02")


def visit(name, date, **sections):
    return schema.follow_up(charts.visit(name, date, **sections), charts.AS_OF)


def told(when, kind="acute", **said):
    return visit(*when, gvhd={kind: [{"onset": ONSET, **said}]})


def test_a_grade_that_falls_is_told_with_both_visits():
    (one,) = lowered([told(M1, grade="III"), told(M3, grade="I")])
    assert one == Lowered("acute", ONSET, (_key("m1"), "III"), (_key("m3"), "I"), resolved=False)


def test_it_is_measured_against_the_worst_so_far_and_by_every_visit():
    found = list(lowered([told(M1, grade="II"), told(M3, grade="IV"), told(M6, grade="III", resolved="2026-08-01")]))
    assert [(one.before, one.after, one.resolved) for one in found] == [((_key("m3"), "IV"), (_key("m6"), "III"), True)]


def test_chronic_gvhd_has_its_own_grades():
    (one,) = lowered([told(M1, "chronic", severity="severe"), told(M3, "chronic", severity="mild")])
    assert (one.kind, one.before[1], one.after[1]) == ("chronic", "severe", "mild")


@pytest.mark.parametrize(
    "visits",
    [
        [told(M1, grade="I"), told(M3, grade="III")],
        [told(M1, grade="III"), told(M3, grade="unknown"), told(M6, grade={"not_done": "unknown"})],
        [told(M1, grade="III"), told(M3)],
        [told(M1, grade="III"), visit(*M3, gvhd={"acute": [{"onset": "2026-05-20", "grade": "I"}]})],
        [told(M1, grade="III"), visit(*M3, gvhd={"acute": {"not_done": "unknown"}}), visit(*M6)],
    ],
)
def test_what_rises_or_is_not_told_or_another_episode_is_none(visits):
    assert list(lowered(visits)) == []


def test_an_onset_that_nobody_knows_is_said_to_be_so():
    unknown = {"onset": {"not_done": "unknown"}, "id": "e1"}
    visits = [visit(*when, gvhd={"acute": [unknown | {"grade": grade}]}) for when, grade in ((M1, "II"), (M3, "0"))]
    (one,) = lowered(visits)
    assert (one.onset, one.after[1]) == ("a day that is not told", "0")


def _key(name):
    return f"FR-SYN/SYN-0001/{name}"
