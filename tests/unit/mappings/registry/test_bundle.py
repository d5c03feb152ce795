"""The outcome bundle: valid, the same every time, complete about what is missing, and only with consent."""

from __future__ import annotations

from datetime import date

import pytest

from mappings.canonicals import DEFAULT
from mappings.r4.validate import validate
from mappings.registry.bundle import NOTHING, outcome_bundle, own_bundle
from mappings.registry.course import read
from tests.lib import leaves
from tests.unit.mappings.registry.patients import (
    KEY,
    M3,
    TODAY,
    course_of,
    died,
    enrolled,
    plain_contact,
    plain_patient,
)

YES = enrolled()["consent"]


def bundle_of(*visits, key=KEY, on=TODAY, **enrolment):
    return outcome_bundle(course_of(enrolled(**enrolment), *visits), key, on)


def composition(bundle):
    (found,) = [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Composition"]
    return found


def sections(bundle):
    return {section["title"]: section for section in composition(bundle)["section"]}


def test_it_is_a_valid_transaction_that_puts_everything_on_its_own_id():
    bundle = bundle_of(M3, died("2026-08-15"))
    assert validate(bundle) == []
    assert bundle["type"] == "transaction"
    for entry in bundle["entry"]:
        resource = entry["resource"]
        assert entry["request"] == {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"}
        assert entry["fullUrl"] == f"urn:uuid:{resource['id']}"
        assert resource["meta"]["security"][0]["code"] == "PSEUDED"


def test_the_composition_names_every_resource_in_a_section():
    bundle = bundle_of(M3, died("2026-08-15"))
    named = [entry["reference"] for section in sections(bundle).values() for entry in section.get("entry", [])]
    sent = [entry["request"]["url"] for entry in bundle["entry"][1:]]
    assert sorted(named) == sorted(sent)


def test_each_domain_has_its_section_and_an_empty_one_says_so():
    said = sections(bundle_of(M3))
    assert {len(said[title]["entry"]) for title in ("Engraftment", "Response and relapse")} == {3}
    assert len(said["Graft-versus-host disease"]["entry"]) == 3
    assert len(said["Immune reconstitution"]["entry"]) == 1
    assert said["Chimerism"]["emptyReason"]["coding"][0]["code"] == "unavailable"
    assert NOTHING in said["Chimerism"]["text"]["div"]
    assert all({"text", "entry"} & section.keys() for section in said.values())
    assert len(said["Other facts"]["entry"]) == 1


def test_every_section_of_the_interfaces_form_reaches_its_domain():
    bundle = outcome_bundle(course_of(leaves.full("enrolment"), leaves.full("follow_up")), KEY, TODAY)
    said = sections(bundle)
    assert [title for title, section in said.items() if "emptyReason" in section] == []
    kinds = {
        title: {entry["reference"].split("/")[0] for entry in section.get("entry", [])}
        for title, section in said.items()
    }
    assert kinds["Immunosuppression"] == {"MedicationStatement", "Observation"}
    assert kinds["Doses given"] == {"MedicationAdministration"}
    assert kinds["Donor lymphocytes"] == {"Procedure", "Observation"}
    assert kinds["Infections"] == {"Condition", "Observation"}
    assert kinds["Response and relapse"] == {"Observation"}, "a molecular relapse is no Condition"
    assert kinds["Other facts"] == {"Observation"}, "body measures"
    assert validate(bundle) == []


def test_a_bundle_without_other_facts_has_no_section_for_them():
    assert "Other facts" not in sections(bundle_of(measurements=None))


def test_it_says_how_much_stayed_at_the_centre():
    text = sections(bundle_of(M3))["Completeness"]["text"]["div"]
    assert "Resources that stayed at the centre: 2." in text
    assert "Elements that were removed: " in text


def test_its_date_is_the_last_one_in_it_so_that_the_same_facts_make_the_same_bundle():
    bundle = bundle_of(M3)
    assert bundle == bundle_of(M3, on=date(2030, 6, 6))
    resources = [entry["resource"] for entry in bundle["entry"]]
    assert composition(bundle)["date"] == str(read(resources)[0].latest)
    assert bundle["id"] != bundle_of(M3, key=KEY[::-1])["id"]


def test_a_patient_without_any_date_has_a_bundle_whose_date_is_unknown():
    (consent,) = [r for r in course_of(enrolled()) if r["resourceType"] == "Consent"]
    bundle = outcome_bundle([plain_patient("p"), consent | {"patient": {"reference": "Patient/p"}}], KEY, TODAY)
    assert composition(bundle)["_date"]["extension"][0]["valueCode"] == "unknown"
    assert validate(bundle) == []


def test_the_test_label_of_a_synthetic_patient_stays_on_the_composition():
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}
    resources = course_of(enrolled(), M3)
    resources[0]["meta"] = resources[0]["meta"] | {"security": [label]}
    assert label in composition(outcome_bundle(resources, KEY, TODAY))["meta"]["security"]


@pytest.mark.parametrize(
    "said",
    [None, YES | {"status": "inactive"}, YES | {"status": "rejected"}, YES | {"registry": False}, {"status": "active"}],
    ids=str,
)
def test_without_a_consent_to_registries_there_is_no_bundle(said):
    assert bundle_of(M3, consent=said) is None


def test_a_consent_to_somebody_elses_record_lets_nothing_out():
    (consent,) = [r for r in course_of(enrolled()) if r["resourceType"] == "Consent"]
    other = [r for r in course_of(enrolled("P-0002")) if r["resourceType"] != "Consent"]
    with pytest.raises(ValueError, match="one patient"):
        outcome_bundle([*other, consent], KEY, TODAY)


def test_a_patient_who_has_to_stay_at_home_has_no_bundle():
    held = [
        r | {"implicitRules": "http://a.example"} if r["resourceType"] == "Patient" else r
        for r in course_of(enrolled())
    ]
    assert outcome_bundle(held, KEY, TODAY) is None


def test_resources_that_name_no_patient_do_not_disturb():
    resources = [*course_of(enrolled()), plain_contact("p", "2026-05-05", subject={})]
    assert len(outcome_bundle(resources, KEY, TODAY)["entry"]) == len(bundle_of()["entry"])


def test_section_codes_are_ours_or_standard_ones():
    systems = {
        coding["system"] for s in sections(bundle_of(M3)).values() for coding in s.get("code", {}).get("coding", [])
    }
    assert systems <= {DEFAULT.local, "http://loinc.org", "http://snomed.info/sct", "http://hl7.org/fhir/sid/icd-10-cm"}


COURSE = "3b0f0f0a-8f0e-5c1d-9b1e-3a5d1c2b4f60"


def own(*visits, **enrolment):
    return own_bundle(course_of(enrolled(**enrolment), *visits), COURSE)


class TestOwn:
    """The centre's own view: the same shape, nothing taken away."""

    def test_it_has_the_sections_of_the_registrys_bundle(self):
        assert sections(own(M3)).keys() == sections(bundle_of(M3)).keys()
        assert validate(own(M3)) == []

    def test_it_holds_the_outcomes_as_they_stand_at_the_centre(self):
        shown = {"Patient", "Condition", "Observation", "Procedure"}
        stored = [r for r in course_of(enrolled(), M3) if r["resourceType"] in shown]
        held = [entry["resource"] for entry in own(M3)["entry"][1:]]
        assert sorted(held, key=lambda each: each["id"]) == sorted(stored, key=lambda each: each["id"])

    def test_it_is_a_transaction_that_puts_everything_on_its_own_id(self):
        bundle = own(M3)
        urls = [f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in bundle["entry"]]
        assert [entry["request"] for entry in bundle["entry"]] == [{"method": "PUT", "url": url} for url in urls]
        assert bundle["identifier"]["value"].startswith(COURSE)
        assert own(M3) == bundle

    def test_it_is_not_called_pseudonymised(self):
        assert "PSEUDED" not in str(own(M3))
        assert composition(own(M3))["type"]["text"] == "Identified outcomes, for the centre itself"

    @pytest.mark.parametrize("said", [None, YES | {"status": "rejected"}], ids=str)
    def test_it_asks_for_no_consent(self, said):
        assert own(M3, consent=said)["entry"]

    def test_it_counts_what_is_no_outcome(self):
        text = sections(own(M3))["Completeness"]["text"]["div"]
        assert "Other resources of the patient: 2." in text  # the Consent, and that the patient is in the trial

    def test_its_date_is_that_of_the_last_change(self):
        resources = course_of(enrolled(), M3)
        resources[0]["meta"] = resources[0]["meta"] | {"lastUpdated": "2026-06-03T10:00:00Z"}
        resources[-1]["meta"] = resources[-1]["meta"] | {"lastUpdated": "2026-06-04T10:00:00Z"}
        assert composition(own_bundle(resources, COURSE))["date"] == "2026-06-04T10:00:00Z"
        assert composition(own(M3))["_date"]["extension"][0]["valueCode"] == "unknown"

    def test_the_test_label_of_a_synthetic_patient_stays_on_the_composition(self):
        label = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}
        resources = course_of(enrolled(), M3)
        resources[0]["meta"] = resources[0]["meta"] | {"security": [label]}
        assert composition(own_bundle(resources, COURSE))["meta"]["security"] == [label]

    def test_without_a_patient_there_is_none_and_two_patients_are_refused(self):
        consent_alone = [r for r in course_of(enrolled()) if r["resourceType"] == "Consent"]
        assert own_bundle(consent_alone, COURSE) is None
        with pytest.raises(ValueError, match="one patient"):
            own_bundle([*course_of(enrolled()), *course_of(enrolled("P-0002"))], COURSE)
