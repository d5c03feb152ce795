"""The short form of `make chaos`: thirty kills while forms flow, and a queue with poison, on a real server."""

from __future__ import annotations

import json

import pytest

from tests.chaos.__main__ import main

pytestmark = pytest.mark.contract


@pytest.mark.parametrize(
    "words",
    [["--kills", "30"], ["--rows", "100", "--poison", "0.02", "--processes", "4"], ["--rows", "100", "--outage"]],
    ids=" ".join,
)
def test_nothing_is_lost_and_nothing_doubled(words, capsys):
    balanced = main(words) == 0
    figures = capsys.readouterr().out
    assert balanced, figures
    assert json.loads(figures)["resources at the hospital"] > 0
