"""Who reads patients' data is written down before it is answered, once an hour, and without a number or a name."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapter.errors import StoreUnavailable
from adapter.web import access_log
from mappings.r4.wire import decode
from tests.lib.pushing import bundle, entry
from tests.unit.adapter.web.applying import ADA, parameters, weight
from tests.unit.adapter.web.browsing import signed_in
from tests.unit.adapter.web.conftest import NOW, OURS


def reads(ward):
    with ward.store.reading() as tx:
        return [(one.who, one.target, one.centre) for one in reversed(tx.audit.listing(action="read"))]


def patient_of(ward):
    (entry,) = decode(ward.ask("GET", "/fhir/Patient", "ehr").data)["entry"]
    return f"/fhir/Patient/{entry['resource']['id']}"


def test_a_read_is_one_entry_for_each_caller_address_and_hour(ward, course):
    place = patient_of(ward)
    for role in ("ehr", "ehr", "centre"):
        assert ward.ask("GET", place, role).status_code == 200
    found = reads(ward)
    assert [one for one in found if one[1] == place] == [("ehr", place, OURS), ("centre", place, OURS)]


def test_what_was_searched_for_is_not_kept(ward, course):
    ward.ask("GET", "/fhir/Patient?identifier=P-0001", "ehr")
    assert ("ehr", "/fhir/Patient", OURS) in reads(ward)
    assert "P-0001" not in str(reads(ward))


def test_people_are_named_by_their_account(ward, course):
    signed_in(ward).open("/quality")
    (found,) = [one for one in reads(ward) if one[1] == "/quality"]
    assert found[0].endswith("ada")
    assert found[2] == OURS


@pytest.mark.parametrize("place", ["/fhir/metadata", "/fhir/PlanDefinition", "/fhir/PlanDefinition/x", "/health/live"])
def test_what_is_about_nobody_is_not_written_down(ward, place):
    ward.ask("GET", place, "ehr")
    assert reads(ward) == []


def test_writing_is_no_read_and_a_refused_caller_reads_nothing(ward, course):
    before = reads(ward)
    ward.ask("GET", "/fhir/Patient", "hospital")
    ward.ask("POST", "/enrolments", document={})
    ward.ask("GET", "/admin/queue", "admin")
    assert reads(ward) == before


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_what_the_entries_of_a_bundle_read_is_written_down_entry_by_entry(ward, course, kind):
    place = patient_of(ward)
    looks = bundle(kind, *(entry("GET", url) for url in (place[6:], "Observation?code=1", "PlanDefinition/x"[:14])))
    before = reads(ward)
    for _ in range(2):
        assert ward.ask("POST", "/fhir", document=looks, content_type="application/fhir+json").status_code == 200
    assert reads(ward)[len(before) :] == [("centre", place, OURS), ("centre", "/fhir/Observation", OURS)]


def test_an_operation_and_a_trial_of_a_deed_are_read_by_post_too(ward, course):
    for place in ("/fhir/Measure/os/$evaluate-measure", f"/regimens/{course}/redose/diff"):
        ward.ask("POST", place, document={})
        assert ("centre", place, OURS) in reads(ward)


def test_a_plan_of_who_is_enrolled_reads_their_record_and_of_a_stranger_none(ward, course):
    place = patient_of(ward)
    before = reads(ward)
    apply = "/fhir/PlanDefinition/set-haplo-pdli/$apply"
    assert ward.ask("POST", apply, document=parameters(data=[ADA, weight("ada", "70")])).status_code == 200
    assert reads(ward) == before
    known = {"resourceType": "Parameters", "parameter": [{"name": "subject", "valueString": place[6:]}]}
    assert ward.ask("POST", apply, document=known).status_code == 200
    assert reads(ward) == [*before, ("centre", place, OURS)]


def test_a_read_of_what_is_not_there_is_written_down_too(ward):
    assert ward.ask("GET", "/fhir/Patient/of-somebody-else", "ehr").status_code == 404
    assert ("ehr", "/fhir/Patient/of-somebody-else", OURS) in reads(ward)


def test_an_address_is_cut(ward):
    ward.ask("GET", f"/fhir/Patient/{'x' * 1000}", "ehr")
    assert max(len(target) for _, target, _ in reads(ward)) <= 200


def test_what_cannot_be_written_down_is_not_answered(ward, course, monkeypatch):
    def away(self):
        raise StoreUnavailable("the database is locked")

    monkeypatch.setattr(type(ward.store), "transaction", away)
    assert ward.ask("GET", "/fhir/Observation", "ehr").status_code == 503


def test_the_next_hour_is_another_entry_and_memory_has_an_end(monkeypatch):
    hour = access_log._Hour()
    assert not hour.has(NOW, "a", "x")
    hour.note("a", "x")
    assert hour.has(NOW, "a", "x")
    assert not hour.has(NOW, "b", "x")
    assert not hour.has(NOW + timedelta(hours=1), "a", "x")
    monkeypatch.setattr(access_log, "MOST", 1)
    hour.note("a", "x")
    assert not hour.has(NOW + timedelta(hours=1), "a", "x")
