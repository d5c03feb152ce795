"""A REDCap export is read as the project's mapping says; a mapping that does not fit its dictionary is refused."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from mappings.intake import redcap, schema
from mappings.r4.faults import FaultyInput
from tests.lib.tree import ROOT

EXAMPLE = ROOT / "examples" / "redcap"
MAPPING = (EXAMPLE / "mapping.toml").read_text("utf-8")
DICTIONARY = (EXAMPLE / "dictionary.csv").read_bytes()
EXPORT = (EXAMPLE / "export.csv").read_bytes()
AS_OF = date(2026, 9, 2)

SMALL = """
[project]
centre = "FR-037"
patient = "id"
missing = { NA = "unknown" }
[events]
m1 = "m1"
both = ["enrolment", "baseline"]
old = "ignore"
[fields]
day = "date"
protocol = "protocol"
kg = { path = "measurements.weight", unit = "kg" }
grade = { path = "relapse.kind", words = { 1 = "molecular" } }
relapsed = "relapse.date"
"""


def entries(data, project):
    layout = redcap.survey(lambda: iter(data.splitlines(keepends=True)), project)
    return list(redcap.read(lambda: iter(data.splitlines(keepends=True)), layout, project))


def small(rows, mapping=SMALL, header="id,redcap_event_name,day,kg,grade,relapsed"):
    return entries(f"{header}\n{rows}\n".encode(), redcap.project(mapping))


def refused(mapping, dictionary=None):
    with pytest.raises(FaultyInput) as error:
        redcap.project(mapping, dictionary, "mapping.toml")
    assert {fault.file for fault in error.value.faults} == {"mapping.toml"}
    return {fault.path: fault.message for fault in error.value.faults}


@pytest.fixture(scope="module")
def example():
    project = redcap.project(MAPPING, DICTIONARY)
    return {(one.document["patient"], one.document.get("visit")): one.document for one in entries(EXPORT, project)}


def test_every_document_of_the_example_is_taken(example):
    assert list(example) == [
        ("SYN-0001", None),
        *(("SYN-0001", visit) for visit in ("m1", "m3", "m6")),
        ("SYN-0002", None),
        ("SYN-0002", "m1"),
    ]
    for (_, visit), document in example.items():
        (schema.follow_up if visit else schema.enrolment)(document, AS_OF)


def test_codes_become_words_and_numbers_get_their_unit(example):
    enrolled = example["SYN-0001", None]
    assert (enrolled["sex"], enrolled["disease"]["status"]) == ("female", "refractory")
    assert enrolled["measurements"]["weight"] == {"value": Decimal("70.0"), "unit": "kg", "date": "2026-02-10"}
    assert enrolled["consent"]["registry"] is True


def test_constants_say_what_the_project_does_not_ask(example):
    assert example["SYN-0002", None]["disease"]["diagnosis"] == "aml"
    assert "disease" not in example["SYN-0002", "m1"]


def test_instances_of_a_repeated_instrument_are_items_of_their_list(example):
    first, second = example["SYN-0001", "m1"]["chimerism"]
    assert first == {"date": "2026-04-01", "lineage": "whole-blood", "donor_percent": Decimal("98.50")}
    assert second["lineage"] == "t-cell"
    assert [one["kind"] for one in example["SYN-0001", "m3"]["infections"]] == ["viral", "bacterial"]


def test_ticks_are_the_words_of_a_list(example):
    (episode,) = example["SYN-0001", "m3"]["gvhd"]["acute"]
    assert episode["treatment"] == ["topical", "systemic-steroids"]
    assert example["SYN-0001", "m1"]["gvhd"]["acute"] == [], "none so far was ticked"
    assert "acute" not in example["SYN-0001", "m6"]["gvhd"], "nothing was ticked, nothing was said"


def test_a_missing_data_code_says_why_and_is_no_value(example):
    assert example["SYN-0001", "m1"]["chimerism"][1]["donor_percent"] == {"not_done": "unknown"}
    assert example["SYN-0001", "m3"]["immune_reconstitution"]["cd8"] == {"not_done": "not-performed"}
    assert example["SYN-0001", "m1"]["immune_reconstitution"]["cd4"] == {"value": 5, "unit": "/uL", "comparator": "<"}


def test_a_fault_names_the_field_and_the_row_of_its_instance():
    data = EXPORT.replace(b",98.50", b",101")
    project = redcap.project(MAPPING, DICTIONARY)
    entry = next(one for one in entries(data, project) if one.document.get("visit") == "m1")
    with pytest.raises(FaultyInput) as error:
        schema.follow_up(entry.document, AS_OF)
    (told,) = entry.refusals(error.value.faults)
    assert (told.row, told.column, told.value) == (4, "chim_donor", "101")
    assert "from 0 to 100" in told.reason


def test_what_is_not_taken_is_told():
    layout = redcap.survey(lambda: iter(EXPORT.splitlines(keepends=True)), redcap.project(MAPPING))
    assert "not taken, because not mapped: comments" in layout.notes
    layout = redcap.survey(lambda: iter([b"id,redcap_event_name,day\n"]), redcap.project(SMALL))
    assert "mapped, but not in the file: grade, kg, protocol, relapsed" in layout.notes


def test_a_missing_column_of_the_project_is_refused():
    with pytest.raises(FaultyInput) as error:
        small("1,2026-04-01", header="id,day")
    assert [fault.path for fault in error.value.faults] == ["redcap_event_name"]


def test_an_event_that_nobody_mapped_is_refused_and_an_ignored_one_is_not():
    first, second = small("A,m9,2026-04-01,,,\nA,old,2026-04-01,,,\nB,m1,2026-04-01,,,")
    assert "the event m9 is not mapped" in first.faults[0].message
    assert second.document["patient"] == "B"


def test_one_event_may_tell_of_the_enrolment_and_of_a_visit():
    header = "id,redcap_event_name,day,kg,grade,relapsed,protocol"
    first, second = small("A,both,2026-04-01,70,,,set-haplo-pdli", header=header)
    assert (first.kind, second.kind) == ("enrolment", "follow-up")
    assert first.document["measurements"] == second.document["measurements"] == {"weight": {"value": 70, "unit": "kg"}}
    assert "date" not in first.document
    assert second.document["visit"] == "baseline"


def test_a_field_that_its_document_cannot_hold_is_refused_where_it_is_filled_in():
    mapping = SMALL.replace('m1 = "m1"', 'm1 = "enrolment"')
    (entry,) = small("A,m1,,,1,", mapping)
    assert [(fault.path, fault.code) for fault in entry.faults] == [("grade", "structure")]


def test_an_event_that_repeats_is_a_document_for_each_instance():
    header = "id,redcap_event_name,redcap_repeat_instrument,redcap_repeat_instance,day"
    mapping = SMALL.replace('m1 = "m1"', 'm1 = "unscheduled"')
    found = small("A,m1,,1,2026-04-01\nA,m1,,2,2026-05-01", mapping, header)
    assert [one.document["date"] for one in found] == ["2026-04-01", "2026-05-01"]


def test_a_project_without_events_may_ask_for_the_visit():
    mapping = '[project]\ncentre = "C"\npatient = "id"\n[fields]\nwhich = "visit"\nday = "date"\n'
    (entry,) = small("A,m3,2026-04-01", mapping, "id,which,day")
    assert entry.document == {"centre": "C", "patient": "A", "visit": "m3", "date": "2026-04-01"}


def test_a_code_without_a_word_is_left_for_the_form_to_refuse():
    (entry,) = small("A,m1,2026-04-01,,7,2026-04-01")
    assert entry.document["relapse"]["kind"] == "7"


def test_a_value_that_is_said_twice_is_refused():
    mapping = SMALL + 'again = "relapse.date"\n'
    (entry,) = small(
        "A,m1,2026-04-01,,,2026-04-01,2026-04-02", mapping, "id,redcap_event_name,day,kg,grade,relapsed,again"
    )
    assert [fault.path for fault in entry.faults] == ["relapse.date"]


def test_a_row_that_cannot_be_read_is_refused_alone():
    first, second = small("A,m1,2026-04-01,,,,more,cells\nB,m1,2026-04-01,,,")
    assert first.faults[0].path == "$"
    assert second.document["patient"] == "B"


def test_an_instance_without_a_number_is_the_first():
    header = "id,redcap_event_name,redcap_repeat_instrument,redcap_repeat_instance,chim_date"
    project = redcap.project(MAPPING)
    data = f"{header}\n".replace("id,", "record_id,") + "A,month_1_arm_1,chimerism,,2026-04-01\n"
    (entry,) = entries(data.encode(), project)
    assert entry.document["chimerism"] == [{"date": "2026-04-01"}]


def test_an_instrument_that_is_not_mapped_brings_nothing():
    header = "record_id,redcap_event_name,redcap_repeat_instrument,redcap_repeat_instance,visit_date"
    data = f"{header}\nA,month_1_arm_1,,,2026-04-01\nA,month_1_arm_1,diary,1,\n"
    (entry,) = entries(data.encode(), redcap.project(MAPPING))
    assert entry.document["date"] == "2026-04-01"


BAD = [
    ("[project", "$", "is no TOML"),
    ('[project]\npatient = "id"', "project.centre", "needed"),
    ('[project]\ncentre = "C"', "project.patient", "needed"),
    (SMALL.replace('"unknown"', '"lost"'), "project.missing.NA", "asked-unknown"),
    (SMALL.replace('m1 = "m1"', 'm1 = "month one"'), "events.m1", "enrolment, ignore, baseline"),
    (SMALL.replace('"date"', '"datum"'), "fields.day", "'datum' is no path of a value"),
    (SMALL.replace('"date"', '"gvhd"'), "fields.day", "is no path of a value"),
    (SMALL + 'x___1 = { path = "gvhd.acute.1.treatment", word = "prayer" }', "fields.x___1", "'prayer' is none of"),
    (SMALL + '[constants]\nmood = "good"', "constants.mood", "is no path of a value"),
    (SMALL + '[instruments.i]\nlist = "gvhd"', "instruments.i.list", "is the path of a list"),
    (SMALL + '[instruments.i]\nlist = "moods"', "instruments.i.list", "is the path of a list"),
]


@pytest.mark.parametrize(("mapping", "path", "told"), BAD)
def test_a_mapping_that_means_nothing_is_refused_by_its_key(mapping, path, told):
    assert told in refused(mapping)[path]


@pytest.mark.parametrize(
    ("before", "after", "path", "told"),
    [
        ('birth_month = "birth', 'birth_moon = "birth', "fields.birth_moon", "no field of the data dictionary"),
        (', 2 = "male"', "", "fields.sex", "these choices of the field have no word: 2"),
        ("infection_none___1", "infection_none___2", "fields.infection_none___2", "the field has no choice 2"),
        ("[instruments.dli]", "[instruments.dlis]", "instruments.dlis", "is no form of the data dictionary"),
        ('infection_agent = "agent"', 'infection_agent = "site"', "fields.infection_agent", "no word: cmv, ebv"),
    ],
)
def test_a_mapping_that_does_not_fit_the_dictionary_is_refused(before, after, path, told):
    assert MAPPING.count(before) >= 1
    assert told in refused(MAPPING.replace(before, after), DICTIONARY)[path]


@pytest.mark.parametrize("dictionary", [b"\xff\xfe", b'"Variable / Field Name"\n"a', "Préfixe".encode("cp1252")])
def test_a_dictionary_that_cannot_be_read_is_refused(dictionary):
    assert "is no CSV in UTF-8" in refused(SMALL, dictionary)["project.dictionary"]


def test_a_mapping_without_end_is_refused():
    assert "nested too deep" in refused("a = " + "[" * 100_000)["$"]


def test_the_dictionary_is_named_in_the_mapping():
    assert redcap.dictionary_of(MAPPING) == "dictionary.csv"
    assert redcap.dictionary_of(SMALL) is None
    assert redcap.dictionary_of("project = 1") is None


def test_sections_of_another_kind_than_a_table_say_nothing():
    assert set(refused('project = 1\nevents = "m1"\n[instruments]\na = 1')) == {"project.centre", "project.patient"}
