"""What an answer of another FHIR server means, as an error that says what the caller should do.

The statuses are judged in `quirks.py`. A broken answer, or none, is HospitalUnavailable; every refusal for good is
HospitalRefused with the server's own OperationOutcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapter.errors import HospitalRefused, HospitalUnavailable
from adapter.hospital import quirks, retry
from adapter.hospital.quirks import Verdict
from mappings.r4 import wire
from mappings.r4.build import Resource
from mappings.r4.faults import FaultyInput


class HospitalSilent(HospitalUnavailable):
    """The whole server is away or asks for a pause, not only for this request: whoever else waits may wait too."""


class Forbidden(HospitalSilent):
    """Our credentials do not reach so far (403): they may well reach to something else."""


class Distrusted(HospitalSilent):
    """TLS could not be agreed on: somebody's certificate or authority is not what the other wants."""


class NoToken(HospitalSilent):
    """There is no token to show: the server was not even asked, and the content is not to blame."""


class LeftAlone(HospitalUnavailable):
    """The server was not even asked: it is silent, and somebody else will see whether it is back."""


class HospitalBroke(HospitalUnavailable):
    """The server broke over this request: it may be the server, it may be what was sent. `outcome` as it came."""

    def __init__(self, message: str, status: int, outcome: Resource | None) -> None:
        super().__init__(message)
        self.status = status
        self.outcome = outcome


class Outdated(HospitalRefused):
    """The hospital has a newer version than the one that we named."""


class TooLarge(HospitalRefused):
    """The server takes less at once."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and body as they came from the server called `name`."""

    name: str
    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Was it done?"""
        return 200 <= self.status < 300

    def content(self) -> Resource:
        """The JSON object in a good answer. Raises the error that says what to do instead."""
        if not self.ok:
            raise self._refusal()
        try:
            content = wire.decode(self.body)
        except FaultyInput as error:
            raise HospitalUnavailable(f"{self.name}: {self.status} with a body that is not JSON") from error
        if not isinstance(content, dict):
            raise HospitalUnavailable(f"{self.name}: {self.status} with a body that is not a resource")
        return content

    @property
    def verdict(self) -> Verdict:
        """What to do, where it is not a good answer."""
        found = quirks.rule_for(self.status, _codes(_outcome(self.body))).verdict
        return Verdict.AWAY if found is Verdict.CROWDED and self.asked is not None else found

    @property
    def asked(self) -> float | None:
        """Seconds of pause that the server asks for."""
        return retry.retry_after(self.headers.get("Retry-After"), self.headers.get("Date"))

    def _refusal(self) -> HospitalUnavailable | HospitalRefused:
        outcome = _outcome(self.body)
        said = _words(outcome) or self.reason
        text = f"{self.name}: {self.status} {said}".rstrip()
        asked = self.asked
        match self.verdict:
            case Verdict.REFUSED:
                return HospitalRefused(self.status, said, outcome)
            case Verdict.OUTDATED:
                return Outdated(self.status, said, outcome)
            case Verdict.TOO_LARGE:
                return TooLarge(self.status, said, outcome)
            case Verdict.AWAY | Verdict.CROWDED:
                return (Forbidden if self.status == 403 else HospitalSilent)(text, asked)
            case Verdict.BROKEN if asked is None:
                return HospitalBroke(text, self.status, outcome)
            case Verdict.CONTENTION | Verdict.RACED:
                return HospitalUnavailable(f"{text}: other writers hold these resources", asked)
            case _:
                return HospitalUnavailable(text) if asked is None else HospitalSilent(text, asked)


def applied(name: str, response: Resource, sent: int) -> list[Resource]:
    """What the transaction-response says of each of `sent` entries, once every one of them is in it with a 2xx.

    A transaction is all or nothing; a server that answers otherwise has not kept to that, and must not count as done.
    """
    entries = [(dicts([entry.get("response")]) or [{}])[0] for entry in dicts(response.get("entry"))]
    for said in entries:
        text = str(said.get("status", ""))[:3]
        if text.startswith("2"):
            continue
        status = int(text) if text.isascii() and text.isdigit() and "300" <= text <= "599" else 500
        if quirks.rule_for(status).verdict is not Verdict.REFUSED:
            raise HospitalUnavailable(f"{name}: an entry of the transaction got status {status}")
        raise HospitalRefused(status, "an entry of the transaction was refused", said.get("outcome"))
    if response.get("type") != "transaction-response" or len(entries) != sent:
        raise HospitalUnavailable(f"{name}: the answer is not that of a transaction")
    return entries


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


def _codes(outcome: Resource | None) -> str:
    """Issue codes and words, by which a server tells apart what it answers with one status."""
    issues = dicts((outcome or {}).get("issue"))
    return " ".join([*(str(issue.get("code", "")) for issue in issues), _words(outcome)])
