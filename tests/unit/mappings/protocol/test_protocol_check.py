"""The machine check finds what a schema cannot see; the trial as shipped is sound."""

from __future__ import annotations

import pytest
import yaml

from mappings.protocol import definition, load, parse
from mappings.protocol.check import check


@pytest.fixture
def document():
    return yaml.safe_load(definition("set-haplo-pdli"))


def found(document):
    return {(fault.path, fault.code) for fault in check(parse(yaml.safe_dump(document, allow_unicode=True)))}


def test_the_trial_is_sound():
    assert check(load("set-haplo-pdli")) == []


def test_a_drug_on_a_rest_day_is_found(document):
    document["phases"][0]["lines"][2]["days"] = {"from": -12, "to": -8, "count": 5}
    assert found(document) == {("etoposide", "business-rule")}


def test_a_drug_given_twice_on_one_day_is_found(document):
    document["phases"][4]["lines"][0]["days"] = {"each_of": [-9, 5]}
    assert found(document) == {("ptcy", "business-rule")}


def test_a_key_that_stands_twice_is_found(document):
    document["phases"][2]["lines"][0]["key"] = "busulfan"
    assert found(document) == {("busulfan", "duplicate")}


def test_a_taper_that_opens_too_early_or_ends_before_it_opens_is_found(document):
    document["phases"][6]["tapers"][0]["window"] = {"from": 6, "to": 5}
    faults = found(document)
    assert faults == {("mycophenolate-taper", "business-rule")}
    assert len(check(parse(yaml.safe_dump(document, allow_unicode=True)))) == 2


def test_drugs_and_procedures_without_a_code_are_found(document):
    document["phases"][0]["lines"][0]["drug"] = "thiotepum"
    document["phases"][1]["rests"][0]["procedure"] = "siesta"
    document["phases"][6]["infusions"][0]["procedure"] = "lymphocytes"
    assert found(document) == {("thiotepa", "not-found"), ("rest", "not-found"), ("pdli", "not-found")}
