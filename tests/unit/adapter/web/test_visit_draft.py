"""GET /follow-ups/draft: what the hospital measured, for the centre to confirm."""

from __future__ import annotations

import pytest

from adapter.store.copies import Copy
from mappings.r4.wire import decode
from tests.unit.adapter.web.conftest import NOW

WEIGHT = {
    "resourceType": "Observation",
    "id": "w",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
    "subject": {"reference": "Patient/abc"},
    "effectiveDateTime": "2026-09-02",
    "valueQuantity": {"value": 66, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
}
ASKED = "/follow-ups/draft?patient=P-0001&visit=unscheduled"


def test_each_value_comes_with_its_source_and_nothing_is_kept(ward, course):
    with ward.store.transaction() as tx:
        tx.links.put("chu-a", course, "Patient/abc")
        tx.copies.keep("chu-a", ("Observation", "w"), Copy("3", None, WEIGHT, "Patient/abc"), NOW)
    before = ward.counts()
    answer = ward.ask("GET", ASKED)
    said = decode(answer.data)
    assert answer.status_code == 200
    assert said["document"] == {"measurements": {"weight": {"value": 66, "unit": "kg", "date": "2026-09-02"}}}
    (value,) = said["values"]
    assert (value["source"], value["version"]) == ("http://127.0.0.1:9/fhir/Observation/w", "3")
    assert ward.counts() == before


@pytest.mark.parametrize(
    ("path", "who", "status", "field"),
    [
        ("/follow-ups/draft?visit=m1", "centre", 400, "patient"),
        ("/follow-ups/draft?patient=P-0001", "centre", 400, "visit"),
        ("/follow-ups/draft?patient=P-0001&visit=m99", "centre", 400, "visit"),
        (ASKED, "other-centre", 404, None),
        (ASKED, "ehr", 403, None),
        (ASKED, None, 401, None),
    ],
)
def test_what_is_missing_wrong_or_somebody_elses_is_refused(ward, course, path, who, status, field):
    answer = ward.ask("GET", path, who)
    assert answer.status_code == status
    if field:
        assert [field] in [issue.get("expression") for issue in decode(answer.data)["issue"]]
