"""Strings and quantities: how they are found, by R4's rules."""

from __future__ import annotations

from decimal import Decimal

import pytest

from adapter.store.criteria import read
from adapter.store.paging import Window

UCUM = "http://unitsofmeasure.org"


def plan(id_, title):
    return {"resourceType": "PlanDefinition", "id": id_, "title": title}


def measured(id_, value, unit="/uL", **more):
    said = {"value": Decimal(value), "unit": unit, "system": UCUM, "code": unit} | more
    return {"resourceType": "Observation", "id": id_, "valueQuantity": {k: v for k, v in said.items() if v}}


RESOURCES = [
    plan("a", "Séquence – chimiothérapie"),
    plan("b", "sequential chemotherapy"),
    plan("c", "100 % haplo_identical"),
    plan("d", "STRASSE"),
    measured("point", "120.50"),
    measured("less", "10", comparator="<"),
    measured("most", "10", comparator="<="),
    measured("more", "500", comparator=">"),
    measured("least", "500", comparator=">="),
    measured("other-unit", "120.50", "10*9/L"),
    measured("printed", "7", "cells", code=None, system=None),
    measured("negative", "-0.5"),
    {"resourceType": "Observation", "id": "no-value", "valueQuantity": {"unit": "/uL"}},
    {"resourceType": "Observation", "id": "words", "valueString": "many"},
]


@pytest.fixture
def find(store, noon):
    with store.transaction() as tx:
        for resource in RESOURCES:
            tx.resources.put(resource, centre=None, course=None, sources=[], at=noon)

    def find(kind, name, value):
        with store.reading() as tx:
            page = tx.resources.search(kind, [read(kind, name, value)], Window(99), centres=None)
        return " ".join(one.id for one in page.matches)

    return find


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("title", "seq", "a b"),
        ("title", "SÉQ", "a b"),
        ("title", "sequential", "b"),
        ("title", "chemo", ""),
        ("title", "straße", "d"),
        ("title", "x,sequentia", "b"),
        ("title:contains", "CHEMO", "b"),
        ("title:contains", "%", "c"),
        ("title:contains", "o_i", "c"),
        ("title:contains", "o.i", ""),
        ("title:exact", "sequential chemotherapy", "b"),
        ("title:exact", "Sequential chemotherapy", ""),
        ("title:exact", "sequential", ""),
        ("title:missing", "true", ""),
    ],
)
def test_strings_begin_with_what_is_asked_whatever_their_case_and_accents(find, name, value, found):
    assert find("PlanDefinition", name, value) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        # as exact as it is written
        ("120.50", "point other-unit"),
        ("120.5", "point other-unit"),
        ("121", "point other-unit"),
        ("120", ""),
        ("1.205e2", "point other-unit"),
        ("-0.5", "negative"),
        ("ne120.50", "less most more least printed negative"),
        # the unit by its code and system, by its code or as printed, or any
        (f"120.50|{UCUM}|/uL", "point"),
        ("120.50||/uL", "point"),
        ("7||cells", "printed"),
        (f"7|{UCUM}|cells", ""),
        # a comparator leaves one side open: "less than 10" may be more than 5, but is never more than 10
        ("gt5", "point less most more least other-unit printed"),
        ("gt10", "point more least other-unit"),
        ("ge10", "point most more least other-unit"),
        ("lt10", "less most printed negative"),
        ("lt500", "point less most other-unit printed negative"),
        ("le500", "point less most least other-unit printed negative"),
        ("sa120.4", "point more least other-unit"),
        ("eb120.6", "point less most other-unit printed negative"),
        ("ap110", "point other-unit"),
        ("ap100", ""),
        ("gt400,lt0", "less most more least negative"),
    ],
)
def test_quantities(find, value, found):
    assert find("Observation", "value-quantity", value) == found


def test_a_quantity_without_a_number_is_missing(find):
    assert find("Observation", "value-quantity:missing", "true") == "no-value words"
