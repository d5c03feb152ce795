"""Bounds on what is not shown: what is left of them when nothing moves any more."""

from __future__ import annotations

from mappings.registry.recomputed import recomputed


def test_the_third_of_a_sum_is_worked_out():
    assert ("nrm", 90) in recomputed({("lfs", 90): (43, 43), ("relapse", 90): (40, 40)}, 100, [90])
    assert recomputed({("lfs", 90): (43, 43)}, 100, [90]) == set()


def test_what_lies_between_two_equal_numbers_is_worked_out():
    known = {("grfs", 90): (6, 6), ("relapse", 90): (6, 6)}
    assert {("lfs", 90), ("nrm", 90)} <= recomputed(known, 100, [90])


def test_what_happened_by_a_day_has_happened_by_the_next():
    known = {("cgvhd", 90): (7, 7), ("cgvhd", 365): (7, 7)}
    assert recomputed(known, 100, [90, 180, 365]) == {("cgvhd", 180)}


def test_from_what_contradicts_itself_nothing_follows():
    assert recomputed({("lfs", 90): (3, 3), ("relapse", 90): (40, 40)}, 100, [90]) >= set()
