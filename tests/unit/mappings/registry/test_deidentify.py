"""What leaves of a patient's record, what stays, and what survives the way out."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.canonicals import DEFAULT, Canonicals
from mappings.r4.wire import encode
from mappings.registry.course import read
from mappings.registry.deidentify import deidentify, release
from mappings.registry.pseudonyms import move_back
from mappings.registry.report import compile_report
from tests.unit.mappings.registry.patients import (
    KEY,
    M3,
    course_of,
    died,
    enrolled,
    plain_contact,
    plain_patient,
    plain_transplant,
    seen,
)

OTHER_KEY = bytes(32)


def clean(*resources, key=KEY):
    return deidentify(resources, key)


def of(kind, cleaned):
    return [resource for resource in cleaned.resources if resource["resourceType"] == kind]


def born(birth, *others):
    """What is left of a patient of that birth, seen on these days."""
    cleaned = clean(plain_patient("p", birthDate=birth), *(plain_contact("p", on) for on in others))
    (patient,) = of("Patient", cleaned)
    return patient


def observation(**changes):
    """A laboratory result with its patient, cleaned."""
    return of("Observation", clean(plain_patient("p"), plain_contact("p", "2026-05-05", **changes)))


def test_only_what_the_allow_list_names_leaves_of_a_patient():
    (patient,) = of("Patient", clean(*course_of(enrolled())))
    assert patient["birthDate"] == "1971"
    assert patient["gender"] == "female"
    assert patient.keys() == {"resourceType", "id", "meta", "identifier", "gender", "birthDate"}


def test_what_stays_is_counted_by_its_element():
    named = plain_patient("p", name=[{"family": "Dubois"}], telecom=[{"value": "0"}], birthDate="1971-05-02")
    cleaned = clean(named, plain_contact("p", "2026-05-05", note=[{"text": "a"}, {"text": "b"}], issued="2026-05-05"))
    assert cleaned.dropped == {
        "Patient.name": 1,
        "Patient.telecom": 1,
        "Observation.note": 1,
        "Observation.issued": 1,
    }


def test_a_resource_type_that_is_not_listed_stays_at_home():
    cleaned = clean(*course_of(enrolled()))
    assert {resource["resourceType"] for resource in cleaned.resources} == {
        *("Patient", "Condition", "Observation", "Procedure")
    }
    assert cleaned.kept_home == {
        "Consent: type is not on the allow-list": 1,
        "ResearchSubject: type is not on the allow-list": 1,
    }


def test_every_resource_says_that_it_is_pseudonymised_and_keeps_our_profile_and_its_test_label():
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST", "display": "test"}
    meta = {"profile": [DEFAULT.profile("engraft-patient"), "http://chu-a.example/StructureDefinition/x"]}
    meta |= {
        "security": [label, {"system": "http://chu-a.example", "code": "ward-7"}],
        "source": "http://chu-a.example",
    }
    meta |= {"versionId": "3", "lastUpdated": "2026-05-05T10:00:00Z", "tag": [label]}
    (patient,) = clean(plain_patient("p", meta=meta)).resources
    assert patient["meta"]["profile"] == [DEFAULT.profile("engraft-patient")]
    assert [security["code"] for security in patient["meta"]["security"]] == ["PSEUDED", "HTEST"]
    assert patient["meta"].keys() == {"profile", "security"}


def test_a_profile_of_ours_that_does_not_exist_is_no_place_to_hide_a_name():
    hidden = {"profile": [DEFAULT.profile("engraft-dubois"), f"{DEFAULT.extension('engraft-patient')}|dubois"]}
    assert "profile" not in clean(plain_patient("p", meta=hidden)).resources[0]["meta"]


def test_ids_and_identifiers_become_pseudonyms_and_references_follow():
    cleaned = clean(*course_of(enrolled(), M3))
    (patient,) = of("Patient", cleaned)
    before = course_of(enrolled())[0]
    assert patient["id"] != before["id"]
    (identifier,) = patient["identifier"]
    assert identifier["system"] == DEFAULT.sid("pseudonym")
    assert len(identifier["value"]) == 64
    known = {f"{resource['resourceType']}/{resource['id']}" for resource in cleaned.resources}
    for resource in cleaned.resources:
        pointed = {
            line.split('"')[3]
            for line in json.dumps(resource, default=str, indent=0).splitlines()
            if '"reference"' in line
        }
        assert pointed <= known


def test_a_reference_to_what_stays_at_home_is_dropped():
    (left,) = observation(
        derivedFrom=[{"reference": "Observation/p-2026-05-05"}, {"reference": "Observation/elsewhere"}],
        performer=[{"reference": "Practitioner/dubois"}],
        focus=[{"reference": "#contained"}, {"display": "Dubois"}],
    )
    assert left["derivedFrom"] == [{"reference": f"Observation/{left['id']}"}]
    assert not {"performer", "focus"} & left.keys()


def test_what_points_to_a_resource_that_stays_at_home_loses_the_reference():
    held = plain_contact("p", "2026-05-06", modifierExtension=[{"url": "http://a.example/negated"}])
    points = plain_contact("p", "2026-05-05", hasMember=[{"reference": "Observation/p-2026-05-06"}])
    cleaned = clean(plain_patient("p"), held, points)
    assert cleaned.kept_home == {"Observation: has a modifierExtension": 1}
    assert cleaned.dropped["Observation.hasMember"] == 1
    assert "hasMember" not in of("Observation", cleaned)[0]


def test_a_server_and_a_version_in_a_reference_do_not_leave():
    subject = {"reference": "https://chu-a.example/fhir/Patient/p/_history/4", "display": "Dubois"}
    (left,) = observation(subject=subject)
    (patient,) = clean(plain_patient("p")).resources
    assert left["subject"] == {"reference": f"Patient/{patient['id']}"}


@pytest.mark.parametrize(
    "changes",
    [
        {"modifierExtension": [{"url": "http://a.example/negated"}]},
        {"component": [{"code": {"coding": []}, "modifierExtension": [{"url": "http://a.example"}]}]},
        {"implicitRules": "http://a.example/rules"},
        {"status": "amended-by-dubois"},
        {"code": {"text": "Dubois"}},
        {"code": {"coding": [{"system": "http://loinc.org", "code": "2160-0"}]}},
        {"id": None},
    ],
    ids=str,
)
def test_a_resource_whose_meaning_would_change_stays_at_home(changes):
    assert observation(**changes) == []


def test_an_empty_modifier_extension_holds_nothing_back():
    assert len(observation(modifierExtension=[])) == 1


def test_a_death_that_cannot_be_told_holds_the_whole_patient_back():
    cleaned = clean(plain_patient("p", deceasedDateTime="about 2026"), plain_contact("p", "2026-05-05"))
    assert cleaned.resources == ()
    assert cleaned.kept_home == {
        "Patient: cannot leave without its deceasedDateTime": 1,
        "Observation: cannot leave without its subject": 1,
    }


def test_a_merged_patient_record_stays_at_home():
    assert (
        clean(plain_patient("p", link=[{"other": {"reference": "Patient/q"}, "type": "replaced-by"}])).resources == ()
    )


def test_who_names_no_patient_stays_at_home():
    assert clean(plain_contact("p", "2026-05-05", subject={})).kept_home == {"Observation: names no patient": 1}


def test_unknown_extensions_are_dropped_and_known_ones_keep_their_codes():
    (procedure,) = of("Procedure", clean(*course_of(enrolled())))
    assert [extension["url"] for extension in procedure["extension"]] == [
        DEFAULT.extension("transplant-donor"),
        DEFAULT.extension("graft-source"),
    ]
    odd = [{"url": "http://a.example/name", "valueString": "Dubois"}, {"url": 7}, "Dubois"]
    absent = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    cleaned = clean(plain_patient("p", extension=[*odd, absent]))
    assert cleaned.resources[0]["extension"] == [absent]
    assert cleaned.dropped == {"Patient.extension": 3}
    assert "extension" not in clean(plain_patient("p", extension="Dubois")).resources[0]


def test_why_a_primitive_is_missing_may_be_told_and_nothing_else_about_it():
    why = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "asked-declined"}
    said = {"deceasedBoolean": True, "_deceasedBoolean": {"id": "dubois", "extension": [why]}}
    assert clean(plain_patient("p", **said)).resources[0]["_deceasedBoolean"] == {"extension": [why]}
    lost = {"deceasedBoolean": True, "_deceasedBoolean": {"extension": [{"url": "x", "valueString": "Dubois"}]}}
    assert "_deceasedBoolean" not in clean(plain_patient("p", **lost)).resources[0]


def test_codes_lose_their_words_and_codes_that_we_do_not_know_are_dropped():
    codings = [
        {"system": "http://loinc.org", "code": "26515-7", "display": "Platelets of Mrs Dubois", "version": "2.7"},
        {"system": "http://chu-a.example/lab", "code": "PLT"},
        {"system": "http://snomed.info/sct", "code": "106227002"},
        {"code": "26515-7"},
        "26515-7",
    ]
    (left,) = observation(code={"coding": codings, "text": "Platelets of Mrs Dubois"})
    assert left["code"] == {"coding": [{"system": "http://loinc.org", "code": "26515-7"}]}


def test_quantities_keep_their_digits_comparator_and_unit():
    (low,) = [
        o for o in of("Observation", clean(*course_of(enrolled(), M3))) if "comparator" in o.get("valueQuantity", {})
    ]
    assert low["valueQuantity"] == {
        "value": 120,
        "comparator": "<",
        "unit": "/uL",
        "system": "http://unitsofmeasure.org",
        "code": "/uL",
    }
    assert b'"value":0.52' in encode(clean(*course_of(enrolled(), M3)).resources)


@pytest.mark.parametrize(
    "quantity",
    [
        {"value": 5, "unit": "x"},
        {"value": 5, "system": "http://unitsofmeasure.org", "code": "dubois"},
        {"value": "5", "system": "http://unitsofmeasure.org", "code": "%"},
        {"value": True, "system": "http://unitsofmeasure.org", "code": "%"},
        {"value": 5, "comparator": "about", "system": "http://unitsofmeasure.org", "code": "%"},
        "5 %",
    ],
    ids=str,
)
def test_a_quantity_that_would_lose_its_sense_falls_as_a_whole(quantity):
    assert "valueQuantity" not in observation(valueQuantity=quantity)[0]


def test_free_text_values_never_leave():
    (left,) = observation(valueString="Dubois", text={"status": "additional", "div": "<div>Dubois</div>"})
    assert not {"valueString", "text"} & left.keys()


def test_the_words_behind_other_stay_at_home():
    said = seen("m6", "2026-09-01", response={"date": "2026-09-01", "category": "other", "text": "Dubois responded"})
    cleaned = clean(*course_of(enrolled(), said))
    assert b"Dubois" in encode(course_of(enrolled(), said))
    assert b"Dubois" not in encode(cleaned.resources)


def test_a_retraction_leaves_so_that_the_registry_learns_of_it():
    assert observation(status="entered-in-error")[0]["status"] == "entered-in-error"


def test_the_year_of_birth_is_masked_over_89():
    assert born("1937-01-01", "2026-05-05")["birthDate"] == "1937"
    old = born("1936-12-31", "2026-05-05")
    assert "birthDate" not in old
    assert old["_birthDate"]["extension"][0]["valueCode"] == "masked"


def test_the_year_of_birth_is_masked_where_no_date_tells_the_age():
    assert "birthDate" not in born("1971-05-02")
    assert "birthDate" not in born("when young", "2026-05-05")


def test_why_something_is_missing_leaves_and_what_the_centre_remarked_does_not():
    said = {"not_done": "asked-declined", "note": "Mr Dubois would not say"}
    patient = enrolled(birth_date=said, sex=said, measurements=None, disease={"diagnosis": said})
    form = {key: part for key, part in seen("m6", "2026-09-01").items() if key != "vital_status"}
    cleaned = clean(*course_of(patient, form | {"response": {"date": said, "category": "CR"}}))
    assert b"Dubois" not in encode(list(cleaned.resources))
    ((patient,), (disease,), (response,)) = (of(kind, cleaned) for kind in ("Patient", "Condition", "Observation"))
    reason = {
        "extension": [
            {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "asked-declined"}
        ]
    }
    assert patient["gender"] == "unknown"
    assert patient["_birthDate"] == patient["_gender"] == response["_effectiveDateTime"] == reason
    assert disease["code"]["coding"][0]["code"] == "asked-declined"


def test_every_interval_of_days_survives():
    resources = course_of(enrolled(), M3, died("2026-08-15"))
    (before,) = read(resources)
    (after,) = read(clean(*resources).resources)
    assert after.day_zero.day < before.day_zero.day
    moved = before.day_zero.day - after.day_zero.day
    assert before.death.day - after.death.day == moved
    exact = [contact.day for contact in before.contacts if not contact.imputed]
    assert [day - moved for day in exact] == [contact.day for contact in after.contacts if not contact.imputed]


@pytest.mark.parametrize(
    ("start", "end"),
    [("2026-03", "2026-04-05"), ("2025", "2026-03-20"), ("2026-03-28", "2026-04"), ("2025-11-02", "2026")],
)
def test_a_span_can_still_be_told_where_a_month_is_moved_beside_one_of_its_days(start, end):
    """R4's per-1 takes a month and one of its days for an end before the start. The end stays as it is."""
    seen_as, ends = Counter(), {move_back(end, days) for days in range(1, 365)}
    for number in range(60):
        patient = f"p{number}"
        contact = plain_contact(patient, "2026-05-05") | {"effectivePeriod": {"start": start, "end": end}}
        del contact["effectiveDateTime"]
        cleaned = clean(plain_patient(patient), contact)
        (left,) = (one["effectivePeriod"] for one in of("Observation", cleaned))
        first, last = left.get("start"), left["end"]
        assert last in ends
        assert first is None or first == last or first < last[: len(first)] or first[: len(last)] < last
        assert cleaned.dropped["Observation.effectivePeriod.start"] == (first is None)
        seen_as[first in (None, last)] += 1
    assert min(seen_as[True], seen_as[False]) > 0, "both had to come"


def test_patients_move_by_different_numbers_of_days():
    cleaned = clean(*(r for n in range(8) for r in (plain_patient(f"p{n}"), plain_transplant(f"p{n}", "2026-03-02"))))
    days = {course.day_zero.day for course in read(cleaned.resources)}
    assert len(days) > 1
    assert all(date(2025, 3, 3) <= day < date(2026, 3, 2) for day in days)


def test_survival_is_the_same_before_and_after():
    resources = []
    for n in range(12):
        end = (date(2026, 3, 2) + timedelta(days=40 * n + 7)).isoformat()
        name = f"P-{n:04d}"
        last = died(end, day=end, patient=name) if n % 3 else seen("m6", end, patient=name)
        resources += course_of(enrolled(name), last)
    before, after = (
        compile_report(read(each), horizons=range(0, 500, 50)).rows for each in (resources, clean(*resources).resources)
    )
    assert before == after


def test_the_same_input_gives_the_same_output_in_whatever_order():
    resources = course_of(enrolled(), M3)
    assert clean(*resources) == clean(*reversed(resources))


def test_another_key_gives_other_pseudonyms_and_other_days():
    resources = course_of(enrolled(), M3)
    one, other = clean(*resources), clean(*resources, key=OTHER_KEY)
    assert len(one.resources) == len(other.resources)
    assert not {r["id"] for r in one.resources} & {r["id"] for r in other.resources}
    assert read(one.resources)[0].day_zero.day != read(other.resources)[0].day_zero.day


def test_a_key_that_could_be_guessed_is_refused():
    with pytest.raises(ValueError, match="at least 16 bytes"):
        clean(key=b"short")


def test_the_deployments_own_urls_are_kept_apart_from_others():
    ours = Canonicals("https://registry.example/fhir")
    extension = [{"url": DEFAULT.extension("graft-source"), "valueCodeableConcept": {"coding": []}}]
    (left,) = deidentify([plain_patient("p", extension=extension)], KEY, ours).resources
    assert left["identifier"][0]["system"] == "https://registry.example/fhir/sid/pseudonym"
    assert "extension" not in left


def test_odd_shapes_are_dropped_and_never_raise():
    odd = {"valueQuantity": ["x"], "method": "x", "component": {"code": 7}, "category": [None, {"text": "x"}]}
    (left,) = observation(**odd, effectiveDateTime=20260505, _status="x", valueInteger=True)
    assert left.keys() == {"resourceType", "id", "meta", "identifier", "status", "code", "subject"}


def test_only_who_consents_is_released():
    yes, no = course_of(enrolled("P-1"), M3 | {"patient": "P-1"}), course_of(enrolled("P-2", consent=None))
    out = release([*yes, *no], KEY, date(2026, 9, 1))
    assert len({course.patient for course in read(out.resources)}) == 1
    assert out.kept_home["Patient: no consent"] == 1
    assert out.resources == clean(*yes).resources


dates_of_course = st.lists(st.dates(date(2000, 1, 1), date(2040, 12, 31)), min_size=2, max_size=6, unique=True)


@given(dates_of_course, st.binary(min_size=16, max_size=40))
def test_intervals_survive_whatever_the_dates_and_the_key(days, key):
    resources = [plain_patient("p"), *(plain_contact("p", day.isoformat()) for day in days)]
    (course,) = read(deidentify(resources, key).resources)
    moved = [contact.day for contact in course.contacts]
    assert {max(days) - day for day in days} == {max(moved) - day for day in moved}
    assert max(moved) < max(days)
