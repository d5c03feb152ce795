"""May this patient's outcomes go to a registry? Only a yes that holds today and that we fully understand is a yes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from mappings.canonicals import ACT_REASON, CONSENT_SCOPE
from mappings.facts import ConsentGiven, PartialDate, Said
from mappings.r4.build import Element, Resource

_RESEARCH = {"HRESCH", "CLINTRCH"}
_SILENT = {"draft", "proposed", "entered-in-error"}
_UNDERSTOOD = {"id", "type", "purpose", "period"}


def given(consent: Said[ConsentGiven]) -> bool:
    """The facts of an enrolment: active, and said yes to registries."""
    return isinstance(consent, ConsentGiven) and consent.status == "active" and consent.registry is True


def permits(consents: Iterable[Resource], on: date) -> bool:
    """Do one patient's Consents permit it on that day? The newest holds, and beside it what may be as new: of its day,
    of a month or year that reaches to it, or undated.

    Drafts and what was entered in error say nothing. A withdrawn or rejected consent, a denial, another purpose than
    research, a period that does not cover the day, or a condition that we cannot judge (an actor, a class of data, a
    nested provision) is a no; so is silence.
    """
    said = [consent for consent in consents if consent.get("status") not in _SILENT and _is_research(consent)]
    days = [_said(consent.get("dateTime")) for consent in said]
    newest = max((day.earliest for day in days if day), default=date.min)
    holding = [consent for consent, day in zip(said, days, strict=True) if day is None or day.latest >= newest]
    return bool(holding) and all(_permits(consent, on) for consent in holding)


def _permits(consent: Resource, on: date) -> bool:
    provision: Element = consent.get("provision", {})
    purposes = {code.get("code") for code in provision.get("purpose", []) if code.get("system") == ACT_REASON}
    return (
        consent.get("status") == "active"
        and provision.get("type") == "permit"
        and provision.keys() <= _UNDERSTOOD
        and bool(purposes & _RESEARCH)
        and _covers(provision.get("period", {}), on)
        and not consent.get("modifierExtension")
        and not consent.get("implicitRules")
    )


def _is_research(consent: Resource) -> bool:
    codings = consent.get("scope", {}).get("coding", [])
    return any(coding.get("system") == CONSENT_SCOPE and coding.get("code") == "research" for coding in codings)


def _covers(period: Element, on: date) -> bool:
    """An open end covers everything; of a month or year alone, only what is certain."""
    start, end = (_said(period.get(name)) for name in ("start", "end"))
    return (start is None or start.latest <= on) and (end is None or on <= end.earliest)


def _said(written: str | None) -> PartialDate | None:
    return PartialDate(written[: len("2026-03-02")]) if written else None
