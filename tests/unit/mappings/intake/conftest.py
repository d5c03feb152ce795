"""The interface's own examples, fresh for each test, and a way to spoil them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mappings.intake import schema
from mappings.r4 import wire
from mappings.r4.faults import Fault, FaultyInput

HERE = Path(__file__).parent
AS_OF = date(2026, 9, 2)
ENROLMENT = wire.decode_strict((HERE / "example_enrolment.json").read_bytes())
FOLLOW_UP = wire.decode_strict((HERE / "example_follow_up.json").read_bytes())


@pytest.fixture
def enrolment() -> dict[str, Any]:
    return copy.deepcopy(ENROLMENT)


@pytest.fixture
def follow_up() -> dict[str, Any]:
    return copy.deepcopy(FOLLOW_UP)


@pytest.fixture
def faults() -> Callable[..., dict[str, Fault]]:
    """The first fault of each path of a document; empty where there is none."""

    def found(document: Any, as_of: date = AS_OF) -> dict[str, Fault]:
        read = schema.follow_up if isinstance(document, dict) and "visit" in document else schema.enrolment
        try:
            read(document, as_of)
        except FaultyInput as refused:
            return {fault.path: fault for fault in reversed(refused.faults)}
        return {}

    return found
