"""Exact intervals and quartiles against R's figures, and what must hold of them without R."""

from __future__ import annotations

import json
from math import comb
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.registry.proportions import Spread, beta_share, clopper_pearson, spread

R = json.loads((Path(__file__).parents[3] / "data" / "r_figures.json").read_text("utf-8"))


@pytest.mark.parametrize("case", R["clopper_pearson"], ids=lambda case: f"{case['count']} of {case['of']}")
def test_the_interval_is_what_r_says(case):
    assert clopper_pearson(case["count"], case["of"]) == pytest.approx((case["low"], case["high"]), abs=1e-12)


@pytest.mark.parametrize("case", R["quartiles"], ids=lambda case: f"{len(case['values'])} values")
def test_quartiles_are_rs_type_7(case):
    said = spread(case["values"])
    assert (said.median, said.q1, said.q3) == pytest.approx((case["median"], case["q1"], case["q3"]), abs=1e-9)
    assert (said.n, said.least, said.most) == (len(case["values"]), min(case["values"]), max(case["values"]))


def test_of_nobody_there_is_no_interval_and_of_no_value_no_median():
    assert clopper_pearson(0, 0) == (None, None)
    assert spread([]) == Spread(0, None, None, None, None, None)


@given(st.integers(1, 60).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_outside_the_interval_so_few_or_so_many_would_be_rarer_than_one_in_forty(said):
    """The very definition: the tail of the binomial distribution at each bound is 2.5 %."""
    count, of = said
    low, high = clopper_pearson(count, of)
    tail = [sum(comb(of, k) * low**k * (1 - low) ** (of - k) for k in range(count, of + 1))] if count else []
    tail += [sum(comb(of, k) * high**k * (1 - high) ** (of - k) for k in range(count + 1))] if count < of else []
    assert tail == pytest.approx([0.025] * len(tail), abs=1e-10)
    assert low <= count / of <= high


@given(st.floats(0.001, 0.999), st.integers(1, 40), st.integers(1, 40))
def test_the_beta_distribution_mirrors_itself(x, a, b):
    assert beta_share(x, a, b) == pytest.approx(1 - beta_share(1 - x, b, a), abs=1e-12)
