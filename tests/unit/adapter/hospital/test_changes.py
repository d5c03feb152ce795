"""The transaction as it goes over the wire, and what an entry's answer says."""

from __future__ import annotations

import pytest

from adapter.hospital.changes import Change, Kept, bundle, condition, kept
from adapter.hospital.references import together
from tests.lib.post import SYSTEM, observation, patient


def test_a_put_follows_the_version_that_we_know():
    (entry,) = bundle([Change(observation("o"), "o", "3")], {})["entry"]
    assert entry["request"] == {"method": "PUT", "url": "Observation/o", "ifMatch": 'W/"3"'}
    assert entry["resource"]["id"] == "o"


def test_what_has_no_id_there_is_created_once_and_referred_to_within_the_transaction():
    changes = [Change(patient("p"), None), Change(observation("o"), None), Change(observation("x"), "77", "2")]
    first, second, third = bundle(changes, {})["entry"]
    assert first["request"] == {"method": "POST", "url": "Patient", "ifNoneExist": f"identifier={SYSTEM}|p"}
    assert "id" not in first["resource"]
    assert second["resource"]["subject"]["reference"] == first["fullUrl"]
    assert first["fullUrl"] != "urn:uuid:p"  # no UUID, so no such URI either
    assert (third["resource"]["id"], third["request"]["url"]) == ("77", "Observation/77")


def test_what_is_there_under_another_id_is_referred_to_by_it():
    (entry,) = bundle([Change(observation("o"), None)], {"Patient/p": "Patient/4711"})["entry"]
    assert entry["resource"]["subject"]["reference"] == "Patient/4711"


@pytest.mark.parametrize(
    ("identifiers", "found"),
    [
        ([], None),
        ([{"value": "1"}], None),
        ([{"system": "urn:x"}, {"system": "urn:oid:2", "value": "a,b|c&d"}], r"identifier=urn:oid:2|a%5C,b%5C|c%26d"),
    ],
)
def test_by_which_identifier_it_is_found(identifiers, found):
    assert condition({"identifier": identifiers}) == (found and found.replace(",", "%2C"))


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ({"location": "Observation/o/_history/2", "etag": "2"}, Kept("o", "2")),
        ({"location": "https://h/fhir/Observation/o/_history/2", "etag": 'W/"2"'}, Kept("o", "2")),
        ({"location": "Observation/o/_history/7"}, Kept("o", "7")),
        ({"location": "Observation/o"}, Kept("o", None)),
        ({"etag": 'W/"3"'}, Kept(None, "3")),
        ({"location": "nonsense"}, Kept(None, None)),
        ({}, Kept(None, None)),
    ],
)
def test_where_it_is_kept(said, at):
    assert kept(said) == at


def named(groups):
    return [[one["id"] for one in group] for group in groups]


def member(id_, *of):
    return observation(id_, hasMember=[{"reference": f"Observation/{one}"} for one in of])


def test_what_is_referred_to_goes_first_and_a_ring_goes_together():
    groups = named(together([member("a", "b"), member("b", "c"), member("c", "b"), patient("p"), member("alone")]))
    assert groups[-1] == ["a"]
    assert sorted(map(sorted, groups[:-1])) == [["alone"], ["b", "c"], ["p"]]
    assert groups.index(["p"]) < min(index for index, group in enumerate(groups) if "p" not in group)


def test_the_same_twice_stays_twice():
    assert named(together([patient("p"), patient("p")])) == [["p", "p"]]
    assert together([]) == []
