"""The endpoints of a centre as a page and as a table, for its own people."""

from __future__ import annotations

import csv
import io

from tests.unit.adapter.web.browsing import signed_in


def test_the_page_tells_the_own_centres_endpoints(ward, course):
    ada = signed_in(ward).open("/endpoints")
    assert ada.answer.status_code == 200
    words = ada.words()
    assert "Of the patients of CHU A, by name" in words
    assert "Event: death of any cause. Nothing competes." in words
    assert "<svg" in ada.text
    assert "<style" not in ada.text
    main = ada.text.partition("<main")[2].partition(">")[2]
    assert main.lstrip().startswith("<h1>"), "whoever listens is told first what the page is"
    assert 'style="' not in ada.text


def test_another_centre_has_none_of_them(ward, course):
    eve = signed_in(ward, "eve").open("/endpoints")
    assert "Transplants since none" in eve.words()


def test_the_table_is_a_file(ward, course):
    ada = signed_in(ward).open("/endpoints/table.csv")
    assert ada.answer.content_type == "text/csv; charset=utf-8"
    assert "endpoints.csv" in ada.answer.headers["Content-Disposition"]
    columns, *rows = csv.reader(io.StringIO(ada.text))
    assert columns[:3] == ["patient", "os_days", "os_status"]
    assert len(rows) == 1


def test_who_has_not_signed_in_sees_nothing(ward):
    for path in ("/endpoints", "/endpoints/table.csv"):
        assert ward.ask("GET", path, None).status_code == 303
