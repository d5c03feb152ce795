"""What CIBMTR gets: its five types, its label, its limit; and what it cannot get is told. Synthetic patients only."""

from __future__ import annotations

import copy
from decimal import Decimal

import pytest

from mappings.canonicals import ACT_REASON, CIBMTR_CRID, EXT_DATA_ABSENT_REASON, LOINC, RXNORM, SNOMED
from mappings.r4.build import transaction
from mappings.r4.validate import require_valid
from mappings.r4.wire import encode
from mappings.registry.cibmtr import MOST_ENTRIES, Sender, transmittable
from tests.unit.mappings.registry.patients import KEY, M3, TODAY, course_of, enrolled, seen

SENDER = Sender("10123")
CRID = {"system": CIBMTR_CRID, "value": "9990001"}
GIVEN = [{"action": "atg", "date": "2026-02-27", "given": {"value": 175, "unit": "mg"}}]
RECORD = course_of(
    enrolled(identifiers=[CRID, {"system": "urn:oid:1.2.250.1.213.1.4.8", "value": "271057512345678"}]),
    M3,
    seen("m6", "2026-09-01", administrations=GIVEN, relapse={"date": "2026-08-30", "kind": "haematological"}),
)


ABSENT = {"extension": [{"url": EXT_DATA_ABSENT_REASON, "valueCode": "unknown"}]}


def sent_of(record=RECORD, sender=SENDER):
    return [one for part in transmittable(record, sender, KEY, TODAY).bundles for one in part]


def observation(n, **more):
    patient = next(one for one in RECORD if one["resourceType"] == "Patient")
    return {
        "resourceType": "Observation",
        "id": f"o{n}",
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": "26515-7"}]},
        "subject": {"reference": f"Patient/{patient['id']}"},
        "effectiveDateTime": "2026-05-01",
        "valueQuantity": {
            "value": Decimal(n),
            "unit": "10*9/L",
            "system": "http://unitsofmeasure.org",
            "code": "10*9/L",
        },
    } | more


def test_only_what_it_takes_is_sent_and_all_of_it_is_valid():
    sent = sent_of()
    assert {one["resourceType"] for one in sent} == {"Patient", "Observation", "MedicationAdministration"}
    require_valid(transaction(sent))
    told = encode(sent).decode()
    for word in ("contained", "extension", "text", "display", "note", "engraft", "P-0001", "271057512345678"):
        assert f'"{word}"' not in told, word
    assert "valueString" not in told
    assert "deceased" not in told


def test_every_resource_has_the_label_of_the_centre_and_no_other():
    assert all(
        one["meta"] == {"security": [{"system": "http://cibmtr.org/codesystem/transplant-center", "code": "rc_10123"}]}
        for one in sent_of()
    )
    other = Sender("54321", "http://terminology.cibmtr.org/codesystem/transplant-center")
    assert sent_of(sender=other)[0]["meta"]["security"][0] == {
        "system": "http://terminology.cibmtr.org/codesystem/transplant-center",
        "code": "rc_54321",
    }


@pytest.mark.parametrize("ccn", ["", "1234", "123456", "1234x", "rc_12345", "١٢٣٤٥"])
def test_a_number_that_is_none_is_refused(ccn):
    with pytest.raises(ValueError, match="five digits"):
        sent_of(sender=Sender(ccn))


def test_the_patient_goes_under_its_crid():
    patient = sent_of()[0]
    assert patient["resourceType"] == "Patient"
    assert patient["identifier"][0] == CRID
    assert patient["birthDate"] == "1971"


def test_without_a_crid_nothing_goes():
    without = course_of(enrolled(), M3)
    found = transmittable(without, SENDER, KEY, TODAY)
    assert found.bundles == ()
    assert found.left["Patient: patient has no CRID"] == 1
    two = course_of(enrolled(identifiers=[CRID, CRID | {"value": "9990002"}]), M3)
    assert transmittable(two, SENDER, KEY, TODAY).left["Patient: patient has several CRIDs"] == 1


def test_without_consent_nothing_goes():
    refused = course_of(enrolled(identifiers=[CRID], consent={"status": "active", "registry": False}), M3)
    found = transmittable(refused, SENDER, KEY, TODAY)
    assert found.bundles == ()
    assert found.left["Patient: no consent"] == 1


def test_drugs_go_by_rxnorm():
    (given,) = [one for one in sent_of() if one["resourceType"] == "MedicationAdministration"]
    assert given["medicationCodeableConcept"]["coding"] == [{"system": RXNORM, "code": "225741"}]
    record = copy.deepcopy(RECORD)
    for one in record:
        if one["resourceType"] == "MedicationAdministration":
            codes = one["medicationCodeableConcept"]
            codes["coding"] = [code for code in codes["coding"] if code["system"] != RXNORM]
    found = transmittable(record, SENDER, KEY, TODAY)
    assert found.left["MedicationAdministration: has no RxNorm code"] == 1


def test_a_bundle_has_fifty_entries_at_most_and_the_patient_comes_first():
    record = [*RECORD, *(observation(n) for n in range(120))]
    bundles = transmittable(record, SENDER, KEY, TODAY).bundles
    assert bundles[0][0]["resourceType"] == "Patient"
    assert [len(one) for one in bundles[:-1]] == [MOST_ENTRIES] * (len(bundles) - 1)
    assert len(bundles) >= 3
    names = [(one["resourceType"], one["id"]) for part in bundles for one in part]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"effectiveDateTime": None}, "has no date"),
        ({"valueQuantity": None}, "has no value that is a quantity or a code"),
        ({"valueQuantity": None, "valueBoolean": True}, "has no value that is a quantity or a code"),
        ({"valueQuantity": {"value": Decimal(1)}}, "has no value that is a quantity or a code"),
        (
            {"valueQuantity": None, "valueCodeableConcept": {"coding": [{"system": LOINC, "code": "26515-7"}]}},
            "has an answer without a SNOMED CT code",
        ),
    ],
)
def test_what_it_cannot_take_is_told_by_reason(change, why):
    said = {name: value for name, value in observation(1, **change).items() if value is not None}
    before = transmittable(RECORD, SENDER, KEY, TODAY)
    after = transmittable([*RECORD, said], SENDER, KEY, TODAY)
    assert sum(map(len, after.bundles)) == sum(map(len, before.bundles))
    assert after.left[f"Observation: {why}"] == before.left[f"Observation: {why}"] + 1


def test_a_period_and_a_code_of_snomed_can_be_taken():
    alive = {"coding": [{"system": SNOMED, "code": "438949009"}]}
    said = observation(1, valueCodeableConcept=alive, effectivePeriod={"start": "2026-05-01", "_end": ABSENT})
    del said["valueQuantity"], said["effectiveDateTime"]
    new = [one for one in sent_of([*RECORD, said]) if one not in sent_of()]
    assert [one["effectivePeriod"].keys() for one in new] == [{"start"}]


def test_what_has_no_place_is_told_by_resource_and_reason():
    left = transmittable(RECORD, SENDER, KEY, TODAY).left
    assert left["Condition: CIBMTR takes no such type"] >= 2  # leukaemia, relapse, GVHD
    assert left["Procedure: CIBMTR takes no such type"] >= 1
    assert left["Observation: has a code of our own only"] >= 1
    dead = course_of(
        enrolled(identifiers=[CRID]), seen("m6", "2026-09-01", vital_status={"status": "dead", "date": "2026-08-15"})
    )
    found = transmittable(dead, SENDER, KEY, TODAY).left
    assert found["Patient.deceasedDateTime: has no place"] == 1


def test_test_data_stays():
    record = copy.deepcopy(RECORD)
    for one in record:
        one.setdefault("meta", {})["security"] = [{"system": ACT_REASON, "code": "HTEST"}]
    found = transmittable(record, SENDER, KEY, TODAY)
    assert found.bundles == ()
    assert any("test data" in why for why in found.left)
    only = copy.deepcopy(RECORD)
    for one in only:
        if one["resourceType"] == "Patient":
            one.setdefault("meta", {})["security"] = [{"system": ACT_REASON, "code": "HTEST"}]
    assert any(why.endswith("patient cannot be sent") for why in transmittable(only, SENDER, KEY, TODAY).left)


def test_an_empty_part_leaves_no_trace():
    """A year of birth that is masked is an extension, which the profile does not know."""
    old = course_of(enrolled(identifiers=[CRID], birth_date="1930-01-01"), M3)
    patient = sent_of(old)[0]
    assert "birthDate" not in patient
    assert "_birthDate" not in patient
