"""Advice as cards of CDS Hooks 2.0.1, most urgent first. A card has the same id when the same hook is asked again."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from mappings.canonicals import Canonicals
from mappings.plan.advice import Advice, Urgency
from mappings.r4.build import Element, uuid5
from mappings.terminology import codes

LONGEST_SUMMARY = 139
"""A summary has less than 140 characters."""

_ORDER = (Urgency.CRITICAL, Urgency.WARNING, Urgency.INFO)


def response(advice: Iterable[Advice], instance: str, label: str, canonicals: Canonicals) -> dict[str, Any]:
    """The answer of a service; no advice is an empty list. `instance`: the hook instance, a UUID."""
    ranked = sorted(advice, key=lambda one: _ORDER.index(one.urgency))
    return {"cards": [_card(one, instance, label, canonicals) for one in ranked]}


def id_of(advice: Advice, instance: str) -> str:
    """Id of a card: of the hook instance and of what the advice is about."""
    return uuid5(uuid.UUID(instance), advice.key)


def _card(advice: Advice, instance: str, label: str, canonicals: Canonicals) -> Element:
    out: Element = {"uuid": id_of(advice, instance), "summary": _clipped(advice.summary)}
    whole = advice.detail if len(advice.summary) <= LONGEST_SUMMARY else f"{advice.summary}\n\n{advice.detail}".strip()
    if whole:
        out["detail"] = whole
    out |= {"indicator": advice.urgency.value, "source": {"label": label}}
    if advice.urgency is not Urgency.INFO:
        out["overrideReasons"] = reasons(canonicals)
    return out


def reasons(canonicals: Canonicals) -> list[Element]:
    """Why a person may set a warning aside, in codes of our own."""
    keys = (key for key in codes.keys("answers") if key.startswith("override-reason/"))
    return [coding for key in keys for coding in codes.codings("answers", key, canonicals)]


def _clipped(summary: str) -> str:
    return summary if len(summary) <= LONGEST_SUMMARY else summary[: LONGEST_SUMMARY - 1].rstrip() + "…"
