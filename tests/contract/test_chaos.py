"""The short form of `make chaos`: thirty kills while forms flow, and a queue with poison, on a real server."""

from __future__ import annotations

import json

import pytest

from tests.chaos.__main__ import main

pytestmark = pytest.mark.contract

SHORT = {
    "kills 30": "resources at the hospital",
    "queue 100 --poison 0.02": "parked, each with the server's words",
    "outage 60 --hospital sandbox": "deliveries that waited",
}
"""Each with a figure that is nothing where nothing happened. HAPI alone costs half a minute."""


@pytest.mark.parametrize("words", SHORT)
def test_nothing_is_lost_and_nothing_doubled(words, capsys):
    balanced = main(words.split()) == 0
    figures = capsys.readouterr().out
    assert balanced, figures
    assert json.loads(figures)[SHORT[words]] > 0
