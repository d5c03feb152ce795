"""The protocol as data holds the whole protocol text, and nothing that the text does not say."""

from __future__ import annotations

import re

import pytest

from mappings.protocol import wording
from tests.lib.clauses import clauses, flat, uncited

NAME = "set-haplo-pdli"
CLAUSES = list(clauses(NAME))
HEADS = {"Secondary objectives:", "Secondary endpoints:", "Methodology, experimental design:"}


@pytest.mark.parametrize(("path", "source"), CLAUSES, ids=[path for path, _ in CLAUSES])
def test_every_source_is_the_protocols_own_wording(path, source):
    assert source in flat(wording(NAME)), path


def test_every_sentence_of_the_protocol_is_cited_by_a_clause():
    words = " ".join(uncited(NAME))
    for head in HEADS:
        words = words.replace(head, "")
    assert re.sub(r"[\W\d]", "", words) == "", words
