"""A row of the outbox, and why it is not delivered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Row

from mappings.r4.build import Resource

HEAVY: Mapping[str, Any] = {"content": [], "outcome": None}
"""What a long list does without, and what stands there instead."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One change set of one patient for one destination.

    `due`: when it may be tried, or, while leased, when the lease ends. `attempts` counts the leases, `strikes` those at
    which the server broke over this very row. `status`, `error`, `outcome` (OperationOutcome) are what the other server
    said last. `source` is the key of the document behind it, `correlation` the number of the request that brought it,
    `trace` the span in which it was queued.
    """

    id: int
    destination: str
    course: str
    state: str
    attempts: int
    created: datetime
    due: datetime
    content: list[Resource]
    status: int | None
    error: str | None
    outcome: Resource | None
    source: str
    worker: str | None = None
    finished: datetime | None = None
    front: bool = False
    strikes: int = 0
    correlation: str | None = None
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """Why a row is not delivered: in words, and the other server's status and OperationOutcome where it gave them."""

    error: str
    status: int | None = None
    outcome: Resource | None = None


def references(resources: Iterable[Resource]) -> list[str]:
    """`Type/id` of each."""
    return [f"{resource['resourceType']}/{resource['id']}" for resource in resources]


def of_row(row: Row[Any], instead: Mapping[str, Any] = MappingProxyType({})) -> Delivery:
    """From its columns. `instead`: values of columns that were not asked for."""
    return Delivery(**{name: instead[name] if name in instead else getattr(row, name) for name in Delivery.__slots__})
