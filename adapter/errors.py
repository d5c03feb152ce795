"""
What can go wrong, told by what the caller should do about it.

EngraftError
├── Refused                 the caller must change something: 4xx, exit 1, never retried
│   ├── Invalid             names the field; carries every fault found, not just the first
│   ├── NotFound            404
│   ├── NotAllowed          401/403; does not say whether the thing exists
│   ├── Conflict            409/412
│   └── TooOften            429: wait, then try again
├── Unavailable             try again later: 503 + Retry-After, exit 3, retried with back-off
│   ├── HospitalUnavailable
│   └── StoreUnavailable
└── HospitalRefused         the other server said no for good: the row is parked with its words
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mappings.r4.faults import Fault


class EngraftError(Exception):
    """Root of every error that a caller of Engraft can meet."""


class Refused(EngraftError):
    """The caller must change something."""

    status = 422


class Invalid(Refused):
    """Content that cannot be accepted; `faults` name each field."""

    def __init__(self, faults: Sequence[Fault], status: int = 422) -> None:
        self.faults = tuple(dict.fromkeys(faults))
        super().__init__("; ".join(f"{fault.path}: {fault.message}" for fault in self.faults))
        self.status = status


class NotFound(Refused):
    """Nothing there, or nothing that this caller may see. `field` where the caller named it in one."""

    status = 404

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class NotAllowed(Refused):
    """Who asks may not; `status` 401 where no valid credentials came, else 403."""

    def __init__(self, message: str, status: int = 403) -> None:
        super().__init__(message)
        self.status = status


class Conflict(Refused):
    """The stored state does not allow it."""

    def __init__(self, message: str, status: int = 409) -> None:
        super().__init__(message)
        self.status = status


class TooOften(Refused):
    """Too many wrong tries; `retry_after` in seconds."""

    status = 429

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(EngraftError):
    """Try again later. `retry_after` in seconds where the other side said it."""

    status = 503

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class HospitalUnavailable(Unavailable):
    """A hospital's or registry's server could not be reached or is overloaded."""


class StoreUnavailable(Unavailable):
    """The database is locked, full or away, or whoever arrived later was there first."""


class HospitalRefused(EngraftError):
    """The other server refused a request for good: its status and its own OperationOutcome, if it sent one."""

    def __init__(self, status: int, text: str, outcome: dict[str, Any] | None = None) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status
        self.text = text
        self.outcome = outcome
