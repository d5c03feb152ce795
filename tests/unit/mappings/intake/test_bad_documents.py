"""What is wrong is refused with its path, all of it at once, and told so that a person can put it right."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from mappings.intake import schema
from mappings.r4.faults import FaultyInput

NOBODY = {"centre": "FR-037", "patient": "P-1", "protocol": "set-haplo-pdli"}


def spoil(document, path, value):
    """Sets `value` at a dotted path; list items count from one."""
    *way, last = [int(step) - 1 if step.isdigit() else step for step in path.split(".")]
    for step in way:
        document = document[step]
    document[last] = value


BAD_ENROLMENTS = [
    ("transplant.date", "tomorrow", "transplant.date", "value", "is no date of the calendar"),
    ("transplant.date", "2026-02-30", "transplant.date", "value", "is no date of the calendar"),
    ("transplant.date", "2026-03", "transplant.date", "value", "the day is needed"),
    ("transplant.date", "2026-03-02\n", "transplant.date", "value", "is no date of the calendar"),
    ("transplant.date", "２０２６-03-02", "transplant.date", "value", "is no date of the calendar"),
    ("transplant.date", 20260302, "transplant.date", "structure", "expected a date as text"),
    ("transplant.date", "2026-09-03", "transplant.date", "value", 'needs "planned": true'),
    ("transplant.date", "1970-01-01", "transplant.date", "value", "before the birth"),
    ("transplant.planned", "no", "transplant.planned", "structure", "expected true or false, not 'no'"),
    ("transplant", {"planned": False}, "transplant.date", "required", "a graft that was given has its day"),
    ("transplant.donor", "sibling", "transplant.donor", "code-invalid", "admitted: haploidentical, matched-related"),
    ("transplant.cd34_per_kg.unit", "10^6/kg", "transplant.cd34_per_kg.unit", "code-invalid", "10*6/kg, 10*7/kg"),
    ("transplant.cd34_per_kg.value", -1, "transplant.cd34_per_kg.value", "value", "-1 is not 0 or more"),
    (
        "measurements.weight.value",
        0,
        "measurements.weight.value",
        "value",
        "0 kg is no plausible weight; from 20 to 400",
    ),
    ("measurements.weight.value", -5, "measurements.weight.value", "value", "no plausible weight"),
    ("measurements.weight.value", 700, "measurements.weight.value", "value", "no plausible weight"),
    ("measurements.weight.value", "70 kg", "measurements.weight.value", "structure", "expected a number, not '70 kg'"),
    ("measurements.weight.value", True, "measurements.weight.value", "structure", "expected a number, not true"),
    ("measurements.weight.value", 70.5, "measurements.weight.value", "structure", "exact decimals"),
    (
        "measurements.weight.value",
        Decimal("NaN"),
        "measurements.weight.value",
        "structure",
        "expected a number, not NaN",
    ),
    ("measurements.weight", "70 kg", "measurements.weight", "structure", "an object with the keys value, date, unit"),
    ("measurements.weight.unit", "g", "measurements.weight.unit", "code-invalid", "admitted: kg"),
    ("measurements.height.value", Decimal("1.75"), "measurements.height.value", "value", "from 100 to 250 cm"),
    ("measurements.height.unit", "m", "measurements.height.unit", "code-invalid", "admitted: cm"),
    ("measurements.height.date", "2026-09-03", "measurements.height.date", "value", "after 2026-09-02, the day of"),
    ("measurements.karnofsky", 85, "measurements.karnofsky", "value", "from 0 to 100 by steps of 10"),
    ("disease.diagnosed", "1970", "disease.diagnosed", "value", "before the birth of the patient"),
    ("disease.blasts_percent", 101, "disease.blasts_percent", "value", "not from 0 to 100"),
    ("disease.status", "other", "disease.text", "required", "the word other needs a text"),
    ("disease.text", "AML", "disease.text", "structure", "explains the word other, which is not here"),
    ("consent", None, "consent", "structure", "null says nothing"),
    ("consent.status", "withdrawn", "consent.status", "code-invalid", "admitted: active, inactive, rejected"),
    ("consent.registry", 1, "consent.registry", "structure", "expected true or false, not 1"),
    ("sex", "F", "sex", "code-invalid", "admitted: male, female, other, unknown"),
    ("sex", {"not_done": "lost"}, "sex.not_done", "code-invalid", "admitted: unknown, asked-unknown"),
    ("birth_date", "2027-01-01", "birth_date", "value", "after 2026-09-02"),
    ("hospital_patient", "abc", "hospital_patient", "value", "does not look like Patient/<id>"),
    ("hospital_patient", "https://x/Patient/1", "hospital_patient", "value", "does not look like Patient/<id>"),
    ("identifiers", {}, "identifiers", "structure", "expected a list, not an object"),
    ("identifiers.1.system", "nir", "identifiers.1.system", "value", "does not look like a URI"),
    ("centre", "", "centre", "value", "is empty"),
    ("centre", "FR\x00037", "centre", "value", "holds control or invisible"),
    ("patient", "P-1\nP-2", "patient", "value", "holds control or invisible"),
    ("patient", " P-1", "patient", "value", "has blanks before or after"),
    ("patient", 1, "patient", "structure", "expected text, not 1"),
    ("patient", "P" * 1001, "patient", "value", "longer than 1000 characters"),
    ("protocol", "set", "protocol", "not-found", "no protocol is called 'set'; known: set-haplo-pdli"),
    ("colour", "red", "colour", "structure", "unknown key; allowed here: centre, patient, protocol, birth_date"),
    ("consent.colour", "red", "consent.colour", "structure", "unknown key; allowed here: status, date, registry"),
    ("disease", {"not_done": "lost"}, "disease.not_done", "code-invalid", "admitted: unknown, asked-unknown"),
    ("disease", {"not_done": "masked", "note": 1}, "disease.note", "structure", "expected text"),
    ("disease", {"not_done": "masked", "diagnosis": "aml"}, "disease.diagnosis", "structure", "unknown key"),
]

BAD_FOLLOW_UPS = [
    ("visit", "m9", "visit", "code-invalid", "admitted: baseline, m1, m3"),
    ("date", "2026-09-03", "date", "value", "after 2026-09-02, the day of submission"),
    ("vital_sign", {}, "vital_sign", "structure", "unknown key; allowed here: centre, patient, protocol, visit"),
    ("vital_status.cause", "relapse", "vital_status.cause", "invariant", "belongs to a death, and the status is alive"),
    ("vital_status", {"status": "lost"}, "vital_status.date", "required", "say the date last seen alive"),
    ("vital_status", {"date": "2026-09-02"}, "vital_status.status", "required", "missing"),
    ("engraftment.counts.1.neutrophils.unit", "G/L", "engraftment.counts.1.neutrophils.unit", "code-invalid", "10*9/L"),
    ("engraftment.neutrophils.status", "yes", "engraftment.neutrophils.status", "code-invalid", "never-below"),
    ("engraftment.platelet_transfusions.1", "2027", "engraftment.platelet_transfusions.1", "value", "after 2026-09-02"),
    ("response.category", ["CR"], "response.category", "structure", "not a list"),
    ("response.category", "other", "response.text", "required", "needs a text"),
    ("response.text", "  ", "response.text", "value", "is empty"),
    (
        "immune_reconstitution.cd4.comparator",
        "=",
        "immune_reconstitution.cd4.comparator",
        "code-invalid",
        "admitted: <",
    ),
    (
        "immune_reconstitution.cd4",
        {"value": 0, "unit": "/uL", "comparator": "<"},
        "immune_reconstitution.cd4.value",
        "invariant",
        "nothing is below 0",
    ),
    ("response.text", "\u200b \ufeff\u00ad", "response.text", "value", "is empty"),
    ("patient", "P-0001\u200b", "patient", "value", "invisible characters"),
    ("dli", [{"id": "d\u2060", "number": 1, "date": "2026-07-01"}], "dli.1.id", "value", "invisible characters"),
    ("response.mrd.method", None, "response.mrd.method", "structure", "null says nothing"),
    ("chimerism.1.donor_percent", Decimal("100.1"), "chimerism.1.donor_percent", "value", "not from 0 to 100"),
    ("gvhd.acute.1.skin", 5, "gvhd.acute.1.skin", "value", "5 is not from 0 to 4"),
    ("gvhd.acute.1.upper_gi", 2, "gvhd.acute.1.upper_gi", "value", "2 is not from 0 to 1"),
    ("gvhd.acute.1.skin", Decimal("3.0"), "gvhd.acute.1.skin", "structure", "expected a whole number"),
    ("gvhd.acute.1.skin", False, "gvhd.acute.1.skin", "structure", "expected a whole number, not false"),
    ("gvhd.acute.1.grade", 2, "gvhd.acute.1.grade", "structure", "0, I, II, III, IV, other, unknown"),
    ("gvhd.acute.1.resolved", "2026-04-19", "gvhd.acute.1.resolved", "invariant", "before the onset of 2026-04-20"),
    ("gvhd.chronic.1.organs", {"nose": 1}, "gvhd.chronic.1.organs.nose", "structure", "organs are skin, mouth, eyes"),
    ("gvhd.chronic.1.organs", {"skin": 4}, "gvhd.chronic.1.organs.skin", "value", "not from 0 to 3"),
    ("gvhd.chronic.1.organs", {"skin": None}, "gvhd.chronic.1.organs.skin", "structure", "null says nothing"),
    ("gvhd.chronic.1.organs", 3, "gvhd.chronic.1.organs", "structure", "expected an object, not 3"),
    ("gvhd.chronic.1.after_dli", 0, "gvhd.chronic.1.after_dli", "value", "0 is not 1 or more"),
    ("infections.1.resolved", "2026-04-01", "infections.1.resolved", "invariant", "before the start of 2026-04-02"),
    ("infections.1", "cmv", "infections.1", "structure", "an object with the keys id, onset, kind"),
    ("quality_of_life.scores", {"a.b": 1}, "quality_of_life.scores.a.b", "structure", "name a scale by letters"),
    ("quality_of_life.scores", {"a": "1"}, "quality_of_life.scores.a", "structure", "expected a number, not '1'"),
    (
        "immunosuppression.drugs.1.stopped",
        "2026-02",
        "immunosuppression.drugs.1.stopped",
        "invariant",
        "before the start",
    ),
    ("administrations.1.action", "aspirin", "administrations.1.action", "code-invalid", "admitted: thiotepa"),
    ("administrations.1.day", "J-13", "administrations.1.day", "value", "a day of the protocol such as D-13"),
    ("administrations.1.date", "2026-10-01", "administrations.1.date", "value", "after 2026-09-02"),
    ("administrations.1.given.unit", "mL", "administrations.1.given.unit", "code-invalid", "admitted: mg, g, kg, ug"),
    ("administrations.1.given.value", 0, "administrations.1.given", "invariant", "nothing was given"),
    ("dli.1.cd3_per_kg.value", Decimal("0.0"), "dli.1.cd3_per_kg", "invariant", "nothing was given"),
    ("dli.1.number", 0, "dli.1.number", "value", "0 is not 1 or more"),
    ("dli.1.number", 2_147_483_648, "dli.1.number", "value", "the largest whole number of FHIR"),
    ("dli.1.date", "2026-09-03", "dli.1.date", "value", "after 2026-09-02"),
]


@pytest.mark.parametrize(("at", "value", "path", "code", "told"), BAD_ENROLMENTS)
def test_a_bad_enrolment_names_its_field(enrolment, faults, at, value, path, code, told):
    spoil(enrolment, at, value)
    found = faults(enrolment)
    assert list(found) == [path]
    assert found[path].code == code
    assert told in found[path].message


@pytest.mark.parametrize(("at", "value", "path", "code", "told"), BAD_FOLLOW_UPS)
def test_a_bad_follow_up_names_its_field(follow_up, faults, at, value, path, code, told):
    spoil(follow_up, at, value)
    found = faults(follow_up)
    assert list(found) == [path]
    assert found[path].code == code
    assert told in found[path].message


def test_what_a_partial_date_can_mean_is_not_refused(follow_up, faults):
    """Started on 8 March, stopped in March: possible."""
    spoil(follow_up, "immunosuppression.drugs.1.stopped", "2026-03")
    spoil(follow_up, "gvhd.acute.1.resolved", "2026")
    assert faults(follow_up) == {}


def test_all_faults_come_at_once(follow_up, faults):
    spoil(follow_up, "response.category", "good")
    spoil(follow_up, "gvhd.acute.1.grade", "IV")
    spoil(follow_up, "gvhd.acute.1.course.1.date", "2026-04-19")
    spoil(follow_up, "gvhd.acute.1.treatment", ["prayer"])
    spoil(follow_up, "dli.1.date", "2030-01-01")
    spoil(follow_up, "extra", 1)
    assert set(faults(follow_up)) == {
        *("response.category", "gvhd.acute.1.grade", "gvhd.acute.1.treatment.1", "gvhd.acute.1.course.1.date"),
        *("dli.1.date", "extra"),
    }


def test_missing_keys_are_named(faults):
    assert {path: fault.code for path, fault in faults({}).items()} == dict.fromkeys(
        ["centre", "patient", "protocol"], "required"
    )
    assert set(faults({"visit": "m1"})) == {"centre", "patient", "date"}


@pytest.mark.parametrize(
    ("section", "twin"),
    [
        ("infections", {"onset": "2026-04-02", "kind": "viral", "agent": "ebv"}),
        ("chimerism", {"date": "2026-09-01", "sample": "blood", "lineage": "whole-blood", "donor_percent": 98}),
        ("administrations", {"action": "thiotepa", "date": "2026-02-17"}),
        ("dli", {"number": 1, "date": "2026-08-01"}),
        ("dli_withheld", {"number": 2, "date": "2026-08-05", "reason": "donor"}),
    ],
)
def test_two_items_that_nothing_tells_apart_need_ids(follow_up, faults, section, twin):
    follow_up[section].append(twin)
    found = faults(follow_up)
    assert {path: fault.code for path, fault in found.items()} == {f"{section}.2": "duplicate"}
    assert "the same as item 1 of this list" in found[f"{section}.2"].message
    follow_up[section][1]["id"] = "b"
    assert faults(follow_up) == {}


def test_one_id_belongs_to_one_item(follow_up, faults):
    follow_up["dli"] = [{"id": "a", "number": 1, "date": "2026-07-01"}, {"id": "a", "number": 2, "date": "2026-08-01"}]
    assert set(faults(follow_up)) == {"dli.2"}


def test_items_with_ids_of_their_own_are_told_apart(follow_up, faults):
    follow_up["dli"] = [{"id": "a", "number": 1, "date": "2026-07-01"}, {"id": "b", "number": 1, "date": "2026-07-01"}]
    assert faults(follow_up) == {}


def test_a_year_is_before_the_birth_only_when_all_of_it_is(enrolment, faults):
    """Diagnosed in the year of the birth: possible."""
    enrolment["disease"]["diagnosed"] = "1971"
    assert faults(enrolment) == {}


def test_a_month_is_after_the_visit_only_when_all_of_it_is(follow_up, faults):
    follow_up["date"] = "2026-08"
    late = {path for path, fault in faults(follow_up).items() if "after the visit of 2026-08" in fault.message}
    assert "vital_status.date" in late
    assert "response.date" not in late  # 30 August may be before the visit


def test_nothing_else_happens_after_a_death(follow_up, faults):
    follow_up["vital_status"] = {"status": "dead", "date": "2026-08", "cause": "relapse"}
    found = faults(follow_up)
    assert found["relapse.date"].message == "2026-09-01 is after the death of 2026-08"
    assert "date" not in found, "a form can be filled in after the death"
    assert "response.date" not in found, "30 August may be before a death in August"


def test_an_infusion_can_be_withheld_because_of_the_death(faults):
    document = NOBODY | {"visit": "m6", "date": "2026-09-02", "vital_status": {"status": "dead", "date": "2026-08-01"}}
    document["dli_withheld"] = [{"number": 1, "date": "2026-08-05", "reason": "death"}]
    assert faults(document) == {}


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ("vital_status", {"status": "dead", "date": {"not_done": "unknown"}}),
        ("vital_status", {"status": "dead", "cause": "infection"}),
        ("response", {"date": "2026-08-30", "mrd": {"result": "negative"}}),
        ("response", {"category": "CR"}),
        ("relapse", {"date": "2026-09-01"}),
        ("relapse", {"kind": "haematological"}),
        ("immune_reconstitution", {"cd4": {"value": 120, "unit": "/uL"}}),
        ("quality_of_life", {"instrument": "FACT-BMT", "scores": {"total": 101}}),
        ("dli_withheld", [{"number": 2, "date": "2026-08-05"}]),
        ("administrations", [{"action": "thiotepa", "date": "2026-02"}]),
    ],
)
def test_a_value_of_a_section_may_be_left_out_and_a_date_be_a_month(faults, section, told):
    assert faults(NOBODY | {"visit": "m6", "date": "2026-09-02", section: told}) == {}


@pytest.mark.parametrize("told", [{}, {"kind": {"not_done": "unknown"}}])
def test_a_relapse_of_which_nothing_is_known_is_none(faults, told):
    found = faults(NOBODY | {"visit": "m6", "date": "2026-09-02", "relapse": told})
    assert (list(found), found["relapse.date"].code) == (["relapse.date"], "required")


@pytest.mark.parametrize("document", [None, [], "x", 1, [{"visit": "m1"}]])
def test_only_one_object_is_a_document(document, faults):
    assert list(faults(document)) == ["$"]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("QuestionnaireResponse", "FHIR QuestionnaireResponse, no enrolment and no follow-up of the interface; "),
        ("QuestionnaireResponse", "goes to POST /follow-ups as application/fhir+json"),
        ("Bundle", "goes to POST /fhir"),
        ("Observation", "go to /fhir/<type>"),
        (["x"], "FHIR resource,"),
        ("<script>", "FHIR resource,"),
    ],
)
def test_a_fhir_resource_is_sent_to_its_own_door(kind, told):
    for read in (schema.kind_of, lambda found: schema.follow_up(found, date(2026, 9, 2))):
        with pytest.raises(FaultyInput) as refused:
            read({"resourceType": kind, "visit": "m1"})
        (fault,) = refused.value.faults
        assert (fault.path, fault.code) == ("resourceType", "structure")
        assert told in fault.message


def test_the_kind_of_a_document_is_told_by_its_keys(enrolment, follow_up):
    assert schema.kind_of(enrolment) == "enrolment"
    assert schema.kind_of(follow_up) == "follow-up"
    assert schema.kind_of({"visit": "m1"}) == "follow-up"
    assert schema.kind_of({}) == "enrolment"
    del follow_up["visit"]
    assert schema.kind_of(follow_up) == "follow-up", "only the visit is missing"


def test_a_long_word_is_not_repeated_in_full(enrolment, faults):
    enrolment["sex"] = "f" * 500
    enrolment["k" * 500] = 1
    enrolment["measurements"]["karnofsky"] = 10**60
    found = faults(enrolment)
    assert max(len(fault.path) for fault in found.values()) == 80
    assert len(found["sex"].message) < 120
    assert "a very large number" in found["measurements.karnofsky"].message


def test_long_decimals_are_not_repeated_in_full(enrolment, faults):
    enrolment["disease"]["blasts_percent"] = Decimal("1" * 60)
    assert "1" * 41 not in faults(enrolment)["disease.blasts_percent"].message


def test_the_birth_is_never_quoted(enrolment, faults):
    enrolment["disease"]["diagnosed"] = "1960"
    assert "1971" not in faults(enrolment)["disease.diagnosed"].message
