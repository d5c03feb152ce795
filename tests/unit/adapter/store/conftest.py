from __future__ import annotations

from datetime import UTC, datetime

import pytest

NOON = datetime(2026, 9, 3, 12, 0, tzinfo=UTC)


@pytest.fixture
def noon():
    return NOON
