"""One fault found in something that somebody sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ISSUE_TYPES = frozenset(
    """
    invalid structure required value invariant security login unknown expired forbidden suppressed processing
    not-supported duplicate multiple-matches not-found deleted too-long code-invalid extension too-costly business-rule
    conflict transient lock-error no-store exception timeout incomplete throttled informational
    """.split()
)
"""R4 issue-type, a required binding."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`path` is the field in the sender's own words (dotted, or FHIRPath for FHIR content).

    `code` is an R4 issue type (required, structure, value, code-invalid, invariant, not-supported, business-rule ...).
    `message` is a sentence for a person and never quotes clinical content beyond the offending word.
    `file` and `line` (from 1) where the fault stands in a text that a person edits.
    """

    path: str
    message: str
    code: str = "value"
    severity: str = "error"
    file: str = ""
    line: int | None = None

    @property
    def place(self) -> str:
        """`FILE:LINE`, or as much as is known of it."""
        return ":".join(filter(None, (self.file, str(self.line or ""))))


class FaultyInput(ValueError):
    """Raised by the pure side; the shell turns it into `errors.Invalid`. The same fault found twice is named once."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(dict.fromkeys(faults))
        super().__init__("; ".join(f"{fault.path}: {fault.message}" for fault in self.faults))


class Unsound(Exception):
    """What we made ourselves is wrong: our fault, never the sender's. Nothing of it may leave or be stored."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{fault.path}: {fault.message}" for fault in faults))
        self.faults = tuple(faults)
