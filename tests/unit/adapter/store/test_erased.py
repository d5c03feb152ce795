"""What is told of an erasure to who fetches, and which exports are over, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from adapter.store.exports import Export
from adapter.store.jobs import DONE, FAILED, RUNNING, WAITING

NOW = datetime(2026, 9, 3, 10, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
FILE = {"part": "all", "name": "Patient.ndjson", "type": "Patient", "count": 1, "deleted": False, "error": False}


def test_each_recipient_is_told_its_own_of_its_time(store):
    with store.transaction() as tx:
        tx.erased.add("one", "course", [("Patient", "p"), ("Observation", "o")], NOW)
        tx.erased.add("one", "course", [("Patient", "p")], LATER)
        tx.erased.add("other", "elsewhere", [("Patient", "q")], NOW)
        tx.erased.add("other", "nothing", [], NOW)
    with store.reading() as tx:
        assert tx.erased.since("one", NOW) == [("course", ("Observation", "o")), ("course", ("Patient", "p"))]
        assert tx.erased.since("one", NOW + timedelta(seconds=1)) == [("course", ("Patient", "p"))]
        assert tx.erased.since("other", NOW, LATER) == [("elsewhere", ("Patient", "q"))]
        assert tx.erased.since("other", LATER) == tx.erased.since("one", NOW, NOW - timedelta(seconds=1)) == []


@pytest.mark.parametrize("centre", [None, "FR-037"])
def test_what_is_not_begun_goes_on_and_the_rest_is_over(store, centre):
    kinds = {"asked": (WAITING, []), "begun again": (WAITING, [FILE]), "running": (RUNNING, []), "done": (DONE, [FILE])}
    kinds |= {"failed": (FAILED, [])}
    with store.transaction() as tx:
        for name, (state, files) in kinds.items():
            for whose in (None, "FR-037", "BE-001"):
                made = Export(f"{name}/{whose}", "who", whose, {}, "", NOW, LATER, state, 0, 0, files, None)
                tx.exports.add(made)
        assert tx.exports.end(NOW, centre) == 4
        assert tx.exports.end(NOW, centre) == 0
        assert set(tx.exports.expired(NOW)) == {f"{name}/{centre}" for name in kinds.keys() - {"asked"}}
        assert tx.exports.get(f"asked/{centre}", "who", NOW)
        assert tx.exports.get(f"done/{centre}", "who", NOW) is None
