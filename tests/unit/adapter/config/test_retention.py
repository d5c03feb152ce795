"""centres.CODE.retention: nothing is invented, and a slip is refused by its line."""

from __future__ import annotations

from datetime import date

import pytest

from adapter.config import Retention, load
from adapter.errors import Invalid


@pytest.fixture
def said(tmp_path):
    def of(retention):
        file = tmp_path / "engraft.toml"
        file.write_text(f"[centres.FR-037]\n{retention}\n")
        return load({"ENGRAFT_CONFIG": str(file)}).centres["FR-037"].retention

    return of


def test_there_is_no_default(said):
    assert said("") is None


def test_a_period_is_the_centres_own(said):
    assert said("retention = { months = 300 }") == Retention(300, None, automatic=False)
    made = said('retention = { months = 300, starts = 2031-06-30, erase = "automatic" }')
    assert made == Retention(300, date(2031, 6, 30), automatic=True)


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ("retention = {}", "months: is needed"),
        ("retention = { months = 0 }", "months"),
        ("retention = { months = 1201 }", "months"),
        ("retention = { months = true }", "months"),
        ('retention = { months = "12" }', "months"),
        ('retention = { months = 12, starts = "2031-06-30" }', "starts: is a date without quotation marks"),
        ("retention = { months = 12, starts = 2031-06-30T00:00:00Z }", "starts"),
        ('retention = { months = 12, erase = "always" }', "erase: unknown word always; known: by-hand, automatic"),
        ("retention = { months = 12, years = 1 }", "years: unknown key"),
    ],
)
def test_what_is_no_period_is_refused(said, wrong, where):
    with pytest.raises(Invalid, match=rf"engraft\.toml:2: centres\.FR-037\.retention\.{where}"):
        said(wrong)
