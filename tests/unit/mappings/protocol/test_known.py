"""Protocols of a deployment's own are known by their keys until others are, and never hide one that ships."""

from __future__ import annotations

import pytest

from mappings.protocol import definition, know, load, names, parse, shipped
from mappings.r4.faults import FaultyInput
from tests.lib.tree import ROOT

KDN5 = parse((ROOT / "tests/protocols/kdn5.yaml").read_text("utf-8"))


@pytest.fixture
def known():
    know([KDN5])
    yield
    know(())


def test_an_own_protocol_is_loaded_by_its_key(known):
    assert load("kdn5") is KDN5
    assert names() == (*shipped(), "kdn5")
    assert load("set-haplo-pdli").key == "set-haplo-pdli"


def test_what_is_no_longer_named_is_no_longer_known(known):
    know(())
    assert names() == shipped()
    with pytest.raises(FaultyInput, match="no protocol is called kdn5"):
        load("kdn5")


def test_only_what_ships_has_a_text_here(known):
    with pytest.raises(FaultyInput, match="no protocol is called kdn5"):
        definition("kdn5")
