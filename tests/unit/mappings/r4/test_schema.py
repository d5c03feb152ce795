"""The packaged schemas are what the metadata of the installed model classes compiles to."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from mappings.r4.primitives import PRIMITIVES, WORDS
from mappings.r4.schema import TYPES, written
from mappings.r4.shapes import definitions


@pytest.mark.parametrize("name", TYPES)
def test_packaged_schema_is_a_fresh_compile(name):
    packaged = files("mappings.r4.schemas").joinpath(f"{name}.json").read_text("ascii")
    assert packaged == written(name), "make schemas writes them anew"


def test_there_is_a_schema_for_each_type_and_no_other():
    packaged = {f.name for f in files("mappings.r4.schemas").iterdir() if f.name.endswith(".json")}
    assert packaged == {f"{name}.json" for name in TYPES}


def test_a_type_is_the_same_in_every_schema_that_knows_it():
    """So that the first look (`glance`) keeps one of each."""
    told = [(name, said) for kind in TYPES for name, said in definitions(kind).items()]
    first = dict(reversed(told))
    assert [name for name, said in told if said != first[name]] == []


def test_every_primitive_is_told_in_words():
    assert set(PRIMITIVES) == set(WORDS)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("date", ["2026", "2026-03", "2024-02-29", "2000-02-29"], ["1900-02-29", "2026-00", "26", "2026-04-31"]),
        ("instant", ["2026-03-02T10:00:00Z"], ["2026-03-02", "2026-03-02T10:00:00"]),
        ("time", ["10:00:00", "23:59:60"], ["24:00:00", "10:00"]),
        ("oid", ["urn:oid:1.2.250.1"], ["1.2.250.1"]),
        ("uuid", ["urn:uuid:0b7c9d6e-6f0e-5f0a-9b1e-3a5d1c2b4f60"], ["urn:uuid:x"]),
        ("code", ["a b"], [" a", "a  b", ""]),
        ("xhtml", ['<div xmlns="http://www.w3.org/1999/xhtml">x</div>'], ["x"]),
        ("base64Binary", ["AAAA"], ["AAA"]),
    ],
)
def test_primitive_patterns(kind, good, bad):
    pattern = re.compile(PRIMITIVES[kind]["pattern"])
    assert all(pattern.search(text) for text in good)
    assert not any(pattern.search(text) for text in bad)
