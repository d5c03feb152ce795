"""What a hospital measured flags, begins a form or asks; it never changes a dose, a fact or a death by itself."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from adapter.errors import Invalid, NotFound
from adapter.flows import hearing, hospital_patients, visit_draft
from adapter.store.copies import Copy
from adapter.store.lease import PARKED
from tests.lib.centre import OTHERS, OURS

LOINC = "http://loinc.org"
THEIRS = "Patient/abc"
BASE = "http://127.0.0.1:9/fhir/Observation"


@pytest.fixture
def linked(enrolled):
    with enrolled.store.transaction() as tx:
        tx.links.put("chu-a", course(enrolled), THEIRS)
    return enrolled


def course(ward):
    return ward.stored("Patient")[0].course


def observation(code, value, unit, day, id_="w-1", **changes):
    said = {
        "resourceType": "Observation",
        "id": id_,
        "meta": {"versionId": "1"},
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "subject": {"reference": THEIRS},
        "effectiveDateTime": day,
        "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
    } | changes
    return {key: value for key, value in said.items() if value is not None}


def weighed(value, day="2026-02-24", **changes):
    return observation("29463-7", value, "kg", day, **changes)


def hear(ward, resource, place=None, version=None):
    """As a pull does it: kept, and told in the same transaction where it is news."""
    place = place or (resource["resourceType"], resource["id"])
    with ward.store.transaction() as tx:
        known = tx.copies.get("chu-a", place)
        version = version or str(int(known.version or 0) + 1 if known else 1)
        whose = f"Patient/{place[1]}" if place[0] == "Patient" else resource and resource["subject"]["reference"]
        copy = Copy(version if resource else None, None, resource, whose)
        if tx.copies.keep("chu-a", place, copy, ward.now):
            hearing.hear(tx, "chu-a", place, resource, settings=ward.settings, now=ward.now)


def notes(ward):
    """What the order that is still to be given says of the weight."""
    return [note["text"] for note in ward.one("busulfan/D-5").content.get("note", []) if "redosed" in note["text"]]


def dose(ward):
    return ward.one("busulfan/D-5").content["dosageInstruction"][0]["doseAndRate"]


class TestWeight:
    def test_one_that_differs_flags_what_is_to_be_given_and_changes_no_dose(self, linked):
        before = dose(linked)
        hear(linked, weighed(60))
        assert notes(linked) == [
            f"Weight 60 kg of 2026-02-24 by the hospital's record ({BASE}/w-1) differs by 14.9 % "
            "from the 70.50 kg dosed by: to be redosed?"
        ]
        assert dose(linked) == before

    def test_the_flag_goes_when_the_weight_is_corrected_or_gone(self, linked):
        hear(linked, weighed(60))
        hear(linked, weighed(70))
        assert notes(linked) == []
        hear(linked, weighed(60))
        assert notes(linked)
        hear(linked, None, ("Observation", "w-1"))
        assert notes(linked) == []

    @pytest.mark.parametrize(
        "resource",
        [
            weighed(66),
            weighed(60, "2026-02-01"),
            weighed(60, status="preliminary"),
            weighed(60, status="entered-in-error"),
            weighed(60, subject={"reference": "Patient/stranger"}),
            weighed(60, "2026-02"),
            weighed(60, "2027-01-01"),
            weighed(6000),
            weighed(60, valueQuantity=None, dataAbsentReason={"coding": [{"code": "not-performed"}]}),
            weighed(60, identifier=[{"system": "https://engraft.example/fhir/sid/fact", "value": "x/weight/1"}]),
            weighed(60, modifierExtension=[{"url": "urn:x", "valueBoolean": True}]),
            observation("8302-2", 160, "cm", "2026-02-24"),
        ],
    )
    def test_what_is_no_newer_weight_of_our_patient_flags_nothing(self, linked, resource):
        hear(linked, resource)
        assert notes(linked) == []

    def test_pounds_are_converted_or_nothing_but_never_read_as_kilograms(self, linked):
        hear(linked, observation("29463-7", 155, "[lb_av]", "2026-02-24"))
        assert notes(linked) == []

    def test_a_visit_of_the_same_day_counts_before_the_record(self, linked):
        hear(linked, weighed(60))
        linked.visit(measurements={"weight": {"value": 70, "unit": "kg", "date": "2026-02-24"}})
        assert notes(linked) == []

    def test_a_patient_whom_nobody_linked_is_not_ours(self, enrolled):
        hear(enrolled, weighed(60))
        assert notes(enrolled) == []


LABS = [
    observation("26499-4", 0.6, "10*9/L", "2026-03-18", "n-1"),
    observation("26515-7", 25, "10*9/L", "2026-03-18T07:30:00+01:00", "p-1"),
    observation("751-8", 0.8, "10*9/L", "2026-03-19", "n-2"),
    observation("24467-3", 100, "10*6/L", "2026-03-25", "cd4-old"),
    observation("24467-3", 120, "10*6/L", "2026-04-03", "cd4-near"),
    observation("14135-8", 80, "10*6/L", "2026-04-03", "cd8-near"),
    observation("29463-7", 66, "kg", "2026-04-01", "w-m1"),
    observation("26499-4", 3.1, "10*9/L", "2026-07-20", "n-late"),
]


class TestDraft:
    def drafted(self, ward, visit="m1", patient="SYN-0001", centre=OURS):
        with_ = {"store": ward.store, "settings": ward.settings, "now": ward.now}
        return visit_draft.drafted(patient, visit, centre=centre, **with_)

    @pytest.fixture
    def measured(self, linked):
        for one in LABS:
            hear(linked, one)
        return linked

    def test_a_visit_is_begun_from_what_was_measured_around_it(self, measured):
        told = self.drafted(measured)
        assert told["document"] == {
            "measurements": {"weight": {"value": 66, "unit": "kg", "date": "2026-04-01"}},
            "engraftment": {
                "counts": [
                    {
                        "date": "2026-03-18",
                        "neutrophils": {"value": Decimal("0.6"), "unit": "10*9/L"},
                        "platelets": {"value": 25, "unit": "10*9/L"},
                    },
                    {"date": "2026-03-19", "neutrophils": {"value": Decimal("0.8"), "unit": "10*9/L"}},
                ]
            },
            "immune_reconstitution": {
                "date": "2026-04-03",
                "cd4": {"value": 120, "unit": "10*6/L"},
                "cd8": {"value": 80, "unit": "10*6/L"},
            },
        }

    def test_every_value_says_where_it_stands_and_of_which_day(self, measured):
        values = {one["source"]: one for one in self.drafted(measured)["values"]}
        assert values[f"{BASE}/w-m1"] == {
            "of": "weight",
            "value": 66,
            "unit": "kg",
            "date": "2026-04-01",
            "source": f"{BASE}/w-m1",
            "version": "1",
            "path": "measurements.weight",
        }
        assert values[f"{BASE}/n-2"]["path"] == "engraftment.counts[1].neutrophils"
        assert values[f"{BASE}/cd4-old"]["path"] is None, "offered, and not the day nearest to the visit"
        assert f"{BASE}/n-late" not in values

    def test_it_can_be_handed_in_as_it_is(self, measured):
        document = self.drafted(measured)["document"]
        receipt = measured.visit(**document, date="2026-04-03", vital_status=None)
        assert receipt.created

    def test_nothing_is_kept_and_nothing_is_a_fact(self, measured):
        before, stored = measured.rows(), measured.versions()
        self.drafted(measured)
        assert (measured.rows(), measured.versions()) == (before, stored)
        assert not [
            one for one in measured.stored("Observation") if one.content["code"]["coding"][0]["code"] == "751-8"
        ]

    def test_the_later_change_counts_where_a_day_has_two(self, linked):
        early, late = "2026-03-18T10:00:00+00:00", "2026-03-18T11:00:00+00:00"
        for id_, value, changed in (("a", 1, late), ("b", 2, early)):
            with linked.store.transaction() as tx:
                said = observation("26499-4", value, "10*9/L", "2026-03-18", id_)
                tx.copies.keep(
                    "chu-a", ("Observation", id_), Copy("1", datetime.fromisoformat(changed), said, THEIRS), linked.now
                )
        (count,) = self.drafted(linked)["document"]["engraftment"]["counts"]
        assert count["neutrophils"]["value"] == 1

    def test_what_is_not_understood_is_told_and_not_offered(self, linked):
        hear(linked, observation("26499-4", 600, "cells", "2026-03-18", "n-odd"))
        told = self.drafted(linked)
        assert (told["document"], told["values"]) == ({}, [])
        assert [one["source"] for one in told["left_out"]] == [f"{BASE}/n-odd"]
        assert "Observation.value" in told["left_out"][0]["why"]

    def test_an_unscheduled_visit_takes_what_came_after_the_last_that_was_told(self, measured):
        measured.visit()
        values = self.drafted(measured, "unscheduled")["values"]
        assert {one["source"] for one in values} == {f"{BASE}/cd4-near", f"{BASE}/cd8-near", f"{BASE}/n-late"}

    def test_another_centres_patient_and_another_visit_are_refused(self, measured):
        with pytest.raises(NotFound):
            self.drafted(measured, patient="SYN-0002")
        with pytest.raises(NotFound):
            self.drafted(measured, centre=OTHERS)
        with pytest.raises(Invalid):
            self.drafted(measured, "m99")

    def test_a_centre_without_a_hospital_has_an_empty_one(self, enrolled):
        enrolled.settings = type(enrolled.settings)(centres={}, hospitals={})
        assert self.drafted(enrolled)["document"] == {}


def patient(**said):
    return {"resourceType": "Patient", "id": "abc", **said}


class TestQuestions:
    def open(self, ward, centre=OURS):
        return [(one.kind, hospital_patients.words(one)) for one, _ in hospital_patients.of_centre(ward.store, centre)]

    @pytest.mark.parametrize(
        ("said", "kind", "words"),
        [
            (patient(deceasedDateTime="2026-05-02T10:00:00Z"), "deceased", "deceased on 2026-05-02"),
            (patient(deceasedBoolean=True), "deceased", "marked as deceased."),
            (
                patient(link=[{"type": "replaced-by", "other": {"reference": "http://127.0.0.1:9/fhir/Patient/new"}}]),
                "merged",
                "merged Patient/abc into Patient/new",
            ),
            (
                patient(link=[{"type": "replaced-by", "other": {"reference": "Patient/new/_history/3"}}]),
                "merged",
                "merged Patient/abc into Patient/new",
            ),
            (None, "gone", "has no Patient/abc any more"),
        ],
    )
    def test_what_happened_to_the_patient_is_asked_and_changes_nothing(self, linked, said, kind, words):
        versions, queued = linked.versions(), linked.queued()
        hear(linked, patient())
        assert self.open(linked) == []
        hear(linked, said, ("Patient", "abc"))
        ((asked, text),) = self.open(linked)
        assert asked == kind
        assert words in text
        assert (linked.versions(), linked.queued()) == (versions, queued), "no death, no delivery, nothing lost"
        assert self.open(linked, OTHERS) == []

    def test_somebody_who_is_none_of_ours_is_not_asked_about(self, linked):
        hear(linked, {"resourceType": "Patient", "id": "stranger", "deceasedBoolean": True})
        assert self.open(linked) == []

    def test_a_death_that_we_know_is_no_question(self, linked):
        linked.visit(date="2026-05-03", vital_status={"status": "dead", "date": "2026-05-02", "cause": "relapse"})
        hear(linked, patient(deceasedDateTime="2026-05-02"))
        assert self.open(linked) == []

    def test_the_record_that_replaces_another_asks_too(self, linked):
        link = [
            {"type": "replaces", "other": {"reference": THEIRS}},
            {"type": "seealso", "other": {}},
            {"type": "refer"},
        ]
        hear(linked, {"resourceType": "Patient", "id": "new", "link": link})
        ((kind, text),) = self.open(linked)
        assert (kind, "merged Patient/abc into Patient/new" in text) == ("merged", True)

    def test_a_merge_is_followed_only_when_a_person_says_so(self, linked):
        hear(linked, patient(link=[{"type": "replaced-by", "other": {"reference": "Patient/new"}}]))
        hear(linked, weighed(60, subject={"reference": "Patient/new"}))
        assert notes(linked) == []
        ((one, number),) = hospital_patients.of_centre(linked.store, OURS)
        assert number == "SYN-0001"
        by = {"who": "Dr A", "now": linked.now, "relink": True}
        with pytest.raises(NotFound):
            hospital_patients.answer(linked.store, one.id, "same person", centre=OTHERS, **by)
        hospital_patients.answer(linked.store, one.id, "same person", centre=OURS, **by)
        assert self.open(linked) == []
        with linked.store.reading() as tx:
            assert tx.links.get("chu-a", course(linked)) == "Patient/new"
            assert [(one.method, one.resource_id) for one in tx.inbox.listing()] == [("MEET", "new")]
            (deed,) = tx.audit.of(f"question/{one.id}")
        assert (deed.who, deed.detail) == ("Dr A", "same person (from now on Patient/new)")

    def test_only_a_merge_can_be_followed(self, linked):
        hear(linked, None, ("Patient", "abc"))
        ((one, _),) = hospital_patients.of_centre(linked.store, OURS)
        with pytest.raises(Invalid):
            hospital_patients.answer(linked.store, one.id, "x", who="op", centre=None, now=linked.now, relink=True)
        hospital_patients.answer(linked.store, one.id, "moved house", who="op", centre=None, now=linked.now)
        assert self.open(linked) == []


def test_what_else_a_hospital_has_is_only_kept(linked):
    versions = linked.versions()
    hear(linked, {"resourceType": "Condition", "id": "c", "subject": {"reference": THEIRS}})
    hear(linked, observation("24467-3", 5, "10*6/L", "2026-04-01", "x"))
    assert linked.versions() == versions
    assert PARKED not in {row.state for row in linked.queued()}
