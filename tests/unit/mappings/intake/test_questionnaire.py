"""A QuestionnaireResponse says what the JSON document says; what is not of our forms is refused by its linkId."""

from __future__ import annotations

import copy
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings

from mappings.canonicals import DEFAULT, UCUM
from mappings.intake import answers, questionnaire, schema
from mappings.intake.columns import column
from mappings.r4 import wire
from mappings.r4.faults import FaultyInput
from mappings.terminology import codes
from tests.lib import flat
from tests.lib.any_document import FOLLOW_UPS
from tests.lib.leaves import full
from tests.lib.tree import ROOT

AS_OF = date(2026, 9, 2)
WHO = {"centre": "FR-037", "patient": "P-1", "visit": "m3", "date": "2026-04-13"}


def answer(link, **value):
    return {"linkId": link, "answer": [value]}


def group(link, *items):
    return {"linkId": link, "item": list(items)}


def sent(*items, **more):
    return flat.response(WHO, **more) | {"item": [*flat.response(WHO)["item"], *items]}


def read(*items, **more):
    entry = questionnaire.entry(sent(*items, **more), DEFAULT)
    assert entry.faults == ()
    return {key: value for key, value in entry.document.items() if key not in WHO}


def faults(response):
    return {fault.path: fault.message for fault in questionnaire.entry(response, DEFAULT).faults}


@pytest.mark.parametrize("kind", ["enrolment", "follow_up"])
def test_the_answers_say_what_the_whole_document_says(kind):
    entry = questionnaire.entry(flat.response(full(kind)), DEFAULT)
    assert (entry.faults, entry.document) == ((), full(kind))
    assert entry.kind == kind.replace("_", "-")


def answerable(document):
    """FHIR has no empty answer, no answer with blanks alone, and no answer that is an object without a value."""
    return all(
        (value and value.strip() == value) if isinstance(value, str) else not isinstance(value, dict)
        for _, value in flat.cells(document)
    ) and "{}" not in str(document)


@settings(max_examples=40)
@given(FOLLOW_UPS.filter(answerable))
def test_whatever_a_centre_can_say_can_be_answered(document):
    entry = questionnaire.entry(flat.response(document), DEFAULT)
    assert entry.faults == ()
    assert schema.follow_up(entry.document, AS_OF) == schema.follow_up(document, AS_OF)


def test_one_link_id_again_is_the_next_item_of_the_list():
    episodes = [
        group(
            "gvhd.acute.1",
            answer("gvhd.acute.1.onset", valueDate=onset),
            group("gvhd.acute.1.course.1", answer("gvhd.acute.1.course.1.date", valueDate=onset)),
            group("gvhd.acute.1.course.1", answer("gvhd.acute.1.course.1.grade", valueString="I")),
        )
        for onset in ("2026-04-01", "2026-04-02")
    ]
    said = read(group("gvhd", group("gvhd.acute", *episodes)))
    assert said["gvhd"]["acute"] == [
        {"onset": onset, "course": [{"date": onset}, {"grade": "I"}]} for onset in ("2026-04-01", "2026-04-02")
    ]


def test_a_number_that_is_written_out_is_taken_at_its_word():
    said = read(answer("gvhd.acute.2.onset", valueDate="2026-04-02"), answer("gvhd.acute.1.onset", valueDate="2026-04"))
    assert said["gvhd"]["acute"] == [{"onset": "2026-04"}, {"onset": "2026-04-02"}]


def test_a_question_that_repeats_has_an_item_for_each_answer():
    treated = {"linkId": "gvhd.acute.1.treatment.1", "answer": [{"valueString": "topical"}, {"valueString": "ecp"}]}
    again = answer("gvhd.acute.1.treatment.1", valueString="ruxolitinib")
    assert read(treated, again)["gvhd"]["acute"] == [{"treatment": ["topical", "ecp", "ruxolitinib"]}]


def test_items_may_stand_below_an_answer():
    outer = answer("relapse.kind", valueString="molecular")
    outer["answer"][0]["item"] = [answer("relapse.date", valueDate="2026-04-01")]
    assert read(outer)["relapse"] == {"kind": "molecular", "date": "2026-04-01"}


def test_words_are_told_by_their_codes():
    (ours,) = [one for one in codes.codings("answers", "agvhd-grade/II", DEFAULT) if one["system"] == DEFAULT.local]
    said = read(answer("gvhd.acute.1.grade", valueCoding=ours))
    assert said["gvhd"]["acute"] == [{"grade": "II"}]
    assert read(answer("relapse.kind", valueCoding={"code": "molecular"}))["relapse"] == {"kind": "molecular"}
    reason = {"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "masked"}
    assert read(answer("relapse.not_done", valueCoding=reason))["relapse"] == {"not_done": "masked"}


@pytest.mark.parametrize(
    "coding", [{"system": "http://snomed.info/sct", "code": "molecular"}, {"display": "molecular"}]
)
def test_a_code_of_another_system_means_no_word(coding):
    assert "means no word of the list" in faults(sent(answer("relapse.kind", valueCoding=coding)))["relapse.kind"]


def test_amounts_have_their_ucum_code_as_unit():
    given = {"value": Decimal("0.120"), "comparator": "<", "unit": "Giga/L", "system": UCUM, "code": "10*9/L"}
    said = read(answer("immune_reconstitution.cd4", valueQuantity=given))
    assert said["immune_reconstitution"]["cd4"] == {"value": Decimal("0.120"), "unit": "10*9/L", "comparator": "<"}


def test_a_score_may_be_named_by_an_answer_of_its_own():
    scales = [
        group(
            "quality_of_life.scale.1",
            answer("quality_of_life.scale.1.name", valueString=name),
            answer("quality_of_life.scale.1.score", valueDecimal=Decimal("3.5")),
        )
        for name in ("PWB", "FWB")
    ]
    assert read(*scales)["quality_of_life"]["scores"] == {"PWB": Decimal("3.5"), "FWB": Decimal("3.5")}
    nameless = answer("quality_of_life.scale.1.score", valueDecimal=Decimal("3.5"))
    assert "quality_of_life.scale.1.score" in faults(sent(nameless))


def test_an_empty_list_is_said_and_its_contrary_says_nothing():
    assert read(answer("infections.none", valueBoolean=True)) == {"infections": []}
    assert read(answer("infections.none", valueBoolean=False)) == {}


@pytest.mark.parametrize("link", ["mood", "gvhd.acute.1.nose", "gvhd", "gvhd.acute.0.onset", "birth_date"])
def test_an_unknown_link_id_is_refused_by_its_name(link):
    assert "no such linkId" in faults(sent(answer(link, valueString="x")))[link]


@pytest.mark.parametrize(
    ("link", "value", "told"),
    [
        ("relapse.date", {"valueDateTime": "2026-04-01T10:00:00Z"}, "is answered by valueDate, not by valueDateTime"),
        ("chimerism.1.donor_percent", {"valueString": "99"}, "by valueDecimal or valueInteger, not by valueString"),
        ("chimerism.1.donor_percent", {}, ""),
    ],
)
def test_an_answer_of_another_kind_is_refused(link, value, told):
    if not value:
        response = sent({"linkId": link, "answer": [{"extension": [{"url": "urn:x", "valueCode": "y"}]}]})
        assert "not by no value" in faults(response)[link]
        return
    assert told in faults(sent(answer(link, **value)))[link]


def test_what_is_said_twice_is_refused():
    twice = answer("relapse.date", valueDate="2026-04-01")
    assert faults(sent(twice, twice)) == {"relapse.date": "is said twice, or as a whole and in parts"}
    explicit = answer("gvhd.acute.2.onset", valueDate="2026-04-02")
    repeated = [group("gvhd.acute.1", answer("gvhd.acute.1.onset", valueDate="2026-04-01"))] * 2
    assert set(faults(sent(*repeated, explicit))) == {"gvhd.acute.2.onset"}


def test_only_our_forms_are_read_and_only_when_they_are_complete():
    ours = sent()["questionnaire"].partition("|")[0]
    assert faults(sent(questionnaire=ours)) == {}
    for other in ("http://example.org/Questionnaire/x", f"{ours}|9.9.9", f"{ours}0", f"{ours}|", f"{ours}#1"):
        assert set(faults(sent(questionnaire=other))) == {"QuestionnaireResponse.questionnaire"}
    assert set(faults(sent(status="in-progress"))) == {"QuestionnaireResponse.status"}
    assert faults(sent(status="amended")) == {}


def test_what_is_no_r4_is_refused_by_its_path():
    assert set(faults(sent(status="done"))) == {"QuestionnaireResponse.status"}
    assert set(faults(sent(mood="good"))) == {"QuestionnaireResponse"}


@pytest.mark.parametrize("place", ["", ".item[4]", ".item[4].answer[0]", ".item[4].answer[0].item[0]"])
def test_what_may_change_the_meaning_is_refused_wherever_it_stands(place):
    beside = {"modifierExtension": [{"url": "http://example.org/negated", "valueBoolean": True}]}
    inner = answer("vital_status.date", valueDate="2026-04-13")
    outer = answer("vital_status.status", valueString="alive")
    outer["answer"][0]["item"] = [inner]
    response = sent(outer)
    nodes = {"": response, ".item[4]": outer, ".item[4].answer[0]": outer["answer"][0]}
    nodes.get(place, inner).update(beside)
    assert set(faults(response)) == {f"QuestionnaireResponse{place}.modifierExtension"}
    assert set(faults(sent(implicitRules="http://example.org/x"))) == {"QuestionnaireResponse.implicitRules"}


def bare(**more):
    """A response without items that say whose it is."""
    return flat.response(WHO, **more) | {"item": [answer("date", valueDate="2026-04-13")]}


def test_whose_it_is_may_be_told_by_the_subject_and_the_form():
    subject = {"identifier": {"system": "urn:oid:1.2", "value": "P-1"}}
    response = bare(subject=subject)
    assert questionnaire.entry(response, DEFAULT).document == {"date": "2026-04-13", "patient": "P-1", "visit": "m3"}
    known = questionnaire.entry(bare(subject={"reference": "Patient/x"}), DEFAULT, lambda _: ("FR-037", "P-1"))
    assert known.document == WHO


def test_answers_go_before_what_the_response_says_of_itself():
    response = sent(subject={"identifier": {"value": "P-2"}})
    assert questionnaire.entry(response, DEFAULT).document["patient"] == "P-1"


@pytest.mark.parametrize(
    ("form", "visit"), [("follow-up-m12|0.1.0", "m12"), ("follow-up-unscheduled", "unscheduled"), ("enrolment", None)]
)
def test_the_form_names_the_visit(form, visit):
    response = bare(questionnaire=f"{flat.QUESTIONNAIRES}/{form}")
    assert questionnaire.entry(response, DEFAULT).document.get("visit") == visit


def test_an_answer_may_not_name_another_visit_than_the_form():
    assert set(faults(sent(questionnaire=f"{flat.QUESTIONNAIRES}/follow-up-m12"))) == {"visit"}
    assert faults(sent(questionnaire=f"{flat.QUESTIONNAIRES}/follow-up-m3")) == {}


def test_a_fault_of_the_form_names_the_link_id():
    response = sent(answer("gvhd.acute.2.skin", valueInteger=9), answer("gvhd.acute.2.onset", valueDate="2026-04-01"))
    entry = questionnaire.entry(copy.deepcopy(response), DEFAULT)
    with pytest.raises(FaultyInput) as error:
        schema.follow_up(entry.document, AS_OF)
    (told,) = entry.refusals(error.value.faults)
    assert (told.path, told.column, told.row) == ("gvhd.acute.2.skin", "gvhd.acute.2.skin", None)
    assert entry.response == response


def published(pattern):
    return [wire.decode(file.read_bytes()) for file in sorted((ROOT / "profiles").glob(pattern))]


def items(questionnaire_items):
    for item in questionnaire_items:
        yield item
        yield from items(item.get("item", ()))


@pytest.mark.parametrize("form", published("Questionnaire-*.json"), ids=lambda form: form["id"])
def test_every_question_that_we_publish_is_understood(form):
    kind = "enrolment" if form["id"] == "enrolment" else "follow-up"
    asked = [item["linkId"] for item in items(form["item"])]
    assert [link for link in asked if not link.startswith("quality_of_life.scale.") and not column(kind, link)] == []
    assert f"{flat.QUESTIONNAIRES}/{form['id']}" == form["url"]


def test_every_answer_that_we_publish_means_a_word():
    sets = {one["url"]: one for one in published("ValueSet-*.json")}
    open_ = []
    for form in published("Questionnaire-*.json"):
        kind = "enrolment" if form["id"] == "enrolment" else "follow-up"
        for item in items(form["item"]):
            found = column(kind, item["linkId"])
            for coding in codings(item, sets):
                word = answers.value_of(found, {"valueCoding": coding}, DEFAULT)
                if word not in found.words:
                    open_.append((item["linkId"], coding))
    assert open_ == []


def codings(item, sets):
    yield from (option["valueCoding"] for option in item.get("answerOption", ()))
    known = sets.get(item.get("answerValueSet", "").partition("|")[0])
    for include in known["compose"]["include"] if known else ():
        yield from ({"system": include["system"], "code": one["code"]} for one in include["concept"])
