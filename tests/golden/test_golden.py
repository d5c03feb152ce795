"""Numbered stages of whole cases: what went in, and what it became. `make golden` accepts what comes out now.

Stage 0 is what a centre sends (courses) or what `$apply` is asked (plans); the later stages are examples of the
documentation and inputs of the validators as well.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from adapter.hospital import r4_gate
from mappings.canonicals import DEFAULT
from mappings.intake import schema
from mappings.outcomes import map_course
from mappings.plan import Body, Order, apply
from mappings.plan.definition import definitions
from mappings.protocol import load, names, parse
from mappings.r4 import wire
from mappings.r4.build import Ids, collection, course_id, transaction
from mappings.r4.validate import validate

HERE = Path(__file__).parent
OWN = HERE.parent / "protocols"
COURSES = sorted(path.parent.name for path in HERE.glob("*/0-documents.json"))
PLANS = sorted(path.parent.name for path in HERE.glob("*/0-order.json"))
AS_OF = date(2026, 11, 1)


def compare(case, stage, resource, accept):
    text = wire.pretty(resource) + "\n"
    path = HERE / case / stage
    if accept:
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8"), f"{case}/{stage} differs; make golden rewrites it"


def mapped(case):
    documents = wire.decode_strict((HERE / case / "0-documents.json").read_bytes())
    enrolment = schema.enrolment(documents["enrolment"], AS_OF)
    visits = [schema.follow_up(form, AS_OF) for form in documents["follow_ups"]]
    ids = Ids(course_id(DEFAULT, enrolment.centre, enrolment.patient, enrolment.protocol))
    return [entry.resource for entry in map_course(enrolment, visits, ids)]


def protocol(name):
    """One that ships, or one of the tests' own."""
    return load(name) if name in names() else parse((OWN / f"{name}.yaml").read_text("utf-8"))


def applied(case):
    order = wire.decode_strict((HERE / case / "0-order.json").read_bytes())
    weight, height = (Decimal(order[key]) for key in ("weight_kg", "height_cm"))
    day_zero = date.fromisoformat(order["day_zero"])
    return apply(Order(protocol(order["protocol"]), day_zero, Body(weight, height), order["subject"], order["course"]))


@pytest.mark.parametrize("case", COURSES)
def test_course(case, accept):
    compare(case, "1-fhir.json", transaction(mapped(case)), accept)


@pytest.mark.parametrize("case", PLANS)
def test_plan(case, accept):
    plan = applied(case)
    compare(case, "1-care-plan.json", plan.care_plan, accept)
    compare(case, "2-bundle.json", plan.bundle, accept)


@pytest.mark.parametrize(("case", "name"), [("protocol", "set-haplo-pdli"), ("protocol-kdn5", "kdn5")])
def test_definitions(case, name, accept):
    compare(case, "1-definitions.json", collection(definitions(protocol(name))), accept)


@pytest.mark.parametrize("case", COURSES)
def test_course_is_valid_and_read_back_by_r4_models(case):
    for resource in mapped(case):
        assert [fault for fault in validate(resource) if fault.severity == "error"] == []
        r4_gate.read(resource)


@pytest.mark.parametrize("case", PLANS)
def test_plan_is_read_back_by_r4_models(case):
    for resource in (*applied(case).resources, applied(case).care_plan):
        r4_gate.read(resource)


def test_there_are_cases():
    assert len(COURSES) >= 6
    assert PLANS
