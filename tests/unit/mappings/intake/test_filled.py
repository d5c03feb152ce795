"""A form's fields to the document that they say, and back."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.facts.synthetic import documents
from mappings.intake import filled, schema
from mappings.intake.asked import SETTLED
from mappings.r4 import wire
from mappings.r4.faults import FaultyInput
from tests.lib.leaves import full, leaves, without
from tests.lib.tree import ROOT

EXAMPLE = ROOT / "tests" / "golden" / "interface-example" / "0-documents.json"
AS_OF = date(2026, 11, 1)


def said(fields):
    return filled.document(fields).document


def refused(fields):
    with pytest.raises(FaultyInput) as caught:
        filled.document(fields)
    return {fault.path: fault.message for fault in caught.value.faults}


def test_values_keep_the_digits_that_were_written():
    assert said(
        {
            "response.marrow_blasts_percent": "2.50",
            "measurements.karnofsky": " 80 ",
            "engraftment.neutrophils.status": "engrafted",
            "gvhd.acute.1.steroid_refractory": "false",
        }
    ) == {
        "response": {"marrow_blasts_percent": Decimal("2.50")},
        "measurements": {"karnofsky": 80},
        "engraftment": {"neutrophils": {"status": "engrafted"}},
        "gvhd": {"acute": [{"steroid_refractory": False}]},
    }
    assert str(said({"response.marrow_blasts_percent": "2.50"})["response"]["marrow_blasts_percent"]) == "2.50"


def test_what_is_not_filled_in_says_nothing():
    assert said({"relapse.date": " ", "immune_reconstitution.cd4.unit": "/uL", "vital_status.status": ""}) == {}


def test_a_decimal_comma_is_read_and_one_that_can_mean_thousands_is_not():
    assert said({"response.marrow_blasts_percent": "2,5"})["response"]["marrow_blasts_percent"] == Decimal("2.5")
    assert said({"dli.1.cd3_per_kg.value": "1,234"})["dli"][0]["cd3_per_kg"]["value"] == "1,234"


def test_an_amount_is_value_unit_and_comparator_and_its_date_stands_beside_it():
    assert said(
        {
            "immune_reconstitution.cd4.value": "5",
            "immune_reconstitution.cd4.unit": "/uL",
            "immune_reconstitution.cd4.comparator": "<",
            "measurements.weight.value": "66.5",
            "measurements.weight.unit": "kg",
            "measurements.weight.date": "2026-09",
        }
    ) == {
        "immune_reconstitution": {"cd4": {"value": 5, "unit": "/uL", "comparator": "<"}},
        "measurements": {"weight": {"value": Decimal("66.5"), "unit": "kg", "date": "2026-09"}},
    }


def test_items_that_were_left_empty_close_up_and_faults_find_their_fields():
    nested = filled.document({"infections.3.onset": "2026-04-02", "infections.5.kind": "viral"})
    assert nested.document == {"infections": [{"onset": "2026-04-02"}, {"kind": "viral"}]}
    assert nested.told("infections.1.kind") == "infections.3.kind"
    assert nested.told("infections.2") == "infections.5"


def test_boxes_of_a_list_are_its_words():
    assert said({"gvhd.acute.1.treatment.2": "systemic-steroids", "gvhd.acute.1.treatment.6": "mycophenolate"}) == {
        "gvhd": {"acute": [{"treatment": ["systemic-steroids", "mycophenolate"]}]}
    }


def test_none_and_why_not_are_said_of_lists_sections_and_values():
    assert said(
        {
            "gvhd.acute.none": "true",
            "chimerism.not_done": "not-performed",
            "chimerism.note": "no sample",
            "response.not_done": "unknown",
            "infections.1.agent.not_done": "not-performed",
            "quality_of_life.scores.total.not_done": "error",
        }
    ) == {
        "gvhd": {"acute": []},
        "chimerism": {"not_done": "not-performed", "note": "no sample"},
        "response": {"not_done": "unknown"},
        "infections": [{"agent": {"not_done": "not-performed"}}],
        "quality_of_life": {"scores": {"total": {"not_done": "error"}}},
    }


def test_what_contradicts_itself_is_told_at_its_field():
    assert "keep one of them" in refused({"relapse.not_done": "unknown", "relapse.date": "2026-01"})["relapse.not_done"]
    assert "keep one" in refused({"dli.none": "true", "dli.1.number": "1"})["dli.none"]
    assert "keep one" in refused({"dli.none": "true", "dli.not_done": "unknown"})["dli.not_done"]
    assert "choose the reason" in refused({"response.date.note": "lost"})["response.date.note"]
    told = refused({"immune_reconstitution.cd4.not_done": "unknown", "immune_reconstitution.cd4.value": "5"})
    assert list(told) == ["immune_reconstitution.cd4.not_done"]


def test_a_unit_that_stands_there_from_the_beginning_contradicts_nothing():
    assert said({"immune_reconstitution.cd4.not_done": "unknown", "immune_reconstitution.cd4.unit": "/uL"}) == {
        "immune_reconstitution": {"cd4": {"not_done": "unknown"}}
    }


def test_a_scale_of_ones_own_is_named_and_scored():
    fields = {
        "quality_of_life.scale.1.name": "global health",
        "quality_of_life.scale.1.score": "66.7",
        "quality_of_life.scale.2.name": "fatigue",
        "quality_of_life.scale.2.score.not_done": "not-performed",
    }
    document = {
        "quality_of_life": {
            "scores": {"global health": Decimal("66.7"), "fatigue": {"not_done": "not-performed"}},
        }
    }
    assert said(fields) == document
    assert filled.fields(document) == fields


def test_a_scale_needs_both_its_name_and_its_score():
    assert "quality_of_life.scale.1.name" in refused({"quality_of_life.scale.1.score": "5"})
    assert "quality_of_life.scale.1.score" in refused({"quality_of_life.scale.1.name": "fatigue"})


def test_one_value_of_a_list_is_said_to_be_missing_beside_those_that_are_known():
    fields = {
        "gvhd.acute.1.treatment.1": "topical",
        "gvhd.acute.1.treatment.2.not_done": "unknown",
        "gvhd.acute.1.treatment.2.note": "begun elsewhere",
        "engraftment.platelet_transfusions.1": "2026-03-16",
        "engraftment.platelet_transfusions.2.not_done": "asked-unknown",
    }
    document = {
        "gvhd": {"acute": [{"treatment": ["topical", {"not_done": "unknown", "note": "begun elsewhere"}]}]},
        "engraftment": {"platelet_transfusions": ["2026-03-16", {"not_done": "asked-unknown"}]},
    }
    assert said(fields) == document
    assert filled.fields(document) == fields
    far = said({"gvhd.acute.1.treatment.2": "ecp", "gvhd.acute.1.treatment.9.not_done": "unknown"})
    assert far["gvhd"]["acute"][0]["treatment"] == ["ecp", {"not_done": "unknown"}]


def test_a_value_of_a_list_is_there_or_missing_and_not_both():
    told = refused(
        {
            "engraftment.platelet_transfusions.1": "2026-03-16",
            "engraftment.platelet_transfusions.1.not_done": "unknown",
            "gvhd.chronic.1.treatment.9.note": "lost",
            "gvhd.acute.1.treatment.none": "true",
            "gvhd.acute.1.treatment.9.not_done": "unknown",
        }
    )
    assert list(told) == [
        "engraftment.platelet_transfusions.1.not_done",
        "gvhd.chronic.1.treatment.9.note",
        "gvhd.acute.1.treatment.none",
    ]


def test_a_measure_that_was_not_taken_keeps_its_day():
    fields = {
        "measurements.weight.not_done": "not-performed",
        "measurements.weight.note": "in bed",
        "measurements.weight.date": "2026-09-02",
        "measurements.height.not_done": "unknown",
        "measurements.height.date.not_done": "unknown",
    }
    weight = {"value": {"not_done": "not-performed", "note": "in bed"}, "unit": "kg", "date": "2026-09-02"}
    height = {"value": {"not_done": "unknown"}, "unit": "cm", "date": {"not_done": "unknown"}}
    nested = filled.document(fields)
    assert nested.document == {"measurements": {"weight": weight, "height": height}}
    assert filled.fields(nested.document) == fields
    assert nested.told("measurements.weight.value.not_done") == "measurements.weight.not_done"
    assert nested.cells["measurements.weight.value.note"].text == "in bed"
    alone = {"measurements": {"weight": {"value": {"not_done": "unknown"}, "unit": "kg"}}}
    assert filled.fields(alone) == {"measurements.weight.not_done": "unknown"}
    assert said({"measurements.not_done": "unknown"}) == {"measurements": {"not_done": "unknown"}}


def test_a_field_that_is_none_of_the_form_is_refused():
    assert "is no field" in refused({"gvhd.acute.1.treatment.missing.not_done": "unknown"}).popitem()[1]
    assert "is no field" in refused({"measurements.weight.value.not_done": "unknown"}).popitem()[1]
    assert (
        "is no field"
        in refused({"quality_of_life.scale.1.name": "a b/c", "quality_of_life.scale.1.score": "1"})[
            "quality_of_life.scale.1.score"
        ]
    )
    assert set(refused({"vital_status.colour": "red", "gvhd": "x", "not_done": "unknown"})) == {
        *("vital_status.colour", "gvhd", "not_done")
    }


def test_the_interface_example_comes_back_as_it_was():
    form = wire.decode_strict(EXAMPLE.read_bytes())["follow_ups"][0]
    fields = filled.fields(form)
    assert fields["engraftment.counts.1.neutrophils.value"] == "0.52"
    assert "gvhd.chronic.1.course.none" not in fields
    assert form["gvhd"]["chronic"][0].pop("course") == []
    assert whole(form, fields) == form


def whole(form, fields):
    return {key: form[key] for key in SETTLED if key in form} | said(fields)


def test_whatever_json_can_say_to_be_missing_the_form_can():
    for path in leaves("follow_up"):
        document = without(full("follow_up"), path)
        back = whole(document, filled.fields(document))
        assert schema.follow_up(back, AS_OF) == schema.follow_up(document, AS_OF), path


def test_whatever_an_enrolment_can_say_to_be_missing_its_form_can():
    for path in leaves("enrolment"):
        document = without(full("enrolment"), path)
        whose = {key: document[key] for key in ("centre", "patient", "protocol")}
        back = whose | filled.document(filled.fields(document), "enrolment").document
        assert schema.enrolment(back, AS_OF) == schema.enrolment(document, AS_OF), path


def test_a_field_of_the_other_form_is_none_of_this():
    with pytest.raises(FaultyInput) as caught:
        filled.document({"relapse.kind": "molecular", "patient": "P-1", "birth_date": "1971"}, "enrolment")
    assert [fault.path for fault in caught.value.faults] == ["relapse.kind"]


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False))
def test_every_synthetic_visit_comes_back_as_the_same_facts(rng):
    for _, forms in documents(2, rng, as_of=AS_OF, full=True):
        for form in forms:
            back = whole(form, filled.fields(form))
            assert schema.follow_up(back, AS_OF) == schema.follow_up(form, AS_OF)


def test_how_long_a_list_is_and_an_item_taken_out():
    fields = {
        "infections.1.kind": "viral",
        "infections.2.kind": "fungal",
        "infections.none": "",
        "infections.3.id": "c",
    }
    assert filled.length(fields, "infections") == 3
    assert filled.length(fields, "dli") == 0
    assert filled.without(fields, "infections", 2) == {
        "infections.1.kind": "viral",
        "infections.none": "",
        "infections.2.id": "c",
    }
    nested = {"gvhd.acute.2.course.2.date": "2026", "gvhd.acute.1.onset": "2026", "date": "2026-06-02"}
    assert filled.without(nested, "gvhd.acute.2.course", 1) == {
        "gvhd.acute.2.course.1.date": "2026",
        "gvhd.acute.1.onset": "2026",
        "date": "2026-06-02",
    }
