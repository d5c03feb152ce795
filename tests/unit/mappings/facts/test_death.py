"""Which death holds: the last with a date, unless somebody saw the patient alive afterwards."""

from __future__ import annotations

import pytest

from mappings.facts import FollowUp, Missing, PartialDate, VitalStatus, Word
from mappings.facts.death import last_death


def visit(on, status, when=None):
    day = None if when is None else PartialDate(when)
    said = status if isinstance(status, Missing) else VitalStatus(Word(status), day)
    return FollowUp("FR-SYN", "SYN-0001", "unscheduled", PartialDate(on), vital_status=said)


DEAD = visit("2026-09-02", "dead", "2026-08-30")
UNDATED = visit("2026-09-02", "dead")
OF_A_MONTH = visit("2026-10-30", "dead", "2026-08")
OF_A_YEAR = visit("2027-03-02", "dead", "2026")
MOVED = visit("2026-10-30", "dead", "2026-08-28")


@pytest.mark.parametrize(
    ("visits", "holds"),
    [
        ([], None),
        ([visit("2026-06-02", "alive", "2026-06-02")], None),
        ([DEAD], DEAD),
        ([DEAD, UNDATED], DEAD),
        ([DEAD, OF_A_MONTH], DEAD),
        ([DEAD, OF_A_YEAR], DEAD),
        ([DEAD, OF_A_MONTH, OF_A_YEAR], DEAD),
        ([OF_A_MONTH, DEAD], DEAD),
        ([OF_A_YEAR, OF_A_MONTH], OF_A_MONTH),
        ([DEAD, MOVED], MOVED),
        ([DEAD, MOVED, OF_A_YEAR], MOVED),
        ([visit("2026-09-02", "dead", "2026-07-30"), OF_A_MONTH], OF_A_MONTH),
        ([DEAD, visit("2026-10-30", "lost", "2026-06-02")], DEAD),
        ([DEAD, visit("2026-10-30", Missing("not-asked"))], DEAD),
        ([DEAD, visit("2026-10-30", "alive", "2026-06-02")], DEAD),
        ([DEAD, visit("2026-10-30", "alive", "2026-10-30")], None),
        ([DEAD, visit("2026-10-30", "alive")], None),
        ([UNDATED, visit("2026-10-30", "alive", "2026-10-30")], None),
        ([visit("2026-10-30", "alive", "2026-10-30"), UNDATED], UNDATED),
    ],
)
def test_the_death_that_holds(visits, holds):
    found = last_death(visits)
    assert (found and found[0]) is holds
    assert found is None or found[1] is holds.vital_status
