"""Whoever is enrolled is a subject of the trial, until the consent is withdrawn."""

from __future__ import annotations

import pytest

from tests.lib.charts import chart, only


@pytest.mark.parametrize(
    ("consent", "status", "named"),
    [
        ({"status": "active"}, "on-study", True),
        ({"status": "inactive"}, "withdrawn", True),
        ({"status": "rejected"}, "withdrawn", True),
        ({"status": {"not_done": "unknown"}}, "on-study", False),
        (None, "on-study", False),
    ],
)
def test_a_subject_stands_as_the_consent_does(consent, status, named):
    found = only(chart(consent=consent), "study-subject")
    assert (found["status"], "consent" in found) == (status, named)
    assert found["study"] == {"reference": "ResearchStudy/set-haplo-pdli"}
    assert found["individual"]["reference"].startswith("Patient/")
