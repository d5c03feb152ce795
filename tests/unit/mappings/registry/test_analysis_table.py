"""The analysis table says of each patient what the endpoints say; R computes the report from it."""

from __future__ import annotations

import pytest

from mappings.registry.analysis_table import header, line
from mappings.registry.followed import Followed, follow
from tests.unit.mappings.registry.grafted import (
    FAR,
    cells,
    course,
    dli,
    donor,
    drug,
    looked,
    relapse,
    reported,
    response,
    withheld,
)


def row(of):
    followed = follow(of, FAR)
    assert isinstance(followed, Followed)
    return dict(zip(header(), line(followed), strict=True))


def test_every_column_has_a_name_of_its_own():
    assert len(set(header())) == len(header())


def test_a_patient_is_one_row_of_days_and_statuses():
    said = row(course(died=300, relapses=[relapse(200)], responses=[response(90, "CRi")]))
    assert [said[f"{name}_{part}"] for name in ("os", "lfs", "relapse", "nrm") for part in ("days", "status")] == [
        *("300", "1"),
        *("200", "1"),
        *("200", "1"),
        *("200", "2"),
    ]
    assert (said["response_90"], said["response_180"]) == ("CRi", "")


def test_what_was_not_assessed_or_is_not_meant_is_empty():
    said = row(course(alive=600, recoveries=[reported("neutrophils", "never-below")]))
    assert (said["neutrophil_engraftment_days"], said["pdli_gvhd_status"], said["chimerism_90"]) == ("", "", "")
    assert (said["immune_cd4_90"], said["immune_cd4_recovered_100"], said["agvhd_2_4_dated_by_onset"]) == ("", "", "0")


def test_values_are_plain_words_and_numbers():
    counts = [cells("cd4", day, 120, "/uL") for day in (30, 90)]
    said = row(course(alive=600, subsets=counts, chimerism=[donor(90, 99), donor(90, 40, "t-cell")]))
    assert (said["immune_cd4_90"], said["immune_cd4_recovered_100"]) == ("120.0", "1")
    assert said["chimerism_90"] == "full t-cell=mixed"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"infusions": [dli(1, 130)]}, ["1", "1", "1", ""]),
        ({"withheld": [withheld(1, 130, "donor"), withheld(2, 160, "infection")]}, ["0", "1", "1", "donor infection"]),
        ({"relapses": [relapse(60)]}, ["0", "0", "0", ""]),
    ],
)
def test_lymphocytes_have_four_columns(told, expected):
    off = {"immunosuppressants": [drug(6, 60)], "gvhd_assessments": [looked(90)]}
    said = row(course(alive=600, **off, **told))
    assert [said[f"pdli_{part}"] for part in ("given", "possible", "alive_relapse_free_120", "reasons")] == expected
