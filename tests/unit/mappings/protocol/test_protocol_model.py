"""The model: cycles count as people do, parts know where they stand, a protocol's own terms speak FHIR."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mappings.canonicals import DEFAULT
from mappings.protocol import definition, load, parse, terms
from mappings.protocol.model import Clause, Cycles, Gate, placed
from mappings.terminology import codes
from tests.lib.tree import ROOT

OWN = (ROOT / "tests" / "protocols" / "kdn5.yaml").read_text("utf-8")
KDN5 = parse(OWN)


def at(document, path):
    for step in path.split("."):
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document


class TestCycles:
    def test_days_8_of_three_weeks_cycles_are_three_weeks_apart(self):
        cycles = Cycles(count=3, days=21)
        assert cycles.unfold((1, 8)) == (0, 7, 21, 28, 42, 49)
        assert [cycles.name(day) for day in (0, 7, 20, 21, 49)] == ["C1D1", "C1D8", "C1D21", "C2D1", "C3D8"]

    @given(count=st.integers(1, 12), days=st.integers(1, 42), data=st.data())
    def test_unfolding_loses_nothing(self, count, days, data):
        cycles = Cycles(count, days)
        listed = tuple(sorted(data.draw(st.sets(st.integers(1, days), min_size=1))))
        unfolded = cycles.unfold(listed)
        assert list(unfolded) == sorted(set(unfolded))
        assert len(unfolded) == count * len(listed)
        assert cycles.folded(unfolded) == listed
        names = [f"C{cycle}D{day}" for cycle in range(1, count + 1) for day in listed]
        assert [cycles.name(day) for day in unfolded] == names


@pytest.mark.parametrize("text", [definition("set-haplo-pdli"), OWN], ids=["trial", "kdn5"])
def test_every_part_stands_in_the_yaml_where_it_says(text):
    document = yaml.safe_load(text)
    parts = [(path, part) for path, part in placed(parse(text), Clause) if path.partition(".")[0] in document]
    assert len(parts) > 5
    for path, part in parts:
        assert at(document, path)["key"] == part.key


def test_parts_can_be_asked_for_by_kind():
    assert [path for path, _ in placed(load("set-haplo-pdli"), Gate)] == ["gates.0", "gates.1"]


class TestTerms:
    def test_a_term_of_the_terminology_is_told_as_ever(self):
        trial = load("set-haplo-pdli")
        assert terms.concept(trial, "drugs", "busulfan", DEFAULT) == codes.concept("drugs", "busulfan", DEFAULT)
        assert terms.text(trial, "procedures", "rest") == codes.text("procedures", "rest")

    def test_a_term_of_the_protocols_own_has_its_own_codes(self):
        assert terms.concept(KDN5, "drugs", "carboplatin", DEFAULT) == {
            "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "40048"}],
            "text": "Carboplatin",
        }

    def test_what_neither_has_is_no_code_and_an_error_when_it_is_to_be_sent(self):
        assert terms.code_of(KDN5, "drugs", "aspirin") is None
        with pytest.raises(KeyError):
            terms.concept(KDN5, "drugs", "aspirin", DEFAULT)
