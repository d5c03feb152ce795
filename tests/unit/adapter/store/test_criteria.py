"""What is not served or cannot be read is refused by its name, with what would be understood."""

from __future__ import annotations

import pytest

from adapter.errors import Invalid
from adapter.store.criteria import folded, read, split


@pytest.mark.parametrize(
    ("name", "value", "code", "said"),
    [
        ("colour", "red", "not-supported", "known: _id"),
        ("patient.identifier", "1", "not-supported", "is not searched by this"),
        ("_has:Observation:patient:code", "1", "not-supported", "is not searched by this"),
        ("code:text", "cd4", "not-supported", ":missing, :not"),
        ("code:in", "urn:v", "not-supported", ":missing, :not"),
        ("code:", "cd4", "not-supported", ":missing, :not"),
        ("date:not", "2026", "not-supported", "known: :missing"),
        ("subject:identifier", "1", "not-supported", "known: :missing"),
        ("_id:not", "1", "not-supported", "known: :missing"),
        ("_lastUpdated:exact", "2026", "not-supported", "known: :missing"),
        ("status", "", "invalid", "has a value"),
        ("status", ",,", "invalid", "has a value"),
        ("code", "|", "value", "a code, a system, or both"),
        ("code:missing", "maybe", "value", "true or false"),
        ("date", "spring", "value", "2026-03-02T10:00:00Z"),
        ("date", "2026-13", "value", "is a date or time"),
        ("date", "2026-02-30", "value", "is a date or time"),
        ("date", "2026-03-02T25:00:00Z", "value", "is a date or time"),
        ("date", "2026-03-02T10:00:61Z", "value", "is a date or time"),
        ("date", "2026-03-02T10:00:00+15:00", "value", "is a date or time"),
        ("date", "xx2026", "value", "is a date or time"),
        ("date", "ge", "value", "is a date or time"),
        ("date", "2026-03-02,spring", "value", "is a date or time"),
        ("_lastUpdated", "yesterday", "value", "is a date or time"),
        ("value-quantity", "much", "value", "not a number"),
        ("value-quantity", "5|mg", "value", "number|system|code"),
        ("value-quantity", "ge|urn:s|mg", "value", "not a number"),
        ("value-quantity", "1e9999", "value", "not a number"),
    ],
)
def test_a_refusal_names_the_parameter_and_what_is_known(name, value, code, said):
    with pytest.raises(Invalid) as caught:
        read("Observation", name, value)
    (fault,) = caught.value.faults
    assert (caught.value.status, fault.path, fault.code) == (400, name, code)
    assert said in fault.message


def test_a_canonical_has_no_type():
    with pytest.raises(Invalid, match="modifier"):
        read("CarePlan", "instantiates-canonical:PlanDefinition", "set")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a,b", ["a", "b"]),
        (r"a\,b,c", [r"a\,b", "c"]),
        (r"a\\,b", [r"a\\", "b"]),  # an escaped backslash escapes no comma
        ("a\\", ["a\\"]),
        ("", [""]),
        (",", ["", ""]),
        ("a\nb,c", ["a\nb", "c"]),
    ],
)
def test_a_backslash_keeps_the_next_sign(text, parts):
    assert split(text, ",") == parts


@pytest.mark.parametrize(("text", "plain"), [("Élodie", "elodie"), ("MÜLLER", "muller"), ("Straße", "strasse")])
def test_case_and_accents_are_folded(text, plain):
    assert folded(text) == plain
