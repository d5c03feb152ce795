"""Synthetic patients are marked, repeatable, and pass the very intake that real forms pass."""

from __future__ import annotations

import random
from dataclasses import fields
from datetime import date

import pytest

from mappings.facts import FollowUp
from mappings.facts.synthetic import documents
from mappings.intake import schema

AS_OF = date(2026, 11, 1)


def cohort(seed, patients=60, *, full=False):
    return list(documents(patients, random.Random(seed), as_of=AS_OF, full=full))


@pytest.mark.parametrize("full", [False, True])
def test_every_document_passes_the_intake(full):
    for enrolment, follow_ups in cohort(1, full=full):
        enrolled = schema.enrolment(enrolment, AS_OF)
        for form in follow_ups:
            assert schema.cross_check(schema.follow_up(form, AS_OF), enrolled) == []


def test_patients_are_marked_and_nothing_lies_in_the_future():
    for enrolment, follow_ups in cohort(2):
        assert enrolment["patient"].startswith("SYN-")
        assert all(form["date"] <= AS_OF.isoformat() for form in follow_ups)


def test_the_same_chance_gives_the_same_patients():
    assert cohort(3) == cohort(3)
    assert cohort(3) != cohort(4)


def test_nobody_is_seen_after_death():
    for _, follow_ups in cohort(5):
        statuses = [form["vital_status"]["status"] for form in follow_ups]
        assert "dead" not in statuses[:-1]
    assert any(form[-1]["vital_status"]["status"] == "dead" for _, form in cohort(5) if form)


def test_a_full_cohort_has_every_section_and_the_same_plain_patients():
    full = cohort(6, full=True)
    said = {section for _, follow_ups in full for form in follow_ups for section in form}
    assert said == {field.name for field in fields(FollowUp)} - {"protocol"}
    assert any(form.get("gvhd", {}).get("chronic") for _, follow_ups in full for form in follow_ups)
    for (enrolment, plain), (same, more) in zip(cohort(6), full, strict=True):
        assert enrolment == same
        assert [form["vital_status"] for form in plain] == [form["vital_status"] for form in more]
