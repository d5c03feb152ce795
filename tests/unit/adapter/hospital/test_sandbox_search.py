"""The sandbox hospital as an R4 server: search."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import requests

from adapter.hospital import r4_gate
from adapter.hospital.client import HospitalClient
from adapter.hospital.sandbox import Sandbox
from tests.lib.exchange import identified, observation, says


@pytest.fixture(scope="module")
def ward():
    """A server of its own whose clock moves a day with every write."""
    days = iter(datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(days=n) for n in range(10_000))
    with Sandbox(clock=lambda: next(days)) as sandbox:
        loinc = {"coding": [{"system": "http://loinc.org", "code": "26499-4"}, {"code": "local"}]}
        sandbox.put(identified("1|2", id="p1"), identified("7", id="p2"))
        sandbox.put(observation("o1", "Patient/p1", code=loinc), observation("o2", "Patient/p2", code=loinc))
        sandbox.put(observation("o3", "Patient/p1", status="amended"))
        request = {"resourceType": "MedicationRequest", "id": "m1", "status": "draft", "intent": "plan"}
        sandbox.put(request | {"medicationCodeableConcept": loinc, "subject": {"reference": "Patient/p1"}})
        task = {"resourceType": "Task", "id": "t1", "status": "draft", "intent": "plan"}
        sandbox.put(task | {"for": {"reference": "Patient/p1"}})
        yield sandbox


class TestSearch:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("Patient?identifier=urn:oid:1.2.3|7", ["p2"]),
            ("Patient?identifier=urn:oid:1.2.3|1\\|2", ["p1"]),
            ("Patient?identifier=7", ["p2"]),
            ("Patient?identifier=|7", []),
            ("Patient?identifier=urn:oid:1.2.3|", ["p1", "p2"]),
            ("Patient?identifier=urn:oid:9|7", []),
            ("Patient?_id=p1,p2", ["p1", "p2"]),
            ("Observation?patient=p1", ["o1", "o3"]),
            ("Observation?patient=Patient/p2", ["o2"]),
            ("Observation?subject=Patient/p1&status=amended", ["o3"]),
            ("Observation?subject=http://h/fhir/Patient/p1", ["o1", "o3"]),
            ("Observation?code=http://loinc.org|26499-4", ["o1", "o2"]),
            ("Observation?code=|local&patient=p2", ["o2"]),
            ("Observation?code=26499-4&status=amended", []),
            ("MedicationRequest?code=26499-4", ["m1"]),
            ("Task?patient=p1", ["t1"]),
            ("Observation?_lastUpdated=2026-01-04", ["o2"]),
            ("Observation?_lastUpdated=ne2026-01-04", ["o1", "o3"]),
            ("Observation?_lastUpdated=gt2026-01-03", ["o2", "o3"]),
            ("Observation?_lastUpdated=sa2026-01-03", ["o2", "o3"]),
            ("Observation?_lastUpdated=lt2026-01-04", ["o1"]),
            ("Observation?_lastUpdated=eb2026-01-04", ["o1"]),
            ("Observation?_lastUpdated=ge2026-01-04T12:00:00Z", ["o2", "o3"]),
            ("Observation?_lastUpdated=le2026-01-04T12:00:00.000Z", ["o1", "o2"]),
            ("Observation?_lastUpdated=ge2026-01-04T14:00:00%2B02:00", ["o2", "o3"]),
            ("Observation?_lastUpdated=ge2026-01-04T12:00:01", ["o3"]),
            ("Observation?_lastUpdated=2026-01", ["o1", "o2", "o3"]),
            ("Observation?_lastUpdated=2026", ["o1", "o2", "o3"]),
            ("Observation?_lastUpdated=ge2026-02", []),
            ("Observation?_lastUpdated=gt2026", []),
            ("Observation", ["o1", "o2", "o3"]),
        ],
    )
    def test_parameters(self, ward, query, found):
        with requests.get(f"{ward.base_url}/{query}", timeout=5) as answer:
            bundle = answer.json()
        r4_gate.read(bundle)
        assert [entry["resource"]["id"] for entry in bundle.get("entry", [])] == found
        assert bundle["total"] == len(found)
        assert bundle["link"][0]["relation"] == "self"

    @pytest.mark.parametrize(
        "query",
        [
            "name=x",
            "patient:Patient=p1",
            "_lastUpdated=spring",
            "_lastUpdated=ap2026",
            "_lastUpdated=2026-13",
            "_count=-1",
        ],
    )
    def test_what_is_not_understood_is_refused_not_ignored(self, ward, query):
        with requests.get(f"{ward.base_url}/Observation?{query}", timeout=5) as answer:
            assert says(answer)[0] == 400

    def test_pages_show_the_search_as_it_was(self, ward):
        client = HospitalClient("ward", ward.base_url, None)
        first = requests.get(f"{ward.base_url}/Observation?_count=2", timeout=5).json()
        following = next(link["url"] for link in first["link"] if link["relation"] == "next")
        ward.put(observation("o1", "Patient/p1", status="corrected"))
        second = requests.get(following, timeout=5).json()
        assert [e["resource"]["id"] for e in second["entry"]] == ["o3"]
        assert second["total"] == 3
        assert [link["relation"] for link in second["link"]] == ["self"]
        assert len(client.search("Observation", [("_count", "1")])) == 3
        client.close()

    def test_count_zero_gives_the_total_only(self, ward):
        bundle = requests.get(f"{ward.base_url}/Observation?_count=0", timeout=5).json()
        assert bundle["total"] == 3
        assert "entry" not in bundle

    def test_forgotten_pages_are_410(self, ward):
        first = requests.get(f"{ward.base_url}/Observation?_count=1", timeout=5).json()
        following = next(link["url"] for link in first["link"] if link["relation"] == "next")
        for _ in range(200):
            ward._resources.pages.first("Observation", [("_count", "1")], ward._resources.matching("Observation", []))
        with requests.get(following, timeout=5) as answer:
            assert says(answer)[0] == 410
