"""Whatever the network does to a delivery, it has one effect at the hospital. Synthetic patients only."""

from __future__ import annotations

import pytest

from adapter.hospital import client as client_module
from adapter.hospital.client import HospitalClient
from tests.lib.faults import Fault, line
from tests.lib.post import THERE, observation, patient, post

ARRIVES = {Fault.ANSWER_LOST, Fault.ANSWER_CUT, Fault.ANSWER_DRIBBLES}


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("correction", [False, True], ids=["first", "correction"])
def test_a_line_that_breaks_has_one_effect(store, monkeypatch, fault, correction):
    monkeypatch.setattr(client_module, "LONGEST", 0.3)
    with post(store) as office:
        if correction:
            office.queue(patient(), observation("o", "1"))
            office.deliver()
        sent = office.queue(patient(), observation("o", "2"), observation("new", "7"))
        sound = office.client
        with line(office.hospital.base_url, fault) as url:
            office.client = HospitalClient(THERE, url, None, timeout=(1, 0.5), pause=lambda _: None)
            assert office.deliver().retried == 1
            office.client.close()
        assert office.row(sent).state == "waiting"
        if fault in ARRIVES:
            assert office.values() == {"o": "2", "new": "7"}
        office.client = sound
        office.later()
        assert office.deliver().delivered == 1
        assert office.values() == {"o": "2", "new": "7"}
        assert office.versions() == {"o": "2" if correction else "1", "new": "1"}


def test_the_same_connection_works_again_after_it_broke(store):
    with post(store) as office, line(office.hospital.base_url, Fault.ANSWER_LOST) as url:
        office.client = HospitalClient(THERE, url, None, timeout=(1, 2), pause=lambda _: None)
        office.queue(patient(), observation("o"))
        assert office.deliver().retried == 1
        office.later()
        assert office.deliver().delivered == 1
        office.client.close()
        assert office.versions() == {"o": "1"}
