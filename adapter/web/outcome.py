"""The one shape of every refusal: an OperationOutcome that says what, where and why. No Flask here: the command line
answers programs in the same shape."""

from __future__ import annotations

from collections.abc import Iterable

from adapter.errors import EngraftError, Invalid, NotFound, Refused, Unavailable
from mappings.canonicals import EXT_ISSUE_LINE
from mappings.r4.build import Element, Resource
from mappings.r4.faults import ISSUE_TYPES, Fault, FaultyInput, Unsound
from mappings.r4.wire import DOCUMENT

_CODES = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    406: "not-supported",
    409: "conflict",
    410: "deleted",
    412: "conflict",
    413: "too-long",
    415: "not-supported",
    422: "processing",
    429: "throttled",
    500: "exception",
    503: "transient",
}


def operation_outcome(faults: Iterable[Fault]) -> Resource:
    """OperationOutcome with one issue per fault; `expression` where it names a field, the line where it has one."""
    return {"resourceType": "OperationOutcome", "issue": [_issue(fault) for fault in faults]}


def issue_code(status: int) -> str:
    """R4 issue type that goes with an HTTP status."""
    return _CODES.get(status, "exception" if status >= 500 else "processing")


def faults_of(error: EngraftError | FaultyInput | Unsound) -> tuple[Fault, ...]:
    """What the error knows, as faults; never empty."""
    if isinstance(error, Unsound) or (isinstance(error, Invalid | FaultyInput) and error.faults):
        return error.faults
    field = error.field if isinstance(error, NotFound) else ""
    return (Fault(field, str(error), issue_code(status_of(error))),)


def status_of(error: EngraftError | FaultyInput) -> int:
    """HTTP status for an error. What is not even JSON is 400, what breaks a rule 422."""
    match error:
        case Refused() | Unavailable():
            return error.status
        case FaultyInput():
            return 400 if all(fault.path == DOCUMENT for fault in error.faults) else 422
        case _:
            return 502  # another server said no to us, for good


def _issue(fault: Fault) -> Element:
    code = fault.code if fault.code in ISSUE_TYPES else "processing"
    place = [{"url": EXT_ISSUE_LINE, "valueInteger": fault.line}] if fault.line else []
    out: Element = {
        **({"extension": place} if place else {}),
        "severity": fault.severity,
        "code": code,
        "diagnostics": f"{fault.place}: {fault.message}" if place else fault.message,
    }
    if fault.path and fault.path != DOCUMENT:
        out["expression"] = [fault.path]
    return out
