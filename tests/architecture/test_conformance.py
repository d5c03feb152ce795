"""Every clause of every protocol is held by a spec test, and docs/conformance.md says which."""

from __future__ import annotations

import pytest

from mappings.protocol import names
from tests.lib import conformance
from tests.lib.clauses import clauses


@pytest.mark.parametrize("name", names())
def test_every_clause_has_a_spec_test(name):
    assert conformance.untested(name) == []


def test_every_spec_test_quotes_a_clause():
    known = {source for name in names() for _, source in clauses(name)}
    strangers = [f"{q.path.name}::{q.test}: {q.sentence}" for q in conformance.quotes() if q.sentence not in known]
    assert strangers == [], "a spec test's docstring begins with the protocol's own sentence"


@pytest.mark.parametrize("name", names())
def test_every_clause_has_a_name_of_its_own(name):
    paths = [path for path, _ in clauses(name)]
    assert sorted(set(paths)) == sorted(paths)


def test_the_page_is_fresh():
    assert conformance.PAGE.read_text("utf-8") == conformance.page(), "run make conformance"
