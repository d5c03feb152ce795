"""YAML is read so that a slip cannot change a number unseen, and every value knows its line."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from mappings.protocol import definition, names
from mappings.protocol.document import DEEPEST, LONGEST, MOST, entries, read
from mappings.r4.faults import FaultyInput


def refused(text):
    with pytest.raises(FaultyInput) as caught:
        read(text, "mine.yaml")
    return [(fault.line, fault.path, fault.message) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("5", 5),
        ("-13", -13),
        ("+3", 3),
        ("0", 0),
        ("3.2", Decimal("3.2")),
        ("3.20", Decimal("3.20")),
        ('"3.2"', "3.2"),
        ("true", True),
        ("false", False),
        ("~", None),
        ("null", None),
        ("", None),
    ],
)
def test_numbers_are_plain_decimals_with_the_digits_that_were_written(written, meant):
    value = read(f"a: {written}").value["a"]
    assert (str(value), type(value)) == (str(meant), type(meant))


@pytest.mark.parametrize(
    "written",
    ["010", "0x10", "0o10", "1_000", "12:30", "1e3", ".5", "5.", ".inf", ".nan", "no", "off", "Yes", "2026-03-02"],
)
def test_what_yaml_would_turn_into_something_else_stays_a_word(written):
    assert read(f"a: {written}").value == {"a": written}


@pytest.mark.parametrize("name", names())
def test_a_protocol_reads_as_any_reader_of_yaml_reads_it(name):
    assert read(definition(name)).value == yaml.safe_load(definition(name))


def test_an_alias_stands_for_what_it_names():
    document = read('a: &said "the sentence"\nb: *said\nc: [&one {k: 1}, *one]\n')
    assert document.value == {"a": "the sentence", "b": "the sentence", "c": [{"k": 1}, {"k": 1}]}
    assert document.line("b") == 2


def test_every_line_is_the_one_that_a_person_would_point_at():
    document = read(
        "# a comment\n\nphases:\n  - key: one\n    lines:\n      - {key: a,\n         days: 3}\n      - key: b\n"
    )
    places = {"phases": 3, "phases.0": 4, "phases.0.key": 4, "phases.0.lines.0.days": 7, "phases.0.lines.1": 8}
    assert {path: document.line(path) for path in places} == places


def test_what_is_not_in_the_text_stands_where_it_is_missing():
    document = read("a:\n  b:\n    c: 1\n")
    assert [document.line(path) for path in ("a.b.d", "a.b.d.e", "a.x", "z")] == [2, 2, 1, 1]
    assert read("").line("a.b") == 1


def test_a_fault_knows_file_line_and_name():
    fault = read("a:\n  b: 1\n", "mine.yaml").fault("a.b", "is wrong", "value", "warning", name="bee")
    assert (fault.place, fault.path, fault.severity) == ("mine.yaml:2", "bee", "warning")


@pytest.mark.parametrize("name", names())
def test_every_key_of_a_protocol_is_found_on_its_line(name):
    text = definition(name)
    document, lines = read(text), text.splitlines()
    for path, entry in entries(document.value):
        for key in entry:
            assert re.search(rf"\b{key}:", lines[document.line(f"{path}.{key}".lstrip(".")) - 1])


def test_all_keys_that_stand_twice_are_told_at_once():
    assert refused("a: 1\nb: {c: 1, c: 2}\na: 3\na: 4\n") == [
        (2, "b.c", "this key stands on line 2 already"),
        (3, "a", "this key stands on line 1 already"),
        (4, "a", "this key stands on line 1 already"),
    ]


def test_a_key_that_stands_twice_is_told_though_the_text_breaks_off_later():
    assert [line for line, _, _ in refused("a: 1\na: 2\nb: !!set {x}\n")] == [2, 3]


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("a: 1\nb: [", 2, "not YAML"),
        ("a: 1\nb: c: d", 2, "not YAML"),
        ("a: 1\n\x07b: 2", 2, "not YAML: control characters"),
        ("a: 1\n--- \nb: 2", 2, "a second document"),
        ("a: !!python/name:os.system x", 1, "means nothing here"),
        ("a: ! 5", 1, "means nothing here"),
        ("a: !!map {b: 1}", 1, "means nothing here"),
        ("? {a: 1}\n: b", 1, "a key is one word"),
        ("a: &x 1\n*x : 2", 2, "a key is one word"),
        ("a: 1\nb: *nothing", 2, "stands for nothing"),
        ("a: &a\n  b: *a", 2, "refers to itself"),
        ("a: &a [1, *a]", 1, "refers to itself"),
    ],
)
def test_what_means_nothing_here_is_refused_with_its_line(text, line, why):
    ((told, _, message),) = refused(text)
    assert told == line
    assert why in message


def test_texts_without_measure_are_refused_before_they_grow():
    ((line, _, message),) = refused("a: " + "x" * LONGEST)
    assert (line, message) == (1, f"longer than {LONGEST} characters")
    ((_, _, message),) = refused("[" * 100_000)
    assert f"nested deeper than {DEEPEST}" in message
    ((line, _, message),) = refused("a:\n" + "  - x\n" * (MOST + 1))
    assert (line, message) == (MOST + 1, f"more than {MOST} values once every alias is written out")
    read("[" * DEEPEST + "]" * DEEPEST)


def test_a_bomb_of_aliases_is_refused():
    bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    bomb += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 20)]
    ((line, path, message),) = refused("\n".join(bomb))
    assert (line, path.partition(".")[0]) == (5, "a4")
    assert "more than" in message


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
@example("a: &a *a")
@example("- - - ? - :")
def test_any_text_is_read_or_refused_with_a_line(text):
    try:
        document = read(text)
    except FaultyInput as caught:
        for fault in caught.faults:
            assert 1 <= (fault.line or 0) <= max(1, len(text.splitlines()))
    else:
        assert all(1 <= line <= len(text.splitlines()) for line in document.lines.values())


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-999, 999) | st.text("abc ", max_size=8),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=4),
        max_leaves=20,
    )
)
def test_what_was_written_is_what_is_read(value):
    assert read(yaml.safe_dump(value)).value == value
