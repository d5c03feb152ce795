"""What of another server's words may stand in a log: nothing that can quote a patient.

Its sentences may ("the value 'Anna' is ..."), so they stay in the database, where `engraft queue show` finds them. The
log has the R4 issue types, HAPI's message numbers, and element paths as far as we ourselves sent such elements.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from adapter.hospital.answer import dicts
from mappings.r4.build import Resource
from mappings.r4.faults import ISSUE_TYPES

MOST = 10
_HAPI = re.compile(r"\bHAPI-\d{4}\b")
_PATH = re.compile(r"[A-Za-z]+(\[\d{1,3}\])?(\.[A-Za-z]+(\[\d{1,3}\])?)*")


def codes(outcome: Resource | None, sent: Iterable[Resource]) -> list[str]:
    """Issue types, message numbers and element paths of an OperationOutcome about what was `sent`, each once."""
    known = {name for resource in sent for name in _names(resource)}
    found = dict.fromkeys(word for issue in dicts((outcome or {}).get("issue")) for word in _of(issue, known))
    return list(found)[:MOST]


def _of(issue: dict[str, Any], known: set[str]) -> Iterator[str]:
    code = issue.get("code")
    if isinstance(code, str) and code in ISSUE_TYPES:
        yield code
    details = issue.get("details")
    said = (issue.get("diagnostics"), details.get("text") if isinstance(details, dict) else None)
    yield from (number for one in said for number in _HAPI.findall(str(one)))
    for name in ("expression", "location"):
        paths = issue.get(name)
        yield from (one for one in paths if _is_ours(one, known)) if isinstance(paths, list) else ()


def _is_ours(path: object, known: set[str]) -> bool:
    return isinstance(path, str) and bool(_PATH.fullmatch(path)) and set(re.findall(r"[A-Za-z]+", path)) <= known


def _names(value: Any) -> Iterator[str]:
    """Names of types and elements."""
    if isinstance(value, dict):
        if "resourceType" in value:
            yield value["resourceType"]
        for name, part in value.items():
            yield name
            yield from _names(part)
    elif isinstance(value, list):
        for part in value:
            yield from _names(part)
