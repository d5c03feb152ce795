"""What a visit's form asks, as its Questionnaire says it."""

from __future__ import annotations

import pytest

from mappings.intake import asked, words


def of(path, visit="m6"):
    """One question by its names from above."""
    found, inside = None, asked.visit(visit)
    for name in path:
        (found,) = [one for one in inside if one.name == name]
        inside = found.inside
    return found


def test_a_visit_asks_its_date_and_every_section_and_not_whose_it_is():
    names = [one.name for one in asked.visit("m1")]
    assert names == [
        *("date", "vital_status", "measurements", "engraftment", "response", "relapse", "immune_reconstitution"),
        *("chimerism", "gvhd", "infections", "quality_of_life", "immunosuppression", "administrations", "dli"),
        "dli_withheld",
    ]
    assert asked.visit("m1") == asked.visit("baseline")


def test_no_other_visit_has_a_form():
    with pytest.raises(KeyError):
        asked.visit("../m1")


def test_a_choice_offers_the_words_of_the_interface_in_words_for_people():
    status = of(("vital_status", "status"))
    assert (status.kind, status.needed, status.said) == ("choice", True, True)
    assert [word for word, _ in status.options] == list(words.VITAL_STATUS.admitted)
    assert dict(status.options)["lost"] == "Lost to follow-up"
    assert [word for word, _ in of(("response", "category")).options] == list(words.RESPONSE.admitted)
    assert [word for word, _ in of(("administrations", "action")).options] == list(words.ACTIONS)
    drugs = [word for word, _ in of(("immunosuppression", "drugs", "drug")).options]
    assert sorted(drugs) == sorted(words.IMMUNOSUPPRESSANT.admitted)


def test_a_list_has_the_questions_of_each_item_and_may_be_none():
    episodes = of(("gvhd", "acute"))
    assert (episodes.kind, episodes.none, episodes.said) == ("list", True, True)
    assert [one.name for one in episodes.inside][:3] == ["id", "onset", "grade"]
    assert of(("gvhd", "acute", "course")).kind == "list"
    assert not of(("gvhd", "acute", "course")).none
    treatment = of(("gvhd", "acute", "treatment"))
    assert (treatment.kind, treatment.none) == ("checks", True)
    transfusions = of(("engraftment", "platelet_transfusions"))
    assert (transfusions.kind, transfusions.text) == ("values", "Platelet transfusions: dates")


def test_only_a_value_of_a_list_of_values_is_missing_by_itself():
    """An item of a list of objects is left out instead."""
    assert of(("gvhd", "acute", "treatment")).gaps
    assert of(("engraftment", "platelet_transfusions")).gaps
    assert not of(("gvhd", "acute")).gaps
    fields = asked.names()
    assert {"engraftment.platelet_transfusions.1.not_done", "gvhd.chronic.1.treatment.1.note"} <= fields
    assert "infections.1.not_done" not in fields


def test_an_enrolment_asks_whom_it_is_about_of_somebody_new_only():
    first = asked.enrolment(("set-haplo-pdli",), new=True)
    assert [one.name for one in first] == [
        *("patient", "protocol", "birth_date", "sex", "hospital_patient", "identifiers", "consent", "disease"),
        *("measurements", "transplant"),
    ]
    (protocol,) = [one for one in first if one.name == "protocol"]
    assert (protocol.kind, protocol.options) == ("choice", (("set-haplo-pdli", "set-haplo-pdli"),))
    again = asked.enrolment(("set-haplo-pdli",), new=False)
    assert [one.name for one in again] == [one.name for one in first if one.name not in asked.WHO]


def test_words_of_fhir_itself_are_offered_too():
    found = {one.name: one for one in asked.enrolment((), new=True)}
    assert [word for word, _ in found["sex"].options] == list(words.SEXES)
    (status, *_) = found["consent"].inside
    assert [word for word, _ in status.options] == list(words.CONSENTS)
    assert found["hospital_patient"].form == "Patient/<id>"
    assert {"identifiers.1.system", "consent.registry", "transplant.cd34_per_kg.unit"} <= asked.names("enrolment")
    assert not {"visit", "dli.none", "centre"} & asked.names("enrolment")


def test_a_quantity_has_its_units_and_a_number_its_limits():
    assert of(("immune_reconstitution", "cd4")).units == (
        "10*9/L",
        "10*6/L",
        "/uL",
        "10*3/uL",
        "/mm3",
        "10*3/mm3",
        "{cells}/uL",
    )
    weight = of(("measurements", "weight"))
    assert (weight.units, weight.low, weight.high) == (("kg",), 20, 400)
    assert of(("chimerism", "donor_percent")).units == ("%",)
    assert of(("gvhd", "acute", "upper_gi")).high == 1
    assert of(("measurements", "weight.date")).kind == "date"


def test_a_condition_is_told_in_words():
    assert of(("vital_status", "cause")).when == "Vital status is Dead"
    assert of(("gvhd", "chronic", "text")).when == (
        "Worst global severity (NIH 2014) is Other chronic GVHD severity"
        " or Treatment of chronic GVHD is Other GVHD treatment"
    )


def test_what_is_needed_in_some_cases_only_is_not_called_needed():
    assert of(("date",)).needed
    assert of(("gvhd", "acute", "onset")).needed
    assert not of(("vital_status", "date")).needed
    assert not of(("vital_status", "cause")).needed


def test_a_scale_without_a_code_is_asked_by_name():
    scale = of(("quality_of_life", "scale"))
    assert (scale.kind, [one.name for one in scale.inside]) == ("list", ["name", "score"])
    assert [one.name for one in of(("quality_of_life", "scores")).inside] == ["total", "index", "vas"]
