"""What CIBMTR's CRID service is asked, and which of its answers is a number. Synthetic people only."""

from __future__ import annotations

import pytest

from mappings.r4.faults import FaultyInput
from mappings.registry.crid import ETHNICITIES, GENDERS, OPTIONAL, RACES, asked, assigned

NAMED = {"first_name": " Ada ", "last_name": "Synthetic"}


def told(identity=NAMED, birth_date="1971-05-02", sex="female"):
    return asked(identity, birth_date, sex, "10123")


def faults(**changes):
    with pytest.raises(FaultyInput) as refused:
        told(**changes)
    return {fault.path for fault in refused.value.faults}


def test_the_five_required_attributes_are_sent_as_the_guide_names_them():
    assert told() == {
        "ccn": "10123",
        "patient": {"firstName": "Ada", "lastName": "Synthetic", "birthDate": "1971-05-02", "gender": "F"},
    }
    assert told(sex="male")["patient"]["gender"] == "M"


def test_what_else_is_known_goes_in_its_form():
    more = {
        "ssn": "000-00-0000",
        "mothers_maiden_name": "Made Up",
        "race": "2106-3;2028-9",
        "ethnicity": "2186-5",
        "nmdp_rid": "42",
        "ebmt_cic": "0001",
        "ebmt_id": "7",
        "cibmtr_team": "3",
        "cibmtr_iubmid": "9",
    }
    assert more.keys() == OPTIONAL.keys()
    patient = told(NAMED | more)["patient"]
    assert (patient["race"], patient["nmdpRid"], patient["cibmtrTeam"]) == (["2106-3", "2028-9"], 42, 3)
    assert (patient["ebmtCic"], patient["ebmtId"], patient["ssn"]) == ("0001", "7", "000-00-0000")
    assert len(patient) == 4 + len(OPTIONAL)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"identity": {"first_name": " "}}, {"first_name", "last_name"}),
        ({"birth_date": "1971-05"}, {"birth_date"}),
        ({"birth_date": "{'not_done': 'unknown'}"}, {"birth_date"}),
        ({"sex": "other"}, {"sex"}),
        ({"sex": "unknown", "birth_date": ""}, {"sex", "birth_date"}),
        ({"identity": NAMED | {"ssn": "000000000", "race": "white"}}, {"ssn", "race"}),
        ({"identity": NAMED | {"ethnicity": "x", "nmdp_rid": "x1", "cibmtr_team": "-1"}},
         {"ethnicity", "nmdp_rid", "cibmtr_team"}),
    ],
)  # fmt: skip
def test_what_it_would_not_take_is_refused_by_name_and_not_quoted(changes, named):
    assert faults(**changes) == named
    with pytest.raises(FaultyInput) as refused:
        told(**changes)
    assert "000000000" not in str([fault.message for fault in refused.value.faults])


@pytest.mark.parametrize(
    "answer",
    [
        {"perfectMatch": [{"crid": 9990001}]},
        {"perfectMatch": [{"crid": "9990001"}, {"crid": 9990001}]},
        {"crid": 9990001},
        {"perfectMatch": [], "crid": "9990001"},
        {"perfectMatch": None, "crid": "9990001"},
    ],
)
def test_one_number_is_the_patients(answer):
    assert assigned(answer) == "9990001"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({}, "no CRID"),
        ({"crid": None}, "no CRID"),
        ({"crid": True}, "no CRID"),
        ({"crid": 0}, "no CRID"),
        ({"crid": "12 34"}, "no CRID"),
        ({"crid": "<b>"}, "no CRID"),
        ({"perfectMatch": [{}]}, "no CRID"),
        ({"perfectMatch": [{"crid": 1}, {}]}, "no CRID"),
        ({"perfectMatch": [{"crid": 1}, {"crid": 2}]}, "several such patients"),
        ({"perfectMatch": {"crid": 1}}, "not one that we know"),
        ({"perfectMatch": ["1"]}, "not one that we know"),
    ],
)
def test_nothing_is_guessed(answer, why):
    with pytest.raises(FaultyInput) as refused:
        assigned(answer)
    assert why in refused.value.faults[0].message


def test_the_code_tables_are_those_of_the_guide():
    assert (len(RACES), len(ETHNICITIES), GENDERS) == (7, 3, {"female": "F", "male": "M"})
