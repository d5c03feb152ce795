"""Synthetic patients are marked, repeatable, and pass the very intake that real forms pass."""

from __future__ import annotations

import random
from datetime import date

from mappings.facts.synthetic import documents
from mappings.intake import schema

AS_OF = date(2026, 11, 1)


def cohort(seed, patients=60):
    return list(documents(patients, random.Random(seed), as_of=AS_OF))


def test_every_document_passes_the_intake():
    for enrolment, follow_ups in cohort(1):
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
