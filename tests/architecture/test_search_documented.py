"""docs/api.md lists the search parameters that are served."""

from __future__ import annotations

import pytest

from tests.lib import search_table
from tests.lib.tree import ROOT

PAGE = ROOT / "docs" / "api.md"


def test_the_table_is_that_of_the_server(accept):
    page = PAGE.read_text("utf-8")
    wanted = search_table.written(page)
    if accept:
        PAGE.write_text(wanted, "utf-8")
    assert accept or page == wanted, "run this test with --accept"


def test_a_page_without_the_marks_is_not_overwritten():
    with pytest.raises(ValueError, match="marks"):
        search_table.written("# The HTTP interface\n")
