"""A protocol that is written wrongly is refused with the path of each fault."""

from __future__ import annotations

from dataclasses import fields
from importlib.resources import files

import pytest
import yaml

from mappings.protocol import _shipped, definition, load, names, parse, shipped
from mappings.protocol.packed import pack, unpack
from mappings.r4.faults import FaultyInput


@pytest.fixture
def document():
    return yaml.safe_load(definition("set-haplo-pdli"))


def faults(document):
    with pytest.raises(FaultyInput) as refused:
        parse(yaml.safe_dump(document, allow_unicode=True))
    return {fault.path: fault.message for fault in refused.value.faults}


def test_the_trial_ships_and_loads():
    assert "set-haplo-pdli" in names()
    assert load("set-haplo-pdli").key == "set-haplo-pdli"


@pytest.mark.parametrize("name", shipped())
def test_the_packed_form_is_what_the_yaml_says(name):
    text = definition(name)
    packed = files("mappings.protocol").joinpath(f"{name}.json").read_bytes()
    assert packed == pack(parse(text), text), "make protocols packs it anew"
    unpacked, read = unpack(packed, text), parse(text)
    assert all(getattr(unpacked, field.name) == getattr(read, field.name) for field in fields(read))
    assert repr(unpacked) == repr(read), "3.20 stays 3.20"


def test_a_packed_form_of_another_text_is_not_taken():
    text = definition("set-haplo-pdli")
    packed = pack(parse(text), text)
    assert unpack(packed, text + "# a word\n") is None


def test_an_edited_yaml_counts_at_once(monkeypatch):
    edited = definition("set-haplo-pdli").replace("key: set-haplo-pdli", "key: edited", 1)
    monkeypatch.setattr("mappings.protocol.definition", lambda name: edited)
    assert _shipped.__wrapped__("set-haplo-pdli").key == "edited"


def test_another_name_is_refused_with_the_names_known():
    with pytest.raises(FaultyInput, match=r"known: .*set-haplo-pdli"):
        load("set-haplo")


def test_unknown_keys_are_refused_with_their_path(document):
    document["phases"][0]["lines"][0]["doze"] = 5
    assert faults(document) == {"phases.0.lines.0.doze": "Unknown field."}


def test_days_must_be_as_many_as_the_protocol_counts(document):
    document["phases"][0]["lines"][1]["days"]["to"] = -8
    (message,) = faults(document).values()
    assert message == "-12 to -8 are 5 days, but the protocol counts 4"


def test_days_are_said_in_one_of_three_ways(document):
    document["phases"][0]["lines"][1]["days"] = {"from": -12}
    assert "phases.0.lines.1.days" in faults(document)


@pytest.mark.parametrize("amount", [0, -5, "much"])
def test_a_dose_is_a_positive_number(document, amount):
    document["phases"][0]["lines"][0]["dose"]["amount"] = amount
    assert list(faults(document)) == ["phases.0.lines.0.dose.amount"]


def test_a_dose_is_by_weight_or_surface(document):
    document["phases"][0]["lines"][0]["dose"]["per"] = "hour"
    assert list(faults(document)) == ["phases.0.lines.0.dose.per"]


def test_a_criterion_is_one_fact_and_one_bound(document):
    document["gates"][1]["all"][0] = {"fact": "day", "at_least": 120, "at_most": 200}
    assert list(faults(document)) == ["gates.1.all.0"]


def test_names_that_nothing_bears_are_refused(document):
    gvhd, modulation = document["phases"][4], document["phases"][6]
    gvhd["lines"][1]["days"]["until"] = "csa-end"
    modulation["tapers"][0]["of"] = "tacrolimus"
    modulation["tapers"][1]["after"] = "mmf"
    modulation["infusions"][0]["gate"] = "open"
    found = faults(document)
    assert set(found) == {"ciclosporin.days.until", "mycophenolate-taper.of", "ciclosporin-taper.after", "pdli.gate"}


def test_there_is_one_day_zero(document):
    del document["phases"][3]["anchor"]
    assert "day zero" in faults(document)["phases"]


@pytest.mark.parametrize("text", ["a: [", "- a list", ""])
def test_what_is_no_mapping_is_refused(text):
    with pytest.raises(FaultyInput):
        parse(text)


def test_decimals_keep_what_was_written():
    (busulfan,) = [line for line in load("set-haplo-pdli").lines if line.key == "busulfan"]
    assert str(busulfan.dose.amount) == "3.2"


def test_an_objective_may_set_a_goal_without_a_date(document):
    del document["objectives"][0]["due"]
    protocol = parse(yaml.safe_dump(document, allow_unicode=True))
    assert protocol.objectives[0].due_months is None


def test_last_day_of_a_closed_line_is_its_last_listed_day():
    protocol = load("set-haplo-pdli")
    (ptcy,) = [line for line in protocol.lines if line.key == "ptcy"]
    assert protocol.last_full_day(ptcy) == 5
