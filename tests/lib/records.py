"""A patient's record for gates, told by forms as a centre sends them. Synthetic patients only.

`READY` is a patient of whom everything that pDLI 1 asks for was told on D+122: met from D+120 on.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from mappings.intake import schema
from mappings.plan.readiness import MaxAge, standings
from mappings.plan.record import Record, in_order
from mappings.plan.verdict import Finding, Standing
from mappings.protocol import load
from mappings.protocol.model import Protocol

AS_OF = date(2029, 12, 31)
GRAFT = "2026-03-02"
D119, D120, D122 = date(2026, 6, 29), date(2026, 6, 30), date(2026, 7, 2)
OFF = [
    {"drug": "mycophenolate", "started": "2026-03-08", "stopped": "2026-04-27"},
    {"drug": "ciclosporin", "started": "2026-03-08", "stopped": "2026-05-30"},
]
READY: dict[str, Any] = {
    "date": "2026-06-30",
    "gvhd": {"assessed": "2026-06-30", "acute": [], "chronic": []},
    "immunosuppression": {"assessed": "2026-06-30", "drugs": OFF},
}


def form(date: str = "2026-06-30", visit: str = "unscheduled", **sections: Any) -> dict[str, Any]:
    """A follow-up document."""
    return {"centre": "FR-SYN", "patient": "SYN-0001", "visit": visit, "date": date, **sections}


def ready(**changes: Any) -> dict[str, Any]:
    """The form of READY; keywords replace or (None) leave out sections."""
    return form(**{key: said for key, said in (READY | changes).items() if said is not None})


def a_record(
    *forms: dict[str, Any], graft: str | None = GRAFT, protocol: Protocol | None = None, **more: Any
) -> Record:
    visits = in_order([schema.follow_up(one, AS_OF) for one in forms])
    day_zero = date.fromisoformat(graft) if graft else None
    return Record(protocol or load("set-haplo-pdli"), day_zero, visits, **more)


def standing(record: Record, action: str, on: date, max_age: MaxAge | None = None) -> Standing:
    """How one gated action stands on a day."""
    (found,) = [one for one in standings(record, on, max_age) if one.action == action]
    return found


def finding(record: Record, action: str, criterion: str, on: date = D122) -> Finding:
    """How one criterion of an action stands on a day."""
    (found,) = [one for one in standing(record, action, on).findings if one.criterion == criterion]
    return found


def verdict(record: Record, action: str = "pdli-1", on: date = D122, criterion: str | None = None) -> str:
    """`met`, `not-met` or `unknown`, of the whole action or of one criterion."""
    judged = finding(record, action, criterion, on) if criterion else standing(record, action, on)
    return judged.verdict.value


def whats(found: Finding) -> list[str]:
    """The deciding facts in words."""
    return [fact.what for fact in found.facts]
