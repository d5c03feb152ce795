"""Each version of a document is told by a version of its Provenance."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mappings.outcomes.origin import Document, provenance
from mappings.r4.build import Ids
from mappings.r4.validate import validate
from tests.lib.plans import COURSE

NOW = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
KEY = "FR-037/SYN-0001/m1"


def made(version=1, reason=None, targets=("Observation/o",)):
    document = Document(KEY, version, "FR-037", reason)
    return provenance(document, targets, Ids(COURSE), recorded=NOW, software="Engraft 1")


@pytest.mark.parametrize(
    ("version", "reason", "operation"),
    [(1, None, "CREATE"), (2, None, "UPDATE"), (3, "twice told", "NULLIFY"), (3, "", "NULLIFY")],
)
def test_it_says_what_the_document_did(version, reason, operation):
    found = made(version, reason)
    assert validate(found) == []
    assert found["id"] == made()["id"]
    assert found["activity"]["coding"][0]["code"] == operation
    assert found.get("reason") == ([{"text": reason}] if reason else None)
    assert found["entity"][0]["what"]["display"] == f"version {version}"
    assert found["entity"][0]["what"]["identifier"]["value"] == KEY
    assert found["target"] == [{"reference": "Observation/o"}]
    assert found["recorded"] == "2026-11-03T12:00:00+00:00"


def test_what_says_nothing_has_none():
    assert made(targets=()) is None
