"""The Questionnaires ask for what the interface takes, in its words, and for nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from mappings.canonicals import DEFAULT
from mappings.intake import words
from mappings.intake.columns import column
from mappings.intake.words import LISTS, VISITS
from mappings.r4 import wire
from mappings.r4.validate import validate
from mappings.terminology import codes
from tests.lib.guide.items import described
from tests.lib.guide.kinds import Question, leaves, questions
from tests.lib.guide.written import FOLDER, on_disk, texts
from tests.lib.tree import ROOT

IDS = ("enrolment", *(f"follow-up-{visit}" for visit in VISITS))
EXAMPLE = ROOT / "tests" / "golden" / "interface-example" / "0-documents.json"
BESIDE = (".not_done", ".note", ".none", ".missing")
AMOUNT = {"value", "unit", "comparator"}


def questionnaire(id_: str) -> dict[str, Any]:
    return wire.decode(FOLDER.joinpath(f"Questionnaire-{id_}.json").read_bytes())


def items(of: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in of.get("item", []):
        yield item
        yield from items(item)


@pytest.fixture(scope="module")
def m6() -> dict[str, dict[str, Any]]:
    return {item["linkId"]: item for item in items(questionnaire("follow-up-m6"))}


@pytest.fixture(scope="module")
def enrolment() -> dict[str, dict[str, Any]]:
    return {item["linkId"]: item for item in items(questionnaire("enrolment"))}


def paths(value: Any, above: str = "") -> Iterator[str]:
    """The CSV columns that say a JSON document, lists counted from one; an amount is one answer."""
    if isinstance(value, dict) and not {"value", "unit"} <= set(value):
        for key, inner in value.items():
            yield from paths(inner, f"{above}.{key}".lstrip("."))
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value, 1):
            yield from paths(inner, f"{above}.{number}")
    else:
        yield above
        yield from (f"{above}.{key}" for key in value if key not in AMOUNT) if isinstance(value, dict) else ()


def test_the_committed_files_are_what_the_tables_and_forms_make():
    """`make artefacts` writes them anew."""
    made = texts()
    on = on_disk()
    assert sorted(on) == sorted(made)
    assert [name for name, text in made.items() if on[name] != text] == []


@pytest.mark.parametrize("id_", IDS)
def test_each_is_valid_r4_with_every_link_id_once(id_):
    made = questionnaire(id_)
    assert [fault for fault in validate(made) if fault.severity == "error"] == []
    links = [item["linkId"] for item in items(made)]
    assert len(links) == len(set(links))


def test_every_path_of_the_interface_example_is_a_link_id(m6, enrolment):
    told = json.loads(EXAMPLE.read_text("utf-8"))
    said, visit = told["enrolment"], told["follow_ups"][0]
    first = re.compile(r"\.\d+(?=\.|$)")
    for document, asked in ((said, enrolment), (visit, m6)):
        wanted = {first.sub(".1", path) for path in paths(document)} - {"gvhd.chronic.1.course"}
        assert len(wanted) > 15
        assert wanted - set(asked) == set()


def test_a_list_is_a_group_that_repeats_by_the_path_of_its_first_item(m6):
    episode = m6["gvhd.acute.1"]
    assert (episode["type"], episode["repeats"]) == ("group", True)
    assert "gvhd.acute.1.onset" in [item["linkId"] for item in episode["item"]]
    assert m6["gvhd.acute.1.course.1"]["repeats"] is True
    assert (
        m6["engraftment.platelet_transfusions.1"] | {"type": "date", "repeats": True}
        == (m6["engraftment.platelet_transfusions.1"])
    )
    repeating = {link for link, item in m6.items() if item.get("repeats") and not link.endswith(".missing")}
    assert {link for link in m6 if link.endswith(".1")} == repeating


def test_the_words_of_each_list_are_the_answers_and_are_read_back_as_themselves():
    for known in LISTS:
        made = json.loads(FOLDER.joinpath(f"ValueSet-{known.name}.json").read_text("utf-8"))
        answers = [
            {"coding": [{"system": include["system"], "code": concept["code"]}]}
            for include in made["compose"]["include"]
            for concept in include["concept"]
        ]
        read = [codes.key_of("answers", answer, DEFAULT, f"{known.name}/") for answer in answers]
        assert sorted(map(str, read)) == sorted(f"{known.name}/{word}" for word in known.admitted)


def test_every_choice_of_a_closed_list_takes_its_answers_from_that_list(m6):
    for path, words_of in (
        ("vital_status.status", words.VITAL_STATUS),
        ("response.category", words.RESPONSE),
        ("gvhd.acute.1.grade", words.ACUTE_GRADE),
        ("gvhd.chronic.1.treatment.1", words.GVHD_TREATMENT),
        ("infections.1.agent", words.INFECTION_AGENT),
    ):
        assert m6[path]["answerValueSet"] == DEFAULT.pinned("ValueSet", words_of.name)


def test_the_visit_of_a_follow_up_is_that_of_its_questionnaire():
    for visit in VISITS:
        (asked,) = (item for item in items(questionnaire(f"follow-up-{visit}")) if item["linkId"] == "visit")
        (option,) = asked["answerOption"]
        assert codes.key_of("answers", {"coding": [option["valueCoding"]]}, DEFAULT, "visit/") == f"visit/{visit}"


def test_a_cause_belongs_to_a_death_and_a_text_to_the_word_other(m6):
    (dead,) = m6["vital_status.cause"]["enableWhen"]
    assert (dead["question"], dead["answerCoding"]["code"]) == ("vital_status.status", "dead")
    text = m6["vital_status.text"]
    assert text["enableBehavior"] == "any"
    assert [(when["question"], when["answerCoding"]["code"]) for when in text["enableWhen"]] == [
        ("vital_status.status", "vital-status-other"),
        ("vital_status.cause", "cause-other"),
    ]
    assert [when["question"] for when in m6["gvhd.acute.1.text"]["enableWhen"]] == [
        "gvhd.acute.1.grade",
        "gvhd.acute.1.treatment.1",
    ]


def test_every_value_section_and_list_can_be_said_to_be_missing(m6):
    """Interface: any section, or any single value in it, may be `{"not_done": code, "note": ...}`."""
    plain = {"centre", "patient", "protocol", "visit", "date"}
    items_of_lists = {link for link, item in m6.items() if link.endswith(".1") and item["type"] == "group"}
    for link in set(m6) - plain - items_of_lists:
        if link.endswith((*BESIDE, ".id", ".1", "scale.1.name")):
            continue
        assert m6[f"{link}.not_done"]["answerValueSet"] == "http://hl7.org/fhir/ValueSet/data-absent-reason", link
        assert m6[f"{link}.note"]["type"] == "text", link


def test_units_are_those_that_convert_safely(m6):
    def units(link: str) -> list[str]:
        url = "http://hl7.org/fhir/StructureDefinition/questionnaire-unitOption"
        return [one["valueCoding"]["code"] for one in m6[link]["extension"] if one["url"] == url]

    assert units("immune_reconstitution.cd4") == [
        "10*9/L",
        "10*6/L",
        "/uL",
        "10*3/uL",
        "/mm3",
        "10*3/mm3",
        "{cells}/uL",
    ]
    assert units("measurements.weight") == ["kg"]
    assert units("dli.1.cd3_per_kg") == ["10*6/kg", "10*7/kg", "10*8/kg", "10*5/kg"]
    assert set(units("administrations.1.given")) == {"mg", "g", "kg", "ug"}


def test_numbers_keep_within_the_limits_of_intake(m6):
    def limit(link: str, name: str) -> Any:
        url = f"http://hl7.org/fhir/StructureDefinition/{name}"
        (found,) = (one for one in m6[link]["extension"] if one["url"] == url)
        return found.get("valueInteger", found.get("valueDecimal"))

    assert (limit("gvhd.acute.1.lower_gi", "minValue"), limit("gvhd.acute.1.lower_gi", "maxValue")) == (0, 4)
    assert (limit("gvhd.acute.1.upper_gi", "minValue"), limit("gvhd.acute.1.upper_gi", "maxValue")) == (0, 1)
    assert limit("gvhd.chronic.1.organs.genital", "maxValue") == 3
    assert limit("chimerism.1.donor_percent", "maxValue") == 100
    assert (limit("measurements.weight", "minValue"), limit("measurements.weight", "maxValue")) == (20, 400)


def test_every_row_of_the_table_is_asked_and_lands_where_there_is_a_profile(m6, enrolment):
    asked = {link for link in {*m6, *enrolment} if not link.endswith(BESIDE)}
    lists = {path for path in described() if f"{path}.1" in described()}
    assert set(described()) - asked <= lists
    assert asked <= set(described())
    for row in described().values():
        if row.lands:
            profile, element = row.lands.split("#")
            definition = json.loads(FOLDER.joinpath(f"StructureDefinition-{profile}.json").read_text("utf-8"))
            assert element.split(".")[0] == definition["type"], row.path


def test_what_has_a_day_of_its_own_is_not_extracted_on_the_day_of_the_form(m6):
    extracted = {
        link
        for link, item in m6.items()
        if any(one["url"].endswith("observationExtract") for one in item.get("extension", []))
    }
    assert extracted == {"measurements.karnofsky"}


def test_an_unknown_kind_of_field_is_not_left_out_silently():
    from marshmallow import Schema, fields

    class Odd(Schema):
        colour = fields.String()

    with pytest.raises(TypeError, match="String"):
        questions(Odd())


def test_leaves_name_a_list_by_its_first_item():
    inner = Question("onset", "date")
    listed = Question("acute", "list", inside=(Question("", "group", inside=(inner,)),))
    assert [path for path, _ in leaves((listed,))] == ["acute", "acute.1", "acute.1.onset"]


HOLDS = {
    "string": "text",
    "text": "text",
    "url": "text",
    "date": "date",
    "boolean": "flag",
    "integer": "whole",
    "decimal": "number",
    "quantity": "quantity",
    "choice": "word",
}


@pytest.mark.parametrize("kind", ["enrolment", "follow-up"])
def test_intake_knows_every_link_id_by_what_it_holds(kind, m6, enrolment):
    """A linkId that intake did not know would be an observation that a centre fills in and that nobody takes."""
    for link, item in (enrolment if kind == "enrolment" else m6).items():
        if link.startswith("quality_of_life.scale.1"):
            continue  # a score by the name of its scale: the key is what the person writes
        found = column(kind, link)
        assert found is not None, link
        if item["type"] == "group":
            assert found.holds in ("group", "list"), link
        elif not link.endswith(".none"):
            assert found.holds == HOLDS[item["type"]], link
