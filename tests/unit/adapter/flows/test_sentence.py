"""What a person says beside a deed is kept as said, and what no database or page can hold is refused by its field."""

from __future__ import annotations

import pytest

from adapter.errors import Invalid
from adapter.flows import sentence


def test_words_are_kept_without_the_blanks_around_them():
    assert sentence.required("  told twice\nby the ward ", "reason", "say why") == "told twice\nby the ward"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("", "say why"),
        (" \n", "say why"),
        ("\u200b\ufeff \u2060", "say why"),
        ("a\0b", "control characters"),
        ("\x1b[2J", "control"),
        ("x" * 1001, "1000"),
    ],
)
def test_what_says_nothing_or_cannot_be_kept_is_refused_by_its_field(said, message):
    with pytest.raises(Invalid, match=message) as refusal:
        sentence.required(said, "reason", "say why")
    assert [fault.path for fault in refusal.value.faults] == ["reason"]
