"""What an answer of another FHIR server means, decided once, by what the caller should do about it.

no answer, broken answer, 408, 425, 429, 5xx      HospitalUnavailable: later, the same again
409, 412                                          contention where we PUT on our own ids (HAPI answers 409 to racing
                                                  writers): the client repeats at once, then HospitalUnavailable
401, 403, a redirect                              HospitalUnavailable: credentials or address are wrong; the
                                                  content is not to blame and must not be parked for it
every other refusal                               HospitalRefused, with the server's own OperationOutcome
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapter.errors import HospitalRefused, HospitalUnavailable
from adapter.hospital import retry
from mappings.r4 import wire
from mappings.r4.build import Resource
from mappings.r4.faults import FaultyInput

CONTENTION = frozenset({409, 412})

_TEMPORARY = frozenset({401, 403, 408, 425, 429})
_WHOLE_SERVER = frozenset({401, 403, 429, 503})
_PERMANENT_5XX = frozenset({501, 505})


class HospitalSilent(HospitalUnavailable):
    """The whole server is away or asks for a pause, not only for this request: whoever else waits may wait too."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and body as they came from the server called `name`."""

    name: str
    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes

    def content(self) -> Resource:
        """The JSON object in a good answer. Raises what the table above says."""
        if not 200 <= self.status < 300:
            raise self._refusal()
        try:
            content = wire.decode(self.body)
        except FaultyInput as error:
            raise HospitalUnavailable(f"{self.name}: {self.status} with a body that is not JSON") from error
        if not isinstance(content, dict):
            raise HospitalUnavailable(f"{self.name}: {self.status} with a body that is not a resource")
        return content

    def _refusal(self) -> HospitalUnavailable | HospitalRefused:
        outcome = _outcome(self.body)
        said = _words(outcome) or self.reason
        if not is_temporary(self.status):
            return HospitalRefused(self.status, said, outcome)
        asked = retry.retry_after(self.headers.get("Retry-After"), self.headers.get("Date"))
        kind = HospitalSilent if asked is not None or self.status in _WHOLE_SERVER else HospitalUnavailable
        return kind(f"{self.name}: {self.status} {said}".rstrip(), asked)


def applied(name: str, response: Resource, sent: int) -> Resource:
    """The transaction-response, once every one of `sent` entries is in it with a 2xx.

    A transaction is all or nothing; a server that answers otherwise has not kept to that, and must not count as done.
    """
    entries = dicts(response.get("entry"))
    for entry in entries:
        said = (dicts([entry.get("response")]) or [{}])[0]
        text = str(said.get("status", ""))[:3]
        if text.startswith("2"):
            continue
        status = int(text) if text.isascii() and text.isdigit() else 500
        if is_temporary(status) or status in CONTENTION:
            raise HospitalUnavailable(f"{name}: an entry of the transaction got status {status}")
        raise HospitalRefused(status, "an entry of the transaction was refused", said.get("outcome"))
    if response.get("type") != "transaction-response" or len(entries) != sent:
        raise HospitalUnavailable(f"{name}: the answer is not that of a transaction")
    return response


def is_temporary(status: int) -> bool:
    """Whether the same request may succeed later, or elsewhere."""
    return 300 <= status < 400 or status in _TEMPORARY or (status >= 500 and status not in _PERMANENT_5XX)


def dicts(items: Any) -> list[dict[str, Any]]:
    """The objects of a JSON array that somebody else wrote."""
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _outcome(body: bytes) -> Resource | None:
    try:
        content = wire.decode(body)
    except FaultyInput:
        return None
    return content if isinstance(content, dict) and content.get("resourceType") == "OperationOutcome" else None


def _words(outcome: Resource | None) -> str:
    """What the server says for a person, shortened."""
    for issue in dicts((outcome or {}).get("issue")):
        details = issue.get("details")
        said = issue.get("diagnostics") or (details.get("text") if isinstance(details, dict) else None)
        if said:
            return str(said)[:500]
    return ""
