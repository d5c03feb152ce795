"""Every endpoint has its definition, and the page for clinicians says it word by word, in the order of the protocol."""

from __future__ import annotations

import re

import pytest

from mappings.registry.definitions import DEFINITIONS, RULES, VERSION
from mappings.registry.endpoints import ENDPOINTS
from tests.lib.tree import ROOT

PAGE = re.sub(r"\s+", " ", (ROOT / "docs/endpoints.md").read_text("utf-8"))


def test_every_endpoint_is_defined_and_nothing_else():
    assert list(DEFINITIONS) == list(ENDPOINTS)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_the_page_says_it_with_its_days(endpoint):
    horizons = ENDPOINTS[endpoint].horizons
    days = "to the cut-off" if horizons == (None,) else "days " + ", ".join(map(str, horizons))
    assert f"**{ENDPOINTS[endpoint].title}** (`{endpoint}`; {days}). {DEFINITIONS[endpoint]}" in PAGE


def test_the_page_stands_in_the_order_of_the_endpoints():
    places = [PAGE.index(f"(`{endpoint}`;") for endpoint in ENDPOINTS]
    assert places == sorted(places)


@pytest.mark.parametrize("rule", RULES)
def test_the_page_says_what_holds_for_all(rule):
    assert rule in PAGE


def test_the_page_names_the_version():
    assert f"Version {VERSION} of the definitions" in PAGE
