"""What Engraft relies on when it writes to a FHIR server, told once and proved on each."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from adapter.errors import HospitalRefused
from adapter.hospital import r4_gate
from mappings.r4 import wire
from tests.contract.synthetic import SYSTEM, observation, patient


def test_a_transaction_of_puts_on_our_ids_creates(client, fresh):
    p, o = fresh("p"), fresh("o")
    answer = client.transact([patient(p), observation(o, p)])
    assert [entry["response"]["status"][:3] for entry in answer["entry"]] == ["201", "201"]
    found = client.read("Observation", o)
    assert found["subject"] == {"reference": f"Patient/{p}"}
    assert r4_gate.read(found).status == "final"


def test_the_same_again_makes_no_duplicate(server, client, fresh):
    p, o = fresh("p"), fresh("o")
    for _ in range(3):
        client.transact([patient(p), observation(o, p)])
    assert [found["id"] for found in client.search("Observation", [("identifier", f"{SYSTEM}|{o}")])] == [o]
    if server.quiet:
        assert client.read("Observation", o)["meta"]["versionId"] == "1"


def test_a_correction_makes_a_version(client, session, server, fresh):
    p, o = fresh("p"), fresh("o")
    client.transact([patient(p), observation(o, p, "0.50")])
    client.transact([observation(o, p, "0.60", status="corrected")])
    assert client.read("Observation", o)["meta"]["versionId"] == "2"
    first = wire.decode(session.get(f"{server.base_url}/Observation/{o}/_history/1").content)
    assert str(first["valueQuantity"]["value"]) == "0.50"
    history = session.get(f"{server.base_url}/Observation/{o}/_history").json()
    assert [entry["resource"]["meta"]["versionId"] for entry in history["entry"]] == ["2", "1"]


def test_a_conditional_create_does_not_double(client, session, server, fresh):
    value = fresh("mrn")
    condition = {"If-None-Exist": f"identifier={quote(f'{SYSTEM}|{value}', safe='')}"}
    new = patient(value)
    del new["id"]
    answers = [session.post(f"{server.base_url}/Patient", json=new, headers=condition) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert len(client.search("Patient", [("identifier", f"{SYSTEM}|{value}")])) == 1


def test_what_was_deleted_is_gone_and_says_so(client, session, server, fresh):
    p = fresh("p")
    client.transact([patient(p)])
    assert session.delete(f"{server.base_url}/Patient/{p}").ok
    assert session.get(f"{server.base_url}/Patient/{p}").status_code == 410
    assert client.read("Patient", p) is None


def test_a_refusal_is_for_good_whole_and_explained(client, fresh):
    p = fresh("p")
    with pytest.raises(HospitalRefused) as refused:
        client.transact([patient(p), patient(p)])
    assert refused.value.status in (400, 422)
    assert refused.value.outcome["issue"][0]["severity"] in ("error", "fatal")
    assert refused.value.text
    assert client.read("Patient", p) is None, "a transaction is all or nothing"


@pytest.mark.parametrize(
    "wrong", [{"subject": {"reference": "Patient/nobody-at-all"}}, {"status": "fine"}, {"effectiveDateTime": "spring"}]
)
def test_wrong_references_codes_and_dates_are_refused_where_the_server_looks(server, client, fresh, wrong):
    if not server.checks:
        pytest.skip(f"{server.name} stores what it is given: our own check before sending is the only one")
    p = fresh("p")
    with pytest.raises(HospitalRefused) as refused:
        client.transact([patient(p), observation(fresh("o"), p, **wrong)])
    assert refused.value.outcome["resourceType"] == "OperationOutcome"
    assert client.read("Patient", p) is None


def test_if_match_lets_only_the_current_version_be_changed(client, session, server, fresh):
    p = fresh("p")
    client.transact([patient(p)])
    url, changed = f"{server.base_url}/Patient/{p}", patient(p, gender="female")
    assert session.put(url, data=wire.encode(changed), headers={"If-Match": 'W/"1"'}).status_code == 200
    stale = session.put(url, data=wire.encode(patient(p, gender="male")), headers={"If-Match": 'W/"1"'})
    assert stale.status_code in (409, 412)
    assert client.read("Patient", p)["gender"] == "female"
