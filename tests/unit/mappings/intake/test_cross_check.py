"""A follow-up belongs to its enrolment, and nothing in it was before the birth."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest

from mappings.facts import PartialDate
from mappings.intake import document, schema
from tests.lib.leaves import full

AS_OF = date(2026, 9, 2)


def both(enrolment, follow_up):
    return schema.follow_up(follow_up, AS_OF), schema.enrolment(enrolment, AS_OF)


def test_the_examples_belong_together(enrolment, follow_up):
    assert schema.cross_check(*both(enrolment, follow_up)) == []


def test_another_patient_is_refused(enrolment, follow_up):
    visit, enrolled = both(enrolment, follow_up)
    found = schema.cross_check(visit, replace(enrolled, centre="FR-038", patient="P-0002"))
    assert [(fault.path, fault.code) for fault in found] == [("centre", "business-rule"), ("patient", "business-rule")]


def test_a_protocol_that_is_named_must_be_the_enrolments(enrolment, follow_up):
    follow_up["protocol"] = "set-haplo-pdli"
    visit, enrolled = both(enrolment, follow_up)
    assert schema.cross_check(visit, enrolled) == []
    assert [fault.path for fault in schema.cross_check(visit, replace(enrolled, protocol="x"))] == ["protocol"]


def test_every_date_before_the_birth_is_named(enrolment, follow_up):
    visit, enrolled = both(enrolment, follow_up)
    found = schema.cross_check(visit, replace(enrolled, birth_date=PartialDate("2026-04-21")))
    assert {fault.path for fault in found} == {
        "engraftment.neutrophils.date",
        "engraftment.platelets.date",
        "engraftment.counts.1.date",
        "engraftment.platelet_transfusions.1",
        "gvhd.acute.1.onset",
        "gvhd.acute.1.course.1.date",
        "infections.1.onset",
        "immunosuppression.drugs.1.started",
        "immunosuppression.drugs.2.started",
        "administrations.1.date",
    }
    assert {fault.code for fault in found} == {"invariant"}
    assert all("2026-04-21" not in fault.message for fault in found), "the birth is never quoted"


def test_a_year_of_birth_refuses_only_what_is_certain(enrolment, follow_up):
    visit, enrolled = both(enrolment, follow_up)
    assert schema.cross_check(visit, replace(enrolled, birth_date=PartialDate("2026"))) == []
    assert schema.cross_check(visit, replace(enrolled, birth_date=None)) == []


def written(said, path=()):
    """Every date that a document writes, with its path; list items count from one."""
    if isinstance(said, dict):
        return {place: day for key, inner in said.items() for place, day in written(inner, (*path, key)).items()}
    if isinstance(said, list):
        return {place: day for n, inner in enumerate(said, 1) for place, day in written(inner, (*path, str(n))).items()}
    return {".".join(path): said} if isinstance(said, str) and re.fullmatch(r"\d{4}-\d{2}(-\d{2})?", said) else {}


@pytest.mark.parametrize(("kind", "read"), [("follow_up", schema.follow_up), ("enrolment", schema.enrolment)])
def test_no_date_is_overlooked(kind, read):
    said = full(kind)
    found = document.dates(read(said, AS_OF))
    assert {path: day.text for path, day in found} == written(said)
    assert len(found) == len(written(said)) >= 3
