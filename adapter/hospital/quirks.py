"""What an HTTP status of another FHIR server means for what was sent, and on what evidence.

The first rule that fits counts: status, and words of the server's own where one status means different things. Each
rule names its proof: a section of RFC 9110 or of R4's http.html, or the server and release on which it was measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What to do with a request that was not done."""

    CONTENTION = "others write the same: repeat at once, with jitter"
    CROWDED = "too many at once: fewer writers, and repeat at once, with jitter"
    RACED = "it lost against others: fewer writers, and this one again when the server asks for it"
    LATER = "try this again later"
    AWAY = "the whole server is away or asks for a pause: whoever else waits may wait too"
    BROKEN = "the server broke: try again a few times, then it is this content"
    OUTDATED = "the version that we know is not the newest: read again"
    TOO_LARGE = "send less at once"
    REFUSED = "never like this: the content is refused"


@dataclass(frozen=True, slots=True)
class Rule:
    """Holds for these statuses where `words` (any case) stand in the OperationOutcome; empty words always do."""

    statuses: frozenset[int]
    verdict: Verdict
    proof: str
    words: str = ""


def _rule(statuses: int | range | tuple[int, ...], verdict: Verdict, proof: str, words: str = "") -> Rule:
    return Rule(frozenset((statuses,) if isinstance(statuses, int) else statuses), verdict, proof, words)


RULES = (
    _rule(409, Verdict.OUTDATED, "HAPI 8.8: a stale If-Match is 409 HAPI-0989, not 412", "HAPI-0989"),
    _rule(409, Verdict.CONTENTION, "HAPI 8.8: 343 of 400 racing transactions of 6 PUTs got 409; repeated, all got 200"),
    _rule(412, Verdict.REFUSED, "HAPI 8.8: HAPI-2207, a condition matches several; it does so for ever", "HAPI-2207"),
    _rule(412, Verdict.OUTDATED, "R4 http.html 3.1.0.5: If-Match is not the current version"),
    _rule(400, Verdict.OUTDATED, "Helios 0.2.7: a stale If-Match in a transaction, with 400 outside", "status 412"),
    _rule(400, Verdict.CROWDED, "Helios 0.2.7: concurrent transactions under load", "database table is locked"),
    _rule(413, Verdict.TOO_LARGE, "RFC 9110 15.5.14"),
    _rule(503, Verdict.RACED, "Helios 0.2.7: half of concurrent ones, Retry-After: 5", "aborted the transaction"),
    _rule(503, Verdict.CROWDED, "Helios: 503 with code `transient` to half of concurrent transactions", "transient"),
    _rule((401, 403), Verdict.AWAY, "RFC 9110 15.5.2, 15.5.4: credentials; the content is not to blame"),
    _rule((429, 503), Verdict.AWAY, "RFC 6585 4, RFC 9110 15.6.4: the server asks for a pause"),
    _rule(range(300, 400), Verdict.LATER, "the address in the configuration is wrong; the content is not to blame"),
    _rule((408, 425), Verdict.LATER, "RFC 9110 15.5.9, RFC 8470 5.2"),
    _rule((501, 505), Verdict.REFUSED, "RFC 9110 15.6.2, 15.6.6: the server cannot do this"),
    _rule(500, Verdict.BROKEN, "HAPI 8.8: a malformed If-Match is 500, so a 500 may be of the content's making"),
    _rule(range(502, 600), Verdict.LATER, "RFC 9110 15.6: gateways and overload"),
    _rule(range(400, 500), Verdict.REFUSED, "HAPI 8.8: 400 HAPI-1821, HAPI-1094, 404 HAPI-1091, each time it is sent"),
)
"""Every status from 300 to 599 has one."""

_UNKNOWN = _rule((), Verdict.LATER, "RFC 9110 15: a client does not know what it means")


def rule_for(status: int, words: str = "") -> Rule:
    """The rule that holds. `words`: what the server's OperationOutcome says, its issue codes included."""
    said = words.lower()
    holds = (rule for rule in RULES if status in rule.statuses and rule.words.lower() in said)
    return next(holds, _UNKNOWN)
