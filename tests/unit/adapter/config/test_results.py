"""Codes of a centre's laboratory: one code means one thing, and what is wrong is told with its line."""

from __future__ import annotations

import pytest

from tests.unit.adapter.config.test_config import faults_of, settings_of

OWN = """\
[centres.FR-037]
name = "CHU A"
[centres.FR-037.results]
bilirubin = [{ system = "https://lab.example/codes", code = "BILI" }]
creatinine-clearance = [{ system = "https://lab.example/codes", code = "CLCR" }, { system = "urn:x", code = "1" }]
"""


def test_a_centre_names_the_codes_of_its_laboratory(tmp_path):
    centre = settings_of(tmp_path, OWN).centres["FR-037"]
    assert centre.results == {
        "bilirubin": (("https://lab.example/codes", "BILI"),),
        "creatinine-clearance": (("https://lab.example/codes", "CLCR"), ("urn:x", "1")),
    }


@pytest.mark.parametrize(
    ("said", "key", "why"),
    [
        ('sodium = [{ system = "x", code = "y" }]', "sodium", "unknown key"),
        ('bilirubin = "BILI"', "bilirubin", "is a list of codes"),
        ("bilirubin = []", "bilirubin", "is a list of codes"),
        ('bilirubin = ["BILI"]', "bilirubin", "is a list of codes"),
        ('bilirubin = [{ code = "BILI" }]', "bilirubin.system", "is needed"),
        ('bilirubin = [{ system = "x", code = "" }]', "bilirubin.code", "not empty"),
        ('bilirubin = [{ system = "x", code = "y", unit = "z" }]', "bilirubin.unit", "unknown key"),
        (
            'bilirubin = [{ system = "x", code = "y" }]\ncreatinine = [{ system = "x", code = "y" }]',
            "bilirubin",
            "the code y is creatinine already",
        ),
    ],
)
def test_a_fault_is_told_with_its_key(tmp_path, said, key, why):
    ((_, named, told),) = faults_of(tmp_path, f"[centres.A.results]\n{said}\n")
    assert named == f"centres.A.results.{key}"
    assert why in told


def test_results_are_a_table(tmp_path):
    ((_, named, _),) = faults_of(tmp_path, "[centres.A]\nresults = 3\n")
    assert named == "centres.A.results"
