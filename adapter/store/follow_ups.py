"""Follow-ups as they were sent: one for each visit of a patient."""

from __future__ import annotations

from adapter.store import schema
from adapter.store.submissions import Submissions


class FollowUps(Submissions):
    """Kept by centre, patient and visit."""

    table = schema.follow_ups
