"""One date is after another only where every reading of both says so."""

from __future__ import annotations

import pytest

from mappings.r4.moments import is_after


@pytest.mark.parametrize(
    ("first", "second", "after"),
    [
        ("2026", "2025", True),
        ("2026-02", "2026", False),
        ("2026-02-03", "2026-02", False),
        ("2026-02-03", "2026-02-02", True),
        ("2026-01-02T10:00:00Z", "2026-01-02T09:59:59Z", True),
        ("2026-01-02T01:00:00+05:00", "2026-01-01T23:00:00Z", False),
        ("2026-01-01T23:00:00Z", "2026-01-02T01:00:00+05:00", True),
        ("2026-06-30T23:59:60Z", "2026-06-30T23:59:58.123456789Z", True),
        ("2026-01-02T01:00:00+05:00", "2026-01-01", False),
        ("2026-01-03T01:00:00+05:00", "2026-01-01", True),
        ("2026-01-01", "2025-12-30T23:00:00Z", True),
        ("2026-01", "2025-12-30T23:00:00Z", False),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", True),
    ],
)
def test_order(first, second, after):
    assert is_after(first, second) is after
