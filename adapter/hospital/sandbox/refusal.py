"""The sandbox's own way of saying no: always an OperationOutcome."""

from __future__ import annotations

from collections.abc import Sequence

from mappings.r4.build import Element, Resource
from mappings.r4.faults import Fault

_CODES = {401: "login", 403: "forbidden", 404: "not-found", 409: "conflict", 410: "deleted", 412: "conflict"}
_CODES |= {405: "not-supported", 406: "not-supported", 413: "too-long", 415: "not-supported", 429: "throttled"}
_CODES |= {400: "invalid", 503: "transient"}


class Refusal(Exception):
    """Ends a request with `status`; `faults` say where and why."""

    def __init__(self, status: int, faults: str | Sequence[Fault]) -> None:
        super().__init__(f"{status}: {faults}")
        self.status = status
        self.faults = [Fault("", faults, code_for(status))] if isinstance(faults, str) else list(faults)

    def within(self, entry: int) -> Refusal:
        """The same refusal, told of a Bundle: paths begin at `Bundle.entry[entry]`."""
        return Refusal(self.status, [_inside(fault, entry) for fault in self.faults])

    def outcome(self) -> Resource:
        """OperationOutcome with one issue per fault."""
        return {"resourceType": "OperationOutcome", "issue": [_issue(fault) for fault in self.faults]}


def code_for(status: int) -> str:
    """R4 issue-type for an HTTP status."""
    return _CODES.get(status, "exception" if status >= 500 else "processing")


def _inside(fault: Fault, entry: int) -> Fault:
    at = f"Bundle.entry[{entry}]"
    inner = fault.path.partition(".")[2]
    path = f"{at}.resource.{inner}" if inner else at
    return Fault(path, fault.message, fault.code, fault.severity)


def _issue(fault: Fault) -> Element:
    where = {"expression": [fault.path]} if fault.path else {}
    return {"severity": fault.severity, "code": fault.code, "diagnostics": fault.message, **where}
