"""What an enrolment says of the patient at the hospital; what it says is missing points to nobody."""

from __future__ import annotations

import pytest

from adapter.hospital.identity import Wanted, wanted

UNKNOWN = {"not_done": "unknown"}
NATIONAL = {"system": "urn:oid:1.2.3", "value": "42"}


def test_the_patient_that_the_centre_named_and_every_identifier():
    said = {"hospital_patient": "Patient/abc", "identifiers": [NATIONAL], "birth_date": "1971-05"}
    assert wanted("p", said) == Wanted("p", "abc", (("urn:oid:1.2.3", "42"),), "1971-05")


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"hospital_patient": UNKNOWN, "identifiers": UNKNOWN, "birth_date": UNKNOWN},
        {"identifiers": [NATIONAL | {"value": UNKNOWN}, NATIONAL | {"system": UNKNOWN}]},
    ],
)
def test_what_is_missing_is_nothing_to_look_for(said):
    assert wanted("p", said) == Wanted("p")
