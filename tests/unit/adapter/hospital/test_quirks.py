"""What a status means: every one means something, and every meaning has its proof."""

from __future__ import annotations

import re

import pytest

from adapter.hospital.quirks import RULES, Verdict, rule_for


@pytest.mark.parametrize(
    ("status", "words", "verdict"),
    [
        (409, "HAPI-0989: Trying to update Observation/o/_history/1 but this is not the current version", "OUTDATED"),
        (409, "processing", "CONTENTION"),
        (412, "conflict", "OUTDATED"),
        (412, "HAPI-2207: multiple matches", "REFUSED"),
        (400, "Transaction failed at entry 0: Entry failed with status 412", "OUTDATED"),
        (400, "processing internal error in sqlite: Failed to insert: database table is locked: resources", "CROWDED"),
        (413, "", "TOO_LARGE"),
        (503, "transient", "CROWDED"),
        (503, "transient The server aborted the transaction for a transient reason after 1 attempt", "RACED"),
        (503, "", "AWAY"),
        (429, "throttled", "AWAY"),
        (401, "login", "AWAY"),
        (307, "", "LATER"),
        (408, "", "LATER"),
        (504, "", "LATER"),
        (500, "", "BROKEN"),
        (501, "", "REFUSED"),
        (400, "HAPI-1821", "REFUSED"),
        (404, "HAPI-1091", "REFUSED"),
        (422, "", "REFUSED"),
        (199, "", "LATER"),
        (999, "", "LATER"),
    ],
)
def test_what_a_status_means(status, words, verdict):
    assert rule_for(status, words).verdict is Verdict[verdict]


def test_every_status_of_a_refusal_has_a_rule_of_its_own():
    assert all(rule_for(status) in RULES for status in range(300, 600))


def test_every_rule_is_reached_and_names_its_proof():
    for number, rule in enumerate(RULES):
        status = next(iter(rule.statuses - {s for other in RULES[:number] if not other.words for s in other.statuses}))
        assert rule_for(status, rule.words) is rule
        assert re.search(r"HAPI 8\.8|Helios|RFC \d+|R4 http|configuration", rule.proof)
