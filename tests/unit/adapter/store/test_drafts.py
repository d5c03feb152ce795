"""Drafts of forms: one for each visit of a patient, the last that was saved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from adapter.store.drafts import Draft

AT = datetime(2026, 9, 3, 10, 0, tzinfo=UTC)


def draft(visit="m6", course="c-1", **fields):
    return Draft(course, visit, fields, "user:dana", AT)


def test_the_last_that_was_saved_is_the_draft(store):
    later = Draft("c-1", "m6", {"date": "2026-09-02", "note": "é"}, "user:ben", AT + timedelta(hours=1))
    with store.transaction() as tx:
        tx.drafts.save(draft(date="2026"))
        tx.drafts.save(later)
    with store.reading() as tx:
        assert tx.drafts.of("c-1", "m6") == later


def test_drafts_of_other_visits_and_patients_are_others(store):
    with store.transaction() as tx:
        for one in (draft(), draft("m12"), draft(course="c-2")):
            tx.drafts.save(one)
        tx.drafts.drop("c-1", "m6")
        tx.drafts.drop("c-1", "m24")
    with store.reading() as tx:
        assert tx.drafts.of("c-1", "m6") is None
        assert tx.drafts.visits("c-1") == ("m12",)
        assert tx.drafts.visits("c-2") == ("m6",)
