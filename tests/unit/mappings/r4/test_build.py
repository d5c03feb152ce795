"""What stands in a Bundle is named by a URI that R4 knows, whoever chose its id."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.r4.build import collection, full_url, transaction
from mappings.r4.validate import validate

OURS = "68a33ca4-8236-56e7-b36c-7e47e85c6767"


def patient(id_):
    return {"resourceType": "Patient", "id": id_}


def test_a_uuid_is_its_own_name():
    assert full_url(patient(OURS)) == f"urn:uuid:{OURS}"


@given(st.from_regex(r"[A-Za-z0-9\-.]{1,64}", fullmatch=True))
def test_whatever_id_a_centres_system_chose_the_bundle_is_valid_r4(id_):
    for made in (collection([patient(id_)]), transaction([patient(id_)])):
        assert [fault for fault in validate(made) if fault.severity == "error"] == []


@pytest.mark.parametrize("id_", ["my-1", OURS.upper(), "1"])
def test_two_types_with_one_chosen_id_keep_apart(id_):
    other = {"resourceType": "Observation", "id": id_}
    assert full_url(patient(id_)) != full_url(other)
    assert full_url(patient(id_)) == full_url(patient(id_))
