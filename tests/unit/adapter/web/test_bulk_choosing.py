"""A bulk export of less than everything: until a moment, of single patients, of a group, by searches."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

import pytest

from mappings.r4.wire import decode
from tests.lib.forms import ENROLMENT, FOLLOW_UP
from tests.unit.adapter.web.conftest import NOW, OTHERS, OURS
from tests.unit.adapter.web.exporting import AGREES, ASYNC

LATER = "2026-09-03T12:00:00Z"
"""Two hours after everything was stored for the first time."""


def ids(resources):
    return {one["id"] for one in resources}


def patients(*named):
    said = [{"name": "patient", "valueReference": {"reference": f"Patient/{one}"}} for one in named]
    return {"resourceType": "Parameters", "parameter": said}


def posted(*named):
    return {"method": "POST", "document": patients(*named), "content_type": "application/fhir+json"}


def enrol(exporting, number, **changed):
    answer = exporting.ward.ask("POST", "/enrolments", document=AGREES | {"patient": number} | changed)
    assert answer.status_code in (200, 201), answer.text


def patient_ids(exporting, who="centre"):
    return sorted(ids(exporting.output(exporting.whole("/fhir/$export?_type=Patient", who), who)["Patient"]))


class TestUntil:
    def test_what_changed_then_or_later_is_left_out(self, exporting):
        before = exporting.output(exporting.whole())
        exporting.clock.now = NOW + timedelta(days=1)
        visit = FOLLOW_UP | {"visit": "m12", "date": "2026-09-03"}
        assert exporting.ward.ask("POST", "/follow-ups", document=visit).status_code == 202
        found = exporting.output(exporting.whole(f"/fhir/$export?_until={LATER}"))
        now = exporting.output(exporting.whole())
        assert ids(found["Observation"]) <= ids(before["Observation"]) < ids(now["Observation"])
        since = exporting.output(exporting.whole(f"/fhir/$export?_since={LATER}"))
        assert ids(found["Observation"]) | ids(since["Observation"]) == ids(now["Observation"])

    def test_a_registry_is_told_so_too(self, exporting):
        path = "/fhir/$export?_until=2026-09-03T09:00:00Z"
        assert exporting.whole(path, "registry")["output"] == []


class TestPatients:
    def test_only_they_and_what_is_theirs(self, exporting):
        enrol(exporting, "P-0009")
        one, other = patient_ids(exporting)
        found = exporting.output(exporting.whole("/fhir/Patient/$export", **posted(one)))
        assert ids(found["Patient"]) == {one}
        assert other not in str(found)
        assert {"CarePlan", "Observation", "Consent"} <= found.keys()
        both = exporting.output(exporting.whole("/fhir/Group/set-haplo-pdli/$export", **posted(one, other)))
        assert ids(both["Patient"]) == {one, other}

    def test_a_registry_names_them_by_their_pseudonyms(self, exporting):
        one, other = patient_ids(exporting, "registry")
        found = exporting.output(exporting.whole("/fhir/Patient/$export", "registry", **posted(one)), "registry")
        assert ids(found["Patient"]) == {one}
        assert other not in str(found)

    def test_who_is_not_exported_to_the_caller_is_refused_in_the_same_words_whoever_it_is(self, exporting):
        (theirs,) = patient_ids(exporting, "other-centre")
        known = patient_ids(exporting, "registry")
        refuses = {"status": "active", "date": "2026-01-10", "registry": False}
        enrol(exporting, ENROLMENT["patient"], consent=refuses)
        (left,) = patient_ids(exporting, "registry")
        (withdrawn,) = set(known) - {left}
        (own,) = patient_ids(exporting)
        for who, named in (("centre", theirs), ("centre", "no-such-id"), ("registry", withdrawn), ("registry", own)):
            answer = exporting.ward.ask("POST", "/fhir/Patient/$export", who, headers=ASYNC, **without(named))
            assert answer.status_code == 400
            (issue,) = answer.json["issue"]
            assert issue["expression"] == ["patient"]
            assert issue["diagnostics"].replace(named, "X") == "is nobody who is exported to you: Patient/X"
        assert exporting.waiting == []

    @pytest.mark.parametrize(
        ("path", "sent"),
        [
            ("/fhir/$export", posted("1")),
            ("/fhir/Patient/$export?patient=Patient/1", {"method": "GET"}),
            ("/fhir/Patient/$export?patient=Patient/1", posted("1")),
            ("/fhir/Patient/$export", posted("a b")),
            ("/fhir/Patient/$export", posted(*map(str, range(10_001)))),
        ],
        ids=["system", "GET", "URL", "no id", "too many"],
    )
    def test_they_are_asked_for_by_a_body_and_where_there_are_patients(self, exporting, path, sent):
        sent = dict(sent)
        answer = exporting.ward.ask(sent.pop("method"), path, headers=ASYNC, **sent)
        assert answer.status_code == 400
        assert [issue["expression"] for issue in answer.json["issue"]] == [["patient"]]

    @pytest.mark.parametrize(
        ("base", "status"), [("https://engraft.test/fhir/", 202), ("https://elsewhere.test/fhir/", 400)]
    )
    def test_a_reference_to_another_server_names_none_of_ours(self, exporting, base, status):
        sent = posted(*patient_ids(exporting))
        said = sent["document"]["parameter"][0]["valueReference"]
        said["reference"] = f"{base}{said['reference']}"
        answer = exporting.ward.ask(sent.pop("method"), "/fhir/Patient/$export", headers=ASYNC, **sent)
        assert answer.status_code == status

    def test_deletions_are_theirs_alone(self, exporting):
        enrol(exporting, "P-0009")
        found = exporting.output(exporting.whole("/fhir/Patient/$export"))
        one, other = sorted(ids(found["Patient"]))
        later = NOW + timedelta(hours=3)
        gone = {}
        for resource in found["Observation"]:
            gone.setdefault(resource["subject"]["reference"].rpartition("/")[2], resource["id"])
        with exporting.ward.store.transaction() as tx:
            for id_ in gone.values():
                tx.resources.delete("Observation", id_, later)
        exporting.clock.now = later
        manifest = exporting.whole(f"/fhir/Patient/$export?_since={LATER}", **posted(one))
        (bundle,) = exporting.lines(manifest["deleted"][0]["url"])
        assert [entry["request"]["url"] for entry in bundle["entry"]] == [f"Observation/{gone[one]}"]
        assert other in gone


def without(named):
    sent = posted(named)
    del sent["method"]
    return sent


@pytest.mark.parametrize("who", ["centre", "registry"])
def test_a_group_is_who_is_enrolled_in_the_protocol_and_nobody_else(exporting, who):
    enrol(exporting, "P-0009")
    whole = patient_ids(exporting, who)
    with exporting.ward.store.transaction() as tx:
        subject = next(tx.resources.stream(centres=[OURS], kinds=["ResearchSubject"]))
        moved = subject.content | {"study": {"reference": "ResearchStudy/another"}}
        tx.resources.put(moved, centre=OURS, course=subject.course, sources=["test"], at=NOW)
    group = exporting.output(exporting.whole("/fhir/Group/set-haplo-pdli/$export?_type=Patient", who), who)
    assert len(ids(group["Patient"])) == len(whole) - 1
    assert patient_ids(exporting, who) == whole


def filtered(exporting, *filters, who="centre", types="Observation,Patient"):
    query = "&".join(f"_typeFilter={quote(one)}" for one in filters)
    found = exporting.output(exporting.whole(f"/fhir/$export?_type={types}&{query}", who), who)
    return {kind: found.get(kind, []) for kind in types.split(",")}


def code_of(resource):
    return resource["code"]["coding"][0]["code"]


class TestFilters:
    def test_a_type_is_what_one_of_its_searches_finds_and_the_others_are_whole(self, exporting):
        whole = exporting.output(exporting.whole("/fhir/$export?_type=Observation,Patient"))
        codes = sorted({code_of(one) for one in whole["Observation"]})[:2]
        for filters in ([f"Observation?code={one}" for one in codes], [f"Observation?code={','.join(codes)}"]):
            found = filtered(exporting, *filters)
            wanted = [one for one in whole["Observation"] if {c["code"] for c in one["code"]["coding"]} & set(codes)]
            assert ids(found["Observation"]) == ids(wanted) != ids(whole["Observation"])
            assert found["Patient"] == whole["Patient"]
        (joined,) = [",".join(f"Observation?code={one}" for one in codes)]
        assert ids(filtered(exporting, joined)["Observation"]) == ids(wanted)

    def test_a_registry_searches_what_leaves_and_nothing_else(self, exporting):
        by_number = f"Patient?identifier={OURS}/{ENROLMENT['patient']}"
        assert len(filtered(exporting, by_number)["Patient"]) == 1
        assert filtered(exporting, by_number, who="registry")["Patient"] == []
        by_birth = f"Patient?birthdate={ENROLMENT['birth_date']}"
        assert len(filtered(exporting, by_birth)["Patient"]) == 1
        assert filtered(exporting, by_birth, who="registry")["Patient"] == []
        assert (
            len(filtered(exporting, f"Patient?birthdate={ENROLMENT['birth_date'][:4]}", who="registry")["Patient"]) == 2
        )

    def test_days_are_the_moved_ones_to_a_registry(self, exporting):
        whole = exporting.output(exporting.whole(who="registry"), "registry")
        moved = {one["effectiveDateTime"] for one in whole["Observation"] if "effectiveDateTime" in one}
        known = exporting.output(exporting.whole())["Observation"]
        real = {one["effectiveDateTime"] for one in known if "effectiveDateTime" in one}
        day, said = sorted(moved - real)[-1], sorted(real - moved)[-1]
        assert filtered(exporting, f"Observation?date={said}", who="registry")["Observation"] == []
        found = filtered(exporting, f"Observation?date={day}", who="registry")["Observation"]
        assert ids(found) == ids(one for one in whole["Observation"] if one.get("effectiveDateTime") == day) != set()
        assert all(one in whole["Observation"] for one in found)

    def test_it_is_counted_and_shaped_like_the_rest(self, exporting):
        path = "/fhir/$export?_type=Patient&_elements=gender&_typeFilter=" + quote("Patient?gender=female")
        for who in ("centre", "registry"):
            found = exporting.output(exporting.whole(path, who), who)
            assert {one["gender"] for one in found["Patient"]} == {"female"}
            assert all("birthDate" not in one for one in found["Patient"])
        assert list(exporting.folder.rglob("sieve*")) == []

    @pytest.mark.parametrize(
        "said",
        [
            "Banana?code=1",
            "Observation",
            "Observation?",
            "Observation?colour=red",
            "Observation?_count=3",
            "Observation?_include=Observation:subject",
            "Observation?date=yesterday",
            "Condition?code=1",
            ",".join(["Observation?code=1"] * 51),
        ],
    )
    def test_what_does_not_choose_is_refused(self, exporting, said):
        answer = exporting.ward.ask("GET", f"/fhir/$export?_type=Observation&_typeFilter={quote(said)}", headers=ASYNC)
        assert answer.status_code == 400
        assert {*(tuple(issue["expression"]) for issue in answer.json["issue"])} == {("_typeFilter",)}
        assert exporting.waiting == []

    def test_when_something_changed_is_no_search_of_a_registry(self, exporting):
        path = "/fhir/$export?_typeFilter=" + quote("Observation?_lastUpdated=gt2026-01-01")
        assert exporting.ward.ask("GET", path, "registry", headers=ASYNC).status_code == 400
        assert exporting.ward.ask("GET", path, headers=ASYNC).status_code == 202


class TestConsentBetweenTwoExports:
    def test_who_agrees_now_is_new_as_a_whole(self, exporting):
        refuses = {"status": "active", "date": "2026-01-10", "registry": False}
        enrol(exporting, ENROLMENT["patient"], consent=refuses)
        before = exporting.output(exporting.whole(who="registry"), "registry")
        exporting.clock.now = NOW + timedelta(days=1)
        enrol(exporting, ENROLMENT["patient"])
        new = exporting.output(exporting.whole(f"/fhir/$export?_since={LATER}", "registry"), "registry")
        now = exporting.output(exporting.whole(who="registry"), "registry")
        for kind, resources in now.items():
            assert ids(resources) == ids(before.get(kind, [])) | ids(new.get(kind, [])), kind
        assert len(now["Observation"]) > len(before["Observation"])

    def test_a_consent_that_ended_by_its_own_date_is_told_as_deletions(self, exporting):
        with exporting.ward.store.transaction() as tx:
            consent = next(tx.resources.stream(centres=[OTHERS], kinds=["Consent"]))
            ends = {"provision": consent.content["provision"] | {"period": {"end": "2026-09-10"}}}
            tx.resources.put(consent.content | ends, centre=OTHERS, course=consent.course, sources=["test"], at=NOW)
        before = exporting.output(exporting.whole(who="registry"), "registry")
        exporting.clock.now = NOW + timedelta(days=30)
        manifest = exporting.whole(f"/fhir/$export?_since={LATER}", "registry")
        left = exporting.output(exporting.whole(who="registry"), "registry")
        (bundle,) = exporting.lines(manifest["deleted"][0]["url"], "registry")
        told = {entry["request"]["url"] for entry in bundle["entry"]}
        known = {f"{kind}/{one['id']}" for kind, found in before.items() for one in found}
        still = {f"{kind}/{one['id']}" for kind, found in left.items() for one in found}
        assert told == known - still != set()
        again = exporting.whole("/fhir/$export?_since=2026-09-20T00:00:00Z", "registry")
        assert again["deleted"] == []

    def test_what_is_deleted_is_told_under_its_pseudonym(self, exporting):
        found = exporting.output(exporting.whole(who="registry"), "registry")
        with exporting.ward.store.transaction() as tx:
            for one in list(tx.resources.stream(centres=[OURS], kinds=["Observation", "CarePlan"])):
                tx.resources.delete(one.kind, one.id, NOW + timedelta(hours=3))
        exporting.clock.now = NOW + timedelta(hours=4)
        manifest = exporting.whole(f"/fhir/$export?_since={LATER}", "registry")
        left = exporting.output(exporting.whole(who="registry"), "registry")
        bundles = [decode(line) for line in body(exporting, manifest["deleted"][0]["url"])]
        told = {entry["request"]["url"] for bundle in bundles for entry in bundle["entry"]}
        lost = {f"Observation/{one}" for one in ids(found["Observation"]) - ids(left["Observation"])}
        assert lost <= told
        assert not [each for each in told if each.startswith("CarePlan")]


def body(exporting, url):
    answer = exporting.ward.ask("GET", url.removeprefix("https://engraft.test"), "registry")
    lines = answer.data.splitlines()
    answer.close()
    return lines
