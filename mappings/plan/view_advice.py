"""What a clinician should see on opening the chart: is there a plan, did somebody sign it, which visits are due?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from mappings.facts.death import last_death
from mappings.plan.advice import Advice, Urgency, bullets, dated
from mappings.plan.record import Record
from mappings.plan.timeline import months_after
from mappings.r4.faults import Fault


def plan(status: str | None, missing: Sequence[Fault], title: str) -> Iterator[Advice]:
    """How the stored plan stands: `status` of its CarePlan, None where there is none yet and `missing` says why."""
    if status == "draft":
        summary = "The plan is a draft: no pharmacist or physician has validated it."
        yield Advice("plan/draft", Urgency.WARNING, summary, title)
    elif status == "active":
        yield Advice("plan/active", Urgency.INFO, "The plan has been validated.", title)
    elif status is not None:
        yield Advice("plan/revoked", Urgency.WARNING, "The plan was called off: its orders no longer hold.", title)
    else:
        summary = "Enrolled, but there is no dated plan yet."
        yield Advice("plan/none", Urgency.INFO, summary, bullets(f"{one.path}: {one.message}" for one in missing))


def visits(record: Record, on: date) -> Iterator[Advice]:
    """Visits whose day has come and of which no form is here. Nothing is due of a patient who died."""
    if record.day_zero is None or last_death(record.visits):
        return
    told = {f"visit-{visit.visit}" for visit in record.visits}
    days = [(one, months_after(record.day_zero, one.months)) for one in record.protocol.follow_up.visits if one.months]
    due = [(visit, day) for visit, day in days if day <= on and visit.key not in told]
    if due:
        names = ", ".join(visit.title for visit, _ in due)
        lines = [f"{visit.title}: {dated(day, record)}" for visit, day in due]
        yield Advice("visits/due", Urgency.INFO, f"Follow-up not told yet: {names}.", bullets(lines))
