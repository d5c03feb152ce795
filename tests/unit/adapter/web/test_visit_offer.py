"""A visit's form shows what the hospital measured and takes it over where a person presses the button."""

from __future__ import annotations

import pytest

from adapter.store.copies import Copy
from mappings.r4.wire import decode
from tests.unit.adapter.web.browsing import signed_in
from tests.unit.adapter.web.conftest import NOW
from tests.unit.adapter.web.test_visit_pages import fill, shown_in

UCUM = "http://unitsofmeasure.org"


def observation(id_, code, value, unit, day):
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": "Patient/abc"},
        "effectiveDateTime": day,
        "valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit},
    }


@pytest.fixture
def place(ward, course):
    """Where the unscheduled visit's form is, of a patient of whom the hospital has a weight, counts and a subset."""
    said = [
        observation("w", "29463-7", 66, "kg", "2026-09-02"),
        observation("n", "26499-4", 1.5, "10*9/L", "2026-09-01"),
        observation("c", "24467-3", 90, "10*6/L", "2026-09-01"),
    ]
    with ward.store.transaction() as tx:
        tx.links.put("chu-a", course, "Patient/abc")
        for one in said:
            tx.copies.keep("chu-a", ("Observation", one["id"]), Copy("1", None, one, "Patient/abc"), NOW)
    (patient,) = decode(ward.ask("GET", "/fhir/Patient", "ehr").data)["entry"]
    return f"/patients/{patient['resource']['id']}/visits/unscheduled"


def test_values_are_shown_with_their_source_and_filled_in_on_request(ward, place):
    before = ward.counts()
    dana = signed_in(ward, "dana").open(place)
    assert "weight 66 kg 2026-09-02 http://127.0.0.1:9/fhir/Observation/w" in dana.words()
    assert shown_in(dana)["measurements.weight.value"] == ""
    fill(dana, place, "fill").follow()
    shown = shown_in(dana)
    assert (shown["measurements.weight.value"], shown["measurements.weight.unit"]) == ("66", "kg")
    assert shown["measurements.weight.date"] == "2026-09-02"
    assert (shown["engraftment.counts.1.neutrophils.value"], shown["engraftment.counts.1.date"]) == (
        "1.5",
        "2026-09-01",
    )
    assert shown["immune_reconstitution.cd4.value"] == "90"
    assert ward.counts() == before, "a draft is no fact"


def test_what_a_person_wrote_stays(ward, place):
    dana = signed_in(ward, "dana").open(place)
    fill(dana, place, "fill", measurements__weight__value="64").follow()
    shown = shown_in(dana)
    assert (shown["measurements.weight.value"], shown["measurements.weight.date"]) == ("64", "")
    assert shown["immune_reconstitution.cd4.value"] == "90"


def test_it_is_handed_in_as_any_visit(ward, place):
    dana = signed_in(ward, "dana").open(place)
    fill(dana, place, "fill").follow()
    fill(dana, place, "send", date="2026-09-03").follow()
    assert "Body weight" in dana.words()
