"""Columns of a terminal: tabulate is the model, also of what is folded."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tabulate import tabulate

from adapter.cli.columns import columns

WIDTHS = (None, 12, None)
HEADERS = ("day", "what", "")
some = st.text("abcdeé+(;.", min_size=1, max_size=9)
words = st.lists(some, max_size=6).map(" ".join)
rows = st.lists(st.tuples(some, words, words), min_size=1, max_size=5)


@given(rows)
@settings(max_examples=60)
def test_it_is_what_tabulate_prints(found):
    assert columns(found, HEADERS, WIDTHS) == tabulate(
        found, headers=HEADERS, disable_numparse=True, maxcolwidths=WIDTHS
    )


def test_a_wide_cell_goes_on_below_and_empties_stay_empty():
    told = columns([("D0", "a graft infusion", ""), ("D+3", "", "2 mg")], HEADERS, WIDTHS)
    assert told.splitlines() == [
        "day    what",
        "-----  --------  ----",
        "D0     a graft",
        "       infusion",
        "D+3              2 mg",
    ]


def test_a_row_with_a_cell_too_few_is_a_mistake():
    with pytest.raises(ValueError, match="zip"):
        columns([("D0",)], HEADERS, WIDTHS)
