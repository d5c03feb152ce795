"""[registries.NAME]: each dialect has its own keys, and a number that is none is refused by its line."""

from __future__ import annotations

import pytest

from adapter.config import load
from adapter.errors import Invalid


@pytest.fixture
def said(tmp_path):
    def of(*lines):
        file = tmp_path / "engraft.toml"
        file.write_text("\n".join(["[registries.r]", *lines]) + "\n")
        return load({"ENGRAFT_CONFIG": str(file)}).registries["r"]

    return of


BASE = 'base_url = "http://127.0.0.1:9/fhir"'
WINDOWS = "windows = { day-100 = 15 }"
CIBMTR = 'dialect = "cibmtr"'


def test_by_default_it_takes_whole_bundles(said):
    one = said(BASE)
    assert (one.dialect, one.identity, one.dates, one.ccn) == ("fhir", "auto", "shifted", {})
    assert one.centre_system == "http://cibmtr.org/codesystem/transplant-center"


def test_cibmtr_knows_centres_by_five_digits(said):
    one = said(
        BASE, CIBMTR, 'ccn = { FR-037 = "10123" }', 'crid_system = "http://terminology.cibmtr.org/identifier/CRID"'
    )
    assert one.ccn == {"FR-037": "10123"}
    assert one.crid_system == "http://terminology.cibmtr.org/identifier/CRID"


@pytest.mark.parametrize("number", ['"1234"', '"123456"', "12345", '"rc_12345"'])
def test_any_other_number_is_refused(said, number):
    with pytest.raises(Invalid, match=r"engraft.toml:4: registries.r.ccn.FR-037: .* five digits"):
        said(BASE, CIBMTR, f"ccn = {{ FR-037 = {number} }}")


def test_without_a_number_no_centre_could_send(said):
    with pytest.raises(Invalid, match="the number of each centre at CIBMTR is needed"):
        said(BASE, CIBMTR)


def test_forms_need_no_server(said):
    assert said('dialect = "ebmt"', 'dates = "days-from-graft"', WINDOWS).dates == "days-from-graft"
    with pytest.raises(Invalid, match="base_url"):
        said('dialect = "fhir"')


def test_windows_are_whole_days_of_known_forms(said):
    assert said('dialect = "ebmt"', WINDOWS).windows == {"day-100": 15}
    for wrong in ("windows = { day-100 = -1 }", "windows = { day-100 = true }", "windows = { day-90 = 1 }"):
        with pytest.raises(Invalid, match=r"registries\.r\.windows\.day-"):
            said('dialect = "ebmt"', wrong)


@pytest.mark.parametrize("stranger", ['dates = "shifted"', 'ccn = { A = "12345" }'])
def test_keys_of_another_dialect_are_strangers(said, stranger):
    with pytest.raises(Invalid, match="unknown key"):
        said(BASE, stranger)
