"""Names planted everywhere: nothing recognisable may leave, in whatever element somebody wrote it."""

from __future__ import annotations

import copy
from datetime import date, timedelta

import pytest
from fhirclient.models import condition, fhirdate, fhirdatetime, fhirinstant, fhirreference, fhirtime
from fhirclient.models import medicationadministration as doses
from fhirclient.models import medicationstatement as drugs
from fhirclient.models import observation as observations
from fhirclient.models import patient as patients
from fhirclient.models import procedure as procedures

from mappings.r4.wire import encode
from mappings.registry.bundle import outcome_bundle
from mappings.registry.course import read
from mappings.registry.deidentify import deidentify
from tests.unit.mappings.registry.patients import KEY, M3, TODAY, course_of, enrolled, seen

MARK = "Zquatl"
DEEPEST = 3
DATES = (fhirdate.FHIRDate, fhirdatetime.FHIRDateTime, fhirinstant.FHIRInstant)
PLAIN = {bool: True, int: 7, float: 7.5}


class Planter:
    """Fills every element that R4 gives a type, each text and each date different from all others."""

    def __init__(self):
        self.texts: list[str] = []
        self.dates: list[str] = []

    def text(self):
        self.texts.append(f"{MARK}{len(self.texts):05d}")
        return self.texts[-1]

    def date(self):
        """Further apart than any date is moved, so that a moved one is none of the others."""
        self.dates.append((date(1000, 1, 1) + timedelta(days=367 * len(self.dates))).isoformat())
        return self.dates[-1]

    def value(self, kind, depth):
        if kind in PLAIN:
            return PLAIN[kind]
        if kind in DATES:
            return self.date()
        if kind in (str, fhirtime.FHIRTime):
            return self.text()
        if kind is fhirreference.FHIRReference:
            return {"reference": f"Patient/{self.text()}", "display": self.text()}
        return self.element(kind, depth + 1) if depth < DEEPEST else None

    def properties(self, kind):
        return kind().elementProperties()

    def element(self, kind, depth=0):
        out = {}
        for _, name, of, is_list, _, _ in self.properties(kind):
            if name not in ("modifierExtension", "implicitRules", "contained", "link"):
                planted = self.value(of, depth)
                if planted is not None:
                    out[name] = [planted] if is_list else planted
        return out


def able_to_leave(planted, **parts):
    """With what a resource cannot leave without; the planted words stay beside it."""
    code = planted.get("code") or planted.get("medicationCodeableConcept")
    if code:
        code["coding"] = [code["coding"][0] | {"system": "http://loinc.org", "code": "26515-7"}, *code["coding"]]
    return planted | parts


def planted_record(planter=None):
    planter = planter or Planter()
    subject = {"subject": {"reference": "Patient/p", "display": planter.text()}}
    confirmed = {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "confirmed"}]
    }
    active = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]}
    record = [
        able_to_leave(planter.element(patients.Patient), resourceType="Patient", id="p", birthDate="1971-05-02"),
        able_to_leave(planter.element(observations.Observation), resourceType="Observation", status="final", **subject),
        able_to_leave(planter.element(procedures.Procedure), resourceType="Procedure", status="completed", **subject),
        able_to_leave(
            planter.element(condition.Condition),
            **{"resourceType": "Condition", "verificationStatus": confirmed, "clinicalStatus": active} | subject,
        ),
        able_to_leave(
            planter.element(drugs.MedicationStatement),
            **{"resourceType": "MedicationStatement", "status": "completed"} | subject,
        ),
        able_to_leave(
            planter.element(doses.MedicationAdministration),
            **{"resourceType": "MedicationAdministration", "status": "completed"} | subject,
        ),
    ]
    return planter, record


def test_nothing_planted_in_any_element_of_r4_leaves():
    planter, record = planted_record()
    assert len(planter.texts) > 500
    assert len(planter.dates) > 100
    cleaned = deidentify(record, KEY)
    assert len(cleaned.resources) == len(record), cleaned.kept_home
    sent = encode(cleaned.resources).decode()
    assert MARK not in sent
    assert [day for day in planter.dates if day in sent] == []
    assert "05-02" not in sent
    assert MARK not in str(cleaned.dropped) + str(cleaned.kept_home)


CELLS = {"value": 210, "unit": "/uL"}
RECORD = course_of(
    enrolled(),
    M3,
    seen("m6", "2026-09-01", response={"not_done": "not-performed", "note": "no marrow taken"}),
    seen("m12", "2027-03-01", response={"date": "2027-03-01", "category": "other", "text": "marrow not seen"})
    | {"immune_reconstitution": {"date": "2027-03-01"} | dict.fromkeys(("cd4", "cd8", "treg", "nk", "b"), CELLS)},
    seen(
        "unscheduled",
        "2027-04-01",
        relapse={"date": "2027-03-30", "kind": "extramedullary"},
        chimerism=[{"date": "2027-03-30", "sample": "blood", "donor_percent": 80}],
        infections=[{"onset": "2027-03-01", "kind": "viral", "agent": "cmv", "site": "lung", "severity": "mild"}],
        quality_of_life={"date": "2027-03-30", "instrument": "SF-36", "version": "2", "scores": {"total": 80}},
        immunosuppression={"drugs": [{"drug": "steroids", "started": "2027-03-01", "stopped": "2027-03-20"}]},
        administrations=[{"action": "atg", "date": "2026-02-27", "given": {"value": 175, "unit": "mg"}}],
        dli=[{"number": 1, "date": "2026-08-01", "cd3_per_kg": {"value": 1, "unit": "10*6/kg"}}],
        dli_withheld=[{"number": 2, "date": "2026-09-01", "reason": "other", "text": "donor abroad"}],
    ),
)


def leaves(value, path=()):
    """Path of every text in a record."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(part, (*path, key))


def with_planted(record, path, word):
    record = copy.deepcopy(record)
    place = record
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = word
    return record


PATHS = [path for path in leaves(RECORD) if path[-1] != "resourceType"]


def test_our_own_resources_have_hundreds_of_places_to_write_a_name():
    assert len(PATHS) > 500


@pytest.mark.parametrize("word", [MARK, f"Patient/{MARK}", "1987-12-31"])
def test_a_word_or_a_day_in_any_place_of_our_own_resources_stays_at_home(word):
    found = [path for path in PATHS if word.removeprefix("Patient/") in sent(with_planted(RECORD, path, word))]
    assert found == []


def sent(record):
    return encode(deidentify(record, KEY).resources).decode()


def test_what_must_not_leave_is_in_the_record_to_begin_with():
    """Else the tests above would prove nothing."""
    wire = encode(RECORD).decode()
    assert all(word in wire for word in ("P-0001", "271057512345678", "1971-05-02", "2026-03-02", "no marrow taken"))


def test_no_id_number_day_or_word_of_the_record_is_in_its_bundle():
    bundle = outcome_bundle(RECORD, KEY, TODAY)
    wire = encode(bundle).decode()
    ids = {resource["id"] for resource in RECORD}
    days = {contact.written for course in read(RECORD) for contact in (course.day_zero, *course.contacts)}
    numbers = {"FR-037", "P-0001", "271057512345678", "1.2.250", "no marrow", "1971-05-02", "engraft/engraft"}
    assert [word for word in ids | days | numbers if word in wire] == []
