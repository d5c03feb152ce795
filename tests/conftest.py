"""Options and profiles that the whole suite shares."""

from __future__ import annotations

import signal

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("suite")


def pytest_configure() -> None:
    """SIGTERM ends a run like Ctrl-C: fixtures are left in order, and the servers that they started stop."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="write what the golden cases give now; read the diff")


@pytest.fixture
def accept(request: pytest.FixtureRequest) -> bool:
    """Should golden stages be rewritten?"""
    return bool(request.config.getoption("--accept"))
