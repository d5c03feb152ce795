"""What a registry sees at /fhir/<Type>: de-identified, of who agrees today, searched like everything, without times."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapter.app import create_app
from adapter.config import Settings
from adapter.flows import sieve
from mappings.r4.validate import validate
from mappings.r4.wire import decode
from tests.lib.forms import ENROLMENT, FOLLOW_UP
from tests.unit.adapter.web.conftest import NOW

AGREES = {"consent": {"status": "active", "date": "2026-01-10", "registry": True}}
SECRETS = ("P-0001", "FR-037", ENROLMENT["birth_date"], ENROLMENT["transplant"]["date"], FOLLOW_UP["date"])


@pytest.fixture
def seen(ward, tmp_path):
    """The ward with a pseudonym key, and a patient who agrees."""
    key = tmp_path / "pseudonym.key"
    key.write_text("0f" * 32)
    made = replace(
        ward, app=create_app(Settings(public_url="https://engraft.test", privacy_key=key), ward.store, lambda: NOW)
    )
    assert made.ask("POST", "/enrolments", document=ENROLMENT | AGREES).status_code == 201
    assert made.ask("POST", "/follow-ups", document=FOLLOW_UP).status_code == 202
    return made


def ours(seen, kind):
    return decode(seen.ask("GET", f"/fhir/{kind}").data)["entry"][0]["resource"]


def told(seen, path, who="registry"):
    answer = seen.ask("GET", f"/fhir/{path}", who)
    assert answer.status_code == 200, answer.text
    document = decode(answer.data)
    assert [fault for fault in validate(document) if fault.severity == "error"] == []
    return document


def found(seen, path, who="registry"):
    return [entry["resource"] for entry in told(seen, path, who).get("entry", [])]


def test_a_search_finds_the_same_resources_as_the_bundles(seen):
    (bundle,) = decode(seen.ask("GET", "/registry/bundles", "registry").data)["entry"]
    left = [entry["resource"] for entry in bundle["resource"]["entry"]]
    for kind in ("Patient", "Observation", "Procedure", "Condition"):
        expected = {one["id"]: one for one in left if one["resourceType"] == kind}
        assert {one["id"]: one for one in found(seen, kind)} == expected
        assert expected


def test_a_read_answers_what_the_search_found_and_nothing_says_who_or_when(seen):
    for kind in ("Patient", "Observation", "Procedure"):
        for one in found(seen, kind):
            answer = seen.ask("GET", f"/fhir/{kind}/{one['id']}", "registry")
            assert decode(answer.data) == one
            assert not {"ETag", "Last-Modified"} & set(answer.headers)
            assert not {"versionId", "lastUpdated"} & set(one["meta"])
            assert not [secret for secret in SECRETS if secret in answer.text]
            assert "PSEUDED" in answer.text


def test_only_what_can_be_meant_is_put_where_it_is_looked_for(seen, monkeypatch):
    """A question that names a resource or a patient costs no more than they do; all others are the whole view."""
    another = ENROLMENT | AGREES | {"patient": "P-0002"}
    assert seen.ask("POST", "/enrolments", document=another).status_code == 201
    assert seen.ask("POST", "/follow-ups", document=FOLLOW_UP | {"patient": "P-0002"}).status_code == 202
    first, second = found(seen, "Patient")
    observations = found(seen, "Observation?_count=500")
    of_first = [one for one in observations if one["subject"]["reference"] == f"Patient/{first['id']}"]
    assert 0 < len(of_first) < len(observations)
    put, filled = [], sieve.filled
    monkeypatch.setattr(sieve, "filled", lambda those: filled(put.append(one) or one for one in those))
    for asked, expected, looked_at in (
        (f"Observation?patient={first['id']}&_count=500", of_first, len(of_first)),
        (f"Observation?subject=Patient/{first['id']}&_count=500", of_first, len(of_first)),
        (f"Observation?_id={of_first[0]['id']}", of_first[:1], 1),
        (f"Patient?_id={first['id']},{second['id']}", [first, second], 2),
        (f"Observation?patient={first['id']}&subject={second['id']}", [], 0),
        (f"Observation?patient:missing=true&patient={first['id']}", [], len(of_first)),
        ("Observation?patient=https://elsewhere.example/fhir/Patient/x", [], len(observations)),
    ):
        put.clear()
        assert found(seen, asked) == expected, asked
        assert len(put) == looked_at, asked
    put.clear()
    assert seen.ask("GET", f"/fhir/Patient/{first['id']}", "registry").status_code == 200
    assert [one["id"] for one in put] == [first["id"]]
    put.clear()
    assert len(found(seen, f"Observation?patient={first['id']}&_include=Observation:patient")) == len(of_first) + 1
    assert len(put) > len(of_first) + 1


def test_it_has_one_version_of_which_no_time_is_told(seen):
    (patient,) = found(seen, "Patient")
    assert told(seen, f"Patient/{patient['id']}/_history/1") == patient
    history = told(seen, f"Patient/{patient['id']}/_history")
    (entry,) = history["entry"]
    assert (entry["resource"], entry["response"]) == (patient, {"status": "201"})
    assert seen.ask("GET", f"/fhir/Patient/{patient['id']}/_history/2", "registry").status_code == 404


@pytest.mark.parametrize(
    "query", [f"birthdate={ENROLMENT['birth_date']}", "identifier=FR-037/P-0001", "_id={id}", "_tag=x"]
)
def test_a_search_by_what_stays_at_home_finds_nobody(seen, query):
    assert found(seen, "Patient?" + query.format(id=ours(seen, "Patient")["id"])) == []


def test_searches_go_by_what_leaves(seen):
    (patient,) = found(seen, "Patient")
    assert found(seen, f"Patient?birthdate={patient['birthDate']}") == [patient]
    observations = found(seen, "Observation")
    assert found(seen, f"Observation?patient={patient['id']}") == observations
    page = told(seen, "Observation?_count=1")
    assert page["total"] == len(observations)
    following = next(link["url"] for link in page["link"] if link["relation"] == "next")
    second = found(seen, following.removeprefix("https://engraft.test/fhir/"))
    assert second == observations[1:2]
    included = found(seen, "Observation?_count=1&_include=Observation:patient")
    assert included == [observations[0], patient]
    posted = seen.ask("POST", "/fhir/Patient/_search", "registry", data={"_id": patient["id"]})
    assert decode(posted.data)["total"] == 1


@pytest.mark.parametrize("kind", ["Patient", "Procedure"])
def test_our_own_ids_are_as_missing_as_none(seen, kind):
    id_ = ours(seen, kind)["id"]
    for path in (f"{kind}/{id_}", f"{kind}/{id_}/_history", f"{kind}/{id_}/_history/1"):
        there = seen.ask("GET", f"/fhir/{path}", "registry")
        nowhere = seen.ask("GET", f"/fhir/{path.replace(id_, 'nobody')}", "registry")
        assert there.status_code == nowhere.status_code == 404
        assert there.data == nowhere.data


@pytest.mark.parametrize("path", ["Patient?_lastUpdated=ge2026", "Patient/x/_history?_since=2026-01-01T00:00:00Z"])
def test_when_something_changed_is_not_to_be_asked(seen, path):
    answer = seen.ask("GET", f"/fhir/{path}", "registry")
    assert answer.status_code == 400
    assert "does not leave" in answer.text
    assert seen.ask("GET", f"/fhir/{path}").status_code in (200, 404)


def test_who_no_longer_agrees_is_not_there(seen):
    (patient,) = found(seen, "Patient")
    withdrawn = {"consent": {"status": "inactive", "date": "2026-03-03"}}
    seen.ask("POST", "/enrolments", document=ENROLMENT | withdrawn)
    assert found(seen, "Patient") == found(seen, "Observation") == []
    assert seen.ask("GET", f"/fhir/Patient/{patient['id']}", "registry").status_code == 404


def test_what_never_leaves_is_not_found(seen):
    assert found(seen, "Consent") == found(seen, "CarePlan") == []


def test_two_registries_do_not_see_one_pseudonym(seen):
    with seen.store.transaction() as tx:
        token = tx.clients.add("another", "registry", None, NOW)
    headers = {"Authorization": f"Bearer {token}"}
    (other,) = decode(seen.ask("GET", "/fhir/Patient", None, headers=headers).data)["entry"]
    assert other["resource"]["id"] != found(seen, "Patient")[0]["id"]


def test_every_look_is_in_the_log(seen):
    found(seen, "Observation")
    with seen.store.reading() as tx:
        assert "/fhir/Observation" in [one.target for one in tx.audit.listing()]


def test_without_a_key_nothing_is_shown(ward):
    answer = ward.ask("GET", "/fhir/Patient", "registry")
    assert answer.status_code == 503
    assert "pseudonym key" in answer.text
