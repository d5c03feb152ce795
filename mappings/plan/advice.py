"""What is said to a person at work in an EHR, before it becomes a card: a sentence, how urgent, the details."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum

from mappings.plan.amounts import plain
from mappings.plan.record import Record
from mappings.plan.timeline import label


class Urgency(Enum):
    """Indicators of CDS Hooks, from the least to the most urgent. What is not known is never critical."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Advice:
    """`key` tells it from the others of one answer and stays the same for the same finding."""

    key: str
    urgency: Urgency
    summary: str
    detail: str = ""


def milligrams(amount: Decimal) -> str:
    """`350 mg`, without trailing zeros."""
    return f"{plain(amount)} mg"


def dated(day: date, record: Record) -> str:
    """`2026-02-17 (D-13)`."""
    number = record.day(day)
    return f"{day}" if number is None else f"{day} ({label(number)})"


def bullets(lines: Iterable[str]) -> str:
    """A list in Markdown."""
    return "\n".join(f"- {line}" for line in lines)
