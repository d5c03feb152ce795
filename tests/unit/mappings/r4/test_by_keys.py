"""What the keys of an object decide is asked once, and never of a value."""

from __future__ import annotations

import pytest

from mappings.r4 import by_keys
from mappings.r4.by_keys import Asked, answer, every
from mappings.r4.rule import has, has_choice


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (lambda n: "a" in n, True),
        (lambda n: "c" in n, False),
        (lambda n: has(n, "b") and not has_choice(n, "value"), True),
        (lambda n: len(n) == 2 and set(n) == n.keys() == {"a", "b"}, True),
        (lambda n: n.get("c", 3) == 3, True),
        (lambda n: isinstance(n, dict), True),
        (lambda n: n.get("a") is None, None),
        (lambda n: n["a"] == 1, None),
        (lambda n: n["c"] == 1, None),
        (lambda n: "c" in n and n["c"] == 1, False),
        (lambda n: all(n.values()), None),
        (lambda n: [key for key, value in n.items()] == [], None),
        (lambda n: "a" in n.copy(), None),
    ],
)
def test_an_answer_stands_for_all_values_or_there_is_none(asked, said):
    assert answer(asked, ("a", "b")) is said


def test_every_question_counts_and_what_the_keys_settle_is_asked_once():
    times = []
    keeps = every(
        [Asked(lambda n: times.append(1) or "a" in n), Asked(lambda n: n["a"] > 0), Asked(lambda n: n["a"] < 9)]
    )
    assert [keeps({"a": 1}), keeps({"a": 0}), keeps({"a": 9}), keeps({"b": 1}), keeps({"b": 2})] == [
        True, False, False, False, False,
    ]  # fmt: skip
    assert len(times) == 2


def test_nothing_asked_is_kept_by_all():
    assert every([])({})


def test_others_cannot_make_it_remember_without_end():
    times = []
    keeps = every([Asked(lambda n: times.append(1) or len(n) == 1)])
    for number in (*range(by_keys._MANY + 1), 0, by_keys._MANY):
        assert keeps({f"k{number}": 1})
    assert len(times) == by_keys._MANY + 2  # the first was forgotten, the last was not
