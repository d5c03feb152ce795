"""What was acknowledged is there after `kill -9`, and what was not is there whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

WRITER = """
import sys
from datetime import UTC, datetime
from adapter.store import Store

store, now = Store(sys.argv[1]), datetime.now(UTC)
number = 0
while True:
    number += 1
    with store.transaction() as tx:
        tx.enrolments.put(id=str(number), centre="C", patient=str(number), course=str(number), key=str(number),
                          content={"number": number}, at=now)
        resource = {"resourceType": "Patient", "id": str(number)}
        tx.resources.put(resource, centre="C", course=str(number), sources=["x"], at=now)
        tx.outbox.add("chu-a", str(number), [resource], source="x", at=now)
    print(number, flush=True)
"""


@pytest.mark.parametrize("acknowledged", [1, 7, 23])
def test_nothing_acknowledged_is_lost_when_the_process_is_killed(url, opened, acknowledged):
    opened(url).migrate()
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": "."}
    )
    try:
        while int(writer.stdout.readline()) < acknowledged:
            pass
    finally:
        writer.send_signal(signal.SIGKILL)
    said = writer.stdout.read().split()
    writer.stdout.close()
    assert writer.wait() == -signal.SIGKILL
    last = int(said[-1]) if said else acknowledged
    with opened(url).reading() as tx:
        patients = {one.id for one in tx.resources.stream(centres=None)}
        queued = {row.course for row in tx.outbox.listing()}
        assert {str(number) for number in range(1, last + 1)} <= patients
        assert patients == queued
        assert all(tx.enrolments.get(id_) for id_ in patients)
        assert len(patients) <= last + 1
