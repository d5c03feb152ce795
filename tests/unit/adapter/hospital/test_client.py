"""The client against recorded answers: what is sent, and what each answer makes the caller do."""

from __future__ import annotations

import json
from contextlib import closing, contextmanager
from decimal import Decimal

import pytest
import requests
import responses
from responses import matchers

from adapter.errors import HospitalRefused, HospitalUnavailable
from adapter.hospital import client as client_module
from adapter.hospital import r4_gate
from adapter.hospital.answer import HospitalBroke, HospitalSilent, Outdated, TooLarge
from adapter.hospital.changes import Change, Kept
from adapter.hospital.client import CONTENTION_TRIES, HospitalClient
from tests.lib.scripted import scripted

BASE = "https://hospital.example/fhir"
PATIENT = {"resourceType": "Patient", "id": "synthetic-1"}
OBSERVATION = {
    "resourceType": "Observation",
    "id": "synthetic-2",
    "status": "final",
    "code": {"text": "Synthetic neutrophil count"},
    "subject": {"reference": "Patient/synthetic-1"},
    "valueQuantity": {"value": Decimal("0.50"), "unit": "10*9/L"},
}
DONE = {"resourceType": "Bundle", "type": "transaction-response", "entry": [{"response": {"status": "201 Created"}}]}
OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "processing", "diagnostics": "HAPI-1821: no such status"}],
}


@pytest.fixture
def web():
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def hospital(pauses):
    client = HospitalClient("chu-a", f"{BASE}/", None, pause=pauses.append, jitter=lambda: 0.5)
    yield client
    client.close()


def searchset(*resources, following=None, mode="match"):
    link = [{"relation": "next", "url": following}] if following else []
    entries = [{"resource": resource, "search": {"mode": mode}} for resource in resources]
    return {"resourceType": "Bundle", "type": "searchset", "link": link, "entry": entries}


def test_a_change_set_goes_out_as_one_transaction_of_puts_that_r4_reads(web, hospital):
    two = DONE | {"entry": DONE["entry"] * 2}
    web.post(BASE, json=two)
    assert hospital.transact([PATIENT, OBSERVATION])["type"] == "transaction-response"
    sent = web.calls[0].request
    assert sent.headers["Content-Type"] == sent.headers["Accept"] == "application/fhir+json"
    assert b'"value":0.50' in sent.body
    bundle = r4_gate.read(json.loads(sent.body, parse_float=Decimal))
    assert [entry.request.method for entry in bundle.entry] == ["PUT", "PUT"]
    assert [entry.request.url for entry in bundle.entry] == ["Patient/synthetic-1", "Observation/synthetic-2"]


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 507])
def test_a_server_in_trouble_is_asked_again_later(web, hospital, status):
    web.post(BASE, status=status, json=OUTCOME)
    with pytest.raises(HospitalUnavailable, match=f"chu-a: {status} HAPI-1821"):
        hospital.transact([PATIENT])


@pytest.mark.parametrize("status", [401, 403, 301, 302, 307, 308])
def test_wrong_credentials_or_address_do_not_condemn_the_content(web, hospital, status):
    web.post(BASE, status=status, headers={"Location": "https://elsewhere.example/fhir"})
    with pytest.raises(HospitalUnavailable):
        hospital.transact([PATIENT])
    assert len(web.calls) == 1, "a redirect would carry content and credentials elsewhere"


@pytest.mark.parametrize("status", [400, 404, 405, 410, 413, 415, 422, 501])
def test_a_refusal_for_good_brings_the_servers_own_outcome(web, hospital, status):
    web.post(BASE, status=status, json=OUTCOME)
    with pytest.raises(HospitalRefused) as refused:
        hospital.transact([PATIENT])
    assert (refused.value.status, refused.value.outcome) == (status, OUTCOME)
    assert refused.value.text == "HAPI-1821: no such status"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("<html>nginx</html>", "Bad Request"),
        ('{"resourceType": "Patient"}', "Bad Request"),
        ("[]", "Bad Request"),
        ('{"resourceType": "OperationOutcome"}', "Bad Request"),
        ('{"resourceType": "OperationOutcome", "issue": [{"details": {"text": "no"}}]}', "no"),
        ('{"resourceType": "OperationOutcome", "issue": [{"details": "odd"}, {"diagnostics": "yes"}]}', "yes"),
    ],
)
def test_a_refusal_without_a_good_outcome_still_says_something(web, hospital, body, says):
    web.post(BASE, status=400, body=body)
    with pytest.raises(HospitalRefused) as refused:
        hospital.transact([PATIENT])
    assert refused.value.text == says


def test_retry_after_reaches_the_caller_and_tells_that_everybody_waits(web, hospital):
    web.post(BASE, status=500, headers={"Retry-After": "7"})
    with pytest.raises(HospitalSilent) as silent:
        hospital.transact([PATIENT])
    assert silent.value.retry_after == 7


def test_one_request_that_the_server_chokes_on_does_not_hold_up_the_others(web, hospital):
    web.post(BASE, status=500)
    with pytest.raises(HospitalUnavailable) as choked:
        hospital.transact([PATIENT])
    assert not isinstance(choked.value, HospitalSilent)


def test_no_answer_at_all_is_a_silent_hospital(web, hospital):
    web.post(BASE, body=requests.exceptions.ConnectTimeout("after 5 s"))
    with pytest.raises(HospitalSilent, match=r"no answer \(ConnectTimeout\)"):
        hospital.transact([PATIENT])


def test_racing_writers_are_waited_out_with_jitter(web, hospital, pauses):
    for _ in range(3):
        web.post(BASE, status=409, json=OUTCOME)
    web.post(BASE, json=DONE)
    hospital.transact([PATIENT])
    assert pauses == [0.02, 0.04, 0.08]


def test_a_server_that_is_crowded_is_told_of_and_asked_again_in_another_turn(pauses):
    told = []

    @contextmanager
    def turn():
        told.append("begun")
        yield lambda: told.append("crowded")
        told.append("over")

    crowded = (503, {}, OUTCOME | {"issue": [{"code": "transient"}]})
    with (
        scripted(crowded, (200, {}, DONE)) as url,
        closing(HospitalClient("chu-a", url, None, pause=pauses.append, jitter=lambda: 0.5)) as hospital,
    ):
        assert hospital.apply([Change(PATIENT, "synthetic-1")], {}, turn) == [Kept(None, None)]
    assert told == ["begun", "over", "crowded", "begun", "over"]
    assert pauses == [0.02]


def test_the_environments_proxy_is_read_once_and_used(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/synthetic-ca.pem")
    with closing(HospitalClient("chu-a", "http://chu-a.example/fhir", None)) as client:
        assert client._session.proxies["http"] == "http://proxy.example:3128"
        assert client._session.verify == "/etc/synthetic-ca.pem"
        assert not client._session.trust_env


def test_a_server_that_asks_for_a_pause_gets_it_even_if_it_is_transient(web, hospital):
    web.post(BASE, status=503, headers={"Retry-After": "5"}, json=OUTCOME | {"issue": [{"code": "transient"}]})
    with pytest.raises(HospitalSilent):
        hospital.apply([Change(PATIENT, "synthetic-1")], {})
    assert len(web.calls) == 1


def test_a_transaction_that_lost_against_others_is_put_off_alone_for_as_long_as_the_server_asks():
    """Helios 0.2.7, word for word: the server lives, and takes what comes alone."""
    told = []

    @contextmanager
    def turn():
        yield lambda: told.append("crowded")

    text = (
        "The server aborted the transaction for a transient reason after 1 attempt, so no entries were applied. "
        "Retry the request."
    )
    issue = {"severity": "error", "code": "transient", "details": {"text": text}}
    with (
        scripted((503, {"Retry-After": "5"}, OUTCOME | {"issue": [issue]})) as url,
        closing(HospitalClient("chu-a", url, None)) as hospital,
        pytest.raises(HospitalUnavailable) as put_off,
    ):
        hospital.apply([Change(PATIENT, "synthetic-1")], {}, turn)
    assert (type(put_off.value), put_off.value.retry_after) == (HospitalUnavailable, 5)
    assert told == ["crowded"]


@pytest.mark.parametrize("status", [409, 412])
def test_an_old_version_is_told_whichever_way_the_server_says_it(web, hospital, status):
    web.post(BASE, status=status, json=OUTCOME)
    with pytest.raises(Outdated):
        hospital.apply([Change(PATIENT, "synthetic-1", "1")], {})
    assert b'"ifMatch":"W/\\"1\\""' in web.calls[0].request.body


@pytest.mark.parametrize(("status", "error"), [(413, TooLarge), (500, HospitalBroke)])
def test_what_is_too_large_and_what_breaks_a_server_are_told_apart(web, hospital, status, error):
    web.post(BASE, status=status, json=OUTCOME)
    with pytest.raises(error) as told:
        hospital.apply([Change(PATIENT, "synthetic-1")], {})
    assert (told.value.status, told.value.outcome) == (status, OUTCOME)


def test_contention_that_lasts_goes_back_to_the_queue(web, hospital, pauses):
    web.post(BASE, status=409, json=OUTCOME)
    with pytest.raises(HospitalUnavailable, match="other writers"):
        hospital.transact([PATIENT])
    assert len(web.calls) == CONTENTION_TRIES
    assert len(pauses) == CONTENTION_TRIES - 1


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>captive portal</html>",
        "[]",
        json.dumps({"resourceType": "Bundle", "type": "batch-response", "entry": DONE["entry"]}),
        json.dumps(DONE | {"entry": []}),
        json.dumps(DONE | {"entry": "all"}),
        json.dumps(DONE | {"entry": [{"response": {"status": "503"}}]}),
        json.dumps(DONE | {"entry": [{"response": {"status": "409 Conflict"}}]}),
        json.dumps(DONE | {"entry": [{"response": "ok"}]}),
        json.dumps(DONE | {"entry": [{}]}),
    ],
)
def test_a_success_that_is_not_one_does_not_count_as_delivered(web, hospital, body):
    web.post(BASE, body=body)
    with pytest.raises(HospitalUnavailable):
        hospital.transact([PATIENT])


def test_an_entry_refused_inside_a_success_is_a_refusal(web, hospital):
    web.post(BASE, json=DONE | {"entry": [{"response": {"status": "422 No", "outcome": OUTCOME}}]})
    with pytest.raises(HospitalRefused) as refused:
        hospital.transact([PATIENT])
    assert (refused.value.status, refused.value.outcome) == (422, OUTCOME)


def test_reads_past_caches_and_keeps_every_digit(web, hospital):
    web.get(f"{BASE}/Observation/synthetic-2", body=b'{"resourceType":"Observation","id":"synthetic-2","x":2.50}')
    found = hospital.read("Observation", "synthetic-2")
    assert str(found["x"]) == "2.50"
    assert web.calls[0].request.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("status", [404, 410])
def test_what_never_was_or_was_deleted_reads_as_none(web, hospital, status):
    web.get(f"{BASE}/Patient/gone", status=status, json=OUTCOME)
    assert hospital.read("Patient", "gone") is None


def test_what_the_history_of_a_type_says_to_be_deleted(web, hospital):
    """The addresses are HAPI 8.8's, R4's example and a whole one."""
    written = {"request": {"method": "PUT", "url": "Observation/o0/_history/1"}, "resource": PATIENT}
    urls = ("Observation/o1/_history/5", "Observation/o2", f"{BASE}/Observation/o3")
    page = [written, *({"request": {"method": "DELETE", "url": url}} for url in urls), {}]
    asked = {"_since": "2026-11-24T06:00:00.000Z", "_count": "200"}
    web.get(
        f"{BASE}/Observation/_history",
        json={"resourceType": "Bundle", "type": "history", "entry": page},
        match=[responses.matchers.query_param_matcher(asked)],
    )
    assert hospital.deleted("Observation", asked["_since"]) == {"o1", "o2", "o3"}


def test_the_history_begins_with_the_oldest_version(web, hospital):
    new, old = ({"resource": PATIENT | {"meta": {"versionId": version}}} for version in "31")
    entries = [new, {"request": {"method": "DELETE"}}, old]
    web.get(
        f"{BASE}/Patient/synthetic-1/_history", json={"resourceType": "Bundle", "type": "history", "entry": entries}
    )
    found = hospital.history("Patient", "synthetic-1")
    assert [one["meta"]["versionId"] for one in found] == ["1", "3"]


def test_another_resource_than_asked_for_is_not_taken(web, hospital):
    web.get(f"{BASE}/Patient/synthetic-1", json=PATIENT | {"id": "synthetic-9"})
    with pytest.raises(HospitalUnavailable):
        hospital.read("Patient", "synthetic-1")


@pytest.mark.parametrize(("kind", "id_"), [("Patient", "../Observation/1"), ("patient", "1"), ("Patient", "")])
def test_only_types_and_ids_make_an_address(hospital, kind, id_):
    with pytest.raises(ValueError, match="not a resource type"):
        hospital.read(kind, id_)


def test_a_search_keeps_the_patients_number_out_of_the_address(web, hospital):
    params = [("identifier", "urn:oid:1.2|42"), ("_count", "50")]
    form = matchers.urlencoded_params_matcher({"identifier": "urn:oid:1.2|42", "_count": "50"})
    web.post(f"{BASE}/Patient/_search", json=searchset(PATIENT), match=[form])
    assert hospital.search("Patient", params) == [PATIENT]
    assert web.calls[0].request.headers["Cache-Control"] == "no-cache"
    assert web.calls[0].request.headers["Prefer"] == "handling=strict"


def test_a_server_with_get_search_only_is_asked_that_way(web, hospital):
    web.post(f"{BASE}/Patient/_search", status=405)
    web.get(f"{BASE}/Patient?identifier=1", json=searchset(PATIENT))
    assert hospital.search("Patient", [("identifier", "1")]) == [PATIENT]


def test_every_page_is_read_and_only_matches_of_the_type_count(web, hospital):
    second, last = {"resourceType": "Patient", "id": "synthetic-3"}, searchset({"resourceType": "Organization"})
    last |= {"entry": [*last["entry"], *searchset(PATIENT, mode="include")["entry"]], "link": [{"relation": "self"}]}
    web.post(f"{BASE}/Patient/_search", json=searchset(PATIENT, following=f"{BASE}?_getpages=1"))
    web.get(f"{BASE}?_getpages=1", json=searchset(second, following="?_getpages=2"))
    web.get(f"{BASE}/?_getpages=2", json=last)
    assert hospital.search("Patient", []) == [PATIENT, second]


@pytest.mark.parametrize(
    "following",
    [
        *(
            "https://elsewhere.example/fhir?p=2",
            "http://hospital.example/fhir?p=2",
            "https://hospital.example:8443/fhir",
        ),
        *("http://[", "https://hospital.example:99999999/fhir"),
    ],
)
def test_a_next_page_on_another_server_never_sees_our_credentials(web, hospital, following):
    web.post(f"{BASE}/Patient/_search", json=searchset(PATIENT, following=following))
    with pytest.raises(HospitalUnavailable, match="next page"):
        hospital.search("Patient", [])
    assert len(web.calls) == 1


def test_pages_that_go_in_a_circle_end(web, hospital):
    web.post(f"{BASE}/Patient/_search", json=searchset(PATIENT, following=f"{BASE}?p=1"))
    web.get(f"{BASE}?p=1", json=searchset(following=f"{BASE}?p=1"))
    with pytest.raises(HospitalUnavailable, match="do not end"):
        hospital.search("Patient", [])


def test_a_searchset_written_by_somebody_else_may_be_odd(web, hospital):
    web.post(
        f"{BASE}/Patient/_search", json={"link": 3, "entry": [7, {"resource": "x"}, {"resource": PATIENT, "search": 1}]}
    )
    assert hospital.search("Patient", []) == [PATIENT]


def test_the_capability_statement_is_fetched_once(web, hospital):
    web.get(f"{BASE}/metadata", json={"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"})
    assert hospital.capability() is hospital.capability()
    assert len(web.calls) == 1


def test_an_endless_answer_is_broken_off(web, hospital, monkeypatch):
    monkeypatch.setattr(client_module, "LARGEST", 100)
    web.get(f"{BASE}/metadata", body=b"{" + b" " * 200 + b"}")
    with pytest.raises(HospitalUnavailable, match="too large"):
        hospital.capability()


def test_a_dribbling_answer_is_broken_off(web, hospital, monkeypatch):
    monkeypatch.setattr(client_module, "LONGEST", -1.0)
    web.get(f"{BASE}/metadata", json={})
    with pytest.raises(HospitalUnavailable, match="too slow"):
        hospital.capability()


def test_no_credentials_are_looked_up_where_none_are_configured(web, hospital, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine hospital.example login somebody password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    web.get(f"{BASE}/metadata", json={})
    hospital.capability()
    assert "Authorization" not in web.calls[0].request.headers
