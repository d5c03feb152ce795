"""The regimen of a course is reckoned anew from everything that is known, whoever changed something of it.

Its gated actions are judged with it, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from adapter.config import Settings
from adapter.flows import course, gates, hospital_facts, regimen
from adapter.flows.regimen import Known, Planned
from mappings.facts import Enrolment, FollowUp
from mappings.intake import schema

if TYPE_CHECKING:
    from adapter.store import Tx


def known_of(tx: Tx, enrolment: Enrolment, follow_ups: Sequence[FollowUp], settings: Settings, now: datetime) -> Known:
    """Everything that the regimen of a course is reckoned from."""
    ids = course.ids_of(enrolment, settings)
    decisions, doses = tuple(tx.decisions.of(ids.course)), tuple(tx.hospital_doses.of(ids.course))
    heavy = hospital_facts.weights(tx, enrolment, settings, now)
    return Known(enrolment, tuple(follow_ups), decisions, doses, ids, settings, now, heavy)


def renew(tx: Tx, enrolment: Enrolment, follow_ups: Sequence[FollowUp], settings: Settings, now: datetime) -> Planned:
    """Stores what changed of the regimen. Its issues say why there is none."""
    known = known_of(tx, enrolment, follow_ups, settings, now)
    planned = gates.published(tx, regimen.plan(known), enrolment, follow_ups, settings, now)
    regimen.settle(tx, known, planned)
    return planned


def anew(tx: Tx, course_: str, settings: Settings, now: datetime) -> None:
    """Reckons the regimen of a course from what is stored; a course without an enrolment has none."""
    enrolled = course.held(tx, course_)
    if enrolled:
        today = course.day_of(now)
        enrolment = schema.enrolment(enrolled.content, today)
        renew(tx, enrolment, course.follow_ups_of(tx, course_, today), settings, now)
