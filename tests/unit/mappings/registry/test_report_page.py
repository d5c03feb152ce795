"""The report as a page: whole in itself, readable by a screen reader, and no more than it may say."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import timedelta

import pytest

from mappings.registry.definitions import DEFINITIONS
from mappings.registry.report import compile_report
from mappings.registry.report_page import body, document
from tests.unit.mappings.registry.grafted import (
    FAR,
    ZERO,
    acute,
    cells,
    chronic,
    course,
    dli,
    donor,
    relapse,
    response,
)

COHORT = [
    course("p<1>", alive=800, responses=[response(90, "CR")], subsets=[cells("cd4", 90, 120, "/uL")]),
    course("p2", died=300, relapses=[relapse(200), relapse(-5)], chimerism=[donor(90, 99), donor(90, 40, "t-cell")]),
    course("p3", alive=900, acute_gvhd=[acute(30, "II")], infusions=[dli(1, 130)], chronic_gvhd=[chronic(200, "mild")]),
    course("p4", died=50),
]
CUT = ZERO + timedelta(days=2000)


def report(cohort=COHORT, **asked):
    return compile_report(cohort, as_of=CUT, **asked)


def parsed(page):
    """HTML whose every element is closed, but for `meta`."""
    return ET.fromstring("\n".join(line for line in page.splitlines() if not line.startswith(("<!doctype", "<meta"))))


def text(element):
    return " ".join(" ".join(element.itertext()).split())


@pytest.fixture(scope="module")
def page():
    return document(report())


def test_it_is_whole_in_itself(page):
    assert not any(word in page for word in ("<script", "<link", "src=", "@import", "url(http"))
    assert page.replace("http://www.w3.org/2000/svg", "").count("http") == 0
    assert parsed(page).find("head/title").text == f"Endpoints as of {CUT}"


def test_every_endpoint_has_its_definition_its_rows_and_a_figure_where_it_is_a_time(page):
    sections = {each.get("aria-labelledby"): each for each in parsed(page).iter("section")}
    for analysis in report().analyses:
        section = sections[analysis.endpoint]
        assert section.find("h2").text == analysis.title
        assert section.find("p").text == DEFINITIONS[analysis.endpoint]
        assert len(section.findall("div/table/tbody/tr")) == len(analysis.rows)
        assert len(section.findall("figure")) == (analysis.curve is not None and analysis.curve.n > 0)


def test_every_table_has_a_caption_and_heads_for_its_columns(page):
    for table in parsed(page).iter("table"):
        assert table.find("caption").text
        heads = table.findall("thead/tr/th")
        assert all(each.get("scope") == "col" for each in heads)
        for first, *rest in table.findall("tbody/tr"):
            assert (first.tag, first.get("scope")) == (("th", "row") if first.text else ("td", None))
            assert {cell.tag for cell in rest} == {"td"}
            assert len(rest) + 1 == len(heads)


def test_a_wide_table_is_moved_sideways_and_the_keyboard_gets_there(page):
    for table in parsed(page).iter("div"):
        assert (table.get("class"), table.get("role"), table.get("tabindex")) == ("wide", "region", "0")
        assert table.get("aria-label") == f"Table: {table.find('table/caption').text}"


def test_ids_are_unique(page):
    ids = [each.get("id") for each in parsed(page).iter() if each.get("id")]
    assert len(ids) == len(set(ids))


def test_relapse_and_death_are_stacked_to_one(page):
    assert "make 100 %" in page
    assert "stacked-title" in page
    assert "stacked-title" not in document(report(endpoints=["relapse"]))
    assert "stacked-title" not in document(report([]))


def test_who_was_excluded_or_listed_is_named_with_the_reason(page):
    said = text(parsed(page))
    assert "p2 relapse before the transplant" in said
    assert "p&lt;1&gt;" in page
    assert "p<1>" not in page
    assert "Nobody." in document(report([course("a", died=20)], endpoints=["os"]))


def test_completeness_says_how_many_of_the_grafted_were_assessed(page):
    table = next(each for each in parsed(page).iter("table") if each.find("caption").text == "Assessed at each date")
    rows = [[cell.text for cell in row] for row in table.findall("tbody/tr")]
    assert ["Complete or partial remission", "90", "1", "4"] in rows
    assert ["Donor chimerism", "90", "1", "4"] in rows
    assert ["Immune reconstitution: CD4 cells", "90", "1", "4"] in rows
    assert not any(row[0] == "Overall survival" for row in rows)
    alone = document(report(endpoints=["immune-cd4"]))
    assert "<td>1</td><td>–</td>" in alone


def test_rows_say_what_they_count_beside(page):
    assert "dated by onset 1" in page
    assert "infusions: 0 3, 1 1, 2 0, 3 0" in page
    assert "mixed (t-cell)" in page
    assert "120 to 120" in page


def test_a_release_hides_small_counts_curves_and_names():
    released = document(report(release=True))
    assert "hidden" in released
    assert "<svg" not in released
    assert "p2" not in released
    assert "few, or all but few" in released
    assert "Transplants since 2026." in released


def test_the_content_alone_goes_into_another_page():
    assert body(report()).startswith("<h1>")
    assert "Transplants since none" in body(compile_report([], as_of=FAR))
    assert "as of no date" in document(compile_report([]))
