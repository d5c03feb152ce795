"""What Engraft relies on when it reads from a FHIR server, told once and proved on each; ours keeps to it as well."""

from __future__ import annotations

import pytest
import requests

from adapter.hospital import r4_gate
from mappings.r4 import wire
from tests.contract.synthetic import SYSTEM, observation, patient


@pytest.fixture
def client(reader, connect):
    return connect(reader)


@pytest.fixture
def put(reader, client):
    """Stores resources on the server."""
    return reader.put or (lambda *resources: client.transact(resources))


@pytest.fixture
def get(reader):
    """GETs a path below the base."""
    with requests.Session() as session:
        session.headers["Accept"] = "application/fhir+json"
        session.auth = reader.auth
        yield lambda path, **headers: session.get(f"{reader.base_url}/{path}", headers=headers, timeout=60)


def test_it_is_an_r4_server(client):
    capability = client.capability()
    assert capability["fhirVersion"] == "4.0.1"
    assert capability["rest"][0]["mode"] == "server"


@pytest.mark.parametrize("written", ["2.50", "0.10", "100.0", "0.000001", "123456789.123456789"])
def test_a_decimal_keeps_every_digit(client, put, fresh, written):
    p, o = fresh("p"), fresh("o")
    put(patient(p), observation(o, p, written))
    found = client.read("Observation", o)
    assert str(found["valueQuantity"]["value"]) == written
    assert r4_gate.read(found).status == "final"


def test_an_id_that_never_was_reads_as_none(client, get, fresh):
    assert get(f"Patient/{fresh('nobody')}").status_code == 404
    assert client.read("Patient", fresh("nobody")) is None


def test_every_version_stays_readable_and_the_history_is_newest_first(client, put, get, fresh):
    p, o = fresh("p"), fresh("o")
    put(patient(p), observation(o, p, "0.50"))
    put(observation(o, p, "0.60", status="corrected"))
    assert str(client.read("Observation", o)["valueQuantity"]["value"]) == "0.60"
    first = wire.decode(get(f"Observation/{o}/_history/1").content)
    assert str(first["valueQuantity"]["value"]) == "0.50"
    history = get(f"Observation/{o}/_history").json()
    assert [entry["resource"]["meta"]["versionId"] for entry in history["entry"]] == ["2", "1"]
    assert all({"method", "url"} <= set(entry["request"]) for entry in history["entry"])


def test_search_by_identifier_finds_one_and_only_that_one(client, put, fresh):
    p, q = fresh("p"), fresh("q")
    put(patient(p), patient(q))
    assert [found["id"] for found in client.search("Patient", [("identifier", f"{SYSTEM}|{p}")])] == [p]
    assert client.search("Patient", [("identifier", f"{SYSTEM}|{fresh('nobody')}")]) == []


def test_search_by_patient_code_and_time(client, put, fresh):
    p, q = fresh("p"), fresh("q")
    put(patient(p), patient(q), observation(fresh("o"), p), observation(fresh("other"), q))
    for params in (
        [("patient", p)],
        [("subject", f"Patient/{p}"), ("code", "http://loinc.org|26499-4")],
        [("patient", f"Patient/{p}"), ("_lastUpdated", "ge2026-01-01T00:00:00Z")],
        [("_id", fresh("o"))],
    ):
        assert [found["id"] for found in client.search("Observation", params)] == [fresh("o")], params
    assert client.search("Observation", [("patient", p), ("_lastUpdated", "lt2020-01-01")]) == []
    assert client.search("Observation", [("patient", p), ("code", "http://loinc.org|1-8")]) == []


def test_every_page_of_a_search_is_read_once(client, put, fresh):
    p = fresh("p")
    ids = {fresh(f"o{number:02}") for number in range(23)}
    put(patient(p), *(observation(id_, p) for id_ in sorted(ids)))
    found = [resource["id"] for resource in client.search("Observation", [("patient", p), ("_count", "5")])]
    assert len(found) == 23
    assert set(found) == ids
