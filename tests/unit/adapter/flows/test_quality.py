"""Completeness, overdue visits and contradictions of what is stored, each with the visit to mend."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapter.config import Centre
from adapter.errors import Refused
from adapter.flows.origins import numbers_in
from adapter.flows.quality import OVERDUE, of_directory, of_store
from mappings.r4.wire import encode
from tests.lib.centre import ENROLMENT, M1, M3, OURS, SETTINGS, document
from tests.unit.mappings.registry.patients import course_of, died, plain_patient, plain_transplant, seen
from tests.unit.mappings.registry.patients import enrolled as told

LATER = datetime(2026, 11, 20, 12, tzinfo=UTC)


def found_in(ward, settings=SETTINGS, now=LATER, centres=None):
    return of_store(ward.store, settings, now, centres=centres)


def overdue(quality):
    return {one.text: one for one in quality.findings if one.rule == OVERDUE}


def test_visits_are_overdue_by_calendar_months(enrolled):
    enrolled.visit(M1)
    found = found_in(enrolled)
    texts = list(overdue(found))
    assert any("due on 2026-06-02, not told by 2026-06-02" in text for text in texts)  # 3 months after 2026-03-02
    assert any("due on 2026-09-02" in text for text in texts)
    assert not any("2026-04-02" in text or "2027" in text for text in texts)
    assert not found.wrong
    assert found.visits[OURS]["overdue"] == len(texts)
    (one,) = [one for text, one in overdue(found).items() if "2026-06-02" in text]
    patient = enrolled.stored("Patient")[0].id
    assert (one.centre, one.patient) == (OURS, "SYN-0001")
    assert [(place.document, place.form) for place in one.mend] == [
        ("FR-037/SYN-0001/m3", f"/patients/{patient}/visits/m3")
    ]


def test_only_an_overlay_gives_a_window(enrolled, tmp_path):
    overlay = tmp_path / "fr-037.yaml"
    overlay.write_text("centre: FR-037\nprotocol: set-haplo-pdli\nvisits:\n  visit-m3: {from: 80, to: 300}\n")
    settings = replace(SETTINGS, centres={OURS: Centre(OURS, "CHU A", "chu-a", (overlay,))})
    texts = list(overdue(found_in(enrolled, settings)))
    assert any("2026-04-02" in text for text in texts)
    assert not any("2026-06-02" in text for text in texts)


def test_a_contradiction_leads_to_the_visits_that_tell_it(enrolled):
    enrolled.visit(M3, visit="m6", date="2026-09-02", vital_status={"status": "dead", "date": "2026-08-15"}, gvhd=None)
    enrolled.visit(
        M3, visit="unscheduled", date="2026-09-20", vital_status={"status": "alive", "date": "2026-09-20"}, gvhd=None
    )
    found = found_in(enrolled)
    assert found.wrong
    (one,) = [one for one in found.findings if one.rule == "alive-after-death"]
    patient = enrolled.stored("Patient")[0].id
    assert {(place.document, place.form) for place in one.mend} == {
        ("FR-037/SYN-0001/m6", f"/patients/{patient}/visits/m6"),
        ("FR-037/SYN-0001/unscheduled/2026-09-20", f"/patients/{patient}/visits/unscheduled-2026-09-20"),
    }
    assert all(source.partition("/")[0] in ("Observation", "Patient") for source in one.sources)


@pytest.mark.parametrize(
    ("ended", "rule", "end"),
    [({}, "acute-gvhd-falling", ", and its end is not told."), ({"resolved": "2026-05-15"}, "acute-gvhd-worst", ".")],
)
def test_a_grade_that_a_later_visit_tells_lower_leads_to_both(enrolled, ended, rule, end):
    """The resources hold the worse one alone: the visits show that a worst grade was told to fall."""
    episode = {"onset": "2026-04-20"}
    enrolled.visit(M1, date="2026-05-02", gvhd={"assessed": "2026-05-02", "acute": [episode | {"grade": "III"}]})
    enrolled.visit(M3, gvhd={"assessed": "2026-06-02", "acute": [episode | {"grade": "I"} | ended]})
    found = found_in(enrolled)
    (one,) = [one for one in found.findings if one.rule == rule]
    assert found.wrong
    assert (
        one.text == f"Acute GVHD from 2026-04-20 is III at its worst as one visit tells it, I as a later one does{end}"
    )
    assert [place.document for place in one.mend] == ["FR-037/SYN-0001/m1", "FR-037/SYN-0001/m3"]
    assert all(place.form for place in one.mend)


def test_completeness_counts_the_visits_that_were_told(enrolled):
    enrolled.visit(M1)
    enrolled.visit(M3, quality_of_life={"not_done": "not-performed"})
    items = {one.item: one for one in found_in(enrolled).completeness}
    counted = {item: (one.told, one.said_missing, one.left_out) for item, one in items.items()}
    assert Counter(counted.values())[(1, 0, 1)] >= 2  # GVHD at m3, engraftment at m1
    assert Counter(counted.values())[(0, 1, 1)] == 1
    assert {one.of for one in items.values()} == {2}
    assert {one.centre for one in items.values()} == {OURS}


def test_a_centre_sees_its_own(enrolled):
    assert found_in(enrolled, centres=["BE-001"]).document() == {
        "patients": 0,
        "findings": [],
        "completeness": [],
        "visits": {},
    }
    assert found_in(enrolled, centres=[OURS]).patients == 1


def test_what_only_the_hospital_told_has_no_form(enrolled):
    assert document(ENROLMENT)["transplant"]["date"] == "2026-03-02"
    (patient,) = enrolled.stored("Patient")
    late = {
        "resourceType": "Observation",
        "id": "hospital-1",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "26515-7"}]},
        "subject": {"reference": patient.reference},
        "effectiveDateTime": "2026-10-01",
    }
    enrolled.visit(M1, vital_status={"status": "dead", "date": "2026-04-01"})
    with enrolled.store.transaction() as tx:
        tx.resources.put(late, centre=OURS, course=patient.course, sources=["hospital"], at=LATER)
    (one,) = [one for one in found_in(enrolled).findings if "Observation/hospital-1" in one.sources]
    assert one.rule == "fact-after-death"
    assert [place.document for place in one.mend] == ["FR-037/SYN-0001/m1"]


def test_a_folder_of_resources_is_judged_too(tmp_path):
    late = seen("m12", "2027-03-01")
    records = course_of(told(), died("2026-08-15"), late)
    (tmp_path / "all.ndjson").write_bytes(b"".join(encode(one) + b"\n" for one in records))
    found = of_directory(tmp_path, SETTINGS)
    assert found.wrong
    assert found.patients == 1
    assert {one.rule for one in found.findings} == {"alive-after-death"}
    items = {one.item: (one.of, one.told, one.left_out) for one in found.completeness}
    assert items["transplant"] == (1, 1, 0)
    assert items["chimerism"] == (1, 0, 1)
    assert {(one.centre, one.patient) for one in found.findings} == {(OURS, "P-0001")}
    assert {one.centre for one in found.completeness} == {OURS}
    assert (found.visits, len(found.not_known)) == ({}, 2)
    assert "no Provenance" in found.not_known[1]


def written(ward, path, kinds=None):
    with ward.store.reading() as tx:
        found = tx.resources.stream(centres=None, kinds=kinds)
        lines = [encode(one.content) + b"\n" for one in found]
    (path / "all.ndjson").write_bytes(b"".join(lines))
    return path


def test_an_exported_folder_tells_visits_and_which_to_mend(enrolled, tmp_path):
    enrolled.visit(M1, vital_status={"status": "dead", "date": "2026-04-01"})
    enrolled.visit(M3, vital_status={"status": "alive", "date": "2026-06-02"})
    wrong = enrolled.visit(M3, visit="m6", date="2026-09-02", gvhd={"assessed": "2026-09-02", "acute": []})
    enrolled.retract(wrong.id)
    found = of_directory(written(enrolled, tmp_path), SETTINGS)
    assert found.visits == {OURS: {"done": 2}}
    assert found.not_known == (
        "which visits are due or overdue, what each left out, and which grades a later one lowers: ask the database",
    )
    (one,) = [each for each in found.findings if each.rule == "alive-after-death"]
    assert {(place.document, place.form) for place in one.mend} == {
        ("FR-037/SYN-0001/m1", None),
        ("FR-037/SYN-0001/m3", None),
    }
    assert found.document()["not_known"] == list(found.not_known)


def test_patients_without_a_number_of_ours_have_no_centre(tmp_path):
    records = [plain_patient("p"), plain_transplant("p", "2026-03-02")]
    (tmp_path / "all.ndjson").write_bytes(b"".join(encode(one) + b"\n" for one in records))
    found = of_directory(tmp_path, SETTINGS)
    assert {one.centre for one in found.completeness} == {None}
    assert "the centre of 1 patients" in found.not_known[2]


def test_a_line_of_another_type_that_names_a_patient_is_passed_over(tmp_path):
    (tmp_path / "x.ndjson").write_text(
        '{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient", "id": "p"}}]}\n'
        '{"id": "x", "contained": [{"resourceType": "Patient"}], "resourceType": "Basic"}\n'
        '{"resourceType": "Patient", broken\n'
    )
    assert numbers_in(tmp_path, SETTINGS.canonicals) == {}


def test_a_folder_with_nothing_in_it_is_refused(tmp_path):
    with pytest.raises(Refused):
        of_directory(tmp_path, SETTINGS)
