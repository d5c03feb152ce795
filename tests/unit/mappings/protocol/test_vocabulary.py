"""The words that a protocol may use are those that the other rooms understand."""

from __future__ import annotations

import pytest

from mappings.intake.words import VISITS as SENT
from mappings.plan import gates
from mappings.protocol import load, names
from mappings.protocol.check.vocabulary import BOUNDS, GRADE, ITEMS, MEASURES, RESERVED, VISITS
from mappings.protocol.model import Criterion, Gate
from mappings.registry import endpoints
from mappings.terminology import codes


def test_every_fact_of_a_gate_has_words_with_its_own_bound():
    for fact, bound in BOUNDS.items():
        criterion = Criterion(fact, **({"absent": True} if bound == "absent" else {bound: 2}))
        told = gates.in_words(Gate("gate", "sentence", "Gate", None, (criterion,)))
        assert fact == "day" or fact not in told, "a fact without words is told by its key"
        assert "{}" not in told
    assert BOUNDS[GRADE] == "at_most"


def test_what_the_registry_computes_beyond_is_a_second_look_at_what_a_protocol_may_ask_for():
    second = set(endpoints.known()) - MEASURES
    assert {look for look in second if not any(look.startswith(f"{measure}-") for measure in MEASURES)} == set()


@pytest.mark.parametrize("name", names())
def test_every_measure_is_one_that_the_registry_computes_or_says_is_not_there_yet(name):
    built = {*endpoints.known(), *getattr(endpoints, "NOT_BUILT", ())}
    assert built >= MEASURES
    assert {measure for endpoint in load(name).endpoints for measure in endpoint.measures} <= MEASURES


def test_every_visit_that_a_form_names_may_be_planned():
    assert {f"visit-{word}" for word in SENT} - {"visit-unscheduled"} == VISITS


def test_what_a_visit_asks_for_has_a_row_to_be_written_with():
    for table, key in ITEMS.values():
        assert key in codes.keys(table)


def test_shared_activities_have_a_row_too():
    assert set(RESERVED) <= set(codes.keys("procedures"))
