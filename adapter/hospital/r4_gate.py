"""A second, independent opinion on R4: the strict 4.0.1 models of fhirclient read what we send and what we take.

Our own validator is compiled from other definitions, so an element that R4 does not have must get past both.
The models know floats only: they check, and never carry content.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from fhirclient.models.fhirabstractbase import FHIRValidationError
from fhirclient.models.fhirelementfactory import FHIRElementFactory
from fhirclient.models.resource import Resource as Model

from mappings.r4 import wire
from mappings.r4.build import Resource
from mappings.r4.faults import Fault, FaultyInput

_INDEX = re.compile(r"\.(\d+)(?=\.|$)")
"""fhirclient writes `entry.0.resource` where FHIRPath writes `entry[0].resource`."""

_ABSTRACT = frozenset({"Resource", "DomainResource", "MetadataResource"})
"""fhirclient has models for what can only be inherited from."""

_TEXT = re.compile(rb'(?<=[:\[,])(?<!"resourceType":)"[^"\\]*(?:\\.[^"\\]*)*"(?!:)')
"""A text in compact JSON that is neither a key nor the type of a resource."""

_DIGITS = re.compile(rb"(?<=[:\[,.0-9eE+-])[0-9+-]+")
"""Of a number, of which the point and the exponent stay: a whole one is another type."""

MOST_FORMS = 5_000
_READ: set[bytes] = set()

_SAYS = {
    KeyError: "is required in R4 and missing",
    AttributeError: "R4 does not have this element",
    TypeError: "has another type in R4",
    ValueError: "is not written as R4 writes it",
}


def read(resource: Any) -> Model:
    """The resource as fhirclient's model. Raises FaultyInput naming each element that is not R4."""
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    if not isinstance(kind, str):
        raise FaultyInput([Fault("resourceType", "a resource names its type", code="structure")])
    if kind in _ABSTRACT or not isinstance(FHIRElementFactory.instantiate(kind, None), Model):
        raise FaultyInput([Fault("resourceType", "R4 has no such resource", code="structure")])
    return _instantiate(kind, _floats(resource))


def require(resource: Resource) -> None:
    """`read`, unless a resource of the very same form was read before: the same elements, as many, of the same types.

    The models judge elements and not what they say, but for dates, which our own validator reads each time. Raises
    FaultyInput.
    """
    form = _form(resource)
    if form in _READ:
        return
    read(resource)
    if len(_READ) >= MOST_FORMS:
        _READ.clear()
    _READ.add(form)


def _form(resource: Resource) -> bytes:
    """The resource as JSON without its texts and numbers; no value of it is left."""
    return _DIGITS.sub(b"", _TEXT.sub(b'""', wire.encode(resource)))


def _instantiate(kind: str, content: Resource) -> Model:
    try:
        model: Model = FHIRElementFactory.instantiate(kind, content)
    except FHIRValidationError as error:
        faults = _faults(error, kind)
    else:
        return model
    left = [fault for fault in faults if not _explained(fault, faults) and not _said_to_be_absent(fault, kind, content)]
    if left:
        raise FaultyInput(left)
    unread: Model = FHIRElementFactory.instantiate(kind, None)  # the models know no primitive without a value
    return unread


def _said_to_be_absent(fault: Fault, kind: str, content: Resource) -> bool:
    """R4 lets a required primitive be an extension alone (`_date`), such as one that says why it is missing."""
    element = re.escape(fault.path.removeprefix(f"{kind}."))
    said = re.compile(rf"_{element}([A-Z]\w*)?")  # fhirclient calls effective[x] `effective`
    return fault.message == _SAYS[KeyError] and any(said.fullmatch(name) for name in content)


def _explained(fault: Fault, faults: list[Fault]) -> bool:
    """fhirclient also calls missing what was there and could not be read: the inner fault says it better."""
    inside = (f"{fault.path}.", f"{fault.path}[")
    return fault.message == _SAYS[KeyError] and any(other.path.startswith(inside) for other in faults)


def _faults(error: BaseException, path: str) -> list[Fault]:
    """The leaves of fhirclient's tree of errors. Its own words are not repeated: they quote content."""
    if isinstance(error, FHIRValidationError):
        inner = _INDEX.sub(r"[\1]", f"{path}.{error.path}") if error.path else path
        return [fault for child in error.errors for fault in _faults(child, inner)]
    if isinstance(error, KeyError | AttributeError):
        path = f"{path}.{_named(error)}"
    says = next((words for kind, words in _SAYS.items() if isinstance(error, kind)), "cannot be read as R4")
    return [Fault(path, says, code="structure")]


def _named(error: KeyError | AttributeError) -> str:
    """The element in quotation marks in `Non-optional property "status" on …`."""
    quoted = str(error.args[0]).split('"')
    return quoted[1][:64]


def _floats(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _floats(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_floats(value) for value in node]
    return float(node) if isinstance(node, Decimal) else node
