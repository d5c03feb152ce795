"""What a registry is sent when it may no longer have something."""

from __future__ import annotations

import pytest

from mappings.r4.build import transaction
from mappings.r4.validate import require_valid
from mappings.r4.wire import encode
from mappings.registry.allow_list import allow_list
from mappings.registry.bundle import outcome_bundle
from mappings.registry.retraction import emptied, is_emptied
from tests.unit.mappings.registry.patients import KEY, M3, TODAY, course_of, enrolled, seen

RECORD = course_of(
    enrolled(),
    M3,
    seen(
        "unscheduled",
        "2027-04-01",
        relapse={"date": "2027-03-30", "kind": "extramedullary"},
        immunosuppression={"drugs": [{"drug": "steroids", "started": "2027-03-01", "stopped": "2027-03-20"}]},
        administrations=[{"action": "atg", "date": "2026-02-27", "given": {"value": 175, "unit": "mg"}}],
    ),
)


@pytest.fixture(scope="module")
def sent():
    return [entry["resource"] for entry in outcome_bundle(RECORD, KEY, TODAY)["entry"]]


def test_every_type_that_leaves_can_be_taken_back(sent):
    assert {one["resourceType"] for one in sent} == set(allow_list().resources) | {"Composition"}
    require_valid(transaction([emptied(one) for one in sent]))


def test_nothing_that_was_told_is_left(sent):
    told = encode([emptied(one) for one in sent]).decode()
    assert "loinc" not in told
    assert "snomed" not in told
    assert '"value' not in told.replace('"valueCode":"masked"', "").replace('"value":', "")
    assert "birthDate" not in told
    assert "gender" not in told
    assert "2026" not in told
    assert "2025" not in told


def test_it_stays_the_same_resource_of_the_same_patient(sent):
    for one in sent:
        void = emptied(one)
        assert [void[name] for name in ("resourceType", "id")] == [one[name] for name in ("resourceType", "id")]
        assert void["identifier"] == one["identifier"]
        assert void.get("subject") == one.get("subject")
        assert {"PSEUDED"} <= {
            label["code"] for label in void.get("meta", {}).get("security", one["meta"].get("security", []))
        }
        assert is_emptied(void)
        assert not is_emptied(one)


def test_what_never_leaves_cannot_be_taken_back():
    with pytest.raises(KeyError):
        emptied({"resourceType": "Consent", "id": "c"})
    assert not is_emptied({"resourceType": "Consent", "id": "c"})
