"""The quick reading and the form that explains agree on every document: taken or not, and as which facts."""

from __future__ import annotations

import copy
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from mappings.intake import limits, schema, swift
from mappings.intake.enrolment_form import EnrolmentForm
from mappings.intake.follow_up_form import FollowUpForm
from tests.lib.any_document import ENROLMENTS, FOLLOW_UPS, JUNK
from tests.lib.leaves import at, full, leaves, without
from tests.unit.mappings.intake.conftest import AS_OF
from tests.unit.mappings.intake.test_bad_documents import BAD_ENROLMENTS, BAD_FOLLOW_UPS, spoil

FORMS = {"enrolment": EnrolmentForm(), "follow_up": FollowUpForm()}
QUICK = {kind: swift.reader(form) for kind, form in FORMS.items()}
BOUNDS = {"enrolment": limits.of_enrolment, "follow_up": limits.of_follow_up}


def outcome(read, kind, document):
    with limits.holding(BOUNDS[kind](document, AS_OF)):
        try:
            return read(copy.deepcopy(document))
        except ValidationError:
            return "refused"


def agreed(kind, document):
    """What both say; an AssertionError where they differ."""
    quick, slow = outcome(QUICK[kind], kind, document), outcome(FORMS[kind].load, kind, document)
    assert quick == slow
    return quick


@given(FOLLOW_UPS)
def test_what_a_centre_can_say_at_a_visit_is_taken_by_both(document):
    assert agreed("follow_up", document) != "refused"


@given(ENROLMENTS)
def test_what_a_centre_can_say_at_an_enrolment_is_taken_by_both(document):
    assert agreed("enrolment", document) != "refused"


@pytest.mark.parametrize(("kind", "cases"), [("enrolment", BAD_ENROLMENTS), ("follow_up", BAD_FOLLOW_UPS)])
def test_every_known_fault_is_refused_by_both(kind, cases):
    for path, value, *_ in cases:
        document = full(kind)
        if kind == "follow_up":
            document["gvhd"]["acute"][0].setdefault("course", [])
        spoil(document, path, value)
        assert agreed(kind, document) == "refused", path


@pytest.mark.parametrize("kind", FORMS)
def test_what_is_said_to_be_missing_is_so_for_both(kind):
    for path in leaves(kind):
        assert agreed(kind, without(full(kind), path)) is not None, path


@given(st.sampled_from(sorted(FORMS)), st.data(), JUNK)
def test_junk_in_one_place_is_judged_alike(kind, data, junk):
    document = full(kind)
    place = data.draw(st.sampled_from(leaves(kind)).filter(lambda path: "text" not in path))
    try:
        at(document, place[:-1])[place[-1]] = junk
    except (KeyError, IndexError):
        document[place[0]] = junk
    agreed(kind, document)


@settings(max_examples=30)
@given(JUNK.filter(lambda made: isinstance(made, dict)))
def test_junk_as_a_whole_is_judged_alike(junk):
    agreed("follow_up", junk)


@pytest.mark.parametrize("kind", FORMS)
def test_a_null_is_refused_wherever_it_stands(kind):
    for path in leaves(kind):
        document = full(kind)
        at(document, path[:-1])[path[-1]] = None
        assert agreed(kind, document) == "refused", path


def test_the_order_of_keys_says_nothing_however_many_orders_come():
    """More than it remembers."""
    infection = full("follow_up")["infections"][0]
    expected = agreed("follow_up", full("follow_up") | {"infections": [infection]})
    for order in itertools.islice(itertools.permutations(infection), 2 * swift._MANY):
        document = full("follow_up") | {"infections": [{name: infection[name] for name in order}]}
        with limits.holding(limits.of_follow_up(document, AS_OF)):
            assert QUICK["follow_up"](document) == expected


def test_a_date_is_judged_where_it_stands_although_it_was_read_before():
    """Donor lymphocytes may be withheld after the death, and nobody falls ill after it."""
    known = {name: full("follow_up")[name] for name in ("centre", "patient", "visit", "date")}
    withheld = {"dli_withheld": [{"number": 2, "date": "2026-08-31", "reason": "death"}]}
    taken = known | {"vital_status": {"status": "dead", "date": "2026-08-30"}} | withheld
    assert agreed("follow_up", taken).dli_withheld[0].date.text == "2026-08-31"
    assert agreed("follow_up", taken | {"infections": [{"onset": "2026-08-31", "kind": "viral"}]}) == "refused"
    assert agreed("follow_up", taken | {"infections": [{"onset": "2026-08-30", "kind": "viral"}]}) != "refused"


def test_a_sound_document_needs_no_explanation(monkeypatch):
    """The form itself is asked for words only: it never reads what is sound."""
    monkeypatch.setattr(FollowUpForm, "load", lambda *_: pytest.fail("read twice"))
    assert schema.follow_up(full("follow_up"), AS_OF).visit == "m6"
