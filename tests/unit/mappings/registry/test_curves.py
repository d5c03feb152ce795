"""Curves as SVG: whole XML, said in words, drawn as steps, with who was at risk below."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from mappings.registry.curves import HEIGHT, WIDTH, curve, stacked
from mappings.registry.estimators import aalen_johansen, kaplan_meier

SVG = "{http://www.w3.org/2000/svg}"
OBSERVED = [(100, 1), (200, 0), (400, 1), (730, 0), (800, 0)]
SURVIVAL = kaplan_meier((day, status == 1) for day, status in OBSERVED)


def drawn(text):
    return ET.fromstring(text)


def texts(svg):
    return [each.text for each in svg.iter(f"{SVG}text")]


def corners(path):
    return [tuple(map(float, pair)) for pair in re.findall(r"([\d.]+) ([\d.]+)", path)]


def test_a_screen_reader_finds_title_and_description():
    svg = drawn(curve("os", "Overall <survival>", SURVIVAL, 730))
    assert svg.get("role") == "img"
    assert svg.get("aria-labelledby").split() == ["os-title", "os-desc"]
    title, description = svg.find(f"{SVG}title"), svg.find(f"{SVG}desc")
    assert (title.get("id"), title.text) == ("os-title", "Overall <survival>")
    assert description.text.startswith("5 patients. Day 90: 100.0%, 5 at risk.")
    assert "Day 730: 53.3%, 2 at risk." in description.text


def test_beyond_the_follow_up_is_said():
    svg = drawn(curve("os", "x", kaplan_meier([(100, 1), (200, 0)]), 730))
    assert "Day 365: beyond the follow-up, 0 at risk." in svg.find(f"{SVG}desc").text


def test_the_line_goes_in_steps_and_ends_with_the_follow_up():
    line = drawn(curve("os", "x", SURVIVAL, 1000)).findall(f"{SVG}path")[-1].get("d")
    found = corners(line)
    assert all(a[0] == b[0] or a[1] == b[1] for a, b in pairwise(found))
    assert found[0][1] < found[-1][1]
    assert found[-1][0] < WIDTH - 12
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in found)


def test_the_band_is_closed_and_drawn_where_there_is_an_interval():
    band = drawn(curve("os", "x", SURVIVAL, 730)).find(f"{SVG}path")
    assert band.get("d").endswith("Z")
    assert band.get("fill-opacity") == "0.12"


def test_those_at_risk_stand_below_each_day():
    found = texts(drawn(curve("os", "x", SURVIVAL, 730)))
    place = found.index("at risk")
    assert found[place + 1 :] == ["5", "5", "4", "3", "2"]
    assert {"0", "90", "180", "365", "730", "days", "0%", "50%", "100%"} <= set(found)


@pytest.mark.parametrize("last", [0, 28, 3650])
def test_labels_do_not_run_into_each_other(last):
    svg = drawn(curve("os", "x", SURVIVAL, last))
    places = [float(each.get("x")) for each in svg.iter(f"{SVG}text") if each.get("text-anchor") == "middle"]
    days = places[: len(places) // 2]
    assert all(b - a >= 40 for a, b in pairwise(days))


def test_nobody_makes_an_empty_figure():
    assert "0 patients" in drawn(curve("os", "x", kaplan_meier([]), 730)).find(f"{SVG}desc").text


def test_incidences_are_stacked_and_make_one_with_the_rest():
    observed = [(100, 1), (200, 2), (400, 1), (730, 0)]
    relapse = aalen_johansen(observed)
    death = aalen_johansen((day, {1: 2, 2: 1}.get(status, 0)) for day, status in observed)
    svg = drawn(stacked("both", "x", [("relapse", relapse), ("death & more", death)], "free", 730))
    said = svg.find(f"{SVG}desc").text
    assert said == "relapse: 50.0% on day 730. death & more: 25.0% on day 730. free: the rest to 100%."
    lower, upper = (each.get("d") for each in svg.findall(f"{SVG}path"))
    assert min(y for _, y in corners(upper)) < min(y for _, y in corners(lower))
    patterns = {each.get("id") for each in svg.iter(f"{SVG}pattern")}
    assert {each.get("fill") for each in svg.findall(f"{SVG}path")} == {f"url(#{name})" for name in patterns}
    assert {"relapse", "death & more", "free"} <= set(texts(svg))


def test_each_part_and_the_rest_is_named_below_the_figure_where_no_curve_passes():
    """However little is left, its name stands on no line."""
    parts = [("relapse", aalen_johansen([(100, 1), (730, 0)])), ("death", aalen_johansen([(730, 0)]))]
    svg = drawn(stacked("both", "x", parts, "leukaemia-free survival", 730))
    named = [each for each in svg.iter(f"{SVG}text") if each.text in ("relapse", "death", "leukaemia-free survival")]
    assert len({each.get("y") for each in named}) == 1
    assert min(float(each.get("y")) for each in named) > HEIGHT - 40
    assert [each.get("fill") for each in svg.findall(f"{SVG}rect")] == [
        "url(#both-hatching-0)",
        "url(#both-hatching-1)",
        "#fff",
    ]


def test_what_is_stacked_lasts_as_long_as_somebody_is_followed():
    relapse = aalen_johansen([(100, 1), (800, 0)])
    svg = drawn(stacked("both", "x", [("relapse", relapse)], "free", 730))
    (band,) = svg.findall(f"{SVG}path")
    assert max(x for x, _ in corners(band.get("d"))) == WIDTH - 12
    assert "on day 730" in svg.find(f"{SVG}desc").text


def test_nothing_to_stack_makes_an_empty_figure():
    nobody = aalen_johansen([])
    assert drawn(stacked("both", "x", [("relapse", nobody)], "free", 730)) is not None
